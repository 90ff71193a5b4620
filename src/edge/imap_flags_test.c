#include "edge/imap_flags.h"

#include "base/expect.h"

static void
only_keywords_of_our_name_are_ours(void **state)
{
	static const struct {
		const char *flag;
		bool want;
	} cases[] = {
	    {"$Letterlock-verified", true},
	    {"$LETTERLOCK-x", true},
	    {"$letterlock-", true},
	    {"$Letterlock", false},
	    {"Letterlock-verified", false},
	    {"\\Seen", false},
	    {"$Forwarded", false},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(
		    imap_flag_is_ours(span_str(cases[i].flag)), cases[i].want);
}

static void
a_list_is_printed_without_forged_keywords_and_with_ours(void **state)
{
	static const struct {
		const char *list;
		const char *want;
	} cases[] = {
	    {"()", "(+a +b)"},
	    {"(\\Seen)", "(\\Seen +a +b)"},
	    {"($Letterlock-verified)", "(+a +b)"},
	    {"(\\Seen $LETTERLOCK-x other \\*)", "(\\Seen other \\* +a +b)"},
	};
	struct strlist add STRLIST_OWNED = STRLIST_NONE;
	struct err err = ERR_NONE;

	assert_ok(strlist_add_str(&add, "+a", &err));
	assert_ok(strlist_add_str(&add, "+b", &err));
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span list EXACT = expect_exact(span_str(cases[i].list));
		struct imap_walk walk = {list};
		struct buf out BUF_OWNED = BUF_SMALL;
		assert_done(imap_flags_print(&walk, &add, &out, &err), err);
		assert_span(buf_span(&out), cases[i].want);
	}
}

static void
what_is_no_list_of_flags_is_refused(void **state)
{
	static const char *const cases[] = {
	    "", "\\Seen", "(", "(\\Seen", "(\"x\")", "((a))", "({1}\r\nx)"};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span list EXACT = expect_exact(span_str(cases[i]));
		struct imap_walk walk = {list};
		struct buf out BUF_OWNED = BUF_SMALL;
		struct err err = ERR_NONE;
		assert_rc(imap_flags_print(&walk, NULL, &out, &err), RC_SYNTAX);
	}
}

static void
flags_to_set_are_read_in_both_forms(void **state)
{
	static const struct {
		const char *text;
		enum rc rc;
		const char *want;
	} cases[] = {
	    {"(\\Seen a)", RC_OK, "(\\Seen a)"},
	    {" (\\Seen)", RC_OK, "(\\Seen)"},
	    {"()", RC_OK, "()"},
	    {"\\Seen", RC_OK, "(\\Seen)"},
	    {"\\Seen \\Flagged", RC_OK, "(\\Seen \\Flagged)"},
	    {"", RC_SYNTAX, NULL},
	    {"\"\\\\Seen\"", RC_SYNTAX, NULL},
	    {"(a $Letterlock-verified)", RC_REFUSED, NULL},
	    {"$LetterLOCK-verified", RC_REFUSED, NULL},
	    {"a $letterlock-x", RC_REFUSED, NULL},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span text EXACT = expect_exact(span_str(cases[i].text));
		struct imap_walk walk = {text};
		struct buf out BUF_OWNED = BUF_SMALL;
		struct err err = ERR_NONE;
		assert_rc(imap_flags_read(&walk, &out, &err), cases[i].rc);
		if (cases[i].want != NULL)
			assert_span(buf_span(&out), cases[i].want);
	}
}

static void
a_flag_is_found_whatever_its_case(void **state)
{
	assert_true(imap_flags_have(span_str("(a \\SEEN)"), "\\Seen"));
	assert_false(imap_flags_have(span_str("(a \\Seen2)"), "\\Seen"));
	assert_false(imap_flags_have(span_str("()"), "\\Seen"));
	assert_false(imap_flags_have(SPAN_NONE, "\\Seen"));
}

static void
every_level_has_its_keyword(void **state)
{
	struct strlist got STRLIST_OWNED = STRLIST_NONE;
	struct err err = ERR_NONE;

	assert_ok(imap_flags_levels(&got, &err));
	assert_int_equal(got.len, 4);
	assert_true(strlist_has(&got, "$Letterlock-verified"));
	assert_true(strlist_has(&got, "$Letterlock-caution"));
	assert_true(strlist_has(&got, "$Letterlock-unsigned"));
	assert_true(strlist_has(&got, "$Letterlock-danger"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_keywords_of_our_name_are_ours),
	    cmocka_unit_test(
		a_list_is_printed_without_forged_keywords_and_with_ours),
	    cmocka_unit_test(what_is_no_list_of_flags_is_refused),
	    cmocka_unit_test(flags_to_set_are_read_in_both_forms),
	    cmocka_unit_test(a_flag_is_found_whatever_its_case),
	    cmocka_unit_test(every_level_has_its_keyword),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
