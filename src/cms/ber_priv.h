/* cms/ber -- read BER as it comes, and keep nothing of it.
 *
 * Standard:  X.690 section 8.1: definite and indefinite lengths, constructed
 *            strings, lengths in more octets than they need.
 * May use:   base pki.  Only inside cms.
 * Not here:  which element may stand where (cms/walk).
 * Limits:    32 levels deep, lengths of at most 8 octets, tag numbers below
 *            31.
 *
 * Push bytes, then take events until RC_AGAIN.  Any split of the input gives
 * the same elements; only BER_BYTES comes in other pieces.
 */
#ifndef CMS_BER_PRIV_H
#define CMS_BER_PRIV_H

#include "base/buf.h"

#define BER_DEPTH_MAX 32
#define BER_HEAD_MAX 10

#define BER_CONSTRUCTED 0x20

enum ber_event {
	BER_BEGIN, /* `bytes`: identifier and length octets, as they came */
	BER_BYTES, /* a piece of the contents of a primitive element; not empty */
	BER_END,   /* `bytes`: the end-of-contents octets, or none */
};

struct ber_item {
	enum ber_event event;
	uint8_t tag; /* of the element: its identifier octet */
	int level;   /* of the element: 0 is the outermost */
	bool indefinite;
	uint64_t len;      /* of all of its contents, unless indefinite */
	struct span bytes; /* lent until the next call */
};

/* Private. */
struct ber_level {
	uint64_t end; /* no byte of it lies there; indefinite: its parent's */
	uint8_t tag;
	bool indefinite;
	bool flat; /* not looked into */
};

/* A plain struct without allocations: begin with BER_READER. */
struct ber {
	struct span in;
	uint64_t at; /* bytes used so far */
	struct ber_level level[BER_DEPTH_MAX];
	int depth;
	bool began;
	uint8_t head[BER_HEAD_MAX];
	size_t head_len;
};

#define BER_READER ((struct ber){.depth = 0})

/* Lend the next bytes, until ber_next() says RC_AGAIN or fails.  Only when
 * all before them are used up. */
void ber_push(struct ber *ber, struct span in);

/* RC_AGAIN: everything is used up.  RC_ABSENT: the outermost element has
 * ended; what is behind it is in ber->in.  RC_SYNTAX: no BER, or a length
 * that goes beyond what the element lies in.  RC_LIMIT.  After a failure the
 * reader is of no more use. */
enum rc ber_next(struct ber *ber, struct ber_item *ret, struct err *err);

/* Behind BER_BEGIN of a definite length: do not look into the element, give
 * its contents out as if it were primitive. */
void ber_flatten(struct ber *ber);

/* The same element in DER, as far as that is to be had without knowing its
 * type: shortest definite lengths, and OCTET STRINGs and character strings of
 * universal tags in one piece.  (SETs are not sorted.)  *ret is `in` itself
 * if it was DER, else lent by `copy`, which must be empty.
 * RC_SYNTAX: not one whole element, or a BIT STRING in pieces. */
enum rc ber_der(
    struct span in, struct buf *copy, struct span *ret, struct err *err);

#endif
