/* authority/mailer -- a thread that sends the challenge letters, and asks the
 * hosts of the test profile (authority/http01).
 *
 * What waits is in the database (authorization's mail_next), so that nothing
 * is lost by a crash; of several processes one sends it, and another only if
 * that one did not say in time what became of it.  A letter that was sent
 * twice bears the same Message-ID and token.
 *
 * Standard:  RFC 8823 section 3.1.
 * May use:   base codec os proto dns net store.
 */
#ifndef AUTHORITY_MAILER_H
#define AUTHORITY_MAILER_H

#include "authority/settings.h"
#include "base/own.h"
#include "dns/resolver.h"

struct mailer;

struct mailer_config {
	const struct settings *settings;
	const char *folder;
	struct resolver *resolver;
	struct span dkim_key; /* PEM */
};

/* Borrows everything in `config` until mailer_free().  RC_CRYPTO and the like:
 * the DKIM key is no key. */
enum rc mailer_new(
    const struct mailer_config *config, struct mailer **ret, struct err *err);
/* Waits for the letter that is being sent. */
void mailer_free(struct mailer *mailer);
OWNER(struct mailer, mailer_free);

/* There is something new to send.  For any thread. */
void mailer_wake(struct mailer *mailer);

#endif
