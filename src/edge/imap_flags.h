/* edge/imap_flags -- lists of flags, with our keywords and without forged ones.
 *
 * "$Letterlock-verified" is worth something only if nobody else can set it:
 * whatever of that name stands on the server was put there by another program
 * or by the server, and is never shown.
 *
 * May use:   base codec os mime proto net store flow enrol.
 */
#ifndef EDGE_IMAP_FLAGS_H
#define EDGE_IMAP_FLAGS_H

#include "base/strlist.h"
#include "proto/imap_token.h"

/* Is it a keyword that only we set?  ASCII case folded, like all flags. */
bool imap_flag_is_ours(struct span flag);

/* Read "(...)" and append it without ours, then those of `add` (may be NULL),
 * closed by ")". */
enum rc imap_flags_print(struct imap_walk *walk, const struct strlist *add,
    struct buf *out, struct err *err);

/* Does the list "(...)" have that flag? */
bool imap_flags_have(struct span list, const char *flag);

/* Read a list of flags, or flags without parentheses up to the end, appending
 * "(...)".  RC_REFUSED: one of ours is among them. */
enum rc imap_flags_read(
    struct imap_walk *walk, struct buf *out, struct err *err);

/* Add the keywords that a mailbox may show. */
enum rc imap_flags_levels(struct strlist *out, struct err *err);

#endif
