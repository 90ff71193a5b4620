/* os/notify -- tell the service manager how we are.
 *
 * Standard:  sd_notify(3): a datagram to the socket that $NOTIFY_SOCKET names.
 * May use:   base.
 */
#ifndef OS_NOTIFY_H
#define OS_NOTIFY_H

/* "READY=1", "STOPPING=1".  Without a manager that asked for it, nothing is
 * done; a manager that does not listen is none. */
void notify_send(const char *state);

#endif
