/* store/sql -- a database, made hard to misuse: SQLite or PostgreSQL.
 *
 * What sql_act_commit() returned RC_OK for survives a crash.  Every
 * transaction is serializable, and so is a statement outside of one.
 * Statements are prepared once per connection; values are parameters always
 * ("?") and never part of a statement's text.  Write the plain SQL that both
 * share: no functions of one engine, CAST(x AS BIGINT) where a number's type
 * is computed (sums).
 *
 * May use:   base codec os pki.
 * Errors:    RC_IO: the disk is full or broken, the database stayed busy
 *            longer than SQL_BUSY_MS, or it is gone: try later.  RC_REFUSED: a
 *            constraint (unique, not null, foreign key) does not hold, or a
 *            column cannot hold the value.  RC_AGAIN: another transaction was
 *            in the way; whoever owns the whole piece of work begins it anew
 *            (sql_again()).  In a transaction, every failure but RC_ABSENT is
 *            the end of it: it can only be rolled back.
 * Threads:   one connection each; several connections, also of several
 *            processes, may have one database open.
 */
#ifndef STORE_SQL_H
#define STORE_SQL_H

#include "base/buf.h"
#include "base/own.h"

#define SQL_BUSY_MS 10000

struct sql; /* one connection */

/* A URL, postgresql://..., as libpq reads it: a connection that was lost is made
 * anew by the next call outside of a transaction.  Or the path of a SQLite
 * file, made with mode 0600 if it is not there: write-ahead log,
 * synchronous=FULL. */
enum rc sql_open(const char *where, struct sql **ret, struct err *err);
void sql_free(struct sql *sql);
/* A server, that processes on other machines may be using as well. */
bool sql_is_shared(const struct sql *sql);
OWNER(struct sql, sql_free);

enum sql_kind { SQL_KIND_NULL, SQL_KIND_NUMBER, SQL_KIND_TEXT, SQL_KIND_BLOB };

struct sql_value {
	enum sql_kind kind;
	int64_t number;
	struct span bytes; /* borrowed for the call, or until the next row */
};

struct sql_values {
	const struct sql_value *item;
	size_t len;
};

#define SQL_NUMBER(n) ((struct sql_value){SQL_KIND_NUMBER, (n), SPAN_NONE})
#define SQL_BLOB(span) ((struct sql_value){SQL_KIND_BLOB, 0, (span)})
#define SQL_NULL ((struct sql_value){SQL_KIND_NULL, 0, SPAN_NONE})
/* NULL is SQL's null. */
struct sql_value sql_text(const char *text);

#define SQL_NONE ((struct sql_values){NULL, 0})
/* sql_change(sql, "...", SQL_VALUES(SQL_NUMBER(1), sql_text(t)), err) */
#define SQL_VALUES(...)                                               \
	((struct sql_values){(const struct sql_value[]){__VA_ARGS__}, \
	    sizeof((const struct sql_value[]){__VA_ARGS__}) /         \
		sizeof(struct sql_value)})

/* Several statements without parameters: a schema.  Engines name the same
 * types differently; in `text` these words stand for what is meant:
 *   $id      the primary key: a number that the engine gives to a new row
 *   $number  64 bits with a sign
 *   $bytes   any bytes
 *   $strict  behind a table: values of other types are refused
 * Text is TEXT everywhere. */
enum rc sql_run(struct sql *sql, const char *text, struct err *err);
/* One statement that returns no row. */
enum rc sql_change(struct sql *sql, const char *text, struct sql_values values,
    struct err *err);
/* After sql_change(): rows changed. */
int64_t sql_changed(const struct sql *sql);

/* A number that is kept with the schema; 0 in a new database.  Set it within
 * the transaction that changes the schema. */
enum rc sql_version(struct sql *sql, int64_t *ret, struct err *err);
enum rc sql_set_version(struct sql *sql, int64_t version, struct err *err);

/* One statement that returns rows.  At most one query of the same text is
 * open at a time.  PostgreSQL's rows are all in memory: LIMIT what can become
 * large. */
struct sql_rows;
enum rc sql_select(struct sql *sql, const char *text, struct sql_values values,
    struct sql_rows **ret, struct err *err);
void sql_rows_free(struct sql_rows *rows);
OWNER(struct sql_rows, sql_rows_free);
/* RC_ABSENT: there is no further row. */
enum rc sql_rows_next(struct sql_rows *rows, struct err *err);
/* Of the row; columns count from 0.  Null is 0, or an empty span. */
int64_t sql_rows_number(const struct sql_rows *rows, int column);
bool sql_rows_is_null(const struct sql_rows *rows, int column);
struct span sql_rows_bytes(const struct sql_rows *rows, int column);
/* A copy as C string that the caller frees; null is NULL. */
enum rc sql_rows_text(
    const struct sql_rows *rows, int column, char **ret, struct err *err);

/* The first column of the only row as a number.  RC_ABSENT: no row.  This is
 * how to learn the id of a new row: "INSERT ... RETURNING id". */
enum rc sql_number(struct sql *sql, const char *text, struct sql_values values,
    int64_t *ret, struct err *err);

/* A transaction that holds the write lock from its beginning.
 *
 *   struct sql_act act SQL_ACT_OWNED = SQL_ACT;
 *   TRY(sql_act_begin(sql, &act, err));
 *   ...
 *   return sql_act_commit(&act, err);
 *
 * What was not committed at the end of the scope is rolled back. */
struct sql_act {
	struct sql *sql; /* NULL: none open */
};
#define SQL_ACT ((struct sql_act){NULL})
#define SQL_ACT_OWNED __attribute__((cleanup(sql_act_done)))

/* Between two tries of work that ended in RC_AGAIN: waits a little, longer each
 * time and at random, so that those who met do not meet again.  `tries` begins
 * as 0.  False, at once: it was tried SQL_TRIES times. */
#define SQL_TRIES 5
bool sql_again(unsigned *tries);

enum rc sql_act_begin(struct sql *sql, struct sql_act *ret, struct err *err);
enum rc sql_act_commit(struct sql_act *act, struct err *err);
void sql_act_done(struct sql_act *act);

/* To write to the disk costs the same for one transaction and for many.  From
 * now on those of this connection are parts of a greater one, which the first
 * of them opens: one that fails is undone alone, but what was committed
 * survives a crash only after sql_group_commit(), and until then nobody else
 * sees it, or can write.  With a server nothing changes. */
void sql_group(struct sql *sql);
bool sql_group_is_open(const struct sql *sql);
/* RC_OK too if none is open.  On failure nothing of it happened. */
enum rc sql_group_commit(struct sql *sql, struct err *err);

#endif
