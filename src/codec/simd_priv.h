/* codec/simd -- which wide instructions this processor has.
 *
 * Each hot loop of this room is written portably, and again for some of these
 * levels; all versions of one loop must do the same with every input.
 */
#ifndef CODEC_SIMD_PRIV_H
#define CODEC_SIMD_PRIV_H

/* A level has all that is below it. */
enum simd {
	SIMD_NONE,
	SIMD_AVX2,
	SIMD_AVX512, /* F, BW, VL and VBMI */
};

enum simd simd_level(void);

/* For tests and fuzzing: from now on do as a processor does that has no more
 * than `most`. */
void simd_limit(enum simd most);

#endif
