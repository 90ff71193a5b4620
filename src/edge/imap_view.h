/* edge/imap_view -- what a letter is shown as: decided once, kept for ever.
 *
 * RFC 3501 section 2.3.1.1: mailbox, UIDVALIDITY and UID together name one
 * content that never changes.  So a letter is judged and opened when it is
 * first asked for, and what came out is saved, wrapped:
 *
 *     views/MAC/UID          the keywords, and whether it was rebuilt
 *     views/MAC/UID.letter   the rebuilt letter; one that passes as it came is
 *                            fetched again instead
 *
 * MAC is of mailbox and UIDVALIDITY, so that no mailbox's name is seen on the
 * disk.  Nothing is saved of a letter that could not be judged because the
 * agent itself was in trouble (no memory): it is judged when asked for again.
 *
 * May use:   base codec os mime proto net store flow enrol.
 */
#ifndef EDGE_IMAP_VIEW_H
#define EDGE_IMAP_VIEW_H

#include "edge/agent.h"
#include "mime/entity.h"

#define IMAP_VIEW_FOLDER_MAX 48

/* Where the views of one mailbox are. */
struct imap_view_folder {
	char name[IMAP_VIEW_FOLDER_MAX];
};

struct imap_view {
	struct strlist keywords;
	bool rebuilt;
	char judged[65];       /* SHA-256 of the letter that was judged, in
				* hex; of one that is shown as it came */
	struct buf bytes;      /* what is shown; empty until it is needed */
	struct entity *letter; /* the same, parsed; NULL until then */
};

#define IMAP_VIEW_OWNED __attribute__((cleanup(imap_view_done)))
void imap_view_init(struct imap_view *view);
void imap_view_done(struct imap_view *view);

enum rc imap_view_folder_init(const struct agent *agent, struct span mailbox,
    uint32_t validity, struct imap_view_folder *ret, struct err *err);

/* Load what was decided.  RC_ABSENT: nothing yet. */
enum rc imap_view_find(const struct agent *agent,
    const struct imap_view_folder *folder, uint32_t uid, struct imap_view *ret,
    struct err *err);

/* Decide, from the letter as the server has it, and save; if another session
 * was quicker, its decision is taken. */
enum rc imap_view_decide(const struct agent *agent,
    const struct imap_view_folder *folder, uint32_t uid, struct span letter,
    struct imap_view *view, struct err *err);

/* Fill in bytes and tree.  `letter`, as the server has it, is looked at only
 * if the view is not a rebuilt one. */
enum rc imap_view_open(const struct agent *agent,
    const struct imap_view_folder *folder, uint32_t uid, struct span letter,
    struct imap_view *view, struct err *err);

/* Append the letter without any line of its header that could be taken for a
 * Letterlock-Verdict field by a reader of whatever leniency. */
enum rc imap_view_strip(struct span letter, struct buf *out, struct err *err);

#endif
