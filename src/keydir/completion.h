/* keydir/completion -- build a path with what can be fetched of what is missing.
 *
 * Standard:  RFC 4158 section 2, RFC 5280 section 4.2.2.1.
 * May use:   base codec os mime pki proto dns net store.
 * Limits:    COMPLETION_STEPS times something is asked for; those of the source.
 */
#ifndef KEYDIR_COMPLETION_H
#define KEYDIR_COMPLETION_H

#include "keydir/issuers.h"
#include "pki/chain.h"

#define COMPLETION_STEPS 8

struct completion {
	const struct issuer_source *source;
	int64_t deadline; /* ticks */
	const struct cert *cert;
	const struct chain_request *ask; /* what chain_check() was asked */
	struct certs *untrusted;         /* its own; gets what comes */
};

/* After a chain_check(): as long as *ret is not valid and something is missing
 * that comes, it is added and the chain is checked again. */
enum rc completion_run(const struct completion *completion,
    struct chain_result *ret, struct err *err);

#endif
