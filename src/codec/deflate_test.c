#include "base/expect.h"
#include "codec/deflate.h"

#include <stdlib.h>
#include <zlib.h>

#define TEST_MAX ((size_t)8 << 20)

static struct deflate_writer *
writer(void)
{
	struct deflate_writer *w = NULL;

	assert_ok(deflate_writer_new(&w, NULL));
	return w;
}

static struct deflate_reader *
reader(void)
{
	struct deflate_reader *r = NULL;

	assert_ok(deflate_reader_new(&r, NULL));
	return r;
}

/* Everything that can be had, pushed in pieces of `step`. */
static enum rc
read_all(struct deflate_reader *r, struct span in, size_t step, struct buf *out)
{
	while (in.len > 0) {
		struct span piece EXACT = expect_exact(span_first(in, step));
		TRY(deflate_push(r, piece, NULL));
		enum rc rc = RC_OK;
		while (rc == RC_OK)
			rc = deflate_pull(r, out, NULL);
		if (rc != RC_AGAIN)
			return rc;
		in = span_after(in, piece.len);
	}
	return RC_OK;
}

static void
each_piece_can_be_read_at_once(void **state)
{
	static const char *const said[] = {
	    "a NOOP\r\n", "b NOOP\r\n", "", "c LOGOUT\r\n"};
	struct deflate_writer *w OWNED(deflate_writer_free) = writer();
	struct deflate_reader *r OWNED(deflate_reader_free) = reader();

	for (size_t i = 0; i < COUNT(said); i++) {
		struct buf packed BUF_OWNED = BUF_SMALL;
		struct buf got BUF_OWNED = BUF(TEST_MAX);
		assert_ok(deflate_write(w, span_str(said[i]), &packed, NULL));
		assert_ok(read_all(r, buf_span(&packed), 1, &got));
		assert_span(buf_span(&got), said[i]);
		assert_false(deflate_has_more(r));
	}
}

static void
fill(struct buf *out, size_t len, bool noise)
{
	unsigned seed = 7;

	while (out->len < len) {
		seed = seed * 1103515245u + 12345u;
		assert_ok(buf_add_byte(
		    out, noise ? (uint8_t)(seed >> 16) : 'x', NULL));
	}
}

static void
much_comes_back_however_it_is_cut(void **state)
{
	static const size_t steps[] = {1000, DEFLATE_STEP};

	for (size_t i = 0; i < 2 * COUNT(steps); i++) {
		struct deflate_writer *w OWNED(deflate_writer_free) = writer();
		struct deflate_reader *r OWNED(deflate_reader_free) = reader();
		struct buf text BUF_OWNED = BUF(TEST_MAX);
		struct buf packed BUF_OWNED = BUF(TEST_MAX);
		struct buf got BUF_OWNED = BUF(TEST_MAX);
		fill(&text, 300001, i % 2 == 0);
		assert_ok(deflate_write(w, buf_span(&text), &packed, NULL));
		assert_ok(read_all(r, buf_span(&packed), steps[i / 2], &got));
		assert_bytes(buf_span(&got), buf_span(&text));
	}
}

/* zlib itself reads it: raw, flushed. */
static void
zlib_reads_it(void **state)
{
	struct deflate_writer *w OWNED(deflate_writer_free) = writer();
	struct buf packed BUF_OWNED = BUF_SMALL;
	uint8_t got[100];
	z_stream zlib = {0};

	assert_ok(deflate_write(w, span_str("hello hello"), &packed, NULL));
	assert_int_equal(inflateInit2(&zlib, -15), Z_OK);
	zlib.next_in = packed.data;
	zlib.avail_in = (unsigned)packed.len;
	zlib.next_out = got;
	zlib.avail_out = sizeof(got);
	assert_int_equal(inflate(&zlib, Z_SYNC_FLUSH), Z_OK);
	assert_span(span_of(got, sizeof(got) - zlib.avail_out), "hello hello");
	(void)inflateEnd(&zlib);
}

/* A thousand times as much as was said: no call gives more than a step, and
 * whoever has no room is told. */
static void
a_bomb_comes_in_steps(void **state)
{
	struct deflate_writer *w OWNED(deflate_writer_free) = writer();
	struct deflate_reader *r OWNED(deflate_reader_free) = reader();
	struct buf text BUF_OWNED = BUF(TEST_MAX);
	struct buf packed BUF_OWNED = BUF_SMALL;
	struct buf got BUF_OWNED = BUF(3 * DEFLATE_STEP);

	fill(&text, TEST_MAX, false);
	assert_ok(deflate_write(w, buf_span(&text), &packed, NULL));
	assert_true(packed.len < DEFLATE_STEP);
	assert_ok(deflate_push(r, buf_span(&packed), NULL));
	for (size_t i = 1; i <= 3; i++) {
		assert_ok(deflate_pull(r, &got, NULL));
		assert_int_equal(got.len, i * DEFLATE_STEP);
		assert_true(deflate_has_more(r));
	}
	assert_rc(deflate_pull(r, &got, NULL), RC_LIMIT);
	assert_int_equal(got.len, 3 * DEFLATE_STEP);
}

static void
what_is_damaged_or_ends_is_refused(void **state)
{
	/* a block of the kind that is none; an empty last block */
	static const char *const cases[] = {"\x07garbage", "\x03\x00more"};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct deflate_reader *r OWNED(deflate_reader_free) = reader();
		struct buf got BUF_OWNED = BUF(TEST_MAX);
		struct span in = span_of(cases[i], i == 0 ? 8 : 6);
		assert_rc(read_all(r, in, 100, &got), RC_SYNTAX);
		assert_int_equal(got.len, 0);
	}
}

static void
one_push_takes_a_step_and_no_more(void **state)
{
	struct deflate_reader *r OWNED(deflate_reader_free) = reader();
	struct buf text BUF_OWNED = BUF(TEST_MAX);

	fill(&text, DEFLATE_STEP + 1, true);
	assert_rc(deflate_push(r, buf_span(&text), NULL), RC_LIMIT);
	assert_ok(
	    deflate_push(r, span_first(buf_span(&text), DEFLATE_STEP), NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_piece_can_be_read_at_once),
	    cmocka_unit_test(much_comes_back_however_it_is_cut),
	    cmocka_unit_test(zlib_reads_it),
	    cmocka_unit_test(a_bomb_comes_in_steps),
	    cmocka_unit_test(what_is_damaged_or_ends_is_refused),
	    cmocka_unit_test(one_push_takes_a_step_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
