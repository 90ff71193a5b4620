/* authority/order -- one certificate that was asked for.
 *
 * Its state follows from what it points at (RFC 8555 section 7.1.6):
 *
 *   has a certificate                    -> valid
 *   its domain said no while it waited   -> invalid
 *   its mailbox is guarded (guard.h)     -> processing, until that is refused
 *   it waits for its domain's word       -> processing
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

enum order_state {
	ORDER_PENDING,
	ORDER_READY,
	ORDER_PROCESSING,
	ORDER_VALID,
	ORDER_INVALID,
};

const char *order_state_name(enum order_state state);

struct order {
	int64_t id;
	int64_t account;
	char *name; /* the end of its URL */
	char *address;
	int64_t created;
	int64_t expires;
	char *certificate; /* the end of its URL; NULL: none yet */
	char *replaces;    /* which certificate (RFC 9773); or NULL */
	struct authorization authorization;
	char *guard;           /* what has the last word; or NULL */
	char *guard_name;      /* the end of its URL; or NULL */
	int64_t guard_expires; /* of that */
	bool waits;            /* for its domain (authority/permission.h) */
	char *error_type;      /* what came of that: "caa", "dns"; or NULL */
	char *error_detail;
	enum order_state state; /* at the time it was asked for */
};

#define ORDER_OWNED __attribute__((cleanup(order_done)))
void order_done(struct order *order);

enum rc order_find(struct sql *sql, const char *name, int64_t now,
    struct order *ret, struct err *err);

/* A new order on an authorization of the account. */
struct order_wish {
	const struct authorization *authorization;
	const char *replaces; /* or NULL */
	int64_t now;
};
enum rc order_add(struct sql *sql, const struct order_wish *wish,
    struct order *ret, struct err *err);
/* From now on it waits for its domain, with the request that it is to get a
 * certificate for; and that request again. */
enum rc order_wait(
    struct sql *sql, int64_t id, struct span request, struct err *err);
enum rc order_request(
    struct sql *sql, int64_t id, struct buf *out, struct err *err);
/* None comes of those that wait with this authorization. */
enum rc order_end_waiting(struct sql *sql, int64_t authorization,
    const char *type, const char *detail, struct err *err);

/* How many orders that may still become, or became, a certificate replace this
 * one. */
enum rc order_count_replacing(struct sql *sql, const char *replaces,
    int64_t now, int64_t *ret, struct err *err);
/* Orders of the account since then. */
enum rc order_count(struct sql *sql, int64_t account, int64_t since,
    int64_t *ret, struct err *err);

/* A page of the account's orders: names, newest first, without those that are
 * invalid. */
#define ORDER_PAGE 50
struct order_page {
	int64_t account;
	int64_t now;
	int64_t before; /* begin behind this one; INT64_MAX: at the newest */
	int64_t next;   /* set: `before` of the next page; 0: that was all */
};
enum rc order_list(struct sql *sql, struct order_page *page,
    struct strlist *ret, struct err *err);

#endif
