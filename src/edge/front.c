#define _GNU_SOURCE /* accept4 */
#include "edge/front.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/log.h"

#define HANDSHAKE_TIMEOUT (10 * 1000)

/* One connection; in the front's list while it lives. */
struct visit {
	struct front *front;
	struct stream *stream;
	bool clear;
	bool admitted; /* it has logged in */
	bool shut;     /* it had to make room */
	struct visit *next;
};

struct front {
	const struct agent *agent;
	front_serve *serve;
	bool clear;
	int fd;
	int wake; /* eventfd: stop accepting */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t gone; /* a visit ended */
	struct visit *visits;
	unsigned count;    /* all of them */
	unsigned admitted; /* those that have logged in */
	bool stopping;
};

struct stream *
visit_stream(struct visit *visit)
{
	return visit->stream;
}

bool
visit_is_clear(const struct visit *visit)
{
	return visit->clear;
}

enum rc
visit_secure(struct visit *visit, struct err *err)
{
	stream_set_timeout(visit->stream, HANDSHAKE_TIMEOUT);
	TRY(stream_secure_server(
	    visit->stream, visit->front->agent->front, err));
	visit->clear = false;
	return RC_OK;
}

enum rc
visit_admit(struct visit *visit, struct err *err)
{
	struct front *front = visit->front;

	pthread_mutex_lock(&front->lock);
	bool full = front->admitted >= front->agent->limits.connections;
	if (!full && !visit->admitted) {
		visit->admitted = true;
		front->admitted++;
	}
	pthread_mutex_unlock(&front->lock);
	if (full)
		return err_set(err, RC_LIMIT, "too many connections");
	return RC_OK;
}

static void
leave(struct visit *visit)
{
	struct front *front = visit->front;

	pthread_mutex_lock(&front->lock);
	struct visit **at = &front->visits;
	while (*at != visit)
		at = &(*at)->next;
	*at = visit->next;
	front->count--;
	front->admitted -= visit->admitted ? 1 : 0;
	/* under the lock: front_stop() may shut this stream until now */
	stream_free(visit->stream);
	free(visit);
	pthread_cond_signal(&front->gone);
	pthread_mutex_unlock(&front->lock);
}

static void *
attend(void *argument)
{
	struct visit *visit = argument;
	const struct agent *agent = visit->front->agent;
	struct err err = ERR_NONE;

	stream_set_patience(visit->stream, agent->limits.stalled);
	if (visit->clear || visit_secure(visit, &err) == RC_OK)
		visit->front->serve(agent, visit);
	else
		log_info(
		    "%s: no TLS: %s", stream_peer(visit->stream), err.text);
	leave(visit);
	return NULL;
}

static enum rc
spawn(struct visit *visit, struct err *err)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	errno = pthread_create(&thread, &attributes, attend, visit);
	pthread_attr_destroy(&attributes);
	return errno == 0 ? RC_OK : err_errno(err, "thread");
}

/* Takes `fd`.  The visit is in the list before its thread runs. */
static enum rc
welcome(struct front *front, int fd, struct err *err)
{
	struct stream *stream OWNED(stream_free) = NULL;

	TRY(stream_adopt(fd, &stream, err));
	struct visit *visit = calloc(1, sizeof(*visit));
	if (visit == NULL)
		return err_nomem(err, "connection");
	*visit = (struct visit){
	    .front = front, .stream = take(stream), .clear = front->clear};
	pthread_mutex_lock(&front->lock);
	visit->next = front->visits;
	front->visits = visit;
	front->count++;
	pthread_mutex_unlock(&front->lock);
	enum rc rc = spawn(visit, err);
	if (rc != RC_OK)
		leave(visit);
	return rc;
}

/* The one that came first of those that have not logged in; the lock is held. */
static struct visit *
oldest_stranger(const struct front *front)
{
	struct visit *oldest = NULL;

	for (struct visit *v = front->visits; v != NULL; v = v->next)
		if (!v->admitted && !v->shut)
			oldest = v;
	return oldest;
}

/* False: too many are still on their way out. */
static bool
make_room(struct front *front)
{
	unsigned most = front->agent->limits.connections;

	pthread_mutex_lock(&front->lock);
	unsigned strangers = front->count - front->admitted;
	struct visit *oldest =
	    strangers >= most ? oldest_stranger(front) : NULL;
	if (oldest != NULL) {
		oldest->shut = true;
		stream_shut(oldest->stream);
	}
	pthread_mutex_unlock(&front->lock);
	return strangers < 2 * most;
}

static bool
is_stopping(struct front *front)
{
	pthread_mutex_lock(&front->lock);
	bool stopping = front->stopping;
	pthread_mutex_unlock(&front->lock);
	return stopping;
}

static void
accept_one(struct front *front)
{
	struct err err = ERR_NONE;
	int fd = accept4(front->fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0) {
		/* out of descriptors: let some connections end first */
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
			(void)usleep(100 * 1000);
		return;
	}
	if (!make_room(front)) {
		(void)close(fd);
		return;
	}
	if (welcome(front, fd, &err) != RC_OK)
		log_error("connection refused: %s", err.text);
}

static void *
accept_all(void *argument)
{
	struct front *front = argument;

	while (!is_stopping(front)) {
		struct pollfd wait[2] = {
		    {.fd = front->fd, .events = POLLIN},
		    {.fd = front->wake, .events = POLLIN},
		};

		if (poll(wait, 2, -1) > 0 && (wait[0].revents & POLLIN) != 0)
			accept_one(front);
	}
	return NULL;
}

static enum rc
prepare(struct front *front, struct err *err)
{
	int fd = front->fd, flags = fcntl(fd, F_GETFL);

	front->wake = eventfd(0, EFD_CLOEXEC);
	if (front->wake < 0)
		return err_errno(err, "eventfd");
	/* a client that is gone between poll() and accept() must not block */
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return err_errno(err, "listening socket");
	errno = pthread_create(&front->thread, NULL, accept_all, front);
	return errno == 0 ? RC_OK : err_errno(err, "thread");
}

enum rc
front_start(const struct agent *agent, const struct front_way *way,
    struct front **ret, struct err *err)
{
	struct front *front = calloc(1, sizeof(*front));

	if (front == NULL)
		return err_nomem(err, "front");
	front->agent = agent;
	front->serve = way->serve;
	front->clear = way->clear;
	front->fd = way->fd;
	pthread_mutex_init(&front->lock, NULL);
	pthread_cond_init(&front->gone, NULL);
	enum rc rc = prepare(front, err);
	if (rc != RC_OK) {
		free(front);
		return rc;
	}
	*ret = front;
	return RC_OK;
}

void
front_stop(struct front *front)
{
	pthread_mutex_lock(&front->lock);
	front->stopping = true;
	for (struct visit *v = front->visits; v != NULL; v = v->next)
		stream_shut(v->stream);
	pthread_mutex_unlock(&front->lock);
	/* never shutdown(): the service manager shares this socket and goes on
	 * listening, so that nobody can take the port */
	(void)eventfd_write(front->wake, 1);
	pthread_join(front->thread, NULL);
	(void)close(front->fd);
	(void)close(front->wake);
	pthread_mutex_lock(&front->lock);
	while (front->count > 0)
		pthread_cond_wait(&front->gone, &front->lock);
	pthread_mutex_unlock(&front->lock);
	pthread_mutex_destroy(&front->lock);
	pthread_cond_destroy(&front->gone);
	free(front);
}
