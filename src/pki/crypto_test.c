#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/err.h>

#include "pki/crypto.h"

static void
a_failure_has_the_librarys_reason_and_leaves_none_behind(void **state)
{
	struct err err = ERR_NONE;

	ERR_raise(ERR_LIB_X509, X509_R_WRONG_TYPE);
	assert_int_equal(crypto_failed(&err, "reading"), RC_CRYPTO);
	assert_string_equal(err.text, "reading: wrong type");
	assert_int_equal(ERR_peek_error(), 0);
	assert_int_equal(crypto_failed(&err, "reading"), RC_CRYPTO);
	assert_string_equal(err.text, "reading: the crypto library failed");
	ERR_raise(ERR_LIB_X509, ERR_R_MALLOC_FAILURE);
	assert_int_equal(crypto_failed(&err, "reading"), RC_NOMEM);
}

static void
the_curve_decides_the_digest(void **state)
{
	static const struct {
		const char *curve;
		int want;
	} cases[] = {
	    {"P-256", NID_sha256},
	    {"P-384", NID_sha384},
	    {"P-521", NID_sha512},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		EVP_PKEY *key OWNED(EVP_PKEY_free) = EVP_EC_gen(cases[i].curve);
		assert_int_equal(
		    EVP_MD_get_type(crypto_digest(key)), cases[i].want);
	}
	EVP_PKEY *rsa OWNED(EVP_PKEY_free) = EVP_RSA_gen(2048);
	EVP_PKEY *ed OWNED(EVP_PKEY_free) =
	    EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	assert_int_equal(EVP_MD_get_type(crypto_digest(rsa)), NID_sha256);
	assert_null(crypto_digest(ed));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		a_failure_has_the_librarys_reason_and_leaves_none_behind),
	    cmocka_unit_test(the_curve_decides_the_digest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
