/* mime/transfer -- undo a Content-Transfer-Encoding, in pieces.
 *
 * Standard:  RFC 2045 section 6.
 * May use:   base codec.
 */
#ifndef MIME_TRANSFER_H
#define MIME_TRANSFER_H

#include "codec/base64.h"
#include "codec/qp.h"
#include "mime/entity.h"

struct transfer {
	enum entity_encoding encoding;
	union {
		struct base64_reader base64;
		struct qp_reader qp;
	} reader;
};

void transfer_init(struct transfer *transfer, enum entity_encoding encoding);

/* Nothing to undo: the bytes are what they mean. */
bool transfer_is_identity(const struct transfer *transfer);

/* Append what `in` means; any split of the input gives the same.  RC_SYNTAX:
 * it is not of this encoding, or of one nobody knows.  After a failure `out`
 * and the state are as they were before this call. */
enum rc transfer_read(struct transfer *transfer, struct span in,
    struct buf *out, struct err *err);
/* The input is over.  RC_SYNTAX: cut off. */
enum rc transfer_end(
    struct transfer *transfer, struct buf *out, struct err *err);

#endif
