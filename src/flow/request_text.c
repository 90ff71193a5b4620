/* Text as a reader sees it. */
#include "flow/request_priv.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <strings.h>

#include "mime/tag.h"

/* --- charset ------------------------------------------------------------------- */

static bool
is_utf8(const char *charset)
{
	return charset == NULL || strcasecmp(charset, "utf-8") == 0 ||
	       strcasecmp(charset, "utf8") == 0 ||
	       strcasecmp(charset, "us-ascii") == 0;
}

/* iconv_open() takes more than names: "//IGNORE", paths. */
static iconv_t
open_charset(const char *charset)
{
	size_t len = strlen(charset);

	/* what calls itself GB2312 is often more than that */
	if (strcasecmp(charset, "gb2312") == 0)
		charset = "gb18030";
	if (len == 0 || len > 60 || strpbrk(charset, "/ \t") != NULL)
		return (iconv_t)-1;
	return iconv_open("UTF-8", charset);
}

static enum rc
convert(iconv_t cd, struct span text, struct buf *out, struct err *err)
{
	char *from = (char *)(uintptr_t)text.data; /* iconv only reads it */
	size_t left = text.len;

	while (left > 0) {
		char window[4096], *to = window;
		size_t room = sizeof(window);
		size_t done = iconv(cd, &from, &left, &to, &room);
		int why = errno;
		TRY(buf_add(out, span_of(window, sizeof(window) - room), err));
		if (done != (size_t)-1 || why == E2BIG || left == 0)
			continue;
		TRY(buf_add_byte(out, '?', err));
		from++;
		left--;
	}
	return RC_OK;
}

enum rc
request_utf8(
    const char *charset, struct span text, struct buf *out, struct err *err)
{
	iconv_t cd = is_utf8(charset) ? (iconv_t)-1 : open_charset(charset);

	if (cd == (iconv_t)-1)
		return buf_add(out, text, err);
	enum rc rc = convert(cd, text, out, err);
	(void)iconv_close(cd);
	return rc;
}

/* --- plain text ------------------------------------------------------------------ */

/* A line's end is a blank, as it is shown or might as well be; an empty line
 * ends what is said.  Who answers quotes what others asked for. */
enum rc
request_from_plain(struct span text, struct buf *out, struct err *err)
{
	while (text.len > 0) {
		ptrdiff_t end = span_find_byte(text, '\n');
		struct span line =
		    span_first(text, end < 0 ? text.len : (size_t)end);
		text = span_after(text, line.len + 1);
		if (span_trim(line).len == 0) {
			TRY(buf_add_byte(out, '\n', err));
			continue;
		}
		if (span_starts(line, ">"))
			continue;
		TRY(buf_add(out, line, err));
		TRY(buf_add_byte(out, ' ', err));
	}
	return RC_OK;
}

/* --- HTML ---------------------------------------------------------------------- */

static bool
is_named(struct span name, const char *const *names)
{
	for (; *names != NULL; names++)
		if (span_is_nocase(name, *names))
			return true;
	return false;
}

/* Behind the end of an element whose content is no text. */
static size_t
skip_element(struct span html, const struct tag *begin)
{
	struct tag end;

	return tag_read(html, tag_find_end(html, begin), &end) ? end.to
							       : html.len;
}

static enum rc
add_entity_code(unsigned long code, struct buf *out, struct err *err)
{
	char text[5];

	if (code < ' ' || code > 0x10ffff)
		return buf_add_byte(out, ' ', err);
	if (code < 0x80)
		return buf_add_byte(out, (uint8_t)code, err);
	size_t len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	for (size_t i = len; i-- > 1; code >>= 6)
		text[i] = (char)(0x80 | (code & 0x3f));
	text[0] = (char)((0xf00U >> len & 0xff) | code);
	return buf_add(out, span_of(text, len), err);
}

/* "&#160;", "&#xa0;", "&nbsp;"; *ret_len 0: a "&" that is only a sign. */
static enum rc
add_entity(struct span html, size_t *ret_len, struct buf *out, struct err *err)
{
	static const struct {
		const char *name;
		unsigned code;
	} names[] = {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'},
	    {"apos", '\''}, {"nbsp", ' '}, {"rsquo", '\''}, {"lsquo", '\''},
	    {"shy", 0xad}, {"zwnj", 0x200c}, {"zwj", 0x200d}, {"ndash", '-'},
	    {"mdash", '-'}};
	ptrdiff_t end = span_find_byte(span_first(html, 12), ';');
	char digits[12];

	*ret_len = 0;
	if (end < 2)
		return RC_OK;
	struct span name = span_after(span_first(html, (size_t)end), 1);
	*ret_len = (size_t)end + 1;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (span_is(name, span_str(names[i].name)))
			return add_entity_code(names[i].code, out, err);
	if (name.data[0] != '#') {
		*ret_len = 0;
		return RC_OK;
	}
	bool hex = name.len > 1 && (name.data[1] | 0x20) == 'x';
	name = span_after(name, hex ? 2 : 1);
	memcpy(digits, name.data, name.len);
	digits[name.len] = '\0';
	return add_entity_code(strtoul(digits, NULL, hex ? 16 : 10), out, err);
}

static enum rc
add_markup(struct span html, size_t *ret_len, struct buf *out, struct err *err)
{
	static const char *const no_text[] = {"style", "script", "title", NULL};
	static const char *const inline_names[] = {"a", "abbr", "b", "bdi",
	    "bdo", "big", "code", "del", "em", "font", "i", "ins", "kbd",
	    "mark", "o:p", "s", "small", "span", "strike", "strong", "sub",
	    "sup", "tt", "u", "wbr", NULL};
	struct tag tag;

	*ret_len = 0;
	if (!tag_read(html, 0, &tag))
		return RC_OK;
	*ret_len = tag.to;
	if (!tag.closing && is_named(tag.name, no_text))
		*ret_len = skip_element(html, &tag);
	if (span_is_nocase(tag.name, "br"))
		return buf_add_byte(out, ' ', err);
	if (tag.name.len == 0 || is_named(tag.name, inline_names))
		return RC_OK;
	return buf_add_byte(out, '\n', err);
}

/* One character, or what begins with "<" or "&" there. */
static enum rc
add_piece(struct span *html, struct buf *out, struct err *err)
{
	uint8_t c = html->data[0];
	size_t len = 0;

	if (c == '<')
		TRY(add_markup(*html, &len, out, err));
	if (c == '&')
		TRY(add_entity(*html, &len, out, err));
	if (len == 0) {
		TRY(buf_add_byte(out, c == '\n' ? ' ' : c, err));
		len = 1;
	}
	*html = span_after(*html, len);
	return RC_OK;
}

enum rc
request_from_html(struct span html, struct buf *out, struct err *err)
{
	while (html.len > 0)
		TRY(add_piece(&html, out, err));
	return RC_OK;
}
