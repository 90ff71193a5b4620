#include "pki/crypto.h"

#include <string.h>

#include <pthread.h>

#include <openssl/core_names.h>
#include <openssl/err.h>

enum rc
crypto_failed(struct err *err, const char *what)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = ERR_reason_error_string(code);
	bool nomem = ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE;

	ERR_clear_error();
	if (nomem)
		return err_nomem(err, what);
	return err_set(err, RC_CRYPTO, "%s: %s", what,
	    reason != NULL ? reason : "the crypto library failed");
}

/* A fetch searches the library's providers under a lock: once is enough. */
static pthread_once_t fetched = PTHREAD_ONCE_INIT;
static EVP_MD *sha1, *sha256, *sha384, *sha512;

static void
fetch_all(void)
{
	sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	sha384 = EVP_MD_fetch(NULL, "SHA384", NULL);
	sha512 = EVP_MD_fetch(NULL, "SHA512", NULL);
}

const EVP_MD *
crypto_digest(const EVP_PKEY *key)
{
	static const char *const own[] = {
	    "ED25519", "ED448", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87"};

	(void)pthread_once(&fetched, fetch_all);
	if (EVP_PKEY_is_a(key, "RSA"))
		return sha256;
	if (EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_bits(key) >= 384)
		return EVP_PKEY_get_bits(key) == 384 ? sha384 : sha512;
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
		if (EVP_PKEY_is_a(key, own[i]))
			return NULL;
	return sha256;
}

const EVP_MD *
crypto_sha2(int bits)
{
	(void)pthread_once(&fetched, fetch_all);
	return bits == 256 ? sha256 : bits == 384 ? sha384 : sha512;
}

const EVP_MD *
crypto_sha1(void)
{
	(void)pthread_once(&fetched, fetch_all);
	return sha1;
}

#define KNOWN 3

static bool
has_digest(const EVP_PKEY *key, const char *param, const EVP_MD *md)
{
	char text[32] = "";

	return EVP_PKEY_get_utf8_string_param(
		   key, param, text, sizeof(text), NULL) == 1 &&
	       EVP_MD_is_a(md, text);
}

enum rc
crypto_pss(const EVP_PKEY *key, struct crypto_pss *ret, struct err *err)
{
	int salt = -1;

	(void)pthread_once(&fetched, fetch_all);
	const EVP_MD *const known[KNOWN] = {sha256, sha384, sha512};
	/* a key without parameters has no such number */
	if (EVP_PKEY_get_int_param(
		key, OSSL_PKEY_PARAM_RSA_PSS_SALTLEN, &salt) != 1) {
		ERR_clear_error();
		*ret = (struct crypto_pss){sha256, EVP_MD_get_size(sha256)};
		return RC_OK;
	}
	for (size_t i = 0; i < KNOWN; i++) {
		if (!has_digest(key, OSSL_PKEY_PARAM_RSA_DIGEST, known[i]) ||
		    !has_digest(key, OSSL_PKEY_PARAM_RSA_MGF1_DIGEST, known[i]))
			continue;
		/* "greater or equal to the saltLength in the certificate" */
		int usual = EVP_MD_get_size(known[i]);
		*ret =
		    (struct crypto_pss){known[i], salt > usual ? salt : usual};
		return RC_OK;
	}
	ERR_clear_error();
	return err_set(
	    err, RC_UNFIT, "the parameters of this PSS key are not supported");
}

bool
crypto_wants_order_check(const EVP_PKEY *key)
{
	static const char *const sound[] = {
	    "prime256v1", "secp384r1", "secp521r1"};
	char name[64];

	if (!EVP_PKEY_is_a(key, "EC"))
		return false;
	if (EVP_PKEY_get_group_name(key, name, sizeof(name), NULL) != 1)
		return true;
	for (size_t i = 0; i < sizeof(sound) / sizeof(*sound); i++)
		if (!strcmp(name, sound[i]))
			return false;
	return true;
}
