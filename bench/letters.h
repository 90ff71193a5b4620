/* bench/letters -- the sample letter, of any length, made while it is read.
 *
 * Text with an attachment in base64, canonical (CRLF), always the same bytes
 * for the same size.  Nothing of it is stored, so that 5 GB cost nothing.
 */
#ifndef BENCH_LETTERS_H
#define BENCH_LETTERS_H

#include <stddef.h>
#include <stdint.h>

#define LETTERS_LINE 78 /* 76 digits and CRLF */
#define LETTERS_BLOCK ((size_t)LETTERS_LINE * 840)

struct letters {
	char head[1024];
	size_t head_len;
	uint8_t block[LETTERS_BLOCK]; /* the attachment repeats it */
	uint64_t body_len;            /* whole lines */
	uint64_t size, at;
};

/* `size` is the length of the whole entity, to the byte; at least 700. */
void letters_init(struct letters *letters, uint64_t size);
/* Back to the beginning. */
void letters_rewind(struct letters *letters);
/* The next bytes, at most `room`; 0: the letter is at its end. */
size_t letters_read(struct letters *letters, uint8_t *to, size_t room);

#endif
