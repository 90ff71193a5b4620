/* authority/jobs -- what has to be done again and again.
 *
 * One thread with a database connection of its own runs what is due.  Of
 * several processes with one database, one does it: whoever writes its name
 * into the job's row has it until JOBS_LEASE seconds later, or until it is
 * done.  A process that dies loses nothing but that time.
 *
 * So a job may be cut off anywhere, and one that takes longer than its lease
 * may meet itself: what it does must be right all the same (transactions that
 * look before they write).
 *
 * May use:   base os store.
 * Errors:    what fails is logged, and tried again after JOBS_RETRY seconds;
 *            RC_AGAIN at once, a few times.
 */
#ifndef AUTHORITY_JOBS_H
#define AUTHORITY_JOBS_H

#include "authority/settings.h"
#include "base/own.h"
#include "store/sql.h"

#define JOBS_MAX 32
#define JOBS_LEASE 120 /* seconds */
#define JOBS_RETRY 10

struct job {
	const char *name; /* one forever: it is in the database */
	int64_t every;    /* seconds from one end to the next beginning */
	enum rc (*run)(
	    void *context, struct sql *sql, int64_t now, struct err *err);
	void *context;
};

struct jobs;

struct jobs_config {
	const char *folder;
	const struct settings *settings;
	const struct job *job;
	size_t len;
};

/* Start the thread; what was never done is due at once.  Borrows everything in
 * `config` until jobs_free(). */
enum rc jobs_new(
    const struct jobs_config *config, struct jobs **ret, struct err *err);
/* Waits for the job that is running. */
void jobs_free(struct jobs *jobs);
OWNER(struct jobs, jobs_free);

/* There is something new to do: run that job now, whenever it was due.  For
 * any thread. */
void jobs_wake(struct jobs *jobs, const char *name);

#endif
