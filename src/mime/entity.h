/* mime/entity -- the one parser of messages: a byte-exact tree of parts.
 *
 * What decides security, display and the IMAP structure of a letter is this
 * tree and nothing else: two parsers would disagree, and that is how mail
 * programs are fooled.
 *
 * Standard:  RFC 2045, 2046; RFC 1847 section 2.1 (the signed bytes of a part
 *            end before the line end that belongs to the delimiter).
 * May use:   base codec.
 * Limits:    struct entity_limits; beyond them RC_LIMIT, nothing half-parsed.
 */
#ifndef MIME_ENTITY_H
#define MIME_ENTITY_H

#include "mime/content.h"
#include "mime/field.h"

struct entity_limits {
	unsigned depth; /* nested multiparts and message/rfc822 */
	unsigned parts; /* in the whole letter */
};

#define ENTITY_LIMITS ((struct entity_limits){50, 1000})

enum entity_encoding {
	ENCODING_7BIT,
	ENCODING_8BIT,
	ENCODING_BINARY,
	ENCODING_QP,
	ENCODING_BASE64,
	ENCODING_UNKNOWN,
};

struct entity {
	struct span whole;  /* header and body: what a signature covers */
	struct span header; /* with the empty line that ends it */
	struct span body;
	struct fields fields;
	struct content type; /* text/plain; charset=us-ascii where absent */
	enum entity_encoding encoding;
	bool malformed; /* unreadable Content-Type or encoding, a multipart
			 * without boundary or without closing delimiter, an
			 * encoding other than 7bit/8bit/binary on a multipart
			 * or message, several Content-Type fields; also what
			 * other readers may split otherwise: a line that only
			 * begins like a delimiter, a delimiter behind the
			 * closing one or behind a bare CR; a part whose header
			 * holds NUL or a bare CR (all of it is its body) */

	struct entity *parent;
	struct entity *child; /* first part; the message in a message/rfc822 */
	struct entity *next;  /* sibling */
};

/* Parse a whole message or part.  Borrows `bytes` as long as *ret lives; the
 * caller owns *ret.  Odd MIME is not an error: it sets `malformed`.
 * RC_SYNTAX: NUL or a bare CR in the header of the letter itself.  RC_LIMIT:
 * those above, or of any header section (mime/field). */
enum rc entity_parse(struct span bytes, struct entity_limits limits,
    struct entity **ret, struct err *err);
void entity_free(struct entity *entity);

/* Append the body with its transfer encoding undone. */
enum rc entity_decode(
    const struct entity *entity, struct buf *out, struct err *err);

bool entity_is(const struct entity *entity, const char *type, const char *sub);
/* Number of children. */
size_t entity_children(const struct entity *entity);

#endif
