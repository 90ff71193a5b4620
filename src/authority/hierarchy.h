/* authority/hierarchy -- the authority's own certificates and keys.
 *
 *   root (P-384; its key is meant to go offline)
 *     +-- issuing   (P-256) -> mailbox certificates
 *     +-- tsa-ca    (P-256)
 *           +-- tsa (P-256) -> timestamps
 *
 * May use:   base os pki.
 */
#ifndef AUTHORITY_HIERARCHY_H
#define AUTHORITY_HIERARCHY_H

#include <openssl/x509.h>

#include "authority/settings.h"
#include "base/own.h"

/* Make everything and write it to the folder with the settings: NAME.pem,
 * NAME.key (encrypted), authority.json last, so that a folder with it is
 * complete.  RC_REFUSED: there is something already; nothing is touched. */
enum rc hierarchy_found(const char *folder, const struct settings *settings,
    struct span passphrase, int64_t now, struct err *err);

/* What a running authority holds. */
struct hierarchy {
	X509 *root;
	X509 *issuing;
	EVP_PKEY *issuing_key;
	X509 *tsa_ca;
	X509 *tsa;
	EVP_PKEY *tsa_key;
};

#define HIERARCHY_OWNED __attribute__((cleanup(hierarchy_done)))
void hierarchy_done(struct hierarchy *hierarchy);

/* RC_UNFIT: a key that is not its certificate's. */
enum rc hierarchy_load(const char *folder, struct span passphrase,
    struct hierarchy *ret, struct err *err);

/* Append a certificate as PEM or DER. */
enum rc hierarchy_print(X509 *cert, struct buf *pem, struct err *err);
enum rc hierarchy_der(const X509 *cert, struct buf *der, struct err *err);

#endif
