/* edge/imap_view -- what a letter is shown as: made once, kept for ever.
 *
 * RFC 3501 section 2.3.1.1: mailbox, UIDVALIDITY and UID together name one
 * content that never changes.  So a letter is judged and opened when it is
 * first asked for, and what came out is saved, wrapped:
 *
 *     views/MAC/UID            the keywords, when it was first seen and when
 *                              it was judged, and whether it was rebuilt
 *     views/MAC/UID.letter     the rebuilt letter; one that passes as it came
 *                              is fetched again instead
 *     views/MAC/UID.evidence   what proved the verdict, where there is any
 *
 * MAC is of mailbox and UIDVALIDITY, so that no mailbox's name is seen on the
 * disk.  Nothing is saved of a letter that could not be judged because the
 * agent itself was in trouble (no memory): it is judged when asked for again.
 *
 * What is shown is frozen, with its "as of TIME"; the verdict in the keywords
 * is not: certificates are revoked, people become known.  When a letter is
 * looked at again and its verdict is old (imap_view_is_due()), it is judged
 * again, as a letter that was first seen when it was.
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

/* Until a verdict is looked at again: a day, or less where the status of a
 * certificate could not be asked for. */
#define IMAP_VIEW_OLD (24 * 60 * 60)
#define IMAP_VIEW_OLD_UNCHECKED (10 * 60)

struct imap_view {
	struct strlist keywords;
	bool rebuilt;
	char judged[65];       /* SHA-256 of the letter that was judged, in
				* hex; "": by an earlier version, unknown */
	int64_t first_seen;    /* 0: unknown */
	int64_t judged_at;     /* 0: unknown, long ago */
	bool unchecked;        /* a status could not be asked for */
	bool noted;            /* what it tells of its sender is remembered */
	struct buf bytes;      /* what is shown; empty until it is needed */
	struct entity *letter; /* the same, parsed; NULL until then */
};

#define IMAP_VIEW_OWNED __attribute__((cleanup(imap_view_done)))
void imap_view_init(struct imap_view *view);
void imap_view_done(struct imap_view *view);

enum rc imap_view_folder_init(const struct agent *agent, struct span mailbox,
    uint32_t validity, struct imap_view_folder *ret, struct err *err);

/* Where they are now, whatever the mailbox's UIDVALIDITY: remembered, so that
 * those of an earlier one can be found.  *ret_old: where they were, "" if
 * nowhere else. */
enum rc imap_view_folder_renew(const struct agent *agent, struct span mailbox,
    const struct imap_view_folder *now, struct imap_view_folder *ret_old,
    struct err *err);

/* The mailbox is gone: forget all that is kept of it. */
enum rc imap_view_mailbox_forget(
    const struct agent *agent, struct span mailbox, struct err *err);
/* It is called `to` now, and its UIDVALIDITY is `validity` (0: nobody says).
 * What is kept goes with it if that is what it was; else it is forgotten. */
enum rc imap_view_mailbox_move(const struct agent *agent, struct span from,
    struct span to, uint32_t validity, struct err *err);

/* Call `each` for every folder of views; and for every letter of one that is
 * kept opened, which lies in the folder as it is shown.  RC_OK, or the first
 * failure of `each`. */
enum rc imap_view_each_folder(const struct agent *agent,
    enum rc (*each)(
	void *self, const struct imap_view_folder *folder, struct err *err),
    void *self, struct err *err);
enum rc imap_view_each(const struct agent *agent,
    const struct imap_view_folder *folder,
    enum rc (*each)(void *self, uint32_t uid, struct err *err), void *self,
    struct err *err);

/* Load what was decided.  RC_ABSENT: nothing yet. */
enum rc imap_view_find(const struct agent *agent,
    const struct imap_view_folder *folder, uint32_t uid, struct imap_view *ret,
    struct err *err);

/* Decide, from the letter as the server has it, and save; if another session
 * was quicker, its decision is taken. */
enum rc imap_view_decide(const struct agent *agent,
    const struct imap_view_folder *folder, uint32_t uid, struct span letter,
    struct imap_view *view, struct err *err);

/* Is it nothing but unsigned, so that the mail program is told no more of it
 * than of a letter nobody has judged? */
bool imap_view_is_unsigned(const struct imap_view *view);
/* Is the verdict old enough to be looked at again? */
bool imap_view_is_due(const struct imap_view *view, int64_t now);
/* Judge again, from the letter as the server has it, and save the keywords;
 * what is shown stays.  Whatever fails, the old verdict stays. */
void imap_view_refresh(const struct agent *agent,
    const struct imap_view_folder *folder, uint32_t uid, struct span letter,
    struct imap_view *view);

/* The letter is there too, under another UID: what is known of it goes with
 * it.  Nothing is known, or something is known of the other one already:
 * nothing is done. */
enum rc imap_view_copy(const struct agent *agent,
    const struct imap_view_folder *from, uint32_t uid,
    const struct imap_view_folder *to, uint32_t to_uid, struct err *err);

/* `letter`, as the server has it, is the same letter in another form, in the
 * place of that one: it is judged with what is known of it, when it was first
 * seen before all.  What fails, or nothing known: it is judged when asked
 * for. */
void imap_view_adopt(const struct agent *agent,
    const struct imap_view_folder *folder, uint32_t uid, uint32_t to_uid,
    struct span letter);

/* Forget the letter: it is gone. */
void imap_view_remove(const struct agent *agent,
    const struct imap_view_folder *folder, uint32_t uid);
/* Forget every letter of the folder up to `last` that `is_there` does not
 * name. */
void imap_view_sweep(const struct agent *agent,
    const struct imap_view_folder *folder, uint32_t last,
    bool (*is_there)(const void *self, uint32_t uid), const void *self);

/* Fill in bytes and tree.  `letter`, as the server has it, is looked at only
 * if the view is not a rebuilt one. */
enum rc imap_view_open(const struct agent *agent,
    const struct imap_view_folder *folder, uint32_t uid, struct span letter,
    struct imap_view *view, struct err *err);

/* The same, from bytes as they are shown, whatever they were before. */
enum rc imap_view_take(
    struct span shown, struct imap_view *view, struct err *err);

/* Append the letter without any line of its header that could be taken for a
 * Letterlock-Verdict field by a reader of whatever leniency. */
enum rc imap_view_strip(struct span letter, struct buf *out, struct err *err);

#endif
