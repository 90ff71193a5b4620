/* authority/guard_desk -- what waits for a device, at the place where people
 * come with certificates (mutual TLS on `desk_listen`).
 *
 *   GET  /guard/          the same as a page, and its form by POST
 *                         (authority/guard_page)
 *   GET  /guard/pending   what waits for the person's mailbox; for an
 *                         operator: everything
 *   POST /guard/NAME      {"status": "approved"} or "refused"
 *   POST /guard/undo      {"address": "..."}, by an operator
 *
 * A signing key signs nothing here: that it is used for TLS says enough.  Who
 * may say what: authority/guard_voice.
 *
 * May use:   base codec store.
 */
#ifndef AUTHORITY_GUARD_DESK_H
#define AUTHORITY_GUARD_DESK_H

#include "authority/page_form.h"
#include "authority/settings.h"
#include "store/sql.h"

#define GUARD_DESK_PATH "/guard/"

struct guard_desk {
	const struct settings *settings;
	const struct page_form_key *key;
	struct sql *sql;
};

/* RC_OK and RC_REFUSED: the answer is complete. */
enum rc guard_desk_answer(const struct guard_desk *desk,
    const struct http_request *request, int64_t now, struct http_answer *answer,
    struct err *err);

#endif
