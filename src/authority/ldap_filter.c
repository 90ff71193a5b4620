#include "authority/ldap_ber_priv.h"
#include "authority/ldap_query.h"

static bool match(const struct ldap_ber *part, const struct ldap_entry *entry);

/* The description without ";binary"; other options are other attributes. */
static struct span
bare_name(struct span description)
{
	const size_t option = sizeof(";binary") - 1;

	if (description.len > option &&
	    span_is_nocase(
		span_after(description, description.len - option), ";binary"))
		return span_first(description, description.len - option);
	return description;
}

bool
ldap_attribute_is(
    const struct ldap_attribute *attribute, struct span description)
{
	struct span name = bare_name(description);

	return span_is_nocase(name, attribute->name) ||
	       span_is(name, span_str(attribute->oid));
}

static bool
is_mail(struct span description)
{
	const struct ldap_attribute mail = {
	    .name = "mail", .oid = "0.9.2342.19200300.100.1.3"};

	return ldap_attribute_is(&mail, description) ||
	       span_is_nocase(description, "rfc822Mailbox");
}

/* The two sides of an assertion; the filter was checked. */
static void
sides(struct span value, struct span *ret_name, struct span *ret_want)
{
	*ret_name = *ret_want = SPAN_NONE;
	if (ldap_ber_string(&value, ret_name, NULL) == RC_OK)
		(void)!ldap_ber_string(&value, ret_want, NULL);
}

static enum rc
add_mail(struct span value, struct ldap_mails *ret, struct err *err)
{
	struct span name, want;

	sides(value, &name, &want);
	if (!is_mail(name))
		return RC_OK;
	for (size_t i = 0; i < ret->len; i++)
		if (span_equal_nocase(ret->item[i], want))
			return RC_OK;
	if (ret->len == LDAP_MAILS_MAX)
		return err_set(err, RC_LIMIT,
		    "LDAP: more than %d addresses at once", LDAP_MAILS_MAX);
	ret->item[ret->len++] = want;
	return RC_OK;
}

enum rc
ldap_filter_mails(struct span filter, struct ldap_mails *ret, struct err *err)
{
	struct ldap_ber part;

	while (filter.len > 0) {
		TRY(ldap_ber_next(&filter, &part, err));
		if (part.tag == FILTER_AND || part.tag == FILTER_OR)
			TRY(ldap_filter_mails(part.value, ret, err));
		if (part.tag == FILTER_EQUAL || part.tag == FILTER_ABOUT)
			TRY(add_mail(part.value, ret, err));
	}
	return RC_OK;
}

static const struct ldap_attribute *
find(const struct ldap_entry *entry, struct span name)
{
	for (size_t i = 0; i < entry->len; i++)
		if (ldap_attribute_is(&entry->attribute[i], name) ||
		    (is_mail(name) &&
			is_mail(span_str(entry->attribute[i].name))))
			return &entry->attribute[i];
	return NULL;
}

static bool
match_equal(struct span value, const struct ldap_entry *entry)
{
	struct span name, want;

	sides(value, &name, &want);
	const struct ldap_attribute *attribute = find(entry, name);
	if (attribute == NULL || attribute->binary)
		return false;
	for (size_t i = 0; i < attribute->len; i++)
		if (span_equal_nocase(attribute->value[i], want))
			return true;
	return false;
}

static ptrdiff_t
find_nocase(struct span in, struct span what)
{
	for (size_t at = 0; at + what.len <= in.len; at++)
		if (span_equal_nocase(
			span_first(span_after(in, at), what.len), what))
			return (ptrdiff_t)at;
	return -1;
}

/* initial [0], any [1], final [2], one behind the other */
static bool
fits(struct span text, struct span pieces)
{
	struct ldap_ber piece;

	while (
	    pieces.len > 0 && ldap_ber_next(&pieces, &piece, NULL) == RC_OK) {
		if (piece.tag == 0x82 && piece.value.len <= text.len)
			text = span_after(text, text.len - piece.value.len);
		ptrdiff_t at = find_nocase(text, piece.value);
		if (at < 0 || (piece.tag == 0x80 && at > 0))
			return false;
		text = span_after(text, (size_t)at + piece.value.len);
	}
	return true;
}

static bool
match_substrings(struct span value, const struct ldap_entry *entry)
{
	struct span name = SPAN_NONE;
	struct ldap_ber list;

	if (ldap_ber_string(&value, &name, NULL) != RC_OK ||
	    ldap_ber_next(&value, &list, NULL) != RC_OK)
		return false;
	const struct ldap_attribute *attribute = find(entry, name);
	if (attribute == NULL || attribute->binary)
		return false;
	for (size_t i = 0; i < attribute->len; i++)
		if (fits(attribute->value[i], list.value))
			return true;
	return false;
}

/* "and" of nothing is true, "or" of nothing false (RFC 4526). */
static bool
match_set(struct span set, const struct ldap_entry *entry, bool any)
{
	struct ldap_ber part;

	while (set.len > 0 && ldap_ber_next(&set, &part, NULL) == RC_OK)
		if (match(&part, entry) == any)
			return any;
	return !any;
}

static bool
match(const struct ldap_ber *part, const struct ldap_entry *entry)
{
	switch (part->tag) {
	case FILTER_AND:
		return match_set(part->value, entry, false);
	case FILTER_OR:
		return match_set(part->value, entry, true);
	case FILTER_NOT:
		return !ldap_filter_match(part->value, entry);
	case FILTER_EQUAL:
	case FILTER_ABOUT:
		return match_equal(part->value, entry);
	case FILTER_SUBSTRINGS:
		return match_substrings(part->value, entry);
	case FILTER_PRESENT:
		return find(entry, part->value) != NULL;
	default:
		return false;
	}
}

bool
ldap_filter_match(struct span filter, const struct ldap_entry *entry)
{
	struct ldap_ber part;

	return ldap_ber_next(&filter, &part, NULL) == RC_OK &&
	       match(&part, entry);
}
