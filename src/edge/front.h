/* edge/front -- accept the mail program's connections, a thread for each.
 *
 * May use:   base codec os mime proto net store flow enrol.
 */
#ifndef EDGE_FRONT_H
#define EDGE_FRONT_H

#include "edge/agent.h"

struct front; /* one listening socket with its thread */

typedef void front_serve(const struct agent *agent, struct stream *stream);

/* Begin to accept on `fd` (taken over).  TLS comes first, within ten seconds;
 * beyond the limit of connections a new one is closed at once. */
enum rc front_start(const struct agent *agent, int fd, front_serve *serve,
    struct front **ret, struct err *err);

/* Accept no more, end what waits, wait until every session has ended. */
void front_stop(struct front *front);

#endif
