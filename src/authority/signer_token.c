/* A key in a token: the digest is made here, the signature there. */
#include "authority/signer_priv.h"
#include "authority/token.h"
#include "pki/crypto.h"
#include "pki/der_write.h"

#define HASH_MAX 64
#define RAW_MAX ((size_t)2048)

static enum rc
digest(const struct signer *signer, struct span tbs, uint8_t hash[HASH_MAX],
    size_t *ret_len, struct err *err)
{
	unsigned len = 0;

	if (!EVP_Digest(tbs.data, tbs.len, hash, &len,
		crypto_digest(signer->key), NULL))
		return crypto_failed(err, "digest");
	*ret_len = len;
	return RC_OK;
}

/* Ecdsa-Sig-Value ::= SEQUENCE { r INTEGER, s INTEGER } (RFC 3279 section
 * 2.2.3), of what PKCS#11 has as two numbers behind one another. */
static enum rc
write_ecdsa(struct span raw, struct buf *out, struct err *err)
{
	size_t half = raw.len / 2, at;

	if (raw.len == 0 || raw.len % 2 != 0)
		return err_set(
		    err, RC_CRYPTO, "the token made a signature that is none");
	TRY(der_write_begin(out, DER_SEQUENCE, &at, err));
	TRY(der_write_integer(out, span_first(raw, half), err));
	TRY(der_write_integer(out, span_after(raw, half), err));
	return der_write_end(out, at, err);
}

static enum rc
sign_ecdsa(struct signer *signer, struct span tbs, struct buf *signature,
    struct err *err)
{
	struct buf raw BUF_OWNED = BUF(RAW_MAX), made BUF_OWNED = BUF(RAW_MAX);
	uint8_t hash[HASH_MAX];
	size_t len = 0;

	TRY(digest(signer, tbs, hash, &len, err));
	TRY(token_key_sign(
	    signer->handle, TOKEN_ECDSA, span_of(hash, len), &raw, err));
	TRY(write_ecdsa(buf_span(&raw), &made, err));
	return buf_add(signature, buf_span(&made), err);
}

/* DigestInfo (RFC 8017 section 9.2) for SHA-256. */
static enum rc
sign_rsa(struct signer *signer, struct span tbs, struct buf *signature,
    struct err *err)
{
	static const uint8_t head[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60,
	    0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04,
	    0x20};
	struct buf info BUF_OWNED = BUF(RAW_MAX);
	uint8_t hash[HASH_MAX];
	size_t len = 0;

	TRY(digest(signer, tbs, hash, &len, err));
	TRY(buf_add(&info, span_of(head, sizeof(head)), err));
	TRY(buf_add(&info, span_of(hash, len), err));
	return token_key_sign(
	    signer->handle, TOKEN_RSA, buf_span(&info), signature, err);
}

static enum rc
sign_there(struct signer *signer, struct span tbs, struct buf *signature,
    struct err *err)
{
	return EVP_PKEY_is_a(signer->key, "RSA")
		   ? sign_rsa(signer, tbs, signature, err)
		   : sign_ecdsa(signer, tbs, signature, err);
}

static void
free_there(void *handle)
{
	token_key_free(handle);
}

static const struct signer_ops there = {.sign = sign_there, .free = free_there};

enum rc
signer_token(
    const char *uri, struct span pin, struct signer **ret, struct err *err)
{
	struct token_key *key OWNED(token_key_free) = NULL;
	EVP_PKEY *public OWNED(EVP_PKEY_free) = NULL;

	TRY(token_key_open(uri, pin, &key, err));
	TRY(token_key_public(key, &public, err));
	TRY(signer_new(public, &there, key, ret, err));
	key = NULL; /* the signer's now */
	return RC_OK;
}
