/* authority/asker -- asks domains whether we may issue for their mailboxes.
 *
 * Threads that do nothing else, each with a database connection of its own, so
 * that a domain whose servers take their time keeps nobody waiting who asks for
 * something else.
 *
 * May use:   base os mime dns store.
 * Not here:  what a word means for an order (authority/permission).
 */
#ifndef AUTHORITY_ASKER_H
#define AUTHORITY_ASKER_H

#include "authority/settings.h"
#include "base/own.h"
#include "dns/resolver.h"

#define ASKER_THREADS 4
/* Without an answer it is asked so often, a little later each time. */
#define ASKER_TRIES 3

struct asker;

struct asker_config {
	const struct settings *settings;
	const char *folder;
	struct resolver *resolver;
};

/* Borrows everything in `config` until asker_free(). */
enum rc asker_new(
    const struct asker_config *config, struct asker **ret, struct err *err);
/* Waits for the questions that are being asked. */
void asker_free(struct asker *asker);
OWNER(struct asker, asker_free);

/* There is something new to ask.  For any thread. */
void asker_wake(struct asker *asker);

#endif
