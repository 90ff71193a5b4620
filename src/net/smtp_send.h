/* net/smtp_send -- hand one letter to a mail server.
 *
 * May use:   base codec os pki proto.
 */
#ifndef NET_SMTP_SEND_H
#define NET_SMTP_SEND_H

#include "net/stream.h"
#include "proto/smtp_client.h"

enum smtp_security { SMTP_PLAIN, SMTP_STARTTLS, SMTP_TLS };

struct smtp_route {
	const struct names *names;
	const struct tls *tls; /* for SMTP_STARTTLS and SMTP_TLS */
	const char *host;
	uint16_t port;
	const char *source; /* local address to come from; NULL: any */
	enum smtp_security security;
	const char *helo;
	/* user NULL: no login; host and port are the route's.  A certificate of
	 * `tls` that the server asked for is tried first. */
	struct sasl login;
	int timeout; /* milliseconds for all of it */
};

/* RC_OK: the server answered; see *ret (code 250: taken for all).  RC_IO: it
 * could not be reached or broke off: whether it has the letter is not known,
 * try again with the same Message-ID.  RC_UNFIT: TLS failed. `letter` NULL:
 * only log in, to see whether the account works. */
enum rc smtp_send(const struct smtp_route *route,
    const struct smtp_client_letter *letter, struct smtp_client_result *ret,
    struct err *err);

#endif
