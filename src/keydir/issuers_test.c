#include "keydir/issuers.h"

#include "keydir/status_world.h"

#include <openssl/pkcs7.h>

OWNER(PKCS7, PKCS7_free);

/* Somebody whose issuer can be had at so many addresses. */
static struct fixture
make_orphan(unsigned addresses, unsigned first)
{
	struct buf text BUF_OWNED = BUF_SMALL;
	const char *value = NULL;

	for (unsigned i = 0; i < addresses; i++)
		assert_int_equal(
		    buf_add_format(&text, NULL,
			"%scaIssuers;URI:http://127.0.0.1:%u/%u",
			i > 0 ? "," : "", w.server.port, first + i),
		    RC_OK);
	assert_int_equal(buf_str(&text, &value, NULL), RC_OK);
	return fixture_make(&(struct fixture_spec){.name = "orphan",
	    .mail = MAIL,
	    .issuer = &w.root,
	    .more = {{"authorityInfoAccess", value}}});
}

static struct issuers *
open_issuers(const char *folder, const struct issuers_limits *limits)
{
	const struct issuers_rules rules = {.fetch = {.networks = &w.loopback},
	    .folder = folder,
	    .limits = limits,
	    .budget = STATUS_BUDGET};
	struct issuers *issuers = NULL;
	struct err err = ERR_NONE;

	atomic_store(&w.server.asked, 0);
	atomic_store(&w.server.silent, false);
	assert_done(issuers_new(&rules, &issuers, &err), err);
	return issuers;
}

/* How many come. */
static size_t
find(const struct issuers *issuers, const struct fixture *orphan, int wait)
{
	const struct issuer_source *source = issuers_source(issuers);
	const struct certs orphans = {(struct cert **)&orphan->cert, 1};
	struct certs found CERTS_OWNED = CERTS_NONE;
	struct err err = ERR_NONE;

	assert_done(source->find(source->self, &orphans, clock_ticks() + wait,
			&found, &err),
	    err);
	return found.len;
}

static void
give_out_root(void)
{
	struct buf der BUF_OWNED = BUF_SMALL;

	assert_int_equal(buf_add(&der, cert_der(w.root.cert), NULL), RC_OK);
	give_out(&der);
}

/* A message with that many certificates. */
static void
give_out_message(size_t certs)
{
	PKCS7 *message OWNED(PKCS7_free) = PKCS7_new();
	struct buf out BUF_OWNED = BUF_SMALL;
	uint8_t *der = NULL;

	assert_int_equal(PKCS7_set_type(message, NID_pkcs7_signed), 1);
	assert_int_equal(PKCS7_content_new(message, NID_pkcs7_data), 1);
	for (size_t i = 0; i < certs; i++)
		assert_int_equal(
		    PKCS7_add_certificate(message, cert_x509(w.root.cert)), 1);
	int len = i2d_PKCS7(message, &der);
	assert_int_equal(buf_add(&out, span_of(der, (size_t)len), NULL), RC_OK);
	OPENSSL_free(der);
	give_out(&out);
}

/* ---- what is asked ----------------------------------------------------- */

static void
each_address_is_asked_once_and_one_is_enough(void **context)
{
	struct issuers *issuers OWNED(issuers_free) = open_issuers(NULL, NULL);
	struct fixture orphan FIXTURE_OWNED = make_orphan(2, 0);

	(void)context;
	give_out_root();
	assert_int_equal(find(issuers, &orphan, 5000), 1);
	assert_int_equal(atomic_load(&w.server.asked), 1);
	/* it was no help: the second is asked */
	assert_int_equal(find(issuers, &orphan, 5000), 1);
	assert_int_equal(find(issuers, &orphan, 5000), 0);
	assert_int_equal(atomic_load(&w.server.asked), 2);
}

static void
so_many_addresses_are_asked_and_no_more(void **context)
{
	struct issuers_limits limits = issuers_default;

	(void)context;
	limits.places = 3;
	for (unsigned more = 0; more < 2; more++) {
		struct issuers *issuers OWNED(issuers_free) =
		    open_issuers(NULL, &limits);
		give_out(&BUF_SMALL);
		for (unsigned i = 0; i < limits.places + more; i++) {
			struct fixture one FIXTURE_OWNED = make_orphan(1, i);
			assert_int_equal(find(issuers, &one, 5000), 0);
		}
		assert_int_equal(atomic_load(&w.server.asked), limits.places);
	}
}

static void
a_server_that_is_silent_costs_the_budget_and_no_more(void **context)
{
	struct issuers *issuers OWNED(issuers_free) = open_issuers(NULL, NULL);
	struct fixture orphan FIXTURE_OWNED = make_orphan(4, 0);

	(void)context;
	atomic_store(&w.server.silent, true);
	int64_t begin = clock_ticks();
	assert_int_equal(find(issuers, &orphan, STATUS_BUDGET), 0);
	assert_in_range(
	    clock_ticks() - begin, STATUS_BUDGET - 10, STATUS_BUDGET + 200);
	assert_int_equal(atomic_load(&w.server.asked), 1);
}

/* ---- what comes -------------------------------------------------------- */

static void
an_answer_may_be_so_long(void **context)
{
	struct fixture orphan FIXTURE_OWNED = make_orphan(1, 0);
	struct issuers_limits limits = issuers_default;

	(void)context;
	give_out_root();
	limits.body = cert_der(w.root.cert).len;
	struct issuers *at OWNED(issuers_free) = open_issuers(NULL, &limits);
	assert_int_equal(find(at, &orphan, 5000), 1);
	limits.body--;
	struct issuers *beyond OWNED(issuers_free) =
	    open_issuers(NULL, &limits);
	assert_int_equal(find(beyond, &orphan, 5000), 0);
	assert_int_equal(atomic_load(&w.server.asked), 1);
}

static void
an_answer_may_have_so_many_certificates(void **context)
{
	struct fixture orphan FIXTURE_OWNED = make_orphan(1, 0);
	struct issuers_limits limits = issuers_default;

	(void)context;
	limits.certs = 3;
	for (size_t more = 0; more < 2; more++) {
		struct issuers *issuers OWNED(issuers_free) =
		    open_issuers(NULL, &limits);
		give_out_message(limits.certs + more);
		assert_int_equal(
		    find(issuers, &orphan, 5000), more == 0 ? limits.certs : 0);
	}
}

/* ---- what is kept ------------------------------------------------------ */

static size_t
count_kept(const char *folder)
{
	struct strlist names STRLIST_OWNED = STRLIST_NONE;

	assert_int_equal(file_list(folder, &names, NULL), RC_OK);
	return names.len;
}

static void
only_what_a_good_path_goes_through_is_kept(void **context)
{
	char folder[100];
	struct fixture orphan FIXTURE_OWNED = make_orphan(1, 0);
	const struct certs other = {&w.other.cert, 1};
	const struct certs good = {&w.root.cert, 1};

	(void)context;
	(void)snprintf(folder, sizeof(folder), "%s/issuers", w.folder);
	struct issuers *first = open_issuers(folder, NULL);
	const struct issuer_source *source = issuers_source(first);
	give_out_root();
	assert_int_equal(find(first, &orphan, 5000), 1);
	source->keep(source->self, &other);
	assert_int_equal(count_kept(folder), 0);
	source->keep(source->self, &good);
	assert_int_equal(count_kept(folder), 1);
	issuers_free(first);
	struct issuers *second OWNED(issuers_free) = open_issuers(folder, NULL);
	assert_int_equal(find(second, &orphan, 5000), 1);
	assert_int_equal(atomic_load(&w.server.asked), 0);
	/* what was kept was no help: whoever gives it out is asked */
	assert_int_equal(find(second, &orphan, 5000), 1);
	assert_int_equal(atomic_load(&w.server.asked), 1);
}

static void
so_many_are_kept_and_no_more(void **context)
{
	char folder[100], path[200];
	struct issuers_limits limits = issuers_default;

	(void)context;
	limits.kept = 3;
	(void)snprintf(folder, sizeof(folder), "%s/many-issuers", w.folder);
	assert_int_equal(file_make_private_dir(folder, NULL), RC_OK);
	for (size_t i = 0; i < limits.kept + 2; i++) {
		(void)snprintf(path, sizeof(path), "%s/%zu", folder, i);
		assert_int_equal(
		    file_save(path, span_str("x"), 0600, NULL), RC_OK);
		issuers_free(open_issuers(folder, &limits));
		assert_int_equal(
		    count_kept(folder), i < limits.kept ? i + 1 : limits.kept);
	}
}

static void
a_folder_that_others_may_enter_is_refused(void **context)
{
	const struct issuers_rules rules = {.folder = "/tmp"};
	struct issuers *issuers = NULL;

	(void)context;
	assert_int_equal(issuers_new(&rules, &issuers, NULL), RC_UNFIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_address_is_asked_once_and_one_is_enough),
	    cmocka_unit_test(so_many_addresses_are_asked_and_no_more),
	    cmocka_unit_test(
		a_server_that_is_silent_costs_the_budget_and_no_more),
	    cmocka_unit_test(an_answer_may_be_so_long),
	    cmocka_unit_test(an_answer_may_have_so_many_certificates),
	    cmocka_unit_test(only_what_a_good_path_goes_through_is_kept),
	    cmocka_unit_test(so_many_are_kept_and_no_more),
	    cmocka_unit_test(a_folder_that_others_may_enter_is_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
