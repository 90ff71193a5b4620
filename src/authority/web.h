/* authority/web -- the HTTPS server, and one without TLS beside it: libevent's
 * evhttp, with limits.
 *
 * Standard:  RFC 9110, 9112 as far as evhttp goes; TLS 1.2 with ECDHE and AEAD,
 *            or 1.3 (RFC 9325).
 * May use:   base os net.
 * Limits:    HTTP_BODY_MAX, WEB_HEADERS_MAX; WEB_IDLE_SECONDS between two
 *            bytes, WEB_CONNECTION_SECONDS for a connection however it goes on
 *            (a byte a second keeps nobody out for long); the number of
 *            connections, beyond which new ones wait in the kernel, and those
 *            who have asked nothing for WEB_PATIENCE_MS must make room.
 *
 * One thread: a service answers at once or not at all.
 */
#ifndef AUTHORITY_WEB_H
#define AUTHORITY_WEB_H

#include "authority/http.h"
#include "base/own.h"

#define WEB_HEADERS_MAX 8192
#define WEB_IDLE_SECONDS 15
#define WEB_CONNECTION_SECONDS 60
#define WEB_PATIENCE_MS 1500
#define WEB_METRICS_CONNECTIONS 8 /* for metrics, at once */
#define WEB_DESK_CONNECTIONS 50   /* for the desk, at once */

struct event_base;
struct web;

struct web_config {
	const char *place; /* "127.0.0.1:8443" */
	struct span certificate_pem;
	struct span key_pem;
	int64_t connections;
	const char *desk_place;  /* TLS with certificates only; NULL: none */
	const char *plain_place; /* without TLS; NULL: none */
	int64_t plain_connections;
	const char *metrics_place; /* without TLS, for metrics; NULL: none */
	/* Fill the answer; whatever goes wrong is an answer too. */
	void (*answer)(void *context, const struct http_request *request,
	    struct http_answer *answer);
	/* Answers may wait for each other (authority/web_hold.h). */
	bool (*waits)(void *context);
	bool (*settle)(void *context);
	void (*lose)(void *context, struct http_answer *answer);
	/* An answer with mail_waits has been sent. */
	void (*sent)(void *context);
	void *context;
};

/* Listen.  Borrows `config` until web_free(). */
enum rc web_new(
    const struct web_config *config, struct web **ret, struct err *err);
void web_free(struct web *web);
OWNER(struct web, web_free);

/* The event loop, for other servers of the same thread.  Lends. */
struct event_base *web_base(struct web *web);

/* Serve until SIGTERM or SIGINT. */
enum rc web_run(struct web *web, struct err *err);

#endif
