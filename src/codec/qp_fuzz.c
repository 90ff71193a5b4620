/* clang -g -fsanitize=fuzzer,address,undefined -std=gnu2x -Isrc, this file
 * and the sources of codec and base without their tests, -lcrypto: both
 * levels read and write any bytes in any pieces alike. */
#include <stdlib.h>

#include "codec/qp.h"
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

static enum rc
read_in_pieces(struct span in, uint32_t random, struct buf *out)
{
	struct qp_reader r = QP_READER;

	while (in.len > 0) {
		uint8_t copy[512];
		struct span piece = next_piece(&in, copy, &random);
		TRY(qp_read(&r, piece, out, NULL));
	}
	return qp_read_end(&r, out, NULL);
}

static enum rc
write_in_pieces(struct span in, uint32_t random, struct buf *out)
{
	struct qp_writer w = QP_WRITER;

	while (in.len > 0) {
		uint8_t copy[512];
		struct span piece = next_piece(&in, copy, &random);
		TRY(qp_write(&w, piece, out, NULL));
	}
	return qp_write_end(&w, out, NULL);
}

static void
check_reading(struct span in, uint32_t random)
{
	struct buf want BUF_OWNED = ROOM;

	simd_limit(SIMD_NONE);
	must(qp_decode(in, &want, NULL) == RC_OK, "not read");
	for (enum simd simd = SIMD_NONE; simd <= SIMD_AVX2; simd++) {
		struct buf whole BUF_OWNED = ROOM, pieces BUF_OWNED = ROOM;
		simd_limit(simd);
		must(qp_decode(in, &whole, NULL) == RC_OK &&
			 read_in_pieces(in, random, &pieces) == RC_OK,
		    "not read");
		must(span_is(buf_span(&whole), buf_span(&want)) &&
			 span_is(buf_span(&pieces), buf_span(&want)),
		    "read differently");
	}
}

static void
check_writing(struct span in, uint32_t random)
{
	struct buf want BUF_OWNED = ROOM, back BUF_OWNED = ROOM;

	simd_limit(SIMD_NONE);
	must(qp_encode(in, &want, NULL) == RC_OK &&
		 qp_decode(buf_span(&want), &back, NULL) == RC_OK &&
		 span_is(buf_span(&back), in),
	    "does not come back");
	for (enum simd simd = SIMD_NONE; simd <= SIMD_AVX2; simd++) {
		struct buf whole BUF_OWNED = ROOM, pieces BUF_OWNED = ROOM;
		simd_limit(simd);
		must(qp_encode(in, &whole, NULL) == RC_OK &&
			 write_in_pieces(in, random, &pieces) == RC_OK,
		    "not written");
		must(span_is(buf_span(&whole), buf_span(&want)) &&
			 span_is(buf_span(&pieces), buf_span(&want)),
		    "written differently");
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len < 1)
		return 0;
	struct span in = span_of(data + 1, len - 1);
	check_reading(in, data[0]);
	check_writing(in, data[0]);
	return 0;
}
