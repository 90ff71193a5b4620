/* edge/imap_batch -- the letters of a FETCH, answered.
 *
 *     the letters that were chosen, 250 at a time -> what of each is known, and
 *     what must come from the mail server -> neighbours that need the same are
 *     asked for in one command -> each is answered as it comes
 *
 * A mail program lists a folder by flags, headers and sizes.  Of letters that
 * are in the clear those are told without fetching, and so without judging,
 * what is in them; only the newest ones are judged at once.
 *
 * UID FETCH asks the mail server by UID, FETCH by number: then it does not say
 * EXPUNGE in between (RFC 3501 section 7.4.1), and what we pass on stays as
 * regular as what it says.
 */
#ifndef EDGE_IMAP_BATCH_PRIV_H
#define EDGE_IMAP_BATCH_PRIV_H

#include "edge/imap_items.h"
#include "edge/imap_session_priv.h"

#define IMAP_BATCH_MAX 250

enum imap_need {
	NEED_NOTHING,  /* all is known here */
	NEED_FLAGS,    /* what the mail server answers, but the letter */
	NEED_HEADER,   /* its header and size; then perhaps the letter */
	NEED_LETTER,   /* the letter too */
	NEED_TOO_MUCH, /* it is larger than we take */
};

struct imap_pick {
	uint32_t number; /* when it was picked; later at most that */
	uint32_t uid;
	enum imap_need need;
	bool ahead;   /* one of the newest: judge it, wanted or not */
	bool whole;   /* its header does not do */
	bool decided; /* `view` has the keywords */
	bool again;   /* they are old: judge it again */
	bool changed; /* then they were other ones */
	bool done;    /* answered */
	bool unseen;
	uint32_t size; /* as it is shown, if only the header is known; or 0 */
	struct imap_view view;
};

struct imap_batch {
	struct imap_session *s;
	const struct imap_items *items;
	bool by_uid; /* how the mail server is asked */
	bool sees;   /* \Seen is to be set */
	bool quiet;  /* the mail program did not ask, and is not told */
	/* who is told instead, of a view that is open if an item needs that;
	 * may be NULL */
	enum rc (*look)(void *self, uint32_t uid, const struct imap_view *view,
	    struct err *err);
	void *self;
	bool letter; /* an item needs the letter */
	bool header; /* and all of those no more than its header */
	bool flags;
	struct imap_pick *pick; /* IMAP_BATCH_MAX of them */
	size_t len;
	unsigned judged_again;
	struct err why; /* why a letter was left out; "" if none was */
};

#define IMAP_BATCH_OWNED __attribute__((cleanup(imap_batch_done)))
enum rc imap_batch_init(struct imap_batch *f, struct imap_session *s,
    const struct imap_items *items, struct err *err);
void imap_batch_done(struct imap_batch *f);

/* The UIDs, with the numbers they had, of all letters asked for. */
struct imap_chosen {
	struct {
		uint32_t number, uid;
	} * item;
	size_t len;
};

#define IMAP_CHOSEN_OWNED __attribute__((cleanup(imap_chosen_done)))
void imap_chosen_done(struct imap_chosen *chosen);

/* Answer for each of them.  What could not be answered is in `f->why`. */
enum rc imap_batch_run(
    struct imap_batch *f, const struct imap_chosen *chosen, struct err *err);

#endif
