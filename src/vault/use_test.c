#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <pthread.h>

#include <cmocka.h>

#include <openssl/rsa.h>

#include "pki/der.h"
#include "pki/fixture.h"
#include "vault/vault_priv.h"

#define CONTENT_TYPE                                           \
	"\x30\x18\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03" \
	"\x31\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"
#define DIGEST                                                 \
	"\x30\x2f\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04" \
	"\x31\x22\x04\x20"                                     \
	"0123456789abcdef0123456789abcdef"
#define OTHER "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0f\x31\x00"
#define TLS_SPACES_64                      \
	"                                " \
	"                                "
#define TLS_START TLS_SPACES_64 "TLS 1.3, client CertificateVerify"
#define HASH_32 "0123456789abcdef0123456789abcdef"

struct bench {
	struct vault *vault;
	const struct key *sign, *decrypt, *p384, *p521, *rsa, *ed, *ed448;
	const struct key *pss, *strict; /* for PSS only */
};

static struct bench bench;

static const struct key *
add(EVP_PKEY *made, enum key_purpose purpose)
{
	const struct key *key = NULL;

	assert_non_null(made);
	assert_int_equal(
	    vault_add(bench.vault, made, purpose, &key, NULL), RC_OK);
	EVP_PKEY_free(made);
	return key;
}

/* A key whose own OID is id-RSASSA-PSS. */
static EVP_PKEY *
make_pss(const char *digest, int salt)
{
	EVP_PKEY *key = NULL;
	EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) =
	    EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);

	assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048), 1);
	if (digest != NULL) {
		EVP_PKEY_CTX_set_rsa_pss_keygen_md_name(ctx, digest, NULL);
		EVP_PKEY_CTX_set_rsa_pss_keygen_mgf1_md_name(ctx, digest);
		EVP_PKEY_CTX_set_rsa_pss_keygen_saltlen(ctx, salt);
	}
	assert_int_equal(EVP_PKEY_keygen(ctx, &key), 1);
	return key;
}

static int
begin(void **state)
{
	assert_int_equal(vault_new(&bench.vault, NULL), RC_OK);
	assert_int_equal(
	    vault_make(bench.vault, KEY_SIGN, &bench.sign, NULL), RC_OK);
	assert_int_equal(
	    vault_make(bench.vault, KEY_DECRYPT, &bench.decrypt, NULL), RC_OK);
	bench.p384 = add(EVP_EC_gen("P-384"), KEY_BOTH);
	bench.p521 = add(EVP_EC_gen("P-521"), KEY_BOTH);
	bench.rsa = add(EVP_RSA_gen(2048), KEY_BOTH);
	bench.ed = add(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), KEY_BOTH);
	bench.ed448 = add(EVP_PKEY_Q_keygen(NULL, NULL, "ED448"), KEY_BOTH);
	bench.pss = add(make_pss(NULL, 0), KEY_BOTH);
	bench.strict = add(make_pss("SHA384", 70), KEY_BOTH);
	return 0;
}

static int
end(void **state)
{
	vault_free(bench.vault);
	return 0;
}

static bool
verifies_pss(const struct key *key, const EVP_MD *digest, int salt,
    struct span signature, struct span bytes)
{
	EVP_MD_CTX *ctx OWNED(EVP_MD_CTX_free) = EVP_MD_CTX_new();
	EVP_PKEY_CTX *how = NULL;

	assert_int_equal(
	    EVP_DigestVerifyInit(ctx, &how, digest, NULL, key->public_key), 1);
	if (salt > 0) {
		EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING);
		EVP_PKEY_CTX_set_rsa_mgf1_md(how, digest);
		EVP_PKEY_CTX_set_rsa_pss_saltlen(how, salt);
	}
	return EVP_DigestVerify(ctx, signature.data, signature.len, bytes.data,
		   bytes.len) == 1;
}

static bool
verifies(const struct key *key, const EVP_MD *digest, bool pss,
    struct span signature, struct span bytes)
{
	return verifies_pss(key, digest, pss ? 32 : 0, signature, bytes);
}

/* SET OF the elements given */
static void
make_set(struct buf *out, const char *elements, size_t len)
{
	buf_clear(out);
	assert_int_equal(buf_add_byte(out, DER_SET, NULL), RC_OK);
	if (len >= 0x80)
		assert_int_equal(buf_add_byte(out, 0x81, NULL), RC_OK);
	assert_int_equal(buf_add_byte(out, (uint8_t)len, NULL), RC_OK);
	assert_int_equal(buf_add(out, span_of(elements, len), NULL), RC_OK);
}

/* ---- signed attributes -------------------------------------------------- */

#define GOOD CONTENT_TYPE DIGEST

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

static void
pss_is_what_the_key_wants(void **state)
{
	const struct {
		const struct key *key;
		bool by_default; /* the key does nothing else */
		const EVP_MD *digest;
		int salt;
	} cases[] = {
	    {bench.rsa, false, EVP_sha256(), 32},
	    {bench.pss, false, EVP_sha256(), 32},
	    {bench.pss, true, EVP_sha256(), 32},
	    {bench.strict, false, EVP_sha384(), 70},
	    {bench.strict, true, EVP_sha384(), 70},
	};
	struct buf set BUF_OWNED = BUF_SMALL;

	make_set(&set, GOOD, sizeof(GOOD) - 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf signature BUF_OWNED = BUF(1024);
		struct err err = ERR_NONE;
		const struct key_ops *ops = cases[i].key->ops;
		enum rc rc = (cases[i].by_default ? ops->sign_attributes
						  : ops->sign_attributes_pss)(
		    cases[i].key, buf_span(&set), &signature, &err);
		if (rc != RC_OK ||
		    !verifies_pss(cases[i].key, cases[i].digest, cases[i].salt,
			buf_span(&signature), buf_span(&set)))
			fail_msg("case %zu: %s %s", i, rc_name(rc), err.text);
	}
}

static void
pss_signs_attributes_with_rsa_and_nothing_else(void **state)
{
	struct buf set BUF_OWNED = BUF_SMALL, out BUF_OWNED = BUF(1024);
	struct span login = span_of(TLS_START "\0" HASH_32, 64 + 34 + 32);
	const struct key *const others[] = {bench.sign, bench.ed, bench.p521};

	make_set(&set, GOOD, sizeof(GOOD) - 1);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(others[i]->ops->sign_attributes_pss(
				     others[i], buf_span(&set), &out, NULL),
		    RC_UNFIT);
	assert_int_equal(bench.decrypt->ops->sign_attributes_pss(
			     bench.decrypt, buf_span(&set), &out, NULL),
	    RC_UNFIT);
	assert_int_equal(
	    bench.rsa->ops->sign_attributes_pss(bench.rsa, login, &out, NULL),
	    RC_UNFIT);
	assert_int_equal(out.len, 0);
}

/* One prepared key, many at once: what is copied is nobody else's. */
static void *
sign_often(void *seen)
{
	struct buf set BUF_OWNED = BUF_SMALL;

	make_set(&set, GOOD, sizeof(GOOD) - 1);
	for (int i = 0; i < 200; i++) {
		struct buf out BUF_OWNED = BUF(1024);
		const struct key *key = i % 2 ? bench.sign : bench.p384;
		if (key->ops->sign_attributes(
			key, buf_span(&set), &out, NULL) != RC_OK ||
		    !verifies(key, i % 2 ? EVP_sha256() : EVP_sha384(), false,
			buf_span(&out), buf_span(&set)))
			return seen;
	}
	return NULL;
}

static void
several_threads_sign_with_one_key(void **state)
{
	pthread_t thread[4];
	void *failed = NULL;

	for (size_t i = 0; i < 4; i++)
		assert_int_equal(
		    pthread_create(&thread[i], NULL, sign_often, thread), 0);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(thread[i], &failed), 0);
		assert_null(failed);
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
	    cmocka_unit_test(pss_is_what_the_key_wants),
	    cmocka_unit_test(pss_signs_attributes_with_rsa_and_nothing_else),
	    cmocka_unit_test(several_threads_sign_with_one_key),
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
