/* cms/certid -- how CMS names a certificate, and what it copies out of one.
 *
 * Standard:  RFC 5652 section 10.2.4 (issuerAndSerialNumber), RFC 5280
 *            section 4.2.1.2 (subjectKeyIdentifier).
 * May use:   base pki.  Only inside cms.
 */
#ifndef CMS_CERTID_PRIV_H
#define CMS_CERTID_PRIV_H

#include "base/buf.h"
#include "pki/cert.h"

/* Whole elements with their tags, lent by the certificate. */
struct certid {
	struct span serial;
	struct span issuer;
	struct span key_algorithm; /* of the subject's public key */
};

enum rc certid_look(
    const struct cert *cert, struct certid *ret, struct err *err);

/* Append the content of an issuerAndSerialNumber: what stands in the
 * certificate, byte for byte. */
enum rc certid_print(struct buf *der, const struct cert *cert, struct err *err);

/* Is this the certificate?  `issuer` and `serial` are DER elements; names are
 * compared as RFC 5280 section 7.1 says if their bytes differ. */
bool certid_is(struct span issuer, struct span serial, const struct cert *cert);
bool certid_is_key_id(struct span key_id, const struct cert *cert);

/* The SHA-256 of its DER, which it knows already. */
void certid_sha256(const struct cert *cert, uint8_t ret[32]);

#endif
