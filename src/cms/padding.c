#include "cms/padding_priv.h"

#include <openssl/err.h>
#include <openssl/rsa.h>

#define SALT_DEFAULT 20 /* RFC 4055 section 3.1 */
#define SALT_MAX 512
#define TRAILER 1

OWNER(RSA_OAEP_PARAMS, RSA_OAEP_PARAMS_free);
OWNER(RSA_PSS_PARAMS, RSA_PSS_PARAMS_free);
OWNER(X509_ALGOR, X509_ALGOR_free);

static const char *
digest_name(int nid)
{
	switch (nid) {
	case NID_sha1:
		return "SHA1";
	case NID_sha256:
		return "SHA256";
	case NID_sha384:
		return "SHA384";
	case NID_sha512:
		return "SHA512";
	default:
		return NULL;
	}
}

static struct span
parameters(const X509_ALGOR *algorithm)
{
	int type;
	const void *value;

	X509_ALGOR_get0(NULL, &type, &value, algorithm);
	return type == V_ASN1_SEQUENCE ? shape_span(value) : SPAN_NONE;
}

/* Absent means SHA-1, in both RFCs. */
static int
digest_nid(const X509_ALGOR *algorithm)
{
	return algorithm == NULL ? NID_sha1 : shape_nid(algorithm);
}

static int
mask_nid(const X509_ALGOR *algorithm)
{
	if (algorithm == NULL)
		return NID_sha1;
	if (shape_nid(algorithm) != NID_mgf1)
		return NID_undef;
	struct span der = parameters(algorithm);
	const uint8_t *at = der.data;
	X509_ALGOR *hash OWNED(X509_ALGOR_free) =
	    at == NULL ? NULL : d2i_X509_ALGOR(NULL, &at, (long)der.len);
	ERR_clear_error();
	return hash == NULL ? NID_undef : shape_nid(hash);
}

const char *
padding_oaep(const X509_ALGOR *scheme)
{
	struct span der = parameters(scheme);
	const uint8_t *at = der.data;
	RSA_OAEP_PARAMS *oaep OWNED(RSA_OAEP_PARAMS_free) =
	    at == NULL ? NULL : d2i_RSA_OAEP_PARAMS(NULL, &at, (long)der.len);

	ERR_clear_error();
	if (oaep == NULL || oaep->pSourceFunc != NULL)
		return NULL;
	int digest = digest_nid(oaep->hashFunc);
	if (mask_nid(oaep->maskGenFunc) != digest)
		return NULL;
	return digest_name(digest);
}

bool
padding_pss(const X509_ALGOR *scheme, struct padding_pss *ret)
{
	struct span der = parameters(scheme);
	const uint8_t *at = der.data;
	RSA_PSS_PARAMS *pss OWNED(RSA_PSS_PARAMS_free) =
	    at == NULL ? NULL : d2i_RSA_PSS_PARAMS(NULL, &at, (long)der.len);

	ERR_clear_error();
	if (pss == NULL)
		return false;
	if (pss->trailerField != NULL &&
	    ASN1_INTEGER_get(pss->trailerField) != TRAILER)
		return false;
	long salt = pss->saltLength == NULL ? SALT_DEFAULT
					    : ASN1_INTEGER_get(pss->saltLength);
	int digest = digest_nid(pss->hashAlgorithm);
	int mask = mask_nid(pss->maskGenAlgorithm);
	if (salt < 0 || salt > SALT_MAX || digest_name(digest) == NULL ||
	    digest_name(mask) == NULL)
		return false;
	*ret = (struct padding_pss){digest, mask, (int)salt};
	return true;
}
