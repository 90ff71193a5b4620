/* authority/hierarchy_priv -- the names of the files, and what both halves of
 * the hierarchy (making, loading) do with them.
 */
#ifndef AUTHORITY_HIERARCHY_PRIV_H
#define AUTHORITY_HIERARCHY_PRIV_H

#include "authority/hierarchy.h"

#define HIERARCHY_PEM_MAX ((size_t)64 * 1024)

#define ROOT_NAME "root"
#define TSA_CA_NAME "tsa-ca"
#define TSA_NAME "tsa"
#define ISSUING_NAME "issuing"
#define OCSP_NAME "ocsp"

/* "issuing", "issuing-2", "issuing-3" for 0, 1, 2. */
void hierarchy_name(
    const char *base, size_t index, char ret[HIERARCHY_NAME_SIZE]);

/* The next for which there is no certificate.  RC_LIMIT: there are
 * HIERARCHY_ISSUING_MAX. */
enum rc hierarchy_next_index(const char *folder, const char *base,
    const char *what, size_t *ret, struct err *err);

/* Is there a certificate of that name? */
bool hierarchy_has_cert(const char *folder, const char *name);
enum rc hierarchy_load_cert(
    const char *folder, const char *name, X509 **ret, struct err *err);
enum rc hierarchy_save_cert(
    const char *folder, const char *name, X509 *cert, struct err *err);
/* The key of that name; RC_UNFIT: it is not the certificate's. */
enum rc hierarchy_load_key(const struct keys *keys, const char *name,
    X509 *cert, struct signer **ret, struct err *err);
/* The key of that name, made if it is not there. */
enum rc hierarchy_find_key(const struct keys *keys, const char *name,
    struct signer **ret, struct err *err);
/* A CA whose key is in `offline`.  RC_ABSENT: it is not. */
enum rc hierarchy_load_offline(const struct keys *keys,
    const struct keys *offline, const char *name, X509 **ret_cert,
    struct signer **ret_signer, struct err *err);

#endif
