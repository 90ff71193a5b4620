/* The rules on keys' names, on where the status is told, and on the rest. */
#include "authority/lint_priv.h"

#define GENERAL_URI DER_CONTEXT(6)
#define KEY_ID_MAX 20

/* The octets of a SubjectKeyIdentifier; none if there is none. */
static struct span
key_id(const struct lint_cert *cert)
{
	const struct lint_extension *found =
	    lint_find(cert, OID_SUBJECT_KEY_ID);
	struct der octets;

	if (found == NULL || !lint_first(found->value, DER_OCTETS, &octets) ||
	    octets.whole.len != found->value.len)
		return SPAN_NONE;
	return octets.value;
}

static bool
key_has_a_name(const struct lint_cert *cert)
{
	struct span id = key_id(cert);

	return id.len > 0 && id.len <= KEY_ID_MAX &&
	       !lint_find(cert, OID_SUBJECT_KEY_ID)->critical;
}

static bool
issuer_key_is_named(const struct lint_cert *cert)
{
	const struct lint_extension *found =
	    lint_find(cert, OID_AUTHORITY_KEY_ID);
	struct span list = lint_list(cert, OID_AUTHORITY_KEY_ID);
	struct der id;

	return found != NULL && !found->critical && lint_count(list) == 1 &&
	       lint_first(list, DER_CONTEXT(0), &id) &&
	       (cert->above == NULL || span_is(id.value, key_id(cert->above)));
}

/* A reader that had to check a TLS certificate to fetch a status would have to
 * fetch that one's status first. */
static bool
is_web(const struct der *name)
{
	return name->tag == GENERAL_URI && name->value.len > 7 &&
	       span_starts(name->value, "http://");
}

/* Of a DistributionPoint with nothing but a fullName: its URLs. */
static bool
point_is_web(const struct der *point)
{
	struct der name, full, url;

	if (point->tag != DER_SEQUENCE ||
	    !lint_first(point->value, DER_CONTEXT_OF(0), &name) ||
	    name.whole.len != point->value.len ||
	    !lint_first(name.value, DER_CONTEXT_OF(0), &full) ||
	    full.value.len == 0)
		return false;
	while (lint_next(&full.value, &url))
		if (!is_web(&url))
			return false;
	return true;
}

static bool
list_is_named(const struct lint_cert *cert)
{
	return cert->wish->unpublished ||
	       lint_count(lint_list(cert, OID_LISTS)) > 0;
}

static bool
lists_are_on_the_web(const struct lint_cert *cert)
{
	const struct lint_extension *found = lint_find(cert, OID_LISTS);
	struct span list = lint_list(cert, OID_LISTS);
	struct der point;

	if (found == NULL)
		return true;
	while (lint_next(&list, &point))
		if (!point_is_web(&point))
			return false;
	return !found->critical;
}

/* AccessDescription ::= SEQUENCE { method, location } */
static bool
read_access(const struct der *one, struct span *ret_method, struct der *ret_url)
{
	struct span in = one->value;
	struct der method;

	if (one->tag != DER_SEQUENCE || !lint_next(&in, &method) ||
	    !lint_next(&in, ret_url) || in.len > 0)
		return false;
	*ret_method = method.value;
	return true;
}

static bool
issuer_is_published(const struct lint_cert *cert)
{
	struct span list = lint_list(cert, OID_ACCESS), method;
	struct der one, url;

	while (lint_next(&list, &one))
		if (read_access(&one, &method, &url) &&
		    span_is(method, OID_ACCESS_ISSUER))
			return true;
	return cert->wish->unpublished;
}

static bool
access_is_by_web(const struct lint_cert *cert)
{
	const struct lint_extension *found = lint_find(cert, OID_ACCESS);
	struct span list = lint_list(cert, OID_ACCESS), method;
	struct der one, url;

	if (found == NULL)
		return true;
	while (lint_next(&list, &one))
		if (!read_access(&one, &method, &url) || !is_web(&url) ||
		    (!span_is(method, OID_ACCESS_ISSUER) &&
			!span_is(method, OID_ACCESS_OCSP)))
			return false;
	return !found->critical;
}

static bool
root_points_nowhere(const struct lint_cert *cert)
{
	return lint_find(cert, OID_LISTS) == NULL &&
	       lint_find(cert, OID_ACCESS) == NULL;
}

/* "The value of the extension SHALL be NULL" (RFC 6960 section 4.2.2.2.1). */
static bool
responder_is_not_asked_about(const struct lint_cert *cert)
{
	const struct lint_extension *found = lint_find(cert, OID_NO_CHECK);

	return found != NULL && span_is(found->value, OID("\x05\x00"));
}

static bool
is_asked_about(const struct lint_cert *cert)
{
	return lint_find(cert, OID_NO_CHECK) == NULL;
}

/* SMIMECapabilities ::= SEQUENCE OF SEQUENCE { OID, parameters OPTIONAL } */
static bool
capabilities_are_of_mail(const struct lint_cert *cert)
{
	const struct lint_extension *found = lint_find(cert, OID_CAPABILITIES);
	struct span list = lint_list(cert, OID_CAPABILITIES);
	struct der one, oid;

	if (found == NULL)
		return true;
	if (found->critical || list.len == 0 ||
	    (cert->usage & (USE_ENCIPHER | USE_AGREE)) == 0)
		return false;
	while (lint_next(&list, &one))
		if (one.tag != DER_SEQUENCE ||
		    !lint_first(one.value, DER_OID, &oid))
			return false;
	return true;
}

static const struct lint_row rows[] = {
    {{"rfc5280-4.2.1.2-key-id", "RFC 5280 section 4.2.1.2",
	 "There is a subjectKeyIdentifier of 1 to 20 octets, not critical."},
	KINDS_ALL, key_has_a_name},
    {{"sbr-7.1.2.3-issuer-key", "S/MIME BR 7.1.2.3; RFC 5280 4.2.1.1",
	 "The authorityKeyIdentifier is the issuer's key identifier and "
	 "nothing else, not critical."},
	KINDS_BELOW, issuer_key_is_named},
    {{"sbr-7.1.2.3-list", "S/MIME BR 7.1.2.2 and 7.1.2.3",
	 "There is a revocation list to look at."},
	KINDS(LINT_MAIL) | KINDS(LINT_MAIL_CA) | KINDS(LINT_TSA_CA),
	list_is_named},
    {{"sbr-7.1.2.3-list-url", "S/MIME BR 7.1.2.3",
	 "Revocation lists are at http:// and nowhere else, the extension is "
	 "not critical."},
	KINDS_ALL, lists_are_on_the_web},
    {{"sbr-7.1.2.3-issuer-url", "S/MIME BR 7.1.2.3",
	 "The issuer's certificate can be fetched (caIssuers)."},
	KINDS(LINT_MAIL), issuer_is_published},
    {{"sbr-7.1.2.3-access", "S/MIME BR 7.1.2.3; RFC 5280 4.2.2.1",
	 "authorityInfoAccess has caIssuers and OCSP at http:// only, and is "
	 "not critical."},
	KINDS_ALL, access_is_by_web},
    {{"sbr-7.1.2.1-pointers", "S/MIME BR 7.1.2.1",
	 "A root does not say where its own status is."},
	KINDS(LINT_ROOT), root_points_nowhere},
    {{"rfc6960-4.2.2.2.1-no-check", "RFC 6960 section 4.2.2.2.1",
	 "A responder has ocsp-nocheck, and its value is NULL."},
	KINDS(LINT_OCSP), responder_is_not_asked_about},
    {{"rfc6960-4.2.2.2.1-others", "RFC 6960 section 4.2.2.2.1",
	 "Only a responder has ocsp-nocheck."},
	KINDS_ALL & ~KINDS(LINT_OCSP), is_asked_about},
    {{"rfc4262-2-capabilities", "RFC 4262 section 2",
	 "smimeCapabilities is a list, not critical, and in certificates to "
	 "encrypt to."},
	KINDS_ALL, capabilities_are_of_mail},
};

struct lint_theme
lint_pointer(void)
{
	return LINT_THEME(rows);
}
