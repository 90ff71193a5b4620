/* flow/gather -- open a letter as far as it goes and collect the facts.
 *
 * The letter is read more than once (cms/letter): to judge it; its inner
 * header; the signature of a part, if there is only that; to show it.  No copy
 * of it is made, and memory does not depend on its length.
 *
 * May use:   base codec os mime pki cms proto dns net store keydir.
 * Limits:    struct gather_limits; those of cms/letter.
 *            Time: as long as the reader's status source may take, and the
 *            computing.
 */
#ifndef FLOW_GATHER_H
#define FLOW_GATHER_H

#include "base/source.h"
#include "codec/crlf.h"
#include "flow/evidence.h"
#include "flow/facts.h"
#include "flow/lookalike.h"
#include "flow/trust.h"
#include "flow/words.h"
#include "keydir/correspondent.h"
#include "keydir/history.h"
#include "keydir/issuers.h"
#include "keydir/status.h"
#include "pki/key.h"

struct clamd_place;
struct letter;

/* A private key of the reader with its certificate. */
struct reader_key {
	const struct cert *cert;
	const struct key *key;
};

/* Whoever knows look-alikes (flow/lookalike).  Behind a pointer, for who does
 * not judge letters shall not load the tables of Unicode. */
struct imitations {
	/* RC_OK: `sender` passes for *ret.  RC_ABSENT: for nobody. */
	enum rc (*find)(const void *self, const struct lookalike_sender *sender,
	    struct lookalike_finding *ret, struct err *err);
	const void *self;
};

/* Whoever hears what servers on the way say (flow/transport): fills
 * facts->transport and takes out of the header what is said in their names and
 * not by them.  Behind a pointer, for the same reason. */
struct transports {
	enum rc (*find)(const void *self, const struct source *letter,
	    struct entity *outer, struct facts *facts, struct err *err);
	const void *self;
};

struct gather_limits {
	/* So many lists, and answers, of the letter's own are looked at:
	 * whoever was revoked shall not fill the room that the news of it
	 * needs. */
	size_t brought;
};

static const struct gather_limits gather_default = {.brought = 64};

struct reader {
	const struct reader_key *keys;
	size_t keys_len;
	const struct certs *roots; /* trusted to name mail signers */
	/* trusted for time, whatever `trust` says; NULL: those of `roots` that
	 * `trust` lets prove it */
	const struct certs *tsa_roots;
	const struct trust *trust;   /* what `roots` may name; or NULL */
	const struct strlist *me;    /* the reader's addresses; NULL: unsaid */
	const struct strlist *known; /* the reader's correspondents; or NULL */
	/* who could be imitated; NULL: nobody is looked for */
	const struct imitations *imitations;
	const struct transports *transports; /* NULL: nobody is heard */
	/* where their words are kept, and what was seen of them; or NULL */
	const struct state *state;
	/* who asks whether certificates were revoked; NULL: nobody is asked,
	 * and what is not said in the letter is "could not be checked" */
	const struct status_source *status;
	/* who fetches certificates that the letter left out; NULL: nobody, as
	 * it must be as long as a letter is only being shown */
	const struct issuer_source *issuers;
	const struct evidence *kept; /* of an earlier reading; or NULL */
	const struct crls *crls;     /* at hand; NULL: none */
	const struct ocsps *ocsps;   /* at hand; NULL: none */
	/* who looks at what was opened before it is shown; NULL: nobody */
	const struct clamd_place *scanner;
	struct seen *seen; /* certificates of former letters; NULL: none */
	/* When this reader's own agent first saw the letter: never a server's
	 * word.  0: not known. */
	int64_t first_seen;
	const struct gather_limits *limits; /* NULL: gather_default */
	bool requests; /* look for what the text asks for */
	int64_t now;
	enum language language; /* in which the verdict is told */
};

/* The letter again, every line end of it CRLF. */
struct as_crlf {
	struct source from;
	struct crlf_writer writer;
	struct buf piece;
};

/* Letters that the reader's own agent sealed (flow/rest). */
enum rest_kind {
	REST_NONE,
	REST_CAME, /* it had come in the clear */
	REST_KEPT, /* it was written here: a draft, a sent copy */
};

/* A letter, opened.  Of its entities only the header is there (and that of the
 * message in a payload that is a message/rfc822): of the bodies no more than
 * how they begin. */
struct gathered {
	struct facts facts;
	struct entity *outer;   /* the letter as it came */
	struct entity *payload; /* what is inside all layers; NULL if it could
				 * not be opened, `outer` if there are none */
	bool opened;            /* an encryption layer was opened */
	/* What the signer said can be read, and when; no bits: nothing. */
	struct correspondent said;
	/* What proved the signer's status and the time, but for what the letter
	 * brought itself: to be kept with the letter, and given as `kept` when
	 * it is read again. */
	struct evidence evidence;
	struct history_letter seen; /* what there is to remember of it */
	/* It lay at rest (flow/rest): the letter inside; owned; else NULL.  Of
	 * what came in the clear it is what the facts are about. */
	struct gathered *inside;
	enum rest_kind rest;
	bool rest_own;  /* a key of this very device has signed that */
	bool is_inside; /* it is one of these: they do not nest */
	/* For gathered_show(). */
	struct letter *letter;
	size_t layers; /* around the payload */
	bool as_crlf;  /* it was so that its signature held */
	struct as_crlf lines;
	struct buf outer_start; /* what the entities borrow */
	struct buf payload_start;
};

#define GATHERED_OWNED __attribute__((cleanup(gathered_done)))
void gathered_init(struct gathered *gathered);
void gathered_done(struct gathered *gathered);

/* RC_OK whatever the letter is worth: that is in the facts.  RC_LIMIT or
 * RC_SYNTAX: not a message at all; the facts say no more than that.  Or what `letter` fails with.  Borrows the
 * reader's keys until gathered_done(). */
enum rc gather(const struct source *letter, const struct reader *reader,
    struct gathered *ret, struct err *err);

/* The same as what mime/protect reads; borrows from `gathered`. */
struct protect_letter gathered_letter(const struct gathered *gathered);

/* The letter that a mail program should see (mime/protect_view); the same
 * letter again.  It comes whatever the facts say: ask them first.  RC_UNFIT: it
 * was not opened.  Or what `letter` or `to` fail with. */
enum rc gathered_show(struct gathered *gathered, const struct source *letter,
    const struct sink *to, struct err *err);

#endif
