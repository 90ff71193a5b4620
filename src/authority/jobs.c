#include "authority/jobs.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "authority/bell.h"
#include "authority/schema.h"
#include "os/clock.h"
#include "os/log.h"
#include "os/random.h"

#define IDLE 60 /* seconds between two looks when nothing was said */
#define HOLDER_BYTES 16
#define HOLDER_TEXT 32

struct jobs {
	const struct jobs_config *config;
	char holder[HOLDER_TEXT]; /* who we are, in the rows */
	struct sql *sql;          /* of the thread */
	pthread_t thread;
	bool started;
	struct bell bell;
	atomic_bool woken[JOBS_MAX];
};

/* What a job's row says. */
struct row {
	int64_t next;
	int64_t until;
	bool own;
};

static enum rc
find_row(
    struct jobs *jobs, const struct job *job, struct row *ret, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;

	TRY(sql_select(jobs->sql,
	    "SELECT next, until, holder FROM job WHERE name = ?",
	    SQL_VALUES(sql_text(job->name)), &rows, err));
	TRY(sql_rows_next(rows, err));
	ret->next = sql_rows_number(rows, 0);
	ret->until = sql_rows_number(rows, 1);
	ret->own = span_is(sql_rows_bytes(rows, 2), span_str(jobs->holder));
	return RC_OK;
}

static enum rc
read_row(
    struct jobs *jobs, const struct job *job, struct row *ret, struct err *err)
{
	enum rc rc = find_row(jobs, job, ret, err);

	if (rc != RC_ABSENT)
		return rc;
	*ret = (struct row){0};
	return sql_change(jobs->sql,
	    "INSERT INTO job (name, next, holder, until) VALUES (?, 0, '', 0)",
	    SQL_VALUES(sql_text(job->name)), err);
}

/* A time further away than any that we write is one from before the clock was
 * set back. */
static bool
is_ahead(int64_t time, int64_t now, int64_t most)
{
	return time > now && time <= now + most;
}

/* RC_OK: it is ours to do.  RC_ABSENT: not now; look again at *ret_next. */
static enum rc
take_lease(struct jobs *jobs, const struct job *job, bool woken,
    int64_t *ret_next, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	int64_t now = clock_now();
	struct row row = {0};

	TRY(sql_act_begin(jobs->sql, &act, err));
	TRY(read_row(jobs, job, &row, err));
	*ret_next = now + 1;
	if (!row.own && is_ahead(row.until, now, JOBS_LEASE)) {
		*ret_next = woken ? now + 1 : row.until;
		return err_set(err, RC_ABSENT, "another process does it");
	}
	if (!woken && is_ahead(row.next, now, job->every)) {
		*ret_next = row.next;
		return err_set(err, RC_ABSENT, "not due");
	}
	TRY(sql_change(jobs->sql,
	    "UPDATE job SET holder = ?, until = ? WHERE name = ?",
	    SQL_VALUES(sql_text(jobs->holder), SQL_NUMBER(now + JOBS_LEASE),
		sql_text(job->name)),
	    err));
	return sql_act_commit(&act, err);
}

static enum rc
give_back(
    struct jobs *jobs, const struct job *job, int64_t next, struct err *err)
{
	return sql_change(jobs->sql,
	    "UPDATE job SET next = ?, until = 0 WHERE name = ? AND holder = ?",
	    SQL_VALUES(
		SQL_NUMBER(next), sql_text(job->name), sql_text(jobs->holder)),
	    err);
}

static enum rc
run_job(struct jobs *jobs, const struct job *job, struct err *err)
{
	unsigned tries = 0;
	enum rc rc;

	do
		rc = job->run(job->context, jobs->sql, clock_now(), err);
	while (rc == RC_AGAIN && sql_again(&tries));
	return rc;
}

static int64_t
retry_after(const struct job *job)
{
	return job->every < JOBS_RETRY ? job->every : JOBS_RETRY;
}

/* What was begun and failed; the next look is soon. */
static enum rc
do_job(struct jobs *jobs, size_t i, int64_t *ret_next, struct err *err)
{
	const struct job *job = &jobs->config->job[i];
	bool woken = atomic_exchange(&jobs->woken[i], false);
	enum rc rc = take_lease(jobs, job, woken, ret_next, err);

	if (rc != RC_OK) {
		if (woken)
			atomic_store(&jobs->woken[i], true);
		return rc == RC_ABSENT ? RC_OK : rc;
	}
	rc = run_job(jobs, job, err);
	int64_t wait = rc == RC_OK ? job->every : retry_after(job);
	*ret_next = clock_now() + wait;
	if (rc != RC_OK) {
		enum rc ignored = give_back(jobs, job, *ret_next, NULL);
		(void)ignored; /* the lease runs out */
		return rc;
	}
	return give_back(jobs, job, *ret_next, err);
}

/* Everything once; when to look again. */
static int64_t
look(struct jobs *jobs)
{
	int64_t first = clock_now() + IDLE;

	for (size_t i = 0; i < jobs->config->len; i++) {
		const struct job *job = &jobs->config->job[i];
		struct err err = ERR_NONE;
		int64_t next = clock_now() + retry_after(job);
		if (bell_is_stopping(&jobs->bell))
			break;
		enum rc rc = do_job(jobs, i, &next, &err);
		if (rc != RC_OK && rc != RC_AGAIN)
			log_error("job %s: %s", job->name, err.text);
		if (next < first)
			first = next;
	}
	return first;
}

static void *
work(void *context)
{
	struct jobs *jobs = context;

	while (!bell_is_stopping(&jobs->bell)) {
		int64_t next = look(jobs);
		int64_t now = clock_now();
		bell_wait(&jobs->bell, next > now ? next - now : 1);
	}
	return NULL;
}

static enum rc
name_holder(struct jobs *jobs, struct err *err)
{
	struct buf name BUF_OWNED = BUF(HOLDER_TEXT);

	TRY(random_text(HOLDER_BYTES, &name, err));
	memcpy(jobs->holder, name.data, name.len);
	return RC_OK;
}

enum rc
jobs_new(const struct jobs_config *config, struct jobs **ret, struct err *err)
{
	struct jobs *jobs OWNED(jobs_free) = calloc(1, sizeof(*jobs));

	if (jobs == NULL)
		return err_nomem(err, "jobs");
	if (config->len > JOBS_MAX)
		bug("too many jobs");
	jobs->config = config;
	TRY(bell_init(&jobs->bell, err));
	TRY(name_holder(jobs, err));
	TRY(schema_open(config->folder, config->settings, &jobs->sql, err));
	if (pthread_create(&jobs->thread, NULL, work, jobs) != 0)
		return err_nomem(err, "jobs");
	jobs->started = true;
	*ret = take(jobs);
	return RC_OK;
}

void
jobs_wake(struct jobs *jobs, const char *name)
{
	for (size_t i = 0; i < jobs->config->len; i++)
		if (strcmp(jobs->config->job[i].name, name) == 0)
			atomic_store(&jobs->woken[i], true);
	bell_ring(&jobs->bell);
}

void
jobs_free(struct jobs *jobs)
{
	if (jobs == NULL)
		return;
	if (jobs->started) {
		bell_stop(&jobs->bell);
		(void)pthread_join(jobs->thread, NULL);
	}
	bell_done(&jobs->bell);
	sql_free(jobs->sql);
	free(jobs);
}
