#include "authority/audit.h"

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
