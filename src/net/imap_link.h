/* net/imap_link -- a logged-in connection to a mail server's IMAP.
 *
 * May use:   base codec os pki proto.
 */
#ifndef NET_IMAP_LINK_H
#define NET_IMAP_LINK_H

#include "net/stream.h"
#include "proto/imap_token.h"
#include "proto/sasl.h"

struct imap_route {
	const struct names *names;
	const struct tls *tls;
	const char *host;
	uint16_t port;
	bool starttls; /* else TLS from the first byte; never in the clear */
	/* host and port are the route's.  A certificate of `tls` that the server
	 * asked for is tried first. */
	struct sasl login;
	int timeout; /* milliseconds for one answer */
};

struct imap_link;

/* Connect, TLS, log in.  RC_REFUSED: the server does not accept the login. */
enum rc imap_link_new(
    const struct imap_route *route, struct imap_link **ret, struct err *err);
void imap_link_free(struct imap_link *link);
OWNER(struct imap_link, imap_link_free);

/* Lends the server's capabilities after login, "IMAP4rev1 IDLE ...". */
const char *imap_link_capabilities(const struct imap_link *link);
struct stream *imap_link_stream(struct imap_link *link); /* lends, for waits */

/* Send "TAG rest CRLF" with a fresh tag.  `rest` may hold synchronising
 * literals "{n}\r\n..."; they are sent when the server asks for them. */
enum rc imap_link_command(
    struct imap_link *link, struct span rest, struct err *err);
/* Send bytes as they are (DONE). */
enum rc imap_link_send(
    struct imap_link *link, struct span bytes, struct err *err);

enum imap_answer {
	IMAP_UNTAGGED, /* *ret_line is it, without "* " */
	IMAP_CONTINUE, /* "+ ..." */
	IMAP_OK, /* the command's end; *ret_line is the rest of the line */
	IMAP_NO,
	IMAP_BAD,
};
/* The next answer; *ret_line lent until the next call with this link.
 * RC_AGAIN: none within the route's timeout (used while idling). */
enum rc imap_link_answer(struct imap_link *link, enum imap_answer *ret,
    struct span *ret_line, struct err *err);
/* Is there an answer that can be taken without waiting? */
bool imap_link_has_answer(struct imap_link *link);

/* Run a command to its end, passing over what comes untagged.  RC_REFUSED with
 * the server's words: NO or BAD. */
enum rc imap_link_run(
    struct imap_link *link, struct span rest, struct err *err);
/* One whole letter of the selected mailbox, by BODY.PEEK[].  RC_ABSENT: there
 * is none with this UID.  RC_LIMIT: it is larger than the buf. */
enum rc imap_link_fetch(
    struct imap_link *link, uint32_t uid, struct buf *letter, struct err *err);

#endif
