#include "store/sql_priv.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include <libpq-fe.h>

#include "os/clock.h"

#define PARAMETERS_MAX 32
#define STATEMENT_MAX ((size_t)64 * 1024)
#define NAME_LEN 16
#define NUMBER_LEN 24

/* Types of PostgreSQL's catalogue; these numbers never change. */
enum {
	OID_BOOL = 16,
	OID_BYTEA = 17,
	OID_NAME = 19,
	OID_INT8 = 20,
	OID_INT2 = 21,
	OID_INT4 = 23,
	OID_TEXT = 25,
	OID_UNKNOWN = 705,
	OID_VARCHAR = 1043,
};

OWNER(PGresult, PQclear);
OWNER(char, free);

struct postgres {
	struct sql sql;
	char *url;
	PGconn *conn;       /* NULL, or perhaps dead: see ready() */
	int64_t not_before; /* clock_ticks() of the next try to connect */
	struct {
		char *text;
		size_t parameters;
	} cache[SQL_STATEMENTS]; /* statement i has the name "s<i>" */
	size_t cached;
};

struct postgres_rows {
	struct sql_rows rows;
	PGresult *result; /* owned */
	int at;           /* the row; -1 before the first */
};

static struct postgres *
postgres_of(const struct sql *sql)
{
	return (struct postgres *)(uintptr_t)sql;
}

static const struct postgres_rows *
rows_of(const struct sql_rows *rows)
{
	return (const struct postgres_rows *)rows;
}

static void
forget(struct postgres *postgres)
{
	for (size_t i = 0; i < postgres->cached; i++)
		free(postgres->cache[i].text);
	postgres->cached = 0;
	PQfinish(postgres->conn);
	postgres->conn = NULL;
}

/* What a failure asks of the caller, by the beginning of its SQLSTATE. */
static const struct {
	const char *state;
	enum rc rc;
} states[] = {
    {"40001", RC_AGAIN}, /* serialization failure */
    {"40P01", RC_AGAIN}, /* deadlock */
    {"55P03", RC_AGAIN}, /* a lock could not be had in time */
    {"42P07", RC_AGAIN}, /* another one makes the same table now */
    {"23", RC_REFUSED},  /* constraint */
    {"22", RC_REFUSED},  /* a value that its column cannot hold */
    {"53200", RC_NOMEM},
};

static enum rc
fail(struct postgres *postgres, const PGresult *result, struct err *err)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *why = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	enum rc rc = RC_IO;

	if (why == NULL)
		why = PQerrorMessage(postgres->conn);
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (state != NULL &&
		    span_starts(span_str(state), states[i].state)) {
			rc = states[i].rc;
			break;
		}
	return err_set(err, rc, "database: %.*s", (int)strcspn(why, "\n"), why);
}

static bool
is_done(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

static enum rc
run_plain(struct postgres *postgres, const char *text, struct err *err)
{
	PGresult *result OWNED(PQclear) = PQexec(postgres->conn, text);

	return is_done(result) ? RC_OK : fail(postgres, result, err);
}

#define DURABLE                                                      \
	"SELECT set_config('synchronous_commit', 'on', false) WHERE" \
	" current_setting('synchronous_commit') IN ('off', 'local')"

static void
say_nothing(void *context, const char *text)
{
}

/* Every transaction, and every statement outside of one, is serializable: what
 * looked at the database may rely on it until it commits.  The rest is for
 * PostgreSQL itself and may fail with others that speak its protocol: scans of
 * whole (small) tables would make transactions meet that have nothing in
 * common, and a commit that was answered must be on the disk. */
static enum rc
set_session(struct postgres *postgres, struct err *err)
{
	static const char *const wishes[] = {"SET enable_seqscan = off",
	    "SET lock_timeout = 10000", "SET statement_timeout = 60000",
	    DURABLE};

	TRY(run_plain(postgres,
	    "SET SESSION CHARACTERISTICS AS TRANSACTION"
	    " ISOLATION LEVEL SERIALIZABLE",
	    err));
	for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++) {
		enum rc ignored = run_plain(postgres, wishes[i], NULL);
		(void)ignored;
	}
	return RC_OK;
}

/* A host that does not even say no costs seconds: whoever waits for us is told
 * for as long as that took, without another try, that there is nothing. */
static enum rc
connect_anew(struct postgres *postgres, struct err *err)
{
	/* the URL may say otherwise for what stands before it */
	const char *const names[] = {"connect_timeout", "keepalives_idle",
	    "tcp_user_timeout", "fallback_application_name", "dbname",
	    "client_encoding", NULL};
	const char *const values[] = {"2", "30", "15000",
	    "letterlock-authority", postgres->url, "UTF8", NULL};

	int64_t began = clock_ticks();

	forget(postgres);
	if (began < postgres->not_before)
		return err_set(err, RC_IO, "the database is gone");
	postgres->conn = PQconnectdbParams(names, values, 1);
	if (postgres->conn == NULL)
		return err_nomem(err, "database");
	int64_t now = clock_ticks();
	postgres->not_before = now + (now - began);
	if (PQstatus(postgres->conn) != CONNECTION_OK) {
		const char *why = PQerrorMessage(postgres->conn);
		return err_set(err, RC_IO,
		    "no connection to the database: %.*s",
		    (int)strcspn(why, "\n"), why);
	}
	postgres->not_before = 0;
	(void)PQsetNoticeProcessor(postgres->conn, say_nothing, NULL);
	return set_session(postgres, err);
}

/* An idle connection that has something to say is most often one that ends. */
static bool
is_alive(PGconn *conn)
{
	struct pollfd wait = {.fd = PQsocket(conn), .events = POLLIN};

	while (PQstatus(conn) == CONNECTION_OK && poll(&wait, 1, 0) > 0)
		if (!PQconsumeInput(conn))
			return false;
	return PQstatus(conn) == CONNECTION_OK;
}

/* A transaction does not survive its connection; whatever is not within one
 * gets a new connection if the old one is gone. */
static enum rc
ready(struct postgres *postgres, struct err *err)
{
	if (postgres->sql.acting && PQstatus(postgres->conn) == CONNECTION_OK)
		return RC_OK;
	if (postgres->sql.acting)
		return err_set(err, RC_IO, "the database is gone");
	if (postgres->conn != NULL && is_alive(postgres->conn))
		return RC_OK;
	return connect_anew(postgres, err);
}

static enum rc
run(struct sql *sql, const char *text, struct err *err)
{
	struct postgres *postgres = postgres_of(sql);

	TRY(ready(postgres, err));
	return run_plain(postgres, text, err);
}

/* "a = ? AND b = '?'" becomes "a = $1 AND b = '?'". */
static enum rc
number_parameters(
    const char *text, struct buf *out, size_t *ret_count, struct err *err)
{
	size_t count = 0;
	char quote = '\0';

	for (size_t i = 0; text[i] != '\0'; i++) {
		if (quote == '\0' && text[i] == '?') {
			TRY(buf_add_format(out, err, "$%zu", ++count));
			continue;
		}
		if (quote == '\0' && (text[i] == '\'' || text[i] == '"'))
			quote = text[i];
		else if (text[i] == quote)
			quote = '\0';
		TRY(buf_add_byte(out, (uint8_t)text[i], err));
	}
	*ret_count = count;
	return RC_OK;
}

static void
name_statement(size_t i, char name[NAME_LEN])
{
	(void)snprintf(name, NAME_LEN, "s%zu", i);
}

static Oid
type_of(const struct sql_value *value)
{
	switch (value->kind) {
	case SQL_KIND_NUMBER:
		return OID_INT8;
	case SQL_KIND_TEXT:
		return OID_TEXT;
	case SQL_KIND_BLOB:
		return OID_BYTEA;
	case SQL_KIND_NULL:
		break;
	}
	return 0; /* as the place where it stands wants it */
}

static enum rc
prepare_new(struct postgres *postgres, const char *text,
    struct sql_values values, struct err *err)
{
	struct buf numbered BUF_OWNED = BUF(STATEMENT_MAX);
	char *copy OWNED(free) = strdup(text);
	Oid types[PARAMETERS_MAX];
	const char *whole = NULL;
	char name[NAME_LEN];
	size_t count = 0;

	if (copy == NULL)
		return err_nomem(err, "database");
	TRY(number_parameters(text, &numbered, &count, err));
	TRY(buf_str(&numbered, &whole, err));
	if (postgres->cached == SQL_STATEMENTS || count > PARAMETERS_MAX)
		bug("too many different SQL statements, or parameters");
	if (count != values.len)
		bug("wrong number of SQL parameters");
	for (size_t i = 0; i < count; i++)
		types[i] = type_of(&values.item[i]);
	name_statement(postgres->cached, name);
	PGresult *result OWNED(PQclear) =
	    PQprepare(postgres->conn, name, whole, (int)count, types);
	if (!is_done(result))
		return fail(postgres, result, err);
	postgres->cache[postgres->cached].parameters = count;
	postgres->cache[postgres->cached++].text = take(copy);
	return RC_OK;
}

static enum rc
prepare(struct postgres *postgres, const char *text, struct sql_values values,
    size_t *ret, struct err *err)
{
	size_t i = 0;

	while (
	    i < postgres->cached && strcmp(postgres->cache[i].text, text) != 0)
		i++;
	if (i == postgres->cached)
		TRY(prepare_new(postgres, text, values, err));
	if (postgres->cache[i].parameters != values.len)
		bug("wrong number of SQL parameters");
	*ret = i;
	return RC_OK;
}

/* Numbers go as text, which fits whatever width of a number the place has. */
struct bound {
	const char *value[PARAMETERS_MAX];
	int len[PARAMETERS_MAX];
	int format[PARAMETERS_MAX]; /* 0: text, 1: as it is */
	char number[PARAMETERS_MAX][NUMBER_LEN];
};

static void
bind_value(struct bound *bound, size_t i, const struct sql_value *value)
{
	bound->value[i] = NULL;
	bound->format[i] = 0;
	bound->len[i] = 0;
	if (value->kind == SQL_KIND_NULL)
		return;
	if (value->kind == SQL_KIND_NUMBER) {
		(void)snprintf(bound->number[i], NUMBER_LEN, "%lld",
		    (long long)value->number);
		bound->value[i] = bound->number[i];
		return;
	}
	bound->value[i] =
	    value->bytes.data != NULL ? (const char *)value->bytes.data : "";
	bound->len[i] = (int)value->bytes.len;
	bound->format[i] = 1;
}

static enum rc
bind_all(struct bound *bound, struct sql_values values, struct err *err)
{
	for (size_t i = 0; i < values.len; i++) {
		if (values.item[i].bytes.len > (size_t)INT32_MAX / 2)
			return err_set(
			    err, RC_LIMIT, "too much for the database");
		bind_value(bound, i, &values.item[i]);
	}
	return RC_OK;
}

static enum rc
execute(struct sql *sql, const char *text, struct sql_values values,
    PGresult **ret, struct err *err)
{
	struct postgres *postgres = postgres_of(sql);
	struct bound bound;
	char name[NAME_LEN];
	size_t i = 0;

	TRY(ready(postgres, err));
	TRY(bind_all(&bound, values, err));
	TRY(prepare(postgres, text, values, &i, err));
	name_statement(i, name);
	PGresult *result OWNED(PQclear) = PQexecPrepared(postgres->conn, name,
	    (int)values.len, bound.value, bound.len, bound.format, 1);
	if (!is_done(result))
		return fail(postgres, result, err);
	*ret = take(result);
	return RC_OK;
}

static enum rc
change(struct sql *sql, const char *text, struct sql_values values,
    struct err *err)
{
	PGresult *result OWNED(PQclear) = NULL;

	sql->changed = 0;
	TRY(execute(sql, text, values, &result, err));
	if (PQntuples(result) > 0)
		bug("sql_change() with a query that returns rows");
	sql->changed = strtoll(PQcmdTuples(result), NULL, 10);
	return RC_OK;
}

/* What rows_number() and rows_bytes() can read. */
static enum rc
check_types(const PGresult *result, struct err *err)
{
	static const Oid known[] = {OID_BOOL, OID_INT2, OID_INT4, OID_INT8,
	    OID_BYTEA, OID_TEXT, OID_VARCHAR, OID_NAME, OID_UNKNOWN};

	for (int column = 0; column < PQnfields(result); column++) {
		Oid type = PQftype(result, column);
		size_t i = 0;
		while (i < sizeof(known) / sizeof(known[0]) && known[i] != type)
			i++;
		if (i == sizeof(known) / sizeof(known[0]))
			return err_set(err, RC_IO,
			    "database: column %d has a type (%u) that is "
			    "neither number, text nor bytes: cast it",
			    column, type);
	}
	return RC_OK;
}

static enum rc
select_rows(struct sql *sql, const char *text, struct sql_values values,
    struct sql_rows **ret, struct err *err)
{
	PGresult *result OWNED(PQclear) = NULL;

	TRY(execute(sql, text, values, &result, err));
	TRY(check_types(result, err));
	struct postgres_rows *rows = calloc(1, sizeof(*rows));
	if (rows == NULL)
		return err_nomem(err, "database");
	rows->rows.sql = sql;
	rows->result = take(result);
	rows->at = -1;
	*ret = &rows->rows;
	return RC_OK;
}

static void
rows_free(struct sql_rows *rows)
{
	PQclear(rows_of(rows)->result);
	free(rows);
}

static enum rc
rows_next(struct sql_rows *rows, struct err *err)
{
	struct postgres_rows *own = (struct postgres_rows *)rows;

	if (own->at + 1 >= PQntuples(own->result))
		return err_set(err, RC_ABSENT, "no such entry");
	own->at++;
	return RC_OK;
}

static bool
rows_is_null(const struct sql_rows *rows, int column)
{
	return PQgetisnull(rows_of(rows)->result, rows_of(rows)->at, column);
}

static struct span
rows_bytes(const struct sql_rows *rows, int column)
{
	const struct postgres_rows *own = rows_of(rows);

	if (rows_is_null(rows, column))
		return SPAN_NONE;
	return span_of(PQgetvalue(own->result, own->at, column),
	    (size_t)PQgetlength(own->result, own->at, column));
}

/* Big-endian, 1 to 8 octets, with a sign. */
static int64_t
rows_number(const struct sql_rows *rows, int column)
{
	struct span bytes = rows_bytes(rows, column);
	uint64_t number = 0;

	if (bytes.len == 0 || bytes.len > sizeof(number))
		return 0;
	if ((bytes.data[0] & 0x80) != 0)
		number = UINT64_MAX;
	for (size_t i = 0; i < bytes.len; i++)
		number = number << 8 | bytes.data[i];
	return (int64_t)number;
}

static enum rc
begin(struct sql *sql, struct err *err)
{
	return run(sql, "BEGIN", err);
}

/* The server answers the COMMIT of a transaction that failed with "ROLLBACK",
 * and calls that a success. */
static enum rc
commit(struct sql *sql, struct err *err)
{
	struct postgres *postgres = postgres_of(sql);

	TRY(ready(postgres, err));
	PGresult *result OWNED(PQclear) = PQexec(postgres->conn, "COMMIT");
	if (!is_done(result))
		return fail(postgres, result, err);
	if (strcmp(PQcmdStatus(result), "COMMIT") != 0)
		return err_set(
		    err, RC_AGAIN, "database: the transaction was undone");
	return RC_OK;
}

static void
rollback(struct sql *sql)
{
	struct postgres *postgres = postgres_of(sql);

	if (PQtransactionStatus(postgres->conn) == PQTRANS_IDLE)
		return;
	/* whatever comes of it: the server ends what has no connection */
	if (run_plain(postgres, "ROLLBACK", NULL) != RC_OK)
		forget(postgres);
}

static enum rc
version(struct sql *sql, int64_t *ret, struct err *err)
{
	int64_t there = 0;

	TRY(sql_number(sql,
	    "SELECT count(*) FROM information_schema.tables"
	    " WHERE table_schema = current_schema()"
	    " AND table_name = 'schema_version'",
	    SQL_NONE, &there, err));
	if (there == 0) {
		*ret = 0;
		return RC_OK;
	}
	return sql_number(
	    sql, "SELECT version FROM schema_version", SQL_NONE, ret, err);
}

static enum rc
set_version(struct sql *sql, int64_t number, struct err *err)
{
	TRY(run(sql,
	    "CREATE TABLE IF NOT EXISTS schema_version"
	    " (version BIGINT NOT NULL);"
	    "DELETE FROM schema_version",
	    err));
	return change(sql, "INSERT INTO schema_version (version) VALUES (?)",
	    SQL_VALUES(SQL_NUMBER(number)), err);
}

static void
close_database(struct sql *sql)
{
	struct postgres *postgres = postgres_of(sql);

	forget(postgres);
	free(postgres->url);
	free(postgres);
}

static const struct sql_engine engine = {
    .words = {[SQL_WORD_ID] =
		  "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
	[SQL_WORD_NUMBER] = "BIGINT",
	[SQL_WORD_BYTES] = "BYTEA",
	[SQL_WORD_STRICT] = ""},
    .shared = true,
    .free = close_database,
    .run = run,
    .change = change,
    .select = select_rows,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .version = version,
    .set_version = set_version,
    .rows_free = rows_free,
    .rows_next = rows_next,
    .rows_number = rows_number,
    .rows_is_null = rows_is_null,
    .rows_bytes = rows_bytes,
};

enum rc
sql_postgres_open(const char *url, struct sql **ret, struct err *err)
{
	struct postgres *postgres = calloc(1, sizeof(*postgres));

	if (postgres == NULL)
		return err_nomem(err, "database");
	postgres->sql.engine = &engine;
	struct sql *sql OWNED(sql_free) = &postgres->sql;
	postgres->url = strdup(url);
	if (postgres->url == NULL)
		return err_nomem(err, "database");
	TRY(connect_anew(postgres, err));
	*ret = take(sql);
	return RC_OK;
}
