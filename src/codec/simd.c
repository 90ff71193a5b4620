#include "codec/simd_priv.h"

#include <stdatomic.h>

static _Atomic(enum simd) limit = SIMD_AVX512;

#if defined(__x86_64__)

/* Says yes only if the operating system saves the wide registers too. */
static enum simd
detect(void)
{
	if (!__builtin_cpu_supports("avx2"))
		return SIMD_NONE;
	if (!__builtin_cpu_supports("avx512f") ||
	    !__builtin_cpu_supports("avx512bw") ||
	    !__builtin_cpu_supports("avx512vl") ||
	    !__builtin_cpu_supports("avx512vbmi"))
		return SIMD_AVX2;
	return SIMD_AVX512;
}

#else

static enum simd
detect(void)
{
	return SIMD_NONE;
}

#endif

enum simd
simd_level(void)
{
	enum simd has = detect();
	enum simd most = atomic_load_explicit(&limit, memory_order_relaxed);

	return has < most ? has : most;
}

void
simd_limit(enum simd most)
{
	atomic_store_explicit(&limit, most, memory_order_relaxed);
}
