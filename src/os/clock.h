/* os/clock -- what time it is. */
#ifndef OS_CLOCK_H
#define OS_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Seconds since 1970, wall clock. */
int64_t clock_now(void);
/* Is the wall clock kept right by something (NTP, PTP)?  The kernel is told, and
 * forgets it when it is not told again for long. */
bool clock_is_synchronised(void);
/* Milliseconds of a clock that never jumps; for deadlines. */
int64_t clock_ticks(void);

#endif
