/* authority/external -- keys that bind a new account to somebody whom the
 * operator knows (RFC 8555 section 7.3.4).
 *
 * A key is a shared secret, so it lies in the database as it is: who reads the
 * database can open accounts with it, as long as accounts are left of it, and
 * nothing else.
 *
 * May use:   base os store.
 */
#ifndef AUTHORITY_EXTERNAL_H
#define AUTHORITY_EXTERNAL_H

#include "store/sql.h"

#define EXTERNAL_LABEL_MAX 200
#define EXTERNAL_ACCOUNTS_MAX 1000000

struct external {
	int64_t id;
	struct buf key;
	char *label;  /* the operator's words for whom it is */
	int64_t left; /* accounts that may still be made with it */
};

#define EXTERNAL ((struct external){.key = BUF_SECRET(1000)})
#define EXTERNAL_OWNED __attribute__((cleanup(external_done)))
void external_done(struct external *external);

/* A new key, for so many accounts.  Appends its name and, as base64url, the
 * secret. */
struct external_wish {
	const char *label;
	int64_t accounts;
	int64_t now;
};
enum rc external_add(struct sql *sql, const struct external_wish *wish,
    struct buf *kid, struct buf *secret, struct err *err);

/* `ret` must be EXTERNAL.  RC_ABSENT: there is no such key. */
enum rc external_find(
    struct sql *sql, const char *kid, struct external *ret, struct err *err);
/* One account less.  RC_ABSENT: none was left. */
enum rc external_use(struct sql *sql, int64_t id, struct err *err);

#endif
