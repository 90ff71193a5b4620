/* enrol/oauth -- an access token for the person's mail servers, always a good
 * one.
 *
 * Standard:  RFC 6749 with the sentences of RFC 9700: code grant with PKCE
 *            (RFC 7636, S256), in the person's own browser, back to a port of
 *            the loopback address (RFC 8252 section 7.3).  RFC 8414 finds the
 *            endpoints of an issuer.
 * State:     item "oauth", JSON: the refresh token, and the access token with
 *            its end (doc/formats.md).  Both wrapped, as all state is.
 * May use:   base codec os mime pki vault proto dns net store.
 * Not here:  logging in with it (enrol/upstream).
 * Limits:    answers of 64 KiB, tokens of 8000 bytes, 30 seconds a request.
 */
#ifndef ENROL_OAUTH_H
#define ENROL_OAUTH_H

#include "enrol/account.h"

struct oauth; /* may be shared by threads */

struct oauth_config {
	const struct account *account;
	const struct state *state;
	const struct names *names;
};

/* Borrows all of it until oauth_free(). */
enum rc oauth_new(
    const struct oauth_config *config, struct oauth **ret, struct err *err);
void oauth_free(struct oauth *oauth);
OWNER(struct oauth, oauth_free);

/* Append an access token: the one there is for as long as it is good, else a
 * new one.  `fresh`: a new one anyway, for the one there is was not taken.
 * RC_REFUSED: the provider gives none any more; the person has to log in again
 * (letterlock setup).  RC_ABSENT: nobody logged in yet. */
enum rc oauth_token(
    struct oauth *oauth, bool fresh, struct buf *token, struct err *err);

/* Fill in the account's endpoints from its issuer (RFC 8414 section 3). */
enum rc oauth_find_endpoints(struct oauth *oauth, const char *issuer,
    struct account *account, struct err *err);

/* -- logging in: begin, show the URL, wait -- */

struct oauth_login;

/* Listen on a port of 127.0.0.1 and make the URL (lent) that the person has to
 * open. */
enum rc oauth_login_new(struct oauth *oauth, struct oauth_login **ret,
    const char **ret_url, struct err *err);
void oauth_login_free(struct oauth_login *login);
OWNER(struct oauth_login, oauth_login_free);
/* Wait until the browser comes back, trade the code for tokens, save them.
 * Whatever else comes to the port (another state, another path, no HTTP) is
 * turned away and changes nothing.  RC_IO: nobody came within `timeout`
 * milliseconds.  RC_REFUSED: the person or the provider said no. */
enum rc oauth_login_wait(
    struct oauth_login *login, int timeout, struct err *err);

#endif
