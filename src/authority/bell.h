/* authority/bell -- how a thread that works in the background is woken.
 *
 * It waits until a time, until somebody rings, or until it shall stop; a ring
 * that came while it worked is not lost.
 *
 * May use:   base os.
 */
#ifndef AUTHORITY_BELL_H
#define AUTHORITY_BELL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct bell {
	pthread_mutex_t lock; /* for what follows */
	pthread_cond_t change;
	bool rung;
	bool stopping;
	bool ready; /* init was done */
};

enum rc bell_init(struct bell *bell, struct err *err);
void bell_done(struct bell *bell); /* of zeroes, too */

/* For any thread.  Of several that wait, one is woken. */
void bell_ring(struct bell *bell);
/* All of them are. */
void bell_stop(struct bell *bell);
bool bell_is_stopping(struct bell *bell);
/* At most `seconds`, and not at all if it was rung since the last wait. */
void bell_wait(struct bell *bell, int64_t seconds);

#endif
