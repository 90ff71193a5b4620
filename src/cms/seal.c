#define _GNU_SOURCE /* explicit_bzero */
#include "cms/seal.h"

#include <limits.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "cms/recipient_priv.h"
#include "cms/shape_priv.h"

#define KEY_LEN 32
#define GCM_NONCE_LEN 12
#define GCM_TAG_LEN 16
#define CBC_IV_LEN 16

struct seal {
	enum seal_cipher cipher;
	struct certs to;
	EVP_CIPHER_CTX *encrypt;
	uint8_t key[KEY_LEN];
	uint8_t iv[CBC_IV_LEN];
	struct buf ciphertext;
	bool finished;
};

OWNER(struct seal, seal_free);

static enum rc
start(struct seal *seal, struct err *err)
{
	const EVP_CIPHER *cipher = seal->cipher == SEAL_AES256_GCM
				       ? EVP_aes_256_gcm()
				       : EVP_aes_256_cbc();

	/* one key for one letter: a GCM nonce can never come twice */
	if (RAND_priv_bytes(seal->key, KEY_LEN) != 1 ||
	    RAND_bytes(seal->iv, CBC_IV_LEN) != 1)
		return shape_fail(err, "random numbers");
	if (!EVP_EncryptInit_ex(
		seal->encrypt, cipher, NULL, seal->key, seal->iv))
		return shape_fail(err, "encryption");
	return RC_OK;
}

enum rc
seal_new(enum seal_cipher cipher, struct seal **ret, struct err *err)
{
	struct seal *seal OWNED(seal_free) = calloc(1, sizeof(*seal));

	if (seal == NULL || (seal->encrypt = EVP_CIPHER_CTX_new()) == NULL)
		return err_nomem(err, "envelope");
	seal->cipher = cipher;
	seal->ciphertext = BUF(SHAPE_MAX);
	TRY(start(seal, err));
	*ret = take(seal);
	return RC_OK;
}

void
seal_free(struct seal *seal)
{
	if (seal == NULL)
		return;
	EVP_CIPHER_CTX_free(seal->encrypt);
	certs_done(&seal->to);
	buf_done(&seal->ciphertext);
	explicit_bzero(seal, sizeof(*seal));
	free(seal);
}

enum rc
seal_add(struct seal *seal, const struct cert *cert, struct err *err)
{
	TRY(cert_can_receive(cert, err));
	const EVP_PKEY *key = X509_get0_pubkey(cert_x509(cert));
	if (key == NULL || (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA &&
			       EVP_PKEY_get_base_id(key) != EVP_PKEY_EC))
		return err_set(err, RC_UNFIT,
		    "the certificate's key is neither RSA nor on a curve we "
		    "can seal for");
	for (size_t i = 0; i < seal->to.len; i++)
		if (span_is(cert_der(seal->to.item[i]), cert_der(cert)))
			return RC_OK;
	if (seal->to.len >= SEAL_MAX_RECIPIENTS)
		return err_set(err, RC_LIMIT,
		    "more than %d recipients: send several letters",
		    SEAL_MAX_RECIPIENTS);
	return certs_add(&seal->to, cert, err);
}

enum rc
seal_push(struct seal *seal, struct span bytes, struct err *err)
{
	uint8_t *room;
	int len = 0;

	if (seal->finished)
		bug("seal_push behind seal_finish");
	if (bytes.len == 0)
		return RC_OK;
	if (bytes.len > SHAPE_MAX)
		return err_set(err, RC_LIMIT, "more than %zu bytes", SHAPE_MAX);
	TRY(buf_reserve(
	    &seal->ciphertext, bytes.len + EVP_MAX_BLOCK_LENGTH, &room, err));
	if (!EVP_EncryptUpdate(
		seal->encrypt, room, &len, bytes.data, (int)bytes.len))
		return shape_fail(err, "encryption");
	buf_grown(&seal->ciphertext, (size_t)len);
	return RC_OK;
}

static enum rc
last_block(struct seal *seal, uint8_t tag[GCM_TAG_LEN], struct err *err)
{
	uint8_t *room;
	int len = 0;

	TRY(buf_reserve(&seal->ciphertext, EVP_MAX_BLOCK_LENGTH, &room, err));
	if (!EVP_EncryptFinal_ex(seal->encrypt, room, &len))
		return shape_fail(err, "encryption");
	buf_grown(&seal->ciphertext, (size_t)len);
	if (seal->cipher == SEAL_AES256_GCM &&
	    !EVP_CIPHER_CTX_ctrl(
		seal->encrypt, EVP_CTRL_AEAD_GET_TAG, GCM_TAG_LEN, tag))
		return shape_fail(err, "encryption");
	return RC_OK;
}

static enum rc
add_recipient(const struct seal *seal, const struct cert *cert,
    OPENSSL_STACK *list, int *ret_version, struct err *err)
{
	static const struct recipient_way way = {0};
	struct buf der BUF_OWNED = BUF_SMALL;
	void *value = NULL;

	TRY(recipient_print(
	    cert, &way, span_of(seal->key, KEY_LEN), &der, ret_version, err));
	TRY(shape_parse(ASN1_ITEM_rptr(SHAPE_RECIPIENT), buf_span(&der),
	    "RecipientInfo", &value, err));
	if (!OPENSSL_sk_push(list, value)) {
		shape_free(ASN1_ITEM_rptr(SHAPE_RECIPIENT), value);
		return err_nomem(err, "recipient");
	}
	return RC_OK;
}

/* *ret_any: one of them is not of version 0. */
static enum rc
add_recipients(const struct seal *seal, OPENSSL_STACK *list, bool *ret_any,
    struct err *err)
{
	int version = 0;

	for (size_t i = 0; i < seal->to.len; i++) {
		TRY(add_recipient(seal, seal->to.item[i], list, &version, err));
		*ret_any |= version != 0;
	}
	return RC_OK;
}

/* ContentEncryptionAlgorithm with parameters that are a SEQUENCE or the IV. */
static enum rc
set_parameter(X509_ALGOR *algorithm, int nid, int type, struct span value,
    struct err *err)
{
	ASN1_STRING *string = ASN1_STRING_type_new(type);

	if (string == NULL ||
	    !ASN1_STRING_set(string, value.data, (int)value.len) ||
	    !X509_ALGOR_set0(algorithm, OBJ_nid2obj(nid), type, string)) {
		ASN1_STRING_free(string);
		return err_nomem(err, "cipher parameters");
	}
	return RC_OK;
}

/* GCMParameters with the tag length in words: its default is 12 bytes. */
static enum rc
set_gcm(const struct seal *seal, X509_ALGOR *algorithm, struct err *err)
{
	uint8_t der[2 + 2 + GCM_NONCE_LEN + 3] = {
	    V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED, 2 + GCM_NONCE_LEN + 3,
	    V_ASN1_OCTET_STRING, GCM_NONCE_LEN};

	memcpy(der + 4, seal->iv, GCM_NONCE_LEN);
	memcpy(der + 4 + GCM_NONCE_LEN,
	    (uint8_t[]){V_ASN1_INTEGER, 1, GCM_TAG_LEN}, 3);
	return set_parameter(algorithm, NID_aes_256_gcm, V_ASN1_SEQUENCE,
	    span_of(der, sizeof(der)), err);
}

static enum rc
fill_content(
    const struct seal *seal, struct shape_ciphertext *content, struct err *err)
{
	content->type = OBJ_nid2obj(NID_pkcs7_data);
	if (seal->cipher == SEAL_AES256_GCM)
		TRY(set_gcm(seal, content->cipher, err));
	else
		TRY(set_parameter(content->cipher, NID_aes_256_cbc,
		    V_ASN1_OCTET_STRING, span_of(seal->iv, CBC_IV_LEN), err));
	content->bytes = ASN1_OCTET_STRING_new();
	if (content->bytes == NULL ||
	    !ASN1_OCTET_STRING_set(content->bytes,
		seal->ciphertext.data != NULL ? seal->ciphertext.data
					      : (const uint8_t *)"",
		(int)seal->ciphertext.len))
		return err_nomem(err, "ciphertext");
	return RC_OK;
}

static enum rc
print_enveloped(const struct seal *seal, struct buf *der, struct err *err)
{
	void *value = NULL;
	bool any = false;

	TRY(shape_new(ASN1_ITEM_rptr(SHAPE_ENVELOPED_INFO), &value, err));
	struct shape_enveloped_info *info OWNED(shape_enveloped_info_free) =
	    value;
	info->type = OBJ_nid2obj(NID_pkcs7_enveloped);
	TRY(add_recipients(seal, info->body->recipients, &any, err));
	/* RFC 5652 section 6.1: 0 only if all RecipientInfos are version 0 */
	TRY(shape_set_version(info->body->version, any ? 2 : 0, err));
	TRY(fill_content(seal, info->body->content, err));
	return shape_print(
	    ASN1_ITEM_rptr(SHAPE_ENVELOPED_INFO), info, der, err);
}

static enum rc
print_auth(const struct seal *seal, const uint8_t tag[GCM_TAG_LEN],
    struct buf *der, struct err *err)
{
	void *value = NULL;
	bool any = false;

	TRY(shape_new(ASN1_ITEM_rptr(SHAPE_AUTH_INFO), &value, err));
	struct shape_auth_info *info OWNED(shape_auth_info_free) = value;
	info->type = OBJ_nid2obj(NID_id_smime_ct_authEnvelopedData);
	TRY(shape_set_version(info->body->version, 0, err));
	TRY(add_recipients(seal, info->body->recipients, &any, err));
	TRY(fill_content(seal, info->body->content, err));
	if (!ASN1_OCTET_STRING_set(info->body->mac, tag, GCM_TAG_LEN))
		return err_nomem(err, "authentication tag");
	return shape_print(ASN1_ITEM_rptr(SHAPE_AUTH_INFO), info, der, err);
}

enum rc
seal_finish(struct seal *seal, struct buf *der, struct err *err)
{
	uint8_t tag[GCM_TAG_LEN] = {0};

	if (seal->finished)
		bug("seal_finish twice");
	if (seal->to.len == 0)
		return err_set(err, RC_ABSENT,
		    "nobody to seal for: add a recipient's certificate");
	TRY(last_block(seal, tag, err));
	seal->finished = true;
	if (seal->cipher == SEAL_AES256_GCM)
		return print_auth(seal, tag, der, err);
	return print_enveloped(seal, der, err);
}
