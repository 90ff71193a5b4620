#include "mime/protect.h"

#include <strings.h>

#include "base/own.h"
#include "codec/when.h"
#include "mime/address.h"
#include "mime/legacy_priv.h"
#include "mime/lines_priv.h"
#include "mime/param_priv.h"
#include "mime/sevenbit.h"

#define HEADER_MAX (4 * FIELD_SECTION_MAX)

OWNER(struct entity, entity_free);

/* Who a field belongs to, by its name; "*" at the end for all that begin so.
 * What is not named here is the author's. */
enum owner {
	OWNER_AUTHOR,
	OWNER_MIME,    /* describes the part it stands in */
	OWNER_TRACE,   /* of who carried the letter */
	OWNER_LIST,    /* of a list, but an author may set it too */
	OWNER_SECRET,  /* goes nowhere */
	OWNER_HP,      /* says what stood outside */
	OWNER_VERDICT, /* only ours counts, and only outside */
};

static const struct {
	const char *name;
	enum owner owner;
} owners[] = {
    {"MIME-Version", OWNER_MIME},
    {"Content-*", OWNER_MIME},
    {"Received", OWNER_TRACE},
    {"Received-SPF", OWNER_TRACE},
    {"Return-Path", OWNER_TRACE},
    {"Delivered-To", OWNER_TRACE},
    {"Envelope-To", OWNER_TRACE},
    {"X-Original-To", OWNER_TRACE},
    {"X-Envelope-*", OWNER_TRACE},
    {"DKIM-Signature", OWNER_TRACE},
    {"DomainKey-Signature", OWNER_TRACE},
    {"Authentication-Results", OWNER_TRACE},
    {"ARC-*", OWNER_TRACE},
    {"X-Spam*", OWNER_TRACE},
    {"X-Virus*", OWNER_TRACE},
    {"List-*", OWNER_LIST},
    {"Archived-At", OWNER_LIST},
    {"Bcc", OWNER_SECRET},
    {"Resent-Bcc", OWNER_SECRET},
    {"HP-Outer", OWNER_HP},
    {"Letterlock-Verdict", OWNER_VERDICT},
};

static enum owner
owner_of(const struct field *field)
{
	for (size_t i = 0; i < sizeof(owners) / sizeof(owners[0]); i++) {
		struct span name = span_str(owners[i].name);
		struct span got = field->name;
		if (name.data[name.len - 1] == '*') {
			name.len--;
			got = span_first(got, name.len);
		}
		if (span_equal_nocase(got, name))
			return owners[i].owner;
	}
	return OWNER_AUTHOR;
}

/* What a policy makes of a field (RFC 9788 section 3.2). */
enum hide { HIDE_NOTHING, HIDE_VALUE, HIDE_ALL, HIDE_NAMES, HIDE_ZONE };

static enum hide
hide_of(enum protect_policy policy, const struct field *field)
{
	static const struct {
		const char *name;
		enum hide baseline, shy;
	} rules[] = {
	    {"Subject", HIDE_VALUE, HIDE_VALUE},
	    {"Comments", HIDE_ALL, HIDE_ALL},
	    {"Keywords", HIDE_ALL, HIDE_ALL},
	    /* the subject once more, as Outlook writes it */
	    {"Thread-Topic", HIDE_ALL, HIDE_ALL},
	    {"From", HIDE_NOTHING, HIDE_NAMES},
	    {"To", HIDE_NOTHING, HIDE_NAMES},
	    {"Cc", HIDE_NOTHING, HIDE_NAMES},
	    {"Date", HIDE_NOTHING, HIDE_ZONE},
	};

	if (policy == PROTECT_NONE)
		return HIDE_NOTHING;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (span_is_nocase(field->name, rules[i].name))
			return policy == PROTECT_SHY ? rules[i].shy
						     : rules[i].baseline;
	return HIDE_NOTHING;
}

/* Append only the addresses; the value as it is where they cannot be told
 * from names, or there are none. */
static enum rc
add_addresses(struct span value, struct buf *out, struct err *err)
{
	struct mailboxes list MAILBOXES_OWNED = MAILBOXES_NONE;
	enum rc rc = mailboxes_parse(value, &list, err);

	if (rc != RC_OK && rc != RC_SYNTAX)
		return rc;
	if (list.len == 0)
		return field_unfold(value, out, err);
	for (size_t i = 0; i < list.len; i++) {
		if (i > 0)
			TRY(buf_add_str(out, ", ", err));
		TRY(buf_add_str(out, list.item[i].address, err));
	}
	return RC_OK;
}

static enum rc
add_utc(struct span value, struct buf *out, struct err *err)
{
	char text[WHEN_TEXT_MAX];
	int64_t when;

	if (when_parse_mail(value, &when, err) != RC_OK)
		return field_unfold(value, out, err);
	when_print_mail(when, text);
	return buf_add_str(out, text, err);
}

/* Append the value that stands outside. */
static enum rc
add_outer_value(
    const struct field *field, enum hide hide, struct buf *out, struct err *err)
{
	switch (hide) {
	case HIDE_VALUE:
		return buf_add_str(out, "[...]", err);
	case HIDE_NAMES:
		return add_addresses(field->value, out, err);
	case HIDE_ZONE:
		return add_utc(field->value, out, err);
	case HIDE_NOTHING:
	case HIDE_ALL:
	default:
		return field_unfold(field->value, out, err);
	}
}

/* The name as a C string, for messages and field_print(). */
static enum rc
name_of(const struct field *field, struct buf *out, const char **ret,
    struct err *err)
{
	TRY(buf_add(out, field->name, err));
	return buf_str(out, ret, err);
}

/* What compose makes: three stretches of the header of the payload, and the
 * header outside. */
struct composition {
	enum protect_policy policy;
	bool encrypting;
	struct buf payload; /* so far */
	struct buf mime;    /* the letter's MIME fields but Content-Type */
	struct buf hp;      /* HP-Outer */
	struct buf outer;
};

static void
composition_done(struct composition *made)
{
	buf_done(&made->payload);
	buf_done(&made->mime);
	buf_done(&made->hp);
	buf_done(&made->outer);
}

/* RFC 9788 section 2.2: "HP-Outer:" field-name ": " and the value. */
static enum rc
add_hp_outer(struct composition *made, const char *name, struct span value,
    struct err *err)
{
	struct buf text BUF_OWNED = BUF(HEADER_MAX);

	TRY(buf_add_format(&text, err, "%s: ", name));
	TRY(buf_add(&text, value, err));
	return field_print("HP-Outer", buf_span(&text), &made->hp, err);
}

static enum rc
add_outer(struct composition *made, const struct field *field, struct err *err)
{
	struct buf value BUF_OWNED = BUF(HEADER_MAX);
	struct buf text BUF_OWNED = BUF(HEADER_MAX);
	enum hide hide = hide_of(made->policy, field);
	const char *name;

	if (!made->encrypting)
		return lines_add_field(field, &made->outer, err);
	if (hide == HIDE_ALL)
		return RC_OK;
	TRY(name_of(field, &text, &name, err));
	TRY(add_outer_value(field, hide, &value, err));
	TRY(hide == HIDE_NOTHING
		? lines_add_field(field, &made->outer, err)
		: field_print(name, buf_span(&value), &made->outer, err));
	return add_hp_outer(made, name, buf_span(&value), err);
}

static enum rc
add_field(struct composition *made, const struct field *field, struct err *err)
{
	switch (owner_of(field)) {
	case OWNER_AUTHOR:
	case OWNER_LIST:
		TRY(lines_add_field(field, &made->payload, err));
		return add_outer(made, field, err);
	case OWNER_MIME:
		if (span_is_nocase(field->name, "Content-Type"))
			return RC_OK;
		return lines_add_field(field, &made->mime, err);
	case OWNER_TRACE:
	case OWNER_SECRET:
	case OWNER_HP:
	case OWNER_VERDICT:
	default:
		return RC_OK;
	}
}

/* The Content-Type as it was written, ready for one more parameter.  Where
 * somebody said hp already, it is written anew without. */
static enum rc
add_type(const struct entity *letter, struct buf *out, struct err *err)
{
	struct content content CONTENT_OWNED = CONTENT_NONE;
	struct span value = fields_value(&letter->fields, "Content-Type");

	if (value.len == 0)
		value = span_str("text/plain; charset=us-ascii");
	TRY(content_parse(value, &content, err));
	if (content_param(&content, "hp") != NULL ||
	    content_param(&content, "hp-legacy-display") != NULL) {
		param_remove(&content, "hp");
		param_remove(&content, "hp-legacy-display");
		return param_print(&content, "Content-Type", out, err);
	}
	while (value.len > 0 && value.data[value.len - 1] == ';') {
		value.len--;
		value = span_trim(value);
	}
	TRY(buf_add_str(out, "Content-Type: ", err));
	return lines_add(value, out, err);
}

static enum rc
finish_payload(struct composition *made, const struct entity *letter,
    const char *bcc, struct err *err)
{
	struct buf *out = &made->payload;

	if (bcc != NULL)
		TRY(field_print("Bcc", span_str(bcc), out, err));
	TRY(buf_add(out, buf_span(&made->mime), err));
	TRY(add_type(letter, out, err));
	TRY(param_append(
	    "hp", made->encrypting ? "cipher" : "clear", out, err));
	TRY(buf_add_str(out, "\r\n", err));
	TRY(buf_add(out, buf_span(&made->hp), err));
	TRY(buf_add_str(out, "\r\n", err));
	return buf_add(out, letter->body, err);
}

static enum rc
compose(struct composition *made, const struct entity *letter, const char *bcc,
    struct err *err)
{
	/* What readers would see differently must not be given our name. */
	if (letter->malformed)
		return err_set(err, RC_SYNTAX,
		    "letter with broken MIME structure cannot be protected");
	for (size_t i = 0; i < letter->fields.len; i++)
		TRY(add_field(made, &letter->fields.item[i], err));
	return finish_payload(made, letter, bcc, err);
}

/* The bytes to be signed are what our one parser makes of them, 7-bit. */
static enum rc
print_safe(struct span payload, struct buf *out, struct err *err)
{
	struct entity *entity OWNED(entity_free) = NULL;

	TRY(entity_parse(payload, ENTITY_LIMITS, &entity, err));
	return sevenbit_print(entity, out, err);
}

enum rc
protect_compose(const struct entity *letter, enum protect_policy policy,
    bool encrypting, const char *bcc, struct buf *payload, struct buf *outer,
    struct err *err)
{
	struct composition made __attribute__((cleanup(composition_done))) = {
	    policy, encrypting, BUF(SIZE_MAX / 2), BUF(HEADER_MAX),
	    BUF(HEADER_MAX), BUF(HEADER_MAX)};
	size_t before = payload->len;

	TRY(compose(&made, letter, bcc, err));
	TRY(print_safe(buf_span(&made.payload), payload, err));
	enum rc rc = buf_add(outer, buf_span(&made.outer), err);
	if (rc != RC_OK)
		buf_cut(payload, before);
	return rc;
}

const char *
protect_hp(const struct entity *payload)
{
	const char *hp = content_param(&payload->type, "hp");

	if (hp != NULL && strcasecmp(hp, "cipher") == 0)
		return "cipher";
	return hp != NULL && strcasecmp(hp, "clear") == 0 ? "clear" : NULL;
}

/* Both without folds and outer blanks: what is compared must not depend on
 * where somebody broke the line. */
static bool
same_value(struct span a, struct span b)
{
	struct buf flat_a BUF_OWNED = BUF(FIELD_SECTION_MAX);
	struct buf flat_b BUF_OWNED = BUF(FIELD_SECTION_MAX);

	/* In doubt another value: the field then counts as hidden outside,
	 * which keeps a reply from telling it. */
	if (field_unfold(a, &flat_a, NULL) != RC_OK ||
	    field_unfold(b, &flat_b, NULL) != RC_OK)
		return false;
	return span_is(
	    span_trim(buf_span(&flat_a)), span_trim(buf_span(&flat_b)));
}

/* Does an HP-Outer say that this very field stood outside? */
static bool
stood_outside(const struct entity *payload, const struct field *field)
{
	for (size_t i = 0; i < payload->fields.len; i++) {
		const struct field *hp = &payload->fields.item[i];
		ptrdiff_t colon = span_find_byte(hp->value, ':');
		if (owner_of(hp) != OWNER_HP || colon < 0)
			continue;
		struct span name =
		    span_trim(span_first(hp->value, (size_t)colon));
		struct span value = span_after(hp->value, (size_t)colon + 1);
		if (span_equal_nocase(name, field->name) &&
		    same_value(value, field->value))
			return true;
	}
	return false;
}

bool
protect_agrees(const struct entity *outer, const struct entity *payload)
{
	static const char *const names[] = {
	    "From", "Sender", "Reply-To", "To", "Cc", "Subject", "Date"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t count = fields_count(&payload->fields, names[i]);
		if (count > 1 ||
		    fields_count(&outer->fields, names[i]) != count ||
		    !same_value(fields_value(&outer->fields, names[i]),
			fields_value(&payload->fields, names[i])))
			return false;
	}
	return true;
}

static bool
is_protected(const struct field *field)
{
	enum owner owner = owner_of(field);

	return owner == OWNER_AUTHOR || owner == OWNER_LIST ||
	       owner == OWNER_SECRET;
}

enum protect_state
protect_field(const struct entity *payload, const char *name, bool encrypted,
    bool signature_valid)
{
	const struct field *field = fields_find(&payload->fields, name);
	const char *hp = protect_hp(payload);

	if (hp == NULL || field == NULL || !is_protected(field))
		return PROTECT_UNPROTECTED;
	/* hp="clear" inside encryption: somebody else encrypted it, and what
	 * stood outside is not known. */
	if (encrypted && strcmp(hp, "cipher") == 0 &&
	    !stood_outside(payload, field))
		return signature_valid ? PROTECT_SIGNED_AND_ENCRYPTED
				       : PROTECT_ENCRYPTED_ONLY;
	return signature_valid ? PROTECT_SIGNED_ONLY : PROTECT_UNPROTECTED;
}

/* RFC 9788 section 7: fields of those who carried the letter are outside, by
 * nature; a trace field inside would be the sender's word for theirs. */
static enum rc
add_outer_fields(const struct entity *outer, const struct entity *payload,
    struct buf *out, struct err *err)
{
	bool all = protect_hp(payload) == NULL;

	for (size_t i = 0; i < outer->fields.len; i++) {
		const struct field *field = &outer->fields.item[i];
		enum owner owner = owner_of(field);
		if (owner == OWNER_MIME || owner == OWNER_VERDICT)
			continue;
		bool list = owner == OWNER_LIST;
		for (size_t p = 0; list && p < payload->fields.len; p++)
			if (span_equal_nocase(
				payload->fields.item[p].name, field->name))
				list = false;
		if (all || list || owner == OWNER_TRACE)
			TRY(lines_add_field(field, out, err));
	}
	return RC_OK;
}

static enum rc
add_protected_fields(
    const struct entity *payload, struct buf *out, struct err *err)
{
	if (protect_hp(payload) == NULL)
		return RC_OK;
	for (size_t i = 0; i < payload->fields.len; i++)
		if (is_protected(&payload->fields.item[i]))
			TRY(lines_add_field(
			    &payload->fields.item[i], out, err));
	return RC_OK;
}

static enum rc
add_plain_type(const struct field *field, struct buf *out, struct err *err)
{
	struct content content CONTENT_OWNED = CONTENT_NONE;

	enum rc rc = content_parse(field->value, &content, err);
	if (rc != RC_OK)
		return rc == RC_NOMEM ? rc : lines_add_field(field, out, err);
	if (content_param(&content, "hp") == NULL &&
	    content_param(&content, "hp-legacy-display") == NULL)
		return lines_add_field(field, out, err);
	param_remove(&content, "hp");
	param_remove(&content, "hp-legacy-display");
	TRY(param_print(&content, "Content-Type", out, err));
	return buf_add_str(out, "\r\n", err);
}

/* Only the first of each name: the one that we went by. */
static enum rc
add_mime_fields(const struct entity *payload, struct buf *out, struct err *err)
{
	TRY(buf_add_str(out, "MIME-Version: 1.0\r\n", err));
	for (size_t i = 0; i < payload->fields.len; i++) {
		const struct field *field = &payload->fields.item[i];
		bool first = true;
		for (size_t p = 0; p < i; p++)
			if (span_equal_nocase(
				payload->fields.item[p].name, field->name))
				first = false;
		if (owner_of(field) != OWNER_MIME || !first ||
		    span_is_nocase(field->name, "MIME-Version"))
			continue;
		TRY(span_is_nocase(field->name, "Content-Type")
			? add_plain_type(field, out, err)
			: lines_add_field(field, out, err));
	}
	return buf_add_str(out, "\r\n", err);
}

/* Is the outer layer, as it says, one that encrypts? */
static bool
says_encrypted(const struct entity *outer)
{
	const char *type = content_param(&outer->type, "smime-type");

	if (!entity_is(outer, "application", "pkcs7-mime") &&
	    !entity_is(outer, "application", "x-pkcs7-mime"))
		return false;
	return type == NULL || strcasecmp(type, "enveloped-data") == 0 ||
	       strcasecmp(type, "authEnveloped-data") == 0;
}

static bool
has_binary(const struct entity *entity)
{
	if (entity->encoding == ENCODING_BINARY)
		return true;
	for (const struct entity *c = entity->child; c != NULL; c = c->next)
		if (has_binary(c))
			return true;
	return false;
}

static enum rc
reveal(const struct entity *outer, const struct entity *payload,
    struct buf *out, struct err *err)
{
	struct edits edits EDITS_OWNED = EDITS_NONE;
	const char *hp = protect_hp(payload);

	if (hp != NULL && strcmp(hp, "cipher") == 0 && says_encrypted(outer))
		TRY(legacy_remove(payload, &edits, err));
	TRY(add_outer_fields(outer, payload, out, err));
	TRY(add_protected_fields(payload, out, err));
	TRY(add_mime_fields(payload, out, err));
	return edits_print(
	    &edits, payload->body, !has_binary(payload), out, err);
}

enum rc
protect_reveal(const struct entity *outer, const struct entity *payload,
    struct buf *out, struct err *err)
{
	size_t before = out->len;
	enum rc rc = reveal(outer, payload, out, err);

	if (rc != RC_OK)
		buf_cut(out, before);
	return rc;
}
