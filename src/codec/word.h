/* codec/word -- encoded words in header fields.
 *
 * Standard:  RFC 2047 (decode once), RFC 2231 section 5 (language suffix).
 * May use:   base.
 */
#ifndef CODEC_WORD_H
#define CODEC_WORD_H

#include "base/buf.h"

/* Append an unstructured value as UTF-8: unfolded, encoded words decoded
 * (UTF-8, US-ASCII, ISO-8859-x and whatever iconv knows; in unknown charsets
 * ASCII is ASCII, and other words stay as they are; blanks in a word and
 * missing padding are overlooked, as most readers do), control characters and line ends replaced by spaces. */
enum rc word_decode(struct span value, struct buf *out, struct err *err);

/* Append UTF-8 as it must stand in a header: plain if it is printable ASCII,
 * else folded encoded words of at most 75 characters. */
enum rc word_encode(struct span utf8, struct buf *out, struct err *err);

#endif
