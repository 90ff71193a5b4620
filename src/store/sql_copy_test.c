#include "store/sql_copy.h"

#include <sys/stat.h>

#include "base/expect.h"
#include "store/postgres_fixture.h"

#define ROWS 1203 /* more than two pieces */

static struct postgres_fixture postgres;
static char folder[] = "/tmp/sql-copy-XXXXXX";
static struct err err;

static struct sql *
open_file(const char *name)
{
	struct sql *sql = NULL;
	char path[100];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_done(sql_open(path, &sql, &err), err);
	return sql;
}

static void
make_tables(struct sql *sql)
{
	assert_done(
	    sql_run(sql,
		"CREATE TABLE person (id $id, name TEXT NOT NULL UNIQUE,"
		" picture $bytes, age $number) $strict;"
		"CREATE TABLE letter (id $id, person $number NOT NULL"
		" REFERENCES person (id), body $bytes NOT NULL) $strict;"
		"CREATE TABLE word (name TEXT PRIMARY KEY, value $bytes)"
		" $strict;",
		&err),
	    err);
}

static void
fill(struct sql *sql)
{
	static const char bytes[] = "\0\xff'\n\"";
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	char name[40];

	assert_done(sql_act_begin(sql, &act, &err), err);
	for (int i = 0; i < ROWS; i++) {
		(void)snprintf(name, sizeof(name), "n\xc3\xb6 '%d'", i);
		assert_done(
		    sql_change(sql,
			"INSERT INTO person (name, picture, age) VALUES "
			"(?, ?, ?)",
			SQL_VALUES(sql_text(name),
			    i % 2 ? SQL_NULL : SQL_BLOB(span_of(bytes, 5)),
			    i % 3 ? SQL_NULL : SQL_NUMBER(INT64_MAX - i)),
			&err),
		    err);
	}
	assert_done(
	    sql_change(sql, "DELETE FROM person WHERE id = 7", SQL_NONE, &err),
	    err);
	assert_done(
	    sql_change(sql, "INSERT INTO letter (person, body) VALUES (9, ?)",
		SQL_VALUES(SQL_BLOB(span_of(bytes, 5))), &err),
	    err);
	assert_done(
	    sql_change(sql, "INSERT INTO word (name, value) VALUES ('k', ?)",
		SQL_VALUES(SQL_BLOB(span_of("", 0))), &err),
	    err);
	assert_done(sql_act_commit(&act, &err), err);
}

/* All that is in it, in one line for each row. */
static void
describe(struct sql *sql, struct buf *out)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;

	assert_done(sql_select(sql,
			"SELECT id, name, picture, age FROM person ORDER BY id",
			SQL_NONE, &rows, &err),
	    err);
	while (sql_rows_next(rows, &err) == RC_OK) {
		assert_done(
		    buf_add_format(out, &err, "%lld %d %d %lld ",
			(long long)sql_rows_number(rows, 0),
			sql_rows_is_null(rows, 2), sql_rows_is_null(rows, 3),
			(long long)sql_rows_number(rows, 3)),
		    err);
		assert_done(buf_add(out, sql_rows_bytes(rows, 1), &err), err);
		assert_done(buf_add(out, sql_rows_bytes(rows, 2), &err), err);
	}
}

static void
assert_same(struct sql *one, struct sql *two)
{
	struct buf of_one BUF_OWNED = BUF_SMALL, of_two BUF_OWNED = BUF_SMALL;
	int64_t number = 0;

	describe(one, &of_one);
	describe(two, &of_two);
	assert_true(of_one.len > (size_t)ROWS * 10);
	assert_bytes(buf_span(&of_two), buf_span(&of_one));
	assert_done(sql_number(two, "SELECT person FROM letter", SQL_NONE,
			&number, &err),
	    err);
	assert_int_equal(number, 9);
}

static void
assert_next_is_new(struct sql *sql)
{
	int64_t id = 0;

	assert_done(sql_number(sql,
			"INSERT INTO person (name) VALUES ('new') RETURNING id",
			SQL_NONE, &id, &err),
	    err);
	assert_int_equal(id, ROWS + 1);
}

static void
a_file_becomes_another_file(void **state)
{
	struct sql *from OWNED(sql_free) = open_file("from");
	char path[100];

	make_tables(from);
	fill(from);
	(void)snprintf(path, sizeof(path), "%s/copied", folder);
	assert_done(sql_copy_file(from, path, &err), err);
	struct sql *to OWNED(sql_free) = open_file("copied");
	assert_same(from, to);
	assert_next_is_new(to);
	/* nothing is overwritten */
	assert_rc(sql_copy_file(from, path, &err), RC_IO);
}

/* To a server, from there to a file, and from that to another. */
static void
rows_survive_every_way_from_one_to_another(void **state)
{
	struct sql *from OWNED(sql_free) = open_file("rows");
	struct sql *server OWNED(sql_free) = NULL;
	struct sql *file OWNED(sql_free) = open_file("back");
	struct sql *last OWNED(sql_free) = open_file("last");
	int64_t rows = 0;

	assert_done(sql_open(postgres.url, &server, &err), err);
	struct sql *const all[] = {from, server, file, last};
	for (size_t i = 0; i < COUNT(all); i++)
		make_tables(all[i]);
	fill(from);
	for (size_t i = 1; i < COUNT(all); i++) {
		assert_done(sql_copy(all[i - 1], all[i], &rows, &err), err);
		assert_int_equal(rows, ROWS - 1 + 2);
		assert_same(all[i - 1], all[i]);
	}
	for (size_t i = 1; i < COUNT(all); i++)
		assert_next_is_new(all[i]);
	assert_rc(sql_copy_file(server, "/nowhere", &err), RC_UNFIT);
}

static void
what_was_there_is_replaced(void **state)
{
	struct sql *from OWNED(sql_free) = open_file("newer");
	struct sql *to OWNED(sql_free) = open_file("taken");
	int64_t rows = 0;

	make_tables(from);
	fill(from);
	make_tables(to);
	assert_done(sql_run(to,
			"INSERT INTO word (name) VALUES ('k');"
			"INSERT INTO person (id, name) VALUES (4000, 'x');"
			"INSERT INTO letter (person, body) VALUES (4000, x'')",
			&err),
	    err);
	assert_done(sql_copy(from, to, &rows, &err), err);
	assert_same(from, to);
}

static void
what_cannot_be_copied_whole_is_not_copied(void **state)
{
	struct sql *from OWNED(sql_free) = open_file("whole");
	struct sql *to OWNED(sql_free) = open_file("stricter");
	int64_t rows = 0, count = 0;

	make_tables(from);
	fill(from);
	make_tables(to);
	assert_done(sql_run(to,
			"INSERT INTO word (name) VALUES ('before');"
			"CREATE UNIQUE INDEX one ON person (age)",
			&err),
	    err);
	assert_done(sql_run(from, "UPDATE person SET age = 1", &err), err);
	assert_rc(sql_copy(from, to, &rows, &err), RC_REFUSED);
	assert_done(
	    sql_number(to, "SELECT count(*) FROM word", SQL_NONE, &count, &err),
	    err);
	assert_int_equal(count, 1);
}

static int
setup(void **state)
{
	return mkdtemp(folder) == NULL ? -1 : postgres_fixture_start(&postgres);
}

static int
teardown(void **state)
{
	char command[100];

	postgres_fixture_stop(&postgres);
	(void)snprintf(command, sizeof(command), "rm -rf %s", folder);
	/* NOLINTNEXTLINE(cert-env33-c): a command of the test itself */
	return system(command);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_file_becomes_another_file),
	    cmocka_unit_test(rows_survive_every_way_from_one_to_another),
	    cmocka_unit_test(what_was_there_is_replaced),
	    cmocka_unit_test(what_cannot_be_copied_whole_is_not_copied),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
