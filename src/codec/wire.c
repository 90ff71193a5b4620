#include "codec/wire.h"

#include "codec/simd_priv.h"

#define EACH(byte) (0x0101010101010101 * (uint64_t)(byte))

static void
look_at_lf(struct wire *wire)
{
	size_t len = wire->column - (wire->cr ? 1 : 0);

	wire->bare_lf |= !wire->cr;
	wire->long_line |= len > WIRE_LINE_MAX;
	wire->cr = false;
	wire->column = 0;
}

static void
look_at(struct wire *wire, uint8_t c)
{
	if (c == '\n') {
		look_at_lf(wire);
		return;
	}
	wire->control |= wire->cr || c == 0;
	wire->eight_bit |= c >= 0x80;
	wire->cr = c == '\r';
	wire->column++;
}

/* Are all eight above CR and below 0x80?  The sum cannot carry into the next
 * byte if none has its highest bit. */
static bool
is_quiet(const uint8_t *in)
{
	uint64_t word;

	memcpy(&word, in, 8);
	return (word & EACH(0x80)) == 0 &&
	       ((word + EACH(0x7f - '\r')) & EACH(0x80)) == EACH(0x80);
}

static void
look_portable(struct wire *wire, struct span in)
{
	struct wire w = *wire;
	size_t at = 0;

	while (at < in.len) {
		if (!w.cr && in.len - at >= 8 && is_quiet(in.data + at)) {
			w.column += 8;
			at += 8;
			continue;
		}
		look_at(&w, in.data[at++]);
	}
	*wire = w;
}

#if defined(__x86_64__)

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

AVX2 static inline uint64_t
places(__m256i low, __m256i high, char c)
{
	const __m256i all = _mm256_set1_epi8(c);
	uint64_t first =
	    (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, all));
	uint64_t second =
	    (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, all));

	return first | second << 32;
}

/* 64 bytes, with a bit for each LF and each CR.  Lines that begin and end
 * within them are short. */
static inline void
look_at_64(struct wire *wire, uint64_t lf, uint64_t cr)
{
	uint64_t behind_cr = cr << 1 | (wire->cr ? 1 : 0);

	wire->control |= (behind_cr & ~lf) != 0;
	wire->bare_lf |= (lf & ~behind_cr) != 0;
	wire->cr = cr >> 63 != 0;
	if (lf == 0) {
		wire->column += 64;
		return;
	}
	unsigned first = (unsigned)__builtin_ctzll(lf);
	size_t len = wire->column + first - (behind_cr >> first & 1);
	wire->long_line |= len > WIRE_LINE_MAX;
	wire->column = (size_t)__builtin_clzll(lf);
}

AVX2 static void
look_avx2(struct wire *wire, struct span in)
{
	struct wire w = *wire;
	__m256i least = _mm256_set1_epi8(-1), any = _mm256_setzero_si256();
	size_t at = 0;

	for (; in.len - at >= 64; at += 64) {
		__m256i low = _mm256_loadu_si256((const void *)(in.data + at));
		__m256i high =
		    _mm256_loadu_si256((const void *)(in.data + at + 32));
		least = _mm256_min_epu8(least, _mm256_min_epu8(low, high));
		any = _mm256_or_si256(any, _mm256_or_si256(low, high));
		look_at_64(
		    &w, places(low, high, '\n'), places(low, high, '\r'));
	}
	w.eight_bit |= _mm256_movemask_epi8(any) != 0;
	w.control |= places(least, least, 0) != 0;
	*wire = w;
	look_portable(wire, span_after(in, at));
}

#else

#define look_avx2 look_portable

#endif

void
wire_look(struct wire *wire, struct span in)
{
	if (simd_level() >= SIMD_AVX2)
		look_avx2(wire, in);
	else
		look_portable(wire, in);
}

void
wire_end(struct wire *wire)
{
	wire->control |= wire->cr;
	wire->long_line |= wire->column > WIRE_LINE_MAX;
	wire->cr = false;
	wire->column = 0;
}
