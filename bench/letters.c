#include "bench/letters.h"

#include <stdio.h>
#include <string.h>

#define TAIL "--sample-letter--\r\n"
#define TAIL_LEN (sizeof(TAIL) - 1)

static const char text[] =
    "Content-Type: multipart/mixed; boundary=\"sample-letter\"\r\n"
    "\r\n"
    "--sample-letter\r\n"
    "Content-Type: text/plain; charset=us-ascii\r\n"
    "Content-Transfer-Encoding: 7bit\r\n"
    "\r\n"
    "Good morning,\r\n"
    "\r\n"
    "here is the plan that we spoke about. Please look at the second page.\r\n"
    "%.*s\r\n"
    "Yours, Alice\r\n"
    "\r\n"
    "--sample-letter\r\n"
    "Content-Type: application/octet-stream; name=\"plan.bin\"\r\n"
    "Content-Transfer-Encoding: base64\r\n"
    "Content-Disposition: attachment; filename=\"plan.bin\"\r\n"
    "\r\n";

/* Whatever does not make a whole line of the attachment stands here. */
static const char filler[LETTERS_LINE + 1] =
    "the quick brown fox jumps over the lazy dog and the dog does not mind it "
    "much";

static void
fill_block(uint8_t *block)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmn"
				     "opqrstuvwxyz0123456789+/";
	uint64_t state = 0x9e3779b97f4a7c15;

	for (size_t i = 0; i < LETTERS_BLOCK; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		size_t column = i % LETTERS_LINE;
		block[i] = column == LETTERS_LINE - 2 ? '\r'
			   : column == LETTERS_LINE - 1
			       ? '\n'
			       : (uint8_t)digits[state >> 58];
	}
}

void
letters_init(struct letters *letters, uint64_t size)
{
	int fixed =
	    snprintf(letters->head, sizeof(letters->head), text, 0, filler);
	uint64_t body = size - (uint64_t)fixed - TAIL_LEN;
	int rest = (int)(body % LETTERS_LINE);

	letters->head_len = (size_t)snprintf(
	    letters->head, sizeof(letters->head), text, rest, filler);
	letters->body_len = body - (uint64_t)rest;
	letters->size = size;
	letters->at = 0;
	fill_block(letters->block);
}

void
letters_rewind(struct letters *letters)
{
	letters->at = 0;
}

/* What stands at letters->at, as far as it lies together. */
static const void *
stretch(const struct letters *letters, uint64_t *ret_len)
{
	uint64_t at = letters->at;

	if (at < letters->head_len) {
		*ret_len = letters->head_len - at;
		return letters->head + at;
	}
	at -= letters->head_len;
	if (at < letters->body_len) {
		uint64_t in_block = at % LETTERS_BLOCK;
		uint64_t left = letters->body_len - at;
		*ret_len = LETTERS_BLOCK - in_block;
		if (*ret_len > left)
			*ret_len = left;
		return letters->block + in_block;
	}
	at -= letters->body_len;
	*ret_len = TAIL_LEN - at;
	return &TAIL[at];
}

size_t
letters_read(struct letters *letters, uint8_t *to, size_t room)
{
	size_t done = 0;

	while (done < room && letters->at < letters->size) {
		uint64_t len = 0;
		const void *from = stretch(letters, &len);
		if (len > room - done)
			len = room - done;
		memcpy(to + done, from, len);
		letters->at += len;
		done += len;
	}
	return done;
}
