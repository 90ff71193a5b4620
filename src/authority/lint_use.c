/* The rules on what a certificate may be used for. */
#include "authority/lint_priv.h"

#define CERTIFY ((uint32_t)(USE_CERTIFY | USE_LISTS))

static bool
usage_is_said(const struct lint_cert *cert)
{
	const struct lint_extension *usage = lint_find(cert, OID_USAGE);

	return usage != NULL && usage->critical && cert->usage != 0;
}

/* What RFC 8410, RFC 5480 and S/MIME BR 7.1.2.3 leave for each kind of key. */
static bool
usage_fits_the_key(const struct lint_cert *cert)
{
	static const uint32_t may[] = {
	    [LINT_KEY_RSA] = USE_SIGN | USE_COMMIT | USE_ENCIPHER,
	    [LINT_KEY_EC] = USE_SIGN | USE_COMMIT | USE_AGREE,
	    [LINT_KEY_ED] = USE_SIGN | USE_COMMIT,
	    [LINT_KEY_OTHER] = 0};

	return (cert->usage & ~(may[cert->key] | CERTIFY)) == 0;
}

/* An EC key that signs and agrees would be two keys in one; the Requirements
 * allow it, we do not. */
static bool
curve_is_for_one(const struct lint_cert *cert)
{
	return cert->key != LINT_KEY_EC || (cert->usage & USE_AGREE) == 0 ||
	       cert->usage == USE_AGREE;
}

struct constraints {
	bool good; /* has its form */
	bool ca;
	bool limited;
	struct span path; /* the number */
};

/* BasicConstraints ::= SEQUENCE { cA DEFAULT FALSE, pathLen OPTIONAL } */
static struct constraints
read_constraints(const struct lint_cert *cert)
{
	struct constraints ret = {.good = true};
	struct span in = lint_list(cert, OID_CONSTRAINTS);
	struct der one;

	if (in.len > 0 && in.data[0] == DER_BOOLEAN && lint_next(&in, &one)) {
		ret.ca = span_is(one.value, OID("\xff"));
		ret.good = ret.ca;
	}
	if (in.len > 0 && lint_next(&in, &one)) {
		ret.limited = true;
		ret.path = one.value;
		ret.good = ret.good && one.tag == DER_INTEGER;
	}
	ret.good = ret.good && in.len == 0;
	return ret;
}

static bool
ca_says_so(const struct lint_cert *cert)
{
	const struct lint_extension *found = lint_find(cert, OID_CONSTRAINTS);
	struct constraints read = read_constraints(cert);

	return found != NULL && found->critical && read.good && read.ca;
}

static bool
ca_signs_certificates(const struct lint_cert *cert)
{
	return (cert->usage & CERTIFY) == CERTIFY &&
	       (cert->usage & ~(CERTIFY | USE_SIGN)) == 0;
}

static bool
is_no_ca(const struct lint_cert *cert)
{
	struct constraints read = read_constraints(cert);

	return read.good && !read.ca && !read.limited &&
	       (cert->usage & CERTIFY) == 0;
}

static bool
root_is_not_limited(const struct lint_cert *cert)
{
	return lint_find(cert, OID_PURPOSES) == NULL &&
	       lint_find(cert, OID_POLICIES) == NULL &&
	       !read_constraints(cert).limited;
}

static bool
is_the_last_ca(const struct lint_cert *cert)
{
	return span_is(read_constraints(cert).path, OID("\x00"));
}

/* --- extendedKeyUsage */

static bool
mail_is_for_mail(const struct lint_cert *cert)
{
	return lint_has(lint_list(cert, OID_PURPOSES), OID_MAIL);
}

/* So serverAuth, codeSigning, timeStamping and anyExtendedKeyUsage, which
 * section 7.1.2.3 names, never are. */
static bool
mail_has_no_other_purpose(const struct lint_cert *cert)
{
	struct span list = lint_list(cert, OID_PURPOSES);
	struct der one;

	while (lint_next(&list, &one))
		if (!span_is(one.value, OID_MAIL) &&
		    !span_is(one.value, OID_CLIENT))
			return false;
	return true;
}

/* Whoever has somebody's decryption key, in escrow perhaps, must not be able to
 * log in as them. */
static bool
login_is_by_signature(const struct lint_cert *cert)
{
	return cert->usage == 0 || (cert->usage & USE_SIGN) != 0 ||
	       !lint_has(lint_list(cert, OID_PURPOSES), OID_CLIENT);
}

static bool
has_exactly(const struct lint_cert *cert, struct span oid)
{
	struct span list = lint_list(cert, OID_PURPOSES);

	return lint_count(list) == 1 && lint_has(list, oid);
}

/* "The corresponding certificate MUST contain only one instance of the extended
 * key usage field extension [...] with KeyPurposeID having value:
 * id-kp-timeStamping.  This extension MUST be critical." (RFC 3161 section 2.3)
 */
static bool
tsa_stamps_only(const struct lint_cert *cert)
{
	const struct lint_extension *list = lint_find(cert, OID_PURPOSES);

	return has_exactly(cert, OID_STAMP) && list->critical &&
	       cert->usage == USE_SIGN;
}

static bool
tsa_ca_stamps_only(const struct lint_cert *cert)
{
	return has_exactly(cert, OID_STAMP);
}

static bool
responder_answers_only(const struct lint_cert *cert)
{
	return has_exactly(cert, OID_OCSP_SIGNING) && cert->usage == USE_SIGN;
}

static bool
host_is_a_server(const struct lint_cert *cert)
{
	return has_exactly(cert, OID_SERVER);
}

/* --- certificatePolicies */

static bool
says_what_was_checked(const struct lint_cert *cert)
{
	return cert->level != LINT_LEVEL_NONE;
}

static bool
has_a_policy(const struct lint_cert *cert)
{
	return lint_count(lint_list(cert, OID_POLICIES)) == 1;
}

static const struct lint_row rows[] = {
    {{"rfc5280-4.2.1.3-usage", "RFC 5280 section 4.2.1.3; RFC 8550 section 4",
	 "keyUsage is there, critical and not empty."},
	KINDS_ALL, usage_is_said},
    {{"sbr-7.1.2.3-usage", "S/MIME BR 7.1.2.3; RFC 5480; RFC 8410",
	 "keyUsage has bits only that the kind of key can do."},
	KINDS_END, usage_fits_the_key},
    {{"own-one-use", "this authority",
	 "A key on a curve is for signing or for agreeing, not for both."},
	KINDS_ALL, curve_is_for_one},
    {{"rfc5280-4.2.1.9-ca", "RFC 5280 section 4.2.1.9",
	 "A CA's basicConstraints is critical and says so."},
	KINDS_CA, ca_says_so},
    {{"sbr-7.1.2-certify", "S/MIME BR 7.1.2.1 and 7.1.2.2",
	 "A CA's key signs certificates and lists, and encrypts nothing."},
	KINDS_CA, ca_signs_certificates},
    {{"sbr-7.1.2.3-no-ca", "S/MIME BR 7.1.2.3",
	 "What is no CA has neither cA, pathLenConstraint, keyCertSign nor "
	 "cRLSign."},
	KINDS_END, is_no_ca},
    {{"sbr-7.1.2.1-root", "S/MIME BR 7.1.2.1",
	 "A root has no purposes, policies or pathLenConstraint."},
	KINDS(LINT_ROOT), root_is_not_limited},
    {{"own-path", "this authority", "Below an issuing CA there is no other."},
	KINDS(LINT_MAIL_CA) | KINDS(LINT_TSA_CA), is_the_last_ca},
    {{"sbr-7.1.2.3-purpose", "S/MIME BR 7.1.2.2 and 7.1.2.3",
	 "The extendedKeyUsage has emailProtection."},
	KINDS(LINT_MAIL) | KINDS(LINT_MAIL_CA), mail_is_for_mail},
    {{"sbr-7.1.2.3-other-purpose", "S/MIME BR 7.1.2.2 and 7.1.2.3",
	 "The extendedKeyUsage has nothing but emailProtection and "
	 "clientAuth."},
	KINDS(LINT_MAIL) | KINDS(LINT_MAIL_CA), mail_has_no_other_purpose},
    {{"own-login", "this authority",
	 "clientAuth is for certificates that sign."},
	KINDS(LINT_MAIL), login_is_by_signature},
    {{"rfc3161-2.3-purpose", "RFC 3161 section 2.3",
	 "A TSA's extendedKeyUsage is timeStamping alone, and critical, and "
	 "its key signs only."},
	KINDS(LINT_TSA), tsa_stamps_only},
    {{"sbr-7.1.2.2-tsa", "S/MIME BR 7.1.2.2",
	 "What issues for a TSA issues for nothing else."},
	KINDS(LINT_TSA_CA), tsa_ca_stamps_only},
    {{"rfc6960-4.2.2.2-purpose", "RFC 6960 section 4.2.2.2",
	 "A responder's extendedKeyUsage is OCSPSigning alone, and its key "
	 "signs only."},
	KINDS(LINT_OCSP), responder_answers_only},
    {{"own-host-purpose", "this authority",
	 "A test certificate for a host is for serverAuth alone."},
	KINDS(LINT_HOST), host_is_a_server},
    {{"sbr-7.1.2.3-policy", "S/MIME BR 7.1.2.3",
	 "There is exactly one policy: what was checked of the mailbox."},
	KINDS(LINT_MAIL), says_what_was_checked},
    {{"sbr-7.1.2.2-policy", "S/MIME BR 7.1.2.2; RFC 3628",
	 "An issuing CA, and a TSA, has a policy."},
	KINDS(LINT_MAIL_CA) | KINDS(LINT_TSA_CA) | KINDS(LINT_TSA),
	has_a_policy},
};

struct lint_theme
lint_use(void)
{
	return LINT_THEME(rows);
}
