/* enrol/recognise -- is this letter a challenge, and ours?
 *
 * Standard:  RFC 8823 section 3.1.
 * May use:   base codec os mime pki vault proto dns net store.
 */
#ifndef ENROL_RECOGNISE_H
#define ENROL_RECOGNISE_H

#include "dns/resolver.h"
#include "enrol/order.h"

struct recognised {
	char token1[2 * ACME_TOKEN_MAX + 1];
	char answer_to[321];  /* Reply-To if there is one, else From */
	char message_id[501]; /* with angle brackets, or "" */
};

struct recognise {
	const struct resolver *resolver;
	const char *address;       /* the mailbox that certificates are for */
	const struct order *order; /* NULL: none is under way */
};

/* RC_ABSENT, RC_OK, RC_REFUSED as enrol_check_challenge() says; RC_IO: the
 * DKIM key could not be asked for. */
enum rc recognise_challenge(const struct recognise *recognise,
    struct span letter, struct recognised *ret, struct err *err);

#endif
