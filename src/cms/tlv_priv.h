/* cms/tlv -- walk through BER that is in memory, element by element.
 *
 * Standard:  X.690 section 8: definite and indefinite lengths, lengths that
 *            are longer than they need be, OCTET STRINGs in pieces.
 * May use:   base.  Only inside cms.
 * Not here:  any meaning; DER alone (pki/der); what is longer than memory.
 * Limits:    16 levels of indefinite lengths or pieces; tag numbers below 31.
 */
#ifndef CMS_TLV_PRIV_H
#define CMS_TLV_PRIV_H

#include "base/buf.h"

enum {
	TLV_INTEGER = 0x02,
	TLV_BITS = 0x03,
	TLV_OCTETS = 0x04,
	TLV_NULL = 0x05,
	TLV_OID = 0x06,
	TLV_SEQUENCE = 0x30,
	TLV_SET = 0x31,
};
#define TLV_CONSTRUCTED 0x20
/* [n], primitive and constructed */
#define TLV_CONTEXT(n) ((uint8_t)(0x80 | (n)))
#define TLV_CONTEXT_OF(n) ((uint8_t)(0xa0 | (n)))

struct tlv {
	uint8_t tag;       /* the identifier octet */
	struct span value; /* without the two zeros of an indefinite length */
	struct span whole;
};

/* Take the first element off `in`; lends parts of it.  RC_ABSENT: `in` is
 * empty.  RC_SYNTAX: no BER. */
enum rc tlv_next(struct span *in, struct tlv *ret, struct err *err);
/* The same, and RC_SYNTAX when there is none or it has another tag. */
enum rc tlv_expect(
    struct span *in, uint8_t tag, struct tlv *ret, struct err *err);
/* Has the next element this tag? */
bool tlv_is(struct span in, uint8_t tag);
/* RC_SYNTAX: something is left. */
enum rc tlv_end(struct span in, struct err *err);

/* Take an OCTET STRING with the tag `tag` (TLV_OCTETS, or that of an IMPLICIT
 * one in its primitive form) off `in`.  *ret lends from `in`, or from `room`
 * when it came in pieces.  `room`, one for all of a structure, is BUF(LEN) with
 * the structure's length: it gets its memory when first needed, and then never
 * moves. */
enum rc tlv_octets(struct span *in, uint8_t tag, struct buf *room,
    struct span *ret, struct err *err);

/* Take an INTEGER from 0 to `max` off `in`. */
enum rc tlv_number(
    struct span *in, uint32_t max, uint32_t *ret, struct err *err);

/* An AlgorithmIdentifier: the content of its OID, and the whole element that
 * is its parameters (SPAN_NONE: absent). */
struct tlv_algorithm {
	struct span oid;
	struct span parameters;
	struct span whole;
};

enum rc tlv_algorithm(
    struct span *in, struct tlv_algorithm *ret, struct err *err);
/* The same out of a value that was opened already. */
enum rc tlv_algorithm_of(
    const struct tlv *tlv, struct tlv_algorithm *ret, struct err *err);
/* Parameters absent or NULL: readers accept both. */
bool tlv_is_bare(const struct tlv_algorithm *algorithm);
/* For error texts: the OID's name, or its numbers; never empty. */
void tlv_oid_name(struct span oid, char name[80]);

#endif
