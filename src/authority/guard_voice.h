/* authority/guard_voice -- what somebody who comes with a certificate may say of
 * what waits.
 *
 * A device says yes or no alone.  An operator says no alone, and yes together
 * with another one.  The undoing of an enrolment is the operators': it is about
 * the device itself.
 *
 * Errors:    RC_REFUSED: it was decided before.  RC_UNFIT: it is not for this
 *            person to say.
 * May use:   base store.
 */
#ifndef AUTHORITY_GUARD_VOICE_H
#define AUTHORITY_GUARD_VOICE_H

#include "authority/guard.h"
#include "authority/person.h"

#define GUARD_VOICE_MAX 600

struct guard_voice {
	struct sql *sql;
	const struct person *person;
	int64_t now;
};

/* Is the wish about their own mailbox? */
enum rc guard_voice_is_own(const struct guard_voice *voice,
    const struct guard *guard, bool *ret, struct err *err);
/* Is there anything for them to say, as far as can be told beforehand? */
enum rc guard_voice_can(const struct guard_voice *voice,
    const struct guard *guard, bool *ret, struct err *err);
/* Who it is, for the audit log: a device, or an operator. */
void guard_voice_print(const struct guard_voice *voice, bool as_operator,
    char text[GUARD_VOICE_MAX]);

/* Within the caller's transaction. */
enum rc guard_voice_say(const struct guard_voice *voice,
    const struct guard *guard, bool approves, struct err *err);
/* An operator wants an enrolment undone: the first of two voices.  RC_ABSENT:
 * there is none.  RC_LIMIT: too much waits for this mailbox. */
enum rc guard_voice_undo(const struct guard_voice *voice, const char *address,
    struct guard *ret, struct err *err);

#endif
