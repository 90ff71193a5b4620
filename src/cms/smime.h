/* cms/smime -- CMS as MIME: multipart/signed, application/pkcs7-mime.
 *
 * Standard:  RFC 8551 section 3, RFC 1847.
 * May use:   base codec mime pki.
 */
#ifndef CMS_SMIME_H
#define CMS_SMIME_H

#include "mime/entity.h"

enum smime_kind {
	SMIME_NONE,      /* no cryptographic layer here */
	SMIME_SIGNED,    /* multipart/signed with a pkcs7 signature */
	SMIME_OPAQUE,    /* pkcs7-mime with SignedData */
	SMIME_ENVELOPED, /* pkcs7-mime with EnvelopedData */
	SMIME_AUTH_ENVELOPED,
	SMIME_COMPRESSED,
	SMIME_OTHER, /* pkcs7-mime with something else (certs-only, ...) */
};

/* What layer is the root of this entity?  Decided by the CMS content type,
 * not by parameters or file names; octet-stream named .p7m counts. */
enum smime_kind smime_kind_of(const struct entity *entity);

/* Append a multipart/signed entity (MIME fields and body, no MIME-Version)
 * around an entity and its detached signature.  `boundary` must not occur in
 * it: give a random one. */
enum rc smime_print_signed(struct span entity, struct span signature_der,
    const char *boundary, struct buf *out, struct err *err);

/* Append a pkcs7-mime entity with the DER in base64 lines.  `kind`:
 * SMIME_OPAQUE, SMIME_ENVELOPED or SMIME_AUTH_ENVELOPED. */
enum rc smime_print(
    enum smime_kind kind, struct span der, struct buf *out, struct err *err);

#endif
