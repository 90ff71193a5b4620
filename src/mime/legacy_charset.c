#include "mime/legacy_charset_priv.h"

#include <errno.h>
#include <iconv.h>
#include <strings.h>

/* Only names a charset can have: what else iconv_open() takes ("//IGNORE",
 * "/" of file names) is no business of a peer's. */
static bool
is_name(const char *charset)
{
	size_t len = strlen(charset);

	for (size_t i = 0; i < len; i++) {
		char c = charset[i], low = (char)(c | 0x20);
		bool good = (low >= 'a' && low <= 'z') ||
			    (c >= '0' && c <= '9') ||
			    strchr("-_.:+()", c) != NULL;
		if (!good)
			return false;
	}
	return len > 0 && len <= 60;
}

static enum rc
convert(iconv_t cd, struct span text, struct buf *out, struct err *err)
{
	char *from = (char *)(uintptr_t)text.data; /* iconv only reads it */
	size_t left = text.len;

	for (bool ending = false;;) {
		char window[4096], *to = window;
		size_t room = sizeof(window);
		size_t done = ending ? iconv(cd, NULL, NULL, &to, &room)
				     : iconv(cd, &from, &left, &to, &room);
		bool full = done == (size_t)-1 && errno == E2BIG;
		TRY(buf_add(out, span_of(window, sizeof(window) - room), err));
		/* more than 0: something else was written in its place */
		if (done != 0 && !full)
			return err_set(err, RC_SYNTAX,
			    "text that its charset cannot hold");
		if (ending && !full)
			return RC_OK;
		ending = ending || !full;
	}
}

enum rc
charset_convert(const char *from, const char *to, struct span text,
    struct buf *out, struct err *err)
{
	size_t before = out->len;
	iconv_t cd;

	if (!is_name(from) || !is_name(to) ||
	    (cd = iconv_open(to, from)) == (iconv_t)-1)
		return err_set(err, RC_ABSENT, "unknown charset");
	enum rc rc = convert(cd, text, out, err);
	(void)iconv_close(cd);
	if (rc != RC_OK)
		buf_cut(out, before);
	return rc;
}

/* The shifted ones begin as ASCII, and are not. */
static bool
is_shifted(const char *charset)
{
	return strncasecmp(charset, "iso-2022", 8) == 0 ||
	       strncasecmp(charset, "csiso2022", 9) == 0 ||
	       strncasecmp(charset, "hz", 2) == 0 ||
	       strncasecmp(charset, "utf-7", 5) == 0 ||
	       strncasecmp(charset, "utf7", 4) == 0;
}

bool
charset_is_ascii_like(const char *charset)
{
	struct buf same BUF_OWNED = BUF(4096);
	char ascii[97];
	size_t len = 0;

	if (charset == NULL || strcasecmp(charset, "us-ascii") == 0 ||
	    strcasecmp(charset, "utf-8") == 0)
		return true;
	ascii[len++] = '\r';
	ascii[len++] = '\n';
	for (char c = ' '; c < 0x7f; c++)
		ascii[len++] = c;
	enum rc rc =
	    charset_convert(charset, "UTF-8", span_of(ascii, len), &same, NULL);
	if (is_shifted(charset))
		return false;
	/* unknown: nearly all charsets are */
	return rc == RC_ABSENT || span_is(buf_span(&same), span_of(ascii, len));
}
