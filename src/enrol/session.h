/* enrol/session -- this device, logged in at its authority.
 *
 * May use:   base codec os mime pki vault proto dns net store.
 */
#ifndef ENROL_SESSION_H
#define ENROL_SESSION_H

#include "enrol/acme.h"
#include "enrol/enrol.h"

struct session {
	struct names names;
	struct buf jwk; /* secret: the private key of the account */
	int timeout;    /* milliseconds for one request; may be set */
	struct acme *acme;
};
#define SESSION \
	((struct session){.jwk = BUF_SECRET(64 * 1024), .timeout = 30000})
#define SESSION_OWNED __attribute__((cleanup(session_done)))
void session_done(struct session *session);

/* Log in, with the account that setup made: RC_ABSENT, none was made yet.
 * `session` is SESSION, and stays where it is. */
enum rc session_open(
    struct session *session, const struct enrol *enrol, struct err *err);
/* The same, and make one if there is none. */
enum rc session_begin(
    struct session *session, const struct enrol *enrol, struct err *err);

#endif
