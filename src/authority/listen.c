#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include "authority/listen.h"

#include <netdb.h>
#include <stdio.h>
#include <unistd.h>

#include <sys/socket.h>

#include "base/own.h"

#define BACKLOG 1024

OWNER(struct addrinfo, freeaddrinfo);

static enum rc
bind_listen(
    int fd, const struct addrinfo *where, const char *place, struct err *err)
{
	int one = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, where->ai_addr, where->ai_addrlen) != 0 ||
	    listen(fd, BACKLOG) != 0)
		return err_errno(err, "cannot listen on %s", place);
	return RC_OK;
}

enum rc
listen_on(const char *place, int *ret_fd, struct err *err)
{
	struct addrinfo *where OWNED(freeaddrinfo) = NULL;
	struct addrinfo hints = {
	    .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
	    .ai_socktype = SOCK_STREAM};
	struct settings_place parts;
	char port[8];

	TRY(settings_place(place, &parts, err));
	(void)snprintf(port, sizeof(port), "%u", (unsigned)parts.port);
	if (getaddrinfo(parts.host, port, &hints, &where) != 0)
		return err_set(err, RC_UNFIT,
		    "cannot listen on %s: give an IP address and a port",
		    place);
	int fd = socket(
	    where->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_errno(err, "socket");
	enum rc rc = bind_listen(fd, where, place, err);
	if (rc != RC_OK) {
		(void)close(fd);
		return rc;
	}
	*ret_fd = fd;
	return RC_OK;
}
