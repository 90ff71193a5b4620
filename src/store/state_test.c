#include "store/state.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/expect.h"
#include "os/file.h"

#define PATH_LEN 256

/* A folder of this test's own; everything is below it. */
struct place {
	char root[PATH_LEN / 2];
	char folder[PATH_LEN];
	char key[PATH_LEN];
};

static int
set_up(void **context)
{
	static struct place place;

	(void)snprintf(
	    place.root, sizeof(place.root), "/tmp/state-test-XXXXXX");
	assert_non_null(mkdtemp(place.root));
	(void)snprintf(place.folder, PATH_LEN, "%s/state", place.root);
	(void)snprintf(place.key, PATH_LEN, "%s/key", place.root);
	*context = &place;
	return 0;
}

static int
tear_down(void **context)
{
	struct place *place = *context;
	char command[PATH_LEN * 2];

	(void)snprintf(command, sizeof(command), "rm -r '%s'", place->root);
	return system(command);
}

static struct state *
open_state(const struct place *place)
{
	struct state *state = NULL;
	struct err err = ERR_NONE;

	if (state_open(place->folder, place->key, true, &state, &err) != RC_OK)
		fail_msg("cannot open: %s", err.text);
	return state;
}

static void
expect_open(const struct place *place, const char *key, bool create,
    enum rc want, const char *words)
{
	struct state *state OWNED(state_free) = NULL;
	struct err err = ERR_NONE;
	enum rc rc = state_open(place->folder, key, create, &state, &err);

	if (rc != want || strstr(err.text, words) == NULL)
		fail_msg("got %s \"%s\", want %s \"%s\"", rc_name(rc), err.text,
		    rc_name(want), words);
}

static void
expect_item(
    const struct state *state, const char *name, enum rc want, const char *text)
{
	struct buf out BUF_OWNED = BUF_SMALL;
	struct err err = ERR_NONE;
	enum rc rc = state_load(state, name, &out, &err);

	if (rc != want || !span_is(buf_span(&out), span_str(text)))
		fail_msg("%s: got %s \"%s\", want %s", name, rc_name(rc),
		    err.text, rc_name(want));
}

static void
what_was_saved_is_there_after_opening_again(void **context)
{
	const struct place *place = *context;
	struct state *first = open_state(place);
	struct err err = ERR_NONE;

	assert_int_equal(
	    state_save(first, "account", span_str("hello"), &err), RC_OK);
	assert_int_equal(
	    state_save(first, "spool/0001", span_str("a"), &err), RC_OK);
	assert_int_equal(
	    state_save(first, "account", span_str("again"), &err), RC_OK);
	state_free(first);

	struct state *second OWNED(state_free) = open_state(place);
	expect_item(second, "account", RC_OK, "again");
	expect_item(second, "spool/0001", RC_OK, "a");
	expect_item(second, "order", RC_ABSENT, "");
	assert_int_equal(state_remove(second, "account", &err), RC_OK);
	expect_item(second, "account", RC_ABSENT, "");
	assert_string_equal(state_folder(second), place->folder);
}

static void
a_folder_of_items_is_listed_in_order(void **context)
{
	struct state *state OWNED(state_free) = open_state(*context);
	struct strlist names STRLIST_OWNED = STRLIST_NONE;

	assert_int_equal(state_list(state, "spool", &names, NULL), RC_OK);
	assert_int_equal(names.len, 0);
	assert_int_equal(
	    state_save(state, "spool/b", span_str("x"), NULL), RC_OK);
	assert_int_equal(
	    state_save(state, "spool/a", span_str("x"), NULL), RC_OK);
	assert_int_equal(state_list(state, "spool", &names, NULL), RC_OK);
	assert_int_equal(names.len, 2);
	assert_string_equal(names.item[0], "spool/a");
	assert_string_equal(names.item[1], "spool/b");
}

static void
nothing_lies_in_the_clear(void **context)
{
	const struct place *place = *context;
	struct state *state OWNED(state_free) = open_state(place);
	char path[PATH_LEN * 2];
	struct buf raw BUF_OWNED = BUF_SMALL;
	struct stat info;

	assert_int_equal(
	    state_save(state, "account", span_str("canary"), NULL), RC_OK);
	(void)snprintf(path, sizeof(path), "%s/account", place->folder);
	assert_int_equal(file_read(path, &raw, NULL), RC_OK);
	assert_true(span_find(buf_span(&raw), span_str("canary")) < 0);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	assert_int_equal(stat(place->folder, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0700);
	assert_int_equal(stat(place->key, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	assert_int_equal(info.st_size, WRAP_KEY_LEN);
}

/* Somebody who can write to the disk must not pass one item off as another. */
static void
one_item_cannot_stand_in_for_another(void **context)
{
	const struct place *place = *context;
	struct state *state OWNED(state_free) = open_state(place);
	char from[PATH_LEN * 2];
	char to[PATH_LEN * 2];

	assert_int_equal(state_save(state, "old", span_str("x"), NULL), RC_OK);
	(void)snprintf(from, sizeof(from), "%s/old", place->folder);
	(void)snprintf(to, sizeof(to), "%s/certs", place->folder);
	assert_int_equal(rename(from, to), 0);
	expect_item(state, "certs", RC_CRYPTO, "");
}

static void
a_name_cannot_leave_the_folder(void **context)
{
	struct state *state OWNED(state_free) = open_state(*context);
	static const char *const bad[] = {"", "/etc/passwd", "../key", ".lock",
	    "spool/../key", "spool/.x", "spool//x", "spool/", "a b", "a\nb",
	    "\xc3\xa4"};
	char name[202];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err err = ERR_NONE;
		enum rc rc = state_save(state, bad[i], SPAN_NONE, &err);
		if (rc != RC_SYNTAX)
			fail_msg("\"%s\": got %s", bad[i], rc_name(rc));
		assert_int_equal(state_remove(state, bad[i], NULL), RC_SYNTAX);
	}
	memset(name, 'a', 201);
	name[201] = '\0';
	assert_int_equal(state_save(state, name, SPAN_NONE, NULL), RC_SYNTAX);
	name[200] = '\0';
	assert_int_equal(state_save(state, name, SPAN_NONE, NULL), RC_OK);
}

static void
without_setup_the_error_says_so(void **context)
{
	const struct place *place = *context;

	expect_open(place, place->key, false, RC_ABSENT, "letterlock setup");
	assert_int_equal(access(place->folder, F_OK), -1);
	state_free(open_state(place));
	assert_int_equal(unlink(place->key), 0);
	expect_open(place, place->key, false, RC_ABSENT, "letterlock setup");
}

/* A new key would make the old items unreadable for good. */
static void
a_lost_key_is_not_replaced_silently(void **context)
{
	const struct place *place = *context;
	struct state *state = open_state(place);

	assert_int_equal(
	    state_save(state, "vault", span_str("x"), NULL), RC_OK);
	state_free(state);
	assert_int_equal(unlink(place->key), 0);
	expect_open(place, place->key, true, RC_ABSENT, "bring it back");
}

static void
what_others_can_enter_or_read_is_refused(void **context)
{
	const struct place *place = *context;

	state_free(open_state(place));
	assert_int_equal(chmod(place->key, 0640), 0);
	expect_open(place, place->key, false, RC_UNFIT, "chmod 600");
	assert_int_equal(chmod(place->key, 0600), 0);
	assert_int_equal(chmod(place->folder, 0710), 0);
	expect_open(place, place->key, false, RC_UNFIT, "chmod 700");
	expect_open(place, place->key, true, RC_UNFIT, "");
	assert_int_equal(chmod(place->folder, 0700), 0);
	expect_open(place, place->key, false, RC_OK, "");
}

static void
a_key_file_of_another_size_is_refused(void **context)
{
	const struct place *place = *context;

	state_free(open_state(place));
	for (size_t len = WRAP_KEY_LEN - 1; len <= WRAP_KEY_LEN + 1; len++) {
		uint8_t key[WRAP_KEY_LEN + 1] = {1};
		enum rc want = len == WRAP_KEY_LEN ? RC_OK : RC_SYNTAX;
		assert_int_equal(
		    file_save(place->key, span_of(key, len), 0600, NULL),
		    RC_OK);
		expect_open(place, place->key, false, want, "");
	}
}

static void
the_key_is_found_in_credentials_then_in_the_configuration(void **context)
{
	const struct place *place = *context;
	char path[PATH_LEN * 2];
	uint8_t key[WRAP_KEY_LEN] = {7};

	assert_int_equal(setenv("XDG_CONFIG_HOME", place->root, 1), 0);
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	expect_open(place, NULL, true, RC_OK, "");
	(void)snprintf(path, sizeof(path), "%s/letterlock/key", place->root);
	assert_int_equal(access(path, F_OK), 0);

	(void)snprintf(path, sizeof(path), "%s/letterlock-key", place->root);
	assert_int_equal(
	    file_save(path, span_of(key, sizeof(key)), 0400, NULL), RC_OK);
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", place->root, 1), 0);
	struct state *state OWNED(state_free) = NULL;
	assert_int_equal(
	    state_open(place->folder, NULL, false, &state, NULL), RC_OK);
	assert_memory_equal(state_key(state)->bytes, key, sizeof(key));
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	assert_int_equal(unsetenv("XDG_CONFIG_HOME"), 0);
}

static void
one_process_holds_the_folder(void **context)
{
	const struct place *place = *context;
	struct state *first = open_state(place);
	struct state *second OWNED(state_free) = open_state(place);

	assert_int_equal(state_lock(first, NULL), RC_OK);
	assert_int_equal(state_lock(first, NULL), RC_OK);
	assert_int_equal(state_lock(second, NULL), RC_AGAIN);
	state_free(first);
	assert_int_equal(state_lock(second, NULL), RC_OK);
}

/* Each of two threads adds one, many times: with the guard none is lost. */
#define ADDITIONS 20

static void *
add_ones(void *context)
{
	const struct state *state = context;

	for (int i = 0; i < ADDITIONS; i++) {
		struct file_guard guard FILE_GUARD_OWNED = FILE_GUARD_NONE;
		struct buf was BUF_OWNED = BUF_SMALL;
		if (state_guard_take(state, &guard, NULL) != RC_OK ||
		    state_load(state, "sum", &was, NULL) != RC_OK ||
		    buf_add_byte(&was, '1', NULL) != RC_OK ||
		    state_save(state, "sum", buf_span(&was), NULL) != RC_OK)
			return context;
	}
	return NULL;
}

static void
who_holds_the_guard_changes_an_item_alone(void **context)
{
	struct state *state OWNED(state_free) = open_state(*context);
	struct buf sum BUF_OWNED = BUF_SMALL;
	pthread_t thread[2];
	void *failed = NULL;

	assert_ok(state_save(state, "sum", span_str(""), NULL));
	for (int i = 0; i < 2; i++)
		assert_int_equal(
		    pthread_create(&thread[i], NULL, add_ones, state), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pthread_join(thread[i], &failed), 0);
		assert_null(failed);
	}
	assert_ok(state_load(state, "sum", &sum, NULL));
	assert_int_equal(sum.len, 2 * ADDITIONS);
}

static void
the_stamp_of_an_item_changes_with_every_saving(void **context)
{
	struct state *state OWNED(state_free) = open_state(*context);
	uint64_t was = state_stamp(state, "a");

	assert_int_equal(was, 0);
	for (int i = 0; i < 5; i++) {
		assert_ok(state_save(state, "a", span_str("same"), NULL));
		assert_int_not_equal(state_stamp(state, "a"), was);
		was = state_stamp(state, "a");
		assert_int_equal(state_stamp(state, "a"), was);
	}
	assert_ok(state_remove(state, "a", NULL));
	assert_int_equal(state_stamp(state, "a"), 0);
}

static enum rc
remove_one(void *self, const char *name, struct err *err)
{
	char path[PATH_LEN * 2];

	/* state_remove() waits for the disk */
	(void)snprintf(path, sizeof(path), "%s/%s", state_folder(self), name);
	return unlink(path) == 0 ? RC_OK : err_errno(err, "%s", path);
}

static enum rc
refuse_one(void *self, const char *name, struct err *err)
{
	return err_set(err, RC_REFUSED, "%s", name);
}

/* More than a list holds. */
static void
however_many_items_there_are_each_is_found(void **context)
{
	struct state *state OWNED(state_free) = open_state(*context);
	struct strlist left STRLIST_OWNED = STRLIST_NONE;
	char path[PATH_LEN * 2];
	const struct place *place = *context;

	assert_ok(state_each(state, "many", refuse_one, NULL, NULL));
	assert_ok(state_save(state, "many/0", span_str("x"), NULL));
	for (int i = 1; i <= STRLIST_MAX; i++) {
		(void)snprintf(
		    path, sizeof(path), "%s/many/%d", place->folder, i);
		FILE *file = fopen(path, "w");
		assert_non_null(file);
		assert_int_equal(fclose(file), 0);
	}
	assert_rc(state_list(state, "many", &left, NULL), RC_LIMIT);
	assert_rc(
	    state_each(state, "many", refuse_one, NULL, NULL), RC_REFUSED);
	assert_ok(state_each(state, "many", remove_one, state, NULL));
	assert_ok(state_list(state, "many", &left, NULL));
	assert_int_equal(left.len, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_was_saved_is_there_after_opening_again),
	    TEST(a_folder_of_items_is_listed_in_order),
	    TEST(nothing_lies_in_the_clear),
	    TEST(one_item_cannot_stand_in_for_another),
	    TEST(a_name_cannot_leave_the_folder),
	    TEST(without_setup_the_error_says_so),
	    TEST(a_lost_key_is_not_replaced_silently),
	    TEST(what_others_can_enter_or_read_is_refused),
	    TEST(a_key_file_of_another_size_is_refused),
	    TEST(the_key_is_found_in_credentials_then_in_the_configuration),
	    TEST(one_process_holds_the_folder),
	    TEST(who_holds_the_guard_changes_an_item_alone),
	    TEST(the_stamp_of_an_item_changes_with_every_saving),
	    TEST(however_many_items_there_are_each_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
