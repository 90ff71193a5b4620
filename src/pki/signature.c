#include "pki/signature.h"

#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "pki/cert_priv.h"

#define MIN_SECURITY 112 /* bits: no SHA-1, no MD5 */

OWNER(RSA_PSS_PARAMS, RSA_PSS_PARAMS_free);

/* PSS names its digest in its parameters; unsaid it is SHA-1. */
static int
pss_digest(const X509_ALGOR *algorithm)
{
	RSA_PSS_PARAMS *pss OWNED(RSA_PSS_PARAMS_free) =
	    ASN1_TYPE_unpack_sequence(
		ASN1_ITEM_rptr(RSA_PSS_PARAMS), algorithm->parameter);

	ERR_clear_error();
	if (pss == NULL || pss->hashAlgorithm == NULL)
		return NID_sha1;
	return OBJ_obj2nid(pss->hashAlgorithm->algorithm);
}

static bool
is_strong(const X509_ALGOR *algorithm)
{
	int name = OBJ_obj2nid(algorithm->algorithm), digest = NID_undef;

	if (!OBJ_find_sigid_algs(name, &digest, NULL))
		return false;
	if (name == NID_rsassaPss)
		digest = pss_digest(algorithm);
	if (digest == NID_undef)
		return true; /* Ed25519 and its like */
	const EVP_MD *md = EVP_get_digestbynid(digest);
	return md != NULL && digest != NID_md5_sha1 &&
	       EVP_MD_get_size(md) * 4 >= MIN_SECURITY;
}

/* ---- what is set up once ------------------------------------------------ */

static EVP_PKEY_CTX *
new_context(const struct cert *by, const EVP_MD *md)
{
	EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) =
	    EVP_PKEY_CTX_new_from_pkey(NULL, by->key, NULL);

	if (ctx == NULL || EVP_PKEY_verify_init(ctx) != 1)
		return NULL;
	/* the length of the digest is all that ECDSA needs to know of it */
	if (by->kind != KIND_EC && EVP_PKEY_CTX_set_signature_md(ctx, md) != 1)
		return NULL;
	return take(ctx);
}

bool
signature_fits(const struct cert *by, const EVP_MD *md, struct span hash,
    struct span value)
{
	struct ready *ready = cert_verifying(by);
	EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) = ready_take(ready, md);

	if (ctx == NULL)
		ctx = new_context(by, md);
	bool ok = ctx != NULL && EVP_PKEY_verify(ctx, value.data, value.len,
				     hash.data, hash.len) == 1;
	ERR_clear_error();
	if (ok)
		ready_give(ready, md, take(ctx));
	return ok;
}

/* ---- as in a certificate ------------------------------------------------ */

struct usual {
	int name;
	enum key_kind kind;
	int bits; /* of SHA-2 */
};

static const struct usual usuals[] = {
    {NID_sha256WithRSAEncryption, KIND_RSA, 256},
    {NID_ecdsa_with_SHA256, KIND_EC, 256},
    {NID_ecdsa_with_SHA384, KIND_EC, 384},
    {NID_sha384WithRSAEncryption, KIND_RSA, 384},
    {NID_sha512WithRSAEncryption, KIND_RSA, 512},
    {NID_ecdsa_with_SHA512, KIND_EC, 512},
};

/* NULL: the library does it. */
static const EVP_MD *
find_usual(const X509_ALGOR *algorithm, const struct cert *by)
{
	int name = OBJ_obj2nid(algorithm->algorithm);

	for (size_t i = 0; i < sizeof(usuals) / sizeof(*usuals); i++)
		if (usuals[i].name == name && usuals[i].kind == by->kind)
			return crypto_sha2(usuals[i].bits);
	return NULL;
}

/* The library refuses a signature that ends within an octet. */
static bool
ends_within(const ASN1_BIT_STRING *signature)
{
	return signature->flags & 0x07;
}

static bool
usual_is(struct span bytes, const EVP_MD *md, const ASN1_BIT_STRING *signature,
    const struct cert *by)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	return !ends_within(signature) &&
	       EVP_Digest(bytes.data, bytes.len, hash, &len, md, NULL) == 1 &&
	       signature_fits(by, md, span_of(hash, len),
		   span_of(ASN1_STRING_get0_data(signature),
		       (size_t)ASN1_STRING_length(signature)));
}

/* The bytes are lent to the library: a list is not copied to be looked at. */
bool
signature_is(struct span bytes, const X509_ALGOR *algorithm,
    const ASN1_BIT_STRING *signature, const struct cert *by)
{
	const EVP_MD *md = find_usual(algorithm, by);
	ASN1_STRING signed_bytes = {.type = V_ASN1_SEQUENCE,
	    .length = (int)bytes.len,
	    .data = (unsigned char *)bytes.data};

	if (md != NULL)
		return usual_is(bytes, md, signature, by);
	int ok = by->key != NULL
		     ? ASN1_item_verify(ASN1_ITEM_rptr(ASN1_SEQUENCE),
			   algorithm, signature, &signed_bytes, by->key)
		     : 0;
	ERR_clear_error();
	return ok == 1;
}

bool
signature_holds(struct span bytes, const X509_ALGOR *algorithm,
    const ASN1_BIT_STRING *signature, const struct cert *by)
{
	return is_strong(algorithm) &&
	       signature_is(bytes, algorithm, signature, by);
}
