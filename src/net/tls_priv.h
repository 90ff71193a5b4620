/* net/tls -- how the room's own files say what OpenSSL did not like.
 *
 * Private to net.
 */
#ifndef NET_TLS_PRIV_H
#define NET_TLS_PRIV_H

#include "base/err.h"

/* Fill err with `what` and the oldest reason in this thread's queue, empty
 * the queue, return `rc`. */
enum rc tls_fail(struct err *err, enum rc rc, const char *what);

#endif
