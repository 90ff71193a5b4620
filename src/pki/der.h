/* pki/der -- walk through DER by hand, element by element.
 *
 * Standard:  X.690: definite and shortest lengths, no constructed strings.
 *            Certificates and signed attributes are DER; whoever accepts BER
 *            there lets two readers see different things in the same bytes.
 * May use:   base.
 * Limits:    32 levels deep; tag numbers below 31.
 */
#ifndef PKI_DER_H
#define PKI_DER_H

#include "base/err.h"
#include "base/span.h"

#define DER_MAX_DEPTH 32

enum der_tag {
	DER_INTEGER = 0x02,
	DER_BITS = 0x03,
	DER_OCTETS = 0x04,
	DER_OID = 0x06,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
	DER_CONTEXT_0 = 0xa0,
};

struct der {
	uint8_t tag; /* the identifier octet */
	struct span value;
	struct span whole; /* tag and length included */
};

/* Take the first element off `in`; lends parts of it.  RC_ABSENT: `in` is
 * empty.  RC_SYNTAX: not DER.  On failure `in` is as it was. */
enum rc der_next(struct span *in, struct der *ret, struct err *err);

/* The same, and RC_SYNTAX when there is none or it has another tag. */
enum rc der_expect(
    struct span *in, uint8_t tag, struct der *ret, struct err *err);

/* RC_OK: all of `in` is one element and DER all the way down (what lies in
 * octet and bit strings is not looked at). */
enum rc der_check(struct span in, struct err *err);

#endif
