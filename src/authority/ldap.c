#include "authority/ldap.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netdb.h>
#include <sys/socket.h>

#include "authority/ldap_reply.h"
#include "authority/listen.h"
#include "authority/metrics.h"
#include "os/clock.h"
#include "os/log.h"

#define HEADER_MAX 6 /* of a message: tag, four octets of length */
#define GOODBYE_SECONDS 1
#define CROWD_MS 200 /* between two looks at a house that is full */

struct ldap {
	struct ldap_config config;
	struct event_base *base; /* borrowed */
	struct evconnlistener *listener;
	struct event *crowd;
	struct guest *first;
	int64_t connections;
};

/*   open --StartTLS--> open, with TLS
 *     |                  |
 *     +---- goodbye -----+--> ending: nothing is read any more; it goes when
 *                              what was said is sent, or after a second
 */
struct guest {
	struct ldap *ldap;
	struct guest *next, *previous;
	struct bufferevent *stream;
	struct event *deadline;
	int64_t since; /* when he came, or asked last; ticks */
	char peer[NI_MAXHOST];
	bool tls, ending;
};

/* The kernel keeps those who come when the house is full. */
static void
open_or_close(struct ldap *ldap)
{
	const struct timeval soon = {.tv_usec = CROWD_MS * 1000};

	if (ldap->listener == NULL)
		return;
	if (ldap->connections >= ldap->config.connections) {
		(void)evconnlistener_disable(ldap->listener);
		(void)event_add(ldap->crowd, &soon);
		return;
	}
	(void)evconnlistener_enable(ldap->listener);
	(void)event_del(ldap->crowd);
}

static void
guest_free(struct guest *guest)
{
	struct ldap *ldap = guest->ldap;

	if (guest->previous != NULL)
		guest->previous->next = guest->next;
	else
		ldap->first = guest->next;
	if (guest->next != NULL)
		guest->next->previous = guest->previous;
	if (guest->deadline != NULL)
		event_free(guest->deadline);
	if (guest->stream != NULL)
		bufferevent_free(guest->stream);
	free(guest);
	ldap->connections--;
	open_or_close(ldap);
}

/* Ten thousand who only hold their connections open keep nobody out: while the
 * house is full, who has asked nothing for a while must go.  A mail program
 * that was silent comes back when it has a question. */
static void
on_crowd(evutil_socket_t fd, short what, void *context)
{
	struct ldap *ldap = context;
	int64_t before = clock_ticks() - LDAP_PATIENCE_MS;

	for (struct guest *guest = ldap->first, *next; guest; guest = next) {
		next = guest->next;
		if (guest->since <= before)
			guest_free(guest);
	}
}

static void
allow(struct guest *guest, long seconds)
{
	const struct timeval limit = {.tv_sec = seconds};

	(void)event_add(guest->deadline, &limit);
}

static void
on_deadline(evutil_socket_t fd, short what, void *context)
{
	guest_free(context);
}

static void
say_goodbye(struct guest *guest)
{
	guest->ending = true;
	(void)bufferevent_disable(guest->stream, EV_READ);
	allow(guest, GOODBYE_SECONDS);
}

static void set_callbacks(struct guest *guest);

/* What came before TLS began and was not asked by its other end would be read
 * as if it had been: such a connection ends. */
static bool
start_tls(struct guest *guest)
{
	SSL *ssl = NULL;

	if (evbuffer_get_length(bufferevent_get_input(guest->stream)) > 0)
		return false;
	ssl = SSL_new(guest->ldap->config.tls);
	if (ssl == NULL)
		return false;
	struct bufferevent *stream =
	    bufferevent_openssl_filter_new(guest->ldap->base, guest->stream,
		ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	if (stream == NULL) {
		SSL_free(ssl);
		return false;
	}
	bufferevent_openssl_set_allow_dirty_shutdown(stream, 1);
	guest->stream = stream;
	guest->tls = true;
	set_callbacks(guest);
	return true;
}

static bool
is_all_sent(const struct guest *guest)
{
	return evbuffer_get_length(bufferevent_get_output(guest->stream)) == 0;
}

/* Say what is to be said to one message; false: the guest is gone, or going. */
static bool
answer(struct guest *guest, struct span message)
{
	struct ldap_guest told = {.peer = guest->peer, .can_tls = !guest->tls};
	struct evbuffer *input = bufferevent_get_input(guest->stream);
	struct buf out BUF_OWNED = BUF(LDAP_ANSWER_MAX);
	struct err err = ERR_NONE;

	enum rc rc = ldap_service_answer(&guest->ldap->config.service, message,
	    clock_now(), &told, &out, &err);
	metrics_count(METRICS_LDAP, told.served);
	(void)evbuffer_drain(input, message.len);
	if (rc != RC_OK) {
		log_error("LDAP: %s", err.text);
		guest_free(guest);
		return false;
	}
	/* what was asked before it went may not be on its way yet */
	if (told.goodbye && out.len == 0 && is_all_sent(guest)) {
		guest_free(guest);
		return false;
	}
	(void)bufferevent_write(guest->stream, out.data, out.len);
	allow(guest, LDAP_IDLE_SECONDS);
	guest->since = clock_ticks();
	if (told.goodbye || (told.start_tls && !start_tls(guest)))
		say_goodbye(guest);
	return !told.goodbye && !told.start_tls;
}

/* Take the next whole message; RC_AGAIN: it is not there yet. */
static enum rc
find_message(struct guest *guest, struct span *ret, struct err *err)
{
	struct evbuffer *input = bufferevent_get_input(guest->stream);
	size_t have = evbuffer_get_length(input), want = 0;
	uint8_t header[HEADER_MAX];

	ev_ssize_t len = evbuffer_copyout(input, header, sizeof(header));
	enum rc rc = ldap_query_size(
	    span_of(header, len > 0 ? (size_t)len : 0), &want, err);
	if (rc == RC_AGAIN && want > 0 && have >= want)
		rc = RC_OK;
	TRY(rc);
	const uint8_t *bytes = evbuffer_pullup(input, (ev_ssize_t)want);
	if (bytes == NULL)
		return err_nomem(err, "LDAP");
	*ret = span_of(bytes, want);
	return RC_OK;
}

static void
refuse(struct guest *guest, const char *why)
{
	struct buf out BUF_OWNED = BUF_SMALL;

	metrics_count(METRICS_LDAP, false);
	if (ldap_reply_goodbye(LDAP_PROTOCOL_ERROR, why, &out, NULL) == RC_OK)
		(void)bufferevent_write(guest->stream, out.data, out.len);
	say_goodbye(guest);
}

/* Whoever does not fetch his answers is asked no further questions. */
static bool
has_room(const struct guest *guest)
{
	return evbuffer_get_length(bufferevent_get_output(guest->stream)) <
	       LDAP_UNSENT_MAX;
}

static void
on_read(struct bufferevent *stream, void *context)
{
	struct guest *guest = context;
	struct span message = SPAN_NONE;
	struct err err = ERR_NONE;
	enum rc rc = RC_OK;

	while (!guest->ending && has_room(guest)) {
		rc = find_message(guest, &message, &err);
		if (rc == RC_AGAIN)
			return;
		if (rc != RC_OK) {
			refuse(guest, err.text);
			return;
		}
		if (!answer(guest, message))
			return;
	}
	if (!guest->ending)
		(void)bufferevent_disable(guest->stream, EV_READ);
}

/* Everything was sent. */
static void
on_write(struct bufferevent *stream, void *context)
{
	struct guest *guest = context;

	if (guest->ending && !guest->tls) {
		guest_free(guest);
		return;
	}
	if (guest->ending)
		return;
	(void)bufferevent_enable(guest->stream, EV_READ);
	on_read(stream, context);
}

static void
on_event(struct bufferevent *stream, short what, void *context)
{
	if ((what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) != 0)
		guest_free(context);
}

static void
set_callbacks(struct guest *guest)
{
	bufferevent_setcb(guest->stream, on_read, on_write, on_event, guest);
	bufferevent_setwatermark(guest->stream, EV_READ, 0, 2 * LDAP_QUERY_MAX);
	(void)bufferevent_enable(guest->stream, EV_READ | EV_WRITE);
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd,
    struct sockaddr *address, int len, void *context)
{
	struct ldap *ldap = context;
	struct guest *guest = calloc(1, sizeof(*guest));

	if (guest == NULL) {
		(void)close(fd);
		return;
	}
	guest->ldap = ldap;
	guest->since = clock_ticks();
	guest->next = ldap->first;
	if (guest->next != NULL)
		guest->next->previous = guest;
	ldap->first = guest;
	ldap->connections++;
	open_or_close(ldap);
	(void)getnameinfo(address, (socklen_t)len, guest->peer,
	    sizeof(guest->peer), NULL, 0, NI_NUMERICHOST);
	guest->deadline = evtimer_new(ldap->base, on_deadline, guest);
	guest->stream =
	    bufferevent_socket_new(ldap->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (guest->stream == NULL)
		(void)close(fd);
	if (guest->stream == NULL || guest->deadline == NULL) {
		guest_free(guest);
		return;
	}
	allow(guest, LDAP_IDLE_SECONDS);
	set_callbacks(guest);
	if (ldap->config.tls_first && !start_tls(guest))
		guest_free(guest);
}

enum rc
ldap_new(struct event_base *base, const struct ldap_config *config,
    struct ldap **ret, struct err *err)
{
	struct ldap *ldap OWNED(ldap_free) = calloc(1, sizeof(*ldap));
	int fd = -1;

	if (ldap == NULL)
		return err_nomem(err, "LDAP");
	ldap->config = *config;
	ldap->base = base;
	ldap->crowd = event_new(base, -1, EV_PERSIST, on_crowd, ldap);
	if (ldap->crowd == NULL)
		return err_nomem(err, "LDAP");
	TRY(listen_on(config->place, &fd, err));
	ldap->listener = evconnlistener_new(base, on_accept, ldap,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (ldap->listener == NULL) {
		(void)close(fd);
		return err_nomem(err, "LDAP");
	}
	*ret = take(ldap);
	return RC_OK;
}

void
ldap_free(struct ldap *ldap)
{
	if (ldap == NULL)
		return;
	if (ldap->listener != NULL)
		evconnlistener_free(ldap->listener);
	ldap->listener = NULL;
	while (ldap->first != NULL)
		guest_free(ldap->first);
	if (ldap->crowd != NULL)
		event_free(ldap->crowd);
	free(ldap);
}
