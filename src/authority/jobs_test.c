#include "authority/jobs.h"

#include <stdatomic.h>

#include "authority/schema.h"
#include "authority/testkit_priv.h"
#include "os/clock.h"

#define PATIENCE_MS 10000

/* What a job of these tests does, and what it saw. */
struct work {
	atomic_int runs;
	atomic_int at_once; /* how many are in it now */
	atomic_int overlaps;
	enum rc first; /* result of the first run */
	unsigned sleep_us;
};

static enum rc
run_work(void *context, struct sql *sql, int64_t now, struct err *err)
{
	struct work *work = context;

	if (atomic_fetch_add(&work->at_once, 1) > 0)
		atomic_fetch_add(&work->overlaps, 1);
	(void)usleep(work->sleep_us);
	atomic_fetch_sub(&work->at_once, 1);
	if (atomic_fetch_add(&work->runs, 1) == 0 && work->first != RC_OK)
		return err_set(err, work->first, "the first time fails");
	return RC_OK;
}

static bool
reached(struct work *work, int runs)
{
	int64_t deadline = clock_ticks() + PATIENCE_MS;

	while (atomic_load(&work->runs) < runs)
		if (clock_ticks() > deadline)
			return false;
		else
			(void)usleep(2000);
	return true;
}

static void
configure(const struct kit *kit, const struct job *job, size_t len,
    struct jobs_config *ret)
{
	*ret = (struct jobs_config){.folder = kit->folder,
	    .settings = &kit->settings,
	    .job = job,
	    .len = len};
}

static void
what_was_never_done_is_done_at_once_and_then_not_before_its_time(void **state)
{
	struct work work = {0};
	const struct job job[] = {{"work", 3600, run_work, &work}};
	struct err err = ERR_NONE;
	struct jobs_config config;

	kit_forget(*state);
	configure(*state, job, 1, &config);
	for (int i = 0; i < 2; i++) {
		struct jobs *jobs OWNED(jobs_free) = NULL;
		assert_done(jobs_new(&config, &jobs, &err), err);
		assert_true(reached(&work, 1));
		(void)usleep(100000);
		assert_int_equal(atomic_load(&work.runs), 1);
	}
}

static void
whoever_is_woken_works_at_once(void **state)
{
	struct work work = {0}, other = {0};
	const struct job job[] = {
	    {"work", 3600, run_work, &work}, {"other", 3600, run_work, &other}};
	struct jobs *jobs OWNED(jobs_free) = NULL;
	struct err err = ERR_NONE;
	struct jobs_config config;

	kit_forget(*state);
	configure(*state, job, 2, &config);
	assert_done(jobs_new(&config, &jobs, &err), err);
	assert_true(reached(&other, 1));
	jobs_wake(jobs, "work");
	assert_true(reached(&work, 2));
	jobs_wake(jobs, "work");
	assert_true(reached(&work, 3));
	assert_int_equal(atomic_load(&other.runs), 1);
}

/* Two processes, as two threads with a connection each. */
static void
of_two_processes_one_does_it(void **state)
{
	struct work work = {.sleep_us = 300000};
	const struct job job[] = {{"work", 3600, run_work, &work}};
	struct jobs *a OWNED(jobs_free) = NULL;
	struct jobs *b OWNED(jobs_free) = NULL;
	struct err err = ERR_NONE;
	struct jobs_config config;

	kit_forget(*state);
	configure(*state, job, 1, &config);
	assert_done(jobs_new(&config, &a, &err), err);
	assert_done(jobs_new(&config, &b, &err), err);
	assert_true(reached(&work, 1));
	(void)usleep(400000);
	assert_int_equal(atomic_load(&work.runs), 1);
	jobs_wake(a, "work");
	jobs_wake(b, "work");
	assert_true(reached(&work, 3));
	assert_int_equal(atomic_load(&work.overlaps), 0);
}

static void
set_lease(const struct kit *kit, int64_t until)
{
	struct sql *sql OWNED(sql_free) = NULL;
	struct err err = ERR_NONE;

	assert_done(schema_open(kit->folder, &kit->settings, &sql, &err), err);
	assert_done(sql_change(sql,
			"INSERT INTO job (name, next, holder, until)"
			" VALUES ('work', 0, 'somebody dead', ?)",
			SQL_VALUES(SQL_NUMBER(until)), &err),
	    err);
}

static void
the_work_of_one_that_died_is_taken_over_when_its_lease_ends(void **state)
{
	struct work work = {0};
	const struct job job[] = {{"work", 3600, run_work, &work}};
	struct jobs *jobs OWNED(jobs_free) = NULL;
	struct err err = ERR_NONE;
	struct jobs_config config;

	kit_forget(*state);
	set_lease(*state, clock_now() + 3);
	configure(*state, job, 1, &config);
	int64_t began = clock_ticks();
	assert_done(jobs_new(&config, &jobs, &err), err);
	assert_true(reached(&work, 1));
	assert_in_range(clock_ticks() - began, 1000, 6000);
}

static void
a_lease_from_before_the_clock_was_set_back_binds_nobody(void **state)
{
	struct work work = {0};
	const struct job job[] = {{"work", 3600, run_work, &work}};
	struct jobs *jobs OWNED(jobs_free) = NULL;
	struct err err = ERR_NONE;
	struct jobs_config config;

	kit_forget(*state);
	set_lease(*state, clock_now() + 100000);
	configure(*state, job, 1, &config);
	assert_done(jobs_new(&config, &jobs, &err), err);
	assert_true(reached(&work, 1));
}

static void
what_fails_is_tried_again(void **state)
{
	static const enum rc failures[] = {RC_AGAIN, RC_IO};

	for (size_t i = 0; i < COUNT(failures); i++) {
		struct work work = {.first = failures[i]};
		const struct job job[] = {{"work", 1, run_work, &work}};
		struct jobs *jobs OWNED(jobs_free) = NULL;
		struct err err = ERR_NONE;
		struct jobs_config config;
		kit_forget(*state);
		configure(*state, job, 1, &config);
		assert_done(jobs_new(&config, &jobs, &err), err);
		assert_true(reached(&work, 2));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		what_was_never_done_is_done_at_once_and_then_not_before_its_time),
	    cmocka_unit_test(whoever_is_woken_works_at_once),
	    cmocka_unit_test(of_two_processes_one_does_it),
	    cmocka_unit_test(
		the_work_of_one_that_died_is_taken_over_when_its_lease_ends),
	    cmocka_unit_test(
		a_lease_from_before_the_clock_was_set_back_binds_nobody),
	    cmocka_unit_test(what_fails_is_tried_again),
	};

	return kit_test_both(tests, COUNT(tests));
}
