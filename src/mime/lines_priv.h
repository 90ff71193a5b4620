/* mime/lines -- line ends and header fields as they go out.
 *
 * May use:   base.
 */
#ifndef MIME_LINES_PRIV_H
#define MIME_LINES_PRIV_H

#include "mime/entity.h"

#define LINE_MAX_LEN 998 /* RFC 5322 section 2.1.1, without CRLF */

/* Append with every line end as CRLF; a bare CR stays what it is. */
enum rc lines_add(struct span text, struct buf *out, struct err *err);

/* What a stretch of bytes holds that not every mail server carries. */
struct lines_trouble {
	bool eight_bit;
	bool control;   /* NUL, or a CR that ends no line */
	bool long_line; /* more than LINE_MAX_LEN */
};

struct lines_trouble lines_look(struct span text);

/* Append a field, folded as it is, but such that every reader sees the same:
 * CRLF, no blanks before the colon, no folded line of blanks alone. */
enum rc lines_add_field(
    const struct field *field, struct buf *out, struct err *err);

/* Does the header end with an empty line? */
bool lines_header_ended(const struct entity *entity);

#endif
