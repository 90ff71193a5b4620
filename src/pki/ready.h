/* pki/ready -- a place where a context of the crypto library waits for its next
 * use.
 *
 * To make one ready costs the library thousands of instructions, much of it
 * under locks; to use it again costs none of them.
 *
 * May use:   base.  Any thread may take and give: whoever has taken a context
 *            has it alone, and who comes meanwhile makes another.
 * Limits:    one context; of two that are given the later stays.
 */
#ifndef PKI_READY_H
#define PKI_READY_H

#include "pki/crypto.h"

/* All zero is an empty one. */
struct ready {
	EVP_PKEY_CTX *_Atomic ctx;
};

/* The caller's now.  NULL: there is none, or the one that was there had been
 * made ready for something else than `what`, and is gone.  `what` is only
 * compared, and may be NULL. */
EVP_PKEY_CTX *ready_take(struct ready *ready, const void *what);
/* Takes the context, which must be as it was when it was made ready: one in
 * whose use something failed is freed instead. */
void ready_give(struct ready *ready, const void *what, EVP_PKEY_CTX *ctx);
void ready_done(struct ready *ready);

#endif
