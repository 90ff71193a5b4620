#define _GNU_SOURCE /* strcasestr */
#include "store/postgres_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#include "os/clock.h"

OWNER(char, free);

static char folder[] = "/tmp/sql-test-XXXXXX";
static struct postgres_fixture postgres;
static char path[100]; /* the file, or the URL */

static int
make_database(void **state)
{
	struct err err = ERR_NONE;
	struct sql *sql = NULL;

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
	struct err err = ERR_NONE;
	struct sql *sql = *state;
	int failed = sql_run(sql, "DROP TABLE note", &err) != RC_OK;

	if (failed)
		print_error("%s\n", err.text);
	sql_free(sql);
	return -failed;
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
	assert_non_null(strcasestr(err.text, "unique"));
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

static void
what_failed_in_a_part_is_not_committed(void **state)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	struct err err = ERR_NONE;
	struct sql *sql = *state;
	enum rc ignored;

	assert_int_equal(add(sql, "a", SPAN_NONE, &err), RC_OK);
	assert_int_equal(sql_act_begin(sql, &act, &err), RC_OK);
	assert_int_equal(add(sql, "b", SPAN_NONE, &err), RC_OK);
	assert_int_equal(add(sql, "a", SPAN_NONE, &err), RC_REFUSED);
	ignored = add(sql, "c", SPAN_NONE, &err);
	(void)ignored;
	assert_int_equal(sql_act_commit(&act, &err), RC_REFUSED);
	sql_act_done(&act);
	assert_int_equal(count(sql), 1);
	assert_int_equal(add(sql, "d", SPAN_NONE, &err), RC_OK);
}

static void
numbers_of_every_size_and_sign_come_back(void **state)
{
	static const int64_t numbers[] = {0, 1, -1, 127, 128, 255, -129,
	    INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
	struct err err = ERR_NONE;
	struct sql *sql = *state;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		int64_t is = 42;
		assert_int_equal(
		    sql_number(sql,
			"INSERT INTO note (n) VALUES (?) RETURNING n",
			SQL_VALUES(SQL_NUMBER(numbers[i])), &is, &err),
		    RC_OK);
		assert_true(is == numbers[i]);
	}
	int64_t small = 0;
	assert_int_equal(
	    sql_number(sql, "SELECT -7", SQL_NONE, &small, &err), RC_OK);
	assert_int_equal(small, -7);
	assert_int_equal(sql_number(sql, "SELECT n > 5 FROM note WHERE n = ?",
			     SQL_VALUES(SQL_NUMBER(127)), &small, &err),
	    RC_OK);
	assert_int_equal(small, 1);
}

static void
a_question_mark_in_quotes_is_none(void **state)
{
	struct err err = ERR_NONE;
	struct sql *sql = *state;
	int64_t n = 0;

	assert_int_equal(add(sql, "what?", SPAN_NONE, &err), RC_OK);
	assert_int_equal(sql_number(sql,
			     "SELECT count(*) AS \"?\" FROM note"
			     " WHERE name = 'what?' AND name <> ?",
			     SQL_VALUES(sql_text("?")), &n, &err),
	    RC_OK);
	assert_int_equal(n, 1);
}

static void
a_value_may_be_null_one_time_and_something_the_next(void **state)
{
	static const char insert[] = "INSERT INTO note (name, body, n)"
				     " VALUES (?, ?, ?)";
	struct err err = ERR_NONE;
	struct sql *sql = *state;
	int64_t n = 0;

	assert_int_equal(sql_change(sql, insert,
			     SQL_VALUES(SQL_NULL, SQL_NULL, SQL_NULL), &err),
	    RC_OK);
	assert_int_equal(sql_change(sql, insert,
			     SQL_VALUES(sql_text("a"), SQL_BLOB(span_str("b")),
				 SQL_NUMBER(3)),
			     &err),
	    RC_OK);
	assert_int_equal(
	    sql_number(sql,
		"SELECT count(*) FROM note WHERE name = ? AND body = ?"
		" AND n = ?",
		SQL_VALUES(
		    sql_text("a"), SQL_BLOB(span_str("b")), SQL_NUMBER(3)),
		&n, &err),
	    RC_OK);
	assert_int_equal(n, 1);
}

static void
the_version_is_kept_with_the_schema(void **state)
{
	struct err err = ERR_NONE;
	struct sql *sql = *state;
	int64_t version = -1;

	assert_int_equal(sql_version(sql, &version, &err), RC_OK);
	assert_int_equal(version, 0);
	for (int64_t i = 3; i < 5; i++) {
		struct sql_act act SQL_ACT_OWNED = SQL_ACT;
		assert_int_equal(sql_act_begin(sql, &act, &err), RC_OK);
		assert_int_equal(sql_set_version(sql, i, &err), RC_OK);
		assert_int_equal(sql_act_commit(&act, &err), RC_OK);
		assert_int_equal(sql_version(sql, &version, &err), RC_OK);
		assert_int_equal(version, i);
	}
}

static void
a_group_is_on_the_disk_as_a_whole(void **state)
{
	struct sql *other OWNED(sql_free) = NULL;
	struct err err = ERR_NONE;
	struct sql *sql = *state;

	assert_int_equal(sql_open(path, &other, &err), RC_OK);
	sql_group(sql);
	assert_false(sql_group_is_open(sql));
	assert_int_equal(add_two(sql, "a", "b", &err), RC_OK);
	assert_true(sql_group_is_open(sql));
	assert_int_equal(add_two(sql, "c", "d", &err), RC_OK);
	assert_int_equal(count(sql), 4);
	assert_int_equal(count(other), 0);
	assert_int_equal(sql_group_commit(sql, &err), RC_OK);
	assert_false(sql_group_is_open(sql));
	assert_int_equal(count(other), 4);
	assert_int_equal(sql_group_commit(sql, &err), RC_OK);
}

static void
what_fails_in_a_group_is_undone_alone(void **state)
{
	struct sql *other OWNED(sql_free) = NULL;
	struct err err = ERR_NONE;
	struct sql *sql = *state;

	assert_int_equal(sql_open(path, &other, &err), RC_OK);
	sql_group(sql);
	assert_int_equal(add_two(sql, "a", "b", &err), RC_OK);
	assert_int_equal(add_two(sql, "c", "a", &err), RC_REFUSED);
	assert_int_equal(count(sql), 2);
	assert_int_equal(add_two(sql, "c", "d", &err), RC_OK);
	assert_int_equal(sql_group_commit(sql, &err), RC_OK);
	assert_int_equal(count(other), 4);
}

/* As a full disk does it, which has SQLite roll back by itself. */
static void
a_group_that_is_given_up_never_happened(void **state)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	struct err err = ERR_NONE;
	struct sql *sql = *state;

	sql_group(sql);
	assert_int_equal(add_two(sql, "a", "b", &err), RC_OK);
	assert_int_equal(sql_act_begin(sql, &act, &err), RC_OK);
	assert_int_equal(sql_run(sql, "ROLLBACK", &err), RC_OK);
	assert_int_equal(sql_act_commit(&act, &err), RC_IO);
	sql_act_done(&act);
	assert_int_equal(add_two(sql, "c", "d", &err), RC_IO);
	assert_int_equal(sql_group_commit(sql, &err), RC_IO);
	assert_int_equal(count(sql), 0);
	assert_int_equal(add_two(sql, "e", "f", &err), RC_OK);
	assert_int_equal(sql_group_commit(sql, &err), RC_OK);
	assert_int_equal(count(sql), 2);
}

static void
a_server_has_no_groups(void **state)
{
	struct sql *other OWNED(sql_free) = NULL;
	struct err err = ERR_NONE;
	struct sql *sql = *state;

	assert_int_equal(sql_open(path, &other, &err), RC_OK);
	sql_group(sql);
	assert_int_equal(add_two(sql, "a", "b", &err), RC_OK);
	assert_false(sql_group_is_open(sql));
	assert_int_equal(count(other), 2);
	assert_int_equal(sql_group_commit(sql, &err), RC_OK);
}

/* Read, then write what follows from it: one of two who meet does it again. */
static void
two_who_read_before_they_write_do_not_both_win(void **state)
{
	struct sql_act first SQL_ACT_OWNED = SQL_ACT;
	struct sql_act second SQL_ACT_OWNED = SQL_ACT;
	struct sql *other OWNED(sql_free) = NULL;
	struct err err = ERR_NONE;
	struct sql *sql = *state;

	assert_int_equal(sql_open(path, &other, &err), RC_OK);
	assert_int_equal(sql_act_begin(sql, &first, &err), RC_OK);
	assert_int_equal(sql_act_begin(other, &second, &err), RC_OK);
	assert_int_equal(count(sql), 0);
	assert_int_equal(count(other), 0);
	assert_int_equal(add(sql, "first", SPAN_NONE, &err), RC_OK);
	assert_int_equal(sql_act_commit(&first, &err), RC_OK);
	enum rc rc = add(other, "second", SPAN_NONE, &err);
	if (rc == RC_OK)
		rc = sql_act_commit(&second, &err);
	assert_int_equal(rc, RC_AGAIN);
	sql_act_done(&second);
	assert_int_equal(count(sql), 1);
	assert_int_equal(count(other), 1);
}

static void
a_server_that_comes_back_is_found_again(void **state)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	struct err err = ERR_NONE;
	struct sql *sql = *state;

	assert_int_equal(add(sql, "before", SPAN_NONE, &err), RC_OK);
	assert_int_equal(sql_act_begin(sql, &act, &err), RC_OK);
	assert_int_equal(add(sql, "lost", SPAN_NONE, &err), RC_OK);
	assert_int_equal(postgres_fixture_down(&postgres), 0);
	assert_int_equal(sql_act_commit(&act, &err), RC_IO);
	sql_act_done(&act);
	assert_int_equal(add(sql, "away", SPAN_NONE, &err), RC_IO);
	assert_non_null(strstr(err.text, "database"));
	assert_int_equal(postgres_fixture_up(&postgres), 0);
	assert_int_equal(add(sql, "after", SPAN_NONE, &err), RC_OK);
	assert_int_equal(count(sql), 2);
	/* one that ended while nobody asked is not even noticed */
	assert_int_equal(postgres_fixture_down(&postgres), 0);
	assert_int_equal(postgres_fixture_up(&postgres), 0);
	assert_int_equal(count(sql), 2);
}

/* In the server's place, somebody who takes connections and says nothing. */
static int
listen_in_its_place(void)
{
	struct sockaddr_un place = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(place.sun_path, sizeof(place.sun_path),
	    "%s/.s.PGSQL.5432", postgres.folder);
	(void)unlink(place.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&place, sizeof(place)), 0);
	assert_int_equal(chmod(place.sun_path, 0777), 0);
	assert_int_equal(listen(fd, 10), 0);
	return fd;
}

static int64_t
time_of_a_failure(struct sql *sql)
{
	struct err err = ERR_NONE;
	int64_t began = clock_ticks();

	assert_int_equal(add(sql, "x", SPAN_NONE, &err), RC_IO);
	return clock_ticks() - began;
}

static void
a_server_that_is_silent_is_not_waited_for_by_everybody(void **state)
{
	struct err err = ERR_NONE;
	struct sql *sql = *state;

	assert_int_equal(postgres_fixture_down(&postgres), 0);
	int fd = listen_in_its_place();
	assert_in_range(time_of_a_failure(sql), 1000, 4000);
	assert_in_range(time_of_a_failure(sql), 0, 500);
	(void)close(fd);
	assert_int_equal(postgres_fixture_up(&postgres), 0);
	(void)usleep(2500000);
	assert_int_equal(add(sql, "x", SPAN_NONE, &err), RC_OK);
}

static void
no_server_says_so(void **state)
{
	struct sql *sql OWNED(sql_free) = NULL;
	struct err err = ERR_NONE;

	assert_int_equal(
	    sql_open("postgresql://x@/x?host=/nowhere", &sql, &err), RC_IO);
	assert_non_null(strstr(err.text, "no connection to the database"));
}

#define WITH_DATABASE(test) \
	cmocka_unit_test_setup_teardown(test, make_database, remove_database)
#define OF_BOTH                                                               \
	WITH_DATABASE(values_come_back_as_they_were),                         \
	    WITH_DATABASE(null_and_empty_are_different),                      \
	    WITH_DATABASE(                                                    \
		a_broken_constraint_is_refused_and_the_next_statement_works), \
	    WITH_DATABASE(an_insert_tells_the_id_of_its_row),                 \
	    WITH_DATABASE(a_transaction_is_all_or_nothing),                   \
	    WITH_DATABASE(what_failed_in_a_part_is_not_committed),            \
	    WITH_DATABASE(numbers_of_every_size_and_sign_come_back),          \
	    WITH_DATABASE(a_question_mark_in_quotes_is_none),                 \
	    WITH_DATABASE(                                                    \
		a_value_may_be_null_one_time_and_something_the_next),         \
	    WITH_DATABASE(the_version_is_kept_with_the_schema),               \
	    WITH_DATABASE(another_connection_sees_what_was_committed_only)

static int
test_sqlite(void)
{
	const struct CMUnitTest sqlite[] = {
	    OF_BOTH,
	    WITH_DATABASE(every_commit_is_synchronised_to_the_disk),
	    WITH_DATABASE(a_group_is_on_the_disk_as_a_whole),
	    WITH_DATABASE(what_fails_in_a_group_is_undone_alone),
	    WITH_DATABASE(a_group_that_is_given_up_never_happened),
	    WITH_DATABASE(nobody_else_can_read_the_file),
	    cmocka_unit_test(a_file_that_is_no_database_says_so),
	};
	static const char *const ends[] = {"", "-wal", "-shm"};
	char name[120];

	if (mkdtemp(folder) == NULL)
		return 1;
	(void)snprintf(path, sizeof(path), "%s/db", folder);
	int failed = cmocka_run_group_tests(sqlite, NULL, NULL);
	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(name, sizeof(name), "%s%s", path, ends[i]);
		(void)unlink(name);
	}
	(void)rmdir(folder);
	return failed;
}

static int
test_postgres(void)
{
	const struct CMUnitTest tests[] = {
	    OF_BOTH,
	    WITH_DATABASE(a_server_has_no_groups),
	    WITH_DATABASE(two_who_read_before_they_write_do_not_both_win),
	    WITH_DATABASE(a_server_that_comes_back_is_found_again),
	    WITH_DATABASE(
		a_server_that_is_silent_is_not_waited_for_by_everybody),
	    cmocka_unit_test(no_server_says_so),
	};
	int failed = 1;

	if (postgres_fixture_start(&postgres) != 0)
		print_error("PostgreSQL does not start\n");
	else {
		(void)snprintf(path, sizeof(path), "%s", postgres.url);
		failed = cmocka_run_group_tests(tests, NULL, NULL);
	}
	postgres_fixture_stop(&postgres);
	return failed;
}

int
main(void)
{
	int failed = test_sqlite();

	return test_postgres() + failed;
}
