/* What a request says of its key, whether it is one that is certified, and
 * whether it signed the request. */
#include "authority/request_priv.h"

#include <openssl/core_names.h>

#include "authority/keycheck.h"
#include "pki/crypto.h"
#include "pki/der.h"
#include "pki/spki.h"

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 4096
#define RSA_EXPONENT_BITS_MAX 32

static enum rc
check_rsa(const EVP_PKEY *key, struct err *err)
{
	BIGNUM *e OWNED(BN_clear_free) = NULL;
	int bits = EVP_PKEY_get_bits(key);

	if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX || bits % 8 != 0)
		return err_set(err, RC_UNFIT,
		    "RSA keys must have %d to %d bits, this one has %d",
		    RSA_BITS_MIN, RSA_BITS_MAX, bits);
	if (!EVP_PKEY_get_bn_param(key, "e", &e))
		return crypto_failed(err, "read the key");
	if (!BN_is_odd(e) || BN_num_bits(e) < 17 ||
	    BN_num_bits(e) > RSA_EXPONENT_BITS_MAX)
		return err_set(err, RC_UNFIT,
		    "the RSA key has an unusual exponent: use 65537");
	return keycheck_rsa(key, err);
}

static enum rc
other_curve(struct err *err)
{
	return err_set(
	    err, RC_UNFIT, "EC keys must be on P-256 or P-384 by name");
}

static enum rc
check_ec(const EVP_PKEY *key, struct err *err)
{
	char curve[64] = "";
	size_t len = 0;
	int explicit = 0;

	/* Parameters that are spelt out could be almost the curve (that was
	 * CVE-2020-0601), and the certificate would repeat them. */
	if (!EVP_PKEY_get_int_param(key,
		OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &explicit) ||
	    explicit != 0 ||
	    !EVP_PKEY_get_group_name(key, curve, sizeof(curve), &len) ||
	    (strcmp(curve, "prime256v1") != 0 &&
		strcmp(curve, "secp384r1") != 0))
		return other_curve(err);
	return RC_OK;
}

/* What is on one of the two curves is a key there. */
static enum rc
check_public(EVP_PKEY *key, struct err *err)
{
	EVP_PKEY_CTX *context OWNED(EVP_PKEY_CTX_free) = NULL;

	if (!crypto_wants_order_check(key) && EVP_PKEY_is_a(key, "EC"))
		return RC_OK;
	context = EVP_PKEY_CTX_new(key, NULL);
	if (context != NULL && EVP_PKEY_public_check(context) == 1)
		return RC_OK;
	(void)crypto_failed(err, "key");
	return err_set(err, RC_UNFIT, "the public key is not a valid one");
}

static enum rc
check_key(EVP_PKEY *key, struct err *err)
{
	if (EVP_PKEY_is_a(key, "RSA"))
		TRY(check_rsa(key, err));
	else if (EVP_PKEY_is_a(key, "EC"))
		TRY(check_ec(key, err));
	else if (!EVP_PKEY_is_a(key, "ED25519"))
		return err_set(err, RC_UNFIT,
		    "use a key on P-256 or P-384, Ed25519, or RSA of 2048 to "
		    "4096 bits");
	return check_public(key, err);
}

struct point_key {
	enum point_curve curve;
	struct span point;
};

/* CertificationRequest, as it came. */
struct parts {
	struct span info; /* what is signed, head and all */
	struct span key;  /* SubjectPublicKeyInfo */
	struct span signature;
};

static enum rc
split(struct span der, struct parts *ret, struct err *err)
{
	struct der all, info, skipped, key, bits;

	TRY(der_expect(&der, DER_SEQUENCE, &all, err));
	TRY(der_expect(&all.value, DER_SEQUENCE, &info, err));
	TRY(der_expect(&info.value, DER_INTEGER, &skipped, err));
	TRY(der_expect(&info.value, DER_SEQUENCE, &skipped, err));
	TRY(der_expect(&info.value, DER_SEQUENCE, &key, err));
	TRY(der_expect(&all.value, DER_SEQUENCE, &skipped, err));
	TRY(der_expect(&all.value, DER_BITS, &bits, err));
	if (bits.value.len == 0 || bits.value.data[0] != 0)
		return err_set(
		    err, RC_SYNTAX, "a signature that ends within an octet");
	*ret = (struct parts){info.whole, key.whole, span_after(bits.value, 1)};
	return RC_OK;
}

/* Which digest a request was signed with, that must be of SHA-2, by a key of
 * this kind; NULL for Ed25519, which has its own. */
static enum rc
find_digest(
    const X509_REQ *req, int key_kind, const EVP_MD **ret, struct err *err)
{
	int algorithm = X509_REQ_get_signature_nid(req);
	int digest = NID_undef, kind = NID_undef;

	*ret = NULL;
	if (algorithm == NID_ED25519 && key_kind == EVP_PKEY_ED25519)
		return RC_OK;
	if (!OBJ_find_sigid_algs(algorithm, &digest, &kind) ||
	    (digest != NID_sha256 && digest != NID_sha384 &&
		digest != NID_sha512))
		return err_set(err, RC_UNFIT,
		    "sign the certificate request with SHA-256, SHA-384 or "
		    "SHA-512");
	if (kind != key_kind)
		return err_set(err, RC_CRYPTO,
		    "the certificate request is signed by a key of another "
		    "kind");
	*ret = EVP_get_digestbynid(digest);
	return RC_OK;
}

static enum rc
not_signed(struct err *err)
{
	(void)crypto_failed(err, "signature");
	return err_set(err, RC_CRYPTO,
	    "the certificate request is not signed by its own key");
}

/* Whoever asks has the private key. */
static enum rc
check_signature(const X509_REQ *req, EVP_PKEY *key, const struct parts *parts,
    struct err *err)
{
	EVP_MD_CTX *ctx OWNED(EVP_MD_CTX_free) = EVP_MD_CTX_new();
	const EVP_MD *digest = NULL;

	TRY(find_digest(req, EVP_PKEY_get_base_id(key), &digest, err));
	if (ctx == NULL ||
	    EVP_DigestVerifyInit(ctx, NULL, digest, NULL, key) != 1 ||
	    EVP_DigestVerify(ctx, parts->signature.data, parts->signature.len,
		parts->info.data, parts->info.len) != 1)
		return not_signed(err);
	return RC_OK;
}

/* The same by a point, of which the library need not make a key. */
static enum rc
check_point_signature(const X509_REQ *req, const struct point_key *key,
    const struct parts *parts, struct err *err)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	const EVP_MD *digest = NULL;
	unsigned len = 0;

	TRY(find_digest(req, EVP_PKEY_EC, &digest, err));
	if (EVP_Digest(parts->info.data, parts->info.len, hash, &len, digest,
		NULL) != 1 ||
	    !point_verify(
		key->curve, key->point, span_of(hash, len), parts->signature))
		return not_signed(err);
	return RC_OK;
}

/* What can be read by hand is written as everybody writes it, and so it may
 * stand in the certificate. */
static enum rc
read_key(struct span der, struct request *request, struct err *err)
{
	const uint8_t *at = der.data;

	request->public_key = spki_read(der);
	if (request->public_key != NULL)
		return buf_add(&request->key_info, der, err);
	request->public_key = d2i_PUBKEY(NULL, &at, (long)der.len);
	if (request->public_key != NULL)
		return RC_OK;
	(void)crypto_failed(err, "key");
	return err_set(
	    err, RC_UNFIT, "the key in the certificate request cannot be read");
}

/* "EC points may be compressed" (RFC 5480 section 2.2), and parameters of RSA
 * left out by mistake: then the same key has another encoding. */
static bool
is_encoded_as_usual(const struct request *request, struct span der)
{
	uint8_t *usual = NULL;

	if (request->key_info.len > 0)
		return true;
	if (EVP_PKEY_is_a(request->public_key, "EC"))
		return false;
	int len = i2d_PUBKEY(request->public_key, &usual);
	bool same = len > 0 && span_is(span_of(usual, (size_t)len), der);
	OPENSSL_free(usual);
	return same;
}

/* Whether a key is another account's, or was revoked because it is in other
 * hands, is found by its hash: in another encoding it would be another key. */
static enum rc
hash_key(struct request *request, struct span der, struct err *err)
{
	if (!is_encoded_as_usual(request, der))
		return err_set(err, RC_UNFIT,
		    "the key is not encoded as usual: EC points uncompressed, "
		    "RSA with the parameter NULL");
	if (!EVP_Digest(der.data, der.len, request->key_sha256, NULL,
		crypto_sha2(256), NULL))
		return crypto_failed(err, "SHA-256");
	return RC_OK;
}

/* What was asked for, for a key of this kind. */
static enum rc
check_use(const struct request *request, int key_kind, struct err *err)
{
	if (request->kind != PROFILE_SIGNING && key_kind == EVP_PKEY_ED25519)
		return err_set(err, RC_UNFIT,
		    "an Ed25519 key only signs: ask for keyUsage "
		    "digitalSignature");
	if (request->kind == PROFILE_DUAL && key_kind != EVP_PKEY_RSA)
		return err_set(err, RC_UNFIT,
		    "an EC key is for signing or for encrypting: ask for two "
		    "certificates, with keyUsage in each request");
	return RC_OK;
}

static enum rc
check_point(const X509_REQ *req, const struct parts *parts,
    const struct point_key *key, struct request *request, struct err *err)
{
	if (key->curve == POINT_P521)
		return other_curve(err);
	TRY(check_use(request, EVP_PKEY_EC, err));
	TRY(check_point_signature(req, key, parts, err));
	return buf_add(&request->key_info, parts->key, err);
}

static enum rc
check_other(const X509_REQ *req, const struct parts *parts,
    struct request *request, struct err *err)
{
	TRY(read_key(parts->key, request, err));
	TRY(check_key(request->public_key, err));
	TRY(check_use(request, EVP_PKEY_get_base_id(request->public_key), err));
	return check_signature(req, request->public_key, parts, err);
}

enum rc
request_check_key(const X509_REQ *req, struct span der, struct request *request,
    struct err *err)
{
	struct parts parts = {0};
	struct point_key key;

	TRY(split(der, &parts, err));
	TRY(spki_point(parts.key, &key.curve, &key.point)
		? check_point(req, &parts, &key, request, err)
		: check_other(req, &parts, request, err));
	return hash_key(request, parts.key, err);
}
