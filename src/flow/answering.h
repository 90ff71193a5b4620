/* flow/answering -- what a letter that goes out answers, and what follows.
 *
 *   of what kind it is, whom it names (In-Reply-To, References,
 *   X-Forwarded-Message-Id, a letter in it, what a report is about)
 *     -> what is remembered of those (flow/answered)
 *     -> does it quote them, and to whom does it go -> flow/answer
 *
 * May use:   base codec os mime pki cms proto dns net store keydir.
 * Not here:  whether the recipients have certificates (flow/recipients).
 * Limits:    ANSWERING_IDS letters are looked up, the newest of References
 *            first.
 */
#ifndef FLOW_ANSWERING_H
#define FLOW_ANSWERING_H

#include "flow/answer.h"
#include "flow/answered.h"
#include "flow/recipients.h"

#define ANSWERING_IDS 64
/* So many words in a row, without a Message-ID that says so, are a quotation of
 * a letter that nobody signed; or all of a shorter one. */
#define ANSWERING_MARKS 8

struct answering {
	const struct state *state; /* NULL: nothing is remembered */
	const char *own;           /* the account's address */
	const struct recipients *to;
	bool from_nobody; /* MAIL FROM:<> */
	int64_t now;
};

/* What it is, whatever may become of it; and appends to *secrets what its own
 * header must not tell.  RC_SYNTAX, RC_LIMIT: it cannot be read, or what is
 * remembered cannot: it may not go. */
enum rc answering_facts(struct span letter, const struct answering *by,
    struct answer_facts *ret, struct protect_reference *secrets,
    struct err *err);

/* Only what its own header must not tell: of a draft, or a sent copy. */
enum rc answering_secrets(struct span letter, const struct answering *by,
    struct protect_reference *secrets, struct err *err);

/* The same as answering_facts(), decided: RC_UNFIT, with the reason, if it must not go. */
enum rc answering_check(struct span letter, const struct answering *by,
    struct protect_reference *secrets, struct err *err);

#endif
