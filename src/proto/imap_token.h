/* proto/imap_token -- the words of IMAP commands and responses.
 *
 * Standard:  RFC 3501 section 9 / RFC 9051; literals already read in.
 * May use:   base codec.
 */
#ifndef PROTO_IMAP_TOKEN_H
#define PROTO_IMAP_TOKEN_H

#include "base/buf.h"

enum imap_token_kind {
	IMAP_END, /* nothing left */
	IMAP_ATOM, /* also numbers, flags (\Seen), NIL, sets, BODY[...]<..>, "*" */
	IMAP_STRING, /* quoted or literal */
	IMAP_OPEN,   /* ( */
	IMAP_CLOSE,  /* ) */
};

struct imap_token {
	enum imap_token_kind kind;
	struct span whole; /* as it stands, with quotes or literal prefix */
	struct span value; /* quoted: still with backslashes if `escaped` */
	bool escaped;
};

/* Walks over one command's arguments or one response, literals included
 * ("{3}\r\nabc").  A section like BODY[HEADER.FIELDS (TO "x y")]<0.100> is one
 * atom. */
struct imap_walk {
	struct span rest;
};

enum rc imap_walk_next(
    struct imap_walk *walk, struct imap_token *ret, struct err *err);

/* The value of an atom or string, unescaped, appended. */
enum rc imap_token_value(
    const struct imap_token *token, struct buf *out, struct err *err);

/* Append as quoted string, or as a literal where it must be one. */
enum rc imap_print_string(struct span text, struct buf *out, struct err *err);

#endif
