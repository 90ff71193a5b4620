#include "edge/imap_set.h"

#include "base/expect.h"

static void
print(const struct imap_set *set, struct buf *out)
{
	struct err err = ERR_NONE;

	for (size_t i = 0; i < set->len; i++)
		assert_ok(buf_add_format(out, &err, "%u-%u ",
		    set->range[i].first, set->range[i].last));
}

static void
sets_are_read_merged_and_put_in_order(void **state)
{
	static const struct {
		const char *text;
		uint32_t largest;
		const char *want;
	} cases[] = {
	    {"1", 9, "1-1 "},
	    {"1:3,5", 9, "1-3 5-5 "},
	    {"5,1:3,2:4", 9, "1-4 5-5 "},
	    {"7:3", 9, "3-7 "},
	    {"1:3,3:5", 9, "1-5 "},
	    {"*", 9, "9-9 "},
	    {"4:*", 9, "4-9 "},
	    {"*:4", 9, "4-9 "},
	    {"20:*", 9, "9-20 "},
	    {"*", 0, "0-0 "},
	    {"4294967295", 9, "4294967295-4294967295 "},
	    {"1:4294967295,3", 9, "1-4294967295 "},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span text EXACT = expect_exact(span_str(cases[i].text));
		struct imap_set set IMAP_SET_OWNED = IMAP_SET_NONE;
		struct buf got BUF_OWNED = BUF_SMALL;
		struct err err = ERR_NONE;
		assert_done(
		    imap_set_parse(text, cases[i].largest, &set, &err), err);
		print(&set, &got);
		assert_span(buf_span(&got), cases[i].want);
	}
}

static void
what_is_no_set_is_refused(void **state)
{
	static const char *const cases[] = {"", "0", "0:1", "a", "1,", ",1",
	    "1::2", "1:2:3", "1 ", " 1", "-1", "1:", ":1", "4294967296",
	    "99999999999", "1;2", "$"};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span text EXACT = expect_exact(span_str(cases[i]));
		struct imap_set set = IMAP_SET_NONE;
		struct err err = ERR_NONE;
		assert_rc(imap_set_parse(text, 5, &set, &err), RC_SYNTAX);
		assert_null(set.range);
	}
}

static void
a_set_may_have_as_many_ranges_as_the_limit_and_no_more(void **state)
{
	for (size_t count = IMAP_SET_MAX; count <= IMAP_SET_MAX + 1; count++) {
		struct imap_set set IMAP_SET_OWNED = IMAP_SET_NONE;
		struct buf text BUF_OWNED = BUF_SMALL;
		struct err err = ERR_NONE;
		for (size_t i = 0; i < count; i++)
			assert_ok(
			    buf_add_str(&text, i == 0 ? "1" : ",1", &err));
		assert_rc(imap_set_parse(buf_span(&text), 1, &set, &err),
		    count == IMAP_SET_MAX ? RC_OK : RC_LIMIT);
	}
}

static void
membership_is_of_the_ranges_and_of_nothing_beside_them(void **state)
{
	struct imap_set set IMAP_SET_OWNED = IMAP_SET_NONE;
	struct err err = ERR_NONE;

	assert_ok(imap_set_parse(span_str("2:3,7,9:11"), 20, &set, &err));
	for (uint32_t i = 0; i < 15; i++) {
		bool want = i == 2 || i == 3 || i == 7 || (i >= 9 && i <= 11);
		assert_int_equal(imap_set_has(&set, i), want);
	}
	assert_int_equal(imap_set_last(&set), 11);
	imap_set_done(&set);
	assert_false(imap_set_has(&set, 1));
	assert_int_equal(imap_set_last(&set), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sets_are_read_merged_and_put_in_order),
	    cmocka_unit_test(what_is_no_set_is_refused),
	    cmocka_unit_test(
		a_set_may_have_as_many_ranges_as_the_limit_and_no_more),
	    cmocka_unit_test(
		membership_is_of_the_ranges_and_of_nothing_beside_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
