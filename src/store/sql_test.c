#include "store/sql.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

OWNER(char, free);

static char folder[] = "/tmp/sql-test-XXXXXX";
static char path[100];

static int
make_database(void **state)
{
	struct err err = ERR_NONE;
	struct sql *sql = NULL;

	(void)snprintf(path, sizeof(path), "%s/db", folder);
	(void)unlink(path);
	if (sql_open(path, &sql, &err) != RC_OK ||
	    sql_run(sql,
		"CREATE TABLE note (id $id, name TEXT UNIQUE, body $bytes,"
		" n $number) $strict",
		&err) != RC_OK) {
		print_error("%s\n", err.text);
		return -1;
	}
	*state = sql;
	return 0;
}

static int
remove_database(void **state)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	char name[120];

	sql_free(*state);
	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(name, sizeof(name), "%s%s", path, ends[i]);
		(void)unlink(name);
	}
	return 0;
}

static enum rc
add(struct sql *sql, const char *name, struct span body, struct err *err)
{
	return sql_change(sql, "INSERT INTO note (name, body) VALUES (?, ?)",
	    SQL_VALUES(sql_text(name), SQL_BLOB(body)), err);
}

static int64_t
count(struct sql *sql)
{
	struct err err = ERR_NONE;
	int64_t n = -1;

	assert_int_equal(
	    sql_number(sql, "SELECT count(*) FROM note", SQL_NONE, &n, &err),
	    RC_OK);
	return n;
}

static void
values_come_back_as_they_were(void **state)
{
	static const uint8_t body[] = {0, 1, 255, '\''};
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	struct err err = ERR_NONE;
	char *name OWNED(free) = NULL;
	struct sql *sql = *state;

	/* what would end a statement that was glued together */
	assert_int_equal(add(sql, "x'); DROP TABLE note; --",
			     span_of(body, sizeof(body)), &err),
	    RC_OK);
	assert_int_equal(sql_select(sql, "SELECT id, name, body FROM note",
			     SQL_NONE, &rows, &err),
	    RC_OK);
	assert_int_equal(sql_rows_next(rows, &err), RC_OK);
	assert_int_equal(sql_rows_number(rows, 0), 1);
	assert_int_equal(sql_rows_text(rows, 1, &name, &err), RC_OK);
	assert_string_equal(name, "x'); DROP TABLE note; --");
	assert_true(
	    span_is(sql_rows_bytes(rows, 2), span_of(body, sizeof(body))));
	assert_int_equal(sql_rows_next(rows, &err), RC_ABSENT);
}

static void
null_and_empty_are_different(void **state)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	struct err err = ERR_NONE;
	struct sql *sql = *state;
	char *name OWNED(free) = NULL;

	assert_int_equal(add(sql, NULL, SPAN_NONE, &err), RC_OK);
	assert_int_equal(sql_select(sql, "SELECT name, body FROM note",
			     SQL_NONE, &rows, &err),
	    RC_OK);
	assert_int_equal(sql_rows_next(rows, &err), RC_OK);
	assert_true(sql_rows_is_null(rows, 0));
	assert_false(sql_rows_is_null(rows, 1));
	assert_int_equal(sql_rows_text(rows, 0, &name, &err), RC_OK);
	assert_null(name);
}

static void
a_broken_constraint_is_refused_and_the_next_statement_works(void **state)
{
	struct err err = ERR_NONE;
	struct sql *sql = *state;

	assert_int_equal(add(sql, "a", SPAN_NONE, &err), RC_OK);
	assert_int_equal(add(sql, "a", SPAN_NONE, &err), RC_REFUSED);
	assert_non_null(strstr(err.text, "UNIQUE"));
	assert_int_equal(add(sql, "b", SPAN_NONE, &err), RC_OK);
	assert_int_equal(sql_changed(sql), 1);
}

static void
an_insert_tells_the_id_of_its_row(void **state)
{
	static const char insert[] =
	    "INSERT INTO note (name) VALUES (?) RETURNING id";
	struct err err = ERR_NONE;
	struct sql *sql = *state;
	int64_t a = 0, b = 0, n = 0;

	assert_int_equal(
	    sql_number(sql, insert, SQL_VALUES(sql_text("a")), &a, &err),
	    RC_OK);
	assert_int_equal(
	    sql_number(sql, insert, SQL_VALUES(sql_text("b")), &b, &err),
	    RC_OK);
	assert_true(b > a);
	assert_int_equal(sql_number(sql, "SELECT id FROM note WHERE name = ?",
			     SQL_VALUES(sql_text("b")), &n, &err),
	    RC_OK);
	assert_int_equal(n, b);
	assert_int_equal(
	    sql_number(sql, insert, SQL_VALUES(sql_text("a")), &n, &err),
	    RC_REFUSED);
	assert_int_equal(n, b);
}

static enum rc
add_two(struct sql *sql, const char *first, const char *second, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;

	TRY(sql_act_begin(sql, &act, err));
	TRY(add(sql, first, SPAN_NONE, err));
	TRY(add(sql, second, SPAN_NONE, err));
	return sql_act_commit(&act, err);
}

static void
a_transaction_is_all_or_nothing(void **state)
{
	struct err err = ERR_NONE;
	struct sql *sql = *state;

	assert_int_equal(add_two(sql, "a", "a", &err), RC_REFUSED);
	assert_int_equal(count(sql), 0);
	assert_int_equal(add_two(sql, "a", "b", &err), RC_OK);
	assert_int_equal(count(sql), 2);
}

static void
another_connection_sees_what_was_committed_only(void **state)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	struct sql *other OWNED(sql_free) = NULL;
	struct err err = ERR_NONE;
	struct sql *sql = *state;

	assert_int_equal(sql_open(path, &other, &err), RC_OK);
	assert_int_equal(sql_act_begin(sql, &act, &err), RC_OK);
	assert_int_equal(add(sql, "a", SPAN_NONE, &err), RC_OK);
	assert_int_equal(count(other), 0);
	assert_int_equal(sql_act_commit(&act, &err), RC_OK);
	assert_int_equal(count(other), 1);
}

static void
every_commit_is_synchronised_to_the_disk(void **state)
{
	struct err err = ERR_NONE;
	int64_t full = 0;

	assert_int_equal(
	    sql_number(*state, "PRAGMA synchronous", SQL_NONE, &full, &err),
	    RC_OK);
	assert_int_equal(full, 2);
}

static void
nobody_else_can_read_the_file(void **state)
{
	struct stat file;

	assert_int_equal(stat(path, &file), 0);
	assert_int_equal(file.st_mode & 0777, 0600);
}

static void
a_file_that_is_no_database_says_so(void **state)
{
	struct sql *sql OWNED(sql_free) = NULL;
	struct err err = ERR_NONE;
	char name[120];

	(void)snprintf(name, sizeof(name), "%s/no", folder);
	FILE *file = fopen(name, "w");
	assert_non_null(file);
	for (int i = 0; i < 200; i++)
		(void)fputs("this is no database at all\n", file);
	(void)fclose(file);
	assert_int_equal(sql_open(name, &sql, &err), RC_IO);
	assert_non_null(strstr(err.text, "not a database"));
	(void)unlink(name);
	assert_int_equal(sql_open("/nowhere/at/all", &sql, &err), RC_IO);
	assert_null(sql);
}

int
main(void)
{
#define WITH_DATABASE(test) \
	cmocka_unit_test_setup_teardown(test, make_database, remove_database)
	const struct CMUnitTest tests[] = {
	    WITH_DATABASE(values_come_back_as_they_were),
	    WITH_DATABASE(null_and_empty_are_different),
	    WITH_DATABASE(
		a_broken_constraint_is_refused_and_the_next_statement_works),
	    WITH_DATABASE(an_insert_tells_the_id_of_its_row),
	    WITH_DATABASE(a_transaction_is_all_or_nothing),
	    WITH_DATABASE(another_connection_sees_what_was_committed_only),
	    WITH_DATABASE(every_commit_is_synchronised_to_the_disk),
	    WITH_DATABASE(nobody_else_can_read_the_file),
	    cmocka_unit_test(a_file_that_is_no_database_says_so),
	};

	if (mkdtemp(folder) == NULL)
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	(void)rmdir(folder);
	return failed;
}
