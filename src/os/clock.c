#include "os/clock.h"

#include <time.h>

#include <sys/timex.h>

#include "base/rc.h"

static struct timespec
read_clock(clockid_t id)
{
	struct timespec now;

	if (clock_gettime(id, &now) != 0)
		bug("the kernel has no clock");
	return now;
}

int64_t
clock_now(void)
{
	return read_clock(CLOCK_REALTIME).tv_sec;
}

int64_t
clock_ticks(void)
{
	struct timespec now = read_clock(CLOCK_MONOTONIC);

	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool
clock_is_synchronised(void)
{
	struct timex timex = {.modes = 0}; /* asks, and sets nothing */

	/* STA_UNSYNC is set from the start, and again when the error that the
	 * kernel reckons with has grown to 16 seconds */
	int state = adjtimex(&timex);
	return state >= 0 && state != TIME_ERROR &&
	       (timex.status & STA_UNSYNC) == 0;
}
