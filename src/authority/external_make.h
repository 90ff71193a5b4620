/* authority/external_make -- `letterlock-authority eab`: a key for people whom
 * the operator lets in.
 *
 * May use:   base os store.
 */
#ifndef AUTHORITY_EXTERNAL_MAKE_H
#define AUTHORITY_EXTERNAL_MAKE_H

#include "base/buf.h"

/* Make a key in the authority's database, and append what its holder gives to
 * an ACME client, as text: two lines, "kid: ..." and "key: ...". */
enum rc external_make(const char *folder, const char *label, int64_t accounts,
    struct buf *text, struct err *err);

#endif
