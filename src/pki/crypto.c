#include "pki/crypto.h"

#include <string.h>

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

const EVP_MD *
crypto_digest(const EVP_PKEY *key)
{
	if (EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448"))
		return NULL;
	if (!EVP_PKEY_is_a(key, "EC") || EVP_PKEY_get_bits(key) < 384)
		return EVP_sha256();
	return EVP_PKEY_get_bits(key) == 384 ? EVP_sha384() : EVP_sha512();
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
