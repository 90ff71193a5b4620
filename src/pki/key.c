#include "pki/key.h"

#include <openssl/err.h>
#include <openssl/objects.h>

#include "pki/capability.h"
#include "pki/crypto.h"
#include "pki/mailbox.h"

#define SIGNATURE_MAX 2048

OWNER(GENERAL_NAMES, GENERAL_NAMES_free);
OWNER(ASN1_BIT_STRING, ASN1_BIT_STRING_free);
OWNER(X509_ALGOR, X509_ALGOR_free);
OWNER(ASN1_OCTET_STRING, ASN1_OCTET_STRING_free);
OWNER(X509_EXTENSION, X509_EXTENSION_free);

#define BIT_SIGN 0
#define BIT_KEY_ENCIPHER 2
#define BIT_KEY_AGREE 4

static void
extensions_free(STACK_OF(X509_EXTENSION) *list)
{
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
}

OWNER(STACK_OF(X509_EXTENSION), extensions_free);

static bool
add_extension(
    STACK_OF(X509_EXTENSION) **list, int nid, void *value, bool critical)
{
	return X509V3_add1_i2d(list, nid, value, critical, X509V3_ADD_APPEND) ==
	       1;
}

static bool
add_address(STACK_OF(X509_EXTENSION) **list, const char *address)
{
	GENERAL_NAMES *names OWNED(GENERAL_NAMES_free) = GENERAL_NAMES_new();
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_IA5STRING *text = ASN1_IA5STRING_new();

	if (names == NULL || name == NULL || text == NULL ||
	    !ASN1_STRING_set(text, address, -1) ||
	    !sk_GENERAL_NAME_push(names, name)) {
		GENERAL_NAME_free(name);
		ASN1_IA5STRING_free(text);
		return false;
	}
	GENERAL_NAME_set0_value(name, GEN_EMAIL, text);
	return add_extension(list, NID_subject_alt_name, names, false);
}

static bool
add_usage(STACK_OF(X509_EXTENSION) **list, const struct key *key)
{
	ASN1_BIT_STRING *bits OWNED(ASN1_BIT_STRING_free) =
	    ASN1_BIT_STRING_new();
	int receive = EVP_PKEY_is_a(key->public_key, "RSA") ? BIT_KEY_ENCIPHER
							    : BIT_KEY_AGREE;

	if (bits == NULL)
		return false;
	if (key->purpose != KEY_DECRYPT &&
	    !ASN1_BIT_STRING_set_bit(bits, BIT_SIGN, 1))
		return false;
	if (key->purpose != KEY_SIGN &&
	    !ASN1_BIT_STRING_set_bit(bits, receive, 1))
		return false;
	return add_extension(list, NID_key_usage, bits, true);
}

static bool
add_capabilities(STACK_OF(X509_EXTENSION) **list, const struct key *key)
{
	ASN1_OCTET_STRING *value OWNED(ASN1_OCTET_STRING_free) =
	    ASN1_OCTET_STRING_new();
	struct span own = capabilities_own();

	if (key->purpose == KEY_SIGN)
		return true;
	if (value == NULL ||
	    !ASN1_OCTET_STRING_set(value, own.data, (int)own.len))
		return false;
	X509_EXTENSION *one OWNED(X509_EXTENSION_free) =
	    X509_EXTENSION_create_by_NID(NULL, NID_SMIMECapabilities, 0, value);
	return one != NULL && X509v3_add_ext(list, one, -1) != NULL;
}

static enum rc
fill(X509_REQ *req, const struct key *key, const char *address, struct err *err)
{
	STACK_OF(X509_EXTENSION) *list OWNED(extensions_free) = NULL;

	if (!X509_REQ_set_version(req, X509_REQ_VERSION_1) ||
	    !X509_REQ_set_pubkey(req, key->public_key) ||
	    !add_address(&list, address) || !add_usage(&list, key) ||
	    !add_capabilities(&list, key) ||
	    !X509_REQ_add_extensions(req, list))
		return crypto_failed(err, "certificate request");
	return RC_OK;
}

static int
signature_nid(const EVP_PKEY *key)
{
	const EVP_MD *digest = crypto_digest(key);
	int nid = NID_undef;
	const char *name = EVP_PKEY_get0_type_name(key);

	if (digest == NULL || name == NULL)
		return name == NULL ? NID_undef : OBJ_sn2nid(name);
	(void)OBJ_find_sigid_by_algs(&nid, EVP_MD_get_type(digest),
	    EVP_PKEY_is_a(key, "EC") ? NID_X9_62_id_ecPublicKey
				     : NID_rsaEncryption);
	return nid;
}

static enum rc
set_algorithm(X509_REQ *req, const EVP_PKEY *key, struct err *err)
{
	X509_ALGOR *algorithm OWNED(X509_ALGOR_free) = X509_ALGOR_new();
	int nid = signature_nid(key);

	if (nid == NID_undef)
		return err_set(err, RC_UNFIT,
		    "no signature algorithm for this kind of key");
	/* RSA's has a NULL, the others have nothing (RFC 4055, 5758) */
	int parameters = EVP_PKEY_is_a(key, "RSA") ? V_ASN1_NULL : V_ASN1_UNDEF;
	if (algorithm == NULL ||
	    !X509_ALGOR_set0(algorithm, OBJ_nid2obj(nid), parameters, NULL) ||
	    !X509_REQ_set1_signature_algo(req, algorithm))
		return crypto_failed(err, "certificate request");
	return RC_OK;
}

static enum rc
set_signature(X509_REQ *req, struct span signature, struct err *err)
{
	ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();

	if (bits == NULL ||
	    !ASN1_STRING_set(bits, signature.data, (int)signature.len)) {
		ASN1_BIT_STRING_free(bits);
		return err_nomem(err, "certificate request");
	}
	/* all bits are used: without this the encoder drops trailing zeros */
	bits->flags &= ~(ASN1_STRING_FLAG_BITS_LEFT | 0x07);
	bits->flags |= ASN1_STRING_FLAG_BITS_LEFT;
	X509_REQ_set0_signature(req, bits);
	return RC_OK;
}

static enum rc
sign(X509_REQ *req, const struct key *key, struct err *err)
{
	struct buf signature BUF_OWNED = BUF(SIGNATURE_MAX);
	unsigned char *info = NULL;
	int len = i2d_re_X509_REQ_tbs(req, &info);

	if (len <= 0)
		return crypto_failed(err, "certificate request");
	enum rc rc = key->ops->sign_request(
	    key, span_of(info, (size_t)len), &signature, err);
	OPENSSL_free(info);
	TRY(rc);
	return set_signature(req, buf_span(&signature), err);
}

enum rc
key_request(const struct key *key, const char *address, struct buf *der,
    struct err *err)
{
	X509_REQ *req OWNED(X509_REQ_free) = X509_REQ_new();
	uint8_t *room = NULL;

	if (!mailbox_is_ascii(span_str(address)))
		return err_set(err, RC_SYNTAX,
		    "no address that a certificate can name: %s", address);
	if (req == NULL)
		return err_nomem(err, "certificate request");
	TRY(fill(req, key, address, err));
	TRY(set_algorithm(req, key->public_key, err));
	TRY(sign(req, key, err));
	int len = i2d_X509_REQ(req, NULL);
	if (len <= 0)
		return crypto_failed(err, "certificate request");
	TRY(buf_reserve(der, (size_t)len, &room, err));
	buf_grown(der, (size_t)i2d_X509_REQ(req, &room));
	return RC_OK;
}
