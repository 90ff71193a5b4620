#include "authority/keycheck.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include "authority/issuedkit_priv.h"
#include "authority/revoked.h"

#define HALF 1024
#define KEY_COMPROMISE 1
#define SUPERSEDED 4

OWNER(BIGNUM, BN_free);
OWNER(BN_CTX, BN_CTX_free);
OWNER(OSSL_PARAM, OSSL_PARAM_free);
OWNER(OSSL_PARAM_BLD, OSSL_PARAM_BLD_free);

/* A public key whose modulus is the product of the two. */
static EVP_PKEY *
make_public(const BIGNUM *p, const BIGNUM *q)
{
	OSSL_PARAM_BLD *build OWNED(OSSL_PARAM_BLD_free) = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *from OWNED(EVP_PKEY_CTX_free) =
	    EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	BN_CTX *context OWNED(BN_CTX_free) = BN_CTX_new();
	BIGNUM *n OWNED(BN_free) = BN_new();
	BIGNUM *e OWNED(BN_free) = BN_new();
	EVP_PKEY *key = NULL;

	assert_true(BN_mul(n, p, q, context) && BN_set_word(e, 65537));
	assert_true(OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) &&
		    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e));
	OSSL_PARAM *params OWNED(OSSL_PARAM_free) =
	    OSSL_PARAM_BLD_to_param(build);
	assert_int_equal(EVP_PKEY_fromdata_init(from), 1);
	assert_int_equal(
	    EVP_PKEY_fromdata(from, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
	return key;
}

static void
assert_refused(const BIGNUM *p, const BIGNUM *q, const char *says)
{
	EVP_PKEY *key OWNED(EVP_PKEY_free) = make_public(p, q);
	struct err err = ERR_NONE;

	assert_rc(keycheck_rsa(key, &err), RC_UNFIT);
	assert_has(err.text, says);
}

static void
an_ordinary_key_is_good(void **state)
{
	EVP_PKEY *key OWNED(EVP_PKEY_free) =
	    EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	struct err err = ERR_NONE;

	assert_done(keycheck_rsa(key, &err), err);
}

static void
a_small_factor_is_found(void **state)
{
	BIGNUM *p OWNED(BN_free) = BN_new();
	BIGNUM *q OWNED(BN_free) = BN_new();
	EVP_PKEY *key OWNED(EVP_PKEY_free) = NULL;
	struct err err = ERR_NONE;

	assert_true(BN_generate_prime_ex(p, 2 * HALF - 9, 0, NULL, NULL, NULL));
	assert_true(BN_set_word(q, 751));
	assert_refused(p, q, "small factor");
	assert_true(BN_set_word(q, 757)); /* the first prime beyond */
	key = make_public(p, q);
	assert_done(keycheck_rsa(key, &err), err);
}

/* k * M + (65537^a mod M), M the product of the primes up to 167 */
static void
make_roca_prime(BIGNUM *ret)
{
	BN_CTX *context OWNED(BN_CTX_free) = BN_CTX_new();
	BIGNUM *m OWNED(BN_free) = BN_new();
	BIGNUM *rest OWNED(BN_free) = BN_new();
	BIGNUM *power OWNED(BN_free) = BN_new();

	assert_true(BN_one(m));
	for (unsigned p = 2; p <= 167; p++) {
		assert_true(BN_set_word(rest, p));
		if (BN_check_prime(rest, context, NULL) == 1)
			assert_true(BN_mul_word(m, p));
	}
	assert_true(BN_set_word(rest, 65537) && BN_rand(power, 60, 0, 0));
	assert_true(BN_mod_exp(rest, rest, power, m, context));
	assert_true(BN_generate_prime_ex(ret, HALF, 0, m, rest, NULL));
}

static void
a_key_of_the_chip_that_makes_weak_ones_is_found(void **state)
{
	BIGNUM *p OWNED(BN_free) = BN_new();
	BIGNUM *q OWNED(BN_free) = BN_new();

	make_roca_prime(p);
	make_roca_prime(q);
	assert_refused(p, q, "ROCA");
}

static void
primes_that_lie_close_are_found(void **state)
{
	BN_CTX *context OWNED(BN_CTX_free) = BN_CTX_new();
	BIGNUM *p OWNED(BN_free) = BN_new();
	BIGNUM *q OWNED(BN_free) = BN_new();

	assert_true(BN_generate_prime_ex(p, HALF, 0, NULL, NULL, NULL));
	assert_refused(p, p, "close together");
	assert_non_null(BN_copy(q, p));
	do
		assert_true(BN_add_word(q, 2));
	while (BN_check_prime(q, context, NULL) != 1);
	assert_refused(p, q, "close together");
}

/* What the kit issues has a digest of zeros in its row. */
static void
a_key_of_another_account_is_refused(void **state)
{
	static const uint8_t same[32], other[32] = {1};
	struct shop shop;
	struct err err = ERR_NONE;

	shop_init(&shop, state);
	X509 *cert = shop_issue(&shop, shop.kit->now);
	X509_free(cert);
	struct span key = span_of(same, sizeof(same));
	assert_done(keycheck_history(shop.sql, key, shop.account, &err), err);
	assert_rc(
	    keycheck_history(shop.sql, key, shop.account + 1, &err), RC_UNFIT);
	assert_has(err.text, "another account");
	key = span_of(other, sizeof(other));
	assert_done(
	    keycheck_history(shop.sql, key, shop.account + 1, &err), err);
	sql_free(shop.sql);
}

static void
a_key_that_is_in_other_hands_is_refused_for_ever(void **state)
{
	static const uint8_t same[32];
	struct span key = span_of(same, sizeof(same));
	static const int reasons[] = {SUPERSEDED, KEY_COMPROMISE};

	for (size_t i = 0; i < COUNT(reasons); i++) {
		struct shop shop;
		struct err err = ERR_NONE;
		shop_init(&shop, state);
		X509 *cert = shop_issue(&shop, shop.kit->now);
		struct revoked_wish wish = {.serial = shop_serial(cert),
		    .reason = reasons[i],
		    .by = "test",
		    .now = shop.kit->now};
		assert_done(revoked_add(shop.sql, &wish, &err), err);
		assert_rc(keycheck_history(shop.sql, key, shop.account, &err),
		    reasons[i] == KEY_COMPROMISE ? RC_UNFIT : RC_OK);
		X509_free(cert);
		sql_free(shop.sql);
	}
}

int
main(void)
{
	const struct CMUnitTest keys[] = {
	    cmocka_unit_test(an_ordinary_key_is_good),
	    cmocka_unit_test(a_small_factor_is_found),
	    cmocka_unit_test(a_key_of_the_chip_that_makes_weak_ones_is_found),
	    cmocka_unit_test(primes_that_lie_close_are_found),
	};
	const struct CMUnitTest histories[] = {
	    cmocka_unit_test(a_key_of_another_account_is_refused),
	    cmocka_unit_test(a_key_that_is_in_other_hands_is_refused_for_ever),
	};

	return cmocka_run_group_tests(keys, NULL, NULL) +
	       kit_test_both(histories, COUNT(histories));
}
