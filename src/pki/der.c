#include "pki/der.h"

#define TAG_NUMBER 0x1f
#define CONSTRUCTED 0x20
#define CLASS 0xc0

/* How many octets tag and length take; 0: no DER. */
static size_t
read_head(struct span in, size_t *ret_len)
{
	/* X.690 section 8.1.5: tag 0 is BER's end of an indefinite length */
	if (in.len < 2 || (in.data[0] & TAG_NUMBER) == TAG_NUMBER ||
	    in.data[0] == 0)
		return 0;
	size_t first = in.data[1];
	if (first < 0x80) {
		*ret_len = first;
		return 2;
	}
	size_t count = first & 0x7f, len = 0;
	/* 0x80 is BER's indefinite length */
	if (count == 0 || count > 4 || in.len < 2 + count)
		return 0;
	for (size_t i = 0; i < count; i++)
		len = len << 8 | in.data[2 + i];
	bool shortest = len >= 0x80 && in.data[2] != 0;
	*ret_len = len;
	return shortest ? 2 + count : 0;
}

enum rc
der_next(struct span *in, struct der *ret, struct err *err)
{
	size_t len = 0;

	if (in->len == 0)
		return err_set(err, RC_ABSENT, "DER: nothing more");
	size_t head = read_head(*in, &len);
	if (head == 0 || len > in->len - head)
		return err_set(err, RC_SYNTAX, "not DER, or cut off");
	ret->tag = in->data[0];
	ret->value = span_of(in->data + head, len);
	ret->whole = span_of(in->data, head + len);
	*in = span_after(*in, head + len);
	return RC_OK;
}

enum rc
der_expect(struct span *in, uint8_t tag, struct der *ret, struct err *err)
{
	struct span rest = *in;
	struct der found = {0};

	if (rest.len == 0)
		return err_set(err, RC_SYNTAX, "DER: an element is missing");
	TRY(der_next(&rest, &found, err));
	if (found.tag != tag)
		return err_set(err, RC_SYNTAX,
		    "DER: element 0x%02x where 0x%02x must be", found.tag, tag);
	*in = rest;
	*ret = found;
	return RC_OK;
}

/* Universal types that may be constructed are SEQUENCE and SET (and EXTERNAL
 * and its like, 8 and 11); BER's strings in pieces are not DER. */
static bool
is_string_in_pieces(const struct der *der)
{
	unsigned number = der->tag & TAG_NUMBER;

	return (der->tag & CLASS) == 0 && number != 16 && number != 17 &&
	       number != 8 && number != 11;
}

static enum rc
check_depth(struct span in, int depth, struct err *err)
{
	struct der der = {0};

	if (depth > DER_MAX_DEPTH)
		return err_set(err, RC_LIMIT, "DER nested more than %d deep",
		    DER_MAX_DEPTH);
	while (in.len > 0) {
		TRY(der_next(&in, &der, err));
		if (!(der.tag & CONSTRUCTED))
			continue;
		if (is_string_in_pieces(&der))
			return err_set(err, RC_SYNTAX, "BER, not DER");
		TRY(check_depth(der.value, depth + 1, err));
	}
	return RC_OK;
}

enum rc
der_check(struct span in, struct err *err)
{
	struct span rest = in;
	struct der der;

	if (in.len == 0)
		return err_set(err, RC_SYNTAX, "DER: empty");
	TRY(der_next(&rest, &der, err));
	if (rest.len > 0)
		return err_set(err, RC_SYNTAX,
		    "%zu bytes behind the end of the DER", rest.len);
	return check_depth(in, 0, err);
}
