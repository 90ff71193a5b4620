#include "codec/point.h"

#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>

#include "base/expect.h"
#include "base/own.h"

#define POINT_MAX 133

OWNER(EVP_PKEY, EVP_PKEY_free);

static const char *const names[POINT_CURVES] = {"P-256", "P-384", "P-521"};

struct point {
	uint8_t octets[POINT_MAX];
	size_t len;
};

/* By the library: a fresh key, and its point. */
static EVP_PKEY *
make(enum point_curve curve, struct point *ret)
{
	EVP_PKEY *key = EVP_EC_gen(names[curve]);

	assert_non_null(key);
	assert_int_equal(EVP_PKEY_get_octet_string_param(key,
			     OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, ret->octets,
			     sizeof(ret->octets), &ret->len),
	    1);
	return key;
}

/* Exactly sized, so that a sanitizer sees one byte too many. */
static EVP_PKEY *
read_exact(enum point_curve curve, const uint8_t *octets, size_t len)
{
	uint8_t *exact = malloc(len + 1) + 1;

	memcpy(exact, octets, len);
	EVP_PKEY *key = point_read(curve, span_of(exact, len));
	free(exact - 1);
	return key;
}

static void
a_point_is_the_key_that_the_library_has(void **state)
{
	for (enum point_curve i = 0; i < POINT_CURVES; i++) {
		struct point point;
		EVP_PKEY *want OWNED(EVP_PKEY_free) = make(i, &point);
		EVP_PKEY *got OWNED(EVP_PKEY_free) =
		    read_exact(i, point.octets, point.len);
		assert_non_null(got);
		assert_int_equal(EVP_PKEY_eq(got, want), 1);
		assert_int_equal(point.len, 1 + 2 * point_coordinate(i));
	}
}

static void
a_point_that_is_not_on_the_curve_is_no_key(void **state)
{
	for (enum point_curve i = 0; i < POINT_CURVES; i++) {
		struct point point;
		EVP_PKEY *key OWNED(EVP_PKEY_free) = make(i, &point);
		assert_non_null(key);
		point.octets[point.len - 1] ^= 1;
		assert_null(read_exact(i, point.octets, point.len));
	}
}

static void
other_forms_and_lengths_are_no_key(void **state)
{
	struct point point;
	EVP_PKEY *key OWNED(EVP_PKEY_free) = make(POINT_P256, &point);

	assert_non_null(key);
	assert_null(read_exact(POINT_P256, point.octets, point.len - 1));
	assert_null(read_exact(POINT_P256, point.octets, point.len + 1));
	assert_null(read_exact(POINT_P256, point.octets, 0));
	assert_null(read_exact(POINT_P384, point.octets, point.len));
	point.octets[0] = point.octets[64] & 1 ? 3 : 2;
	assert_null(read_exact(POINT_P256, point.octets, 33));
	assert_null(read_exact(POINT_P256, point.octets, point.len));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_point_is_the_key_that_the_library_has),
	    cmocka_unit_test(a_point_that_is_not_on_the_curve_is_no_key),
	    cmocka_unit_test(other_forms_and_lengths_are_no_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
