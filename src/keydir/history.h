/* keydir/history -- what has been seen of one address so far.
 *
 * Which keys its verified letters were signed with and under which roots,
 * when and how often; whether the reader wrote to it; and what the reader said
 * is fine.  Kept in the state, one item for each address.
 *
 * What is asked of it (history_judge()):
 *
 *   always signs   HISTORY_STEADY verified letters came, and now one without
 *                  any signature.  Unsigned letters do not end this: anybody
 *                  can write them, so a harmless one could be sent to make
 *                  the next one look usual.  Only the reader ends it, by
 *                  saying that unsigned letters of this address are fine.
 *   new root       it is not the root of the first letters, and has not yet
 *                  been the only one in use for HISTORY_WINDOW.
 *   conflict       another root was used after this one began and before it
 *                  ended, within HISTORY_WINDOW of this letter: certificates
 *                  of two roots are both in use.
 *
 * A new key under the same root is quiet: certificates are renewed.  "Fine"
 * covers the roots that had been seen when it was said, and unsigned letters
 * only if that was said too: anybody can send an innocent one beforehand.
 * What comes later is asked about again.
 *
 * Times of letters are those that are proven (a timestamp), else when this
 * reader first saw them; so a mailbox that is read for the first time, in
 * whatever order, gives the right order of roots if its letters are stamped.
 *
 * May use:   base codec os mime pki proto dns net store.
 * Format:    doc/formats.md, "people/MAC.seen".
 * Limits:    HISTORY_KEYS keys of one address; a root's last key is never
 *            dropped for another root's: RC_LIMIT.
 */
#ifndef KEYDIR_HISTORY_H
#define KEYDIR_HISTORY_H

#include "pki/cert.h"
#include "store/state.h"

#define HISTORY_STEADY 3
#define HISTORY_WINDOW ((int64_t)30 * 24 * 60 * 60)
#define HISTORY_KEYS 16
#define HISTORY_MARKS 32
#define HISTORY_ADDRESS_MAX 321
#define HISTORY_NAME_MAX 128
#define HISTORY_ITEM_MAX ((size_t)32 << 10)

struct history_key {
	uint8_t key[CERT_DIGEST_LEN];  /* of the signer's public key */
	uint8_t root[CERT_DIGEST_LEN]; /* of the root's public key */
	int64_t first, last;           /* letter signed with it */
	unsigned letters;
	bool fine; /* the reader said so */
};

struct history {
	char address[HISTORY_ADDRESS_MAX];
	char name[HISTORY_NAME_MAX]; /* display name, or "" */
	int64_t wrote;               /* the reader last wrote to it; 0: never */
	bool imitates; /* it passed for somebody else when the reader wrote */
	int64_t fine;  /* the reader said so then; 0: never, or undone */
	bool fine_unsigned;
	unsigned letters;      /* verified ones */
	unsigned unsigned_too; /* or as good as that; since the first of them */
	int64_t since, last;   /* verified letter; 0: none */
	int64_t steady;        /* when the HISTORY_STEADYth was seen; 0 */
	struct history_key key[HISTORY_KEYS];
	size_t keys;
	uint64_t mark[HISTORY_MARKS]; /* of the newest letters, newest last */
	size_t marks;
};

/* One letter that has come from the address. */
struct history_letter {
	bool is_signed; /* and verified; else it has no signature at all */
	uint8_t key[CERT_DIGEST_LEN], root[CERT_DIGEST_LEN];
	int64_t when;     /* proven time, else when the reader first saw it */
	int64_t seen;     /* when the reader first saw it */
	uint64_t mark;    /* the same for the same letter */
	const char *name; /* display name; NULL: unknown */
};

struct history_opinion {
	bool always_signed, new_root, conflict;
	bool accepted; /* the reader said that such letters are fine */
};

/* What there is says of this letter.  Gives the same whether it was noted
 * already or not. */
void history_judge(const struct history *history,
    const struct history_letter *letter, struct history_opinion *ret);
/* Wrote the reader to it, had verified letters of it, or said it is fine? */
bool history_is_known(const struct history *history);
/* May others be measured by it (flow/lookalike)?  Who only sends letters is
 * not meant by the reader. */
bool history_is_meant(const struct history *history);

/* RC_ABSENT: nothing is remembered.  RC_CRYPTO, RC_SYNTAX: it cannot be read;
 * whoever changes it begins anew. */
enum rc history_recall(const struct state *state, const char *address,
    struct history *ret, struct err *err);

/* Remember a letter, once.  One without a signature is remembered only of an
 * address of which there was a verified one.  RC_LIMIT: too many roots. */
enum rc history_note(const struct state *state, const char *address,
    const struct history_letter *letter, struct err *err);
/* Remember that the reader wrote to it.  `name`: as the reader calls it; NULL
 * or "": does not say.  *ret_new: it was not meant before and is now. */
enum rc history_wrote(const struct state *state, const char *address,
    const char *name, bool imitates, int64_t now, bool *ret_new,
    struct err *err);
/* "This one is fine": all roots that were seen of it until now.
 * `unsigned_too`: and its letters that nothing proves. */
enum rc history_accept(const struct state *state, const char *address,
    bool unsigned_too, int64_t now, struct err *err);
/* Take that back.  RC_ABSENT: it was never said. */
enum rc history_undo(
    const struct state *state, const char *address, struct err *err);

/* Call `each` with every history that can be read. */
enum rc history_each(const struct state *state,
    enum rc (*each)(void *self, const struct history *history, struct err *err),
    void *self, struct err *err);

/* --- for its test and fuzz target --- */

enum rc history_parse(struct span text, struct history *ret, struct err *err);
enum rc history_print(
    const struct history *history, struct buf *out, struct err *err);

#endif
