/* codec/base64_block -- many characters of base64 in one step.
 *
 * A letter's bulk is base64, and table lookups byte by byte take longer than
 * its decryption.  These do as many whole groups as they can and leave the
 * rest to the caller; without wide instructions that is everything.
 */
#ifndef CODEC_BASE64_BLOCK_PRIV_H
#define CODEC_BASE64_BLOCK_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a reading has got to: at the beginning of a group. */
struct base64_run {
	const uint8_t *in;
	size_t in_left;
	uint8_t *to;
	size_t room;          /* all of it may be overwritten */
	size_t line;          /* characters in the last whole line, or 0 */
	const uint8_t *begin; /* of this line, or NULL: not in this input */
};

/* Read groups and the line ends (LF, CRLF) between them, up to whatever else
 * comes or the last few characters, and move the run on. */
void base64_read_blocks(struct base64_run *run);

/* Write the first bytes of `len` as characters.  Returns how many bytes those
 * were, a multiple of 3; `to` then holds 4/3 of that, and nothing behind that
 * was touched. */
size_t base64_write_blocks(const uint8_t *in, size_t len, uint8_t *to);

/* Write the first `count` lines of `line` characters with their CRLF.
 * Returns how many were written: all or none. */
size_t base64_write_lines(
    const uint8_t *in, size_t line, size_t count, uint8_t *to);

/* The versions, for base64_block.c alone. */
void base64_read_avx2(struct base64_run *run);
void base64_read_avx512(struct base64_run *run);
size_t base64_write_avx2(const uint8_t *in, size_t len, uint8_t *to);
size_t base64_write_avx512(const uint8_t *in, size_t len, uint8_t *to);
void base64_lines_avx2(
    const uint8_t *in, size_t line, size_t count, uint8_t *to);
void base64_lines_avx512(
    const uint8_t *in, size_t line, size_t count, uint8_t *to);

/* Behind a group: is there a line end?  Moves the run behind it. */
static inline bool
base64_skip_line_end(struct base64_run *run)
{
	size_t len = 1;

	if (run->in_left == 0)
		return false;
	if (run->in[0] == '\r')
		len = 2;
	if (run->in_left < len || run->in[len - 1] != '\n')
		return false;
	if (run->begin != NULL)
		run->line = (size_t)(run->in - run->begin);
	run->in += len;
	run->in_left -= len;
	run->begin = run->in;
	return true;
}

#endif
