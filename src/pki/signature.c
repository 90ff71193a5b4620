#include "pki/signature_priv.h"

#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

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

/* The bytes are lent to the library: a list is not copied to be looked at. */
bool
signature_holds(struct span bytes, const X509_ALGOR *algorithm,
    const ASN1_BIT_STRING *signature, EVP_PKEY *key)
{
	ASN1_STRING signed_bytes = {.type = V_ASN1_SEQUENCE,
	    .length = (int)bytes.len,
	    .data = (unsigned char *)bytes.data};

	if (!is_strong(algorithm))
		return false;
	int ok = ASN1_item_verify(ASN1_ITEM_rptr(ASN1_SEQUENCE), algorithm,
	    signature, &signed_bytes, key);
	ERR_clear_error();
	return ok == 1;
}
