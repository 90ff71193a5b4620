/* mime/sevenbit -- make an entity safe for every mail server before it is
 * signed: 7-bit, lines of at most 998 bytes, CRLF.
 *
 * Standard:  RFC 8551 section 3.1.3 (7-bit before signing), RFC 5321 4.5.3.1.6.
 * May use:   base codec.
 */
#ifndef MIME_SEVENBIT_H
#define MIME_SEVENBIT_H

#include "mime/entity.h"

/* Append the entity with CRLF line ends, where every leaf that is 8bit,
 * binary or too long in its lines is re-encoded (text: quoted-printable,
 * else base64) and its Content-Transfer-Encoding replaced; multiparts that
 * said 8bit or binary say 7bit.  Everything else stays byte for byte.
 * RC_SYNTAX: 8-bit bytes in a header, or MIME too broken to re-encode. */
enum rc sevenbit_print(
    const struct entity *entity, struct buf *out, struct err *err);

#endif
