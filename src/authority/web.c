#include "authority/web.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include "authority/listen.h"
#include "authority/web_hold.h"
#include "authority/web_plain.h"
#include "authority/web_tls.h"
#include "os/clock.h"
#include "os/log.h"

#define METHODS                                                                \
	(EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT | \
	    EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH)

#define URI_PART 1024
#define CROWD_MS 200 /* between two looks at a house that is full */

struct guest;
struct web;

/* A server without TLS, or the one for people with certificates. */
struct plain {
	struct web *web;
	struct evhttp *http; /* NULL: there is none */
	struct web_plain *guests;
	bool metrics, desk;
};

#define PLAINS 3 /* for everybody, for metrics, and the desk */
#define PERSON_MAX ((size_t)64 * 1024)

struct web {
	const struct web_config *config;
	struct event_base *base;
	struct evhttp *http;
	struct evconnlistener *listener; /* borrowed from http */
	struct event *stop[2];
	struct event *crowd;
	struct web_hold *hold;
	SSL_CTX *tls, *desk_tls;
	int64_t connections;
	struct guest *first; /* of those who are here */
	struct plain plain[PLAINS];
};

/* Lives as long as the SSL object of its connection. */
struct guest {
	struct web *web;
	struct bufferevent *stream; /* borrowed */
	struct event *deadline;
	int64_t since;            /* when he came, or asked last; ticks */
	struct guest *next, **at; /* of web->first */
};

static int guest_index = -1;

/* The kernel keeps those who come when the house is full. */
static void
count(struct web *web, int64_t more)
{
	const struct timeval soon = {.tv_usec = CROWD_MS * 1000};

	web->connections += more;
	if (web->listener == NULL)
		return;
	if (web->connections >= web->config->connections) {
		(void)evconnlistener_disable(web->listener);
		(void)event_add(web->crowd, &soon);
		return;
	}
	(void)evconnlistener_enable(web->listener);
	(void)event_del(web->crowd);
}

/* Ten thousand who only hold their connections open keep nobody out: while the
 * house is full, who has asked nothing for a while must go. */
static void
on_crowd(evutil_socket_t fd, short what, void *context)
{
	struct web *web = context;
	int64_t before = clock_ticks() - WEB_PATIENCE_MS;

	for (struct guest *guest = web->first; guest; guest = guest->next)
		if (guest->since <= before)
			/* evhttp sees the end and cleans up as usual */
			(void)shutdown(
			    bufferevent_getfd(guest->stream), SHUT_RDWR);
}

static void
add_guest(struct web *web, struct guest *guest)
{
	guest->next = web->first;
	guest->at = &web->first;
	if (guest->next != NULL)
		guest->next->at = &guest->next;
	web->first = guest;
	count(web, 1);
}

static void
remove_guest(struct guest *guest)
{
	*guest->at = guest->next;
	if (guest->next != NULL)
		guest->next->at = guest->at;
	count(guest->web, -1);
}

/* Called by SSL_free(): the one place where every connection ends, whoever
 * ended it, so that the count is right and no timer meets a descriptor that
 * has become somebody else's. */
static void
guest_free(void *parent, void *value, CRYPTO_EX_DATA *data, int index,
    long argl, void *argp)
{
	struct guest *guest = value;

	if (guest == NULL)
		return;
	remove_guest(guest);
	if (guest->deadline != NULL)
		event_free(guest->deadline);
	free(guest);
}

static void
on_deadline(evutil_socket_t fd, short what, void *context)
{
	struct guest *guest = context;

	/* evhttp sees the end of the connection and cleans up as usual */
	(void)shutdown(bufferevent_getfd(guest->stream), SHUT_RDWR);
}

static bool
guest_new(struct web *web, SSL *ssl, struct bufferevent *stream)
{
	struct timeval limit = {.tv_sec = WEB_CONNECTION_SECONDS};
	struct guest *guest = calloc(1, sizeof(*guest));

	if (guest == NULL)
		return false;
	guest->web = web;
	guest->stream = stream;
	guest->since = clock_ticks();
	add_guest(web, guest);
	if (!SSL_set_ex_data(ssl, guest_index, guest)) {
		remove_guest(guest);
		free(guest);
		return false;
	}
	guest->deadline = evtimer_new(web->base, on_deadline, guest);
	return guest->deadline != NULL &&
	       evtimer_add(guest->deadline, &limit) == 0;
}

/* Returning NULL would have evhttp speak without TLS: what fails here makes a
 * connection whose requests are refused by is_safe(). */
static struct bufferevent *
accept_tls(struct event_base *base, void *context)
{
	struct web *web = context;
	SSL *ssl = SSL_new(web->tls);

	if (ssl == NULL)
		return NULL;
	struct bufferevent *stream = bufferevent_openssl_socket_new(
	    base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	if (stream == NULL) {
		SSL_free(ssl);
		return NULL;
	}
	bufferevent_openssl_set_allow_dirty_shutdown(stream, 1);
	if (guest_new(web, ssl, stream))
		return stream;
	bufferevent_free(stream);
	return NULL;
}

/* The request came over TLS, and so from a guest. */
static bool
is_safe(struct evhttp_request *req)
{
	const SSL *ssl =
	    bufferevent_openssl_get_ssl(evhttp_connection_get_bufferevent(
		evhttp_request_get_connection(req)));
	struct guest *guest =
	    ssl != NULL ? SSL_get_ex_data(ssl, guest_index) : NULL;

	if (guest != NULL)
		guest->since = clock_ticks();
	return guest != NULL;
}

static const char *
method_of(struct evhttp_request *req)
{
	switch (evhttp_request_get_command(req)) {
	case EVHTTP_REQ_GET:
		return "GET";
	case EVHTTP_REQ_HEAD:
		return "HEAD";
	case EVHTTP_REQ_POST:
		return "POST";
	default:
		return "other";
	}
}

static const char *
header_of(struct evhttp_request *req, const char *name)
{
	const char *value =
	    evhttp_find_header(evhttp_request_get_input_headers(req), name);

	return value != NULL ? value : "";
}

static void
on_sent(struct evhttp_request *req, void *context)
{
	struct web *web = context;

	web->config->sent(web->config->context);
}

static void
send_answer(
    void *sender, struct evhttp_request *req, const struct http_answer *answer)
{
	struct web *web = sender;
	struct evkeyvalq *headers = evhttp_request_get_output_headers(req);
	struct evbuffer *body = evhttp_request_get_output_buffer(req);
	int failed = 0;

	if (answer->content_type != NULL && answer->body.len > 0)
		failed |= evhttp_add_header(
		    headers, "Content-Type", answer->content_type);
	failed |=
	    evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
	for (size_t i = 0; i < answer->headers; i++)
		failed |= evhttp_add_header(
		    headers, answer->header[i].name, answer->header[i].value);
	failed |= evbuffer_add(body, answer->body.data, answer->body.len);
	if (answer->mail_waits)
		evhttp_request_set_on_complete_cb(req, on_sent, web);
	if (failed)
		evhttp_send_error(req, HTTP_SERVUNAVAIL, NULL);
	else
		evhttp_send_reply(req, (int)answer->status, NULL, NULL);
}

/* Path and query as they were sent: what was signed is compared byte for
 * byte. */
static bool
split_uri(struct evhttp_request *req, char path[URI_PART], char query[URI_PART])
{
	const char *uri = evhttp_request_get_uri(req);
	size_t len = strcspn(uri, "?#");
	const char *rest = uri[len] == '?' ? uri + len + 1 : "";

	if (uri[0] != '/' || len >= URI_PART || strlen(rest) >= URI_PART)
		return false;
	memcpy(path, uri, len);
	path[len] = '\0';
	memcpy(query, rest, strlen(rest) + 1);
	return true;
}

/* Who speaks without TLS at the desk is nobody. */
static bool
find_person(struct evhttp_request *req, struct buf *der)
{
	SSL *ssl =
	    bufferevent_openssl_get_ssl(evhttp_connection_get_bufferevent(
		evhttp_request_get_connection(req)));

	return ssl != NULL && web_tls_person(ssl, der, NULL) == RC_OK;
}

static void
answer_request(
    struct web *web, struct evhttp_request *req, const struct plain *plain)
{
	struct http_answer answer HTTP_ANSWER_OWNED = HTTP_ANSWER;
	struct evbuffer *input = evhttp_request_get_input_buffer(req);
	struct buf person BUF_OWNED = BUF(PERSON_MAX);
	char path[URI_PART], query[URI_PART];
	bool desk = plain != NULL && plain->desk;
	char *peer = NULL;
	ev_uint16_t port = 0;

	if (!split_uri(req, path, query) ||
	    (desk && !find_person(req, &person))) {
		evhttp_send_error(req, HTTP_BADREQUEST, NULL);
		return;
	}
	evhttp_connection_get_peer(
	    evhttp_request_get_connection(req), &peer, &port);
	size_t len = evbuffer_get_length(input);
	struct http_request request = {.method = method_of(req),
	    .path = path,
	    .query = query,
	    .content_type = header_of(req, "Content-Type"),
	    .host = header_of(req, "Host"),
	    .origin = header_of(req, "Origin"),
	    .fetch_site = header_of(req, "Sec-Fetch-Site"),
	    .if_none_match = header_of(req, "If-None-Match"),
	    .peer = peer != NULL ? peer : "",
	    .plain = plain != NULL && !desk,
	    .desk = desk,
	    .person = buf_span(&person),
	    .metrics = plain != NULL && plain->metrics,
	    .body = span_of(evbuffer_pullup(input, -1), len)};
	web->config->answer(web->config->context, &request, &answer);
	web_hold_answer(web->hold, req, &answer);
}

static void
on_request(struct evhttp_request *req, void *context)
{
	if (!is_safe(req)) {
		evhttp_send_error(req, HTTP_BADREQUEST, NULL);
		return;
	}
	answer_request(context, req, NULL);
}

static void
on_plain_request(struct evhttp_request *req, void *context)
{
	struct plain *plain = context;

	web_plain_seen(plain->guests, evhttp_request_get_connection(req));
	answer_request(plain->web, req, plain);
}

static void
on_stop(evutil_socket_t signal_number, short what, void *context)
{
	struct web *web = context;

	(void)event_base_loopbreak(web->base);
}

static enum rc
new_http(struct web *web, void (*on)(struct evhttp_request *, void *),
    void *context, struct evhttp **ret, struct err *err)
{
	struct evhttp *http = evhttp_new(web->base);

	if (http == NULL)
		return err_nomem(err, "web server");
	evhttp_set_gencb(http, on, context);
	evhttp_set_allowed_methods(http, METHODS);
	evhttp_set_max_headers_size(http, WEB_HEADERS_MAX);
	evhttp_set_max_body_size(http, (ev_ssize_t)HTTP_BODY_MAX);
	/* Who is still sending when the connection closes never reads why.  The
	 * rest is read and thrown away, no longer than the connection lasts. */
	(void)evhttp_set_flags(http, EVHTTP_SERVER_LINGERING_CLOSE);
	evhttp_set_timeout(http, WEB_IDLE_SECONDS);
	evhttp_set_default_content_type(http, NULL);
	*ret = http;
	return RC_OK;
}

static enum rc
new_listener(const char *place, struct evhttp *http,
    struct evconnlistener **ret, struct err *err)
{
	int fd = -1;

	TRY(listen_on(place, &fd, err));
	struct evhttp_bound_socket *bound =
	    evhttp_accept_socket_with_handle(http, fd);
	if (bound == NULL) {
		(void)close(fd);
		return err_nomem(err, "web server");
	}
	*ret = evhttp_bound_socket_get_listener(bound);
	return RC_OK;
}

static enum rc
init_plain(struct web *web, const char *place, int64_t connections,
    struct plain *plain, struct err *err)
{
	struct evconnlistener *listener = NULL;

	if (place == NULL)
		return RC_OK;
	plain->web = web;
	TRY(web_plain_new(web->base, connections, WEB_CONNECTION_SECONDS,
	    &plain->guests, err));
	TRY(new_http(web, on_plain_request, plain, &plain->http, err));
	TRY(new_listener(place, plain->http, &listener, err));
	if (plain->desk)
		web_plain_use_tls(plain->guests, web->desk_tls);
	web_plain_watch(plain->guests, plain->http, listener);
	return RC_OK;
}

static enum rc
init_desk(struct web *web, struct err *err)
{
	const struct web_config *config = web->config;

	if (config->desk_place == NULL)
		return RC_OK;
	TRY(web_tls_new(
	    config->certificate_pem, config->key_pem, &web->desk_tls, err));
	web_tls_want_person(web->desk_tls);
	web->plain[2].desk = true;
	return init_plain(
	    web, config->desk_place, WEB_DESK_CONNECTIONS, &web->plain[2], err);
}

static enum rc
init_plains(struct web *web, struct err *err)
{
	const struct web_config *config = web->config;

	web->plain[1].metrics = true;
	TRY(init_plain(web, config->plain_place, config->plain_connections,
	    &web->plain[0], err));
	return init_plain(web, config->metrics_place, WEB_METRICS_CONNECTIONS,
	    &web->plain[1], err);
}

static void
done_plain(struct plain *plain)
{
	if (plain->guests != NULL)
		web_plain_unwatch(plain->guests);
	if (plain->http != NULL)
		evhttp_free(plain->http);
	web_plain_free(plain->guests);
}

static enum rc
init_hold(struct web *web, struct err *err)
{
	const struct web_config *config = web->config;
	const struct web_hold_config hold = {.waits = config->waits,
	    .settle = config->settle,
	    .lose = config->lose,
	    .context = config->context,
	    .send = send_answer,
	    .sender = web};

	return web_hold_new(web->base, &hold, &web->hold, err);
}

static enum rc
init_signals(struct web *web, struct err *err)
{
	static const int signals[] = {SIGTERM, SIGINT};

	for (size_t i = 0; i < 2; i++) {
		web->stop[i] =
		    evsignal_new(web->base, signals[i], on_stop, web);
		if (web->stop[i] == NULL ||
		    evsignal_add(web->stop[i], NULL) != 0)
			return err_nomem(err, "web server");
	}
	return RC_OK;
}

enum rc
web_new(const struct web_config *config, struct web **ret, struct err *err)
{
	struct web *web OWNED(web_free) = calloc(1, sizeof(*web));

	if (web == NULL)
		return err_nomem(err, "web server");
	web->config = config;
	if (guest_index < 0)
		guest_index =
		    SSL_get_ex_new_index(0, NULL, NULL, NULL, guest_free);
	web->base = event_base_new();
	if (web->base == NULL || guest_index < 0 ||
	    event_base_priority_init(web->base, WEB_HOLD_PRIORITIES) != 0)
		return err_nomem(err, "web server");
	web->crowd = event_new(web->base, -1, EV_PERSIST, on_crowd, web);
	if (web->crowd == NULL)
		return err_nomem(err, "web server");
	TRY(web_tls_new(
	    config->certificate_pem, config->key_pem, &web->tls, err));
	TRY(new_http(web, on_request, web, &web->http, err));
	evhttp_set_bevcb(web->http, accept_tls, web);
	TRY(init_hold(web, err));
	TRY(init_signals(web, err));
	TRY(init_plains(web, err));
	TRY(init_desk(web, err));
	TRY(new_listener(config->place, web->http, &web->listener, err));
	*ret = take(web);
	return RC_OK;
}

struct event_base *
web_base(struct web *web)
{
	return web->base;
}

enum rc
web_run(struct web *web, struct err *err)
{
	if (event_base_dispatch(web->base) < 0)
		return err_set(err, RC_IO, "the event loop failed");
	return RC_OK;
}

void
web_free(struct web *web)
{
	if (web == NULL)
		return;
	web->listener = NULL; /* goes with http, before the last guests */
	web_hold_free(web->hold);
	for (size_t i = 0; i < 2; i++)
		if (web->stop[i] != NULL)
			event_free(web->stop[i]);
	if (web->crowd != NULL)
		event_free(web->crowd);
	for (size_t i = 0; i < PLAINS; i++)
		done_plain(&web->plain[i]);
	if (web->http != NULL)
		evhttp_free(web->http);
	if (web->base != NULL)
		event_base_free(web->base);
	SSL_CTX_free(web->tls);
	SSL_CTX_free(web->desk_tls);
	free(web);
}
