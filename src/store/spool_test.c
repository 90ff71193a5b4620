#include "store/spool.h"

#include <stdio.h>
#include <unistd.h>

#include "base/expect.h"

/* A state folder of its own for each test. */
struct world {
	char folder[64], key[96];
	struct state *state;
};

static int
set_up(void **state)
{
	static struct world w;
	struct err err = ERR_NONE;

	(void)snprintf(w.folder, sizeof(w.folder), "/tmp/spool-test-XXXXXX");
	if (mkdtemp(w.folder) == NULL)
		return -1;
	(void)snprintf(w.key, sizeof(w.key), "%s.key", w.folder);
	*state = &w;
	return state_open(w.folder, w.key, true, &w.state, &err) == RC_OK ? 0
									  : -1;
}

static int
tear_down(void **state)
{
	struct world *w = *state;
	char command[256];

	state_free(w->state);
	(void)snprintf(
	    command, sizeof(command), "rm -rf '%s' '%s'", w->folder, w->key);
	return system(command);
}

static void
make(struct spool_letter *letter, const char *to, const char *bytes)
{
	*letter = (struct spool_letter){.bytes = BUF(4096), .accepted = 1000};
	assert_ok(span_dup(span_str("alice@alpha.test"), &letter->from, NULL));
	assert_ok(
	    span_dup(span_str("<1@alpha.test>"), &letter->message_id, NULL));
	assert_ok(strlist_add_str(&letter->to, to, NULL));
	assert_ok(buf_add_str(&letter->bytes, bytes, NULL));
}

static void
what_was_added_is_there_after_a_restart_whole(void **state)
{
	struct world *w = *state;
	struct spool_letter in SPOOL_LETTER_OWNED = {0},
			       out SPOOL_LETTER_OWNED = {0};
	struct spool *spool = NULL, *again = NULL;
	uint64_t id = 0, got = 0;
	int64_t next = 0;
	struct err err = ERR_NONE;

	make(&in, "bob@beta.test", "to x\n\nline\r\nnul\r\n");
	assert_ok(strlist_add_str(&in.to, "carol@alpha.test", NULL));
	assert_done(spool_new(w->state, &spool, &err), err);
	assert_done(spool_add(spool, &in, 1, &id, &err), err);
	/* as after kill -9: nothing was said of it any more */
	spool_free(spool);

	assert_done(spool_new(w->state, &again, &err), err);
	assert_int_equal(spool_count(again), 1);
	assert_done(spool_take(again, 5, &got, &out, &next, &err), err);
	assert_true(got == id);
	assert_string_equal(out.from, "alice@alpha.test");
	assert_string_equal(out.message_id, "<1@alpha.test>");
	assert_int_equal(out.to.len, 2);
	assert_string_equal(out.to.item[1], "carol@alpha.test");
	assert_int_equal(out.accepted, 1000);
	assert_span(buf_span(&out.bytes), "to x\n\nline\r\nnul\r\n");
	spool_free(again);
}

static void
what_is_done_is_gone_for_good(void **state)
{
	struct world *w = *state;
	struct spool_letter in SPOOL_LETTER_OWNED = {0};
	struct spool *spool = NULL;
	uint64_t id = 0;

	make(&in, "bob@beta.test", "x");
	assert_ok(spool_new(w->state, &spool, NULL));
	assert_ok(spool_add(spool, &in, 1, &id, NULL));
	assert_ok(spool_done(spool, id, NULL));
	spool_free(spool);
	assert_ok(spool_new(w->state, &spool, NULL));
	assert_int_equal(spool_count(spool), 0);
	spool_free(spool);
}

static void
what_is_being_tried_is_not_taken_twice_and_later_means_later(void **state)
{
	struct world *w = *state;
	struct spool_letter in SPOOL_LETTER_OWNED = {0},
			       out SPOOL_LETTER_OWNED = {0};
	struct spool *spool = NULL;
	uint64_t id = 0, got = 0;
	int64_t next = 0;

	make(&in, "bob@beta.test", "x");
	assert_ok(spool_new(w->state, &spool, NULL));
	assert_ok(spool_add(spool, &in, 1, &id, NULL));
	assert_rc(spool_take(spool, 50, &got, &out, &next, NULL), RC_ABSENT);
	assert_true(next == INT64_MAX);
	assert_ok(spool_later(spool, id, 60, "no route", NULL));
	assert_rc(spool_take(spool, 59, &got, &out, &next, NULL), RC_ABSENT);
	assert_int_equal(next, 60);
	assert_ok(spool_take(spool, 60, &got, &out, &next, NULL));
	assert_int_equal(out.tries, 1);
	assert_string_equal(out.last_error, "no route");
	spool_free(spool);
}

static void
a_clock_that_is_set_back_holds_up_no_letter(void **state)
{
	struct world *w = *state;
	struct spool_letter in SPOOL_LETTER_OWNED = {0},
			       out SPOOL_LETTER_OWNED = {0};
	const int64_t day = (int64_t)24 * 3600;
	struct spool *spool = NULL;
	uint64_t id = 0, got = 0;
	int64_t next = 0;

	make(&in, "bob@beta.test", "x");
	assert_ok(spool_new(w->state, &spool, NULL));
	assert_ok(spool_add(spool, &in, 1, &id, NULL));
	assert_ok(spool_later(spool, id, 400 * day, "no route", NULL));
	assert_rc(
	    spool_take(spool, 399 * day, &got, &out, &next, NULL), RC_ABSENT);
	assert_ok(spool_take(spool, 399 * day - 1, &got, &out, &next, NULL));
	assert_true(got == id);
	spool_free(spool);
}

static void
nothing_of_a_letter_lies_open_on_the_disk(void **state)
{
	struct world *w = *state;
	struct spool_letter in SPOOL_LETTER_OWNED = {0};
	struct spool *spool = NULL;
	char command[256];
	uint64_t id = 0;

	make(&in, "blind@beta.test", "canary");
	assert_ok(spool_new(w->state, &spool, NULL));
	assert_ok(spool_add(spool, &in, 1, &id, NULL));
	(void)snprintf(command, sizeof(command),
	    "grep -rqE 'canary|blind' '%s'", w->folder);
	assert_int_not_equal(system(command), 0);
	spool_free(spool);
}

static void
half_a_submission_is_taken_back(void **state)
{
	struct world *w = *state;
	struct spool_letter in[2];
	struct spool *spool = NULL;
	uint64_t ids[2];

	make(&in[0], "bob@beta.test", "x");
	make(&in[1], "carol@alpha.test", "y");
	/* larger than any item may be: cannot be saved */
	buf_done(&in[1].bytes);
	in[1].bytes = BUF(STATE_ITEM_MAX + 1);
	uint8_t *room = NULL;
	assert_ok(buf_reserve(&in[1].bytes, STATE_ITEM_MAX, &room, NULL));
	memset(room, 'y', STATE_ITEM_MAX);
	buf_grown(&in[1].bytes, STATE_ITEM_MAX);
	assert_ok(spool_new(w->state, &spool, NULL));
	assert_rc(spool_add(spool, in, 2, ids, NULL), RC_LIMIT);
	assert_int_equal(spool_count(spool), 0);
	spool_free(spool);
	assert_ok(spool_new(w->state, &spool, NULL));
	assert_int_equal(spool_count(spool), 0);
	spool_free(spool);
	spool_letter_done(&in[0]);
	spool_letter_done(&in[1]);
}

static void
what_the_sender_wants_to_be_told_is_kept(void **state)
{
	struct world *w = *state;
	struct spool_letter in SPOOL_LETTER_OWNED = {0},
			       out SPOOL_LETTER_OWNED = {0};
	struct spool *spool OWNED(spool_free) = NULL;
	uint64_t id = 0;
	int64_t next = 0;
	struct err err = ERR_NONE;

	make(&in, "bob@beta.test", "x\r\n");
	assert_ok(strlist_add_str(&in.to, "carol@alpha.test", NULL));
	assert_ok(strlist_add_str(&in.notify, "NEVER", NULL));
	assert_ok(strlist_add_str(&in.notify, "", NULL));
	assert_ok(strlist_add_str(&in.orcpt, "", NULL));
	assert_ok(strlist_add_str(&in.orcpt, "rfc822;c@d", NULL));
	assert_ok(span_dup(span_str("QQ+3D1"), &in.envid, NULL));
	assert_done(spool_new(w->state, &spool, &err), err);
	assert_done(spool_add(spool, &in, 1, &id, &err), err);
	assert_done(spool_later(spool, id, 0, "later", &err), err);
	assert_done(spool_take(spool, 5, &id, &out, &next, &err), err);
	assert_int_equal(out.notify.len, 2);
	assert_string_equal(out.notify.item[0], "NEVER");
	assert_string_equal(out.notify.item[1], "");
	assert_string_equal(out.orcpt.item[0], "");
	assert_string_equal(out.orcpt.item[1], "rfc822;c@d");
	assert_string_equal(out.envid, "QQ+3D1");
}

#define MARK "spool-groups/00000000000000000003"

/* Three copies in the spool; then `missing` is not. */
static void
leave_three(struct world *w, const char *missing)
{
	struct spool_letter in[3] = {0};
	struct spool *spool OWNED(spool_free) = NULL;
	uint64_t ids[3];
	struct err err = ERR_NONE;

	for (size_t i = 0; i < 3; i++)
		make(&in[i], "bob@beta.test", "x\r\n");
	assert_done(spool_new(w->state, &spool, &err), err);
	assert_done(spool_add(spool, in, 3, ids, &err), err);
	for (size_t i = 0; i < 3; i++)
		spool_letter_done(&in[i]);
	assert_done(state_remove(w->state, missing, &err), err);
}

static size_t
count_files(struct world *w, const char *folder)
{
	struct strlist names STRLIST_OWNED = STRLIST_NONE;

	assert_ok(state_list(w->state, folder, &names, NULL));
	return names.len;
}

/* The sender was not told 250 and sends all of it again: what is there of the
 * first time would be a second letter. */
static void
half_a_submission_is_not_sent_after_a_crash(void **state)
{
	struct world *w = *state;
	struct spool *spool OWNED(spool_free) = NULL;
	struct err err = ERR_NONE;

	leave_three(w, MARK);
	assert_int_equal(count_files(w, "spool"), 3);
	assert_done(spool_new(w->state, &spool, &err), err);
	assert_int_equal(spool_count(spool), 0);
	assert_int_equal(count_files(w, "spool"), 0);
}

static void
what_is_left_of_a_whole_submission_is_sent_after_a_crash(void **state)
{
	struct world *w = *state;
	struct spool *spool OWNED(spool_free) = NULL;
	struct spool_letter letter SPOOL_LETTER_OWNED = {0};
	uint64_t id = 0;
	int64_t next = 0;
	struct err err = ERR_NONE;

	leave_three(w, "spool/00000000000000000003-3");
	assert_done(spool_new(w->state, &spool, &err), err);
	assert_int_equal(spool_count(spool), 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(count_files(w, "spool-groups"), 1);
		assert_done(
		    spool_take(spool, 5, &id, &letter, &next, &err), err);
		spool_letter_done(&letter);
		assert_done(spool_done(spool, id, &err), err);
	}
	assert_int_equal(count_files(w, "spool"), 0);
	assert_int_equal(count_files(w, "spool-groups"), 0);
	/* numbers are not used twice */
	make(&letter, "bob@beta.test", "x\r\n");
	assert_done(spool_add(spool, &letter, 1, &id, &err), err);
	assert_true(id > 3);
}

static void
a_mark_of_a_group_of_which_nothing_is_left_goes(void **state)
{
	struct world *w = *state;
	struct spool *spool OWNED(spool_free) = NULL;
	struct err err = ERR_NONE;

	assert_done(state_save(w->state, MARK, SPAN_NONE, &err), err);
	assert_done(spool_new(w->state, &spool, &err), err);
	assert_int_equal(count_files(w, "spool-groups"), 0);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(what_was_added_is_there_after_a_restart_whole),
	    TEST(what_is_done_is_gone_for_good),
	    TEST(what_is_being_tried_is_not_taken_twice_and_later_means_later),
	    TEST(a_clock_that_is_set_back_holds_up_no_letter),
	    TEST(nothing_of_a_letter_lies_open_on_the_disk),
	    TEST(half_a_submission_is_taken_back),
	    TEST(what_the_sender_wants_to_be_told_is_kept),
	    TEST(half_a_submission_is_not_sent_after_a_crash),
	    TEST(what_is_left_of_a_whole_submission_is_sent_after_a_crash),
	    TEST(a_mark_of_a_group_of_which_nothing_is_left_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
