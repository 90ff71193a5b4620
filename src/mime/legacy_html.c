#include "mime/legacy_html_priv.h"

#include "mime/tag.h"
#include "codec/utf8.h"

/* The next tag from `at` on, comments and the like passed over. */
static bool
next_tag(struct span html, size_t at, struct tag *ret)
{
	while (at < html.len) {
		ptrdiff_t next = span_find_byte(span_after(html, at), '<');
		if (next < 0)
			return false;
		at += (size_t)next;
		if (!tag_read(html, at, ret))
			at++;
		else if (ret->name.len == 0)
			at = ret->to;
		else
			return true;
	}
	return false;
}

/* Where reading goes on behind a tag: some elements hold no tags, up to what
 * looks like their end. */
static size_t
after_tag(struct span html, const struct tag *tag)
{
	static const char *const raw[] = {"script", "style", "title",
	    "textarea", "xmp", "iframe", "noembed", "noframes"};
	bool is_raw = false;

	for (size_t i = 0; i < sizeof(raw) / sizeof(raw[0]); i++)
		is_raw |= span_is_nocase(tag->name, raw[i]);
	return is_raw && !tag->closing ? tag_find_end(html, tag) : tag->to;
}

/* The next attribute from `*at` on in what is between name and ">". */
static bool
next_attribute(
    struct span in, size_t *at, struct span *name, struct span *value)
{
	size_t i = *at, from;

	while (i < in.len && (tag_is_blank(in.data[i]) || in.data[i] == '/'))
		i++;
	for (from = i; i < in.len && in.data[i] != '=' &&
		       !tag_is_blank(in.data[i]) && in.data[i] != '/';)
		i++;
	*name = span_after(span_first(in, i), from);
	*value = SPAN_NONE;
	while (i < in.len && tag_is_blank(in.data[i]))
		i++;
	if (i < in.len && in.data[i] == '=') {
		for (i++; i < in.len && tag_is_blank(in.data[i]);)
			i++;
		uint8_t quote = i < in.len ? in.data[i] : 0;
		bool quoted = quote == '"' || quote == '\'';
		for (from = i += quoted ? 1 : 0;
		     i < in.len && (quoted ? in.data[i] != quote
					   : !tag_is_blank(in.data[i]));)
			i++;
		*value = span_after(span_first(in, i), from);
		i += quoted && i < in.len ? 1 : 0;
	}
	bool any = i > *at;
	*at = i;
	return any;
}

static bool
has_word(struct span text, const char *word)
{
	while (text.len > 0) {
		size_t len = 0;
		while (len < text.len && !tag_is_blank(text.data[len]))
			len++;
		if (span_is(span_first(text, len), span_str(word)))
			return true;
		text = span_after(text, len + 1);
	}
	return false;
}

static bool
is_element(struct span html, const struct tag *tag)
{
	size_t name_end = (size_t)(tag->name.data - html.data) + tag->name.len;
	struct span rest = span_after(span_first(html, tag->to), name_end);
	struct span name, value;

	if (tag->closing || !span_is_nocase(tag->name, "div"))
		return false;
	if (rest.len > 0 && rest.data[rest.len - 1] == '>')
		rest.len--;
	for (size_t at = 0; next_attribute(rest, &at, &name, &value);)
		if (span_is_nocase(name, "class"))
			return has_word(value, LEGACY_CLASS);
	return false;
}

bool
legacy_html_find(struct span html, size_t *ret_from, size_t *ret_to)
{
	struct tag tag;
	size_t depth = 0, from = 0;

	for (size_t at = 0; next_tag(html, at, &tag);
	     at = after_tag(html, &tag)) {
		bool div = span_is_nocase(tag.name, "div");
		if (depth == 0 && !is_element(html, &tag))
			continue;
		if (depth == 0)
			from = tag.from;
		if (div && !tag.closing)
			depth++;
		if (!div || !tag.closing || --depth > 0)
			continue;
		*ret_from = from;
		*ret_to = tag.to;
		return true;
	}
	return false;
}

/* Behind the next ">" from `at` on; the end if there is none. */
static size_t
behind_close(struct span html, size_t at)
{
	ptrdiff_t found = span_find_byte(span_after(html, at), '>');

	return found < 0 ? html.len : at + (size_t)found + 1;
}

/* Behind the type of the document, where there is one. */
static size_t
after_doctype(struct span html)
{
	size_t at = 0;

	if (span_starts(html, "\xef\xbb\xbf"))
		at = 3;
	while (at < html.len && tag_is_blank(html.data[at]))
		at++;
	struct span rest = span_after(html, at);
	if (span_starts(rest, "<?xml"))
		rest = span_after(html, at = behind_close(html, at));
	while (at < html.len && tag_is_blank(html.data[at]))
		at++;
	rest = span_after(html, at);
	if (span_starts_nocase(rest, "<!doctype"))
		return behind_close(html, at);
	return span_starts(html, "\xef\xbb\xbf") ? 3 : 0;
}

size_t
legacy_html_body(struct span html)
{
	size_t best = after_doctype(html);
	struct tag tag;

	for (size_t at = 0; next_tag(html, at, &tag);
	     at = after_tag(html, &tag)) {
		if (span_is_nocase(tag.name, "body") && !tag.closing)
			return tag.to;
		if (span_is_nocase(tag.name, "head") && tag.closing)
			best = tag.to;
		if (span_is_nocase(tag.name, "html") && !tag.closing)
			best = tag.to;
	}
	return best;
}

/* RFC 9788 section 5.2.3 says which are escaped; what is not ASCII is a
 * number, so that it does not depend on the charset. */
static enum rc
add_escaped(struct span text, size_t *at, struct buf *out, struct err *err)
{
	static const struct {
		uint8_t c;
		const char *as;
	} escapes[] = {{'<', "&lt;"}, {'>', "&gt;"}, {'\'', "&apos;"},
	    {'"', "&quot;"}, {'&', "&amp;"}, {'\n', "\r\n"}};
	static const uint8_t lead[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	size_t len = utf8_len(text, *at);
	uint32_t code = text.data[*at] & lead[len];

	for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++)
		if (text.data[*at] == escapes[i].c) {
			++*at;
			return buf_add_str(out, escapes[i].as, err);
		}
	for (size_t i = 1; i < len; i++)
		code = code << 6 | (text.data[*at + i] & 0x3f);
	*at += len == 0 ? 1 : len;
	if (len == 0)
		return buf_add_byte(out, '?', err);
	if (len > 1)
		return buf_add_format(out, err, "&#%u;", (unsigned)code);
	return buf_add_byte(out, (uint8_t)code, err);
}

enum rc
legacy_html_print(struct span lines, struct buf *out, struct err *err)
{
	if (lines.len > 0 && lines.data[lines.len - 1] == '\n')
		lines.len--;
	TRY(buf_add_str(out, "<div class=\"" LEGACY_CLASS "\"><pre>", err));
	for (size_t at = 0; at < lines.len;)
		TRY(add_escaped(lines, &at, out, err));
	return buf_add_str(out, "</pre></div>", err);
}
