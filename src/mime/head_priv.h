/* mime/head -- what the header of a message or part says about its body.
 *
 * Standard:  RFC 2045, RFC 2046 section 5.1.1 (boundaries) and 5.1.5 (digests).
 * May use:   base codec.
 */
#ifndef MIME_HEAD_PRIV_H
#define MIME_HEAD_PRIV_H

#include "mime/entity.h"

/* What some programs write is read, and called malformed. */
#define HEAD_BOUNDARY_READ_MAX 250

enum head_place { HEAD_OF_LETTER, HEAD_OF_PART, HEAD_OF_DIGEST_PART };

/* Fill in `whole` and `header` (both the header section), `fields`, `type`,
 * `encoding` and what of `malformed` the header shows.  Borrows `room`, the
 * bytes in which the header section can be.  RC_SYNTAX: a letter's own header
 * holds NUL or a bare CR; that of a part is then empty. */
enum rc head_parse(struct span room, enum head_place place, struct entity *ret,
    struct err *err);

/* Lends the boundary of a multipart; empty: it has none that can be used.
 * Sets `malformed` for one that RFC 2046 does not allow. */
struct span head_boundary(struct entity *entity);

bool head_is_multipart(const struct entity *entity);
/* A message that is not hidden by an encoding: it has an own header. */
bool head_is_message(const struct entity *entity);

#endif
