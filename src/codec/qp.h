/* codec/qp -- quoted-printable.
 *
 * Standard:  RFC 2045 section 6.7.
 * May use:   base.
 */
#ifndef CODEC_QP_H
#define CODEC_QP_H

#include "base/buf.h"

/* Append text in CRLF lines as quoted-printable of at most 76 columns;
 * trailing white space, "From " at a line's start and lone dots are encoded
 * too, so that no mail server has a reason to touch the result. */
enum rc qp_encode(struct span in, struct buf *out, struct err *err);

/* Lenient as mail programs are: a "=" that starts no code stands for itself.
 * Blanks at a line's end are deleted, but not more than QP_BLANKS_MAX in a
 * row: a line has no room for more, so nobody added them on the way. */
enum rc qp_decode(struct span in, struct buf *out, struct err *err);

#define QP_BLANKS_MAX 998 /* RFC 5322 section 2.1.1 */

/* Both in pieces, without memory of their own: any split of the input gives
 * the same.  After a failure `out`, reader and writer are as they were. */
struct qp_reader {
	unsigned state;
	bool soft; /* what waits begins with "=" */
	uint8_t digit;
	size_t blanks_len;
	uint8_t blanks[QP_BLANKS_MAX];
};

#define QP_READER ((struct qp_reader){0})

enum rc qp_read(
    struct qp_reader *r, struct span in, struct buf *out, struct err *err);
/* What waits, now that nothing follows.  The reader begins anew. */
enum rc qp_read_end(struct qp_reader *r, struct buf *out, struct err *err);

struct qp_writer {
	size_t column;
	uint8_t held[4]; /* to see what follows them */
	size_t held_len;
};

#define QP_WRITER ((struct qp_writer){0})

enum rc qp_write(
    struct qp_writer *w, struct span in, struct buf *out, struct err *err);
/* As qp_read_end(). */
enum rc qp_write_end(struct qp_writer *w, struct buf *out, struct err *err);

#endif
