/* authority/guard_recovery -- the key that speaks for a mailbox when none of
 * its devices can.
 *
 * It is derived from a code on paper (vault/recovery); here only its thumbprint
 * is known.  A device registers it; it is good as long as the mailbox belongs
 * to those whose device registered it, and forgotten with their enrolment: who
 * had the address before keeps no key to it.
 *
 * May use:   base store.
 * Not here:  the proof itself (acme_recovery).
 */
#ifndef AUTHORITY_GUARD_RECOVERY_H
#define AUTHORITY_GUARD_RECOVERY_H

#include "store/sql.h"

struct guard_recovery {
	char *thumbprint; /* RFC 7638 */
	int64_t since;
};
#define GUARD_RECOVERY_OWNED __attribute__((cleanup(guard_recovery_done)))
void guard_recovery_done(struct guard_recovery *recovery);

/* RC_ABSENT: the mailbox has none. */
enum rc guard_recovery_find(struct sql *sql, const char *address,
    struct guard_recovery *ret, struct err *err);

/* Within the caller's transaction, as everything below.  The same one again
 * changes nothing.  RC_REFUSED: there is another one, and `replaces` is not
 * said. */
struct guard_recovery_wish {
	const char *address;
	const char *thumbprint;
	const char *actor; /* for the audit log */
	int64_t account;
	bool replaces;
	int64_t now;
};
enum rc guard_recovery_set(
    struct sql *sql, const struct guard_recovery_wish *wish, struct err *err);

/* The mailbox has no enrolment any more, or gets another first one: whatever
 * another account than `keeper` (0: anybody) registered is nobody's. */
enum rc guard_recovery_forget(
    struct sql *sql, const char *address, int64_t keeper, struct err *err);

#endif
