/* pki/signature -- is something signed with the key of a certificate?
 *
 * May use:   base.
 * Not here:  whether the certificate may sign it.
 * Library:   It sets up anew for each signature, which costs a third of a
 *            verification; here what was set up for a key is used again, for
 *            the usual kinds.
 */
#ifndef PKI_SIGNATURE_H
#define PKI_SIGNATURE_H

#include "pki/cert.h"
#include "pki/crypto.h"

/* ECDSA or RSA's PKCS #1 v1.5, as the key is, over what has this digest.  `md`
 * is one that was fetched and is kept for ever. */
bool signature_fits(const struct cert *by, const EVP_MD *md, struct span hash,
    struct span value);

/* Is `bytes` signed so, as a certificate is? */
bool signature_is(struct span bytes, const X509_ALGOR *algorithm,
    const ASN1_BIT_STRING *signature, const struct cert *by);
/* And with an algorithm that is strong enough: no SHA-1, no MD5. */
bool signature_holds(struct span bytes, const X509_ALGOR *algorithm,
    const ASN1_BIT_STRING *signature, const struct cert *by);

#endif
