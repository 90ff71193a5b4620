/* authority/audit -- what was done, by whom, so that nobody can unsay it.
 *
 * An act is written in the transaction that does it: there is neither one
 * without the other.  A job seals the entries: in the order of their positions
 * each one's hash covers the one before, and the last of a batch is stamped by
 * our own timestamp authority (authority/audit_seal.h).
 *
 * May use:   base store.
 * Limits:    AUDIT_TEXT_MAX bytes in each text.
 */
#ifndef AUTHORITY_AUDIT_H
#define AUTHORITY_AUDIT_H

#include "store/sql.h"

#define AUDIT_TEXT_MAX 2000

struct audit_act {
	const char *actor;  /* "account NAME", "operator CN", "authority" */
	const char *act;    /* "issue", "revoke", ... */
	const char *object; /* what it is about: a serial in hex, an address */
	const char *detail; /* "" or NULL: nothing more to say */
	int64_t now;
};

/* Within the caller's transaction.  RC_LIMIT: a text is too long. */
enum rc audit_add(
    struct sql *sql, const struct audit_act *act, struct err *err);

/* An entry; the texts are lent until the next one. */
struct audit_entry {
	int64_t position; /* in the chain; 0: not in it yet */
	int64_t id;
	int64_t at;
	struct span text[4]; /* actor, act, object, detail */
};

/* Every entry, in the order in which they were begun.  RC_OK, or the first
 * failure of `each`. */
enum rc audit_each(struct sql *sql,
    enum rc (*each)(
	void *context, const struct audit_entry *entry, struct err *err),
    void *context, struct err *err);

#endif
