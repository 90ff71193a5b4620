/* flow/verdict -- facts in, verdict out.
 *
 * The heart of the product.  Pure: no I/O, no clock, no allocation, no state.
 * The rules are a table, from the worst to the best; the first rule whose
 * condition holds decides the level, and every rule that holds gives its
 * reason.
 *
 * Source:    doc/verdicts.md (the same table in words); RFC 8550 section 3,
 *            RFC 9788 section 4.
 */
#ifndef FLOW_VERDICT_H
#define FLOW_VERDICT_H

#include "flow/facts.h"

#define VERDICT_SENTENCE_MAX 121 /* 120 characters and the NUL */
#define VERDICT_REASONS_MAX 64

enum verdict_level {
	VERDICT_DANGER,
	VERDICT_UNSIGNED,
	VERDICT_CAUTION,
	VERDICT_VERIFIED
};

struct verdict {
	enum verdict_level level;
	char sentence[VERDICT_SENTENCE_MAX];     /* ASCII or UTF-8, printable */
	const char *reason[VERDICT_REASONS_MAX]; /* static codes, worst first */
	size_t reasons;
};

void verdict_decide(const struct facts *facts, struct verdict *ret);

/* "verified", "caution", "unsigned", "danger" */
const char *verdict_name(enum verdict_level level);

#endif
