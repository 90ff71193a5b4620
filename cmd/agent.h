/* cmd/agent -- what every command that acts as a person's agent needs.
 */
#ifndef CMD_AGENT_H
#define CMD_AGENT_H

#include "cmd/home.h"
#include "edge/agent.h"

/* From a home that is prepared.  `me` holds the account's address, or soon
 * will; all of them live as long as the agent.  Left out: the fronts, the
 * spool, people and status. */
void agent_fill(const struct home *home, const struct names *names,
    const struct strlist *me, struct agent *agent);
/* The way to its mail servers; `home` lives as long. */
enum rc agent_upstream(
    const struct home *home, struct upstream **ret, struct err *err);

#endif
