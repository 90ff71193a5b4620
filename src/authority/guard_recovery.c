#include "authority/guard_recovery.h"

#include <stdlib.h>

#include "authority/audit.h"
#include "authority/authorization.h"
#include "authority/guard.h"

void
guard_recovery_done(struct guard_recovery *recovery)
{
	free(recovery->thumbprint);
	*recovery = (struct guard_recovery){0};
}

static struct sql_value
text_value(const struct buf *buf)
{
	return (struct sql_value){SQL_KIND_TEXT, 0, buf_span(buf)};
}

enum rc
guard_recovery_find(struct sql *sql, const char *address,
    struct guard_recovery *ret, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	struct buf folded BUF_OWNED = BUF_SMALL;
	char *thumbprint = NULL;

	TRY(authorization_fold(address, &folded, err));
	TRY(sql_select(sql,
	    "SELECT thumbprint, since FROM guard_recovery WHERE folded = ?",
	    SQL_VALUES(text_value(&folded)), &rows, err));
	TRY(sql_rows_next(rows, err));
	TRY(sql_rows_text(rows, 0, &thumbprint, err));
	guard_recovery_done(ret);
	ret->thumbprint = thumbprint;
	ret->since = sql_rows_number(rows, 1);
	return RC_OK;
}

static enum rc
write_down(
    struct sql *sql, const struct guard_recovery_wish *wish, struct err *err)
{
	const struct audit_act act = {.actor = wish->actor,
	    .act = "guard-recovery",
	    .object = wish->address,
	    .detail = wish->thumbprint,
	    .now = wish->now};

	return audit_add(sql, &act, err);
}

static enum rc
insert(struct sql *sql, const struct guard_recovery_wish *wish, bool replaced,
    struct err *err)
{
	struct buf folded BUF_OWNED = BUF_SMALL;

	TRY(authorization_fold(wish->address, &folded, err));
	TRY(sql_change(sql, "DELETE FROM guard_recovery WHERE folded = ?",
	    SQL_VALUES(text_value(&folded)), err));
	TRY(sql_change(sql,
	    "INSERT INTO guard_recovery (folded, account, thumbprint, since,"
	    " address, mail_next) VALUES (?, ?, ?, ?, ?, ?)",
	    SQL_VALUES(text_value(&folded), SQL_NUMBER(wish->account),
		sql_text(wish->thumbprint), SQL_NUMBER(wish->now),
		sql_text(wish->address),
		replaced ? SQL_NUMBER(wish->now) : SQL_NULL),
	    err));
	return write_down(sql, wish, err);
}

enum rc
guard_recovery_set(
    struct sql *sql, const struct guard_recovery_wish *wish, struct err *err)
{
	struct guard_recovery before GUARD_RECOVERY_OWNED = {0};
	enum rc rc = guard_recovery_find(sql, wish->address, &before, err);

	if (rc == RC_ABSENT)
		return insert(sql, wish, false, err);
	TRY(rc);
	if (strcmp(before.thumbprint, wish->thumbprint) == 0)
		return RC_OK;
	if (!wish->replaces)
		return err_set(err, RC_REFUSED,
		    "this mailbox has a recovery code already");
	return insert(sql, wish, true, err);
}

enum rc
guard_recovery_forget(
    struct sql *sql, const char *address, int64_t keeper, struct err *err)
{
	struct buf folded BUF_OWNED = BUF_SMALL;

	TRY(authorization_fold(address, &folded, err));
	return sql_change(sql,
	    "DELETE FROM guard_recovery WHERE folded = ? AND account <> ?",
	    SQL_VALUES(text_value(&folded), SQL_NUMBER(keeper)), err);
}

/* -- wrong codes -- */

enum rc
guard_recovery_may(
    struct sql *sql, int64_t account, int64_t now, struct err *err)
{
	int64_t count = 0;

	TRY(sql_number(sql,
	    "SELECT count(*) FROM guard_wrong WHERE account = ? AND at > ?",
	    SQL_VALUES(SQL_NUMBER(account),
		SQL_NUMBER(now - GUARD_RECOVERY_WRONG_SECONDS)),
	    &count, err));
	if (count < GUARD_RECOVERY_WRONG_MAX)
		return RC_OK;
	return err_set(err, RC_LIMIT,
	    "this account showed %d wrong recovery codes today",
	    GUARD_RECOVERY_WRONG_MAX);
}

enum rc
guard_recovery_wrong(
    struct sql *sql, const struct guard_recovery_wrong *wrong, struct err *err)
{
	struct sql_act work SQL_ACT_OWNED = SQL_ACT;
	const struct audit_act act = {.actor = wrong->actor,
	    .act = "guard-wrong-code",
	    .object = wrong->address,
	    .now = wrong->now};

	TRY(sql_act_begin(sql, &work, err));
	TRY(sql_change(sql,
	    "DELETE FROM guard_wrong WHERE account = ? AND at <= ?",
	    SQL_VALUES(SQL_NUMBER(wrong->account),
		SQL_NUMBER(wrong->now - GUARD_RECOVERY_WRONG_SECONDS)),
	    err));
	TRY(sql_change(sql,
	    "INSERT INTO guard_wrong (account, at) VALUES (?, ?)",
	    SQL_VALUES(SQL_NUMBER(wrong->account), SQL_NUMBER(wrong->now)),
	    err));
	TRY(audit_add(sql, &act, err));
	return sql_act_commit(&work, err);
}

/* -- the letter -- */

void
guard_recovery_mail_done(struct guard_recovery_mail *mail)
{
	free(mail->address);
	*mail = (struct guard_recovery_mail){0};
}

static enum rc
find_due(struct sql *sql, int64_t now, struct guard_recovery_mail *ret,
    struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;

	TRY(sql_select(sql,
	    "SELECT address, since, mail_tries FROM guard_recovery"
	    " WHERE mail_next <= ? ORDER BY mail_next LIMIT 1",
	    SQL_VALUES(SQL_NUMBER(now)), &rows, err));
	TRY(sql_rows_next(rows, err));
	TRY(sql_rows_text(rows, 0, &ret->address, err));
	ret->since = sql_rows_number(rows, 1);
	ret->tries = (unsigned)sql_rows_number(rows, 2);
	return RC_OK;
}

/* One that was replaced again meanwhile has another letter to be sent. */
static enum rc
set_next(struct sql *sql, const struct guard_recovery_mail *mail,
    struct sql_value next, struct err *err)
{
	struct buf folded BUF_OWNED = BUF_SMALL;

	TRY(authorization_fold(mail->address, &folded, err));
	return sql_change(sql,
	    "UPDATE guard_recovery SET mail_next = ?,"
	    " mail_tries = mail_tries + 1 WHERE folded = ? AND since = ?",
	    SQL_VALUES(next, text_value(&folded), SQL_NUMBER(mail->since)),
	    err);
}

enum rc
guard_recovery_take_mail(struct sql *sql, int64_t now,
    struct guard_recovery_mail *ret, int64_t *ret_next, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;

	TRY(sql_act_begin(sql, &act, err));
	enum rc rc = find_due(sql, now, ret, err);
	if (rc == RC_ABSENT) {
		TRY(sql_number(sql,
		    "SELECT coalesce(min(mail_next), 9223372036854775807)"
		    " FROM guard_recovery WHERE mail_next > ?",
		    SQL_VALUES(SQL_NUMBER(now)), ret_next, err));
		return RC_ABSENT;
	}
	TRY(rc);
	TRY(set_next(sql, ret, SQL_NUMBER(now + GUARD_MAIL_LEASE), err));
	return sql_act_commit(&act, err);
}

enum rc
guard_recovery_mailed(struct sql *sql, const struct guard_recovery_mail *mail,
    int64_t next, struct err *err)
{
	return set_next(
	    sql, mail, next != 0 ? SQL_NUMBER(next) : SQL_NULL, err);
}
