#define _GNU_SOURCE /* explicit_bzero */
#include "cms/password_priv.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "base/own.h"
#include "cms/print_priv.h"
#include "cms/shape_priv.h"

#define KEY_MAX 32
#define BLOCK_MAX 16
#define SALT_MAX 1024
#define SALT_LEN 16
#define ROUNDS 600000 /* what is advised for HMAC-SHA-256 */
#define HEAD 4        /* a length and three check bytes, RFC 3211 2.3.1 */
#define CEK_MAX 64
#define FORMATTED_MAX 80 /* HEAD + CEK_MAX, to whole blocks */

#define OID(bytes)                                          \
	{                                                   \
		(const uint8_t *)(bytes), sizeof(bytes) - 1 \
	}
#define RSADSI "\x2a\x86\x48\x86\xf7\x0d"
#define AES "\x60\x86\x48\x01\x65\x03\x04\x01"

static const struct span oid_pbkdf2 = OID(RSADSI "\x01\x05\x0c");
static const struct span oid_pwri_kek = OID(RSADSI "\x01\x09\x10\x03\x09");

struct prf {
	struct span oid;
	const char *digest;
};

static const struct prf prfs[] = {
    {OID(RSADSI "\x02\x07"), "SHA1"}, /* the default */
    {OID(RSADSI "\x02\x09"), "SHA256"},
    {OID(RSADSI "\x02\x0a"), "SHA384"},
    {OID(RSADSI "\x02\x0b"), "SHA512"},
};
#define PRF_WRITTEN (&prfs[1])

struct cbc {
	struct span oid;
	const char *name;
	size_t key_len, block;
};

static const struct cbc cbcs[] = {
    {OID(AES "\x02"), "AES-128-CBC", 16, 16},
    {OID(AES "\x16"), "AES-192-CBC", 24, 16},
    {OID(AES "\x2a"), "AES-256-CBC", 32, 16},
    {OID(RSADSI "\x03\x07"), "DES-EDE3-CBC", 24, 8}, /* reading only */
};

/* All that the two algorithms say. */
struct recipe {
	const struct prf *prf;
	struct span salt;
	uint32_t rounds;
	const struct cbc *cbc;
	struct span iv;
};

OWNER(EVP_CIPHER, EVP_CIPHER_free);
OWNER(EVP_CIPHER_CTX, EVP_CIPHER_CTX_free);
OWNER(EVP_KDF, EVP_KDF_free);
OWNER(EVP_KDF_CTX, EVP_KDF_CTX_free);

/* --- what the letter says */

static enum rc
not_supported(const char *what, struct span oid, struct err *err)
{
	char name[80];

	tlv_oid_name(oid, name);
	return err_set(err, RC_UNFIT, "sealed with a %s not supported here: %s",
	    what, name);
}

static enum rc
find_prf(struct span *in, struct recipe *ret, struct err *err)
{
	struct tlv_algorithm prf;

	ret->prf = &prfs[0];
	if (in->len == 0)
		return RC_OK;
	TRY(tlv_algorithm(in, &prf, err));
	for (size_t i = 0; i < sizeof(prfs) / sizeof(*prfs); i++) {
		ret->prf = &prfs[i];
		if (span_is(prfs[i].oid, prf.oid) && tlv_is_bare(&prf))
			return RC_OK;
	}
	return not_supported("password function", prf.oid, err);
}

/* PBKDF2-params: salt, iterationCount, keyLength OPTIONAL, prf DEFAULT */
static enum rc
read_pbkdf2(
    struct span in, struct recipe *ret, uint32_t *ret_key_len, struct err *err)
{
	struct tlv all, salt;

	TRY(tlv_expect(&in, TLV_SEQUENCE, &all, err));
	TRY(tlv_expect(&all.value, TLV_OCTETS, &salt, err));
	TRY(tlv_number(&all.value, UINT32_MAX, &ret->rounds, err));
	if (tlv_is(all.value, TLV_INTEGER))
		TRY(tlv_number(&all.value, KEY_MAX, ret_key_len, err));
	TRY(find_prf(&all.value, ret, err));
	TRY(tlv_end(all.value, err));
	ret->salt = salt.value;
	if (salt.value.len > SALT_MAX || ret->rounds > PASSWORD_ROUNDS_MAX)
		return err_set(err, RC_LIMIT,
		    "the password of this letter would take too long: more "
		    "than %d rounds",
		    PASSWORD_ROUNDS_MAX);
	return ret->rounds > 0 ? RC_OK
			       : err_set(err, RC_SYNTAX,
				     "a password function of no rounds");
}

static enum rc
read_cbc(struct span in, struct recipe *ret, struct err *err)
{
	struct tlv_algorithm algorithm;
	struct tlv iv;

	TRY(tlv_algorithm(&in, &algorithm, err));
	for (size_t i = 0; i < sizeof(cbcs) / sizeof(*cbcs); i++)
		if (span_is(cbcs[i].oid, algorithm.oid))
			ret->cbc = &cbcs[i];
	if (ret->cbc == NULL)
		return not_supported("password cipher", algorithm.oid, err);
	TRY(tlv_expect(&algorithm.parameters, TLV_OCTETS, &iv, err));
	if (iv.value.len != ret->cbc->block)
		return err_set(err, RC_SYNTAX, "a password cipher without IV");
	ret->iv = iv.value;
	return RC_OK;
}

static enum rc
read_recipe(const struct tlv_algorithm *derive,
    const struct tlv_algorithm *scheme, struct recipe *ret, struct err *err)
{
	uint32_t key_len = 0;

	*ret = (struct recipe){0};
	/* absent: the key is not a password's (RFC 5652 section 6.2.4) */
	if (derive->oid.len == 0)
		return err_set(err, RC_UNFIT,
		    "sealed with a key from outside, which is not supported");
	if (!span_is(derive->oid, oid_pbkdf2))
		return not_supported("password function", derive->oid, err);
	if (!span_is(scheme->oid, oid_pwri_kek))
		return not_supported("password wrap", scheme->oid, err);
	TRY(read_pbkdf2(derive->parameters, ret, &key_len, err));
	TRY(read_cbc(scheme->parameters, ret, err));
	if (key_len != 0 && key_len != ret->cbc->key_len)
		return err_set(
		    err, RC_SYNTAX, "a password key of the wrong length");
	return RC_OK;
}

enum rc
password_check(const struct tlv_algorithm *derive,
    const struct tlv_algorithm *scheme, struct err *err)
{
	struct recipe recipe;

	return read_recipe(derive, scheme, &recipe, err);
}

/* --- the key encryption key */

static enum rc
make_kek(const struct recipe *recipe, struct span password,
    uint8_t kek[KEY_MAX], struct err *err)
{
	EVP_KDF *kdf OWNED(EVP_KDF_free) =
	    EVP_KDF_fetch(NULL, OSSL_KDF_NAME_PBKDF2, NULL);
	EVP_KDF_CTX *ctx OWNED(EVP_KDF_CTX_free) = EVP_KDF_CTX_new(kdf);
	unsigned rounds = recipe->rounds;
	int no_checks = 1; /* short salts are the sender's */
	const OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
		(char *)(uintptr_t)recipe->prf->digest, 0),
	    OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD,
		(void *)(uintptr_t)password.data, password.len),
	    OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT,
		(void *)(uintptr_t)recipe->salt.data, recipe->salt.len),
	    OSSL_PARAM_construct_uint(OSSL_KDF_PARAM_ITER, &rounds),
	    OSSL_PARAM_construct_int(OSSL_KDF_PARAM_PKCS5, &no_checks),
	    OSSL_PARAM_construct_end()};

	if (ctx == NULL ||
	    EVP_KDF_derive(ctx, kek, recipe->cbc->key_len, params) != 1)
		return shape_fail(err, "password");
	return RC_OK;
}

/* --- PWRI-KEK: CBC twice over, so that each bit depends on each other */

static bool
run_cbc(EVP_CIPHER_CTX *ctx, const uint8_t *iv, const uint8_t *in, size_t len,
    uint8_t *out)
{
	int done = 0;

	return EVP_CipherInit_ex2(ctx, NULL, NULL, iv, -1, NULL) &&
	       EVP_CIPHER_CTX_set_padding(ctx, 0) &&
	       EVP_CipherUpdate(ctx, out, &done, in, (int)len) &&
	       done == (int)len;
}

static EVP_CIPHER_CTX *
start_cbc(const struct cbc *cbc, const uint8_t *kek, bool encrypt)
{
	EVP_CIPHER *cipher OWNED(EVP_CIPHER_free) =
	    EVP_CIPHER_fetch(NULL, cbc->name, NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (ctx != NULL && cipher != NULL &&
	    EVP_CipherInit_ex2(ctx, cipher, kek, NULL, encrypt, NULL))
		return ctx;
	EVP_CIPHER_CTX_free(ctx);
	return NULL;
}

/* The last block first: it is the IV of the outer pass (RFC 3211 2.3.2). */
static bool
decrypt_twice(const struct recipe *recipe, const uint8_t *kek, struct span in,
    uint8_t out[FORMATTED_MAX])
{
	uint8_t inner[FORMATTED_MAX], last[BLOCK_MAX];
	size_t block = recipe->cbc->block;
	const uint8_t *end = in.data + in.len;
	EVP_CIPHER_CTX *ctx OWNED(EVP_CIPHER_CTX_free) =
	    start_cbc(recipe->cbc, kek, false);

	bool ok = ctx != NULL &&
		  run_cbc(ctx, end - 2 * block, end - block, block, last) &&
		  run_cbc(ctx, last, in.data, in.len, inner) &&
		  run_cbc(ctx, recipe->iv.data, inner, in.len, out);
	explicit_bzero(inner, sizeof(inner));
	return ok;
}

static bool
encrypt_twice(const struct recipe *recipe, const uint8_t *kek,
    const uint8_t *in, size_t len, uint8_t out[FORMATTED_MAX])
{
	uint8_t inner[FORMATTED_MAX];
	EVP_CIPHER_CTX *ctx OWNED(EVP_CIPHER_CTX_free) =
	    start_cbc(recipe->cbc, kek, true);

	bool ok =
	    ctx != NULL && run_cbc(ctx, recipe->iv.data, in, len, inner) &&
	    run_cbc(ctx, inner + len - recipe->cbc->block, inner, len, out);
	explicit_bzero(inner, sizeof(inner));
	return ok;
}

/* Length, the complement of the first three bytes, the key, anything. */
static bool
is_formatted(const uint8_t *bytes, size_t len)
{
	uint8_t check = (bytes[1] ^ bytes[4]) & (bytes[2] ^ bytes[5]) &
			(bytes[3] ^ bytes[6]);

	return check == 0xff && bytes[0] >= 3 && bytes[0] <= len - HEAD;
}

enum rc
password_unwrap(const struct tlv_algorithm *derive,
    const struct tlv_algorithm *scheme, struct span password,
    struct span wrapped, struct buf *out, struct err *err)
{
	struct recipe recipe;
	uint8_t kek[KEY_MAX], formatted[FORMATTED_MAX];

	TRY(read_recipe(derive, scheme, &recipe, err));
	if (wrapped.len < 2 * recipe.cbc->block ||
	    wrapped.len > FORMATTED_MAX || wrapped.len % recipe.cbc->block != 0)
		return err_set(err, RC_CRYPTO, "no wrapped content key");
	TRY(make_kek(&recipe, password, kek, err));
	enum rc rc = RC_CRYPTO;
	if (decrypt_twice(&recipe, kek, wrapped, formatted) &&
	    is_formatted(formatted, wrapped.len))
		rc = buf_add(out, span_of(formatted + HEAD, formatted[0]), err);
	else
		rc = shape_fail(err, "the password");
	explicit_bzero(kek, sizeof(kek));
	explicit_bzero(formatted, sizeof(formatted));
	return rc;
}

/* --- writing */

static enum rc
print_pbkdf2(const struct recipe *recipe, struct buf *der, struct err *err)
{
	size_t all, parameters;

	/* [0] IMPLICIT AlgorithmIdentifier */
	TRY(print_begin(der, PRINT_CONTEXT_OF(0), &all, err));
	TRY(print_bytes(der, PRINT_OID, oid_pbkdf2, err));
	TRY(print_begin(der, PRINT_SEQUENCE, &parameters, err));
	TRY(print_bytes(der, PRINT_OCTETS, recipe->salt, err));
	TRY(print_number(der, recipe->rounds, err));
	TRY(print_algorithm(der, recipe->prf->oid, true, err));
	TRY(print_end(der, parameters, err));
	return print_end(der, all, err);
}

static enum rc
print_scheme(const struct recipe *recipe, struct buf *der, struct err *err)
{
	size_t all, cbc;

	TRY(print_begin(der, PRINT_SEQUENCE, &all, err));
	TRY(print_bytes(der, PRINT_OID, oid_pwri_kek, err));
	TRY(print_begin(der, PRINT_SEQUENCE, &cbc, err));
	TRY(print_bytes(der, PRINT_OID, recipe->cbc->oid, err));
	TRY(print_bytes(der, PRINT_OCTETS, recipe->iv, err));
	TRY(print_end(der, cbc, err));
	return print_end(der, all, err);
}

static enum rc
print_key(const struct recipe *recipe, struct span password, struct span cek,
    struct buf *der, struct err *err)
{
	uint8_t kek[KEY_MAX], formatted[FORMATTED_MAX], done[FORMATTED_MAX];
	size_t block = recipe->cbc->block;
	size_t len = (HEAD + cek.len + block - 1) / block * block;

	if (RAND_bytes(formatted, sizeof(formatted)) != 1)
		return shape_fail(err, "random numbers");
	formatted[0] = (uint8_t)cek.len;
	for (size_t i = 0; i < 3; i++)
		formatted[1 + i] = (uint8_t)~cek.data[i];
	memcpy(formatted + HEAD, cek.data, cek.len);
	enum rc rc = make_kek(recipe, password, kek, err);
	if (rc == RC_OK && !encrypt_twice(recipe, kek, formatted, len, done))
		rc = shape_fail(err, "encrypting with a password");
	if (rc == RC_OK)
		rc = print_bytes(der, PRINT_OCTETS, span_of(done, len), err);
	explicit_bzero(kek, sizeof(kek));
	explicit_bzero(formatted, sizeof(formatted));
	return rc;
}

enum rc
password_print(
    struct span password, struct span cek, struct buf *der, struct err *err)
{
	uint8_t salt[SALT_LEN], iv[BLOCK_MAX];
	const struct cbc *cbc = cbcs;

	/* never a weaker key around the content key than the key itself */
	while (cbc->key_len < cek.len)
		cbc++;
	if (cek.len < 16 || cek.len > KEY_MAX)
		bug("no content key to wrap");
	if (RAND_bytes(salt, sizeof(salt)) != 1 ||
	    RAND_bytes(iv, sizeof(iv)) != 1)
		return shape_fail(err, "random numbers");
	const struct recipe recipe = {PRF_WRITTEN, span_of(salt, SALT_LEN),
	    ROUNDS, cbc, span_of(iv, cbc->block)};
	TRY(print_pbkdf2(&recipe, der, err));
	TRY(print_scheme(&recipe, der, err));
	return print_key(&recipe, password, cek, der, err);
}
