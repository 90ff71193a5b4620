/* net/imap_stretch -- a command cut where the server has to give permission.
 *
 * Private to net/imap_link.
 */
#ifndef NET_IMAP_STRETCH_PRIV_H
#define NET_IMAP_STRETCH_PRIV_H

#include "base/buf.h"

/* Text up to and with the CRLF before a literal, or all that is left. */
struct imap_stretch {
	size_t text;
	size_t literal; /* bytes that follow it */
	bool last;      /* nothing follows, and there is no CRLF */
};

/* RC_SYNTAX: a line end that begins no literal, or another control
 * character. */
enum rc imap_stretch_find(
    struct span rest, struct imap_stretch *ret, struct err *err);
/* The same for every stretch of a command. */
enum rc imap_stretch_check(struct span rest, struct err *err);

#endif
