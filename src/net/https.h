/* net/https -- requests to an HTTPS server, by libcurl.
 *
 * https:// only; no redirects; no proxy from the environment.
 * Limits:    a body larger than the buf allows is RC_LIMIT; a time budget for
 *            the whole request.
 * May use:   base codec os pki proto.
 */
#ifndef NET_HTTPS_H
#define NET_HTTPS_H

#include "base/buf.h"
#include "net/name.h"

struct https; /* one per thread; keeps connections open */

enum rc https_new(const char *trust_file, const struct names *names,
    struct https **ret, struct err *err);
void https_free(struct https *https);

struct https_request {
	const char *method; /* "GET", "POST", "HEAD" */
	const char *url;
	const char *content_type; /* NULL: no body */
	struct span body;
	int timeout; /* milliseconds for all of it */
};

struct https_response {
	unsigned status;
	char content_type[128]; /* lower case, without parameters */
	char location[1024];    /* Location, or "" */
	char nonce[256];        /* Replay-Nonce, or "" */
	unsigned retry_after;   /* seconds, 0 if absent */
	struct buf body;        /* the caller sets its limit and owns it */
};

/* RC_OK for whatever status.  RC_IO: no answer within the budget.  RC_LIMIT:
 * the answer is larger than the buf.  RC_UNFIT: not https://, or the server's
 * certificate is not believed.  On failure *ret is as it was. */
enum rc https_send(struct https *https, const struct https_request *request,
    struct https_response *ret, struct err *err);

/* Append `text` percent-encoded for use in a query. */
enum rc https_escape(struct span text, struct buf *out, struct err *err);

#endif
