#include "codec/point.h"

#include <pthread.h>
#include <stdatomic.h>

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

static bool
is_form(enum point_curve curve, struct span point)
{
	return point.len == 1 + 2 * curves[curve].coordinate &&
	       point.data[0] == UNCOMPRESSED;
}

EVP_PKEY *
point_read(enum point_curve curve, struct span point)
{
	if (!is_form(curve, point))
		return NULL;
	(void)pthread_once(&curves_made, make_curves);
	EVP_PKEY *key = new_point(empty[curve], point);
	ERR_clear_error();
	return key;
}

/* ---- for a verification only -------------------------------------------- */

/* Each with a key of its curve that nobody else holds, or holds a reference
 * to: it gets the point of whoever takes it. */
static EVP_PKEY_CTX *_Atomic waiting[POINT_CURVES];

static EVP_PKEY_CTX *
new_verifier(enum point_curve curve, struct span point)
{
	EVP_PKEY *key OWNED(EVP_PKEY_free) = point_read(curve, point);
	EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) =
	    key != NULL ? EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL) : NULL;

	if (ctx == NULL || EVP_PKEY_verify_init(ctx) != 1)
		return NULL;
	return take(ctx);
}

static bool
set_point(EVP_PKEY_CTX *ctx, struct span point)
{
	return EVP_PKEY_set1_encoded_public_key(
		   EVP_PKEY_CTX_get0_pkey(ctx), point.data, point.len) == 1;
}

static EVP_PKEY_CTX *
take_verifier(enum point_curve curve, struct span point)
{
	EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) =
	    atomic_exchange(&waiting[curve], NULL);

	if (ctx == NULL)
		return new_verifier(curve, point);
	return set_point(ctx, point) ? take(ctx) : NULL;
}

/* One whose point or signature was not good is not used again: what the
 * library left in it is not for others. */
bool
point_verify(enum point_curve curve, struct span point, struct span digest,
    struct span signature)
{
	if (!is_form(curve, point))
		return false;
	EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) =
	    take_verifier(curve, point);
	bool ok =
	    ctx != NULL && EVP_PKEY_verify(ctx, signature.data, signature.len,
			       digest.data, digest.len) == 1;
	ERR_clear_error();
	if (ok)
		EVP_PKEY_CTX_free(atomic_exchange(&waiting[curve], take(ctx)));
	return ok;
}
