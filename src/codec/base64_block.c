#include "codec/base64_block_priv.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

/* All ones in each byte that is from `low` to `high`.  The comparison is
 * signed: bytes over 127 are below everything, and so in no range. */
AVX2 static inline __m256i
in_range(__m256i v, char low, char high)
{
	return _mm256_and_si256(
	    _mm256_cmpgt_epi8(v, _mm256_set1_epi8((char)(low - 1))),
	    _mm256_cmpgt_epi8(_mm256_set1_epi8((char)(high + 1)), v));
}

AVX2 static inline __m256i
where(__m256i mask, int value)
{
	return _mm256_and_si256(mask, _mm256_set1_epi8((char)value));
}

/* What to add to each character to get its digit; false if one is none. */
AVX2 static inline bool
find_offsets(__m256i v, struct base64_last last, __m256i *ret)
{
	__m256i upper = in_range(v, 'A', 'Z'), lower = in_range(v, 'a', 'z');
	__m256i decimal = in_range(v, '0', '9');
	__m256i at62 = _mm256_cmpeq_epi8(v, _mm256_set1_epi8(last.digit62));
	__m256i at63 = _mm256_cmpeq_epi8(v, _mm256_set1_epi8(last.digit63));
	__m256i letter = _mm256_or_si256(upper, lower);
	__m256i other = _mm256_or_si256(decimal, _mm256_or_si256(at62, at63));

	if (_mm256_movemask_epi8(_mm256_or_si256(letter, other)) != -1)
		return false;
	__m256i sum =
	    _mm256_or_si256(where(upper, -'A'), where(lower, 26 - 'a'));
	sum = _mm256_or_si256(sum, where(decimal, 52 - '0'));
	sum = _mm256_or_si256(sum, where(at62, 62 - last.digit62));
	*ret = _mm256_or_si256(sum, where(at63, 63 - last.digit63));
	return true;
}

/* 32 digits of six bits to 24 bytes, at the front. */
AVX2 static inline __m256i
pack(__m256i digits)
{
	const __m256i order =
	    _mm256_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1,
		-1, 2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1);
	const __m256i close_up = _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7);
	/* pairs to 12 bits, pairs of those to 24 */
	__m256i twelve =
	    _mm256_maddubs_epi16(digits, _mm256_set1_epi32(0x01400140));
	__m256i whole =
	    _mm256_madd_epi16(twelve, _mm256_set1_epi32(0x00011000));

	return _mm256_permutevar8x32_epi32(
	    _mm256_shuffle_epi8(whole, order), close_up);
}

static inline void
skip_line_end(struct base64_run *run)
{
	if (run->in_left < 2 || run->in[0] != '\r' || run->in[1] != '\n')
		return;
	run->in += 2;
	run->in_left -= 2;
}

AVX2 static void
read_avx2(struct base64_run *run, struct base64_last last)
{
	while (run->in_left >= 32 && run->room >= 32) {
		__m256i v = _mm256_loadu_si256((const void *)run->in);
		__m256i offsets;
		if (!find_offsets(v, last, &offsets))
			return;
		__m256i bytes = pack(_mm256_add_epi8(v, offsets));
		_mm256_storeu_si256((void *)run->to, bytes);
		run->in += 32;
		run->in_left -= 32;
		run->to += 24;
		run->room -= 24;
		if (run->lines)
			skip_line_end(run);
	}
}

/* 12 bytes at the front of each half to 32 digits of six bits. */
AVX2 static inline __m256i
unpack(__m256i v)
{
	const __m256i spread =
	    _mm256_setr_epi8(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10,
		1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10);
	/* Of three bytes a, b, c each 32 bits now hold, from the lowest: b, a,
	 * c, b.  First and third digit by a shift right, second and fourth by
	 * a shift left, each as a multiplication of 16 bits. */
	__m256i group = _mm256_shuffle_epi8(v, spread);
	__m256i odd = _mm256_mulhi_epu16(
	    _mm256_and_si256(group, _mm256_set1_epi32(0x0fc0fc00)),
	    _mm256_set1_epi32(0x04000040));
	__m256i even = _mm256_mullo_epi16(
	    _mm256_and_si256(group, _mm256_set1_epi32(0x003f03f0)),
	    _mm256_set1_epi32(0x01000010));

	return _mm256_or_si256(odd, even);
}

AVX2 static inline __m256i
to_characters(__m256i digits, struct base64_last last)
{
	__m256i upper = in_range(digits, 0, 25),
		lower = in_range(digits, 26, 51);
	__m256i decimal = in_range(digits, 52, 61);
	__m256i at62 = _mm256_cmpeq_epi8(digits, _mm256_set1_epi8(62));
	__m256i at63 = _mm256_cmpeq_epi8(digits, _mm256_set1_epi8(63));
	__m256i sum =
	    _mm256_or_si256(where(upper, 'A'), where(lower, 'a' - 26));

	sum = _mm256_or_si256(sum, where(decimal, '0' - 52));
	sum = _mm256_or_si256(sum, where(at62, last.digit62 - 62));
	sum = _mm256_or_si256(sum, where(at63, last.digit63 - 63));
	return _mm256_add_epi8(digits, sum);
}

AVX2 static size_t
write_avx2(const uint8_t *in, size_t len, size_t readable, uint8_t *to,
    struct base64_last last)
{
	size_t at = 0;

	/* The second load looks at four bytes more than it uses. */
	while (len - at >= 24 && readable - at >= 28) {
		__m256i v = _mm256_loadu2_m128i(
		    (const void *)(in + at + 12), (const void *)(in + at));
		__m256i characters = to_characters(unpack(v), last);
		_mm256_storeu_si256((void *)(to + at / 3 * 4), characters);
		at += 24;
	}
	return at;
}

static bool
has_avx2(void)
{
	return __builtin_cpu_supports("avx2") != 0;
}

#else

#define read_avx2(run, last) (void)0
#define write_avx2(in, len, readable, to, last) 0
#define has_avx2() 0

#endif

void
base64_read_blocks(struct base64_run *run, struct base64_last last)
{
	if (has_avx2())
		read_avx2(run, last);
}

size_t
base64_write_blocks(const uint8_t *in, size_t len, size_t readable, uint8_t *to,
    struct base64_last last)
{
	return has_avx2() ? write_avx2(in, len, readable, to, last) : 0;
}
