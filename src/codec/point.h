/* codec/point -- a point on one of NIST's prime curves as a public key.
 *
 * Standard:  SEC 1 section 2.3.4, uncompressed points only.
 * May use:   base.
 * Library:   It computes a curve from its numbers each time somebody names it,
 *            which takes as long as a signature; here each is computed once and
 *            copied.  To copy one takes as long as to verify, so what is only to
 *            be verified is so with a copy that waits for the next point.
 */
#ifndef CODEC_POINT_H
#define CODEC_POINT_H

#include <openssl/evp.h>

#include "base/span.h"

enum point_curve { POINT_P256, POINT_P384, POINT_P521 };
#define POINT_CURVES 3

/* The curve's coordinates have so many octets. */
size_t point_coordinate(enum point_curve curve);

/* The caller's.  NULL: it is no uncompressed point, or not on the curve, or
 * there is no memory. */
EVP_PKEY *point_read(enum point_curve curve, struct span point);

/* Did whoever has this public key sign the digest?  The signature is an
 * Ecdsa-Sig-Value (RFC 3279 section 2.2.3).  Any thread may ask.  False too
 * for what point_read() reads no key from. */
bool point_verify(enum point_curve curve, struct span point, struct span digest,
    struct span signature);

#endif
