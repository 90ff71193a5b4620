/* authority/mx_session -- one SMTP or LMTP connection that may bring an answer.
 *
 * May use:   base codec os proto dns net store.
 */
#ifndef AUTHORITY_MX_SESSION_H
#define AUTHORITY_MX_SESSION_H

#include "authority/mx.h"
#include "net/stream.h"

/* Talk until the end.  Never fails: what happened is in the log. */
void mx_session(
    const struct mx_config *config, struct stream *stream, bool lmtp);

#endif
