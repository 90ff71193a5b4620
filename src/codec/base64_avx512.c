#include "codec/base64_block_priv.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi")))
#define AVX512_INLINE AVX512 __attribute__((always_inline)) static inline

/* What each of 128 characters stands for. */
#define X -128
#define X4 X, X, X, X
#define X16 X4, X4, X4, X4
#define LETTERS(from)                                                         \
	from, from + 1, from + 2, from + 3, from + 4, from + 5, from + 6,     \
	    from + 7, from + 8, from + 9, from + 10, from + 11, from + 12,    \
	    from + 13, from + 14, from + 15, from + 16, from + 17, from + 18, \
	    from + 19, from + 20, from + 21, from + 22, from + 23, from + 24, \
	    from + 25

/* clang-format off */
static const int8_t values[128] __attribute__((aligned(64))) = {
	X16, X16,
	X4, X4, X, X, X, 62, X, X, X, 63,
	52, 53, 54, 55, 56, 57, 58, 59, 60, 61, X, X, X, X, X, X,
	X, LETTERS(0), X, X, X, X, X,
	X, LETTERS(26), X, X, X, X, X,
};

/* Of 32 bits with a group's 24, their bytes from the highest down. */
static const int8_t order[64] __attribute__((aligned(64))) = {
	2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12,
	18, 17, 16, 22, 21, 20, 26, 25, 24, 30, 29, 28,
	34, 33, 32, 38, 37, 36, 42, 41, 40, 46, 45, 44,
	50, 49, 48, 54, 53, 52, 58, 57, 56, 62, 61, 60,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0,
};

/* Of each three bytes a, b, c: b, a, c, b. */
static const int8_t spread[64] __attribute__((aligned(64))) = {
	1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7,
	10, 9, 11, 10, 13, 12, 14, 13, 16, 15, 17, 16,
	19, 18, 20, 19, 22, 21, 23, 22, 25, 24, 26, 25,
	28, 27, 29, 28, 31, 30, 32, 31, 34, 33, 35, 34,
	37, 36, 38, 37, 40, 39, 41, 40, 43, 42, 44, 43,
	46, 45, 47, 46,
};
/* clang-format on */

static const char digits[] __attribute__((aligned(64))) =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* All 64 digits of six bits to 48 bytes, at the front. */
AVX512_INLINE __m512i
pack(__m512i v)
{
	/* pairs to 12 bits, pairs of those to 24 */
	__m512i twelve = _mm512_maddubs_epi16(v, _mm512_set1_epi32(0x01400140));
	__m512i whole =
	    _mm512_madd_epi16(twelve, _mm512_set1_epi32(0x00011000));

	return _mm512_permutexvar_epi8(_mm512_load_si512(order), whole);
}

/* Of 64 characters the bytes they stand for.  In *ret_wrong the highest bit of
 * each byte says that its character is no digit. */
AVX512_INLINE __m512i
read_64(__m512i v, __m512i *ret_wrong)
{
	__m512i found = _mm512_permutex2var_epi8(
	    _mm512_load_si512(values), v, _mm512_load_si512(values + 64));

	/* The tables look at seven bits only. */
	*ret_wrong = _mm512_or_si512(found, v);
	return pack(found);
}

AVX512_INLINE __mmask64
first(size_t count)
{
	return count < 64 ? ((__mmask64)1 << count) - 1 : ~(__mmask64)0;
}

static inline void
advance(struct base64_run *run, size_t in, size_t to)
{
	run->in += in;
	run->in_left -= in;
	run->to += to;
	run->room -= to;
}

/* A line as long as the one before, 64 to 76, with a line end of `end` bytes:
 * no step needs to wait for what the one before found.  The last 16 characters
 * overlap the first 64; what they write again is the same. */
AVX512_INLINE bool
read_line(struct base64_run *run, size_t line, size_t end)
{
	__m512i wrong, wrong_last;

	if (run->in_left < line + end || run->room < 64 ||
	    run->in[line + end - 1] != '\n' ||
	    (end == 2 && run->in[line] != '\r'))
		return false;
	_mm512_storeu_si512(
	    run->to, read_64(_mm512_loadu_si512(run->in), &wrong));
	__m128i last = _mm_loadu_si128((const void *)(run->in + (line - 16)));
	__m512i bytes = read_64(_mm512_zextsi128_si512(last), &wrong_last);
	_mm_storeu_si128((void *)(run->to + (line - 16) / 4 * 3),
	    _mm512_castsi512_si128(bytes));
	last = _mm512_castsi512_si128(wrong_last);
	if ((_mm512_movepi8_mask(wrong) | _mm_movepi8_mask(last)) != 0)
		return false;
	advance(run, line + end, line / 4 * 3);
	run->begin = run->in;
	return true;
}

AVX512_INLINE bool
read_64_digits(struct base64_run *run)
{
	__m512i wrong;

	if (run->in_left < 64 || run->room < 64)
		return false;
	_mm512_storeu_si512(
	    run->to, read_64(_mm512_loadu_si512(run->in), &wrong));
	if (_mm512_movepi8_mask(wrong) != 0)
		return false;
	advance(run, 64, 48);
	return true;
}

/* The compiler makes of it a loop for each line end. */
AVX512_INLINE void
read_lines(struct base64_run *run, size_t line)
{
	while (read_line(run, line, 2))
		;
	while (read_line(run, line, 1))
		;
}

/* What of the next 64 characters is whole groups, and a line end. */
AVX512_INLINE bool
read_block(struct base64_run *run)
{
	size_t len = run->in_left < 64 ? run->in_left : 64;
	__m512i wrong;
	__m512i bytes =
	    read_64(_mm512_maskz_loadu_epi8(first(len), run->in), &wrong);
	__mmask64 bad = _mm512_movepi8_mask(wrong) | ~first(len);

	if (bad != 0)
		len = (size_t)__builtin_ctzll(bad);
	len = len / 4 < run->room / 3 ? len / 4 : run->room / 3;
	_mm512_mask_storeu_epi8(run->to, first(len * 3), bytes);
	advance(run, len * 4, len * 3);
	return (len < 16 && base64_skip_line_end(run)) || len > 0;
}

AVX512 void
base64_read_avx512(struct base64_run *run)
{
	/* A copy that nothing else can point to stays in registers. */
	struct base64_run r = *run;

	do {
		if (r.line == 76)
			read_lines(&r, 76);
		else if (r.line >= 64 && r.line < 76 && r.line % 4 == 0)
			read_lines(&r, r.line);
		while (read_64_digits(&r))
			;
	} while (read_block(&r));
	*run = r;
}

/* The first 48 bytes as 64 characters. */
AVX512_INLINE __m512i
to_characters(__m512i bytes)
{
	/* Where a group's four digits begin in each 32 bits of b, a, c, b. */
	const __m512i places = _mm512_set1_epi64(0x3036242a1016040a);
	__m512i v = _mm512_permutexvar_epi8(_mm512_load_si512(spread), bytes);

	/* The table looks at six bits only. */
	return _mm512_permutexvar_epi8(
	    _mm512_multishift_epi64_epi8(places, v), _mm512_load_si512(digits));
}

AVX512 size_t
base64_write_avx512(const uint8_t *in, size_t len, uint8_t *to)
{
	size_t at = 0;

	for (; len - at >= 48; at += 48) {
		__m512i v = _mm512_maskz_loadu_epi8(first(48), in + at);
		_mm512_storeu_si512(to + at / 3 * 4, to_characters(v));
	}
	return at;
}

/* Up to 12 characters that end a line, and the line end. */
AVX512_INLINE __m128i
to_last_characters(__m128i bytes, size_t len)
{
	__m128i v = _mm512_castsi512_si128(
	    to_characters(_mm512_zextsi128_si512(bytes)));

	v = _mm_mask_mov_epi8(v, (__mmask16)(1U << len), _mm_set1_epi8('\r'));
	return _mm_mask_mov_epi8(
	    v, (__mmask16)(2U << len), _mm_set1_epi8('\n'));
}

/* A line with another behind it, into which may be looked and written. */
AVX512_INLINE void
write_inner_line(const uint8_t *in, size_t line, uint8_t *to)
{
	_mm512_storeu_si512(to, to_characters(_mm512_loadu_si512(in)));
	__m128i last = _mm_loadu_si128((const void *)(in + 48));
	_mm_storeu_si128(
	    (void *)(to + 64), to_last_characters(last, line - 64));
}

AVX512_INLINE void
write_last_line(const uint8_t *in, size_t line, uint8_t *to)
{
	size_t len = line - 64;
	__mmask16 bytes = (__mmask16)first(len / 4 * 3);

	(void)base64_write_avx512(in, 48, to);
	__m128i last = _mm_maskz_loadu_epi8(bytes, in + 48);
	_mm_mask_storeu_epi8(
	    to + 64, (__mmask16)first(len + 2), to_last_characters(last, len));
}

AVX512_INLINE void
write_lines(const uint8_t *in, size_t line, size_t count, uint8_t *to)
{
	for (; count > 1; count--) {
		write_inner_line(in, line, to);
		in += line / 4 * 3;
		to += line + 2;
	}
	write_last_line(in, line, to);
}

AVX512 void
base64_lines_avx512(const uint8_t *in, size_t line, size_t count, uint8_t *to)
{
	if (line == 76)
		write_lines(in, 76, count, to);
	else
		write_lines(in, line, count, to);
}

#endif
