#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include "authority/submit.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include <sys/socket.h>

#include "net/stream.h"
#include "os/clock.h"

#define REPLIES_MAX ((size_t)64 * 1024)
#define PORT_TEXT 8

OWNER(struct addrinfo, freeaddrinfo);

static void
close_fd(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

#define FD_OWNED __attribute__((cleanup(close_fd)))

static int
take_fd(int *fd)
{
	int own = *fd;

	*fd = -1;
	return own;
}

struct session {
	const struct submit_route *route;
	int64_t deadline;
	struct stream *stream;
	struct smtp_client *client;
};

static void
session_done(struct session *session)
{
	stream_free(session->stream);
	smtp_client_free(session->client);
}

#define SESSION_OWNED __attribute__((cleanup(session_done)))

static enum rc
find_time_left(const struct session *session, int *ret, struct err *err)
{
	int64_t left = session->deadline - clock_ticks();

	if (left <= 0)
		return err_set(err, RC_IO, "%s: no answer within %d ms",
		    session->route->place, session->route->timeout);
	*ret = (int)left;
	return RC_OK;
}

/* A literal address as a socket address. */
static enum rc
parse_address(
    const char *text, uint16_t port, struct addrinfo **ret, struct err *err)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
	    .ai_socktype = SOCK_STREAM};
	char number[PORT_TEXT];

	(void)snprintf(number, sizeof(number), "%u", (unsigned)port);
	if (getaddrinfo(text, number, &hints, ret) != 0)
		return err_set(err, RC_UNFIT, "%s is no IP address", text);
	return RC_OK;
}

static enum rc
bind_from(int fd, const char *from, struct err *err)
{
	struct addrinfo *local OWNED(freeaddrinfo) = NULL;

	if (from == NULL)
		return RC_OK;
	TRY(parse_address(from, 0, &local, err));
	if (bind(fd, local->ai_addr, local->ai_addrlen) != 0)
		return err_errno(err, "cannot send from %s", from);
	return RC_OK;
}

static enum rc
wait_connected(const struct session *session, int fd, struct err *err)
{
	struct pollfd wait = {.fd = fd, .events = POLLOUT};
	socklen_t len = sizeof(errno);
	int left = 0, failed = 0;

	TRY(find_time_left(session, &left, err));
	if (poll(&wait, 1, left) != 1)
		return err_set(err, RC_IO, "%s: no connection within %d ms",
		    session->route->place, session->route->timeout);
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &len) != 0)
		failed = errno;
	errno = failed;
	return failed == 0 ? RC_OK
			   : err_errno(err, "%s", session->route->place);
}

static enum rc
connect_to(struct session *session, const char *address, uint16_t port,
    struct err *err)
{
	struct addrinfo *peer OWNED(freeaddrinfo) = NULL;

	TRY(parse_address(address, port, &peer, err));
	int fd FD_OWNED = socket(
	    peer->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_errno(err, "socket");
	TRY(bind_from(fd, session->route->from, err));
	if (connect(fd, peer->ai_addr, peer->ai_addrlen) != 0 &&
	    errno != EINPROGRESS)
		return err_errno(err, "%s", session->route->place);
	TRY(wait_connected(session, fd, err));
	TRY(stream_adopt(fd, &session->stream, err));
	(void)take_fd(&fd);
	return RC_OK;
}

static enum rc
open_session(struct session *session, struct err *err)
{
	struct strlist addresses STRLIST_OWNED = STRLIST_NONE;
	struct settings_place place;
	enum rc rc = RC_IO;

	TRY(settings_place(session->route->place, &place, err));
	TRY(resolver_find_address(
	    session->route->resolver, place.host, &addresses, err));
	for (size_t i = 0; rc != RC_OK && i < addresses.len; i++)
		rc = connect_to(session, addresses.item[i], place.port, err);
	return rc;
}

/* The letter is lent piece by piece: until nothing is left. */
static enum rc
send_all(const struct session *session, struct err *err)
{
	struct span out = smtp_client_output(session->client);
	int left = 0;

	while (out.len > 0) {
		TRY(find_time_left(session, &left, err));
		stream_set_timeout(session->stream, left);
		TRY(stream_write(session->stream, out, err));
		smtp_client_sent(session->client, out.len);
		out = smtp_client_output(session->client);
	}
	return RC_OK;
}

static enum rc
recv_some(const struct session *session, struct err *err)
{
	struct buf replies BUF_OWNED = BUF(REPLIES_MAX);
	int left = 0;

	TRY(find_time_left(session, &left, err));
	stream_set_timeout(session->stream, left);
	TRY(stream_read(session->stream, &replies, err));
	return smtp_client_push(session->client, buf_span(&replies), err);
}

static enum rc
run(const struct session *session, struct err *err)
{
	for (;;) {
		enum smtp_client_event event;
		TRY(smtp_client_next(session->client, &event, err));
		if (event == SMTP_CLIENT_DONE)
			break;
		TRY(send_all(session, err));
		TRY(recv_some(session, err));
	}
	/* QUIT is a courtesy: the answer to the letter is known */
	(void)(send_all(session, NULL) == RC_OK);
	return RC_OK;
}

enum rc
submit(const struct submit_route *route,
    const struct smtp_client_letter *letter, struct smtp_client_result *ret,
    struct err *err)
{
	struct smtp_client_config config = {
	    .name = route->name, .letter = letter};
	struct session session SESSION_OWNED = {
	    .route = route, .deadline = clock_ticks() + route->timeout};

	TRY(smtp_client_new(&config, &session.client, err));
	enum rc rc = open_session(&session, err);
	if (rc == RC_OK)
		rc = run(&session, err);
	/* whatever went wrong on the way may be better later */
	if (rc != RC_OK && rc != RC_NOMEM)
		return err_prefix(err, RC_IO, "smarthost");
	TRY(rc);
	*ret = *smtp_client_result(session.client);
	return RC_OK;
}
