#include "vault/usekit_priv.h"

/* ---- signed attributes -------------------------------------------------- */

static void
attributes_are_signed_with_the_digest_of_the_curve(void **state)
{
	const struct {
		const struct key *key;
		const EVP_MD *digest;
	} cases[] = {
	    {bench.sign, EVP_sha256()},
	    {bench.p384, EVP_sha384()},
	    {bench.p521, EVP_sha512()},
	    {bench.rsa, EVP_sha256()},
	    {bench.ed, NULL},
	    {bench.ed448, NULL},
	};
	struct buf set BUF_OWNED = BUF_SMALL;

	make_set(&set, GOOD, sizeof(GOOD) - 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf signature BUF_OWNED = BUF(1024);
		struct err err = ERR_NONE;
		enum rc rc = cases[i].key->ops->sign_attributes(
		    cases[i].key, buf_span(&set), &signature, &err);
		if (rc != RC_OK ||
		    !verifies(cases[i].key, cases[i].digest, false,
			buf_span(&signature), buf_span(&set)))
			fail_msg("case %zu: %s %s", i, rc_name(rc), err.text);
	}
}

#define ELEMENTS(bytes) bytes, sizeof(bytes) - 1

static void
what_is_no_set_of_attributes_is_not_signed(void **state)
{
	static const struct {
		const char *name, *elements;
		size_t len;
		enum rc want;
	} cases[] = {
	    {"as it should be", ELEMENTS(GOOD), RC_OK},
	    {"nothing", ELEMENTS(""), RC_UNFIT},
	    {"no digest", ELEMENTS(CONTENT_TYPE), RC_UNFIT},
	    {"no content type", ELEMENTS(DIGEST), RC_UNFIT},
	    {"not in order", ELEMENTS(DIGEST CONTENT_TYPE), RC_UNFIT},
	    {"two digests", ELEMENTS(CONTENT_TYPE DIGEST DIGEST), RC_UNFIT},
	    {"two content types", ELEMENTS(CONTENT_TYPE CONTENT_TYPE DIGEST),
		RC_UNFIT},
	    {"an attribute without a value", ELEMENTS(OTHER GOOD), RC_UNFIT},
	    {"two values of the digest",
		ELEMENTS(CONTENT_TYPE
		    "\x30\x13\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04"
		    "\x31\x06\x04\x01"
		    "a\x04\x01"
		    "b"),
		RC_UNFIT},
	    {"a digest that is no octet string",
		ELEMENTS(CONTENT_TYPE
		    "\x30\x10\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04"
		    "\x31\x03\x02\x01\x05"),
		RC_UNFIT},
	    {"an integer", ELEMENTS(CONTENT_TYPE DIGEST "\x02\x01\x05"),
		RC_UNFIT},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf set BUF_OWNED = BUF_SMALL;
		struct buf signature BUF_OWNED = BUF(1024);
		make_set(&set, cases[i].elements, cases[i].len);
		enum rc got = bench.sign->ops->sign_attributes(
		    bench.sign, buf_span(&set), &signature, NULL);
		if (got != cases[i].want)
			fail_msg("%s: got %s", cases[i].name, rc_name(got));
		assert_int_equal(signature.len > 0, got == RC_OK);
	}
}

/* The calls of one kind never sign what another kind of call signs. */
static void
a_login_is_not_signed_as_a_letter_nor_the_other_way_round(void **state)
{
	struct buf set BUF_OWNED = BUF_SMALL;
	struct buf out BUF_OWNED = BUF(1024);
	struct span login = span_of(TLS_START "\0" HASH_32, 64 + 34 + 32);
	const struct key *key = bench.sign;

	make_set(&set, GOOD, sizeof(GOOD) - 1);
	assert_int_equal(
	    key->ops->sign_attributes(key, login, &out, NULL), RC_UNFIT);
	assert_int_equal(
	    key->ops->sign_request(key, login, &out, NULL), RC_UNFIT);
	assert_int_equal(
	    key->ops->sign_tls(key, buf_span(&set), &out, NULL), RC_UNFIT);
	assert_int_equal(
	    key->ops->sign_request(key, buf_span(&set), &out, NULL), RC_UNFIT);
	assert_int_equal(
	    key->ops->sign_attributes(key, span_of(HASH_32, 32), &out, NULL),
	    RC_UNFIT);
	assert_int_equal(
	    key->ops->sign_tls(key, span_of(HASH_32, 32), &out, NULL),
	    RC_UNFIT);
	assert_int_equal(
	    key->ops->sign_attributes(key, SPAN_NONE, &out, NULL), RC_UNFIT);
	assert_int_equal(out.len, 0);
}

static void
trailing_bytes_and_ber_are_not_signed(void **state)
{
	struct buf set BUF_OWNED = BUF_SMALL;
	struct buf out BUF_OWNED = BUF(1024);
	const struct key *key = bench.sign;

	make_set(&set, GOOD, sizeof(GOOD) - 1);
	assert_int_equal(buf_add_byte(&set, 0, NULL), RC_OK);
	assert_int_equal(
	    key->ops->sign_attributes(key, buf_span(&set), &out, NULL),
	    RC_UNFIT);
	buf_clear(&set);
	assert_int_equal(
	    buf_add(
		&set, span_of("\x31\x80" GOOD "\0\0", sizeof(GOOD) + 3), NULL),
	    RC_OK);
	assert_int_equal(
	    key->ops->sign_attributes(key, buf_span(&set), &out, NULL),
	    RC_UNFIT);
	assert_int_equal(out.len, 0);
}

/* ---- logins ------------------------------------------------------------- */

static void
a_client_login_is_signed(void **state)
{
	struct span login = span_of(TLS_START "\0" HASH_32, 64 + 34 + 32);
	struct buf ec BUF_OWNED = BUF(1024);
	struct buf rsa BUF_OWNED = BUF(1024);

	assert_int_equal(
	    bench.sign->ops->sign_tls(bench.sign, login, &ec, NULL), RC_OK);
	assert_true(
	    verifies(bench.sign, EVP_sha256(), false, buf_span(&ec), login));
	assert_int_equal(
	    bench.rsa->ops->sign_tls(bench.rsa, login, &rsa, NULL), RC_OK);
	assert_true(
	    verifies(bench.rsa, EVP_sha256(), true, buf_span(&rsa), login));
}

static void
what_is_no_client_login_is_not_signed(void **state)
{
	static const struct {
		const char *name;
		struct span content;
	} cases[] = {
#define CASE(name, bytes)                                           \
	{                                                           \
		name,                                               \
		{                                                   \
			(const uint8_t *)(bytes), sizeof(bytes) - 1 \
		}                                                   \
	}
	    CASE("no hash", TLS_START "\0"),
	    CASE("a short hash", TLS_START "\0"
					   "0123456789abcdef"),
	    CASE("a hash of 33 bytes", TLS_START "\0" HASH_32 "x"),
	    CASE("no zero byte", TLS_START " " HASH_32),
	    CASE("a server's",
		TLS_SPACES_64 "TLS 1.3, server CertificateVerify\0" HASH_32),
	    CASE("63 spaces and a tab",
		"\t                               "
		"                                "
		"TLS 1.3, client CertificateVerify\0" HASH_32),
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf out BUF_OWNED = BUF(1024);
		enum rc got = bench.sign->ops->sign_tls(
		    bench.sign, cases[i].content, &out, NULL);
		if (got != RC_UNFIT)
			fail_msg("%s: got %s", cases[i].name, rc_name(got));
	}
}

static void
a_key_does_only_what_it_is_for(void **state)
{
	struct buf set BUF_OWNED = BUF_SMALL;
	struct buf out BUF_OWNED = BUF_SECRET(1024);
	struct span login = span_of(TLS_START "\0" HASH_32, 64 + 34 + 32);

	make_set(&set, GOOD, sizeof(GOOD) - 1);
	assert_int_equal(bench.decrypt->ops->sign_attributes(
			     bench.decrypt, buf_span(&set), &out, NULL),
	    RC_UNFIT);
	assert_int_equal(
	    bench.decrypt->ops->sign_tls(bench.decrypt, login, &out, NULL),
	    RC_UNFIT);
	assert_int_equal(
	    bench.sign->ops->agree(bench.sign, span_of("\4", 1), &out, NULL),
	    RC_UNFIT);
	assert_int_equal(bench.sign->ops->unwrap(
			     bench.sign, span_of("x", 1), NULL, 32, &out, NULL),
	    RC_UNFIT);
}

/* ---- requests ----------------------------------------------------------- */

static void
a_request_for_another_key_is_not_signed(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL;
	struct buf out BUF_OWNED = BUF(1024);
	struct der all, info;
	const struct key *key = bench.decrypt;

	assert_int_equal(
	    key_request(key, "alice@example.org", &der, NULL), RC_OK);
	struct span in = buf_span(&der);
	assert_int_equal(der_expect(&in, DER_SEQUENCE, &all, NULL), RC_OK);
	assert_int_equal(
	    der_expect(&all.value, DER_SEQUENCE, &info, NULL), RC_OK);
	assert_int_equal(
	    key->ops->sign_request(key, info.whole, &out, NULL), RC_OK);
	buf_clear(&out);
	assert_int_equal(
	    bench.sign->ops->sign_request(bench.sign, info.whole, &out, NULL),
	    RC_UNFIT);
	/* and the whole request is none either */
	assert_int_equal(
	    key->ops->sign_request(key, buf_span(&der), &out, NULL), RC_UNFIT);
	assert_int_equal(out.len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		attributes_are_signed_with_the_digest_of_the_curve),
	    cmocka_unit_test(what_is_no_set_of_attributes_is_not_signed),
	    cmocka_unit_test(
		a_login_is_not_signed_as_a_letter_nor_the_other_way_round),
	    cmocka_unit_test(trailing_bytes_and_ber_are_not_signed),
	    cmocka_unit_test(a_client_login_is_signed),
	    cmocka_unit_test(what_is_no_client_login_is_not_signed),
	    cmocka_unit_test(a_key_does_only_what_it_is_for),
	    cmocka_unit_test(a_request_for_another_key_is_not_signed),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
