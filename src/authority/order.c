#include "authority/order.h"

#include <stdlib.h>

#include "os/random.h"

#define NAME_BYTES 16

void
order_done(struct order *order)
{
	free(order->name);
	free(order->address);
	free(order->certificate);
	free(order->replaces);
	free(order->guard);
	free(order->error_type);
	free(order->error_detail);
	free(order->guard_name);
	authorization_done(&order->authorization);
	*order = (struct order){0};
}

const char *
order_state_name(enum order_state state)
{
	static const char *const names[] = {[ORDER_PENDING] = "pending",
	    [ORDER_READY] = "ready",
	    [ORDER_PROCESSING] = "processing",
	    [ORDER_VALID] = "valid",
	    [ORDER_INVALID] = "invalid"};

	return names[state];
}

static enum order_state
state_at(const struct order *order, int64_t now)
{
	if (order->certificate != NULL)
		return ORDER_VALID;
	/* who gave the mailbox up does not get what was waited for */
	if (order->error_type != NULL ||
	    order->authorization.state == AUTHORIZATION_DEACTIVATED)
		return ORDER_INVALID;
	if (order->guard != NULL)
		return order->guard_expires <= now ||
			       strcmp(order->guard, "refused") == 0
			   ? ORDER_INVALID
			   : ORDER_PROCESSING;
	if (order->expires <= now)
		return ORDER_INVALID;
	switch (order->authorization.state) {
	case AUTHORIZATION_VALID:
		return order->waits ? ORDER_PROCESSING : ORDER_READY;
	case AUTHORIZATION_EXPIRED: /* it was good when it was wanted */
		return order->waits ? ORDER_PROCESSING : ORDER_INVALID;
	case AUTHORIZATION_PENDING:
		return ORDER_PENDING;
	default:
		return ORDER_INVALID;
	}
}

static enum rc
read_row(const struct sql_rows *rows, struct order *own, int64_t *authorization,
    struct err *err)
{
	own->id = sql_rows_number(rows, 0);
	own->account = sql_rows_number(rows, 1);
	*authorization = sql_rows_number(rows, 2);
	TRY(sql_rows_text(rows, 3, &own->name, err));
	TRY(sql_rows_text(rows, 4, &own->address, err));
	own->created = sql_rows_number(rows, 5);
	own->expires = sql_rows_number(rows, 6);
	TRY(sql_rows_text(rows, 7, &own->certificate, err));
	TRY(sql_rows_text(rows, 8, &own->replaces, err));
	TRY(sql_rows_text(rows, 9, &own->guard, err));
	own->guard_expires = sql_rows_number(rows, 10);
	own->waits = sql_rows_number(rows, 11) != 0;
	TRY(sql_rows_text(rows, 12, &own->error_type, err));
	TRY(sql_rows_text(rows, 13, &own->error_detail, err));
	return sql_rows_text(rows, 14, &own->guard_name, err);
}

enum rc
order_find(struct sql *sql, const char *name, int64_t now, struct order *ret,
    struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	struct order own ORDER_OWNED = {0};
	int64_t authorization = 0;

	TRY(sql_select(sql,
	    "SELECT o.id, o.account, o.acme_authorization, o.name, o.address,"
	    " o.created, o.expires, c.name, o.replaces, g.state, g.expires,"
	    " CASE WHEN o.request IS NULL THEN 0 ELSE 1 END,"
	    " o.error_type, o.error_detail, g.name"
	    " FROM acme_order AS o"
	    " LEFT JOIN certificate AS c ON c.id = o.certificate"
	    " LEFT JOIN guard_request AS g ON g.acme_order = o.id"
	    " WHERE o.name = ?",
	    SQL_VALUES(sql_text(name)), &rows, err));
	TRY(sql_rows_next(rows, err));
	TRY(read_row(rows, &own, &authorization, err));
	TRY(authorization_find_id(
	    sql, authorization, now, &own.authorization, err));
	own.state = state_at(&own, now);
	*ret = own;
	own = (struct order){0};
	return RC_OK;
}

enum rc
order_add(struct sql *sql, const struct order_wish *wish, struct order *ret,
    struct err *err)
{
	const struct authorization *authorization = wish->authorization;
	struct buf name BUF_OWNED = BUF_SMALL;
	const char *text = NULL;

	TRY(random_text(NAME_BYTES, &name, err));
	TRY(buf_str(&name, &text, err));
	TRY(sql_change(sql,
	    "INSERT INTO acme_order (name, account, acme_authorization, "
	    "address,"
	    " replaces, created, expires) VALUES (?, ?, ?, ?, ?, ?, ?)",
	    SQL_VALUES(sql_text(text), SQL_NUMBER(authorization->account),
		SQL_NUMBER(authorization->id), sql_text(authorization->address),
		sql_text(wish->replaces), SQL_NUMBER(wish->now),
		SQL_NUMBER(wish->now + ORDER_SECONDS)),
	    err));
	return order_find(sql, text, wish->now, ret, err);
}

enum rc
order_wait(struct sql *sql, int64_t id, struct span request, struct err *err)
{
	return sql_change(sql, "UPDATE acme_order SET request = ? WHERE id = ?",
	    SQL_VALUES(SQL_BLOB(request), SQL_NUMBER(id)), err);
}

enum rc
order_request(struct sql *sql, int64_t id, struct buf *out, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;

	TRY(sql_select(sql,
	    "SELECT request FROM acme_order WHERE id = ?"
	    " AND request IS NOT NULL",
	    SQL_VALUES(SQL_NUMBER(id)), &rows, err));
	TRY(sql_rows_next(rows, err));
	return buf_add(out, sql_rows_bytes(rows, 0), err);
}

enum rc
order_end_waiting(struct sql *sql, int64_t authorization, const char *type,
    const char *detail, struct err *err)
{
	return sql_change(sql,
	    "UPDATE acme_order SET error_type = ?, error_detail = ?"
	    " WHERE acme_authorization = ? AND request IS NOT NULL"
	    " AND certificate IS NULL AND error_type IS NULL",
	    SQL_VALUES(
		sql_text(type), sql_text(detail), SQL_NUMBER(authorization)),
	    err);
}

enum rc
order_count(struct sql *sql, int64_t account, int64_t since, int64_t *ret,
    struct err *err)
{
	return sql_number(sql,
	    "SELECT count(*) FROM acme_order WHERE account = ?"
	    " AND created > ?",
	    SQL_VALUES(SQL_NUMBER(account), SQL_NUMBER(since)), ret, err);
}

/* What state_at() does not call invalid, for `now` three times. */
#define NOT_INVALID                                                  \
	"(o.certificate IS NOT NULL OR (o.error_type IS NULL AND"    \
	" a.status <> 'deactivated' AND"                             \
	" ((g.id IS NULL AND o.expires > ? AND ((a.status = 'valid'" \
	" AND o.request IS NOT NULL) OR (a.expires > ?"              \
	" AND a.status IN ('pending', 'valid'))))"                   \
	" OR (g.expires > ? AND g.state <> 'refused'))))"
#define ORDERS                                               \
	" FROM acme_order AS o JOIN acme_authorization AS a" \
	" ON a.id = o.acme_authorization"                    \
	" LEFT JOIN guard_request AS g ON g.acme_order = o.id"

enum rc
order_count_replacing(struct sql *sql, const char *replaces, int64_t now,
    int64_t *ret, struct err *err)
{
	return sql_number(sql,
	    "SELECT count(*)" ORDERS " WHERE o.replaces = ? AND " NOT_INVALID,
	    SQL_VALUES(sql_text(replaces), SQL_NUMBER(now), SQL_NUMBER(now),
		SQL_NUMBER(now)),
	    ret, err);
}

enum rc
order_list(struct sql *sql, struct order_page *page, struct strlist *ret,
    struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	int64_t last = 0;
	enum rc rc;

	page->next = 0;
	TRY(sql_select(sql,
	    "SELECT o.id, o.name" ORDERS
	    " WHERE o.account = ? AND o.id < ? AND " NOT_INVALID
	    " ORDER BY o.id DESC LIMIT ?",
	    SQL_VALUES(SQL_NUMBER(page->account), SQL_NUMBER(page->before),
		SQL_NUMBER(page->now), SQL_NUMBER(page->now),
		SQL_NUMBER(page->now), SQL_NUMBER(ORDER_PAGE + 1)),
	    &rows, err));
	while ((rc = sql_rows_next(rows, err)) == RC_OK) {
		if (ret->len == ORDER_PAGE) {
			page->next = last;
			return RC_OK;
		}
		last = sql_rows_number(rows, 0);
		TRY(strlist_add(ret, sql_rows_bytes(rows, 1), err));
	}
	return rc == RC_ABSENT ? RC_OK : rc;
}
