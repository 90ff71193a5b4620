#define _GNU_SOURCE /* explicit_bzero */
#include "os/random.h"

#include <errno.h>
#include <sys/random.h>

#define TEXT_MAX 1024 /* bytes; names and tokens have 16 to 32 */

void
random_fill(void *bytes, size_t len)
{
	uint8_t *to = bytes;

	while (len > 0) {
		ssize_t got = getrandom(to, len, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			bug("the kernel gives no random bytes");
		to += got;
		len -= (size_t)got;
	}
}

/* The bytes of a text are six bits each: as base64url has it, but without a
 * codec, which this room may not use. */
static enum rc
add_text(const uint8_t *bytes, size_t len, struct buf *out, struct err *err)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t text_len = (len * 8 + 5) / 6;
	uint8_t *to;

	TRY(buf_reserve(out, text_len, &to, err));
	for (size_t i = 0; i < text_len; i++) {
		size_t at = i * 6 / 8, shift = i * 6 % 8;
		unsigned next = at + 1 < len ? bytes[at + 1] : 0;
		unsigned window = (unsigned)bytes[at] << 8 | next;
		to[i] = (uint8_t)digits[window >> (10 - shift) & 63];
	}
	buf_grown(out, text_len);
	return RC_OK;
}

enum rc
random_text(size_t len, struct buf *out, struct err *err)
{
	uint8_t bytes[TEXT_MAX];

	if (len > sizeof(bytes))
		return err_set(
		    err, RC_LIMIT, "more than %d random bytes", TEXT_MAX);
	random_fill(bytes, len);
	enum rc rc = add_text(bytes, len, out, err);
	explicit_bzero(bytes, len);
	return rc;
}
