/* authority/http01 -- does the host say what only the account could have told
 * it?  For the test profile: our ACME is driven by clients for web servers.
 *
 * Standard:  RFC 8555 section 8.3; port 80; redirects are followed as
 *            net/fetch does.
 * May use:   base dns net.
 * Limits:    HTTP01_BODY_MAX bytes; HTTP01_MS for all of it.
 *
 * Hosts in the networks of a test are asked too: whoever switches the profile
 * on lets strangers have us ask around in there.
 */
#ifndef AUTHORITY_HTTP01_H
#define AUTHORITY_HTTP01_H

#include "dns/resolver.h"

#define HTTP01_BODY_MAX ((size_t)4096)
#define HTTP01_MS 10000

struct http01_question {
	const char *host;
	const char *token;
	const char *thumbprint[2]; /* either will do: of the account's key, and
				    * of the one it had when it asked */
};

/* RC_OK: proved.  RC_REFUSED: not, for the reason in `err`, and *ret_type is
 * the type of the problem ("dns", "connection", "unauthorized"). */
enum rc http01_check(struct resolver *resolver,
    const struct http01_question *question, const char **ret_type,
    struct err *err);

#endif
