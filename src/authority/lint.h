/* authority/lint -- does a certificate break a rule?
 *
 * Whatever this authority signs is looked at here first, by code that shares
 * nothing with the code that made it: bytes are read by pki/der, not by a
 * library that forgives.  The CA/B Forum's S/MIME Baseline Requirements
 * (section 4.3.1.2) want this before every issuance.
 *
 * Standard:  RFC 5280; the S/MIME Baseline Requirements, sections 6 and 7,
 *            with policy identifiers of our own (pki/policy.h); RFC 9598, 3161,
 *            6960, 4262.  doc/lint.md has all rules in a table.
 * May use:   base pki.  No clock, no I/O.
 * Not here:  whether the signature is right; whether what it says is true.
 * Limits:    LINT_RULES_MAX rules; 32 extensions, 32 parts of a name.
 */
#ifndef AUTHORITY_LINT_H
#define AUTHORITY_LINT_H

#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

/* What a certificate is for; the rules differ. */
enum lint_kind {
	LINT_ROOT,
	LINT_MAIL_CA,
	LINT_TSA_CA,
	LINT_TSA,
	LINT_OCSP, /* a responder */
	LINT_MAIL, /* of a mailbox */
	LINT_HOST, /* for tests of ACME by other clients */
};

struct lint_wish {
	enum lint_kind kind;
	struct span tbs;       /* the TBSCertificate, whole */
	struct span algorithm; /* beside the signature; none: not signed yet */
	struct span issuer;    /* a whole Certificate; none: not at hand */
	int64_t now;           /* when it is issued; 0: it was long ago */
	/* This authority publishes nothing: pointers need not be there. */
	bool unpublished;
};

struct lint_rule {
	const char *id;     /* "sbr-7.1.2.3-purpose" */
	const char *source; /* the paragraph */
	const char *text;   /* one sentence: what must be so */
};

#define LINT_RULES_MAX 96

struct lint_findings {
	const struct lint_rule *rule[LINT_RULES_MAX]; /* lent for ever */
	size_t len;
};

/* Every rule that is broken is in *ret, which is also set when it fails.
 * RC_UNFIT: there is at least one, the first stands in `err`. */
enum rc lint_check(
    const struct lint_wish *wish, struct lint_findings *ret, struct err *err);

/* The parts of a whole Certificate, lent, and what kind it seems to be.
 * RC_SYNTAX: none. */
enum rc lint_take(
    struct span certificate, struct lint_wish *ret, struct err *err);

/* All rules, for whoever prints or tests them; NULL behind the last. */
const struct lint_rule *lint_rule(size_t i);

#endif
