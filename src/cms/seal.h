/* cms/seal -- encrypt one MIME entity to a set of recipients.
 *
 * Standard:  RFC 8551 section 3.3/3.4; EnvelopedData with AES-256-CBC or
 *            AuthEnvelopedData with AES-256-GCM; ECDH with SHA-256 KDF and
 *            AES-256 key wrap (RFC 5753), RSA PKCS#1 v1.5.
 * May use:   base codec mime pki.  No I/O.
 * Not here:  whom to encrypt to, and which cipher they read (flow).
 * Limits:    SEAL_MAX_RECIPIENTS; 128 MiB.
 */
#ifndef CMS_SEAL_H
#define CMS_SEAL_H

#include "base/buf.h"
#include "pki/cert.h"

#define SEAL_MAX_RECIPIENTS 256

enum seal_cipher { SEAL_AES256_CBC, SEAL_AES256_GCM };

struct seal;

enum rc seal_new(enum seal_cipher cipher, struct seal **ret, struct err *err);
void seal_free(struct seal *seal);

/* Borrows `cert` for this call only.  RC_UNFIT: it may not receive.
 * RC_LIMIT: too many.  The same certificate twice counts once. */
enum rc seal_add(struct seal *seal, const struct cert *cert, struct err *err);

enum rc seal_push(struct seal *seal, struct span bytes, struct err *err);

/* Append the DER.  RC_ABSENT: nobody was added. */
enum rc seal_finish(struct seal *seal, struct buf *der, struct err *err);

#endif
