#include "edge/imap_thread_priv.h"

#include <stdio.h>

#include "base/expect.h"

struct given {
	const char *subject; /* with "Re: " it is an answer */
	const char *id, *references;
	int date;
};

/* All strings end up in one array that lives as long as the items. */
static size_t
prepare(const struct given *given, size_t len, struct imap_sorted *ret)
{
	for (size_t i = 0; i < len; i++) {
		bool answer = !strncmp(given[i].subject, "Re: ", 4);
		ret[i] = (struct imap_sorted){.number = (uint32_t)i + 1,
		    .uid = (uint32_t)i + 101,
		    .date = given[i].date};
		ret[i].keys = (struct imap_keys){.answer = answer,
		    .subject = span_str(given[i].subject + (answer ? 4 : 0)),
		    .id = span_str(given[i].id),
		    .references = span_str(given[i].references)};
	}
	return len;
}

typedef enum rc algorithm(const struct imap_sorted *item, size_t len,
    struct imap_threads *ret, struct err *err);

static void
assert_threads(
    algorithm *run, const struct given *given, size_t len, const char *want)
{
	struct imap_sorted item[20];
	struct imap_threads threads IMAP_THREADS_OWNED = {0};
	struct buf out BUF_OWNED = BUF_SMALL;
	struct err err = ERR_NONE;

	assert_done(run(item, prepare(given, len, item), &threads, &err), err);
	assert_done(imap_threads_print(&threads, false, &out, &err), err);
	assert_span(buf_span(&out), want);
}

#define assert_referring(want, ...)                                        \
	do {                                                               \
		const struct given given[] = {__VA_ARGS__};                \
		assert_threads(                                            \
		    imap_thread_by_references, given, COUNT(given), want); \
	} while (0)

static void
letters_are_below_what_they_answer(void **state)
{
	assert_referring("(2 1 3)", {"b", "2@x", "1@x\n", 5},
	    {"a", "1@x", "", 4}, {"c", "3@x", "1@x\n2@x\n", 6});
	assert_referring("(1 (2)(3))", {"a", "1@x", "", 1},
	    {"b", "2@x", "1@x\n", 2}, {"c", "3@x", "1@x\n", 3});
	assert_referring("(1 (3)(2))", {"a", "1@x", "", 1},
	    {"b", "2@x", "1@x\n", 9}, {"c", "3@x", "1@x\n", 3});
	assert_referring("(1 (2 4)(3))", {"a", "1@x", "", 1},
	    {"b", "2@x", "1@x\n", 2}, {"c", "3@x", "1@x\n", 3},
	    {"d", "4@x", "1@x\n2@x\n", 4});
}

static void
what_is_not_there_holds_its_answers_together(void **state)
{
	assert_referring(
	    "((1)(2))", {"a", "2@x", "1@x\n", 1}, {"b", "3@x", "1@x\n", 2});
	assert_referring(
	    "(1)(2)", {"a", "2@x", "1@x\n", 1}, {"b", "3@x", "9@x\n", 2});
	assert_referring(
	    "(1 2)", {"a", "2@x", "", 1}, {"b", "3@x", "2@x\n9@x\n8@x\n", 2});
}

static void
threads_of_one_subject_are_one(void **state)
{
	assert_referring("(1 2)", {"a", "1@x", "", 1}, {"Re: a", "2@x", "", 2});
	assert_referring("(2 1)", {"Re: a", "1@x", "", 1}, {"a", "2@x", "", 2});
	assert_referring("((1)(2))", {"a", "1@x", "", 1}, {"a", "2@x", "", 2});
	assert_referring("(1)(2)", {"", "1@x", "", 1}, {"", "2@x", "", 2});
	assert_referring("((1)(2)(3))", {"a", "1@x", "9@x\n", 1},
	    {"b", "2@x", "9@x\n", 2}, {"Re: a", "3@x", "", 3});
}

static void
ids_that_come_back_make_no_loop(void **state)
{
	assert_referring(
	    "(2 1)", {"a", "1@x", "2@x\n", 2}, {"b", "2@x", "1@x\n", 1});
	assert_referring("(1)", {"a", "1@x", "1@x\n", 1});
	assert_referring("(1 3)(2)", {"a", "1@x", "", 1}, {"b", "1@x", "", 2},
	    {"c", "2@x", "1@x\n", 3});
}

static void
no_letters_are_no_threads(void **state)
{
	assert_threads(imap_thread_by_references, NULL, 0, "");
	assert_threads(imap_thread_by_subject, NULL, 0, "");
}

static void
by_subject_the_first_is_above_the_others(void **state)
{
	const struct given given[] = {{"b", "", "", 5}, {"a", "", "", 4},
	    {"Re: b", "", "", 3}, {"b", "", "", 9}, {"", "", "", 1}};

	assert_threads(
	    imap_thread_by_subject, given, COUNT(given), "(5)(3 (1)(4))(2)");
}

static void
a_thread_may_be_as_deep_as_a_mailbox_is_long(void **state)
{
	enum { DEEP = 60000 };
	static struct imap_sorted item[DEEP];
	static char text[DEEP][20];
	struct imap_threads threads IMAP_THREADS_OWNED = {0};
	struct buf out BUF_OWNED = BUF_SMALL;

	for (uint32_t i = 0; i < DEEP; i++) {
		(void)snprintf(text[i], sizeof(text[i]), "%u\n", i);
		item[i] = (struct imap_sorted){.number = i + 1, .date = i};
		item[i].keys.id =
		    span_first(span_str(text[i]), strlen(text[i]) - 1);
		item[i].keys.references =
		    i > 0 ? span_str(text[i - 1]) : SPAN_NONE;
	}
	assert_ok(imap_thread_by_references(item, DEEP, &threads, NULL));
	assert_ok(imap_threads_print(&threads, false, &out, NULL));
	assert_true(span_starts(buf_span(&out), "(1 2 3 4 "));
	assert_int_equal(span_find_byte(buf_span(&out), ')'), out.len - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(letters_are_below_what_they_answer),
	    cmocka_unit_test(what_is_not_there_holds_its_answers_together),
	    cmocka_unit_test(threads_of_one_subject_are_one),
	    cmocka_unit_test(ids_that_come_back_make_no_loop),
	    cmocka_unit_test(no_letters_are_no_threads),
	    cmocka_unit_test(by_subject_the_first_is_above_the_others),
	    cmocka_unit_test(a_thread_may_be_as_deep_as_a_mailbox_is_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
