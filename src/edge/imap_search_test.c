#include "edge/imap_search.h"

#include "base/expect.h"

static void
only_what_the_server_answers_rightly_may_go_to_it(void **state)
{
	static const struct {
		const char *keys;
		enum rc want;
	} cases[] = {
	    {"ALL", RC_OK},
	    {"1:*,7 UNSEEN", RC_OK},
	    {"not seen", RC_OK},
	    {"OR NEW (RECENT NOT OLD)", RC_OK},
	    {"UID 1,2 KEYWORD $Forwarded SINCE 1-Jan-2026", RC_OK},
	    {"CHARSET UTF-8 ON \"1-Jan-2026\"", RC_OK},
	    {"TEXT x", RC_REFUSED},
	    {"NOT (OR ALL (BODY {1}\r\nx))", RC_REFUSED},
	    {"SUBJECT \"a b\" ALL", RC_REFUSED},
	    {"HEADER X-Y \"\"", RC_REFUSED},
	    {"from a to b cc c bcc d", RC_REFUSED},
	    {"SENTON 1-Jan-2026", RC_REFUSED},
	    {"LARGER 5", RC_REFUSED},
	    {"SMALLER 5", RC_REFUSED},
	    {"KEYWORD $Letterlock-verified", RC_REFUSED},
	    {"UNKEYWORD $LETTERLOCK-x", RC_REFUSED},
	    {"", RC_SYNTAX},
	    {"()", RC_SYNTAX},
	    {"(ALL", RC_SYNTAX},
	    {"ALL)", RC_SYNTAX},
	    {"NOT", RC_SYNTAX},
	    {"OR ALL", RC_SYNTAX},
	    {"UID", RC_SYNTAX},
	    {"UID x", RC_SYNTAX},
	    {"TEXT", RC_SYNTAX},
	    {"HEADER X", RC_SYNTAX},
	    {"KEYWORD \"x\"", RC_SYNTAX},
	    {"\"ALL\"", RC_SYNTAX},
	    {"CHARSET", RC_SYNTAX},
	    {"CHARSET UTF-8", RC_SYNTAX},
	    {"RETURN (MIN) ALL", RC_SYNTAX},
	    {"MODSEQ 1", RC_SYNTAX},
	    {"$", RC_SYNTAX},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span keys EXACT = expect_exact(span_str(cases[i].keys));
		struct imap_walk walk = {keys};
		struct err err = ERR_NONE;
		enum rc got = imap_search_check(walk, &err);
		if (got != cases[i].want)
			print_error("%s\n", cases[i].keys);
		assert_rc(got, cases[i].want);
	}
}

static void
keys_nest_as_deep_as_the_limit_and_no_deeper(void **state)
{
	for (size_t depth = IMAP_SEARCH_DEPTH; depth <= IMAP_SEARCH_DEPTH + 1;
	     depth++) {
		struct buf keys BUF_OWNED = BUF_SMALL;
		struct err err = ERR_NONE;
		for (size_t i = 0; i < depth; i++)
			assert_ok(buf_add_str(&keys, "NOT ", &err));
		assert_ok(buf_add_str(&keys, "ALL", &err));
		struct imap_walk walk = {buf_span(&keys)};
		assert_rc(imap_search_check(walk, &err),
		    depth == IMAP_SEARCH_DEPTH ? RC_OK : RC_SYNTAX);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_what_the_server_answers_rightly_may_go_to_it),
	    cmocka_unit_test(keys_nest_as_deep_as_the_limit_and_no_deeper),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
