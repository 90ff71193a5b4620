/* flow/gather -- open a letter as far as it goes and collect the facts.
 *
 * May use:   base codec os mime pki cms proto dns net store keydir.
 * Limits:    GATHER_DEPTH cryptographic layers; mime/entity's for the rest.
 *            No network: what would need one is "could not be checked".
 */
#ifndef FLOW_GATHER_H
#define FLOW_GATHER_H

#include "flow/facts.h"
#include "keydir/correspondent.h"
#include "pki/key.h"

#define GATHER_DEPTH 8

/* A private key of the reader with its certificate. */
struct reader_key {
	const struct cert *cert;
	const struct key *key;
};

struct reader {
	const struct reader_key *keys;
	size_t keys_len;
	const struct certs *roots;     /* trusted to name mail signers */
	const struct certs *tsa_roots; /* trusted for time; NULL: roots */
	const struct strlist *me;    /* the reader's addresses; NULL: unsaid */
	const struct strlist *known; /* the reader's correspondents; or NULL */
	const struct state *state;   /* where their words are kept; or NULL */
	int64_t now;
};

/* A letter, opened.  The entities borrow `letter` and `plain`. */
struct gathered {
	struct facts facts;
	struct entity *outer; /* the letter as it came */
	struct entity
	    *payload; /* what is inside all layers; NULL if it could not
				 * be opened, `outer` if there are none */
	bool opened;  /* an encryption layer was opened */
	/* What the signer said can be read, and when; no bits: nothing. */
	struct correspondent said;
	struct buf plain[GATHER_DEPTH];     /* what the layers held; secret */
	struct entity *inner[GATHER_DEPTH]; /* their entities */
	size_t layers;
};

#define GATHERED_OWNED __attribute__((cleanup(gathered_done)))
void gathered_init(struct gathered *gathered);
void gathered_done(struct gathered *gathered);

/* RC_OK whatever the letter is worth: that is in the facts.  RC_LIMIT or
 * RC_SYNTAX: not a message at all. */
enum rc gather(struct span letter, const struct reader *reader,
    struct gathered *ret, struct err *err);

/* The same as what mime/protect reads; borrows from `gathered`. */
struct protect_letter gathered_letter(const struct gathered *gathered);

#endif
