/* cms/signer -- everything that must hold for one SignerInfo.
 *
 * Standard:  RFC 5652 sections 5.3 to 5.6 and 11, RFC 8933, RFC 5035,
 *            RFC 6211.
 * May use:   base pki.  Only inside cms: letters (verify) and timestamps
 *            (stamp) are checked by the same code.
 */
#ifndef CMS_SIGNER_PRIV_H
#define CMS_SIGNER_PRIV_H

#include "cms/digest_priv.h"
#include "cms/shape_priv.h"
#include "cms/verify.h"

/* What it is about; borrowed. */
struct signer_about {
	const struct shape_signed *body;
	const struct digest *digest; /* of the content, finished */
	const struct certs *certs;   /* every certificate that came with it */
};

/* Every certificate in it that we can read; others are passed over.
 * RC_LIMIT: more than CERTS_MAX. */
enum rc signer_certs(
    const struct shape_signed *body, struct certs *ret, struct err *err);

/* Fill an empty *ret.  RC_OK whatever the signature is worth. */
enum rc signer_check(const struct shape_signer *signer,
    const struct signer_about *about, struct verify_signer *ret,
    struct err *err);

/* Is it a SignedData of a version that there is? */
bool signer_knows_version(const struct shape_signed *body);

/* Does a signed attribute say which certificate is the signer's?  (Whether it
 * names the right one is part of signer_check().) */
bool signer_has_certificate_id(const struct shape_signer *signer);

void signer_done(struct verify_signer *signer);

#endif
