/* flow/answered -- what an answer to a letter must know of it.
 *
 * A mail program that answers a letter names it (In-Reply-To, References) and
 * gives it no more: so the agent remembers, of each letter that it opened, by
 * its Message-ID:
 *
 *     answered/XYZ         up to ANSWERED_BYTES of records, those whose MAC of
 *                          the Message-ID begins with XYZ
 *     answered/unproven    records of letters that nobody signed: these may be
 *                          quoted nowhere, also where no Message-ID is named
 *
 * A record holds whom its signer named, what its header kept secret
 * (mime/protect_reference) and the marks of its text (flow/fingerprint).  It is
 * as secret as the letter and wrapped like everything in the state.
 *
 * Anybody can send a letter with the Message-ID of another one: records of one
 * Message-ID stand beside each other, and all of them count.
 *
 * May use:   base codec os mime pki cms proto dns net store keydir.
 * Not here:  what follows of it (flow/answer).
 * Limits:    ANSWERED_SAME letters of one Message-ID: from the next on `crowded`
 *            says that there were more.  ANSWERED_AGE seconds.  Where a file is
 *            full, the oldest records go.
 */
#ifndef FLOW_ANSWERED_H
#define FLOW_ANSWERED_H

#include "flow/fingerprint.h"
#include "flow/gather.h"
#include "flow/verdict.h"
#include "mime/protect_reference.h"

#define ANSWERED_SAME 4
#define ANSWERED_AGE ((int64_t)2 * 365 * 24 * 3600)
#define ANSWERED_BYTES ((size_t)256 * 1024)
#define ANSWERED_UNPROVEN_BYTES ((size_t)1 << 20)

enum answered_seal {
	ANSWERED_SIGNED,    /* sealed, and signed by whoever knew its text */
	ANSWERED_UNSIGNED,  /* sealed by anybody */
	ANSWERED_MALLEABLE, /* and perhaps changed by anybody else */
};

struct answered {
	char id[33];     /* MAC of the Message-ID, hex; "": it has none */
	char letter[33]; /* MAC of the letter */
	int64_t at;
	enum answered_seal seal;
	enum verdict_level level;
	bool crowded; /* there were more letters of this Message-ID */
	/* Whom the signed From, To, Cc, Reply-To and Mail-Followup-To name, and
	 * the signer. */
	struct strlist named;
	struct protect_reference secrets;
	struct fingerprint text;
};

struct answered_list {
	struct answered *item; /* owned */
	size_t len, cap;
};

#define ANSWERED_LIST_NONE ((struct answered_list){NULL, 0, 0})
#define ANSWERED_LIST_OWNED __attribute__((cleanup(answered_list_done)))
void answered_list_done(struct answered_list *list);
/* Move all of `from` behind what is in `to`. */
enum rc answered_list_take(
    struct answered_list *to, struct answered_list *from, struct err *err);

/* Remember a letter that was opened; others are none of this file's business,
 * and RC_OK.  `shown`: what its text is known by, the
 * letter that the mail program gets or was made of. */
enum rc answered_note(const struct state *state, const struct gathered *g,
    enum verdict_level level, struct span letter, struct span shown,
    int64_t now, struct err *err);
/* Is that letter remembered? */
bool answered_knows(const struct state *state, const struct gathered *g,
    struct span letter, int64_t now);

/* Append the records of a Message-ID ("<a@b>"); RC_OK if there are none.
 * RC_CRYPTO and the like: they are there and cannot be read. */
enum rc answered_find(const struct state *state, struct span message_id,
    int64_t now, struct answered_list *ret, struct err *err);
/* Append those of all letters that nobody signed. */
enum rc answered_unproven(const struct state *state, int64_t now,
    struct answered_list *ret, struct err *err);

/* Take the next "<...>" off the front of a field's value. */
bool answered_next_id(struct span *value, struct span *ret);

#endif
