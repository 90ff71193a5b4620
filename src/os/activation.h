/* os/activation -- listening sockets handed over by the service manager.
 *
 * The ports of the agent are held by the service manager (systemd's
 * LISTEN_FDS protocol, sd_listen_fds(3)), so that nobody else on the machine
 * can take them while the agent is down and be given the password.
 */
#ifndef OS_ACTIVATION_H
#define OS_ACTIVATION_H

#include "base/err.h"

/* The descriptor that LISTEN_FDNAMES calls `name`, now ours, close-on-exec,
 * checked to be a listening stream socket on a loopback address.
 * RC_ABSENT: none was handed over.  RC_UNFIT: not what it must be. */
enum rc activation_find(const char *name, int *ret_fd, struct err *err);

#endif
