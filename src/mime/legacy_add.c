/* mime/legacy, the writing half. */
#include "mime/legacy_charset_priv.h"
#include "mime/legacy_html_priv.h"
#include "mime/legacy_priv.h"
#include "mime/lines_priv.h"
#include "mime/param_priv.h"
#include "codec/utf8.h"

static bool
is_html(const struct entity *entity)
{
	return entity_is(entity, "text", "html");
}

static bool
is_attachment(const struct entity *entity)
{
	struct content content CONTENT_OWNED = CONTENT_NONE;
	struct span value =
	    fields_value(&entity->fields, "Content-Disposition");

	return value.len > 0 && content_parse(value, &content, NULL) == RC_OK &&
	       content_is(&content, "attachment", NULL);
}

static bool
is_ascii(struct span text)
{
	return !lines_look(text).eight_bit;
}

/* ---- the text ------------------------------------------------------------------ */

/* The text of one part, being written. */
struct writing {
	const struct entity *entity;
	struct span lines;
	const char *charset; /* of what is in `text` now */
	struct buf text;
	struct err *err;
};

static enum rc
become_utf8(struct writing *w)
{
	struct buf utf8 BUF_OWNED = BUF_SECRET(SIZE_MAX / 2);

	TRY(charset_convert(
	    w->charset, "UTF-8", buf_span(&w->text), &utf8, w->err));
	buf_done(&w->text);
	w->text = utf8;
	utf8 = BUF_SECRET(0);
	w->charset = "utf-8";
	return RC_OK;
}

/* The element as plain text: the lines and an empty one, in UTF-8. */
static enum rc
print_plain(struct span lines, struct buf *out, struct err *err)
{
	TRY(lines_add(lines, out, err));
	return buf_add_str(out, "\r\n", err);
}

/* Append the element in the charset of the part, which becomes UTF-8 where it
 * cannot hold it.  RC_ABSENT, RC_SYNTAX: there is no way. */
static enum rc
encode_element(struct writing *w, struct span element, struct buf *out)
{
	if (is_ascii(element) ||
	    (w->charset != NULL && strcmp(w->charset, "utf-8") == 0))
		return buf_add(out, element, w->err);
	/* nobody said what the bytes are: then only ASCII and UTF-8 are sure */
	if (utf8_ok(buf_span(&w->text)) &&
	    (w->charset == NULL || is_ascii(buf_span(&w->text)))) {
		w->charset = "utf-8";
		return buf_add(out, element, w->err);
	}
	if (w->charset == NULL)
		return err_set(w->err, RC_ABSENT, "text in an unknown charset");
	enum rc rc = charset_convert("UTF-8", w->charset, element, out, w->err);
	if (rc != RC_SYNTAX)
		return rc;
	TRY(become_utf8(w));
	return buf_add(out, element, w->err);
}

/* Append the whole text with the element in it. */
static enum rc
write_text(struct writing *w, struct buf *out)
{
	struct buf element BUF_OWNED = BUF_SECRET(SIZE_MAX / 2);
	struct buf encoded BUF_OWNED = BUF_SECRET(SIZE_MAX / 2);
	size_t at = 0;

	if (!charset_is_ascii_like(w->charset))
		TRY(become_utf8(w));
	TRY(is_html(w->entity) ? legacy_html_print(w->lines, &element, w->err)
			       : print_plain(w->lines, &element, w->err));
	TRY(encode_element(w, buf_span(&element), &encoded));
	struct span text = buf_span(&w->text);
	if (is_html(w->entity))
		at = legacy_html_body(text);
	TRY(buf_add(out, span_first(text, at), w->err));
	TRY(buf_add(out, buf_span(&encoded), w->err));
	return buf_add(out, span_after(text, at), w->err);
}

/* ---- the part ------------------------------------------------------------------- */

static enum rc
print_type(const struct entity *entity, const char *charset, struct buf *out,
    struct err *err)
{
	struct content content CONTENT_OWNED = CONTENT_NONE;
	struct span value = fields_value(&entity->fields, "Content-Type");
	const char *was;

	if (value.len == 0)
		value = span_str("text/plain; charset=us-ascii");
	TRY(content_parse(value, &content, err));
	was = content_param(&content, "charset");
	bool same = charset == NULL ||
		    (was != NULL && span_is_nocase(span_str(was), charset));
	param_remove(&content, "hp-legacy-display");
	if (!same)
		param_remove(&content, "charset");
	TRY(param_print(&content, "Content-Type", out, err));
	if (!same)
		TRY(param_append("charset", charset, out, err));
	TRY(param_append("hp-legacy-display", "1", out, err));
	return buf_add_str(out, "\r\n", err);
}

/* In the place of the old one, or at the end of the header. */
static enum rc
edit_type(const struct entity *entity, const char *charset, struct edits *edits,
    struct err *err)
{
	const struct field *field =
	    fields_find(&entity->fields, "Content-Type");
	struct span header = entity->header, place;
	struct buf *text;

	if (field != NULL) {
		place = field->whole;
	} else {
		size_t end = header.len - 1;
		if (end > 0 && header.data[end - 1] == '\r')
			end--;
		place = span_first(span_after(header, end), 0);
	}
	TRY(edits_add(edits, place, &text, err));
	return print_type(entity, charset, text, err);
}

static enum rc
write_part(struct writing *w, struct edits *edits)
{
	struct buf whole BUF_OWNED = BUF_SECRET(SIZE_MAX / 2), *out;

	TRY(legacy_decode(w->entity, &w->text, w->err));
	TRY(write_text(w, &whole));
	TRY(edit_type(w->entity, w->charset, edits, w->err));
	TRY(edits_add(edits, w->entity->body, &out, w->err));
	return legacy_encode(w->entity, buf_span(&whole), out, w->err);
}

static enum rc
add_to_part(const struct entity *entity, struct span lines, struct edits *edits,
    struct err *err)
{
	struct writing w = {entity, lines,
	    content_param(&entity->type, "charset"), BUF_SECRET(SIZE_MAX / 2),
	    err};
	enum rc rc;

	if (entity->malformed || !lines_header_ended(entity) ||
	    is_attachment(entity))
		return RC_OK;
	rc = write_part(&w, edits);
	buf_done(&w.text);
	return rc == RC_SYNTAX || rc == RC_ABSENT ? RC_OK : rc;
}

/* RFC 9787 section 7.1: a main body part is reached through the first part
 * of a mixed or related, and through all of an alternative. */
enum rc
legacy_add(const struct entity *letter, struct span lines, struct edits *edits,
    struct err *err)
{
	bool all = entity_is(letter, "multipart", "alternative");

	if (entity_is(letter, "text", "plain") || is_html(letter))
		return add_to_part(letter, lines, edits, err);
	if (!all && !entity_is(letter, "multipart", "mixed") &&
	    !entity_is(letter, "multipart", "related"))
		return RC_OK;
	for (const struct entity *c = letter->child; c != NULL; c = c->next) {
		TRY(legacy_add(c, lines, edits, err));
		if (!all)
			break;
	}
	return RC_OK;
}
