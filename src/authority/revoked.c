#include "authority/revoked.h"

#include <stdlib.h>

#include "authority/audit.h"
#include "authority/published.h"
#include "codec/hex.h"
#include "pki/crypto.h"

#define SERIAL_MAX 64
#define NO_PART (-1) /* it names no list: OCSP alone tells of it */

static const struct {
	int reason;
	const char *name;
} reasons[] = {
    {REVOKED_UNSPECIFIED, "unspecified"},
    {REVOKED_KEY_COMPROMISE, "keyCompromise"},
    {REVOKED_AFFILIATION_CHANGED, "affiliationChanged"},
    {REVOKED_SUPERSEDED, "superseded"},
    {REVOKED_CESSATION, "cessationOfOperation"},
    {REVOKED_PRIVILEGE_WITHDRAWN, "privilegeWithdrawn"},
};
#define REASONS (sizeof(reasons) / sizeof(reasons[0]))

bool
revoked_can_be(int reason)
{
	return revoked_reason_name(reason) != NULL;
}

const char *
revoked_reason_name(int reason)
{
	for (size_t i = 0; i < REASONS; i++)
		if (reasons[i].reason == reason)
			return reasons[i].name;
	return NULL;
}

int
revoked_reason_find(const char *name)
{
	for (size_t i = 0; i < REASONS; i++)
		if (strcmp(reasons[i].name, name) == 0)
			return reasons[i].reason;
	return -1;
}

/* The certificate that is to be revoked, as the database knows it. */
struct target {
	int64_t id, not_after, part;
	char issuer[PUBLISHED_ID_LEN + 1];
};

/* Which list will tell of it stands in the certificate and nowhere else. */
static enum rc
read_pointers(struct span der, struct target *ret, struct err *err)
{
	const uint8_t *at = der.data;
	X509 *cert OWNED(X509_free) = d2i_X509(NULL, &at, (long)der.len);

	if (cert == NULL)
		return crypto_failed(err, "a certificate of ours");
	TRY(published_issuer_id(cert, ret->issuer, err));
	enum rc rc = published_part_of(cert, &ret->part, err);
	if (rc != RC_ABSENT)
		return rc;
	ret->part = NO_PART;
	return RC_OK;
}

static enum rc
find_target(
    struct sql *sql, struct span serial, struct target *ret, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;

	TRY(sql_select(sql,
	    "SELECT id, not_after, der FROM certificate WHERE serial = ?",
	    SQL_VALUES(SQL_BLOB(serial)), &rows, err));
	enum rc rc = sql_rows_next(rows, err);
	if (rc == RC_ABSENT)
		return err_set(err, RC_ABSENT,
		    "no certificate with this serial number was issued");
	TRY(rc);
	ret->id = sql_rows_number(rows, 0);
	ret->not_after = sql_rows_number(rows, 1);
	return read_pointers(sql_rows_bytes(rows, 2), ret, err);
}

/* RFC 8555 section 7.6 knows a second revocation as an error.  One is none: a
 * key that turns out to be compromised makes what was signed before the
 * revocation doubtful too, so that must not stay unsaid. */
static enum rc
change(struct sql *sql, const struct revoked *before,
    const struct revoked_wish *wish, struct err *err)
{
	if (before->reason == REVOKED_KEY_COMPROMISE ||
	    wish->reason != REVOKED_KEY_COMPROMISE)
		return err_set(
		    err, RC_REFUSED, "the certificate is revoked already");
	return sql_change(sql,
	    "UPDATE revocation SET reason = ?, listed = 0 WHERE serial = ?",
	    SQL_VALUES(SQL_NUMBER(wish->reason), SQL_BLOB(wish->serial)), err);
}

static enum rc
insert(struct sql *sql, const struct target *target,
    const struct revoked_wish *wish, struct err *err)
{
	return sql_change(sql,
	    "INSERT INTO revocation"
	    " (certificate, serial, issuer, part, at, reason, not_after,"
	    " listed) VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
	    SQL_VALUES(SQL_NUMBER(target->id), SQL_BLOB(wish->serial),
		sql_text(target->issuer), SQL_NUMBER(target->part),
		SQL_NUMBER(wish->now), SQL_NUMBER(wish->reason),
		SQL_NUMBER(target->not_after)),
	    err);
}

static enum rc
write_down(struct sql *sql, const struct revoked_wish *wish, struct err *err)
{
	struct buf serial BUF_OWNED = BUF_SMALL;
	const char *text = NULL;

	TRY(hex_encode(wish->serial, &serial, err));
	TRY(buf_str(&serial, &text, err));
	struct audit_act act = {.actor = wish->by,
	    .act = "revoke",
	    .object = text,
	    .detail = revoked_reason_name(wish->reason),
	    .now = wish->now};
	return audit_add(sql, &act, err);
}

enum rc
revoked_add(struct sql *sql, const struct revoked_wish *wish, struct err *err)
{
	struct target target = {0};
	struct revoked before = {0};

	if (!revoked_can_be(wish->reason))
		return err_set(err, RC_UNFIT,
		    "%d is no reason to revoke a certificate for",
		    wish->reason);
	if (wish->serial.len > SERIAL_MAX)
		return err_set(err, RC_ABSENT, "no such serial number");
	TRY(find_target(sql, wish->serial, &target, err));
	enum rc rc = revoked_find(sql, wish->serial, &before, err);
	if (rc != RC_OK && rc != RC_ABSENT)
		return rc;
	TRY(rc == RC_OK ? change(sql, &before, wish, err)
			: insert(sql, &target, wish, err));
	/* what was signed for the responder says "good" */
	TRY(sql_change(sql,
	    "UPDATE ocsp_answer SET made = 0, until = 0 WHERE certificate = ?",
	    SQL_VALUES(SQL_NUMBER(target.id)), err));
	return write_down(sql, wish, err);
}

enum rc
revoked_find(
    struct sql *sql, struct span serial, struct revoked *ret, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;

	TRY(sql_select(sql,
	    "SELECT at, reason FROM revocation WHERE serial = ?",
	    SQL_VALUES(SQL_BLOB(serial)), &rows, err));
	TRY(sql_rows_next(rows, err));
	*ret = (struct revoked){.at = sql_rows_number(rows, 0),
	    .reason = (int)sql_rows_number(rows, 1)};
	return RC_OK;
}
