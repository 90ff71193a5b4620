/* authority/guard_desk -- what waits for a device, at the place where people
 * come with certificates (mutual TLS on `desk_listen`).
 *
 *   GET  /guard/pending   what waits for the person's mailbox; for an
 *                         operator: everything
 *   POST /guard/NAME      {"status": "approved"} or "refused"
 *
 * A signing key signs nothing here: that it is used for TLS says enough.  A
 * device decides alone, two operators together; either can refuse.
 *
 * May use:   base codec store.
 */
#ifndef AUTHORITY_GUARD_DESK_H
#define AUTHORITY_GUARD_DESK_H

#include "authority/http.h"
#include "authority/settings.h"
#include "store/sql.h"

#define GUARD_DESK_PATH "/guard/"

struct guard_desk {
	const struct settings *settings;
	struct sql *sql;
};

/* RC_OK and RC_REFUSED: the answer is complete. */
enum rc guard_desk_answer(const struct guard_desk *desk,
    const struct http_request *request, int64_t now, struct http_answer *answer,
    struct err *err);

#endif
