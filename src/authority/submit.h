/* authority/submit -- hand one letter of ours to the smarthost.
 *
 * Like net/smtp_send without login, but from a local address that can be
 * chosen: a smarthost lets us relay because of where we come from, and a
 * machine has more than one address.
 *
 * May use:   base os proto dns net.
 */
#ifndef AUTHORITY_SUBMIT_H
#define AUTHORITY_SUBMIT_H

#include "authority/settings.h"
#include "dns/resolver.h"
#include "proto/smtp_client.h"

struct submit_route {
	struct resolver *resolver;
	const char *place; /* host:port */
	const char *from;  /* local address; NULL: any */
	const char *name;  /* for EHLO */
	int timeout;       /* milliseconds for all of it */
};

/* RC_OK: the server answered, see *ret.  RC_IO: it could not be reached or
 * broke off: try again with the same Message-ID. */
enum rc submit(const struct submit_route *route,
    const struct smtp_client_letter *letter, struct smtp_client_result *ret,
    struct err *err);

#endif
