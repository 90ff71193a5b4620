#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "pki/fixture.h"
#include "vault/vault_priv.h"

#define HASH_32 "0123456789abcdef0123456789abcdef"

struct bench {
	struct vault *vault;
	const struct key *sign, *decrypt, *p384, *p521, *rsa, *ed;
	const struct key *x25519, *x448;
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
	bench.x25519 =
	    add(EVP_PKEY_Q_keygen(NULL, NULL, "X25519"), KEY_DECRYPT);
	bench.x448 = add(EVP_PKEY_Q_keygen(NULL, NULL, "X448"), KEY_DECRYPT);
	return 0;
}

static int
end(void **state)
{
	vault_free(bench.vault);
	return 0;
}

/* ---- decrypting --------------------------------------------------------- */

static EVP_PKEY *
make_alike(EVP_PKEY *key)
{
	EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) =
	    EVP_PKEY_CTX_new(key, NULL);
	EVP_PKEY *made = NULL;

	assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
	assert_int_equal(EVP_PKEY_keygen(ctx, &made), 1);
	return made;
}

/* The other side's view: the library's own ECDH with the ephemeral private
 * key and our public one. */
static void
both_sides_agree_on_the_same_secret(void **state)
{
	const struct {
		const struct key *key;
		size_t len;
	} cases[] = {
	    {bench.decrypt, 32},
	    {bench.p384, 48},
	    {bench.p521, 66},
	    {bench.x25519, 32},
	    {bench.x448, 56},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		EVP_PKEY *ephemeral OWNED(EVP_PKEY_free) =
		    make_alike(cases[i].key->public_key);
		EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) =
		    EVP_PKEY_CTX_new(ephemeral, NULL);
		struct buf ours BUF_OWNED = BUF_SECRET(100);
		uint8_t *point = NULL, theirs[100];
		size_t len = sizeof(theirs);

		assert_int_equal(EVP_PKEY_derive_init(ctx), 1);
		assert_int_equal(
		    EVP_PKEY_derive_set_peer(ctx, cases[i].key->public_key), 1);
		assert_int_equal(EVP_PKEY_derive(ctx, theirs, &len), 1);
		size_t point_len =
		    EVP_PKEY_get1_encoded_public_key(ephemeral, &point);
		assert_int_equal(cases[i].key->ops->agree(cases[i].key,
				     span_of(point, point_len), &ours, NULL),
		    RC_OK);
		OPENSSL_free(point);
		assert_int_equal(ours.len, cases[i].len);
		assert_true(span_is(buf_span(&ours), span_of(theirs, len)));
	}
}

static void
points_that_are_not_on_the_curve_are_refused(void **state)
{
	EVP_PKEY *ephemeral OWNED(EVP_PKEY_free) = EVP_EC_gen("P-256");
	EVP_PKEY *other OWNED(EVP_PKEY_free) = EVP_EC_gen("P-384");
	struct buf right BUF_OWNED = BUF_SECRET(100);
	struct buf out BUF_OWNED = BUF_SECRET(100);
	const struct key *key = bench.decrypt;
	uint8_t *point = NULL, *wrong = NULL;
	size_t len = EVP_PKEY_get1_encoded_public_key(ephemeral, &point);
	size_t wrong_len = EVP_PKEY_get1_encoded_public_key(other, &wrong);

	assert_int_equal(len, 65);
	uint8_t packed[33];
	memcpy(packed, point, sizeof(packed));
	packed[0] = 2 + (point[64] & 1);
	assert_int_equal(
	    key->ops->agree(key, span_of(packed, 33), &right, NULL), RC_OK);
	point[64] ^= 1;
	assert_int_not_equal(
	    key->ops->agree(key, span_of(point, 65), &out, NULL), RC_OK);
	assert_int_not_equal(
	    key->ops->agree(key, span_of(point, 64), &out, NULL), RC_OK);
	assert_int_not_equal(
	    key->ops->agree(key, span_of(wrong, wrong_len), &out, NULL), RC_OK);
	assert_int_not_equal(
	    key->ops->agree(key, span_of("\0", 1), &out, NULL), RC_OK);
	assert_int_not_equal(
	    key->ops->agree(key, SPAN_NONE, &out, NULL), RC_OK);
	assert_int_equal(out.len, 0);
	/* none of them is left behind for the next that is right */
	point[64] ^= 1;
	assert_int_equal(
	    key->ops->agree(key, span_of(point, 65), &out, NULL), RC_OK);
	assert_true(span_is(buf_span(&out), buf_span(&right)));
	OPENSSL_free(point);
	OPENSSL_free(wrong);
}

/* RFC 7748 section 6.1: Alice's private key, Bob's public one, their secret */
static const uint8_t alice_private[] = {0x77, 0x07, 0x6d, 0x0a, 0x73, 0x18,
    0xa5, 0x7d, 0x3c, 0x16, 0xc1, 0x72, 0x51, 0xb2, 0x66, 0x45, 0xdf, 0x4c,
    0x2f, 0x87, 0xeb, 0xc0, 0x99, 0x2a, 0xb1, 0x77, 0xfb, 0xa5, 0x1d, 0xb9,
    0x2c, 0x2a};
static const uint8_t bob_public[] = {0xde, 0x9e, 0xdb, 0x7d, 0x7b, 0x7d, 0xc1,
    0xb4, 0xd3, 0x5b, 0x61, 0xc2, 0xec, 0xe4, 0x35, 0x37, 0x3f, 0x83, 0x43,
    0xc8, 0x5b, 0x78, 0x67, 0x4d, 0xad, 0xfc, 0x7e, 0x14, 0x6f, 0x88, 0x2b,
    0x4f};
static const uint8_t both_secret[] = {0x4a, 0x5d, 0x9d, 0x5b, 0xa4, 0xce, 0x2d,
    0xe1, 0x72, 0x8e, 0x3b, 0xf4, 0x80, 0x35, 0x0f, 0x25, 0xe0, 0x7e, 0x21,
    0xc9, 0x47, 0xd1, 0x9e, 0x33, 0x76, 0xf0, 0x9b, 0x3c, 0x1e, 0x16, 0x17,
    0x42};

static void
x25519_agrees_as_its_rfc_says(void **state)
{
	const struct key *key =
	    add(EVP_PKEY_new_raw_private_key_ex(
		    NULL, "X25519", NULL, alice_private, sizeof(alice_private)),
		KEY_DECRYPT);
	struct buf out BUF_OWNED = BUF_SECRET(100);

	assert_int_equal(
	    key->ops->agree(
		key, span_of(bob_public, sizeof(bob_public)), &out, NULL),
	    RC_OK);
	assert_true(
	    span_is(buf_span(&out), span_of(both_secret, sizeof(both_secret))));
}

/* RFC 7748 section 6: points of small order would have everybody agree on
 * zeros, whatever the private key is. */
static void
an_all_zero_secret_is_refused(void **state)
{
	static const uint8_t zero[56] = {0}, one[56] = {1};
	const struct {
		const struct key *key;
		struct span peer;
	} cases[] = {
	    {bench.x25519, span_of(zero, 32)},
	    {bench.x25519, span_of(one, 32)},
	    {bench.x448, span_of(zero, 56)},
	    {bench.x448, span_of(one, 56)},
	};
	struct buf out BUF_OWNED = BUF_SECRET(100);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(cases[i].key->ops->agree(
				     cases[i].key, cases[i].peer, &out, NULL),
		    RC_CRYPTO);
	assert_int_equal(out.len, 0);
}

static void
a_public_key_of_another_kind_is_refused(void **state)
{
	uint8_t bytes[66] = {4};
	const struct key *keys[] = {bench.x25519, bench.x448};
	struct buf out BUF_OWNED = BUF_SECRET(100);

	for (size_t i = 0; i < 2; i++)
		for (size_t len = 0; len <= sizeof(bytes); len++)
			if (len != (i == 0 ? 32 : 56))
				assert_int_equal(
				    keys[i]->ops->agree(keys[i],
					span_of(bytes, len), &out, NULL),
				    RC_CRYPTO);
	assert_int_equal(
	    bench.ed->ops->agree(bench.ed, span_of(bytes, 32), &out, NULL),
	    RC_UNFIT);
	assert_int_equal(out.len, 0);
}

static void
decapsulation_wants_its_own_kind_of_key(void **state)
{
	struct buf out BUF_OWNED = BUF_SECRET(100);

	assert_int_equal(bench.x25519->ops->decapsulate(
			     bench.x25519, span_of(bob_public, 32), &out, NULL),
	    RC_UNFIT);
	assert_int_equal(bench.sign->ops->decapsulate(
			     bench.sign, span_of(bob_public, 32), &out, NULL),
	    RC_UNFIT);
}

#if OPENSSL_VERSION_NUMBER >= 0x30500000L

static void
a_kem_key_decapsulates_and_does_nothing_else(void **state)
{
	const struct key *key =
	    add(EVP_PKEY_Q_keygen(NULL, NULL, "ML-KEM-768"), KEY_DECRYPT);
	EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) =
	    EVP_PKEY_CTX_new(key->public_key, NULL);
	struct buf out BUF_OWNED = BUF_SECRET(100);
	uint8_t ciphertext[1088], secret[32];
	size_t len = sizeof(ciphertext), secret_len = sizeof(secret);
	struct span in = span_of(ciphertext, sizeof(ciphertext));

	assert_int_equal(EVP_PKEY_encapsulate_init(ctx, NULL), 1);
	assert_int_equal(
	    EVP_PKEY_encapsulate(ctx, ciphertext, &len, secret, &secret_len),
	    1);
	assert_int_equal(key->ops->decapsulate(key, in, &out, NULL), RC_OK);
	assert_true(span_is(buf_span(&out), span_of(secret, 32)));
	/* FIPS 203: another ciphertext, another secret, and no error */
	buf_clear(&out);
	ciphertext[5] ^= 1;
	assert_int_equal(key->ops->decapsulate(key, in, &out, NULL), RC_OK);
	assert_false(span_is(buf_span(&out), span_of(secret, 32)));
	buf_clear(&out);
	in.len--;
	assert_int_equal(key->ops->decapsulate(key, in, &out, NULL), RC_CRYPTO);
	assert_int_equal(key->ops->agree(key, in, &out, NULL), RC_UNFIT);
	assert_int_equal(
	    key->ops->unwrap(key, in, NULL, 32, &out, NULL), RC_UNFIT);
	assert_int_equal(out.len, 0);
}

#else

static void
a_kem_key_decapsulates_and_does_nothing_else(void **state)
{
	skip(); /* this library has no ML-KEM */
}

#endif

static const struct key_oaep oaep_sha1 = {"SHA1", "SHA1", {NULL, 0}};
static const struct key_oaep oaep_sha256 = {"SHA256", "SHA256", {NULL, 0}};

static size_t
wrap(const struct key *key, const char *clear, const struct key_oaep *oaep,
    uint8_t ret[256])
{
	EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) =
	    EVP_PKEY_CTX_new(key->public_key, NULL);
	size_t len = 256;

	assert_int_equal(EVP_PKEY_encrypt_init(ctx), 1);
	assert_int_equal(
	    EVP_PKEY_CTX_set_rsa_padding(
		ctx, oaep != NULL ? RSA_PKCS1_OAEP_PADDING : RSA_PKCS1_PADDING),
	    1);
	if (oaep != NULL) {
		assert_int_equal(
		    EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, oaep->digest, NULL),
		    1);
		assert_int_equal(
		    EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, oaep->mask, NULL),
		    1);
	}
	if (oaep != NULL && oaep->label.len > 0)
		assert_int_equal(
		    EVP_PKEY_CTX_set0_rsa_oaep_label(ctx,
			OPENSSL_memdup(oaep->label.data, oaep->label.len),
			(int)oaep->label.len),
		    1);
	assert_int_equal(EVP_PKEY_encrypt(ctx, ret, &len,
			     (const uint8_t *)clear, strlen(clear)),
	    1);
	return len;
}

static void
a_content_key_is_unwrapped(void **state)
{
	uint8_t wrapped[256];
	const struct key *key = bench.rsa;
	const struct key_oaep ways[] = {{"SHA1", "SHA1", SPAN_NONE},
	    {"SHA256", "SHA256", SPAN_NONE}, {"SHA256", "SHA1", SPAN_NONE},
	    {"SHA384", "SHA512", SPAN_NONE},
	    {"SHA512", "SHA512", span_str("a label")}};
	struct buf plain BUF_OWNED = BUF_SECRET(64);

	size_t len = wrap(key, HASH_32, NULL, wrapped);
	assert_int_equal(key->ops->unwrap(key, span_of(wrapped, len), NULL, 32,
			     &plain, NULL),
	    RC_OK);
	assert_true(span_is(buf_span(&plain), span_str(HASH_32)));
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct buf out BUF_OWNED = BUF_SECRET(64);
		len = wrap(key, HASH_32, &ways[i], wrapped);
		assert_int_equal(key->ops->unwrap(key, span_of(wrapped, len),
				     &ways[i], 32, &out, NULL),
		    RC_OK);
		assert_true(span_is(buf_span(&out), span_str(HASH_32)));
	}
}

static void
another_label_or_mask_does_not_open(void **state)
{
	uint8_t wrapped[256];
	const struct key *key = bench.rsa;
	const struct key_oaep made = {"SHA256", "SHA1", span_str("a label")};
	const struct key_oaep wrong[] = {{"SHA256", "SHA1", SPAN_NONE},
	    {"SHA256", "SHA1", span_str("a labeL")},
	    {"SHA256", "SHA256", span_str("a label")}};
	struct buf out BUF_OWNED = BUF_SECRET(64);
	size_t len = wrap(key, HASH_32, &made, wrapped);

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(key->ops->unwrap(key, span_of(wrapped, len),
				     &wrong[i], 32, &out, NULL),
		    RC_CRYPTO);
	assert_int_equal(out.len, 0);
}

/* The million message attack asks which padding is wrong: nobody is told. */
static void
a_wrong_pkcs1_padding_gives_a_random_key_and_no_error(void **state)
{
	uint8_t wrapped[256];
	const struct key *key = bench.rsa;
	struct buf one BUF_OWNED = BUF_SECRET(64);
	struct buf two BUF_OWNED = BUF_SECRET(64);
	/* of another length than asked for: a wrong padding too */
	size_t len = wrap(key, "sixteen bytes...", NULL, wrapped);

	assert_int_equal(
	    key->ops->unwrap(key, span_of(wrapped, len), NULL, 32, &one, NULL),
	    RC_OK);
	assert_int_equal(one.len, 32);
	assert_int_equal(span_find(buf_span(&one), span_str("sixteen")), -1);
	len = wrap(key, HASH_32, &oaep_sha1, wrapped);
	assert_int_equal(
	    key->ops->unwrap(key, span_of(wrapped, len), NULL, 32, &two, NULL),
	    RC_OK);
	assert_int_equal(two.len, 32);
	assert_false(span_is(buf_span(&one), buf_span(&two)));
}

static void
encrypt_block(const struct key *key, const uint8_t block[256], uint8_t ret[256])
{
	EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) =
	    EVP_PKEY_CTX_new(key->public_key, NULL);
	size_t len = 256;

	assert_int_equal(EVP_PKEY_encrypt_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING), 1);
	assert_int_equal(EVP_PKEY_encrypt(ctx, ret, &len, block, 256), 1);
}

/* 00 02, 221 bytes that are not zero, 00, 32 bytes of key. */
static void
every_byte_of_a_pkcs1_padding_counts(void **state)
{
	static const struct {
		const char *name;
		size_t at;
		uint8_t byte;
		bool right;
	} cases[] = {
	    {"as it should be", 2, 0x11, true},
	    {"another first byte", 0, 0x01, false},
	    {"padding for signatures", 1, 0x01, false},
	    {"a zero at the beginning of the padding", 2, 0, false},
	    {"a zero in it", 100, 0, false},
	    {"a zero at its end", 222, 0, false},
	    {"no zero behind it", 223, 0x11, false},
	};
	const uint8_t *key_bytes = span_str(HASH_32).data;
	const struct key *key = bench.rsa;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf out BUF_OWNED = BUF_SECRET(64);
		uint8_t block[256] = {0, 2}, wrapped[256];
		memset(block + 2, 0x11, 221);
		memcpy(block + 224, key_bytes, 32);
		block[cases[i].at] = cases[i].byte;
		encrypt_block(key, block, wrapped);
		assert_int_equal(key->ops->unwrap(key, span_of(wrapped, 256),
				     NULL, 32, &out, NULL),
		    RC_OK);
		if (span_is(buf_span(&out), span_str(HASH_32)) !=
		    cases[i].right)
			fail_msg("%s", cases[i].name);
	}
}

static void
a_damaged_oaep_or_a_wrong_length_is_refused(void **state)
{
	uint8_t wrapped[256];
	const struct key *key = bench.rsa;
	const struct key_oaep none = {"none", "none", SPAN_NONE};
	struct buf out BUF_OWNED = BUF_SECRET(64);
	size_t len = wrap(key, HASH_32, &oaep_sha256, wrapped);

	assert_int_equal(key->ops->unwrap(key, span_of(wrapped, len),
			     &oaep_sha256, 16, &out, NULL),
	    RC_CRYPTO);
	assert_int_equal(key->ops->unwrap(key, span_of(wrapped, len),
			     &oaep_sha1, 32, &out, NULL),
	    RC_CRYPTO);
	assert_int_equal(
	    key->ops->unwrap(key, span_of(wrapped, len), &none, 32, &out, NULL),
	    RC_UNFIT);
	assert_int_equal(key->ops->unwrap(key, span_of(wrapped, len - 1), NULL,
			     32, &out, NULL),
	    RC_CRYPTO);
	assert_int_equal(
	    key->ops->unwrap(key, span_of(wrapped, len), NULL, 65, &out, NULL),
	    RC_UNFIT);
	assert_int_equal(out.len, 0);
}

/* 16,392 bits: more than anybody's, and seconds for each letter. */
static void
an_oversized_rsa_key_is_not_used(void **state)
{
	enum { BYTES = 2049 };
	BIGNUM *n OWNED(BN_clear_free) = BN_new();
	BIGNUM *e OWNED(BN_clear_free) = BN_new();
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) =
	    EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	struct buf out BUF_OWNED = BUF_SECRET(64);
	uint8_t wrapped[BYTES] = {0};
	EVP_PKEY *made = NULL;

	assert_int_equal(
	    BN_rand(n, BYTES * 8, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD), 1);
	assert_int_equal(BN_set_word(e, 65537), 1);
	assert_int_equal(OSSL_PARAM_BLD_push_BN(build, "n", n), 1);
	assert_int_equal(OSSL_PARAM_BLD_push_BN(build, "e", e), 1);
	assert_int_equal(OSSL_PARAM_BLD_push_BN(build, "d", e), 1);
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
	assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
	assert_int_equal(
	    EVP_PKEY_fromdata(ctx, &made, EVP_PKEY_KEYPAIR, params), 1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	const struct key *key = add(made, KEY_DECRYPT);
	assert_int_equal(key->ops->unwrap(key, span_of(wrapped, BYTES), NULL,
			     32, &out, NULL),
	    RC_UNFIT);
	/* nor is a wrapped key of that length any smaller key's */
	assert_int_equal(bench.rsa->ops->unwrap(bench.rsa,
			     span_of(wrapped, BYTES), NULL, 32, &out, NULL),
	    RC_CRYPTO);
	assert_int_equal(out.len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(both_sides_agree_on_the_same_secret),
	    cmocka_unit_test(points_that_are_not_on_the_curve_are_refused),
	    cmocka_unit_test(x25519_agrees_as_its_rfc_says),
	    cmocka_unit_test(an_all_zero_secret_is_refused),
	    cmocka_unit_test(a_public_key_of_another_kind_is_refused),
	    cmocka_unit_test(decapsulation_wants_its_own_kind_of_key),
	    cmocka_unit_test(a_kem_key_decapsulates_and_does_nothing_else),
	    cmocka_unit_test(a_content_key_is_unwrapped),
	    cmocka_unit_test(another_label_or_mask_does_not_open),
	    cmocka_unit_test(
		a_wrong_pkcs1_padding_gives_a_random_key_and_no_error),
	    cmocka_unit_test(every_byte_of_a_pkcs1_padding_counts),
	    cmocka_unit_test(a_damaged_oaep_or_a_wrong_length_is_refused),
	    cmocka_unit_test(an_oversized_rsa_key_is_not_used),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
