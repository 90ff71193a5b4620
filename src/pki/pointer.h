/* pki/pointer -- where a certificate says that its status can be asked.
 *
 * Standard:  RFC 5280 sections 4.2.1.13, 4.2.1.15 and 4.2.2.1.
 * May use:   base.
 * Limits:    POINTER_MAX addresses of each kind; http:// and https:// only.
 */
#ifndef PKI_POINTER_H
#define PKI_POINTER_H

#include "base/strlist.h"
#include "pki/cert.h"

#define POINTER_MAX 4

/* Add the addresses of its revocation lists. */
enum rc pointer_lists(
    const struct cert *cert, struct strlist *ret, struct err *err);
/* Add those of the deltas to them. */
enum rc pointer_deltas(
    const struct cert *cert, struct strlist *ret, struct err *err);
/* Add the addresses of its OCSP responders. */
enum rc pointer_responders(
    const struct cert *cert, struct strlist *ret, struct err *err);
/* Add those of its issuer's certificate.  http:// only: who needs a certificate
 * to get a certificate may need it for that. */
enum rc pointer_issuers(
    const struct cert *cert, struct strlist *ret, struct err *err);

#endif
