#include "store/sql_copy.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/strlist.h"

#define COLUMNS_MAX 64
#define ROWS_AT_ONCE 500

/* --- a file of a file */

static enum rc
flush(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return err_errno(err, "%s", path);
	int failed = fsync(fd);
	enum rc rc = failed ? err_errno(err, "%s", path) : RC_OK;
	(void)close(fd);
	return rc;
}

enum rc
sql_copy_file(struct sql *sql, const char *path, struct err *err)
{
	if (sql_is_shared(sql))
		return err_set(err, RC_UNFIT, "a database server is no file");
	TRY(sql_change(sql, "VACUUM INTO ?", SQL_VALUES(sql_text(path)), err));
	return flush(path, err);
}

/* --- rows */

struct column {
	char *name;
	enum sql_kind kind;
};

struct table {
	const char *name; /* borrowed */
	struct column column[COLUMNS_MAX];
	size_t columns;
	bool counted; /* its first column is the number `id` */
	struct buf select, insert;
};

static void
table_done(struct table *table)
{
	for (size_t i = 0; i < table->columns; i++)
		free(table->column[i].name);
	buf_done(&table->select);
	buf_done(&table->insert);
}

#define TABLE_OWNED __attribute__((cleanup(table_done)))

/* SQLite knows what its tables are; the other side's are the same. */
static enum rc
list_tables(struct sql *sqlite, struct strlist *ret, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	enum rc rc;

	TRY(sql_select(sqlite,
	    "SELECT name FROM sqlite_master WHERE type = 'table'"
	    " AND name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY rowid",
	    SQL_NONE, &rows, err));
	while ((rc = sql_rows_next(rows, err)) == RC_OK)
		TRY(strlist_add(ret, sql_rows_bytes(rows, 0), err));
	return rc == RC_ABSENT ? RC_OK : rc;
}

static enum sql_kind
kind_of(struct span type)
{
	if (span_is(type, span_str("INTEGER")))
		return SQL_KIND_NUMBER;
	return span_is(type, span_str("BLOB")) ? SQL_KIND_BLOB : SQL_KIND_TEXT;
}

static enum rc
list_columns(struct sql *sqlite, struct table *table, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	enum rc rc;

	TRY(sql_select(sqlite,
	    "SELECT name, type FROM pragma_table_info(?) ORDER BY cid",
	    SQL_VALUES(sql_text(table->name)), &rows, err));
	while ((rc = sql_rows_next(rows, err)) == RC_OK) {
		if (table->columns == COLUMNS_MAX)
			return err_set(err, RC_LIMIT,
			    "the table %s has too many columns", table->name);
		struct column *column = &table->column[table->columns];
		TRY(sql_rows_text(rows, 0, &column->name, err));
		column->kind = kind_of(sql_rows_bytes(rows, 1));
		table->columns++;
	}
	table->counted = table->columns > 0 &&
			 strcmp(table->column[0].name, "id") == 0 &&
			 table->column[0].kind == SQL_KIND_NUMBER;
	return rc == RC_ABSENT ? RC_OK : rc;
}

static enum rc
add_names(const struct table *table, struct buf *out, struct err *err)
{
	for (size_t i = 0; i < table->columns; i++)
		TRY(buf_add_format(out, err, "%s\"%s\"", i > 0 ? ", " : "",
		    table->column[i].name));
	return RC_OK;
}

/* Tables that grow are read in pieces, by their numbers. */
static enum rc
write_statements(struct table *table, struct err *err)
{
	TRY(buf_add_str(&table->select, "SELECT ", err));
	TRY(add_names(table, &table->select, err));
	TRY(buf_add_format(&table->select, err, " FROM \"%s\"", table->name));
	if (table->counted)
		TRY(buf_add_format(&table->select, err,
		    " WHERE id > ? ORDER BY id LIMIT %d", ROWS_AT_ONCE));
	TRY(buf_add_format(
	    &table->insert, err, "INSERT INTO \"%s\" (", table->name));
	TRY(add_names(table, &table->insert, err));
	TRY(buf_add_str(&table->insert, ") VALUES (", err));
	for (size_t i = 0; i < table->columns; i++)
		TRY(buf_add_str(&table->insert, i > 0 ? ", ?" : "?", err));
	return buf_add_str(&table->insert, ")", err);
}

static enum rc
look_at(
    struct sql *sqlite, const char *name, struct table *ret, struct err *err)
{
	ret->name = name;
	ret->select = BUF_SMALL;
	ret->insert = BUF_SMALL;
	TRY(list_columns(sqlite, ret, err));
	return write_statements(ret, err);
}

static struct sql_value
value_of(const struct sql_rows *rows, int column, enum sql_kind kind)
{
	if (sql_rows_is_null(rows, column))
		return SQL_NULL;
	if (kind == SQL_KIND_NUMBER)
		return SQL_NUMBER(sql_rows_number(rows, column));
	return (struct sql_value){kind, 0, sql_rows_bytes(rows, column)};
}

static enum rc
copy_row(struct table *table, const struct sql_rows *rows, struct sql *to,
    struct err *err)
{
	struct sql_value item[COLUMNS_MAX];
	struct sql_values values = {item, table->columns};
	const char *insert = NULL;

	for (size_t i = 0; i < table->columns; i++)
		item[i] = value_of(rows, (int)i, table->column[i].kind);
	TRY(buf_str(&table->insert, &insert, err));
	return sql_change(to, insert, values, err);
}

/* From behind `*last`; *last becomes the number of the last one copied. */
static enum rc
copy_piece(struct table *table, struct sql *from, struct sql *to, int64_t *last,
    int64_t *copied, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	const char *select = NULL;
	enum rc rc;

	*copied = 0;
	TRY(buf_str(&table->select, &select, err));
	TRY(sql_select(from, select,
	    table->counted ? SQL_VALUES(SQL_NUMBER(*last)) : SQL_NONE, &rows,
	    err));
	while ((rc = sql_rows_next(rows, err)) == RC_OK) {
		TRY(copy_row(table, rows, to, err));
		*last = sql_rows_number(rows, 0);
		(*copied)++;
	}
	return rc == RC_ABSENT ? RC_OK : rc;
}

/* A server counts by itself, and has not seen these numbers given out. */
static enum rc
count_on(
    const struct table *table, int64_t last, struct sql *to, struct err *err)
{
	struct buf text BUF_OWNED = BUF_SMALL;
	const char *statement = NULL;

	if (!table->counted || !sql_is_shared(to))
		return RC_OK;
	TRY(buf_add_format(&text, err,
	    "ALTER TABLE \"%s\" ALTER COLUMN id RESTART WITH %lld", table->name,
	    (long long)last + 1));
	TRY(buf_str(&text, &statement, err));
	return sql_run(to, statement, err);
}

static enum rc
copy_table(struct sql *from, struct sql *to, const char *name, int64_t *rows,
    struct err *err)
{
	struct table table TABLE_OWNED = {0};
	int64_t last = 0, copied;

	TRY(look_at(sql_is_shared(to) ? from : to, name, &table, err));
	do {
		TRY(copy_piece(&table, from, to, &last, &copied, err));
		*rows += copied;
	} while (table.counted && copied == ROWS_AT_ONCE);
	return count_on(&table, last, to, err);
}

/* Last made, first emptied: tables refer to those that were there before. */
static enum rc
empty_tables(const struct strlist *tables, struct sql *to, struct err *err)
{
	for (size_t i = tables->len; i-- > 0;) {
		struct buf text BUF_OWNED = BUF_SMALL;
		const char *statement = NULL;
		TRY(buf_add_format(
		    &text, err, "DELETE FROM \"%s\"", tables->item[i]));
		TRY(buf_str(&text, &statement, err));
		TRY(sql_run(to, statement, err));
	}
	return RC_OK;
}

enum rc
sql_copy(struct sql *from, struct sql *to, int64_t *ret_rows, struct err *err)
{
	struct sql_act reading SQL_ACT_OWNED = SQL_ACT;
	struct sql_act writing SQL_ACT_OWNED = SQL_ACT;
	struct strlist tables STRLIST_OWNED = STRLIST_NONE;
	int64_t rows = 0;

	TRY(list_tables(sql_is_shared(to) ? from : to, &tables, err));
	TRY(sql_act_begin(from, &reading, err));
	TRY(sql_act_begin(to, &writing, err));
	TRY(empty_tables(&tables, to, err));
	for (size_t i = 0; i < tables.len; i++)
		TRY(copy_table(from, to, tables.item[i], &rows, err));
	TRY(sql_act_commit(&writing, err));
	TRY(sql_act_commit(&reading, err));
	*ret_rows = rows;
	return RC_OK;
}
