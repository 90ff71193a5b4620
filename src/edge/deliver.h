/* edge/deliver -- get spooled letters to the provider.
 *
 *   submitted -> spool (fsynced) -> first try by the session, up to 30 s
 *        250: gone, the client is told 250
 *        5xx on the first copy: gone, the client is told so, nothing was sent
 *        away: stays, the client is told 250; tried again, at growing
 *              intervals; after five days the sender gets a report
 *
 * May use:   base codec os mime proto net store flow enrol.
 */
#ifndef EDGE_DELIVER_H
#define EDGE_DELIVER_H

#include "edge/agent.h"

struct deliver_answer {
	unsigned code; /* for the mail program: 250 or 5xx */
	char enhanced[12];
	char text[300];
};

/* What the mail program said of the letter before its data; zero is empty. */
struct envelope {
	char *from;  /* "": the null reverse-path, which stays what it is */
	char *envid; /* RFC 3461; "": none */
	struct strlist to, notify, orcpt;
};

/* Begin anew; the last of these may be called at any time. */
enum rc envelope_begin(struct envelope *envelope, const char *from,
    const char *envid, struct err *err);
enum rc envelope_add(struct envelope *envelope, const char *to, unsigned notify,
    const char *orcpt, struct err *err);
void envelope_done(struct envelope *envelope);

/* Spool all copies of a letter and try them once.  RC_IO: nothing was spooled;
 * answer 4xx. */
enum rc deliver_submit(const struct agent *agent,
    const struct envelope *envelope, const struct outgoing *made,
    struct deliver_answer *ret, struct err *err);

/* Try everything that is due; *ret_next is when to come again. */
void deliver_due(const struct agent *agent, int64_t *ret_next);

#endif
