/* net/visitor -- the person's own browser comes by at a port of 127.0.0.1.
 *
 * Standard:  RFC 8252 section 7.3.  Just enough of HTTP/1.1 to read where a GET
 *            wants to go and to answer it; the connection is then closed.
 * May use:   base codec os pki proto.
 * Limits:    a head of 8 KiB, within 5 seconds; one visitor after the other.
 */
#ifndef NET_VISITOR_H
#define NET_VISITOR_H

#include "base/buf.h"
#include "base/own.h"

struct visitor;

/* Listen on a free port of 127.0.0.1. */
enum rc visitor_new(struct visitor **ret, struct err *err);
void visitor_free(struct visitor *visitor);
OWNER(struct visitor, visitor_free);
uint16_t visitor_port(const struct visitor *visitor);

/* Wait until somebody wants something, and append what: "/path?query".  Who
 * speaks no HTTP, or not to us (another Host), is sent away unseen.  RC_IO:
 * nobody within `timeout` milliseconds. */
enum rc visitor_wait(
    struct visitor *visitor, int timeout, struct buf *target, struct err *err);
/* Answer the one that came last, with a page of text. */
void visitor_answer(struct visitor *visitor, unsigned status, const char *text);

#endif
