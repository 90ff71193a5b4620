/* pki/seen -- what was found out about certificates before, and will be the same
 * the next time: that these bytes are this certificate, and that something is
 * signed with a certificate's key.
 *
 * Letters of one person bring the same certificates each time, and half of what
 * a verdict costs would be to read them and to verify the same signatures.
 *
 * May use:   base.  Any thread may ask and tell.
 * Not here:  what depends on the time, on trust or on a revocation: nothing of
 *            that is remembered.  Nor that something is not signed.
 * Limits:    SEEN_CERTS certificates of SEEN_DER_MAX and SEEN_SIGNATURES
 *            signatures; what comes later takes the place of what came before,
 *            so that a stranger who sends many costs time and nothing else.
 */
#ifndef PKI_SEEN_H
#define PKI_SEEN_H

#include "pki/cert.h"

#define SEEN_CERTS 256
#define SEEN_DER_MAX ((size_t)8 * 1024)
#define SEEN_SIGNATURES 1024

struct seen;

enum rc seen_new(struct seen **ret, struct err *err);
void seen_free(struct seen *seen); /* NULL is fine */
OWNER(struct seen, seen_free);

/* As cert_parse(); what was parsed before is the same certificate again.  NULL:
 * nothing is remembered. */
enum rc seen_cert(
    struct seen *seen, struct span der, struct cert **ret, struct err *err);

/* The signature over `what` was verified with the key of `by`.  `what` is a
 * whole certificate, list or answer, its signature included; or, for it may be
 * long, the SHA-256 of one. */
void seen_add_signature(
    struct seen *seen, struct span what, const struct cert *by);
/* Was that said before?  NULL: no. */
bool seen_has_signature(
    struct seen *seen, struct span what, const struct cert *by);

#endif
