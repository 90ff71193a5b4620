/* authority/guard_domain -- a domain's owner undoes the enrolment of one of its
 * mailboxes: it was somebody else's from the beginning.
 *
 * Any account may ask; what counts is a TXT record that only the domain's owner
 * can set, with a value for this one request.  It is looked for
 * GUARD_DOMAIN_LOOKS times, each by a resolver that remembers nothing, so that
 * an answer that somebody slipped in once is not enough:
 *
 *     seen 0 --there--> seen 1 --there, 12 h later--> ... --> approved
 *       ^  |              |
 *       |  +--not there   |
 *       +----not there----+     (no answer: the same again, later)
 *
 * Until it was seen once nobody is told, for anybody can ask; from then on the
 * devices and the mailbox are.  After GUARD_SECONDS it is refused like anything
 * else.
 *
 * May use:   base codec os dns store.
 */
#ifndef AUTHORITY_GUARD_DOMAIN_H
#define AUTHORITY_GUARD_DOMAIN_H

#include "authority/guard.h"
#include "authority/settings.h"

#define GUARD_DOMAIN_LOOKS 3
#define GUARD_DOMAIN_EVERY ((int64_t)12 * 60 * 60) /* once it was seen */
#define GUARD_DOMAIN_RETRY ((int64_t)300)          /* until it is */
#define GUARD_DOMAIN_OPEN_MAX 5                    /* of one account, at once */

#define GUARD_DOMAIN_JOB "guard-domain"
#define GUARD_DOMAIN_JOB_EVERY 60 /* seconds */

/* Within the caller's transaction.  RC_LIMIT: this account asks for too much. */
struct guard_domain_wish {
	const char *address;
	const char *actor;
	int64_t account;
	int64_t now;
};
enum rc guard_domain_ask(struct sql *sql, const struct guard_domain_wish *wish,
    struct guard *ret, struct err *err);

/* Append the name and the value of the record that is wanted for a request. */
enum rc guard_domain_name(
    const struct guard *guard, struct buf *name, struct err *err);
enum rc guard_domain_value(
    const struct guard *guard, struct buf *value, struct err *err);

/* What one look at the record came to. */
enum guard_domain_seen {
	GUARD_DOMAIN_THERE,
	GUARD_DOMAIN_MISSING, /* the domain says so */
	GUARD_DOMAIN_SILENCE, /* no answer, or a forged one */
};
/* Write it down; the last of the looks approves.  In a transaction of its own. */
enum rc guard_domain_note(struct sql *sql, const char *name,
    enum guard_domain_seen seen, int64_t now, struct err *err);

/* A job: look for what is due.  `context`: the struct settings. */
enum rc guard_domain_look(
    void *context, struct sql *sql, int64_t now, struct err *err);

#endif
