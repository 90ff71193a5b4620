/* libFuzzer: whatever the letter and whatever is asked of it, the answer is one
 * list of IMAP words, as long as it says, and a part of the letter is cut out
 * of its bytes.
 *
 *     clang -std=gnu2x -g -O1 -fsanitize=fuzzer,address,undefined -Isrc \
 *         src/edge/imap_items_fuzz.c libroom_edge.a ...
 *
 * Up to the first line end: what is asked; the letter behind it.
 */
#include "edge/imap_items.h"

#include <stdlib.h>

#include "base/own.h"
#include "edge/imap_fetched.h"
#include "edge/imap_flags.h"
#include "edge/imap_query.h"
#include "edge/imap_set.h"
#include "edge/imap_view.h"

OWNER(struct entity, entity_free);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
demand(bool fact)
{
	if (!fact)
		abort();
}

/* One value: as many lists closed as opened, and nothing behind. */
static void
check_words(struct span text)
{
	struct imap_walk walk = {text};
	struct imap_token token;
	size_t depth = 0;

	do {
		demand(imap_walk_next(&walk, &token, NULL) == RC_OK);
		depth += token.kind == IMAP_OPEN;
		demand(token.kind != IMAP_CLOSE || depth-- > 0);
		demand(token.kind != IMAP_END);
	} while (depth > 0);
	demand(walk.rest.len == 0);
}

static void
ask(const struct imap_items *items, const struct entity *letter)
{
	for (size_t i = 0; i < items->len; i++) {
		struct buf out BUF_OWNED = BUF((size_t)64 << 20);
		const struct imap_item *item = &items->item[i];
		if (item->kind < IMAP_ITEM_SIZE)
			continue;
		demand(imap_item_print(item, letter, &out, NULL) == RC_OK);
		check_words(buf_span(&out));
	}
}

static void
read_query(struct imap_walk walk)
{
	struct imap_searching searching IMAP_SEARCHING_OWNED = {0};

	if (imap_query_parse(&walk, &searching, NULL) == RC_OK)
		demand(searching.query != NULL);
}

/* The other readers of what comes over the wire. */
static void
read_otherwise(struct span line)
{
	struct imap_set set IMAP_SET_OWNED = IMAP_SET_NONE;
	struct buf flags BUF_OWNED = BUF_SMALL;
	struct imap_walk walk = {line};
	struct imap_fetched fetched;

	(void)!imap_set_parse(line, 7, &set, NULL);
	read_query(walk);
	(void)!imap_flags_read(&walk, &flags, NULL);
	(void)!imap_fetched_parse(line, &fetched, NULL);
}

static void
check_strip(struct span letter)
{
	struct buf once BUF_OWNED = BUF(SIZE_MAX / 2);
	struct buf twice BUF_OWNED = BUF(SIZE_MAX / 2);

	demand(imap_view_strip(letter, &once, NULL) == RC_OK);
	demand(imap_view_strip(buf_span(&once), &twice, NULL) == RC_OK);
	demand(once.len <= letter.len);
	demand(span_is(buf_span(&once), buf_span(&twice)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span all = span_of(data, size);
	ptrdiff_t end = span_find_byte(all, '\n');
	struct span asked = end < 0 ? all : span_first(all, (size_t)end);
	struct span bytes = span_after(all, asked.len + 1);
	struct imap_walk walk = {asked};
	struct entity *letter OWNED(entity_free) = NULL;
	struct imap_items items IMAP_ITEMS_OWNED;

	imap_items_init(&items);
	read_otherwise(asked);
	check_strip(bytes);
	if (imap_items_parse(&walk, &items, NULL) != RC_OK ||
	    entity_parse(bytes, ENTITY_LIMITS, &letter, NULL) != RC_OK)
		return 0;
	ask(&items, letter);
	return 0;
}
