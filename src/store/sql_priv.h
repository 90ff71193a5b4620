/* store/sql_priv -- what an engine does for store/sql. */
#ifndef STORE_SQL_PRIV_H
#define STORE_SQL_PRIV_H

#include "store/sql.h"

/* More different statements than a program has: more means that somebody
 * builds statements from values. */
#define SQL_STATEMENTS 256

enum sql_word { SQL_WORD_ID, SQL_WORD_NUMBER, SQL_WORD_BYTES, SQL_WORD_STRICT };
#define SQL_WORDS 4

enum sql_part { SQL_PART_BEGIN, SQL_PART_COMMIT, SQL_PART_UNDO };

struct sql_engine {
	const char *words[SQL_WORDS]; /* of sql_run() */
	bool shared;
	void (*free)(struct sql *sql);
	enum rc (*run)(struct sql *sql, const char *text, struct err *err);
	enum rc (*change)(struct sql *sql, const char *text,
	    struct sql_values values, struct err *err);
	enum rc (*select)(struct sql *sql, const char *text,
	    struct sql_values values, struct sql_rows **ret, struct err *err);
	enum rc (*begin)(struct sql *sql, struct err *err);
	enum rc (*commit)(struct sql *sql, struct err *err);
	void (*rollback)(struct sql *sql);
	/* A part of a transaction that is open; NULL: never in groups. */
	enum rc (*part)(struct sql *sql, enum sql_part what, struct err *err);
	bool (*is_open)(const struct sql *sql);
	enum rc (*version)(struct sql *sql, int64_t *ret, struct err *err);
	enum rc (*set_version)(
	    struct sql *sql, int64_t version, struct err *err);

	void (*rows_free)(struct sql_rows *rows);
	enum rc (*rows_next)(struct sql_rows *rows, struct err *err);
	int64_t (*rows_number)(const struct sql_rows *rows, int column);
	bool (*rows_is_null)(const struct sql_rows *rows, int column);
	struct span (*rows_bytes)(const struct sql_rows *rows, int column);
};

/* An engine's own struct begins with this. */
struct sql {
	const struct sql_engine *engine;
	int64_t changed; /* rows, by the last change */
	bool acting;     /* a transaction is open */
	enum rc spoiled; /* the first failure in it */
	bool grouping;   /* transactions are parts of a greater one */
	bool grouped;    /* and it was opened */
};

struct sql_rows {
	struct sql *sql;
};

enum rc sql_sqlite_open(const char *path, struct sql **ret, struct err *err);
enum rc sql_postgres_open(const char *url, struct sql **ret, struct err *err);

#endif
