#include "flow/distance.h"

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* One row of the table: `two` and `one` are those above it. */
struct rows {
	size_t two[DISTANCE_MAX + 1];
	size_t one[DISTANCE_MAX + 1];
	size_t now[DISTANCE_MAX + 1];
};

/* Returns the smallest number in the row: nothing below can be less. */
static size_t
fill_row(struct rows *r, struct span a, size_t i, struct span b)
{
	size_t smallest = r->now[0] = i;

	for (size_t j = 1; j <= b.len; j++) {
		size_t other = a.data[i - 1] != b.data[j - 1];
		r->now[j] = least(
		    r->one[j - 1] + other, least(r->one[j], r->now[j - 1]) + 1);
		if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] &&
		    a.data[i - 2] == b.data[j - 1])
			r->now[j] = least(r->now[j], r->two[j - 2] + 1);
		smallest = least(smallest, r->now[j]);
	}
	return smallest;
}

size_t
distance_between(struct span a, struct span b, size_t limit)
{
	struct rows r = {0};
	size_t longer = a.len > b.len ? a.len - b.len : b.len - a.len;

	if (longer > limit || a.len > DISTANCE_MAX || b.len > DISTANCE_MAX)
		return limit + 1;
	for (size_t j = 0; j <= b.len; j++)
		r.one[j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		if (fill_row(&r, a, i, b) > limit + 1)
			return limit + 1;
		memcpy(r.two, r.one, sizeof(r.one));
		memcpy(r.one, r.now, sizeof(r.now));
	}
	return least(r.one[b.len], limit + 1);
}

uint64_t
distance_bag(struct span name)
{
	uint64_t bag = 0;

	for (size_t i = 0; i < name.len; i++)
		bag |= (uint64_t)1 << (name.data[i] & 63);
	return bag;
}
