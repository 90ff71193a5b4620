/* pki/der_write -- write DER, element by element, into a buf.
 *
 * Standard:  X.690: definite, shortest lengths; sets in their order.
 * May use:   base.
 * Not here:  any meaning; reading (pki/der); BER with indefinite lengths
 *            (cms/print).
 *
 * On the way of every letter and every answer of the authority: nothing is
 * allocated but the buf.  A function that fails leaves what was added before;
 * whoever writes more than one element cuts the buf back.
 */
#ifndef PKI_DER_WRITE_H
#define PKI_DER_WRITE_H

#include "base/buf.h"
#include "pki/der.h"

/* Beside those of pki/der. */
enum {
	DER_BOOLEAN = 0x01,
	DER_NULL = 0x05,
	DER_ENUMERATED = 0x0a,
	DER_UTF8 = 0x0c,
	DER_PRINTABLE = 0x13,
	DER_IA5 = 0x16,
	DER_UTC_TIME = 0x17,
	DER_GENERAL_TIME = 0x18,
};
/* [n], primitive and constructed */
#define DER_CONTEXT(n) ((uint8_t)(0x80 | (n)))
#define DER_CONTEXT_OF(n) ((uint8_t)(0xa0 | (n)))

/* Append tag and length; the content is for the caller to add. */
enum rc der_write_header(
    struct buf *out, uint8_t tag, size_t len, struct err *err);
/* Append a whole primitive element. */
enum rc der_write_bytes(
    struct buf *out, uint8_t tag, struct span value, struct err *err);

/* What is added between the two is inside of the element.  *ret_at is for
 * der_write_end(). */
enum rc der_write_begin(
    struct buf *out, uint8_t tag, size_t *ret_at, struct err *err);
enum rc der_write_end(struct buf *out, size_t at, struct err *err);

/* Append an INTEGER, or what has its form under another tag (ENUMERATED). */
enum rc der_write_number(
    struct buf *out, uint8_t tag, uint32_t value, struct err *err);
/* Append an INTEGER that is not negative: big-endian octets, none is 0. */
enum rc der_write_integer(struct buf *out, struct span octets, struct err *err);
enum rc der_write_true(struct buf *out, uint8_t tag, struct err *err);
/* Append a BIT STRING of whole octets (a key, a signature). */
enum rc der_write_bits(struct buf *out, struct span octets, struct err *err);
/* Append a named bit list: bit 0 is the lowest of `bits`, and comes first.  DER
 * ends it with its last one. */
enum rc der_write_named_bits(
    struct buf *out, uint8_t tag, uint32_t bits, struct err *err);
/* Append an AlgorithmIdentifier whose parameters are absent or NULL. */
enum rc der_write_algorithm(
    struct buf *out, struct span oid, bool null, struct err *err);

/* Append a moment, in seconds since 1970: UTCTime until 2049 and
 * GeneralizedTime from then on (RFC 5280 section 4.1.2.5), or always
 * GeneralizedTime.  RC_LIMIT: before 1950 or after 9999. */
enum rc der_write_time(struct buf *out, int64_t when, struct err *err);
enum rc der_write_general_time(struct buf *out, int64_t when, struct err *err);

/* Append a SET OF whole elements under `tag` (DER_SET, or an IMPLICIT one);
 * `item` is sorted.  They may not lie in `out`. */
enum rc der_write_set(struct buf *out, uint8_t tag, struct span *item,
    size_t len, struct err *err);

/* Append one Extension, whose value is the whole element `value`. */
enum rc der_write_extension(struct buf *out, struct span oid, bool critical,
    struct span value, struct err *err);

#endif
