#include "codec/wrap.h"

#include <limits.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "base/own.h"

#define MAGIC "LLW1"
#define MAGIC_LEN 4
#define SALT_LEN 16
#define NONCE_LEN 12
#define TAG_LEN 16
#define HEAD_LEN (MAGIC_LEN + SALT_LEN + NONCE_LEN)
_Static_assert(MAGIC_LEN == WRAP_SALT_AT, "the salt is behind the magic");
#define CLEAR_MAX ((size_t)INT_MAX - 1024) /* EVP counts in int */
#define LABEL_MAX 255

OWNER(EVP_CIPHER_CTX, EVP_CIPHER_CTX_free);
OWNER(EVP_KDF, EVP_KDF_free);
OWNER(EVP_KDF_CTX, EVP_KDF_CTX_free);

/* A derived key, wiped at the end of its scope. */
struct derived {
	uint8_t bytes[WRAP_KEY_LEN];
};

static void
derived_wipe(struct derived *key)
{
	OPENSSL_cleanse(key->bytes, sizeof(key->bytes));
}

#define WIPED __attribute__((cleanup(derived_wipe)))

static enum rc
crypto_failed(const char *what, struct err *err)
{
	ERR_clear_error();
	return err_set(err, RC_CRYPTO, "wrap: %s failed", what);
}

/* What is derived: `purpose`, NUL, `label`; a label has no NUL, so no two
 * pairs are spelled alike. */
struct derivation {
	const struct wrap_key *key;
	const char *purpose;
	const char *label;
	struct span salt;
};

static enum rc
expand(const struct derivation *d, struct span info, struct derived *ret,
    struct err *err)
{
	EVP_KDF *kdf OWNED(EVP_KDF_free) = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx OWNED(EVP_KDF_CTX_free) =
	    kdf == NULL ? NULL : EVP_KDF_CTX_new(kdf);
	/* OSSL_PARAM is not const, but HKDF only reads. */
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(
		OSSL_KDF_PARAM_DIGEST, (char[]){"SHA256"}, 0),
	    OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY,
		(void *)(uintptr_t)d->key->bytes, WRAP_KEY_LEN),
	    OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT,
		(void *)(uintptr_t)d->salt.data, d->salt.len),
	    OSSL_PARAM_construct_octet_string(
		OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)info.data, info.len),
	    OSSL_PARAM_construct_end(),
	};

	if (ctx == NULL ||
	    EVP_KDF_derive(ctx, ret->bytes, sizeof(ret->bytes), params) <= 0)
		return crypto_failed("HKDF", err);
	return RC_OK;
}

static enum rc
derive(const struct derivation *d, struct derived *ret, struct err *err)
{
	struct buf info BUF_OWNED = BUF(LABEL_MAX + 64);

	if (strlen(d->label) > LABEL_MAX)
		return err_set(err, RC_LIMIT, "wrap: label too long");
	TRY(buf_add_str(&info, d->purpose, err));
	TRY(buf_add_byte(&info, 0, err));
	TRY(buf_add_str(&info, d->label, err));
	return expand(d, buf_span(&info), ret, err);
}

static enum rc
derive_cipher_key(const struct wrap_key *key, const char *label,
    const uint8_t *salt, struct derived *ret, struct err *err)
{
	struct derivation d = {
	    .key = key,
	    .purpose = "letterlock wrap v1",
	    .label = label,
	    .salt = span_of(salt, SALT_LEN),
	};

	return derive(&d, ret, err);
}

/* `to` has room for clear.len + TAG_LEN. */
static bool
encrypt(const struct derived *key, const uint8_t *nonce, struct span clear,
    uint8_t *to)
{
	EVP_CIPHER_CTX *ctx OWNED(EVP_CIPHER_CTX_free) = EVP_CIPHER_CTX_new();
	int len = 0, rest = 0;

	return ctx != NULL &&
	       EVP_EncryptInit_ex(
		   ctx, EVP_aes_256_gcm(), NULL, key->bytes, nonce) == 1 &&
	       (clear.len == 0 || EVP_EncryptUpdate(ctx, to, &len, clear.data,
				      (int)clear.len) == 1) &&
	       EVP_EncryptFinal_ex(ctx, to + len, &rest) == 1 &&
	       (size_t)(len + rest) == clear.len &&
	       EVP_CIPHER_CTX_ctrl(
		   ctx, EVP_CTRL_GCM_GET_TAG, TAG_LEN, to + clear.len) == 1;
}

enum rc
wrap_encode(const struct wrap_key *key, const char *label, struct span clear,
    struct buf *out, struct err *err)
{
	struct derived cipher_key WIPED = {{0}};
	uint8_t *to;

	if (clear.len > CLEAR_MAX)
		return err_set(
		    err, RC_LIMIT, "wrap: more than %zu bytes", CLEAR_MAX);
	TRY(buf_reserve(out, HEAD_LEN + clear.len + TAG_LEN, &to, err));
	memcpy(to, MAGIC, MAGIC_LEN);
	if (RAND_bytes(to + MAGIC_LEN, SALT_LEN + NONCE_LEN) != 1)
		return crypto_failed("randomness", err);
	TRY(derive_cipher_key(key, label, to + MAGIC_LEN, &cipher_key, err));
	if (!encrypt(
		&cipher_key, to + MAGIC_LEN + SALT_LEN, clear, to + HEAD_LEN))
		return crypto_failed("AES-256-GCM", err);
	buf_grown(out, HEAD_LEN + clear.len + TAG_LEN);
	return RC_OK;
}

/* `sealed` is ciphertext and tag; `to` has room for the ciphertext's length. */
static bool
decrypt(const struct derived *key, const uint8_t *nonce, struct span sealed,
    uint8_t *to)
{
	EVP_CIPHER_CTX *ctx OWNED(EVP_CIPHER_CTX_free) = EVP_CIPHER_CTX_new();
	size_t clear_len = sealed.len - TAG_LEN;
	uint8_t tag[TAG_LEN];
	int len = 0, rest = 0;

	memcpy(tag, sealed.data + clear_len, TAG_LEN);
	return ctx != NULL &&
	       EVP_DecryptInit_ex(
		   ctx, EVP_aes_256_gcm(), NULL, key->bytes, nonce) == 1 &&
	       (clear_len == 0 || EVP_DecryptUpdate(ctx, to, &len, sealed.data,
				      (int)clear_len) == 1) &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_LEN, tag) ==
		   1 &&
	       EVP_DecryptFinal_ex(ctx, to + len, &rest) == 1;
}

enum rc
wrap_decode(const struct wrap_key *key, const char *label, struct span wrapped,
    struct buf *out, struct err *err)
{
	struct derived cipher_key WIPED = {{0}};
	uint8_t *to;

	if (wrapped.len < HEAD_LEN + TAG_LEN || !span_starts(wrapped, MAGIC))
		return err_set(err, RC_CRYPTO, "wrap: not wrapped bytes");
	if (wrapped.len - HEAD_LEN - TAG_LEN > CLEAR_MAX)
		return err_set(
		    err, RC_LIMIT, "wrap: more than %zu bytes", CLEAR_MAX);
	size_t clear_len = wrapped.len - HEAD_LEN - TAG_LEN;
	const uint8_t *salt = wrapped.data + MAGIC_LEN;
	TRY(derive_cipher_key(key, label, salt, &cipher_key, err));
	TRY(buf_reserve(out, clear_len, &to, err));
	if (!decrypt(&cipher_key, salt + SALT_LEN,
		span_after(wrapped, HEAD_LEN), to)) {
		/* It was decrypted before the tag was known to be wrong. */
		OPENSSL_cleanse(to, clear_len);
		ERR_clear_error();
		return err_set(err, RC_CRYPTO,
		    "wrap: another key, another label, or changed bytes");
	}
	buf_grown(out, clear_len);
	return RC_OK;
}

enum rc
wrap_mac(const struct wrap_key *key, const char *label, struct span bytes,
    uint8_t ret[32], struct err *err)
{
	struct derived mac_key WIPED = {{0}};
	struct derivation d = {
	    .key = key,
	    .purpose = "letterlock mac v1",
	    .label = label,
	    .salt = span_of("", 0),
	};
	uint8_t mac[32];
	size_t len = 0;

	TRY(derive(&d, &mac_key, err));
	if (EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, mac_key.bytes,
		sizeof(mac_key.bytes), bytes.data, bytes.len, mac, sizeof(mac),
		&len) == NULL ||
	    len != sizeof(mac))
		return crypto_failed("HMAC", err);
	memcpy(ret, mac, sizeof(mac));
	return RC_OK;
}
