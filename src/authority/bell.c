#include "authority/bell.h"

#include <time.h>

enum rc
bell_init(struct bell *bell, struct err *err)
{
	pthread_condattr_t how;

	*bell = (struct bell){0};
	if (pthread_mutex_init(&bell->lock, NULL) != 0 ||
	    pthread_condattr_init(&how) != 0)
		return err_nomem(err, "thread");
	/* wall clocks jump */
	(void)pthread_condattr_setclock(&how, CLOCK_MONOTONIC);
	int failed = pthread_cond_init(&bell->change, &how);
	(void)pthread_condattr_destroy(&how);
	if (failed)
		return err_nomem(err, "thread");
	bell->ready = true;
	return RC_OK;
}

void
bell_done(struct bell *bell)
{
	if (!bell->ready)
		return;
	(void)pthread_cond_destroy(&bell->change);
	(void)pthread_mutex_destroy(&bell->lock);
	bell->ready = false;
}

void
bell_ring(struct bell *bell)
{
	(void)pthread_mutex_lock(&bell->lock);
	bell->rung = true;
	(void)pthread_cond_signal(&bell->change);
	(void)pthread_mutex_unlock(&bell->lock);
}

void
bell_stop(struct bell *bell)
{
	(void)pthread_mutex_lock(&bell->lock);
	bell->stopping = true;
	(void)pthread_cond_broadcast(&bell->change);
	(void)pthread_mutex_unlock(&bell->lock);
}

bool
bell_is_stopping(struct bell *bell)
{
	(void)pthread_mutex_lock(&bell->lock);
	bool stopping = bell->stopping;
	(void)pthread_mutex_unlock(&bell->lock);
	return stopping;
}

void
bell_wait(struct bell *bell, int64_t seconds)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(seconds > 0 ? seconds : 0);
	(void)pthread_mutex_lock(&bell->lock);
	while (!bell->rung && !bell->stopping)
		if (pthread_cond_timedwait(
			&bell->change, &bell->lock, &until) != 0)
			break;
	bell->rung = false;
	(void)pthread_mutex_unlock(&bell->lock);
}
