/* authority/ldap_ber -- BER as LDAP has it: definite lengths, of any form;
 * tags of one octet.  For authority/ldap_query and ldap_filter only.
 *
 * Not pki/der: Windows' clients write every length in four octets.
 */
#ifndef AUTHORITY_LDAP_BER_PRIV_H
#define AUTHORITY_LDAP_BER_PRIV_H

#include "base/err.h"
#include "base/span.h"

enum {
	BER_BOOLEAN = 0x01,
	BER_INTEGER = 0x02,
	BER_OCTETS = 0x04,
	BER_ENUMERATED = 0x0a,
	BER_SEQUENCE = 0x30,
};

/* Filter (RFC 4511 section 4.5.1) */
enum {
	FILTER_AND = 0xa0,
	FILTER_OR = 0xa1,
	FILTER_NOT = 0xa2,
	FILTER_EQUAL = 0xa3,
	FILTER_SUBSTRINGS = 0xa4,
	FILTER_GREATER = 0xa5,
	FILTER_LESS = 0xa6,
	FILTER_PRESENT = 0x87,
	FILTER_ABOUT = 0xa8,
	FILTER_EXTENSIBLE = 0xa9,
};

struct ldap_ber {
	uint8_t tag;
	struct span value;
};

/* The lengths of the header and of the content of what begins here.
 * RC_AGAIN: the header is not all there. */
enum rc ldap_ber_size(
    struct span in, size_t *ret_header, size_t *ret_len, struct err *err);

/* Take the first element off.  RC_SYNTAX: there is none.  On failure `in` is
 * as it was. */
enum rc ldap_ber_next(struct span *in, struct ldap_ber *ret, struct err *err);
enum rc ldap_ber_expect(
    struct span *in, uint8_t tag, struct ldap_ber *ret, struct err *err);
enum rc ldap_ber_string(struct span *in, struct span *ret, struct err *err);
/* Not negative, below 2^32. */
enum rc ldap_ber_number(
    struct span *in, uint8_t tag, uint32_t *ret, struct err *err);

#endif
