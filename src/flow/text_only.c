#include "flow/text_only.h"

#include "codec/base64.h"
#include "codec/crlf.h"
#include "flow/request_priv.h"
#include "mime/protect.h"

#define LINE 76

static const struct entity *
next_part(const struct entity *root, const struct entity *part)
{
	if (part->child != NULL)
		return part->child;
	while (part != root && part->next == NULL)
		part = part->parent;
	return part == root ? NULL : part->next;
}

/* --- the header ---------------------------------------------------------------- */

/* All but what says how to read the envelope. */
static enum rc
add_fields(struct span header, struct buf *out, struct err *err)
{
	struct fields fields FIELDS_OWNED = FIELDS_NONE;
	struct crlf_writer lines = CRLF_WRITER;
	size_t body = 0;

	TRY(fields_parse(header, &fields, &body, err));
	for (size_t i = 0; i < fields.len; i++) {
		const struct field *field = &fields.item[i];
		if (span_starts_nocase(field->name, "Content-") ||
		    span_is_nocase(field->name, "MIME-Version"))
			continue;
		TRY(crlf_write(&lines, field->whole, out, err));
		if (field->whole.data[field->whole.len - 1] != '\n')
			TRY(buf_add_str(out, "\r\n", err));
	}
	return RC_OK;
}

static enum rc
add_header(struct span header, struct buf *out, struct err *err)
{
	struct buf stripped BUF_OWNED = BUF(2 * FIELD_SECTION_MAX);

	TRY(protect_strip_verdict(header, &stripped, err));
	TRY(add_fields(buf_span(&stripped), out, err));
	return buf_add_str(out,
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: base64\r\n\r\n",
	    err);
}

/* --- the text ------------------------------------------------------------------- */

/* A terminal obeys control characters. */
static void
drop_controls(struct buf *text)
{
	for (size_t i = 0; i < text->len; i++) {
		uint8_t c = text->data[i];
		if ((c < ' ' && c != '\n' && c != '\t') || c == 0x7f)
			text->data[i] = ' ';
	}
}

static enum rc
add_lines(struct buf *text, struct buf *out, struct err *err)
{
	struct crlf_writer lines = CRLF_WRITER;
	struct buf clean BUF_OWNED = BUF_SECRET(text->max);

	for (size_t i = 0; i < text->len; i++)
		if (text->data[i] != '\r')
			TRY(buf_add_byte(&clean, text->data[i], err));
	drop_controls(&clean);
	TRY(crlf_write(&lines, buf_span(&clean), out, err));
	return buf_add_str(out, "\r\n", err);
}

/* Whatever of an encoding can be undone. */
static enum rc
decode(const struct entity *part, struct buf *out, struct err *err)
{
	struct err ignored = ERR_NONE;

	enum rc rc = entity_decode(part, out, &ignored);
	if (rc == RC_NOMEM)
		return err_nomem(err, "text");
	return rc == RC_OK ? RC_OK : buf_add(out, part->body, err);
}

static enum rc
add_text(const struct entity *part, struct buf *out, struct err *err)
{
	struct buf decoded BUF_OWNED = BUF_SECRET(2 * part->body.len + 1);
	struct buf utf8 BUF_OWNED = BUF_SECRET(8 * TEXT_ONLY_MAX);
	struct buf shown BUF_OWNED = BUF_SECRET(8 * TEXT_ONLY_MAX);

	TRY(decode(part, &decoded, err));
	TRY(request_utf8(content_param(&part->type, "charset"),
	    span_first(buf_span(&decoded), TEXT_ONLY_MAX), &utf8, err));
	if (!entity_is(part, "text", "html"))
		return add_lines(&utf8, out, err);
	TRY(request_from_html(buf_span(&utf8), &shown, err));
	return add_lines(&shown, out, err);
}

/* RFC 2046 section 5.1.4: the same text again. */
static bool
is_said_plainly(const struct entity *part)
{
	if (part->parent == NULL || !entity_is(part, "text", "html") ||
	    !entity_is(part->parent, "multipart", "alternative"))
		return false;
	for (const struct entity *other = part->parent->child; other != NULL;
	     other = other->next)
		if (entity_is(other, "text", "plain"))
			return true;
	return false;
}

static bool
is_shown(const struct entity *part)
{
	return part->child == NULL && !is_said_plainly(part) &&
	       (entity_is(part, "text", "plain") ||
		   entity_is(part, "text", "html"));
}

static enum rc
add_texts(const struct entity *inside, struct buf *out, struct err *err)
{
	for (const struct entity *part = inside;
	     part != NULL && out->len < TEXT_ONLY_MAX;
	     part = next_part(inside, part))
		if (is_shown(part))
			TRY(add_text(part, out, err));
	return RC_OK;
}

enum rc
text_only_show(struct span header, const struct entity *inside, const char *why,
    struct buf *out, struct err *err)
{
	struct buf text BUF_OWNED = BUF_SECRET(32 * TEXT_ONLY_MAX);

	TRY(buf_add_format(&text, err, "[%s]\r\n\r\n", why));
	TRY(add_texts(inside, &text, err));
	TRY(add_header(header, out, err));
	return base64_encode(buf_span(&text), LINE, out, err);
}
