#include "cms/sigalg_priv.h"

#include <openssl/err.h>
#include <openssl/rsa.h>

#include "cms/digest_priv.h"
#include "cms/padding_priv.h"

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 16384 /* above, a letter costs seconds to look at */
#define CURVE_BITS_MIN 224

struct sigalg {
	int nid;
	int digest; /* NID_undef: the SignerInfo's */
	int key;    /* EVP_PKEY_... */
};

static const struct sigalg sigalgs[] = {
    {NID_rsaEncryption, NID_undef, EVP_PKEY_RSA},
    {NID_sha256WithRSAEncryption, NID_sha256, EVP_PKEY_RSA},
    {NID_sha384WithRSAEncryption, NID_sha384, EVP_PKEY_RSA},
    {NID_sha512WithRSAEncryption, NID_sha512, EVP_PKEY_RSA},
    {NID_rsassaPss, NID_undef, EVP_PKEY_RSA},
    {NID_ecdsa_with_SHA256, NID_sha256, EVP_PKEY_EC},
    {NID_ecdsa_with_SHA384, NID_sha384, EVP_PKEY_EC},
    {NID_ecdsa_with_SHA512, NID_sha512, EVP_PKEY_EC},
    /* RFC 8419 section 2.3: with signed attributes SHA-512 MUST be used */
    {NID_ED25519, NID_sha512, EVP_PKEY_ED25519},
};

static const int weak[] = {NID_md2, NID_md4, NID_md5, NID_sha1, NID_ripemd160,
    NID_mdc2, NID_md5WithRSAEncryption, NID_md2WithRSAEncryption,
    NID_md4WithRSAEncryption, NID_sha1WithRSAEncryption, NID_sha1WithRSA,
    NID_md5WithRSA, NID_ecdsa_with_SHA1, NID_dsaWithSHA1, NID_dsaWithSHA1_2,
    NID_ripemd160WithRSA, NID_mdc2WithRSA};

OWNER(EVP_MD_CTX, EVP_MD_CTX_free);

static bool
is_weak(int nid)
{
	for (size_t i = 0; i < sizeof(weak) / sizeof(*weak); i++)
		if (weak[i] == nid)
			return true;
	return false;
}

static const struct sigalg *
find(int nid)
{
	for (size_t i = 0; i < sizeof(sigalgs) / sizeof(*sigalgs); i++)
		if (sigalgs[i].nid == nid)
			return &sigalgs[i];
	return NULL;
}

static const char *
refuse_pss(const X509_ALGOR *signature, int digest)
{
	struct padding_pss pss;

	if (!padding_pss(signature, &pss))
		return "sig.unsupported";
	if (is_weak(pss.digest))
		return "sig.alg-weak";
	/* RFC 4056 section 3: it MUST be the digest of the SignerInfo */
	return pss.digest == digest ? NULL : "sig.invalid";
}

const char *
sigalg_refuse(const X509_ALGOR *digest, const X509_ALGOR *signature)
{
	int hash = shape_nid(digest), sign = shape_nid(signature);
	const struct sigalg *sigalg = find(sign);

	if (is_weak(hash) || is_weak(sign))
		return "sig.alg-weak";
	if (sigalg == NULL || digest_md(hash) == NULL)
		return "sig.unsupported";
	if (!shape_is_bare(digest))
		return "sig.invalid";
	if (sign == NID_rsassaPss)
		return refuse_pss(signature, hash);
	/* RFC 8933 section 2: one digest for the content and the attributes */
	if (sigalg->digest != NID_undef && sigalg->digest != hash)
		return "sig.invalid";
	if (!shape_is_bare(signature))
		return "sig.invalid";
	return NULL;
}

const char *
sigalg_refuse_key(const EVP_PKEY *key)
{
	int bits = EVP_PKEY_get_bits(key);

	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_RSA:
	case EVP_PKEY_RSA_PSS:
		if (bits > RSA_BITS_MAX)
			return "sig.unsupported";
		return bits < RSA_BITS_MIN ? "sig.alg-weak" : NULL;
	case EVP_PKEY_EC:
		return bits < CURVE_BITS_MIN ? "sig.alg-weak" : NULL;
	case EVP_PKEY_ED25519:
		return NULL;
	default:
		return "sig.unsupported";
	}
}

static bool
fits(const struct sigalg *sigalg, const EVP_PKEY *key)
{
	int kind = EVP_PKEY_get_base_id(key);

	/* a key that is for PSS only (its own OID) does nothing else */
	if (kind == EVP_PKEY_RSA_PSS)
		return sigalg->nid == NID_rsassaPss;
	return kind == sigalg->key;
}

static bool
set_pss(EVP_PKEY_CTX *ctx, const X509_ALGOR *algorithm)
{
	struct padding_pss pss;

	return padding_pss(algorithm, &pss) &&
	       EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md(
		   ctx, EVP_get_digestbynid(pss.mask)) > 0 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, pss.salt) > 0;
}

static bool
verify(const struct shape_signer *signer, const struct sigalg *sigalg,
    EVP_PKEY *key, struct span bytes)
{
	EVP_PKEY_CTX *ctx = NULL; /* belongs to `hash` */
	EVP_MD_CTX *hash OWNED(EVP_MD_CTX_free) = EVP_MD_CTX_new();
	const EVP_MD *md = sigalg->nid == NID_ED25519
			       ? NULL
			       : digest_md(shape_nid(signer->digest_algorithm));
	struct span value = shape_span(signer->signature);

	if (hash == NULL ||
	    EVP_DigestVerifyInit(hash, &ctx, md, NULL, key) != 1)
		return false;
	if (sigalg->nid == NID_rsassaPss &&
	    !set_pss(ctx, signer->signature_algorithm))
		return false;
	return EVP_DigestVerify(
		   hash, value.data, value.len, bytes.data, bytes.len) == 1;
}

bool
sigalg_verify(
    const struct shape_signer *signer, EVP_PKEY *key, struct span bytes)
{
	const struct sigalg *sigalg =
	    find(shape_nid(signer->signature_algorithm));
	bool ok = sigalg != NULL && fits(sigalg, key) &&
		  verify(signer, sigalg, key, bytes);

	ERR_clear_error();
	return ok;
}
