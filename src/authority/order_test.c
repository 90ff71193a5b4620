#include "authority/issued.h"

#include <pthread.h>

#include "authority/account.h"
#include "authority/schema.h"
#include "authority/testkit_priv.h"

OWNER(X509, X509_free);

#define ADDRESS "Alice@alpha.test"
#define DER_MAX ((size_t)64 * 1024)
#define HOUR ((int64_t)3600)
#define START ((int64_t)1800000000)
#define REUSE HOUR

/* Accounts, authorizations, orders and certificates, over a time that we
 * choose: a database of its own for each test. */
struct world {
	const struct kit *kit;
	struct sql *sql;
	int64_t account;
	struct authorization a;
	struct order order;
};

#define WORLD_OWNED __attribute__((cleanup(world_done)))

static void
world_done(struct world *world)
{
	authorization_done(&world->a);
	order_done(&world->order);
	sql_free(world->sql);
}

static enum rc
add_order(const struct world *world, const struct authorization *a, int64_t now,
    struct order *ret, struct err *err)
{
	const struct order_wish wish = {.authorization = a, .now = now};

	return order_add(world->sql, &wish, ret, err);
}

static void
world_init(struct world *world, void **state)
{
	struct account account ACCOUNT_OWNED = {0};
	struct account_wish wish = {
	    .thumbprint = "t", .jwk = "{}", .contact = "[]", .now = START};
	struct err err = ERR_NONE;

	world->kit = *state;
	kit_forget(world->kit);
	assert_done(schema_open(world->kit->folder, &world->kit->settings,
			&world->sql, &err),
	    err);
	assert_done(account_add(world->sql, &wish, &account, &err), err);
	world->account = account.id;
	struct authorization_wish ask = {.account = account.id,
	    .address = ADDRESS,
	    .client = "192.0.2.1",
	    .thumbprint = "t",
	    .now = START};
	assert_done(authorization_add(world->sql, &ask, &world->a, &err), err);
	assert_done(
	    add_order(world, &world->a, START, &world->order, &err), err);
}

static enum order_state
order_at(const struct world *world, int64_t now)
{
	struct order order ORDER_OWNED = {0};
	struct err err = ERR_NONE;

	assert_done(
	    order_find(world->sql, world->order.name, now, &order, &err), err);
	return order.state;
}

static struct authorization_event
event_at(const struct world *world, int64_t now)
{
	return (struct authorization_event){.id = world->a.id,
	    .now = now,
	    .valid_for = REUSE,
	    .type = "incorrectResponse",
	    .detail = "wrong"};
}

static enum rc
post(const struct world *world, int64_t now)
{
	struct authorization_event event = event_at(world, now);
	struct err err = ERR_NONE;

	return authorization_post(world->sql, &event, &err);
}

static enum rc
answer(const struct world *world, int64_t now)
{
	struct authorization_event event = event_at(world, now);
	struct err err = ERR_NONE;

	return authorization_answer(world->sql, &event, &err);
}

static enum rc
fail_challenge(const struct world *world, int64_t now)
{
	struct authorization_event event = event_at(world, now);
	struct err err = ERR_NONE;

	return authorization_fail(world->sql, &event, &err);
}

static void
it_takes_the_answer_and_the_post_in_either_order(void **state)
{
	for (int first = 0; first < 2; first++) {
		struct world world WORLD_OWNED = {0};
		world_init(&world, state);
		assert_ok(first ? answer(&world, START) : post(&world, START));
		assert_int_equal(order_at(&world, START), ORDER_PENDING);
		assert_ok(first ? post(&world, START) : answer(&world, START));
		assert_int_equal(order_at(&world, START), ORDER_READY);
	}
}

/* How many acts of this name the log has about ADDRESS. */
static int64_t
written_down(const struct world *world, const char *what)
{
	struct err err = ERR_NONE;
	int64_t count = -1;

	assert_done(
	    sql_number(world->sql,
		"SELECT count(*) FROM audit WHERE act = ?"
		" AND object = ? AND actor LIKE 'account _%'",
		SQL_VALUES(sql_text(what), sql_text(ADDRESS)), &count, &err),
	    err);
	return count;
}

static void
what_became_of_a_challenge_is_in_the_audit_log(void **state)
{
	struct world proved WORLD_OWNED = {0};
	struct err err = ERR_NONE;

	world_init(&proved, state);
	struct authorization_event event = event_at(&proved, START);
	assert_ok(authorization_answer(proved.sql, &event, &err));
	assert_int_equal(written_down(&proved, "authorize"), 0);
	assert_ok(authorization_post(proved.sql, &event, &err));
	assert_int_equal(written_down(&proved, "authorize"), 1);
	assert_ok(authorization_deactivate(proved.sql, &event, &err));
	assert_int_equal(written_down(&proved, "deactivate-authorization"), 1);
	assert_rc(
	    authorization_deactivate(proved.sql, &event, &err), RC_ABSENT);
	assert_int_equal(written_down(&proved, "deactivate-authorization"), 1);

	struct world failed WORLD_OWNED = {0};
	world_init(&failed, state);
	event = event_at(&failed, START);
	event.type = "incorrectResponse";
	event.detail = "wrong";
	assert_ok(authorization_fail(failed.sql, &event, &err));
	assert_int_equal(written_down(&failed, "challenge-failed"), 1);
	assert_int_equal(written_down(&failed, "authorize"), 0);
}

static void
an_answer_is_taken_once(void **state)
{
	struct world world WORLD_OWNED = {0};

	world_init(&world, state);
	assert_ok(answer(&world, START));
	assert_rc(answer(&world, START), RC_ABSENT);
	assert_rc(fail_challenge(&world, START), RC_ABSENT);
	assert_ok(post(&world, START));
	assert_rc(answer(&world, START), RC_ABSENT);
	assert_int_equal(order_at(&world, START), ORDER_READY);
}

static void
a_challenge_that_failed_stays_failed(void **state)
{
	struct world world WORLD_OWNED = {0};

	world_init(&world, state);
	assert_ok(post(&world, START));
	assert_ok(fail_challenge(&world, START));
	assert_rc(answer(&world, START), RC_ABSENT);
	assert_rc(post(&world, START), RC_ABSENT);
	assert_int_equal(order_at(&world, START), ORDER_INVALID);
}

static void
a_challenge_is_open_for_a_day(void **state)
{
	struct world world WORLD_OWNED = {0};
	int64_t end = START + AUTHORIZATION_PENDING_SECONDS;

	world_init(&world, state);
	assert_int_equal(order_at(&world, end - 1), ORDER_PENDING);
	assert_int_equal(order_at(&world, end), ORDER_INVALID);
	assert_rc(answer(&world, end), RC_ABSENT);
	assert_rc(post(&world, end), RC_ABSENT);
	assert_ok(answer(&world, end - 1));
}

static void
a_proof_serves_further_orders_for_a_limited_time(void **state)
{
	struct world world WORLD_OWNED = {0};
	struct err err = ERR_NONE;

	world_init(&world, state);
	assert_ok(post(&world, START));
	assert_ok(answer(&world, START + HOUR));
	int64_t end = START + HOUR + REUSE;
	struct authorization_wish ask = {.account = world.account,
	    .address = ADDRESS,
	    .now = end - 1,
	    .pending_since = end - 1};
	struct authorization found AUTHORIZATION_OWNED = {0};
	assert_ok(authorization_find_usable(world.sql, &ask, &found, &err));
	assert_int_equal(found.id, world.a.id);
	assert_int_equal(order_at(&world, end - 1), ORDER_READY);
	assert_int_equal(order_at(&world, end), ORDER_INVALID);
	struct authorization none AUTHORIZATION_OWNED = {0};
	ask.now = end;
	assert_rc(
	    authorization_find_usable(world.sql, &ask, &none, &err), RC_ABSENT);
	ask.now = end - 1;
	ask.address = "alice@alpha.test"; /* somebody else, perhaps */
	assert_rc(
	    authorization_find_usable(world.sql, &ask, &none, &err), RC_ABSENT);
	ask.address = ADDRESS;
	ask.account++;
	assert_rc(
	    authorization_find_usable(world.sql, &ask, &none, &err), RC_ABSENT);
}

static void
a_pending_challenge_is_shared_for_a_while_only(void **state)
{
	struct world world WORLD_OWNED = {0};
	struct authorization found AUTHORIZATION_OWNED = {0};
	struct authorization none AUTHORIZATION_OWNED = {0};
	struct err err = ERR_NONE;

	world_init(&world, state);
	struct authorization_wish ask = {.account = world.account,
	    .address = ADDRESS,
	    .now = START + 10,
	    .pending_since = START};
	assert_ok(authorization_find_usable(world.sql, &ask, &found, &err));
	ask.pending_since = START + 1;
	assert_rc(
	    authorization_find_usable(world.sql, &ask, &none, &err), RC_ABSENT);
}

static void
challenges_are_counted_by_whom_they_trouble(void **state)
{
	struct world world WORLD_OWNED = {0};
	struct err err = ERR_NONE;
	int64_t count = 0;

	world_init(&world, state);
	static const struct {
		enum authorization_by by;
		const char *of;
		int64_t since;
		int64_t want;
	} cases[] = {
	    {AUTHORIZATION_BY_MAILBOX, "aLICE@alpha.test", START - 1, 1},
	    {AUTHORIZATION_BY_MAILBOX, ADDRESS, START, 0},
	    {AUTHORIZATION_BY_MAILBOX, "bob@alpha.test", START - 1, 0},
	    {AUTHORIZATION_BY_DOMAIN, "bob@ALPHA.test", START - 1, 1},
	    {AUTHORIZATION_BY_DOMAIN, "alice@beta.test", START - 1, 0},
	    {AUTHORIZATION_BY_CLIENT, "192.0.2.1", START - 1, 1},
	    {AUTHORIZATION_BY_CLIENT, "192.0.2.10", START - 1, 0},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct authorization_sum sum = {
		    cases[i].by, cases[i].of, cases[i].since};
		assert_done(
		    authorization_count(world.sql, &sum, &count, &err), err);
		if (count != cases[i].want)
			fail_msg("%s: %lld", cases[i].of, (long long)count);
	}
}

static void
a_letter_waits_until_it_is_sent(void **state)
{
	struct world world WORLD_OWNED = {0};
	struct err err = ERR_NONE;
	int64_t next = 0;

	world_init(&world, state);
	struct authorization first AUTHORIZATION_OWNED = {0};
	assert_ok(
	    authorization_take_mail(world.sql, START, &first, &next, &err));
	assert_int_equal(first.id, world.a.id);
	assert_ok(
	    authorization_mail_later(world.sql, world.a.id, START + 5, &err));
	struct authorization a AUTHORIZATION_OWNED = {0};
	assert_rc(authorization_take_mail(world.sql, START, &a, &next, &err),
	    RC_ABSENT);
	assert_int_equal(next, START + 5);
	assert_ok(
	    authorization_take_mail(world.sql, START + 5, &a, &next, &err));
	assert_int_equal(a.mail_tries, 1);
	assert_ok(authorization_mailed(world.sql, world.a.id, &err));
	struct authorization none AUTHORIZATION_OWNED = {0};
	assert_rc(
	    authorization_take_mail(world.sql, START + 9, &none, &next, &err),
	    RC_ABSENT);
	assert_true(next == INT64_MAX);
}

static void
a_letter_is_one_mailers_until_its_lease_ends(void **state)
{
	const int64_t end = START + AUTHORIZATION_MAIL_LEASE;
	struct world world WORLD_OWNED = {0};
	struct authorization a AUTHORIZATION_OWNED = {0};
	struct authorization b AUTHORIZATION_OWNED = {0};
	struct err err = ERR_NONE;
	int64_t next = 0;

	world_init(&world, state);
	assert_ok(authorization_take_mail(world.sql, START, &a, &next, &err));
	assert_rc(authorization_take_mail(world.sql, end - 1, &b, &next, &err),
	    RC_ABSENT);
	assert_int_equal(next, end);
	assert_ok(authorization_take_mail(world.sql, end, &b, &next, &err));
	assert_int_equal(b.id, world.a.id);
}

static void
no_letter_goes_out_for_what_is_over(void **state)
{
	struct world world WORLD_OWNED = {0};
	struct authorization none AUTHORIZATION_OWNED = {0};
	struct err err = ERR_NONE;
	int64_t next = 0;

	world_init(&world, state);
	struct authorization_event event = event_at(&world, START);
	assert_ok(authorization_deactivate(world.sql, &event, &err));
	assert_rc(authorization_take_mail(world.sql, START, &none, &next, &err),
	    RC_ABSENT);
	assert_int_equal(order_at(&world, START), ORDER_INVALID);
}

static X509 *
issue(const struct world *world, const char *address, int64_t now)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct profile_order wish = {.kind = PROFILE_ENCRYPTING,
	    .public_key = key,
	    .address = address,
	    .now = now};
	struct profile_issuer issuer = kit_issuer(world->kit);
	struct err err = ERR_NONE;
	X509 *cert = NULL;

	assert_done(profile_issue(&wish, &issuer, &cert, &err), err);
	EVP_PKEY_free(key);
	return cert;
}

static enum rc
keep(
    struct world *world, struct order *order, const X509 *cert, struct err *err)
{
	const struct request request = {.kind = PROFILE_ENCRYPTING};
	struct buf der BUF_OWNED = BUF(DER_MAX);

	TRY(hierarchy_der(cert, &der, err));
	return issued_add(world->sql, order, &request, buf_span(&der), err);
}

static enum rc
store(struct world *world, const char *address, struct err *err)
{
	struct order order ORDER_OWNED = {0};
	struct authorization a AUTHORIZATION_OWNED = {0};
	struct authorization_wish ask = {.account = world->account,
	    .address = address,
	    .client = "",
	    .thumbprint = "t",
	    .now = START};
	X509 *cert OWNED(X509_free) = issue(world, address, START);

	TRY(authorization_add(world->sql, &ask, &a, err));
	TRY(add_order(world, &a, START, &order, err));
	TRY(keep(world, &order, cert, err));
	return keep(world, &order, cert, err);
}

/* What answers are made of without another look. */
static void
assert_order_is_as_found(const struct world *world)
{
	struct order found ORDER_OWNED = {0};
	struct err err = ERR_NONE;

	assert_ok(
	    order_find(world->sql, world->order.name, START, &found, &err));
	assert_int_equal(world->order.state, found.state);
	assert_string_equal(world->order.certificate, found.certificate);
}

static void
an_order_has_one_certificate_and_a_serial_is_used_once(void **state)
{
	struct world world WORLD_OWNED = {0};
	struct err err = ERR_NONE;

	world_init(&world, state);
	assert_rc(store(&world, ADDRESS, &err), RC_REFUSED); /* serial */
	X509 *first OWNED(X509_free) = issue(&world, ADDRESS, START);
	X509 *second OWNED(X509_free) = issue(&world, ADDRESS, START);
	assert_ok(keep(&world, &world.order, first, &err));
	assert_order_is_as_found(&world);
	assert_rc(keep(&world, &world.order, second, &err), RC_ABSENT);
	assert_order_is_as_found(&world);
	assert_int_equal(order_at(&world, START), ORDER_VALID);
	assert_int_equal(order_at(&world, START + 48 * HOUR), ORDER_VALID);
}

static void
a_newer_database_is_left_alone(void **state)
{
	struct world world WORLD_OWNED = {0};
	struct sql *sql OWNED(sql_free) = NULL;
	struct err err = ERR_NONE;

	world_init(&world, state);
	assert_ok(sql_set_version(world.sql, 1000, &err));
	assert_rc(
	    schema_open(world.kit->folder, &world.kit->settings, &sql, &err),
	    RC_UNFIT);
	assert_has(err.text, "newer");
}

static void *
open_empty(void *context)
{
	const struct kit *kit = context;
	struct sql *sql OWNED(sql_free) = NULL;
	struct err err = ERR_NONE;
	enum rc rc = schema_open(kit->folder, &kit->settings, &sql, &err);

	if (rc != RC_OK)
		print_error("%s\n", err.text);
	return rc == RC_OK ? context : NULL;
}

static void
several_may_begin_at_once_with_an_empty_database(void **state)
{
	struct kit *kit = *state;
	pthread_t threads[6];

	kit_forget(kit);
	for (size_t i = 0; i < COUNT(threads); i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, open_empty, kit), 0);
	for (size_t i = 0; i < COUNT(threads); i++) {
		void *done = NULL;
		assert_int_equal(pthread_join(threads[i], &done), 0);
		assert_non_null(done);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_takes_the_answer_and_the_post_in_either_order),
	    cmocka_unit_test(what_became_of_a_challenge_is_in_the_audit_log),
	    cmocka_unit_test(an_answer_is_taken_once),
	    cmocka_unit_test(a_challenge_that_failed_stays_failed),
	    cmocka_unit_test(a_challenge_is_open_for_a_day),
	    cmocka_unit_test(a_proof_serves_further_orders_for_a_limited_time),
	    cmocka_unit_test(a_pending_challenge_is_shared_for_a_while_only),
	    cmocka_unit_test(challenges_are_counted_by_whom_they_trouble),
	    cmocka_unit_test(a_letter_waits_until_it_is_sent),
	    cmocka_unit_test(a_letter_is_one_mailers_until_its_lease_ends),
	    cmocka_unit_test(no_letter_goes_out_for_what_is_over),
	    cmocka_unit_test(
		an_order_has_one_certificate_and_a_serial_is_used_once),
	    cmocka_unit_test(a_newer_database_is_left_alone),
	    cmocka_unit_test(several_may_begin_at_once_with_an_empty_database),
	};

	return kit_test_both(tests, COUNT(tests));
}
