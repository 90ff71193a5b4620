/* mime/sevenbit -- make an entity safe for every mail server before it is
 * signed: 7-bit, lines of at most 998 bytes, CRLF, nothing that a server on
 * the way likes to change.
 *
 * Standard:  RFC 8551 section 3.1.3 (7-bit before signing), RFC 1847 section
 *            2.1 (nobody re-encodes what is signed), RFC 6532 section 3.5
 *            (message/global may be encoded), RFC 5321 section 4.5.3.1.6.
 * May use:   base codec.
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

/* Append the entity with CRLF line ends, where
 *  - every leaf that is 8bit, binary, too long in its lines, or that has what
 *    servers change ("From " at a line's start, blanks at its end) is encoded
 *    anew (text: quoted-printable, else base64), and says so;
 *  - header fields that are not ASCII are encoded (RFC 2047, RFC 2231);
 *  - preambles and epilogues, which nobody shows, are left out if they are
 *    not safe; multiparts that said 8bit or binary say 7bit.
 * Everything else stays byte for byte; what lies in a multipart/signed or
 * multipart/encrypted always does.  Adds to *needs.
 * RC_SYNTAX: the entity's own header is no UTF-8, or holds a NUL or a bare
 * CR, also between parts. */
enum rc sevenbit_print(const struct entity *entity,
    struct sevenbit_needs *needs, struct buf *out, struct err *err);

#endif
