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

#endif
