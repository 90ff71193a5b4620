/* dns/caa -- may an authority issue for the mailboxes of a domain?
 *
 * Standard:  RFC 8659 (the climb, how a record names an authority, critical
 *            properties), RFC 9495 (issuemail), RFC 8657 (accounturi,
 *            validationmethods).
 * May use:   base codec os mime.
 * Not here:  when to ask, and for how long an answer is good
 *            (authority/permission); issue and issuewild, which are about the
 *            names of servers.
 * Limits:    64 records of a domain; CAA_MS for all questions together.
 *
 * A record says no unless all of it is understood: what cannot be read, or is
 * not known here, may be what the domain's owner relies on.
 */
#ifndef DNS_CAA_H
#define DNS_CAA_H

#include "dns/resolver.h"

#define CAA_MS 20000

struct caa_question {
	const struct resolver *resolver;
	const char *domain;  /* of the mailbox, in A-labels */
	const char *issuer;  /* what a record must name: "ca.example.org" */
	const char *account; /* whose request it is, a URL */
	const char *method;  /* how the mailbox is proved: "email-reply-00" */
};

/* RC_OK: yes.  RC_REFUSED: no, and `err` says why.  RC_CRYPTO: the answer is
 * forged (DNSSEC).  RC_IO: there is no answer now.  RC_LIMIT, RC_SYNTAX: what is
 * there cannot be read; or that is no domain. */
enum rc caa_check(const struct caa_question *question, struct err *err);

#endif
