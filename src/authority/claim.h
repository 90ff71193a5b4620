/* authority/claim -- who somebody is, checked by two people.
 *
 * An account that is a mailbox' asks for more than the mailbox in its
 * certificates: a name (V2), an organisation (V3), an organisation that vouches
 * for a person (V4), and sends evidence.  Operators decide at the desk:
 *
 *            one checks the evidence    another one approves it
 *     asked ------------------------> checked ---------------> approved
 *       |                                |                        |
 *       +--------------------------------+------------------------+
 *       |                                |                        |
 *       |  one operator's no: refused    |                        |
 *       |  its own account: withdrawn    |  its account or one operator: withdrawn
 *       |  CLAIM_WAIT: lapsed         |  a newer one of the account: replaced
 *                                           its time is over: lapsed
 *
 * Whoever withdraws what was approved revokes the certificates that say it.
 * Nobody checks or approves what is about their own mailbox, and nothing can be
 * added to what was checked.
 *
 * Standard:  CA/B Forum S/MIME Baseline Requirements section 3.2, and 4.2.1
 *            (for how long a validation may be used).
 * May use:   base os store.
 * Not here:  who may speak as an operator or as an account (claim_desk,
 *            acme_identity, cmd); whether a certificate with such a subject
 *            would keep the rules (profile_check()).
 */
#ifndef AUTHORITY_CLAIM_H
#define AUTHORITY_CLAIM_H

#include "authority/profile.h"
#include "store/sql.h"

#define CLAIM_DAY ((int64_t)24 * 60 * 60)
#define CLAIM_WAIT (90 * CLAIM_DAY) /* until somebody has decided */
#define CLAIM_DAYS_MAX 825          /* in force, whatever is set */
#define CLAIM_OPEN_MAX 3            /* undecided, of one mailbox */
#define CLAIM_DAY_MAX 10            /* asked for a mailbox in a day */
#define CLAIM_TEXT_MAX 200          /* bytes of a field */
#define CLAIM_NOTE_MAX 1000         /* bytes of what an operator says */

enum claim_state {
	CLAIM_ASKED,
	CLAIM_CHECKED,
	CLAIM_APPROVED,
	CLAIM_REFUSED,
	CLAIM_WITHDRAWN,
	CLAIM_REPLACED,
	CLAIM_LAPSED, /* not in the database: it follows from the time */
};
/* "asked", ... */
const char *claim_state_name(enum claim_state state);

/* "individual", "organization", "sponsor".  RC_ABSENT: another word; also for
 * "mailbox", for which nobody has to ask. */
const char *claim_level_name(enum profile_level level);
enum rc claim_level_find(
    const char *name, enum profile_level *ret, struct err *err);

enum claim_field {
	CLAIM_GIVEN_NAME,
	CLAIM_SURNAME,
	CLAIM_PSEUDONYM,
	CLAIM_ORGANIZATION,
	CLAIM_ORGANIZATION_IDENTIFIER,
	CLAIM_COUNTRY,
	CLAIM_STATE,
	CLAIM_LOCALITY,
	CLAIM_FIELDS,
};
/* "givenName", ... as JSON has it; "Given name", ... for people. */
const char *claim_field_name(enum claim_field field);
const char *claim_field_label(enum claim_field field);

struct claim {
	int64_t id;
	char *name; /* the end of its URL */
	int64_t account;
	char *address;
	enum profile_level level;
	char *field[CLAIM_FIELDS]; /* NULL: it has none */
	enum claim_state state;    /* at the time it was asked for */
	int64_t version;           /* another one with each change of it */
	int64_t created;
	int64_t until; /* in force, once it is approved; else 0 */
	char *checker; /* address, ASCII lower case; or NULL */
};
#define CLAIM_OWNED __attribute__((cleanup(claim_done)))
void claim_done(struct claim *claim);

/* As a certificate has it.  Lends. */
struct profile_subject claim_subject(const struct claim *claim);

/* RC_ABSENT: there is none. */
enum rc claim_find(struct sql *sql, const char *name, int64_t now,
    struct claim *ret, struct err *err);
/* What a certificate of the account for the mailbox says now; RC_ABSENT:
 * nothing but the mailbox. */
struct claim_of {
	int64_t account;
	const char *address;
	int64_t now;
};
enum rc claim_in_force(struct sql *sql, const struct claim_of *of,
    struct claim *ret, struct err *err);
/* The order's certificate, just made, says it.  Within the transaction. */
enum rc claim_used(struct sql *sql, const struct claim *claim, int64_t order,
    int64_t now, struct err *err);

/* Names, newest first: those of an account (0: of all) that are undecided or in
 * force, or all there ever were; at most CLAIM_LIST_MAX. */
#define CLAIM_LIST_MAX 500
struct strlist;
enum rc claim_list(struct sql *sql, int64_t account, bool ever, int64_t now,
    struct strlist *ret, struct err *err);

/* Ask.  Within the caller's transaction, as all that follows.  RC_UNFIT: the
 * level has no such field, or a text is too long.  RC_LIMIT: too many are
 * undecided, or were asked for today. */
struct claim_wish {
	int64_t account;
	const char *address;
	enum profile_level level;
	const char *field[CLAIM_FIELDS];
	const char *actor; /* for the audit log */
	int64_t now;
};
enum rc claim_ask(struct sql *sql, const struct claim_wish *wish,
    struct claim *ret, struct err *err);

/* -- words (claim_word.c) -- */

enum claim_act {
	CLAIM_CHECK,
	CLAIM_APPROVE,
	CLAIM_REFUSE,
	CLAIM_WITHDRAW,
};
/* "check", ...; RC_ABSENT: no such word. */
const char *claim_act_name(enum claim_act act);
enum rc claim_act_find(const char *name, enum claim_act *ret, struct err *err);
/* Is it one that can be said of something in this state? */
bool claim_act_fits(enum claim_act act, enum claim_state state);

struct claim_word {
	enum claim_act act;
	const char *who;   /* the operator's address; NULL: its own account */
	const char *actor; /* for the audit log */
	const char *note;  /* what they looked at, or why not; or NULL */
	const char *signature; /* over claim_said(), base64; or NULL */
	int64_t version;       /* what they saw */
	int64_t until;         /* for approve: in force until then */
	int64_t days;          /* for approve: and no longer than that */
	int64_t now;
};
/* RC_REFUSED: it is not in a state for that, or was changed since they looked.
 * RC_UNFIT: they may not, or what they say is not complete; `err` has words for
 * them. */
enum rc claim_say(struct sql *sql, const struct claim *claim,
    const struct claim_word *word, struct err *err);
/* What a person who speaks from a shell signs; appended.  It is all of what
 * they say about all of what they saw. */
enum rc claim_said(struct sql *sql, const struct claim *claim,
    const struct claim_word *word, struct buf *out, struct err *err);

/* Rows (act, who, at, note) of what was said of it, oldest first. */
enum rc claim_words(struct sql *sql, const struct claim *claim,
    struct sql_rows **ret, struct err *err);

/* Whoever had the mailbox had no right to it: whatever is in force or undecided
 * for it ends.  Its certificates are the caller's (authority/guard). */
enum rc claim_end(
    struct sql *sql, const char *address, int64_t now, struct err *err);

#endif
