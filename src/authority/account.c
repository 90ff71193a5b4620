#include "authority/account.h"

#include <stdlib.h>

#include "os/random.h"

#define NAME_BYTES 16

void
account_done(struct account *account)
{
	free(account->name);
	free(account->thumbprint);
	free(account->jwk);
	free(account->contact);
	free(account->binding);
	free(account->terms);
	*account = (struct account){0};
}

static void
hand_on(struct account *from, struct account *to)
{
	*to = *from;
	*from = (struct account){0};
}

static enum rc
read_row(const struct sql_rows *rows, struct account *ret, struct err *err)
{
	struct account account ACCOUNT_OWNED = {0};

	account.id = sql_rows_number(rows, 0);
	TRY(sql_rows_text(rows, 1, &account.name, err));
	TRY(sql_rows_text(rows, 2, &account.thumbprint, err));
	TRY(sql_rows_text(rows, 3, &account.jwk, err));
	TRY(sql_rows_text(rows, 4, &account.contact, err));
	account.deactivated =
	    !span_is(sql_rows_bytes(rows, 5), span_str("valid"));
	TRY(sql_rows_text(rows, 6, &account.binding, err));
	TRY(sql_rows_text(rows, 7, &account.terms, err));
	hand_on(&account, ret);
	return RC_OK;
}

#define COLUMNS                                                       \
	"SELECT id, name, thumbprint, jwk, contact, status, binding," \
	" terms FROM account"

static enum rc
find(struct sql *sql, const char *text, struct sql_value value,
    struct account *ret, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;

	TRY(sql_select(sql, text, SQL_VALUES(value), &rows, err));
	TRY(sql_rows_next(rows, err));
	return read_row(rows, ret, err);
}

enum rc
account_find(
    struct sql *sql, const char *name, struct account *ret, struct err *err)
{
	return find(sql, COLUMNS " WHERE name = ?", sql_text(name), ret, err);
}

enum rc
account_find_id(
    struct sql *sql, int64_t id, struct account *ret, struct err *err)
{
	return find(sql, COLUMNS " WHERE id = ?", SQL_NUMBER(id), ret, err);
}

enum rc
account_find_key(struct sql *sql, const char *thumbprint, struct account *ret,
    struct err *err)
{
	return find(sql, COLUMNS " WHERE thumbprint = ?", sql_text(thumbprint),
	    ret, err);
}

enum rc
account_add(struct sql *sql, const struct account_wish *wish,
    struct account *ret, struct err *err)
{
	struct buf name BUF_OWNED = BUF_SMALL;
	const char *text = NULL;

	TRY(random_text(NAME_BYTES, &name, err));
	TRY(buf_str(&name, &text, err));
	TRY(sql_change(sql,
	    "INSERT INTO account (name, thumbprint, jwk, contact, status,"
	    " binding, terms, created) VALUES (?, ?, ?, ?, 'valid', ?, ?, ?)",
	    SQL_VALUES(sql_text(text), sql_text(wish->thumbprint),
		sql_text(wish->jwk), sql_text(wish->contact),
		sql_text(wish->binding), sql_text(wish->terms),
		SQL_NUMBER(wish->now)),
	    err));
	return account_find(sql, text, ret, err);
}

enum rc
account_set_contact(
    struct sql *sql, int64_t id, const char *contact, struct err *err)
{
	return sql_change(sql, "UPDATE account SET contact = ? WHERE id = ?",
	    SQL_VALUES(sql_text(contact), SQL_NUMBER(id)), err);
}

enum rc
account_set_terms(
    struct sql *sql, int64_t id, const char *terms, struct err *err)
{
	return sql_change(sql, "UPDATE account SET terms = ? WHERE id = ?",
	    SQL_VALUES(sql_text(terms), SQL_NUMBER(id)), err);
}

enum rc
account_set_key(struct sql *sql, const struct account_key *key, struct err *err)
{
	TRY(sql_change(sql,
	    "UPDATE account SET thumbprint = ?, jwk = ?"
	    " WHERE id = ? AND thumbprint = ?",
	    SQL_VALUES(sql_text(key->thumbprint), sql_text(key->jwk),
		SQL_NUMBER(key->id), sql_text(key->before)),
	    err));
	if (sql_changed(sql) != 1)
		return err_set(err, RC_ABSENT, "the account has another key");
	return RC_OK;
}

enum rc
account_deactivate(struct sql *sql, int64_t id, struct err *err)
{
	return sql_change(sql,
	    "UPDATE account SET status = 'deactivated' WHERE id = ?",
	    SQL_VALUES(SQL_NUMBER(id)), err);
}
