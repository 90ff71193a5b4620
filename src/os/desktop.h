/* os/desktop -- a few words on the person's screen, where there is one.
 *
 * The desktop's notification service (org.freedesktop.Notifications) by the
 * session bus that DBUS_SESSION_BUS_ADDRESS or XDG_RUNTIME_DIR names.  The
 * library for that is loaded when there is something to say, so that no program
 * needs it to start.
 *
 * May use:   base.
 */
#ifndef OS_DESKTOP_H
#define OS_DESKTOP_H

#include "base/err.h"

/* RC_ABSENT: no library, no bus, or nobody there who shows anything.  Waits a
 * few seconds at most. */
enum rc desktop_notify(const char *summary, const char *body, struct err *err);

#endif
