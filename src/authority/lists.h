/* authority/lists -- the revocation lists: when they are made, where they are.
 *
 * Standard:  RFC 5280 section 5; the S/MIME Baseline Requirements sections
 *            4.9.7 (how often) and 4.10.1 (entries stay).
 * May use:   base os pki store.
 * Not here:  what a list looks like (authority/crl_make); who fetches it
 *            (authority/offer).
 *
 * A job makes those of the issuing CAs and keeps them in the database: a part
 * that has a new revocation at once, every other one when half of its time has
 * gone.  Those of the root and the timestamping CA, whose keys are offline, are
 * files that are made when the keys are at hand.
 */
#ifndef AUTHORITY_LISTS_H
#define AUTHORITY_LISTS_H

#include "authority/hierarchy.h"
#include "store/sql.h"

#define LISTS_JOB "revocation lists"
#define LISTS_EVERY 5 /* seconds: a revocation is told of within 60 */

struct lists {
	const struct settings *settings;
	const struct hierarchy *hierarchy;
};

/* The job (authority/jobs.h); `context` is a struct lists. */
enum rc lists_publish(
    void *context, struct sql *sql, int64_t now, struct err *err);

/* Append the newest one of a part.  RC_ABSENT: there is none. */
enum rc lists_find(struct sql *sql, const char *issuer, int64_t part,
    struct buf *der, struct err *err);

/* Of a CA whose key is seldom at hand: write FOLDER/NAME.crl, good for
 * LISTS_OFFLINE_DAYS. */
#define LISTS_OFFLINE_DAYS 360 /* a year is the most that is allowed */
struct lists_offline {
	const char *folder;
	const char *name;
	const X509 *ca;
	struct signer *signer;
	struct span entries; /* authority/ca_revoked */
	int64_t now;
};
enum rc lists_make_file(const struct lists_offline *wish, struct err *err);
/* Append what lists_make_file() wrote.  RC_ABSENT: it was never made. */
enum rc lists_read_file(
    const char *folder, const char *name, struct buf *der, struct err *err);

#endif
