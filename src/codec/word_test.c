#include "base/expect.h"
#include "codec/word.h"

struct pair {
	const char *input, *want;
};

static void
assert_decodes(const struct pair *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct buf out BUF_OWNED = BUF_SMALL;
		struct span in EXACT = expect_exact(span_str(cases[i].input));
		assert_ok(word_decode(in, &out, NULL));
		assert_span(buf_span(&out), cases[i].want);
	}
}

static void
the_examples_of_rfc_2047_section_8_are_displayed_as_it_says(void **state)
{
	static const struct pair cases[] = {
	    {"(=?ISO-8859-1?Q?a?=)", "(a)"},
	    {"(=?ISO-8859-1?Q?a?= b)", "(a b)"},
	    {"(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)"},
	    {"(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)", "(ab)"},
	    {"(=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=)", "(ab)"},
	    {"(=?ISO-8859-1?Q?a_b?=)", "(a b)"},
	    {"(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)"},
	    {"=?US-ASCII?Q?Keith_Moore?=", "Keith Moore"},
	    {"=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?=",
		"Keld J\xc3\xb8rn Simonsen"},
	    {"=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n "
	     "=?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
		"If you can read this you understand the example."},
	};

	assert_decodes(cases, COUNT(cases));
}

static void
charsets_become_utf_8(void **state)
{
	static const struct pair cases[] = {
	    {"=?utf-8?q?M=C3=BCller?=", "M\xc3\xbcller"},
	    {"=?UTF-8*de?Q?M=C3=BCller?=", "M\xc3\xbcller"},
	    {"=?iso-8859-15?Q?=A4?=", "\xe2\x82\xac"},
	    {"=?windows-1252?Q?=80?=", "\xe2\x82\xac"},
	    {"=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "\xe6\x97\xa5\xe6\x9c\xac"},
	    {"=?gb2312?B?1tDOxA==?=", "\xe4\xb8\xad\xe6\x96\x87"},
	    {"=?koi8-r?B?zcnS?=", "\xd0\xbc\xd0\xb8\xd1\x80"},
	};

	assert_decodes(cases, COUNT(cases));
}

static void
a_character_cut_between_two_words_is_joined(void **state)
{
	static const struct pair cases[] = {
	    {"=?UTF-8?Q?a=C3?= =?utf-8?Q?=BCb?=", "a\xc3\xbc"
						  "b"},
	    {"=?UTF-8?B?ww==?=\r\n =?UTF-8?B?vA==?=", "\xc3\xbc"},
	    {"=?UTF-8?Q?=C3?= x =?UTF-8?Q?=BC?=",
		"\xef\xbf\xbd x \xef\xbf\xbd"},
	};

	assert_decodes(cases, COUNT(cases));
}

static void
what_is_no_encoded_word_stays_as_it_is(void **state)
{
	static const struct pair cases[] = {
	    {"", ""},
	    {"plain text", "plain text"},
	    {"=?", "=?"},
	    {"=?UTF-8", "=?UTF-8"},
	    {"=?UTF-8?Q", "=?UTF-8?Q"},
	    {"=?UTF-8?Q?", "=?UTF-8?Q?"},
	    {"=?UTF-8?Q?abc", "=?UTF-8?Q?abc"},
	    {"=?UTF-8?Q?abc?", "=?UTF-8?Q?abc?"},
	    {"=?UTF-8?X?abc?=", "=?UTF-8?X?abc?="},
	    {"=??Q?abc?=", "=??Q?abc?="},
	    {"=?*de?Q?abc?=", "=?*de?Q?abc?="},
	    {"=?UTF-8//TRANSLIT?Q?abc?=", "=?UTF-8//TRANSLIT?Q?abc?="},
	    {"=?UTF-8?B?Zm-v?=", "=?UTF-8?B?Zm-v?="},
	    {"=?UTF-8?B?Zg==Zg==?=", "=?UTF-8?B?Zg==Zg==?="},
	    {"=?UTF-8?Q?a\tb?=", "=?UTF-8?Q?a b?="},
	    {"=?x-no-such?Q?ab=E4?=", "=?x-no-such?Q?ab=E4?="},
	    {"=?x-no?Q?=E4?= =?x-no?Q?b?= c", "=?x-no?Q?=E4?= =?x-no?Q?b?= c"},
	    {"=?UTF-8?Q?a=ZZ=4?=", "a=ZZ=4"},
	};

	assert_decodes(cases, COUNT(cases));
}

/* What other readers decode may hold the address that a name pretends. */
static void
what_most_readers_overlook_is_overlooked(void **state)
{
	static const struct pair cases[] = {
	    {"=?UTF-8?Q?a b?=", "a b"},
	    {"=?UTF-8?B?Zm9?=", "fo"},
	    {"=?UTF-8?B?Zg?=", "f"},
	    {"=?UTF-8?B?Zg=?=", "f"},
	    {"=?UTF-8?B?Zm9vZ?=", "foo"},
	    {"=?UTF-8?B?Z?=", ""},
	    {"=?UTF-8?B?Zm 9v?=", "foo"},
	    {"=?x-no-such?Q?abc?=", "abc"},
	    {"=?x-no?Q?a?= =?x-no?Q?b?= c", "ab c"},
	    {"=?hz-no-such?Q?alice=40alpha.test?= x", "alice@alpha.test x"},
	};

	assert_decodes(cases, COUNT(cases));
}

static void
words_are_decoded_once_only(void **state)
{
	static const struct pair cases[] = {
	    {"=?UTF-8?Q?=3D=3FUTF-8=3FQ=3Fa=3F=3D?=", "=?UTF-8?Q?a?="},
	    {"=?UTF-8?Q?=3D?=?UTF-8?Q?a?=", "=?UTF-8?Q?a?="},
	};

	assert_decodes(cases, COUNT(cases));
}

static void
nothing_decoded_can_end_a_line_or_steer_a_terminal(void **state)
{
	static const struct pair cases[] = {
	    {"=?UTF-8?Q?a=0D=0ABcc:_x?=", "a  Bcc: x"},
	    {"a\r\nb\nc\rd\te", "a  b c d e"},
	    {"=?UTF-8?Q?=1B[2J=00=7F?=", " [2J  "},
	    {"=?ISO-8859-1?Q?=9B2J=85?=", " 2J "},
	    {"=?UTF-8?Q?a=E2=80=A8b=C2=85c?=", "a b c"},
	    {"\x1b[2J", " [2J"},
	};

	assert_decodes(cases, COUNT(cases));
}

static void
a_folded_value_is_unfolded(void **state)
{
	static const struct pair cases[] = {
	    {"one\r\n two\r\n\tthree", "one two three"},
	    {"one\r\n  two", "one  two"},
	    {"one\r\n", "one  "},
	    {"=?UTF-8?Q?a?=\r\n b", "a b"},
	    {"a\r\n =?UTF-8?Q?b?=", "a b"},
	};

	assert_decodes(cases, COUNT(cases));
}

static void
what_is_no_utf_8_is_replaced(void **state)
{
	static const struct pair cases[] = {
	    {"raw M\xc3\xbcller", "raw M\xc3\xbcller"},
	    {"raw \xfc", "raw \xef\xbf\xbd"},
	    {"=?UTF-8?Q?=FF?=", "\xef\xbf\xbd"},
	    {"=?UTF-8?Q?=C0=AF?=", "\xef\xbf\xbd\xef\xbf\xbd"},
	    {"=?UTF-8?Q?=ED=A0=80?=", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
	    {"=?UTF-8?Q?=F4=90=80=80?=",
		"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
	    {"=?gb2312?Q?a=FF=FFb?=", "a\xef\xbf\xbd\xef\xbf\xbd"
				      "b"},
	    {"=?gb2312?Q?a=D6?=", "a\xef\xbf\xbd"},
	};

	assert_decodes(cases, COUNT(cases));
}

static void
a_charset_name_is_limited(void **state)
{
	struct buf in BUF_OWNED = BUF_SMALL, out BUF_OWNED = BUF_SMALL;

	assert_ok(buf_add_str(&in, "=?", NULL));
	for (int i = 0; i < 5000; i++)
		assert_ok(buf_add_byte(&in, 'x', NULL));
	assert_ok(buf_add_str(&in, "?Q?a?=", NULL));
	assert_ok(word_decode(buf_span(&in), &out, NULL));
	assert_bytes(buf_span(&out), buf_span(&in));
}

/* Half a megabyte of what nearly begins a word each time: seconds, if every
 * beginning had the rest looked through. */
static void
many_beginnings_take_no_longer_than_other_text(void **state)
{
	static const char *const beginnings[] = {"=?",
	    "=?gb2312?Q?a?==?koi8-r?Q?a?=", "=?UTF-8?B?",
	    "=?UTF-8?Q?=?=", "=?UTF-8?B?QQ==?= "};

	for (size_t i = 0; i < COUNT(beginnings); i++) {
		struct buf in BUF_OWNED = BUF_SMALL;
		struct buf out BUF_OWNED = BUF_SMALL;
		while (in.len < (1 << 19))
			assert_ok(buf_add_str(&in, beginnings[i], NULL));
		assert_ok(word_decode(buf_span(&in), &out, NULL));
	}
}

static void
the_output_is_limited_and_stays_as_it_was(void **state)
{
	struct buf out BUF_OWNED = BUF(8);

	assert_ok(buf_add_str(&out, "12", NULL));
	assert_rc(
	    word_decode(span_str("abc =?UTF-8?Q?def?="), &out, NULL), RC_LIMIT);
	assert_rc(word_encode(span_str("M\xc3\xbcller"), &out, NULL), RC_LIMIT);
	assert_span(buf_span(&out), "12");
	assert_ok(word_decode(span_str("abc =?UTF-8?Q?de?="), &out, NULL));
	assert_span(buf_span(&out), "12abc de");
}

static void
printable_ascii_is_written_as_it_is(void **state)
{
	static const char *const cases[] = {
	    "", "Hello, world!", "a = b ? c : d", "\"quoted\" (comment)"};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf out BUF_OWNED = BUF_SMALL;
		struct span in EXACT = expect_exact(span_str(cases[i]));
		assert_ok(word_encode(in, &out, NULL));
		assert_span(buf_span(&out), cases[i]);
	}
}

static void
other_text_is_written_as_encoded_words(void **state)
{
	static const struct pair cases[] = {
	    {"M\xc3\xbcller and Company",
		"=?UTF-8?Q?M=C3=BCller_and_Company?="},
	    {"\xe6\x97\xa5\xe6\x9c\xac", "=?UTF-8?B?5pel5pys?="},
	    {"=?UTF-8?Q?a?=", "=?UTF-8?B?PT9VVEYtOD9RP2E/PQ==?="},
	    {" a", "=?UTF-8?Q?_a?="},
	    {"a ", "=?UTF-8?Q?a_?="},
	    {"one\ttwo", "=?UTF-8?Q?one=09two?="},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf out BUF_OWNED = BUF_SMALL;
		struct span in EXACT = expect_exact(span_str(cases[i].input));
		assert_ok(word_encode(in, &out, NULL));
		assert_span(buf_span(&out), cases[i].want);
	}
}

/* Each line of a written value: a word of at most 75, whole by itself. */
static void
assert_words(struct span text)
{
	while (text.len > 0) {
		ptrdiff_t end = span_find(text, span_str("\r\n "));
		size_t len = end < 0 ? text.len : (size_t)end;
		struct buf out BUF_OWNED = BUF_SMALL;
		assert_in_range(len, 13, 75);
		assert_ok(word_decode(span_first(text, len), &out, NULL));
		/* no character is cut in two */
		assert_int_equal(
		    span_find(buf_span(&out), span_str("\xef\xbf\xbd")), -1);
		text = span_after(text, end < 0 ? len : len + 3);
	}
}

static void
long_text_is_folded_between_characters_and_comes_back(void **state)
{
	static const char *const pieces[] = {"\xc3\xbc", "a\xe2\x82\xac",
	    "\xf0\x9f\x94\x92", "abcdefgh \xc3\xbc", "\xf0\x9f\x94\x92 x"};

	for (size_t i = 0; i < COUNT(pieces); i++) {
		struct buf in BUF_OWNED = BUF_SMALL, out BUF_OWNED = BUF_SMALL;
		struct buf back BUF_OWNED = BUF_SMALL;
		for (int n = 0; n < 60; n++) {
			assert_ok(buf_add_str(&in, pieces[i], NULL));
			buf_clear(&out);
			buf_clear(&back);
			assert_ok(word_encode(buf_span(&in), &out, NULL));
			assert_words(buf_span(&out));
			assert_ok(word_decode(buf_span(&out), &back, NULL));
			assert_bytes(buf_span(&back), buf_span(&in));
		}
	}
}

static void
a_run_that_cannot_be_folded_is_encoded(void **state)
{
	struct buf in BUF_OWNED = BUF_SMALL, out BUF_OWNED = BUF_SMALL;

	for (int i = 0; i < 900; i++)
		assert_ok(buf_add_byte(&in, 'x', NULL));
	assert_ok(word_encode(buf_span(&in), &out, NULL));
	assert_bytes(buf_span(&out), buf_span(&in));
	buf_clear(&out);
	assert_ok(buf_add_byte(&in, 'x', NULL));
	assert_ok(word_encode(buf_span(&in), &out, NULL));
	assert_words(buf_span(&out));
}

static void
what_would_forge_a_header_is_refused(void **state)
{
	static const char *const cases[] = {"a\r\nBcc: x", "a\nb", "a\rb",
	    "a\x1b[2J", "a\x7f", "a\xc2\x85", "a\xe2\x80\xa8", "a\xff", "a\xc3",
	    "a\xed\xa0\x80"};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf out BUF_OWNED = BUF_SMALL;
		struct span in EXACT = expect_exact(span_str(cases[i]));
		assert_rc(word_encode(in, &out, NULL), RC_SYNTAX);
		assert_int_equal(out.len, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		the_examples_of_rfc_2047_section_8_are_displayed_as_it_says),
	    cmocka_unit_test(charsets_become_utf_8),
	    cmocka_unit_test(a_character_cut_between_two_words_is_joined),
	    cmocka_unit_test(what_is_no_encoded_word_stays_as_it_is),
	    cmocka_unit_test(what_most_readers_overlook_is_overlooked),
	    cmocka_unit_test(words_are_decoded_once_only),
	    cmocka_unit_test(
		nothing_decoded_can_end_a_line_or_steer_a_terminal),
	    cmocka_unit_test(a_folded_value_is_unfolded),
	    cmocka_unit_test(what_is_no_utf_8_is_replaced),
	    cmocka_unit_test(a_charset_name_is_limited),
	    cmocka_unit_test(many_beginnings_take_no_longer_than_other_text),
	    cmocka_unit_test(the_output_is_limited_and_stays_as_it_was),
	    cmocka_unit_test(printable_ascii_is_written_as_it_is),
	    cmocka_unit_test(other_text_is_written_as_encoded_words),
	    cmocka_unit_test(
		long_text_is_folded_between_characters_and_comes_back),
	    cmocka_unit_test(a_run_that_cannot_be_folded_is_encoded),
	    cmocka_unit_test(what_would_forge_a_header_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
