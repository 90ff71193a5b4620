/* authority/keycheck -- is a public key one that others can break, or have?
 *
 * Standard:  the S/MIME Baseline Requirements sections 6.1.1.3 and 6.1.6; NIST
 *            SP 800-56A (that a point is on its curve is asked in request).
 * May use:   base os pki store.
 * Not here:  sizes, curves and exponents (authority/request).
 */
#ifndef AUTHORITY_KEYCHECK_H
#define AUTHORITY_KEYCHECK_H

#include <openssl/evp.h>

#include "store/sql.h"

/* RC_UNFIT: the modulus has a small factor, was made by the chip library whose
 * primes can be found (ROCA, CVE-2017-15361), or of two primes that lie close
 * together (found by Fermat's method). */
enum rc keycheck_rsa(const EVP_PKEY *key, struct err *err);

/* Who else had this key?  `sha256` is that of the SubjectPublicKeyInfo.
 * RC_UNFIT: another account has a certificate for it, or one for it was revoked
 * because the key is in other hands. */
enum rc keycheck_history(
    struct sql *sql, struct span sha256, int64_t account, struct err *err);

#endif
