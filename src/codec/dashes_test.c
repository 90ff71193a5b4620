#include "base/expect.h"
#include "codec/dashes.h"
#include "codec/simd_priv.h"

static void
only_what_begins_a_line_is_found(void **state)
{
	static const struct {
		const char *text;
		size_t from;
		bool begins;
		ptrdiff_t want;
	} cases[] = {
	    {"", 0, true, -1},
	    {"-", 0, true, -1},
	    {"--", 0, true, 0},
	    {"--", 0, false, -1},
	    {"--", 1, true, -1},
	    {"---", 0, false, -1},
	    {"\n--", 0, false, 1},
	    {"\r--", 0, false, 1},
	    {"\r\n--b", 0, false, 2},
	    {"\n-", 0, true, -1},
	    {"\n", 0, true, -1},
	    {"\n- -", 0, true, -1},
	    {"a--b", 0, true, -1},
	    {" --b", 0, true, -1},
	    {"\n----\n--", 0, true, 1},
	    {"\n----\n--", 1, true, 1},
	    {"\n----\n--", 2, true, 6},
	    {"\n----\n--", 6, true, 6},
	    {"\n----\n--", 7, true, -1},
	    {"\n----\n--", 8, true, -1},
	    {"\n----\n--", 9, true, -1},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span in EXACT = expect_exact(span_str(cases[i].text));
		assert_int_equal(
		    dashes_find(in, cases[i].from, cases[i].begins),
		    cases[i].want);
	}
}

static ptrdiff_t
plain_find(struct span span, size_t from, bool begins)
{
	for (size_t at = from; at + 1 < span.len; at++) {
		const uint8_t *c = span.data + at;
		bool line = at == 0 ? begins : c[-1] == '\n' || c[-1] == '\r';
		if (line && c[0] == '-' && c[1] == '-')
			return (ptrdiff_t)at;
	}
	return -1;
}

static void
assert_found_alike(struct span text)
{
	struct span in EXACT = expect_exact(text);

	for (size_t from = 0; from <= text.len + 1; from += 1 + from / 3)
		for (int begins = 0; begins < 2; begins++) {
			ptrdiff_t want = plain_find(in, from, begins != 0);
			simd_limit(SIMD_NONE);
			assert_int_equal(
			    dashes_find(in, from, begins != 0), want);
			simd_limit(SIMD_AVX512);
			assert_int_equal(
			    dashes_find(in, from, begins != 0), want);
		}
}

static void
a_place_is_found_wherever_it_is_at_every_level(void **state)
{
	uint8_t text[300];

	for (size_t at = 0; at + 3 <= sizeof(text); at++) {
		memset(text, 'x', sizeof(text));
		memcpy(text + at, "\n--", 3);
		for (size_t cut = 0; cut < 4; cut++)
			assert_found_alike(
			    span_of(text + cut, sizeof(text) - cut));
		assert_found_alike(span_of(text, at + 3));
		assert_found_alike(span_of(text, at + 2));
	}
}

static void
any_text_is_searched_alike_at_every_level(void **state)
{
	static const char bytes[] = "---\r\nx";
	uint8_t text[300];
	uint32_t random = 77;

	for (size_t len = 0; len <= sizeof(text); len++)
		for (unsigned kinds = 2; kinds <= 6; kinds++) {
			for (size_t i = 0; i < len; i++) {
				random = random * 1664525 + 1013904223;
				text[i] =
				    (uint8_t)bytes[(random >> 16) % kinds];
			}
			assert_found_alike(span_of(text, len));
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_what_begins_a_line_is_found),
	    cmocka_unit_test(a_place_is_found_wherever_it_is_at_every_level),
	    cmocka_unit_test(any_text_is_searched_alike_at_every_level),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
