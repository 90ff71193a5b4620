/* authority/guard_letter -- what a mailbox is told when somebody who is none of
 * its devices wants something for it, and when its recovery code was used.
 *
 * The devices are told by the authority itself (acme_guard, desk): a thief
 * of the mailbox can take this letter away, and not that.
 *
 * May use:   base codec.
 */
#ifndef AUTHORITY_GUARD_LETTER_H
#define AUTHORITY_GUARD_LETTER_H

#include "authority/guard.h"

struct guard_letter {
	const struct guard *guard;
	const char *from;
	const char *message_id; /* with angle brackets */
	const char *url;        /* of the authority */
};

/* Append it, unsigned. */
enum rc guard_letter_print(
    const struct guard_letter *letter, struct buf *out, struct err *err);

/* That a device replaced the mailbox's recovery code: whoever stole the device
 * could have. */
struct guard_letter_replaced {
	const char *address;
	const char *from;
	const char *message_id;
	int64_t at;
};
enum rc guard_letter_print_replaced(const struct guard_letter_replaced *letter,
    struct buf *out, struct err *err);

#endif
