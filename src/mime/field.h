/* mime/field -- the header section of a message or part, as it stands.
 *
 * Standard:  RFC 5322 section 2.2, read leniently (LF or CRLF line ends), byte-
 *            exact: every field remembers where it is.
 * May use:   base codec.
 * Limits:    FIELD_MAX fields, FIELD_SECTION_MAX bytes of header: RC_LIMIT.
 */
#ifndef MIME_FIELD_H
#define MIME_FIELD_H

#include "base/buf.h"

#define FIELD_MAX 2000
#define FIELD_SECTION_MAX ((size_t)256 * 1024)

struct field {
	struct span whole; /* name to the last line end, folded lines too */
	struct span name;  /* without the colon and blanks before it */
	struct span value; /* behind the colon, still folded, trimmed */
};

struct fields {
	struct field *item; /* owned; the spans borrow the parsed bytes */
	size_t len;
};

#define FIELDS_NONE ((struct fields){NULL, 0})
#define FIELDS_OWNED __attribute__((cleanup(fields_done)))

/* Parse the header section at the beginning of `bytes`; it ends behind the
 * empty line (or at the end of the bytes, or before the first line that is no
 * field: then the body begins there).  *ret_body is the offset of the body.
 * A NUL or a bare CR in the section is RC_SYNTAX. */
enum rc fields_parse(
    struct span bytes, struct fields *ret, size_t *ret_body, struct err *err);
void fields_done(struct fields *fields);

/* Lends the first field of that name (ASCII case folded), NULL if none. */
const struct field *fields_find(const struct fields *fields, const char *name);
size_t fields_count(const struct fields *fields, const char *name);

/* The value of the first such field, empty if none. */
struct span fields_value(const struct fields *fields, const char *name);

/* Append the value without line ends (each fold becomes its blanks). */
enum rc field_unfold(struct span value, struct buf *out, struct err *err);

/* Append "Name: value" CRLF, folded at 78 columns where there are blanks. */
enum rc field_print(
    const char *name, struct span value, struct buf *out, struct err *err);

#endif
