#include "mime/tag.h"

static bool
is_letter(uint8_t c)
{
	c |= 0x20;
	return c >= 'a' && c <= 'z';
}

bool
tag_is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f';
}

/* Behind the next `what` from `at` on; the end if there is none. */
static size_t
behind(struct span html, size_t at, const char *what)
{
	ptrdiff_t found = span_find(span_after(html, at), span_str(what));

	return found < 0 ? html.len : at + (size_t)found + strlen(what);
}

/* Behind the ">" that ends a tag, at `at` behind its name.  A quote counts
 * only behind "=". */
static size_t
find_close(struct span html, size_t at)
{
	bool value = false;

	while (at < html.len) {
		uint8_t c = html.data[at++];
		if (c == '>')
			return at;
		if (value && (c == '"' || c == '\''))
			at = behind(html, at, c == '"' ? "\"" : "'");
		value = c == '=' || (value && tag_is_blank(c));
	}
	return html.len;
}

static bool
read_named(struct span html, size_t at, struct tag *ret)
{
	struct tag tag = {.from = at++};

	tag.closing = at < html.len && html.data[at] == '/';
	at += tag.closing ? 1 : 0;
	size_t name = at;
	if (at >= html.len || !is_letter(html.data[at]))
		return false;
	while (at < html.len && !tag_is_blank(html.data[at]) &&
	       html.data[at] != '/' && html.data[at] != '>')
		at++;
	tag.name = span_after(span_first(html, at), name);
	tag.to = find_close(html, at);
	*ret = tag;
	return true;
}

bool
tag_read(struct span html, size_t at, struct tag *ret)
{
	struct span rest = span_after(html, at);
	size_t to;

	if (!span_starts(rest, "<"))
		return false;
	if (span_starts(rest, "<!--"))
		to = behind(html, at + 4, "-->");
	else if (span_starts(rest, "<!") || span_starts(rest, "<?"))
		to = behind(html, at + 2, ">");
	else
		return read_named(html, at, ret);
	*ret = (struct tag){.from = at, .to = to, .name = SPAN_NONE};
	return true;
}

size_t
tag_find_end(struct span html, const struct tag *begin)
{
	for (size_t at = begin->to; at < html.len;) {
		at = behind(html, at, "</");
		struct span rest = span_after(html, at);
		if (span_equal_nocase(
			span_first(rest, begin->name.len), begin->name))
			return at - 2;
	}
	return html.len;
}
