/* edge/front -- accept the mail program's connections, a thread for each.
 *
 * May use:   base codec os mime proto net store flow enrol.
 */
#ifndef EDGE_FRONT_H
#define EDGE_FRONT_H

#include "edge/agent.h"

struct front; /* one listening socket with its thread */

struct visit; /* one connection */
typedef void front_serve(const struct agent *agent, struct visit *visit);

struct front_way {
	int fd; /* taken over */
	front_serve *serve;
	bool clear; /* TLS begins later, by STARTTLS (visit_secure) */
};

/* Begin to accept.  TLS comes first, within ten seconds, where it is not to
 * begin later.  When there are as many that have not logged in as the limit
 * allows, the oldest of them makes room for a new one: whoever only holds
 * connections keeps nobody out. */
enum rc front_start(const struct agent *agent, const struct front_way *way,
    struct front **ret, struct err *err);

struct stream *visit_stream(struct visit *visit);
/* Is there no TLS yet? */
bool visit_is_clear(const struct visit *visit);
/* STARTTLS was answered: do it. */
enum rc visit_secure(struct visit *visit, struct err *err);
/* It has logged in, and makes room for nobody from now on.  RC_LIMIT: as many
 * as may are logged in already. */
enum rc visit_admit(struct visit *visit, struct err *err);

/* Accept no more, end what waits, wait until every session has ended. */
void front_stop(struct front *front);

#endif
