/* One certificate, many signatures: what is kept for the next must not decide
 * about it. */
#include "cms/sigalg_priv.h"
#include "cms/verifykit_priv.h"

#define BYTES "what is signed"
#define DER(bytes)                                          \
	{                                                   \
		(const uint8_t *)(bytes), sizeof(bytes) - 1 \
	}
#define WAYS 3

#define PKCS1_OID(last) "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01" last
#define SHA256_ALGORITHM                                           \
	"\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05" \
	"\x00"
/* salt of 32 bytes */
#define PSS_PARAMETERS                                              \
	"\x30\x34\xa0\x0f" SHA256_ALGORITHM "\xa1\x1c\x30\x1a\x06"  \
	"\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08" SHA256_ALGORITHM \
	"\xa2\x03\x02\x01\x20"

/* The ways in which Rita's one key signs. */
static const struct way {
	enum digest_kind digest;
	bool pss;
	struct span algorithm;
} ways[WAYS] = {
    {DIGEST_SHA256, false, DER("\x30\x0d" PKCS1_OID("\x0b") "\x05\x00")},
    {DIGEST_SHA512, false, DER("\x30\x0d" PKCS1_OID("\x0d") "\x05\x00")},
    {DIGEST_SHA256, true, DER("\x30\x41" PKCS1_OID("\x0a") PSS_PARAMETERS)},
};

static size_t
sign_in(const struct way *way, uint8_t value[256])
{
	EVP_MD_CTX *ctx OWNED(EVP_MD_CTX_free) = EVP_MD_CTX_new();
	EVP_PKEY_CTX *how = NULL;
	size_t len = 256;

	assert_true_ssl(EVP_DigestSignInit(
	    ctx, &how, digest_md(way->digest), NULL, rsa.pkey));
	if (way->pss) {
		EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING);
		EVP_PKEY_CTX_set_rsa_pss_saltlen(how, 32);
	}
	assert_true_ssl(EVP_DigestSign(
	    ctx, value, &len, (const uint8_t *)BYTES, sizeof(BYTES) - 1));
	return len;
}

static bool
verify_in(const struct way *way, struct span value)
{
	struct algorithm digest, signature;
	struct sigalg_use use;
	struct span in = digest_algorithm(way->digest), how = way->algorithm;

	assert_ok(algorithm_read(&in, &digest, &kit_err));
	assert_ok(algorithm_read(&how, &signature, &kit_err));
	assert_null(sigalg_read(&digest, &signature, &use));
	assert_null(sigalg_refuse_key(&use, rsa.cert));
	return sigalg_verify(&use, rsa.cert, value, span_str(BYTES));
}

/* Every way behind every other. */
static void
each_signature_is_checked_in_its_own_way(void **state)
{
	uint8_t value[WAYS][256];
	size_t len[WAYS];

	for (size_t i = 0; i < WAYS; i++)
		len[i] = sign_in(&ways[i], value[i]);
	for (size_t first = 0; first < WAYS; first++) {
		for (size_t i = 0; i < WAYS; i++) {
			struct span mine = span_of(value[first], len[first]);
			assert_true(verify_in(&ways[first], mine));
			assert_int_equal(verify_in(&ways[i], mine), i == first);
		}
	}
}

static void
behind_a_good_signature_a_bad_one_is_bad(void **state)
{
	uint8_t value[256];
	size_t len = sign_in(&ways[0], value);

	for (int i = 0; i < 3; i++) {
		assert_true(verify_in(&ways[0], span_of(value, len)));
		value[100] ^= 1;
		assert_false(verify_in(&ways[0], span_of(value, len)));
		value[100] ^= 1;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_signature_is_checked_in_its_own_way),
	    cmocka_unit_test(behind_a_good_signature_a_bad_one_is_bad),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
