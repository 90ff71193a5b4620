#include "authority/audit.h"

#define PAGE 500 /* rows in memory at once */

enum rc
audit_add(struct sql *sql, const struct audit_act *act, struct err *err)
{
	const char *detail = act->detail != NULL ? act->detail : "";
	const char *const texts[] = {act->actor, act->act, act->object, detail};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strlen(texts[i]) > AUDIT_TEXT_MAX)
			return err_set(err, RC_LIMIT,
			    "more than %d bytes for the audit log",
			    AUDIT_TEXT_MAX);
	return sql_change(sql,
	    "INSERT INTO audit (at, actor, act, object, detail)"
	    " VALUES (?, ?, ?, ?, ?)",
	    SQL_VALUES(SQL_NUMBER(act->now), sql_text(act->actor),
		sql_text(act->act), sql_text(act->object), sql_text(detail)),
	    err);
}

static enum rc
each_of_page(struct sql *sql,
    enum rc (*each)(
	void *context, const struct audit_entry *entry, struct err *err),
    void *context, int64_t *id, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	enum rc rc, any = RC_ABSENT;

	TRY(sql_select(sql,
	    "SELECT id, at, actor, act, object, detail, position FROM audit"
	    " WHERE id > ? ORDER BY id LIMIT ?",
	    SQL_VALUES(SQL_NUMBER(*id), SQL_NUMBER(PAGE)), &rows, err));
	while ((rc = sql_rows_next(rows, err)) == RC_OK) {
		struct audit_entry entry = {.id = sql_rows_number(rows, 0),
		    .at = sql_rows_number(rows, 1),
		    .position = sql_rows_number(rows, 6)};
		for (int i = 0; i < 4; i++)
			entry.text[i] = sql_rows_bytes(rows, 2 + i);
		TRY(each(context, &entry, err));
		*id = entry.id;
		any = RC_OK;
	}
	return rc == RC_ABSENT ? any : rc;
}

enum rc
audit_each(struct sql *sql,
    enum rc (*each)(
	void *context, const struct audit_entry *entry, struct err *err),
    void *context, struct err *err)
{
	int64_t id = 0;
	enum rc rc;

	while ((rc = each_of_page(sql, each, context, &id, err)) == RC_OK)
		;
	return rc == RC_ABSENT ? RC_OK : rc;
}
