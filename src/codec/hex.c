#include "codec/hex.h"

enum rc
hex_encode(struct span in, struct buf *out, struct err *err)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t *to;

	if (in.len > SIZE_MAX / 2)
		return err_set(err, RC_LIMIT, "hex: too many bytes");
	TRY(buf_reserve(out, in.len * 2, &to, err));
	for (size_t i = 0; i < in.len; i++) {
		to[2 * i] = (uint8_t)digits[in.data[i] >> 4];
		to[2 * i + 1] = (uint8_t)digits[in.data[i] & 15];
	}
	buf_grown(out, in.len * 2);
	return RC_OK;
}

static int
value_of(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

enum rc
hex_decode(struct span in, struct buf *out, struct err *err)
{
	uint8_t *to;

	if (in.len % 2 != 0)
		return err_set(err, RC_SYNTAX, "hex: odd number of digits");
	TRY(buf_reserve(out, in.len / 2, &to, err));
	for (size_t i = 0; i < in.len / 2; i++) {
		int high = value_of(in.data[2 * i]);
		int low = value_of(in.data[2 * i + 1]);
		if (high < 0 || low < 0)
			return err_set(err, RC_SYNTAX,
			    "hex: not a digit near character %zu", 2 * i + 1);
		to[i] = (uint8_t)(high << 4 | low);
	}
	buf_grown(out, in.len / 2);
	return RC_OK;
}
