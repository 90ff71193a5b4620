#include "mime/legacy_priv.h"

#include "codec/base64.h"
#include "codec/qp.h"
#include "mime/legacy_charset_priv.h"
#include "mime/legacy_html_priv.h"
#include "mime/lines_priv.h"
#include "mime/param_priv.h"

#define BASE64_LINE 76

enum rc
legacy_decode(const struct entity *entity, struct buf *out, struct err *err)
{
	struct entity canonical = *entity;
	struct buf text BUF_OWNED = BUF_SECRET(SIZE_MAX / 2);

	TRY(lines_add(entity->body, &text, err));
	canonical.body = buf_span(&text);
	return entity_decode(&canonical, out, err);
}

enum rc
legacy_encode(const struct entity *entity, struct span text, struct buf *out,
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

static enum rc
add_without_html(struct span html, struct buf *out, struct err *err)
{
	size_t from, to;

	if (!legacy_html_find(html, &from, &to))
		return buf_add(out, html, err);
	TRY(buf_add(out, span_first(html, from), err));
	return buf_add(out, span_after(html, to), err);
}

static enum rc
add_without(const struct entity *entity, struct span text, struct buf *out,
    struct err *err)
{
	if (entity_is(entity, "text", "html"))
		return add_without_html(text, out, err);
	return buf_add(out, without_text(text), err);
}

bool
legacy_is_said(const struct entity *entity)
{
	const char *said = content_param(&entity->type, "hp-legacy-display");

	return said != NULL && strcmp(said, "1") == 0 && !entity->malformed &&
	       (entity_is(entity, "text", "plain") ||
		   entity_is(entity, "text", "html"));
}

static enum rc
add_header(const struct entity *entity, struct buf *out, struct err *err)
{
	const struct field *field =
	    fields_find(&entity->fields, "Content-Type");
	struct content content CONTENT_OWNED = CONTENT_NONE;
	struct edits edits EDITS_OWNED = EDITS_NONE;
	struct buf *text;

	TRY(content_parse(field->value, &content, err));
	param_remove(&content, "hp-legacy-display");
	TRY(edits_add(&edits, field->whole, &text, err));
	TRY(param_print(&content, "Content-Type", text, err));
	TRY(buf_add_str(text, "\r\n", err));
	return edits_print(&edits, entity->header, true, out, err);
}

/* Lines and tags are looked for in UTF-8 where the charset has other bytes
 * for them.  RC_ABSENT, RC_SYNTAX: cannot be converted. */
static enum rc
remove_element(const struct entity *entity, struct span text, struct buf *out,
    struct err *err)
{
	const char *charset = content_param(&entity->type, "charset");
	struct buf utf8 BUF_OWNED = BUF_SECRET(SIZE_MAX / 2);
	struct buf kept BUF_OWNED = BUF_SECRET(SIZE_MAX / 2);

	if (charset_is_ascii_like(charset))
		return add_without(entity, text, out, err);
	TRY(charset_convert(charset, "UTF-8", text, &utf8, err));
	TRY(add_without(entity, buf_span(&utf8), &kept, err));
	return charset_convert("UTF-8", charset, buf_span(&kept), out, err);
}

static enum rc
remove_it(const struct entity *entity, struct buf *out, struct err *err)
{
	struct buf text BUF_OWNED = BUF_SECRET(SIZE_MAX / 2);
	struct buf kept BUF_OWNED = BUF_SECRET(SIZE_MAX / 2);

	TRY(legacy_decode(entity, &text, err));
	TRY(remove_element(entity, buf_span(&text), &kept, err));
	if (entity->parent != NULL)
		TRY(add_header(entity, out, err));
	return legacy_encode(entity, buf_span(&kept), out, err);
}

enum rc
legacy_remove(const struct entity *entity, struct buf *out, struct err *err)
{
	size_t before = out->len;
	enum rc rc = remove_it(entity, out, err);

	if (rc != RC_OK)
		buf_cut(out, before);
	return rc == RC_SYNTAX ? RC_ABSENT : rc;
}
