/* cms/sign -- sign one MIME entity (detached CMS SignedData).
 *
 * Standard:  RFC 5652 section 5, RFC 8551 section 2.5 (attributes: contentType,
 *            messageDigest, signingTime, smimeCapabilities, RFC 5035
 *            signingCertificateV2), RFC 8933.
 * May use:   base codec mime pki.  No I/O, no clock.
 * Not here:  the multipart/signed around it (cms/smime), fetching the
 *            timestamp (net), deciding what to sign (flow).
 *
 * push* -> close -> [imprint -> add_token]* -> finish.  Written for an engine
 * that keeps nothing but a running hash.
 */
#ifndef CMS_SIGN_H
#define CMS_SIGN_H

#include "base/buf.h"
#include "pki/key.h"

struct sign;

/* Borrows `who` until sign_free().  RC_UNFIT: its certificate may not sign. */
enum rc sign_new(const struct identity *who, int64_t signing_time,
    struct sign **ret, struct err *err);
void sign_free(struct sign *sign);

/* The next bytes of the entity, canonical (CRLF, 7-bit). */
enum rc sign_push(struct sign *sign, struct span bytes, struct err *err);
/* The entity is complete: have the key sign the attributes. */
enum rc sign_close(struct sign *sign, struct err *err);
/* What a timestamp must be about: SHA-256 of the signature value. */
enum rc sign_imprint(
    const struct sign *sign, uint8_t ret_sha256[32], struct err *err);
/* Add a TimeStampToken (DER) as unsigned attribute (RFC 3161 appendix A). */
enum rc sign_add_token(struct sign *sign, struct span token, struct err *err);
/* Append the DER of the SignedData with certificate and chain in it. */
enum rc sign_finish(struct sign *sign, struct buf *der, struct err *err);

#endif
