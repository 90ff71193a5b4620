#include "base/expect.h"
#include "codec/qp.h"

struct pair {
	const char *input, *want;
};

static void
text_is_written_so_that_no_server_touches_it(void **state)
{
	static const struct pair cases[] = {
	    {"", ""},
	    {"plain, text!", "plain, text!"},
	    {"a\r\nb\r\n", "a\r\nb\r\n"},
	    {"1+1=2", "1+1=3D2"},
	    {"M\xc3\xbcller", "M=C3=BCller"},
	    {"a \r\nb\t", "a=20\r\nb=09"},
	    {"a  \r\n", "a =20\r\n"},
	    {"a\tb", "a\tb"},
	    {"From me\r\nFrom you\r\nFromage", "=46rom me\r\n=46rom "
					       "you\r\nFromage"},
	    {" From me", " From me"},
	    {".\r\n..\r\na.b", "=2E\r\n=2E.\r\na.b"},
	    {"lone\nLF", "lone=0ALF"},
	    {"lone\rCR", "lone=0DCR"},
	    {"\x7f\x1b", "=7F=1B"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf out BUF_OWNED = BUF_SMALL;
		struct span in EXACT = expect_exact(span_str(cases[i].input));
		assert_ok(qp_encode(in, &out, NULL));
		assert_span(buf_span(&out), cases[i].want);
	}
}

static void
add_times(struct buf *buf, const char *text, size_t times)
{
	for (size_t i = 0; i < times; i++)
		assert_ok(buf_add_str(buf, text, NULL));
}

static void
a_line_of_76_is_kept_and_of_77_is_broken(void **state)
{
	struct buf in BUF_OWNED = BUF_SMALL, out BUF_OWNED = BUF_SMALL;

	add_times(&in, "x", 76);
	assert_ok(buf_add_str(&in, "\r\n", NULL));
	assert_ok(qp_encode(buf_span(&in), &out, NULL));
	assert_bytes(buf_span(&out), buf_span(&in));
	buf_clear(&out);
	buf_cut(&in, 76);
	assert_ok(buf_add_str(&in, "y\r\n", NULL));
	assert_ok(qp_encode(buf_span(&in), &out, NULL));
	assert_int_equal(
	    span_find(buf_span(&out), span_str("=\r\nxy\r\n")), 75);
}

static void
what_a_soft_line_end_puts_first_is_encoded_too(void **state)
{
	struct buf in BUF_OWNED = BUF_SMALL, out BUF_OWNED = BUF_SMALL;

	add_times(&in, "x", 75);
	assert_ok(buf_add_str(&in, "..", NULL));
	assert_ok(qp_encode(buf_span(&in), &out, NULL));
	assert_bytes(span_after(buf_span(&out), 75), span_str("=\r\n=2E."));
	buf_clear(&out);
	buf_cut(&in, 75);
	assert_ok(buf_add_str(&in, "From here", NULL));
	assert_ok(qp_encode(buf_span(&in), &out, NULL));
	assert_bytes(
	    span_after(buf_span(&out), 75), span_str("=\r\n=46rom here"));
}

/* Every line of `text`: at most 76, printable, no blank at its end. */
static void
assert_lines(struct span text)
{
	while (text.len > 0) {
		ptrdiff_t end = span_find(text, span_str("\r\n"));
		size_t len = end < 0 ? text.len : (size_t)end;
		assert_in_range(len, 0, 76);
		for (size_t i = 0; i < len; i++)
			assert_true(
			    text.data[i] == '\t' ||
			    (text.data[i] >= ' ' && text.data[i] <= '~'));
		if (len > 0)
			assert_true(text.data[len - 1] > ' ');
		text = span_after(text, end < 0 ? len : len + 2);
	}
}

static void
anything_comes_back_from_lines_a_server_accepts(void **state)
{
	static const char alphabet[] = "aF.= \t\r\n\xc3\xbcrom\0";
	uint32_t random = 99;

	for (int round = 0; round < 300; round++) {
		struct buf in BUF_OWNED = BUF_SMALL, out BUF_OWNED = BUF_SMALL;
		struct buf back BUF_OWNED = BUF_SMALL;
		for (int i = 0; i < round; i++) {
			random = random * 1664525 + 1013904223;
			assert_ok(buf_add_byte(&in,
			    (uint8_t)alphabet[(random >> 16) %
					      (sizeof(alphabet) - 1)],
			    NULL));
		}
		assert_ok(qp_encode(buf_span(&in), &out, NULL));
		assert_lines(buf_span(&out));
		struct span exact EXACT = expect_exact(buf_span(&out));
		assert_ok(qp_decode(exact, &back, NULL));
		assert_bytes(buf_span(&back), buf_span(&in));
	}
}

static void
reading_is_as_lenient_as_mail_programs_are(void **state)
{
	static const struct pair cases[] = {
	    {"", ""},
	    {"M=C3=BCller", "M\xc3\xbcller"},
	    {"M=c3=bcller", "M\xc3\xbcller"},
	    {"a=\r\nb", "ab"},
	    {"a=\nb", "ab"},
	    {"a= \t\r\nb", "ab"},
	    {"a=", "a"},
	    {"a=  ", "a"},
	    {"a  \r\nb \t\nc ", "a\r\nb\nc"},
	    {"a  b", "a  b"},
	    {"a=20\r\n", "a \r\n"},
	    {"1=2", "1=2"},
	    {"=", ""},
	    {"=4", "=4"},
	    {"=4X", "=4X"},
	    {"=X4", "=X4"},
	    {"==41", "=A"},
	    {"= 41", "= 41"},
	    {"\xc3\xbc raw", "\xc3\xbc raw"},
	    {"a=\rb", "a=\rb"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf out BUF_OWNED = BUF_SMALL;
		struct span in EXACT = expect_exact(span_str(cases[i].input));
		assert_ok(qp_decode(in, &out, NULL));
		assert_span(buf_span(&out), cases[i].want);
	}
}

static void
the_output_is_limited_and_stays_as_it_was(void **state)
{
	struct buf out BUF_OWNED = BUF(8);

	assert_ok(buf_add_str(&out, "12", NULL));
	assert_rc(qp_encode(span_str("abc=e"), &out, NULL), RC_LIMIT);
	assert_rc(qp_decode(span_str("abc def"), &out, NULL), RC_LIMIT);
	assert_span(buf_span(&out), "12");
	assert_ok(qp_decode(span_str("a=62c de"), &out, NULL));
	assert_span(buf_span(&out), "12abc de");
}

/* A megabyte of blanks, and of "=" with blanks: minutes, if each blank had
 * the rest of its run looked at. */
static void
many_blanks_take_no_longer_than_other_bytes(void **state)
{
	struct buf in BUF_OWNED = BUF(1 << 21), out BUF_OWNED = BUF(1 << 21);

	add_times(&in, " ", 1 << 20);
	assert_ok(buf_add_byte(&in, 'x', NULL));
	assert_ok(qp_decode(buf_span(&in), &out, NULL));
	assert_int_equal(out.len, (1 << 20) + 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(text_is_written_so_that_no_server_touches_it),
	    cmocka_unit_test(a_line_of_76_is_kept_and_of_77_is_broken),
	    cmocka_unit_test(what_a_soft_line_end_puts_first_is_encoded_too),
	    cmocka_unit_test(anything_comes_back_from_lines_a_server_accepts),
	    cmocka_unit_test(reading_is_as_lenient_as_mail_programs_are),
	    cmocka_unit_test(the_output_is_limited_and_stays_as_it_was),
	    cmocka_unit_test(many_blanks_take_no_longer_than_other_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
