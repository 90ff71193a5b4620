#include "cms/ber_priv.h"

#include "pki/der.h"

#define TAG_NUMBER 0x1f
#define CLASS 0xc0
#define LENGTH_INDEFINITE 0x80
#define HEAD_MIN 2
/* By tag number: OCTET STRING, ObjectDescriptor, UTF8String and 18 to 30, the
 * other strings and the times; EXTERNAL, EMBEDDED PDV, SEQUENCE and SET. */
#define MAY_BE_IN_PIECES 0x7ffc1090U
#define HAS_ELEMENTS 0x00030900U

static const uint8_t end_of_contents[2];

void
ber_push(struct ber *ber, struct span in)
{
	if (ber->in.len > 0)
		bug("ber_push: there are bytes left");
	ber->in = in;
}

/* `len` bytes of the input are used. */
static struct span
use(struct ber *ber, size_t len)
{
	struct span used = span_of(ber->in.data, len);

	ber->in = span_of(ber->in.data + len, ber->in.len - len);
	ber->at += len;
	return used;
}

/* How many octets identifier and length take, as far as `head` tells. */
static size_t
head_size(struct span head)
{
	if (head.len < HEAD_MIN || head.data[1] <= LENGTH_INDEFINITE)
		return HEAD_MIN;
	return HEAD_MIN + (head.data[1] & 0x7fU);
}

static enum rc
bad_head(struct span head, struct err *err)
{
	if ((head.data[0] & TAG_NUMBER) == TAG_NUMBER)
		return err_set(err, RC_SYNTAX, "BER: a tag number above 30");
	return err_set(err, RC_LIMIT, "BER: a length of %zu octets",
	    head_size(head) - HEAD_MIN);
}

static enum rc
too_long(struct err *err)
{
	return err_set(
	    err, RC_SYNTAX, "BER: an element longer than what it lies in");
}

/* Byte by byte, where the input was split inside of a head. */
static enum rc
collect_head(struct ber *ber, uint64_t bound, struct span *ret, struct err *err)
{
	struct span head = span_of(ber->head, ber->head_len);

	while (head.len < head_size(head)) {
		if (ber->at == bound)
			return too_long(err);
		if (ber->in.len == 0)
			return RC_AGAIN;
		ber->head[head.len++] = ber->in.data[0];
		ber->head_len = head.len;
		use(ber, 1);
		if ((head.data[0] & TAG_NUMBER) == TAG_NUMBER ||
		    head_size(head) > BER_HEAD_MAX)
			return bad_head(head, err);
	}
	ber->head_len = 0;
	*ret = head;
	return RC_OK;
}

static enum rc
take_head(struct ber *ber, uint64_t bound, struct span *ret, struct err *err)
{
	size_t size = head_size(ber->in);

	if (ber->head_len > 0 || ber->in.len < size || size > BER_HEAD_MAX ||
	    size > bound - ber->at ||
	    (ber->in.data[0] & TAG_NUMBER) == TAG_NUMBER)
		return collect_head(ber, bound, ret, err);
	*ret = use(ber, size);
	return RC_OK;
}

static uint64_t
read_length(struct span head)
{
	uint64_t len = 0;

	if (head.len == HEAD_MIN)
		return head.data[1];
	for (size_t i = HEAD_MIN; i < head.len; i++)
		len = len << 8 | head.data[i];
	return len;
}

static struct ber_level *
top(struct ber *ber)
{
	return ber->depth == 0 ? NULL : &ber->level[ber->depth - 1];
}

static void
end_element(struct ber *ber, struct span bytes, struct ber_item *ret)
{
	const struct ber_level *level = top(ber);

	ber->depth--;
	*ret = (struct ber_item){.event = BER_END,
	    .tag = level->tag,
	    .level = ber->depth,
	    .indefinite = level->indefinite,
	    .bytes = bytes};
}

static enum rc
end_indefinite(
    struct ber *ber, struct span head, struct ber_item *ret, struct err *err)
{
	const struct ber_level *level = top(ber);

	if (level == NULL || !level->indefinite || head.data[0] != 0 ||
	    head.data[1] != 0)
		return err_set(
		    err, RC_SYNTAX, "BER: an end where nothing can end");
	end_element(ber, head, ret);
	return RC_OK;
}

/* Every length is held against that of what it lies in, before anything is
 * made of it. */
static enum rc
new_level(const struct ber *ber, struct span head, uint64_t bound,
    struct ber_level *ret, struct err *err)
{
	uint8_t tag = head.data[0];
	uint64_t end = bound;
	bool indefinite = head.data[1] == LENGTH_INDEFINITE;

	if (indefinite && !(tag & BER_CONSTRUCTED))
		return err_set(
		    err, RC_SYNTAX, "BER: a primitive element without length");
	if (!indefinite &&
	    __builtin_add_overflow(ber->at, read_length(head), &end))
		return err_set(err, RC_LIMIT, "BER: an endless length");
	if (end > bound)
		return too_long(err);
	*ret =
	    (struct ber_level){end, tag, indefinite, !(tag & BER_CONSTRUCTED)};
	return RC_OK;
}

static enum rc
begin_element(struct ber *ber, struct ber_item *ret, struct err *err)
{
	struct span head = SPAN_NONE;
	uint64_t bound = ber->depth == 0 ? UINT64_MAX : top(ber)->end;

	TRY(take_head(ber, bound, &head, err));
	if ((head.data[0] & ~BER_CONSTRUCTED) == 0)
		return end_indefinite(ber, head, ret, err);
	if (ber->depth == BER_DEPTH_MAX)
		return err_set(err, RC_LIMIT, "BER nested more than %d deep",
		    BER_DEPTH_MAX);
	struct ber_level *level = &ber->level[ber->depth];
	TRY(new_level(ber, head, bound, level, err));
	*ret = (struct ber_item){.event = BER_BEGIN,
	    .tag = level->tag,
	    .level = ber->depth++,
	    .indefinite = level->indefinite,
	    .len = level->indefinite ? 0 : level->end - ber->at,
	    .bytes = head};
	ber->began = true;
	return RC_OK;
}

static enum rc
next_bytes(struct ber *ber, struct ber_item *ret)
{
	const struct ber_level *level = top(ber);
	uint64_t left = level->end - ber->at;

	if (ber->in.len == 0)
		return RC_AGAIN;
	*ret = (struct ber_item){
	    .event = BER_BYTES, .tag = level->tag, .level = ber->depth - 1};
	ret->bytes = use(ber, ber->in.len < left ? ber->in.len : (size_t)left);
	return RC_OK;
}

enum rc
ber_next(struct ber *ber, struct ber_item *ret, struct err *err)
{
	const struct ber_level *level = top(ber);

	if (level == NULL && ber->began)
		return RC_ABSENT;
	if (level != NULL && !level->indefinite && ber->at == level->end &&
	    ber->head_len == 0) {
		end_element(ber, span_of(end_of_contents, 0), ret);
		return RC_OK;
	}
	if (level != NULL && level->flat)
		return next_bytes(ber, ret);
	return begin_element(ber, ret, err);
}

void
ber_flatten(struct ber *ber)
{
	struct ber_level *level = top(ber);

	if (level == NULL || level->indefinite)
		bug("ber_flatten: nothing of definite length");
	level->flat = true;
}

/* --- to DER ---------------------------------------------------------------- */

/* What is being rewritten: where the contents of each open element begin. */
struct rewrite {
	struct buf *out;
	size_t from[BER_DEPTH_MAX];
	int string; /* level of the string that is being put together, or -1 */
};

static bool
is_string_in_pieces(uint8_t tag)
{
	return (tag & CLASS) == 0 && (tag & BER_CONSTRUCTED) &&
	       (MAY_BE_IN_PIECES >> (tag & TAG_NUMBER) & 1);
}

/* Everything else of a universal tag that has elements in it.  (A BIT STRING
 * may be in pieces, but nobody writes it so, and they are not just put
 * together.) */
static bool
is_nonsense(uint8_t tag)
{
	return (tag & CLASS) == 0 && (tag & BER_CONSTRUCTED) &&
	       !((MAY_BE_IN_PIECES | HAS_ELEMENTS) >> (tag & TAG_NUMBER) & 1);
}

/* Tag and length go before the contents, which are there already. */
static enum rc
add_head(struct buf *out, size_t from, uint8_t tag, struct err *err)
{
	size_t len = out->len - from, size = HEAD_MIN;
	uint8_t *room, head[BER_HEAD_MAX] = {tag, (uint8_t)len};

	if (len >= LENGTH_INDEFINITE) {
		for (size_t rest = len; rest > 0; rest >>= 8)
			size++;
		head[1] = (uint8_t)(LENGTH_INDEFINITE | (size - HEAD_MIN));
	}
	for (size_t i = size, rest = len; i-- > HEAD_MIN; rest >>= 8)
		head[i] = (uint8_t)rest;
	TRY(buf_reserve(out, size, &room, err));
	memmove(out->data + from + size, out->data + from, len);
	memcpy(out->data + from, head, size);
	buf_grown(out, size);
	return RC_OK;
}

static enum rc
begin_rewrite(struct rewrite *r, const struct ber_item *item, struct err *err)
{
	r->from[item->level] = r->out->len;
	if (is_nonsense(item->tag))
		return err_set(
		    err, RC_SYNTAX, "BER: pieces of what has no pieces");
	if (r->string < 0 && is_string_in_pieces(item->tag))
		r->string = item->level;
	return RC_OK;
}

static enum rc
end_rewrite(struct rewrite *r, const struct ber_item *item, struct err *err)
{
	uint8_t tag = item->tag;

	if (r->string >= 0 && item->level > r->string)
		return RC_OK; /* a piece */
	if (item->level == r->string) {
		tag &= (uint8_t)~BER_CONSTRUCTED;
		r->string = -1;
	}
	return add_head(r->out, r->from[item->level], tag, err);
}

static enum rc
rewrite_item(struct rewrite *r, const struct ber_item *item, struct err *err)
{
	switch (item->event) {
	case BER_BEGIN:
		return begin_rewrite(r, item, err);
	case BER_BYTES:
		return buf_add(r->out, item->bytes, err);
	case BER_END:
		break;
	}
	return end_rewrite(r, item, err);
}

static enum rc
rewrite_all(struct span in, struct buf *out, struct err *err)
{
	struct ber ber = BER_READER;
	struct ber_item item = {.event = BER_BEGIN};
	struct rewrite r = {.out = out, .string = -1};
	enum rc rc;

	ber_push(&ber, in);
	while ((rc = ber_next(&ber, &item, err)) == RC_OK)
		TRY(rewrite_item(&r, &item, err));
	if (rc == RC_AGAIN)
		return err_set(err, RC_SYNTAX, "BER: cut off");
	if (rc == RC_ABSENT && ber.in.len > 0)
		return err_set(err, RC_SYNTAX, "BER: bytes behind the end");
	return rc == RC_ABSENT ? RC_OK : rc;
}

enum rc
ber_der(struct span in, struct buf *copy, struct span *ret, struct err *err)
{
	if (der_check(in, NULL) == RC_OK) {
		*ret = in;
		return RC_OK;
	}
	TRY(rewrite_all(in, copy, err));
	*ret = buf_span(copy);
	return RC_OK;
}
