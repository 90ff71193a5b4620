#include "authority/lint_priv.h"

#define DAY ((int64_t)24 * 60 * 60)
#define SERIAL_MAX 20
#define SERIAL_MIN 8

static bool
version_is_3(const struct lint_cert *cert)
{
	return cert->version == 2;
}

/* DER's shortest form is asked for here as well. */
static bool
serial_is_long_and_positive(const struct lint_cert *cert)
{
	struct span serial = cert->serial.value;

	return serial.len >= SERIAL_MIN && serial.len <= SERIAL_MAX &&
	       serial.data[0] < 0x80 &&
	       (serial.data[0] != 0 || serial.data[1] >= 0x80);
}

static bool
algorithm_is_said_twice(const struct lint_cert *cert)
{
	return cert->wish->algorithm.len == 0 ||
	       span_is(cert->algorithm.whole, cert->wish->algorithm);
}

/* Section 7.1.3.2 gives the octets, which must be exactly these. */
static bool
algorithm_is_known(const struct lint_cert *cert)
{
	static const char *const known[] = {
	    "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02",
	    "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03",
	    "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x04",
	    "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05",
	    "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c\x05",
	    "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d\x05",
	    "\x30\x05\x06\x03\x2b\x65\x70",
	};

	/* The NUL that ends the text is the length of RSA's NULL. */
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		size_t len = strlen(known[i]);
		if (known[i][len - 1] == '\x05')
			len++;
		if (span_is(cert->algorithm.whole, span_of(known[i], len)))
			return true;
	}
	return false;
}

/* "Certificate users MUST be prepared to process the issuer distinguished name
 * and subject distinguished name fields to perform name chaining" (RFC 5280
 * section 4.1.2.4): octet for octet, so that no reader has to normalise. */
static bool
issuer_is_the_one_above(const struct lint_cert *cert)
{
	if (cert->kind == LINT_ROOT)
		return span_is(cert->issuer.whole, cert->subject.whole);
	return cert->issuer.value.len > 0 &&
	       (cert->above == NULL ||
		   span_is(cert->issuer.whole, cert->above->subject.whole));
}

static bool
times_have_their_form(const struct lint_cert *cert)
{
	int64_t at;

	return lint_time(&cert->from, &at) && lint_time(&cert->until, &at);
}

static bool
read_times(const struct lint_cert *cert, int64_t *from, int64_t *until)
{
	return lint_time(&cert->from, from) && lint_time(&cert->until, until);
}

static bool
begins_before_it_ends(const struct lint_cert *cert)
{
	int64_t from = 0, until = 0;

	return !read_times(cert, &from, &until) || from < until;
}

/* Both ends are included, so a day's certificate ends at 23:59:59. */
static bool
is_not_good_for_too_long(const struct lint_cert *cert)
{
	static const int days[] = {[LINT_ROOT] = 9132,
	    [LINT_MAIL_CA] = 7305,
	    [LINT_TSA_CA] = 7305,
	    [LINT_TSA] = 5 * 366,
	    [LINT_OCSP] = 90,
	    [LINT_MAIL] = 825,
	    [LINT_HOST] = 90};
	int64_t from = 0, until = 0;

	return !read_times(cert, &from, &until) ||
	       until - from + 1 <= days[cert->kind] * DAY;
}

static bool
ends_before_its_issuer(const struct lint_cert *cert)
{
	int64_t until = 0, above = 0;

	if (cert->above == NULL || !lint_time(&cert->until, &until) ||
	    !lint_time(&cert->above->until, &above))
		return true;
	return until <= above;
}

/* A certificate that is dated back passes for older than a revocation. */
static bool
begins_about_now(const struct lint_cert *cert)
{
	int64_t from = 0, now = cert->wish->now;

	if (now == 0 || !lint_time(&cert->from, &from))
		return true;
	return from >= now - 2 * DAY && from <= now + DAY;
}

static bool
has_no_unique_ids(const struct lint_cert *cert)
{
	return !cert->unique_id;
}

static bool
has_no_extension_twice(const struct lint_cert *cert)
{
	for (size_t i = 0; i < cert->extensions; i++)
		if (lint_find(cert, cert->extension[i].oid) !=
		    &cert->extension[i])
			return false;
	return true;
}

static bool
has_no_default_written(const struct lint_cert *cert)
{
	for (size_t i = 0; i < cert->extensions; i++)
		if (cert->extension[i].default_written)
			return false;
	return true;
}

static bool
is_known_extension(struct span oid)
{
	const struct span known[] = {OID_SUBJECT_KEY_ID, OID_USAGE,
	    OID_ALTERNATIVE, OID_CONSTRAINTS, OID_LISTS, OID_POLICIES,
	    OID_AUTHORITY_KEY_ID, OID_PURPOSES, OID_ACCESS, OID_NO_CHECK,
	    OID_CAPABILITIES};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (span_is(known[i], oid))
			return true;
	return false;
}

static bool
has_known_extensions_only(const struct lint_cert *cert)
{
	for (size_t i = 0; i < cert->extensions; i++)
		if (!is_known_extension(cert->extension[i].oid))
			return false;
	return true;
}

static const struct lint_row rows[] = {
    {{"rfc5280-4.1.2.1-version", "RFC 5280 section 4.1.2.1",
	 "The version is 3."},
	KINDS_ALL, version_is_3},
    {{"sbr-7.1-serial", "S/MIME BR 7.1; RFC 5280 section 4.1.2.2",
	 "The serial number is positive and has 8 to 20 octets."},
	KINDS_ALL, serial_is_long_and_positive},
    {{"rfc5280-4.1.1.2-twice", "RFC 5280 section 4.1.1.2",
	 "The algorithm within what is signed is the one beside the "
	 "signature."},
	KINDS_ALL, algorithm_is_said_twice},
    {{"sbr-7.1.3-signature", "S/MIME BR 7.1.3",
	 "The signature's algorithm is ECDSA, RSA with SHA-2 or Ed25519, in "
	 "exactly the octets that are given for it."},
	KINDS_ALL, algorithm_is_known},
    {{"rfc5280-4.1.2.4-issuer", "RFC 5280 section 4.1.2.4; S/MIME BR 7.1.4",
	 "The issuer is the subject of the CA's certificate, octet for "
	 "octet."},
	KINDS_ALL, issuer_is_the_one_above},
    {{"rfc5280-4.1.2.5-form", "RFC 5280 section 4.1.2.5",
	 "Times are UTCTime until 2049 and GeneralizedTime afterwards, with "
	 "seconds and Z."},
	KINDS_ALL, times_have_their_form},
    {{"rfc5280-4.1.2.5-order", "RFC 5280 section 4.1.2.5",
	 "The certificate begins before it ends."},
	KINDS_ALL, begins_before_it_ends},
    {{"sbr-6.3.2-validity", "S/MIME BR 6.3.2",
	 "It is good for 825 days at most; a CA for 20 years, the root for "
	 "25, a TSA for 5, a responder for 90 days."},
	KINDS_ALL, is_not_good_for_too_long},
    {{"rfc5280-6.1-issuer-ends", "RFC 5280 section 6.1.3 (a)(2)",
	 "It does not end after its issuer."},
	KINDS_BELOW, ends_before_its_issuer},
    {{"own-begin", "this authority",
	 "It begins within 48 hours of being issued."},
	KINDS_ALL, begins_about_now},
    {{"rfc5280-4.1.2.8-unique-id", "RFC 5280 section 4.1.2.8",
	 "There are no unique identifiers."},
	KINDS_ALL, has_no_unique_ids},
    {{"rfc5280-4.2-twice", "RFC 5280 section 4.2",
	 "No extension is there twice."},
	KINDS_ALL, has_no_extension_twice},
    {{"rfc5280-4.1-default", "RFC 5280 section 4.1; X.690 section 11.5",
	 "An extension that is not critical does not say so."},
	KINDS_ALL, has_no_default_written},
    {{"own-extensions", "this authority",
	 "There is no extension that none of the profiles has."},
	KINDS_ALL, has_known_extensions_only},
};

struct lint_theme
lint_form(void)
{
	return LINT_THEME(rows);
}
