/* edge/imap_uids -- which UID has the letter with this sequence number.
 *
 * The table of one selected mailbox.  It moves with exactly what the mail
 * program is told (EXISTS, EXPUNGE), so its sequence numbers are the
 * program's own.
 *
 * May use:   base codec os mime proto net store flow enrol.
 * Limits:    IMAP_UIDS_MAX letters: RC_LIMIT.
 */
#ifndef EDGE_IMAP_UIDS_H
#define EDGE_IMAP_UIDS_H

#include "edge/imap_set.h"

#define IMAP_UIDS_MAX 5000000

struct imap_place {
	uint32_t uid; /* 0: not known yet */
	bool stale;   /* the program has to be told its flags */
	bool changed; /* since the mod-sequence that a FETCH names */
	bool bare;    /* its flags were told without a verdict among them */
};

struct imap_uids {
	struct imap_place *place; /* owned; sequence number n is place[n - 1] */
	size_t len;
	size_t cap;
};

#define IMAP_UIDS_NONE ((struct imap_uids){NULL, 0, 0})
void imap_uids_done(struct imap_uids *uids);

/* "* n EXISTS".  RC_SYNTAX: fewer than before, which only EXPUNGE may say. */
enum rc imap_uids_grow(
    struct imap_uids *uids, uint32_t exists, struct err *err);
/* "* n EXPUNGE".  RC_SYNTAX: there is none. */
enum rc imap_uids_remove(
    struct imap_uids *uids, uint32_t number, struct err *err);
/* "* VANISHED set": of letters whose UID is not known yet, as many are gone as
 * the set has UIDs above all known ones. */
void imap_uids_vanish(struct imap_uids *uids, const struct imap_set *set);
/* "* n FETCH (UID uid)".  RC_SYNTAX: no such letter, another UID than before,
 * or not in ascending order (RFC 3501 section 2.3.1.1). */
enum rc imap_uids_set(
    struct imap_uids *uids, uint32_t number, uint32_t uid, struct err *err);

/* The first sequence number whose UID is not known, 0 if all are. */
uint32_t imap_uids_unknown(const struct imap_uids *uids);
/* The sequence number, which is at most `from`; 0 if it is gone. */
uint32_t imap_uids_find(
    const struct imap_uids *uids, uint32_t uid, uint32_t from);
/* Has the program to be told the flags of any? */
bool imap_uids_stale(const struct imap_uids *uids);
/* The largest UID, 0 if there is none. */
uint32_t imap_uids_last(const struct imap_uids *uids);

#endif
