#define _GNU_SOURCE /* explicit_bzero */
#include "cms/agree_priv.h"

#include <openssl/cms.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#define KEK_MAX 32
#define WRAP_OVERHEAD 8
#define WRAPPED_MAX 128 /* a content key is at most 32 bytes */

struct scheme {
	int nid;
	const char *digest;
};

/* The curves of RFC 5753 have cofactor 1: both kinds are the same there. */
static const struct scheme schemes[] = {
    {NID_dhSinglePass_stdDH_sha1kdf_scheme, "SHA1"},
    {NID_dhSinglePass_stdDH_sha256kdf_scheme, "SHA256"},
    {NID_dhSinglePass_stdDH_sha384kdf_scheme, "SHA384"},
    {NID_dhSinglePass_stdDH_sha512kdf_scheme, "SHA512"},
    {NID_dhSinglePass_cofactorDH_sha1kdf_scheme, "SHA1"},
    {NID_dhSinglePass_cofactorDH_sha256kdf_scheme, "SHA256"},
    {NID_dhSinglePass_cofactorDH_sha384kdf_scheme, "SHA384"},
    {NID_dhSinglePass_cofactorDH_sha512kdf_scheme, "SHA512"},
};

struct wrap {
	int nid;
	size_t kek_len;
	const EVP_CIPHER *(*cipher)(void);
};

static const struct wrap wraps[] = {
    {NID_id_aes128_wrap, 16, EVP_aes_128_wrap},
    {NID_id_aes192_wrap, 24, EVP_aes_192_wrap},
    {NID_id_aes256_wrap, 32, EVP_aes_256_wrap},
};

OWNER(EVP_KDF, EVP_KDF_free);
OWNER(EVP_KDF_CTX, EVP_KDF_CTX_free);
OWNER(EVP_CIPHER_CTX, EVP_CIPHER_CTX_free);
OWNER(X509_ALGOR, X509_ALGOR_free);

static const struct scheme *
scheme_of(const struct shape_agree *agree)
{
	int nid = shape_nid(agree->scheme);

	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++)
		if (schemes[i].nid == nid)
			return &schemes[i];
	return NULL;
}

/* The key wrap algorithm is the parameter of the key agreement scheme. */
static X509_ALGOR *
wrap_algorithm(const struct shape_agree *agree)
{
	int type;
	const void *value;

	X509_ALGOR_get0(NULL, &type, &value, agree->scheme);
	if (type != V_ASN1_SEQUENCE)
		return NULL;
	struct span der = shape_span(value);
	void *ret = NULL;
	if (shape_parse(ASN1_ITEM_rptr(X509_ALGOR), der, "", &ret, NULL) !=
	    RC_OK)
		return NULL;
	return ret;
}

static const struct wrap *
wrap_of(const X509_ALGOR *algorithm)
{
	int nid = algorithm == NULL ? NID_undef : shape_nid(algorithm);

	for (size_t i = 0; i < sizeof(wraps) / sizeof(*wraps); i++)
		if (wraps[i].nid == nid)
			return &wraps[i];
	return NULL;
}

static void
name_of(const X509_ALGOR *algorithm, char name[80])
{
	const ASN1_OBJECT *object = NULL;

	if (algorithm != NULL)
		X509_ALGOR_get0(&object, NULL, NULL, algorithm);
	if (object == NULL || OBJ_obj2txt(name, 80, object, 0) <= 0)
		memcpy(name, "unnamed", sizeof("unnamed"));
}

enum rc
agree_check_scheme(const struct shape_agree *agree, struct err *err)
{
	char name[80];
	X509_ALGOR *wrap OWNED(X509_ALGOR_free) = wrap_algorithm(agree);

	if (scheme_of(agree) == NULL) {
		name_of(agree->scheme, name);
		return err_set(err, RC_UNFIT,
		    "sealed with a key agreement that is not supported: %s",
		    name);
	}
	if (wrap_of(wrap) == NULL) {
		name_of(wrap, name);
		return err_set(err, RC_UNFIT,
		    "sealed with a key wrap that is not supported: %s", name);
	}
	return RC_OK;
}

enum rc
agree_set_scheme(struct shape_agree *agree, struct err *err)
{
	struct buf der BUF_OWNED = BUF_SMALL;
	X509_ALGOR *wrap OWNED(X509_ALGOR_free) = X509_ALGOR_new();
	ASN1_STRING *value = ASN1_STRING_type_new(V_ASN1_SEQUENCE);

	if (wrap == NULL || value == NULL ||
	    shape_set_algorithm(wrap, NID_id_aes256_wrap, err) != RC_OK ||
	    shape_print(ASN1_ITEM_rptr(X509_ALGOR), wrap, &der, err) != RC_OK ||
	    !ASN1_STRING_set(value, der.data, (int)der.len) ||
	    !X509_ALGOR_set0(agree->scheme,
		OBJ_nid2obj(NID_dhSinglePass_stdDH_sha256kdf_scheme),
		V_ASN1_SEQUENCE, value)) {
		ASN1_STRING_free(value);
		return err_nomem(err, "key agreement");
	}
	return RC_OK;
}

/* KEK = KDF(secret, ECC-CMS-SharedInfo) */
static enum rc
derive(const struct scheme *scheme, struct span secret, struct span info,
    struct span kek, struct err *err)
{
	EVP_KDF *kdf OWNED(EVP_KDF_free) =
	    EVP_KDF_fetch(NULL, OSSL_KDF_NAME_X963KDF, NULL);
	EVP_KDF_CTX *ctx OWNED(EVP_KDF_CTX_free) = EVP_KDF_CTX_new(kdf);
	char digest[8];

	memcpy(digest, scheme->digest, strlen(scheme->digest) + 1);
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
	    OSSL_PARAM_construct_octet_string(
		OSSL_KDF_PARAM_SECRET, (void *)secret.data, secret.len),
	    OSSL_PARAM_construct_octet_string(
		OSSL_KDF_PARAM_INFO, (void *)info.data, info.len),
	    OSSL_PARAM_construct_end()};
	if (ctx == NULL ||
	    EVP_KDF_derive(ctx, (uint8_t *)kek.data, kek.len, params) != 1)
		return shape_fail(err, "key derivation");
	return RC_OK;
}

static enum rc
make_kek(const struct shape_agree *agree, struct span secret,
    uint8_t kek[KEK_MAX], const struct wrap **ret, struct err *err)
{
	uint8_t *info = NULL;
	X509_ALGOR *algorithm OWNED(X509_ALGOR_free) = wrap_algorithm(agree);

	TRY(agree_check_scheme(agree, err));
	const struct wrap *wrap = wrap_of(algorithm);
	int len = CMS_SharedInfo_encode(
	    &info, algorithm, agree->ukm, (int)wrap->kek_len);
	if (len <= 0)
		return shape_fail(err, "key derivation");
	enum rc rc = derive(scheme_of(agree), secret,
	    span_of(info, (size_t)len), span_of(kek, wrap->kek_len), err);
	OPENSSL_free(info);
	*ret = wrap;
	return rc;
}

static enum rc
run_wrap(const struct wrap *wrap, const uint8_t *kek, struct span in,
    uint8_t out[WRAPPED_MAX + WRAP_OVERHEAD], bool encrypt)
{
	int len = 0, last = 0;
	EVP_CIPHER_CTX *ctx OWNED(EVP_CIPHER_CTX_free) = EVP_CIPHER_CTX_new();

	if (ctx == NULL)
		return RC_NOMEM;
	EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	if (!EVP_CipherInit_ex(
		ctx, wrap->cipher(), NULL, kek, NULL, encrypt ? 1 : 0) ||
	    !EVP_CipherUpdate(ctx, out, &len, in.data, (int)in.len) ||
	    !EVP_CipherFinal_ex(ctx, out + len, &last))
		return RC_CRYPTO;
	size_t want = encrypt ? in.len + WRAP_OVERHEAD : in.len - WRAP_OVERHEAD;
	return (size_t)len == want ? RC_OK : RC_CRYPTO;
}

static enum rc
transform(const struct shape_agree *agree, struct span secret, struct span in,
    bool encrypt, struct buf *out, struct err *err)
{
	uint8_t kek[KEK_MAX], done[WRAPPED_MAX + WRAP_OVERHEAD];
	const struct wrap *wrap = NULL;

	if (in.len < 16 || in.len > WRAPPED_MAX || in.len % 8 != 0)
		return err_set(err, RC_CRYPTO, "no wrapped content key");
	enum rc rc = make_kek(agree, secret, kek, &wrap, err);
	if (rc == RC_OK && run_wrap(wrap, kek, in, done, encrypt) != RC_OK)
		rc = shape_fail(err, "key wrap");
	if (rc == RC_OK)
		rc = buf_add(out,
		    span_of(done, encrypt ? in.len + WRAP_OVERHEAD
					  : in.len - WRAP_OVERHEAD),
		    err);
	explicit_bzero(kek, sizeof(kek));
	explicit_bzero(done, sizeof(done));
	return rc;
}

enum rc
agree_wrap(const struct shape_agree *agree, struct span secret, struct span key,
    struct buf *out, struct err *err)
{
	return transform(agree, secret, key, true, out, err);
}

enum rc
agree_unwrap(const struct shape_agree *agree, struct span secret,
    struct span wrapped, struct buf *out, struct err *err)
{
	return transform(agree, secret, wrapped, false, out, err);
}
