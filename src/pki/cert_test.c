#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pki/fixture.h"
#include "pki/policy.h"

#define MAIL "alice@example.org"

static struct fixture root;

/* ---- what is refused at the door ---------------------------------------- */

static enum rc
parse(const struct fixture_spec *spec, struct cert **ret, struct err *err)
{
	struct buf der BUF_OWNED = BUF_SMALL;
	EVP_PKEY *key OWNED(EVP_PKEY_free) = NULL;

	fixture_der(spec, &key, &der);
	/* exactly sized, so that a sanitizer sees one byte too many */
	uint8_t *exact = malloc(der.len);
	assert_non_null(exact);
	memcpy(exact, der.data, der.len);
	enum rc rc = cert_parse(span_of(exact, der.len), ret, err);
	free(exact);
	return rc;
}

static void
add_twin(X509 *x509)
{
	fixture_extend(x509, x509, "keyUsage", "digitalSignature");
	fixture_extend(x509, x509, "keyUsage", "keyAgreement");
}

static void
add_unknown_twin(X509 *x509)
{
	fixture_extend(x509, x509, "1.2.3.4", "DER:0500");
	fixture_extend(x509, x509, "1.2.3.4", "DER:0500");
}

static void
make_serial_negative(X509 *x509)
{
	ASN1_INTEGER_set(X509_get_serialNumber(x509), -5);
}

static void
set_serial_bytes(X509 *x509, int bytes)
{
	BIGNUM *number = BN_new();

	BN_set_word(number, 1);
	BN_lshift(number, number, 8 * (bytes - 1));
	BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509));
	BN_free(number);
}

static void
make_serial_20(X509 *x509)
{
	set_serial_bytes(x509, 20);
}

static void
make_serial_21(X509 *x509)
{
	set_serial_bytes(x509, 21);
}

static void
drop_seconds(X509 *x509)
{
	ASN1_STRING_set(X509_getm_notBefore(x509), "2601010000Z", 11);
}

static void
use_an_offset(X509 *x509)
{
	ASN1_STRING_set(X509_getm_notAfter(x509), "300101000000+0100", 17);
}

static void
add_bad_eku(X509 *x509)
{
	fixture_extend(x509, x509, "2.5.29.37", "DER:0401");
}

static void
add_bad_san(X509 *x509)
{
	fixture_extend(x509, x509, "2.5.29.17", "DER:31003000");
}

static void
what_is_no_proper_certificate_is_refused(void **state)
{
	static const struct {
		const char *name;
		void (*change)(X509 *x509);
		enum rc want;
	} cases[] = {
	    {"as it should be", NULL, RC_OK},
	    {"an extension twice", add_twin, RC_SYNTAX},
	    {"an unknown extension twice", add_unknown_twin, RC_SYNTAX},
	    {"a negative serial number is borne", make_serial_negative, RC_OK},
	    {"a serial number of 20 bytes", make_serial_20, RC_OK},
	    {"a serial number of 21 bytes", make_serial_21, RC_SYNTAX},
	    {"a time without seconds", drop_seconds, RC_SYNTAX},
	    {"a time with an offset", use_an_offset, RC_SYNTAX},
	    {"a damaged extended key usage", add_bad_eku, RC_SYNTAX},
	    {"a damaged alternative name", add_bad_san, RC_SYNTAX},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cert *cert OWNED(cert_free) = NULL;
		struct err err = ERR_NONE;
		enum rc got = parse(&(struct fixture_spec){.name = "x",
					.issuer = &root,
					.change = cases[i].change},
		    &cert, &err);
		if (got != cases[i].want)
			fail_msg("%s: got %s (%s), want %s", cases[i].name,
			    rc_name(got), err.text, rc_name(cases[i].want));
	}
}

static void
bytes_that_are_missing_added_or_in_ber_are_refused(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL;
	struct cert *cert OWNED(cert_free) = NULL;
	struct span good = cert_der(root.cert);

	for (size_t len = 0; len < good.len; len += 7)
		assert_int_equal(
		    cert_parse(span_first(good, len), &cert, NULL), RC_SYNTAX);
	assert_int_equal(buf_add(&der, good, NULL), RC_OK);
	assert_int_equal(buf_add_byte(&der, 0, NULL), RC_OK);
	assert_int_equal(cert_parse(buf_span(&der), &cert, NULL), RC_SYNTAX);

	/* the outer SEQUENCE with an indefinite length */
	buf_clear(&der);
	assert_int_equal(buf_add(&der, span_of("\x30\x80", 2), NULL), RC_OK);
	assert_int_equal(buf_add(&der, span_after(good, 4), NULL), RC_OK);
	assert_int_equal(buf_add(&der, span_of("\0\0", 2), NULL), RC_OK);
	assert_int_equal(cert_parse(buf_span(&der), &cert, NULL), RC_SYNTAX);
	assert_null(cert);
}

static void
a_certificate_has_a_size_limit(void **state)
{
	static char value[140000];
	struct cert *cert OWNED(cert_free) = NULL;
	struct err err = ERR_NONE;

	(void)snprintf(value, sizeof(value), "DER:0c83%06x", 65000);
	memset(value + 12, '4', 130000);
	value[12 + 130000] = '\0';
	struct fixture_spec spec = {.name = "x", .more = {{"1.2.3.4", value}}};
	assert_int_equal(parse(&spec, &cert, &err), RC_OK);
	(void)snprintf(value, sizeof(value), "DER:0c83%06x", 65500);
	memset(value + 12, '4', 131000);
	value[12 + 131000] = '\0';
	struct cert *none = NULL;
	assert_int_equal(parse(&spec, &none, &err), RC_LIMIT);
	assert_null(none);
}

/* ---- what is read ------------------------------------------------------- */

static void
names_times_and_fingerprint_are_read(void **state)
{
	struct fixture made FIXTURE_OWNED = fixture_signer(&root, MAIL);

	assert_string_equal(cert_name(made.cert), MAIL);
	assert_string_equal(cert_issuer(made.cert), "Root");
	assert_int_equal(cert_not_before(made.cert), FIXTURE_START);
	assert_int_equal(cert_not_after(made.cert), FIXTURE_END);
	assert_int_equal(strlen(cert_fingerprint(made.cert)), 64);
	assert_true(cert_names_address(made.cert, "Alice@Example.ORG"));
	assert_false(cert_names_address(made.cert, "alice+x@example.org"));
	assert_false(cert_has_revocation_pointer(made.cert));
}

static void
characters_that_deceive_are_not_shown(void **state)
{
	struct fixture made FIXTURE_OWNED = fixture_make(&(struct fixture_spec){
	    .name = "Al\xe2\x80\xaeice\x1b[31m J\xc3\xb6hn"});

	assert_string_equal(cert_name(made.cert), "Al?ice?[31m J\xc3\xb6hn");
}

static void
the_organization_is_shown_from_v3_on_only(void **state)
{
	static const struct {
		const char *policies;
		enum cert_level want;
		const char *organization;
	} cases[] = {
	    {NULL, LEVEL_NONE, ""},
	    {"1.2.3.4", LEVEL_OTHER, ""},
	    {POLICY_ARC ".1.1", LEVEL_V1, ""},
	    {POLICY_ARC ".1.2", LEVEL_V3, "ACME"},
	    {POLICY_ARC ".1.3", LEVEL_V4, "ACME"},
	    {POLICY_ARC ".1.4", LEVEL_V2, ""},
	    {POLICY_ARC ".1.5", LEVEL_OTHER, ""},
	    {POLICY_ARC ".1.11", LEVEL_OTHER, ""},
	    {POLICY_ARC ".1", LEVEL_OTHER, ""},
	    {POLICY_ARC ".2.1", LEVEL_OTHER, ""},
	    {"2.23.140.1.5.1.3", LEVEL_V1, ""},
	    {"2.23.140.1.5.2.1", LEVEL_V3, "ACME"},
	    {"2.23.140.1.5.3.2", LEVEL_V4, "ACME"},
	    {"2.23.140.1.5.4.2", LEVEL_V2, ""},
	    {"2.23.140.1.5.3.4", LEVEL_OTHER, ""},
	    {"2.23.140.1.5.3", LEVEL_OTHER, ""},
	    {"2.23.140.1.2.1", LEVEL_OTHER, ""},
	    {"1.2.3.4, " POLICY_ARC ".1.3", LEVEL_V4, "ACME"},
	    {POLICY_ARC ".1.3, " POLICY_ARC ".1.1", LEVEL_V1, ""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture made FIXTURE_OWNED =
		    fixture_make(&(struct fixture_spec){.name = "x",
			.organization = "ACME",
			.policies = cases[i].policies});
		if (cert_level(made.cert) != cases[i].want)
			fail_msg("%s: got level %d, want %d", cases[i].policies,
			    cert_level(made.cert), cases[i].want);
		assert_string_equal(
		    cert_organization(made.cert), cases[i].organization);
	}
	assert_null(cert_level_name(LEVEL_NONE));
	assert_string_equal(cert_level_name(LEVEL_V4), "V4");
	assert_string_equal(cert_level_name(LEVEL_OTHER), "other");
}

static void
add_mailboxes(X509 *x509)
{
	static const struct span mails[] = {
	    {(const uint8_t *)"bob@example.org", 15},
	    {(const uint8_t *)"bob@example.org\0.evil.test", 26},
	    {(const uint8_t *)"BOB@EXAMPLE.org", 15},
	    {(const uint8_t *)"b\xf6@example.org", 14},
	    {(const uint8_t *)"a@b@example.org", 15},
	    {(const uint8_t *)"eve@example.org\r\nx", 18},
	};
	GENERAL_NAMES *names = GENERAL_NAMES_new();

	for (size_t i = 0; i < sizeof(mails) / sizeof(mails[0]); i++) {
		GENERAL_NAME *name = GENERAL_NAME_new();
		ASN1_IA5STRING *text = ASN1_IA5STRING_new();
		ASN1_STRING_set(text, mails[i].data, (int)mails[i].len);
		GENERAL_NAME_set0_value(name, GEN_EMAIL, text);
		sk_GENERAL_NAME_push(names, name);
	}
	X509_add1_ext_i2d(
	    x509, NID_subject_alt_name, names, 0, X509V3_ADD_APPEND);
	GENERAL_NAMES_free(names);
	fixture_subject(x509, "emailAddress", "carol@example.org");
	fixture_subject(x509, "emailAddress", "bob@example.org");
}

static void
an_address_with_a_nul_or_control_character_is_left_out(void **state)
{
	struct fixture made FIXTURE_OWNED = fixture_make(
	    &(struct fixture_spec){.name = "x", .change = add_mailboxes});
	const struct strlist *got = cert_addresses(made.cert);

	assert_int_equal(got->len, 2);
	assert_string_equal(got->item[0], "bob@example.org");
	assert_string_equal(got->item[1], "carol@example.org");
}

static void
add_other_name(X509 *x509, const char *mail)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_TYPE *value = ASN1_TYPE_new();
	ASN1_UTF8STRING *text = ASN1_UTF8STRING_new();

	ASN1_STRING_set(text, mail, -1);
	ASN1_TYPE_set(value, V_ASN1_UTF8STRING, text);
	GENERAL_NAME_set0_othername(
	    name, OBJ_nid2obj(NID_id_on_SmtpUTF8Mailbox), value);
	sk_GENERAL_NAME_push(names, name);
	X509_add1_ext_i2d(
	    x509, NID_subject_alt_name, names, 0, X509V3_ADD_APPEND);
	GENERAL_NAMES_free(names);
}

static void
add_utf8_mailbox(X509 *x509)
{
	add_other_name(x509, "J\xc3\xb6rg@example.org");
}

static void
add_false_utf8(X509 *x509)
{
	add_other_name(x509, MAIL);
}

static void
an_address_in_utf8_is_compared_octet_for_octet(void **state)
{
	struct fixture made FIXTURE_OWNED = fixture_make(
	    &(struct fixture_spec){.name = "x", .change = add_utf8_mailbox});

	assert_int_equal(cert_addresses(made.cert)->len, 1);
	assert_true(cert_names_address(made.cert, "J\xc3\xb6rg@EXAMPLE.org"));
	assert_false(cert_names_address(made.cert, "j\xc3\xb6rg@example.org"));
	assert_false(cert_names_address(made.cert, "Jo\xcc\x88rg@example.org"));
}

static void
an_ascii_address_does_not_hide_in_the_utf8_form(void **state)
{
	struct fixture made FIXTURE_OWNED = fixture_make(
	    &(struct fixture_spec){.name = "x", .change = add_false_utf8});

	assert_int_equal(cert_addresses(made.cert)->len, 0);
}

static void
capabilities_and_revocation_pointers_are_read(void **state)
{
	static const struct {
		const char *extension, *value;
		unsigned ciphers;
		bool pointer;
	} cases[] = {
	    {"1.2.840.113549.1.9.15", "DER:300d300b060960864801650304012e",
		CAPABILITY_AES256_GCM, false},
	    {"1.2.840.113549.1.9.15",
		"DER:301a300b060960864801650304012a300b060960864801650304012e",
		CAPABILITY_AES256_CBC | CAPABILITY_AES256_GCM, false},
	    {"1.2.840.113549.1.9.15", "DER:300d300b060960864801650304012a",
		CAPABILITY_AES256_CBC, false},
	    {"1.2.840.113549.1.9.15", "DER:0500", 0, false},
	    {"crlDistributionPoints", "URI:http://a.test/c", 0, true},
	    {"authorityInfoAccess", "OCSP;URI:http://a.test/", 0, true},
	    {"authorityInfoAccess", "caIssuers;URI:http://a.test/", 0, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture made FIXTURE_OWNED =
		    fixture_make(&(struct fixture_spec){.name = "x",
			.more = {{cases[i].extension, cases[i].value}}});
		if (cert_capabilities(made.cert) != cases[i].ciphers ||
		    cert_has_revocation_pointer(made.cert) != cases[i].pointer)
			fail_msg("case %zu: got ciphers %#x, pointer %d", i,
			    cert_capabilities(made.cert),
			    cert_has_revocation_pointer(made.cert));
	}
}

/* ---- what it may be used for -------------------------------------------- */

static EVP_PKEY *
make_key(const char *kind)
{
	static const char *const curves[] = {"P-256", "P-384", "P-192"};

	if (!strncmp(kind, "RSA", 3))
		return EVP_RSA_gen(strtoul(kind + 3, NULL, 10));
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
		if (!strcmp(kind, curves[i]))
			return EVP_EC_gen(kind);
	return EVP_PKEY_Q_keygen(NULL, NULL, kind);
}

static void
key_usage_extended_key_usage_and_key_decide_what_it_is_for(void **state)
{
	static const struct {
		const char *key, *constraints, *usage, *extended;
		bool sign, receive;
	} cases[] = {
	    {"P-256", NULL, NULL, NULL, true, true},
	    {"P-256", NULL, "digitalSignature", NULL, true, false},
	    {"P-256", NULL, "nonRepudiation", NULL, true, false},
	    {"P-256", NULL, "keyAgreement", NULL, false, true},
	    {"P-256", NULL, "keyAgreement,decipherOnly", NULL, false, true},
	    {"P-256", NULL, "keyAgreement,encipherOnly", NULL, false, false},
	    {"P-256", NULL, "keyEncipherment", NULL, false, false},
	    {"P-256", NULL, "dataEncipherment", NULL, false, false},
	    {"P-256", NULL, NULL, "emailProtection", true, true},
	    {"P-256", NULL, NULL, "anyExtendedKeyUsage", true, true},
	    {"P-256", NULL, NULL, "serverAuth,clientAuth", false, false},
	    {"P-256", NULL, NULL, "clientAuth,emailProtection", true, true},
	    {"P-256", "CA:FALSE", NULL, NULL, true, true},
	    {"P-256", "CA:TRUE", NULL, NULL, false, false},
	    {"P-384", NULL, NULL, NULL, true, true},
	    {"P-192", NULL, NULL, NULL, false, false},
	    {"RSA2048", NULL, NULL, NULL, true, true},
	    {"RSA2048", NULL, "keyEncipherment", NULL, false, true},
	    {"RSA2048", NULL, "keyAgreement", NULL, false, false},
	    {"RSA2040", NULL, NULL, NULL, false, false},
	    {"ED25519", NULL, NULL, NULL, true, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = ERR_NONE;
		struct fixture made FIXTURE_OWNED =
		    fixture_make(&(struct fixture_spec){.name = "x",
			.issuer = &root,
			.key = make_key(cases[i].key),
			.constraints = cases[i].constraints,
			.usage = cases[i].usage,
			.extended = cases[i].extended});
		enum rc sign = cert_can_sign(made.cert, &err);
		enum rc receive = cert_can_receive(made.cert, &err);
		if (sign != (cases[i].sign ? RC_OK : RC_UNFIT) ||
		    receive != (cases[i].receive ? RC_OK : RC_UNFIT))
			fail_msg("case %zu: sign %s, receive %s (%s)", i,
			    rc_name(sign), rc_name(receive), err.text);
	}
}

static void
validity_includes_its_first_and_last_second(void **state)
{
	struct fixture made FIXTURE_OWNED = fixture_signer(&root, MAIL);

	assert_int_equal(
	    cert_check_time(made.cert, FIXTURE_START - 1, NULL), RC_UNFIT);
	assert_int_equal(
	    cert_check_time(made.cert, FIXTURE_START, NULL), RC_OK);
	assert_int_equal(cert_check_time(made.cert, FIXTURE_END, NULL), RC_OK);
	assert_int_equal(
	    cert_check_time(made.cert, FIXTURE_END + 1, NULL), RC_UNFIT);
}

static void
a_curve_written_out_is_no_key_for_us(void **state)
{
	EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) =
	    EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;

	assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_group_name(ctx, "P-256"), 1);
	assert_int_equal(
	    EVP_PKEY_CTX_ctrl_str(ctx, "ec_param_enc", "explicit"), 1);
	assert_int_equal(EVP_PKEY_keygen(ctx, &key), 1);
	struct fixture made FIXTURE_OWNED = fixture_make(
	    &(struct fixture_spec){.name = "x", .issuer = &root, .key = key});
	assert_int_equal(cert_can_sign(made.cert, NULL), RC_UNFIT);
	assert_int_equal(cert_can_receive(made.cert, NULL), RC_UNFIT);
}

/* OpenSSL's program says which digest the key has. */
static void
expect_digest(const struct cert *cert, const uint8_t got[CERT_DIGEST_LEN])
{
	static const char path[] = "/tmp/cert_test_key_digest.der";
	char want[80] = "", hex[80] = "";
	struct span der = cert_der(cert);
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(der.data, 1, der.len, file), der.len);
	assert_int_equal(fclose(file), 0);
	file = popen("openssl x509 -inform DER -pubkey -noout "
		     "-in /tmp/cert_test_key_digest.der | "
		     "openssl pkey -pubin -outform DER | "
		     "openssl dgst -sha256 -r",
	    "r");
	assert_non_null(file);
	assert_non_null(fgets(want, sizeof(want), file));
	assert_int_equal(pclose(file), 0);
	assert_int_equal(remove(path), 0);
	for (size_t i = 0; i < CERT_DIGEST_LEN; i++)
		(void)snprintf(
		    hex + 2 * i, sizeof(hex) - 2 * i, "%02x", got[i]);
	assert_memory_equal(hex, want, 2 * (size_t)CERT_DIGEST_LEN);
}

static void
the_digest_of_a_key_is_openssls_and_every_certificate_of_it_has_it(void **state)
{
	struct fixture first FIXTURE_OWNED = fixture_signer(&root, MAIL);
	EVP_PKEY_up_ref(first.key);
	struct fixture again FIXTURE_OWNED =
	    fixture_make(&(struct fixture_spec){
		.name = "renewed", .issuer = &root, .key = first.key});
	uint8_t a[CERT_DIGEST_LEN], b[CERT_DIGEST_LEN];

	assert_int_equal(cert_key_digest(first.cert, a, NULL), RC_OK);
	assert_int_equal(cert_key_digest(again.cert, b, NULL), RC_OK);
	assert_memory_equal(a, b, sizeof(a));
	expect_digest(first.cert, a);
	assert_int_equal(cert_key_digest(root.cert, b, NULL), RC_OK);
	assert_memory_not_equal(a, b, sizeof(a));
}

/* ---- lists -------------------------------------------------------------- */

static void
a_list_is_printed_as_pem_and_read_back(void **state)
{
	struct certs list CERTS_OWNED = CERTS_NONE;
	struct certs back CERTS_OWNED = CERTS_NONE;
	struct buf pem BUF_OWNED = BUF_SMALL;
	struct fixture made FIXTURE_OWNED = fixture_signer(&root, MAIL);

	assert_int_equal(certs_add(&list, root.cert, NULL), RC_OK);
	assert_int_equal(certs_add(&list, made.cert, NULL), RC_OK);
	assert_int_equal(buf_add_str(&pem,
			     "some text\n-----BEGIN PUBLIC KEY-----\nAAAA\n"
			     "-----END PUBLIC KEY-----\n",
			     NULL),
	    RC_OK);
	assert_int_equal(certs_print(&list, &pem, NULL), RC_OK);
	assert_int_equal(certs_parse(&back, buf_span(&pem), NULL), RC_OK);
	assert_int_equal(back.len, 2);
	assert_string_equal(
	    cert_fingerprint(back.item[1]), cert_fingerprint(made.cert));

	/* one byte of the second one's base64 gone: nothing is added */
	pem.data[pem.len - 60] = '!';
	assert_int_equal(certs_parse(&back, buf_span(&pem), NULL), RC_SYNTAX);
	assert_int_equal(back.len, 2);
	assert_int_equal(certs_parse(&back, cert_der(root.cert), NULL), RC_OK);
	assert_int_equal(back.len, 3);
}

static void
a_list_has_a_limit(void **state)
{
	struct certs list CERTS_OWNED = CERTS_NONE;

	for (size_t i = 0; i < CERTS_MAX; i++)
		assert_int_equal(certs_add(&list, root.cert, NULL), RC_OK);
	assert_int_equal(certs_add(&list, root.cert, NULL), RC_LIMIT);
	assert_int_equal(list.len, CERTS_MAX);
}

static void
a_text_of_certificates_has_a_size_limit(void **state)
{
	const size_t max = (size_t)32 << 20;
	struct certs list CERTS_OWNED = CERTS_NONE;
	uint8_t *text = malloc(max + 1);

	assert_non_null(text);
	memset(text, '\n', max + 1);
	assert_int_equal(certs_parse(&list, span_of(text, max), NULL), RC_OK);
	assert_int_equal(
	    certs_parse(&list, span_of(text, max + 1), NULL), RC_LIMIT);
	free(text);
}

static int
begin(void **state)
{
	root = fixture_root("Root");
	return 0;
}

static int
end(void **state)
{
	fixture_done(&root);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_no_proper_certificate_is_refused),
	    cmocka_unit_test(
		bytes_that_are_missing_added_or_in_ber_are_refused),
	    cmocka_unit_test(a_certificate_has_a_size_limit),
	    cmocka_unit_test(names_times_and_fingerprint_are_read),
	    cmocka_unit_test(characters_that_deceive_are_not_shown),
	    cmocka_unit_test(the_organization_is_shown_from_v3_on_only),
	    cmocka_unit_test(
		an_address_with_a_nul_or_control_character_is_left_out),
	    cmocka_unit_test(an_address_in_utf8_is_compared_octet_for_octet),
	    cmocka_unit_test(an_ascii_address_does_not_hide_in_the_utf8_form),
	    cmocka_unit_test(capabilities_and_revocation_pointers_are_read),
	    cmocka_unit_test(
		key_usage_extended_key_usage_and_key_decide_what_it_is_for),
	    cmocka_unit_test(validity_includes_its_first_and_last_second),
	    cmocka_unit_test(a_curve_written_out_is_no_key_for_us),
	    cmocka_unit_test(
		the_digest_of_a_key_is_openssls_and_every_certificate_of_it_has_it),
	    cmocka_unit_test(a_list_is_printed_as_pem_and_read_back),
	    cmocka_unit_test(a_list_has_a_limit),
	    cmocka_unit_test(a_text_of_certificates_has_a_size_limit),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
