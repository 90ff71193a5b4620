#define _GNU_SOURCE /* explicit_bzero */
#include "cms/cipher_priv.h"

#include <stdatomic.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rand.h>

#include "cms/cipher_ghash_priv.h"
#include "pki/crypto.h"
#include "pki/der.h"

#define IV_MAX 16
#define CBC_IV_MAX 16
#define NONCE_LEN 12
#define TAG_MIN 12
#define TAG_MAX 16
#define BLOCK_MAX 16
#define ALGORITHM_MAX 64
/* SP 800-38D section 5.2.1.1; ChaCha20 would bear a little more. */
#define AEAD_CONTENT_MAX (((uint64_t)1 << 36) - 32)
/* The library counts in int. */
#define PIECE_MAX ((size_t)1 << 30)

OWNER(EVP_CIPHER_CTX, EVP_CIPHER_CTX_free);

enum parameters { IV_ALONE, GCM_PARAMETERS };

struct kind {
	struct cipher cipher;
	const char *fetch; /* the library's name */
	size_t iv_len;
	enum parameters parameters;
	const char *ecb; /* the bare block cipher, for GCM's hash subkey */
	struct span oid; /* without tag and length */
};

#define OID(bytes)                                          \
	{                                                   \
		(const uint8_t *)(bytes), sizeof(bytes) - 1 \
	}
#define AES_ARC "\x60\x86\x48\x01\x65\x03\x04\x01"
#define AES_GCM(name, bits, last)                                   \
	{                                                           \
		{NID_aes_##bits##_gcm, name, bits / 8, true, true}, \
		    "AES-" #bits "-GCM", NONCE_LEN, GCM_PARAMETERS, \
		    "AES-" #bits "-ECB", OID(AES_ARC last)          \
	}
#define AES_CBC(name, bits, last)                                              \
	{                                                                      \
		{NID_aes_##bits##_cbc, name, bits / 8, false, true},           \
		    "AES-" #bits "-CBC", 16, IV_ALONE, NULL, OID(AES_ARC last) \
	}

static const struct kind kinds[] = {
    AES_GCM("aes-256-gcm", 256, "\x2e"),
    AES_GCM("aes-192-gcm", 192, "\x1a"),
    AES_GCM("aes-128-gcm", 128, "\x06"),
    {{NID_chacha20_poly1305, "chacha20-poly1305", 32, true, true},
	"ChaCha20-Poly1305", NONCE_LEN, IV_ALONE, NULL,
	OID("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x03\x12")},
    AES_CBC("aes-256-cbc", 256, "\x2a"),
    AES_CBC("aes-192-cbc", 192, "\x16"),
    AES_CBC("aes-128-cbc", 128, "\x02"),
    {{NID_des_ede3_cbc, "des-ede3-cbc", 24, false, false}, "DES-EDE3-CBC", 8,
	IV_ALONE, NULL, OID("\x2a\x86\x48\x86\xf7\x0d\x03\x07")},
};

#define KINDS (sizeof(kinds) / sizeof(*kinds))

struct cipher_run {
	const struct kind *kind;
	EVP_CIPHER_CTX *ctx;
	bool encrypt;
	uint8_t key[CIPHER_KEY_MAX];
	uint8_t iv[IV_MAX];
	size_t iv_len;
	size_t tag_len;
	uint64_t len; /* of the content so far */
};

/* --- the ciphers of the library ------------------------------------------- */

/* A fetch takes longer than opening a short letter, so there is one for a
 * process; what it yields is kept to the end. */
static EVP_CIPHER *
fetch(_Atomic(EVP_CIPHER *) *slot, const char *name)
{
	EVP_CIPHER *none = NULL, *found = atomic_load(slot);

	if (found != NULL)
		return found;
	found = EVP_CIPHER_fetch(NULL, name, NULL);
	if (found == NULL || atomic_compare_exchange_strong(slot, &none, found))
		return found;
	EVP_CIPHER_free(found); /* another thread was first */
	return none;
}

static EVP_CIPHER *
content_cipher(const struct kind *kind)
{
	static _Atomic(EVP_CIPHER *) slots[KINDS];

	return fetch(&slots[kind - kinds], kind->fetch);
}

static EVP_CIPHER *
block_cipher(const struct kind *kind)
{
	static _Atomic(EVP_CIPHER *) slots[KINDS];

	return fetch(&slots[kind - kinds], kind->ecb);
}

const struct cipher *
cipher_find(int nid)
{
	for (size_t i = 0; i < KINDS; i++)
		if (kinds[i].cipher.nid == nid)
			return &kinds[i].cipher;
	return NULL;
}

/* The two parts of an AlgorithmIdentifier; parameters may be absent. */
static enum rc
split_algorithm(struct span algorithm, struct der *ret_oid,
    struct span *ret_parameters, struct err *err)
{
	struct der outer = {0};

	TRY(der_expect(&algorithm, DER_SEQUENCE, &outer, err));
	TRY(der_expect(&outer.value, DER_OID, ret_oid, err));
	*ret_parameters = outer.value;
	if (algorithm.len > 0)
		return err_set(err, RC_SYNTAX, "bytes behind the algorithm");
	return RC_OK;
}

static void
name_oid(struct span oid, char name[CIPHER_NAME_MAX])
{
	const uint8_t *at = oid.data;
	ASN1_OBJECT *object = d2i_ASN1_OBJECT(NULL, &at, (long)oid.len);

	if (object != NULL)
		OBJ_obj2txt(name, CIPHER_NAME_MAX, object, 0);
	ASN1_OBJECT_free(object);
	ERR_clear_error();
}

const struct cipher *
cipher_find_algorithm(struct span algorithm, char name[CIPHER_NAME_MAX])
{
	struct der oid = {0};
	struct span parameters;

	memcpy(name, "unnamed", sizeof("unnamed"));
	if (split_algorithm(algorithm, &oid, &parameters, NULL) != RC_OK)
		return NULL;
	for (size_t i = 0; i < KINDS; i++)
		if (span_is(kinds[i].oid, oid.value))
			return &kinds[i].cipher;
	name_oid(oid.whole, name);
	return NULL;
}

/* --- a run ----------------------------------------------------------------- */

static const struct kind *
kind_of(const struct cipher *cipher)
{
	for (size_t i = 0; i < KINDS; i++)
		if (&kinds[i].cipher == cipher)
			return &kinds[i];
	bug("cipher: not one of ours");
}

static enum rc
new_run(const struct cipher *cipher, bool encrypt, struct cipher_run **ret,
    struct err *err)
{
	const struct kind *kind = kind_of(cipher);
	struct cipher_run *run = calloc(1, sizeof(*run));
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (run == NULL || ctx == NULL) {
		free(run);
		EVP_CIPHER_CTX_free(ctx);
		return err_nomem(err, "content cipher");
	}
	*run = (struct cipher_run){.kind = kind,
	    .ctx = ctx,
	    .encrypt = encrypt,
	    .iv_len = kind->iv_len,
	    .tag_len = CIPHER_TAG_LEN};
	*ret = run;
	return RC_OK;
}

void
cipher_run_free(struct cipher_run *run)
{
	if (run == NULL)
		return;
	EVP_CIPHER_CTX_free(run->ctx);
	explicit_bzero(run, sizeof(*run));
	free(run);
}

static enum rc
start(struct cipher_run *run, struct err *err)
{
	EVP_CIPHER *evp = content_cipher(run->kind);
	int enc = run->encrypt;

	run->len = 0;
	if (evp == NULL ||
	    !EVP_CipherInit_ex2(run->ctx, evp, NULL, NULL, enc, NULL))
		return crypto_failed(err, run->kind->cipher.name);
	if (run->iv_len != run->kind->iv_len &&
	    !EVP_CIPHER_CTX_ctrl(
		run->ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)run->iv_len, NULL))
		return crypto_failed(err, run->kind->cipher.name);
	if (!EVP_CipherInit_ex2(run->ctx, NULL, run->key, run->iv, enc, NULL))
		return crypto_failed(err, run->kind->cipher.name);
	return RC_OK;
}

enum rc
cipher_closed(struct err *err)
{
	ERR_clear_error();
	return err_set(err, RC_CRYPTO,
	    "the letter was changed on the way, or not made for this key");
}

static enum rc
failed(const struct cipher_run *run, struct err *err)
{
	if (run->encrypt)
		return crypto_failed(err, "encrypting the content");
	return cipher_closed(err);
}

static enum rc
count(struct cipher_run *run, size_t len, struct err *err)
{
	uint64_t sum;

	if (__builtin_add_overflow(run->len, (uint64_t)len, &sum) ||
	    (run->kind->cipher.aead && sum > AEAD_CONTENT_MAX))
		return err_set(err, RC_LIMIT, "more content than %s can bear",
		    run->kind->cipher.name);
	run->len = sum;
	return RC_OK;
}

/* The library keeps CBC's last block back, for it may be padding, and gives
 * it out with what follows: up to one block more than went in. */
static enum rc
push_piece(
    struct cipher_run *run, struct span in, struct buf *out, struct err *err)
{
	uint8_t *room;
	int len = 0;

	TRY(buf_reserve(out, in.len + BLOCK_MAX, &room, err));
	if (!EVP_CipherUpdate(run->ctx, room, &len, in.data, (int)in.len))
		return failed(run, err);
	buf_grown(out, (size_t)len);
	return RC_OK;
}

enum rc
cipher_push(
    struct cipher_run *run, struct span in, struct buf *out, struct err *err)
{
	TRY(count(run, in.len, err));
	for (; in.len > 0; in = span_after(in, PIECE_MAX))
		TRY(push_piece(run, span_first(in, PIECE_MAX), out, err));
	return RC_OK;
}

static enum rc
last_block(struct cipher_run *run, struct buf *out, struct err *err)
{
	uint8_t *room;
	int len = 0;

	TRY(buf_reserve(out, BLOCK_MAX, &room, err));
	bool ok = EVP_CipherFinal_ex(run->ctx, room, &len);
	if (!ok)
		explicit_bzero(room, BLOCK_MAX);
	if (!ok)
		return failed(run, err);
	buf_grown(out, (size_t)len);
	return RC_OK;
}

/* --- encrypt --------------------------------------------------------------- */

enum rc
cipher_encrypt_new(
    const struct cipher *cipher, struct cipher_run **ret, struct err *err)
{
	struct cipher_run *run OWNED(cipher_run_free) = NULL;

	if (!cipher->may_write)
		return err_set(err, RC_UNFIT,
		    "nothing is encrypted with %s any more", cipher->name);
	TRY(new_run(cipher, true, &run, err));
	if (RAND_priv_bytes(run->key, (int)cipher->key_len) != 1 ||
	    RAND_bytes(run->iv, (int)run->iv_len) != 1)
		return crypto_failed(err, "random numbers");
	TRY(start(run, err));
	*ret = take(run);
	return RC_OK;
}

struct span
cipher_key(const struct cipher_run *run)
{
	return span_of(run->key, run->kind->cipher.key_len);
}

/* All lengths here are below 128. */
static enum rc
add_element(struct buf *der, uint8_t tag, struct span value, struct err *err)
{
	TRY(buf_add_byte(der, tag, err));
	TRY(buf_add_byte(der, (uint8_t)value.len, err));
	return buf_add(der, value, err);
}

static enum rc
add_parameters(
    const struct cipher_run *run, struct buf *algorithm, struct err *err)
{
	struct buf gcm BUF_OWNED = BUF(ALGORITHM_MAX);
	struct span iv = span_of(run->iv, run->iv_len);
	const uint8_t tag_len = CIPHER_TAG_LEN;

	if (run->kind->parameters == IV_ALONE)
		return add_element(algorithm, DER_OCTETS, iv, err);
	/* RFC 5084 section 3.2: the default would be 12 */
	TRY(add_element(&gcm, DER_OCTETS, iv, err));
	TRY(add_element(&gcm, DER_INTEGER, span_of(&tag_len, 1), err));
	return add_element(algorithm, DER_SEQUENCE, buf_span(&gcm), err);
}

enum rc
cipher_print_algorithm(
    const struct cipher_run *run, struct buf *der, struct err *err)
{
	struct buf algorithm BUF_OWNED = BUF(ALGORITHM_MAX);
	struct buf whole BUF_OWNED = BUF(ALGORITHM_MAX);

	TRY(add_element(&algorithm, DER_OID, run->kind->oid, err));
	TRY(add_parameters(run, &algorithm, err));
	TRY(add_element(&whole, DER_SEQUENCE, buf_span(&algorithm), err));
	return buf_add(der, buf_span(&whole), err);
}

enum rc
cipher_encrypt_finish(
    struct cipher_run *run, struct buf *out, struct buf *tag, struct err *err)
{
	uint8_t *room;

	TRY(last_block(run, out, err));
	if (!run->kind->cipher.aead)
		return RC_OK;
	TRY(buf_reserve(tag, CIPHER_TAG_LEN, &room, err));
	if (!EVP_CIPHER_CTX_ctrl(
		run->ctx, EVP_CTRL_AEAD_GET_TAG, CIPHER_TAG_LEN, room))
		return failed(run, err);
	buf_grown(tag, CIPHER_TAG_LEN);
	return RC_OK;
}

/* --- decrypt --------------------------------------------------------------- */

static enum rc
bad_parameters(struct err *err)
{
	return err_set(
	    err, RC_SYNTAX, "the cipher's parameters are not as they must be");
}

static bool
is_one_byte(struct span in, uint8_t tag, size_t *ret)
{
	struct der der = {0};

	if (der_expect(&in, tag, &der, NULL) != RC_OK || in.len > 0 ||
	    der.value.len != 1)
		return false;
	*ret = der.value.data[0];
	return true;
}

/* RFC 5084 section 3.2: the tag length has the default 12; less than that
 * could be guessed. */
static bool
read_gcm(struct cipher_run *run, struct span parameters, struct span *ret_iv)
{
	struct der gcm = {0}, nonce = {0};

	if (der_expect(&parameters, DER_SEQUENCE, &gcm, NULL) != RC_OK ||
	    parameters.len > 0 ||
	    der_expect(&gcm.value, DER_OCTETS, &nonce, NULL) != RC_OK)
		return false;
	run->tag_len = TAG_MIN;
	if (gcm.value.len > 0 &&
	    !is_one_byte(gcm.value, DER_INTEGER, &run->tag_len))
		return false;
	*ret_iv = nonce.value;
	return run->tag_len >= TAG_MIN && run->tag_len <= TAG_MAX &&
	       nonce.value.len >= NONCE_LEN && nonce.value.len <= IV_MAX;
}

static bool
read_iv(struct cipher_run *run, struct span parameters, struct span *ret_iv)
{
	struct der iv = {0};

	if (der_expect(&parameters, DER_OCTETS, &iv, NULL) != RC_OK ||
	    parameters.len > 0)
		return false;
	*ret_iv = iv.value;
	return iv.value.len == run->kind->iv_len;
}

static enum rc
read_parameters(struct cipher_run *run, struct span algorithm, struct err *err)
{
	struct der oid = {0};
	struct span parameters = SPAN_NONE, iv = SPAN_NONE;

	if (split_algorithm(algorithm, &oid, &parameters, NULL) != RC_OK)
		return bad_parameters(err);
	bool ok = run->kind->parameters == GCM_PARAMETERS
		      ? read_gcm(run, parameters, &iv)
		      : read_iv(run, parameters, &iv);
	if (!ok)
		return bad_parameters(err);
	memcpy(run->iv, iv.data, iv.len);
	run->iv_len = iv.len;
	return RC_OK;
}

enum rc
cipher_decrypt_new(const struct cipher *cipher, struct span algorithm,
    struct span key, struct cipher_run **ret, struct err *err)
{
	struct cipher_run *run OWNED(cipher_run_free) = NULL;

	if (key.len != cipher->key_len)
		bug("cipher_decrypt_new: a key of another length");
	TRY(new_run(cipher, false, &run, err));
	TRY(read_parameters(run, algorithm, err));
	memcpy(run->key, key.data, key.len);
	TRY(start(run, err));
	*ret = take(run);
	return RC_OK;
}

enum rc
cipher_decrypt_again(struct cipher_run *run, struct err *err)
{
	if (run->encrypt)
		bug("cipher_decrypt_again: the same nonce twice");
	return start(run, err);
}

/* E(K, 0^128), from which GCM makes all of its tags: wiped by the caller. */
static bool
hash_subkey(const struct cipher_run *run, uint8_t ret[GHASH_BLOCK])
{
	static const uint8_t zero[GHASH_BLOCK];
	int len = 0;
	EVP_CIPHER *evp = block_cipher(run->kind);
	EVP_CIPHER_CTX *ctx OWNED(EVP_CIPHER_CTX_free) = EVP_CIPHER_CTX_new();

	return evp != NULL && ctx != NULL &&
	       EVP_EncryptInit_ex2(ctx, evp, run->key, NULL, NULL) &&
	       EVP_EncryptUpdate(ctx, ret, &len, zero, GHASH_BLOCK) &&
	       len == GHASH_BLOCK;
}

/* Take the attributes' part out of the tag (see cms/cipher_ghash.c). */
static enum rc
remove_attributes(const struct cipher_run *run, struct span attributes,
    uint8_t tag[TAG_MAX], struct err *err)
{
	uint8_t h[GHASH_BLOCK], part[GHASH_BLOCK];

	/* Poly1305 adds with carries: there the tag says too little. */
	if (run->kind->ecb == NULL)
		return err_set(err, RC_UNFIT,
		    "%s with authenticated attributes is not read here",
		    run->kind->cipher.name);
	bool ok = hash_subkey(run, h);
	if (ok)
		ghash_of_aad(h, attributes, run->len, part);
	explicit_bzero(h, sizeof(h));
	if (!ok)
		return crypto_failed(err, "authenticated attributes");
	for (size_t i = 0; i < TAG_MAX; i++)
		tag[i] ^= part[i];
	explicit_bzero(part, sizeof(part));
	return RC_OK;
}

static enum rc
set_tag(struct cipher_run *run, struct span tag, struct span attributes,
    struct err *err)
{
	uint8_t bytes[TAG_MAX] = {0};

	if (tag.len != run->tag_len)
		return bad_parameters(err);
	memcpy(bytes, tag.data, tag.len);
	if (attributes.len > 0)
		TRY(remove_attributes(run, attributes, bytes, err));
	if (!EVP_CIPHER_CTX_ctrl(
		run->ctx, EVP_CTRL_AEAD_SET_TAG, (int)tag.len, bytes))
		return failed(run, err);
	return RC_OK;
}

enum rc
cipher_decrypt_finish(struct cipher_run *run, struct span tag,
    struct span attributes, struct buf *out, struct err *err)
{
	if (run->kind->cipher.aead)
		TRY(set_tag(run, tag, attributes, err));
	return last_block(run, out, err);
}
