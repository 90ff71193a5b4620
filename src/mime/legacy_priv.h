/* mime/legacy -- take away the copy of the header that a sender put into the
 * text for readers without header protection.
 *
 * Standard:  RFC 9788 section 4.5.3.
 * May use:   base codec.
 */
#ifndef MIME_LEGACY_PRIV_H
#define MIME_LEGACY_PRIV_H

#include "mime/edit_priv.h"
#include "mime/entity.h"

/* Add the edits that remove the legacy display element of every text/plain
 * and text/html part of `payload` that says it has one, and the parameter
 * that says so (but not from the payload's own header).  Messages inside the
 * payload are not looked into.  A part that is not as it says stays as it
 * is. */
enum rc legacy_remove(
    const struct entity *payload, struct edits *edits, struct err *err);

#endif
