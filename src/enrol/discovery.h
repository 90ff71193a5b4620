/* enrol/discovery -- what a provider says of its own mail servers.
 *
 * Filled by enrol/clientconfig, enrol/pacc and enrol/account (SRV); whoever
 * asked for it decides whether it is believed (enrol/discover).
 */
#ifndef ENROL_DISCOVERY_H
#define ENROL_DISCOVERY_H

#include "enrol/account.h"

/* Ways to log in, as bits. */
#define DISCOVERY_PASSWORD 1u
#define DISCOVERY_OAUTH 2u
#define DISCOVERY_CERTIFICATE 4u

struct discovery {
	struct account_server imap; /* host "": not said; never in the clear */
	struct account_server smtp;
	char user[321];  /* login name; "": not said */
	unsigned logins; /* that both servers take; 0: not said */
	/* of OAuth 2.0; "": not said */
	char issuer[512], auth_url[512], token_url[512], scope[512];
};

#endif
