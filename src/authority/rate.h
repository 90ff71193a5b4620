/* authority/rate -- how often may one client do one thing?
 *
 * A table of fixed size, one bucket per key, keys hashed with a secret: memory
 * does not grow with the number of clients.  Two clients that fall into one
 * slot take it from each other; the one that was there begins afresh later, so
 * an error is always in the client's favour.
 *
 * May use:   base os.
 */
#ifndef AUTHORITY_RATE_H
#define AUTHORITY_RATE_H

#include "base/err.h"
#include "base/own.h"

#include <stdbool.h>
#include <stdint.h>

struct rate;

/* `most` in `seconds`, all at once or spread. */
enum rc rate_new(
    int64_t most, int64_t seconds, struct rate **ret, struct err *err);
void rate_free(struct rate *rate);
OWNER(struct rate, rate_free);

/* Count one more for the key at `now` (milliseconds of a clock that does not
 * jump).  False: too many; *ret_wait is in how many seconds it is worth to try
 * again. */
bool rate_allow(
    struct rate *rate, const char *key, int64_t now, int64_t *ret_wait);

/* The name under which a client at this IP address is counted: the address
 * itself, or of IPv6 the network of 64 bits, for whoever has one address there
 * has all of them. */
#define RATE_CLIENT_MAX 48
void rate_client(const char *peer, char ret[RATE_CLIENT_MAX]);

#endif
