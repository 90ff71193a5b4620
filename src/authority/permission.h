/* authority/permission -- a domain's word: may we issue for its mailboxes?
 *
 *     asked ----> yes       good for PERMISSION_SECONDS
 *       ^ |
 *       | +-----> no        final for the orders that wait for it
 *       | +-----> silence   the same; nobody answered, or it was forged
 *       |
 *       +--- somebody wants to issue, and there is no yes that is still good
 *
 * It is asked for when a mailbox is ordered for, and again if it has become too
 * old; what decides is the word at the moment of issuing (RFC 8659 section 3,
 * S/MIME BR 4.2.2.1: within eight hours).  Each authorization has its own, for
 * it is about an account and a way of proving too (RFC 8657).
 *
 * May use:   base os store.
 * Not here:  the DNS (authority/asker, dns/caa).
 */
#ifndef AUTHORITY_PERMISSION_H
#define AUTHORITY_PERMISSION_H

#include "store/sql.h"

#define PERMISSION_SECONDS ((int64_t)8 * 60 * 60)
/* A no is repeated for so long before it is asked again: its owner may have
 * changed the records since. */
#define PERMISSION_NO_SECONDS ((int64_t)60)

enum permission_word {
	PERMISSION_ASKED,
	PERMISSION_YES,
	PERMISSION_NO,
	PERMISSION_SILENCE,
};

struct permission {
	enum permission_word word;
	char *detail; /* why not */
	int64_t at;   /* when it was said, or asked for */
};
#define PERMISSION_OWNED __attribute__((cleanup(permission_done)))
void permission_done(struct permission *permission);

/* RC_ABSENT: it was never asked for. */
enum rc permission_find(struct sql *sql, int64_t authorization,
    struct permission *ret, struct err *err);
/* A yes that is not too old; a no that is not. */
bool permission_is_yes(const struct permission *permission, int64_t now);
bool permission_is_no(const struct permission *permission, int64_t now);

/* Have it asked for, unless it is already.  Within the caller's transaction. */
enum rc permission_ask(
    struct sql *sql, int64_t authorization, int64_t now, struct err *err);

/* What waits to be asked, as authorization_take_mail() has the letters. */
#define PERMISSION_LEASE 120
struct permission_question {
	int64_t authorization;
	char *address; /* of the mailbox */
	char *account; /* its name */
	unsigned tries;
};
#define PERMISSION_QUESTION_OWNED \
	__attribute__((cleanup(permission_question_done)))
void permission_question_done(struct permission_question *question);
enum rc permission_take(struct sql *sql, int64_t now,
    struct permission_question *ret, int64_t *ret_next, struct err *err);
enum rc permission_later(
    struct sql *sql, int64_t authorization, int64_t next, struct err *err);

/* The word, in a transaction of its own: all but yes ends the orders that wait
 * for it.  The audit log has it. */
struct permission_answer {
	const struct permission_question *question;
	enum permission_word word;
	const char *detail;
	int64_t now;
};
enum rc permission_say(
    struct sql *sql, const struct permission_answer *answer, struct err *err);

#endif
