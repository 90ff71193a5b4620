/* edge/imap_sort -- the letters of a SORT or THREAD, and what of them is
 * compared: from the index, or from the letter where that does not know it;
 * when it arrived, from the mail server.
 *
 * Standard:  RFC 5256, RFC 5957 (DISPLAY).
 */
#ifndef EDGE_IMAP_SORT_PRIV_H
#define EDGE_IMAP_SORT_PRIV_H

#include "edge/imap_keys.h"
#include "edge/imap_search_priv.h"

struct imap_sorted {
	uint32_t number, uid;
	struct imap_keys keys;
	uint64_t size;
	int64_t arrival; /* seconds; 0: the mail server does not say */
	int64_t date;    /* when it was sent; if it does not say, arrived */
	bool keyed;      /* `keys` and `size` are known */
	size_t at, len;  /* of the keys, in `text` */
};

struct imap_sorting {
	struct imap_searching asked;
	struct imap_search search;
	struct imap_sorted *item; /* owned; ascending, of what was found */
	size_t len;
	struct buf text; /* the keys point into it */
};

#define IMAP_SORTING_OWNED __attribute__((cleanup(imap_sorting_done)))
void imap_sorting_init(struct imap_sorting *sorting);
void imap_sorting_done(struct imap_sorting *sorting);

/* Read charset and keys of the search, and fill in what it finds; with
 * `letters` what is in them, and when they were sent.  RC_REFUSED: the mail
 * program was told why not. */
enum rc imap_sorting_run(struct imap_sorting *sorting, struct imap_session *s,
    struct imap_walk *args, bool letters, bool arrivals, struct err *err);

/* The order of when they were sent, then of the mailbox. */
int imap_sorted_by_date(
    const struct imap_sorted *a, const struct imap_sorted *b);

#endif
