#include "cms/print_priv.h"

#define SHORT_MAX 0x7f
#define LENGTH_MAX 9 /* a length takes so many bytes at most */

/* The bytes of a length, at the end of `room`; returns how many. */
static size_t
length_bytes(size_t len, uint8_t room[LENGTH_MAX])
{
	size_t used = 0;

	if (len <= SHORT_MAX) {
		room[LENGTH_MAX - 1] = (uint8_t)len;
		return 1;
	}
	for (; len > 0; len >>= 8)
		room[LENGTH_MAX - ++used] = (uint8_t)len;
	room[LENGTH_MAX - 1 - used] = (uint8_t)(0x80 | used);
	return used + 1;
}

enum rc
print_header(struct buf *out, uint8_t tag, size_t len, struct err *err)
{
	uint8_t bytes[1 + LENGTH_MAX];
	size_t used = length_bytes(len, bytes + 1);
	uint8_t *at = bytes + sizeof(bytes) - used - 1;

	*at = tag;
	return buf_add(out, span_of(at, used + 1), err);
}

enum rc
print_bytes(struct buf *out, uint8_t tag, struct span value, struct err *err)
{
	TRY(print_header(out, tag, value.len, err));
	return buf_add(out, value, err);
}

enum rc
print_number(struct buf *out, uint32_t value, struct err *err)
{
	/* a first bit of 1 would make it negative */
	const uint8_t bytes[] = {0, (uint8_t)(value >> 24),
	    (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value};
	size_t skip = 0;

	while (skip + 1 < sizeof(bytes) && bytes[skip] == 0 &&
	       bytes[skip + 1] < 0x80)
		skip++;
	return print_bytes(out, PRINT_INTEGER,
	    span_of(bytes + skip, sizeof(bytes) - skip), err);
}

enum rc
print_begin(struct buf *out, uint8_t tag, size_t *ret_at, struct err *err)
{
	*ret_at = out->len;
	return print_header(out, tag, 0, err);
}

enum rc
print_end(struct buf *out, size_t at, struct err *err)
{
	uint8_t bytes[LENGTH_MAX];
	uint8_t *room;
	size_t begin = at + 2, len = out->len - begin;
	size_t used = length_bytes(len, bytes);

	/* one byte is there; longer ones move what is inside */
	TRY(buf_reserve(out, used - 1, &room, err));
	memmove(out->data + begin + used - 1, out->data + begin, len);
	memcpy(out->data + at + 1, bytes + LENGTH_MAX - used, used);
	buf_grown(out, used - 1);
	return RC_OK;
}

enum rc
print_begin_endless(struct buf *out, uint8_t tag, struct err *err)
{
	const uint8_t bytes[] = {tag, 0x80};

	return buf_add(out, span_of(bytes, sizeof(bytes)), err);
}

enum rc
print_end_endless(struct buf *out, struct err *err)
{
	static const uint8_t end[] = {0, 0};

	return buf_add(out, span_of(end, sizeof(end)), err);
}

enum rc
print_algorithm(struct buf *out, struct span oid, bool null, struct err *err)
{
	size_t at;

	TRY(print_begin(out, PRINT_SEQUENCE, &at, err));
	TRY(print_bytes(out, PRINT_OID, oid, err));
	if (null)
		TRY(print_bytes(out, PRINT_NULL, SPAN_NONE, err));
	return print_end(out, at, err);
}
