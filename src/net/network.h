/* net/network -- which addresses of the internet a stranger may send us to.
 *
 * Standard:  RFC 6890 and IANA's registries of special-purpose addresses.
 * May use:   base codec os pki proto.  No I/O.
 */
#ifndef NET_NETWORK_H
#define NET_NETWORK_H

#include <sys/socket.h>

#include "base/err.h"
#include "base/span.h"

#define NETWORKS_MAX 16

/* Networks that somebody named: "10.1.0.0/16", "fd00::/8", "192.0.2.1". */
struct networks {
	struct network {
		uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
		unsigned bits;       /* of the 128 */
	} item[NETWORKS_MAX];
	size_t len;
};

/* RC_SYNTAX: no network.  RC_LIMIT: one too many. */
enum rc networks_add(
    struct networks *networks, const char *text, struct err *err);
bool networks_have(
    const struct networks *networks, const struct sockaddr *address);

/* Can everybody on the internet reach it?  Not: this computer, this link,
 * private networks, multicast, what is reserved, and what carries an IPv4
 * address in it and so hides where it leads. */
bool network_is_public(const struct sockaddr *address);

#endif
