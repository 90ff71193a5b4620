/* enrol/answer -- answer a challenge through the person's own mail server.
 *
 * Standard:  RFC 8823 section 3.2.
 * May use:   base codec os mime pki vault proto dns net store.
 */
#ifndef ENROL_ANSWER_H
#define ENROL_ANSWER_H

#include "enrol/account.h"
#include "enrol/recognise.h"
#include "enrol/upstream.h"

struct answer {
	const struct account *account;
	const struct upstream *upstream;
	const struct recognised *challenge;
	const char *token2;
	struct span thumbprint;
	int timeout; /* milliseconds */
};

/* RC_REFUSED: the server will not take it.  RC_IO: try again; the Message-ID
 * is the same each time. */
enum rc answer_send(const struct answer *answer, struct err *err);

/* Append the letter. */
enum rc answer_print(
    const struct answer *answer, int64_t now, struct buf *out, struct err *err);

#endif
