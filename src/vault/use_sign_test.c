/* Signing with PSS, with Ed448, and with one key in several threads. */
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

#define GOOD CONTENT_TYPE DIGEST

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

static void
ed448_signs_the_attributes_themselves(void **state)
{
	struct buf set BUF_OWNED = BUF_SMALL, out BUF_OWNED = BUF(1024);

	make_set(&set, GOOD, sizeof(GOOD) - 1);
	assert_int_equal(bench.ed448->ops->sign_attributes(
			     bench.ed448, buf_span(&set), &out, NULL),
	    RC_OK);
	assert_true(
	    verifies(bench.ed448, NULL, false, buf_span(&out), buf_span(&set)));
	assert_int_equal(out.len, 114);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ed448_signs_the_attributes_themselves),
	    cmocka_unit_test(pss_is_what_the_key_wants),
	    cmocka_unit_test(pss_signs_attributes_with_rsa_and_nothing_else),
	    cmocka_unit_test(several_threads_sign_with_one_key),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
