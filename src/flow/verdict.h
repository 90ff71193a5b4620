/* flow/verdict -- facts in, verdict out.
 *
 * The heart of the product.  Pure: no I/O, no clock, no allocation, no state.
 * The rules are a table, from the worst to the best; the first rule whose
 * condition holds decides the level, and every rule that holds gives its
 * reason.  What is said of it is flow/words.
 *
 * Source:    doc/verdicts.md (the same table in words, made from it and from
 *            flow/words.txt); RFC 8550 section 3, RFC 9788 section 4.
 */
#ifndef FLOW_VERDICT_H
#define FLOW_VERDICT_H

#include "flow/facts.h"
#include "flow/words.h"

#define VERDICT_REASONS_MAX 64

enum verdict_level {
	VERDICT_DANGER,
	VERDICT_UNSIGNED,
	VERDICT_CAUTION,
	VERDICT_VERIFIED
};

struct verdict {
	enum verdict_level level;
	char sentence[WORDS_MAX]; /* UTF-8, printable */
	const char *extra;  /* one more, static: what the letter asks for; "" */
	const char *advice; /* one thing to do, static */
	const char *reason[VERDICT_REASONS_MAX]; /* static codes, worst first */
	size_t reasons;
};

/* In English. */
void verdict_decide(const struct facts *facts, struct verdict *ret);

/* Say it in that language: the sentences and the advice.  `facts` are those
 * that were judged. */
void verdict_say(
    const struct facts *facts, enum language language, struct verdict *verdict);

/* "verified", "caution", "unsigned", "danger" */
const char *verdict_name(enum verdict_level level);

/* May the name in the signer's certificate be shown, and the organisation?
 * Only from level V2 on, and from V3 on, when the chain is valid and its root
 * may give that level and name that domain. */
bool verdict_names_person(const struct facts *facts);
bool verdict_names_organisation(const struct facts *facts);

#endif
