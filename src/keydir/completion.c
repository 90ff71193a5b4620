#include "keydir/completion.h"

#include "pki/orphan.h"

/* RC_ABSENT: nothing new came.  More than there is room for is not there. */
static enum rc
fetch(const struct completion *c, struct err *err)
{
	const struct chain_request *ask = c->ask;
	struct certs orphans CERTS_OWNED = CERTS_NONE;
	struct certs found CERTS_OWNED = CERTS_NONE;

	TRY(orphans_find(
	    c->cert, ask->roots, ask->untrusted, ask->at, &orphans, err));
	if (orphans.len > 0)
		TRY(c->source->find(
		    c->source->self, &orphans, c->deadline, &found, err));
	if (found.len == 0 || c->untrusted->len == CERTS_MAX)
		return RC_ABSENT;
	for (size_t i = 0; i < found.len && c->untrusted->len < CERTS_MAX; i++)
		TRY(certs_add(c->untrusted, found.item[i], err));
	return RC_OK;
}

/* Step by step: who issued the one that came may be missing too. */
enum rc
completion_run(
    const struct completion *c, struct chain_result *ret, struct err *err)
{
	for (int steps = 0;
	     ret->state != CHAIN_VALID && steps < COMPLETION_STEPS; steps++) {
		enum rc rc = fetch(c, err);
		if (rc == RC_ABSENT)
			return RC_OK;
		TRY(rc);
		chain_result_done(ret);
		TRY(chain_check(c->cert, c->ask, ret, err));
		if (ret->state == CHAIN_VALID)
			c->source->keep(c->source->self, &ret->path);
	}
	return RC_OK;
}
