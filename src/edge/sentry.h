/* edge/sentry -- the thread of the agent that asks the authority, now and then,
 * whether somebody wants something for this mailbox, and says so in the log.
 *
 * A thief of the mailbox can take away the letters that warn of them; what the
 * authority tells this device they cannot.
 *
 * May use:   base os enrol.
 */
#ifndef EDGE_SENTRY_H
#define EDGE_SENTRY_H

#include "base/own.h"
#include "edge/agent.h"

#define SENTRY_EVERY 600 /* seconds between two looks, if nothing else is set */

struct sentry;

/* Look at once, and then every agent->watch_every seconds.  Borrows the agent
 * until sentry_free(), which waits for a look that is under way. */
enum rc sentry_new(
    const struct agent *agent, struct sentry **ret, struct err *err);
void sentry_free(struct sentry *sentry); /* NULL is fine */
OWNER(struct sentry, sentry_free);

#endif
