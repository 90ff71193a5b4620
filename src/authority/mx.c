#define _GNU_SOURCE /* accept4 */
#include "authority/mx.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/eventfd.h>
#include <sys/socket.h>

#include "authority/listen.h"
#include "authority/mx_session.h"
#include "os/clock.h"
#include "os/log.h"

#define TOO_MANY "421 4.3.2 too many connections, try again later\r\n"

struct connection {
	struct mx *mx;
	struct stream *stream;
	bool lmtp;
	bool leaving;            /* it was told to go */
	int64_t since;           /* ticks */
	struct connection *next; /* of mx->first: the newest comes first */
};

/* Where we listen; in this order in struct mx. */
enum { SMTP, LMTP, LISTENERS };

struct mx {
	struct mx_config config;
	int listener[LISTENERS]; /* -1: not there */
	int stop;                /* eventfd */
	pthread_t thread;
	bool started;
	pthread_mutex_t lock; /* for what follows */
	pthread_cond_t gone;
	struct connection *first;
	int64_t count;
	int64_t leaving; /* of them, were told to go */
};

static void
add(struct mx *mx, struct connection *connection)
{
	(void)pthread_mutex_lock(&mx->lock);
	connection->next = mx->first;
	mx->first = connection;
	mx->count++;
	(void)pthread_mutex_unlock(&mx->lock);
}

static void
remove_connection(struct connection *connection)
{
	struct mx *mx = connection->mx;
	struct connection **at = &mx->first;

	(void)pthread_mutex_lock(&mx->lock);
	while (*at != connection)
		at = &(*at)->next;
	*at = connection->next;
	mx->leaving -= connection->leaving;
	stream_free(connection->stream);
	free(connection);
	mx->count--;
	(void)pthread_cond_signal(&mx->gone);
	(void)pthread_mutex_unlock(&mx->lock);
}

static void *
serve(void *context)
{
	struct connection *connection = context;

	mx_session(
	    &connection->mx->config, connection->stream, connection->lmtp);
	remove_connection(connection);
	return NULL;
}

static enum rc
start_thread(struct connection *connection, struct err *err)
{
	pthread_t thread;

	add(connection->mx, connection);
	if (pthread_create(&thread, NULL, serve, connection) != 0) {
		remove_connection(connection);
		return err_nomem(err, "thread");
	}
	(void)pthread_detach(thread);
	return RC_OK;
}

/* Takes the descriptor over, whatever comes of it. */
static enum rc
start(struct mx *mx, int fd, bool lmtp, struct err *err)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (connection == NULL) {
		(void)close(fd);
		return err_nomem(err, "connection");
	}
	connection->mx = mx;
	connection->lmtp = lmtp;
	connection->since = clock_ticks();
	enum rc rc = stream_adopt(fd, &connection->stream, err);
	if (rc == RC_OK)
		return start_thread(connection, err);
	(void)close(fd);
	free(connection);
	return rc;
}

/* While the house is full, who has been here for a while must go: else fifty
 * connections that say nothing keep all answers out for as long as somebody
 * likes. */
static bool
make_room(struct mx *mx)
{
	int64_t before = clock_ticks() - MX_PATIENCE_MS;
	struct connection *oldest = NULL;

	for (struct connection *c = mx->first; c != NULL; c = c->next)
		if (!c->leaving && c->since <= before)
			oldest = c;
	/* those who go may take a moment to do so */
	if (oldest == NULL ||
	    mx->count >= 2 * mx->config.settings->mx_connections)
		return false;
	oldest->leaving = true;
	mx->leaving++;
	stream_shut(oldest->stream);
	return true;
}

static bool
has_room(struct mx *mx)
{
	(void)pthread_mutex_lock(&mx->lock);
	bool room =
	    mx->count - mx->leaving < mx->config.settings->mx_connections ||
	    make_room(mx);
	(void)pthread_mutex_unlock(&mx->lock);
	return room;
}

static void
take_connection(struct mx *mx, size_t which)
{
	struct err err = ERR_NONE;
	int fd = accept4(mx->listener[which], NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0) {
		if (errno != EINTR && errno != ECONNABORTED &&
		    errno != EAGAIN) {
			log_error("mx: accept failed with error %d", errno);
			(void)usleep(100000); /* no descriptors: do not spin */
		}
		return;
	}
	if (!has_room(mx)) {
		(void)!write(fd, TOO_MANY, strlen(TOO_MANY));
		(void)close(fd);
		return;
	}
	if (start(mx, fd, which == LMTP, &err) != RC_OK)
		log_error("mx: %s", err.text);
}

static void *
accept_all(void *context)
{
	struct mx *mx = context;

	for (;;) {
		/* poll() passes over a listener of -1 */
		struct pollfd wait[] = {
		    {.fd = mx->listener[SMTP], .events = POLLIN},
		    {.fd = mx->listener[LMTP], .events = POLLIN},
		    {.fd = mx->stop, .events = POLLIN}};
		if (poll(wait, 3, -1) < 0 && errno != EINTR)
			break;
		if (wait[2].revents != 0)
			break;
		for (size_t i = 0; i < LISTENERS; i++)
			if (wait[i].revents != 0)
				take_connection(mx, i);
	}
	return NULL;
}

enum rc
mx_new(const struct mx_config *config, struct mx **ret, struct err *err)
{
	struct mx *mx OWNED(mx_free) = calloc(1, sizeof(*mx));

	if (mx == NULL)
		return err_nomem(err, "mx");
	mx->config = *config;
	mx->listener[SMTP] = mx->listener[LMTP] = mx->stop = -1;
	if (pthread_mutex_init(&mx->lock, NULL) != 0 ||
	    pthread_cond_init(&mx->gone, NULL) != 0)
		return err_nomem(err, "mx");
	TRY(listen_on(config->settings->mx_listen, &mx->listener[SMTP], err));
	if (config->settings->lmtp_listen != NULL)
		TRY(listen_on(
		    config->settings->lmtp_listen, &mx->listener[LMTP], err));
	mx->stop = eventfd(0, EFD_CLOEXEC);
	if (mx->stop < 0)
		return err_errno(err, "eventfd");
	if (pthread_create(&mx->thread, NULL, accept_all, mx) != 0)
		return err_nomem(err, "mx");
	mx->started = true;
	*ret = take(mx);
	return RC_OK;
}

static void
end_connections(struct mx *mx)
{
	(void)pthread_mutex_lock(&mx->lock);
	for (struct connection *c = mx->first; c != NULL; c = c->next)
		stream_shut(c->stream);
	while (mx->count > 0)
		(void)pthread_cond_wait(&mx->gone, &mx->lock);
	(void)pthread_mutex_unlock(&mx->lock);
}

void
mx_free(struct mx *mx)
{
	if (mx == NULL)
		return;
	if (mx->started) {
		uint64_t one = 1;
		(void)!write(mx->stop, &one, sizeof(one));
		(void)pthread_join(mx->thread, NULL);
		end_connections(mx);
	}
	for (size_t i = 0; i < LISTENERS; i++)
		if (mx->listener[i] >= 0)
			(void)close(mx->listener[i]);
	if (mx->stop >= 0)
		(void)close(mx->stop);
	free(mx);
}
