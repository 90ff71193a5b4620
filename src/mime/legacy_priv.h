/* mime/legacy -- the copy of hidden header fields in the text, for readers
 * without header protection: written, and taken away.
 *
 * Standard:  RFC 9788 sections 2.1.2, 4.5.3 and 5.2.2 to 5.2.4.
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

/* Add the edits that put `lines` (UTF-8, "Name: value" and LF each, without
 * empty lines) as the element into every main body part of the letter, and
 * the parameter that says so into its Content-Type, the letter's own
 * included.  A part whose charset cannot be written goes without. */
enum rc legacy_add(const struct entity *letter, struct span lines,
    struct edits *edits, struct err *err);

/* The body of a leaf in CRLF lines without its transfer encoding, and with it
 * again. */
enum rc legacy_decode(
    const struct entity *entity, struct buf *out, struct err *err);
enum rc legacy_encode(const struct entity *entity, struct span text,
    struct buf *out, struct err *err);

#endif
