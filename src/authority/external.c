#include "authority/external.h"

#include <stdlib.h>

#include "codec/base64.h"
#include "codec/hex.h"
#include "os/random.h"

#define NAME_BYTES 12
#define KEY_BYTES 32
#define DASH 62 /* the six bits that base64url writes as "-" */

void
external_done(struct external *external)
{
	buf_done(&external->key);
	free(external->label);
	*external = EXTERNAL;
}

static enum rc
check_wish(const struct external_wish *wish, struct err *err)
{
	if (strlen(wish->label) > EXTERNAL_LABEL_MAX)
		return err_set(err, RC_LIMIT,
		    "a label has at most %d characters", EXTERNAL_LABEL_MAX);
	if (wish->accounts < 1 || wish->accounts > EXTERNAL_ACCOUNTS_MAX)
		return err_set(err, RC_UNFIT, "a key is for 1 to %d accounts",
		    EXTERNAL_ACCOUNTS_MAX);
	return RC_OK;
}

/* No name and no key begins with "-": people give them to a client as words of
 * a command. */
static void
fill_key(uint8_t key[KEY_BYTES])
{
	do
		random_fill(key, KEY_BYTES);
	while (key[0] >> 2 == DASH);
}

static enum rc
make_name(struct buf *name, struct err *err)
{
	uint8_t bytes[NAME_BYTES];

	random_fill(bytes, sizeof(bytes));
	return hex_encode(span_of(bytes, sizeof(bytes)), name, err);
}

enum rc
external_add(struct sql *sql, const struct external_wish *wish, struct buf *kid,
    struct buf *secret, struct err *err)
{
	struct buf name BUF_OWNED = BUF_SMALL;
	uint8_t key[KEY_BYTES];

	TRY(check_wish(wish, err));
	fill_key(key);
	TRY(make_name(&name, err));
	TRY(sql_change(sql,
	    "INSERT INTO external_key (kid, secret, label, remaining, created)"
	    " VALUES (?, ?, ?, ?, ?)",
	    SQL_VALUES((struct sql_value){SQL_KIND_TEXT, 0, buf_span(&name)},
		SQL_BLOB(span_of(key, sizeof(key))), sql_text(wish->label),
		SQL_NUMBER(wish->accounts), SQL_NUMBER(wish->now)),
	    err));
	TRY(buf_add(kid, buf_span(&name), err));
	return base64url_encode(span_of(key, sizeof(key)), secret, err);
}

enum rc
external_find(
    struct sql *sql, const char *kid, struct external *ret, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;

	TRY(sql_select(sql,
	    "SELECT id, secret, label, remaining FROM external_key"
	    " WHERE kid = ?",
	    SQL_VALUES(sql_text(kid)), &rows, err));
	TRY(sql_rows_next(rows, err));
	TRY(buf_add(&ret->key, sql_rows_bytes(rows, 1), err));
	TRY(sql_rows_text(rows, 2, &ret->label, err));
	ret->id = sql_rows_number(rows, 0);
	ret->left = sql_rows_number(rows, 3);
	return RC_OK;
}

enum rc
external_use(struct sql *sql, int64_t id, struct err *err)
{
	TRY(sql_change(sql,
	    "UPDATE external_key SET remaining = remaining - 1"
	    " WHERE id = ? AND remaining > 0",
	    SQL_VALUES(SQL_NUMBER(id)), err));
	if (sql_changed(sql) != 1)
		return err_set(
		    err, RC_ABSENT, "the key is used up: ask for another one");
	return RC_OK;
}
