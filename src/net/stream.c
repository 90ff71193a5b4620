#define _GNU_SOURCE /* SOCK_CLOEXEC, SOCK_NONBLOCK */
#include "net/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "net/quiet_bio_priv.h"
#include "net/tls_priv.h"

#define DEFAULT_TIMEOUT 60000
#define READ_MAX ((size_t)64 * 1024)
#define SWALLOW_READS 64 /* of 4 KiB */
#define PEER_MAX (INET6_ADDRSTRLEN + 10)

struct stream {
	int fd;
	SSL *ssl; /* NULL: plain */
	int timeout;
	int patience; /* of a write */
	enum rc over; /* RC_OK, or what every later call returns */
	struct err why;
	atomic_bool shut; /* by stream_shut(), from any thread */
	char peer[PEER_MAX];
};

OWNER(SSL, SSL_free);

/* -- Deadlines -------------------------------------------------------------- */

static int64_t
now(void)
{
	struct timespec time;

	if (clock_gettime(CLOCK_MONOTONIC, &time) != 0)
		bug("no monotonic clock");
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static int
left_until(int64_t deadline)
{
	int64_t left = deadline - now();

	if (left < 0)
		return 0;
	return left > INT_MAX ? INT_MAX : (int)left;
}

/* RC_AGAIN: none of them before the deadline. */
static enum rc
poll_until(struct pollfd *fds, nfds_t count, int64_t deadline, struct err *err)
{
	for (;;) {
		int got = poll(fds, count, left_until(deadline));
		if (got > 0)
			return RC_OK;
		if (got == 0)
			return RC_AGAIN;
		if (errno != EINTR)
			return err_errno(err, "wait for the network");
	}
}

static enum rc
wait_for(const struct stream *stream, short events, int64_t deadline,
    struct err *err)
{
	struct pollfd fd = {stream->fd, events, 0};

	enum rc rc = poll_until(&fd, 1, deadline, err);
	if (rc == RC_AGAIN)
		return err_set(
		    err, RC_IO, "%s: no answer in time", stream->peer);
	return rc;
}

/* -- Begin and end ----------------------------------------------------------- */

static void
print_address(const struct sockaddr_storage *address, char *peer)
{
	char host[INET6_ADDRSTRLEN] = "";
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

	if (address->ss_family == AF_INET) {
		(void)inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
		(void)snprintf(
		    peer, PEER_MAX, "%s:%u", host, ntohs(v4->sin_port));
	} else if (address->ss_family == AF_INET6) {
		(void)inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
		(void)snprintf(
		    peer, PEER_MAX, "[%s]:%u", host, ntohs(v6->sin6_port));
	} else {
		(void)snprintf(peer, PEER_MAX, "local");
	}
}

static enum rc
set_up_socket(int fd, struct err *err)
{
	int flags = fcntl(fd, F_GETFL), one = 1;

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return err_errno(err, "set up a socket");
	/* refused by sockets that are not TCP, which do without */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	return RC_OK;
}

enum rc
stream_adopt(int fd, struct stream **ret, struct err *err)
{
	struct sockaddr_storage address = {0};
	socklen_t len = sizeof(address);

	TRY(set_up_socket(fd, err));
	struct stream *stream = calloc(1, sizeof(*stream));
	if (stream == NULL)
		return err_nomem(err, "connection");
	stream->fd = fd;
	stream->timeout = DEFAULT_TIMEOUT;
	stream->patience = INT_MAX;
	atomic_init(&stream->shut, false);
	if (getpeername(fd, (struct sockaddr *)&address, &len) != 0)
		address.ss_family = AF_UNSPEC;
	print_address(&address, stream->peer);
	*ret = stream;
	return RC_OK;
}

/* Closing with bytes unread makes the kernel send a reset, and a reset makes
 * the peer's kernel throw away what we said last ("221 Bye").  So what is
 * there already is read; never more, and never waited for. */
static void
swallow_unread(const struct stream *stream)
{
	uint8_t bytes[4096];

	(void)shutdown(stream->fd, SHUT_WR);
	for (int i = 0; i < SWALLOW_READS; i++)
		if (recv(stream->fd, bytes, sizeof(bytes), MSG_DONTWAIT) <= 0)
			return;
}

void
stream_free(struct stream *stream)
{
	if (stream == NULL)
		return;
	if (stream->ssl != NULL) {
		/* One try to say goodbye, never a wait.  Not after an error:
		 * SSL_shutdown() must not be called then. */
		ERR_clear_error();
		if (stream->over == RC_OK && SSL_is_init_finished(stream->ssl))
			(void)SSL_shutdown(stream->ssl);
		ERR_clear_error();
		SSL_free(stream->ssl);
	}
	swallow_unread(stream);
	(void)close(stream->fd);
	free(stream);
}

void
stream_shut(struct stream *stream)
{
	atomic_store(&stream->shut, true);
	(void)shutdown(stream->fd, SHUT_RDWR);
}

void
stream_set_timeout(struct stream *stream, int timeout)
{
	stream->timeout = timeout;
}

void
stream_set_patience(struct stream *stream, int timeout)
{
	stream->patience = timeout;
}

const char *
stream_peer(const struct stream *stream)
{
	return stream->peer;
}

/* -- Connect ------------------------------------------------------------------ */

struct endpoint {
	struct sockaddr_storage address;
	socklen_t len;
};

/* One address tried. */
struct attempt {
	const char *source; /* `from` as it was given; NULL: any */
	struct endpoint from, peer;
	int64_t deadline;
};

static bool
read_endpoint(const char *text, uint16_t port, struct endpoint *ret)
{
	struct endpoint endpoint = {0};
	struct sockaddr_in *v4 = (struct sockaddr_in *)&endpoint.address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&endpoint.address;

	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		endpoint.len = sizeof(*v4);
	} else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		endpoint.len = sizeof(*v6);
	}
	*ret = endpoint;
	return endpoint.len > 0;
}

static enum rc
wait_connected(int fd, const char *peer, int64_t deadline, struct err *err)
{
	struct pollfd wait = {fd, POLLOUT, 0};
	int problem = 0;
	socklen_t len = sizeof(problem);

	enum rc rc = poll_until(&wait, 1, deadline, err);
	if (rc == RC_AGAIN)
		return err_set(err, RC_IO, "%s: no connection in time", peer);
	TRY(rc);
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &len) != 0)
		return err_errno(err, "%s", peer);
	errno = problem;
	return problem == 0 ? RC_OK : err_errno(err, "connect to %s", peer);
}

static enum rc
bind_source(int fd, const struct attempt *attempt, struct err *err)
{
	if (attempt->source == NULL)
		return RC_OK;
	if (bind(fd, (const struct sockaddr *)&attempt->from.address,
		attempt->from.len) != 0)
		return err_errno(err, "come from %s", attempt->source);
	return RC_OK;
}

static enum rc
finish_connect(
    int fd, const struct attempt *attempt, struct stream **ret, struct err *err)
{
	const struct endpoint *to = &attempt->peer;
	char peer[PEER_MAX];

	TRY(bind_source(fd, attempt, err));
	print_address(&to->address, peer);
	if (connect(fd, (const struct sockaddr *)&to->address, to->len) != 0) {
		if (errno != EINPROGRESS && errno != EINTR)
			return err_errno(err, "connect to %s", peer);
		TRY(wait_connected(fd, peer, attempt->deadline, err));
	}
	return stream_adopt(fd, ret, err);
}

static enum rc
connect_once(
    const struct attempt *attempt, struct stream **ret, struct err *err)
{
	int fd = socket(attempt->peer.address.ss_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return err_errno(err, "socket");
	enum rc rc = finish_connect(fd, attempt, ret, err);
	if (rc != RC_OK)
		(void)close(fd);
	return rc;
}

/* An IPv4 address is never reached from an IPv6 one. */
static bool
is_reachable(const struct attempt *attempt)
{
	return attempt->source == NULL || attempt->from.address.ss_family ==
					      attempt->peer.address.ss_family;
}

static enum rc
find_addresses(const struct names *names, const char *host, struct strlist *ret,
    struct err *err)
{
	struct endpoint unused;

	if (read_endpoint(host, 0, &unused))
		return strlist_add_str(ret, host, err);
	if (names == NULL)
		return err_set(err, RC_UNFIT,
		    "%s: only literal IP addresses without a resolver", host);
	enum rc rc = names->find(names->context, host, ret, err);
	if (rc == RC_ABSENT || (rc == RC_OK && ret->len == 0))
		return err_set(err, RC_IO, "%s has no address", host);
	return rc;
}

/* Each address gets its share of what is left, so that a dead one in front
 * does not use up everything. */
enum rc
stream_connect(const struct stream_place *place, int timeout,
    struct stream **ret, struct err *err)
{
	struct strlist addresses STRLIST_OWNED = STRLIST_NONE;
	struct attempt attempt = {.source = place->source};
	int64_t deadline = now() + timeout;

	if (place->source != NULL &&
	    !read_endpoint(place->source, 0, &attempt.from))
		return err_set(err, RC_UNFIT, "come from %s: no IP address",
		    place->source);
	TRY(find_addresses(place->names, place->host, &addresses, err));
	enum rc rc = err_set(err, RC_IO, "%s: no usable address", place->host);
	for (size_t i = 0; i < addresses.len; i++) {
		int share = left_until(deadline) / (int)(addresses.len - i);
		if (!read_endpoint(
			addresses.item[i], place->port, &attempt.peer) ||
		    !is_reachable(&attempt))
			continue;
		attempt.deadline = now() + share;
		rc = connect_once(&attempt, ret, err);
		if (rc == RC_OK)
			return RC_OK;
	}
	return rc;
}

/* -- TLS ---------------------------------------------------------------------- */

static enum rc
ended(const struct stream *stream, struct err *err)
{
	return err_set(
	    err, RC_ABSENT, "%s: the connection was closed", stream->peer);
}

static enum rc
is_over(const struct stream *stream, struct err *err)
{
	if (stream->over == RC_OK)
		return RC_OK;
	return err_set(err, stream->over, "%s", stream->why.text);
}

static enum rc
broken(const struct stream *stream, struct err *err)
{
	if (atomic_load(&stream->shut))
		return ended(stream, err);
	return err_set(
	    err, RC_IO, "%s: the connection broke off", stream->peer);
}

static enum rc
broken_errno(const struct stream *stream, struct err *err)
{
	if (atomic_load(&stream->shut))
		return ended(stream, err);
	return err_errno(err, "%s", stream->peer);
}

static enum rc
explain_ssl(struct stream *stream, int reason, struct err *err)
{
	bool cut = ERR_GET_REASON(ERR_peek_error()) ==
		   SSL_R_UNEXPECTED_EOF_WHILE_READING;

	if (reason == SSL_ERROR_ZERO_RETURN)
		return ended(stream, err);
	if (reason == SSL_ERROR_SYSCALL && errno != 0)
		return broken_errno(stream, err);
	if (reason == SSL_ERROR_SYSCALL || cut || atomic_load(&stream->shut))
		return broken(stream, err);
	return tls_fail(err, RC_UNFIT, "TLS");
}

/* What to do after an SSL call returned `result`: RC_OK means that the call
 * may be tried again now.  A failure is kept, since OpenSSL tells it only
 * once. */
static enum rc
after_ssl(struct stream *stream, int result, int64_t deadline, struct err *err)
{
	int reason = SSL_get_error(stream->ssl, result);

	if (reason == SSL_ERROR_WANT_READ)
		return wait_for(stream, POLLIN, deadline, err);
	if (reason == SSL_ERROR_WANT_WRITE)
		return wait_for(stream, POLLOUT, deadline, err);
	stream->over = explain_ssl(stream, reason, &stream->why);
	return is_over(stream, err);
}

static enum rc
new_ssl(
    struct stream *stream, const struct tls *tls, SSL **ret, struct err *err)
{
	if (stream->ssl != NULL)
		bug("stream is secured already");
	ERR_clear_error();
	SSL *ssl OWNED(SSL_free) = SSL_new(tls_context(tls));
	BIO *bio = ssl == NULL ? NULL : quiet_bio_new(stream->fd);
	if (bio == NULL)
		return tls_fail(err, RC_CRYPTO, "TLS connection");
	SSL_set_bio(ssl, bio, bio);
	*ret = take(ssl);
	return RC_OK;
}

/* The whole handshake within one wait. */
static enum rc
shake_hands(struct stream *stream, struct err *err)
{
	int64_t deadline = now() + stream->timeout;

	for (;;) {
		ERR_clear_error();
		errno = 0;
		int result = SSL_do_handshake(stream->ssl);
		if (result == 1)
			return RC_OK;
		enum rc rc = after_ssl(stream, result, deadline, err);
		if (rc == RC_ABSENT && !atomic_load(&stream->shut))
			return broken(stream, err);
		TRY(rc);
	}
}

static enum rc
expect_name(SSL *ssl, const char *host, struct err *err)
{
	X509_VERIFY_PARAM *rules = SSL_get0_param(ssl);
	struct endpoint unused;
	bool literal = read_endpoint(host, 0, &unused);

	X509_VERIFY_PARAM_set_hostflags(
	    rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
		       X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	/* an empty name would switch the check off */
	if (host[0] == '\0')
		return err_set(
		    err, RC_UNFIT, "TLS: the server's name is empty");
	if (literal ? X509_VERIFY_PARAM_set1_ip_asc(rules, host) != 1
		    : X509_VERIFY_PARAM_set1_host(rules, host, 0) != 1 ||
			  SSL_set_tlsext_host_name(ssl, host) != 1)
		return tls_fail(err, RC_CRYPTO, "TLS server name");
	return RC_OK;
}

static enum rc
explain_distrust(
    const struct stream *stream, const char *host, enum rc rc, struct err *err)
{
	long verdict = SSL_get_verify_result(stream->ssl);

	if (rc == RC_UNFIT && verdict != X509_V_OK)
		return err_set(err, rc,
		    "%s: its certificate is not believed: "
		    "%s",
		    host, X509_verify_cert_error_string(verdict));
	return rc == RC_OK ? rc : err_prefix(err, rc, "%s", host);
}

enum rc
stream_secure_client(struct stream *stream, const struct tls *tls,
    const char *host, struct err *err)
{
	SSL *ssl OWNED(SSL_free) = NULL;

	TRY(new_ssl(stream, tls, &ssl, err));
	TRY(expect_name(ssl, host, err));
	SSL_set_connect_state(ssl);
	stream->ssl = take(ssl);
	enum rc rc = shake_hands(stream, err);
	return explain_distrust(stream, host, rc, err);
}

enum rc
stream_secure_server(
    struct stream *stream, const struct tls *tls, struct err *err)
{
	SSL *ssl OWNED(SSL_free) = NULL;

	TRY(new_ssl(stream, tls, &ssl, err));
	SSL_set_accept_state(ssl);
	stream->ssl = take(ssl);
	return shake_hands(stream, err);
}

/* OpenSSL has one only from tls_client_show()'s callback, and that is called
 * only when it was asked for. */
bool
stream_is_certified(const struct stream *stream)
{
	return stream->ssl != NULL && !SSL_is_server(stream->ssl) &&
	       SSL_get_certificate(stream->ssl) != NULL;
}

/* -- Read and write ------------------------------------------------------------- */

/* One try.  RC_AGAIN: it had to wait, and may be tried again now. */
static enum rc
read_plain(struct stream *stream, uint8_t *room, size_t *len, int64_t deadline,
    struct err *err)
{
	ssize_t got = recv(stream->fd, room, *len, 0);

	if (got > 0) {
		*len = (size_t)got;
		return RC_OK;
	}
	if (got == 0)
		return ended(stream, err);
	if (errno != EAGAIN && errno != EINTR)
		return broken_errno(stream, err);
	TRY(wait_for(stream, POLLIN, deadline, err));
	return RC_AGAIN;
}

static enum rc
read_ssl(struct stream *stream, uint8_t *room, size_t *len, int64_t deadline,
    struct err *err)
{
	size_t got;

	ERR_clear_error();
	errno = 0;
	int result = SSL_read_ex(stream->ssl, room, *len, &got);
	if (result == 1) {
		*len = got;
		return RC_OK;
	}
	TRY(after_ssl(stream, result, deadline, err));
	return RC_AGAIN;
}

enum rc
stream_read(struct stream *stream, struct buf *out, struct err *err)
{
	int64_t deadline = now() + stream->timeout;
	size_t most = out->max - out->len;
	uint8_t *room;

	TRY(is_over(stream, err));
	if (most == 0)
		return err_set(err, RC_LIMIT, "%s: more than %zu bytes",
		    stream->peer, out->max);
	most = most < READ_MAX ? most : READ_MAX;
	TRY(buf_reserve(out, most, &room, err));
	for (;;) {
		size_t len = most;
		enum rc rc = stream->ssl == NULL
				 ? read_plain(stream, room, &len, deadline, err)
				 : read_ssl(stream, room, &len, deadline, err);
		if (rc == RC_AGAIN)
			continue;
		TRY(rc);
		buf_grown(out, len);
		return RC_OK;
	}
}

static int64_t
write_deadline(const struct stream *stream)
{
	bool less = stream->patience < stream->timeout;

	return now() + (less ? stream->patience : stream->timeout);
}

static enum rc
write_plain(
    struct stream *stream, struct span bytes, size_t *ret, struct err *err)
{
	ssize_t sent = send(stream->fd, bytes.data, bytes.len, MSG_NOSIGNAL);

	if (sent >= 0) {
		*ret = (size_t)sent;
		return RC_OK;
	}
	if (errno != EAGAIN && errno != EINTR)
		return broken_errno(stream, err);
	return wait_for(stream, POLLOUT, write_deadline(stream), err);
}

static enum rc
write_ssl(
    struct stream *stream, struct span bytes, size_t *ret, struct err *err)
{
	ERR_clear_error();
	errno = 0;
	int result = SSL_write_ex(stream->ssl, bytes.data, bytes.len, ret);
	if (result == 1)
		return RC_OK;
	*ret = 0;
	return after_ssl(stream, result, write_deadline(stream), err);
}

enum rc
stream_write(struct stream *stream, struct span bytes, struct err *err)
{
	TRY(is_over(stream, err));
	while (bytes.len > 0) {
		size_t sent = 0;
		if (stream->ssl == NULL)
			TRY(write_plain(stream, bytes, &sent, err));
		else
			TRY(write_ssl(stream, bytes, &sent, err));
		bytes = span_after(bytes, sent);
	}
	return RC_OK;
}

/* -- Wait ------------------------------------------------------------------------- */

/* Is there something that stream_read() would return without waiting?  What
 * comes on a TLS connection may be only a key update: then there is not.  An
 * end or an error counts: stream_read() tells it. */
static bool
can_read(struct stream *stream)
{
	struct pollfd fd = {stream->fd, POLLIN, 0};
	uint8_t byte;
	size_t len;

	if (stream->ssl == NULL)
		return poll(&fd, 1, 0) > 0;
	if (stream->over != RC_OK || SSL_pending(stream->ssl) > 0)
		return true;
	ERR_clear_error();
	errno = 0;
	int result = SSL_peek_ex(stream->ssl, &byte, 1, &len);
	if (result == 1)
		return true;
	int reason = SSL_get_error(stream->ssl, result);
	if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE)
		return false;
	stream->over = explain_ssl(stream, reason, &stream->why);
	return true;
}

enum rc
stream_wait(struct stream *a, struct stream *b, int timeout, unsigned *ret,
    struct err *err)
{
	int64_t deadline = now() + timeout;

	for (;;) {
		struct pollfd fds[2] = {
		    {a->fd, POLLIN, 0}, {b == NULL ? -1 : b->fd, POLLIN, 0}};
		unsigned found = can_read(a) ? 1 : 0;
		if (b != NULL && can_read(b))
			found |= 2;
		if (found != 0) {
			*ret = found;
			return RC_OK;
		}
		TRY(poll_until(fds, 2, deadline, err));
	}
}
