#include "mime/sevenbit.h"

#include "codec/base64.h"
#include "codec/qp.h"
#include "mime/edit_priv.h"
#include "mime/lines_priv.h"

#define BASE64_LINE 76

static const char encoding_name[] = "Content-Transfer-Encoding";

static bool
is_multipart(const struct entity *entity)
{
	return entity_is(entity, "multipart", NULL);
}

/* The next entity of the tree under `root`, parents first: in the order of
 * the bytes. */
static const struct entity *
after(const struct entity *entity, const struct entity *root)
{
	if (entity->child != NULL)
		return entity->child;
	while (entity != root && entity->next == NULL)
		entity = entity->parent;
	return entity == root ? NULL : entity->next;
}

/* Say the encoding where it was said, or at the end of the header; and end
 * a header that has no empty line, now that a body follows. */
static enum rc
edit_header(const struct entity *entity, const char *encoding,
    struct edits *edits, struct err *err)
{
	const struct field *field = fields_find(&entity->fields, encoding_name);
	struct span header = entity->header;
	bool ended = lines_header_ended(entity);
	struct buf *text;

	if (encoding != NULL && field != NULL) {
		TRY(edits_add(edits, field->whole, &text, err));
		TRY(field_print(encoding_name, span_str(encoding), text, err));
		encoding = NULL;
	}
	if (encoding == NULL && (ended || entity->body.len == 0))
		return RC_OK;
	size_t at = header.len;
	if (ended)
		at -= span_starts(span_after(header, header.len - 2), "\r\n")
			  ? 2
			  : 1;
	TRY(edits_add(
	    edits, span_first(span_after(entity->whole, at), 0), &text, err));
	if (encoding != NULL)
		TRY(field_print(encoding_name, span_str(encoding), text, err));
	return ended ? RC_OK : buf_add_str(text, "\r\n", err);
}

/* Lines that quoted-printable broke may begin with what ends a part. */
static bool
has_delimiter(const struct entity *entity, struct span body)
{
	for (const struct entity *p = entity->parent; p != NULL;
	     p = p->parent) {
		const char *boundary = content_param(&p->type, "boundary");
		if (!is_multipart(p) || boundary == NULL)
			continue;
		for (struct span rest = body; rest.len > 0;) {
			ptrdiff_t end = span_find_byte(rest, '\n');
			if (span_starts(rest, "--") &&
			    span_starts(span_after(rest, 2), boundary))
				return true;
			rest = span_after(
			    rest, end < 0 ? rest.len : (size_t)end + 1);
		}
	}
	return false;
}

/* The line end behind it belongs to the delimiter, where there is one. */
static enum rc
encode_base64(const struct entity *entity, struct span raw, struct buf *out,
    struct err *err)
{
	TRY(base64_encode(raw, BASE64_LINE, out, err));
	if (entity->parent != NULL && out->len >= 2)
		buf_cut(out, out->len - 2);
	return RC_OK;
}

/* What was encoded already stays the same bytes. */
static enum rc
recode_encoded(const struct entity *entity, struct buf *out, struct err *err)
{
	struct entity canonical = *entity;
	struct buf text BUF_OWNED = BUF(SIZE_MAX / 2);
	struct buf raw BUF_OWNED = BUF(SIZE_MAX / 2);

	TRY(lines_add(entity->body, &text, err));
	canonical.body = buf_span(&text);
	TRY(entity_decode(&canonical, &raw, err));
	return encode_base64(entity, buf_span(&raw), out, err);
}

static enum rc
recode_text(const struct entity *entity, struct buf *out,
    const char **ret_encoding, struct err *err)
{
	struct buf text BUF_OWNED = BUF(SIZE_MAX / 2);

	TRY(lines_add(entity->body, &text, err));
	*ret_encoding = "quoted-printable";
	TRY(qp_encode(buf_span(&text), out, err));
	if (!has_delimiter(entity, buf_span(out)))
		return RC_OK;
	buf_clear(out);
	*ret_encoding = "base64";
	return encode_base64(entity, buf_span(&text), out, err);
}

static enum rc
recode_body(const struct entity *entity, struct buf *out,
    const char **ret_encoding, struct err *err)
{
	struct buf text BUF_OWNED = BUF(SIZE_MAX / 2);
	bool control = lines_look(entity->body).control;

	*ret_encoding = "base64";
	if (entity->encoding == ENCODING_QP ||
	    entity->encoding == ENCODING_BASE64)
		return recode_encoded(entity, out, err);
	/* NUL or a bare CR: no text in lines (UTF-16, say) */
	if (entity_is(entity, "text", NULL) && !control)
		return recode_text(entity, out, ret_encoding, err);
	if (entity->encoding == ENCODING_BINARY || control)
		return encode_base64(entity, entity->body, out, err);
	TRY(lines_add(entity->body, &text, err));
	return encode_base64(entity, buf_span(&text), out, err);
}

static enum rc
check_leaf(const struct entity *entity, struct err *err)
{
	/* RFC 2045 section 6.4: only 7bit, 8bit and binary there */
	if (is_multipart(entity) || entity_is(entity, "message", NULL))
		return err_set(err, RC_SYNTAX,
		    "a %s/%s part cannot be made 7-bit; attach it as a file",
		    entity->type.type, entity->type.subtype);
	if (entity->malformed)
		return err_set(err, RC_SYNTAX,
		    "a part that is not 7-bit has broken MIME fields");
	return RC_OK;
}

static bool
is_wide(enum entity_encoding encoding)
{
	return encoding == ENCODING_8BIT || encoding == ENCODING_BINARY;
}

static enum rc
edit_leaf(const struct entity *entity, struct edits *edits, struct err *err)
{
	struct wire trouble = lines_look(entity->body);
	struct buf body BUF_OWNED = BUF(SIZE_MAX / 2), *text;
	const char *encoding;

	if (!is_wide(entity->encoding) && !trouble.eight_bit &&
	    !trouble.control && !trouble.long_line)
		return edit_header(entity, NULL, edits, err);
	TRY(check_leaf(entity, err));
	TRY(recode_body(entity, &body, &encoding, err));
	TRY(edit_header(entity, encoding, edits, err));
	TRY(edits_add(edits, entity->body, &text, err));
	*text = body;
	body = BUF(0);
	return RC_OK;
}

static enum rc
edit_tree(const struct entity *root, struct edits *edits, struct err *err)
{
	for (const struct entity *e = root; e != NULL; e = after(e, root)) {
		if (e->child == NULL)
			TRY(edit_leaf(e, edits, err));
		else
			TRY(edit_header(e, is_wide(e->encoding) ? "7bit" : NULL,
			    edits, err));
	}
	return RC_OK;
}

static enum rc
check_result(struct span result, struct err *err)
{
	struct wire trouble = lines_look(result);

	if (trouble.eight_bit)
		return err_set(err, RC_SYNTAX,
		    "8-bit characters in a header or between parts; "
		    "the mail program must encode them (RFC 2047)");
	if (trouble.control)
		return err_set(err, RC_SYNTAX,
		    "NUL or bare CR in a header or between parts");
	if (trouble.long_line)
		return err_set(err, RC_SYNTAX,
		    "line longer than %d bytes in a header or between parts",
		    WIRE_LINE_MAX);
	return RC_OK;
}

enum rc
sevenbit_print(const struct entity *entity, struct buf *out, struct err *err)
{
	struct edits edits EDITS_OWNED = EDITS_NONE;
	size_t before = out->len;

	TRY(edit_tree(entity, &edits, err));
	TRY(edits_print(&edits, entity->whole, true, out, err));
	enum rc rc = check_result(span_after(buf_span(out), before), err);
	if (rc != RC_OK)
		buf_cut(out, before);
	return rc;
}
