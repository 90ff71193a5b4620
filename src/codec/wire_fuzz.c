/* clang -g -fsanitize=fuzzer,address,undefined -std=gnu2x -Isrc, this file
 * and the sources of codec and base without their tests, -lcrypto: both
 * levels judge, search and copy any bytes in any pieces alike. */
#include <stdlib.h>

#include "codec/wire.h"
#include "codec/crlf.h"
#include "codec/dashes.h"
#include "codec/simd_priv.h"

#define ROOM BUF((size_t)1 << 22)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
must(bool true_for_all, const char *what)
{
	if (!true_for_all)
		bug(what);
}

/* A copy of the next piece, so that the sanitizer sees its end. */
static struct span
next_piece(struct span *in, uint8_t *copy, uint32_t *random)
{
	*random = *random * 1664525 + 1013904223;
	size_t most = (*random >> 8) % 5 > 0 ? 12 : 400;
	struct span piece = span_first(*in, 1 + (*random >> 12) % most);

	memcpy(copy, piece.data, piece.len);
	*in = span_after(*in, piece.len);
	return span_of(copy, piece.len);
}

static struct wire
look_in_pieces(struct span in, uint32_t random)
{
	struct wire wire = WIRE;

	while (in.len > 0) {
		uint8_t copy[512];
		wire_look(&wire, next_piece(&in, copy, &random));
	}
	wire_end(&wire);
	return wire;
}

static bool
is_same(struct wire a, struct wire b)
{
	return a.eight_bit == b.eight_bit && a.control == b.control &&
	       a.bare_lf == b.bare_lf && a.long_line == b.long_line;
}

static void
write_in_pieces(struct span in, uint32_t random, struct buf *out)
{
	struct crlf_writer w = CRLF_WRITER;

	while (in.len > 0) {
		uint8_t copy[512];
		struct span piece = next_piece(&in, copy, &random);
		must(crlf_write(&w, piece, out, NULL) == RC_OK, "not written");
	}
}

static void
check_searching(struct span in)
{
	ptrdiff_t want = 0, got = 0;

	while (want >= 0) {
		simd_limit(SIMD_NONE);
		want = dashes_find(in, (size_t)want, true);
		simd_limit(SIMD_AVX2);
		got = dashes_find(in, (size_t)got, true);
		must(got == want, "found elsewhere");
		want += want >= 0;
		got = want;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf want BUF_OWNED = ROOM, got BUF_OWNED = ROOM;

	if (len < 1)
		return 0;
	struct span in = span_of(data + 1, len - 1);
	simd_limit(SIMD_NONE);
	struct wire before = look_in_pieces(in, data[0]);
	write_in_pieces(in, data[0], &want);
	simd_limit(SIMD_AVX2);
	must(is_same(before, look_in_pieces(in, data[0] + 1U)),
	    "judged differently");
	write_in_pieces(in, data[0] + 1U, &got);
	must(span_is(buf_span(&got), buf_span(&want)), "written differently");
	struct wire after = look_in_pieces(buf_span(&got), data[0]);
	must(!after.bare_lf, "a bare LF is left");
	check_searching(in);
	return 0;
}
