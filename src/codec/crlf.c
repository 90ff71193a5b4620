#include "codec/crlf.h"

#include "codec/simd_priv.h"

/* A copying on its way. */
struct copying {
	struct span in;
	uint8_t *to;
	bool cr; /* before the first byte of `in` */
};

static size_t
count_portable(struct span in, bool cr)
{
	size_t count = 0;

	for (ptrdiff_t lf; (lf = span_find_byte(in, '\n')) >= 0;) {
		count += lf > 0 ? in.data[lf - 1] != '\r' : !cr;
		cr = false;
		in = span_after(in, (size_t)lf + 1);
	}
	return count;
}

/* The bytes before the first LF, and the LF as CRLF. */
static void
copy_line(struct copying *c)
{
	ptrdiff_t lf = span_find_byte(c->in, '\n');
	size_t len = lf < 0 ? c->in.len : (size_t)lf;

	memcpy(c->to, c->in.data, len);
	c->to += len;
	if (len > 0)
		c->cr = c->in.data[len - 1] == '\r';
	c->in = span_after(c->in, len);
	if (lf < 0)
		return;
	if (!c->cr)
		*c->to++ = '\r';
	*c->to++ = '\n';
	c->cr = false;
	c->in = span_after(c->in, 1);
}

static void
copy_portable(struct copying *c)
{
	while (c->in.len > 0)
		copy_line(c);
}

#if defined(__x86_64__)

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

AVX2 static inline uint32_t
places(__m256i v, char c)
{
	return (uint32_t)_mm256_movemask_epi8(
	    _mm256_cmpeq_epi8(v, _mm256_set1_epi8(c)));
}

AVX2 static size_t
count_avx2(struct span in, bool cr)
{
	size_t count = 0, at = 0;
	uint32_t before = cr ? 1 : 0;

	for (; in.len - at >= 32; at += 32) {
		__m256i v = _mm256_loadu_si256((const void *)(in.data + at));
		uint32_t crs = places(v, '\r');
		uint32_t bare = places(v, '\n') & ~(crs << 1 | before);
		count += (size_t)__builtin_popcount(bare);
		before = crs >> 31;
	}
	return count + count_portable(span_after(in, at), before != 0);
}

/* 32 bytes are stored even if only some of them stay: there is always room
 * for what is left of the input. */
AVX2 static void
copy_avx2(struct copying *c)
{
	while (c->in.len >= 32) {
		__m256i v = _mm256_loadu_si256((const void *)c->in.data);
		uint32_t crs = places(v, '\r');
		uint32_t bare =
		    places(v, '\n') & ~(crs << 1 | (c->cr ? 1U : 0));
		_mm256_storeu_si256((void *)c->to, v);
		size_t len = bare == 0 ? 32 : (size_t)__builtin_ctz(bare);
		c->to += len;
		c->in = span_of(c->in.data + len, c->in.len - len);
		c->cr = crs >> 31 != 0;
		if (bare == 0)
			continue;
		*c->to++ = '\r';
		*c->to++ = '\n';
		c->in = span_of(c->in.data + 1, c->in.len - 1);
		c->cr = false;
	}
	copy_portable(c);
}

#else

#define count_avx2 count_portable
#define copy_avx2 copy_portable

#endif

static size_t
count_bare(struct span in, bool cr)
{
	return simd_level() >= SIMD_AVX2 ? count_avx2(in, cr)
					 : count_portable(in, cr);
}

static void
copy(struct copying *c)
{
	if (simd_level() >= SIMD_AVX2)
		copy_avx2(c);
	else
		copy_portable(c);
}

enum rc
crlf_write(
    struct crlf_writer *w, struct span in, struct buf *out, struct err *err)
{
	size_t bare = count_bare(in, w->cr), len;
	uint8_t *to;

	if (in.len == 0)
		return RC_OK;
	if (!add_ok(in.len, bare, &len))
		return err_set(err, RC_LIMIT, "line ends: too many bytes");
	TRY(buf_reserve(out, len, &to, err));
	struct copying c = {.in = in, .to = to, .cr = w->cr};
	if (bare > 0)
		copy(&c);
	else
		memcpy(to, in.data, in.len);
	buf_grown(out, len);
	w->cr = in.data[in.len - 1] == '\r';
	return RC_OK;
}
