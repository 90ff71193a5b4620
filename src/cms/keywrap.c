#define _GNU_SOURCE /* explicit_bzero */
#include "cms/keywrap_priv.h"

#include <stdatomic.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/own.h"
#include "cms/print_priv.h"
#include "cms/shape_priv.h"

#define KEY_MIN 16
#define KEY_MAX 64
#define OVERHEAD_MAX 16
#define AES_OVERHEAD 8
#define HALF 8          /* of a block of AES */
#define ROUNDS 6        /* RFC 3394 section 2.2.1 */
#define DES_OVERHEAD 16 /* an IV and a check of 8 bytes each */

struct keywrap {
	struct span oid;
	const char *name; /* what libcrypto calls it */
	size_t key_len;
	size_t overhead;
	bool may_write;
	_Atomic(EVP_CIPHER *) cipher; /* fetched when first used, and kept */
};

#define OID(bytes)                                          \
	{                                                   \
		(const uint8_t *)(bytes), sizeof(bytes) - 1 \
	}
#define AES "\x60\x86\x48\x01\x65\x03\x04\x01"

static struct keywrap wraps[] = {
    {OID(AES "\x05"), "AES-128-ECB", 16, AES_OVERHEAD, true, NULL},
    {OID(AES "\x19"), "AES-192-ECB", 24, AES_OVERHEAD, true, NULL},
    {OID(AES "\x2d"), "AES-256-ECB", 32, AES_OVERHEAD, true, NULL},
    {OID("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x03\x06"), "DES3-WRAP", 24,
	DES_OVERHEAD, false, NULL},
};

OWNER(EVP_CIPHER_CTX, EVP_CIPHER_CTX_free);

const struct keywrap *
keywrap_find(const struct tlv_algorithm *algorithm)
{
	for (size_t i = 0; i < sizeof(wraps) / sizeof(*wraps); i++)
		if (span_is(wraps[i].oid, algorithm->oid) &&
		    tlv_is_bare(algorithm))
			return &wraps[i];
	return NULL;
}

const struct keywrap *
keywrap_of_size(size_t key_len)
{
	for (size_t i = 0; i < sizeof(wraps) / sizeof(*wraps); i++)
		if (wraps[i].may_write && wraps[i].key_len == key_len)
			return &wraps[i];
	return NULL;
}

size_t
keywrap_key_len(const struct keywrap *wrap)
{
	return wrap->key_len;
}

enum rc
keywrap_print(const struct keywrap *wrap, struct buf *der, struct err *err)
{
	return print_algorithm(der, wrap->oid, false, err);
}

/* Of two that fetch at once, one throws its own away. */
static const EVP_CIPHER *
cipher_of(const struct keywrap *wrap)
{
	struct keywrap *row = &wraps[wrap - wraps];
	EVP_CIPHER *known = atomic_load(&row->cipher);

	if (known != NULL)
		return known;
	EVP_CIPHER *made = EVP_CIPHER_fetch(NULL, row->name, NULL);
	if (atomic_compare_exchange_strong(&row->cipher, &known, made))
		return made;
	EVP_CIPHER_free(made);
	return known;
}

/* RFC 3394 section 2.2, over the bare block cipher: libcrypto's own wrap does
 * not use the processor's AES and takes five times as long, which is most of
 * what a short letter costs beside its public-key operations.  The step's
 * number, at most 6 * 8, goes into the last byte of the register. */
static const uint8_t first[] = {0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6};

static bool
wrap_aes(EVP_CIPHER_CTX *ctx, struct span key, uint8_t *out)
{
	uint8_t block[2 * HALF];
	bool ok = true;

	memcpy(block, first, HALF);
	memcpy(out + HALF, key.data, key.len);
	for (size_t step = 0; ok && step < ROUNDS * (key.len / HALF); step++) {
		uint8_t *half = out + HALF + step * HALF % key.len;
		memcpy(block + HALF, half, HALF);
		ok = EVP_Cipher(ctx, block, block, sizeof(block)) > 0;
		block[HALF - 1] ^= (uint8_t)(step + 1);
		memcpy(half, block + HALF, HALF);
	}
	memcpy(out, block, HALF);
	explicit_bzero(block, sizeof(block));
	return ok;
}

static bool
unwrap_aes(EVP_CIPHER_CTX *ctx, struct span wrapped, uint8_t *out)
{
	uint8_t block[2 * HALF];
	size_t len = wrapped.len - HALF;
	bool ok = true;

	memcpy(block, wrapped.data, HALF);
	memcpy(out, wrapped.data + HALF, len);
	for (size_t step = ROUNDS * (len / HALF); ok && step-- > 0;) {
		uint8_t *half = out + step * HALF % len;
		block[HALF - 1] ^= (uint8_t)(step + 1);
		memcpy(block + HALF, half, HALF);
		ok = EVP_Cipher(ctx, block, block, sizeof(block)) > 0;
		memcpy(half, block + HALF, HALF);
	}
	ok = ok && CRYPTO_memcmp(block, first, HALF) == 0;
	explicit_bzero(block, sizeof(block));
	return ok;
}

static bool
unwrap_des(EVP_CIPHER_CTX *ctx, struct span wrapped, uint8_t *out)
{
	int len = 0;

	return EVP_CipherUpdate(
		   ctx, out, &len, wrapped.data, (int)wrapped.len) &&
	       (size_t)len == wrapped.len - DES_OVERHEAD;
}

static bool
run(const struct keywrap *wrap, const uint8_t *kek, struct span in,
    uint8_t out[KEY_MAX + OVERHEAD_MAX], bool encrypt)
{
	EVP_CIPHER_CTX *ctx OWNED(EVP_CIPHER_CTX_free) = EVP_CIPHER_CTX_new();

	if (ctx == NULL)
		return false;
	EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	if (!EVP_CipherInit_ex2(ctx, cipher_of(wrap), kek, NULL, encrypt, NULL))
		return false;
	if (!wrap->may_write)
		return unwrap_des(ctx, in, out);
	return encrypt ? wrap_aes(ctx, in, out) : unwrap_aes(ctx, in, out);
}

static enum rc
transform(const struct keywrap *wrap, const uint8_t *kek, struct span in,
    size_t want, struct buf *out, struct err *err)
{
	uint8_t done[KEY_MAX + OVERHEAD_MAX];

	enum rc rc = run(wrap, kek, in, done, want > in.len)
			 ? buf_add(out, span_of(done, want), err)
			 : shape_fail(err, "key wrap");
	explicit_bzero(done, sizeof(done));
	return rc;
}

enum rc
keywrap_wrap(const struct keywrap *wrap, const uint8_t *kek, struct span key,
    struct buf *out, struct err *err)
{
	if (key.len < KEY_MIN || key.len > KEY_MAX || key.len % 8 != 0)
		bug("no content key to wrap");
	return transform(wrap, kek, key, key.len + wrap->overhead, out, err);
}

enum rc
keywrap_unwrap(const struct keywrap *wrap, const uint8_t *kek,
    struct span wrapped, struct buf *out, struct err *err)
{
	if (wrapped.len < KEY_MIN + wrap->overhead ||
	    wrapped.len > KEY_MAX + wrap->overhead || wrapped.len % 8 != 0)
		return err_set(err, RC_CRYPTO, "no wrapped content key");
	return transform(
	    wrap, kek, wrapped, wrapped.len - wrap->overhead, out, err);
}
