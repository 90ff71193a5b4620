/* flow/incoming -- what a mail program is shown of a letter.
 *
 * A letter that was opened is rebuilt: protected header, payload, the verdict
 * on top.  Every other letter passes byte for byte, but that a forged
 * Letterlock-Verdict is gone.  A letter sealed with CBC and without a valid
 * signature inside is shown as it came, unopened: its text may be anybody's
 * (EFAIL).
 *
 * May use:   base codec os mime pki cms proto dns net store keydir.
 */
#ifndef FLOW_INCOMING_H
#define FLOW_INCOMING_H

#include "flow/gather.h"
#include "flow/verdict.h"

struct incoming {
	struct verdict verdict;
	bool rebuilt;    /* it was opened */
	struct buf view; /* what is shown; secret if rebuilt */
};

#define INCOMING_OWNED __attribute__((cleanup(incoming_done)))
void incoming_init(struct incoming *incoming);
void incoming_done(struct incoming *incoming);

/* RC_OK for whatever letter.  RC_NOMEM, RC_LIMIT: it cannot be shown. */
enum rc incoming_read(struct span letter, const struct reader *reader,
    struct incoming *ret, struct err *err);

#endif
