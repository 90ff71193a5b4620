/* authority/order -- one certificate that was asked for.
 *
 * Its state follows from what it points at (RFC 8555 section 7.1.6):
 *
 *   has a certificate                    -> valid
 *   its authorization is valid           -> ready
 *   its authorization is pending         -> pending
 *   anything else, or its time is over   -> invalid
 *
 * May use:   base os store.
 */
#ifndef AUTHORITY_ORDER_H
#define AUTHORITY_ORDER_H

#include "authority/authorization.h"
#include "base/strlist.h"

#define ORDER_SECONDS ((int64_t)24 * 60 * 60)

enum order_state { ORDER_PENDING, ORDER_READY, ORDER_VALID, ORDER_INVALID };

const char *order_state_name(enum order_state state);

struct order {
	int64_t id;
	int64_t account;
	char *name; /* the end of its URL */
	char *address;
	int64_t created;
	int64_t expires;
	char *certificate; /* the end of its URL; NULL: none yet */
	struct authorization authorization;
	enum order_state state; /* at the time it was asked for */
};

#define ORDER_OWNED __attribute__((cleanup(order_done)))
void order_done(struct order *order);

enum rc order_find(struct sql *sql, const char *name, int64_t now,
    struct order *ret, struct err *err);

/* A new order on an authorization of the account. */
enum rc order_add(struct sql *sql, const struct authorization *authorization,
    int64_t now, struct order *ret, struct err *err);
/* Orders of the account since then. */
enum rc order_count(struct sql *sql, int64_t account, int64_t since,
    int64_t *ret, struct err *err);

/* Names of the account's newest orders, at most 100. */
enum rc order_list(
    struct sql *sql, int64_t account, struct strlist *ret, struct err *err);

#endif
