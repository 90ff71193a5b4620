/* codec/utf8 -- is it UTF-8?  (RFC 3629: no surrogates, nothing overlong)
 *
 * RFC 6532 lets UTF-8 stand where a header had ASCII; bytes that are neither
 * are read differently by everybody.
 */
#ifndef CODEC_UTF8_H
#define CODEC_UTF8_H

#include "base/span.h"

/* Length of the character at `at`, 0 if there is none. */
static inline size_t
utf8_len(struct span text, size_t at)
{
	const uint8_t *s = text.data + at;
	size_t left = text.len - at;

	if (s[0] < 0x80)
		return 1;
	size_t len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	if (s[0] < 0xc2 || s[0] > 0xf4 || len > left)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

static inline bool
utf8_ok(struct span text)
{
	for (size_t at = 0, len; at < text.len; at += len)
		if ((len = utf8_len(text, at)) == 0)
			return false;
	return true;
}

#endif
