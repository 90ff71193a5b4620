/* clang -g -fsanitize=fuzzer,address,undefined -std=gnu2x -Isrc, this file
 * and the sources of codec and base without their tests, -lcrypto: every
 * level reads and writes any bytes in any pieces alike. */
#include <stdlib.h>

#include "codec/base64.h"
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
	struct base64_reader r = BASE64_READER;

	while (in.len > 0) {
		uint8_t copy[512];
		struct span piece = next_piece(&in, copy, &random);
		TRY(base64_read(&r, piece, out, NULL));
	}
	return base64_read_end(&r, NULL);
}

static enum rc
write_in_pieces(struct span in, size_t line, uint32_t random, struct buf *out)
{
	struct base64_writer w = BASE64_WRITER(line);

	while (in.len > 0) {
		uint8_t copy[512];
		struct span piece = next_piece(&in, copy, &random);
		TRY(base64_write(&w, piece, out, NULL));
	}
	return base64_write_end(&w, out, NULL);
}

static void
check_reading(struct span in, uint32_t random)
{
	struct buf want BUF_OWNED = ROOM;

	simd_limit(SIMD_NONE);
	enum rc want_rc = base64_decode(in, &want, NULL);
	for (enum simd simd = SIMD_NONE; simd <= SIMD_AVX512; simd++) {
		struct buf whole BUF_OWNED = ROOM, pieces BUF_OWNED = ROOM;
		simd_limit(simd);
		must(base64_decode(in, &whole, NULL) == want_rc &&
			 read_in_pieces(in, random, &pieces) == want_rc,
		    "judged differently");
		if (want_rc == RC_OK)
			must(span_is(buf_span(&whole), buf_span(&want)) &&
				 span_is(buf_span(&pieces), buf_span(&want)),
			    "read differently");
	}
}

static void
check_writing(struct span in, size_t line, uint32_t random)
{
	struct buf want BUF_OWNED = ROOM, back BUF_OWNED = ROOM;

	simd_limit(SIMD_NONE);
	must(base64_encode(in, line, &want, NULL) == RC_OK &&
		 base64_decode(buf_span(&want), &back, NULL) == RC_OK &&
		 span_is(buf_span(&back), in),
	    "does not come back");
	for (enum simd simd = SIMD_NONE; simd <= SIMD_AVX512; simd++) {
		struct buf whole BUF_OWNED = ROOM, pieces BUF_OWNED = ROOM;
		simd_limit(simd);
		must(base64_encode(in, line, &whole, NULL) == RC_OK &&
			 write_in_pieces(in, line, random, &pieces) == RC_OK,
		    "not written");
		must(span_is(buf_span(&whole), buf_span(&want)) &&
			 span_is(buf_span(&pieces), buf_span(&want)),
		    "written differently");
	}
	check_reading(buf_span(&want), random);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len < 2)
		return 0;
	struct span in = span_of(data + 2, len - 2);
	check_reading(in, data[0]);
	check_writing(in, data[1] % 20 * 4, data[0]);
	return 0;
}
