#define _GNU_SOURCE /* accept4 */
#include "net/visitor.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HEAD_MAX ((size_t)8 * 1024)
#define HEAD_WAIT 5000
#define PAGE_MAX 2048

struct visitor {
	int listener;
	int guest; /* who is to be answered; -1: nobody */
	uint16_t port;
};

static int64_t
now(void)
{
	struct timespec time;

	if (clock_gettime(CLOCK_MONOTONIC, &time) != 0)
		bug("no monotonic clock");
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void
see_off(struct visitor *visitor)
{
	if (visitor->guest >= 0)
		(void)close(visitor->guest);
	visitor->guest = -1;
}

void
visitor_free(struct visitor *visitor)
{
	if (visitor == NULL)
		return;
	see_off(visitor);
	if (visitor->listener >= 0)
		(void)close(visitor->listener);
	free(visitor);
}

static enum rc
listen_on(struct visitor *visitor, struct err *err)
{
	struct sockaddr_in at = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);

	visitor->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (visitor->listener < 0 ||
	    bind(visitor->listener, (struct sockaddr *)&at, len) != 0 ||
	    listen(visitor->listener, 8) != 0 ||
	    getsockname(visitor->listener, (struct sockaddr *)&at, &len) != 0)
		return err_errno(err, "a port of 127.0.0.1");
	visitor->port = ntohs(at.sin_port);
	return RC_OK;
}

enum rc
visitor_new(struct visitor **ret, struct err *err)
{
	struct visitor *visitor OWNED(visitor_free) =
	    calloc(1, sizeof(*visitor));

	if (visitor == NULL)
		return err_nomem(err, "waiting for the browser");
	visitor->guest = -1;
	visitor->listener = -1;
	TRY(listen_on(visitor, err));
	*ret = take(visitor);
	return RC_OK;
}

uint16_t
visitor_port(const struct visitor *visitor)
{
	return visitor->port;
}

static bool
is_ready(int fd, int64_t deadline)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	int64_t left = deadline - now();

	return left > 0 && poll(&wait, 1, (int)left) > 0;
}

static bool
has_head(const struct buf *head)
{
	return head->len >= 4 &&
	       span_is(span_after(buf_span(head), head->len - 4),
		   span_str("\r\n\r\n"));
}

/* Byte by byte: what comes behind the head is nobody's business. */
static bool
read_head(int fd, struct buf *head)
{
	int64_t deadline = now() + HEAD_WAIT;

	while (!has_head(head)) {
		uint8_t byte;
		if (!is_ready(fd, deadline) || recv(fd, &byte, 1, 0) != 1 ||
		    buf_add_byte(head, byte, NULL) != RC_OK)
			return false;
	}
	return true;
}

/* A page elsewhere whose name was made to lead here has another Host. */
static bool
is_for_us(const struct visitor *visitor, const struct buf *head)
{
	char host[64];
	struct span rest = buf_span(head);

	(void)snprintf(host, sizeof(host), "Host: 127.0.0.1:%u", visitor->port);
	for (;;) {
		ptrdiff_t end = span_find_byte(rest, '\n');
		if (end < 0)
			return false;
		if (span_is_nocase(
			span_trim(span_first(rest, (size_t)end)), host))
			return true;
		rest = span_after(rest, (size_t)end + 1);
	}
}

static bool
read_target(const struct buf *head, struct buf *target)
{
	struct span rest = buf_span(head);

	if (!span_starts(rest, "GET /"))
		return false;
	rest = span_after(rest, 4);
	ptrdiff_t end = span_find_byte(rest, ' ');
	return end > 0 &&
	       span_starts(span_after(rest, (size_t)end), " HTTP/1.") &&
	       buf_add(target, span_first(rest, (size_t)end), NULL) == RC_OK;
}

static bool
welcome(struct visitor *visitor, struct buf *target)
{
	struct buf head BUF_OWNED = BUF_SECRET(HEAD_MAX);

	see_off(visitor);
	visitor->guest = accept4(visitor->listener, NULL, NULL, SOCK_CLOEXEC);
	if (visitor->guest < 0 || !read_head(visitor->guest, &head))
		return false;
	return is_for_us(visitor, &head) && read_target(&head, target);
}

enum rc
visitor_wait(
    struct visitor *visitor, int timeout, struct buf *target, struct err *err)
{
	int64_t deadline = now() + timeout;

	while (is_ready(visitor->listener, deadline)) {
		if (welcome(visitor, target))
			return RC_OK;
		see_off(visitor);
	}
	return err_set(err, RC_IO, "nobody came back from the browser");
}

void
visitor_answer(struct visitor *visitor, unsigned status, const char *text)
{
	char page[PAGE_MAX];
	int len = snprintf(page, sizeof(page),
	    "HTTP/1.1 %u %s\r\nContent-Type: text/plain; charset=utf-8\r\n"
	    "Content-Length: %zu\r\nCache-Control: no-store\r\n"
	    "Referrer-Policy: no-referrer\r\nConnection: close\r\n\r\n%s",
	    status, status == 200 ? "OK" : "No", strlen(text), text);

	if (visitor->guest >= 0 && len > 0 && (size_t)len < sizeof(page))
		(void)(send(visitor->guest, page, (size_t)len, MSG_NOSIGNAL) ==
		       len);
	see_off(visitor);
}
