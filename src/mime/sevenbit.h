/* mime/sevenbit -- make an entity safe for every mail server before it is
 * signed: 7-bit, lines of at most 998 bytes, CRLF, nothing that a server on
 * the way likes to change.
 *
 * Twice the same bytes: the first time all of it is looked at and decided,
 * the second time it is printed.
 *
 * Standard:  RFC 8551 section 3.1.3 (7-bit before signing), RFC 1847 section
 *            2.1 (nobody re-encodes what is signed), RFC 6532 section 3.5
 *            (message/global may be encoded), RFC 5321 section 4.5.3.1.6.
 * May use:   base codec.
 * Limits:    ENTITY_LIMITS; memory: one header section, what was decided
 *            about each part, and some pages, however long the entity is.
 */
#ifndef MIME_SEVENBIT_H
#define MIME_SEVENBIT_H

#include "mime/entity.h"

/* What had to stay, and what a server must be able to carry for it. */
struct sevenbit_needs {
	bool eight_bit; /* 8BITMIME: a signed part of somebody else's, or one
			 * that no encoding is allowed for */
	bool utf8;      /* SMTPUTF8: an address that is no ASCII */
	bool binary;    /* the same as eight_bit with lines too long, a NUL or
			 * a bare CR: no server carries it unchanged */
};

struct sevenbit;

/* The caller owns *ret. */
enum rc sevenbit_new(struct sevenbit **ret, struct err *err);
void sevenbit_free(struct sevenbit *sevenbit);

/* The first time: the next bytes, in any split.  After a failure it is of no
 * more use, here and below.
 * RC_SYNTAX: the entity's own header is no UTF-8, or holds a NUL or a bare
 * CR.  RC_LIMIT: as entity_parse(), or a header line that cannot be folded. */
enum rc sevenbit_look(
    struct sevenbit *sevenbit, struct span bytes, struct err *err);

/* That was all of it.  Adds to *needs.  RC_SYNTAX also: a NUL, a bare CR or a
 * line too long between parts, where nothing can be left out. */
enum rc sevenbit_look_end(
    struct sevenbit *sevenbit, struct sevenbit_needs *needs, struct err *err);

/* What it is, as was found out by then. */
struct sevenbit_shape {
	bool malformed;       /* as struct entity has it */
	bool first_malformed; /* the first part in it */
	size_t parts;         /* right below it; none that are in a leaf */
};

struct sevenbit_shape sevenbit_shape(const struct sevenbit *sevenbit);

/* The second time: append the entity with CRLF line ends, where
 *  - every leaf that is 8bit, binary, too long in its lines, or that has what
 *    servers change ("From " at a line's start, blanks at its end) is encoded
 *    anew (text: quoted-printable, else base64), and says so;
 *  - header fields that are not ASCII are encoded (RFC 2047, RFC 2231);
 *  - preambles and epilogues, which nobody shows, are left out if they are
 *    not safe; multiparts that said 8bit or binary say 7bit.
 * Everything else stays byte for byte; what lies in a multipart/signed or
 * multipart/encrypted always does.
 *
 * Text is base64 where quoted-printable cannot do: where there is a NUL or a
 * bare CR, encoded or not, or where a line would begin like a delimiter
 * around it.
 *
 * RC_CRYPTO, at the latest at the end: these are not the bytes of the first
 * time, and something would be unsafe or elsewhere; what was appended is to
 * be thrown away. */
enum rc sevenbit_print(struct sevenbit *sevenbit, struct span bytes,
    struct buf *out, struct err *err);
enum rc sevenbit_print_end(
    struct sevenbit *sevenbit, struct buf *out, struct err *err);

#endif
