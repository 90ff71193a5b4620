/* edge/imap_section -- which bytes of a letter BODY[1.2.HEADER] means.
 *
 * Standard:  RFC 3501 section 6.4.5.
 * May use:   base codec os mime proto net store flow enrol.
 * Limits:    IMAP_PATH_MAX numbers; mime/entity's depth is below that.
 */
#ifndef EDGE_IMAP_SECTION_H
#define EDGE_IMAP_SECTION_H

#include "base/strlist.h"
#include "mime/entity.h"
#include "proto/imap_token.h"

#define IMAP_PATH_MAX 60
#define IMAP_NAMES_MAX 200 /* header names in one section */

enum imap_text {
	IMAP_TEXT_ALL,
	IMAP_TEXT_HEADER,
	IMAP_TEXT_FIELDS,
	IMAP_TEXT_FIELDS_NOT,
	IMAP_TEXT_BODY, /* "TEXT" */
	IMAP_TEXT_MIME,
};

struct imap_section {
	uint32_t path[IMAP_PATH_MAX];
	size_t depth;
	enum imap_text text;
	struct strlist names; /* of FIELDS */
};

#define IMAP_SECTION_NONE \
	((struct imap_section){{0}, 0, IMAP_TEXT_ALL, STRLIST_NONE})
void imap_section_done(struct imap_section *section);

/* What stands between "[" and "]". */
enum rc imap_section_parse(
    struct span text, struct imap_section *ret, struct err *err);
/* Append it again, as a plain line can hold it. */
enum rc imap_section_print(
    const struct imap_section *section, struct buf *out, struct err *err);

/* *ret lends bytes of the letter, or of `made` where they had to be put
 * together.  RC_ABSENT: there is no such part. */
enum rc imap_section_find(const struct imap_section *section,
    const struct entity *letter, struct buf *made, struct span *ret,
    struct err *err);

/* Where a section is numbers only: the part, whose body is what they mean; the
 * letter itself if there are none.  NULL: there is no such part. */
const struct entity *imap_section_part(
    const struct imap_section *section, const struct entity *letter);

/* Is it a message inside a message, as IMAP4rev1 knows them? */
bool imap_section_is_message(const struct entity *part);

#endif
