#include "authority/permission.h"

#include <stdio.h>
#include <stdlib.h>

#include "authority/audit.h"
#include "authority/order.h"

/* In the database, and what an order that it ends gets for an error. */
static const struct {
	const char *name;
	const char *type;
} words[] = {
    [PERMISSION_ASKED] = {"asked", NULL},
    [PERMISSION_YES] = {"yes", NULL},
    [PERMISSION_NO] = {"no", "caa"},
    [PERMISSION_SILENCE] = {"silence", "dns"},
};
#define WORDS (sizeof(words) / sizeof(words[0]))

void
permission_done(struct permission *permission)
{
	free(permission->detail);
	*permission = (struct permission){0};
}

void
permission_question_done(struct permission_question *question)
{
	free(question->address);
	free(question->account);
	*question = (struct permission_question){0};
}

enum rc
permission_find(struct sql *sql, int64_t authorization, struct permission *ret,
    struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	struct permission own = {0};

	TRY(sql_select(sql,
	    "SELECT word, detail, at FROM permission"
	    " WHERE acme_authorization = ?",
	    SQL_VALUES(SQL_NUMBER(authorization)), &rows, err));
	TRY(sql_rows_next(rows, err));
	for (size_t i = 0; i < WORDS; i++)
		if (span_is(sql_rows_bytes(rows, 0), span_str(words[i].name)))
			own.word = (enum permission_word)i;
	own.at = sql_rows_number(rows, 2);
	TRY(sql_rows_text(rows, 1, &own.detail, err));
	*ret = own;
	return RC_OK;
}

bool
permission_is_yes(const struct permission *permission, int64_t now)
{
	return permission->word == PERMISSION_YES &&
	       permission->at > now - PERMISSION_SECONDS;
}

bool
permission_is_no(const struct permission *permission, int64_t now)
{
	return permission->word == PERMISSION_NO &&
	       permission->at > now - PERMISSION_NO_SECONDS;
}

enum rc
permission_ask(
    struct sql *sql, int64_t authorization, int64_t now, struct err *err)
{
	struct permission before PERMISSION_OWNED = {0};
	enum rc rc = permission_find(sql, authorization, &before, err);

	if (rc == RC_ABSENT)
		return sql_change(sql,
		    "INSERT INTO permission"
		    " (acme_authorization, word, detail, at, due)"
		    " VALUES (?, 'asked', '', ?, ?)",
		    SQL_VALUES(SQL_NUMBER(authorization), SQL_NUMBER(now),
			SQL_NUMBER(now)),
		    err);
	TRY(rc);
	return sql_change(sql,
	    "UPDATE permission SET word = 'asked', detail = '', at = ?,"
	    " due = ?, tries = 0"
	    " WHERE acme_authorization = ? AND word <> 'asked'",
	    SQL_VALUES(
		SQL_NUMBER(now), SQL_NUMBER(now), SQL_NUMBER(authorization)),
	    err);
}

static enum rc
find_due(struct sql *sql, int64_t now, struct permission_question *ret,
    struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;

	TRY(sql_select(sql,
	    "SELECT p.acme_authorization, p.tries, z.address, a.name"
	    " FROM permission AS p"
	    " JOIN acme_authorization AS z ON z.id = p.acme_authorization"
	    " JOIN account AS a ON a.id = z.account"
	    " WHERE p.due <= ? ORDER BY p.due LIMIT 1",
	    SQL_VALUES(SQL_NUMBER(now)), &rows, err));
	TRY(sql_rows_next(rows, err));
	ret->authorization = sql_rows_number(rows, 0);
	ret->tries = (unsigned)sql_rows_number(rows, 1);
	TRY(sql_rows_text(rows, 2, &ret->address, err));
	return sql_rows_text(rows, 3, &ret->account, err);
}

enum rc
permission_take(struct sql *sql, int64_t now, struct permission_question *ret,
    int64_t *ret_next, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	struct permission_question own PERMISSION_QUESTION_OWNED = {0};

	TRY(sql_act_begin(sql, &act, err));
	enum rc rc = find_due(sql, now, &own, err);
	if (rc == RC_ABSENT) {
		TRY(sql_number(sql,
		    "SELECT coalesce(min(due), 9223372036854775807)"
		    " FROM permission WHERE due > ?",
		    SQL_VALUES(SQL_NUMBER(now)), ret_next, err));
		return RC_ABSENT;
	}
	TRY(rc);
	TRY(sql_change(sql,
	    "UPDATE permission SET due = ? WHERE acme_authorization = ?",
	    SQL_VALUES(SQL_NUMBER(now + PERMISSION_LEASE),
		SQL_NUMBER(own.authorization)),
	    err));
	TRY(sql_act_commit(&act, err));
	*ret = own;
	own = (struct permission_question){0};
	return RC_OK;
}

enum rc
permission_later(
    struct sql *sql, int64_t authorization, int64_t next, struct err *err)
{
	return sql_change(sql,
	    "UPDATE permission SET due = ?, tries = tries + 1"
	    " WHERE acme_authorization = ? AND due IS NOT NULL",
	    SQL_VALUES(SQL_NUMBER(next), SQL_NUMBER(authorization)), err);
}

static enum rc
write_down(
    struct sql *sql, const struct permission_answer *answer, struct err *err)
{
	char detail[600];
	const struct audit_act act = {.actor = "authority",
	    .act = "caa",
	    .object = answer->question->address,
	    .detail = detail,
	    .now = answer->now};

	(void)snprintf(detail, sizeof(detail), "%s for account %s%s%s",
	    words[answer->word].name, answer->question->account,
	    answer->detail[0] != '\0' ? ": " : "", answer->detail);
	return audit_add(sql, &act, err);
}

enum rc
permission_say(
    struct sql *sql, const struct permission_answer *answer, struct err *err)
{
	int64_t authorization = answer->question->authorization;
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;

	TRY(sql_act_begin(sql, &act, err));
	TRY(sql_change(sql,
	    "UPDATE permission SET word = ?, detail = ?, at = ?, due = NULL"
	    " WHERE acme_authorization = ?",
	    SQL_VALUES(sql_text(words[answer->word].name),
		sql_text(answer->detail), SQL_NUMBER(answer->now),
		SQL_NUMBER(authorization)),
	    err));
	if (words[answer->word].type != NULL)
		TRY(order_end_waiting(sql, authorization,
		    words[answer->word].type, answer->detail, err));
	TRY(write_down(sql, answer, err));
	return sql_act_commit(&act, err);
}
