#include <time.h>

#include "base/expect.h"
#include "codec/when.h"

struct good {
	const char *text;
	int64_t want;
};

static void
moments_are_printed_for_machines_and_for_mail(void **state)
{
	static const struct {
		int64_t when;
		const char *text, *mail;
	} cases[] = {
	    {0, "1970-01-01T00:00:00Z", "Thu, 01 Jan 1970 00:00:00 +0000"},
	    {-1, "1969-12-31T23:59:59Z", "Wed, 31 Dec 1969 23:59:59 +0000"},
	    {1795292280, "2026-11-21T20:18:00Z",
		"Sat, 21 Nov 2026 20:18:00 +0000"},
	    {951782400, "2000-02-29T00:00:00Z",
		"Tue, 29 Feb 2000 00:00:00 +0000"},
	    {253402300799, "9999-12-31T23:59:59Z",
		"Fri, 31 Dec 9999 23:59:59 +0000"},
	    {-62167219200, "0000-01-01T00:00:00Z",
		"Sat, 01 Jan 0000 00:00:00 +0000"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[WHEN_TEXT_MAX];
		when_print(cases[i].when, text);
		assert_string_equal(text, cases[i].text);
		when_print_mail(cases[i].when, text);
		assert_string_equal(text, cases[i].mail);
	}
}

static void
moments_beyond_four_digits_are_printed_as_the_last_that_has_them(void **state)
{
	char text[WHEN_TEXT_MAX];

	when_print(INT64_MAX, text);
	assert_string_equal(text, "9999-12-31T23:59:59Z");
	when_print(INT64_MIN, text);
	assert_string_equal(text, "0000-01-01T00:00:00Z");
}

/* Every ninth day or so for 400 years, against the C library. */
static void
the_c_library_has_the_same_calendar(void **state)
{
	for (int64_t when = -6000000000; when < 6600000000; when += 777777) {
		char got[WHEN_TEXT_MAX], want[WHEN_TEXT_MAX];
		time_t seconds = when;
		struct tm utc;
		int64_t back;
		assert_non_null(gmtime_r(&seconds, &utc));
		assert_true(strftime(want, sizeof(want), "%FT%TZ", &utc) > 0);
		when_print(when, got);
		assert_string_equal(got, want);
		assert_ok(when_parse(span_str(got), &back, NULL));
		assert_true(back == when);
		assert_true(strftime(want, sizeof(want),
				"%a, %d %b %Y %T +0000", &utc) > 0);
		when_print_mail(when, got);
		assert_string_equal(got, want);
		assert_ok(when_parse_mail(span_str(got), &back, NULL));
		assert_true(back == when);
	}
}

typedef enum rc parser(struct span text, int64_t *ret, struct err *err);

static void
assert_reads(parser *parse, const struct good *good)
{
	struct span in EXACT = expect_exact(span_str(good->text));
	struct err err = ERR_NONE;
	int64_t got = -77;
	enum rc rc = parse(in, &got, &err);

	if (rc != RC_OK || got != good->want)
		fail_msg("\"%s\": got %s %lld %s, want %lld", good->text,
		    rc_name(rc), (long long)got, err.text,
		    (long long)good->want);
}

static void
assert_refuses(parser *parse, const char *text)
{
	struct span in EXACT = expect_exact(span_str(text));
	int64_t got = -77;
	enum rc rc = parse(in, &got, NULL);

	if (rc != RC_SYNTAX || got != -77)
		fail_msg("\"%s\": got %s %lld, want RC_SYNTAX", text,
		    rc_name(rc), (long long)got);
}

static void
rfc_3339_and_plain_seconds_are_read(void **state)
{
	static const struct good cases[] = {
	    {"2026-11-21T20:18:00Z", 1795292280},
	    {"2026-11-21t20:18:00z", 1795292280},
	    {"2026-11-21 20:18:00Z", 1795292280},
	    {"2026-11-21T20:18:00.5Z", 1795292280},
	    {"2026-11-21T20:18:00.123456789Z", 1795292280},
	    {"2026-11-21T21:18:00+01:00", 1795292280},
	    {"2026-11-21T14:48:00-05:30", 1795292280},
	    {"2026-11-21T20:18:00-00:00", 1795292280},
	    {"2016-12-31T23:59:60Z", 1483228800},
	    {"2000-02-29T00:00:00Z", 951782400},
	    {"1795292280", 1795292280},
	    {"0", 0},
	    {"-1", -1},
	    {"253402300799", 253402300799},
	    {"-62167219200", -62167219200},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_reads(when_parse, &cases[i]);
}

static void
what_is_not_quite_rfc_3339_is_refused(void **state)
{
	static const char *const cases[] = {
	    "",
	    "-",
	    "now",
	    "2026-11-21",
	    "2026-11-21T20:18Z",
	    "2026-11-21T20:18:00",
	    "2026-11-21T20:18:00Zx",
	    "2026-11-21T20:18:00 Z",
	    " 2026-11-21T20:18:00Z",
	    "2026-11-21T20:18:00.Z",
	    "2026-11-21T20:18:00.1234567890Z",
	    "2026-11-21T20:18:00+0100",
	    "2026-11-21T20:18:00+24:00",
	    "2026-11-21T20:18:00+00:60",
	    "2026-11-21T24:00:00Z",
	    "2026-11-21T20:60:00Z",
	    "2026-11-21T20:18:61Z",
	    "2026-00-21T20:18:00Z",
	    "2026-13-21T20:18:00Z",
	    "2026-11-00T20:18:00Z",
	    "2026-11-31T20:18:00Z",
	    "2025-02-29T20:18:00Z",
	    "1900-02-29T20:18:00Z",
	    "02026-11-21T20:18:00Z",
	    "226-11-21T20:18:00Z",
	    "2026/11/21T20:18:00Z",
	    "0000-01-01T00:00:00+00:01",
	    "9999-12-31T23:59:60Z",
	    "253402300800",
	    "-62167219201",
	    "1234567890123",
	    "17952922.80",
	    "+1",
	    "1 ",
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_refuses(when_parse, cases[i]);
}

static void
dates_of_mail_are_read_obsolete_ones_too(void **state)
{
	static const struct good cases[] = {
	    {"Sat, 21 Nov 2026 20:18:00 +0000", 1795292280},
	    {"21 Nov 2026 20:18 +0000", 1795292280},
	    {"Sat, 21 Nov 2026 12:18:00 -0800", 1795292280},
	    {"sat,21 NOV 2026 20:18:00 -0000", 1795292280},
	    {" Sat,\r\n 21\tNov 2026 20:18:00 +0000\r\n", 1795292280},
	    {"Sat, 21 Nov 2026 20:18:00 +0000 (UTC)", 1795292280},
	    {"Sat (day), (a (nested \\) one)) 21 Nov 2026 20 : 18 : 00 GMT",
		1795292280},
	    {"Sat, 21 Nov 26 20:18:00 UT", 1795292280},
	    {"21 Nov 126 20:18:00 Z", 1795292280},
	    {"Sat, 21 Nov 2026 15:18:00 EST", 1795292280},
	    {"Sat, 21 Nov 2026 13:18:00 pdt", 1795292280},
	    {"Sat, 21 Nov 2026 20:18:00 A", 1795292280},
	    {"Sat, 21 Nov 2026 20:18:00 CEST", 1795292280},
	    {"1 Jan 50 00:00:00 +0000", -631152000},
	    {"1 Jan 49 00:00:00 +0000", 2493072000},
	    {"Sun, 1 Jan 2017 00:59:60 +0100", 1483228800},
	    /* RFC 5322 appendix A.6.2 and A.5 */
	    {"21 Nov 97 09:55:06 GMT", 880106106},
	    {"Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      "
	     "23:32\r\n               -0330 (Newfoundland Time)",
		-27723480},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_reads(when_parse_mail, &cases[i]);
}

static void
what_is_no_date_of_mail_is_refused(void **state)
{
	static const char *const cases[] = {
	    "",
	    "Sat, 21 Nov 2026",
	    "Sat, 21 Nov 2026 20:18:00",
	    "Sat 21 Nov 2026 20:18:00 +0000",
	    "Son, 21 Nov 2026 20:18:00 +0000",
	    "Sat, 21 Okt 2026 20:18:00 +0000",
	    "Sat, 21 November 2026 20:18:00 +0000",
	    "Sat, 0 Nov 2026 20:18:00 +0000",
	    "Sat, 31 Nov 2026 20:18:00 +0000",
	    "Sat, 021 Nov 2026 20:18:00 +0000",
	    "Sat, 21 Nov 6 20:18:00 +0000",
	    "Sat, 21 Nov 12026 20:18:00 +0000",
	    "Sat, 21 Nov 2026 24:18:00 +0000",
	    "Sat, 21 Nov 2026 20:1:00 +0000",
	    "Sat, 21 Nov 2026 20:18: +0000",
	    "Sat, 21 Nov 2026 20:18:61 +0000",
	    "Sat, 21 Nov 2026 20:18:00 0000",
	    "Sat, 21 Nov 2026 20:18:00 +000",
	    "Sat, 21 Nov 2026 20:18:00 +00000",
	    "Sat, 21 Nov 2026 20:18:00 +0060",
	    "Sat, 21 Nov 2026 20:18:00 +0000 x",
	    "Sat, 21 Nov 2026 20:18:00 +0000)",
	    "2026-11-21T20:18:00Z",
	    "((((",
	    "\\",
	    "(\\",
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_refuses(when_parse_mail, cases[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(moments_are_printed_for_machines_and_for_mail),
	    cmocka_unit_test(
		moments_beyond_four_digits_are_printed_as_the_last_that_has_them),
	    cmocka_unit_test(the_c_library_has_the_same_calendar),
	    cmocka_unit_test(rfc_3339_and_plain_seconds_are_read),
	    cmocka_unit_test(what_is_not_quite_rfc_3339_is_refused),
	    cmocka_unit_test(dates_of_mail_are_read_obsolete_ones_too),
	    cmocka_unit_test(what_is_no_date_of_mail_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
