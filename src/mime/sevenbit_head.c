/* Headers: mime/sevenbit_priv. */
#include "mime/edit_priv.h"
#include "mime/sevenbit_field_priv.h"
#include "mime/sevenbit_priv.h"

static const char encoding_name[] = "Content-Transfer-Encoding";

static bool
has_trouble(struct span text)
{
	struct wire trouble = lines_look(text);

	return trouble.eight_bit || trouble.control || trouble.long_line;
}

/* Append the field made 7-bit; *ret_kept: nothing, for it is another's, and
 * nobody can read it. */
static enum rc
make_field(const struct field *field, bool strict, struct buf *made,
    bool *ret_kept, struct err *err)
{
	enum rc rc = sevenbit_field(field, strict, made, err);

	*ret_kept = !strict && (rc == RC_SYNTAX || rc == RC_LIMIT);
	return *ret_kept ? RC_OK : rc;
}

static enum rc
look_field(const struct field *field, bool strict, struct sevenbit_fields *ret,
    struct err *err)
{
	struct buf made BUF_OWNED = BUF_SECRET(4 * FIELD_SECTION_MAX);
	bool kept;

	if (!has_trouble(field->whole))
		return RC_OK;
	TRY(make_field(field, strict, &made, &kept, err));
	struct wire wire = lines_look(kept ? field->whole : buf_span(&made));
	ret->eight_bit |= wire.eight_bit;
	ret->utf8 |= wire.eight_bit;
	ret->long_line |= wire.long_line;
	ret->rough |= kept && wire.long_line;
	return RC_OK;
}

enum rc
sevenbit_look_fields(const struct entity *entity, bool strict,
    struct sevenbit_fields *ret, struct err *err)
{
	const struct field *said = fields_find(&entity->fields, encoding_name);

	*ret = (struct sevenbit_fields){.rough = false};
	for (size_t i = 0; i < entity->fields.len; i++)
		if (&entity->fields.item[i] != said)
			TRY(look_field(
			    &entity->fields.item[i], strict, ret, err));
	return RC_OK;
}

enum rc
sevenbit_look_encoding(const struct entity *entity, bool strict,
    struct sevenbit_fields *ret, struct err *err)
{
	const struct field *said = fields_find(&entity->fields, encoding_name);

	*ret = (struct sevenbit_fields){.rough = false};
	return said == NULL ? RC_OK : look_field(said, strict, ret, err);
}

/* ---- printed ----------------------------------------------------------------- */

static enum rc
say_encoding(const char *encoding, struct buf *out, struct err *err)
{
	return field_print(encoding_name, span_str(encoding), out, err);
}

static enum rc
edit_field(const struct field *field, bool strict, struct edits *edits,
    struct err *err)
{
	struct buf made BUF_OWNED = BUF_SECRET(4 * FIELD_SECTION_MAX), *text;
	bool kept;

	if (!has_trouble(field->whole))
		return RC_OK;
	TRY(make_field(field, strict, &made, &kept, err));
	if (kept)
		return RC_OK;
	TRY(edits_add(edits, field->whole, &text, err));
	return buf_add(text, buf_span(&made), err);
}

static enum rc
edit_fields(const struct entity *entity, const struct sevenbit_header *how,
    struct edits *edits, struct err *err)
{
	const struct field *said = NULL;
	struct buf *text;

	if (how->encoding != NULL)
		said = fields_find(&entity->fields, encoding_name);
	for (size_t i = 0; i < entity->fields.len; i++) {
		const struct field *field = &entity->fields.item[i];
		if (field != said) {
			TRY(edit_field(field, how->strict, edits, err));
			continue;
		}
		TRY(edits_add(edits, field->whole, &text, err));
		TRY(say_encoding(how->encoding, text, err));
	}
	return RC_OK;
}

/* Where a field may be added: before the empty line, if there is one. */
static size_t
end_of_fields(struct span header, bool ended)
{
	if (!ended)
		return header.len;
	bool crlf = span_starts(span_after(header, header.len - 2), "\r\n");
	return header.len - (crlf ? 2 : 1);
}

/* Nothing but an empty line is ever cut off. */
static bool
has_all_fields(const struct entity *entity, struct span header)
{
	const struct fields *fields = &entity->fields;

	if (fields->len == 0)
		return true;
	struct span last = fields->item[fields->len - 1].whole;
	return last.data + last.len <= header.data + header.len;
}

/* Say the encoding where it was said, or at the end of the header; and end
 * a header that has no empty line, if a body follows. */
enum rc
sevenbit_print_header(const struct entity *entity,
    const struct sevenbit_header *how, struct buf *out, struct err *err)
{
	struct entity cut = {.header = span_first(entity->header, how->len)};
	struct edits edits EDITS_OWNED = EDITS_NONE;
	bool ended = lines_header_ended(&cut);
	bool say = how->encoding != NULL &&
		   fields_find(&entity->fields, encoding_name) == NULL;
	struct span rest =
	    span_after(cut.header, end_of_fields(cut.header, ended));
	struct buf *text;

	if (!has_all_fields(entity, cut.header))
		return sevenbit_changed(err);
	TRY(edit_fields(entity, how, &edits, err));
	TRY(edits_add(&edits, span_first(rest, 0), &text, err));
	if (say)
		TRY(say_encoding(how->encoding, text, err));
	if (!ended && (say || how->end))
		TRY(buf_add_str(text, "\r\n", err));
	return edits_print(&edits, cut.header, true, out, err);
}
