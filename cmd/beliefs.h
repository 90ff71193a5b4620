/* cmd/beliefs -- what the agent believes each root and each server for, as the
 * file of trust settings says now.
 *
 * The file is looked at whenever a letter is judged, and read anew when it is
 * another one.  A new one that cannot be read changes nothing, and is told once
 * in the log.
 */
#ifndef CMD_BELIEFS_H
#define CMD_BELIEFS_H

#include "edge/agent.h"

struct beliefs; /* any thread may use it */

struct beliefs_rules {
	const char *path;          /* need not be there */
	const struct certs *roots; /* our own */
	const struct resolver *resolver;
	int budget; /* ms that a letter may wait for the DNS */
};

/* Borrows what the rules point to until beliefs_free().  Fails if the file is
 * there and cannot be read. */
enum rc beliefs_new(
    const struct beliefs_rules *rules, struct beliefs **ret, struct err *err);
/* Everything was given back. */
void beliefs_free(struct beliefs *beliefs); /* NULL is fine */
OWNER(struct beliefs, beliefs_free);

struct agent_beliefs beliefs_source(struct beliefs *beliefs);

#endif
