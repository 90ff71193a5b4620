/* mime/sevenbit_field -- one header field, made 7-bit.
 *
 * Standard:  RFC 6532 (what UTF-8 in a field means), 2047 and 2231 (how it is
 *            written in ASCII), 5322 section 2.1.1 (998 bytes in a line).
 * May use:   base codec.
 */
#ifndef MIME_SEVENBIT_FIELD_PRIV_H
#define MIME_SEVENBIT_FIELD_PRIV_H

#include "mime/field.h"

/* Append the field with CRLF: as it is where it is ASCII in short lines, else
 * with its text in encoded words, its display names too, its parameters as
 * RFC 2231 has them, and folded anew.  What cannot be written in ASCII (an
 * address or a message identifier) stays UTF-8.
 *
 * A field that is no UTF-8: RC_SYNTAX if `strict`, else read as Latin-1, as
 * other programs' fields are.  RC_SYNTAX, RC_LIMIT: parameters that cannot be
 * read, a line that cannot be folded. */
enum rc sevenbit_field(
    const struct field *field, bool strict, struct buf *out, struct err *err);

#endif
