#include "codec/base64_block_priv.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

/* Inlined into each loop, so that its constants stay in registers. */
#define AVX2 __attribute__((target("avx2")))
#define AVX2_INLINE AVX2 __attribute__((always_inline)) static inline

/* A table of 16 bytes for both halves of a register. */
#define TABLE(...) _mm256_setr_epi8(__VA_ARGS__, __VA_ARGS__)

/* Zero where a byte is one of the 64 digits.  The digits stand in six rows of
 * 16 characters: 2 (+ and /), 3 (0-9), 4 and 6 (A-O, a-o), 5 and 7 (P-Z, p-z).
 * One table gives the row's bit, the other, for each place in a row, the bits
 * of the rows in which no digit stands there. */
AVX2_INLINE __m256i
foreign(__m256i v, __m256i rows)
{
	const __m256i low = _mm256_set1_epi8(15);
	const __m256i row_bit =
	    TABLE(16, 16, 1, 2, 4, 8, 4, 8, 16, 16, 16, 16, 16, 16, 16, 16);
	const __m256i none_in =
	    TABLE(16 + 1 + 4, 16 + 1, 16 + 1, 16 + 1, 16 + 1, 16 + 1, 16 + 1,
		16 + 1, 16 + 1, 16 + 1, 16 + 1 + 2, 16 + 2 + 8, 16 + 1 + 2 + 8,
		16 + 1 + 2 + 8, 16 + 1 + 2 + 8, 16 + 2 + 8);
	__m256i places = _mm256_and_si256(v, low);

	return _mm256_and_si256(_mm256_shuffle_epi8(row_bit, rows),
	    _mm256_shuffle_epi8(none_in, places));
}

AVX2_INLINE __m256i
rows_of(__m256i v)
{
	return _mm256_and_si256(_mm256_srli_epi16(v, 4), _mm256_set1_epi8(15));
}

/* Characters to digits: each row's distance, and for "/", which differs from
 * "+" in its row, that of the row before, which has no digits. */
AVX2_INLINE __m256i
to_digits(__m256i v, __m256i rows)
{
	const __m256i distance = TABLE(0, 63 - '/', 62 - '+', 52 - '0', -'A',
	    -'A', 26 - 'a', 26 - 'a', 0, 0, 0, 0, 0, 0, 0, 0);
	__m256i slash = _mm256_cmpeq_epi8(v, _mm256_set1_epi8('/'));

	return _mm256_add_epi8(
	    v, _mm256_shuffle_epi8(distance, _mm256_add_epi8(rows, slash)));
}

/* 32 digits of six bits to 24 bytes, at the front. */
AVX2_INLINE __m256i
pack(__m256i digits)
{
	const __m256i order =
	    TABLE(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1);
	const __m256i close_up = _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7);
	/* pairs to 12 bits, pairs of those to 24 */
	__m256i twelve =
	    _mm256_maddubs_epi16(digits, _mm256_set1_epi32(0x01400140));
	__m256i whole =
	    _mm256_madd_epi16(twelve, _mm256_set1_epi32(0x00011000));

	return _mm256_permutevar8x32_epi32(
	    _mm256_shuffle_epi8(whole, order), close_up);
}

/* 32 characters from `in` as 24 bytes to `to`, where 32 are overwritten.
 * Returns what foreign() says of them. */
AVX2_INLINE __m256i
read_32(const uint8_t *in, uint8_t *to)
{
	__m256i v = _mm256_loadu_si256((const void *)in);
	__m256i rows = rows_of(v);

	_mm256_storeu_si256((void *)to, pack(to_digits(v, rows)));
	return foreign(v, rows);
}

/* A line as long as the one before, with a line end of `end` bytes: no step
 * needs to wait for what the one before found.  The last block of a line
 * overlaps the one before it and writes the same bytes again. */
AVX2_INLINE bool
read_line(struct base64_run *run, size_t line, size_t end)
{
	__m256i wrong = _mm256_setzero_si256();
	size_t at = 0;

	if (run->in_left < line + end || run->room < line / 4 * 3 + 8 ||
	    run->in[line + end - 1] != '\n' ||
	    (end == 2 && run->in[line] != '\r'))
		return false;
	for (; at + 32 <= line; at += 32)
		wrong = _mm256_or_si256(
		    wrong, read_32(run->in + at, run->to + at / 4 * 3));
	if (at < line)
		wrong =
		    _mm256_or_si256(wrong, read_32(run->in + (line - 32),
					       run->to + (line - 32) / 4 * 3));
	if (!_mm256_testz_si256(wrong, wrong))
		return false;
	run->in += line + end;
	run->in_left -= line + end;
	run->to += line / 4 * 3;
	run->room -= line / 4 * 3;
	run->begin = run->in;
	return true;
}

/* The compiler makes of it a loop for each line end. */
AVX2_INLINE void
read_lines(struct base64_run *run, size_t line)
{
	while (read_line(run, line, 2))
		;
	while (read_line(run, line, 1))
		;
}

/* What of the next 32 characters is whole groups, and a line end. */
AVX2_INLINE bool
read_block(struct base64_run *run)
{
	if (run->in_left < 32 || run->room < 32)
		return false;
	__m256i good = _mm256_cmpeq_epi8(
	    read_32(run->in, run->to), _mm256_setzero_si256());
	uint32_t bad = ~(uint32_t)_mm256_movemask_epi8(good);
	size_t len = bad == 0 ? 32 : (size_t)__builtin_ctz(bad) / 4 * 4;
	run->in += len;
	run->in_left -= len;
	run->to += len / 4 * 3;
	run->room -= len / 4 * 3;
	if (bad == 0)
		return true;
	return base64_skip_line_end(run) || len > 0;
}

AVX2 void
base64_read_avx2(struct base64_run *run)
{
	/* A copy that nothing else can point to stays in registers. */
	struct base64_run r = *run;

	do {
		if (r.line == 76)
			read_lines(&r, 76);
		else if (r.line >= 32 && r.line % 4 == 0)
			read_lines(&r, r.line);
	} while (read_block(&r));
	*run = r;
}

/* 24 bytes as 32 digits.  The second half is loaded from four bytes further
 * in front, so that nothing behind the 24 is looked at. */
AVX2_INLINE __m256i
unpack(const uint8_t *in)
{
	const __m256i spread =
	    _mm256_setr_epi8(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10,
		5, 4, 6, 5, 8, 7, 9, 8, 11, 10, 12, 11, 14, 13, 15, 14);
	__m256i v =
	    _mm256_loadu2_m128i((const void *)(in + 8), (const void *)in);
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

/* Digits to characters.  The index into the distances: 0 for 26 to 51 (a-z),
 * 1 to 12 for 52 to 63 by subtracting 51, and 13 for what is below 26 (A-Z),
 * where that subtraction stops at zero. */
AVX2_INLINE __m256i
to_characters(__m256i digits)
{
	const __m256i distance = TABLE('a' - 26, '0' - 52, '0' - 52, '0' - 52,
	    '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
	    '0' - 52, '+' - 62, '/' - 63, 'A', 0, 0);
	__m256i above = _mm256_subs_epu8(digits, _mm256_set1_epi8(51));
	__m256i upper =
	    _mm256_and_si256(_mm256_cmpgt_epi8(_mm256_set1_epi8(26), digits),
		_mm256_set1_epi8(13));

	return _mm256_add_epi8(digits,
	    _mm256_shuffle_epi8(distance, _mm256_or_si256(above, upper)));
}

AVX2_INLINE void
write_24(const uint8_t *in, uint8_t *to)
{
	_mm256_storeu_si256((void *)to, to_characters(unpack(in)));
}

AVX2 size_t
base64_write_avx2(const uint8_t *in, size_t len, uint8_t *to)
{
	size_t at = 0;

	for (; len - at >= 24; at += 24)
		write_24(in + at, to + at / 3 * 4);
	return at;
}

/* As in read_line(), the last block overlaps. */
AVX2_INLINE void
write_line(const uint8_t *in, size_t line, uint8_t *to)
{
	size_t at = 0;

	for (; at + 32 <= line; at += 32)
		write_24(in + at / 4 * 3, to + at);
	if (at < line)
		write_24(in + (line - 32) / 4 * 3, to + (line - 32));
	memcpy(to + line, "\r\n", 2);
}

AVX2_INLINE void
write_lines(const uint8_t *in, size_t line, size_t count, uint8_t *to)
{
	for (size_t i = 0; i < count; i++)
		write_line(in + i * (line / 4 * 3), line, to + i * (line + 2));
}

AVX2 void
base64_lines_avx2(const uint8_t *in, size_t line, size_t count, uint8_t *to)
{
	if (line == 76)
		write_lines(in, 76, count, to);
	else
		write_lines(in, line, count, to);
}

#endif
