#include "proto/smtp_dsn.h"

#include "base/expect.h"

static void
notices_are_read_as_the_standard_says(void **state)
{
	static const struct {
		const char *text;
		bool good;
		unsigned want;
	} cases[] = {
	    {"NEVER", true, SMTP_NOTIFY_NEVER},
	    {"never", true, SMTP_NOTIFY_NEVER},
	    {"SUCCESS", true, SMTP_NOTIFY_SUCCESS},
	    {"DELAY,SUCCESS,FAILURE", true,
		SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_FAILURE | SMTP_NOTIFY_DELAY},
	    {"", false, 0},
	    {"NEVER,SUCCESS", false, 0},
	    {"SUCCESS,SUCCESS", false, 0},
	    {"SUCCESS,", false, 0},
	    {",SUCCESS", false, 0},
	    {"ALWAYS", false, 0},
	    {"SUCCESS DELAY", false, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned got = 77;
		bool good = smtp_notify_parse(span_str(cases[i].text), &got);
		if (good != cases[i].good || got != (good ? cases[i].want : 77))
			fail_msg("%s: %d %u", cases[i].text, good, got);
	}
}

static void
every_set_of_notices_is_printed_as_it_is_read(void **state)
{
	for (unsigned set = 1; set < 16; set++) {
		char text[SMTP_NOTIFY_MAX + 1];
		unsigned got = 0;
		if ((set & SMTP_NOTIFY_NEVER) && set != SMTP_NOTIFY_NEVER)
			continue;
		smtp_notify_print(set, text);
		assert_true(smtp_notify_parse(span_str(text), &got));
		assert_int_equal(got, set);
	}
}

static void
failure_is_told_unless_other_things_were_asked_for(void **state)
{
	assert_true(smtp_notify_has_failure(0));
	assert_true(
	    smtp_notify_has_failure(SMTP_NOTIFY_FAILURE | SMTP_NOTIFY_SUCCESS));
	assert_false(smtp_notify_has_failure(SMTP_NOTIFY_NEVER));
	assert_false(smtp_notify_has_failure(SMTP_NOTIFY_SUCCESS));
}

static void
an_xtext_is_what_it_stands_for(void **state)
{
	static const struct {
		const char *xtext;
		const char *want; /* NULL: refused */
	} cases[] = {
	    {"a", "a"},
	    {"a+2Bb@c.example", "a+b@c.example"},
	    {"+41+3D", "A="},
	    {"", NULL},
	    {"a b", NULL},
	    {"a=b", NULL},
	    {"a+b", NULL}, /* lower case, and cut */
	    {"a+2", NULL},
	    {"a+", NULL},
	    {"a+2b", NULL},
	    {"a+0D+0AMAIL", NULL},
	    {"a+00", NULL},
	    {"a+7F", NULL},
	    {"a+C3+A4", NULL},
	    {"a\r\nb", NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf got BUF_OWNED = BUF_SMALL;
		struct span xtext = span_str(cases[i].xtext);
		enum rc rc = smtp_dsn_decode(xtext, &got, NULL);
		bool good = cases[i].want != NULL;
		if ((rc == RC_OK) != good || smtp_dsn_is_xtext(xtext) != good)
			fail_msg("%s: %s", cases[i].xtext, rc_name(rc));
		if (good)
			assert_true(
			    span_is(buf_span(&got), span_str(cases[i].want)));
	}
}

static void
an_original_recipient_has_a_type(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
	    {"rfc822;bob@b.example", true},
	    {"RFC822;bob+2Bx@b.example", true},
	    {"utf-8;j\\x{F6}rg+x@b.example", true},
	    {"x400;C=de", false},
	    {"rfc822;", false},
	    {";bob@b.example", false},
	    {"bob@b.example", false},
	    {"rf c;a", false},
	    {"rfc822;a b", false},
	    {"utf-8;a\rb", false},
	};
	char longest[SMTP_ORCPT_MAX + 2] = "rfc822;";

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (smtp_dsn_is_orcpt(span_str(cases[i].text)) != cases[i].good)
			fail_msg("%s", cases[i].text);
	memset(longest + 7, 'a', SMTP_ORCPT_MAX + 1 - 7);
	assert_false(smtp_dsn_is_orcpt(span_str(longest)));
	assert_true(
	    smtp_dsn_is_orcpt(span_first(span_str(longest), SMTP_ORCPT_MAX)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(notices_are_read_as_the_standard_says),
	    cmocka_unit_test(every_set_of_notices_is_printed_as_it_is_read),
	    cmocka_unit_test(
		failure_is_told_unless_other_things_were_asked_for),
	    cmocka_unit_test(an_xtext_is_what_it_stands_for),
	    cmocka_unit_test(an_original_recipient_has_a_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
