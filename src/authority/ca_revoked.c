#include "authority/ca_revoked.h"

#include <stdio.h>

#include "authority/audit.h"
#include "authority/crl_make.h"
#include "authority/published.h"
#include "codec/hex.h"
#include "pki/crypto.h"

/* RFC 5280 section 5.3.1.  No certificateHold: it could be taken back. */
static const struct {
	int reason;
	const char *name;
} reasons[] = {
    {2, "cACompromise"},
    {3, "affiliationChanged"},
    {4, "superseded"},
    {5, "cessationOfOperation"},
    {9, "privilegeWithdrawn"},
};
#define REASONS (sizeof(reasons) / sizeof(reasons[0]))

int
ca_revoked_reason_find(const char *name)
{
	for (size_t i = 0; i < REASONS; i++)
		if (strcmp(reasons[i].name, name) == 0)
			return reasons[i].reason;
	return -1;
}

static const char *
reason_name(int reason)
{
	for (size_t i = 0; i < REASONS; i++)
		if (reasons[i].reason == reason)
			return reasons[i].name;
	return NULL;
}

/* Lends. */
static struct span
serial_of(const X509 *cert)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);

	return span_of(
	    ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial));
}

static enum rc
count_serial(struct sql *sql, const X509 *cert, int64_t *ret, struct err *err)
{
	return sql_number(sql,
	    "SELECT count(*) FROM ca_revocation WHERE serial = ?",
	    SQL_VALUES(SQL_BLOB(serial_of(cert))), ret, err);
}

static enum rc
check(struct sql *sql, const struct ca_revoked_wish *wish, struct err *err)
{
	int64_t count = 0;

	if (reason_name(wish->reason) == NULL)
		return err_set(err, RC_UNFIT,
		    "%d is no reason to revoke an authority's certificate for",
		    wish->reason);
	if (X509_NAME_cmp(X509_get_subject_name(wish->cert),
		X509_get_issuer_name(wish->cert)) == 0)
		return err_set(err, RC_UNFIT,
		    "a root cannot be revoked: those who trust it have to take "
		    "it out of their settings");
	TRY(count_serial(sql, wish->cert, &count, err));
	return count == 0 ? RC_OK
			  : err_set(err, RC_REFUSED,
				"the certificate is revoked already");
}

static enum rc
write_down(struct sql *sql, const struct ca_revoked_wish *wish, struct err *err)
{
	struct buf serial BUF_OWNED = BUF_SMALL;
	const char *text = NULL;

	TRY(hex_encode(serial_of(wish->cert), &serial, err));
	TRY(buf_str(&serial, &text, err));
	struct audit_act act = {.actor = wish->by,
	    .act = "revoke-ca",
	    .object = text,
	    .detail = reason_name(wish->reason),
	    .now = wish->now};
	return audit_add(sql, &act, err);
}

/* The id that what it issued is known by. */
static enum rc
subject_of(const X509 *cert, char id[PUBLISHED_ID_LEN + 1], struct err *err)
{
	enum rc rc = published_id(cert, id, err);

	if (rc != RC_UNFIT)
		return rc;
	(void)snprintf(id, PUBLISHED_ID_LEN + 1, "-");
	return RC_OK;
}

enum rc
ca_revoked_add(
    struct sql *sql, const struct ca_revoked_wish *wish, struct err *err)
{
	char subject[PUBLISHED_ID_LEN + 1], issuer[PUBLISHED_ID_LEN + 1];

	TRY(check(sql, wish, err));
	TRY(subject_of(wish->cert, subject, err));
	TRY(published_issuer_id(wish->cert, issuer, err));
	TRY(sql_change(sql,
	    "INSERT INTO ca_revocation (serial, subject, issuer, at, reason)"
	    " VALUES (?, ?, ?, ?, ?)",
	    SQL_VALUES(SQL_BLOB(serial_of(wish->cert)), sql_text(subject),
		sql_text(issuer), SQL_NUMBER(wish->now),
		SQL_NUMBER(wish->reason)),
	    err));
	return write_down(sql, wish, err);
}

enum rc
ca_revoked_check(struct sql *sql, const X509 *cert, const X509 *above,
    bool *ret_revoked, struct err *err)
{
	int64_t own = 0, higher = 0;

	TRY(count_serial(sql, cert, &own, err));
	TRY(count_serial(sql, above, &higher, err));
	*ret_revoked = own + higher > 0;
	return RC_OK;
}

enum rc
ca_revoked_list(
    struct sql *sql, const X509 *issuer, struct buf *entries, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	char id[PUBLISHED_ID_LEN + 1];
	enum rc rc;

	TRY(published_id(issuer, id, err));
	TRY(sql_select(sql,
	    "SELECT serial, at, reason FROM ca_revocation WHERE issuer = ?"
	    " ORDER BY id",
	    SQL_VALUES(sql_text(id)), &rows, err));
	while ((rc = sql_rows_next(rows, err)) == RC_OK)
		TRY(crl_add_entry(entries, sql_rows_bytes(rows, 0),
		    sql_rows_number(rows, 1), (int)sql_rows_number(rows, 2),
		    err));
	return rc == RC_ABSENT ? RC_OK : rc;
}
