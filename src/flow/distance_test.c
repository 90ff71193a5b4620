#include "flow/distance.h"

#include "base/expect.h"

static const struct {
	const char *a, *b;
	size_t limit, want;
} cases[] = {
    {"paypal", "paypal", 2, 0}, {"paypal", "paypall", 2, 1},
    {"paypal", "payal", 2, 1}, {"paypal", "paypsl", 2, 1},
    {"paypal", "papyal", 2, 1}, {"paypal", "apypla", 2, 2},
    {"paypal", "pypl", 2, 2}, {"paypal", "pypl", 1, 2},
    {"paypal", "xyzxyz", 2, 3}, {"paypal", "p", 2, 3}, {"", "", 2, 0},
    {"", "ab", 2, 2}, {"ab", "", 1, 2},
    {"ca", "abc", 3, 3}, /* aligned: not 2 */
};

static void
slips_are_counted_up_to_the_limit(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span a EXACT = expect_exact(span_str(cases[i].a));
		struct span b EXACT = expect_exact(span_str(cases[i].b));
		size_t got = distance_between(a, b, cases[i].limit);
		size_t back = distance_between(b, a, cases[i].limit);
		if (got != cases[i].want || back != got)
			fail_msg("%s, %s: got %zu and %zu, want %zu",
			    cases[i].a, cases[i].b, got, back, cases[i].want);
	}
}

static void
a_name_of_63_bytes_is_compared_and_one_of_64_is_far(void **state)
{
	char a[DISTANCE_MAX + 1], b[DISTANCE_MAX + 1];

	(void)state;
	memset(a, 'a', sizeof(a));
	memcpy(b, a, sizeof(b));
	b[5] = 'b';
	assert_int_equal(distance_between(span_of(a, DISTANCE_MAX),
			     span_of(b, DISTANCE_MAX), 2),
	    1);
	assert_int_equal(distance_between(span_of(a, DISTANCE_MAX + 1),
			     span_of(b, DISTANCE_MAX + 1), 2),
	    3);
}

/* Else a name that is near would never be compared. */
static void
bags_differ_by_at_most_two_bits_a_slip(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t slips = distance_between(
		    span_str(cases[i].a), span_str(cases[i].b), 10);
		uint64_t differ = distance_bag(span_str(cases[i].a)) ^
				  distance_bag(span_str(cases[i].b));
		assert_true((size_t)__builtin_popcountll(differ) <= 2 * slips);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(slips_are_counted_up_to_the_limit),
	    cmocka_unit_test(
		a_name_of_63_bytes_is_compared_and_one_of_64_is_far),
	    cmocka_unit_test(bags_differ_by_at_most_two_bits_a_slip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
