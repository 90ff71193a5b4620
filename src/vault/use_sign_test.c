/* Signing with PSS, with Ed448, and with one key in several threads. */
#include <pthread.h>

#include "vault/usekit_priv.h"

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
