/* codec/base64 -- RFC 4648 base64 with MIME lines, and base64url.
 *
 * Standard:  RFC 4648; RFC 2045 section 6.8 (lines); RFC 7515 section 2 (url).
 * May use:   base.
 */
#ifndef CODEC_BASE64_H
#define CODEC_BASE64_H

#include "base/buf.h"

/* Append with CRLF after every `line` characters and at the end (line = 0: one
 * line, no line end).  `line` is a multiple of 4, at most 76. */
enum rc base64_encode(
    struct span in, size_t line, struct buf *out, struct err *err);

/* MIME reading: line ends and white space are skipped, everything else that
 * is not base64 is RC_SYNTAX, as are bytes behind the padding (two readers
 * must not disagree).  On failure `out` is as it was. */
enum rc base64_decode(struct span in, struct buf *out, struct err *err);

/* No padding written; "=" and foreign characters refused (RFC 8555 6.1). */
enum rc base64url_encode(struct span in, struct buf *out, struct err *err);
enum rc base64url_decode(struct span in, struct buf *out, struct err *err);

#endif
