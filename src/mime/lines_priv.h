/* mime/lines -- line ends and header fields as they go out.
 *
 * May use:   base codec.
 */
#ifndef MIME_LINES_PRIV_H
#define MIME_LINES_PRIV_H

#include "codec/wire.h"
#include "mime/entity.h"

/* Append with every line end as CRLF; a bare CR stays what it is. */
enum rc lines_add(struct span text, struct buf *out, struct err *err);

/* What the whole of a text holds that not every mail server carries. */
struct wire lines_look(struct span text);

/* Append a field, folded as it is, but such that every reader sees the same:
 * CRLF, no blanks before the colon, no folded line of blanks alone. */
enum rc lines_add_field(
    const struct field *field, struct buf *out, struct err *err);

/* Does the header end with an empty line? */
bool lines_header_ended(const struct entity *entity);

#endif
