#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/expect.h"
#include "base/buf.h"

/* Run `fn` in a child and see it abort. */
static void
assert_aborts(void (*fn)(void))
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		(void)close(STDERR_FILENO);
		(void)signal(SIGABRT, SIG_DFL);
		fn();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void
every_way_of_adding_appends(void **state)
{
	struct buf b BUF_OWNED = BUF(100);

	assert_ok(buf_add(&b, span_of("a\0b", 3), NULL));
	buf_clear(&b);
	assert_ok(buf_add_str(&b, "one", NULL));
	assert_ok(buf_add_byte(&b, ' ', NULL));
	assert_ok(buf_add(&b, span_str("two"), NULL));
	assert_ok(buf_add(&b, SPAN_NONE, NULL));
	assert_ok(buf_add_format(&b, NULL, " %d%s", 3, "!"));
	assert_span(buf_span(&b), "one two 3!");
}

static void
a_buf_takes_its_limit_and_not_one_byte_more(void **state)
{
	static const size_t limits[] = {0, 1, 63, 64, 65, 127, 128, 1000};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct buf b BUF_OWNED = BUF(limits[i]);
		struct err err = ERR_NONE;
		const char *text;
		for (size_t n = 0; n < limits[i]; n++)
			assert_ok(buf_add_byte(&b, 'x', &err));
		assert_rc(buf_add_byte(&b, 'y', &err), RC_LIMIT);
		assert_int_equal(b.len, limits[i]);
		assert_ok(buf_str(&b, &text, &err));
		assert_int_equal(strlen(text), limits[i]);
	}
}

static void
over_the_limit_the_buf_stays_as_it_was_and_the_error_names_the_limit(
    void **state)
{
	struct buf b BUF_OWNED = BUF(5);
	struct err err = ERR_NONE;

	assert_ok(buf_add_str(&b, "abc", &err));
	assert_rc(buf_add_str(&b, "def", &err), RC_LIMIT);
	assert_string_equal(err.text, "more than 5 bytes");
	assert_rc(buf_add_format(&b, &err, "%s", "def"), RC_LIMIT);
	assert_span(buf_span(&b), "abc");
	assert_ok(buf_add_str(&b, "de", &err));
	assert_span(buf_span(&b), "abcde");
}

static void
lengths_that_wrap_are_refused(void **state)
{
	struct buf b BUF_OWNED = BUF(SIZE_MAX);
	uint8_t *room;
	size_t sum;

	assert_ok(buf_add_str(&b, "abc", NULL));
	assert_rc(buf_reserve(&b, SIZE_MAX - 2, &room, NULL), RC_LIMIT);
	assert_rc(buf_reserve(&b, SIZE_MAX - 3, &room, NULL), RC_LIMIT);
	assert_span(buf_span(&b), "abc");
	assert_false(add_ok(SIZE_MAX, 1, &sum));
	assert_true(add_ok(SIZE_MAX - 1, 1, &sum));
	assert_true(sum == SIZE_MAX);
}

static void
reserved_room_counts_once_it_is_grown(void **state)
{
	struct buf b BUF_OWNED = BUF(200);
	uint8_t *room;

	assert_ok(buf_add_str(&b, "ab", NULL));
	assert_ok(buf_reserve(&b, 150, &room, NULL));
	memset(room, 'c', 150);
	assert_span(buf_span(&b), "ab");
	buf_grown(&b, 2);
	assert_span(buf_span(&b), "abcc");
	buf_grown(&b, 0);
}

static void
grow_into_the_spare_byte(void)
{
	struct buf b BUF_OWNED = BUF(64);
	uint8_t *room;

	if (buf_reserve(&b, 10, &room, NULL) == RC_OK)
		buf_grown(&b, b.cap);
}

static void
drop_too_much(void)
{
	struct buf b BUF_OWNED = BUF(64);

	buf_drop(&b, 1);
}

static void
cut_too_late(void)
{
	struct buf b BUF_OWNED = BUF(64);

	buf_cut(&b, 1);
}

static void
our_own_mistakes_abort(void **state)
{
	assert_aborts(grow_into_the_spare_byte);
	assert_aborts(drop_too_much);
	assert_aborts(cut_too_late);
}

static void
grown_by_nothing_an_empty_buf_stays_empty(void **state)
{
	struct buf b BUF_OWNED = BUF(64);

	buf_grown(&b, 0);
	buf_drop(&b, 0);
	buf_cut(&b, 0);
	buf_clear(&b);
	assert_int_equal(b.len, 0);
}

static void
drop_forgets_the_front_and_cut_the_end(void **state)
{
	struct buf b BUF_OWNED = BUF(64);

	assert_ok(buf_add_str(&b, "abcdef", NULL));
	buf_drop(&b, 2);
	assert_span(buf_span(&b), "cdef");
	buf_cut(&b, 3);
	assert_span(buf_span(&b), "cde");
	buf_drop(&b, 3);
	assert_int_equal(b.len, 0);
}

static void
as_a_string_it_ends_in_a_nul_that_is_not_counted(void **state)
{
	struct buf b BUF_OWNED = BUF(64);
	const char *text;

	assert_ok(buf_str(&b, &text, NULL));
	assert_string_equal(text, "");
	assert_ok(buf_add_str(&b, "abc", NULL));
	assert_ok(buf_str(&b, &text, NULL));
	assert_string_equal(text, "abc");
	assert_int_equal(b.len, 3);
}

static void
text_with_a_nul_inside_is_no_string(void **state)
{
	struct buf b BUF_OWNED = BUF(64);
	const char *text = "untouched";
	char *copy = NULL;

	assert_ok(buf_add(&b, span_of("a\0b", 3), NULL));
	assert_rc(buf_str(&b, &text, NULL), RC_SYNTAX);
	assert_string_equal(text, "untouched");
	assert_rc(span_dup(buf_span(&b), &copy, NULL), RC_SYNTAX);
	assert_null(copy);
}

static void
span_dup_copies(void **state)
{
	char *copy = NULL;

	assert_ok(span_dup(span_of("abcd", 3), &copy, NULL));
	assert_string_equal(copy, "abc");
	free(copy);
	assert_ok(span_dup(SPAN_NONE, &copy, NULL));
	assert_string_equal(copy, "");
	free(copy);
}

static void
what_a_secret_buf_forgets_is_wiped(void **state)
{
	static const uint8_t zero[8];
	struct buf b BUF_OWNED = BUF_SECRET(64);

	assert_ok(buf_add_str(&b, "12345678", NULL));
	buf_cut(&b, 4);
	assert_memory_equal(b.data, "1234\0\0\0\0", 8);
	buf_drop(&b, 2);
	assert_memory_equal(b.data, "34\0\0\0\0\0\0", 8);
	buf_clear(&b);
	assert_memory_equal(b.data, zero, 8);
	assert_ok(buf_add_format(&b, NULL, "%d", 5));
	assert_span(buf_span(&b), "5");
}

static void
a_secret_buf_keeps_its_bytes_when_it_moves(void **state)
{
	struct buf b BUF_OWNED = BUF_SECRET(10000);

	for (int i = 0; i < 1000; i++)
		assert_ok(buf_add_format(&b, NULL, "%04d", i));
	assert_int_equal(b.len, 4000);
	for (size_t i = 0; i < 1000; i++) {
		char want[8];
		(void)snprintf(want, sizeof(want), "%04zu", i);
		assert_memory_equal(b.data + 4 * i, want, 4);
	}
}

static void
after_done_a_buf_may_be_used_again(void **state)
{
	struct buf b = BUF(4);

	assert_ok(buf_add_str(&b, "abcd", NULL));
	buf_done(&b);
	buf_done(&b);
	assert_ok(buf_add_str(&b, "efgh", NULL));
	assert_rc(buf_add_byte(&b, 'i', NULL), RC_LIMIT);
	buf_done(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_way_of_adding_appends),
	    cmocka_unit_test(a_buf_takes_its_limit_and_not_one_byte_more),
	    cmocka_unit_test(
		over_the_limit_the_buf_stays_as_it_was_and_the_error_names_the_limit),
	    cmocka_unit_test(lengths_that_wrap_are_refused),
	    cmocka_unit_test(reserved_room_counts_once_it_is_grown),
	    cmocka_unit_test(our_own_mistakes_abort),
	    cmocka_unit_test(grown_by_nothing_an_empty_buf_stays_empty),
	    cmocka_unit_test(drop_forgets_the_front_and_cut_the_end),
	    cmocka_unit_test(as_a_string_it_ends_in_a_nul_that_is_not_counted),
	    cmocka_unit_test(text_with_a_nul_inside_is_no_string),
	    cmocka_unit_test(span_dup_copies),
	    cmocka_unit_test(what_a_secret_buf_forgets_is_wiped),
	    cmocka_unit_test(a_secret_buf_keeps_its_bytes_when_it_moves),
	    cmocka_unit_test(after_done_a_buf_may_be_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
