#include "authority/web_hold.h"

#include <event2/event.h>

#include "base/expect.h"

#define ASKED (2 * WEB_HOLD_MAX)

/* A database that can be open or not, and who was answered by whom. */
struct stage {
	struct event_base *base;
	struct web_hold *hold;
	bool open, broken;
	int settled;
	uint8_t asked[ASKED]; /* each stands for a request */
	int sent;
	int last;      /* who was answered last */
	unsigned said; /* with which status */
};

static bool
waits(void *context)
{
	const struct stage *stage = context;

	return stage->open;
}

static bool
settle(void *context)
{
	struct stage *stage = context;

	stage->open = false;
	stage->settled++;
	return !stage->broken;
}

static void
lose(void *context, struct http_answer *answer)
{
	answer->status = 503;
}

static void
send_it(
    void *sender, struct evhttp_request *req, const struct http_answer *answer)
{
	struct stage *stage = sender;

	stage->sent++;
	stage->last = (int)((uint8_t *)req - stage->asked);
	stage->said = answer->status;
}

static void
ask(struct stage *stage, int who, bool writes)
{
	struct http_answer answer HTTP_ANSWER_OWNED = HTTP_ANSWER;

	assert_ok(http_answer_set(
	    &answer, 200, "text/plain", span_str("done"), NULL));
	stage->open = stage->open || writes;
	web_hold_answer(stage->hold,
	    (struct evhttp_request *)(void *)&stage->asked[who], &answer);
}

static void
look(const struct stage *stage)
{
	(void)event_base_loop(stage->base, EVLOOP_NONBLOCK);
}

static void
stage_init(struct stage *stage)
{
	const struct web_hold_config config = {.waits = waits,
	    .settle = settle,
	    .lose = lose,
	    .context = stage,
	    .send = send_it,
	    .sender = stage};

	*stage = (struct stage){.base = event_base_new(), .last = -1};
	assert_non_null(stage->base);
	assert_int_equal(
	    event_base_priority_init(stage->base, WEB_HOLD_PRIORITIES), 0);
	assert_ok(web_hold_new(stage->base, &config, &stage->hold, NULL));
}

static void
stage_done(struct stage *stage)
{
	web_hold_free(stage->hold);
	event_base_free(stage->base);
}

static void
what_was_only_read_is_answered_at_once(void **state)
{
	struct stage stage;

	stage_init(&stage);
	ask(&stage, 0, false);
	assert_int_equal(stage.sent, 1);
	assert_int_equal(stage.settled, 0);
	stage_done(&stage);
}

static void
nobody_is_answered_before_it_is_settled(void **state)
{
	struct stage stage;

	stage_init(&stage);
	ask(&stage, 0, true);
	ask(&stage, 1, true);
	ask(&stage, 2, false); /* may have read what is not committed */
	assert_int_equal(stage.sent, 0);
	look(&stage);
	assert_int_equal(stage.settled, 1);
	assert_int_equal(stage.sent, 3);
	assert_int_equal(stage.last, 2);
	assert_int_equal(stage.said, 200);
	ask(&stage, 3, false);
	assert_int_equal(stage.sent, 4);
	stage_done(&stage);
}

static void
who_belongs_to_what_was_lost_is_told_so(void **state)
{
	struct stage stage;

	stage_init(&stage);
	stage.broken = true;
	ask(&stage, 0, true);
	ask(&stage, 1, true);
	look(&stage);
	assert_int_equal(stage.sent, 2);
	assert_int_equal(stage.said, 503);
	stage.broken = false;
	ask(&stage, 2, true);
	look(&stage);
	assert_int_equal(stage.said, 200);
	stage_done(&stage);
}

static void
so_many_wait_and_no_more(void **state)
{
	struct stage stage;

	stage_init(&stage);
	for (int i = 0; i < WEB_HOLD_MAX - 1; i++)
		ask(&stage, i, true);
	/* slow machines may have sent some because of the time */
	assert_true(stage.sent < WEB_HOLD_MAX);
	int settled = stage.settled;
	while (stage.settled == settled)
		ask(&stage, WEB_HOLD_MAX, true);
	assert_in_range(stage.sent, 1, 2 * WEB_HOLD_MAX);
	stage_done(&stage);
}

static void
at_the_end_nobody_is_forgotten(void **state)
{
	struct stage stage;

	stage_init(&stage);
	ask(&stage, 0, true);
	web_hold_free(stage.hold);
	stage.hold = NULL;
	assert_int_equal(stage.settled, 1);
	assert_int_equal(stage.sent, 1);
	stage_done(&stage);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_only_read_is_answered_at_once),
	    cmocka_unit_test(nobody_is_answered_before_it_is_settled),
	    cmocka_unit_test(who_belongs_to_what_was_lost_is_told_so),
	    cmocka_unit_test(so_many_wait_and_no_more),
	    cmocka_unit_test(at_the_end_nobody_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
