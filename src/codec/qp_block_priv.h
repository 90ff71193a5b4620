/* codec/qp_block -- what stands for itself, many characters in one step. */
#ifndef CODEC_QP_BLOCK_PRIV_H
#define CODEC_QP_BLOCK_PRIV_H

#include "base/span.h"

/* Copy from the front of `in` what a reader takes as it is, at most `most`:
 * all but "=", and blanks with a blank or a control behind them (or nothing
 * yet).  At `to` all `room` (at least `most`) may be overwritten.  Returns how
 * many were copied. */
size_t qp_copy_read(struct span in, size_t most, uint8_t *to, size_t room);

/* The same for a writer behind the first column: printable characters but
 * "=", and blanks with something else than CR behind them. */
size_t qp_copy_write(struct span in, size_t most, uint8_t *to, size_t room);

#endif
