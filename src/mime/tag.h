/* mime/tag -- the tags of HTML, one after the other.
 *
 * The one reader of them: what takes the legacy display out of a text and what
 * looks for requests in it see the same tags.
 *
 * Standard:  HTML's tokens (tags, comments, declarations, raw text) as far as
 *            they are needed; no tree is built.
 * May use:   base.  No failure, no allocation.  Linear in time, whatever the
 *            HTML.
 */
#ifndef MIME_TAG_H
#define MIME_TAG_H

#include "base/span.h"

struct tag {
	size_t from, to;  /* "<", and behind ">" (or the end of the text) */
	struct span name; /* borrows; empty: a comment or declaration */
	bool closing;
};

/* What begins with the "<" that stands at `at`.  False: it is only a sign (or
 * `at` is the end), and *ret is as it was. */
bool tag_read(struct span html, size_t at, struct tag *ret);

/* Of an element that holds no tags, such as <style>: where the closing tag
 * begins, or what looks like it; the end of the text if nothing does. */
size_t tag_find_end(struct span html, const struct tag *begin);

/* One of HTML's five. */
bool tag_is_blank(uint8_t c);

#endif
