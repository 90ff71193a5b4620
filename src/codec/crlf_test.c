#include "base/expect.h"
#include "codec/crlf.h"
#include "codec/simd_priv.h"

static void
line_ends_become_crlf_and_nothing_else_changes(void **state)
{
	static const struct {
		const char *input, *want;
	} cases[] = {
	    {"", ""},
	    {"a", "a"},
	    {"a\n", "a\r\n"},
	    {"a\r\n", "a\r\n"},
	    {"\n", "\r\n"},
	    {"\n\n", "\r\n\r\n"},
	    {"\r\n\n", "\r\n\r\n"},
	    {"a\rb", "a\rb"},
	    {"a\r", "a\r"},
	    {"a\r\r\n", "a\r\r\n"},
	    {"\n\r", "\r\n\r"},
	    {"a\nb\r\nc", "a\r\nb\r\nc"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct crlf_writer w = CRLF_WRITER;
		struct buf out BUF_OWNED = BUF_SMALL;
		struct span in EXACT = expect_exact(span_str(cases[i].input));
		assert_ok(crlf_write(&w, in, &out, NULL));
		assert_span(buf_span(&out), cases[i].want);
	}
}

static void
plain_write(struct span in, struct buf *out)
{
	for (size_t i = 0; i < in.len; i++) {
		if (in.data[i] == '\n' && (i == 0 || in.data[i - 1] != '\r'))
			assert_ok(buf_add_byte(out, '\r', NULL));
		assert_ok(buf_add_byte(out, in.data[i], NULL));
	}
}

static void
write_in_pieces(struct span in, uint32_t most, struct buf *out)
{
	struct crlf_writer w = CRLF_WRITER;
	uint32_t random = most;

	while (in.len > 0) {
		random = random * 1664525 + 1013904223;
		struct span piece EXACT =
		    expect_exact(span_first(in, (random >> 8) % most));
		assert_ok(crlf_write(&w, piece, out, NULL));
		in = span_after(in, piece.len);
	}
}

static void
any_text_in_any_pieces_is_written_alike_at_every_level(void **state)
{
	static const char bytes[] = "\r\nxxxxxxxxxxxxxxxxxx";
	uint8_t text[300];
	uint32_t random = 42;

	for (size_t round = 0; round < 3000; round++) {
		struct buf want BUF_OWNED = BUF_SMALL;
		size_t len = round % (sizeof(text) + 1);
		for (size_t i = 0; i < len; i++) {
			random = random * 1664525 + 1013904223;
			text[i] =
			    (uint8_t)bytes[(random >> 16) % (2 + round % 19)];
		}
		struct span in = span_of(text, len);
		plain_write(in, &want);
		for (enum simd simd = SIMD_NONE; simd <= SIMD_AVX2; simd++)
			for (uint32_t most = 2; most < 1000; most *= 5) {
				struct buf out BUF_OWNED = BUF_SMALL;
				simd_limit(simd);
				write_in_pieces(in, most, &out);
				assert_bytes(buf_span(&out), buf_span(&want));
			}
	}
}

static void
the_output_is_limited_exactly_and_stays_as_it_was(void **state)
{
	struct crlf_writer w = CRLF_WRITER;
	struct buf out BUF_OWNED = BUF(8);

	assert_ok(crlf_write(&w, span_str("a\r"), &out, NULL));
	assert_rc(crlf_write(&w, span_str("\na\nbcd"), &out, NULL), RC_LIMIT);
	assert_span(buf_span(&out), "a\r");
	assert_ok(crlf_write(&w, span_str("\na\nbc"), &out, NULL));
	assert_span(buf_span(&out), "a\r\na\r\nbc");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(line_ends_become_crlf_and_nothing_else_changes),
	    cmocka_unit_test(
		any_text_in_any_pieces_is_written_alike_at_every_level),
	    cmocka_unit_test(the_output_is_limited_exactly_and_stays_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
