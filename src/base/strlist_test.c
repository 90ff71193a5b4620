#include "base/expect.h"
#include "base/strlist.h"

static void
a_list_owns_copies_in_order(void **state)
{
	struct strlist list STRLIST_OWNED = STRLIST_NONE;
	char text[] = "first";

	assert_ok(strlist_add_str(&list, text, NULL));
	text[0] = 'F';
	assert_ok(strlist_add(&list, span_of("secondary", 6), NULL));
	assert_int_equal(list.len, 2);
	assert_string_equal(list.item[0], "first");
	assert_string_equal(list.item[1], "second");
}

static void
having_is_with_or_without_case(void **state)
{
	struct strlist list STRLIST_OWNED = STRLIST_NONE;

	assert_false(strlist_has(&list, "Alice@example.org"));
	assert_ok(strlist_add_str(&list, "Alice@example.org", NULL));
	assert_true(strlist_has(&list, "Alice@example.org"));
	assert_false(strlist_has(&list, "alice@example.org"));
	assert_true(strlist_has_nocase(&list, "ALICE@example.ORG"));
	assert_false(strlist_has_nocase(&list, "alice@example.or"));
}

static void
text_with_a_nul_is_refused_and_changes_nothing(void **state)
{
	struct strlist list STRLIST_OWNED = STRLIST_NONE;

	assert_rc(strlist_add(&list, span_of("a\0b", 3), NULL), RC_SYNTAX);
	assert_int_equal(list.len, 0);
}

static void
a_list_takes_its_limit_and_not_one_more(void **state)
{
	struct strlist list STRLIST_OWNED = STRLIST_NONE;
	struct err err = ERR_NONE;

	for (size_t i = 0; i < STRLIST_MAX; i++)
		assert_ok(strlist_add_str(&list, "x", &err));
	assert_rc(strlist_add_str(&list, "y", &err), RC_LIMIT);
	assert_int_equal(list.len, STRLIST_MAX);
	assert_string_equal(err.text, "more than 10000 entries");
}

static void
after_done_a_list_is_empty(void **state)
{
	struct strlist list = STRLIST_NONE;

	assert_ok(strlist_add_str(&list, "x", NULL));
	strlist_done(&list);
	assert_int_equal(list.len, 0);
	assert_false(strlist_has(&list, "x"));
	strlist_done(&list);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_list_owns_copies_in_order),
	    cmocka_unit_test(having_is_with_or_without_case),
	    cmocka_unit_test(text_with_a_nul_is_refused_and_changes_nothing),
	    cmocka_unit_test(a_list_takes_its_limit_and_not_one_more),
	    cmocka_unit_test(after_done_a_list_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
