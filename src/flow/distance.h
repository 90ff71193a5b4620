/* flow/distance -- how many slips of the finger lie between two names.
 *
 * A slip is a letter too many, one missing, one for another, or two neighbours
 * exchanged (optimal string alignment).
 * May use:   base.
 * Limits:    names longer than DISTANCE_MAX bytes are as far apart as can be.
 */
#ifndef FLOW_DISTANCE_H
#define FLOW_DISTANCE_H

#include "base/span.h"

#define DISTANCE_MAX 63 /* a label of DNS */

/* The number of slips, or `limit` + 1 if there are more. */
size_t distance_between(struct span a, struct span b, size_t limit);

/* Which letters a name has, one bit for each: two names whose bags differ in
 * more than 2 * n bits are more than n slips apart. */
uint64_t distance_bag(struct span name);

#endif
