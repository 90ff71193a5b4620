/* pki/signature -- signatures over bytes as they came: of revocation lists and
 * of OCSP answers.
 *
 * Only inside pki.
 */
#ifndef PKI_SIGNATURE_PRIV_H
#define PKI_SIGNATURE_PRIV_H

#include "pki/crypto.h"

/* Is `bytes` signed by the key, with an algorithm that is strong enough (no
 * SHA-1, no MD5)?  Nothing is copied. */
bool signature_holds(struct span bytes, const X509_ALGOR *algorithm,
    const ASN1_BIT_STRING *signature, EVP_PKEY *key);

#endif
