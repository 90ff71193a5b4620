/* strlist -- a growing list of C strings it owns; addresses, reasons. */
#ifndef BASE_STRLIST_H
#define BASE_STRLIST_H

#include "base/err.h"
#include "base/span.h"

#define STRLIST_MAX 10000 /* entries; more is RC_LIMIT */

struct strlist {
	char **item; /* owned, item[0..len-1] */
	size_t len;
	size_t cap;
};

#define STRLIST_NONE ((struct strlist){NULL, 0, 0})
#define STRLIST_OWNED __attribute__((cleanup(strlist_done)))

void strlist_done(struct strlist *list);
/* Adds a copy.  RC_SYNTAX: a NUL inside.  On failure unchanged. */
enum rc strlist_add(struct strlist *list, struct span text, struct err *err);
enum rc strlist_add_str(
    struct strlist *list, const char *text, struct err *err);
/* ASCII case folded. */
bool strlist_has_nocase(const struct strlist *list, const char *text);
bool strlist_has(const struct strlist *list, const char *text);

#endif
