/* edge/imap_search -- how a search is worked off.
 *
 *     the mail server answers its parts of the query, the index (store/index)
 *     what it knows of the words -> what is undecided after that is decided by
 *     looking at the letters -> found
 *
 * No word that is searched for is ever said to the mail server.
 */
#ifndef EDGE_IMAP_SEARCH_PRIV_H
#define EDGE_IMAP_SEARCH_PRIV_H

#include "edge/imap_batch_priv.h"
#include "edge/imap_query.h"
#include "store/index.h"

/* What the index knows of one letter. */
struct imap_known {
	bool there;  /* size, day and keys */
	bool worded; /* words */
	uint64_t size;
	int64_t day;
};

struct imap_search {
	struct imap_session *s;
	const struct imap_searching *asked;
	uint32_t *uid; /* of the letters when it began, ascending */
	bool *found;
	size_t len;
	struct imap_known *known; /* of each */
	bool letters, keywords;   /* what of a letter is needed */
	struct buf modseq;        /* as the mail server said it, or empty */
	bool refused;             /* the mail server did not answer a part */
	struct buf why;           /* then: its words */
};

#define IMAP_SEARCH_OWNED __attribute__((cleanup(imap_search_done)))
enum rc imap_search_init(struct imap_search *search, struct imap_session *s,
    const struct imap_searching *asked, struct err *err);
void imap_search_done(struct imap_search *search);

/* Fill in `found`, or `refused`. */
enum rc imap_search_run(struct imap_search *search, struct err *err);

/* Where a letter is; SIZE_MAX: it came later. */
size_t imap_search_position(const struct imap_search *search, uint32_t uid);

/* imap_known.c: ask the index, as far as it goes. */
enum rc imap_search_ask_index(struct imap_search *search, struct err *err);

/* Look at letters in a FETCH that the mail program does not see: by their
 * positions, ascending.  `letters`: they are to be opened. */
enum rc imap_search_look(struct imap_search *search, const bool *which,
    bool letters,
    enum rc (*look)(void *self, uint32_t uid, const struct imap_view *view,
	struct err *err),
    void *self, struct err *err);

#endif
