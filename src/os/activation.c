#include "os/activation.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/span.h"

#define FIRST_FD 3   /* SD_LISTEN_FDS_START */
#define FDS_MAX 1000 /* more was not meant */

/* A whole decimal number without sign, or -1. */
static long
number_of(const char *text)
{
	long number = 0;

	if (text == NULL || *text == '\0')
		return -1;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9' || number > INT_MAX / 10)
			return -1;
		number = number * 10 + (*text - '0');
	}
	return number;
}

/* How many descriptors were handed to this very process: a child inherits
 * the environment, but LISTEN_PID is then not its own. */
static enum rc
count_fds(long *ret, struct err *err)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");

	*ret = 0;
	if (pid == NULL || fds == NULL || number_of(pid) != (long)getpid())
		return RC_OK;
	long count = number_of(fds);
	if (count < 0 || count > FDS_MAX)
		return err_set(err, RC_UNFIT,
		    "LISTEN_FDS is not a number from 0 to %d", FDS_MAX);
	*ret = count;
	return RC_OK;
}

/* The name at the front of "a:b:c", taken off. */
static struct span
take_name(struct span *names)
{
	ptrdiff_t colon = span_find_byte(*names, ':');
	size_t len = colon < 0 ? names->len : (size_t)colon;
	struct span name = span_first(*names, len);

	*names = span_after(*names, colon < 0 ? len : len + 1);
	return name;
}

/* Which descriptor is called `name`.  Two of one name are refused: the one
 * not taken would accept connections that nobody ever answers. */
static enum rc
find_fd(const char *name, long count, int *ret, struct err *err)
{
	const char *env = getenv("LISTEN_FDNAMES");
	struct span names = span_str(env == NULL ? "" : env);
	int found = -1;

	for (int i = 0; i < (int)count; i++) {
		if (!span_is(take_name(&names), span_str(name)))
			continue;
		if (found >= 0)
			return err_set(err, RC_UNFIT,
			    "two sockets are called \"%s\": give each a "
			    "FileDescriptorName= of its own",
			    name);
		found = FIRST_FD + i;
	}
	if (found < 0)
		return err_set(err, RC_ABSENT,
		    "the service manager handed over no socket \"%s\"", name);
	*ret = found;
	return RC_OK;
}

static bool
has_option(int fd, int option, int want)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 &&
	       value == want;
}

static bool
is_loopback(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_storage room;
	} at = {.room = {0}};
	socklen_t len = sizeof(at);

	if (getsockname(fd, &at.any, &len) != 0)
		return false;
	if (at.any.sa_family == AF_INET)
		return ntohl(at.v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return at.any.sa_family == AF_INET6 &&
	       IN6_IS_ADDR_LOOPBACK(&at.v6.sin6_addr);
}

static enum rc
check_fd(const char *name, int fd, struct err *err)
{
	if (!has_option(fd, SO_TYPE, SOCK_STREAM))
		return err_set(err, RC_UNFIT,
		    "\"%s\" is not a stream socket: use ListenStream=", name);
	if (!has_option(fd, SO_ACCEPTCONN, 1))
		return err_set(err, RC_UNFIT,
		    "\"%s\" does not listen: use Accept=no", name);
	if (!is_loopback(fd))
		return err_set(err, RC_UNFIT,
		    "\"%s\" is not on a loopback address: the port must not "
		    "be reachable from outside",
		    name);
	return RC_OK;
}

enum rc
activation_find(const char *name, int *ret_fd, struct err *err)
{
	long count = 0;
	int fd = -1;

	TRY(count_fds(&count, err));
	TRY(find_fd(name, count, &fd, err));
	TRY(check_fd(name, fd, err));
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		return err_errno(err, "close-on-exec for \"%s\"", name);
	*ret_fd = fd;
	return RC_OK;
}
