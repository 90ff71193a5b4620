/* authority/listen -- a listening socket on a place of the settings.
 *
 * May use:   base.
 */
#ifndef AUTHORITY_LISTEN_H
#define AUTHORITY_LISTEN_H

#include "authority/settings.h"

/* "127.0.0.1:8443", "[::]:25": an IP address and a port.  Non-blocking, close-
 * on-exec; the caller owns *ret_fd. */
enum rc listen_on(const char *place, int *ret_fd, struct err *err);

#endif
