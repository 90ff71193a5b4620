/* mime/protect_outside -- what stood outside of a protected header.
 *
 * Standard:  RFC 9788 section 4.2.1: HP-Outer says it, never the real outer
 *            header; but for the wrapped form (section 4.10) there is nothing
 *            else.
 * May use:   base.
 */
#ifndef MIME_PROTECT_OUTSIDE_PRIV_H
#define MIME_PROTECT_OUTSIDE_PRIV_H

#include "mime/protect.h"

struct outside_field {
	struct span name;
	struct span value; /* still folded, trimmed */
};

/* Where it is said; borrows the letter. */
struct outside {
	const struct fields *fields;
	bool real; /* they are the real outer header's */
};

struct outside outside_of(const struct protect_letter *letter);

/* Walk over all of them: `*at` begins at 0; false ends. */
bool outside_next(
    const struct outside *outside, size_t *at, struct outside_field *ret);

/* Did this very field, name and value, stand outside? */
bool outside_has(const struct outside *outside, const struct field *field);

/* Are they the same without folds and outer blanks? */
bool outside_same_value(struct span a, struct span b);

#endif
