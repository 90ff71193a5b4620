/* authority/lists_priv -- a revocation list between its two transactions.
 *
 * It is signed outside of them: a token may be slow, and others wait for a
 * transaction.  So it is kept only if no other was made meanwhile, and what it
 * tells of counts as told only if nothing was revoked meanwhile: else the next
 * round makes another.
 */
#ifndef AUTHORITY_LISTS_PRIV_H
#define AUTHORITY_LISTS_PRIV_H

#include "authority/crl_make.h"
#include "authority/lists.h"

struct lists_draft {
	const struct lists *lists;
	const struct authority_ca *ca;
	int64_t part, now;
	int64_t number;     /* by lists_draft_read() */
	struct buf entries; /* the same; owned */
};
#define LISTS_DRAFT_OWNED __attribute__((cleanup(lists_draft_done)))
void lists_draft_done(struct lists_draft *draft);

/* What is to be on it. */
enum rc lists_draft_read(
    struct sql *sql, struct lists_draft *draft, struct err *err);
/* RC_REFUSED: another one was made meanwhile, and stays. */
enum rc lists_draft_keep(struct sql *sql, const struct lists_draft *draft,
    struct span der, struct err *err);

#endif
