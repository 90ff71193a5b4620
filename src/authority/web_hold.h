/* authority/web_hold -- answers that wait until what they say is on the disk.
 *
 * Requests that come together share one transaction (sql_group()): writing to
 * the disk costs the same for one and for many.  None is answered before that
 * is committed; when it cannot be, each is told to try again.
 *
 * May use:   base os.  Only authority/web uses it.
 * Limits:    WEB_HOLD_MAX answers, and WEB_HOLD_MS since the first of them;
 *            nobody waits while nobody else asks.
 * Threads:   the one of the event loop.
 */
#ifndef AUTHORITY_WEB_HOLD_H
#define AUTHORITY_WEB_HOLD_H

#include "authority/http.h"
#include "base/own.h"

#define WEB_HOLD_MAX 64
#define WEB_HOLD_MS 4
/* Of an event base: what is to be done before anything else has only the
 * highest, and what waits until there is nothing else the lowest. */
#define WEB_HOLD_PRIORITIES 3

struct event_base;
struct evhttp_request;
struct web_hold;

struct web_hold_config {
	/* Does what was answered now stand in an open transaction? */
	bool (*waits)(void *context);
	/* Commit it.  False: nothing of it happened. */
	bool (*settle)(void *context);
	/* Make it the answer of somebody for whom nothing happened. */
	void (*lose)(void *context, struct http_answer *answer);
	void *context;
	void (*send)(void *sender, struct evhttp_request *req,
	    const struct http_answer *answer);
	void *sender;
};

/* `base` has WEB_HOLD_PRIORITIES.  Borrows it. */
enum rc web_hold_new(struct event_base *base,
    const struct web_hold_config *config, struct web_hold **ret,
    struct err *err);
/* Before evhttp_free(); what waits is settled. */
void web_hold_free(struct web_hold *hold);
OWNER(struct web_hold, web_hold_free);

/* Send it, now or later; takes what is in `answer`. */
void web_hold_answer(struct web_hold *hold, struct evhttp_request *req,
    struct http_answer *answer);

#endif
