#include "mime/legacy_priv.h"

#include <strings.h>

#include "codec/base64.h"
#include "codec/qp.h"
#include "mime/lines_priv.h"
#include "mime/param_priv.h"

#define BASE64_LINE 76

static const char class_name[] = "header-protection-legacy-display";

/* Behind the first blank line, or everything if there is none. */
static struct span
without_text(struct span text)
{
	for (struct span rest = text; rest.len > 0;) {
		ptrdiff_t end = span_find_byte(rest, '\n');
		struct span line =
		    end < 0 ? rest : span_first(rest, (size_t)end + 1);
		rest = span_after(rest, line.len);
		if (end >= 0 && span_trim(line).len == 0)
			return rest;
	}
	return text;
}

/* Offset of the next "<div" or "</div" from `at` on, whole words only. */
static size_t
find_tag(struct span html, size_t at, const char *tag)
{
	size_t len = strlen(tag);

	for (; at < html.len; at++) {
		struct span rest = span_after(html, at);
		ptrdiff_t next = span_find_byte(rest, '<');
		if (next < 0)
			return html.len;
		at += (size_t)next;
		rest = span_after(html, at);
		if (span_starts_nocase(rest, tag) && rest.len > len &&
		    strchr(" \t\r\n\f/>", rest.data[len]) != NULL)
			return at;
	}
	return html.len;
}

/* Behind the ">" of the tag that begins at `at`. */
static size_t
tag_end(struct span html, size_t at)
{
	ptrdiff_t end = span_find_byte(span_after(html, at), '>');

	return end < 0 ? html.len : at + (size_t)end + 1;
}

/* Behind the </div> that belongs to the <div> at `at`; 0 if there is none. */
static size_t
div_end(struct span html, size_t at)
{
	size_t depth = 1, open, close;

	at = tag_end(html, at);
	open = find_tag(html, at, "<div");
	close = find_tag(html, at, "</div");
	while (close < html.len) {
		if (open < close) {
			depth++;
			open = find_tag(html, tag_end(html, open), "<div");
			continue;
		}
		size_t end = tag_end(html, close);
		if (--depth == 0)
			return end;
		close = find_tag(html, end, "</div");
	}
	return 0;
}

/* The element: [*ret_from, *ret_to); false if it is not there. */
static bool
find_element(struct span html, size_t *ret_from, size_t *ret_to)
{
	size_t at = 0, end = 0;

	while ((at = find_tag(html, end, "<div")) < html.len) {
		end = tag_end(html, at);
		struct span tag = span_after(span_first(html, end), at);
		if (span_find(tag, span_str(class_name)) < 0)
			continue;
		*ret_from = at;
		*ret_to = div_end(html, at);
		return *ret_to > 0;
	}
	return false;
}

static enum rc
add_without_html(struct span html, struct buf *out, struct err *err)
{
	size_t from, to;

	if (!find_element(html, &from, &to))
		return buf_add(out, html, err);
	TRY(buf_add(out, span_first(html, from), err));
	return buf_add(out, span_after(html, to), err);
}

/* Lines and tags are found as ASCII. */
static bool
is_ascii_like(const char *charset)
{
	return charset == NULL ||
	       (strncasecmp(charset, "utf-16", 6) != 0 &&
		   strncasecmp(charset, "utf-32", 6) != 0 &&
		   strncasecmp(charset, "iso-10646", 9) != 0);
}

static bool
has_element(const struct entity *entity)
{
	const char *said = content_param(&entity->type, "hp-legacy-display");

	return said != NULL && strcmp(said, "1") == 0 && !entity->malformed &&
	       (entity_is(entity, "text", "plain") ||
		   entity_is(entity, "text", "html")) &&
	       is_ascii_like(content_param(&entity->type, "charset"));
}

static enum rc
decode(const struct entity *entity, struct buf *out, struct err *err)
{
	struct entity canonical = *entity;
	struct buf text BUF_OWNED = BUF(SIZE_MAX / 2);

	TRY(lines_add(entity->body, &text, err));
	canonical.body = buf_span(&text);
	return entity_decode(&canonical, out, err);
}

static enum rc
encode(const struct entity *entity, struct span text, struct buf *out,
    struct err *err)
{
	switch (entity->encoding) {
	case ENCODING_QP:
		return qp_encode(text, out, err);
	case ENCODING_BASE64:
		TRY(base64_encode(text, BASE64_LINE, out, err));
		if (entity->parent != NULL && out->len >= 2)
			buf_cut(out, out->len - 2);
		return RC_OK;
	case ENCODING_7BIT:
	case ENCODING_8BIT:
	case ENCODING_BINARY:
	case ENCODING_UNKNOWN:
	default:
		return buf_add(out, text, err);
	}
}

static enum rc
edit_type(const struct entity *entity, struct edits *edits, struct err *err)
{
	const struct field *field =
	    fields_find(&entity->fields, "Content-Type");
	struct content content CONTENT_OWNED = CONTENT_NONE;
	struct buf *text;

	TRY(content_parse(field->value, &content, err));
	param_remove(&content, "hp-legacy-display");
	TRY(edits_add(edits, field->whole, &text, err));
	TRY(param_print(&content, "Content-Type", text, err));
	return buf_add_str(text, "\r\n", err);
}

static enum rc
edit_leaf(const struct entity *entity, const struct entity *payload,
    struct edits *edits, struct err *err)
{
	struct buf text BUF_OWNED = BUF(SIZE_MAX / 2);
	struct buf kept BUF_OWNED = BUF(SIZE_MAX / 2), *out;

	enum rc rc = decode(entity, &text, err);
	if (rc == RC_SYNTAX)
		return RC_OK;
	TRY(rc);
	if (entity_is(entity, "text", "html"))
		TRY(add_without_html(buf_span(&text), &kept, err));
	else
		TRY(buf_add(&kept, without_text(buf_span(&text)), err));
	if (entity != payload)
		TRY(edit_type(entity, edits, err));
	TRY(edits_add(edits, entity->body, &out, err));
	return encode(entity, buf_span(&kept), out, err);
}

static const struct entity *
after(const struct entity *entity, const struct entity *root)
{
	bool is_message = entity_is(entity, "message", NULL);

	if (entity->child != NULL && !is_message)
		return entity->child;
	while (entity != root && entity->next == NULL)
		entity = entity->parent;
	return entity == root ? NULL : entity->next;
}

enum rc
legacy_remove(
    const struct entity *payload, struct edits *edits, struct err *err)
{
	const struct entity *e = payload;

	for (; e != NULL; e = after(e, payload))
		if (has_element(e))
			TRY(edit_leaf(e, payload, edits, err));
	return RC_OK;
}
