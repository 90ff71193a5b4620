#include "store/sql_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sqlite3.h>

#define MODE_PAUSE_MS 10
#define PART_SPILL (256 * 1024) /* octets */

struct lite {
	struct sql sql;
	sqlite3 *db;
	struct {
		const char *from; /* where the text was; only compared */
		char *text;
		sqlite3_stmt *statement;
	} cache[SQL_STATEMENTS];
	size_t cached;
};

struct lite_rows {
	struct sql_rows rows;
	sqlite3_stmt *statement; /* borrowed from the cache */
};

static struct lite *
lite_of(const struct sql *sql)
{
	return (struct lite *)(uintptr_t)sql;
}

static sqlite3_stmt *
statement_of(const struct sql_rows *rows)
{
	return ((const struct lite_rows *)rows)->statement;
}

static enum rc
fail(const struct lite *lite, int code, struct err *err)
{
	const char *why = sqlite3_errmsg(lite->db);

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

static enum rc
run(struct sql *sql, const char *text, struct err *err)
{
	struct lite *lite = lite_of(sql);
	int code = sqlite3_exec(lite->db, text, NULL, NULL, NULL);

	return code == SQLITE_OK ? RC_OK : fail(lite, code, err);
}

static enum rc
prepare_new(
    struct lite *lite, const char *text, sqlite3_stmt **ret, struct err *err)
{
	if (lite->cached == SQL_STATEMENTS)
		bug("too many different SQL statements");
	char *copy = strdup(text);
	if (copy == NULL)
		return err_nomem(err, "database");
	int code = sqlite3_prepare_v3(
	    lite->db, text, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL);
	if (code != SQLITE_OK) {
		free(copy);
		return fail(lite, code, err);
	}
	lite->cache[lite->cached].from = text;
	lite->cache[lite->cached].text = copy;
	lite->cache[lite->cached++].statement = *ret;
	return RC_OK;
}

/* Nearly all are literals, and so at the place where they were before; most
 * begin alike and take long to compare. */
static bool
find_cached(
    const struct lite *lite, const char *text, bool there, sqlite3_stmt **ret)
{
	for (size_t i = 0; i < lite->cached; i++) {
		if (there && lite->cache[i].from != text)
			continue;
		if (strcmp(lite->cache[i].text, text) != 0)
			continue;
		*ret = lite->cache[i].statement;
		return true;
	}
	return false;
}

static enum rc
prepare(
    struct lite *lite, const char *text, sqlite3_stmt **ret, struct err *err)
{
	if (find_cached(lite, text, true, ret) ||
	    find_cached(lite, text, false, ret))
		return RC_OK;
	return prepare_new(lite, text, ret, err);
}

/* `keep`: SQLITE_STATIC, or SQLITE_TRANSIENT for a copy. */
static int
bind_value(sqlite3_stmt *statement, int at, const struct sql_value *value,
    sqlite3_destructor_type keep)
{
	/* SQLite takes a NULL pointer for null, even with a length of 0. */
	const void *bytes =
	    value->bytes.data != NULL ? (const void *)value->bytes.data : "";

	switch (value->kind) {
	case SQL_KIND_NUMBER:
		return sqlite3_bind_int64(statement, at, value->number);
	case SQL_KIND_TEXT:
		return sqlite3_bind_text64(
		    statement, at, bytes, value->bytes.len, keep, SQLITE_UTF8);
	case SQL_KIND_BLOB:
		return sqlite3_bind_blob64(
		    statement, at, bytes, value->bytes.len, keep);
	case SQL_KIND_NULL:
		break;
	}
	return sqlite3_bind_null(statement, at);
}

static enum rc
start(struct lite *lite, const char *text, struct sql_values values,
    sqlite3_destructor_type keep, sqlite3_stmt **ret, struct err *err)
{
	sqlite3_stmt *statement = NULL;

	TRY(prepare(lite, text, &statement, err));
	if (sqlite3_stmt_busy(statement))
		bug("this SQL query is open already");
	if ((size_t)sqlite3_bind_parameter_count(statement) != values.len)
		bug("wrong number of SQL parameters");
	for (size_t i = 0; i < values.len; i++) {
		int code =
		    bind_value(statement, (int)i + 1, &values.item[i], keep);
		if (code != SQLITE_OK) {
			(void)sqlite3_clear_bindings(statement);
			return fail(lite, code, err);
		}
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

static enum rc
change(struct sql *sql, const char *text, struct sql_values values,
    struct err *err)
{
	struct lite *lite = lite_of(sql);
	sqlite3_stmt *statement = NULL;

	/* they are not needed any more when this returns */
	TRY(start(lite, text, values, SQLITE_STATIC, &statement, err));
	int code = sqlite3_step(statement);
	enum rc rc = code == SQLITE_DONE ? RC_OK : fail(lite, code, err);
	stop(statement);
	if (code == SQLITE_ROW)
		bug("sql_change() with a query that returns rows");
	sql->changed = sqlite3_changes64(lite->db);
	return rc;
}

static void
rows_free(struct sql_rows *rows)
{
	if (statement_of(rows) != NULL)
		stop(statement_of(rows));
	free(rows);
}

static enum rc
select_rows(struct sql *sql, const char *text, struct sql_values values,
    struct sql_rows **ret, struct err *err)
{
	struct lite_rows *rows = calloc(1, sizeof(*rows));

	if (rows == NULL) {
		(void)err_nomem(err, "database");
		return RC_NOMEM; /* said so that analysers see it */
	}
	rows->rows.sql = sql;
	enum rc rc = start(lite_of(sql), text, values, SQLITE_TRANSIENT,
	    &rows->statement, err);
	if (rc != RC_OK) {
		rows_free(&rows->rows);
		return rc;
	}
	*ret = &rows->rows;
	return RC_OK;
}

static enum rc
rows_next(struct sql_rows *rows, struct err *err)
{
	int code = sqlite3_step(statement_of(rows));

	if (code == SQLITE_ROW)
		return RC_OK;
	if (code == SQLITE_DONE)
		return err_set(err, RC_ABSENT, "no such entry");
	return fail(lite_of(rows->sql), code, err);
}

static int64_t
rows_number(const struct sql_rows *rows, int column)
{
	return sqlite3_column_int64(statement_of(rows), column);
}

static bool
rows_is_null(const struct sql_rows *rows, int column)
{
	return sqlite3_column_type(statement_of(rows), column) == SQLITE_NULL;
}

static struct span
rows_bytes(const struct sql_rows *rows, int column)
{
	sqlite3_stmt *statement = statement_of(rows);
	const void *bytes = sqlite3_column_blob(statement, column);
	int len = sqlite3_column_bytes(statement, column);

	return span_of(bytes, bytes != NULL ? (size_t)len : 0);
}

static enum rc
begin(struct sql *sql, struct err *err)
{
	/* IMMEDIATE: a transaction that reads first and then writes could fail
	 * in the middle, when another connection wrote in between. */
	return change(sql, "BEGIN IMMEDIATE", SQL_NONE, err);
}

static enum rc
commit(struct sql *sql, struct err *err)
{
	return change(sql, "COMMIT", SQL_NONE, err);
}

static void
rollback(struct sql *sql)
{
	/* A full disk has SQLite roll back by itself; then there is nothing
	 * left to do, and a failed rollback loses nothing that was promised. */
	if (sqlite3_get_autocommit(lite_of(sql)->db))
		return;
	enum rc ignored = change(sql, "ROLLBACK", SQL_NONE, NULL);
	(void)ignored;
}

static enum rc
part(struct sql *sql, enum sql_part what, struct err *err)
{
	switch (what) {
	case SQL_PART_BEGIN:
		return change(sql, "SAVEPOINT part", SQL_NONE, err);
	case SQL_PART_UNDO:
		TRY(change(sql, "ROLLBACK TO part", SQL_NONE, err));
		break;
	case SQL_PART_COMMIT:
		break;
	}
	return change(sql, "RELEASE part", SQL_NONE, err);
}

static bool
is_open(const struct sql *sql)
{
	return !sqlite3_get_autocommit(lite_of(sql)->db);
}

static enum rc
version(struct sql *sql, int64_t *ret, struct err *err)
{
	return sql_number(sql, "PRAGMA user_version", SQL_NONE, ret, err);
}

static enum rc
set_version(struct sql *sql, int64_t number, struct err *err)
{
	char text[60];

	/* a pragma takes no parameters; this number is our own */
	(void)snprintf(text, sizeof(text), "PRAGMA user_version = %lld",
	    (long long)number);
	return run(sql, text, err);
}

static void
close_database(struct sql *sql)
{
	struct lite *lite = lite_of(sql);

	for (size_t i = 0; i < lite->cached; i++) {
		(void)sqlite3_finalize(lite->cache[i].statement);
		free(lite->cache[i].text);
	}
	(void)sqlite3_close(lite->db);
	free(lite);
}

static const struct sql_engine engine = {
    .words = {[SQL_WORD_ID] = "INTEGER PRIMARY KEY",
	[SQL_WORD_NUMBER] = "INTEGER",
	[SQL_WORD_BYTES] = "BLOB",
	[SQL_WORD_STRICT] = "STRICT"},
    .free = close_database,
    .run = run,
    .change = change,
    .select = select_rows,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .part = part,
    .is_open = is_open,
    .version = version,
    .set_version = set_version,
    .rows_free = rows_free,
    .rows_next = rows_next,
    .rows_number = rows_number,
    .rows_is_null = rows_is_null,
    .rows_bytes = rows_bytes,
};

/* SQLite would make the file with mode 0644; its companions (-wal, -shm) get
 * the mode that the file has. */
static enum rc
make_file(const char *path, struct err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	/* Whoever closes any descriptor of a file gives up all locks that the
	 * process has on it (fcntl(2)): those of the connections that are open
	 * already, and then another process takes itself for the only one and
	 * removes the log under them.  So only what is new is opened. */
	if (fd < 0 && errno == EEXIST)
		return RC_OK;
	if (fd < 0)
		return err_errno(err, "cannot open the database %s", path);
	(void)close(fd);
	return RC_OK;
}

/* SQLite does not wait for others when it changes a new file's mode: two that
 * wait for each other there would wait for ever (sqlite3_busy_handler()). */
static enum rc
set_mode(struct lite *lite, struct err *err)
{
	int code = SQLITE_BUSY;

	for (int waited = 0;
	     (code & 0xff) == SQLITE_BUSY && waited < SQL_BUSY_MS;
	     waited += MODE_PAUSE_MS) {
		if (waited > 0)
			(void)sqlite3_sleep(MODE_PAUSE_MS);
		code = sqlite3_exec(
		    lite->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
	}
	return code == SQLITE_OK ? RC_OK : fail(lite, code, err);
}

static enum rc
open_file(struct lite *lite, const char *path, struct err *err)
{
	int code = sqlite3_open_v2(path, &lite->db,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
	    NULL);

	if (code != SQLITE_OK)
		return err_set(err, RC_IO, "cannot open the database %s: %s",
		    path, sqlite3_errstr(code));
	(void)sqlite3_busy_timeout(lite->db, SQL_BUSY_MS);
	TRY(set_mode(lite, err));
	return run(&lite->sql,
	    "PRAGMA synchronous = FULL;"
	    "PRAGMA foreign_keys = ON;"
	    "PRAGMA trusted_schema = OFF;",
	    err);
}

/* Nobody asks SQLite how much memory it uses, and to count it takes a lock for
 * each piece.  What it needs to undo a part of a transaction goes to a file in
 * /tmp above a limit, which many parts of ours were above, and is one piece of
 * memory below it.  Where something else began to use SQLite before, all that
 * stays as it is by default. */
static pthread_once_t configured = PTHREAD_ONCE_INIT;

static void
configure(void)
{
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	(void)sqlite3_config(SQLITE_CONFIG_STMTJRNL_SPILL, PART_SPILL);
}

enum rc
sql_sqlite_open(const char *path, struct sql **ret, struct err *err)
{
	(void)pthread_once(&configured, configure);
	TRY(make_file(path, err));
	struct lite *lite = calloc(1, sizeof(*lite));
	if (lite == NULL)
		return err_nomem(err, "database");
	lite->sql.engine = &engine;
	struct sql *sql OWNED(sql_free) = &lite->sql;
	TRY(open_file(lite, path, err));
	*ret = take(sql);
	return RC_OK;
}
