/* authority/guard_json -- what waits for a device, as devices and operators
 * read it.
 *
 * May use:   base codec store.
 */
#ifndef AUTHORITY_GUARD_JSON_H
#define AUTHORITY_GUARD_JSON_H

#include <jansson.h>

#include "authority/guard.h"

/* `base`: of its URL, which ends with its name.  NULL: out of memory. */
json_t *guard_json(const char *base, const struct guard *guard);

/* The word in {"status": "approved"} or "refused".  RC_SYNTAX: neither. */
enum rc guard_json_word(const json_t *json, bool *ret, struct err *err);

#endif
