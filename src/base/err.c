#define BASE_ERR_C
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* The length of the UTF-8 character at the front of `text`, 0 if there is
 * none.  Roughly: a surrogate passes, and does no harm on a terminal. */
static size_t
character_len(const char *text)
{
	unsigned char c = (unsigned char)text[0];
	size_t len = c < 0x80   ? 1
		     : c < 0xc2 ? 0
		     : c < 0xe0 ? 2
		     : c < 0xf0 ? 3
				: 4;

	if (c > 0xf4)
		return 0;
	for (size_t i = 1; i < len; i++)
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

static bool
starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Control characters of ASCII and Latin-1, Unicode's line ends, and what
 * turns the direction of writing, so that a line reads other than it is. */
static bool
is_steering(const char *text)
{
	unsigned char c = (unsigned char)text[0];
	unsigned char next = c == '\0' ? 0 : (unsigned char)text[1];

	if (c < 0x20 || c == 0x7f || (c == 0xc2 && next < 0xa0))
		return true;
	if (starts(text, "\xe2\x80"))
		return (unsigned char)text[2] >= 0xa8 &&
		       (unsigned char)text[2] <= 0xae;
	return starts(text, "\xe2\x81") && (unsigned char)text[2] >= 0xa6 &&
	       (unsigned char)text[2] <= 0xa9;
}

/* A peer's bytes may be in the text: none of them may reach a terminal or
 * a log as anything but a printed character. */
static void
make_printable(char *text)
{
	char *to = text;

	while (*text != '\0') {
		size_t len = character_len(text);
		if (len == 0 || is_steering(text)) {
			*to++ = '?';
			text += len == 0 ? 1 : len;
			continue;
		}
		memmove(to, text, len);
		to += len;
		text += len;
	}
	*to = '\0';
}

enum rc
err_set(struct err *err, enum rc rc, const char *format, ...)
{
	struct err made; /* err->text may be among the arguments */
	va_list args;

	if (err == NULL)
		return rc;
	va_start(args, format);
	(void)vsnprintf(made.text, sizeof(made.text), format, args);
	va_end(args);
	make_printable(made.text);
	*err = made;
	return rc;
}

enum rc
err_errno(struct err *err, const char *format, ...)
{
	int saved = errno;
	char what[ERR_TEXT_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	return err_set(err, saved == ENOMEM ? RC_NOMEM : RC_IO, "%s: %s", what,
	    strerror(saved));
}

enum rc
err_nomem(struct err *err, const char *what)
{
	return err_set(err, RC_NOMEM, "%s: out of memory", what);
}

enum rc
err_prefix(struct err *err, enum rc rc, const char *format, ...)
{
	char before[ERR_TEXT_MAX];
	va_list args;

	if (err == NULL)
		return rc;
	va_start(args, format);
	(void)vsnprintf(before, sizeof(before), format, args);
	va_end(args);
	return err_set(err, rc, "%s: %s", before, err->text);
}
