/* flow/lookup -- numbers found by a text, several for one text.
 *
 * The texts are the caller's own (contacts, a table): nobody hostile chooses
 * them, so the hash needs no secret.
 * May use:   base.
 * Limits:    LOOKUP_MAX entries: RC_LIMIT.
 */
#ifndef FLOW_LOOKUP_H
#define FLOW_LOOKUP_H

#include "base/err.h"
#include "base/span.h"

#define LOOKUP_MAX ((size_t)1 << 22)
#define LOOKUP_NONE SIZE_MAX

struct lookup_entry {
	char *text; /* owned */
	size_t len;
	size_t value;
	size_t next; /* entry with the same hash, or LOOKUP_NONE */
};

struct lookup {
	struct lookup_entry *entry; /* owned */
	size_t len, cap;
	size_t *slot; /* owned; first entry of each chain */
	size_t slots; /* a power of two */
};

#define LOOKUP_EMPTY ((struct lookup){NULL, 0, 0, NULL, 0})

void lookup_done(struct lookup *lookup);
/* Copies the text.  The same text may have several values; an empty text is
 * not kept.  On failure unchanged. */
enum rc lookup_add(
    struct lookup *lookup, struct span text, size_t value, struct err *err);

/* The entries of a text, one after the other: begin with `at` LOOKUP_NONE.
 * False: there are no more. */
bool lookup_next(const struct lookup *lookup, struct span text, size_t *at,
    size_t *ret_value);
bool lookup_has(const struct lookup *lookup, struct span text);

#endif
