/* authority/web_plain -- the connections of the servers beside the one for
 * everybody, without TLS or with: how many there are, and that none stays for
 * too long.
 *
 * evhttp says nothing when a connection ends that never brought a request.  So
 * each connection's stream is held here as well, and a look once a second finds
 * those that evhttp has let go.
 *
 * May use:   base os.  Only authority/web uses it.
 * Threads:   the one of the event loop.
 */
#ifndef AUTHORITY_WEB_PLAIN_H
#define AUTHORITY_WEB_PLAIN_H

#include "base/err.h"
#include "base/own.h"

#include <stdint.h>

#include <openssl/ssl.h>

struct bufferevent;
struct event_base;
struct evconnlistener;
struct evhttp;
struct evhttp_connection;
struct web_plain;

/* For at most `connections` at once, beyond which new ones wait in the kernel;
 * each for `seconds`.  Borrows `base`. */
enum rc web_plain_new(struct event_base *base, int64_t connections,
    int64_t seconds, struct web_plain **ret, struct err *err);
/* Before or after evhttp_free(). */
void web_plain_free(struct web_plain *plain);
OWNER(struct web_plain, web_plain_free);

/* Have it make the streams of this server, whose socket is listened on by
 * `listener`; borrows both. */
void web_plain_watch(struct web_plain *plain, struct evhttp *http,
    struct evconnlistener *listener);
/* Its streams speak TLS; borrows `tls`. */
void web_plain_use_tls(struct web_plain *plain, SSL_CTX *tls);
/* A request came: from now on its end is heard of at once. */
void web_plain_seen(
    struct web_plain *plain, struct evhttp_connection *connection);

/* The listener is gone. */
void web_plain_unwatch(struct web_plain *plain);

#endif
