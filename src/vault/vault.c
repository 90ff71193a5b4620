#define _GNU_SOURCE /* explicit_bzero */
#include "vault/vault.h"

#include <stdlib.h>

#include <openssl/params.h>

#include <openssl/err.h>

#include "pki/crypto.h"
#include "vault/vault_priv.h"

OWNER(struct entry, entry_free);

void
entry_free(struct entry *entry)
{
	ready_done(&entry->signing);
	ready_done(&entry->opening);
	EVP_PKEY_free(entry->peer);
	EVP_PKEY_free(entry->private_key);
	EVP_PKEY_free(entry->key.public_key);
	free(entry);
}

enum rc
vault_new(struct vault **ret, struct err *err)
{
	struct vault *vault = calloc(1, sizeof(*vault));

	if (vault == NULL)
		return err_nomem(err, "vault");
	*ret = vault;
	return RC_OK;
}

void
vault_free(struct vault *vault)
{
	if (vault == NULL)
		return;
	vault_cut(vault, 0);
	free(vault);
}

void
vault_cut(struct vault *vault, size_t len)
{
	while (vault->len > len)
		entry_free(vault->entry[--vault->len]);
}

/* A copy that has no private part in it, whatever the library keeps. */
static enum rc
copy_public(EVP_PKEY *private_key, EVP_PKEY **ret, struct err *err)
{
	OSSL_PARAM *params = NULL;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, private_key, NULL);
	EVP_PKEY *copy = NULL;

	bool good =
	    ctx != NULL &&
	    EVP_PKEY_todata(private_key, EVP_PKEY_PUBLIC_KEY, &params) == 1 &&
	    EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, &copy, EVP_PKEY_PUBLIC_KEY, params) == 1;
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(ctx);
	if (!good)
		return crypto_failed(err, "vault: public key");
	*ret = copy;
	return RC_OK;
}

static const struct key *
find_public(const struct vault *vault, const EVP_PKEY *public_key)
{
	for (size_t i = 0; i < vault->len; i++)
		if (EVP_PKEY_eq(vault->entry[i]->key.public_key, public_key) ==
		    1)
			return &vault->entry[i]->key;
	ERR_clear_error();
	return NULL;
}

enum rc
vault_add(struct vault *vault, EVP_PKEY *private_key, enum key_purpose purpose,
    const struct key **ret, struct err *err)
{
	const struct key *known = find_public(vault, private_key);

	if (known != NULL) {
		*ret = known;
		return RC_OK;
	}
	if (vault->len >= VAULT_KEYS_MAX)
		return err_set(
		    err, RC_LIMIT, "vault: more than %d keys", VAULT_KEYS_MAX);
	struct entry *entry OWNED(entry_free) = calloc(1, sizeof(*entry));
	if (entry == NULL)
		return err_nomem(err, "vault");
	TRY(copy_public(private_key, &entry->key.public_key, err));
	if (!EVP_PKEY_up_ref(private_key))
		return crypto_failed(err, "vault");
	entry->private_key = private_key;
	entry->key.ops = &vault_key_ops;
	entry->key.handle = entry;
	entry->key.purpose = purpose;
	vault_prepare(entry);
	*ret = &entry->key;
	vault->entry[vault->len++] = take(entry);
	return RC_OK;
}

enum rc
vault_make(struct vault *vault, enum key_purpose purpose,
    const struct key **ret, struct err *err)
{
	EVP_PKEY *made OWNED(EVP_PKEY_free) = EVP_EC_gen("P-256");

	if (made == NULL)
		return crypto_failed(err, "vault: making a key");
	return vault_add(vault, made, purpose, ret, err);
}

enum rc
vault_find(const struct vault *vault, const struct cert *cert,
    const struct key **ret, struct err *err)
{
	const EVP_PKEY *wanted = cert_key(cert);
	const struct key *key =
	    wanted != NULL ? find_public(vault, wanted) : NULL;

	if (key == NULL)
		return err_set(err, RC_ABSENT,
		    "the private key of that certificate is not here");
	*ret = key;
	return RC_OK;
}

enum rc
vault_get(const struct vault *vault, size_t index, const struct key **ret,
    struct err *err)
{
	if (index >= vault->len)
		return err_set(err, RC_ABSENT, "the vault has no more keys");
	*ret = &vault->entry[index]->key;
	return RC_OK;
}
