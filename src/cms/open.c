#define _GNU_SOURCE /* explicit_bzero */
#include "cms/open.h"

#include <limits.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "cms/recipient_priv.h"
#include "cms/shape_priv.h"

#define OPEN_KEYS_MAX 1000
#define CONTENT_KEY_MAX 32
#define IV_MAX 16
#define GCM_NONCE_MIN 12
#define GCM_TAG_MIN 12
#define GCM_TAG_MAX 16

struct open {
	struct recipient_own *own; /* a reference of each certificate */
	size_t len;
	struct buf der;
};

struct cipher {
	int nid;
	const char *name;
	size_t key_len;
	bool gcm;
	const EVP_CIPHER *(*evp)(void);
};

static const struct cipher ciphers[] = {
    {NID_aes_256_gcm, "aes-256-gcm", 32, true, EVP_aes_256_gcm},
    {NID_aes_192_gcm, "aes-192-gcm", 24, true, EVP_aes_192_gcm},
    {NID_aes_128_gcm, "aes-128-gcm", 16, true, EVP_aes_128_gcm},
    {NID_aes_256_cbc, "aes-256-cbc", 32, false, EVP_aes_256_cbc},
    {NID_aes_192_cbc, "aes-192-cbc", 24, false, EVP_aes_192_cbc},
    {NID_aes_128_cbc, "aes-128-cbc", 16, false, EVP_aes_128_cbc},
    {NID_des_ede3_cbc, "des-ede3-cbc", 24, false, EVP_des_ede3_cbc},
};

/* One letter, as far as it was read. */
struct letter {
	struct shape_enveloped_info *enveloped; /* one of the two, owned */
	struct shape_auth_info *auth;
	const OPENSSL_STACK *recipients;
	const struct shape_ciphertext *content;
	const struct cipher *cipher;
	uint8_t iv[IV_MAX];
	size_t iv_len;
	size_t count;
	struct span tag;       /* GCM only */
	struct buf attributes; /* authAttrs as they are authenticated */
};

OWNER(EVP_CIPHER_CTX, EVP_CIPHER_CTX_free);

enum rc
open_new(struct open **ret, struct err *err)
{
	struct open *open = calloc(1, sizeof(*open));

	if (open == NULL)
		return err_nomem(err, "envelope");
	open->der = BUF(SHAPE_MAX);
	*ret = open;
	return RC_OK;
}

void
open_free(struct open *open)
{
	if (open == NULL)
		return;
	for (size_t i = 0; i < open->len; i++)
		cert_free(open->own[i].cert);
	free(open->own);
	buf_done(&open->der);
	free(open);
}

enum rc
open_add(struct open *open, const struct cert *cert, const struct key *key,
    struct err *err)
{
	if (open->len >= OPEN_KEYS_MAX)
		return err_set(
		    err, RC_LIMIT, "more than %d keys", OPEN_KEYS_MAX);
	struct recipient_own *own =
	    realloc(open->own, (open->len + 1) * sizeof(*own));
	if (own == NULL)
		return err_nomem(err, "envelope");
	open->own = own;
	own[open->len++] =
	    (struct recipient_own){.cert = cert_ref(cert), .key = key};
	return RC_OK;
}

enum rc
open_push(struct open *open, struct span der, struct err *err)
{
	return buf_add(&open->der, der, err);
}

/* Everything behind the choice of the recipient ends here: an attacker who
 * can watch us must not learn which of our keys, paddings or tags said no. */
static enum rc
closed(struct err *err)
{
	ERR_clear_error();
	return err_set(err, RC_CRYPTO,
	    "the letter was changed on the way, or not made for this key");
}

static void
letter_done(struct letter *letter)
{
	shape_enveloped_info_free(letter->enveloped);
	shape_auth_info_free(letter->auth);
	buf_done(&letter->attributes);
}

static enum rc
parse_enveloped(struct span der, struct letter *letter, struct err *err)
{
	void *value = NULL;

	TRY(shape_parse_outer(ASN1_ITEM_rptr(SHAPE_ENVELOPED_INFO), der,
	    "EnvelopedData", &value, err));
	letter->enveloped = value;
	letter->recipients = letter->enveloped->body->recipients;
	letter->content = letter->enveloped->body->content;
	return RC_OK;
}

static enum rc
parse_auth(struct span der, struct letter *letter, struct err *err)
{
	void *value = NULL;

	TRY(shape_parse_outer(ASN1_ITEM_rptr(SHAPE_AUTH_INFO), der,
	    "AuthEnvelopedData", &value, err));
	letter->auth = value;
	if (shape_version(letter->auth->body->version) != 0)
		return err_set(
		    err, RC_SYNTAX, "AuthEnvelopedData of unknown version");
	letter->recipients = letter->auth->body->recipients;
	letter->content = letter->auth->body->content;
	letter->tag = shape_span(letter->auth->body->mac);
	return RC_OK;
}

static enum rc
parse_letter(struct span der, struct letter *letter, struct err *err)
{
	switch (shape_content_nid(der)) {
	case NID_pkcs7_enveloped:
		TRY(parse_enveloped(der, letter, err));
		break;
	case NID_id_smime_ct_authEnvelopedData:
		TRY(parse_auth(der, letter, err));
		break;
	default:
		return err_set(
		    err, RC_SYNTAX, "no encrypted CMS (S/MIME) message");
	}
	if (letter->content->bytes == NULL)
		return err_set(err, RC_SYNTAX, "encrypted CMS without content");
	if (OBJ_obj2nid(letter->content->type) != NID_pkcs7_data)
		return err_set(err, RC_UNFIT,
		    "the encrypted content is no MIME entity (id-data)");
	return RC_OK;
}

static enum rc
find_cipher(struct letter *letter, struct err *err)
{
	char name[80] = "unnamed";
	int nid = shape_nid(letter->content->cipher);

	for (size_t i = 0; i < sizeof(ciphers) / sizeof(*ciphers); i++) {
		/* A CBC cipher inside AuthEnvelopedData, or GCM without a
		 * place for its tag, is a downgrade or nonsense. */
		if (ciphers[i].nid == nid &&
		    ciphers[i].gcm == (letter->auth != NULL)) {
			letter->cipher = &ciphers[i];
			return RC_OK;
		}
	}
	const ASN1_OBJECT *object;
	X509_ALGOR_get0(&object, NULL, NULL, letter->content->cipher);
	OBJ_obj2txt(name, sizeof(name), object, 0);
	return err_set(
	    err, RC_UNFIT, "encrypted with a cipher not read here: %s", name);
}

static enum rc
bad_parameters(struct err *err)
{
	return err_set(
	    err, RC_SYNTAX, "the cipher's parameters are not as they must be");
}

static enum rc
set_iv(struct letter *letter, struct span iv, struct err *err)
{
	if (iv.len > IV_MAX)
		return bad_parameters(err);
	if (iv.len > 0)
		memcpy(letter->iv, iv.data, iv.len);
	letter->iv_len = iv.len;
	return RC_OK;
}

/* RFC 5084 section 3.2: the tag length has the default 12 and must be that of
 * the mac; less than 12 bytes could be guessed. */
static enum rc
check_gcm(struct letter *letter, const struct shape_gcm *gcm, struct err *err)
{
	long tag_len =
	    gcm->tag_len == NULL ? GCM_TAG_MIN : ASN1_INTEGER_get(gcm->tag_len);
	struct span nonce = shape_span(gcm->nonce);

	if (tag_len < GCM_TAG_MIN || tag_len > GCM_TAG_MAX ||
	    letter->tag.len != (size_t)tag_len || nonce.len < GCM_NONCE_MIN)
		return bad_parameters(err);
	return set_iv(letter, nonce, err);
}

static enum rc
read_parameters(struct letter *letter, struct err *err)
{
	int type;
	const void *value;
	void *gcm = NULL;

	X509_ALGOR_get0(NULL, &type, &value, letter->content->cipher);
	if (!letter->cipher->gcm) {
		struct span iv =
		    type == V_ASN1_OCTET_STRING ? shape_span(value) : SPAN_NONE;
		if (iv.len !=
		    (size_t)EVP_CIPHER_get_iv_length(letter->cipher->evp()))
			return bad_parameters(err);
		return set_iv(letter, iv, err);
	}
	if (type != V_ASN1_SEQUENCE ||
	    shape_parse(ASN1_ITEM_rptr(SHAPE_GCM), shape_span(value), "", &gcm,
		NULL) != RC_OK)
		return bad_parameters(err);
	enum rc rc = check_gcm(letter, gcm, err);
	shape_free(ASN1_ITEM_rptr(SHAPE_GCM), gcm);
	return rc;
}

/* What is authenticated is the DER of the SET OF, not the [1] that is sent
 * (RFC 5083 section 2.2). */
static enum rc
read_attributes(struct letter *letter, struct err *err)
{
	struct buf set BUF_OWNED = BUF(SHAPE_MAX);
	void *value = NULL;

	letter->attributes = BUF(SHAPE_MAX);
	if (letter->auth == NULL || letter->auth->body->authenticated == NULL)
		return RC_OK;
	TRY(buf_add(&set, shape_span(letter->auth->body->authenticated), err));
	set.data[0] = V_ASN1_SET | V_ASN1_CONSTRUCTED;
	TRY(shape_parse(ASN1_ITEM_rptr(SHAPE_ATTRIBUTES), buf_span(&set),
	    "authenticated attributes", &value, err));
	STACK_OF(X509_ATTRIBUTE) *list OWNED(shape_attributes_free) = value;
	return shape_print(
	    ASN1_ITEM_rptr(SHAPE_ATTRIBUTES), list, &letter->attributes, err);
}

static enum rc
find_matches(const struct open *open, struct letter *letter,
    struct recipient_matches *ret, struct err *err)
{
	struct buf der BUF_OWNED = BUF(SHAPE_MAX);

	for (int i = 0; i < OPENSSL_sk_num(letter->recipients); i++) {
		buf_clear(&der);
		TRY(shape_print(ASN1_ITEM_rptr(SHAPE_RECIPIENT),
		    OPENSSL_sk_value(letter->recipients, i), &der, err));
		TRY(recipient_look(buf_span(&der), open->own, open->len, ret,
		    &letter->count, err));
	}
	if (ret->len == 0)
		return err_set(err, RC_ABSENT,
		    "the letter is not sealed for any of your keys");
	return RC_OK;
}

/* A key that could not be unwrapped becomes a random one, so that what
 * follows is the same work with the same end (RFC 3218).  *ret_good false: we
 * know that it is random; a wrong PKCS#1 v1.5 padding nobody knows but the
 * vault. */
static enum rc
content_key(const struct recipient_match *match, size_t want,
    uint8_t key[CONTENT_KEY_MAX], bool *ret_good, struct err *err)
{
	struct buf cek BUF_OWNED = BUF_SECRET(1024);

	if (RAND_priv_bytes(key, CONTENT_KEY_MAX) != 1)
		return shape_fail(err, "random numbers");
	enum rc rc = recipient_unwrap(match, want, &cek, err);
	/* the vault away, or no memory, says nothing about the letter */
	if (rc == RC_NOMEM || rc == RC_IO || rc == RC_AGAIN)
		return rc;
	*ret_good = rc == RC_OK && cek.len == want;
	if (*ret_good)
		memcpy(key, cek.data, want);
	return RC_OK;
}

static bool
start_cipher(
    EVP_CIPHER_CTX *ctx, const struct letter *letter, const uint8_t *key)
{
	int len = 0;
	struct span attributes = buf_span(&letter->attributes);

	if (!EVP_DecryptInit_ex(ctx, letter->cipher->evp(), NULL, NULL, NULL))
		return false;
	if (letter->cipher->gcm &&
	    (!EVP_CIPHER_CTX_ctrl(
		 ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)letter->iv_len, NULL) ||
		!EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG,
		    (int)letter->tag.len, (void *)letter->tag.data)))
		return false;
	if (!EVP_DecryptInit_ex(ctx, NULL, NULL, key, letter->iv))
		return false;
	return attributes.len == 0 || EVP_DecryptUpdate(ctx, NULL, &len,
					  attributes.data, (int)attributes.len);
}

/* `room` has the size of the ciphertext and one block.  What is in it before
 * the last line is not to be believed. */
static bool
run_cipher(const struct letter *letter, const uint8_t *key, uint8_t *room,
    size_t *ret_len)
{
	int len = 0, last = 0;
	struct span in = shape_span(letter->content->bytes);
	EVP_CIPHER_CTX *ctx OWNED(EVP_CIPHER_CTX_free) = EVP_CIPHER_CTX_new();

	if (ctx == NULL || !start_cipher(ctx, letter, key))
		return false;
	if (in.len > 0 &&
	    !EVP_DecryptUpdate(ctx, room, &len, in.data, (int)in.len))
		return false;
	if (!EVP_DecryptFinal_ex(ctx, room + len, &last))
		return false;
	*ret_len = (size_t)len + (size_t)last;
	return true;
}

static enum rc
decrypt(const struct letter *letter, const struct recipient_match *match,
    struct buf *plain, struct err *err)
{
	uint8_t key[CONTENT_KEY_MAX];
	uint8_t *room;
	size_t len = 0;
	bool good = false;
	size_t size = (size_t)ASN1_STRING_length(letter->content->bytes) +
		      EVP_MAX_BLOCK_LENGTH;

	enum rc rc = buf_reserve(plain, size, &room, err);
	if (rc == RC_OK)
		rc = content_key(
		    match, letter->cipher->key_len, key, &good, err);
	if (rc != RC_OK)
		return rc;
	bool ok = run_cipher(letter, key, room, &len);
	explicit_bzero(key, sizeof(key));
	if (!ok || !good) {
		explicit_bzero(room, size);
		return closed(err);
	}
	buf_grown(plain, len);
	return RC_OK;
}

/* The first of our keys that opens it.  Schemes that we do not know are
 * passed over while there is another. */
static enum rc
try_matches(const struct letter *letter,
    const struct recipient_matches *matches, struct buf *plain, struct err *err)
{
	enum rc unfit = RC_OK, last = RC_UNFIT;
	struct err why = ERR_NONE;

	for (size_t i = 0; i < matches->len; i++) {
		enum rc rc = recipient_check(&matches->item[i], &why);
		if (rc != RC_OK) {
			unfit = rc;
			continue;
		}
		last = decrypt(letter, &matches->item[i], plain, err);
		if (last != RC_CRYPTO)
			return last;
	}
	if (last == RC_CRYPTO)
		return last;
	return err_set(err, unfit, "%s", why.text);
}

static enum rc
open_letter(const struct open *open, struct letter *letter, struct buf *plain,
    struct err *err)
{
	struct recipient_matches matches RECIPIENT_MATCHES_OWNED =
	    RECIPIENT_MATCHES_NONE;

	TRY(parse_letter(buf_span(&open->der), letter, err));
	TRY(find_cipher(letter, err));
	TRY(read_parameters(letter, err));
	TRY(read_attributes(letter, err));
	TRY(find_matches(open, letter, &matches, err));
	return try_matches(letter, &matches, plain, err);
}

enum rc
open_finish(struct open *open, struct buf *plain, struct open_result *ret,
    struct err *err)
{
	struct letter letter = {0};

	enum rc rc = open_letter(open, &letter, plain, err);
	if (rc == RC_OK)
		*ret = (struct open_result){
		    letter.cipher->name, letter.cipher->gcm, letter.count};
	letter_done(&letter);
	return rc;
}
