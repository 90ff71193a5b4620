#include <stdio.h>

#include "base/expect.h"
#include "base/span.h"

static void
parts_never_leave_the_span(void **state)
{
	struct span s = span_str("abcdef");

	assert_span(span_after(s, 2), "cdef");
	assert_span(span_after(s, 6), "");
	assert_span(span_after(s, 7), "");
	assert_span(span_after(SPAN_NONE, 3), "");
	assert_span(span_first(s, 2), "ab");
	assert_span(span_first(s, 6), "abcdef");
	assert_span(span_first(s, 99), "abcdef");
	assert_span(span_first(SPAN_NONE, 1), "");
}

static void
trimming_takes_blanks_from_both_ends_only(void **state)
{
	static const struct {
		const char *input, *want;
	} cases[] = {
	    {"", ""},
	    {" \t\r\n", ""},
	    {" a b\r\n", "a b"},
	    {"a", "a"},
	    {"\va", "\va"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_span(span_trim(span_str(cases[i].input)), cases[i].want);
	assert_span(span_trim(SPAN_NONE), "");
}

static void
spans_are_equal_byte_by_byte(void **state)
{
	assert_true(span_is(span_of("a\0b", 3), span_of("a\0b", 3)));
	assert_false(span_is(span_of("a\0b", 3), span_of("a\0c", 3)));
	assert_false(span_is(span_str("a"), span_str("A")));
	assert_false(span_is(span_str("a"), span_str("ab")));
	assert_true(span_is(SPAN_NONE, span_str("")));
}

static void
without_case_only_ascii_letters_are_folded(void **state)
{
	assert_true(span_is_nocase(span_str("aZ09"), "Az09"));
	assert_false(span_is_nocase(span_str("a"), "ab"));
	assert_false(span_is_nocase(span_str("["), "{"));
	assert_false(span_is_nocase(span_str("@"), "`"));
	assert_false(span_is_nocase(span_str("\xc3\xa4"), "\xc3\x84"));
	assert_true(span_is_nocase(SPAN_NONE, ""));
}

static void
a_nul_does_not_hide_what_is_behind_it(void **state)
{
	assert_false(span_equal_nocase(span_of("a\0b", 3), span_of("a\0c", 3)));
	assert_true(span_equal_nocase(span_of("a\0b", 3), span_of("A\0B", 3)));
	assert_false(span_is_nocase(span_of("a\0", 2), "a"));
	assert_false(span_starts(span_of("a\0", 2), "ab"));
}

static void
a_span_starts_with_a_prefix_or_not(void **state)
{
	assert_true(span_starts(span_str("abc"), "ab"));
	assert_true(span_starts(span_str("abc"), "abc"));
	assert_true(span_starts(span_str("abc"), ""));
	assert_true(span_starts(SPAN_NONE, ""));
	assert_false(span_starts(span_str("ab"), "abc"));
	assert_false(span_starts(span_str("Abc"), "ab"));
	assert_true(span_starts_nocase(span_str("Abc"), "aB"));
	assert_false(span_starts_nocase(span_str("A"), "ab"));
}

static void
spans_are_in_the_order_of_their_bytes(void **state)
{
	static const char *const rising[] = {"", "A", "AA", "AB", "B", "\xff"};

	for (size_t i = 0; i < COUNT(rising); i++)
		for (size_t j = 0; j < COUNT(rising); j++) {
			int order = span_order(
			    span_str(rising[i]), span_str(rising[j]));
			assert_int_equal(
			    (order > 0) - (order < 0), (i > j) - (i < j));
		}
	assert_int_equal(span_order(SPAN_NONE, SPAN_NONE), 0);
}

static void
finding_gives_the_first_place_or_minus_one(void **state)
{
	struct span s = span_of("ab\0ab", 5);

	assert_int_equal(span_find(s, span_str("b")), 1);
	assert_int_equal(span_find(s, span_of("\0a", 2)), 2);
	assert_int_equal(span_find(s, span_str("ba")), -1);
	assert_int_equal(span_find(s, span_str("ababab")), -1);
	assert_int_equal(span_find(s, SPAN_NONE), 0);
	assert_int_equal(span_find(SPAN_NONE, span_str("a")), -1);
	assert_int_equal(span_find_byte(s, 0), 2);
	assert_int_equal(span_find_byte(s, 'c'), -1);
	assert_int_equal(span_find_byte(SPAN_NONE, 'a'), -1);
}

static void
printing_stops_at_the_spans_end(void **state)
{
	struct span huge = {(const uint8_t *)"abc", (size_t)INT_MAX + 1};
	char text[8];

	(void)snprintf(
	    text, sizeof(text), "%.*s", SPAN_ARGS(span_of("abcdef", 3)));
	assert_string_equal(text, "abc");
	const int precisions[] = {SPAN_ARGS(huge) != NULL};
	assert_int_equal(precisions[0], INT_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parts_never_leave_the_span),
	    cmocka_unit_test(trimming_takes_blanks_from_both_ends_only),
	    cmocka_unit_test(spans_are_equal_byte_by_byte),
	    cmocka_unit_test(without_case_only_ascii_letters_are_folded),
	    cmocka_unit_test(a_nul_does_not_hide_what_is_behind_it),
	    cmocka_unit_test(a_span_starts_with_a_prefix_or_not),
	    cmocka_unit_test(spans_are_in_the_order_of_their_bytes),
	    cmocka_unit_test(finding_gives_the_first_place_or_minus_one),
	    cmocka_unit_test(printing_stops_at_the_spans_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
