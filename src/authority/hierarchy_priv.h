/* authority/hierarchy_priv -- the names of the files, and what both halves of
 * the hierarchy (making, loading) do with them.
 */
#ifndef AUTHORITY_HIERARCHY_PRIV_H
#define AUTHORITY_HIERARCHY_PRIV_H

#include "authority/hierarchy.h"

#define HIERARCHY_PEM_MAX ((size_t)64 * 1024)
#define HIERARCHY_NAME_SIZE 24

#define ROOT_NAME "root"
#define TSA_CA_NAME "tsa-ca"
#define TSA_NAME "tsa"
#define ISSUING_NAME "issuing"
#define OCSP_NAME "ocsp"

/* "issuing", "issuing-2", "issuing-3" for 0, 1, 2. */
void hierarchy_name(
    const char *base, size_t index, char ret[HIERARCHY_NAME_SIZE]);

/* Is there a certificate of that name? */
bool hierarchy_has_cert(const char *folder, const char *name);
enum rc hierarchy_load_cert(
    const char *folder, const char *name, X509 **ret, struct err *err);
enum rc hierarchy_save_cert(
    const char *folder, const char *name, X509 *cert, struct err *err);
/* The key of that name; RC_UNFIT: it is not the certificate's. */
enum rc hierarchy_load_key(const struct keys *keys, const char *name,
    X509 *cert, struct signer **ret, struct err *err);

#endif
