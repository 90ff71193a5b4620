#include "codec/dashes.h"

#include "codec/simd_priv.h"

static bool
is_line_end(uint8_t c)
{
	return c == '\n' || c == '\r';
}

/* From `at`, which is not 0, on.  Only the first of a row of dashes can begin
 * a line. */
static ptrdiff_t
find_portable(struct span span, size_t at)
{
	while (at + 1 < span.len) {
		const uint8_t *dash =
		    memchr(span.data + at, '-', span.len - 1 - at);
		if (dash == NULL)
			return -1;
		at = (size_t)(dash - span.data);
		if (dash[1] == '-' && is_line_end(dash[-1]))
			return (ptrdiff_t)at;
		while (at < span.len && span.data[at] == '-')
			at++;
	}
	return -1;
}

#if defined(__x86_64__)

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

AVX2 static inline __m256i
load(const uint8_t *at)
{
	return _mm256_loadu_si256((const void *)at);
}

AVX2 static inline __m256i
is(__m256i v, char c)
{
	return _mm256_cmpeq_epi8(v, _mm256_set1_epi8(c));
}

/* Which of the next 32 bytes are "-" with another behind. */
AVX2 static inline __m256i
pairs(const uint8_t *at)
{
	return _mm256_and_si256(is(load(at), '-'), is(load(at + 1), '-'));
}

/* Which of them have a line end before. */
AVX2 static inline uint64_t
behind_line_end(__m256i pairs, const uint8_t *at)
{
	__m256i before = load(at - 1);
	__m256i end = _mm256_or_si256(is(before, '\n'), is(before, '\r'));

	return (uint32_t)_mm256_movemask_epi8(_mm256_and_si256(pairs, end));
}

/* Is there no "-" in 64 bytes?  So it is with most of them. */
AVX2 static inline bool
has_none(const uint8_t *at)
{
	__m256i any =
	    _mm256_or_si256(is(load(at), '-'), is(load(at + 32), '-'));

	return _mm256_testz_si256(any, any) != 0;
}

AVX2 static ptrdiff_t
find_avx2(struct span span, size_t at)
{
	/* The byte behind the 64 is looked at too. */
	for (; at < span.len && span.len - at > 64; at += 64) {
		const uint8_t *from = span.data + at;
		if (has_none(from))
			continue;
		__m256i low = pairs(from), high = pairs(from + 32);
		uint64_t found = behind_line_end(low, from) |
				 behind_line_end(high, from + 32) << 32;
		if (found != 0)
			return (ptrdiff_t)at + __builtin_ctzll(found);
	}
	return find_portable(span, at);
}

#else

#define find_avx2 find_portable

#endif

ptrdiff_t
dashes_find(struct span span, size_t from, bool begins)
{
	if (from == 0) {
		if (begins && span_starts(span, "--"))
			return 0;
		from = 1;
	}
	return simd_level() >= SIMD_AVX2 ? find_avx2(span, from)
					 : find_portable(span, from);
}
