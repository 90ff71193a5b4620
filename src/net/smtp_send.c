#define _GNU_SOURCE /* clock_gettime */
#include "net/smtp_send.h"

#include <limits.h>
#include <time.h>

/* Between two looks at the clock while a large letter goes out. */
#define WRITE_PIECE ((size_t)64 * 1024)
#define REPLIES_MAX ((size_t)64 * 1024)

OWNER(struct smtp_client, smtp_client_free);

struct session {
	const struct smtp_route *route;
	struct stream *stream;
	struct smtp_client *client;
	int64_t deadline; /* for all of it: a server that drips is given up */
};

static int64_t
now(void)
{
	struct timespec time;

	if (clock_gettime(CLOCK_MONOTONIC, &time) != 0)
		bug("no monotonic clock");
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static enum rc
find_time_left(const struct session *session, int *ret, struct err *err)
{
	int64_t left = session->deadline - now();

	if (left <= 0)
		return err_set(err, RC_IO, "%s: no answer within %d ms",
		    session->route->host, session->route->timeout);
	*ret = left > INT_MAX ? INT_MAX : (int)left;
	return RC_OK;
}

static enum rc
limit_wait(const struct session *session, struct err *err)
{
	int left = 0;

	TRY(find_time_left(session, &left, err));
	stream_set_timeout(session->stream, left);
	return RC_OK;
}

static enum rc
secure(const struct session *session, struct err *err)
{
	TRY(limit_wait(session, err));
	TRY(stream_secure_client(
	    session->stream, session->route->tls, session->route->host, err));
	if (stream_is_certified(session->stream))
		smtp_client_certified(session->client);
	return RC_OK;
}

static enum rc
send_all(const struct session *session, struct err *err)
{
	for (;;) {
		struct span piece = span_first(
		    smtp_client_output(session->client), WRITE_PIECE);
		if (piece.len == 0)
			return RC_OK;
		TRY(limit_wait(session, err));
		TRY(stream_write(session->stream, piece, err));
		smtp_client_sent(session->client, piece.len);
	}
}

static enum rc
recv_some(const struct session *session, struct err *err)
{
	struct buf replies BUF_OWNED = BUF(REPLIES_MAX);

	TRY(limit_wait(session, err));
	enum rc rc = stream_read(session->stream, &replies, err);
	if (rc == RC_ABSENT)
		return err_set(err, RC_IO,
		    "%s closed the connection before it had answered",
		    session->route->host);
	TRY(rc);
	return smtp_client_push(session->client, buf_span(&replies), err);
}

static enum rc
start_tls(const struct session *session, struct err *err)
{
	TRY(secure(session, err));
	return smtp_client_secured(session->client, err);
}

static enum rc
run(const struct session *session, struct err *err)
{
	for (;;) {
		enum smtp_client_event event;
		TRY(smtp_client_next(session->client, &event, err));
		if (event == SMTP_CLIENT_DONE)
			break;
		if (event == SMTP_CLIENT_STARTTLS) {
			TRY(start_tls(session, err));
			continue;
		}
		TRY(send_all(session, err));
		TRY(recv_some(session, err));
	}
	/* QUIT is a courtesy: the answer to the letter is known */
	struct err ignored;
	(void)(send_all(session, &ignored) == RC_OK);
	return RC_OK;
}

static enum rc
check_route(const struct smtp_route *route, struct err *err)
{
	if (route->security != SMTP_PLAIN && route->tls == NULL)
		return err_set(err, RC_UNFIT,
		    "%s: TLS is wanted, but nobody is trusted", route->host);
	if (route->security == SMTP_PLAIN && route->login.user != NULL)
		return err_set(err, RC_UNFIT,
		    "%s: a password is never sent without TLS", route->host);
	return RC_OK;
}

static enum rc
open_session(struct session *session, struct err *err)
{
	const struct smtp_route *route = session->route;
	struct stream_place place = {
	    route->names, route->host, route->port, route->source};
	int left = 0;

	TRY(find_time_left(session, &left, err));
	TRY(stream_connect(&place, left, &session->stream, err));
	if (route->security == SMTP_TLS)
		return secure(session, err);
	return RC_OK;
}

/* A server that breaks the protocol is one to try again later, like one that
 * breaks off; what cannot be sent at all was found before connecting. */
static enum rc
as_io(const struct smtp_route *route, enum rc rc, struct err *err)
{
	if (rc == RC_SYNTAX || rc == RC_LIMIT || rc == RC_ABSENT)
		return err_prefix(err, RC_IO, "%s", route->host);
	return rc;
}

enum rc
smtp_send(const struct smtp_route *route,
    const struct smtp_client_letter *letter, struct smtp_client_result *ret,
    struct err *err)
{
	struct smtp_client_config config = {route->helo,
	    route->security == SMTP_STARTTLS, route->login, letter};
	struct smtp_client *client OWNED(smtp_client_free) = NULL;
	struct stream *stream OWNED(stream_free) = NULL;
	struct session session = {
	    .route = route, .deadline = now() + (int64_t)route->timeout};

	config.login.host = route->host;
	config.login.port = route->port;
	TRY(check_route(route, err));
	TRY(smtp_client_new(&config, &client, err));
	session.client = client;
	enum rc rc = open_session(&session, err);
	stream = session.stream;
	TRY(rc);
	TRY(as_io(route, run(&session, err), err));
	*ret = *smtp_client_result(client);
	return RC_OK;
}
