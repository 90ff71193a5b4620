/* authority/revoked -- the certificates that nobody shall rely on any more.
 *
 * Standard:  RFC 5280 section 5.3.1 (reasons), the S/MIME Baseline
 *            Requirements section 7.2.2 (which of them are allowed).
 * May use:   base pki store.
 * Not here:  who may ask for it (authority/acme, the guard, the command);
 *            telling the world (authority/lists, authority/responder).
 *
 * A revocation is never taken back.
 */
#ifndef AUTHORITY_REVOKED_H
#define AUTHORITY_REVOKED_H

#include "store/sql.h"

enum revoked_reason {
	REVOKED_UNSPECIFIED = 0,
	REVOKED_KEY_COMPROMISE = 1,
	REVOKED_AFFILIATION_CHANGED = 3,
	REVOKED_SUPERSEDED = 4,
	REVOKED_CESSATION = 5,
	REVOKED_PRIVILEGE_WITHDRAWN = 9,
};

/* May a certificate of a mailbox be revoked for this reason? */
bool revoked_can_be(int reason);
/* "keyCompromise"; NULL: no reason that may be given.  And back; -1. */
const char *revoked_reason_name(int reason);
int revoked_reason_find(const char *name);

struct revoked_wish {
	struct span serial; /* the content of the INTEGER */
	int reason;
	const char *by; /* who did it: the actor of authority/audit.h */
	int64_t now;
};

/* Within a transaction of the caller.  RC_ABSENT: no such certificate was ever
 * issued.  RC_REFUSED: it is revoked already (that its key was found
 * compromised may be added).  RC_UNFIT: not a reason. */
enum rc revoked_add(
    struct sql *sql, const struct revoked_wish *wish, struct err *err);

struct revoked {
	int64_t at;
	int reason;
};

/* RC_ABSENT: it is not revoked, or was never issued. */
enum rc revoked_find(
    struct sql *sql, struct span serial, struct revoked *ret, struct err *err);

#endif
