/* mime/cursor -- a place in the value of a field, and the blanks and comments
 * there (CFWS, RFC 5322 section 3.2.2).
 *
 * May use:   base.
 */
#ifndef MIME_CURSOR_PRIV_H
#define MIME_CURSOR_PRIV_H

#include "base/buf.h"

struct cursor {
	struct span rest;
	const char *where; /* for errors: "a MIME field" */
	struct err *err;
	struct buf *comments; /* where their text goes; or NULL */
};

/* The next byte, -1 at the end. */
int cursor_peek(const struct cursor *at);
void cursor_skip(struct cursor *at, size_t len);
/* Skip blanks and comments, as many as there are. */
enum rc cursor_skip_blanks(struct cursor *at);

#endif
