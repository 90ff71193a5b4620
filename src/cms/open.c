#define _GNU_SOURCE /* explicit_bzero */
#include "cms/open.h"

#include <limits.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "cms/agree_priv.h"
#include "cms/padding_priv.h"
#include "cms/shape_priv.h"

#define OPEN_KEYS_MAX 1000
#define OPEN_RECIPIENTS_MAX 10000
/* How often one letter may have a private key used.  A sender who names us a
 * thousand times would have it used for seconds. */
#define OPEN_TRIES_MAX 16
#define CONTENT_KEY_MAX 32
#define IV_MAX 16
#define GCM_NONCE_MIN 12
#define GCM_TAG_MIN 12
#define GCM_TAG_MAX 16
/* RFC 5652 sections 6.2.1 and 6.2.2 */
#define TRANSPORT_BY_SERIAL 0
#define TRANSPORT_BY_KEY_ID 2
#define AGREE_VERSION 3

struct own_key {
	struct cert *cert;
	const struct key *key; /* borrowed */
};

struct open {
	struct own_key *own;
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
	struct own_key *own =
	    realloc(open->own, (open->len + 1) * sizeof(*own));
	if (own == NULL)
		return err_nomem(err, "envelope");
	open->own = own;
	own[open->len++] = (struct own_key){cert_ref(cert), key};
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
	int count = OPENSSL_sk_num(letter->recipients);
	if (count > OPEN_RECIPIENTS_MAX)
		return err_set(err, RC_LIMIT, "sealed for more than %d",
		    OPEN_RECIPIENTS_MAX);
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

/* One of our keys, and the place in the letter that names it. */
struct match {
	const struct own_key *own;
	const struct shape_transport *transport; /* one of the two */
	const struct shape_agree *agree;
	const struct shape_agree_key *agree_key;
};

struct matches {
	struct match item[OPEN_TRIES_MAX];
	size_t len;
};

static void
add_match(struct matches *list, struct match match)
{
	if (list->len < OPEN_TRIES_MAX)
		list->item[list->len++] = match;
}

static bool
names_transport(const struct shape_transport *transport, X509 *x509)
{
	if (transport->id->type == SHAPE_BY_SERIAL)
		return shape_id_is(transport->id->d.by_serial, x509);
	return shape_key_id_is(transport->id->d.by_key_id, x509);
}

static bool
names_agree(const struct shape_agree_key *key, X509 *x509)
{
	if (key->id->type == SHAPE_BY_SERIAL)
		return shape_id_is(key->id->d.by_serial, x509);
	return shape_key_id_is(key->id->d.by_key_id->key_id, x509);
}

static void
match_agree(const struct own_key *own, const struct shape_agree *agree,
    struct matches *ret)
{
	for (int i = 0; i < OPENSSL_sk_num(agree->keys); i++) {
		const struct shape_agree_key *key =
		    OPENSSL_sk_value(agree->keys, i);
		if (names_agree(key, cert_x509(own->cert)))
			add_match(ret, (struct match){own, NULL, agree, key});
	}
}

static void
match_recipient(const struct own_key *own, const struct shape_recipient *r,
    struct matches *ret)
{
	if (r->type == SHAPE_TRANSPORT &&
	    names_transport(r->d.transport, cert_x509(own->cert)))
		add_match(ret, (struct match){own, r->d.transport, NULL, NULL});
	if (r->type == SHAPE_AGREE)
		match_agree(own, r->d.agree, ret);
}

static size_t
count_recipients(const OPENSSL_STACK *list)
{
	size_t count = 0;

	for (int i = 0; i < OPENSSL_sk_num(list); i++) {
		const struct shape_recipient *r = OPENSSL_sk_value(list, i);
		count += r->type == SHAPE_AGREE
			     ? (size_t)OPENSSL_sk_num(r->d.agree->keys)
			     : 1;
	}
	return count;
}

static enum rc
find_matches(const struct open *open, const struct letter *letter,
    struct matches *ret, struct err *err)
{
	if (count_recipients(letter->recipients) > OPEN_RECIPIENTS_MAX)
		return err_set(err, RC_LIMIT, "sealed for more than %d",
		    OPEN_RECIPIENTS_MAX);
	for (int i = 0; i < OPENSSL_sk_num(letter->recipients); i++)
		for (size_t k = 0; k < open->len; k++)
			match_recipient(&open->own[k],
			    OPENSSL_sk_value(letter->recipients, i), ret);
	if (ret->len == 0)
		return err_set(err, RC_ABSENT,
		    "the letter is not sealed for any of your keys");
	return RC_OK;
}

static enum rc
check_transport(const struct shape_transport *transport, struct err *err)
{
	char name[80] = "unnamed";
	const ASN1_OBJECT *object;

	long version = shape_version(transport->version);
	if (version != TRANSPORT_BY_SERIAL && version != TRANSPORT_BY_KEY_ID)
		return err_set(
		    err, RC_SYNTAX, "KeyTransRecipientInfo of unknown version");
	switch (shape_nid(transport->scheme)) {
	case NID_rsaEncryption:
		if (shape_is_bare(transport->scheme))
			return RC_OK;
		return err_set(err, RC_SYNTAX,
		    "RSA key transport with parameters that it cannot have");
	case NID_rsaesOaep:
		if (padding_oaep(transport->scheme) != NULL)
			return RC_OK;
		return err_set(err, RC_UNFIT,
		    "sealed with RSAES-OAEP parameters not supported here");
	default:
		X509_ALGOR_get0(&object, NULL, NULL, transport->scheme);
		OBJ_obj2txt(name, sizeof(name), object, 0);
		return err_set(err, RC_UNFIT,
		    "sealed with a key transport not supported here: %s", name);
	}
}

static enum rc
check_agree(const struct shape_agree *agree, struct err *err)
{
	if (shape_version(agree->version) != AGREE_VERSION)
		return err_set(
		    err, RC_SYNTAX, "KeyAgreeRecipientInfo of unknown version");
	if (agree->originator->type != SHAPE_ORIGINATOR_POINT)
		return err_set(err, RC_UNFIT,
		    "sealed with the sender's static key, which is not "
		    "supported");
	if (shape_nid(agree->originator->d.point->algorithm) !=
	    NID_X9_62_id_ecPublicKey)
		return err_set(err, RC_UNFIT,
		    "sealed with an ephemeral key of a kind not supported");
	/* bits that are not there: a point is whole bytes */
	if ((agree->originator->d.point->key->flags & 0x07) != 0)
		return err_set(err, RC_SYNTAX, "no whole ephemeral key");
	return agree_check_scheme(agree, err);
}

static enum rc
check_match(const struct match *match, struct err *err)
{
	if (match->agree != NULL)
		return check_agree(match->agree, err);
	return check_transport(match->transport, err);
}

static enum rc
unwrap_transport(
    const struct match *match, size_t want, struct buf *cek, struct err *err)
{
	const struct key *key = match->own->key;
	const char *oaep = shape_nid(match->transport->scheme) == NID_rsaesOaep
			       ? padding_oaep(match->transport->scheme)
			       : NULL;

	if (EVP_PKEY_get_base_id(
		X509_get0_pubkey(cert_x509(match->own->cert))) != EVP_PKEY_RSA)
		return RC_CRYPTO;
	return key->ops->unwrap(key,
	    shape_span(match->transport->encrypted_key), oaep, want, cek, err);
}

static enum rc
unwrap_agree(const struct match *match, struct buf *cek, struct err *err)
{
	struct buf secret BUF_OWNED = BUF_SECRET(1024);
	const struct key *key = match->own->key;

	if (EVP_PKEY_get_base_id(
		X509_get0_pubkey(cert_x509(match->own->cert))) != EVP_PKEY_EC)
		return RC_CRYPTO;
	TRY(key->ops->agree(key,
	    shape_span(match->agree->originator->d.point->key), &secret, err));
	return agree_unwrap(match->agree, buf_span(&secret),
	    shape_span(match->agree_key->encrypted_key), cek, err);
}

/* A key that could not be unwrapped becomes a random one, so that what
 * follows is the same work with the same end (RFC 3218).  *ret_good false: we
 * know that it is random; a wrong PKCS#1 v1.5 padding nobody knows but the
 * vault. */
static enum rc
content_key(const struct match *match, size_t want,
    uint8_t key[CONTENT_KEY_MAX], bool *ret_good, struct err *err)
{
	struct buf cek BUF_OWNED = BUF_SECRET(1024);

	if (RAND_priv_bytes(key, CONTENT_KEY_MAX) != 1)
		return shape_fail(err, "random numbers");
	enum rc rc = match->agree != NULL
			 ? unwrap_agree(match, &cek, err)
			 : unwrap_transport(match, want, &cek, err);
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
decrypt(const struct letter *letter, const struct match *match,
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
try_matches(const struct letter *letter, const struct matches *matches,
    struct buf *plain, struct err *err)
{
	enum rc unfit = RC_OK, last = RC_UNFIT;
	struct err why = ERR_NONE;

	for (size_t i = 0; i < matches->len; i++) {
		enum rc rc = check_match(&matches->item[i], &why);
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
	struct matches matches = {.len = 0};

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
		*ret = (struct open_result){letter.cipher->name,
		    letter.cipher->gcm, count_recipients(letter.recipients)};
	letter_done(&letter);
	return rc;
}
