/* cms/sigalg -- the mathematics of one signature, and whether it is any good.
 *
 * Standard:  RFC 5754 (RSA, ECDSA with SHA-2), RFC 4056 (PSS), RFC 8419
 *            (Ed25519), RFC 8933 (one digest).
 * May use:   base.  Only inside cms.
 */
#ifndef CMS_SIGALG_PRIV_H
#define CMS_SIGALG_PRIV_H

#include <openssl/evp.h>

#include "cms/shape_priv.h"

/* NULL, or why this pair of algorithms is not accepted whatever was signed:
 * "sig.alg-weak", "sig.unsupported", "sig.invalid" (two different digests). */
const char *sigalg_refuse(
    const X509_ALGOR *digest, const X509_ALGOR *signature);

/* The same for a key: RSA below 2048 bits, a curve below 224, RSA above what
 * we are willing to compute. */
const char *sigalg_refuse_key(const EVP_PKEY *key);

/* Is `value` the signature of `bytes` by `key`?  Any failure is false. */
bool sigalg_verify(
    const struct shape_signer *signer, EVP_PKEY *key, struct span bytes);

#endif
