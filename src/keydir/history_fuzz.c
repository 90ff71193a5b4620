/* clang -g -fsanitize=fuzzer,address,undefined -std=gnu2x -Isrc, this file
 * and the sources of keydir, with those below it: whatever is in an item is
 * refused, or can be judged, and is the same once it is printed. */
#include "keydir/history.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
must(bool true_for_all, const char *what)
{
	if (!true_for_all)
		bug(what);
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
