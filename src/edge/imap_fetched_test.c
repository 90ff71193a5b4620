#include "edge/imap_fetched.h"

#include "base/expect.h"

static void
an_answer_is_taken_apart(void **state)
{
	static const char text[] =
	    "12 FETCH (FLAGS (\\Seen a) UID 7 INTERNALDATE "
	    "\"01-Jan-2026 00:00:00 +0000\" RFC822.SIZE 99 X (1 (2) \"3\") "
	    "BODY[] {5}\r\n)(\r\n\")";
	struct span line EXACT = expect_exact(span_str(text));
	struct imap_fetched got;
	struct err err = ERR_NONE;

	assert_done(imap_fetched_parse(line, &got, &err), err);
	assert_int_equal(got.number, 12);
	assert_int_equal(got.uid, 7);
	assert_int_equal(got.size, 99);
	assert_span(got.told[IMAP_ITEM_FLAGS], "(\\Seen a)");
	assert_span(got.told[IMAP_ITEM_DATE], "\"01-Jan-2026 00:00:00 +0000\"");
	assert_int_equal(got.body.kind, IMAP_STRING);
	assert_span(got.body.value, ")(\r\n\"");
}

static void
what_was_not_said_is_empty(void **state)
{
	struct imap_fetched got;
	struct err err = ERR_NONE;

	assert_ok(imap_fetched_parse(
	    span_str("1 FETCH (BODY[] NIL FLAGS NIL)"), &got, &err));
	assert_int_equal(got.uid, 0);
	assert_int_equal(got.told[IMAP_ITEM_FLAGS].len, 0);
	assert_int_equal(got.told[IMAP_ITEM_DATE].len, 0);
	assert_int_equal(got.body.kind, IMAP_ATOM);
}

static void
other_answers_and_broken_ones_are_told_apart(void **state)
{
	static const struct {
		const char *line;
		enum rc want;
	} cases[] = {
	    {"12 EXISTS", RC_ABSENT},
	    {"OK FETCH (UID 1)", RC_ABSENT},
	    {"", RC_ABSENT},
	    {"12", RC_SYNTAX},
	    {"12 FETCH", RC_SYNTAX},
	    {"12 FETCH UID 7", RC_SYNTAX},
	    {"12 FETCH (UID 7", RC_SYNTAX},
	    {"12 FETCH (UID)", RC_SYNTAX},
	    {"12 FETCH (UID x)", RC_SYNTAX},
	    {"12 FETCH (UID 0)", RC_SYNTAX},
	    {"12 FETCH (UID 4294967296)", RC_SYNTAX},
	    {"12 FETCH (FLAGS (a)", RC_SYNTAX},
	    {"12 FETCH (\"UID\" 7)", RC_SYNTAX},
	    {"99999999999 FETCH (UID 7)", RC_SYNTAX},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span line EXACT = expect_exact(span_str(cases[i].line));
		struct imap_fetched got;
		struct err err = ERR_NONE;
		assert_rc(imap_fetched_parse(line, &got, &err), cases[i].want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_answer_is_taken_apart),
	    cmocka_unit_test(what_was_not_said_is_empty),
	    cmocka_unit_test(other_answers_and_broken_ones_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
