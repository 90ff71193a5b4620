#include "codec/point.h"

#include <pthread.h>
#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>

#include "base/expect.h"
#include "base/own.h"

#define POINT_MAX 133

OWNER(EVP_PKEY, EVP_PKEY_free);
OWNER(EVP_PKEY_CTX, EVP_PKEY_CTX_free);

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

/* ---- for a verification only -------------------------------------------- */

struct signed_digest {
	enum point_curve curve;
	struct point point;
	uint8_t digest[32];
	uint8_t signature[160];
	size_t len;
};

/* By the library, with a fresh key. */
static struct signed_digest
sign_fresh(enum point_curve curve, uint8_t digest)
{
	struct signed_digest made = {.curve = curve};
	EVP_PKEY *key OWNED(EVP_PKEY_free) = make(curve, &made.point);
	EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) =
	    EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);

	memset(made.digest, digest, sizeof(made.digest));
	made.len = sizeof(made.signature);
	assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
	assert_int_equal(EVP_PKEY_sign(ctx, made.signature, &made.len,
			     made.digest, sizeof(made.digest)),
	    1);
	return made;
}

static bool
verify(const struct signed_digest *made)
{
	struct span point EXACT =
	    expect_exact(span_of(made->point.octets, made->point.len));

	return point_verify(made->curve, point,
	    span_of(made->digest, sizeof(made->digest)),
	    span_of(made->signature, made->len));
}

/* Each point in turn, so that every one comes to what another left. */
static void
every_key_verifies_its_own_signatures_and_no_others(void **state)
{
	for (enum point_curve i = 0; i < POINT_CURVES; i++) {
		struct signed_digest made[3];
		for (size_t j = 0; j < COUNT(made); j++)
			made[j] = sign_fresh(i, (uint8_t)j);
		for (size_t j = 0; j < COUNT(made) * 3; j++) {
			struct signed_digest other = made[j % COUNT(made)];
			assert_true(verify(&other));
			other.point = made[(j + 1) % COUNT(made)].point;
			assert_false(verify(&other));
			assert_true(verify(&made[j % COUNT(made)]));
		}
	}
}

static void
what_was_changed_is_not_signed(void **state)
{
	struct signed_digest good = sign_fresh(POINT_P256, 1);

	for (size_t i = 0; i < 4; i++) {
		struct signed_digest bad = good;
		switch (i) {
		case 0:
			bad.digest[31] ^= 1;
			break;
		case 1:
			bad.signature[bad.len - 1] ^= 1;
			break;
		case 2:
			bad.len--;
			break;
		case 3: /* off the curve */
			bad.point.octets[64] ^= 1;
			break;
		}
		assert_false(verify(&bad));
		assert_true(verify(&good));
	}
}

static void
what_is_no_point_verifies_nothing(void **state)
{
	struct signed_digest good = sign_fresh(POINT_P256, 1), bad = good;

	for (bad.point.len = 0; bad.point.len < good.point.len; bad.point.len++)
		assert_false(verify(&bad));
	bad = good;
	bad.curve = POINT_P384;
	assert_false(verify(&bad));
	bad = good;
	bad.point.octets[0] = 6 | (bad.point.octets[64] & 1); /* hybrid */
	assert_false(verify(&bad));
	assert_true(verify(&good));
}

#define THREADS 4
#define TURNS 200

static void *
verify_often(void *context)
{
	const struct signed_digest *made = context;
	uintptr_t wrong = 0;

	for (size_t i = 0; i < TURNS; i++) {
		struct signed_digest bad = *made;
		bad.digest[0] ^= 1;
		wrong += !verify(made);
		wrong += verify(&bad);
	}
	return (void *)wrong;
}

static void
threads_do_not_meet_in_a_key(void **state)
{
	struct signed_digest made[THREADS];
	pthread_t thread[THREADS];

	for (size_t i = 0; i < THREADS; i++)
		made[i] = sign_fresh(POINT_P256, (uint8_t)i);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&thread[i], NULL, verify_often, &made[i]),
		    0);
	for (size_t i = 0; i < THREADS; i++) {
		void *wrong = NULL;
		assert_int_equal(pthread_join(thread[i], &wrong), 0);
		assert_null(wrong);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_point_is_the_key_that_the_library_has),
	    cmocka_unit_test(a_point_that_is_not_on_the_curve_is_no_key),
	    cmocka_unit_test(other_forms_and_lengths_are_no_key),
	    cmocka_unit_test(
		every_key_verifies_its_own_signatures_and_no_others),
	    cmocka_unit_test(what_was_changed_is_not_signed),
	    cmocka_unit_test(what_is_no_point_verifies_nothing),
	    cmocka_unit_test(threads_do_not_meet_in_a_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
