#include "cms/walk_priv.h"

#include "pki/der.h"

/* By the table:
 *
 *   WALK_BY_TABLE --begins_gathered--> WALK_GATHERING --its end--+
 *     ^   |  |                                                   |
 *     |   |  +------begins_stream----> WALK_STREAMING --its end--+
 *     |   +---------begins_skipped---> WALK_SKIPPING --its end---+
 *     +----------------------------------------------------------+
 *
 * In each but the first, elements below row `now` are not looked up.
 */

void
walk_init(struct walk *walk, const struct walk_table *table)
{
	*walk = (struct walk){.ber = BER_READER, .table = table};
	walk->gathered = BUF(SIZE_MAX - 1);
}

void
walk_done(struct walk *walk)
{
	buf_done(&walk->gathered);
}

void
walk_use(struct walk *walk, const struct walk_table *table)
{
	walk->table = table;
}

void
walk_push(struct walk *walk, struct span in)
{
	ber_push(&walk->ber, in);
}

static enum rc
malformed(const struct walk *walk, struct err *err)
{
	return err_set(err, RC_SYNTAX, "no well-formed %s", walk->table->what);
}

static enum rc
too_long(const struct walk *walk, struct err *err)
{
	return err_set(err, RC_LIMIT, "a part of the %s is longer than %zu",
	    walk->table->what, walk->table->rows[walk->now].limit);
}

/* --- rows ------------------------------------------------------------------ */

static bool
is_row(const struct walk *walk, size_t i, int level)
{
	return i < walk->table->len && walk->table->rows[i].level == level;
}

/* The next row of the same parent; a row of no use if there is none. */
static size_t
sibling(const struct walk *walk, size_t i)
{
	int level = walk->table->rows[i].level;

	do
		i++;
	while (i < walk->table->len && walk->table->rows[i].level > level);
	return i;
}

static bool
may_be_left_out(const struct walk_row *row)
{
	return row->flags & (WALK_OPTIONAL | WALK_REPEATED);
}

static bool
fits(const struct walk_row *row, uint8_t tag)
{
	if (row->action == WALK_STREAM)
		tag &= (uint8_t)~BER_CONSTRUCTED;
	return row->tag == WALK_ANY || row->tag == tag;
}

/* The row for an element that begins at `level`. */
static bool
find_row(struct walk *walk, int level, uint8_t tag)
{
	size_t i = walk->row[level];

	for (; is_row(walk, i, level); i = sibling(walk, i)) {
		const struct walk_row *row = &walk->table->rows[i];
		if (fits(row, tag)) {
			walk->now = i;
			walk->row[level] =
			    row->flags & WALK_REPEATED ? i : sibling(walk, i);
			return true;
		}
		if (!may_be_left_out(row))
			return false;
	}
	return false;
}

/* May what was entered, with its children at `level`, end here? */
static bool
is_complete(const struct walk *walk, int level)
{
	size_t i = walk->row[level];

	for (; is_row(walk, i, level); i = sibling(walk, i))
		if (!may_be_left_out(&walk->table->rows[i]))
			return false;
	return true;
}

/* --- what the rows say ----------------------------------------------------- */

static void
yield(const struct walk *walk, enum walk_event event,
    const struct ber_item *item, struct span bytes, struct walk_item *ret)
{
	*ret = (struct walk_item){
	    event, walk->table->rows[walk->now].id, item->tag, bytes};
}

/* Count, before anything is kept. */
static enum rc
take_bytes(struct walk *walk, uint64_t len, struct err *err)
{
	size_t limit = walk->table->rows[walk->now].limit;

	if (__builtin_add_overflow(walk->taken, len, &walk->taken) ||
	    (limit > 0 && walk->taken > limit))
		return too_long(walk, err);
	return RC_OK;
}

/* The element is given out where it lies, if all of it came at once; only
 * one that was cut by the end of the input, or has pieces that are not
 * looked over in one go, is copied. */
static enum rc
gather(struct walk *walk, struct span bytes, struct err *err)
{
	struct span *direct = &walk->direct;
	/* the reader's own copy of a head that was cut is soon another's */
	bool fleeting = bytes.data == walk->ber.head;

	if (bytes.len == 0)
		return RC_OK;
	if (walk->gathered.len == 0 && direct->len == 0 && !fleeting) {
		*direct = bytes;
		return RC_OK;
	}
	if (direct->len > 0 && direct->data + direct->len == bytes.data) {
		direct->len += bytes.len;
		return RC_OK;
	}
	TRY(buf_add(&walk->gathered, *direct, err));
	*direct = SPAN_NONE;
	return buf_add(&walk->gathered, bytes, err);
}

/* The input is about to go: keep what lies in it. */
static enum rc
keep_gathered(struct walk *walk, struct err *err)
{
	if (walk->mode != WALK_GATHERING)
		return RC_OK;
	TRY(buf_add(&walk->gathered, walk->direct, err));
	walk->direct = SPAN_NONE;
	return RC_OK;
}

/* Is it longer than wanted, and may be? */
static bool
is_passed_over(const struct walk *walk, uint64_t more)
{
	const struct walk_row *row = &walk->table->rows[walk->now];

	return (row->flags & WALK_IF_FITS) &&
	       (more > row->limit || walk->taken > row->limit - more);
}

static void
pass_over(struct walk *walk)
{
	buf_clear(&walk->gathered);
	walk->direct = SPAN_NONE;
	walk->mode = WALK_SKIPPING;
}

static enum rc
begin_gathered(struct walk *walk, const struct ber_item *item, struct err *err)
{
	uint64_t len = item->indefinite ? 0 : item->len;

	buf_clear(&walk->gathered);
	walk->direct = SPAN_NONE;
	walk->mode = WALK_GATHERING;
	if (is_passed_over(walk, item->bytes.len + len)) {
		pass_over(walk);
		if (!item->indefinite)
			ber_flatten(&walk->ber);
		return RC_OK;
	}
	TRY(take_bytes(walk, item->bytes.len, err));
	if (!item->indefinite) {
		/* a length that lies is seen before anything is kept */
		TRY(take_bytes(walk, item->len, err));
		ber_flatten(&walk->ber);
	}
	return gather(walk, item->bytes, err);
}

static enum rc
enter(struct walk *walk, int level, struct err *err)
{
	if (level + 1 >= WALK_LEVELS_MAX)
		bug("walk: a table too deep");
	walk->row[level + 1] = walk->now + 1;
	return RC_OK;
}

/* RC_AGAIN here and below: nothing to give out yet. */
static enum rc
begin_row(struct walk *walk, const struct ber_item *item, struct walk_item *ret,
    struct err *err)
{
	const struct walk_row *row = &walk->table->rows[walk->now];
	bool constructed = item->tag & BER_CONSTRUCTED;

	walk->taken = 0;
	switch (row->action) {
	case WALK_GATHER:
		TRY(begin_gathered(walk, item, err));
		return RC_AGAIN;
	case WALK_STREAM:
		walk->mode = WALK_STREAMING;
		yield(walk, WALK_BEGIN, item, SPAN_NONE, ret);
		return RC_OK;
	case WALK_SKIP:
		walk->mode = WALK_SKIPPING;
		if (!item->indefinite)
			ber_flatten(&walk->ber);
		return RC_AGAIN;
	case WALK_ENTER:
		break;
	}
	if (!constructed)
		return malformed(walk, err);
	TRY(enter(walk, item->level, err));
	return RC_AGAIN;
}

static enum rc
by_table(struct walk *walk, const struct ber_item *item, struct walk_item *ret,
    struct err *err)
{
	if (item->event == BER_END) {
		walk->finished = item->level == 0;
		return is_complete(walk, item->level + 1)
			   ? RC_AGAIN
			   : malformed(walk, err);
	}
	if (item->event == BER_BYTES || !find_row(walk, item->level, item->tag))
		return malformed(walk, err);
	return begin_row(walk, item, ret, err);
}

/* Is this the end of the element that row `now` is about? */
static bool
ends_row(struct walk *walk, const struct ber_item *item)
{
	if (item->event != BER_END ||
	    item->level != walk->table->rows[walk->now].level)
		return false;
	walk->mode = WALK_BY_TABLE;
	walk->finished = item->level == 0;
	return true;
}

static enum rc
skipping(struct walk *walk, const struct ber_item *item, struct err *err)
{
	bool limited = !(walk->table->rows[walk->now].flags & WALK_IF_FITS);

	if (!ends_row(walk, item) && limited)
		TRY(take_bytes(walk, item->bytes.len, err));
	return RC_AGAIN;
}

static enum rc
gathering(struct walk *walk, const struct ber_item *item, struct walk_item *ret,
    struct err *err)
{
	bool counted = item->event == BER_BYTES && !item->indefinite &&
		       item->level == walk->table->rows[walk->now].level;

	if (!counted && is_passed_over(walk, item->bytes.len)) {
		pass_over(walk);
		return skipping(walk, item, err);
	}
	if (!counted)
		TRY(take_bytes(walk, item->bytes.len, err));
	TRY(gather(walk, item->bytes, err));
	if (!ends_row(walk, item))
		return RC_AGAIN;
	struct span whole =
	    walk->gathered.len > 0 ? buf_span(&walk->gathered) : walk->direct;
	yield(walk, WALK_WHOLE, item, whole, ret);
	return RC_OK;
}

static enum rc
streaming(struct walk *walk, const struct ber_item *item, struct walk_item *ret,
    struct err *err)
{
	bool octets = (item->tag & ~BER_CONSTRUCTED) == DER_OCTETS;

	if (ends_row(walk, item)) {
		yield(walk, WALK_END, item, SPAN_NONE, ret);
		return RC_OK;
	}
	if (item->event == BER_BYTES) {
		TRY(take_bytes(walk, item->bytes.len, err));
		yield(walk, WALK_BYTES, item, item->bytes, ret);
		return RC_OK;
	}
	return octets ? RC_AGAIN : malformed(walk, err);
}

static enum rc
one_item(struct walk *walk, const struct ber_item *item, struct walk_item *ret,
    struct err *err)
{
	switch (walk->mode) {
	case WALK_GATHERING:
		return gathering(walk, item, ret, err);
	case WALK_STREAMING:
		return streaming(walk, item, ret, err);
	case WALK_SKIPPING:
		return skipping(walk, item, err);
	case WALK_BY_TABLE:
		break;
	}
	return by_table(walk, item, ret, err);
}

static enum rc
behind_the_end(struct walk *walk, struct err *err)
{
	if (span_trim(walk->ber.in).len > 0)
		return err_set(
		    err, RC_SYNTAX, "bytes behind the %s", walk->table->what);
	walk->ber.in = SPAN_NONE;
	return RC_AGAIN;
}

enum rc
walk_next(struct walk *walk, struct walk_item *ret, struct err *err)
{
	struct ber_item item;
	enum rc rc = RC_AGAIN;

	while (rc == RC_AGAIN) {
		rc = ber_next(&walk->ber, &item, err);
		if (rc == RC_ABSENT)
			return behind_the_end(walk, err);
		if (rc == RC_AGAIN) {
			TRY(keep_gathered(walk, err));
			return RC_AGAIN;
		}
		if (rc == RC_OK)
			rc = one_item(walk, &item, ret, err);
	}
	return rc;
}

enum rc
walk_finish(const struct walk *walk, struct err *err)
{
	return walk->finished ? RC_OK : malformed(walk, err);
}
