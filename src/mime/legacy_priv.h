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

/* Does the header of this text/plain or text/html part say that it has the
 * element? */
bool legacy_is_said(const struct entity *entity);

/* Append such a part without the element and the parameter that says so, in
 * CRLF lines; of the payload itself (no parent) only the body.  RC_ABSENT: it
 * is not as it says, and to be left as it is.  On failure `out` is as it
 * was. */
enum rc legacy_remove(
    const struct entity *entity, struct buf *out, struct err *err);

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
