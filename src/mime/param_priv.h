/* mime/param -- change the parameters of a MIME field, and print it.
 *
 * Standard:  RFC 2045 section 5.1; RFC 2231 for values that are not ASCII or
 *            very long.
 * May use:   base.
 */
#ifndef MIME_PARAM_PRIV_H
#define MIME_PARAM_PRIV_H

#include "mime/content.h"

/* Forget the parameter, if it is there. */
void param_remove(struct content *content, const char *name);

/* Append "Field: type/subtype; name=value; ..." without a line end, folded
 * at 78 columns. */
enum rc param_print(const struct content *content, const char *field,
    struct buf *out, struct err *err);

/* Append "; name=\"value\"" for a value that needs no care, on the line that
 * `out` ends with or on the next. */
enum rc param_append(
    const char *name, const char *value, struct buf *out, struct err *err);

#endif
