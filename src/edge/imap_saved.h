/* edge/imap_saved -- the letters that "$" stands for (RFC 5182).
 *
 * UIDs, for numbers move.  A letter that is gone is not in it any more.
 *
 * May use:   base codec os mime proto net store flow enrol.
 */
#ifndef EDGE_IMAP_SAVED_H
#define EDGE_IMAP_SAVED_H

#include "edge/imap_uids.h"

struct imap_saved {
	uint32_t *uid; /* owned, ascending */
	size_t len;
};

#define IMAP_SAVED_NONE ((struct imap_saved){NULL, 0})
void imap_saved_done(struct imap_saved *saved);
bool imap_saved_has(const struct imap_saved *saved, uint32_t uid);

/* Append a set as a command names it: as it stands, or what "$" stands for, by
 * UID or by number.  RC_ABSENT: "$" stands for no letter. */
enum rc imap_saved_spell(const struct imap_saved *saved,
    const struct imap_uids *uids, bool by_uid, struct span set, struct buf *out,
    struct err *err);

/* Append ascending numbers as a set, "1:3,9". */
enum rc imap_saved_print(
    const uint32_t *number, size_t len, struct buf *out, struct err *err);

#endif
