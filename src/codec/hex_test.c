#include "base/expect.h"
#include "codec/hex.h"

static void
bytes_become_lower_case_digits_and_come_back(void **state)
{
	static const uint8_t bytes[] = {0x00, 0x09, 0x0a, 0x7f, 0x80, 0xff};
	struct buf text BUF_OWNED = BUF_SMALL;
	struct buf back BUF_OWNED = BUF_SMALL;
	struct span in EXACT = expect_exact(span_of(bytes, sizeof(bytes)));

	assert_ok(hex_encode(in, &text, NULL));
	assert_span(buf_span(&text), "00090a7f80ff");
	assert_ok(hex_decode(buf_span(&text), &back, NULL));
	assert_bytes(buf_span(&back), in);
}

static void
upper_case_digits_are_read_too(void **state)
{
	struct buf out BUF_OWNED = BUF_SMALL;

	assert_ok(hex_decode(span_str("4A4b"), &out, NULL));
	assert_span(buf_span(&out), "JK");
}

static void
what_is_no_hex_is_refused_and_changes_nothing(void **state)
{
	static const char *const cases[] = {"4", "4a4", "4g", "g4", "4/",
	    "4:", "4@", "4G", "4`", " 4", "4a\n4"};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf out BUF_OWNED = BUF_SMALL;
		struct span in EXACT = expect_exact(span_str(cases[i]));
		assert_ok(buf_add_str(&out, "before", NULL));
		assert_rc(hex_decode(in, &out, NULL), RC_SYNTAX);
		assert_span(buf_span(&out), "before");
	}
}

static void
nothing_becomes_nothing(void **state)
{
	struct buf out BUF_OWNED = BUF_SMALL;

	assert_ok(hex_encode(SPAN_NONE, &out, NULL));
	assert_ok(hex_decode(SPAN_NONE, &out, NULL));
	assert_int_equal(out.len, 0);
}

static void
the_output_is_limited(void **state)
{
	struct buf text BUF_OWNED = BUF(5), bytes BUF_OWNED = BUF(1);

	assert_rc(hex_encode(span_str("abc"), &text, NULL), RC_LIMIT);
	assert_ok(hex_encode(span_str("ab"), &text, NULL));
	assert_rc(hex_decode(span_str("4a4a"), &bytes, NULL), RC_LIMIT);
	assert_ok(hex_decode(span_str("4a"), &bytes, NULL));
	assert_rc(hex_encode(span_of("", SIZE_MAX), &text, NULL), RC_LIMIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bytes_become_lower_case_digits_and_come_back),
	    cmocka_unit_test(upper_case_digits_are_read_too),
	    cmocka_unit_test(what_is_no_hex_is_refused_and_changes_nothing),
	    cmocka_unit_test(nothing_becomes_nothing),
	    cmocka_unit_test(the_output_is_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
