/* authority/mx -- a mail server that takes answers to challenges, and nothing
 * else: by SMTP, and by LMTP from a mail server of the domain if that is set.
 *
 * One thread a connection, at most settings.mx_connections; a session ends
 * after MX_SESSION_MS however slow it is, and when all are taken, for a new one
 * after MX_PATIENCE_MS.
 *
 * Standard:  RFC 5321, RFC 2033, RFC 8823.
 * May use:   base codec os proto dns net store.
 */
#ifndef AUTHORITY_MX_H
#define AUTHORITY_MX_H

#include "authority/settings.h"
#include "base/own.h"
#include "dns/resolver.h"

#define MX_SESSION_MS 300000
#define MX_PATIENCE_MS 5000

struct mx;

struct mx_config {
	const struct settings *settings;
	const char *folder;
	struct resolver *resolver;
};

/* Listen and serve.  Borrows everything in `config` until mx_free(). */
enum rc mx_new(
    const struct mx_config *config, struct mx **ret, struct err *err);
/* No new connections; ends the ones there are. */
void mx_free(struct mx *mx);
OWNER(struct mx, mx_free);

#endif
