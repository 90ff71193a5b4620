/* mime/protect_head -- the two headers that a letter's own becomes: that of
 * its payload, and what stands outside.
 *
 * Standard:  RFC 9788 sections 2.1, 2.2, 5.2.
 * May use:   base codec.
 */
#ifndef MIME_PROTECT_HEAD_PRIV_H
#define MIME_PROTECT_HEAD_PRIV_H

#include "mime/protect.h"

/* More than a header section becomes. */
#define PROTECT_HEADER_MAX (8 * FIELD_SECTION_MAX)

struct protect_head {
	struct buf payload; /* all that is in front of the letter's body */
	struct buf end;     /* and behind it */
	struct buf outer;
	bool wrapped; /* the letter is a part of the payload */
};

#define PROTECT_HEAD_NONE                                                    \
	((struct protect_head){BUF_SECRET(2 * PROTECT_HEADER_MAX), BUF(256), \
	    BUF_SECRET(PROTECT_HEADER_MAX), false})

/* Of the letter only the header is looked at.  RC_SYNTAX, RC_UNFIT: as
 * protect_look(). */
enum rc protect_head_make(const struct entity *letter,
    const struct protect_options *options, struct protect_head *ret,
    struct err *err);
void protect_head_done(struct protect_head *head);

#endif
