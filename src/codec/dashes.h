/* codec/dashes -- where a delimiter of a multipart may begin.
 *
 * Standard:  RFC 2046 section 5.1.1.
 * May use:   base.
 * Not here:  boundaries: whether it is one (mime/entity).
 */
#ifndef CODEC_DASHES_H
#define CODEC_DASHES_H

#include "base/span.h"

/* The first place, `from` or behind it, at which a line begins with "--", or
 * -1.  A line begins behind LF, behind CR (as some readers see it) and, if
 * `begins` says so, at the beginning of the span.  Who reads a letter in
 * pieces keeps the last two bytes of each for the next. */
ptrdiff_t dashes_find(struct span span, size_t from, bool begins);

#endif
