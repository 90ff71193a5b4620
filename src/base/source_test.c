#include "base/source.h"

#include "base/expect.h"

#define LONG ((size_t)1 << 20)

static void
memory_comes_in_pieces_and_again(void **state)
{
	struct buf bytes BUF_OWNED = BUF(LONG), read BUF_OWNED = BUF(LONG);

	for (size_t i = 0; i < LONG; i++)
		assert_ok(buf_add_byte(&bytes, (uint8_t)(i * i >> 7), NULL));
	struct source_memory memory = {buf_span(&bytes), 0};
	struct source source = source_memory(&memory);
	for (int i = 0; i < 2; i++) {
		buf_clear(&read);
		assert_ok(source_read(&source, &read, NULL));
		assert_true(span_is(buf_span(&read), buf_span(&bytes)));
	}
}

static void
nothing_is_the_end_at_once(void **state)
{
	struct source_memory memory = {SPAN_NONE, 0};
	struct source source = source_memory(&memory);
	struct span piece;

	assert_ok(source.next(source.self, &piece, NULL));
	assert_int_equal(piece.len, 0);
}

static void
more_than_there_is_room_for_is_refused(void **state)
{
	struct source_memory memory = {span_str("12345"), 0};
	struct source source = source_memory(&memory);
	struct buf small BUF_OWNED = BUF(4);

	assert_int_equal(source_read(&source, &small, NULL), RC_LIMIT);
	assert_int_equal(small.len, 0);
}

static void
a_sink_appends(void **state)
{
	struct buf out BUF_OWNED = BUF_SMALL;
	struct sink sink = sink_buf(&out);

	assert_ok(sink.put(sink.self, span_str("one"), NULL));
	assert_ok(sink.put(sink.self, span_str("two"), NULL));
	assert_true(span_is(buf_span(&out), span_str("onetwo")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(memory_comes_in_pieces_and_again),
	    cmocka_unit_test(nothing_is_the_end_at_once),
	    cmocka_unit_test(more_than_there_is_room_for_is_refused),
	    cmocka_unit_test(a_sink_appends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
