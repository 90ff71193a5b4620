/* cms/print -- write DER, element by element, into a buf.
 *
 * Standard:  X.690: definite, shortest lengths; indefinite ones on demand.
 * May use:   base.  Only inside cms.
 * Not here:  any meaning; reading (cms/tlv).
 *
 * On the way of every letter: nothing is allocated but the buf.  A function
 * that fails leaves what was added before; whoever prints more than one
 * element cuts the buf back.
 */
#ifndef CMS_PRINT_PRIV_H
#define CMS_PRINT_PRIV_H

#include "base/buf.h"

enum {
	PRINT_INTEGER = 0x02,
	PRINT_BITS = 0x03,
	PRINT_OCTETS = 0x04,
	PRINT_NULL = 0x05,
	PRINT_OID = 0x06,
	PRINT_SEQUENCE = 0x30,
	PRINT_SET = 0x31,
};
/* [n], primitive and constructed */
#define PRINT_CONTEXT(n) ((uint8_t)(0x80 | (n)))
#define PRINT_CONTEXT_OF(n) ((uint8_t)(0xa0 | (n)))

/* Append tag and length; the content is for the caller to add. */
enum rc print_header(struct buf *out, uint8_t tag, size_t len, struct err *err);
/* Append a whole primitive element. */
enum rc print_bytes(
    struct buf *out, uint8_t tag, struct span value, struct err *err);
/* Append an INTEGER that is not negative. */
enum rc print_number(struct buf *out, uint32_t value, struct err *err);
/* Append an AlgorithmIdentifier whose parameters are absent or NULL. */
enum rc print_algorithm(
    struct buf *out, struct span oid, bool null, struct err *err);

/* What is added between the two is inside of the element.  *ret_at is for
 * print_end(). */
enum rc print_begin(
    struct buf *out, uint8_t tag, size_t *ret_at, struct err *err);
enum rc print_end(struct buf *out, size_t at, struct err *err);

/* The same in BER with an indefinite length, for what is longer than memory:
 * it may leave the buf before it ends. */
enum rc print_begin_endless(struct buf *out, uint8_t tag, struct err *err);
enum rc print_end_endless(struct buf *out, struct err *err);

#endif
