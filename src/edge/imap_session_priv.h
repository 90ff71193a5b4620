/* edge/imap_session -- what the parts of one IMAP session share.
 *
 *     CLEAR --STARTTLS--> BEFORE_LOGIN
 *     BEFORE_LOGIN --log_in()--> LOGGED_IN --select_mailbox()--> SELECTED
 *                                    ^                              |
 *                                    +-----close_mailbox()----------+
 *     any --LOGOUT, five wrong credentials--> OVER
 *
 * Every function returns RC_OK when the mail program got its answer, a "no"
 * included; anything else ends the session: the mail server or the mail
 * program is gone or talks nonsense.
 */
#ifndef EDGE_IMAP_SESSION_PRIV_H
#define EDGE_IMAP_SESSION_PRIV_H

#include "codec/deflate.h"
#include "edge/front.h"
#include "edge/imap_saved.h"
#include "edge/imap_uids.h"
#include "edge/imap_view.h"
#include "proto/imap_stream.h"

#define IMAP_TAG_MAX 64

enum imap_state {
	IMAP_BEFORE_LOGIN = 1,
	IMAP_LOGGED_IN = 2,
	IMAP_SELECTED = 4,
	IMAP_OVER = 8,
	IMAP_CLEAR = 16, /* before STARTTLS */
};

/* The selected mailbox. */
struct imap_box {
	uint32_t validity; /* 0: not said yet */
	bool read_only;
	struct imap_view_folder views; /* set once `validity` is known */
	uint32_t uid_next;             /* when it was selected; 0: not said */
	bool swept; /* no view of a letter that is gone is left */
	struct imap_uids uids;
	struct imap_saved saved; /* "$" */
	/* what the index did not have when that was last looked at */
	bool listed;
	struct imap_saved missing;
};

struct imap_session {
	const struct agent *agent;
	struct visit *visit;           /* the mail program */
	struct stream *stream;         /* its */
	struct imap_stream *units;     /* what it says */
	struct deflate_reader *unpack; /* after COMPRESS; else NULL */
	struct deflate_writer *pack;
	struct imap_link *link; /* the mail server; NULL before login */
	enum imap_state state;
	unsigned wrong; /* credentials */
	unsigned junk;  /* bad commands before login */
	bool gone;      /* the mail program; it is not told any more */
	struct buf out; /* for it */
	struct imap_box box;
	char tag[IMAP_TAG_MAX + 1]; /* of the command in work */
	bool by_uid;                /* it begins with "UID" */
	bool modseq;  /* the mail server tells MODSEQ unasked (RFC 7162) */
	bool qresync; /* and VANISHED instead of EXPUNGE */
	struct buf copy_to; /* mailbox of the COPY or MOVE in work; or empty */
};

/* --- to the mail program --- */

/* Send what is in `out` if it is much, or at any rate. */
enum rc imap_flush_much(struct imap_session *s, struct err *err);
enum rc imap_flush(struct imap_session *s, struct err *err);
/* Take in what it says now; waits for at least one byte. */
enum rc imap_read(struct imap_session *s, struct err *err);
/* Wait until it (bit 0 of *ret) or the mail server (bit 1), if there is one,
 * has said something.  RC_AGAIN: nobody within `timeout`. */
enum rc imap_wait(
    struct imap_session *s, int timeout, unsigned *ret, struct err *err);
/* Send bytes to it as they are. */
enum rc imap_write(struct imap_session *s, struct span bytes, struct err *err);
/* "TAG text" */
enum rc imap_reply(struct imap_session *s, struct err *err, const char *format,
    ...) __attribute__((format(printf, 3, 4)));
/* "TAG BAD why" */
enum rc imap_reply_bad(
    struct imap_session *s, const struct err *why, struct err *err);
/* "* text" */
enum rc imap_tell(struct imap_session *s, struct err *err, const char *format,
    ...) __attribute__((format(printf, 3, 4)));

/* --- from and to the mail server --- */

/* The next answer to the command in work: IMAP_UNTAGGED, or its end. */
enum rc imap_upstream_next(struct imap_session *s, enum imap_answer *ret,
    struct span *ret_line, struct err *err);
/* Pass on what it has said while no command waits for its end: most often it
 * says good-bye. */
enum rc imap_upstream_hear(struct imap_session *s, struct err *err);
/* Send a command and pass on what comes untagged, to its end; the words of the
 * end are put into `ret_text`. */
enum rc imap_upstream_run(struct imap_session *s, struct span command,
    enum imap_answer *ret, struct buf *ret_text, struct err *err);
/* The same, and the mail program gets the end too. */
enum rc imap_upstream_relay(
    struct imap_session *s, struct span command, struct err *err);
/* Tell flags that are owed, then the end. */
enum rc imap_finish(struct imap_session *s, enum imap_answer answer,
    struct span text, struct err *err);
bool imap_upstream_can(const struct imap_session *s, const char *capability);

/* imap_untagged.c: pass on one untagged answer, changed as it must be. */
enum rc imap_untagged(
    struct imap_session *s, struct span line, struct err *err);

/* imap_enable.c: "ENABLED ..." and "VANISHED ..." */
enum rc imap_hear_enabled(
    struct imap_session *s, struct span line, struct err *err);
enum rc imap_hear_vanished(
    struct imap_session *s, struct span line, struct err *err);

/* Append the words of a command again: one blank between them, synchronising
 * literals only.  What the mail program's bytes could hide is gone then. */
enum rc imap_reprint(struct imap_walk walk, struct buf *out, struct err *err);

/* Take a set of letters from the arguments and append it, "$" as what it stands
 * for.  RC_ABSENT: it stands for none; there is nothing to do. */
enum rc imap_take_set(struct imap_session *s, struct imap_walk *args,
    struct buf *out, struct err *err);
/* The end of a command about "$" that stands for no letter, or BAD. */
enum rc imap_reply_set(
    struct imap_session *s, enum rc rc, const struct err *why, struct err *err);

/* "CAPABILITY IMAP4rev1 ..." of this moment. */
enum rc imap_print_capabilities(
    const struct imap_session *s, struct buf *out, struct err *err);

/* --- the commands; `args` is what stands behind the name --- */

typedef enum rc imap_do(
    struct imap_session *s, struct imap_walk *args, struct err *err);
imap_do imap_do_login, imap_do_authenticate, imap_do_capability; /* login */
imap_do imap_do_starttls;
imap_do imap_do_select, imap_do_examine, imap_do_close, imap_do_unselect;
imap_do imap_do_fetch;
imap_do imap_do_store, imap_do_search, imap_do_append;
imap_do imap_do_sort, imap_do_thread;
imap_do imap_do_uid_expunge;
imap_do imap_do_copy, imap_do_move;
imap_do imap_do_idle, imap_do_enable, imap_do_compress;
imap_do imap_do_delete, imap_do_rename; /* imap_mailbox.c */

/* imap_fetch.c */

/* Learn the UIDs of the letters that are new. */
enum rc imap_fetch_uids(struct imap_session *s, struct err *err);
/* imap_copy.c: the mail server says "[code]" while a COPY or MOVE is in work. */
void imap_copied(struct imap_session *s, struct span code);

/* imap_sweep.c: forget the views of letters that are gone: of these; once
 * all UIDs are known, of all that are not in the mailbox; those of a mailbox
 * that has another UIDVALIDITY now. */
void imap_sweep_one(struct imap_session *s, uint32_t number);
void imap_sweep_set(struct imap_session *s, const struct imap_set *set);
void imap_sweep_box(struct imap_session *s);
void imap_sweep_renewed(struct imap_session *s, struct span mailbox);

/* Judge and open letters that have just come, before they are asked for: some
 * of them, if they are many. */
enum rc imap_fetch_ahead(struct imap_session *s, struct err *err);
/* imap_fill.c: open some letters that the search index does not have. */
bool imap_has_to_fill(const struct imap_session *s);
enum rc imap_fill(struct imap_session *s, struct err *err);
/* Tell the flags of the letters marked stale. */
enum rc imap_fetch_stale(struct imap_session *s, struct err *err);

#endif
