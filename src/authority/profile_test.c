#include "authority/profile.h"

#include "authority/keyfile.h"
#include "authority/published.h"
#include "authority/testkit_priv.h"
#include "pki/policy.h"

OWNER(EVP_PKEY, EVP_PKEY_free);
OWNER(X509, X509_free);

static EVP_PKEY *
make_key(const char *kind)
{
	EVP_PKEY *key = strcmp(kind, "RSA") == 0
			    ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048)
			: strcmp(kind, "ED25519") == 0
			    ? EVP_PKEY_Q_keygen(NULL, NULL, kind)
			    : EVP_PKEY_Q_keygen(NULL, NULL, "EC", kind);

	assert_non_null(key);
	return key;
}

static enum rc
issue(const struct kit *kit, enum profile_kind kind, const char *curve,
    const char *address, X509 **ret)
{
	EVP_PKEY *key OWNED(EVP_PKEY_free) = make_key(curve);
	struct profile_order order = {.kind = kind,
	    .public_key = key,
	    .address = address,
	    .now = kit->now};
	struct profile_issuer issuer = kit_issuer(kit);
	struct err err = ERR_NONE;

	return profile_issue(&order, &issuer, ret, &err);
}

/* Issue one, and have openssl verify it and print it. */
static void
describe(const struct kit *kit, enum profile_kind kind, const char *curve,
    const char *address, char text[10000])
{
	X509 *cert OWNED(X509_free) = NULL;

	assert_ok(issue(kit, kind, curve, address, &cert));
	kit_write_cert(kit, "leaf.pem", cert);
	assert_run(kit, "openssl verify -x509_strict -policy_check "
			"-CAfile root.pem -untrusted issuing.pem leaf.pem");
	assert_run(kit, "openssl x509 -noout -text -nameopt RFC2253,-esc_ctrl "
			"-in leaf.pem");
	kit_output(kit, text, 10000);
}

static void
certificates_of_mailboxes_have_what_their_kind_needs(void **state)
{
	static const struct {
		enum profile_kind kind;
		const char *curve;
		const char *usage;
		const char *purpose;
	} cases[] = {
	    {PROFILE_SIGNING, "P-256", "Digital Signature\n",
		"E-mail Protection, TLS Web Client Authentication\n"},
	    {PROFILE_SIGNING, "P-384", "Digital Signature\n",
		"E-mail Protection, TLS Web Client Authentication\n"},
	    {PROFILE_SIGNING, "RSA", "Digital Signature\n",
		"E-mail Protection, TLS Web Client Authentication\n"},
	    {PROFILE_SIGNING, "ED25519", "Digital Signature\n",
		"E-mail Protection, TLS Web Client Authentication\n"},
	    {PROFILE_ENCRYPTING, "P-256", "Key Agreement\n",
		"E-mail Protection\n"},
	    {PROFILE_ENCRYPTING, "RSA", "Key Encipherment\n",
		"E-mail Protection\n"},
	    {PROFILE_DUAL, "RSA", "Digital Signature, Key Encipherment\n",
		"E-mail Protection\n"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[10000], want[200];
		describe(*state, cases[i].kind, cases[i].curve,
		    "alice@alpha.test", text);
		(void)snprintf(want, sizeof(want),
		    "Key Usage: critical\n                %s", cases[i].usage);
		assert_has(text, want);
		(void)snprintf(want, sizeof(want),
		    "Extended Key Usage: \n                %s",
		    cases[i].purpose);
		assert_has(text, want);
		assert_has(text, "Subject: CN=alice@alpha.test\n");
		assert_has(text, "Alternative Name: \n                "
				 "email:alice@alpha.test\n");
		assert_has(text, "Policy: " POLICY_MAILBOX);
		assert_has(text, "Subject Key Identifier");
		assert_has(text, "Authority Key Identifier");
		assert_null(strstr(text, "CA:TRUE"));
	}
}

static void
openssl_accepts_the_signing_one_for_mail_and_for_login(void **state)
{
	char text[10000];

	describe(*state, PROFILE_SIGNING, "P-256", "alice@alpha.test", text);
	assert_run(*state, "openssl verify -purpose smimesign -verify_email "
			   "alice@alpha.test -CAfile root.pem -untrusted "
			   "issuing.pem leaf.pem");
	assert_run(*state, "openssl verify -purpose sslclient "
			   "-CAfile root.pem -untrusted issuing.pem leaf.pem");
	describe(*state, PROFILE_ENCRYPTING, "P-256", "a@alpha.test", text);
	assert_run(*state, "! openssl verify -purpose smimesign "
			   "-CAfile root.pem -untrusted issuing.pem leaf.pem");
	describe(*state, PROFILE_ENCRYPTING, "RSA", "a@alpha.test", text);
	assert_run(*state, "openssl verify -purpose smimeencrypt "
			   "-CAfile root.pem -untrusted issuing.pem leaf.pem");
}

/* with "@alpha.test" it is 64 characters long */
#define A53 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void
an_address_too_long_for_a_common_name_is_in_a_critical_san(void **state)
{
	char address[100], text[10000];

	(void)snprintf(address, sizeof(address), "%s@alpha.test", A53);
	describe(*state, PROFILE_SIGNING, "P-256", address, text);
	assert_has(text, "Subject: CN=aaaa");
	(void)snprintf(address, sizeof(address), "%sa@alpha.test", A53);
	describe(*state, PROFILE_SIGNING, "P-256", address, text);
	assert_has(text, "Subject: \n");
	assert_has(text, "Alternative Name: critical\n");
}

static void
what_breaks_a_rule_is_not_signed(void **state)
{
	X509 *cert OWNED(X509_free) = NULL;

	assert_rc(issue(*state, PROFILE_SIGNING, "P-256",
		      "a@x.test,email:boss@x.test", &cert),
	    RC_UNFIT);
	assert_rc(
	    issue(*state, PROFILE_MAIL_CA, "P-256", NULL, &cert), RC_UNFIT);
	assert_null(cert);
}

static void
an_ec_key_is_not_for_both(void **state)
{
	X509 *cert OWNED(X509_free) = NULL;

	assert_rc(
	    issue(*state, PROFILE_DUAL, "P-256", "a@x.test", &cert), RC_UNFIT);
	assert_null(cert);
}

static void
an_ed25519_key_does_not_encrypt(void **state)
{
	X509 *cert OWNED(X509_free) = NULL;

	assert_rc(
	    issue(*state, PROFILE_ENCRYPTING, "ED25519", "a@x.test", &cert),
	    RC_UNFIT);
	assert_rc(issue(*state, PROFILE_DUAL, "ED25519", "a@x.test", &cert),
	    RC_UNFIT);
}

static const struct profile_subject alice = {.given_name = "Alice",
    .surname = "\xc3\x85ngstr\xc3\xb6m",
    .organization = "Alpha Ltd",
    .organization_identifier = "NTRGB-12345678",
    .country = "GB",
    .locality = "London"};

/* Issue what is said, and have openssl verify and print it. */
static enum rc
describe_order(
    const struct kit *kit, struct profile_order order, char text[10000])
{
	EVP_PKEY *key OWNED(EVP_PKEY_free) = make_key("P-256");
	X509 *cert OWNED(X509_free) = NULL;
	struct profile_issuer issuer = kit_issuer(kit);

	order.public_key = key;
	order.now = kit->now;
	enum rc rc = profile_issue(&order, &issuer, &cert, NULL);
	if (rc != RC_OK)
		return rc;
	kit_write_cert(kit, "leaf.pem", cert);
	assert_run(kit, "openssl verify -x509_strict -policy_check "
			"-CAfile root.pem -untrusted issuing.pem leaf.pem");
	assert_run(kit, "openssl x509 -noout -text -nameopt "
			"sep_comma_plus,utf8,lname -in leaf.pem");
	kit_output(kit, text, 10000);
	return RC_OK;
}

static void
a_level_says_what_was_checked_and_no_more(void **state)
{
	static const struct {
		enum profile_level level;
		const char *subject;
		const char *policy;
	} cases[] = {
	    {PROFILE_MAILBOX, "Subject: commonName=a@x.test\n", POLICY_MAILBOX},
	    {PROFILE_INDIVIDUAL,
		"Subject: countryName=GB,localityName=London,"
		"surname=\xc3\x85ngstr\xc3\xb6m,givenName=Alice,"
		"commonName=a@x.test\n",
		POLICY_INDIVIDUAL},
	    {PROFILE_ORGANIZATION,
		"Subject: countryName=GB,localityName=London,"
		"organizationName=Alpha Ltd,"
		"organizationIdentifier=NTRGB-12345678,"
		"commonName=a@x.test\n",
		POLICY_ORGANIZATION},
	    {PROFILE_SPONSOR,
		"Subject: countryName=GB,localityName=London,"
		"organizationName=Alpha Ltd,"
		"organizationIdentifier=NTRGB-12345678,"
		"surname=\xc3\x85ngstr\xc3\xb6m,givenName=Alice,"
		"commonName=a@x.test\n",
		POLICY_SPONSOR},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[10000];
		struct profile_order order = {.kind = PROFILE_SIGNING,
		    .level = cases[i].level,
		    .subject = &alice,
		    .address = "a@x.test"};
		assert_ok(describe_order(*state, order, text));
		assert_has(text, cases[i].subject);
		char want[200];
		(void)snprintf(
		    want, sizeof(want), "Policy: %s\n", cases[i].policy);
		assert_has(text, want);
	}
}

static void
a_level_without_its_names_is_not_issued(void **state)
{
	const struct profile_subject nameless = {.country = "GB"};
	char text[10000];

	for (enum profile_level level = PROFILE_INDIVIDUAL;
	     level <= PROFILE_SPONSOR; level++) {
		struct profile_order order = {.kind = PROFILE_SIGNING,
		    .level = level,
		    .address = "a@x.test"};
		assert_rc(describe_order(*state, order, text), RC_UNFIT);
		order.subject = &nameless;
		assert_rc(describe_order(*state, order, text), RC_UNFIT);
	}
}

static void
the_strict_generation_is_for_mail_alone(void **state)
{
	char text[10000];
	struct profile_order order = {.kind = PROFILE_SIGNING,
	    .generation = PROFILE_STRICT,
	    .address = "a@x.test"};

	assert_ok(describe_order(*state, order, text));
	assert_has(
	    text, "Extended Key Usage: \n                E-mail Protection\n");
}

static void
an_address_beyond_ascii_is_a_smtp_utf8_mailbox(void **state)
{
	char text[10000];
	struct profile_order order = {
	    .kind = PROFILE_SIGNING, .address = "j\xc3\xb6rg@X.test"};

	assert_ok(describe_order(*state, order, text));
	/* not every openssl prints this name: Python does */
	assert_run(*state, "openssl x509 -in leaf.pem -outform DER | "
			   "openssl asn1parse -inform DER | grep -q "
			   "':j\xc3\xb6rg@x.test'");
	assert_run(*state,
	    "/usr/bin/python3 -c \"from cryptography import x509\n"
	    "c = x509.load_pem_x509_certificate(open('leaf.pem', "
	    "'rb').read())\n"
	    "n = c.extensions.get_extension_for_class("
	    "x509.SubjectAlternativeName).value.get_values_for_type("
	    "x509.OtherName)\n"
	    "assert n[0].type_id.dotted_string == '1.3.6.1.5.5.7.8.9'\n"
	    "assert n[0].value[2:].decode() == 'j\xc3\xb6rg@x.test'\"");
	assert_null(strstr(text, "email:"));
	order.address = "joerg@x\xc3\xb6.test";
	assert_rc(describe_order(*state, order, text), RC_UNFIT);
}

/* id-aes256-GCM and id-aes128-CBC */
#define CAPABILITIES                                           \
	"\x30\x1a\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04" \
	"\x01\x2e\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04" \
	"\x01\x02"

static void
capabilities_are_where_one_encrypts_to(void **state)
{
	const struct kit *kit = *state;
	char text[10000];
	struct profile_order order = {.kind = PROFILE_ENCRYPTING,
	    .address = "a@x.test",
	    .capabilities = span_of(CAPABILITIES, sizeof(CAPABILITIES) - 1)};

	assert_ok(describe_order(kit, order, text));
	assert_has(text, "S/MIME Capabilities");
	assert_run(kit, "openssl asn1parse -in leaf.pem | "
			"grep -A1 'S/MIME Cap' | grep -q 301A300B0609");
	order.kind = PROFILE_SIGNING;
	assert_ok(describe_order(kit, order, text));
	assert_null(strstr(text, "S/MIME Capabilities"));
	order.kind = PROFILE_ENCRYPTING;
	order.capabilities = span_str("\x30\x03\x02\x01\x05");
	assert_rc(describe_order(kit, order, text), RC_UNFIT);
}

/* What openssl prints of a certificate of this kind. */
static void
describe_published(
    const struct kit *kit, enum profile_kind kind, char text[10000])
{
	EVP_PKEY *key OWNED(EVP_PKEY_free) = make_key("P-256");
	X509 *cert OWNED(X509_free) = NULL;
	struct profile_order order = {.kind = kind,
	    .public_key = key,
	    .address = kind == PROFILE_SIGNING ? "a@x.test" : NULL,
	    .name = "Name",
	    .organization = "Alpha",
	    .published_at = "http://a.test:8080",
	    .crl_parts = 1024,
	    .now = kit->now};
	struct profile_issuer issuer = kit_issuer(kit);
	struct err err = ERR_NONE;

	assert_done(profile_issue(&order, &issuer, &cert, &err), err);
	kit_write_cert(kit, "leaf.pem", cert);
	assert_run(kit, "openssl x509 -noout -in leaf.pem -ext "
			"crlDistributionPoints,authorityInfoAccess");
	kit_output(kit, text, 10000);
}

static void
a_certificate_says_where_its_status_is(void **state)
{
	const struct kit *kit = *state;
	char text[10000], id[PUBLISHED_ID_LEN + 1], want[300];

	assert_ok(published_id(kit->hierarchy.issuing[0].cert, id, NULL));
	describe_published(kit, PROFILE_SIGNING, text);
	assert_has(text, "OCSP - URI:http://a.test:8080/ocsp\n");
	(void)snprintf(want, sizeof(want),
	    "CA Issuers - URI:http://a.test:8080/ca/%s.cer\n", id);
	assert_has(text, want);
	(void)snprintf(want, sizeof(want),
	    "Full Name:\n      URI:http://a.test:8080/crl/%s/", id);
	assert_has(text, want);
	/* of a CA's certificate there is one list, and no responder */
	describe_published(kit, PROFILE_TSA_CA, text);
	(void)snprintf(want, sizeof(want), "/crl/%s/0.crl\n", id);
	assert_has(text, want);
	assert_null(strstr(text, "OCSP"));
}

static void
serials_are_long_positive_and_differ(void **state)
{
	X509 *a OWNED(X509_free) = NULL;
	X509 *b OWNED(X509_free) = NULL;

	assert_ok(issue(*state, PROFILE_SIGNING, "P-256", "a@x.test", &a));
	assert_ok(issue(*state, PROFILE_SIGNING, "P-256", "a@x.test", &b));
	const ASN1_INTEGER *serial = X509_get0_serialNumber(a);
	assert_int_equal(ASN1_STRING_length(serial), 16);
	assert_int_equal(ASN1_STRING_type(serial), V_ASN1_INTEGER);
	assert_int_not_equal(
	    ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(b)), 0);
}

static void
nothing_outlives_its_issuer(void **state)
{
	struct kit late = *(const struct kit *)*state;
	X509 *cert OWNED(X509_free) = NULL;

	late.now += (int64_t)(10 * 365 - 30) * 24 * 3600;
	assert_ok(issue(&late, PROFILE_SIGNING, "P-256", "a@x.test", &cert));
	assert_int_equal(
	    ASN1_TIME_compare(X509_get0_notAfter(cert),
		X509_get0_notAfter(late.hierarchy.issuing[0].cert)),
	    0);
	X509 *none OWNED(X509_free) = NULL;
	late.now += (int64_t)30 * 24 * 3600;
	assert_rc(issue(&late, PROFILE_SIGNING, "P-256", "a@x.test", &none),
	    RC_ABSENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		certificates_of_mailboxes_have_what_their_kind_needs),
	    cmocka_unit_test(
		openssl_accepts_the_signing_one_for_mail_and_for_login),
	    cmocka_unit_test(
		an_address_too_long_for_a_common_name_is_in_a_critical_san),
	    cmocka_unit_test(what_breaks_a_rule_is_not_signed),
	    cmocka_unit_test(an_ec_key_is_not_for_both),
	    cmocka_unit_test(an_ed25519_key_does_not_encrypt),
	    cmocka_unit_test(a_level_says_what_was_checked_and_no_more),
	    cmocka_unit_test(a_level_without_its_names_is_not_issued),
	    cmocka_unit_test(the_strict_generation_is_for_mail_alone),
	    cmocka_unit_test(an_address_beyond_ascii_is_a_smtp_utf8_mailbox),
	    cmocka_unit_test(capabilities_are_where_one_encrypts_to),
	    cmocka_unit_test(a_certificate_says_where_its_status_is),
	    cmocka_unit_test(serials_are_long_positive_and_differ),
	    cmocka_unit_test(nothing_outlives_its_issuer),
	};

	return cmocka_run_group_tests(tests, kit_make, kit_remove);
}
