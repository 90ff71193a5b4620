/* cms/certid -- is this the certificate that CMS names?
 *
 * Standard:  RFC 5652 section 10.2.4 (issuerAndSerialNumber), RFC 5280
 *            section 4.2.1.2 (subjectKeyIdentifier).
 * May use:   base pki.  Only inside cms.
 */
#ifndef CMS_CERTID_PRIV_H
#define CMS_CERTID_PRIV_H

#include "pki/cert.h"

/* Is this the certificate?  `issuer` and `serial` are DER elements; names are
 * compared as RFC 5280 section 7.1 says if their bytes differ. */
bool certid_is(struct span issuer, struct span serial, const struct cert *cert);
bool certid_is_key_id(struct span key_id, const struct cert *cert);

/* The SHA-256 of its DER, which it knows already. */
void certid_sha256(const struct cert *cert, uint8_t ret[32]);

#endif
