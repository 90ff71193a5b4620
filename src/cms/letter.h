/* cms/letter -- read an S/MIME letter as a stream: all its layers, in any
 * order, to a depth.
 *
 * Standard:  RFC 8551 section 3; RFC 5652, 5083, 3274, 1847.
 * May use:   base codec mime pki.  No I/O, no clock.
 * Limits:    LETTER_LAYERS_MAX cryptographic layers, two of them compressed;
 *            those of cms/open, cms/verify, cms/compress and mime/scan for
 *            each.  Memory does not depend on the letter's length.
 * Not here:  chains and trust (pki/chain), what it means (flow/verdict).
 *
 * Two passes over the same bytes.  The first says what the letter is worth,
 * and nothing comes out; the second releases what is inside of all layers, and
 * has no private key to use and nothing to hash any more:
 *
 *	new -> add* -> push* -> finish -> rewind -> release* -> release_finish
 *
 * and the last three again, as often as one likes.  The caller keeps the letter (as it came, sealed) where nobody else can
 * change it between the two.  Or one pass into a quarantine, which nobody sees
 * before the end said so:
 *
 *	new -> add* -> push_unverified* -> finish_unverified
 *
 * What is a layer is decided as smime_kind_of() does, by the CMS.  A letter
 * may be given up at any time: letter_free().
 */
#ifndef CMS_LETTER_H
#define CMS_LETTER_H

#include "base/source.h"
#include "cms/open.h"
#include "cms/verify.h"

#define LETTER_LAYERS_MAX 8

struct letter;

enum letter_kind {
	LETTER_OTHER, /* no message, or one of too many parts: only of a layer
		       * that could not be read */
	LETTER_ENVELOPED,
	LETTER_AUTH_ENVELOPED,
	LETTER_SIGNED, /* multipart/signed */
	LETTER_OPAQUE,
	LETTER_COMPRESSED,
};

struct letter_layer {
	enum letter_kind kind;
	/* RC_OK, or why it could not be read: what open_finish(),
	 * verify_finish(), compress_finish() or the MIME around it said. */
	enum rc rc;
	struct err why;
	struct open_result opened; /* encrypted, and RC_OK */
	struct verify_result
	    *verified; /* signed, and RC_OK; else NULL; owned */
};

struct letter_result {
	/* Outermost first; one more may be LETTER_OTHER. */
	struct letter_layer layer[LETTER_LAYERS_MAX + 1];
	size_t layers;
	/* The innermost layer could not be read and it is no signature: there
	 * is nothing to release.  (A signature that cannot be read is none:
	 * what it was on is released with it.) */
	bool closed;
	/* Nobody without the recipient's key changed what is to be released:
	 * every encrypted layer was AEAD, or CBC with a valid signature around
	 * all of what it held.  True also where there is none. */
	bool authenticated;
	/* There is a layer with a valid signer: it is around all of what is to
	 * be released.  (Whose, and whether it counts, is not decided here.) */
	bool signed_whole;
	/* No layer is a signature, but one of the parts inside of all of them
	 * is a multipart/signed: which one among its siblings, from 1 on (the
	 * first of a multipart's own parts, else the first in one of them; not
	 * in a message/rfc822).  0: none, or it was read in one pass. */
	unsigned part;
	/* No layer is a signature, and one of those parts is encrypted by
	 * itself.  (Nobody opens it: what is around it could take it away.) */
	bool sealed_part;
};

#define LETTER_RESULT_OWNED __attribute__((cleanup(letter_result_done)))
void letter_result_done(struct letter_result *result);

enum rc letter_new(struct letter **ret, struct err *err);
void letter_free(struct letter *letter);

/* A key we have, before the first push; the key is borrowed until
 * letter_free(). */
enum rc letter_add(struct letter *letter, const struct cert *cert,
    const struct key *key, struct err *err);

/* What certificates were seen before: verify_know() for every signature.
 * Borrowed until letter_free(). */
void letter_know(struct letter *letter, struct seen *seen);

/* Before the first byte of a pass: what a multipart/signed says of its digest
 * (`micalg`) is not believed, every one is run.  For a letter that was read
 * before and had a signer that is "sig.micalg". */
void letter_distrust_micalg(struct letter *letter);

/* The next bytes of the letter, header and all.  RC_OK whatever the layers are
 * worth.  RC_SYNTAX, RC_LIMIT: its own header is that of no message.  RC_NOMEM,
 * RC_IO, RC_AGAIN: of the machine or the vault, they say nothing about it.
 * After a failure every call fails. */
enum rc letter_push(struct letter *letter, struct span bytes, struct err *err);
/* The letter is over.  RC_OK whatever it is worth: that is in *ret, which the
 * caller ends with letter_result_done().  RC_LIMIT: more than
 * LETTER_LAYERS_MAX layers. */
enum rc letter_finish(
    struct letter *letter, struct letter_result *ret, struct err *err);

/* Behind letter_finish(), also in the middle of a second pass.  RC_UNFIT: there
 * was none, or it said `closed` or not `authenticated`, or a pass has failed.
 */
enum rc letter_rewind(struct letter *letter, struct err *err);
/* Also where it is not `authenticated`, which is the caller's to know: to what
 * is inside of the outer `layers`, all of which could be read.  RC_UNFIT: not
 * so many could be, or there was a second pass to less. */
enum rc letter_rewind_unverified(
    struct letter *letter, size_t layers, struct err *err);
/* The same bytes again: append what is inside.  Any failure: they are not the
 * same. */
enum rc letter_release(
    struct letter *letter, struct span bytes, struct buf *out, struct err *err);
enum rc letter_release_finish(
    struct letter *letter, struct buf *out, struct err *err);
/* As these two, but what is inside goes on piece by piece: a few bytes that
 * were compressed may be very many. */
enum rc letter_release_to(struct letter *letter, struct span bytes,
    const struct sink *to, struct err *err);
enum rc letter_release_to_finish(
    struct letter *letter, const struct sink *to, struct err *err);

/* Another second pass, in which nothing comes out: check the signature of
 * `part`.  RC_UNFIT: there is none. */
enum rc letter_rewind_part(struct letter *letter, struct err *err);
enum rc letter_check_part(
    struct letter *letter, struct span bytes, struct err *err);
/* RC_OK whatever the signature is worth: that is in *ret, whose `verified` is
 * the caller's then.  Failures as of letter_release(). */
enum rc letter_check_part_finish(
    struct letter *letter, struct letter_layer *ret, struct err *err);

/* As letter_push() and letter_finish(), but append to `out` (which should be
 * secret) what is inside as it comes.  It is authenticated by nothing before
 * the result is there, and must be thrown away if that says `closed`, and, but
 * on the reader's express wish, if it does not say `authenticated`.  What only
 * at its end turns out to be no layer (a multipart/signed without `protocol`,
 * certificates alone) came out without what is around it.  letter_finish() may
 * be called instead if nothing of the letter can come that late (RC_UNFIT: it
 * did): the last layer is signed. */
enum rc letter_push_unverified(
    struct letter *letter, struct span bytes, struct buf *out, struct err *err);
enum rc letter_finish_unverified(struct letter *letter, struct buf *out,
    struct letter_result *ret, struct err *err);

/* How much of the letter has been read in this pass. */
uint64_t letter_consumed(const struct letter *letter);

#endif
