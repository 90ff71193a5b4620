#include "mime/protect_head_priv.h"

#include "mime/lines_priv.h"
#include "mime/param_priv.h"
#include "mime/protect_owner_priv.h"
#include "mime/protect_reference.h"
#include "mime/sevenbit_field_priv.h"

#define HEADER_MAX PROTECT_HEADER_MAX
#define BOUNDARY_MAX 70 /* RFC 2046 section 5.1.1 */

/* What is made: stretches of the header of the payload, and the header
 * outside. */
struct composition {
	const struct entity *letter;
	const struct protect_options *options;
	struct protect_head *head;
	struct buf safe;      /* the letter's header, 7-bit: */
	struct fields fields; /* of `safe` */
	struct buf mime;      /* the letter's MIME fields but Content-Type */
	struct buf hp;        /* HP-Outer */
	struct err *err;
};

static void
composition_done(struct composition *made)
{
	fields_done(&made->fields);
	buf_done(&made->safe);
	buf_done(&made->mime);
	buf_done(&made->hp);
}

void
protect_head_done(struct protect_head *head)
{
	buf_done(&head->payload);
	buf_done(&head->end);
	buf_done(&head->outer);
}

/* ---- outside --------------------------------------------------------------- */

/* The name as a C string, for messages and field_print(). */
static enum rc
name_of(const struct field *field, struct buf *out, const char **ret,
    struct err *err)
{
	TRY(buf_add(out, field->name, err));
	return buf_str(out, ret, err);
}

/* RFC 9788 section 2.2: "HP-Outer:" field-name ": " and the value. */
static enum rc
add_hp_outer(struct composition *made, const char *name, struct span value)
{
	struct buf text BUF_OWNED = BUF_SECRET(HEADER_MAX);

	TRY(buf_add_format(&text, made->err, "%s: ", name));
	TRY(buf_add(&text, value, made->err));
	return field_print("HP-Outer", buf_span(&text), &made->hp, made->err);
}

/* The value outside: what the policy leaves, and of that what no letter that
 * is answered kept secret.  RFC 9788 section 5.2.1 asks the second only where
 * the first changed nothing; asked always, it never tells more. */
static enum rc
make_outer_value(struct composition *made, const struct field *field,
    struct buf *out, bool *ret_gone)
{
	const struct protect_reference *reference = made->options->reference;
	enum protect_hide hide = HIDE_NOTHING;
	struct buf left BUF_OWNED = BUF_SECRET(HEADER_MAX);

	if (made->options->encrypting)
		hide = protect_hide_of(made->options->policy, field);
	*ret_gone = hide == HIDE_ALL;
	if (hide == HIDE_ALL)
		return RC_OK;
	TRY(protect_hide_value(field, hide, &left, made->err));
	if (reference == NULL || hide == HIDE_VALUE)
		return buf_add(out, buf_span(&left), made->err);
	return protect_reference_hide(
	    reference, field, buf_span(&left), out, ret_gone, made->err);
}

/* RFC 9788 section 6.1: what was encrypted MUST NOT be sent in clear. */
static enum rc
refuse_leak(const char *name, struct err *err)
{
	return err_set(err, RC_UNFIT,
	    "this answer is not encrypted, and its %s would show what the "
	    "encrypted letter before kept secret",
	    name);
}

static enum rc
add_outer(struct composition *made, const struct field *field)
{
	struct buf value BUF_OWNED = BUF_SECRET(HEADER_MAX);
	struct buf flat BUF_OWNED = BUF_SECRET(HEADER_MAX);
	struct buf text BUF_OWNED = BUF_SECRET(HEADER_MAX);
	const char *name;
	bool gone = false;

	TRY(name_of(field, &text, &name, made->err));
	TRY(make_outer_value(made, field, &value, &gone));
	TRY(field_unfold(field->value, &flat, made->err));
	bool same = !gone && span_is(buf_span(&value), buf_span(&flat));
	if (!made->options->encrypting && !same)
		return refuse_leak(name, made->err);
	if (gone)
		return RC_OK;
	TRY(same ? lines_add_field(field, &made->head->outer, made->err)
		 : field_print(
		       name, buf_span(&value), &made->head->outer, made->err));
	if (!made->options->encrypting)
		return RC_OK;
	return add_hp_outer(made, name, buf_span(&value));
}

/* ---- inside ---------------------------------------------------------------- */

static enum rc
add_field(struct composition *made, const struct field *field)
{
	switch (protect_owner_of(field)) {
	case OWNER_AUTHOR:
	case OWNER_LIST:
		TRY(lines_add_field(field, &made->head->payload, made->err));
		return add_outer(made, field);
	case OWNER_MIME:
		if (span_is_nocase(field->name, "Content-Type"))
			return RC_OK;
		return lines_add_field(field, &made->mime, made->err);
	case OWNER_TRACE:
	case OWNER_SECRET:
	case OWNER_HP:
	case OWNER_VERDICT:
	default:
		return RC_OK;
	}
}

/* The Content-Type as it was written, ready for one more parameter.  Where
 * somebody said hp already, or a display that is not ours, it is written anew
 * without. */
static enum rc
add_type(struct composition *made, struct buf *out)
{
	struct content content CONTENT_OWNED = CONTENT_NONE;
	const char *display = "hp-legacy-display";
	struct span value = fields_value(&made->fields, "Content-Type");

	/* Nothing said is ASCII, and UTF-8 where it is not that: whoever writes
	 * 8-bit letters without MIME means no other. */
	if (value.len == 0)
		value = span_str("text/plain; charset=utf-8");
	TRY(content_parse(value, &content, made->err));
	if (content_param(&content, "hp") != NULL ||
	    (content_param(&content, display) != NULL &&
		!made->options->legacy)) {
		param_remove(&content, "hp");
		if (!made->options->legacy)
			param_remove(&content, display);
		return param_print(&content, "Content-Type", out, made->err);
	}
	while (value.len > 0 && value.data[value.len - 1] == ';') {
		value.len--;
		value = span_trim(value);
	}
	TRY(buf_add_str(out, "Content-Type: ", made->err));
	return lines_add(value, out, made->err);
}

static enum rc
end_type(struct composition *made, struct buf *out)
{
	bool cipher = made->options->encrypting;

	TRY(param_append("hp", cipher ? "cipher" : "clear", out, made->err));
	return buf_add_str(out, "\r\n", made->err);
}

/* The letter as its own payload: its body follows. */
static enum rc
add_letter(struct composition *made, struct buf *out)
{
	TRY(buf_add(out, buf_span(&made->mime), made->err));
	TRY(add_type(made, out));
	TRY(end_type(made, out));
	TRY(buf_add(out, buf_span(&made->hp), made->err));
	return buf_add_str(out, "\r\n", made->err);
}

/* A layer of somebody else's, from which nothing may be taken away, nor be
 * added to what it signs. */
static bool
is_layer(const struct entity *letter)
{
	return entity_is(letter, "multipart", "signed") ||
	       entity_is(letter, "multipart", "encrypted") ||
	       entity_is(letter, "application", "pkcs7-mime") ||
	       entity_is(letter, "application", "x-pkcs7-mime");
}

/* RFC 2046 section 5.1.1, without the blank. */
static bool
is_boundary(const char *text)
{
	static const char others[] = "'()+_,-./:=?";
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
			     (c >= 'a' && c <= 'z');
		if (!alnum && strchr(others, c) == NULL)
			return false;
	}
	return len > 0 && len <= BOUNDARY_MAX;
}

/* hp= must be on the payload, which a reader finds behind all layers: so a
 * layer that is in the letter already must not be the outermost thing. */
static enum rc
add_wrapped(struct composition *made, struct buf *out)
{
	const char *boundary = made->options->boundary;

	if (boundary == NULL || !is_boundary(boundary))
		return err_set(made->err, RC_UNFIT,
		    "no usable boundary to put around a letter that is signed "
		    "or encrypted already");
	made->head->wrapped = true;
	TRY(buf_add_format(out, made->err,
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: multipart/mixed; boundary=\"%s\"",
	    boundary));
	TRY(end_type(made, out));
	TRY(buf_add(out, buf_span(&made->hp), made->err));
	TRY(buf_add_format(out, made->err, "\r\n--%s\r\n", boundary));
	TRY(buf_add(out, buf_span(&made->mime), made->err));
	TRY(lines_add_field(
	    fields_find(&made->fields, "Content-Type"), out, made->err));
	TRY(buf_add_str(out, "\r\n", made->err));
	return buf_add_format(
	    &made->head->end, made->err, "\r\n--%s--\r\n", boundary);
}

static enum rc
finish_payload(struct composition *made)
{
	struct buf *out = &made->head->payload;

	if (made->options->bcc != NULL)
		TRY(field_print(
		    "Bcc", span_str(made->options->bcc), out, made->err));
	return is_layer(made->letter) ? add_wrapped(made, out)
				      : add_letter(made, out);
}

/* Every policy and every HP-Outer is about the fields as they are sent. */
static enum rc
make_safe(struct composition *made)
{
	const struct fields *fields = &made->letter->fields;
	size_t body;

	for (size_t i = 0; i < fields->len; i++)
		TRY(sevenbit_field(
		    &fields->item[i], true, &made->safe, made->err));
	return fields_parse(
	    buf_span(&made->safe), &made->fields, &body, made->err);
}

static enum rc
make(struct composition *made)
{
	/* What readers would see differently must not be given our name. */
	if (made->letter->malformed)
		return err_set(made->err, RC_SYNTAX,
		    "letter with broken MIME structure cannot be protected");
	TRY(make_safe(made));
	for (size_t i = 0; i < made->fields.len; i++)
		TRY(add_field(made, &made->fields.item[i]));
	return finish_payload(made);
}

enum rc
protect_head_make(const struct entity *letter,
    const struct protect_options *options, struct protect_head *ret,
    struct err *err)
{
	struct composition made __attribute__((cleanup(composition_done))) = {
	    letter, options, ret, BUF_SECRET(HEADER_MAX), FIELDS_NONE,
	    BUF_SECRET(HEADER_MAX), BUF_SECRET(HEADER_MAX), err};

	return make(&made);
}
