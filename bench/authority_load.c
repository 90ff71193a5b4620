/* Asks a server, on many connections at once, and watches how long each answer
 * takes.
 *
 *     authority_load http|https|ldap PORT REQUESTS
 *
 * The server is on 127.0.0.1.  REQUESTS is a file of requests as they go over
 * the wire, each behind its length in four octets, the highest first; they are
 * sent in turn, and from the first again.  Each line "COUNT CONNECTIONS
 * PER_SECOND" on standard input has COUNT of them sent: each connection sends
 * its next one when the one before was answered, and with PER_SECOND, which is
 * 0 for as fast as it goes, not before its time has come.  The answer is
 *
 *     ANSWERS FAILURES NANOSECONDS P50_US P99_US MOST_US
 *
 * how many were answered, how many of the answers were none of success, how
 * long all took, and for how long one waited from the moment when it was due.
 * A connection that the server ends between two requests is made anew.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "bench/worker.h"

#define ANSWER_MAX ((size_t)64 * 1024)
#define CONNECTIONS_MAX 4096
#define WAIT_MS 10000 /* for any answer at all */
#define TRIES 3

struct line {
	int fd;
	SSL *ssl; /* NULL: without TLS */
	const uint8_t *out;
	size_t out_len;
	uint32_t request; /* number of the one in work */
	unsigned tries;
	bool busy;
	uint64_t due;
	uint8_t *in;
	size_t in_len;
};

struct run {
	uint64_t began, count, per_second;
	uint64_t sent, answered, failed;
	uint32_t *took; /* microseconds */
};

static enum { HTTP, LDAP } protocol;
static SSL_CTX *tls;
static struct sockaddr_in place;
static const uint8_t **request;
static uint32_t requests;
static uint64_t position;
static struct line line[CONNECTIONS_MAX];
static int events;

static uint64_t
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint32_t
number_at(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
	       (uint32_t)at[2] << 8 | at[3];
}

/* --- what is asked */

static void
read_requests(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	off_t len = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	uint8_t *all = len > 0 ? malloc((size_t)len) : NULL;

	if (all == NULL || pread(fd, all, (size_t)len, 0) != len)
		die("%s: cannot be read", path);
	close(fd);
	for (off_t at = 0; at + 4 <= len; at += 4 + number_at(all + at)) {
		request = realloc(request, (requests + 1) * sizeof(*request));
		if (request == NULL)
			die("out of memory");
		request[requests++] = all + at;
	}
	if (requests == 0)
		die("%s: no requests", path);
}

/* --- what is answered: 0, not whole yet; 1, a success; -1, something else */

static int
judge_http(const struct line *one)
{
	static const char length[] = "Content-Length: ";
	const char *text = (const char *)one->in;
	const char *end = memmem(text, one->in_len, "\r\n\r\n", 4);

	if (end == NULL)
		return 0;
	size_t head = (size_t)(end - text);
	const char *at = memmem(text, head, length, sizeof(length) - 1);
	size_t body =
	    at != NULL ? strtoul(at + sizeof(length) - 1, NULL, 10) : 0;
	if (one->in_len < head + 4 + body)
		return 0;
	return memmem(text, head, " 200 ", 5) == text + 8 ? 1 : -1;
}

/* The length of the element, head and all; 0: not whole yet. */
static size_t
element(const uint8_t *at, size_t len)
{
	size_t head = 2, value;

	if (len < 6)
		return 0;
	value = at[1];
	if (value > 0x80) {
		head += value & 0x7f;
		value = 0;
		for (size_t i = 2; i < head; i++)
			value = value << 8 | at[i];
	}
	return head + value <= len ? head + value : 0;
}

/* Entries, and behind them a SearchResultDone of success. */
static int
judge_ldap(const struct line *one)
{
	bool entry = false;
	size_t at = 0, len;

	while ((len = element(one->in + at, one->in_len - at)) > 0) {
		const uint8_t *message = one->in + at;
		size_t id = message[1] > 0x80 ? 2u + (message[1] & 0x7f) : 2;
		const uint8_t *what = message + id + 2 + message[id + 1];
		if (what[0] == 0x65) /* its resultCode is the first number */
			return entry && what[what[1] > 0x80
						 ? 4 + (what[1] & 0x7f)
						 : 4] == 0
				   ? 1
				   : -1;
		entry = entry || what[0] == 0x64;
		at += len;
	}
	return 0;
}

/* --- connections */

static void
open_line(struct line *one)
{
	struct epoll_event event = {
	    .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = one};
	int on = 1;

	one->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (one->fd < 0 ||
	    connect(one->fd, (struct sockaddr *)&place, sizeof(place)) != 0)
		die("no connection: %s", strerror(errno));
	(void)setsockopt(one->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (tls != NULL) {
		one->ssl = SSL_new(tls);
		must(one->ssl != NULL && SSL_set_fd(one->ssl, one->fd) &&
			 SSL_connect(one->ssl) == 1,
		    "TLS");
	}
	if (fcntl(one->fd, F_SETFL, O_NONBLOCK) != 0 ||
	    epoll_ctl(events, EPOLL_CTL_ADD, one->fd, &event) != 0)
		die("epoll: %s", strerror(errno));
	one->in_len = 0;
	if (one->in == NULL && (one->in = malloc(ANSWER_MAX)) == NULL)
		die("out of memory");
}

static void
close_line(struct line *one)
{
	SSL_free(one->ssl);
	one->ssl = NULL;
	close(one->fd);
	one->fd = -1;
}

/* Octets; 0: not now; -1: the server is gone. */
static ssize_t
take_some(struct line *one)
{
	size_t room = ANSWER_MAX - one->in_len;

	if (one->ssl != NULL) {
		int len = SSL_read(one->ssl, one->in + one->in_len, (int)room);
		return len > 0 ? len
		       : SSL_get_error(one->ssl, len) == SSL_ERROR_WANT_READ
			   ? 0
			   : -1;
	}
	ssize_t len = read(one->fd, one->in + one->in_len, room);
	return len > 0 ? len : len < 0 && errno == EAGAIN ? 0 : -1;
}

static ssize_t
give_some(struct line *one)
{
	if (one->ssl != NULL) {
		int len = SSL_write(one->ssl, one->out, (int)one->out_len);
		return len > 0 ? len
		       : SSL_get_error(one->ssl, len) == SSL_ERROR_WANT_WRITE
			   ? 0
			   : -1;
	}
	ssize_t len = write(one->fd, one->out, one->out_len);
	return len > 0 ? len : len < 0 && errno == EAGAIN ? 0 : -1;
}

static bool
push(struct line *one)
{
	while (one->out_len > 0) {
		ssize_t len = give_some(one);
		if (len <= 0)
			return len == 0;
		one->out += len;
		one->out_len -= (size_t)len;
	}
	return true;
}

/* A server may end a connection that was idle just when the next request comes:
 * whoever got no octet of an answer asks again, as HTTP's clients do. */
static void
send_request(struct line *one)
{
	for (;;) {
		one->out = request[one->request] + 4;
		one->out_len = number_at(request[one->request]);
		if (one->fd < 0)
			open_line(one);
		if (push(one))
			return;
		if (++one->tries == TRIES)
			die("the server takes no requests");
		close_line(one);
	}
}

static void
start(struct run *run, struct line *one, uint64_t due)
{
	one->due = due;
	one->request = (uint32_t)(position++ % requests);
	one->tries = 0;
	one->busy = true;
	run->sent++;
	send_request(one);
}

static void
finish(struct run *run, struct line *one, int verdict)
{
	run->took[run->answered++] = (uint32_t)((now() - one->due) / 1000);
	if (verdict < 0 && run->failed++ == 0)
		fprintf(stderr, "not wanted: %.*s\n", (int)one->in_len,
		    (const char *)one->in);
	one->busy = false;
	one->in_len = 0;
}

static void
on_event(struct run *run, struct line *one)
{
	ssize_t len = 0;

	if (one->fd < 0 || !push(one))
		return;
	while (one->in_len < ANSWER_MAX && (len = take_some(one)) > 0)
		one->in_len += (size_t)len;
	int verdict = !one->busy         ? 0
		      : protocol == HTTP ? judge_http(one)
					 : judge_ldap(one);
	if (verdict != 0)
		finish(run, one, verdict);
	if (len == 0)
		return;
	close_line(one);
	if (one->busy && (one->in_len > 0 || ++one->tries == TRIES))
		die("the server ended a connection within an answer: %.*s",
		    (int)one->in_len, (const char *)one->in);
	if (one->busy)
		send_request(one);
}

/* --- a run */

/* When request number n is due. */
static uint64_t
due(const struct run *run, uint64_t n)
{
	if (run->per_second == 0)
		return now();
	return run->began + n * 1000000000 / run->per_second;
}

static void
start_due(struct run *run, size_t lines)
{
	for (size_t i = 0; i < lines && run->sent < run->count; i++) {
		uint64_t when = due(run, run->sent);
		if (when > now())
			return;
		if (!line[i].busy)
			start(run, &line[i], when);
	}
}

static int
by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void
tell(const struct run *run)
{
	uint64_t ns = now() - run->began, n = run->answered;

	qsort(run->took, n, sizeof(*run->took), by_size);
	printf("%llu %llu %llu %u %u %u\n", (unsigned long long)n,
	    (unsigned long long)run->failed, (unsigned long long)ns,
	    run->took[n / 2], run->took[n * 99 / 100], run->took[n - 1]);
	fflush(stdout);
}

static void
wait_for(struct run *run, int ms)
{
	struct epoll_event happened[64];
	int n = epoll_wait(events, happened, 64, ms);

	for (int i = 0; i < n; i++)
		on_event(run, happened[i].data.ptr);
}

static void
do_run(struct run *run, size_t lines)
{
	run->took = calloc(run->count, sizeof(*run->took));
	if (run->took == NULL)
		die("out of memory");
	for (size_t i = 0; i < lines; i++)
		if (line[i].fd < 0)
			open_line(&line[i]);
	run->began = now();
	uint64_t last = run->began, seen = 0;
	while (run->answered < run->count) {
		start_due(run, lines);
		wait_for(run, run->per_second > 0 ? 1 : 100);
		if (run->answered > seen || run->sent == run->answered)
			last = now();
		seen = run->answered;
		if (now() - last > WAIT_MS * 1000000ull)
			die("no answer for %d ms", WAIT_MS);
	}
	tell(run);
	free(run->took);
}

static void
set_protocol(const char *name)
{
	protocol = strcmp(name, "ldap") == 0 ? LDAP : HTTP;
	if (strcmp(name, "https") != 0)
		return;
	tls = SSL_CTX_new(TLS_client_method());
	must(tls != NULL, "TLS");
}

/* "COUNT LINES PER_SECOND"; false at the end of the input. */
static bool
next_run(struct run *run, unsigned long long *lines)
{
	char text[100], *at = text;

	if (fgets(text, sizeof(text), stdin) == NULL)
		return false;
	run->count = strtoull(at, &at, 10);
	*lines = strtoull(at, &at, 10);
	run->per_second = strtoull(at, &at, 10);
	if (run->count == 0 || *lines == 0 || *lines > CONNECTIONS_MAX)
		die("no such run");
	return true;
}

int
main(int argc, char **argv)
{
	unsigned long long lines = 0;

	if (argc != 4)
		die("usage: %s http|https|ldap PORT REQUESTS", argv[0]);
	set_protocol(argv[1]);
	place = (struct sockaddr_in){.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10)),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	read_requests(argv[3]);
	events = epoll_create1(EPOLL_CLOEXEC);
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		line[i].fd = -1;
	for (;;) {
		struct run run = {0};
		if (!next_run(&run, &lines))
			return 0;
		do_run(&run, lines);
	}
}
