/* pki/spki -- the public key in a certificate.
 *
 * Standard:  RFC 5280 section 4.1.2.7, RFC 5480 (points), RFC 8017 appendix
 *            A.1.1 (RSA).
 * Library:   It reads a key through its decoders, which it looks for anew each
 *            time: that takes longer than to verify two signatures with it.
 *
 * May use:   base codec.
 */
#ifndef PKI_SPKI_H
#define PKI_SPKI_H

#include "codec/point.h"
#include "pki/crypto.h"

/* The point in a key that is one on P-256, P-384 or P-521 and written as
 * everybody writes it; whether it is on its curve is not looked at.  Borrows
 * from `der`. */
bool spki_point(
    struct span der, enum point_curve *ret_curve, struct span *ret_point);

/* The caller's.  NULL: the key is of another kind than RSA (with an exponent
 * that is odd and not 1), P-256, P-384 and P-521, not written as everybody
 * writes it, or none at all; the library may know better. */
EVP_PKEY *spki_read(struct span der);

/* A certificate, but without its key: X509_get0_pubkey() has none.  For those
 * whose key has been read by hand. */
X509 *spki_read_around(struct span der);
/* The same of a PKCS #10 request; X509_REQ_verify() cannot be used with it. */
X509_REQ *spki_read_around_request(struct span der);

#endif
