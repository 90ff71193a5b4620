#include "base/expect.h"
#include "codec/simd_priv.h"
#include "codec/wire.h"

/* 8-bit, control, bare LF, long: a letter for each, as in "8cbl". */
static void
assert_trouble(struct wire wire, const char *want)
{
	char got[5] = "", *to = got;

	if (wire.eight_bit)
		*to++ = '8';
	if (wire.control)
		*to++ = 'c';
	if (wire.bare_lf)
		*to++ = 'b';
	if (wire.long_line)
		*to++ = 'l';
	*to = '\0';
	assert_string_equal(got, want);
}

static void
each_trouble_is_seen(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *want;
	} cases[] = {
	    {"", 0, ""},
	    {"a\tb\r\nc\x7f\r\n\r\n", 11, ""},
	    {"a", 1, ""},
	    {"a\n", 2, "b"},
	    {"\n", 1, "b"},
	    {"\r", 1, "c"},
	    {"a\rb", 3, "c"},
	    {"a\r\r\n", 4, "c"},
	    {"\n\r", 2, "cb"},
	    {"\0", 1, "c"},
	    {"\x80", 1, "8"},
	    {"\xff\r\n", 3, "8"},
	    {"abcdefg\x80", 8, "8"},
	    {"\x80"
	     "abcdefg",
		8, "8"},
	    {"\xff\0\n", 3, "8cb"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span in EXACT =
		    expect_exact(span_of(cases[i].text, cases[i].len));
		struct wire wire = WIRE;
		wire_look(&wire, in);
		wire_end(&wire);
		assert_trouble(wire, cases[i].want);
	}
}

static void
assert_line(size_t len, const char *end, const char *want)
{
	struct buf text BUF_OWNED = BUF_SMALL;

	for (size_t before = 0; before < 70; before++) {
		struct wire wire = WIRE;
		buf_clear(&text);
		for (size_t i = 0; i < before; i++)
			assert_ok(buf_add_byte(&text, 'x', NULL));
		assert_ok(buf_add_str(&text, "\r\n", NULL));
		for (size_t i = 0; i < len; i++)
			assert_ok(buf_add_byte(&text, 'x', NULL));
		assert_ok(buf_add_str(&text, end, NULL));
		wire_look(&wire, buf_span(&text));
		wire_end(&wire);
		assert_trouble(wire, want);
	}
}

static void
a_line_has_998_characters_and_not_999(void **state)
{
	for (enum simd simd = SIMD_NONE; simd <= SIMD_AVX512; simd++) {
		simd_limit(simd);
		assert_line(998, "\r\n", "");
		assert_line(999, "\r\n", "l");
		assert_line(998, "\n", "b");
		assert_line(999, "\n", "bl");
		assert_line(998, "", "");
		assert_line(999, "", "l");
		assert_line(997, "\r", "c");
		assert_line(998, "\r", "cl");
		assert_line(998, "\r\nx\r\n", "");
		assert_line(999, "\r\nx\r\n", "l");
	}
}

static struct wire
plain_look(struct span in)
{
	struct wire wire = WIRE;
	size_t from = 0;

	for (size_t i = 0; i < in.len; i++) {
		uint8_t c = in.data[i];
		bool cr = i > 0 && in.data[i - 1] == '\r';
		bool ends = i + 1 < in.len && in.data[i + 1] == '\n';
		wire.eight_bit |= c >= 0x80;
		wire.control |= c == 0 || (c == '\r' && !ends);
		wire.bare_lf |= c == '\n' && !cr;
		bool last = c != '\n' && i + 1 == in.len;
		if (c != '\n' && !last)
			continue;
		size_t len = i - from + (last ? 1 : 0);
		if (c == '\n' && cr)
			len--;
		wire.long_line |= len > WIRE_LINE_MAX;
		from = i + 1;
	}
	return wire;
}

static struct wire
look_in_pieces(struct span in, uint32_t *random)
{
	struct wire wire = WIRE;

	while (in.len > 0) {
		*random = *random * 1664525 + 1013904223;
		struct span piece EXACT =
		    expect_exact(span_first(in, (*random >> 16) % 200));
		wire_look(&wire, piece);
		in = span_after(in, piece.len);
	}
	wire_end(&wire);
	return wire;
}

static void
assert_alike(struct wire got, struct wire want)
{
	assert_int_equal(got.eight_bit, want.eight_bit);
	assert_int_equal(got.control, want.control);
	assert_int_equal(got.bare_lf, want.bare_lf);
	assert_int_equal(got.long_line, want.long_line);
}

static void
any_bytes_in_any_pieces_are_judged_alike_at_every_level(void **state)
{
	uint8_t text[1100];
	uint32_t random = 5;

	for (unsigned round = 0; round < 20000; round++) {
		size_t len = round % sizeof(text);
		memset(text, 'x', len);
		for (unsigned i = 0; i < round % 7 && len > 1; i++) {
			random = random * 1664525 + 1013904223;
			uint8_t *at = text + (random >> 8) % (len - 1);
			const char *what =
			    &"\r\n\n\r\0x\xffxx\r\n"[(random >> 3) % 10];
			memcpy(at, what, 2);
		}
		struct span in = span_of(text, len);
		struct wire want = plain_look(in);
		for (enum simd s = SIMD_NONE; s <= SIMD_AVX2; s++) {
			simd_limit(s);
			assert_alike(look_in_pieces(in, &random), want);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_trouble_is_seen),
	    cmocka_unit_test(a_line_has_998_characters_and_not_999),
	    cmocka_unit_test(
		any_bytes_in_any_pieces_are_judged_alike_at_every_level),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
