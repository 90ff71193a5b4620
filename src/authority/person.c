#include "authority/person.h"

#include <stdlib.h>

#include <openssl/x509.h>

#include "authority/audit.h"
#include "authority/authorization.h"
#include "base/own.h"
#include "codec/hex.h"

OWNER(X509, X509_free);

void
person_done(struct person *person)
{
	free(person->address);
	free(person->serial);
	*person = (struct person){0};
}

static enum rc
nobody(struct err *err)
{
	return err_set(err, RC_REFUSED,
	    "this is no signing certificate of this authority that is in "
	    "force");
}

static struct sql_value
text_value(const struct buf *buf)
{
	return (struct sql_value){SQL_KIND_TEXT, 0, buf_span(buf)};
}

static enum rc
find_serial(struct span der, struct buf *serial, struct err *err)
{
	const uint8_t *at = der.data;
	X509 *cert OWNED(X509_free) = d2i_X509(NULL, &at, (long)der.len);

	if (cert == NULL || at != der.data + der.len)
		return nobody(err);
	const ASN1_INTEGER *number = X509_get0_serialNumber(cert);
	return buf_add(serial,
	    span_of(ASN1_STRING_get0_data(number),
		(size_t)ASN1_STRING_length(number)),
	    err);
}

static enum rc
read_row(const struct sql_rows *rows, struct span serial, struct person *ret,
    struct err *err)
{
	struct buf hex BUF_OWNED = BUF_SMALL;

	TRY(hex_encode(serial, &hex, err));
	TRY(span_dup(buf_span(&hex), &ret->serial, err));
	TRY(sql_rows_text(rows, 1, &ret->address, err));
	ret->account = sql_rows_number(rows, 2);
	return RC_OK;
}

/* Serial numbers can be written into any certificate; ours is ours to the last
 * bit. */
static enum rc
find_certificate(struct sql *sql, struct span der, int64_t now,
    struct person *ret, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	struct buf serial BUF_OWNED = BUF_SMALL;

	TRY(find_serial(der, &serial, err));
	TRY(sql_select(sql,
	    "SELECT c.der, c.address, c.account FROM certificate AS c"
	    " LEFT JOIN revocation AS r ON r.certificate = c.id"
	    " WHERE c.serial = ? AND c.kind IN ('signing', 'dual')"
	    " AND r.id IS NULL AND c.not_before <= ? AND c.not_after > ?",
	    SQL_VALUES(
		SQL_BLOB(buf_span(&serial)), SQL_NUMBER(now), SQL_NUMBER(now)),
	    &rows, err));
	enum rc rc = sql_rows_next(rows, err);
	if (rc == RC_ABSENT ||
	    (rc == RC_OK && !span_is(sql_rows_bytes(rows, 0), der)))
		return nobody(err);
	TRY(rc);
	return read_row(rows, buf_span(&serial), ret, err);
}

enum rc
person_find(struct sql *sql, struct span der, int64_t now, struct person *ret,
    struct err *err)
{
	struct person own PERSON_OWNED = {0};
	struct buf folded BUF_OWNED = BUF_SMALL;
	int64_t count = 0;

	TRY(find_certificate(sql, der, now, &own, err));
	TRY(authorization_fold(own.address, &folded, err));
	TRY(sql_number(sql,
	    "SELECT count(*) FROM desk_operator"
	    " WHERE folded = ? AND account = ?",
	    SQL_VALUES(text_value(&folded), SQL_NUMBER(own.account)), &count,
	    err));
	own.is_operator = count > 0;
	*ret = own;
	own = (struct person){0};
	return RC_OK;
}

static enum rc
write_down(struct sql *sql, const char *what, const char *address, int64_t now,
    struct err *err)
{
	const struct audit_act act = {
	    .actor = "authority", .act = what, .object = address, .now = now};

	return audit_add(sql, &act, err);
}

enum rc
person_add_operator(
    struct sql *sql, const struct person *person, int64_t now, struct err *err)
{
	struct buf folded BUF_OWNED = BUF_SMALL;

	if (person->is_operator)
		return err_set(err, RC_REFUSED, "%s is an operator already",
		    person->address);
	TRY(authorization_fold(person->address, &folded, err));
	TRY(sql_change(sql,
	    "INSERT INTO desk_operator (address, folded, account, since)"
	    " VALUES (?, ?, ?, ?)",
	    SQL_VALUES(sql_text(person->address), text_value(&folded),
		SQL_NUMBER(person->account), SQL_NUMBER(now)),
	    err));
	return write_down(sql, "operator-add", person->address, now, err);
}

enum rc
person_remove_operator(
    struct sql *sql, const char *address, int64_t now, struct err *err)
{
	struct buf folded BUF_OWNED = BUF_SMALL;

	TRY(authorization_fold(address, &folded, err));
	TRY(sql_change(sql, "DELETE FROM desk_operator WHERE folded = ?",
	    SQL_VALUES(text_value(&folded)), err));
	if (sql_changed(sql) == 0)
		return err_set(err, RC_ABSENT, "%s is no operator", address);
	return write_down(sql, "operator-remove", address, now, err);
}
