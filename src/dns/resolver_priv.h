/* dns/resolver_priv -- the parts of resolver that need no network, for its
 * test.
 */
#ifndef DNS_RESOLVER_PRIV_H
#define DNS_RESOLVER_PRIV_H

#include "dns/resolver.h"

struct srv_record {
	struct srv srv;
	uint16_t priority;
	uint16_t weight;
};

/* RC_SYNTAX: not the data of an SRV record, or a host name that has other
 * bytes than letters, digits, "-" and "_". */
enum rc srv_parse(struct span data, struct srv_record *ret, struct err *err);

/* By RFC 2782: the lowest priority, and among those by weight; `dice` is any
 * random number.  `count` is at least 1. */
const struct srv_record *srv_choose(
    const struct srv_record *records, size_t count, uint32_t dice);

/* Append the strings of a TXT record's data without anything between. */
enum rc txt_parse(struct span data, struct buf *out, struct err *err);

#endif
