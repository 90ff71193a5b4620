/* edge/notice -- tell the person what matters, once, and nothing else.
 *
 * A line in the log and a few words on the desktop (os/desktop).  Neither says
 * what is in a letter, nor of whom it is: logs are read by others, and screens
 * are seen.
 *
 * State item "notices": what was told, so that a thing is told once, also by
 * an agent that was started anew, and so that `letterlock status` can say it.
 *
 * May use:   base codec os mime proto net store flow enrol.
 * Limits:    the newest NOTICE_MAX things are remembered.
 */
#ifndef EDGE_NOTICE_H
#define EDGE_NOTICE_H

#include "edge/agent.h"

#define NOTICE_MAX 500
#define NOTICE_KEY_MAX 80

enum notice_kind {
	NOTICE_DANGER,  /* a letter; key: the SHA-256 of it */
	NOTICE_EXPIRY,  /* a certificate; key: which, and how near */
	NOTICE_EXPIRED, /* the same */
	NOTICE_HELD,    /* a letter that could not be sent yet; key: its name */
	NOTICE_UNSEALED, /* why nothing is sealed at rest */
};

/* Tell it, unless it was told.  Letters that are dangerous come in floods: on
 * the desktop they are told once in NOTICE_PAUSE, whatever their number.  What
 * fails is only not told. */
#define NOTICE_PAUSE (10 * 60)
void notice_tell(
    const struct agent *agent, enum notice_kind kind, const char *key);

/* How often a kind was told since `since`; *ret_last, if not NULL: when last. */
size_t notice_count(const struct state *state, enum notice_kind kind,
    int64_t since, int64_t *ret_last);

/* What can be seen without any letter: certificates that end. */
void notice_look(const struct agent *agent);

/* A letter that could not be sent so often is held. */
#define NOTICE_HELD_TRIES 3

#endif
