/* pki/orphan -- where the paths of a certificate break off.
 *
 * Standard:  RFC 5280 section 4.2.2.1 (what an issuer's address gives out);
 *            RFC 4158 section 2.
 * May use:   base codec.
 * Not here:  whether a path is good (chain); fetching (keydir/issuers).
 * Limits:    ORPHAN_SIGNATURES signatures are verified; whose issuer would need
 *            one more has none missing.
 */
#ifndef PKI_ORPHAN_H
#define PKI_ORPHAN_H

#include "pki/cert.h"

#define ORPHAN_SIGNATURES 64

/* Add those that one meets on the way up from `cert`, itself included, whose
 * issuer is not at hand: nobody who is so named, is valid at `at` and signed
 * it.  Whoever issued itself is none. */
enum rc orphans_find(const struct cert *cert, const struct certs *roots,
    const struct certs *untrusted, int64_t at, struct certs *ret,
    struct err *err);

/* Add what an issuer's address gave out: one certificate in DER, or those of a
 * "certs-only" message (RFC 8551 section 3.8).  RC_SYNTAX: neither.  RC_LIMIT:
 * more than `most` in it.  On failure `certs` is as it was. */
enum rc orphans_parse_issuers(
    struct span der, size_t most, struct certs *certs, struct err *err);

#endif
