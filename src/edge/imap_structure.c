#include "edge/imap_structure.h"

#include "edge/imap_envelope.h"
#include "edge/imap_section.h"
#include "proto/imap_token.h"

#define VALUE_MAX FIELD_SECTION_MAX

static enum rc print_part(
    const struct entity *part, bool extended, struct buf *out, struct err *err);

static enum rc
print_text(const char *text, struct buf *out, struct err *err)
{
	return imap_print_string(span_str(text), out, err);
}

/* --- parameters --- */

static bool
is_ascii(const char *text)
{
	for (; *text != '\0'; text++)
		if ((uint8_t)*text >= 0x80)
			return false;
	return true;
}

/* RFC 2231 section 7: attribute-char */
static bool
is_attribute_byte(uint8_t c)
{
	return c > 0x20 && c < 0x7f &&
	       strchr("*'%()<>@,;:\\\"/[]?=", c) == NULL;
}

static enum rc
print_extended(const struct param *param, struct buf *out, struct err *err)
{
	struct buf text BUF_OWNED = BUF(VALUE_MAX * 4);

	TRY(buf_add_format(&text, err, "%s*", param->name));
	TRY(imap_print_string(buf_span(&text), out, err));
	buf_clear(&text);
	TRY(buf_add_str(&text, "utf-8''", err));
	for (const char *at = param->value; *at != '\0'; at++) {
		uint8_t c = (uint8_t)*at;
		TRY(is_attribute_byte(c)
			? buf_add_byte(&text, c, err)
			: buf_add_format(&text, err, "%%%02X", c));
	}
	TRY(buf_add_str(out, " ", err));
	return imap_print_string(buf_span(&text), out, err);
}

static enum rc
print_param(const struct param *param, struct buf *out, struct err *err)
{
	if (!is_ascii(param->value))
		return print_extended(param, out, err);
	TRY(print_text(param->name, out, err));
	TRY(buf_add_str(out, " ", err));
	return print_text(param->value, out, err);
}

/* RFC 2045 section 5.2: text without a charset is in US-ASCII, and that is
 * said. */
static enum rc
print_params(const struct content *content, struct buf *out, struct err *err)
{
	bool unsaid = content_is(content, "text", NULL) &&
		      content_param(content, "charset") == NULL;

	if (content->params == 0 && !unsaid)
		return buf_add_str(out, "NIL", err);
	for (size_t i = 0; i < content->params; i++) {
		TRY(buf_add_str(out, i == 0 ? "(" : " ", err));
		TRY(print_param(&content->param[i], out, err));
	}
	if (unsaid)
		TRY(buf_add_format(out, err, "%s\"charset\" \"us-ascii\"",
		    content->params == 0 ? "(" : " "));
	return buf_add_str(out, ")", err);
}

/* --- what BODYSTRUCTURE has more than BODY --- */

static enum rc
print_disposition(const struct fields *fields, struct buf *out, struct err *err)
{
	struct content content CONTENT_OWNED = CONTENT_NONE;
	const struct field *field = fields_find(fields, "Content-Disposition");
	struct err ignored;

	if (field == NULL)
		return buf_add_str(out, "NIL", err);
	enum rc rc = content_parse(field->value, &content, &ignored);
	if (rc == RC_NOMEM)
		return err_nomem(err, "Content-Disposition");
	if (rc != RC_OK)
		return buf_add_str(out, "NIL", err);
	TRY(buf_add_str(out, "(", err));
	TRY(print_text(content.type, out, err));
	TRY(buf_add_str(out, " ", err));
	TRY(print_params(&content, out, err));
	return buf_add_str(out, ")", err);
}

/* RFC 3282: tags with commas between; always as a list. */
static enum rc
print_languages(const struct fields *fields, struct buf *out, struct err *err)
{
	struct span rest = fields_value(fields, "Content-Language");
	bool any = false;

	while (rest.len > 0) {
		ptrdiff_t comma = span_find_byte(rest, ',');
		size_t len = comma < 0 ? rest.len : (size_t)comma;
		struct span tag = span_trim(span_first(rest, len));
		rest = span_after(rest, len + 1);
		if (tag.len == 0 || span_find_byte(tag, '\n') >= 0)
			continue;
		TRY(buf_add_str(out, any ? " " : "(", err));
		TRY(imap_print_string(tag, out, err));
		any = true;
	}
	return buf_add_str(out, any ? ")" : "NIL", err);
}

/* disposition, language, location */
static enum rc
print_extension(const struct entity *part, struct buf *out, struct err *err)
{
	TRY(buf_add_str(out, " ", err));
	TRY(print_disposition(&part->fields, out, err));
	TRY(buf_add_str(out, " ", err));
	TRY(print_languages(&part->fields, out, err));
	TRY(buf_add_str(out, " ", err));
	return imap_print_field(&part->fields, "Content-Location", out, err);
}

/* --- leaves --- */

static enum rc
print_encoding(const struct entity *part, struct buf *out, struct err *err)
{
	static const char *const names[] = {
	    [ENCODING_7BIT] = "7bit",
	    [ENCODING_8BIT] = "8bit",
	    [ENCODING_BINARY] = "binary",
	    [ENCODING_QP] = "quoted-printable",
	    [ENCODING_BASE64] = "base64",
	};

	if (part->encoding != ENCODING_UNKNOWN)
		return print_text(names[part->encoding], out, err);
	return imap_print_field(
	    &part->fields, "Content-Transfer-Encoding", out, err);
}

static size_t
count_lines(struct span text)
{
	size_t lines = 0;

	for (size_t i = 0; i < text.len; i++)
		lines += text.data[i] == '\n';
	return lines;
}

/* type subtype parameters id description encoding octets */
static enum rc
print_basics(const struct entity *part, struct buf *out, struct err *err)
{
	TRY(print_text(part->type.type, out, err));
	TRY(buf_add_str(out, " ", err));
	TRY(print_text(part->type.subtype, out, err));
	TRY(buf_add_str(out, " ", err));
	TRY(print_params(&part->type, out, err));
	TRY(buf_add_str(out, " ", err));
	TRY(imap_print_field(&part->fields, "Content-ID", out, err));
	TRY(buf_add_str(out, " ", err));
	TRY(imap_print_field(&part->fields, "Content-Description", out, err));
	TRY(buf_add_str(out, " ", err));
	TRY(print_encoding(part, out, err));
	return buf_add_format(out, err, " %zu", part->body.len);
}

#define EMPTY_PART "(\"text\" \"plain\" NIL NIL NIL \"7bit\" 0 0)"

/* A message/rfc822 that cannot be looked into (it is base64, say) still has to
 * have an envelope and a body by the grammar. */
static enum rc
print_message(
    const struct entity *part, bool extended, struct buf *out, struct err *err)
{
	static const struct fields none = {NULL, 0};
	const struct entity *inner = part->child;

	TRY(buf_add_str(out, " ", err));
	TRY(imap_envelope_print(
	    inner != NULL ? &inner->fields : &none, out, err));
	TRY(buf_add_str(out, " ", err));
	TRY(inner != NULL ? print_part(inner, extended, out, err)
			  : buf_add_str(out, EMPTY_PART, err));
	return buf_add_format(out, err, " %zu", count_lines(part->body));
}

static enum rc
print_leaf(
    const struct entity *part, bool extended, struct buf *out, struct err *err)
{
	TRY(print_basics(part, out, err));
	if (entity_is(part, "message", "rfc822"))
		TRY(print_message(part, extended, out, err));
	else if (entity_is(part, "text", NULL))
		TRY(buf_add_format(out, err, " %zu", count_lines(part->body)));
	if (!extended)
		return RC_OK;
	TRY(buf_add_str(out, " ", err));
	TRY(imap_print_field(&part->fields, "Content-MD5", out, err));
	return print_extension(part, out, err);
}

/* --- containers --- */

/* The grammar has no multipart without parts: one that we could not divide
 * (no boundary) is said to hold one empty text. */
static enum rc
print_multipart(
    const struct entity *part, bool extended, struct buf *out, struct err *err)
{
	if (part->child == NULL)
		TRY(buf_add_str(out, EMPTY_PART, err));
	for (const struct entity *at = part->child; at != NULL; at = at->next)
		TRY(print_part(at, extended, out, err));
	TRY(buf_add_str(out, " ", err));
	TRY(print_text(part->type.subtype, out, err));
	if (!extended)
		return RC_OK;
	TRY(buf_add_str(out, " ", err));
	TRY(print_params(&part->type, out, err));
	return print_extension(part, out, err);
}

static enum rc
print_part(
    const struct entity *part, bool extended, struct buf *out, struct err *err)
{
	TRY(buf_add_str(out, "(", err));
	TRY(entity_is(part, "multipart", NULL)
		? print_multipart(part, extended, out, err)
		: print_leaf(part, extended, out, err));
	return buf_add_str(out, ")", err);
}

enum rc
imap_structure_print(const struct entity *letter, bool extended,
    struct buf *out, struct err *err)
{
	size_t was = out->len;
	enum rc rc = print_part(letter, extended, out, err);

	if (rc != RC_OK)
		buf_cut(out, was);
	return rc;
}
