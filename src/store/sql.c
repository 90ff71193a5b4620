#define _GNU_SOURCE /* usleep */
#include "store/sql_priv.h"

#include <stdlib.h>
#include <unistd.h>

#include "os/random.h"

#define POSTGRES "postgresql://"
/* Several statements of a schema, with their words put in. */
#define RUN_MAX ((size_t)1 << 20)

enum rc
sql_open(const char *where, struct sql **ret, struct err *err)
{
	if (span_starts(span_str(where), POSTGRES))
		return sql_postgres_open(where, ret, err);
	return sql_sqlite_open(where, ret, err);
}

void
sql_free(struct sql *sql)
{
	if (sql != NULL)
		sql->engine->free(sql);
}

bool
sql_is_shared(const struct sql *sql)
{
	return sql->engine->shared;
}

struct sql_value
sql_text(const char *text)
{
	if (text == NULL)
		return SQL_NULL;
	return (struct sql_value){SQL_KIND_TEXT, 0, span_str(text)};
}

static const char *const words[SQL_WORDS] = {
    [SQL_WORD_ID] = "$id",
    [SQL_WORD_NUMBER] = "$number",
    [SQL_WORD_BYTES] = "$bytes",
    [SQL_WORD_STRICT] = "$strict",
};

static size_t
find_word(const char *text)
{
	for (size_t i = 0; i < SQL_WORDS; i++)
		if (span_starts(span_str(text), words[i]))
			return i;
	bug("no such word of a schema");
}

static enum rc
put_words(const struct sql_engine *engine, const char *text, struct buf *out,
    struct err *err)
{
	for (;;) {
		size_t len = strcspn(text, "$");
		TRY(buf_add(out, span_of(text, len), err));
		text += len;
		if (text[0] == '\0')
			return RC_OK;
		size_t i = find_word(text);
		TRY(buf_add_str(out, engine->words[i], err));
		text += strlen(words[i]);
	}
}

/* SQLite would go on after a statement that failed, PostgreSQL would not: in
 * both, what failed once is not committed. */
static enum rc
note(struct sql *sql, enum rc rc)
{
	if (sql->acting && rc != RC_OK && rc != RC_ABSENT &&
	    sql->spoiled == RC_OK)
		sql->spoiled = rc;
	return rc;
}

enum rc
sql_run(struct sql *sql, const char *text, struct err *err)
{
	struct buf buf BUF_OWNED = BUF(RUN_MAX);
	const char *whole = NULL;

	TRY(put_words(sql->engine, text, &buf, err));
	TRY(buf_str(&buf, &whole, err));
	return note(sql, sql->engine->run(sql, whole, err));
}

/* Alone, a statement is a transaction of its own and may begin again by
 * itself. */
static bool
is_again(const struct sql *sql, enum rc rc, unsigned *tries)
{
	return rc == RC_AGAIN && !sql->acting && sql_again(tries);
}

enum rc
sql_change(struct sql *sql, const char *text, struct sql_values values,
    struct err *err)
{
	unsigned tries = 0;
	enum rc rc;

	do
		rc = sql->engine->change(sql, text, values, err);
	while (is_again(sql, rc, &tries));
	return note(sql, rc);
}

int64_t
sql_changed(const struct sql *sql)
{
	return sql->changed;
}

enum rc
sql_select(struct sql *sql, const char *text, struct sql_values values,
    struct sql_rows **ret, struct err *err)
{
	unsigned tries = 0;
	enum rc rc;

	do
		rc = sql->engine->select(sql, text, values, ret, err);
	while (is_again(sql, rc, &tries));
	return note(sql, rc);
}

void
sql_rows_free(struct sql_rows *rows)
{
	if (rows != NULL)
		rows->sql->engine->rows_free(rows);
}

enum rc
sql_rows_next(struct sql_rows *rows, struct err *err)
{
	return note(rows->sql, rows->sql->engine->rows_next(rows, err));
}

int64_t
sql_rows_number(const struct sql_rows *rows, int column)
{
	return rows->sql->engine->rows_number(rows, column);
}

bool
sql_rows_is_null(const struct sql_rows *rows, int column)
{
	return rows->sql->engine->rows_is_null(rows, column);
}

struct span
sql_rows_bytes(const struct sql_rows *rows, int column)
{
	return rows->sql->engine->rows_bytes(rows, column);
}

enum rc
sql_rows_text(
    const struct sql_rows *rows, int column, char **ret, struct err *err)
{
	if (sql_rows_is_null(rows, column)) {
		*ret = NULL;
		return RC_OK;
	}
	return span_dup(sql_rows_bytes(rows, column), ret, err);
}

enum rc
sql_number(struct sql *sql, const char *text, struct sql_values values,
    int64_t *ret, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;

	TRY(sql_select(sql, text, values, &rows, err));
	TRY(sql_rows_next(rows, err));
	int64_t number = sql_rows_number(rows, 0);
	/* an INSERT is done, and may fail, behind its last row */
	enum rc rc = sql_rows_next(rows, err);
	if (rc != RC_OK && rc != RC_ABSENT)
		return rc;
	*ret = number;
	return RC_OK;
}

enum rc
sql_version(struct sql *sql, int64_t *ret, struct err *err)
{
	return note(sql, sql->engine->version(sql, ret, err));
}

enum rc
sql_set_version(struct sql *sql, int64_t version, struct err *err)
{
	return note(sql, sql->engine->set_version(sql, version, err));
}

bool
sql_again(unsigned *tries)
{
	uint8_t random = 0;

	if (++*tries >= SQL_TRIES)
		return false;
	random_fill(&random, sizeof(random));
	(void)usleep((1000u + 100u * random) * *tries);
	return true;
}

/* A disk that is full has SQLite roll back all of it: then no further part is
 * begun, and whoever was a part before hears of it at the end. */
static enum rc
begin_part(struct sql *sql, struct err *err)
{
	if (!sql->grouped)
		TRY(sql->engine->begin(sql, err));
	sql->grouped = true;
	if (!sql->engine->is_open(sql))
		return err_set(
		    err, RC_IO, "database: the transaction was given up");
	return sql->engine->part(sql, SQL_PART_BEGIN, err);
}

static enum rc
begin(struct sql *sql, struct err *err)
{
	return sql->grouping ? begin_part(sql, err)
			     : sql->engine->begin(sql, err);
}

static enum rc
commit(struct sql *sql, struct err *err)
{
	return sql->grouping ? sql->engine->part(sql, SQL_PART_COMMIT, err)
			     : sql->engine->commit(sql, err);
}

/* A part that cannot be undone alone takes all of it along. */
static void
rollback(struct sql *sql)
{
	if (!sql->grouping || !sql->engine->is_open(sql) ||
	    sql->engine->part(sql, SQL_PART_UNDO, NULL) != RC_OK)
		sql->engine->rollback(sql);
}

enum rc
sql_act_begin(struct sql *sql, struct sql_act *ret, struct err *err)
{
	if (sql->acting)
		bug("a transaction within a transaction");
	TRY(begin(sql, err));
	sql->acting = true;
	sql->spoiled = RC_OK;
	ret->sql = sql;
	return RC_OK;
}

enum rc
sql_act_commit(struct sql_act *act, struct err *err)
{
	struct sql *sql = act->sql;

	if (sql->spoiled != RC_OK)
		return err_set(err, sql->spoiled,
		    "database: a part of the transaction failed");
	TRY(note(sql, commit(sql, err)));
	sql->acting = false;
	act->sql = NULL;
	return RC_OK;
}

void
sql_act_done(struct sql_act *act)
{
	if (act->sql == NULL)
		return;
	rollback(act->sql);
	act->sql->acting = false;
	act->sql = NULL;
}

void
sql_group(struct sql *sql)
{
	sql->grouping = sql->engine->part != NULL;
}

bool
sql_group_is_open(const struct sql *sql)
{
	return sql->grouped;
}

enum rc
sql_group_commit(struct sql *sql, struct err *err)
{
	if (!sql->grouped)
		return RC_OK;
	sql->grouped = false;
	if (!sql->engine->is_open(sql))
		return err_set(
		    err, RC_IO, "database: the transaction was given up");
	enum rc rc = sql->engine->commit(sql, err);
	if (rc != RC_OK)
		sql->engine->rollback(sql);
	return rc;
}
