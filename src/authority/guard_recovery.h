/* authority/guard_recovery -- the key that speaks for a mailbox when none of
 * its devices can.
 *
 * It is derived from a code on paper (vault/recovery); here only its thumbprint
 * is known.  A device registers it; it is good as long as the mailbox belongs
 * to those whose device registered it, and forgotten with their enrolment: who
 * had the address before keeps no key to it.
 *
 * Whoever tries one key after the other is stopped, by account: a limit for the
 * mailbox would be a way for a thief to keep its person's own code from being
 * heard.  That a code was replaced is told by letter: a device that was stolen
 * can do that.
 *
 * May use:   base os store.
 * Not here:  the proof itself (acme_recovery).
 * Limits:    GUARD_RECOVERY_WRONG_MAX wrong codes of an account in
 *            GUARD_RECOVERY_WRONG_SECONDS.
 */
#ifndef AUTHORITY_GUARD_RECOVERY_H
#define AUTHORITY_GUARD_RECOVERY_H

#include "store/sql.h"

#define GUARD_RECOVERY_WRONG_MAX 10
#define GUARD_RECOVERY_WRONG_SECONDS ((int64_t)24 * 60 * 60)

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

/* -- wrong codes -- */

/* May the account show a code now?  RC_LIMIT: it showed too many wrong ones. */
enum rc guard_recovery_may(
    struct sql *sql, int64_t account, int64_t now, struct err *err);
/* It showed a wrong one; in a transaction of its own. */
struct guard_recovery_wrong {
	const char *address; /* the mailbox */
	const char *actor;   /* for the audit log */
	int64_t account;
	int64_t now;
};
enum rc guard_recovery_wrong(
    struct sql *sql, const struct guard_recovery_wrong *wrong, struct err *err);

/* -- the letter about a replaced one, as guard_take_mail() has letters -- */

struct guard_recovery_mail {
	char *address;
	int64_t since; /* when it was replaced */
	unsigned tries;
};
#define GUARD_RECOVERY_MAIL_OWNED \
	__attribute__((cleanup(guard_recovery_mail_done)))
void guard_recovery_mail_done(struct guard_recovery_mail *mail);

enum rc guard_recovery_take_mail(struct sql *sql, int64_t now,
    struct guard_recovery_mail *ret, int64_t *ret_next, struct err *err);
/* `next` 0: it was sent. */
enum rc guard_recovery_mailed(struct sql *sql,
    const struct guard_recovery_mail *mail, int64_t next, struct err *err);

#endif
