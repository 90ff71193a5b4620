#include "cms/agree_priv.h"

#include <stdatomic.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "base/own.h"
#include "cms/print_priv.h"
#include "cms/shape_priv.h"

#define INFO_MAX ((size_t)128 * 1024) /* ukm comes from the sender */

struct digest {
	const char *name;
	size_t len;
	_Atomic(EVP_MD *) md; /* fetched when first used, and kept */
};

enum { DIGEST_SHA1, DIGEST_SHA256, DIGEST_SHA384, DIGEST_SHA512 };

static struct digest digests[] = {
    [DIGEST_SHA1] = {"SHA1", 20, NULL},
    [DIGEST_SHA256] = {"SHA256", 32, NULL},
    [DIGEST_SHA384] = {"SHA384", 48, NULL},
    [DIGEST_SHA512] = {"SHA512", 64, NULL},
};

struct agree_scheme {
	struct span oid;
	const char *name;
	int digest;
	bool hkdf; /* else X9.63 */
};

#define OID(bytes)                                          \
	{                                                   \
		(const uint8_t *)(bytes), sizeof(bytes) - 1 \
	}
#define X963_SHA1 "\x2b\x81\x05\x10\x86\x48\x3f\x00"
#define SECG "\x2b\x81\x04\x01"
#define SMIME_ALG "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x03"

/* stdDH comes first of two with one name: it is what we write. */
static const struct agree_scheme schemes[] = {
    {OID(SECG "\x0b\x01"), "SHA256", DIGEST_SHA256, false},
    {OID(SECG "\x0b\x02"), "SHA384", DIGEST_SHA384, false},
    {OID(SECG "\x0b\x03"), "SHA512", DIGEST_SHA512, false},
    {OID(X963_SHA1 "\x02"), "SHA1", DIGEST_SHA1, false},
    {OID(SECG "\x0e\x01"), "SHA256", DIGEST_SHA256, false},
    {OID(SECG "\x0e\x02"), "SHA384", DIGEST_SHA384, false},
    {OID(SECG "\x0e\x03"), "SHA512", DIGEST_SHA512, false},
    {OID(X963_SHA1 "\x03"), "SHA1", DIGEST_SHA1, false},
    {OID(SMIME_ALG "\x13"), "HKDF-SHA256", DIGEST_SHA256, true},
    {OID(SMIME_ALG "\x14"), "HKDF-SHA384", DIGEST_SHA384, true},
    {OID(SMIME_ALG "\x15"), "HKDF-SHA512", DIGEST_SHA512, true},
};

OWNER(EVP_KDF_CTX, EVP_KDF_CTX_free);
OWNER(EVP_MD_CTX, EVP_MD_CTX_free);

const struct agree_scheme *
agree_find(struct span oid)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++)
		if (span_is(schemes[i].oid, oid))
			return &schemes[i];
	return NULL;
}

const struct agree_scheme *
agree_named(const char *name)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++)
		if (!strcmp(schemes[i].name, name))
			return &schemes[i];
	return NULL;
}

struct span
agree_oid(const struct agree_scheme *scheme)
{
	return scheme->oid;
}

/* Of two that fetch at once, one throws its own away. */
static const EVP_MD *
md_of(struct digest *digest)
{
	EVP_MD *known = atomic_load(&digest->md);

	if (known != NULL)
		return known;
	EVP_MD *made = EVP_MD_fetch(NULL, digest->name, NULL);
	if (atomic_compare_exchange_strong(&digest->md, &known, made))
		return made;
	EVP_MD_free(made);
	return known;
}

static EVP_KDF *
hkdf(void)
{
	static _Atomic(EVP_KDF *) kept;
	EVP_KDF *known = atomic_load(&kept);

	if (known != NULL)
		return known;
	EVP_KDF *made = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_HKDF, NULL);
	if (atomic_compare_exchange_strong(&kept, &known, made))
		return made;
	EVP_KDF_free(made);
	return known;
}

/* entityUInfo and suppPubInfo are EXPLICIT OCTET STRINGs. */
static enum rc
add_info(struct buf *info, unsigned number, struct span value, struct err *err)
{
	size_t at;

	TRY(print_begin(info, PRINT_CONTEXT_OF(number), &at, err));
	TRY(print_bytes(info, PRINT_OCTETS, value, err));
	return print_end(info, at, err);
}

/* ECC-CMS-SharedInfo, with the length of the key in bits. */
static enum rc
shared_info(struct span wrap, struct span ukm, size_t kek_len, struct buf *info,
    struct err *err)
{
	size_t at, bits = kek_len * 8;
	const uint8_t length[] = {
	    0, 0, (uint8_t)(bits >> 8), (uint8_t)(bits & 0xff)};

	TRY(print_begin(info, PRINT_SEQUENCE, &at, err));
	TRY(buf_add(info, wrap, err));
	if (ukm.data != NULL)
		TRY(add_info(info, 0, ukm, err));
	TRY(add_info(info, 2, span_of(length, sizeof(length)), err));
	return print_end(info, at, err);
}

/* One block: Hash(secret || counter || info) */
static bool
hash_block(EVP_MD_CTX *ctx, const EVP_MD *md, struct span secret,
    uint8_t counter, struct span info, uint8_t out[EVP_MAX_MD_SIZE])
{
	const uint8_t bytes[] = {0, 0, 0, counter};

	return EVP_DigestInit_ex2(ctx, md, NULL) &&
	       EVP_DigestUpdate(ctx, secret.data, secret.len) &&
	       EVP_DigestUpdate(ctx, bytes, sizeof(bytes)) &&
	       EVP_DigestUpdate(ctx, info.data, info.len) &&
	       EVP_DigestFinal_ex(ctx, out, NULL);
}

/* The KDF of ANSI X9.63, here because libcrypto's looks the digest up by its
 * name each time, which costs more than the hashing. */
static bool
x963(struct digest *digest, struct span secret, struct span info, uint8_t *key,
    size_t key_len)
{
	uint8_t block[EVP_MAX_MD_SIZE] = {0};
	EVP_MD_CTX *ctx OWNED(EVP_MD_CTX_free) = EVP_MD_CTX_new();
	const EVP_MD *md = md_of(digest);
	bool ok = ctx != NULL && md != NULL;
	uint8_t counter = 1;

	for (size_t done = 0; ok && done < key_len; done += digest->len) {
		size_t left = key_len - done;
		ok = hash_block(ctx, md, secret, counter++, info, block);
		memcpy(
		    key + done, block, left < digest->len ? left : digest->len);
	}
	OPENSSL_cleanse(block, sizeof(block));
	return ok;
}

enum rc
agree_hkdf(const char *digest, struct span secret, struct span salt,
    struct span info, uint8_t *key, size_t key_len, struct err *err)
{
	EVP_KDF_CTX *ctx OWNED(EVP_KDF_CTX_free) = EVP_KDF_CTX_new(hkdf());
	const OSSL_PARAM end = OSSL_PARAM_construct_end();
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(
		OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)digest, 0),
	    OSSL_PARAM_construct_octet_string(
		OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)secret.data, secret.len),
	    OSSL_PARAM_construct_octet_string(
		OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)info.data, info.len),
	    end, end};

	if (salt.len > 0)
		params[3] =
		    OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT,
			(void *)(uintptr_t)salt.data, salt.len);
	if (ctx == NULL || EVP_KDF_derive(ctx, key, key_len, params) != 1)
		return shape_fail(err, "key derivation");
	return RC_OK;
}

enum rc
agree_kek(const struct agree_scheme *scheme, struct span secret,
    struct span wrap, struct span ukm, uint8_t *kek, size_t kek_len,
    struct err *err)
{
	struct buf info BUF_OWNED = BUF(INFO_MAX);
	struct digest *digest = &digests[scheme->digest];

	TRY(shared_info(wrap, ukm, kek_len, &info, err));
	if (scheme->hkdf)
		return agree_hkdf(digest->name, secret, ukm, buf_span(&info),
		    kek, kek_len, err);
	if (!x963(digest, secret, buf_span(&info), kek, kek_len))
		return shape_fail(err, "key derivation");
	return RC_OK;
}
