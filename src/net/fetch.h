/* net/fetch -- get what a stranger's certificate points at, and be led nowhere
 * else.
 *
 * http:// and https:// (lists and answers are signed: it is all the same).  No
 * addresses but public ones, whatever a name resolves to and wherever it is
 * redirected (SSRF), and there the ports 80 and 443 only; no user names; no
 * proxy; no cookies; no compression.
 *
 * May use:   base codec os pki proto.
 * Limits:    struct fetch_limits; a body larger than the buf is RC_LIMIT; a
 *            time for all of it.
 */
#ifndef NET_FETCH_H
#define NET_FETCH_H

#include "base/buf.h"
#include "net/name.h"
#include "net/network.h"

struct fetch_limits {
	size_t url;    /* bytes of one */
	int redirects; /* in a row */
};

static const struct fetch_limits fetch_default = {
    .url = 2048,
    .redirects = 3,
};

struct fetch; /* one request at a time */

struct fetch_rules {
	const struct names *names; /* NULL: the system's own */
	/* that may be asked although they are not public, on any port: one's
	 * own organisation.  NULL: none. */
	const struct networks *networks;
	const char *trust_file;            /* for https; NULL: the system's */
	const struct fetch_limits *limits; /* NULL: fetch_default */
};

/* Borrows the rules until fetch_free(). */
enum rc fetch_new(
    const struct fetch_rules *rules, struct fetch **ret, struct err *err);
void fetch_free(struct fetch *fetch);

struct fetch_request {
	const char *url;
	const char *content_type; /* of a POST; NULL: GET */
	struct span body;
	int timeout; /* milliseconds for all of it */
};

/* Append the body.  RC_REFUSED: another status than 200.  RC_UNFIT: an address
 * that nobody is sent to.  RC_SYNTAX: no URL.  RC_IO: no answer within the
 * time.  RC_AGAIN: fetch_stop().  On failure `body` is as it was. */
enum rc fetch_run(struct fetch *fetch, const struct fetch_request *request,
    struct buf *body, struct err *err);

/* From another thread: the request that is running, and every later one, ends
 * at once. */
void fetch_stop(struct fetch *fetch);

#endif
