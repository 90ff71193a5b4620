#include "edge/imap_set.h"

#include <stdlib.h>

enum rc
imap_number_parse(struct span text, uint32_t *ret, struct err *err)
{
	uint64_t number = 0;

	if (text.len == 0 || text.len > 10)
		return err_set(err, RC_SYNTAX, "a number is missing");
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return err_set(err, RC_SYNTAX, "this is no number");
		number = number * 10 + (uint64_t)(text.data[i] - '0');
	}
	if (number > UINT32_MAX)
		return err_set(err, RC_SYNTAX, "a number is too large");
	*ret = (uint32_t)number;
	return RC_OK;
}

enum rc
imap_modseq_check(struct span text, struct err *err)
{
	int64_t number = 0;

	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] < '0' || text.data[i] > '9' ||
		    __builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, text.data[i] - '0', &number))
			return err_set(
			    err, RC_SYNTAX, "this is no mod-sequence");
	return text.len > 0 && text.len <= 20
		   ? RC_OK
		   : err_set(err, RC_SYNTAX, "a mod-sequence is missing");
}

/* RFC 3501 section 9: seq-number = nz-number / "*" */
static enum rc
parse_bound(struct span text, uint32_t largest, uint32_t *ret, struct err *err)
{
	uint32_t number = 0;

	if (span_is(text, span_str("*"))) {
		*ret = largest;
		return RC_OK;
	}
	TRY(imap_number_parse(text, &number, err));
	if (number == 0)
		return err_set(err, RC_SYNTAX, "numbers begin with 1");
	*ret = number;
	return RC_OK;
}

static enum rc
parse_range(
    struct span text, uint32_t largest, struct imap_range *ret, struct err *err)
{
	ptrdiff_t colon = span_find_byte(text, ':');
	struct span first = colon < 0 ? text : span_first(text, (size_t)colon);
	uint32_t a = 0, b = 0;

	TRY(parse_bound(first, largest, &a, err));
	b = a;
	if (colon >= 0)
		TRY(parse_bound(
		    span_after(text, (size_t)colon + 1), largest, &b, err));
	/* "7:3" is 3:7 */
	*ret = a < b ? (struct imap_range){a, b} : (struct imap_range){b, a};
	return RC_OK;
}

static int
compare(const void *a, const void *b)
{
	const struct imap_range *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

static void
merge(struct imap_set *set)
{
	size_t kept = 0;

	qsort(set->range, set->len, sizeof(set->range[0]), compare);
	for (size_t i = 1; i < set->len; i++) {
		struct imap_range *last = &set->range[kept];
		if (set->range[i].first > last->last)
			set->range[++kept] = set->range[i];
		else if (set->range[i].last > last->last)
			last->last = set->range[i].last;
	}
	set->len = set->len == 0 ? 0 : kept + 1;
}

static size_t
count_ranges(struct span text)
{
	size_t count = 1;

	for (size_t i = 0; i < text.len; i++)
		count += text.data[i] == ',';
	return count;
}

enum rc
imap_set_parse(
    struct span text, uint32_t largest, struct imap_set *ret, struct err *err)
{
	struct imap_set set IMAP_SET_OWNED = IMAP_SET_NONE;
	size_t count = count_ranges(text);

	if (count > IMAP_SET_MAX)
		return err_set(err, RC_LIMIT, "more than %d ranges in a set",
		    IMAP_SET_MAX);
	set.range = calloc(count, sizeof(set.range[0]));
	if (set.range == NULL)
		return err_nomem(err, "set");
	while (set.len < count) {
		ptrdiff_t comma = span_find_byte(text, ',');
		size_t len = comma < 0 ? text.len : (size_t)comma;
		TRY(parse_range(
		    span_first(text, len), largest, &set.range[set.len], err));
		set.len++;
		text = span_after(text, len + 1);
	}
	merge(&set);
	*ret = set;
	set = IMAP_SET_NONE;
	return RC_OK;
}

enum rc
imap_set_check(struct span text, struct err *err)
{
	struct imap_set set IMAP_SET_OWNED = IMAP_SET_NONE;

	return imap_set_parse(text, 1, &set, err);
}

void
imap_set_done(struct imap_set *set)
{
	free(set->range);
	*set = IMAP_SET_NONE;
}

bool
imap_set_has(const struct imap_set *set, uint32_t number)
{
	size_t low = 0, high = set->len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (set->range[middle].last < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low < set->len && set->range[low].first <= number;
}

uint32_t
imap_set_last(const struct imap_set *set)
{
	return set->len == 0 ? 0 : set->range[set->len - 1].last;
}
