/* net/imap_fetch -- the letter in a FETCH response.
 *
 * Standard:  RFC 3501 section 7.4.2.
 * Private to net/imap_link.
 */
#ifndef NET_IMAP_FETCH_PRIV_H
#define NET_IMAP_FETCH_PRIV_H

#include "proto/imap_token.h"

struct imap_fetch {
	uint32_t uid;           /* 0: none was said */
	struct imap_token body; /* of BODY[]; IMAP_STRING if it is there */
};

/* `line` is an untagged response without "* ", for example
 * "12 FETCH (UID 7 BODY[] {3}\r\nabc)".  Other responses leave *ret empty. */
enum rc imap_fetch_parse(
    struct span line, struct imap_fetch *ret, struct err *err);

#endif
