#include "authority/web_plain.h"

#include <stdbool.h>
#include <stdlib.h>

#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <sys/socket.h>

#include "authority/web.h"
#include "os/clock.h"

/* A listener that was told to stop may still hand over those whom it has
 * accepted. */
#define MORE 64

struct guest {
	struct bufferevent *stream; /* one reference */
	int64_t until;              /* ticks */
	int64_t since;              /* when it came, or asked last; ticks */
};

struct web_plain {
	struct event_base *base;         /* borrowed */
	struct evconnlistener *listener; /* borrowed; NULL: gone */
	SSL_CTX *tls;                    /* borrowed; NULL: without */
	struct event *look;
	struct guest *guest;
	size_t len, cap, limit;
	int64_t stay; /* ms */
};

static void
open_or_close(struct web_plain *plain)
{
	if (plain->listener == NULL)
		return;
	if (plain->len >= plain->limit)
		(void)evconnlistener_disable(plain->listener);
	else
		(void)evconnlistener_enable(plain->listener);
}

static void
remove_guest(struct web_plain *plain, size_t at)
{
	struct bufferevent *stream = plain->guest[at].stream;

	plain->guest[at] = plain->guest[--plain->len];
	(void)bufferevent_decref(stream);
	open_or_close(plain);
}

/* bufferevent_free() takes the callbacks away, and evhttp always has some. */
static bool
was_let_go(struct bufferevent *stream)
{
	bufferevent_data_cb read_cb = NULL, write_cb = NULL;
	bufferevent_event_cb event_cb = NULL;
	void *context = NULL;

	bufferevent_getcb(stream, &read_cb, &write_cb, &event_cb, &context);
	return context == NULL;
}

static void
on_look(evutil_socket_t fd, short what, void *context)
{
	struct web_plain *plain = context;
	int64_t now = clock_ticks(), before = now - WEB_PATIENCE_MS;
	bool full = plain->len >= plain->limit;

	for (size_t i = plain->len; i-- > 0;) {
		struct guest *guest = &plain->guest[i];
		if (was_let_go(guest->stream))
			remove_guest(plain, i);
		else if (guest->until <= now ||
			 (full && guest->since <= before))
			/* evhttp sees the end and cleans up as usual */
			(void)shutdown(
			    bufferevent_getfd(guest->stream), SHUT_RDWR);
	}
}

static struct bufferevent *
new_stream(struct event_base *base, SSL_CTX *tls)
{
	SSL *ssl = tls != NULL ? SSL_new(tls) : NULL;

	if (tls == NULL)
		return bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	if (ssl == NULL)
		return NULL;
	struct bufferevent *stream = bufferevent_openssl_socket_new(
	    base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	if (stream == NULL)
		SSL_free(ssl);
	else
		bufferevent_openssl_set_allow_dirty_shutdown(stream, 1);
	return stream;
}

/* Returning NULL has evhttp make a stream that nobody counts: it ends when it
 * is idle.  It has no TLS, and so it brings nobody to the desk. */
static struct bufferevent *
accept_plain(struct event_base *base, void *context)
{
	struct web_plain *plain = context;

	if (plain->len == plain->cap)
		return NULL;
	struct bufferevent *stream = new_stream(base, plain->tls);
	if (stream == NULL)
		return NULL;
	bufferevent_incref(stream);
	plain->guest[plain->len++] =
	    (struct guest){stream, clock_ticks() + plain->stay, clock_ticks()};
	open_or_close(plain);
	return stream;
}

static void
on_close(struct evhttp_connection *connection, void *context)
{
	const struct bufferevent *stream =
	    evhttp_connection_get_bufferevent(connection);
	struct web_plain *plain = context;

	for (size_t i = plain->len; i-- > 0;)
		if (plain->guest[i].stream == stream)
			remove_guest(plain, i);
}

void
web_plain_seen(struct web_plain *plain, struct evhttp_connection *connection)
{
	const struct bufferevent *stream =
	    evhttp_connection_get_bufferevent(connection);

	evhttp_connection_set_closecb(connection, on_close, plain);
	for (size_t i = 0; i < plain->len; i++)
		if (plain->guest[i].stream == stream)
			plain->guest[i].since = clock_ticks();
}

void
web_plain_watch(struct web_plain *plain, struct evhttp *http,
    struct evconnlistener *listener)
{
	plain->listener = listener;
	evhttp_set_bevcb(http, accept_plain, plain);
}

void
web_plain_use_tls(struct web_plain *plain, SSL_CTX *tls)
{
	plain->tls = tls;
}

void
web_plain_unwatch(struct web_plain *plain)
{
	plain->listener = NULL;
}

enum rc
web_plain_new(struct event_base *base, int64_t connections, int64_t seconds,
    struct web_plain **ret, struct err *err)
{
	const struct timeval second = {.tv_sec = 1};
	struct web_plain *plain OWNED(web_plain_free) =
	    calloc(1, sizeof(*plain));

	if (plain == NULL)
		return err_nomem(err, "web server");
	plain->base = base;
	plain->limit = (size_t)connections;
	plain->cap = plain->limit + MORE;
	plain->stay = seconds * 1000;
	plain->guest = calloc(plain->cap, sizeof(*plain->guest));
	plain->look = event_new(base, -1, EV_PERSIST, on_look, plain);
	if (plain->guest == NULL || plain->look == NULL ||
	    event_add(plain->look, &second) != 0)
		return err_nomem(err, "web server");
	*ret = take(plain);
	return RC_OK;
}

void
web_plain_free(struct web_plain *plain)
{
	if (plain == NULL)
		return;
	plain->listener = NULL;
	while (plain->len > 0)
		remove_guest(plain, plain->len - 1);
	if (plain->look != NULL)
		event_free(plain->look);
	free(plain->guest);
	free(plain);
}
