/* mime/edit -- change some stretches of an entity and nothing else.
 *
 * May use:   base.
 */
#ifndef MIME_EDIT_PRIV_H
#define MIME_EDIT_PRIV_H

#include "base/buf.h"

struct edit {
	struct span old; /* what goes; of length 0 to put something in */
	struct buf text; /* what comes, in CRLF lines */
};

struct edits {
	struct edit *item; /* owned, in the order of the bytes */
	size_t len;
	size_t cap;
};

#define EDITS_NONE ((struct edits){NULL, 0, 0})
#define EDITS_OWNED __attribute__((cleanup(edits_done)))

void edits_done(struct edits *edits);

/* Replace `old`, which lies behind all that was added before.  Lends the
 * empty buf to fill, valid until the next call. */
enum rc edits_add(
    struct edits *edits, struct span old, struct buf **ret, struct err *err);

/* Append `whole`, in which all edits lie, with the edits made; what is not
 * edited gets CRLF line ends if `crlf`. */
enum rc edits_print(const struct edits *edits, struct span whole, bool crlf,
    struct buf *out, struct err *err);

#endif
