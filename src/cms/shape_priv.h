/* cms/shape -- the ASN.1 of CMS, as C structs that OpenSSL fills and prints.
 *
 * Standard:  RFC 5652, 5083, 5084, 5753, 5035, 6211.
 * May use:   base.  Only inside cms.
 * Not here:  any meaning.
 *
 * Parts that are hashed or handed on as they were received are raw: an
 * ASN1_STRING that holds the whole element with its tag.
 */
#ifndef CMS_SHAPE_PRIV_H
#define CMS_SHAPE_PRIV_H

#include <openssl/asn1t.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/buf.h"
#include "base/own.h"

/* Longest CMS object we take in or make. */
#define SHAPE_MAX ((size_t)128 << 20)

/* Lists of our own structs have no typed stack: walk them with
 * OPENSSL_sk_num() and OPENSSL_sk_value(). */

struct shape_issuer_serial {
	X509_NAME *issuer;
	ASN1_INTEGER *serial;
};

enum { SHAPE_BY_SERIAL, SHAPE_BY_KEY_ID };

struct shape_signer_id {
	int type;
	union {
		struct shape_issuer_serial *by_serial;
		ASN1_OCTET_STRING *by_key_id;
	} d;
};

struct shape_signer {
	ASN1_INTEGER *version;
	struct shape_signer_id *id;
	X509_ALGOR *digest_algorithm;
	ASN1_STRING *signed_attributes; /* raw, tag [0]; NULL if none */
	X509_ALGOR *signature_algorithm;
	ASN1_OCTET_STRING *signature;
	STACK_OF(X509_ATTRIBUTE) *unsigned_attributes;
};

struct shape_inner {
	ASN1_OBJECT *type;
	ASN1_OCTET_STRING *content; /* NULL: detached */
};

struct shape_signed {
	ASN1_INTEGER *version;
	STACK_OF(X509_ALGOR) *digest_algorithms;
	struct shape_inner *inner;
	STACK_OF(ASN1_TYPE) *certificates; /* raw CertificateChoices */
	ASN1_STRING *crls;                 /* raw */
	OPENSSL_STACK *signers;            /* of struct shape_signer */
};

struct shape_signed_info {
	ASN1_OBJECT *type;
	struct shape_signed *body;
};

struct shape_transport {
	ASN1_INTEGER *version;
	struct shape_signer_id *id; /* RecipientIdentifier: the same choice */
	X509_ALGOR *scheme;
	ASN1_OCTET_STRING *encrypted_key;
};

struct shape_point {
	X509_ALGOR *algorithm;
	ASN1_BIT_STRING *key;
};

enum {
	SHAPE_ORIGINATOR_SERIAL,
	SHAPE_ORIGINATOR_KEY_ID,
	SHAPE_ORIGINATOR_POINT
};

struct shape_originator {
	int type;
	union {
		struct shape_issuer_serial *by_serial;
		ASN1_OCTET_STRING *by_key_id;
		struct shape_point *point;
	} d;
};

struct shape_key_id {
	ASN1_OCTET_STRING *key_id;
	ASN1_GENERALIZEDTIME *date;
	ASN1_STRING *other; /* raw */
};

struct shape_agree_id {
	int type; /* SHAPE_BY_... */
	union {
		struct shape_issuer_serial *by_serial;
		struct shape_key_id *by_key_id;
	} d;
};

struct shape_agree_key {
	struct shape_agree_id *id;
	ASN1_OCTET_STRING *encrypted_key;
};

struct shape_agree {
	ASN1_INTEGER *version;
	struct shape_originator *originator;
	ASN1_OCTET_STRING *ukm;
	X509_ALGOR *scheme;
	OPENSSL_STACK *keys; /* of struct shape_agree_key */
};

enum { SHAPE_TRANSPORT, SHAPE_AGREE, SHAPE_KEK, SHAPE_PASSWORD, SHAPE_OTHER };

struct shape_recipient {
	int type;
	union {
		struct shape_transport *transport;
		struct shape_agree *agree;
		ASN1_STRING *raw;
	} d;
};

struct shape_ciphertext {
	ASN1_OBJECT *type;
	X509_ALGOR *cipher;
	ASN1_OCTET_STRING *bytes;
};

struct shape_enveloped {
	ASN1_INTEGER *version;
	ASN1_STRING *originator;   /* raw */
	OPENSSL_STACK *recipients; /* of struct shape_recipient */
	struct shape_ciphertext *content;
	ASN1_STRING *unprotected; /* raw */
};

struct shape_enveloped_info {
	ASN1_OBJECT *type;
	struct shape_enveloped *body;
};

struct shape_auth {
	ASN1_INTEGER *version;
	ASN1_STRING *originator;   /* raw */
	OPENSSL_STACK *recipients; /* of struct shape_recipient */
	struct shape_ciphertext *content;
	ASN1_STRING *authenticated; /* raw, tag [1] */
	ASN1_OCTET_STRING *mac;
	ASN1_STRING *unauthenticated; /* raw */
};

struct shape_auth_info {
	ASN1_OBJECT *type;
	struct shape_auth *body;
};

struct shape_gcm {
	ASN1_OCTET_STRING *nonce;
	ASN1_INTEGER *tag_len; /* NULL: 12 */
};

struct shape_ess_serial {
	GENERAL_NAMES *issuer;
	ASN1_INTEGER *serial;
};

struct shape_ess_id { /* RFC 2634, SHA-1 */
	ASN1_OCTET_STRING *hash;
	struct shape_ess_serial *serial;
};

struct shape_ess {
	OPENSSL_STACK *certs;  /* of struct shape_ess_id */
	ASN1_STRING *policies; /* raw */
};

struct shape_ess_id2 {
	X509_ALGOR *algorithm; /* NULL: SHA-256 */
	ASN1_OCTET_STRING *hash;
	struct shape_ess_serial *serial;
};

struct shape_ess2 {
	OPENSSL_STACK *certs;  /* of struct shape_ess_id2 */
	ASN1_STRING *policies; /* raw */
};

struct shape_protection { /* RFC 6211 */
	X509_ALGOR *digest_algorithm;
	X509_ALGOR *signature_algorithm;
	X509_ALGOR *mac_algorithm;
};

struct shape_stamp_status {
	ASN1_INTEGER *status;
	STACK_OF(ASN1_UTF8STRING) *words;
	ASN1_BIT_STRING *failure;
};

struct shape_stamp_response {
	struct shape_stamp_status *status;
	ASN1_STRING *token; /* raw; NULL: refused */
};

DECLARE_ASN1_ITEM(SHAPE_ISSUER_SERIAL)
DECLARE_ASN1_ITEM(SHAPE_SIGNER_ID)
DECLARE_ASN1_ITEM(SHAPE_SIGNER)
DECLARE_ASN1_ITEM(SHAPE_INNER)
DECLARE_ASN1_ITEM(SHAPE_SIGNED)
DECLARE_ASN1_ITEM(SHAPE_SIGNED_INFO)
DECLARE_ASN1_ITEM(SHAPE_TRANSPORT)
DECLARE_ASN1_ITEM(SHAPE_POINT)
DECLARE_ASN1_ITEM(SHAPE_ORIGINATOR)
DECLARE_ASN1_ITEM(SHAPE_KEY_ID)
DECLARE_ASN1_ITEM(SHAPE_AGREE_ID)
DECLARE_ASN1_ITEM(SHAPE_AGREE_KEY)
DECLARE_ASN1_ITEM(SHAPE_AGREE)
DECLARE_ASN1_ITEM(SHAPE_RECIPIENT)
DECLARE_ASN1_ITEM(SHAPE_CIPHERTEXT)
DECLARE_ASN1_ITEM(SHAPE_ENVELOPED)
DECLARE_ASN1_ITEM(SHAPE_ENVELOPED_INFO)
DECLARE_ASN1_ITEM(SHAPE_AUTH)
DECLARE_ASN1_ITEM(SHAPE_AUTH_INFO)
DECLARE_ASN1_ITEM(SHAPE_GCM)
DECLARE_ASN1_ITEM(SHAPE_ESS_SERIAL)
DECLARE_ASN1_ITEM(SHAPE_ESS_ID)
DECLARE_ASN1_ITEM(SHAPE_ESS)
DECLARE_ASN1_ITEM(SHAPE_ESS_ID2)
DECLARE_ASN1_ITEM(SHAPE_ESS2)
DECLARE_ASN1_ITEM(SHAPE_PROTECTION)
DECLARE_ASN1_ITEM(SHAPE_STAMP_STATUS)
DECLARE_ASN1_ITEM(SHAPE_STAMP_RESPONSE)
/* SET OF Attribute with the universal tag 0x31; a STACK_OF(X509_ATTRIBUTE). */
DECLARE_ASN1_ITEM(SHAPE_ATTRIBUTES)

/* Parse all of `bytes` as BER.  RC_SYNTAX with `what` in the text: it is no
 * such thing, or bytes follow it.  *ret must be NULL; the caller frees it with
 * shape_free(). */
enum rc shape_parse(const ASN1_ITEM *item, struct span bytes, const char *what,
    void **ret, struct err *err);
/* The same, but white space behind it is forgiven (mail adds it). */
enum rc shape_parse_outer(const ASN1_ITEM *item, struct span bytes,
    const char *what, void **ret, struct err *err);
/* Append the DER. */
enum rc shape_print(
    const ASN1_ITEM *item, const void *value, struct buf *out, struct err *err);
enum rc shape_new(const ASN1_ITEM *item, void **ret, struct err *err);
void shape_free(const ASN1_ITEM *item, void *value);

/* Free functions for OWNER(), one for each outermost shape. */
void shape_signed_info_free(struct shape_signed_info *info);
void shape_auth_info_free(struct shape_auth_info *info);
void shape_signer_free(struct shape_signer *signer);
void shape_attributes_free(STACK_OF(X509_ATTRIBUTE) *attributes);

OWNER(struct shape_signed_info, shape_signed_info_free);
OWNER(struct shape_auth_info, shape_auth_info_free);
OWNER(struct shape_signer, shape_signer_free);
OWNER(STACK_OF(X509_ATTRIBUTE), shape_attributes_free);

/* The NID of the content type of the ContentInfo that begins here; works on
 * the first 32 bytes too.  NID_undef: none that we know. */
int shape_content_nid(struct span der);

enum rc shape_set_version(ASN1_INTEGER *version, long value, struct err *err);

/* Fill an empty issuerAndSerialNumber. */
enum rc shape_set_serial(
    struct shape_signer_id *id, const X509 *x509, struct err *err);

/* An algorithm without parameters (as SHA-2, AES wrap and ECDSA want), or
 * with NULL (as rsaEncryption wants). */
enum rc shape_set_algorithm(X509_ALGOR *algorithm, int nid, struct err *err);
enum rc shape_set_algorithm_null(
    X509_ALGOR *algorithm, int nid, struct err *err);
int shape_nid(const X509_ALGOR *algorithm);

static inline struct span
shape_span(const ASN1_STRING *string)
{
	return span_of(
	    ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string));
}

/* OpenSSL failed at `what`: its own queue is emptied, RC_CRYPTO. */
enum rc shape_fail(struct err *err, const char *what);

#endif
