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
/* Whom it believes as a mail server. */
enum rc agent_trust(const struct home *home, struct tls **ret, struct err *err);

#endif
