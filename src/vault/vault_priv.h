/* vault/vault_priv -- where the private keys are.
 *
 * Not here:  anything another room may see.
 */
#ifndef VAULT_VAULT_PRIV_H
#define VAULT_VAULT_PRIV_H

#include "vault/vault.h"

struct entry {
	EVP_PKEY *private_key;
	/* Made ready to sign a digest once, and copied for each signature: that
	 * is five times as fast, and the copy is its thread's own.  NULL: a
	 * key that takes the bytes themselves, or PSS only. */
	EVP_PKEY_CTX *signing;
	struct key key;
};

struct vault {
	struct entry *entry[VAULT_KEYS_MAX];
	size_t len;
};

extern const struct key_ops vault_key_ops; /* vault/use.c */

/* Fill entry->signing. */
enum rc vault_prepare(struct entry *entry, struct err *err);

void entry_free(struct entry *entry);

/* Takes its own reference of the key; one that is there already is lent as it
 * is.  RC_LIMIT: the vault is full. */
enum rc vault_add(struct vault *vault, EVP_PKEY *private_key,
    enum key_purpose purpose, const struct key **ret, struct err *err);

/* vault_import() with other limits to the work (vault/unlock). */
enum rc import_limited(struct vault *vault, struct span file,
    struct span passphrase, struct certs *certs, int64_t work, struct err *err);

/* Forget the keys added after there were `len`. */
void vault_cut(struct vault *vault, size_t len);

#endif
