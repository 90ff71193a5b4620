/* cms/seal -- encrypt one MIME entity to a set of recipients, as a stream.
 *
 * Standard:  RFC 8551 sections 3.3 and 3.4, RFC 5652 section 6 (EnvelopedData),
 *            RFC 5083 (AuthEnvelopedData).
 * May use:   base codec mime pki.  No I/O.
 * Not here:  whom to encrypt to, and which cipher they read (flow).
 * Limits:    SEAL_MAX_RECIPIENTS; 64 GiB of content.
 *
 * new -> add* -> push* -> finish.  BER: indefinite lengths, the content in OCTET
 * STRINGs of 64 KiB, however it was pushed; memory does not depend on its
 * length.  For each recipient the content key is wrapped by something at least
 * as strong as it is itself.
 */
#ifndef CMS_SEAL_H
#define CMS_SEAL_H

#include "base/buf.h"
#include "cms/recipient.h"
#include "pki/cert.h"

#define SEAL_MAX_RECIPIENTS 256
#define SEAL_KEY_ID_MAX 1024
#define SEAL_PASSWORD_MAX 4096

enum seal_cipher {
	SEAL_AES256_CBC,
	SEAL_AES256_GCM,
	SEAL_AES128_GCM,
	SEAL_AES128_CBC,
	SEAL_AES192_CBC,
	SEAL_CHACHA20_POLY1305
};

/* Does it make AuthEnvelopedData?  (Else EnvelopedData.) */
bool seal_is_authenticated(enum seal_cipher cipher);

struct seal;

enum rc seal_new(enum seal_cipher cipher, struct seal **ret, struct err *err);
void seal_free(struct seal *seal); /* wipes */

/* Takes its own reference of `cert`.  RC_UNFIT: it may not receive, or its
 * kind of key is none we can seal for, named.  RC_LIMIT: too many.  The same
 * certificate twice counts once. */
enum rc seal_add(struct seal *seal, const struct cert *cert, struct err *err);
/* The same, in another way than the usual. */
enum rc seal_add_way(struct seal *seal, const struct cert *cert,
    const struct recipient_way *way, struct err *err);
/* For whoever has this key of 16, 24 or 32 bytes under this identifier.
 * RC_UNFIT: of another length, or shorter than the content's key.  Copies. */
enum rc seal_add_kek(
    struct seal *seal, struct span key_id, struct span kek, struct err *err);
/* For whoever knows this password.  RC_UNFIT: an empty one.  Copies. */
enum rc seal_add_password(
    struct seal *seal, struct span password, struct err *err);

/* Append to `der` what is ready.  The first call prints the head as well, so
 * everybody must have been added.  RC_ABSENT: nobody was.  On failure `der` is
 * as it was, and the seal can only be freed. */
enum rc seal_push(
    struct seal *seal, struct span bytes, struct buf *der, struct err *err);
/* Append the rest. */
enum rc seal_finish(struct seal *seal, struct buf *der, struct err *err);

#endif
