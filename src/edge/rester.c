#include "edge/rester.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "edge/notice.h"
#include "edge/rest_run.h"
#include "os/clock.h"
#include "os/log.h"

struct rester {
	const struct agent *agent;
	bool failing; /* the last round could not be made */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t stop;
	bool stopping;
};

static bool
goes_on(void *self)
{
	struct rester *rester = self;

	pthread_mutex_lock(&rester->lock);
	bool stopping = rester->stopping;
	pthread_mutex_unlock(&rester->lock);
	return !stopping;
}

/* Each thing once, not with every round. */
static void
tell(struct rester *rester, const struct rest_round *round, bool failed,
    const struct err *why)
{
	if (round->report.done > 0)
		log_info("at rest: %zu letters were stored again",
		    round->report.done);
	if (round->hindrance != REST_FREE) {
		char key[16];
		(void)snprintf(
		    key, sizeof(key), "%u", (unsigned)round->hindrance);
		notice_tell(rester->agent, NOTICE_UNSEALED, key);
	}
	if (failed && !rester->failing)
		log_info("at rest: %s", why->text);
	rester->failing = failed;
}

static void
run_once(struct rester *rester)
{
	const struct agent *agent = rester->agent;
	struct rest_settings settings REST_SETTINGS_OWNED = REST_SETTINGS_NONE;
	struct rest_round round = {.go_on = goes_on, .self = rester};
	struct err why = ERR_NONE;

	if (rest_settings_load(agent->state, &settings, &why) == RC_OK &&
	    !rest_settings_any(&settings))
		return;
	enum rc rc = rest_run(agent, &round, &why);
	const struct rest_last last = {.at = clock_now(),
	    .report = round.report,
	    .hindrance = round.hindrance,
	    .failed = rc != RC_OK};
	tell(rester, &round, rc != RC_OK, &why);
	if (rest_last_save(agent->state, &last, &why) != RC_OK)
		log_warning("at rest: not remembered: %s", why.text);
}

/* -- the thread -- */

static bool
pause_until(struct rester *rester)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += rester->agent->rest_every;
	pthread_mutex_lock(&rester->lock);
	if (!rester->stopping)
		(void)pthread_cond_timedwait(
		    &rester->stop, &rester->lock, &until);
	bool go_on = !rester->stopping;
	pthread_mutex_unlock(&rester->lock);
	return go_on;
}

static void *
rest_all(void *argument)
{
	struct rester *rester = argument;

	do
		run_once(rester);
	while (pause_until(rester));
	return NULL;
}

enum rc
rester_new(const struct agent *agent, struct rester **ret, struct err *err)
{
	struct rester *rester = calloc(1, sizeof(*rester));

	if (rester == NULL)
		return err_nomem(err, "rester");
	rester->agent = agent;
	pthread_mutex_init(&rester->lock, NULL);
	pthread_cond_init(&rester->stop, NULL);
	errno = pthread_create(&rester->thread, NULL, rest_all, rester);
	if (errno != 0) {
		free(rester);
		return err_errno(err, "thread");
	}
	*ret = rester;
	return RC_OK;
}

void
rester_free(struct rester *rester)
{
	if (rester == NULL)
		return;
	pthread_mutex_lock(&rester->lock);
	rester->stopping = true;
	pthread_cond_signal(&rester->stop);
	pthread_mutex_unlock(&rester->lock);
	pthread_join(rester->thread, NULL);
	free(rester);
}
