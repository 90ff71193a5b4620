/* flow/outgoing -- from the plain letter of a mail program to sealed ones.
 *
 *   parse -> check the sender -> who is visible, who is blind -> for each
 *   group: flow/sealing
 *
 * May use:   base codec os mime pki cms proto dns net store keydir.
 * Not here:  finding certificates (keydir), sending (edge).
 * All or nothing: on any failure nothing was made, and nothing may leave.
 */
#ifndef FLOW_OUTGOING_H
#define FLOW_OUTGOING_H

#include "base/strlist.h"
#include "flow/sealing.h"

#define OUTGOING_COPIES_MAX 201 /* one for all visible, one a blind recipient */

struct recipient {
	const char *address;     /* as in RCPT TO */
	const struct cert *cert; /* to encrypt to */
	unsigned ciphers;        /* enum capability: known to be read there */
};

/* One sealed letter. */
struct copy {
	struct strlist to;
	struct buf bytes; /* CRLF, 7-bit, complete */
};

struct outgoing {
	struct copy copy[OUTGOING_COPIES_MAX];
	size_t copies;
	char *message_id; /* with angle brackets; owned */
	bool stamped;     /* every copy bears a timestamp */
};

#define OUTGOING_OWNED __attribute__((cleanup(outgoing_done)))
void outgoing_init(struct outgoing *outgoing);
void outgoing_done(struct outgoing *outgoing);

/* RC_UNFIT: From is not the account's address, or not exactly one.
 * RC_SYNTAX: broken MIME, a header that is no UTF-8.  RC_LIMIT: too many blind
 * recipients.  RC_UNFIT also: names an address in UTF-8, which nothing here
 * carries; signed only, and something in it cannot be made 7-bit.
 * RC_CRYPTO and the rest: could not be sealed. */
enum rc outgoing_make(struct span letter, const struct sender *sender,
    const struct recipient *recipients, size_t count, struct outgoing *ret,
    struct err *err);

/* Seal a letter to its writer only: drafts, sent copies, delivery reports.
 * Signed too, so that it reads as one's own.  Its Bcc is kept, inside. */
enum rc outgoing_keep(struct span letter, const struct sender *sender,
    struct buf *out, struct err *err);

/* Is the letter one S/MIME envelope already?  Then it needs no other. */
bool outgoing_is_sealed(struct span letter);

#endif
