/* store/spool -- sealed letters that were accepted and are not delivered yet.
 *
 *   add --------> waiting --take--> (one thread tries) --done--> gone
 *   (fsynced)        ^                    |
 *                    +------ later -------+
 *
 * What spool_add() returned RC_OK for is on disk and survives a crash; it is
 * there until spool_done().  Each entry is one file of the state folder
 * (wrapped, so that not even blind recipients' addresses lie open).  A letter
 * here is always sealed: the caller has nothing else to give.
 *
 *     spool/00000000000000000007     a letter alone
 *     spool/00000000000000000008-10  one of a group of several, whose last is
 *     spool/00000000000000000010-10  10; it counts once there is
 *     spool-groups/00000000000000000010  which is there as long as one of them is
 *
 * May use:   base codec os pki.
 */
#ifndef STORE_SPOOL_H
#define STORE_SPOOL_H

#include "base/strlist.h"
#include "store/state.h"

struct spool; /* shared by threads */

struct spool_letter {
	char *from; /* "" for the null reverse-path; owned */
	struct strlist to;
	/* What the sender wants to be told (RFC 3461), as it came, "" for
	 * nothing: of each of `to`, or no items at all. */
	struct strlist notify, orcpt;
	char *envid;      /* NULL: none */
	struct buf bytes; /* the sealed letter as it goes out */
	char *message_id; /* for the log and the bounce */
	int64_t accepted; /* when */
	int64_t next;     /* not before; 0: at once */
	unsigned tries;
	char last_error[300]; /* printable */
};

#define SPOOL_LETTER_OWNED __attribute__((cleanup(spool_letter_done)))
void spool_letter_done(struct spool_letter *letter);

/* Reads what an earlier process left (half-written entries cannot exist). */
enum rc spool_new(struct state *state, struct spool **ret, struct err *err);
void spool_free(struct spool *spool);
OWNER(struct spool, spool_free);

/* Add a group of letters (the copies of one submission) all or nothing, marked
 * as being tried by the caller.  ids[i] is filled for each.  RC_IO: the disk
 * is full or broken; then none is there.  Nor is there any after a crash before
 * this has returned, unless all are. */
enum rc spool_add(struct spool *spool, const struct spool_letter *letters,
    size_t count, uint64_t *ids, struct err *err);

/* Take one that is due for trying: marked as being tried.  RC_ABSENT: none;
 * then *ret_next is when the next one is due (INT64_MAX: never). */
enum rc spool_take(struct spool *spool, int64_t now, uint64_t *ret_id,
    struct spool_letter *ret, int64_t *ret_next, struct err *err);

/* Delivered or given up for good: remove durably. */
enum rc spool_done(struct spool *spool, uint64_t id, struct err *err);
/* Failed for now: count the try, keep the reason, try again at `next`. */
enum rc spool_later(struct spool *spool, uint64_t id, int64_t next,
    const char *why, struct err *err);
size_t spool_count(struct spool *spool);

#endif
