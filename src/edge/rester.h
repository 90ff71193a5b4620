/* edge/rester -- the agent's thread that stores letters again (edge/rest_run).
 *
 * It has a connection of its own, and is never waited for but at the end.
 *
 * May use:   base codec os mime proto net store flow enrol.
 */
#ifndef EDGE_RESTER_H
#define EDGE_RESTER_H

#include "base/own.h"
#include "edge/agent.h"

#define RESTER_EVERY 60 /* seconds */

struct rester;

/* `agent` is borrowed until rester_free(), which waits for the letter that is
 * on its way. */
enum rc rester_new(
    const struct agent *agent, struct rester **ret, struct err *err);
void rester_free(struct rester *rester);
OWNER(struct rester, rester_free);

#endif
