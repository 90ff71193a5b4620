/* codec/base64_block -- many characters of base64 in one step.
 *
 * A letter's bulk is base64, and table lookups byte by byte take longer than
 * its decryption.  These do as many whole blocks as they can and leave the
 * rest to the caller; without AVX2 that is everything.
 */
#ifndef CODEC_BASE64_BLOCK_PRIV_H
#define CODEC_BASE64_BLOCK_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The two digits that the alphabets differ in. */
struct base64_last {
	char digit62, digit63;
};

/* Where a reading has got to. */
struct base64_run {
	const uint8_t *in;
	size_t in_left;
	uint8_t *to;
	size_t room; /* all of it may be overwritten */
	bool lines;  /* CRLF may stand between blocks */
};

/* Read up to the first character that is no digit, in blocks of 32, and move
 * the run on. */
void base64_read_blocks(struct base64_run *run, struct base64_last last);

/* Write `len` bytes, of which `readable` may be looked at, as characters.
 * Returns how many bytes were written, a multiple of 24; `to` then holds 4/3
 * of that. */
size_t base64_write_blocks(const uint8_t *in, size_t len, size_t readable,
    uint8_t *to, struct base64_last last);

#endif
