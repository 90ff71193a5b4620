#include "edge/imap_query.h"

#include <stdio.h>

#include "base/expect.h"

/* "AND(SERVER:UNSEEN FIELD:From:alice)" */
static void
print(const struct imap_query *query, struct buf *out, struct err *err)
{
	static const char *const names[] = {"SERVER", "SAVED", "AND", "OR",
	    "NOT", "KEYWORD", "FIELD", "BODY", "TEXT", "LARGER", "SMALLER",
	    "SENT_BEFORE", "SENT_ON", "SENT_SINCE"};
	const char *before = "(";

	assert_ok(buf_add_str(out, names[query->kind], err));
	if (query->name != NULL)
		assert_ok(buf_add_format(out, err, ":%s", query->name));
	if (query->text.len > 0 || query->name != NULL)
		assert_ok(buf_add_format(
		    out, err, ":%.*s", SPAN_ARGS(buf_span(&query->text))));
	if (query->number != 0)
		assert_ok(buf_add_format(
		    out, err, ":%lld", (long long)query->number));
	for (const struct imap_query *c = query->child; c; c = c->next) {
		assert_ok(buf_add_str(out, before, err));
		print(c, out, err);
		before = " ";
	}
	if (query->child != NULL)
		assert_ok(buf_add_str(out, ")", err));
}

static void
each_part_of_a_search_goes_to_who_can_answer_it(void **state)
{
	static const struct {
		const char *keys, *want;
	} cases[] = {
	    {"ALL", "SERVER:(ALL)"},
	    {"1:*,7 UNSEEN", "SERVER:(1:*,7 UNSEEN)"},
	    {"not seen", "SERVER:(NOT SEEN)"},
	    {"OR NEW (RECENT NOT OLD)", "SERVER:(OR NEW (RECENT NOT OLD))"},
	    {"UID 1,2 KEYWORD $Forwarded SINCE \"1-Jan-2026\"",
		"SERVER:(UID 1,2 KEYWORD $Forwarded SINCE \"1-Jan-2026\")"},
	    {"CHARSET UTF-8 ON 1-Jan-2026", "SERVER:(ON 1-Jan-2026)"},
	    {"MODSEQ \"/flags/\\\\seen\" all 9",
		"SERVER:(MODSEQ \"/flags/\\\\seen\" all 9)"},
	    {"OLDER 60", "SERVER:(OLDER 60)"},
	    {"TEXT Hello", "AND(TEXT:hello)"},
	    {"UNSEEN FROM \"Alice\" SINCE 1-Jan-2026 1:3",
		"AND(SERVER:UNSEEN SINCE 1-Jan-2026 1:3 FIELD:From:alice)"},
	    {"OR BODY x (SEEN DELETED)",
		"AND(OR(BODY:x SERVER:(SEEN DELETED)))"},
	    {"NOT NOT SUBJECT \"a  B\"", "AND(NOT(NOT(FIELD:Subject:a b)))"},
	    {"HEADER X-Y \"\"", "AND(FIELD:X-Y:)"},
	    {"from a to b cc c bcc d",
		"AND(FIELD:From:a FIELD:To:b FIELD:Cc:c FIELD:Bcc:d)"},
	    {"LARGER 5 SMALLER 6", "AND(LARGER:5 SMALLER:6)"},
	    {"SENTON 1-Jan-1970", "AND(SENT_ON)"},
	    {"SENTBEFORE \"3-Jan-1970\" SENTSINCE 31-Dec-1969",
		"AND(SENT_BEFORE:2 SENT_SINCE:-1)"},
	    {"KEYWORD $Letterlock-verified",
		"AND(KEYWORD:$Letterlock-verified)"},
	    {"UNKEYWORD $LETTERLOCK-x SEEN",
		"AND(NOT(KEYWORD:$LETTERLOCK-x) SERVER:SEEN)"},
	    {"$ SEEN", "AND(SAVED SERVER:SEEN)"},
	    {"RETURN () ALL", "SERVER:(ALL)"},
	    {"BODY {3}\r\na\r\n", "AND(BODY:a )"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct imap_searching got IMAP_SEARCHING_OWNED = {0};
		struct buf out BUF_OWNED = BUF_SMALL;
		struct span keys EXACT = expect_exact(span_str(cases[i].keys));
		struct imap_walk walk = {keys};
		struct err err = ERR_NONE;
		assert_done(imap_query_parse(&walk, &got, &err), err);
		print(got.query, &out, &err);
		assert_span(buf_span(&out), cases[i].want);
	}
}

static void
what_is_no_search_is_refused(void **state)
{
	static const struct {
		const char *keys;
		enum rc want;
	} cases[] = {
	    {"", RC_SYNTAX},
	    {"()", RC_SYNTAX},
	    {"(ALL", RC_SYNTAX},
	    {"ALL)", RC_SYNTAX},
	    {"NOT", RC_SYNTAX},
	    {"OR ALL", RC_SYNTAX},
	    {"UID", RC_SYNTAX},
	    {"UID x", RC_SYNTAX},
	    {"TEXT", RC_SYNTAX},
	    {"TEXT (a)", RC_SYNTAX},
	    {"HEADER X", RC_SYNTAX},
	    {"KEYWORD \"x\"", RC_SYNTAX},
	    {"\"ALL\"", RC_SYNTAX},
	    {"LARGER x", RC_SYNTAX},
	    {"LARGER 4294967296", RC_SYNTAX},
	    {"SENTON yesterday", RC_SYNTAX},
	    {"SENTON 32-Jan-2026", RC_SYNTAX},
	    {"MODSEQ x", RC_SYNTAX},
	    {"MODSEQ \"/flags/x\" all", RC_SYNTAX},
	    {"CHARSET", RC_SYNTAX},
	    {"CHARSET UTF-8", RC_SYNTAX},
	    {"CHARSET KOI8-R ALL", RC_REFUSED},
	    {"RETURN MIN ALL", RC_SYNTAX},
	    {"RETURN (NONSENSE) ALL", RC_SYNTAX},
	    {"RETURN (MIN", RC_SYNTAX},
	    {"RETURN ()", RC_SYNTAX},
	    {"NONSENSE", RC_SYNTAX},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct imap_searching got IMAP_SEARCHING_OWNED = {0};
		struct span keys EXACT = expect_exact(span_str(cases[i].keys));
		struct imap_walk walk = {keys};
		struct err err = ERR_NONE;
		enum rc rc = imap_query_parse(&walk, &got, &err);
		if (rc != cases[i].want)
			print_error("%s\n", cases[i].keys);
		assert_rc(rc, cases[i].want);
		assert_null(got.query);
	}
}

static void
what_is_wanted_is_read(void **state)
{
	static const struct {
		const char *keys;
		bool extended;
		unsigned wanted;
		bool modseq;
	} cases[] = {
	    {"ALL", false, 0, false},
	    {"RETURN () ALL", true, IMAP_RETURN_ALL, false},
	    {"return (min MAX count) MODSEQ 1", true,
		IMAP_RETURN_MIN | IMAP_RETURN_MAX | IMAP_RETURN_COUNT, true},
	    {"RETURN (SAVE) ALL", true, IMAP_RETURN_SAVE, false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct imap_searching got IMAP_SEARCHING_OWNED = {0};
		struct imap_walk walk = {span_str(cases[i].keys)};
		struct err err = ERR_NONE;
		assert_done(imap_query_parse(&walk, &got, &err), err);
		assert_int_equal(got.extended, cases[i].extended);
		assert_int_equal(got.wanted, cases[i].wanted);
		assert_int_equal(got.modseq, cases[i].modseq);
	}
}

/* Keys nested so deep, the innermost being "ALL". */
static void
nest(size_t depth, const char *key, enum rc want)
{
	struct imap_searching got IMAP_SEARCHING_OWNED = {0};
	struct buf keys BUF_OWNED = BUF_SMALL;
	struct err err = ERR_NONE;

	for (size_t i = 1; i < depth; i++)
		assert_ok(buf_add_str(&keys, key, &err));
	assert_ok(buf_add_str(&keys, "ALL", &err));
	struct imap_walk walk = {buf_span(&keys)};
	assert_rc(imap_query_parse(&walk, &got, &err), want);
}

static void
keys_are_as_deep_and_as_many_as_the_limits_and_no_more(void **state)
{
	struct err err = ERR_NONE;

	nest(IMAP_QUERY_DEPTH, "NOT ", RC_OK);
	nest(IMAP_QUERY_DEPTH + 1, "NOT ", RC_SYNTAX);
	/* one node is the list of them all */
	for (size_t many = IMAP_QUERY_NODES - 1; many <= IMAP_QUERY_NODES;
	     many++) {
		struct imap_searching got IMAP_SEARCHING_OWNED = {0};
		struct buf keys BUF_OWNED = BUF_SMALL;
		for (size_t i = 0; i < many; i++)
			assert_ok(buf_add_str(&keys, "ALL ", &err));
		struct imap_walk walk = {span_trim(buf_span(&keys))};
		assert_rc(imap_query_parse(&walk, &got, &err),
		    many < IMAP_QUERY_NODES ? RC_OK : RC_SYNTAX);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_part_of_a_search_goes_to_who_can_answer_it),
	    cmocka_unit_test(what_is_no_search_is_refused),
	    cmocka_unit_test(what_is_wanted_is_read),
	    cmocka_unit_test(
		keys_are_as_deep_and_as_many_as_the_limits_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
