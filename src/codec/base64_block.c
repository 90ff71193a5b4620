#include "codec/base64_block_priv.h"

#include "codec/simd_priv.h"

#if !defined(__x86_64__)

void
base64_read_blocks(struct base64_run *run)
{
	(void)run;
}

size_t
base64_write_blocks(const uint8_t *in, size_t len, uint8_t *to)
{
	return 0;
}

size_t
base64_write_lines(const uint8_t *in, size_t line, size_t count, uint8_t *to)
{
	return 0;
}

#else

void
base64_read_blocks(struct base64_run *run)
{
	enum simd simd = simd_level();

	if (simd >= SIMD_AVX512)
		base64_read_avx512(run);
	else if (simd >= SIMD_AVX2)
		base64_read_avx2(run);
}

size_t
base64_write_blocks(const uint8_t *in, size_t len, uint8_t *to)
{
	enum simd simd = simd_level();

	if (simd >= SIMD_AVX512)
		return base64_write_avx512(in, len, to);
	return simd >= SIMD_AVX2 ? base64_write_avx2(in, len, to) : 0;
}

size_t
base64_write_lines(const uint8_t *in, size_t line, size_t count, uint8_t *to)
{
	enum simd simd = simd_level();

	if (simd >= SIMD_AVX512 && line >= 64)
		base64_lines_avx512(in, line, count, to);
	else if (simd >= SIMD_AVX2 && line >= 32)
		base64_lines_avx2(in, line, count, to);
	else
		return 0;
	return count;
}

#endif
