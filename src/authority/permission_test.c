#include "authority/permission.h"

#include "authority/account.h"
#include "authority/order.h"
#include "authority/schema.h"
#include "authority/testkit_priv.h"

#define ADDRESS "alice@alpha.test"
#define HOUR ((int64_t)3600)
#define START ((int64_t)1800000000)
#define CSR "a request"

/* An account whose order is ready: a database of its own for each test. */
struct world {
	const struct kit *kit;
	struct sql *sql;
	char *account;
	struct authorization a;
	struct order order;
};

#define WORLD_OWNED __attribute__((cleanup(world_done)))

static void
world_done(struct world *world)
{
	free(world->account);
	authorization_done(&world->a);
	order_done(&world->order);
	sql_free(world->sql);
}

static void
prove(struct world *world)
{
	struct authorization_event event = {
	    .id = world->a.id, .now = START, .valid_for = HOUR};
	struct err err = ERR_NONE;

	assert_done(authorization_post(world->sql, &event, &err), err);
	assert_done(authorization_answer(world->sql, &event, &err), err);
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
	assert_done(
	    span_dup(span_str(account.name), &world->account, &err), err);
	struct authorization_wish ask = {.account = account.id,
	    .address = ADDRESS,
	    .client = "192.0.2.1",
	    .thumbprint = "t",
	    .now = START};
	assert_done(authorization_add(world->sql, &ask, &world->a, &err), err);
	const struct order_wish order = {
	    .authorization = &world->a, .now = START};
	assert_done(order_add(world->sql, &order, &world->order, &err), err);
}

/* What somebody who ordered, and waits, has done. */
static void
ask_and_wait(struct world *world, int64_t now)
{
	struct err err = ERR_NONE;

	assert_done(
	    order_wait(world->sql, world->order.id, span_str(CSR), &err), err);
	assert_done(permission_ask(world->sql, world->a.id, now, &err), err);
}

static enum rc
take_one(const struct world *world, int64_t now, int64_t *ret_next)
{
	struct permission_question question PERMISSION_QUESTION_OWNED = {0};
	struct err err = ERR_NONE;

	enum rc rc =
	    permission_take(world->sql, now, &question, ret_next, &err);
	if (rc != RC_OK)
		return rc;
	assert_int_equal(question.authorization, world->a.id);
	assert_string_equal(question.address, ADDRESS);
	assert_string_equal(question.account, world->account);
	return RC_OK;
}

static void
say(const struct world *world, enum permission_word word, int64_t now)
{
	char address[] = ADDRESS;
	const struct permission_question question = {
	    .authorization = world->a.id,
	    .address = address,
	    .account = world->account};
	const struct permission_answer answer = {.question = &question,
	    .word = word,
	    .detail = word == PERMISSION_YES ? "" : "they said so",
	    .now = now};
	struct err err = ERR_NONE;

	assert_done(permission_say(world->sql, &answer, &err), err);
}

static void
find(const struct world *world, struct permission *ret)
{
	struct err err = ERR_NONE;

	permission_done(ret);
	assert_done(permission_find(world->sql, world->a.id, ret, &err), err);
}

static void
expect_order(
    const struct world *world, enum order_state want, const char *error)
{
	struct order order ORDER_OWNED = {0};
	struct err err = ERR_NONE;

	assert_done(
	    order_find(world->sql, world->order.name, START, &order, &err),
	    err);
	assert_string_equal(
	    order_state_name(order.state), order_state_name(want));
	assert_string_equal(
	    order.error_type != NULL ? order.error_type : "", error);
}

static size_t
listed(const struct world *world)
{
	struct order_page page = {
	    .account = world->order.account, .now = START, .before = INT64_MAX};
	struct strlist names STRLIST_OWNED = STRLIST_NONE;
	struct err err = ERR_NONE;

	assert_done(order_list(world->sql, &page, &names, &err), err);
	return names.len;
}

static void
a_yes_is_good_for_eight_hours(void **state)
{
	struct world world WORLD_OWNED = {0};
	struct permission permission PERMISSION_OWNED = {0};
	struct err err = ERR_NONE;

	world_init(&world, state);
	assert_rc(permission_find(world.sql, world.a.id, &permission, &err),
	    RC_ABSENT);
	assert_ok(permission_ask(world.sql, world.a.id, START, &err));
	find(&world, &permission);
	assert_false(permission_is_yes(&permission, START));
	say(&world, PERMISSION_YES, START);
	find(&world, &permission);
	assert_true(permission_is_yes(&permission, START + 8 * HOUR - 1));
	assert_false(permission_is_yes(&permission, START + 8 * HOUR));
	assert_ok(
	    permission_ask(world.sql, world.a.id, START + 9 * HOUR, &err));
	find(&world, &permission);
	assert_int_equal(permission.word, PERMISSION_ASKED);
}

static void
a_no_is_repeated_for_a_minute(void **state)
{
	struct world world WORLD_OWNED = {0};
	struct permission permission PERMISSION_OWNED = {0};
	struct err err = ERR_NONE;

	world_init(&world, state);
	assert_ok(permission_ask(world.sql, world.a.id, START, &err));
	say(&world, PERMISSION_NO, START);
	find(&world, &permission);
	assert_false(permission_is_yes(&permission, START));
	assert_true(permission_is_no(&permission, START + 59));
	assert_false(permission_is_no(&permission, START + 60));
	assert_string_equal(permission.detail, "they said so");
}

static void
a_question_is_one_threads_until_its_lease_ends(void **state)
{
	struct world world WORLD_OWNED = {0};
	struct err err = ERR_NONE;
	int64_t next = 0;

	world_init(&world, state);
	assert_rc(take_one(&world, START, &next), RC_ABSENT);
	assert_true(next == INT64_MAX);
	assert_ok(permission_ask(world.sql, world.a.id, START, &err));
	assert_ok(take_one(&world, START, &next));
	/* whoever wants it as well changes nothing */
	assert_ok(permission_ask(world.sql, world.a.id, START, &err));
	assert_rc(take_one(&world, START, &next), RC_ABSENT);
	assert_int_equal(next, START + PERMISSION_LEASE);
	assert_ok(take_one(&world, START + PERMISSION_LEASE, &next));
	assert_ok(permission_later(world.sql, world.a.id, START + 500, &err));
	assert_rc(take_one(&world, START + 499, &next), RC_ABSENT);
	assert_ok(take_one(&world, START + 500, &next));
	say(&world, PERMISSION_YES, START);
	assert_rc(take_one(&world, START + HOUR, &next), RC_ABSENT);
	assert_true(next == INT64_MAX);
}

static void
an_order_waits_with_its_request(void **state)
{
	struct world world WORLD_OWNED = {0};
	struct buf request BUF_OWNED = BUF_SMALL;
	struct err err = ERR_NONE;

	world_init(&world, state);
	prove(&world);
	expect_order(&world, ORDER_READY, "");
	assert_rc(order_request(world.sql, world.order.id, &request, &err),
	    RC_ABSENT);
	ask_and_wait(&world, START);
	expect_order(&world, ORDER_PROCESSING, "");
	assert_int_equal(listed(&world), 1);
	assert_ok(order_request(world.sql, world.order.id, &request, &err));
	assert_span(buf_span(&request), CSR);
	say(&world, PERMISSION_YES, START);
	expect_order(&world, ORDER_PROCESSING, "");
}

static void
anything_but_yes_is_the_end_of_it(void **state)
{
	static const struct {
		enum permission_word word;
		const char *type;
	} cases[] = {{PERMISSION_NO, "caa"}, {PERMISSION_SILENCE, "dns"}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world world WORLD_OWNED = {0};
		world_init(&world, state);
		prove(&world);
		ask_and_wait(&world, START);
		say(&world, cases[i].word, START);
		expect_order(&world, ORDER_INVALID, cases[i].type);
		assert_int_equal(listed(&world), 0);
		/* a later word does not wake it again */
		ask_and_wait(&world, START);
		say(&world, PERMISSION_YES, START);
		expect_order(&world, ORDER_INVALID, cases[i].type);
	}
}

static void
an_order_that_does_not_wait_is_left_alone(void **state)
{
	struct world world WORLD_OWNED = {0};
	struct err err = ERR_NONE;

	world_init(&world, state);
	prove(&world);
	assert_ok(permission_ask(world.sql, world.a.id, START, &err));
	say(&world, PERMISSION_NO, START);
	expect_order(&world, ORDER_READY, "");
}

static void
who_gives_up_the_proof_gives_up_the_order(void **state)
{
	struct world world WORLD_OWNED = {0};
	struct authorization_event event = {.now = START};
	struct err err = ERR_NONE;

	world_init(&world, state);
	prove(&world);
	ask_and_wait(&world, START);
	event.id = world.a.id;
	assert_ok(authorization_deactivate(world.sql, &event, &err));
	expect_order(&world, ORDER_INVALID, "");
	assert_int_equal(listed(&world), 0);
}

static void
what_was_said_is_in_the_audit_log(void **state)
{
	struct world world WORLD_OWNED = {0};
	struct err err = ERR_NONE;
	int64_t count = 0;

	world_init(&world, state);
	assert_ok(permission_ask(world.sql, world.a.id, START, &err));
	say(&world, PERMISSION_NO, START);
	assert_ok(sql_number(world.sql,
	    "SELECT count(*) FROM audit WHERE act = 'caa' AND object = ?"
	    " AND detail LIKE 'no for account %: they said so'",
	    SQL_VALUES(sql_text(ADDRESS)), &count, &err));
	assert_int_equal(count, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_yes_is_good_for_eight_hours),
	    cmocka_unit_test(a_no_is_repeated_for_a_minute),
	    cmocka_unit_test(a_question_is_one_threads_until_its_lease_ends),
	    cmocka_unit_test(an_order_waits_with_its_request),
	    cmocka_unit_test(anything_but_yes_is_the_end_of_it),
	    cmocka_unit_test(an_order_that_does_not_wait_is_left_alone),
	    cmocka_unit_test(who_gives_up_the_proof_gives_up_the_order),
	    cmocka_unit_test(what_was_said_is_in_the_audit_log),
	};

	return kit_test_both(tests, COUNT(tests));
}
