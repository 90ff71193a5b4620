#include "flow/lookup.h"

#include <stdio.h>

#include "base/expect.h"

static void
a_text_may_have_several_values(void **state)
{
	struct lookup l = LOOKUP_EMPTY;
	size_t at = LOOKUP_NONE, value = 0, sum = 0, values = 0;

	(void)state;
	assert_false(lookup_has(&l, span_str("a")));
	assert_ok(lookup_add(&l, span_str("a"), 1, NULL));
	assert_ok(lookup_add(&l, span_str("b"), 10, NULL));
	assert_ok(lookup_add(&l, span_str("a"), 100, NULL));
	while (lookup_next(&l, span_str("a"), &at, &value)) {
		sum += value;
		values++;
	}
	assert_int_equal(values, 2);
	assert_int_equal(sum, 101);
	assert_false(lookup_has(&l, span_str("ab")));
	lookup_done(&l);
}

static void
many_are_all_found_again_with_their_own_values(void **state)
{
	struct lookup l = LOOKUP_EMPTY;
	char text[32];

	(void)state;
	for (size_t i = 0; i < 5000; i++) {
		snprintf(text, sizeof(text), "name%zu", i);
		assert_ok(lookup_add(&l, span_str(text), i, NULL));
	}
	for (size_t i = 0; i < 5000; i++) {
		size_t at = LOOKUP_NONE, value = 0;
		snprintf(text, sizeof(text), "name%zu", i);
		assert_true(lookup_next(&l, span_str(text), &at, &value));
		assert_int_equal(value, i);
		assert_false(lookup_next(&l, span_str(text), &at, &value));
	}
	lookup_done(&l);
}

static void
an_empty_text_is_not_kept_and_one_with_nul_refused(void **state)
{
	struct lookup l = LOOKUP_EMPTY;

	(void)state;
	assert_ok(lookup_add(&l, SPAN_NONE, 1, NULL));
	assert_int_equal(l.len, 0);
	assert_rc(lookup_add(&l, span_of("a\0b", 3), 1, NULL), RC_SYNTAX);
	assert_int_equal(l.len, 0);
	lookup_done(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_text_may_have_several_values),
	    cmocka_unit_test(many_are_all_found_again_with_their_own_values),
	    cmocka_unit_test(
		an_empty_text_is_not_kept_and_one_with_nul_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
