#include "authority/request.h"

#include "authority/testkit_priv.h"

#define ADDRESS "alice@alpha.test"
#define SAN "subjectAltName=email:" ADDRESS
#define SIGN "keyUsage=digitalSignature"
#define EC "-newkey ec -pkeyopt ec_paramgen_curve:P-256"
#define RSA(bits) "-newkey rsa:" bits

/* Requests are made by the openssl program. */
struct request_case {
	const char *name;
	const char *key;
	const char *subject;    /* "/" is empty */
	const char *extensions; /* lines of a configuration; NULL: no such
				 * attribute */
	enum rc want;
	enum profile_kind kind;
	const char *says;
};

static void
write_config(const struct kit *kit, const char *extensions)
{
	struct buf text BUF_OWNED = BUF_SMALL;
	struct err err = ERR_NONE;

	assert_ok(buf_add_format(&text, &err,
	    "[req]\nprompt=no\ndistinguished_name=dn\n[dn]\n%s%s\n",
	    extensions != NULL ? "[ext]\n" : "",
	    extensions != NULL ? extensions : ""));
	kit_write(kit, "req.cnf", buf_span(&text));
}

static enum rc
check_case(const struct kit *kit, const struct request_case *one,
    struct request *ret, struct err *err)
{
	struct buf der BUF_OWNED = BUF_SMALL;

	write_config(kit, one->extensions);
	assert_run(kit,
	    "openssl req -new -config req.cnf %s -nodes -keyout req.key "
	    "-subj '%s' %s -outform DER -out req.der",
	    one->key, one->subject,
	    one->extensions != NULL ? "-reqexts ext" : "");
	kit_read(kit, "req.der", &der);
	struct span exact EXACT = expect_exact(buf_span(&der));
	return request_check(exact, ADDRESS, ret, err);
}

static void
run_cases(const struct kit *kit, const struct request_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct request request REQUEST_OWNED = {0};
		struct err err = ERR_NONE;
		enum rc got = check_case(kit, &cases[i], &request, &err);
		if (got != cases[i].want ||
		    (got == RC_OK && request.kind != cases[i].kind) ||
		    (cases[i].says != NULL &&
			strstr(err.text, cases[i].says) == NULL))
			fail_msg("%s: got %s (%s), kind %s, want %s",
			    cases[i].name, rc_name(got), err.text,
			    profile_name(request.kind), rc_name(cases[i].want));
	}
}

static void
requests_that_are_granted(void **state)
{
	static const struct request_case cases[] = {
	    {"signing", EC, "/", SAN "\n" SIGN, RC_OK, PROFILE_SIGNING, NULL},
	    {"also nonRepudiation", EC, "/",
		SAN "\nkeyUsage=digitalSignature,nonRepudiation", RC_OK,
		PROFILE_SIGNING, NULL},
	    {"agreement", EC, "/", SAN "\nkeyUsage=keyAgreement", RC_OK,
		PROFILE_ENCRYPTING, NULL},
	    {"P-384", "-newkey ec -pkeyopt ec_paramgen_curve:P-384", "/",
		SAN "\n" SIGN, RC_OK, PROFILE_SIGNING, NULL},
	    {"RSA 2048", RSA("2048"), "/", SAN "\nkeyUsage=keyEncipherment",
		RC_OK, PROFILE_ENCRYPTING, NULL},
	    {"RSA dual", RSA("2048"), "/",
		SAN "\nkeyUsage=digitalSignature,keyEncipherment", RC_OK,
		PROFILE_DUAL, NULL},
	    {"RSA without usage", RSA("2048"), "/", SAN, RC_OK, PROFILE_DUAL,
		NULL},
	    {"subject is the address", EC,
		"/CN=" ADDRESS "/emailAddress=" ADDRESS, SAN "\n" SIGN, RC_OK,
		PROFILE_SIGNING, NULL},
	    {"an organisation, which it will not name", EC,
		"/C=GB/O=Alpha/OU=Sales/CN=" ADDRESS, SAN "\n" SIGN, RC_OK,
		PROFILE_SIGNING, NULL},
	    {"Ed25519", "-newkey ed25519", "/", SAN "\n" SIGN, RC_OK,
		PROFILE_SIGNING, NULL},
	    {"domain in capitals", EC, "/",
		"subjectAltName=email:alice@ALPHA.test\n" SIGN, RC_OK,
		PROFILE_SIGNING, NULL},
	    {"purposes", EC, "/",
		SAN "\n" SIGN "\nextendedKeyUsage=emailProtection,clientAuth",
		RC_OK, PROFILE_SIGNING, NULL},
	    {"no CA", EC, "/", SAN "\n" SIGN "\nbasicConstraints=CA:FALSE",
		RC_OK, PROFILE_SIGNING, NULL},
	};

	run_cases(*state, cases, COUNT(cases));
}

static void
requests_that_name_somebody_else_are_refused(void **state)
{
	static const struct request_case cases[] = {
	    {"another address", EC, "/",
		"subjectAltName=email:bob@alpha.test\n" SIGN, RC_UNFIT, 0,
		"something else"},
	    {"an extra address", EC, "/", SAN ",email:bob@alpha.test\n" SIGN,
		RC_UNFIT, 0, "nothing else"},
	    {"an extra host", EC, "/", SAN ",DNS:alpha.test\n" SIGN, RC_UNFIT,
		0, "nothing else"},
	    {"the same twice", EC, "/", SAN ",email:" ADDRESS "\n" SIGN,
		RC_UNFIT, 0, "nothing else"},
	    {"a host alone", EC, "/", "subjectAltName=DNS:alpha.test\n" SIGN,
		RC_UNFIT, 0, "something else"},
	    {"a URI that looks like it", EC, "/",
		"subjectAltName=URI:" ADDRESS "\n" SIGN, RC_UNFIT, 0,
		"something else"},
	    {"other case of the local part", EC, "/",
		"subjectAltName=email:Alice@alpha.test\n" SIGN, RC_UNFIT, 0,
		"something else"},
	    {"a longer domain", EC, "/",
		"subjectAltName=email:" ADDRESS "x\n" SIGN, RC_UNFIT, 0,
		"something else"},
	    {"no name", EC, "/", SIGN, RC_UNFIT, 0, "nothing else"},
	    {"no extensions", EC, "/CN=" ADDRESS, NULL, RC_UNFIT, 0,
		"extensionRequest"},
	    {"another name in the subject", EC, "/CN=Alice A.", SAN "\n" SIGN,
		RC_UNFIT, 0, "subject names"},
	    {"a user id in the subject", EC, "/UID=alice/CN=" ADDRESS,
		SAN "\n" SIGN, RC_UNFIT, 0, "commonName and"},
	    {"two common names", EC, "/CN=" ADDRESS "/CN=" ADDRESS,
		SAN "\n" SIGN, RC_UNFIT, 0, "subject names"},
	};

	run_cases(*state, cases, COUNT(cases));
}

static void
requests_for_more_than_mail_are_refused(void **state)
{
	static const struct request_case cases[] = {
	    {"CA", EC, "/", SAN "\n" SIGN "\nbasicConstraints=CA:TRUE",
		RC_UNFIT, 0, "issue others"},
	    {"certificate signing", EC, "/", SAN "\nkeyUsage=keyCertSign",
		RC_UNFIT, 0, "keyUsage"},
	    {"data encipherment", RSA("2048"), "/",
		SAN "\nkeyUsage=dataEncipherment", RC_UNFIT, 0, "keyUsage"},
	    {"TLS server", EC, "/",
		SAN "\n" SIGN "\nextendedKeyUsage=serverAuth", RC_UNFIT, 0,
		"emailProtection"},
	    {"any purpose", EC, "/",
		SAN "\n" SIGN "\nextendedKeyUsage=anyExtendedKeyUsage",
		RC_UNFIT, 0, "emailProtection"},
	    {"a policy", EC, "/",
		SAN "\n" SIGN "\ncertificatePolicies=2.23.140.1.5.3.1",
		RC_UNFIT, 0, "not granted"},
	    {"both with EC", EC, "/",
		SAN "\nkeyUsage=digitalSignature,keyAgreement", RC_UNFIT, 0,
		"two certificates"},
	    {"EC without usage", EC, "/", SAN, RC_UNFIT, 0, "two certificates"},
	};

	run_cases(*state, cases, COUNT(cases));
}

static void
weak_and_strange_keys_are_refused(void **state)
{
	static const struct request_case cases[] = {
	    {"RSA 1024", RSA("1024"), "/", SAN "\n" SIGN, RC_UNFIT, 0,
		"2048 to 4096"},
	    {"RSA 2047", RSA("2047"), "/", SAN "\n" SIGN, RC_UNFIT, 0,
		"2048 to 4096"},
	    {"RSA 4104", RSA("4104"), "/", SAN "\n" SIGN, RC_UNFIT, 0,
		"2048 to 4096"},
	    {"RSA exponent 3", RSA("2048") " -pkeyopt rsa_keygen_pubexp:3", "/",
		SAN "\n" SIGN, RC_UNFIT, 0, "exponent"},
	    {"P-521", "-newkey ec -pkeyopt ec_paramgen_curve:P-521", "/",
		SAN "\n" SIGN, RC_UNFIT, 0, "P-256 or P-384"},
	    {"secp256k1", "-newkey ec -pkeyopt ec_paramgen_curve:secp256k1",
		"/", SAN "\n" SIGN, RC_UNFIT, 0, "P-256 or P-384"},
	    {"a curve by its parameters", EC " -pkeyopt ec_param_enc:explicit",
		"/", SAN "\n" SIGN, RC_UNFIT, 0, NULL},
	    {"Ed25519 to encrypt", "-newkey ed25519", "/",
		SAN "\nkeyUsage=keyAgreement", RC_UNFIT, 0, "only signs"},
	    {"Ed25519 for both", "-newkey ed25519", "/", SAN, RC_UNFIT, 0,
		"only signs"},
	    {"Ed448", "-newkey ed448", "/", SAN "\n" SIGN, RC_UNFIT, 0,
		"use a key on"},
	    {"SHA-1", EC " -sha1", "/", SAN "\n" SIGN, RC_UNFIT, 0, "SHA-256"},
	};

	run_cases(*state, cases, COUNT(cases));
}

/* A key in another encoding has another hash, and would be neither another
 * account's nor revoked. */
static void
a_key_has_one_encoding(void **state)
{
	static const char *const forms[] = {
	    "compressed", "hybrid", "uncompressed"};

	assert_run(*state,
	    "openssl ecparam -name prime256v1 -genkey -noout -out one.key");
	for (size_t i = 0; i < COUNT(forms); i++) {
		bool usual = i == COUNT(forms) - 1;
		const struct request_case one = {forms[i], "-key form.key", "/",
		    SAN "\n" SIGN, usual ? RC_OK : RC_UNFIT,
		    usual ? PROFILE_SIGNING : 0, usual ? NULL : "uncompressed"};
		assert_run(*state,
		    "openssl ec -in one.key -conv_form %s -out form.key",
		    forms[i]);
		run_cases(*state, &one, 1);
	}
}

static void
make_good(const struct kit *kit, struct buf *der)
{
	static const struct request_case good = {
	    "good", EC, "/", SAN "\n" SIGN, RC_OK, PROFILE_SIGNING, NULL};
	struct request request REQUEST_OWNED = {0};
	struct err err = ERR_NONE;

	assert_done(check_case(kit, &good, &request, &err), err);
	kit_read(kit, "req.der", der);
}

static void
no_byte_can_be_changed(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL;

	make_good(*state, &der);
	for (size_t i = 0; i < der.len; i++) {
		struct request request REQUEST_OWNED = {0};
		struct err err = ERR_NONE;
		der.data[i] ^= 1;
		struct span exact EXACT = expect_exact(buf_span(&der));
		enum rc rc = request_check(exact, ADDRESS, &request, &err);
		der.data[i] ^= 1;
		if (rc == RC_OK)
			fail_msg("byte %zu of %zu", i, der.len);
		assert_true(err.text[0] != '\0');
	}
}

static void
a_cut_or_lengthened_request_is_refused(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL;
	struct err err = ERR_NONE;

	make_good(*state, &der);
	for (size_t len = 0; len < der.len; len++) {
		struct request request REQUEST_OWNED = {0};
		struct span exact EXACT =
		    expect_exact(span_first(buf_span(&der), len));
		assert_rc(request_check(exact, ADDRESS, &request, &err),
		    len == 0 ? RC_LIMIT : RC_SYNTAX);
	}
	struct request request REQUEST_OWNED = {0};
	assert_ok(buf_add_byte(&der, 0, &err));
	assert_rc(
	    request_check(buf_span(&der), ADDRESS, &request, &err), RC_SYNTAX);
}

static void
a_request_over_the_limit_is_refused(void **state)
{
	struct request request REQUEST_OWNED = {0};
	struct buf big BUF_OWNED = BUF_SMALL;
	struct err err = ERR_NONE;
	uint8_t *room = NULL;

	assert_ok(buf_reserve(&big, REQUEST_MAX + 1, &room, &err));
	memset(room, 0x30, REQUEST_MAX + 1);
	assert_rc(
	    request_check(span_of(room, REQUEST_MAX), ADDRESS, &request, &err),
	    RC_SYNTAX);
	assert_rc(request_check(
		      span_of(room, REQUEST_MAX + 1), ADDRESS, &request, &err),
	    RC_LIMIT);
}

/* What a mail program reads may stand in its certificate (RFC 4262). */
static void
capabilities_are_taken_over(void **state)
{
	static const struct request_case good = {"capabilities", EC, "/",
	    SAN "\nkeyUsage=keyAgreement\n"
		"1.2.840.113549.1.9.15=DER:300d300b060960864801650304012e",
	    RC_OK, PROFILE_ENCRYPTING, NULL};
	static const struct request_case bad = {"no list", EC, "/",
	    SAN "\n1.2.840.113549.1.9.15=DER:300d300b", RC_UNFIT, 0, NULL};
	struct request request REQUEST_OWNED = {0};
	struct request none REQUEST_OWNED = {0};
	struct err err = ERR_NONE;

	assert_done(check_case(*state, &good, &request, &err), err);
	assert_true(span_is(buf_span(&request.capabilities),
	    span_of("\x30\x0d\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04"
		    "\x01\x2e",
		15)));
	assert_rc(check_case(*state, &bad, &none, &err), RC_UNFIT);
	assert_has(err.text, "smimeCapabilities");
}

static void
an_address_beyond_ascii_is_asked_for_as_such(void **state)
{
	static const struct request_case one = {"UTF-8", EC, "/",
	    /* otherName SmtpUTF8Mailbox, jörg@alpha.test */
	    "subjectAltName=DER:3020a01e06082b06010505070809a0120c106ac3b67267"
	    "40616c7068612e74657374\n" SIGN,
	    RC_UNFIT, 0, NULL};
	struct request request REQUEST_OWNED = {0};
	struct buf der BUF_OWNED = BUF_SMALL;
	struct err err = ERR_NONE;

	assert_rc(check_case(*state, &one, &request, &err), RC_UNFIT);
	kit_read(*state, "req.der", &der);
	assert_done(request_check(buf_span(&der), "j\xc3\xb6rg@alpha.test",
			&request, &err),
	    err);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(requests_that_are_granted),
	    cmocka_unit_test(requests_that_name_somebody_else_are_refused),
	    cmocka_unit_test(requests_for_more_than_mail_are_refused),
	    cmocka_unit_test(weak_and_strange_keys_are_refused),
	    cmocka_unit_test(a_key_has_one_encoding),
	    cmocka_unit_test(capabilities_are_taken_over),
	    cmocka_unit_test(an_address_beyond_ascii_is_asked_for_as_such),
	    cmocka_unit_test(no_byte_can_be_changed),
	    cmocka_unit_test(a_cut_or_lengthened_request_is_refused),
	    cmocka_unit_test(a_request_over_the_limit_is_refused),
	};

	return cmocka_run_group_tests(tests, kit_make, kit_remove);
}
