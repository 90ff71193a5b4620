/* cms/print -- write a letter's structures, element by element, into a buf.
 *
 * Standard:  X.690: DER, which is pki/der_write under the names of this room;
 *            indefinite lengths on demand.
 * May use:   base pki.  Only inside cms.
 * Not here:  any meaning; reading (cms/tlv).
 *
 * On the way of every letter: nothing is allocated but the buf.  A function
 * that fails leaves what was added before; whoever prints more than one
 * element cuts the buf back.
 */
#ifndef CMS_PRINT_PRIV_H
#define CMS_PRINT_PRIV_H

#include "pki/der_write.h"

enum {
	PRINT_INTEGER = DER_INTEGER,
	PRINT_BITS = DER_BITS,
	PRINT_OCTETS = DER_OCTETS,
	PRINT_NULL = DER_NULL,
	PRINT_OID = DER_OID,
	PRINT_SEQUENCE = DER_SEQUENCE,
	PRINT_SET = DER_SET,
};
/* [n], primitive and constructed */
#define PRINT_CONTEXT(n) DER_CONTEXT(n)
#define PRINT_CONTEXT_OF(n) DER_CONTEXT_OF(n)

#define print_header der_write_header
#define print_bytes der_write_bytes
#define print_begin der_write_begin
#define print_end der_write_end
#define print_algorithm der_write_algorithm
#define print_set der_write_set

/* Append an INTEGER that is not negative. */
static inline enum rc
print_number(struct buf *out, uint32_t value, struct err *err)
{
	return der_write_number(out, DER_INTEGER, value, err);
}

/* As print_begin() and print_end() in BER with an indefinite length, for what
 * is longer than memory: it may leave the buf before it ends. */
enum rc print_begin_endless(struct buf *out, uint8_t tag, struct err *err);
enum rc print_end_endless(struct buf *out, struct err *err);

#endif
