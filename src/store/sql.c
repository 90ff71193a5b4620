#define _GNU_SOURCE /* usleep */
#include "store/sql.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include <sqlite3.h>

#include "os/random.h"

/* More different statements than a program has: more means that somebody
 * builds statements from values. */
#define SQL_STATEMENTS 128

struct sql {
	sqlite3 *db;
	struct {
		char *text;
		sqlite3_stmt *statement;
	} cache[SQL_STATEMENTS];
	size_t cached;
};

struct sql_rows {
	sqlite3_stmt *statement; /* borrowed from the cache */
	struct sql *sql;
};

static enum rc
fail(const struct sql *sql, int code, struct err *err)
{
	const char *why = sqlite3_errmsg(sql->db);

	switch (code & 0xff) {
	case SQLITE_NOMEM:
		return err_nomem(err, "database");
	case SQLITE_CONSTRAINT:
		return err_set(err, RC_REFUSED, "database: %s", why);
	case SQLITE_TOOBIG:
		return err_set(err, RC_LIMIT, "database: %s", why);
	default:
		return err_set(err, RC_IO, "database: %s", why);
	}
}

/* SQLite would make the file with mode 0644; its companions (-wal, -shm) get
 * the mode that the file has. */
static enum rc
make_file(const char *path, struct err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_errno(err, "cannot open the database %s", path);
	(void)close(fd);
	return RC_OK;
}

enum rc
sql_open(const char *path, struct sql **ret, struct err *err)
{
	struct sql *sql OWNED(sql_free) = calloc(1, sizeof(*sql));

	if (sql == NULL)
		return err_nomem(err, "database");
	TRY(make_file(path, err));
	int code = sqlite3_open_v2(path, &sql->db,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
	    NULL);
	if (code != SQLITE_OK)
		return err_set(err, RC_IO, "cannot open the database %s: %s",
		    path, sqlite3_errstr(code));
	(void)sqlite3_busy_timeout(sql->db, SQL_BUSY_MS);
	TRY(sql_run(sql,
	    "PRAGMA journal_mode = WAL;"
	    "PRAGMA synchronous = FULL;"
	    "PRAGMA foreign_keys = ON;"
	    "PRAGMA trusted_schema = OFF;",
	    err));
	*ret = take(sql);
	return RC_OK;
}

void
sql_free(struct sql *sql)
{
	if (sql == NULL)
		return;
	for (size_t i = 0; i < sql->cached; i++) {
		(void)sqlite3_finalize(sql->cache[i].statement);
		free(sql->cache[i].text);
	}
	(void)sqlite3_close(sql->db);
	free(sql);
}

struct sql_value
sql_text(const char *text)
{
	if (text == NULL)
		return SQL_NULL;
	return (struct sql_value){SQL_KIND_TEXT, 0, span_str(text)};
}

/* What sql_run() has for the words of a schema. */
static const struct word {
	const char *word, *here;
} words[] = {
    {"$id", "INTEGER PRIMARY KEY"},
    {"$number", "INTEGER"},
    {"$bytes", "BLOB"},
    {"$strict", "STRICT"},
};

static const struct word *
find_word(const char *text)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (span_starts(span_str(text), words[i].word))
			return &words[i];
	bug("no such word of a schema");
}

static enum rc
put_words(const char *text, struct buf *out, struct err *err)
{
	for (;;) {
		size_t len = strcspn(text, "$");
		TRY(buf_add(out, span_of(text, len), err));
		text += len;
		if (text[0] == '\0')
			return RC_OK;
		const struct word *word = find_word(text);
		TRY(buf_add_str(out, word->here, err));
		text += strlen(word->word);
	}
}

enum rc
sql_run(struct sql *sql, const char *text, struct err *err)
{
	struct buf buf BUF_OWNED = BUF_SMALL;
	const char *whole = NULL;

	TRY(put_words(text, &buf, err));
	TRY(buf_str(&buf, &whole, err));
	int code = sqlite3_exec(sql->db, whole, NULL, NULL, NULL);
	return code == SQLITE_OK ? RC_OK : fail(sql, code, err);
}

static enum rc
prepare_new(
    struct sql *sql, const char *text, sqlite3_stmt **ret, struct err *err)
{
	if (sql->cached == SQL_STATEMENTS)
		bug("too many different SQL statements");
	char *copy = strdup(text);
	if (copy == NULL)
		return err_nomem(err, "database");
	int code = sqlite3_prepare_v3(
	    sql->db, text, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL);
	if (code != SQLITE_OK) {
		free(copy);
		return fail(sql, code, err);
	}
	sql->cache[sql->cached].text = copy;
	sql->cache[sql->cached++].statement = *ret;
	return RC_OK;
}

static enum rc
prepare(struct sql *sql, const char *text, sqlite3_stmt **ret, struct err *err)
{
	for (size_t i = 0; i < sql->cached; i++)
		if (strcmp(sql->cache[i].text, text) == 0) {
			*ret = sql->cache[i].statement;
			return RC_OK;
		}
	return prepare_new(sql, text, ret, err);
}

static int
bind_value(sqlite3_stmt *statement, int at, const struct sql_value *value)
{
	/* SQLite takes a NULL pointer for null, even with a length of 0. */
	const void *bytes =
	    value->bytes.data != NULL ? (const void *)value->bytes.data : "";

	switch (value->kind) {
	case SQL_KIND_NUMBER:
		return sqlite3_bind_int64(statement, at, value->number);
	case SQL_KIND_TEXT:
		return sqlite3_bind_text64(statement, at, bytes,
		    value->bytes.len, SQLITE_TRANSIENT, SQLITE_UTF8);
	case SQL_KIND_BLOB:
		return sqlite3_bind_blob64(
		    statement, at, bytes, value->bytes.len, SQLITE_TRANSIENT);
	case SQL_KIND_NULL:
		break;
	}
	return sqlite3_bind_null(statement, at);
}

static enum rc
start(struct sql *sql, const char *text, struct sql_values values,
    sqlite3_stmt **ret, struct err *err)
{
	sqlite3_stmt *statement = NULL;

	TRY(prepare(sql, text, &statement, err));
	if (sqlite3_stmt_busy(statement))
		bug("this SQL query is open already");
	if ((size_t)sqlite3_bind_parameter_count(statement) != values.len)
		bug("wrong number of SQL parameters");
	for (size_t i = 0; i < values.len; i++) {
		int code = bind_value(statement, (int)i + 1, &values.item[i]);
		if (code != SQLITE_OK)
			return fail(sql, code, err);
	}
	*ret = statement;
	return RC_OK;
}

static void
stop(sqlite3_stmt *statement)
{
	(void)sqlite3_reset(statement);
	(void)sqlite3_clear_bindings(statement);
}

enum rc
sql_change(struct sql *sql, const char *text, struct sql_values values,
    struct err *err)
{
	sqlite3_stmt *statement = NULL;

	TRY(start(sql, text, values, &statement, err));
	int code = sqlite3_step(statement);
	enum rc rc = code == SQLITE_DONE ? RC_OK : fail(sql, code, err);
	stop(statement);
	if (code == SQLITE_ROW)
		bug("sql_change() with a query that returns rows");
	return rc;
}

int64_t
sql_changed(const struct sql *sql)
{
	return sqlite3_changes64(sql->db);
}

enum rc
sql_select(struct sql *sql, const char *text, struct sql_values values,
    struct sql_rows **ret, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = calloc(1, sizeof(*rows));

	if (rows == NULL) {
		(void)err_nomem(err, "database");
		return RC_NOMEM; /* said so that analysers see it */
	}
	rows->sql = sql;
	TRY(start(sql, text, values, &rows->statement, err));
	*ret = take(rows);
	return RC_OK;
}

void
sql_rows_free(struct sql_rows *rows)
{
	if (rows == NULL)
		return;
	if (rows->statement != NULL)
		stop(rows->statement);
	free(rows);
}

enum rc
sql_rows_next(struct sql_rows *rows, struct err *err)
{
	int code = sqlite3_step(rows->statement);

	if (code == SQLITE_ROW)
		return RC_OK;
	if (code == SQLITE_DONE)
		return err_set(err, RC_ABSENT, "no such entry");
	return fail(rows->sql, code, err);
}

int64_t
sql_rows_number(const struct sql_rows *rows, int column)
{
	return sqlite3_column_int64(rows->statement, column);
}

bool
sql_rows_is_null(const struct sql_rows *rows, int column)
{
	return sqlite3_column_type(rows->statement, column) == SQLITE_NULL;
}

struct span
sql_rows_bytes(const struct sql_rows *rows, int column)
{
	const void *bytes = sqlite3_column_blob(rows->statement, column);
	int len = sqlite3_column_bytes(rows->statement, column);

	return span_of(bytes, bytes != NULL ? (size_t)len : 0);
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

enum rc
sql_act_begin(struct sql *sql, struct sql_act *ret, struct err *err)
{
	/* IMMEDIATE: a transaction that reads first and then writes could fail
	 * in the middle, when another connection wrote in between. */
	TRY(sql_change(sql, "BEGIN IMMEDIATE", SQL_NONE, err));
	ret->sql = sql;
	return RC_OK;
}

enum rc
sql_act_commit(struct sql_act *act, struct err *err)
{
	TRY(sql_change(act->sql, "COMMIT", SQL_NONE, err));
	act->sql = NULL;
	return RC_OK;
}

void
sql_act_done(struct sql_act *act)
{
	/* A full disk has SQLite roll back by itself; then there is nothing
	 * left to do, and a failed rollback loses nothing that was promised. */
	if (act->sql != NULL && !sqlite3_get_autocommit(act->sql->db)) {
		enum rc ignored =
		    sql_change(act->sql, "ROLLBACK", SQL_NONE, NULL);
		(void)ignored;
	}
	act->sql = NULL;
}
