#include "keydir/status_world.h"

#define KEPT status_default.kept

/* ---- asking and remembering ------------------------------------------ */

static void
what_was_asked_is_remembered(void **context)
{
	struct status *status OWNED(status_free) = open_status(NULL, NULL);

	(void)context;
	assert_int_equal(recall(status, &w.path), 0);
	assert_int_equal(atomic_load(&w.server.asked), 0);
	assert_int_equal(ask(status, &w.path, 5000), 1);
	assert_int_equal(ask(status, &w.path, 5000), 1);
	assert_int_equal(recall(status, &w.path), 1);
	assert_int_equal(atomic_load(&w.server.asked), 1);
}

static void
it_is_remembered_in_the_state_and_wrapped(void **context)
{
	char path[200];
	struct strlist names STRLIST_OWNED = STRLIST_NONE;
	struct buf file BUF_OWNED = BUF_SMALL;
	struct status *first = open_status(w.state, NULL);

	(void)context;
	assert_int_equal(ask(first, &w.path, 5000), 1);
	status_free(first);
	struct status *second OWNED(status_free) = open_status(w.state, NULL);
	assert_int_equal(recall(second, &w.path), 1);
	assert_int_equal(ask(second, &w.path, 5000), 1);
	assert_int_equal(atomic_load(&w.server.asked), 0);
	(void)snprintf(path, sizeof(path), "%s/state/status", w.folder);
	assert_int_equal(file_list(path, &names, NULL), RC_OK);
	assert_int_equal(names.len, 1);
	(void)snprintf(
	    path, sizeof(path), "%s/state/status/%s", w.folder, names.item[0]);
	assert_int_equal(file_read(path, &file, NULL), RC_OK);
	assert_true(span_find(buf_span(&file), span_str("Root")) < 0);
}

static void
a_folder_that_others_may_enter_is_refused(void **context)
{
	const struct status_rules rules = {.folder = "/tmp"};
	struct status *status = NULL;

	(void)context;
	assert_int_equal(status_new(&rules, &status, NULL), RC_UNFIT);
}

static void
what_is_too_much_on_the_disk_is_removed(void **context)
{
	char folder[100], path[200];
	struct strlist names STRLIST_OWNED = STRLIST_NONE;

	(void)context;
	(void)snprintf(folder, sizeof(folder), "%s/many", w.folder);
	assert_int_equal(file_make_private_dir(folder, NULL), RC_OK);
	for (size_t i = 0; i < KEPT + 3; i++) {
		(void)snprintf(path, sizeof(path), "%s/%zu", folder, i);
		assert_int_equal(
		    file_save(path, span_str("x"), 0600, NULL), RC_OK);
	}
	status_free(open_status(NULL, folder));
	assert_int_equal(file_list(folder, &names, NULL), RC_OK);
	assert_int_equal(names.len, KEPT);
}

static void
so_many_are_remembered_and_no_more(void **context)
{
	struct status *status OWNED(status_free) = open_status(NULL, NULL);

	(void)context;
	assert_int_equal(ask(status, &w.path, 5000), 1);
	for (size_t i = 0; i < KEPT; i++) {
		const int at_once = 5000;
		char name[20];
		(void)snprintf(name, sizeof(name), "x%zu", i);
		struct fixture one FIXTURE_OWNED = make_alice(name);
		struct cert *two[] = {one.cert, w.root.cert};
		const struct certs path = {two, 2}, met = {two, 1};
		if (i == KEPT - 1)
			assert_int_equal(recall(status, &w.path), 1);
		/* who was only met makes nothing be forgotten */
		assert_int_equal(recall(status, &met), 0);
		assert_int_equal(ask(status, &path, at_once), 1);
	}
	assert_int_equal(recall(status, &w.path), 1);
	assert_int_equal(atomic_load(&w.server.asked), KEPT + 1);
}

static struct status *
open_limited(const struct status_limits *limits)
{
	const struct status_rules rules = {.fetch = {.networks = &w.loopback},
	    .budget = STATUS_BUDGET,
	    .limits = limits};
	struct status *status = NULL;
	struct err err = ERR_NONE;

	atomic_store(&w.server.asked, 0);
	assert_done(status_new(&rules, &status, &err), err);
	return status;
}

static void
a_list_may_be_so_long(void **context)
{
	struct buf list BUF_OWNED = BUF_SMALL;
	struct status_limits limits = status_default;

	(void)context;
	print_list(NULL, w.now - DAY, w.now + DAY, &list);
	give_out(&list);
	limits.list = list.len;
	struct status *at OWNED(status_free) = open_limited(&limits);
	assert_int_equal(ask(at, &w.path, 5000), 1);
	limits.list--;
	struct status *beyond OWNED(status_free) = open_limited(&limits);
	assert_int_equal(ask(beyond, &w.path, 5000), 0);
	assert_int_equal(atomic_load(&w.server.asked), 1);
	publish(NULL);
}

static void
so_many_addresses_are_asked_for_one_path(void **context)
{
	struct fixture twice FIXTURE_OWNED = make_alice("twice");
	struct cert *two[] = {twice.cert, w.root.cert};
	const struct certs path = {two, 2};
	struct status_limits limits = status_default;

	(void)context;
	for (limits.addresses = 1; limits.addresses <= 3; limits.addresses++) {
		struct status *status OWNED(status_free) =
		    open_limited(&limits);
		size_t want = limits.addresses < 2 ? 1 : 2;
		assert_int_equal(ask(status, &path, 5000), 1);
		assert_int_equal(atomic_load(&w.server.asked), want);
	}
}

static void
what_has_ended_is_asked_again_and_never_replaced_by_older(void **context)
{
	char folder[100];
	struct status_item *item OWNED(status_item_free) = NULL;
	struct crls older CRLS_OWNED = CRLS_NONE;
	struct crls newer CRLS_OWNED = CRLS_NONE;
	struct ocsps none = OCSPS_NONE;
	struct buf der BUF_OWNED = BUF_SMALL;

	(void)context;
	(void)snprintf(folder, sizeof(folder), "%s/ended", w.folder);
	publish_until(NULL, w.now - 1);
	struct status *first = open_status(NULL, folder);
	assert_int_equal(ask(first, &w.path, 5000), 1);
	assert_int_equal(ask(first, &w.path, 5000), 1);
	assert_int_equal(atomic_load(&w.server.asked), 1);
	status_free(first);
	publish(NULL);
	struct status *second OWNED(status_free) = open_status(NULL, folder);
	assert_int_equal(recall(second, &w.path), 1);
	assert_int_equal(atomic_load(&w.server.asked), 0);
	/* the ended one was there, and the new one came */
	assert_int_equal(ask(second, &w.path, 5000), 2);
	assert_int_equal(recall(second, &w.path), 1);
	assert_int_equal(atomic_load(&w.server.asked), 1);

	print_list(NULL, w.now - 1, w.now + DAY, &der);
	assert_int_equal(crls_add(&newer, buf_span(&der), NULL), RC_OK);
	print_list(NULL, w.now - 2, w.now + DAY, &der);
	assert_int_equal(crls_add(&older, buf_span(&der), NULL), RC_OK);
	assert_int_equal(status_item_new(STATUS_LIST, "http://a/", w.alice.cert,
			     &item, NULL),
	    RC_OK);
	assert_true(status_item_take(item, &newer, &none));
	assert_true(status_item_is_fresh(item, w.now));
	assert_false(status_item_is_fresh(item, w.now + DAY + 1));
	assert_false(status_item_take(item, &older, &none));
	assert_int_equal(crl_from(item->crls.item[0]), w.now - 1);
}

/* ---- servers that do not answer -------------------------------------- */

static void
nobody_waits_behind_a_slow_server(void **context)
{
	struct status *status OWNED(status_free) = open_status(NULL, NULL);
	struct fixture twice FIXTURE_OWNED = make_alice("twice");
	struct cert *two[] = {twice.cert, w.root.cert};
	const struct certs path = {two, 2};

	(void)context;
	/* one worker, idle now */
	assert_int_equal(ask(status, &w.path, 5000), 1);
	atomic_store(&w.server.silent, true);
	assert_int_equal(ask(status, &path, 500), 0);
	assert_int_equal(atomic_load(&w.server.asked), 3);
}

static void
a_server_that_is_silent_holds_up_one_letter_once(void **context)
{
	struct status *status OWNED(status_free) = open_status(NULL, NULL);
	struct cert *two[] = {w.other.cert, w.root.cert};
	const struct certs path = {two, 2};

	(void)context;
	atomic_store(&w.server.silent, true);
	int64_t begin = clock_ticks();
	assert_int_equal(ask(status, &w.path, STATUS_BUDGET), 0);
	int64_t waited = clock_ticks() - begin;
	assert_in_range(waited, STATUS_BUDGET - 10, STATUS_BUDGET + 200);
	/* another certificate, the same server: nobody waits */
	begin = clock_ticks();
	assert_int_equal(ask(status, &path, STATUS_BUDGET), 0);
	assert_in_range(clock_ticks() - begin, 0, STATUS_BUDGET / 2);
	assert_int_equal(atomic_load(&w.server.asked), 1);
}

static void
what_comes_too_late_is_there_for_the_next_letter(void **context)
{
	struct status *status OWNED(status_free) = open_status(NULL, NULL);
	const struct timespec soon = {0, 5 * 1000000};

	(void)context;
	assert_int_equal(ask(status, &w.path, 0), 0);
	for (int i = 0; i < 1000 && recall(status, &w.path) == 0; i++)
		(void)nanosleep(&soon, NULL);
	assert_int_equal(recall(status, &w.path), 1);
}

static void
the_end_waits_for_nobody(void **context)
{
	struct status *status = open_status(NULL, NULL);

	(void)context;
	atomic_store(&w.server.silent, true);
	assert_int_equal(ask(status, &w.path, 50), 0);
	int64_t begin = clock_ticks();
	status_free(status);
	assert_in_range(clock_ticks() - begin, 0, 500);
}

/* ---- whom one may encrypt to ----------------------------------------- */

static enum rc
check(const struct status *status, const struct fixture *who, struct err *err)
{
	const struct keydir keydir = {.roots = &w.roots,
	    .status = status != NULL ? status_source(status) : NULL};

	return keydir_check(&keydir, who->cert, NULL, MAIL, w.now, err);
}

static void
nobody_encrypts_without_knowing_where_one_could(void **context)
{
	struct err err = ERR_NONE;
	struct fixture plain FIXTURE_OWNED =
	    fixture_make(&(struct fixture_spec){.name = "plain",
		.mail = MAIL,
		.issuer = &w.root,
		.usage = "critical,keyAgreement",
		.extended = "emailProtection"});

	(void)context;
	assert_done(check(NULL, &plain, &err), err);
	assert_int_equal(check(NULL, &w.alice, &err), RC_IO);
	struct status *good OWNED(status_free) = open_status(NULL, NULL);
	assert_done(check(good, &w.alice, &err), err);
	publish(&w.alice);
	struct status *bad OWNED(status_free) = open_status(NULL, NULL);
	assert_int_equal(check(bad, &w.alice, &err), RC_UNFIT);
	assert_non_null(strstr(err.text, "revoked"));
	assert_done(check(bad, &w.other, &err), err);
	give_out(&BUF_SMALL);
	struct status *none OWNED(status_free) = open_status(NULL, NULL);
	assert_int_equal(check(none, &w.alice, &err), RC_IO);
	assert_non_null(strstr(err.text, MAIL));
	publish(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_asked_is_remembered),
	    cmocka_unit_test(it_is_remembered_in_the_state_and_wrapped),
	    cmocka_unit_test(a_folder_that_others_may_enter_is_refused),
	    cmocka_unit_test(what_is_too_much_on_the_disk_is_removed),
	    cmocka_unit_test(so_many_are_remembered_and_no_more),
	    cmocka_unit_test(
		what_has_ended_is_asked_again_and_never_replaced_by_older),
	    cmocka_unit_test(a_list_may_be_so_long),
	    cmocka_unit_test(so_many_addresses_are_asked_for_one_path),
	    cmocka_unit_test(nobody_waits_behind_a_slow_server),
	    cmocka_unit_test(a_server_that_is_silent_holds_up_one_letter_once),
	    cmocka_unit_test(what_comes_too_late_is_there_for_the_next_letter),
	    cmocka_unit_test(the_end_waits_for_nobody),
	    cmocka_unit_test(nobody_encrypts_without_knowing_where_one_could),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
