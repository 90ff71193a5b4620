#include "cms/sign.h"

#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "cms/shape_priv.h"

/* SignedData and SignerInfo of version 1: id-data, and the signer by issuer
 * and serial number (RFC 5652 sections 5.1 and 5.3). */
#define SIGN_VERSION 1
#define SIGN_TOKENS_MAX 16
#define OID_CMS_PROTECTION "1.2.840.113549.1.9.52" /* RFC 6211 */

struct algorithm {
	int kind; /* EVP_PKEY_... */
	int bits; /* 0: any */
	int digest;
	int signature;
	bool null_parameter;
};

/* RFC 8933: the digest of the content is the digest of the signature. */
static const struct algorithm algorithms[] = {
    {EVP_PKEY_EC, 256, NID_sha256, NID_ecdsa_with_SHA256, false},
    {EVP_PKEY_EC, 384, NID_sha384, NID_ecdsa_with_SHA384, false},
    {EVP_PKEY_EC, 521, NID_sha512, NID_ecdsa_with_SHA512, false},
    {EVP_PKEY_RSA, 0, NID_sha256, NID_rsaEncryption, true},
};

/* What our cms/open reads, best first: AES-256-GCM, AES-128-GCM, AES-256-CBC,
 * AES-128-CBC; ECDH with the SHA-256 X9.63 KDF and AES-256 or AES-128 wrap.
 * DER as RFC 8551 section 2.5.2 and RFC 5753 section 7 want it. */
static const uint8_t capabilities[] = {0x30, 0x62,
    /* aes256-GCM */ 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03,
    0x04, 0x01, 0x2e,
    /* aes128-GCM */ 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03,
    0x04, 0x01, 0x06,
    /* aes256-CBC */ 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03,
    0x04, 0x01, 0x2a,
    /* aes128-CBC */ 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03,
    0x04, 0x01, 0x02,
    /* ECDH, aes256-wrap */ 0x30, 0x15, 0x06, 0x06, 0x2b, 0x81, 0x04, 0x01,
    0x0b, 0x01, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03,
    0x04, 0x01, 0x2d,
    /* ECDH, aes128-wrap */ 0x30, 0x15, 0x06, 0x06, 0x2b, 0x81, 0x04, 0x01,
    0x0b, 0x01, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03,
    0x04, 0x01, 0x05};

struct sign {
	const struct identity *who; /* borrowed */
	int64_t time;
	const struct algorithm *algorithm;
	EVP_MD_CTX *hash;
	struct shape_signer *signer; /* NULL until it is closed */
};

OWNER(struct sign, sign_free);
OWNER(X509_ATTRIBUTE, X509_ATTRIBUTE_free);
OWNER(ASN1_TIME, ASN1_TIME_free);

static const struct algorithm *
algorithm_of(const EVP_PKEY *key)
{
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(*algorithms); i++) {
		const struct algorithm *a = &algorithms[i];
		if (EVP_PKEY_get_base_id(key) == a->kind &&
		    (a->bits == 0 || EVP_PKEY_get_bits(key) == a->bits))
			return a;
	}
	return NULL;
}

/* A certificate beside a foreign key would make letters that nobody can
 * verify, found out only by the reader. */
static enum rc
check_identity(const struct identity *who, struct err *err)
{
	TRY(cert_can_sign(who->cert, err));
	const EVP_PKEY *key = X509_get0_pubkey(cert_x509(who->cert));
	if (key == NULL)
		return err_set(err, RC_UNFIT,
		    "the signing certificate has no key that can be read");
	if (who->key->public_key != NULL &&
	    EVP_PKEY_eq(key, who->key->public_key) != 1)
		return err_set(err, RC_UNFIT,
		    "the private key does not belong to the certificate");
	if (algorithm_of(key) == NULL)
		return err_set(err, RC_UNFIT,
		    "only RSA, P-256, P-384 and P-521 keys can sign");
	return RC_OK;
}

enum rc
sign_new(const struct identity *who, int64_t signing_time, struct sign **ret,
    struct err *err)
{
	TRY(check_identity(who, err));
	struct sign *sign OWNED(sign_free) = calloc(1, sizeof(*sign));
	if (sign == NULL || (sign->hash = EVP_MD_CTX_new()) == NULL)
		return err_nomem(err, "signature");
	sign->who = who;
	sign->time = signing_time;
	sign->algorithm = algorithm_of(X509_get0_pubkey(cert_x509(who->cert)));
	if (!EVP_DigestInit_ex(
		sign->hash, EVP_get_digestbynid(sign->algorithm->digest), NULL))
		return shape_fail(err, "digest");
	*ret = take(sign);
	return RC_OK;
}

void
sign_free(struct sign *sign)
{
	if (sign == NULL)
		return;
	EVP_MD_CTX_free(sign->hash);
	shape_signer_free(sign->signer);
	free(sign);
}

enum rc
sign_push(struct sign *sign, struct span bytes, struct err *err)
{
	if (sign->signer != NULL)
		bug("sign_push behind sign_close");
	if (!EVP_DigestUpdate(sign->hash, bytes.data, bytes.len))
		return shape_fail(err, "digest");
	return RC_OK;
}

/* Takes `attribute` whatever happens. */
static enum rc
attribute_add(
    STACK_OF(X509_ATTRIBUTE) *list, X509_ATTRIBUTE *attribute, struct err *err)
{
	X509_ATTRIBUTE *owned OWNED(X509_ATTRIBUTE_free) = attribute;

	if (owned == NULL || !sk_X509_ATTRIBUTE_push(list, owned))
		return shape_fail(err, "signed attribute");
	(void)take(owned);
	return RC_OK;
}

static enum rc
add_value(STACK_OF(X509_ATTRIBUTE) *list, int nid, int type, struct span value,
    struct err *err)
{
	return attribute_add(list,
	    X509_ATTRIBUTE_create_by_NID(
		NULL, nid, type, value.data, (int)value.len),
	    err);
}

/* `value` is what OpenSSL keeps for that type: an ASN1_OBJECT, ASN1_STRING. */
static enum rc
add_object(STACK_OF(X509_ATTRIBUTE) *list, int nid, int type, const void *value,
    struct err *err)
{
	return attribute_add(list,
	    X509_ATTRIBUTE_create_by_NID(NULL, nid, type, value, -1), err);
}

static enum rc
add_digest(struct sign *sign, STACK_OF(X509_ATTRIBUTE) *list, struct err *err)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (!EVP_DigestFinal_ex(sign->hash, digest, &len))
		return shape_fail(err, "digest");
	return add_value(list, NID_pkcs9_messageDigest, V_ASN1_OCTET_STRING,
	    span_of(digest, len), err);
}

/* UTCTime through 2049, GeneralizedTime after (RFC 5652 section 11.3). */
static enum rc
add_time(
    const struct sign *sign, STACK_OF(X509_ATTRIBUTE) *list, struct err *err)
{
	ASN1_TIME *time OWNED(ASN1_TIME_free) =
	    ASN1_TIME_set(NULL, (time_t)sign->time);

	if (time == NULL)
		return shape_fail(err, "signing time");
	return add_object(
	    list, NID_pkcs9_signingTime, ASN1_STRING_type(time), time, err);
}

/* issuer and serial as GeneralNames with one directoryName. */
static enum rc
fill_ess_serial(struct shape_ess_id2 *id, const X509 *x509, struct err *err)
{
	void *value = NULL;

	TRY(shape_new(ASN1_ITEM_rptr(SHAPE_ESS_SERIAL), &value, err));
	id->serial = value;
	ASN1_INTEGER *serial = ASN1_INTEGER_dup(X509_get0_serialNumber(x509));
	GENERAL_NAME *name = GENERAL_NAME_new();
	X509_NAME *issuer = X509_NAME_dup(X509_get_issuer_name(x509));
	if (name != NULL && issuer != NULL)
		GENERAL_NAME_set0_value(name, GEN_DIRNAME, take(issuer));
	ASN1_INTEGER_free(id->serial->serial);
	id->serial->serial = serial;
	if (serial != NULL && name != NULL && name->type == GEN_DIRNAME &&
	    sk_GENERAL_NAME_push(id->serial->issuer, name))
		return RC_OK;
	GENERAL_NAME_free(name);
	X509_NAME_free(issuer);
	return err_nomem(err, "signing certificate");
}

static enum rc
fill_ess(struct shape_ess2 *ess, const struct cert *cert, struct err *err)
{
	uint8_t hash[32];
	void *value = NULL;
	struct span der = cert_der(cert);

	TRY(shape_new(ASN1_ITEM_rptr(SHAPE_ESS_ID2), &value, err));
	struct shape_ess_id2 *id = value;
	if (!OPENSSL_sk_push(ess->certs, id)) {
		shape_free(ASN1_ITEM_rptr(SHAPE_ESS_ID2), id);
		return err_nomem(err, "signing certificate");
	}
	if (!EVP_Digest(der.data, der.len, hash, NULL, EVP_sha256(), NULL) ||
	    !ASN1_OCTET_STRING_set(id->hash, hash, sizeof(hash)))
		return shape_fail(err, "signing certificate");
	return fill_ess_serial(id, cert_x509(cert), err);
}

/* Which of several certificates with this key was meant: without it the
 * certificate can be exchanged (RFC 5035 section 1). */
static enum rc
add_ess(
    const struct sign *sign, STACK_OF(X509_ATTRIBUTE) *list, struct err *err)
{
	struct buf der BUF_OWNED = BUF_SMALL;
	void *ess = NULL;

	TRY(shape_new(ASN1_ITEM_rptr(SHAPE_ESS2), &ess, err));
	enum rc rc = fill_ess(ess, sign->who->cert, err);
	if (rc == RC_OK)
		rc = shape_print(ASN1_ITEM_rptr(SHAPE_ESS2), ess, &der, err);
	shape_free(ASN1_ITEM_rptr(SHAPE_ESS2), ess);
	TRY(rc);
	return add_value(list, NID_id_smime_aa_signingCertificateV2,
	    V_ASN1_SEQUENCE, buf_span(&der), err);
}

/* Binds the two algorithm names, which are outside what is signed. */
static enum rc
add_protection(const struct shape_signer *signer,
    STACK_OF(X509_ATTRIBUTE) *list, struct err *err)
{
	struct buf der BUF_OWNED = BUF_SMALL;
	struct shape_protection both = {
	    signer->digest_algorithm, signer->signature_algorithm, NULL};

	TRY(shape_print(ASN1_ITEM_rptr(SHAPE_PROTECTION), &both, &der, err));
	return attribute_add(list,
	    X509_ATTRIBUTE_create_by_txt(NULL, OID_CMS_PROTECTION,
		V_ASN1_SEQUENCE, der.data, (int)der.len),
	    err);
}

static enum rc
build_attributes(struct sign *sign, const struct shape_signer *signer,
    struct buf *der, struct err *err)
{
	STACK_OF(X509_ATTRIBUTE) *list OWNED(shape_attributes_free) =
	    sk_X509_ATTRIBUTE_new_null();

	if (list == NULL)
		return err_nomem(err, "signed attributes");
	TRY(add_object(list, NID_pkcs9_contentType, V_ASN1_OBJECT,
	    OBJ_nid2obj(NID_pkcs7_data), err));
	TRY(add_digest(sign, list, err));
	TRY(add_time(sign, list, err));
	TRY(add_value(list, NID_SMIMECapabilities, V_ASN1_SEQUENCE,
	    span_of(capabilities, sizeof(capabilities)), err));
	TRY(add_ess(sign, list, err));
	TRY(add_protection(signer, list, err));
	return shape_print(ASN1_ITEM_rptr(SHAPE_ATTRIBUTES), list, der, err);
}

static enum rc
fill_names(
    const struct sign *sign, struct shape_signer *signer, struct err *err)
{
	const struct algorithm *a = sign->algorithm;

	TRY(shape_set_version(signer->version, SIGN_VERSION, err));
	TRY(shape_set_serial(signer->id, cert_x509(sign->who->cert), err));
	TRY(shape_set_algorithm(signer->digest_algorithm, a->digest, err));
	if (a->null_parameter)
		return shape_set_algorithm_null(
		    signer->signature_algorithm, a->signature, err);
	return shape_set_algorithm(
	    signer->signature_algorithm, a->signature, err);
}

/* The SignerInfo has the very bytes that were signed, with the tag [0]
 * instead of SET OF (RFC 5652 section 5.4). */
static enum rc
keep_attributes(
    struct shape_signer *signer, struct buf *attributes, struct err *err)
{
	attributes->data[0] = V_ASN1_CONTEXT_SPECIFIC | V_ASN1_CONSTRUCTED;
	signer->signed_attributes = ASN1_STRING_type_new(V_ASN1_SEQUENCE);
	if (signer->signed_attributes == NULL ||
	    !ASN1_STRING_set(signer->signed_attributes, attributes->data,
		(int)attributes->len))
		return err_nomem(err, "signed attributes");
	return RC_OK;
}

enum rc
sign_close(struct sign *sign, struct err *err)
{
	struct buf attributes BUF_OWNED = BUF_SMALL;
	struct buf signature BUF_OWNED = BUF_SMALL;
	const struct key *key = sign->who->key;
	void *value = NULL;

	if (sign->signer != NULL)
		bug("sign_close twice");
	TRY(shape_new(ASN1_ITEM_rptr(SHAPE_SIGNER), &value, err));
	struct shape_signer *signer OWNED(shape_signer_free) = value;
	TRY(fill_names(sign, signer, err));
	TRY(build_attributes(sign, signer, &attributes, err));
	TRY(key->ops->sign_attributes(
	    key, buf_span(&attributes), &signature, err));
	TRY(keep_attributes(signer, &attributes, err));
	if (!ASN1_OCTET_STRING_set(
		signer->signature, signature.data, (int)signature.len))
		return err_nomem(err, "signature");
	sign->signer = take(signer);
	return RC_OK;
}

enum rc
sign_imprint(const struct sign *sign, uint8_t ret_sha256[32], struct err *err)
{
	if (sign->signer == NULL)
		bug("sign_imprint before sign_close");
	struct span value = shape_span(sign->signer->signature);
	if (!EVP_Digest(
		value.data, value.len, ret_sha256, NULL, EVP_sha256(), NULL))
		return shape_fail(err, "digest");
	return RC_OK;
}

/* Only what is a whole SignedData goes in: one bad token from a server would
 * make the letter unreadable. */
static enum rc
check_token(struct span token, struct err *err)
{
	void *value = NULL;

	if (shape_content_nid(token) != NID_pkcs7_signed)
		return err_set(err, RC_SYNTAX, "the token is no timestamp");
	TRY(shape_parse(ASN1_ITEM_rptr(SHAPE_SIGNED_INFO), token,
	    "timestamp token", &value, err));
	shape_signed_info_free(value);
	return RC_OK;
}

enum rc
sign_add_token(struct sign *sign, struct span token, struct err *err)
{
	if (sign->signer == NULL)
		bug("sign_add_token before sign_close");
	TRY(check_token(token, err));
	STACK_OF(X509_ATTRIBUTE) *list = sign->signer->unsigned_attributes;
	if (list == NULL)
		list = sk_X509_ATTRIBUTE_new_null();
	if (list == NULL)
		return err_nomem(err, "timestamp");
	sign->signer->unsigned_attributes = list;
	if (sk_X509_ATTRIBUTE_num(list) >= SIGN_TOKENS_MAX)
		return err_set(
		    err, RC_LIMIT, "more than %d timestamps", SIGN_TOKENS_MAX);
	return add_value(
	    list, NID_id_smime_aa_timeStampToken, V_ASN1_SEQUENCE, token, err);
}

static enum rc
add_cert(struct shape_signed *body, const struct cert *cert, struct err *err)
{
	struct span der = cert_der(cert);
	ASN1_TYPE *item = ASN1_TYPE_new();
	ASN1_STRING *raw = ASN1_STRING_type_new(V_ASN1_SEQUENCE);

	if (item != NULL && raw != NULL &&
	    ASN1_STRING_set(raw, der.data, (int)der.len)) {
		ASN1_TYPE_set(item, V_ASN1_SEQUENCE, take(raw));
		if (sk_ASN1_TYPE_push(body->certificates, item))
			return RC_OK;
	}
	ASN1_STRING_free(raw);
	ASN1_TYPE_free(item);
	return err_nomem(err, "certificates");
}

static enum rc
add_certs(const struct sign *sign, struct shape_signed *body, struct err *err)
{
	const struct certs *chain = sign->who->chain;

	body->certificates = sk_ASN1_TYPE_new_null();
	if (body->certificates == NULL)
		return err_nomem(err, "certificates");
	TRY(add_cert(body, sign->who->cert, err));
	for (size_t i = 0; chain != NULL && i < chain->len; i++)
		TRY(add_cert(body, chain->item[i], err));
	return RC_OK;
}

static enum rc
add_digest_algorithm(
    const struct sign *sign, struct shape_signed *body, struct err *err)
{
	X509_ALGOR *digest = X509_ALGOR_dup(sign->signer->digest_algorithm);

	if (digest == NULL ||
	    !sk_X509_ALGOR_push(body->digest_algorithms, digest)) {
		X509_ALGOR_free(digest);
		return err_nomem(err, "signature");
	}
	return RC_OK;
}

/* `body` borrows the signer for printing. */
static enum rc
print_body(const struct sign *sign, struct shape_signed_info *info,
    struct buf *der, struct err *err)
{
	if (!OPENSSL_sk_push(info->body->signers, sign->signer))
		return err_nomem(err, "signature");
	enum rc rc =
	    shape_print(ASN1_ITEM_rptr(SHAPE_SIGNED_INFO), info, der, err);
	(void)OPENSSL_sk_pop(info->body->signers);
	return rc;
}

enum rc
sign_finish(struct sign *sign, struct buf *der, struct err *err)
{
	void *value = NULL;

	if (sign->signer == NULL)
		bug("sign_finish before sign_close");
	TRY(shape_new(ASN1_ITEM_rptr(SHAPE_SIGNED_INFO), &value, err));
	struct shape_signed_info *info OWNED(shape_signed_info_free) = value;
	info->type = OBJ_nid2obj(NID_pkcs7_signed);
	TRY(shape_set_version(info->body->version, SIGN_VERSION, err));
	info->body->inner->type = OBJ_nid2obj(NID_pkcs7_data);
	TRY(add_digest_algorithm(sign, info->body, err));
	TRY(add_certs(sign, info->body, err));
	return print_body(sign, info, der, err);
}
