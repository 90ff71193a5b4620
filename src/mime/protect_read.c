/* What a received letter's header is worth: mime/protect, the reading half;
 * how the letter is shown is in protect_view.c. */
#include <strings.h>

#include "mime/address.h"
#include "mime/protect_outside_priv.h"
#include "mime/protect_owner_priv.h"

/* ---- which header ------------------------------------------------------------ */

static bool
is_one(const char *hp, const char *value)
{
	return hp != NULL && strcasecmp(hp, value) == 0;
}

/* One field that names somebody, and in no group: who wrote a letter is not
 * guessed. */
static bool
read_from(const struct entity *entity, struct mailboxes *list)
{
	return fields_count(&entity->fields, "From") == 1 &&
	       mailboxes_parse(fields_value(&entity->fields, "From"), list,
		   NULL) == RC_OK &&
	       list->len > 0 && !list->has_group;
}

static bool
same_from(const struct entity *a, const struct entity *b)
{
	struct mailboxes from_a MAILBOXES_OWNED = MAILBOXES_NONE;
	struct mailboxes from_b MAILBOXES_OWNED = MAILBOXES_NONE;

	if (!read_from(a, &from_a) || !read_from(b, &from_b) ||
	    from_a.len != from_b.len)
		return false;
	for (size_t i = 0; i < from_a.len; i++)
		if (!address_matches(
			from_a.item[i].address, from_b.item[i].address))
			return false;
	return true;
}

static bool
is_layer(const struct entity *entity)
{
	return entity_is(entity, "multipart", "signed") ||
	       entity_is(entity, "multipart", "encrypted") ||
	       entity_is(entity, "application", "pkcs7-mime") ||
	       entity_is(entity, "application", "x-pkcs7-mime");
}

/* RFC 9788 section 4.10.  A letter that somebody forwards whole and signs
 * looks the same, but for its author: then it is shown as what it is, a
 * message inside, and not as its author's own. */
static bool
is_wrapped(const struct protect_letter *letter)
{
	const struct entity *payload = letter->payload;
	const struct entity *inner = payload->child;

	return payload != letter->outer && !payload->malformed &&
	       entity_is(payload, "message", "rfc822") && inner != NULL &&
	       !is_layer(inner) && content_param(&inner->type, "hp") == NULL &&
	       same_from(letter->outer, inner);
}

enum protect_form
protect_form_of(const struct protect_letter *letter)
{
	const char *hp;

	/* without a layer there is no payload, and hp= says nothing */
	if (letter->payload == NULL || letter->payload == letter->outer)
		return PROTECT_FORM_NONE;
	hp = content_param(&letter->payload->type, "hp");
	if (is_one(hp, "cipher"))
		return PROTECT_FORM_CIPHER;
	if (is_one(hp, "clear"))
		return PROTECT_FORM_CLEAR;
	return hp == NULL && is_wrapped(letter) ? PROTECT_FORM_WRAPPED
						: PROTECT_FORM_NONE;
}

const struct entity *
protect_header_of(const struct protect_letter *letter)
{
	switch (protect_form_of(letter)) {
	case PROTECT_FORM_CLEAR:
	case PROTECT_FORM_CIPHER:
		return letter->payload;
	case PROTECT_FORM_WRAPPED:
		return letter->payload->child;
	case PROTECT_FORM_NONE:
	default:
		return letter->outer;
	}
}

/* ---- what it is worth --------------------------------------------------------- */

enum protect_state
protect_field_state(
    const struct protect_letter *letter, const struct field *field)
{
	enum protect_form form = protect_form_of(letter);
	bool valid = letter->signature_valid;

	if (form == PROTECT_FORM_NONE || !protect_is_protected(field))
		return PROTECT_UNPROTECTED;
	struct outside outside = outside_of(letter);
	/* hp="clear" inside encryption: somebody else encrypted it, and what
	 * stood outside is not known. */
	if (letter->encrypted && form != PROTECT_FORM_CLEAR &&
	    !outside_has(&outside, field))
		return valid ? PROTECT_SIGNED_AND_ENCRYPTED
			     : PROTECT_ENCRYPTED_ONLY;
	return valid ? PROTECT_SIGNED_ONLY : PROTECT_UNPROTECTED;
}

enum protect_state
protect_state_of(const struct protect_letter *letter, const char *name)
{
	const struct field *field =
	    fields_find(&protect_header_of(letter)->fields, name);

	return field == NULL ? PROTECT_UNPROTECTED
			     : protect_field_state(letter, field);
}

bool
protect_agrees(const struct protect_letter *letter)
{
	static const char *const names[] = {
	    "From", "Sender", "Reply-To", "To", "Cc", "Subject", "Date"};
	const struct fields *inside = &protect_header_of(letter)->fields;
	const struct fields *outside = &letter->outer->fields;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t count = fields_count(inside, names[i]);
		if (count > 1 || fields_count(outside, names[i]) != count ||
		    !outside_same_value(fields_value(outside, names[i]),
			fields_value(inside, names[i])))
			return false;
	}
	return true;
}

bool
protect_claims_other(const struct protect_letter *letter)
{
	return letter->payload != NULL && letter->payload != letter->outer &&
	       protect_form_of(letter) == PROTECT_FORM_NONE &&
	       fields_count(&letter->payload->fields, "From") > 0 &&
	       !same_from(letter->outer, letter->payload);
}

bool
protect_from_matches(const struct protect_letter *letter)
{
	return same_from(letter->outer, protect_header_of(letter));
}
