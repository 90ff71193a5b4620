/* net/imap_fetch -- the letter in a FETCH response.
 *
 * Standard:  RFC 3501 section 7.4.2.
 * Private to net.
 */
#ifndef NET_IMAP_FETCH_PRIV_H
#define NET_IMAP_FETCH_PRIV_H

#include "net/imap_link.h"

struct imap_fetch {
	uint32_t uid;           /* 0: none was said */
	struct imap_token body; /* of BODY[]; IMAP_STRING if it is there */
};

/* `line` is an untagged response without "* ", for example
 * "12 FETCH (UID 7 BODY[] {3}\r\nabc)".  Other responses leave *ret empty. */
enum rc imap_fetch_parse(
    struct span line, struct imap_fetch *ret, struct err *err);

/* net/imap_link.c: the next answer; RC_REFUSED for NO and BAD. */
enum rc imap_link_expect(struct imap_link *link, enum imap_answer *ret,
    struct span *ret_line, struct err *err);

#endif
