#include "pki/der_write.h"

#include <stdio.h>
#include <time.h>

#define SHORT_MAX 0x7f
#define LENGTH_MAX 9 /* a length takes so many bytes at most */
#define TIME_MAX 32

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
der_write_header(struct buf *out, uint8_t tag, size_t len, struct err *err)
{
	uint8_t bytes[1 + LENGTH_MAX];
	size_t used = length_bytes(len, bytes + 1);
	uint8_t *at = bytes + sizeof(bytes) - used - 1;

	*at = tag;
	return buf_add(out, span_of(at, used + 1), err);
}

enum rc
der_write_bytes(
    struct buf *out, uint8_t tag, struct span value, struct err *err)
{
	TRY(der_write_header(out, tag, value.len, err));
	return buf_add(out, value, err);
}

enum rc
der_write_begin(struct buf *out, uint8_t tag, size_t *ret_at, struct err *err)
{
	*ret_at = out->len;
	return der_write_header(out, tag, 0, err);
}

enum rc
der_write_end(struct buf *out, size_t at, struct err *err)
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

/* Big-endian octets without the zeros before them, and with one where the
 * first bit would make the number negative. */
static enum rc
write_positive(
    struct buf *out, uint8_t tag, struct span octets, struct err *err)
{
	while (octets.len > 0 && octets.data[0] == 0)
		octets = span_after(octets, 1);
	bool zero = octets.len == 0 || octets.data[0] >= 0x80;
	TRY(der_write_header(out, tag, octets.len + zero, err));
	if (zero)
		TRY(buf_add_byte(out, 0, err));
	return buf_add(out, octets, err);
}

enum rc
der_write_number(struct buf *out, uint8_t tag, uint32_t value, struct err *err)
{
	const uint8_t bytes[] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16),
	    (uint8_t)(value >> 8), (uint8_t)value};

	return write_positive(out, tag, span_of(bytes, sizeof(bytes)), err);
}

enum rc
der_write_integer(struct buf *out, struct span octets, struct err *err)
{
	return write_positive(out, DER_INTEGER, octets, err);
}

enum rc
der_write_true(struct buf *out, uint8_t tag, struct err *err)
{
	static const uint8_t yes = 0xff;

	return der_write_bytes(out, tag, span_of(&yes, 1), err);
}

enum rc
der_write_bits(struct buf *out, struct span octets, struct err *err)
{
	size_t len;

	if (!add_ok(octets.len, 1, &len))
		return err_set(err, RC_LIMIT, "DER: too long");
	TRY(der_write_header(out, DER_BITS, len, err));
	TRY(buf_add_byte(out, 0, err)); /* unused bits */
	return buf_add(out, octets, err);
}

enum rc
der_write_named_bits(
    struct buf *out, uint8_t tag, uint32_t bits, struct err *err)
{
	uint8_t octets[1 + sizeof(bits)] = {0};
	size_t len = 1;

	for (unsigned i = 0; i < 32; i++) {
		if ((bits >> i & 1) == 0)
			continue;
		len = 2 + i / 8;
		octets[len - 1] |= (uint8_t)(0x80U >> i % 8);
		octets[0] = (uint8_t)(7 - i % 8);
	}
	return der_write_bytes(out, tag, span_of(octets, len), err);
}

enum rc
der_write_algorithm(
    struct buf *out, struct span oid, bool null, struct err *err)
{
	size_t at;

	TRY(der_write_begin(out, DER_SEQUENCE, &at, err));
	TRY(der_write_bytes(out, DER_OID, oid, err));
	if (null)
		TRY(der_write_bytes(out, DER_NULL, SPAN_NONE, err));
	return der_write_end(out, at, err);
}

static enum rc
civil(int64_t when, struct tm *ret, struct err *err)
{
	time_t at = (time_t)when;

	if (gmtime_r(&at, ret) == NULL || ret->tm_year < 50 ||
	    ret->tm_year >= 8100)
		return err_set(err, RC_LIMIT, "a time no certificate can say");
	return RC_OK;
}

static enum rc
write_moment(struct buf *out, uint8_t tag, const struct tm *tm, struct err *err)
{
	char text[TIME_MAX];
	int year = tm->tm_year + 1900;
	int len = tag == DER_UTC_TIME
		      ? snprintf(text, sizeof(text), "%02d", year % 100)
		      : snprintf(text, sizeof(text), "%04d", year);

	len += snprintf(text + len, sizeof(text) - (size_t)len,
	    "%02d%02d%02d%02d%02dZ", tm->tm_mon + 1, tm->tm_mday, tm->tm_hour,
	    tm->tm_min, tm->tm_sec);
	return der_write_bytes(out, tag, span_of(text, (size_t)len), err);
}

enum rc
der_write_time(struct buf *out, int64_t when, struct err *err)
{
	struct tm tm;

	TRY(civil(when, &tm, err));
	return write_moment(
	    out, tm.tm_year < 150 ? DER_UTC_TIME : DER_GENERAL_TIME, &tm, err);
}

enum rc
der_write_general_time(struct buf *out, int64_t when, struct err *err)
{
	struct tm tm;

	TRY(civil(when, &tm, err));
	return write_moment(out, DER_GENERAL_TIME, &tm, err);
}

/* By insertion: there are a few, and they are nearly in order. */
static void
sort(struct span *item, size_t len)
{
	for (size_t i = 1; i < len; i++) {
		struct span moving = item[i];
		size_t at = i;
		for (; at > 0 && span_order(item[at - 1], moving) > 0; at--)
			item[at] = item[at - 1];
		item[at] = moving;
	}
}

enum rc
der_write_set(struct buf *out, uint8_t tag, struct span *item, size_t len,
    struct err *err)
{
	size_t all = 0, before = out->len;

	for (size_t i = 0; i < len; i++)
		if (!add_ok(all, item[i].len, &all))
			return err_set(err, RC_LIMIT, "DER: too long");
	sort(item, len);
	enum rc rc = der_write_header(out, tag, all, err);
	for (size_t i = 0; rc == RC_OK && i < len; i++)
		rc = buf_add(out, item[i], err);
	if (rc != RC_OK)
		buf_cut(out, before);
	return rc;
}

enum rc
der_write_extension(struct buf *out, struct span oid, bool critical,
    struct span value, struct err *err)
{
	size_t at;

	TRY(der_write_begin(out, DER_SEQUENCE, &at, err));
	TRY(der_write_bytes(out, DER_OID, oid, err));
	if (critical)
		TRY(der_write_true(out, DER_BOOLEAN, err));
	TRY(der_write_bytes(out, DER_OCTETS, value, err));
	return der_write_end(out, at, err);
}
