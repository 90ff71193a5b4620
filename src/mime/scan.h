/* mime/scan -- a message as a stream: where its parts begin and end.
 *
 * The one parser of messages.  The tree (mime/entity) is made of its events;
 * who cannot hold a letter in memory pulls them itself, and so decides in the
 * same way.  Any split of the input gives the same events, but for where
 * SCAN_BYTES are cut.
 *
 * Standard:  RFC 2045, 2046; RFC 1847 section 2.1 (the signed bytes of a part
 *            end before the line end that belongs to the delimiter).
 * May use:   base codec.
 * Limits:    struct entity_limits; what mime/field takes as a header section.
 *            Memory: one such section and the boundaries of the containers
 *            that are open, however long the letter is.
 */
#ifndef MIME_SCAN_H
#define MIME_SCAN_H

#include "mime/entity.h"

struct scan;

enum scan_what {
	SCAN_MORE,  /* the input is used up */
	SCAN_BEGIN, /* of an entity: its header was read */
	SCAN_BYTES, /* the next bytes of the letter, all in their order */
	SCAN_END,   /* of the innermost entity that is open */
};

/* What the bytes of one event are; a delimiter comes in one event, from the
 * line end before it, which may be that of a header, to before its own. */
enum scan_role {
	SCAN_TEXT,
	SCAN_NEXT,  /* a delimiter that begins a part */
	SCAN_CLOSE, /* the closing delimiter */
};

/* An entity is exactly the SCAN_BYTES between its SCAN_BEGIN and SCAN_END.
 * The first header.len of them are its header; there may be fewer: the line
 * end before a delimiter belongs to the delimiter. */
struct scan_event {
	enum scan_what what;
	/* BEGIN: lent until the next call, with what it borrows; who wants to
	 * keep it takes it.  `whole` is no more than the header, and
	 * `malformed` what the header shows. */
	struct entity *entity;
	/* BYTES: lent until the next call, or as long as the input. */
	struct span bytes;
	enum scan_role role;
	bool malformed; /* END: what was found out behind the header */
	size_t depth;   /* BEGIN, END: 0 for the letter itself */
	/* BEGIN, END: where in the letter.  An end before its beginning: an
	 * empty part, to whose delimiter that line end belongs. */
	size_t at;
};

enum rc scan_new(
    struct entity_limits limits, struct scan **ret, struct err *err);
void scan_free(struct scan *scan);

/* Before the first scan_next(): the input is a part of another letter, not a
 * letter of its own.  A header with NUL or a bare CR is then none, as in
 * entity_parse(), and no error. */
void scan_part(struct scan *scan);

/* The next event.  Takes from the front of `in`; what is left of it has to be
 * given again.  `last`: nothing follows `in`; then SCAN_MORE is the end, and
 * everything that began has ended.  RC_SYNTAX, RC_LIMIT: as entity_parse();
 * then it is of no more use. */
enum rc scan_next(struct scan *scan, struct span *in, bool last,
    struct scan_event *ret, struct err *err);

/* Behind the letter's own SCAN_BEGIN: do not look for parts, all that follows
 * are its bytes. */
void scan_flat(struct scan *scan);

/* Hands the entity of the last SCAN_BEGIN on; its spans borrow the input if
 * that was given whole. */
struct entity *scan_take(struct scan *scan);

#endif
