/* proto/smtp_auth -- the client's side of AUTH (RFC 4954).
 *
 * Private to proto/smtp_client.
 *
 *     FIRST --334--> LAST        the message did not fit on the command's line
 *     USER --334--> PASSWORD --334--> LAST                             (LOGIN)
 *     LAST --334--> ENDED        the token is not good; its end is asked for
 */
#ifndef PROTO_SMTP_AUTH_PRIV_H
#define PROTO_SMTP_AUTH_PRIV_H

#include "proto/sasl.h"

#define SMTP_AUTH_USER_MAX 512
#define SMTP_AUTH_SECRET_MAX 8192

enum smtp_auth_step {
	SMTP_AUTH_FIRST,
	SMTP_AUTH_USER,
	SMTP_AUTH_PASSWORD,
	SMTP_AUTH_LAST,
	SMTP_AUTH_ENDED,
};

struct smtp_auth {
	struct sasl sasl;
	unsigned mechanism; /* in work */
	enum smtp_auth_step step;
};

/* RC_LIMIT, RC_SYNTAX: what we have cannot be said. */
enum rc smtp_auth_check(const struct sasl *sasl, struct err *err);
/* Append the AUTH command.  `certified`: TLS has shown our certificate, and
 * EXTERNAL is tried first.  RC_ABSENT: nothing is offered for us, and TLS has
 * shown all we have.  RC_UNFIT: nothing is offered. */
enum rc smtp_auth_begin(struct smtp_auth *auth, unsigned offered,
    bool certified, struct buf *out, struct err *err);
/* Append what answers a 334.  RC_SYNTAX: none was to come. */
enum rc smtp_auth_go_on(
    struct smtp_auth *auth, struct buf *out, struct err *err);
/* The server said no: is there something else to try? */
bool smtp_auth_has_more(const struct smtp_auth *auth);

#endif
