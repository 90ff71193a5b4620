#include "codec/qp_block_priv.h"

#include "codec/simd_priv.h"

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static bool
reads_plain(struct span in, size_t at)
{
	uint8_t c = in.data[at];

	if (is_blank(c))
		return at + 1 < in.len && in.data[at + 1] > ' ';
	return c != '=';
}

static bool
writes_plain(struct span in, size_t at)
{
	uint8_t c = in.data[at];

	if (is_blank(c))
		return at + 1 < in.len && in.data[at + 1] != '\r';
	return c >= '!' && c <= '~' && c != '=';
}

/* From `at` on; before it all was copied. */
static size_t
read_portable(struct span in, size_t at, size_t most, uint8_t *to)
{
	for (; at < in.len && at < most && reads_plain(in, at); at++)
		to[at] = in.data[at];
	return at;
}

static size_t
write_portable(struct span in, size_t at, size_t most, uint8_t *to)
{
	for (; at < in.len && at < most && writes_plain(in, at); at++)
		to[at] = in.data[at];
	return at;
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

AVX2 static inline __m256i
blanks(__m256i v)
{
	return _mm256_or_si256(is(v, ' '), is(v, '\t'));
}

AVX2 static inline uint32_t
bits(__m256i v)
{
	return (uint32_t)_mm256_movemask_epi8(v);
}

/* The 32 bytes at `at`, and one behind. */
AVX2 static inline uint32_t
special_to_reader(__m256i v, const uint8_t *at)
{
	const __m256i space = _mm256_set1_epi8(' ');
	__m256i behind = load(at + 1);
	__m256i low = _mm256_cmpeq_epi8(_mm256_max_epu8(behind, space), space);

	return bits(
	    _mm256_or_si256(is(v, '='), _mm256_and_si256(blanks(v), low)));
}

AVX2 static inline uint32_t
special_to_writer(__m256i v, const uint8_t *at)
{
	__m256i printable =
	    _mm256_and_si256(_mm256_cmpgt_epi8(v, _mm256_set1_epi8(' ')),
		_mm256_cmpgt_epi8(_mm256_set1_epi8('~' + 1), v));
	__m256i plain = _mm256_andnot_si256(is(v, '='), printable);
	__m256i inner = _mm256_andnot_si256(is(load(at + 1), '\r'), blanks(v));

	return ~bits(_mm256_or_si256(plain, inner));
}

AVX2 static size_t
read_avx2(struct span in, size_t most, uint8_t *to, size_t room)
{
	size_t at = 0;

	for (; at < most && in.len - at > 32 && room - at >= 32; at += 32) {
		__m256i v = load(in.data + at);
		uint32_t special = special_to_reader(v, in.data + at);
		_mm256_storeu_si256((void *)(to + at), v);
		if (special == 0)
			continue;
		at += (size_t)__builtin_ctz(special);
		return at < most ? at : most;
	}
	return at < most ? read_portable(in, at, most, to) : most;
}

AVX2 static size_t
write_avx2(struct span in, size_t most, uint8_t *to, size_t room)
{
	size_t at = 0;

	for (; at < most && in.len - at > 32 && room - at >= 32; at += 32) {
		__m256i v = load(in.data + at);
		uint32_t special = special_to_writer(v, in.data + at);
		_mm256_storeu_si256((void *)(to + at), v);
		if (special == 0)
			continue;
		at += (size_t)__builtin_ctz(special);
		return at < most ? at : most;
	}
	return at < most ? write_portable(in, at, most, to) : most;
}

#else

static size_t
read_avx2(struct span in, size_t most, uint8_t *to, size_t room)
{
	return read_portable(in, 0, most, to);
}

static size_t
write_avx2(struct span in, size_t most, uint8_t *to, size_t room)
{
	return write_portable(in, 0, most, to);
}

#endif

size_t
qp_copy_read(struct span in, size_t most, uint8_t *to, size_t room)
{
	return simd_level() >= SIMD_AVX2 ? read_avx2(in, most, to, room)
					 : read_portable(in, 0, most, to);
}

size_t
qp_copy_write(struct span in, size_t most, uint8_t *to, size_t room)
{
	return simd_level() >= SIMD_AVX2 ? write_avx2(in, most, to, room)
					 : write_portable(in, 0, most, to);
}
