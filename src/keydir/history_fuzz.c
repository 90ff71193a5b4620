/* clang -g -fsanitize=fuzzer,address,undefined -std=gnu2x -Isrc, this file
 * and the sources of keydir, with those below it: whatever is in an item is
 * refused, or can be judged, and is the same once it is printed. */
#include <stdio.h>
#include <stdlib.h>

#include "keydir/history.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
must(bool true_for_all, const char *what)
{
	if (!true_for_all)
		bug(what);
}

/* FUZZ_SEEDS: where to leave an item to begin with. */
int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const struct history seen = {.address = "alice@alpha.test",
	    .name = "Alice",
	    .letters = 3,
	    .since = 1,
	    .last = 3,
	    .steady = 3,
	    .key = {{.root = {1}, .first = 1, .last = 3, .letters = 3}},
	    .keys = 1,
	    .mark = {1, 2, 3},
	    .marks = 3};
	const char *folder = getenv("FUZZ_SEEDS");
	struct buf text BUF_OWNED = BUF(HISTORY_ITEM_MAX);
	char path[4096];

	(void)argc;
	(void)argv;
	if (folder == NULL)
		return 0;
	must(history_print(&seen, &text, NULL) == RC_OK, "no seed");
	(void)snprintf(path, sizeof(path), "%s/seen", folder);
	FILE *file = fopen(path, "we");
	must(file != NULL && fwrite(text.data, 1, text.len, file) == text.len &&
		 fclose(file) == 0,
	    "seed not written");
	return 0;
}

static void
judge(const struct history *h)
{
	struct history_letter letter = {
	    .is_signed = h->keys > 0, .when = h->last, .seen = h->last};
	struct history_opinion first, again;

	if (h->keys > 0) {
		memcpy(letter.key, h->key[0].key, sizeof(letter.key));
		memcpy(letter.root, h->key[0].root, sizeof(letter.root));
	}
	history_judge(h, &letter, &first);
	history_judge(h, &letter, &again);
	must(span_is(span_of(&first, sizeof(first)),
		 span_of(&again, sizeof(again))),
	    "judged otherwise");
	must(!history_is_meant(h) || history_is_known(h), "meant, not known");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct history first, again;
	struct buf text BUF_OWNED = BUF(HISTORY_ITEM_MAX);
	struct buf twice BUF_OWNED = BUF(HISTORY_ITEM_MAX);

	if (history_parse(span_of(data, len), &first, NULL) != RC_OK)
		return 0;
	judge(&first);
	must(history_print(&first, &text, NULL) == RC_OK, "not printed");
	must(history_parse(buf_span(&text), &again, NULL) == RC_OK,
	    "not read again");
	must(history_print(&again, &twice, NULL) == RC_OK, "not printed twice");
	must(span_is(buf_span(&text), buf_span(&twice)), "not the same");
	return 0;
}
