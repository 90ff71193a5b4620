/* authority/answer -- is this letter the right answer to a challenge?
 *
 * Standard:  RFC 8823 section 3.2.
 * May use:   base codec mime proto.
 * Not here:  what follows from it (authority/mx), SMTP.
 * Limits:    ANSWER_MAX bytes.
 *
 * Only a letter that is proved to come from the mailbox in question (one From,
 * DKIM by exactly its domain) can decide anything; whoever else writes to a
 * challenge address is refused and leaves no trace, so that a stranger cannot
 * spoil somebody's challenge.
 */
#ifndef AUTHORITY_ANSWER_H
#define AUTHORITY_ANSWER_H

#include "authority/authorization.h"
#include "base/span.h"

#define ANSWER_MAX ((size_t)256 * 1024)

struct answer_check {
	const struct authorization *authorization;
	const char *recipient;  /* acme-challenge+ID@domain, whole */
	const char *thumbprint; /* of the account's key; that of the key it had
				 * when it asked will do as well */
	/* dns/dkim's dkim_check_challenge(), or a test's. */
	enum rc (*check_dkim)(
	    const void *context, struct span letter, struct err *err);
	const void *dkim_context;
};

/* RC_OK: proved.  RC_CRYPTO: it is from the mailbox, and the digest is wrong:
 * the challenge has failed.  RC_IO: ask again later (the DKIM key could not be
 * had).  RC_REFUSED, RC_SYNTAX, RC_LIMIT: no answer at all; with the reason. */
enum rc answer_check(
    const struct answer_check *check, struct span letter, struct err *err);

#endif
