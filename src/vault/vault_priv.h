/* vault/vault_priv -- where the private keys are.
 *
 * Not here:  anything another room may see.
 */
#ifndef VAULT_VAULT_PRIV_H
#define VAULT_VAULT_PRIV_H

#include "pki/ready.h"
#include "vault/vault.h"

struct montgomery;

struct entry {
	EVP_PKEY *private_key;
	/* What is signed.  NULL: the bytes themselves, or with PSS only. */
	const EVP_MD *digest;
	struct ready signing;
	struct ready opening; /* agreement, or RSA without a padding */
	const struct montgomery *montgomery; /* NULL: another kind of key */
	bool wants_order_check;              /* crypto_wants_order_check() */
	/* For the next one to agree with: it has the key's curve already, and
	 * gets its point. */
	EVP_PKEY *_Atomic peer;
	struct key key;
};

struct vault {
	struct entry *entry[VAULT_KEYS_MAX];
	size_t len;
};

extern const struct key_ops vault_key_ops; /* vault/use.c */

/* Fill what the operations want to know of the key. */
void vault_prepare(struct entry *entry);

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
