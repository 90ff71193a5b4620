/* cms/sealed -- can who has no key read a letter's body?
 *
 * Told without any key: whether the body is one CMS EnvelopedData or
 * AuthEnvelopedData from its first to its last byte, and not only called so.
 * Where there is doubt it is readable.
 *
 * Standard:  RFC 8551 section 3; RFC 5652 section 6; RFC 5083.
 * May use:   base codec mime pki.  No I/O.
 * Limits:    those of mime/scan and cms/walk.  Memory does not depend on the
 *            letter's length.
 * Not here:  who could open it; what its header says.
 */
#ifndef CMS_SEALED_H
#define CMS_SEALED_H

#include "base/own.h"
#include "base/source.h"

struct sealed;

enum rc sealed_new(struct sealed **ret, struct err *err);
void sealed_free(struct sealed *sealed);
OWNER(struct sealed, sealed_free);

/* The next bytes of the letter, header and all.  RC_OK whatever they are;
 * RC_NOMEM says nothing about them. */
enum rc sealed_push(struct sealed *sealed, struct span bytes, struct err *err);
/* The letter is over. */
enum rc sealed_finish(struct sealed *sealed, bool *ret, struct err *err);

/* All of it at once. */
enum rc sealed_check(const struct source *letter, bool *ret, struct err *err);

#endif
