/* edge/imap_fetched -- a FETCH answer of the mail server, taken apart.
 *
 * May use:   base codec os mime proto net store flow enrol.
 */
#ifndef EDGE_IMAP_FETCHED_H
#define EDGE_IMAP_FETCHED_H

#include "edge/imap_items.h"

struct imap_fetched {
	uint32_t number;
	uint32_t uid;  /* 0: not said */
	uint32_t size; /* RFC822.SIZE; 0: not said */
	/* what the mail server answers, by kind, as it stands: "(...)" with
	 * parentheses, dates with their quotes; empty: not said */
	struct span told[IMAP_ITEM_SIZE];
	struct imap_token body;   /* BODY[]; a string if it was said */
	struct imap_token header; /* BODY[HEADER]; the same */
};

/* All spans lend bytes of `line`.  RC_ABSENT: this is no FETCH answer. */
enum rc imap_fetched_parse(
    struct span line, struct imap_fetched *ret, struct err *err);

/* "12 EXISTS": the number, and the word behind it.  RC_ABSENT: no number. */
enum rc imap_numbered_parse(struct imap_walk *walk, uint32_t *ret,
    struct span *ret_word, struct err *err);

#endif
