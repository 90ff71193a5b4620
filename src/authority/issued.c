#include "authority/issued.h"

#include <stdio.h>

#include "authority/account.h"
#include "authority/audit.h"
#include "authority/directory.h"
#include "authority/hierarchy.h"
#include "codec/hex.h"
#include "os/clock.h"
#include "os/random.h"
#include "pki/crypto.h"

#define NAME_BYTES 16
#define DER_MAX ((size_t)64 * 1024)

void
issued_done(struct issued *issued)
{
	buf_done(&issued->der);
	free(issued->address);
	issued->address = NULL;
}

static enum rc
seconds_of(const ASN1_TIME *time, int64_t *ret, struct err *err)
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(time, &tm))
		return crypto_failed(err, "read a certificate's time");
	*ret = (int64_t)timegm(&tm);
	return RC_OK;
}

/* What a row holds beside the order. */
struct row {
	struct buf name, folded, der;
	char issuer[PUBLISHED_ID_LEN + 1];
	int64_t from, until;
};

static void
row_done(struct row *row)
{
	buf_done(&row->name);
	buf_done(&row->folded);
	buf_done(&row->der);
}

#define ROW_OWNED __attribute__((cleanup(row_done)))

static enum rc
row_fill(
    struct row *row, const char *address, const X509 *cert, struct err *err)
{
	TRY(random_text(NAME_BYTES, &row->name, err));
	TRY(authorization_fold(address, &row->folded, err));
	TRY(hierarchy_der(cert, &row->der, err));
	TRY(published_issuer_id(cert, row->issuer, err));
	TRY(seconds_of(X509_get0_notBefore(cert), &row->from, err));
	return seconds_of(X509_get0_notAfter(cert), &row->until, err);
}

static struct sql_value
text_value(const struct buf *buf)
{
	return (struct sql_value){SQL_KIND_TEXT, 0, buf_span(buf)};
}

static enum rc
insert(struct sql *sql, const struct order *order,
    const struct request *request, X509 *cert, int64_t *ret_id, struct err *err)
{
	struct row row ROW_OWNED = {
	    .name = BUF_SMALL, .folded = BUF_SMALL, .der = BUF(DER_MAX)};
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);

	TRY(row_fill(&row, order->address, cert, err));
	return sql_number(sql,
	    "INSERT INTO certificate (name, serial, account, address, folded,"
	    " kind, key_sha256, not_before, not_after, der, issuer)"
	    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
	    SQL_VALUES(text_value(&row.name),
		SQL_BLOB(span_of(ASN1_STRING_get0_data(serial),
		    (size_t)ASN1_STRING_length(serial))),
		SQL_NUMBER(order->account), sql_text(order->address),
		text_value(&row.folded), sql_text(profile_name(request->kind)),
		SQL_BLOB(
		    span_of(request->key_sha256, sizeof(request->key_sha256))),
		SQL_NUMBER(row.from), SQL_NUMBER(row.until),
		SQL_BLOB(buf_span(&row.der)), sql_text(row.issuer)),
	    ret_id, err);
}

static enum rc
write_down(struct sql *sql, const struct order *order, const X509 *cert,
    struct err *err)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
	struct account account ACCOUNT_OWNED = {0};
	struct buf hex BUF_OWNED = BUF_SMALL;
	struct buf who BUF_OWNED = BUF_SMALL;
	struct audit_act act = {
	    .act = "issue", .detail = order->address, .now = clock_now()};

	TRY(account_find_id(sql, order->account, &account, err));
	TRY(buf_add_format(&who, err, "account %s", account.name));
	TRY(buf_str(&who, &act.actor, err));
	TRY(hex_encode(span_of(ASN1_STRING_get0_data(serial),
			   (size_t)ASN1_STRING_length(serial)),
	    &hex, err));
	TRY(buf_str(&hex, &act.object, err));
	return audit_add(sql, &act, err);
}

enum rc
issued_add(struct sql *sql, const struct order *order,
    const struct request *request, X509 *cert, struct err *err)
{
	int64_t id = 0;

	TRY(insert(sql, order, request, cert, &id, err));
	TRY(directory_add(sql, id, cert, err));
	TRY(sql_change(sql,
	    "UPDATE acme_order SET certificate = ?"
	    " WHERE id = ? AND certificate IS NULL",
	    SQL_VALUES(SQL_NUMBER(id), SQL_NUMBER(order->id)), err));
	if (sql_changed(sql) != 1)
		return err_set(
		    err, RC_ABSENT, "the order has its certificate already");
	return write_down(sql, order, cert, err);
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
