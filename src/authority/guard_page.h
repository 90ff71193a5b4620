/* authority/guard_page -- what waits for a device, as a page, and the word on it
 * by the page's forms.
 *
 *   GET  /guard/   what waits for the person's mailbox; for an operator: all
 *   POST /guard/   "request" and "word", "approve" or "refuse"; by an operator
 *                  also "undo", the address of a mailbox
 *
 * May use:   base codec store.
 * Limits:    GUARD_PAGE_MAX requests on the page.
 */
#ifndef AUTHORITY_GUARD_PAGE_H
#define AUTHORITY_GUARD_PAGE_H

#include "authority/guard_desk.h"

#define GUARD_PAGE_MAX 100

/* Of guard_desk_answer(): the request's path is GUARD_DESK_PATH. */
enum rc guard_page_answer(const struct guard_desk *desk,
    const struct http_request *request, int64_t now, struct http_answer *answer,
    struct err *err);

#endif
