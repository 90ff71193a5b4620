/* The key of a certificate, read by hand where that is possible. */
#include <openssl/core_names.h>
#include <openssl/err.h>

#include "pki/cert_priv.h"
#include "pki/crypto.h"
#include "pki/der.h"
#include "pki/spki.h"

OWNER(AUTHORITY_KEYID, AUTHORITY_KEYID_free);

/* ---- decoding ----------------------------------------------------------- */

/* Version, serial number, algorithm, issuer, validity, subject: then the key. */
static struct span
find_key(struct span der)
{
	struct der all, tbs, item;

	if (der_expect(&der, DER_SEQUENCE, &all, NULL) != RC_OK ||
	    der_expect(&all.value, DER_SEQUENCE, &tbs, NULL) != RC_OK)
		return SPAN_NONE;
	struct span *in = &tbs.value;
	if (in->len > 0 && in->data[0] == DER_CONTEXT_0 &&
	    der_next(in, &item, NULL) != RC_OK)
		return SPAN_NONE;
	for (int i = 0; i < 5; i++)
		if (der_next(in, &item, NULL) != RC_OK)
			return SPAN_NONE;
	return der_expect(in, DER_SEQUENCE, &item, NULL) == RC_OK ? item.whole
								  : SPAN_NONE;
}

static X509 *
decode_all(struct span der)
{
	const uint8_t *at = der.data;
	X509 *x509 OWNED(X509_free) = d2i_X509(NULL, &at, (long)der.len);

	ERR_clear_error();
	return x509 != NULL && at == der.data + der.len ? take(x509) : NULL;
}

/* For other signatures than those with RSA or ECDSA over a digest, newer
 * libraries look at the key to tell how strong they are. */
static bool
needs_key(const X509 *x509)
{
	const X509_ALGOR *algorithm = NULL;
	int digest = NID_undef;

	X509_get0_signature(NULL, &algorithm, x509);
	return !OBJ_find_sigid_algs(
		   OBJ_obj2nid(algorithm->algorithm), &digest, NULL) ||
	       digest == NID_undef;
}

enum rc
cert_decode(struct cert *cert, struct err *err)
{
	struct span der = buf_span(&cert->der);
	X509 *x509 OWNED(X509_free) = NULL;

	cert->key = spki_read(find_key(der));
	if (cert->key != NULL)
		x509 = spki_read_around(der);
	cert->x509 =
	    x509 != NULL && !needs_key(x509) ? take(x509) : decode_all(der);
	return cert->x509 != NULL
		   ? RC_OK
		   : err_set(err, RC_SYNTAX, "this is no certificate");
}

/* ---- what kind it is ---------------------------------------------------- */

/* With e = 1 everybody can sign. */
static bool
has_sound_exponent(const EVP_PKEY *key)
{
	BIGNUM *e OWNED(BN_clear_free) = NULL;

	return EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1 &&
	       BN_is_odd(e) && !BN_is_one(e);
}

/* A curve written out instead of named can have a generator of the attacker's
 * choice (CVE-2020-0601). */
static bool
has_named_curve(const EVP_PKEY *key)
{
	int explicit = 0;

	(void)EVP_PKEY_get_int_param(
	    key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &explicit);
	ERR_clear_error();
	return !explicit;
}

static enum key_kind
kind_of(const EVP_PKEY *key)
{
	if (EVP_PKEY_is_a(key, "EC"))
		return has_named_curve(key) ? KIND_EC : KIND_OTHER;
	if (EVP_PKEY_is_a(key, "RSA"))
		return has_sound_exponent(key) ? KIND_RSA : KIND_OTHER;
	if (EVP_PKEY_is_a(key, "RSA-PSS"))
		return has_sound_exponent(key) ? KIND_RSA_PSS : KIND_OTHER;
	if (EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448"))
		return KIND_ED;
	if (EVP_PKEY_is_a(key, "ML-DSA-44") ||
	    EVP_PKEY_is_a(key, "ML-DSA-65") || EVP_PKEY_is_a(key, "ML-DSA-87"))
		return KIND_ML_DSA;
	if (EVP_PKEY_is_a(key, "X25519") || EVP_PKEY_is_a(key, "X448"))
		return KIND_X;
	if (EVP_PKEY_is_a(key, "ML-KEM-768") ||
	    EVP_PKEY_is_a(key, "ML-KEM-1024"))
		return KIND_KEM;
	return KIND_OTHER;
}

void
cert_read_key(struct cert *cert)
{
	bool by_hand = cert->key != NULL;

	if (!by_hand)
		cert->key = X509_get_pubkey(cert->x509);
	ERR_clear_error();
	if (cert->key == NULL)
		return;
	cert->bits = EVP_PKEY_get_bits(cert->key);
	if (by_hand)
		cert->kind =
		    EVP_PKEY_is_a(cert->key, "EC") ? KIND_EC : KIND_RSA;
	else
		cert->kind = kind_of(cert->key);
}

/* Is the key of the kind that the signature is of? */
static bool
has_kind_of_signature(const struct cert *cert)
{
	int name = OBJ_obj2nid(X509_get0_tbs_sigalg(cert->x509)->algorithm);
	int kind = NID_undef;

	if (cert->key == NULL || !OBJ_find_sigid_algs(name, NULL, &kind))
		return false;
	return EVP_PKEY_is_a(cert->key, OBJ_nid2sn(kind)) ||
	       (EVP_PKEY_is_a(cert->key, "RSA") && kind == NID_rsassaPss);
}

/* As X509_self_signed() says it of a certificate that has its key: subject and
 * issuer are one, so are both key identifiers, and the kinds fit.  Whether the
 * signature holds is not looked at. */
bool
cert_names_itself(const struct cert *cert)
{
	X509 *x509 = cert->x509;
	uint32_t flags = X509_get_extension_flags(x509);

	if (!(flags & EXFLAG_SI) || (flags & EXFLAG_INVALID))
		return false;
	AUTHORITY_KEYID *issuer OWNED(AUTHORITY_KEYID_free) =
	    X509_get_ext_d2i(x509, NID_authority_key_identifier, NULL, NULL);
	bool same = X509_check_akid(x509, issuer) == X509_V_OK;
	ERR_clear_error();
	return same && has_kind_of_signature(cert);
}
