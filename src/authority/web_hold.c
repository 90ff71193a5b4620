#include "authority/web_hold.h"

#include <stdlib.h>

#include <event2/event.h>

#include "os/clock.h"

#define LOWEST (WEB_HOLD_PRIORITIES - 1)

struct held {
	struct evhttp_request *req; /* evhttp's until it is answered */
	struct http_answer answer;
};

struct web_hold {
	struct web_hold_config config;
	struct event *idle;
	struct held held[WEB_HOLD_MAX];
	size_t len;
	int64_t since; /* ticks */
};

static void
flush(struct web_hold *hold)
{
	const struct web_hold_config *config = &hold->config;
	struct held held[WEB_HOLD_MAX];
	size_t len = hold->len;

	if (len == 0)
		return;
	memcpy(held, hold->held, len * sizeof(*held));
	hold->len = 0; /* who asks while we send belongs to the next ones */
	bool done = config->settle(config->context);
	for (size_t i = 0; i < len; i++) {
		if (!done)
			config->lose(config->context, &held[i].answer);
		config->send(config->sender, held[i].req, &held[i].answer);
		http_answer_done(&held[i].answer);
	}
}

static void
on_idle(evutil_socket_t fd, short what, void *context)
{
	flush(context);
}

enum rc
web_hold_new(struct event_base *base, const struct web_hold_config *config,
    struct web_hold **ret, struct err *err)
{
	struct web_hold *hold OWNED(web_hold_free) = calloc(1, sizeof(*hold));

	if (hold == NULL)
		return err_nomem(err, "web server");
	hold->config = *config;
	hold->idle = event_new(base, -1, 0, on_idle, hold);
	if (hold->idle == NULL || event_priority_set(hold->idle, LOWEST) != 0)
		return err_nomem(err, "web server");
	*ret = take(hold);
	return RC_OK;
}

void
web_hold_free(struct web_hold *hold)
{
	if (hold == NULL)
		return;
	flush(hold);
	if (hold->idle != NULL)
		event_free(hold->idle);
	free(hold);
}

/* Where nobody waits, what was only read may be sent at once; where somebody
 * does, it may be of what is not committed. */
void
web_hold_answer(struct web_hold *hold, struct evhttp_request *req,
    struct http_answer *answer)
{
	const struct web_hold_config *config = &hold->config;

	if (!config->waits(config->context)) {
		config->send(config->sender, req, answer);
		return;
	}
	if (hold->len == 0) {
		hold->since = clock_ticks();
		event_active(hold->idle, EV_TIMEOUT, 0);
	}
	hold->held[hold->len++] = (struct held){req, *answer};
	*answer = HTTP_ANSWER;
	if (hold->len == WEB_HOLD_MAX ||
	    clock_ticks() - hold->since >= WEB_HOLD_MS)
		flush(hold);
}
