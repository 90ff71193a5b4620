#include "cms/tlv_priv.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/objects.h>

#include "base/own.h"

#define DEPTH_MAX 16
#define TAG_NUMBER_LONG 0x1f
#define LENGTH_ENDLESS 0x80
#define OID_MAX 120

OWNER(ASN1_OBJECT, ASN1_OBJECT_free);

struct header {
	uint8_t tag;
	bool endless;
	size_t header; /* bytes of tag and length */
	size_t len;    /* of the content; 0 if endless */
};

static bool
read_length(struct span in, struct header *ret)
{
	size_t count = in.data[1] & 0x7fU;

	if (in.data[1] < LENGTH_ENDLESS) {
		ret->header = 2;
		ret->len = in.data[1];
		return true;
	}
	ret->endless = count == 0;
	if (count > sizeof(size_t) || in.len < 2 + count)
		return false;
	for (size_t i = 0; i < count; i++)
		ret->len = ret->len << 8 | in.data[2 + i];
	ret->header = 2 + count;
	return true;
}

/* Tag and length, and that what the length says is there. */
static bool
read_header(struct span in, struct header *ret)
{
	*ret = (struct header){0};
	if (in.len < 2 || in.data[0] == 0 ||
	    (in.data[0] & TAG_NUMBER_LONG) == TAG_NUMBER_LONG)
		return false;
	ret->tag = in.data[0];
	if (!read_length(in, ret))
		return false;
	/* only what is made of elements can end with one */
	if (ret->endless)
		return ret->tag & TLV_CONSTRUCTED;
	return ret->len <= in.len - ret->header;
}

/* All of the content of an endless element up to its two zeros, which are not
 * counted; false: they never come.  What is inside is walked through, so the
 * depth is bounded. */
static bool
endless_len(struct span in, int depth, size_t *ret_len)
{
	struct header inner;
	size_t len = 0, inside = 0;

	if (depth >= DEPTH_MAX)
		return false;
	for (;;) {
		struct span rest = span_after(in, len);
		if (rest.len >= 2 && rest.data[0] == 0 && rest.data[1] == 0)
			break;
		if (!read_header(rest, &inner))
			return false;
		len += inner.header + inner.len;
		if (!inner.endless)
			continue;
		if (!endless_len(
			span_after(rest, inner.header), depth + 1, &inside))
			return false;
		len += inside + 2;
	}
	*ret_len = len;
	return true;
}

static enum rc
broken(struct err *err)
{
	return err_set(err, RC_SYNTAX, "the CMS structure is damaged");
}

enum rc
tlv_next(struct span *in, struct tlv *ret, struct err *err)
{
	struct header header;

	if (in->len == 0)
		return err_set(err, RC_ABSENT, "no more elements");
	if (!read_header(*in, &header))
		return broken(err);
	size_t len = header.len, end = 0;
	if (header.endless) {
		if (!endless_len(span_after(*in, header.header), 0, &len))
			return broken(err);
		end = 2;
	}
	*ret = (struct tlv){header.tag, span_of(in->data + header.header, len),
	    span_first(*in, header.header + len + end)};
	*in = span_after(*in, ret->whole.len);
	return RC_OK;
}

enum rc
tlv_expect(struct span *in, uint8_t tag, struct tlv *ret, struct err *err)
{
	struct span rest = *in;
	struct tlv tlv;

	if (tlv_next(&rest, &tlv, NULL) != RC_OK || tlv.tag != tag)
		return broken(err);
	*ret = tlv;
	*in = rest;
	return RC_OK;
}

bool
tlv_is(struct span in, uint8_t tag)
{
	return in.len > 0 && in.data[0] == tag;
}

enum rc
tlv_end(struct span in, struct err *err)
{
	return in.len == 0 ? RC_OK : broken(err);
}

/* The pieces of an OCTET STRING are OCTET STRINGs, perhaps in pieces. */
static enum rc
collect(struct span pieces, int depth, struct buf *room, struct err *err)
{
	struct tlv piece = {0};

	if (depth >= DEPTH_MAX)
		return broken(err);
	while (pieces.len > 0) {
		TRY(tlv_next(&pieces, &piece, err));
		if (piece.tag == TLV_OCTETS)
			TRY(buf_add(room, piece.value, err));
		else if (piece.tag == (TLV_OCTETS | TLV_CONSTRUCTED))
			TRY(collect(piece.value, depth + 1, room, err));
		else
			return broken(err);
	}
	return RC_OK;
}

enum rc
tlv_octets(struct span *in, uint8_t tag, struct buf *room, struct span *ret,
    struct err *err)
{
	struct tlv tlv;
	uint8_t *unused;

	if (!tlv_is(*in, tag | TLV_CONSTRUCTED)) {
		TRY(tlv_expect(in, tag, &tlv, err));
		*ret = tlv.value;
		return RC_OK;
	}
	TRY(tlv_expect(in, tag | TLV_CONSTRUCTED, &tlv, err));
	if (room->data == NULL)
		TRY(buf_reserve(room, room->max, &unused, err));
	size_t begin = room->len;
	TRY(collect(tlv.value, 0, room, err));
	*ret = span_of(room->data + begin, room->len - begin);
	return RC_OK;
}

enum rc
tlv_number(struct span *in, uint32_t max, uint32_t *ret, struct err *err)
{
	struct span rest = *in;
	struct tlv tlv;
	uint64_t value = 0;

	TRY(tlv_expect(&rest, TLV_INTEGER, &tlv, err));
	if (tlv.value.len == 0 || tlv.value.len > 5 || tlv.value.data[0] > 0x7f)
		return broken(err);
	for (size_t i = 0; i < tlv.value.len; i++)
		value = value << 8 | tlv.value.data[i];
	if (value > max)
		return broken(err);
	*ret = (uint32_t)value;
	*in = rest;
	return RC_OK;
}

enum rc
tlv_algorithm_of(
    const struct tlv *tlv, struct tlv_algorithm *ret, struct err *err)
{
	struct span in = tlv->value;
	struct tlv oid, parameters = {.whole = SPAN_NONE};

	TRY(tlv_expect(&in, TLV_OID, &oid, err));
	if (in.len > 0)
		TRY(tlv_next(&in, &parameters, err));
	TRY(tlv_end(in, err));
	*ret = (struct tlv_algorithm){oid.value, parameters.whole, tlv->whole};
	return RC_OK;
}

enum rc
tlv_algorithm(struct span *in, struct tlv_algorithm *ret, struct err *err)
{
	struct tlv tlv;

	TRY(tlv_expect(in, TLV_SEQUENCE, &tlv, err));
	return tlv_algorithm_of(&tlv, ret, err);
}

bool
tlv_is_bare(const struct tlv_algorithm *algorithm)
{
	return algorithm->parameters.len == 0 ||
	       span_is(algorithm->parameters, span_of("\x05\x00", 2));
}

void
tlv_oid_name(struct span oid, char name[80])
{
	uint8_t der[2 + OID_MAX] = {TLV_OID, (uint8_t)oid.len};
	const uint8_t *at = der;

	memcpy(name, "unnamed", sizeof("unnamed"));
	if (oid.len == 0 || oid.len > OID_MAX)
		return;
	memcpy(der + 2, oid.data, oid.len);
	ASN1_OBJECT *object OWNED(ASN1_OBJECT_free) =
	    d2i_ASN1_OBJECT(NULL, &at, (long)(2 + oid.len));
	if (object == NULL || OBJ_obj2txt(name, 80, object, 0) <= 0)
		memcpy(name, "unnamed", sizeof("unnamed"));
	ERR_clear_error();
}
