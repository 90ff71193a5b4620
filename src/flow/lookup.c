#include "flow/lookup.h"

#include <stdlib.h>

#include "base/buf.h"

#define LOOKUP_FIRST_SLOTS 256

static size_t
hash_of(struct span text)
{
	uint64_t hash = 0xcbf29ce484222325; /* FNV-1a */

	for (size_t i = 0; i < text.len; i++)
		hash = (hash ^ text.data[i]) * 0x100000001b3;
	return (size_t)(hash ^ (hash >> 32));
}

static void
chain(struct lookup *lookup, size_t number)
{
	struct lookup_entry *e = &lookup->entry[number];
	size_t at = hash_of(span_of(e->text, e->len)) & (lookup->slots - 1);

	e->next = lookup->slot[at];
	lookup->slot[at] = number;
}

static enum rc
widen(struct lookup *lookup, struct err *err)
{
	if (lookup->len < lookup->slots)
		return RC_OK;
	size_t slots =
	    lookup->slots > 0 ? lookup->slots * 2 : LOOKUP_FIRST_SLOTS;
	size_t *slot = calloc(slots, sizeof(*slot));
	if (slot == NULL)
		return err_nomem(err, "looking up names");
	for (size_t i = 0; i < slots; i++)
		slot[i] = LOOKUP_NONE;
	free(lookup->slot);
	lookup->slot = slot;
	lookup->slots = slots;
	for (size_t i = 0; i < lookup->len; i++)
		chain(lookup, i);
	return RC_OK;
}

static enum rc
lengthen(struct lookup *lookup, struct err *err)
{
	if (lookup->len < lookup->cap)
		return RC_OK;
	if (lookup->len >= LOOKUP_MAX)
		return err_set(err, RC_LIMIT, "more than %zu names to look up",
		    LOOKUP_MAX);
	size_t cap = lookup->cap > 0 ? lookup->cap * 2 : LOOKUP_FIRST_SLOTS;
	struct lookup_entry *entry =
	    reallocarray(lookup->entry, cap, sizeof(*entry));
	if (entry == NULL)
		return err_nomem(err, "looking up names");
	lookup->entry = entry;
	lookup->cap = cap;
	return RC_OK;
}

enum rc
lookup_add(
    struct lookup *lookup, struct span text, size_t value, struct err *err)
{
	struct lookup_entry new = {.len = text.len, .value = value};

	if (text.len == 0)
		return RC_OK;
	TRY(lengthen(lookup, err));
	TRY(widen(lookup, err));
	TRY(span_dup(text, &new.text, err));
	lookup->entry[lookup->len++] = new;
	chain(lookup, lookup->len - 1);
	return RC_OK;
}

bool
lookup_next(const struct lookup *lookup, struct span text, size_t *at,
    size_t *ret_value)
{
	if (lookup->slots == 0)
		return false;
	size_t next = *at == LOOKUP_NONE
			  ? lookup->slot[hash_of(text) & (lookup->slots - 1)]
			  : lookup->entry[*at].next;
	while (next != LOOKUP_NONE) {
		const struct lookup_entry *e = &lookup->entry[next];
		if (span_is(span_of(e->text, e->len), text)) {
			*at = next;
			*ret_value = e->value;
			return true;
		}
		next = e->next;
	}
	return false;
}

bool
lookup_has(const struct lookup *lookup, struct span text)
{
	size_t at = LOOKUP_NONE, value = 0;

	return lookup_next(lookup, text, &at, &value);
}

void
lookup_done(struct lookup *lookup)
{
	for (size_t i = 0; i < lookup->len; i++)
		free(lookup->entry[i].text);
	free(lookup->entry);
	free(lookup->slot);
	*lookup = LOOKUP_EMPTY;
}
