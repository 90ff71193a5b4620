/* mime/legacy_charset -- the charsets of text parts.
 *
 * May use:   base, and iconv of the C library.
 */
#ifndef MIME_LEGACY_CHARSET_PRIV_H
#define MIME_LEGACY_CHARSET_PRIV_H

#include "base/buf.h"

/* Are lines, tags and ASCII text the same bytes as in ASCII?  NULL, no
 * charset said, is. */
bool charset_is_ascii_like(const char *charset);

/* Append the text in the other charset.  RC_ABSENT: a charset that nobody
 * knows.  RC_SYNTAX: bytes that mean nothing in the one, or characters that
 * the other does not have. */
enum rc charset_convert(const char *from, const char *to, struct span text,
    struct buf *out, struct err *err);

#endif
