/* authority/serve -- the running authority: everything of this room together.
 *
 * May use:   all that this room may.
 */
#ifndef AUTHORITY_SERVE_H
#define AUTHORITY_SERVE_H

#include "base/err.h"

/* Serve what is in the folder until SIGTERM.  Logs "ready" once both
 * listeners are up. */
enum rc serve(const char *folder, struct err *err);

#endif
