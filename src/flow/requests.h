/* flow/requests -- what payment and credential requests say: a table made at
 * build time.
 *
 * Source:    src/flow/requests.txt says what each thing means and is the file
 *            to edit; tools/request-table makes C of it.
 * Every list ends with an entry whose pointer is NULL.
 */
#ifndef FLOW_REQUESTS_H
#define FLOW_REQUESTS_H

#include <stdbool.h>
#include <stddef.h>

#include "flow/facts.h"

struct request_phrase {
	const char *text; /* folded: lower case, single blanks */
	size_t len;
	bool word_begins, word_ends; /* only where a word does */
};

struct request_part {
	const struct request_phrase *phrases; /* any of them */
	bool far; /* anywhere behind the part before it, not only near */
};

struct request_rule {
	enum request what;
	unsigned line;                    /* of requests.txt */
	const struct request_part *parts; /* all, one behind the other */
};

extern const struct request_rule request_rules[];
extern const struct request_phrase request_unless[];

#endif
