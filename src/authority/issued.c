#include "authority/issued.h"

#include <stdio.h>
#include <stdlib.h>

#include "authority/account.h"
#include "authority/audit.h"
#include "authority/directory.h"
#include "authority/hierarchy.h"
#include "authority/lint_priv.h"
#include "codec/hex.h"
#include "os/clock.h"
#include "os/random.h"
#include "pki/crypto.h"

#define NAME_BYTES 16

void
issued_done(struct issued *issued)
{
	buf_done(&issued->der);
	free(issued->address);
	issued->address = NULL;
}

/* What a row holds. */
struct row {
	const struct order *order;
	const struct request *request;
	struct span cert;
	struct buf name, folded, issuer, hex;
	struct span serial;
	int64_t from, until;
};

#define ROW_OWNED __attribute__((cleanup(row_done)))

static void
row_done(struct row *row)
{
	buf_done(&row->name);
	buf_done(&row->folded);
	buf_done(&row->issuer);
	buf_done(&row->hex);
}

/* AuthorityKeyIdentifier of what we issue: SEQUENCE { [0] } */
static enum rc
add_issuer(const struct lint_cert *cert, struct buf *out, struct err *err)
{
	struct span list = lint_list(cert, OID_AUTHORITY_KEY_ID);
	struct der id;

	TRY(der_expect(&list, DER_CONTEXT(0), &id, err));
	return hex_encode(id.value, out, err);
}

static enum rc
row_fill(struct row *row, struct err *err)
{
	struct lint_cert parts = {0};

	TRY(lint_read_signed(row->cert, &parts, err));
	if (!lint_time(&parts.from, &row->from) ||
	    !lint_time(&parts.until, &row->until))
		return err_set(err, RC_SYNTAX, "a certificate without times");
	row->serial = parts.serial.value;
	TRY(random_text(NAME_BYTES, &row->name, err));
	TRY(authorization_fold(row->order->address, &row->folded, err));
	TRY(hex_encode(row->serial, &row->hex, err));
	return add_issuer(&parts, &row->issuer, err);
}

static struct sql_value
text_value(const struct buf *buf)
{
	return (struct sql_value){SQL_KIND_TEXT, 0, buf_span(buf)};
}

static enum rc
insert(struct sql *sql, const struct row *row, int64_t *ret_id, struct err *err)
{
	const struct request *request = row->request;

	return sql_number(sql,
	    "INSERT INTO certificate (name, serial, account, address, folded,"
	    " kind, key_sha256, not_before, not_after, der, issuer)"
	    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
	    SQL_VALUES(text_value(&row->name), SQL_BLOB(row->serial),
		SQL_NUMBER(row->order->account), sql_text(row->order->address),
		text_value(&row->folded), sql_text(profile_name(request->kind)),
		SQL_BLOB(
		    span_of(request->key_sha256, sizeof(request->key_sha256))),
		SQL_NUMBER(row->from), SQL_NUMBER(row->until),
		SQL_BLOB(row->cert), text_value(&row->issuer)),
	    ret_id, err);
}

static enum rc
write_down(struct sql *sql, struct row *row, struct err *err)
{
	struct account account ACCOUNT_OWNED = {0};
	struct buf who BUF_OWNED = BUF_SMALL;
	struct audit_act act = {
	    .act = "issue", .detail = row->order->address, .now = clock_now()};

	TRY(account_find_id(sql, row->order->account, &account, err));
	TRY(buf_add_format(&who, err, "account %s", account.name));
	TRY(buf_str(&who, &act.actor, err));
	TRY(buf_str(&row->hex, &act.object, err));
	return audit_add(sql, &act, err);
}

/* As order_find() would have it now. */
static enum rc
give(struct order *order, const struct row *row, struct err *err)
{
	char *name = NULL;

	TRY(span_dup(buf_span(&row->name), &name, err));
	free(order->certificate);
	order->certificate = name;
	order->state = ORDER_VALID;
	return RC_OK;
}

enum rc
issued_add(struct sql *sql, struct order *order, const struct request *request,
    struct span cert, struct err *err)
{
	struct row row ROW_OWNED = {.order = order,
	    .request = request,
	    .cert = cert,
	    .name = BUF_SMALL,
	    .folded = BUF_SMALL,
	    .issuer = BUF_SMALL,
	    .hex = BUF_SMALL};
	int64_t id = 0;

	TRY(row_fill(&row, err));
	TRY(insert(sql, &row, &id, err));
	TRY(directory_add(sql, id, cert, err));
	TRY(sql_change(sql,
	    "UPDATE acme_order SET certificate = ?"
	    " WHERE id = ? AND certificate IS NULL",
	    SQL_VALUES(SQL_NUMBER(id), SQL_NUMBER(order->id)), err));
	if (sql_changed(sql) != 1)
		return err_set(
		    err, RC_ABSENT, "the order has its certificate already");
	TRY(write_down(sql, &row, err));
	return give(order, &row, err);
}

static enum rc
find(struct sql *sql, const char *text, struct sql_value value,
    struct issued *ret, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;

	TRY(sql_select(sql, text, SQL_VALUES(value), &rows, err));
	TRY(sql_rows_next(rows, err));
	TRY(buf_add(&ret->der, sql_rows_bytes(rows, 1), err));
	TRY(sql_rows_text(rows, 2, &ret->address, err));
	ret->account = sql_rows_number(rows, 0);
	ret->not_before = sql_rows_number(rows, 3);
	ret->not_after = sql_rows_number(rows, 4);
	struct span issuer = sql_rows_bytes(rows, 5);
	(void)snprintf(ret->issuer, sizeof(ret->issuer), "%.*s",
	    (int)issuer.len, (const char *)issuer.data);
	return RC_OK;
}

#define COLUMNS                                                       \
	"SELECT account, der, address, not_before, not_after, issuer" \
	" FROM certificate"

enum rc
issued_find(
    struct sql *sql, const char *name, struct issued *ret, struct err *err)
{
	return find(sql, COLUMNS " WHERE name = ?", sql_text(name), ret, err);
}

enum rc
issued_find_serial(
    struct sql *sql, struct span serial, struct issued *ret, struct err *err)
{
	return find(
	    sql, COLUMNS " WHERE serial = ?", SQL_BLOB(serial), ret, err);
}

enum rc
issued_adopt(struct sql *sql, const char *issuer, struct err *err)
{
	return sql_change(sql,
	    "UPDATE certificate SET issuer = ? WHERE issuer = ''",
	    SQL_VALUES(sql_text(issuer)), err);
}
