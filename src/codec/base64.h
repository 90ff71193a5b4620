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

/* The same in pieces, without memory of its own: any split of the input gives
 * the same. */
struct base64_reader {
	uint32_t bits;           /* of the group of four that has begun */
	unsigned count, padding; /* characters in it; "=" among them */
	size_t line;             /* how long the last line was, a hint */
	uint64_t place;          /* characters read, for messages */
};

#define BASE64_READER ((struct base64_reader){0})

/* Append what `in` means.  After a failure `out` and the reader are as they
 * were before this call; what earlier calls appended must be thrown away.
 * `out` should have 64 bytes more room than the result needs: it is faster. */
enum rc base64_read(
    struct base64_reader *r, struct span in, struct buf *out, struct err *err);

/* RC_SYNTAX: cut off. */
enum rc base64_read_end(const struct base64_reader *r, struct err *err);

/* `line` as for base64_encode(). */
struct base64_writer {
	size_t line, column;
	uint8_t rest[3]; /* of a group that has begun */
	size_t rest_len;
};

#define BASE64_WRITER(line) ((struct base64_writer){(line), 0, {0}, 0})

/* Append; the last two bytes may wait for more.  After a failure `out` and
 * the writer are as they were. */
enum rc base64_write(
    struct base64_writer *w, struct span in, struct buf *out, struct err *err);

/* Append what waits, padding and the line end.  The writer begins anew. */
enum rc base64_write_end(
    struct base64_writer *w, struct buf *out, struct err *err);

/* No padding written; "=" and foreign characters refused (RFC 8555 6.1). */
enum rc base64url_encode(struct span in, struct buf *out, struct err *err);
enum rc base64url_decode(struct span in, struct buf *out, struct err *err);

#endif
