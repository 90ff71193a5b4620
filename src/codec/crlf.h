/* codec/crlf -- every line end as CRLF.
 *
 * Standard:  RFC 8551 section 3.1.1 (canonicalisation of text).
 * May use:   base.
 */
#ifndef CODEC_CRLF_H
#define CODEC_CRLF_H

#include "base/buf.h"

/* Start with CRLF_WRITER; any split of the input gives the same.  There is
 * no end to be said: nothing waits. */
struct crlf_writer {
	bool cr; /* the last byte was one */
};

#define CRLF_WRITER ((struct crlf_writer){false})

/* Append LF and CRLF as CRLF; a bare CR stays what it is.  After a failure
 * `out` and the writer are as they were. */
enum rc crlf_write(
    struct crlf_writer *w, struct span in, struct buf *out, struct err *err);

#endif
