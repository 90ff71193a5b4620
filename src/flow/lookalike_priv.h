/* flow/lookalike_priv -- what a lookalike holds, and one inquiry.
 *
 * For the lookalike*.c only.  How a finding is told: lookalike_offer().
 */
#ifndef FLOW_LOOKALIKE_PRIV_H
#define FLOW_LOOKALIKE_PRIV_H

#include "flow/domain.h"
#include "flow/imitated.h"
#include "flow/lookalike.h"
#include "flow/lookup.h"
#include "flow/skeleton.h"

#define LOOKALIKE_NO_GROUP SIZE_MAX
#define LOOKALIKE_OWNERS_MAX 8
/* A name that proves nothing by standing somewhere. */
#define LOOKALIKE_A_WORD (IMITATED_WORD | IMITATED_LETTERS)
#define LOOKALIKE_NOT_ALONE (LOOKALIKE_A_WORD | IMITATED_HOST)

/* A label of the sender's domain, as it is compared. */
struct label {
	struct span text; /* U-label */
	struct buf strict;
	struct buf loose; /* without hyphens */
	bool bought;      /* the one somebody bought, not one below it */
	bool among_lures; /* another label is a word that goes with fraud */
};

/* How long what is imitated must be for a rule to mean something: short names
 * are near each other by chance. */
struct lookalike_least {
	size_t digits, hyphen, words, glued, ending, joined;
	size_t one_slip, two_slips;
};

/* Somebody who can be imitated. */
struct party {
	enum lookalike_kind kind;
	char *of;        /* owned; what a finding lends */
	size_t group;    /* which organisation, or LOOKALIKE_NO_GROUP */
	unsigned flags;  /* IMITATED_... of the name or domain that led here */
	size_t name_len; /* of a domain: bytes of its bought label */
};

/* A label that can be imitated, as it is compared. */
struct target {
	size_t party;
	char *label;  /* owned; U-label */
	char *domain; /* owned; "" for an organisation's, that has several */
	char *strict; /* owned; skeletons: strict of the label, */
	char *loose;  /* owned; loose of the label without hyphens */
	size_t loose_len;
	uint64_t bag; /* of `loose` */
	bool ascii;   /* `loose` is */
	unsigned flags;
};

struct lookalike {
	struct skeleton *skeleton;
	struct domain_reader *reader;

	struct party *party; /* owned */
	size_t parties, parties_cap;
	struct target *target; /* owned */
	size_t targets, targets_cap;
	size_t people, own;

	struct lookup by_loose;  /* target, by what its label reads as */
	struct lookup domains;   /* party, by a domain that is theirs */
	struct lookup addresses; /* party, by lower-case address */
	struct lookup locals;    /* party, by loose local part "@" domain */
	struct lookup names;     /* party (known), by its ordered words */
	struct lookup brands;    /* party (imitated), by its words */
	struct lookup scripts;   /* party, names without blanks (Chinese) */
	struct lookup solid;     /* party, its name with the blanks taken out */

	struct lookup lures; /* the word's flags */
	struct lookup titles, between, generic, near, places, sold, endings;
};

/* One question. */
struct inquiry {
	const struct lookalike *l;
	const struct lookalike_sender *sender;
	struct domain domain;
	bool has_domain;
	bool real;  /* the domain is one we know: no imitation of a domain */
	bool open;  /* strangers get addresses there, or nothing is known */
	bool known; /* the very address is known */
	struct lookalike_finding best;
	bool found;
	const struct party *owner[LOOKALIKE_OWNERS_MAX]; /* of the domain */
	size_t owners;
};

void lookalike_offer(struct inquiry *inquiry, enum lookalike_rule rule,
    const struct party *party, bool strong);

/* Is the sender's domain one of the party's? */
bool lookalike_is_theirs(
    const struct inquiry *inquiry, const struct party *party);
/* The next party that owns `domain` itself (`at` as in lookup_next). */
bool lookalike_next_owner(const struct lookalike *l, struct span domain,
    size_t *at, const struct party **ret);

/* A country's ending: co.uk and de, but none that is sold to everybody. */
bool lookalike_is_countrys(const struct lookalike *l, const char *suffix);

/* --- lookalike_fill.c: what is known -------------------------------------- */

enum rc lookalike_fill_shipped(struct lookalike *l, struct err *err);
void lookalike_empty(struct lookalike *l);
/* Append a label without hyphens, loose. */
enum rc lookalike_loose_label(const struct lookalike *l, struct span label,
    struct buf *ret, struct err *err);
/* Append a local part without dots, hyphens and underscores, loose. */
enum rc lookalike_loose_local(const struct lookalike *l, struct span local,
    struct buf *ret, struct err *err);
/* Append "local@domain" as addresses are compared. */
enum rc lookalike_address(struct span local, const struct domain *domain,
    struct buf *ret, struct err *err);

/* --- lookalike_slip.c: how near is too near ------------------------------- */

const struct party *lookalike_party(
    const struct inquiry *inquiry, const struct target *target);
/* For this target and this sender. */
const struct lookalike_least *lookalike_least(
    const struct inquiry *inquiry, const struct target *target);
/* The same mailbox name at the imitated domain is somebody known: then even
 * a short name that is near is no chance. */
bool lookalike_is_same_local(
    const struct inquiry *inquiry, const struct target *target);
/* A letter or two are wrong in what somebody bought. */
void lookalike_ask_slips(struct inquiry *inquiry, const struct label *label);

/* --- the rules ------------------------------------------------------------ */

enum rc lookalike_ask_domain(struct inquiry *inquiry, struct err *err);
enum rc lookalike_ask_local(struct inquiry *inquiry, struct err *err);
enum rc lookalike_ask_name(struct inquiry *inquiry, struct err *err);

/* Is `loose` (no hyphens) made of lures alone?  An empty text is not.
 * `sharp`: only lures that nobody has beside a name that is also a word. */
bool lookalike_all_lures(
    const struct lookalike *l, struct span loose, bool sharp);
/* A domain that is somebody else's, written inside `text` between dots or
 * hyphens: its owner, or NULL.  `ret_at` is where it begins. */
enum rc lookalike_inside(const struct inquiry *inquiry, struct span text,
    size_t *ret_at, const struct party **ret, struct err *err);

/* Is the sender's mailbox that of `party`, written with other dots? */
bool lookalike_is_same_mailbox(
    const struct inquiry *inquiry, const struct party *party);

/* The words of a display name, each loose. */
#define LOOKALIKE_WORDS_MAX 24
struct words {
	struct buf text;
	struct span word[LOOKALIKE_WORDS_MAX];
	size_t len;
};
enum rc words_split(const struct lookalike *l, struct span text,
    struct words *ret, struct err *err);
void words_done(struct words *words);
/* Takes out those of `out`, and single ASCII letters. */
void words_strip(struct words *words, const struct lookup *out);
/* Append the words without blanks, `first` and what is behind it in front. */
enum rc words_solid(
    const struct words *words, size_t first, struct buf *ret, struct err *err);
/* `len` words in alphabetical order, with blanks between. */
enum rc words_key(
    const struct span *word, size_t len, struct buf *ret, struct err *err);

#endif
