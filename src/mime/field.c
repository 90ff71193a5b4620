#include "mime/field.h"

#include <stdlib.h>

#define FIELD_LINE_MAX 998 /* RFC 5322 section 2.1.1, without CRLF */
#define FIELD_FOLD_AT 78
#define FIELDS_FEW 8 /* that of a part has no more */

void
fields_done(struct fields *fields)
{
	free(fields->item);
	*fields = FIELDS_NONE;
}

/* RFC 5322 section 3.6.8: ftext is printable US-ASCII without ":". */
static bool
is_name_byte(uint8_t c)
{
	return c > 0x20 && c < 0x7f && c != ':';
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/* Length of the field name that `line` begins with and, in *ret_colon, where
 * its colon is; 0 if the line is no field.  Blanks before the colon are
 * obsolete (RFC 5322 section 4.5.8), but a reader that does not know them
 * would miss a field that others see. */
static size_t
name_len(struct span line, size_t *ret_colon)
{
	size_t len = 0, at;

	line = span_first(line, FIELD_LINE_MAX);
	while (len < line.len && is_name_byte(line.data[len]))
		len++;
	for (at = len; at < line.len && is_blank(line.data[at]);)
		at++;
	*ret_colon = at;
	return at < line.len && line.data[at] == ':' ? len : 0;
}

/* Length of the line that `rest` begins with, its LF included. */
static size_t
line_len(struct span rest)
{
	ptrdiff_t at = span_find_byte(rest, '\n');

	return at < 0 ? rest.len : (size_t)at + 1;
}

static size_t
field_len(struct span rest)
{
	size_t len = line_len(rest);

	while (len < rest.len && is_blank(rest.data[len]))
		len += line_len(span_after(rest, len));
	return len;
}

/* Half of all readers take a bare CR for a line end, the other half do not;
 * with a NUL it is the same: whoever guesses sees other fields. */
static enum rc
check_bytes(struct span field, struct err *err)
{
	if (span_find_byte(field, 0) >= 0)
		return err_set(err, RC_SYNTAX, "NUL byte in a header field");
	for (ptrdiff_t at; (at = span_find_byte(field, '\r')) >= 0;) {
		field = span_after(field, (size_t)at + 1);
		if (field.len == 0 || field.data[0] != '\n')
			return err_set(err, RC_SYNTAX,
			    "bare CR in a header field; lines end with CRLF");
	}
	return RC_OK;
}

static enum rc
add(struct fields *fields, const struct field *field, struct err *err)
{
	if (fields->len >= FIELD_MAX)
		return err_set(
		    err, RC_LIMIT, "more than %d header fields", FIELD_MAX);
	/* room for a power of two, at least FIELDS_FEW: grow when one is
	 * reached */
	if (fields->len == 0 || (fields->len >= FIELDS_FEW &&
				    (fields->len & (fields->len - 1)) == 0)) {
		size_t cap = fields->len == 0 ? FIELDS_FEW : fields->len * 2;
		struct field *item =
		    reallocarray(fields->item, cap, sizeof(*item));
		if (item == NULL)
			return err_nomem(err, "header");
		fields->item = item;
	}
	fields->item[fields->len++] = *field;
	return RC_OK;
}

/* A little more than allowed is enough to see that it is too much, and keeps
 * a line of many megabytes from being searched to its end. */
static struct span
window(struct span bytes)
{
	return span_first(bytes, FIELD_SECTION_MAX + FIELD_LINE_MAX + 2);
}

static size_t
empty_line_len(struct span rest)
{
	if (span_starts(rest, "\r\n"))
		return 2;
	return span_starts(rest, "\n") ? 1 : 0;
}

static enum rc
check_section(size_t len, struct err *err)
{
	if (len > FIELD_SECTION_MAX)
		return err_set(err, RC_LIMIT, "header larger than %zu bytes",
		    FIELD_SECTION_MAX);
	return RC_OK;
}

static enum rc
parse_into(
    struct fields *fields, struct span bytes, size_t *ret_body, struct err *err)
{
	for (size_t at = 0;;) {
		struct span rest = span_after(window(bytes), at);
		size_t empty = empty_line_len(rest), colon = 0;
		size_t name = empty > 0 ? 0 : name_len(rest, &colon);
		TRY(check_section(at + empty, err));
		if (name == 0) {
			*ret_body = at + empty;
			return RC_OK;
		}
		struct span whole = span_first(rest, field_len(rest));
		TRY(check_section(at + whole.len, err));
		TRY(check_bytes(whole, err));
		struct field field = {whole, span_first(whole, name),
		    span_trim(span_after(whole, colon + 1))};
		TRY(add(fields, &field, err));
		at += whole.len;
	}
}

enum rc
fields_parse(
    struct span bytes, struct fields *ret, size_t *ret_body, struct err *err)
{
	struct fields fields FIELDS_OWNED = FIELDS_NONE;

	TRY(parse_into(&fields, bytes, ret_body, err));
	*ret = fields;
	fields = FIELDS_NONE;
	return RC_OK;
}

const struct field *
fields_find(const struct fields *fields, const char *name)
{
	for (size_t i = 0; i < fields->len; i++)
		if (span_is_nocase(fields->item[i].name, name))
			return &fields->item[i];
	return NULL;
}

size_t
fields_count(const struct fields *fields, const char *name)
{
	size_t count = 0;

	for (size_t i = 0; i < fields->len; i++)
		if (span_is_nocase(fields->item[i].name, name))
			count++;
	return count;
}

struct span
fields_value(const struct fields *fields, const char *name)
{
	const struct field *field = fields_find(fields, name);

	return field == NULL ? SPAN_NONE : field->value;
}

enum rc
field_unfold(struct span value, struct buf *out, struct err *err)
{
	uint8_t *room;
	size_t len = 0;

	TRY(buf_reserve(out, value.len, &room, err));
	for (size_t i = 0; i < value.len; i++)
		if (value.data[i] != '\r' && value.data[i] != '\n')
			room[len++] = value.data[i];
	buf_grown(out, len);
	return RC_OK;
}

/* A line end that no blank follows would begin a field of the peer's choice. */
static enum rc
check_printable(const char *name, struct span value, struct err *err)
{
	struct span field = span_str(name);

	for (size_t i = 0; i < field.len; i++)
		if (!is_name_byte(field.data[i]))
			return err_set(err, RC_SYNTAX, "bad field name");
	if (field.len == 0)
		return err_set(err, RC_SYNTAX, "empty field name");
	TRY(check_bytes(value, err));
	for (size_t i = 0; i < value.len; i++) {
		if (value.data[i] != '\n')
			continue;
		if (i + 1 == value.len || !is_blank(value.data[i + 1]))
			return err_set(
			    err, RC_SYNTAX, "line end inside %s", name);
	}
	return RC_OK;
}

/* The blanks and the word behind them that `rest` begins with. */
static size_t
chunk_len(struct span rest, size_t *ret_blanks)
{
	size_t len = 0;

	while (len < rest.len && is_blank(rest.data[len]))
		len++;
	*ret_blanks = len;
	while (len < rest.len && !is_blank(rest.data[len]))
		len++;
	return len;
}

static enum rc
add_folded(struct buf *text, size_t column, struct span value, struct err *err)
{
	for (size_t at = 0; at < value.len;) {
		size_t blanks;
		size_t len = chunk_len(span_after(value, at), &blanks);
		/* never a line of blanks alone: some readers end the header
		 * there */
		if (at > 0 && len > blanks && column + len > FIELD_FOLD_AT) {
			TRY(buf_add_str(text, "\r\n", err));
			column = 0;
		}
		column += len;
		if (column > FIELD_LINE_MAX)
			return err_set(err, RC_LIMIT,
			    "header line longer than %d bytes", FIELD_LINE_MAX);
		TRY(buf_add(text, span_first(span_after(value, at), len), err));
		at += len;
	}
	return buf_add_str(text, "\r\n", err);
}

enum rc
field_print(
    const char *name, struct span value, struct buf *out, struct err *err)
{
	struct buf flat BUF_OWNED = BUF_SECRET(FIELD_SECTION_MAX);
	struct buf text BUF_OWNED = BUF_SECRET(2 * FIELD_SECTION_MAX);

	while (value.len > 0 && is_blank(value.data[0]))
		value = span_after(value, 1);
	TRY(check_printable(name, value, err));
	TRY(field_unfold(value, &flat, err));
	TRY(buf_add_format(&text, err, "%s: ", name));
	TRY(add_folded(&text, text.len, buf_span(&flat), err));
	return buf_add(out, buf_span(&text), err);
}
