/* RecipientInfos as we write them. */
#define _GNU_SOURCE /* explicit_bzero */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/own.h"
#include "cms/agree_priv.h"
#include "cms/kem_priv.h"
#include "cms/keywrap_priv.h"
#include "cms/padding_priv.h"
#include "cms/password_priv.h"
#include "cms/print_priv.h"
#include "cms/recipient_priv.h"
#include "cms/shape_priv.h"
#include "pki/crypto.h"
#include "pki/ready.h"

#define TRANSPORT_BY_SERIAL 0
#define TRANSPORT_BY_KEY_ID 2
#define AGREE_VERSION 3
#define KEK_VERSION 4
#define PASSWORD_VERSION 0
#define KEM_VERSION 0
#define SECRET_MAX 1024
#define UKM_LEN 32

/* RFC 5652 section 6.1: EnvelopedData's version is 3 with a password or another
 * kind inside, 0 with nothing but RecipientInfos of version 0, else 2. */
enum { WANTS_0 = 0, WANTS_2 = 2, WANTS_3 = 3 };

#define OID(bytes)                                          \
	{                                                   \
		(const uint8_t *)(bytes), sizeof(bytes) - 1 \
	}

static const struct span oid_rsa = OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01");
static const struct span oid_kem =
    OID("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x0d\x03");

/* The kinds of keys that agree. */
static const struct peer {
	const char *name; /* as libcrypto calls it */
	struct span oid;
	int bits; /* up to which the row is for */
	const char *kdf;
} peers[] = {
    {"EC", OID("\x2a\x86\x48\xce\x3d\x02\x01"), 256, "SHA256"},
    {"EC", OID("\x2a\x86\x48\xce\x3d\x02\x01"), 384, "SHA384"},
    {"EC", OID("\x2a\x86\x48\xce\x3d\x02\x01"), INT_MAX, "SHA512"},
    /* RFC 8551 section 2.3: a MUST */
    {"X25519", OID("\x2b\x65\x6e"), INT_MAX, "HKDF-SHA256"},
    {"X448", OID("\x2b\x65\x6f"), INT_MAX, "HKDF-SHA512"},
};

static const struct peer *
peer_of(const EVP_PKEY *key)
{
	for (size_t i = 0; i < sizeof(peers) / sizeof(*peers); i++)
		if (EVP_PKEY_is_a(key, peers[i].name) &&
		    EVP_PKEY_get_bits(key) <= peers[i].bits)
			return &peers[i];
	return NULL;
}

/* --- can */

/* cert_key() has no key of a kind that the library does not know. */
static enum rc
refuse_key(const X509 *x509, struct err *err)
{
	ASN1_OBJECT *object = NULL;
	char name[80];

	ERR_clear_error();
	X509_PUBKEY_get0_param(
	    &object, NULL, NULL, NULL, X509_get_X509_PUBKEY(x509));
	struct span oid = span_of(OBJ_get0_data(object), OBJ_length(object));
	tlv_oid_name(oid, name);
	if (kem_name(oid) != NULL)
		return err_set(err, RC_UNFIT,
		    "the certificate's key is %s, which this build's OpenSSL "
		    "cannot do",
		    kem_name(oid));
	return err_set(err, RC_UNFIT,
	    "the certificate's key is of a kind that we cannot seal for: %s",
	    name);
}

enum rc
recipient_can(
    const struct cert *cert, const struct recipient_way *way, struct err *err)
{
	X509 *x509 = cert_x509(cert);
	const EVP_PKEY *key = cert_key(cert);

	if (key == NULL || (!EVP_PKEY_is_a(key, "RSA") && !kem_is_key(key) &&
			       peer_of(key) == NULL))
		return refuse_key(x509, err);
	if (way->kdf != NULL && agree_named(way->kdf) == NULL)
		return err_set(
		    err, RC_UNFIT, "no such key derivation: %s", way->kdf);
	if (way->by_key_id && X509_get0_subject_key_id(x509) == NULL)
		return err_set(
		    err, RC_UNFIT, "the certificate has no key identifier");
	return RC_OK;
}

/* --- names */

static enum rc
print_serial(const X509 *x509, struct buf *der, struct err *err)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(x509);
	const uint8_t *issuer = NULL;
	uint8_t *room;
	size_t at, len = 0;
	int serial_len = i2d_ASN1_INTEGER(serial, NULL);

	if (serial_len <= 0 ||
	    !X509_NAME_get0_der(X509_get_issuer_name(x509), &issuer, &len))
		return shape_fail(err, "the name of a recipient");
	TRY(print_begin(der, PRINT_SEQUENCE, &at, err));
	TRY(buf_add(der, span_of(issuer, len), err));
	TRY(buf_reserve(der, (size_t)serial_len, &room, err));
	(void)i2d_ASN1_INTEGER(serial, &room);
	buf_grown(der, (size_t)serial_len);
	return print_end(der, at, err);
}

static struct span
key_id_of(X509 *x509)
{
	const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(x509);

	if (id == NULL)
		bug("a certificate without key identifier");
	return shape_span(id);
}

static enum rc
print_name(const struct cert *cert, const struct recipient_way *way,
    struct buf *der, struct err *err)
{
	X509 *x509 = cert_x509(cert);

	if (way->by_key_id)
		return print_bytes(der, PRINT_CONTEXT(0), key_id_of(x509), err);
	return print_serial(x509, der, err);
}

/* --- KeyTransRecipientInfo */

static const char *
oaep_digest(enum recipient_rsa rsa)
{
	switch (rsa) {
	case RECIPIENT_RSA_OAEP_SHA1:
		return "SHA1";
	case RECIPIENT_RSA_OAEP_SHA256:
		return "SHA256";
	case RECIPIENT_RSA_OAEP_SHA384:
		return "SHA384";
	case RECIPIENT_RSA_OAEP_SHA512:
		return "SHA512";
	case RECIPIENT_RSA_PKCS1:
	default:
		return NULL;
	}
}

static bool
set_padding(EVP_PKEY_CTX *ctx, const char *digest)
{
	if (digest == NULL)
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0;
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) > 0 &&
	       EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, digest, NULL) > 0 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, digest, NULL) > 0;
}

static enum rc
new_transport(
    EVP_PKEY *to, const char *digest, EVP_PKEY_CTX **ret, struct err *err)
{
	EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) =
	    EVP_PKEY_CTX_new_from_pkey(NULL, to, NULL);

	if (ctx == NULL || EVP_PKEY_encrypt_init(ctx) <= 0 ||
	    !set_padding(ctx, digest))
		return shape_fail(err, "encrypting for an RSA key");
	*ret = take(ctx);
	return RC_OK;
}

static enum rc
print_rsa_key(const struct cert *cert, const char *digest, struct span cek,
    struct buf *der, struct err *err)
{
	EVP_PKEY *to = cert_key(cert);
	size_t len = (size_t)EVP_PKEY_get_size(to), want = len;
	uint8_t *room;
	EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) =
	    ready_take(cert_sealing(cert), digest);

	if (ctx == NULL)
		TRY(new_transport(to, digest, &ctx, err));
	TRY(print_header(der, PRINT_OCTETS, len, err));
	TRY(buf_reserve(der, len, &room, err));
	if (EVP_PKEY_encrypt(ctx, room, &len, cek.data, cek.len) <= 0 ||
	    len != want)
		return shape_fail(err, "encrypting for an RSA key");
	ready_give(cert_sealing(cert), digest, take(ctx));
	buf_grown(der, len);
	return RC_OK;
}

static enum rc
print_transport(const struct cert *cert, const struct recipient_way *way,
    struct span cek, struct buf *der, struct err *err)
{
	const char *digest = oaep_digest(way->rsa);
	size_t at;

	TRY(print_begin(der, PRINT_SEQUENCE, &at, err));
	TRY(print_number(der,
	    way->by_key_id ? TRANSPORT_BY_KEY_ID : TRANSPORT_BY_SERIAL, err));
	TRY(print_name(cert, way, der, err));
	if (digest == NULL)
		TRY(print_algorithm(der, oid_rsa, true, err));
	else
		TRY(padding_print_oaep(digest, der, err));
	TRY(print_rsa_key(cert, digest, cek, der, err));
	return print_end(der, at, err);
}

/* --- KeyAgreeRecipientInfo */

static enum rc
new_maker(EVP_PKEY *to, EVP_PKEY_CTX **ret, struct err *err)
{
	EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) =
	    EVP_PKEY_CTX_new_from_pkey(NULL, to, NULL);

	if (ctx == NULL || EVP_PKEY_keygen_init(ctx) <= 0)
		return shape_fail(err, "making an ephemeral key");
	*ret = take(ctx);
	return RC_OK;
}

/* Fresh for each recipient, so that nothing links two letters. */
static enum rc
make_ephemeral(const struct cert *cert, EVP_PKEY **ret, struct err *err)
{
	struct ready *ready = cert_sealing(cert);
	EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) = ready_take(ready, NULL);

	if (ctx == NULL)
		TRY(new_maker(cert_key(cert), &ctx, err));
	if (EVP_PKEY_keygen(ctx, ret) <= 0)
		return shape_fail(err, "making an ephemeral key");
	ready_give(ready, NULL, take(ctx));
	return RC_OK;
}

/* The all-zero secret of X25519 and X448 is an error in libcrypto. */
static enum rc
derive(EVP_PKEY *own, EVP_PKEY *to, struct buf *ret_secret, struct err *err)
{
	size_t len = 0;
	uint8_t *room;
	EVP_PKEY_CTX *ctx OWNED(EVP_PKEY_CTX_free) =
	    EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);

	if (ctx == NULL || EVP_PKEY_derive_init(ctx) <= 0 ||
	    EVP_PKEY_derive_set_peer_ex(
		ctx, to, crypto_wants_order_check(to)) <= 0 ||
	    EVP_PKEY_derive(ctx, NULL, &len) <= 0)
		return shape_fail(err, "key agreement");
	TRY(buf_reserve(ret_secret, len, &room, err));
	if (EVP_PKEY_derive(ctx, room, &len) <= 0)
		return shape_fail(err, "key agreement");
	buf_grown(ret_secret, len);
	return RC_OK;
}

/* [0] EXPLICIT { [1] IMPLICIT OriginatorPublicKey }.  Parameters absent: the
 * curve is the recipient's (RFC 5753 section 3.1.1, RFC 8410 section 3). */
static enum rc
print_originator(const struct peer *peer, struct span point, struct buf *der,
    struct err *err)
{
	size_t outer, inner;

	TRY(print_begin(der, PRINT_CONTEXT_OF(0), &outer, err));
	TRY(print_begin(der, PRINT_CONTEXT_OF(1), &inner, err));
	TRY(print_algorithm(der, peer->oid, false, err));
	TRY(print_header(der, PRINT_BITS, point.len + 1, err));
	TRY(buf_add_byte(der, 0, err));
	TRY(buf_add(der, point, err));
	TRY(print_end(der, inner, err));
	return print_end(der, outer, err);
}

static enum rc
print_public(
    const struct peer *peer, EVP_PKEY *own, struct buf *der, struct err *err)
{
	uint8_t *bytes = NULL;
	size_t len = EVP_PKEY_get1_encoded_public_key(own, &bytes);

	if (len == 0)
		return shape_fail(err, "ephemeral key");
	enum rc rc = print_originator(peer, span_of(bytes, len), der, err);
	OPENSSL_free(bytes);
	return rc;
}

static enum rc
print_scheme(const struct agree_scheme *scheme, struct span wrap,
    struct buf *der, struct err *err)
{
	size_t at;

	TRY(print_begin(der, PRINT_SEQUENCE, &at, err));
	TRY(print_bytes(der, PRINT_OID, agree_oid(scheme), err));
	TRY(buf_add(der, wrap, err));
	return print_end(der, at, err);
}

/* RecipientEncryptedKeys with one in it: its key identifier is one level
 * deeper than that of a KeyTransRecipientInfo. */
static enum rc
print_agree_key(const struct cert *cert, const struct recipient_way *way,
    struct span wrapped, struct buf *der, struct err *err)
{
	size_t list, one, id;

	TRY(print_begin(der, PRINT_SEQUENCE, &list, err));
	TRY(print_begin(der, PRINT_SEQUENCE, &one, err));
	if (way->by_key_id) {
		TRY(print_begin(der, PRINT_CONTEXT_OF(0), &id, err));
		TRY(print_bytes(
		    der, PRINT_OCTETS, key_id_of(cert_x509(cert)), err));
		TRY(print_end(der, id, err));
	} else {
		TRY(print_serial(cert_x509(cert), der, err));
	}
	TRY(print_bytes(der, PRINT_OCTETS, wrapped, err));
	TRY(print_end(der, one, err));
	return print_end(der, list, err);
}

/* What is derived, and with it the content key under it. */
struct agreed {
	const struct peer *peer;
	const struct agree_scheme *scheme;
	uint8_t ukm[UKM_LEN];
	EVP_PKEY *own;        /* the ephemeral key */
	struct buf algorithm; /* the wrap's */
	struct buf wrapped;
};

/* RFC 5753 section 3.1.1: "message originators SHOULD include the ukm"; some
 * readers take one that is absent for an empty one. */
static enum rc
wrap_agreed(const struct keywrap *wrap, struct span secret, struct span cek,
    struct agreed *ret, struct err *err)
{
	uint8_t kek[KEYWRAP_KEY_MAX];

	if (RAND_bytes(ret->ukm, sizeof(ret->ukm)) != 1)
		return shape_fail(err, "user keying material");
	enum rc rc = agree_kek(ret->scheme, secret, buf_span(&ret->algorithm),
	    span_of(ret->ukm, sizeof(ret->ukm)), kek, keywrap_key_len(wrap),
	    err);
	if (rc == RC_OK)
		rc = keywrap_wrap(wrap, kek, cek, &ret->wrapped, err);
	explicit_bzero(kek, sizeof(kek));
	return rc;
}

static enum rc
agree_with(const struct cert *cert, const struct recipient_way *way,
    struct span cek, struct agreed *ret, struct err *err)
{
	EVP_PKEY *to = cert_key(cert);
	struct buf secret BUF_OWNED = BUF_SECRET(SECRET_MAX);
	const struct keywrap *wrap = keywrap_of_size(cek.len);

	if (wrap == NULL)
		bug("a content key of no wrap's length");
	ret->peer = peer_of(to);
	ret->scheme = agree_named(way->kdf != NULL ? way->kdf : ret->peer->kdf);
	TRY(make_ephemeral(cert, &ret->own, err));
	TRY(derive(ret->own, to, &secret, err));
	TRY(keywrap_print(wrap, &ret->algorithm, err));
	return wrap_agreed(wrap, buf_span(&secret), cek, ret, err);
}

static void
agreed_done(struct agreed *agreed)
{
	EVP_PKEY_free(agreed->own);
	buf_done(&agreed->algorithm);
	buf_done(&agreed->wrapped);
}

static enum rc
print_agree(const struct cert *cert, const struct recipient_way *way,
    struct span cek, struct buf *der, struct err *err)
{
	struct agreed agreed __attribute__((cleanup(agreed_done))) = {
	    .algorithm = BUF_SMALL, .wrapped = BUF_SMALL};
	size_t at, ukm;

	TRY(agree_with(cert, way, cek, &agreed, err));
	TRY(print_begin(der, PRINT_CONTEXT_OF(1), &at, err));
	TRY(print_number(der, AGREE_VERSION, err));
	TRY(print_public(agreed.peer, agreed.own, der, err));
	TRY(print_begin(der, PRINT_CONTEXT_OF(1), &ukm, err));
	TRY(print_bytes(
	    der, PRINT_OCTETS, span_of(agreed.ukm, sizeof(agreed.ukm)), err));
	TRY(print_end(der, ukm, err));
	TRY(print_scheme(agreed.scheme, buf_span(&agreed.algorithm), der, err));
	TRY(print_agree_key(cert, way, buf_span(&agreed.wrapped), der, err));
	return print_end(der, at, err);
}

/* --- OtherRecipientInfo: KEMRecipientInfo */

static enum rc
print_kem(const struct cert *cert, const struct recipient_way *way,
    struct span cek, struct buf *der, struct err *err)
{
	size_t at, inner;

	TRY(print_begin(der, PRINT_CONTEXT_OF(4), &at, err));
	TRY(print_bytes(der, PRINT_OID, oid_kem, err));
	TRY(print_begin(der, PRINT_SEQUENCE, &inner, err));
	TRY(print_number(der, KEM_VERSION, err));
	TRY(print_name(cert, way, der, err));
	TRY(kem_print(cert_key(cert), cek, der, err));
	TRY(print_end(der, inner, err));
	return print_end(der, at, err);
}

/* --- all */

static enum rc
print_any(const struct cert *cert, const struct recipient_way *way,
    struct span cek, struct buf *der, int *ret_version, struct err *err)
{
	const EVP_PKEY *key = cert_key(cert);

	if (EVP_PKEY_is_a(key, "RSA")) {
		*ret_version = way->by_key_id ? WANTS_2 : WANTS_0;
		return print_transport(cert, way, cek, der, err);
	}
	if (kem_is_key(key)) {
		*ret_version = WANTS_3;
		return print_kem(cert, way, cek, der, err);
	}
	*ret_version = WANTS_2;
	return print_agree(cert, way, cek, der, err);
}

/* All or nothing. */
static enum rc
whole(enum rc rc, struct buf *der, size_t begin)
{
	if (rc != RC_OK)
		buf_cut(der, begin);
	return rc;
}

enum rc
recipient_print(const struct cert *cert, const struct recipient_way *way,
    struct span cek, struct buf *der, int *ret_version, struct err *err)
{
	size_t begin = der->len;

	return whole(
	    print_any(cert, way, cek, der, ret_version, err), der, begin);
}

static enum rc
print_kek(struct span key_id, struct span kek, struct span cek, struct buf *der,
    struct err *err)
{
	struct buf wrapped BUF_OWNED = BUF_SMALL;
	const struct keywrap *wrap = keywrap_of_size(kek.len);
	size_t at, id;

	if (wrap == NULL || kek.len < cek.len)
		bug("a key encryption key of no wrap's length, or too weak");
	TRY(keywrap_wrap(wrap, kek.data, cek, &wrapped, err));
	TRY(print_begin(der, PRINT_CONTEXT_OF(2), &at, err));
	TRY(print_number(der, KEK_VERSION, err));
	TRY(print_begin(der, PRINT_SEQUENCE, &id, err));
	TRY(print_bytes(der, PRINT_OCTETS, key_id, err));
	TRY(print_end(der, id, err));
	TRY(keywrap_print(wrap, der, err));
	TRY(print_bytes(der, PRINT_OCTETS, buf_span(&wrapped), err));
	return print_end(der, at, err);
}

enum rc
recipient_print_kek(struct span key_id, struct span kek, struct span cek,
    struct buf *der, int *ret_version, struct err *err)
{
	size_t begin = der->len;

	*ret_version = WANTS_2;
	return whole(print_kek(key_id, kek, cek, der, err), der, begin);
}

static enum rc
print_password(
    struct span password, struct span cek, struct buf *der, struct err *err)
{
	size_t at;

	TRY(print_begin(der, PRINT_CONTEXT_OF(3), &at, err));
	TRY(print_number(der, PASSWORD_VERSION, err));
	TRY(password_print(password, cek, der, err));
	return print_end(der, at, err);
}

enum rc
recipient_print_password(struct span password, struct span cek, struct buf *der,
    int *ret_version, struct err *err)
{
	size_t begin = der->len;

	*ret_version = WANTS_3;
	return whole(print_password(password, cek, der, err), der, begin);
}
