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
	authorization_done(&order->authorization);
	*order = (struct order){0};
}

const char *
order_state_name(enum order_state state)
{
	static const char *const names[] = {[ORDER_PENDING] = "pending",
	    [ORDER_READY] = "ready",
	    [ORDER_VALID] = "valid",
	    [ORDER_INVALID] = "invalid"};

	return names[state];
}

static enum order_state
state_at(const struct order *order, int64_t now)
{
	if (order->certificate != NULL)
		return ORDER_VALID;
	if (order->expires <= now)
		return ORDER_INVALID;
	switch (order->authorization.state) {
	case AUTHORIZATION_VALID:
		return ORDER_READY;
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
	return sql_rows_text(rows, 7, &own->certificate, err);
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
	    " o.created, o.expires, c.name FROM acme_order AS o"
	    " LEFT JOIN certificate AS c ON c.id = o.certificate"
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
order_add(struct sql *sql, const struct authorization *authorization,
    int64_t now, struct order *ret, struct err *err)
{
	struct buf name BUF_OWNED = BUF_SMALL;
	const char *text = NULL;

	TRY(random_text(NAME_BYTES, &name, err));
	TRY(buf_str(&name, &text, err));
	TRY(sql_change(sql,
	    "INSERT INTO acme_order (name, account, acme_authorization, address,"
	    " created, expires) VALUES (?, ?, ?, ?, ?, ?)",
	    SQL_VALUES(sql_text(text), SQL_NUMBER(authorization->account),
		SQL_NUMBER(authorization->id), sql_text(authorization->address),
		SQL_NUMBER(now), SQL_NUMBER(now + ORDER_SECONDS)),
	    err));
	return order_find(sql, text, now, ret, err);
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

enum rc
order_list(
    struct sql *sql, int64_t account, struct strlist *ret, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	enum rc rc;

	TRY(sql_select(sql,
	    "SELECT name FROM acme_order WHERE account = ?"
	    " ORDER BY id DESC LIMIT 100",
	    SQL_VALUES(SQL_NUMBER(account)), &rows, err));
	while ((rc = sql_rows_next(rows, err)) == RC_OK)
		TRY(strlist_add(ret, sql_rows_bytes(rows, 0), err));
	return rc == RC_ABSENT ? RC_OK : rc;
}
