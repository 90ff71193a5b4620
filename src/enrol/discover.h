/* enrol/discover -- find a provider's settings from the address alone.
 *
 * Asked all at once, each within a budget; what counts is the first that has
 * an answer, in this order, whichever was quicker:
 *
 *   1. https://autoconfig.DOMAIN/mail/config-v1.1.xml?emailaddress=ADDRESS
 *   2. https://DOMAIN/.well-known/autoconfig/mail/config-v1.1.xml
 *   3. https://ua-auto-config.DOMAIN/.well-known/user-agent-configuration.json,
 *      whose digest the DNS has (enrol/pacc)
 *   4. SRV records (enrol/account)
 *
 * 1 to 3 are believed because TLS proves the domain: so they may name servers
 * elsewhere.  Never asked: the same without TLS, whose answer anybody on the
 * way could write; lists at third parties, which would learn whose mail is
 * where; what MX records lead to.  A redirect is no answer.
 *
 * May use:   base codec os mime pki vault proto dns net store.
 */
#ifndef ENROL_DISCOVER_H
#define ENROL_DISCOVER_H

#include "enrol/discovery.h"

#define DISCOVER_BUDGET 8000 /* milliseconds; the usual one */

/* Fill in what the account does not have yet: servers, user.  *ret_found: what
 * was said, for who needs to know the ways to log in; zero if nothing was
 * asked because nothing is missing.  Failures are those of
 * account_find_servers(), or say what is wrong with the answer there was. */
enum rc discover_run(struct account *account, const struct resolver *resolver,
    int budget, struct discovery *ret_found, struct err *err);

#endif
