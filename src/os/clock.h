/* os/clock -- what time it is. */
#ifndef OS_CLOCK_H
#define OS_CLOCK_H

#include <stdint.h>

/* Seconds since 1970, wall clock. */
int64_t clock_now(void);
/* Milliseconds of a clock that never jumps; for deadlines. */
int64_t clock_ticks(void);

#endif
