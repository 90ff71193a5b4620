#include "base/expect.h"
#include "mime/address.h"

/* [name]address, one after the other; "group" before if there was one. */
static void
show(const struct mailboxes *list, struct buf *out)
{
	if (list->has_group)
		assert_ok(buf_add_str(out, "group", NULL));
	for (size_t i = 0; i < list->len; i++)
		assert_ok(buf_add_format(out, NULL, "[%s]%s",
		    list->item[i].name, list->item[i].address));
}

static void
address_lists_are_read(void **state)
{
	static const struct {
		const char *input, *want;
	} cases[] = {
	    {"", ""},
	    {"a@b.test", "[]a@b.test"},
	    {"<a@b.test>", "[]a@b.test"},
	    {"Alice <a@b.test>", "[Alice]a@b.test"},
	    {"A <a@b.test>, b@c.test,C D<c@d.test>",
		"[A]a@b.test[]b@c.test[C D]c@d.test"},
	    {"\"Doe, Jane\" <Jane.Doe@B.Test>", "[Doe, Jane]Jane.Doe@b.test"},
	    {"\"a \\\"b\\\" c\" <a@b.test>", "[a \"b\" c]a@b.test"},
	    {"J. R. Doe <a@b.test>", "[J. R. Doe]a@b.test"},
	    {"=?utf-8?Q?M=C3=BCller?= =?utf-8?Q?_X?= <a@b.test>",
		"[M\xc3\xbcller X]a@b.test"},
	    {"\"=?utf-8?Q?M=C3=BC?=\" <a@b.test>", "[M\xc3\xbc]a@b.test"},
	    {"=?utf-8?Q?a=0D=0Ab=00?= <a@b.test>", "[a  b]a@b.test"},
	    {"M\xc3\xbcller <a@b.test>", "[M\xc3\xbcller]a@b.test"},
	    {"\r\n A\r\n B <a@b.test>\r\n", "[A B]a@b.test"},
	    /* RFC 5322 appendix A.5 */
	    {"Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
		"[Pete]pete@silly.test"},
	    {"a@b.test (Alice)", "[]a@b.test"},
	    /* appendix A.1.3 */
	    {"A Group:Ed Jones <joe@where.test>,John <jdoe@one.test>;",
		"group[Ed Jones]joe@where.test[John]jdoe@one.test"},
	    {"undisclosed-recipients:;", "group"},
	    {"a@b.test, G: c@d.test;, e@f.test",
		"group[]a@b.test[]c@d.test[]e@f.test"},
	    /* appendix A.6.1 and A.6.3 */
	    {"Joe <@node.test,@other.test:john@test.test>, , jane@test.test",
		"[Joe]john@test.test[]jane@test.test"},
	    {"John . Doe @ Home . Test", "[]John.Doe@home.test"},
	    {"\"a\".b@c.test", "[]a.b@c.test"},
	    {"\"a b\"@c.test", "[]\"a b\"@c.test"},
	    {"\"a\\\"b\\\\\"@c.test", "[]\"a\\\"b\\\\\"@c.test"},
	    {"\"a@b\"@c.test", "[]\"a@b\"@c.test"},
	    {"\"\"@c.test", "[]\"\"@c.test"},
	    {"a@[192.0.2.1]", "[]a@[192.0.2.1]"},
	    {"\xc3\xa4@b.test", "[]\xc3\xa4@b.test"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span in EXACT = expect_exact(span_str(cases[i].input));
		struct mailboxes list MAILBOXES_OWNED = MAILBOXES_NONE;
		struct buf got BUF_OWNED = BUF_SMALL;
		struct err err = ERR_NONE;
		if (mailboxes_parse(in, &list, &err) != RC_OK)
			fail_msg("%s: %s", cases[i].input, err.text);
		show(&list, &got);
		assert_span(buf_span(&got), cases[i].want);
	}
}

static void
what_comments_say_is_kept(void **state)
{
	static const struct {
		const char *input, *want;
	} cases[] = {
	    {"a@b.test", NULL},
	    {"\"(x)\" <a@b.test>", NULL},
	    {"a@b.test (Alice)", "Alice"},
	    {"a@b.test (c@d.test)", "c@d.test"},
	    {"(c@d.test) a@b.test", "c@d.test"},
	    {"A (x (y)) B <a@b.test (z)>", "x (y) z"},
	    {"a@b.test (=?utf-8?q?c=40d=2Etest?=)", "c@d.test"},
	    {"a@b.test (one), c@d.test (two)", "one two"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span in EXACT = expect_exact(span_str(cases[i].input));
		struct mailboxes list MAILBOXES_OWNED = MAILBOXES_NONE;
		assert_ok(mailboxes_parse(in, &list, NULL));
		if (cases[i].want == NULL)
			assert_null(list.comments);
		else
			assert_string_equal(list.comments, cases[i].want);
	}
}

static void
an_address_is_turned_into_its_ascii_form(void **state)
{
	struct buf out BUF_OWNED = BUF_SMALL;

	assert_ok(address_to_ascii("a@b.test", &out, NULL));
	assert_ok(address_to_ascii(",\xc3\xa4@b\xc3\xbc"
				   "cher.test",
	    &out, NULL));
	assert_span(buf_span(&out), "a@b.test,\xc3\xa4@xn--bcher-kva.test");
	assert_rc(address_to_ascii("a@\xe4.test", &out, NULL), RC_SYNTAX);
}

static void
an_address_has_one_form_however_it_is_written(void **state)
{
	static const struct {
		const char *input, *want;
	} cases[] = {
	    {"a@b.test", "a@b.test"},
	    {"A.B+c@B.Test", "a.b+c@b.test"},
	    {"a@b.test.", "a@b.test"},
	    {"a@b。test", "a@b.test"},
	    {"a@b．test｡", "a@b.test"},
	    {"a@ａｚＡＺ０９－.test", "a@azaz09-.test"},
	    {"a@ⓐⓏ𝐛𝟗🄰.test", "a@azb9a.test"},
	    {"a@b\xc2\xad\xe2\x80\x8b.test", "a@b.test"},
	    {"a@bücher.test", "a@xn--bcher-kva.test"},
	    {"a@BÜCHER.test", "a@xn--bcher-kva.test"},
	    {"a@XN--BCHER-KVA.test", "a@xn--bcher-kva.test"},
	    {"a@ПОЧТА.test", "a@xn--80a1acny.test"},
	    {"a@ΑΩ.test", "a@xn--mxa2c.test"},
	    {"ä@b.test", "ä@b.test"},
	    {"a@[192.0.2.1]", "a@[192.0.2.1]"},
	    {"a@\xe4.test", "a@\xe4.test"},
	    {"", ""},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf out BUF_OWNED = BUF_SMALL;
		assert_ok(address_canonical(cases[i].input, &out, NULL));
		assert_span(buf_span(&out), cases[i].want);
	}
}

static void
a_source_route_is_told(void **state)
{
	static const struct {
		const char *input;
		bool want;
	} cases[] = {
	    {"<@c.test:a@b.test>", true},
	    {"a@b.test, X <@c.test,,@d.test:a@b.test>", true},
	    {"<a@b.test>, G: c@d.test;", false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct mailboxes list MAILBOXES_OWNED = MAILBOXES_NONE;
		assert_ok(
		    mailboxes_parse(span_str(cases[i].input), &list, NULL));
		assert_int_equal(list.has_route, cases[i].want);
	}
	struct mailboxes list MAILBOXES_OWNED = MAILBOXES_NONE;
	assert_rc(
	    mailboxes_parse(span_str("<@c.test:a@b.test>, x"), &list, NULL),
	    RC_SYNTAX);
	assert_false(list.has_route);
}

static void
a_label_that_is_too_long_stays_as_it_is(void **state)
{
	char address[160] = "a@";
	struct buf out BUF_OWNED = BUF_SMALL;

	for (size_t i = 0; i < 128; i++)
		address[2 + i] = i % 2 == 0 ? '\xc3' : '\xa4';
	address[130] = '\0';
	assert_ok(address_canonical(address, &out, NULL));
	assert_int_equal(out.len, 130);
}

static void
what_is_no_address_list_is_guessed_to_warn(void **state)
{
	static const struct {
		const char *input, *want;
	} cases[] = {
	    {"a@b.test.", "<a@b.test>"},
	    {"Alice <a@b.test.>", "<a@b.test>"},
	    {"x@y.test, Alice a@b.test", "<x@y.test><a@b.test>"},
	    {"\"a\"@b.test.", "<a@b.test>"},
	    {"a @ b.test (", "<a@b.test>"},
	    {"=?utf-8?q?a=40b.test?=", "<a@b.test>"},
	    {"@b.test", ""},
	    {"a@", ""},
	    {"@", ""},
	    {"", ""},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span in EXACT = expect_exact(span_str(cases[i].input));
		struct mailboxes list MAILBOXES_OWNED = MAILBOXES_NONE;
		struct buf got BUF_OWNED = BUF_SMALL;
		assert_ok(mailboxes_guess(in, &list, NULL));
		for (size_t k = 0; k < list.len; k++)
			assert_ok(buf_add_format(
			    &got, NULL, "<%s>", list.item[k].address));
		assert_span(buf_span(&got), cases[i].want);
	}
}

static void
guesses_end_at_the_limit_of_addresses(void **state)
{
	struct buf text BUF_OWNED = BUF(64 * 1024);
	struct mailboxes list MAILBOXES_OWNED = MAILBOXES_NONE;

	for (size_t i = 0; i < ADDRESS_MAX + 5; i++)
		assert_ok(buf_add_str(&text, "a@b.test. ", NULL));
	assert_ok(mailboxes_guess(buf_span(&text), &list, NULL));
	assert_int_equal(list.len, ADDRESS_MAX);
}

static void
what_is_no_address_is_not_guessed_and_nothing_added(void **state)
{
	static const char *const cases[] = {"alice", "alice b.test", "a@",
	    "@b.test", "a@b@c.test", "a@b.test b@c.test", "a@b.test <c@d.test>",
	    "Alice a@b.test", "<>", "<a@b.test", "a@b.test>", "<a@b.test> x",
	    "a..b@c.test", ".a@c.test", "a.@c.test", "a b@c.test",
	    "\"a\"b@c.test", "a@b..test", "a@.test", "a@b.test.", "a@b.test;",
	    "G: a@b.test", "G: H: a@b.test;;", ": a@b.test;", "\"a@b.test",
	    "(a@b.test", "a@b.test (", "a@[1.2", "a@[b c]", "a@b.test,,\001",
	    "Alice, Bob <a@b.test>", "a@b.test:", "<@x:y>", "<@x a@b.test>",
	    "<@c@d.test:a@b.test>", "<@c@d.test,@e.test:a@b.test>",
	    "\"a\001b\"@c.test", "\xff@b.test", "a@b\xc0.test",
	    "x@y.test <a@b.test>", "a\\@b.test"};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span in EXACT = expect_exact(span_str(cases[i]));
		struct mailboxes list MAILBOXES_OWNED = MAILBOXES_NONE;
		assert_ok(
		    mailboxes_parse(span_str("first@b.test"), &list, NULL));
		enum rc rc = mailboxes_parse(in, &list, NULL);
		if (rc != RC_SYNTAX)
			fail_msg("%s: %s", cases[i], rc_name(rc));
		assert_int_equal(list.len, 1);
		assert_false(list.has_group);
	}
	struct mailboxes list MAILBOXES_OWNED = MAILBOXES_NONE;
	assert_rc(
	    mailboxes_parse(span_of("a\0@b.test", 9), &list, NULL), RC_SYNTAX);
}

static enum rc
parse_repeated(const char *text, size_t times)
{
	struct buf in BUF_OWNED = BUF_SMALL;
	struct mailboxes list MAILBOXES_OWNED = MAILBOXES_NONE;

	for (size_t i = 0; i < times; i++)
		assert_ok(buf_add_str(&in, text, NULL));
	return mailboxes_parse(buf_span(&in), &list, NULL);
}

static void
a_list_holds_so_many_addresses(void **state)
{
	assert_ok(parse_repeated("a@b.test,", ADDRESS_MAX));
	assert_rc(parse_repeated("a@b.test,", ADDRESS_MAX + 1), RC_LIMIT);
	assert_rc(parse_repeated("a@b.test,", 40000), RC_LIMIT);
}

static void
an_address_holds_so_many_bytes(void **state)
{
	for (size_t more = 0; more <= 1; more++) {
		struct buf in BUF_OWNED = BUF_SMALL;
		struct mailboxes list MAILBOXES_OWNED = MAILBOXES_NONE;
		for (size_t i = 0; i < ADDRESS_LEN_MAX - 7 + more; i++)
			assert_ok(buf_add_byte(&in, 'x', NULL));
		assert_ok(buf_add_str(&in, "@b.test", NULL));
		assert_rc(mailboxes_parse(buf_span(&in), &list, NULL),
		    more == 0 ? RC_OK : RC_LIMIT);
	}
}

static enum rc
parse_comment(size_t depth)
{
	struct buf in BUF_OWNED = BUF_SMALL;
	struct mailboxes list MAILBOXES_OWNED = MAILBOXES_NONE;

	assert_ok(buf_add_str(&in, "a@b.test ", NULL));
	for (size_t i = 0; i < 2 * depth; i++)
		assert_ok(buf_add_str(&in, i < depth ? "(" : ")", NULL));
	return mailboxes_parse(buf_span(&in), &list, NULL);
}

static void
comments_nest_to_a_limit(void **state)
{
	assert_ok(parse_comment(50));
	assert_rc(parse_comment(51), RC_LIMIT);
}

static void
addresses_are_equal_in_any_ascii_case_and_only_then(void **state)
{
	struct mailboxes list MAILBOXES_OWNED = MAILBOXES_NONE;

	assert_ok(mailboxes_parse(
	    span_str("Alice <Alice@A.test>, bob@b.test"), &list, NULL));
	assert_true(mailboxes_have(&list, "alice@a.TEST"));
	assert_true(mailboxes_have(&list, "bob@b.test"));
	assert_false(mailboxes_have(&list, "bob+tag@b.test"));
	assert_false(mailboxes_have(&list, "b.ob@b.test"));
	assert_false(mailboxes_have(&list, "bob@b.test.x"));
	assert_true(address_equal("A@b.test", "a@B.test"));
	assert_false(address_equal("\xc3\xa4@b.test", "\xc3\x84@b.test"));
	assert_string_equal(address_domain("a@b.test"), "b.test");
	assert_string_equal(address_domain("\"a@b\"@c.test"), "c.test");
	assert_string_equal(address_domain("a"), "");
}

#define TEN "aaaaaaaaaa"
#define SIXTY TEN TEN TEN TEN TEN TEN

static void
an_address_for_smtp_is_checked_exactly(void **state)
{
	static const struct {
		const char *address;
		enum rc want;
	} cases[] = {
	    {"a@b.test", RC_OK},
	    {"A.b+c_d-e@sub-1.b.test", RC_OK},
	    {"root@localhost", RC_OK},
	    {"\"a b@c\\\"\"@b.test", RC_OK},
	    {"a@xn--mller-kva.test", RC_OK},
	    {SIXTY "aaaa@b.test", RC_OK},
	    {SIXTY "aaaaa@b.test", RC_LIMIT},
	    {"a@" SIXTY "aaa.test", RC_OK},
	    {"a@" SIXTY "aaaa.test", RC_SYNTAX},
	    {"a@" SIXTY "." SIXTY "." SIXTY "." SIXTY ".aaaaaaaaaaa", RC_OK},
	    {"a@" SIXTY "." SIXTY "." SIXTY "." SIXTY ".aaaaaaaaaaaa",
		RC_LIMIT},
	    {"", RC_SYNTAX},
	    {"a", RC_SYNTAX},
	    {"@b.test", RC_SYNTAX},
	    {"a@", RC_SYNTAX},
	    {"a@b@c.test", RC_SYNTAX},
	    {"<a@b.test>", RC_SYNTAX},
	    {"Alice <a@b.test>", RC_SYNTAX},
	    {" a@b.test", RC_SYNTAX},
	    {"a@b.test ", RC_SYNTAX},
	    {"a@b.test\r\nX: y", RC_SYNTAX},
	    {"a\r\n@b.test", RC_SYNTAX},
	    {"a@b.test.", RC_SYNTAX},
	    {"a@-b.test", RC_SYNTAX},
	    {"a@b-.test", RC_SYNTAX},
	    {"a@b_c.test", RC_SYNTAX},
	    {"a@[192.0.2.1]", RC_SYNTAX},
	    {".a@b.test", RC_SYNTAX},
	    {"a..b@c.test", RC_SYNTAX},
	    {"\"a\"b\"@c.test", RC_SYNTAX},
	    {"\"a\\\"@c.test", RC_SYNTAX},
	    {"\"@c.test", RC_SYNTAX},
	    {"\xc3\xa4@b.test", RC_SYNTAX},
	    {"a@\xc3\xa4.test", RC_SYNTAX},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span in EXACT = expect_exact(span_str(cases[i].address));
		enum rc rc = address_check(in, NULL);
		if (rc != cases[i].want)
			fail_msg("%s: %s", cases[i].address, rc_name(rc));
	}
	assert_rc(address_check(span_of("a\0@b.test", 9), NULL), RC_SYNTAX);
}

/* The forms with xn-- are Python's (encode("punycode")). */
static void
a_domain_may_be_written_in_two_ways(void **state)
{
	static const struct {
		const char *a, *b;
		bool want;
	} cases[] = {
	    {"a@b.test", "A@B.Test", true},
	    {"a@b.test", "c@b.test", false},
	    {"a@b.test", "a@c.test", false},
	    {"a@b\xc3\xbc"
	     "cher.test",
		"a@xn--bcher-kva.test", true},
	    {"a@b\xc3\xbc"
	     "cher.test",
		"a@xn--bucher-kva.test", false},
	    {"a@x.\xe4\xb8\xad\xe5\x9b\xbd", "a@x.XN--FIQS8S", true},
	    {"a@\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4.\xc3\x9f.x",
		"a@xn--4caa7cya.xn--zca.x", true},
	    {"a@\xf0\x9f\x98\x80.x", "a@xn--e28h.x", true},
	    {"\xc3\xa4@x.test", "\xc3\xa4@x.test", true},
	    {"\xc3\xa4@x.test", "xn--4ca@x.test", false},
	    {"a@\xe4.test", "a@\xe4.test", false},
	    {"a", "A", true},
	    {"a@", "a@", true},
	    {"a@b..c", "a@b.c", false},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		if (address_matches(cases[i].a, cases[i].b) != cases[i].want ||
		    address_matches(cases[i].b, cases[i].a) != cases[i].want)
			fail_msg("case %zu", i);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_domain_may_be_written_in_two_ways),
	    cmocka_unit_test(address_lists_are_read),
	    cmocka_unit_test(what_comments_say_is_kept),
	    cmocka_unit_test(an_address_is_turned_into_its_ascii_form),
	    cmocka_unit_test(
		what_is_no_address_is_not_guessed_and_nothing_added),
	    cmocka_unit_test(an_address_has_one_form_however_it_is_written),
	    cmocka_unit_test(a_source_route_is_told),
	    cmocka_unit_test(a_label_that_is_too_long_stays_as_it_is),
	    cmocka_unit_test(what_is_no_address_list_is_guessed_to_warn),
	    cmocka_unit_test(guesses_end_at_the_limit_of_addresses),
	    cmocka_unit_test(a_list_holds_so_many_addresses),
	    cmocka_unit_test(an_address_holds_so_many_bytes),
	    cmocka_unit_test(comments_nest_to_a_limit),
	    cmocka_unit_test(
		addresses_are_equal_in_any_ascii_case_and_only_then),
	    cmocka_unit_test(an_address_for_smtp_is_checked_exactly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
