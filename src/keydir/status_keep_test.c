/* What somebody on the way gave us, and what is kept of it. */
#include <sys/stat.h>
#include <sys/wait.h>

#include "keydir/status_world.h"

/* ---- what may be kept ------------------------------------------------ */

/* The day of the one list that is on the disk; 0: there is none. */
static int64_t
kept_from(const char *folder)
{
	struct status *status OWNED(status_free) = open_as(NULL, folder, true);
	const struct status_source *source = status_source(status);
	struct crls crls CRLS_OWNED = CRLS_NONE;
	struct ocsps ocsps OCSPS_OWNED = OCSPS_NONE;

	assert_int_equal(
	    source->recall(source->self, &w.path, &crls, &ocsps, NULL), RC_OK);
	assert_in_range(crls.len, 0, 1);
	return crls.len == 1 ? crl_from(crls.item[0]) : 0;
}

/* One of these in the place of the true one, and a stolen key is good again. */
static void
what_nobody_in_the_path_signed_is_not_kept(void **context)
{
	char folder[100];

	(void)context;
	(void)snprintf(folder, sizeof(folder), "%s/forged", w.folder);
	publish_by(w.root.key, w.now - 9, w.now - 1);
	struct status *first = open_status(NULL, folder);
	assert_int_equal(ask(first, &w.path, 5000), 1);
	status_free(first);
	publish_by(w.alice.key, w.now - 5, w.now + DAY);
	struct status *second = open_status(NULL, folder);
	/* both: whoever asked judges them */
	assert_int_equal(ask(second, &w.path, 5000), 2);
	assert_int_equal(recall(second, &w.path), 1);
	assert_int_equal(ask(second, &w.path, 5000), 2);
	assert_int_equal(atomic_load(&w.server.asked), 1);
	status_free(second);
	assert_int_equal(kept_from(folder), w.now - 9);
	/* and the true one comes through */
	publish_by(w.root.key, w.now - 4, w.now + DAY);
	struct status *third = open_status(NULL, folder);
	assert_int_equal(ask(third, &w.path, 5000), 2);
	status_free(third);
	assert_int_equal(kept_from(folder), w.now - 4);
	publish(NULL);
}

static void
what_is_dated_later_than_now_is_not_kept(void **context)
{
	struct status *status OWNED(status_free) = open_status(NULL, NULL);

	(void)context;
	publish_by(w.root.key, w.now + STATUS_SKEW + 60, w.now + DAY);
	assert_int_equal(ask(status, &w.path, 5000), 1);
	assert_int_equal(recall(status, &w.path), 0);
	publish(NULL);
}

static void
what_is_older_is_not_saved(void **context)
{
	char folder[100];

	(void)context;
	(void)snprintf(folder, sizeof(folder), "%s/older", w.folder);
	publish_by(w.root.key, w.now - 5, w.now - 1);
	struct status *first = open_status(NULL, folder);
	assert_int_equal(ask(first, &w.path, 5000), 1);
	status_free(first);
	publish_by(w.root.key, w.now - 9, w.now + DAY);
	struct status *second = open_status(NULL, folder);
	assert_int_equal(ask(second, &w.path, 5000), 1);
	assert_int_equal(atomic_load(&w.server.asked), 1);
	status_free(second);
	assert_int_equal(kept_from(folder), w.now - 5);
	publish(NULL);
}

static void
save_list(const char *folder, EVP_PKEY *key, int64_t from)
{
	const struct status_rules rules = {.folder = folder};
	struct status_item *item OWNED(status_item_free) = NULL;
	struct crls crls CRLS_OWNED = CRLS_NONE;
	struct buf der BUF_OWNED = BUF_SMALL;
	char url[100];

	(void)snprintf(
	    url, sizeof(url), "http://127.0.0.1:%u/alice", w.server.port);
	print_list_by(key, NULL, from, w.now + DAY, &der);
	assert_int_equal(crls_add(&crls, buf_span(&der), NULL), RC_OK);
	assert_int_equal(
	    status_item_new(STATUS_LIST, url, w.alice.cert, &item, NULL),
	    RC_OK);
	assert_int_equal(status_item_know(item, &w.path, w.now, NULL), RC_OK);
	status_item_save(&rules, item, w.now, &crls, &OCSPS_NONE);
}

/* Two processes, and the slower one got what was given out before. */
static void
what_another_process_saved_is_not_made_older(void **context)
{
	char folder[100];

	(void)context;
	(void)snprintf(folder, sizeof(folder), "%s/two", w.folder);
	assert_int_equal(file_make_private_dir(folder, NULL), RC_OK);
	save_list(folder, w.root.key, w.now - 5);
	save_list(folder, w.root.key, w.now - 9);
	assert_int_equal(kept_from(folder), w.now - 5);
	save_list(folder, w.root.key, w.now - 4);
	assert_int_equal(kept_from(folder), w.now - 4);
	/* but what nobody signed is no obstacle */
	save_list(folder, w.alice.key, w.now - 1);
	assert_int_equal(kept_from(folder), w.now - 1);
	save_list(folder, w.root.key, w.now - 3);
	assert_int_equal(kept_from(folder), w.now - 3);
}

#define RUNNERS 4
#define ROUNDS 25

/* One process of several that save into one folder; the one that has the newest
 * is as likely to come first as last. */
static void
save_rounds(const char *folder, int runner)
{
	for (int round = 0; round < ROUNDS; round++)
		save_list(folder, w.root.key,
		    w.now - 10000 + round * RUNNERS + runner);
}

/* The day of what is there never goes back, and it can always be read. */
static void
several_processes_lose_and_tear_nothing(void **context)
{
	char folder[100];
	pid_t runner[RUNNERS];
	int64_t last = 0;

	(void)context;
	(void)snprintf(folder, sizeof(folder), "%s/race", w.folder);
	assert_int_equal(file_make_private_dir(folder, NULL), RC_OK);
	for (int i = 0; i < RUNNERS; i++) {
		runner[i] = fork();
		assert_true(runner[i] >= 0);
		if (runner[i] == 0) {
			save_rounds(folder, i);
			_exit(0);
		}
	}
	for (int left = RUNNERS; left > 0;) {
		int64_t from = kept_from(folder);
		assert_true(from >= last && (from != 0 || last == 0));
		last = from;
		left -= waitpid(-1, NULL, WNOHANG) > 0;
	}
	assert_int_equal(
	    kept_from(folder), w.now - 10000 + ROUNDS * RUNNERS - 1);
}

static void
what_was_spoilt_on_the_disk_is_asked_again(void **context)
{
	char folder[100];

	(void)context;
	(void)snprintf(folder, sizeof(folder), "%s/spoilt", w.folder);
	assert_int_equal(file_make_private_dir(folder, NULL), RC_OK);
	save_list(folder, w.alice.key, w.now - 1);
	struct status *status = open_status(NULL, folder);
	assert_int_equal(ask(status, &w.path, 5000), 1);
	assert_int_equal(atomic_load(&w.server.asked), 1);
	status_free(status);
	assert_int_equal(kept_from(folder), w.now - DAY);
}

static void
offline_nobody_is_asked_and_nothing_is_made(void **context)
{
	char folder[100];

	(void)context;
	(void)snprintf(folder, sizeof(folder), "%s/offline", w.folder);
	struct status *status = open_as(NULL, folder, true);
	assert_int_equal(ask(status, &w.path, 5000), 0);
	assert_int_equal(recall(status, &w.path), 0);
	status_free(status);
	assert_int_equal(atomic_load(&w.server.asked), 0);
	assert_int_equal(access(folder, F_OK), -1);
	assert_int_equal(file_make_private_dir(folder, NULL), RC_OK);
	save_list(folder, w.root.key, w.now - 5);
	assert_int_equal(kept_from(folder), w.now - 5);
	assert_int_equal(chmod(folder, 0755), 0);
	assert_int_equal(
	    status_new(
		&(const struct status_rules){.folder = folder, .offline = true},
		&status, NULL),
	    RC_UNFIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_nobody_in_the_path_signed_is_not_kept),
	    cmocka_unit_test(what_is_dated_later_than_now_is_not_kept),
	    cmocka_unit_test(what_is_older_is_not_saved),
	    cmocka_unit_test(what_another_process_saved_is_not_made_older),
	    cmocka_unit_test(several_processes_lose_and_tear_nothing),
	    cmocka_unit_test(what_was_spoilt_on_the_disk_is_asked_again),
	    cmocka_unit_test(offline_nobody_is_asked_and_nothing_is_made),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
