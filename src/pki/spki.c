#include "pki/spki.h"

#include <pthread.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/provider.h>

#include "pki/der.h"
#include "pki/ready.h"

#define NUMBER_MAX ((size_t)2049) /* octets of an RSA number, and its sign */

/* ---- points ------------------------------------------------------------- */

struct curve {
	enum point_curve name;
	size_t head_len; /* all that stands in front of the point */
	uint8_t head[26];
};

#define EC_KEY_OID 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01

static const struct curve curves[] = {
    {POINT_P256, 26,
	{0x30, 0x59, 0x30, 0x13, EC_KEY_OID, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
	    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00}},
    {POINT_P384, 23,
	{0x30, 0x76, 0x30, 0x10, EC_KEY_OID, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00,
	    0x22, 0x03, 0x62, 0x00}},
    {POINT_P521, 25,
	{0x30, 0x81, 0x9b, 0x30, 0x10, EC_KEY_OID, 0x06, 0x05, 0x2b, 0x81, 0x04,
	    0x00, 0x23, 0x03, 0x81, 0x86, 0x00}},
};
#define CURVES (sizeof(curves) / sizeof(*curves))

bool
spki_point(struct span der, enum point_curve *ret_curve, struct span *ret_point)
{
	for (size_t i = 0; i < CURVES; i++) {
		const struct curve *curve = &curves[i];
		size_t len = curve->head_len;
		size_t point = 1 + 2 * point_coordinate(curve->name);
		if (der.len != len + point ||
		    !span_is(span_first(der, len), span_of(curve->head, len)))
			continue;
		*ret_curve = curve->name;
		*ret_point = span_after(der, len);
		return ret_point->data[0] == 0x04;
	}
	return false;
}

static EVP_PKEY *
read_point(struct span der)
{
	enum point_curve curve;
	struct span point;

	return spki_point(der, &curve, &point) ? point_read(curve, point)
					       : NULL;
}

/* ---- RSA ---------------------------------------------------------------- */

static struct ready rsa_maker;

static EVP_PKEY_CTX *
take_maker(void)
{
	EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) =
	    ready_take(&rsa_maker, NULL);

	if (ctx == NULL) {
		ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
		if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1)
			return NULL;
	}
	return take(ctx);
}

/* The library takes numbers as this machine has them in memory. */
struct number {
	size_t len;
	uint8_t octets[NUMBER_MAX];
};

static bool
read_number(struct span *in, struct number *ret)
{
	struct der der;

	if (der_expect(in, DER_INTEGER, &der, NULL) != RC_OK ||
	    der.value.len == 0 || der.value.len > NUMBER_MAX ||
	    (der.value.data[0] & 0x80))
		return false;
	/* one octet for the sign at the most, so that 1 is written in one way */
	if (der.value.len > 1 && der.value.data[0] == 0 &&
	    !(der.value.data[1] & 0x80))
		return false;
	ret->len = der.value.len;
	for (size_t i = 0; i < ret->len; i++)
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		ret->octets[i] = der.value.data[ret->len - 1 - i];
#else
		ret->octets[i] = der.value.data[i];
#endif
	return true;
}

/* With e = 1 everybody can sign.  pki/cert says so of it. */
static bool
is_sound(const struct number *e)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	uint8_t last = e->octets[0];
#else
	uint8_t last = e->octets[e->len - 1];
#endif
	return (last & 1) && (e->len > 1 || last != 1);
}

static EVP_PKEY *
new_rsa(struct number *n, struct number *e)
{
	EVP_PKEY *key = NULL;
	EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) = take_maker();
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, n->octets, n->len),
	    OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_E, e->octets, e->len),
	    OSSL_PARAM_construct_end()};

	if (ctx == NULL ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		return NULL;
	ready_give(&rsa_maker, NULL, take(ctx));
	return key;
}

/* SubjectPublicKeyInfo { { rsaEncryption, NULL }, BIT STRING of
 * RSAPublicKey { INTEGER, INTEGER } } */
static EVP_PKEY *
read_rsa(struct span der)
{
	static const uint8_t algorithm[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86,
	    0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00};
	struct der all, named, bits, numbers;
	struct number n, e;

	if (der_expect(&der, DER_SEQUENCE, &all, NULL) != RC_OK ||
	    der_expect(&all.value, DER_SEQUENCE, &named, NULL) != RC_OK ||
	    !span_is(named.whole, span_of(algorithm, sizeof(algorithm))) ||
	    der_expect(&all.value, DER_BITS, &bits, NULL) != RC_OK ||
	    all.value.len > 0 || bits.value.len == 0 || bits.value.data[0] != 0)
		return NULL;
	struct span in = span_after(bits.value, 1);
	if (der_expect(&in, DER_SEQUENCE, &numbers, NULL) != RC_OK ||
	    in.len > 0 || !read_number(&numbers.value, &n) ||
	    !read_number(&numbers.value, &e) || numbers.value.len > 0 ||
	    !is_sound(&e))
		return NULL;
	return new_rsa(&n, &e);
}

EVP_PKEY *
spki_read(struct span der)
{
	EVP_PKEY *key = read_point(der);

	if (key == NULL)
		key = read_rsa(der);
	ERR_clear_error();
	return key;
}

/* ---- what is around it -------------------------------------------------- */

/* Without a provider there are no decoders to be looked for. */
static pthread_once_t bare_made = PTHREAD_ONCE_INIT;
static OSSL_LIB_CTX *bare;

static void
make_bare(void)
{
	OSSL_LIB_CTX *made = OSSL_LIB_CTX_new();

	/* with none loaded the library would load its own */
	if (made != NULL && OSSL_PROVIDER_load(made, "null") != NULL)
		bare = made;
	else
		OSSL_LIB_CTX_free(made);
}

X509 *
spki_read_around(struct span der)
{
	const uint8_t *at = der.data;

	(void)pthread_once(&bare_made, make_bare);
	X509 *x509 OWNED(X509_free) = (X509 *)ASN1_item_d2i_ex(
	    NULL, &at, (long)der.len, ASN1_ITEM_rptr(X509), bare, NULL);
	ERR_clear_error();
	return x509 != NULL && at == der.data + der.len ? take(x509) : NULL;
}

X509_REQ *
spki_read_around_request(struct span der)
{
	const uint8_t *at = der.data;

	(void)pthread_once(&bare_made, make_bare);
	X509_REQ *req OWNED(X509_REQ_free) = (X509_REQ *)ASN1_item_d2i_ex(
	    NULL, &at, (long)der.len, ASN1_ITEM_rptr(X509_REQ), bare, NULL);
	ERR_clear_error();
	return req != NULL && at == der.data + der.len ? take(req) : NULL;
}
