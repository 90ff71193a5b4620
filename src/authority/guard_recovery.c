#include "authority/guard_recovery.h"

#include <stdlib.h>

#include "authority/audit.h"
#include "authority/authorization.h"

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
insert(struct sql *sql, const struct guard_recovery_wish *wish, struct err *err)
{
	struct buf folded BUF_OWNED = BUF_SMALL;

	TRY(authorization_fold(wish->address, &folded, err));
	TRY(sql_change(sql, "DELETE FROM guard_recovery WHERE folded = ?",
	    SQL_VALUES(text_value(&folded)), err));
	TRY(sql_change(sql,
	    "INSERT INTO guard_recovery (folded, account, thumbprint, since)"
	    " VALUES (?, ?, ?, ?)",
	    SQL_VALUES(text_value(&folded), SQL_NUMBER(wish->account),
		sql_text(wish->thumbprint), SQL_NUMBER(wish->now)),
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
		return insert(sql, wish, err);
	TRY(rc);
	if (strcmp(before.thumbprint, wish->thumbprint) == 0)
		return RC_OK;
	if (!wish->replaces)
		return err_set(err, RC_REFUSED,
		    "this mailbox has a recovery code already");
	return insert(sql, wish, err);
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
