/* vault/identity -- who we are, from files: keys and their certificates.
 *
 * For the commands that work on files: an ID is a PKCS#12 file, a PEM bundle,
 * or a folder of such files.
 *
 * May use:   base os pki.
 * Limits:    files of 4 MiB; 1000 of them in a folder.
 */
#ifndef VAULT_IDENTITY_H
#define VAULT_IDENTITY_H

#include "vault/vault.h"

struct identity_file {
	struct vault *vault;
	struct certs certs; /* all that were found */
	struct certs chain; /* those without a key here: authorities */
};

#define IDENTITY_FILE_NONE \
	((struct identity_file){NULL, CERTS_NONE, CERTS_NONE})
#define IDENTITY_FILE_OWNED __attribute__((cleanup(identity_file_done)))

/* Fills *ret, which the caller ends with identity_file_done().  Files of a
 * folder that hold neither key nor certificate are passed over.
 * RC_ABSENT: nothing there, or no key.  RC_REFUSED: wrong passphrase. */
enum rc identity_load(const char *path, struct span passphrase,
    struct identity_file *ret, struct err *err);
void identity_file_done(struct identity_file *file);

/* The newest certificate that may sign, is valid at `now` and whose key is
 * here; *ret borrows from `file`.  RC_ABSENT: none that may sign; RC_UNFIT:
 * they have all expired, or are not yet valid. */
enum rc identity_signer(const struct identity_file *file, int64_t now,
    struct identity *ret, struct err *err);

/* The same to encrypt to oneself; lends the certificate. */
enum rc identity_receiver(const struct identity_file *file, int64_t now,
    const struct cert **ret, struct err *err);

#endif
