#include "cms/print_priv.h"

#include "pki/der.h"

#define HEAD_MAX (2 + sizeof(size_t))
#define SHORT_MAX 0x7f
#define INDEFINITE 0x80

/* The octets of a definite length, the shortest way. */
static size_t
length_octets(size_t len, uint8_t ret[HEAD_MAX])
{
	size_t count = 0;

	if (len <= SHORT_MAX) {
		ret[0] = (uint8_t)len;
		return 1;
	}
	for (size_t rest = len; rest > 0; rest >>= 8)
		count++;
	ret[0] = (uint8_t)(0x80 | count);
	for (size_t i = 0; i < count; i++)
		ret[count - i] = (uint8_t)(len >> (8 * i));
	return 1 + count;
}

enum rc
print_head(struct buf *der, uint8_t tag, size_t len, struct err *err)
{
	uint8_t head[1 + HEAD_MAX] = {tag};
	size_t octets = length_octets(len, head + 1);

	return buf_add(der, span_of(head, 1 + octets), err);
}

enum rc
print_indefinite(struct buf *der, uint8_t tag, struct err *err)
{
	const uint8_t head[2] = {tag, INDEFINITE};

	return buf_add(der, span_of(head, 2), err);
}

enum rc
print_end(struct buf *der, struct err *err)
{
	return buf_add(der, span_of("\0", 2), err);
}

enum rc
print_element(
    struct buf *der, uint8_t tag, struct span content, struct err *err)
{
	size_t before = der->len;

	TRY(print_head(der, tag, content.len, err));
	enum rc rc = buf_add(der, content, err);
	if (rc != RC_OK)
		buf_cut(der, before);
	return rc;
}

enum rc
print_octets(struct buf *der, struct span content, struct err *err)
{
	return print_element(der, PRINT_OCTETS, content, err);
}

enum rc
print_oid(struct buf *der, struct span oid, struct err *err)
{
	return print_element(der, PRINT_OID, oid, err);
}

enum rc
print_number(struct buf *der, unsigned value, struct err *err)
{
	uint8_t octets[1 + sizeof(value)];
	size_t at = sizeof(octets);

	do {
		octets[--at] = (uint8_t)value;
		value >>= 8;
	} while (value > 0);
	if (octets[at] & 0x80) /* else it would be negative */
		octets[--at] = 0;
	return print_element(
	    der, PRINT_INTEGER, span_of(octets + at, sizeof(octets) - at), err);
}

enum rc
print_open(struct buf *der, uint8_t tag, size_t *ret_mark, struct err *err)
{
	const uint8_t head[2] = {tag, 0};

	TRY(buf_add(der, span_of(head, 2), err));
	*ret_mark = der->len;
	return RC_OK;
}

enum rc
print_close(struct buf *der, size_t mark, struct err *err)
{
	uint8_t octets[HEAD_MAX], *room;
	size_t len = der->len - mark, count = length_octets(len, octets);

	TRY(buf_reserve(der, count - 1, &room, err));
	uint8_t *start = der->data + mark;
	memmove(start + count - 1, start, len);
	memcpy(start - 1, octets, count);
	buf_grown(der, count - 1);
	return RC_OK;
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
print_set(struct buf *der, uint8_t tag, struct span *item, size_t len,
    struct err *err)
{
	size_t all = 0, before = der->len;

	for (size_t i = 0; i < len; i++)
		if (!add_ok(all, item[i].len, &all))
			return err_set(err, RC_LIMIT, "DER: too long");
	sort(item, len);
	enum rc rc = print_head(der, tag, all, err);
	for (size_t i = 0; rc == RC_OK && i < len; i++)
		rc = buf_add(der, item[i], err);
	if (rc != RC_OK)
		buf_cut(der, before);
	return rc;
}

enum rc
print_look(const struct cert *cert, struct print_cert *ret, struct err *err)
{
	struct span in = cert_der(cert);
	struct der all, tbs, item, key;

	TRY(der_expect(&in, DER_SEQUENCE, &all, err));
	TRY(der_expect(&all.value, DER_SEQUENCE, &tbs, err));
	if (tbs.value.len > 0 && tbs.value.data[0] == DER_CONTEXT_0)
		TRY(der_next(&tbs.value, &item, err));
	TRY(der_expect(&tbs.value, DER_INTEGER, &item, err));
	ret->serial = item.whole;
	TRY(der_expect(&tbs.value, DER_SEQUENCE, &item, err)); /* signature */
	TRY(der_expect(&tbs.value, DER_SEQUENCE, &item, err));
	ret->issuer = item.whole;
	TRY(der_expect(&tbs.value, DER_SEQUENCE, &item, err)); /* validity */
	TRY(der_expect(&tbs.value, DER_SEQUENCE, &item, err)); /* subject */
	TRY(der_expect(&tbs.value, DER_SEQUENCE, &item, err));
	TRY(der_expect(&item.value, DER_SEQUENCE, &key, err));
	ret->key_algorithm = key.whole;
	return RC_OK;
}

enum rc
print_issuer_serial(struct buf *der, const struct cert *cert, struct err *err)
{
	struct print_cert look;

	TRY(print_look(cert, &look, err));
	TRY(buf_add(der, look.issuer, err));
	return buf_add(der, look.serial, err);
}
