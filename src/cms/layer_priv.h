/* cms/layer -- one layer of a letter: MIME outside, CMS inside of it.
 *
 * May use:   base codec mime pki.  Only inside cms.
 * Not here:  how the layers lie in each other (cms/letter).
 *
 * begin -> (push -> pull* until RC_AGAIN)* -> end.
 */
#ifndef CMS_LAYER_PRIV_H
#define CMS_LAYER_PRIV_H

#include "cms/compress.h"
#include "cms/inside_priv.h"
#include "cms/letter.h"
#include "cms/peel_priv.h"

/* What we have: keys, and certificates of others. */
struct layer_key {
	struct cert *cert;
	const struct key *key; /* borrowed */
};

struct layer_keys {
	struct layer_key *item;
	size_t len;
	struct seen *seen; /* borrowed; may be NULL */
	bool all_digests;  /* whatever a `micalg` says */
};

struct layer {
	struct peel *peel;
	enum smime_kind kind;
	bool begun; /* `kind` is known, and its engine there */
	bool again; /* a second pass: nothing is checked but what must be */
	struct open *open; /* kept for the second pass */
	struct verify *verify;
	struct compress *compress;
	struct inside inside;
	struct buf plain; /* what came out of the CMS; secret */
	enum rc failed;   /* it cannot be read, and why */
	struct err why;
	struct open_result opened;
	struct verify_result *verified; /* owned; large, so not always there */
};

/* Of one that is all zero, which layer_done() leaves it. */
void layer_init(struct layer *layer);
void layer_done(struct layer *layer);

/* Back to the beginning, if it could be read. */
enum rc layer_rewind(struct layer *layer, struct err *err);

/* The MIME of it begins. */
enum rc layer_begin(struct layer *layer, unsigned way, struct err *err);
/* Its kind is known: make ready for what is in it.  RC_CRYPTO: in the second
 * pass it is another. */
enum rc layer_begin_engine(
    struct layer *layer, const struct layer_keys *keys, struct err *err);
/* The next bytes of a CMS object.  All that comes of them is in `plain`, or,
 * compressed, has to be pulled. */
enum rc layer_push(struct layer *layer, struct span cms, struct err *err);
/* Of a compressed one: add to `plain`.  RC_AGAIN: nothing more. */
enum rc layer_pull(struct layer *layer, struct err *err);
/* The next bytes of the part that a multipart/signed is about. */
enum rc layer_push_part(struct layer *layer, struct span part, struct err *err);
/* It is over: add the last to `plain`, check, and fill `opened` or `verified`.
 * `kind` becomes SMIME_NONE or SMIME_OTHER if it was no layer after all. */
enum rc layer_end(struct layer *layer, struct err *err);

/* A failure of the machine or of the vault says nothing about a letter. */
bool layer_blames_letter(enum rc rc);

bool layer_is_encrypted(const struct layer *layer);
bool layer_is_signed(const struct layer *layer);
/* Nothing is inside of it: it is what the letter is about. */
bool layer_is_payload(const struct layer *layer);
bool layer_has_valid_signer(const struct layer *layer);

#endif
