#include "codec/point.h"

#include <pthread.h>

#include <openssl/core_names.h>
#include <openssl/err.h>

#include "base/own.h"

#define UNCOMPRESSED 0x04

OWNER(EVP_PKEY, EVP_PKEY_free);
OWNER(EVP_PKEY_CTX, EVP_PKEY_CTX_free);

static const struct {
	const char *name;
	size_t coordinate;
} curves[POINT_CURVES] = {
    [POINT_P256] = {"P-256", 32},
    [POINT_P384] = {"P-384", 48},
    [POINT_P521] = {"P-521", 66},
};

static pthread_once_t curves_made = PTHREAD_ONCE_INIT;
static EVP_PKEY *empty[POINT_CURVES];

static EVP_PKEY *
make_empty(const char *name)
{
	EVP_PKEY *made = NULL;
	EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) =
	    EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(
		OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)name, 0),
	    OSSL_PARAM_construct_end()};

	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &made, EVP_PKEY_KEY_PARAMETERS, params) != 1)
		return NULL;
	return made;
}

static void
make_curves(void)
{
	for (size_t i = 0; i < POINT_CURVES; i++)
		empty[i] = make_empty(curves[i].name);
}

size_t
point_coordinate(enum point_curve curve)
{
	return curves[curve].coordinate;
}

/* The library sees whether it is on the curve. */
static EVP_PKEY *
new_point(const EVP_PKEY *of, struct span point)
{
	EVP_PKEY *key OWNED(EVP_PKEY_free) =
	    of != NULL ? EVP_PKEY_dup((EVP_PKEY *)(uintptr_t)of) : NULL;

	if (key == NULL ||
	    EVP_PKEY_set1_encoded_public_key(key, point.data, point.len) != 1)
		return NULL;
	return take(key);
}

EVP_PKEY *
point_read(enum point_curve curve, struct span point)
{
	if (point.len != 1 + 2 * curves[curve].coordinate ||
	    point.data[0] != UNCOMPRESSED)
		return NULL;
	(void)pthread_once(&curves_made, make_curves);
	EVP_PKEY *key = new_point(empty[curve], point);
	ERR_clear_error();
	return key;
}
