/* authority/account -- who asks: the accounts of ACME.
 *
 *   valid --(its own request)--> deactivated      (for ever)
 *
 * May use:   base codec os store.
 */
#ifndef AUTHORITY_ACCOUNT_H
#define AUTHORITY_ACCOUNT_H

#include "store/sql.h"

struct account {
	int64_t id;
	char *name; /* the end of its URL */
	char *thumbprint;
	char *jwk;     /* public, JSON */
	char *contact; /* JSON array */
	char *binding; /* the externalAccountBinding as it came; or NULL */
	char *terms;   /* URL of the terms that were agreed to; or NULL */
	bool deactivated;
};

#define ACCOUNT_OWNED __attribute__((cleanup(account_done)))
void account_done(struct account *account);

/* RC_ABSENT: there is none. */
enum rc account_find(
    struct sql *sql, const char *name, struct account *ret, struct err *err);
enum rc account_find_id(
    struct sql *sql, int64_t id, struct account *ret, struct err *err);
enum rc account_find_key(struct sql *sql, const char *thumbprint,
    struct account *ret, struct err *err);

/* A new account.  RC_REFUSED: the key has one already. */
struct account_wish {
	const char *thumbprint;
	const char *jwk;
	const char *contact;
	const char *binding;
	const char *terms;
	int64_t now;
};
enum rc account_add(struct sql *sql, const struct account_wish *wish,
    struct account *ret, struct err *err);

enum rc account_set_contact(
    struct sql *sql, int64_t id, const char *contact, struct err *err);
enum rc account_set_terms(
    struct sql *sql, int64_t id, const char *terms, struct err *err);
/* RC_ABSENT: it has another key than `before`.  RC_REFUSED: the new one has an
 * account. */
struct account_key {
	int64_t id;
	const char *before; /* thumbprint */
	const char *thumbprint;
	const char *jwk;
};
enum rc account_set_key(
    struct sql *sql, const struct account_key *key, struct err *err);
enum rc account_deactivate(struct sql *sql, int64_t id, struct err *err);

#endif
