#include "authority/guard.h"

#include "authority/guard_domain.h"
#include "authority/guard_recovery.h"
#include "authority/issuedkit_priv.h"
#include "authority/revoked.h"

#define ALICE "alice@alpha.test"
#define OTHER_CASE "Alice@ALPHA.test"

/* A second account, that has nothing. */
static int64_t
stranger_of(const struct shop *shop, int number)
{
	struct account account ACCOUNT_OWNED = {0};
	struct err err = ERR_NONE;
	const char thumbprint[] = {(char)('A' + number), '\0'};
	struct account_wish wish = {.thumbprint = thumbprint,
	    .jwk = "{}",
	    .contact = "[]",
	    .now = shop->kit->now};

	if (account_find_key(shop->sql, thumbprint, &account, NULL) == RC_OK)
		return account.id;
	assert_done(account_add(shop->sql, &wish, &account, &err), err);
	return account.id;
}

static int64_t
stranger(const struct shop *shop)
{
	return stranger_of(shop, 's' - 'A');
}

static enum guard_place
place_of(
    const struct shop *shop, const char *address, int64_t account, int64_t now)
{
	enum guard_place place = GUARD_NOBODY;
	struct err err = ERR_NONE;

	assert_done(
	    guard_place(shop->sql, address, account, now, &place, &err), err);
	return place;
}

/* Alice has a certificate; its serial number is appended. */
static void
enrol(const struct shop *shop, struct buf *serial)
{
	X509 *cert OWNED(X509_free) = shop_issue(shop, shop->kit->now);
	struct err err = ERR_NONE;

	assert_done(buf_add(serial, shop_serial(cert), &err), err);
}

static enum rc
ask(const struct shop *shop, int64_t account, struct span serial,
    struct guard *ret, struct err *err)
{
	const struct guard_wish wish = {.kind = GUARD_REVOKE,
	    .address = ALICE,
	    .actor = "account x",
	    .account = account,
	    .serial = serial,
	    .reason = REVOKED_KEY_COMPROMISE,
	    .now = shop->kit->now};

	return guard_ask(shop->sql, &wish, ret, err);
}

static enum guard_state
state_of(const struct shop *shop, const struct guard *guard, int64_t now)
{
	struct guard found GUARD_OWNED = GUARD;
	struct err err = ERR_NONE;

	assert_done(guard_find(shop->sql, guard->name, now, &found, &err), err);
	return found.state;
}

static bool
is_revoked(const struct shop *shop, const struct buf *serial)
{
	struct revoked revoked = {0};
	struct err err = ERR_NONE;

	return revoked_find(shop->sql, buf_span(serial), &revoked, &err) ==
	       RC_OK;
}

static void
a_mailbox_is_enrolled_while_a_certificate_is_in_force(void **state)
{
	struct shop shop SHOP_OWNED = {0};
	struct buf serial BUF_OWNED = BUF_SMALL;

	shop_init(&shop, state);
	int64_t now = shop.kit->now, other = stranger(&shop);
	assert_int_equal(
	    place_of(&shop, ALICE, shop.account, now), GUARD_NOBODY);
	enrol(&shop, &serial);
	assert_int_equal(
	    place_of(&shop, ALICE, shop.account, now), GUARD_DEVICE);
	assert_int_equal(place_of(&shop, ALICE, other, now), GUARD_STRANGER);
	assert_int_equal(
	    place_of(&shop, OTHER_CASE, other, now), GUARD_STRANGER);
	assert_int_equal(
	    place_of(&shop, "bob@alpha.test", other, now), GUARD_NOBODY);
	assert_int_equal(
	    place_of(&shop, ALICE, other, now + (int64_t)100 * 366 * 86400),
	    GUARD_NOBODY);
}

/* Whoever only waits for a certificate to expire waits longer than its owner
 * needs to come back. */
static void
an_expired_enrolment_is_guarded_for_a_while(void **state)
{
	struct shop shop SHOP_OWNED = {0};
	X509 *cert OWNED(X509_free) = NULL;
	struct tm end = {0};

	shop_init(&shop, state);
	int64_t other = stranger(&shop);
	cert = shop_issue(&shop, shop.kit->now);
	assert_int_equal(ASN1_TIME_to_tm(X509_get0_notAfter(cert), &end), 1);
	int64_t free = (int64_t)timegm(&end) + GUARD_GRACE_SECONDS;
	assert_int_equal(
	    place_of(&shop, ALICE, other, free - 1), GUARD_STRANGER);
	assert_int_equal(
	    place_of(&shop, ALICE, shop.account, free - 1), GUARD_DEVICE);
	assert_int_equal(place_of(&shop, ALICE, other, free), GUARD_NOBODY);
}

static void
silence_is_refusal(void **state)
{
	struct shop shop SHOP_OWNED = {0};
	struct buf serial BUF_OWNED = BUF_SMALL;
	struct guard guard GUARD_OWNED = GUARD;
	struct err err = ERR_NONE;
	const struct guard_word late = {
	    .approves = true, .by = "device", .now = GUARD_SECONDS};

	shop_init(&shop, state);
	enrol(&shop, &serial);
	int64_t end = shop.kit->now + GUARD_SECONDS;
	assert_done(
	    ask(&shop, stranger(&shop), buf_span(&serial), &guard, &err), err);
	assert_int_equal(state_of(&shop, &guard, end - 1), GUARD_OPEN);
	assert_int_equal(state_of(&shop, &guard, end), GUARD_REFUSED);
	struct guard_word word = late;
	word.now = end;
	assert_int_equal(
	    guard_decide(shop.sql, &guard, &word, &err), RC_REFUSED);
	assert_done(guard_expire(NULL, shop.sql, end, &err), err);
	/* it is written down, so that no clock that goes back opens it */
	assert_int_equal(state_of(&shop, &guard, end - 1), GUARD_REFUSED);
	assert_false(is_revoked(&shop, &serial));
}

static void
the_first_word_counts(void **state)
{
	struct shop shop SHOP_OWNED = {0};
	struct buf serial BUF_OWNED = BUF_SMALL;
	struct guard guard GUARD_OWNED = GUARD;
	struct err err = ERR_NONE;

	shop_init(&shop, state);
	enrol(&shop, &serial);
	assert_done(
	    ask(&shop, stranger(&shop), buf_span(&serial), &guard, &err), err);
	struct guard_word word = {.by = "device", .now = shop.kit->now};
	assert_done(guard_decide(shop.sql, &guard, &word, &err), err);
	word.approves = true;
	assert_int_equal(
	    guard_decide(shop.sql, &guard, &word, &err), RC_REFUSED);
	assert_false(is_revoked(&shop, &serial));
	/* what was refused can be asked for again */
	struct guard again GUARD_OWNED = GUARD;
	assert_done(
	    ask(&shop, guard.account, buf_span(&serial), &again, &err), err);
	assert_string_not_equal(again.name, guard.name);
	assert_done(guard_decide(shop.sql, &again, &word, &err), err);
	assert_true(is_revoked(&shop, &serial));
}

static void
two_operators_are_as_good_as_a_device_but_one_twice_is_not(void **state)
{
	struct shop shop SHOP_OWNED = {0};
	struct buf serial BUF_OWNED = BUF_SMALL;
	struct guard guard GUARD_OWNED = GUARD;
	struct err err = ERR_NONE;
	bool done = true;

	shop_init(&shop, state);
	enrol(&shop, &serial);
	int64_t now = shop.kit->now;
	assert_done(
	    ask(&shop, stranger(&shop), buf_span(&serial), &guard, &err), err);
	assert_int_equal(
	    guard_second(shop.sql, &guard, OTHER_CASE, now, &done, &err),
	    RC_UNFIT);
	assert_done(
	    guard_second(shop.sql, &guard, "o@x.test", now, &done, &err), err);
	assert_false(done);
	assert_int_equal(
	    guard_second(shop.sql, &guard, "O@x.test", now, &done, &err),
	    RC_UNFIT);
	assert_int_equal(state_of(&shop, &guard, now), GUARD_OPEN);
	assert_done(
	    guard_second(shop.sql, &guard, "p@x.test", now, &done, &err), err);
	assert_true(done);
	assert_true(is_revoked(&shop, &serial));
}

static void
an_enrolment_that_is_undone_leaves_the_mailbox_free(void **state)
{
	struct shop shop SHOP_OWNED = {0};
	struct buf serial BUF_OWNED = BUF_SMALL;
	struct guard guard GUARD_OWNED = GUARD;
	struct err err = ERR_NONE;

	shop_init(&shop, state);
	enrol(&shop, &serial);
	enrol(&shop, &serial);
	const struct guard_wish wish = {.kind = GUARD_UNDO,
	    .address = OTHER_CASE,
	    .actor = "operator o",
	    .now = shop.kit->now};
	assert_done(guard_ask(shop.sql, &wish, &guard, &err), err);
	const struct guard_word word = {
	    .approves = true, .by = "operators", .now = shop.kit->now};
	assert_done(guard_decide(shop.sql, &guard, &word, &err), err);
	assert_int_equal(
	    place_of(&shop, ALICE, shop.account, shop.kit->now), GUARD_NOBODY);
}

static enum rc
set_code(const struct shop *shop, const char *thumbprint, bool replaces,
    struct err *err)
{
	const struct guard_recovery_wish wish = {.address = OTHER_CASE,
	    .thumbprint = thumbprint,
	    .actor = "account x",
	    .account = shop->account,
	    .replaces = replaces,
	    .now = shop->kit->now};

	return guard_recovery_set(shop->sql, &wish, err);
}

static void
assert_code(const struct shop *shop, const char *want)
{
	struct guard_recovery got GUARD_RECOVERY_OWNED = {0};
	struct err err = ERR_NONE;
	enum rc rc = guard_recovery_find(shop->sql, ALICE, &got, &err);

	assert_int_equal(rc, want != NULL ? RC_OK : RC_ABSENT);
	if (want != NULL)
		assert_string_equal(got.thumbprint, want);
}

static void
a_recovery_code_is_replaced_only_on_purpose(void **state)
{
	struct shop shop SHOP_OWNED = {0};
	struct err err = ERR_NONE;

	shop_init(&shop, state);
	assert_code(&shop, NULL);
	assert_done(set_code(&shop, "one", false, &err), err);
	assert_done(set_code(&shop, "one", false, &err), err);
	assert_int_equal(set_code(&shop, "two", false, &err), RC_REFUSED);
	assert_code(&shop, "one");
	assert_done(set_code(&shop, "two", true, &err), err);
	assert_code(&shop, "two");
}

static void
a_recovery_code_ends_with_the_enrolment_it_came_from(void **state)
{
	struct shop shop SHOP_OWNED = {0};
	struct buf serial BUF_OWNED = BUF_SMALL;
	struct guard guard GUARD_OWNED = GUARD;
	struct err err = ERR_NONE;

	shop_init(&shop, state);
	assert_done(set_code(&shop, "one", false, &err), err);
	assert_done(
	    guard_recovery_forget(shop.sql, ALICE, shop.account, &err), err);
	assert_code(&shop, "one");
	assert_done(
	    guard_recovery_forget(shop.sql, ALICE, stranger(&shop), &err), err);
	assert_code(&shop, NULL);
	enrol(&shop, &serial);
	assert_done(set_code(&shop, "one", false, &err), err);
	const struct guard_wish wish = {.kind = GUARD_UNDO,
	    .address = ALICE,
	    .actor = "operator o",
	    .now = shop.kit->now};
	assert_done(guard_ask(shop.sql, &wish, &guard, &err), err);
	const struct guard_word word = {
	    .approves = true, .by = "operators", .now = shop.kit->now};
	assert_done(guard_decide(shop.sql, &guard, &word, &err), err);
	assert_code(&shop, NULL);
}

static size_t
count_told(const struct shop *shop, int64_t now)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	struct err err = ERR_NONE;
	size_t count = 0;

	assert_done(
	    guard_select(shop->sql, shop->account, now, &rows, &err), err);
	while (sql_rows_next(rows, &err) == RC_OK)
		count++;
	return count;
}

/* Devices and mailbox are told of it, by a second letter. */
static void
what_a_recovery_code_approves_is_told(void **state)
{
	struct shop shop SHOP_OWNED = {0};
	struct buf serial BUF_OWNED = BUF_SMALL;
	struct guard asked GUARD_OWNED = GUARD, taken GUARD_OWNED = GUARD;
	struct err err = ERR_NONE;
	int64_t next = 0;

	shop_init(&shop, state);
	enrol(&shop, &serial);
	enrol(&shop, &serial);
	int64_t now = shop.kit->now;
	assert_done(
	    ask(&shop, stranger(&shop),
		span_first(buf_span(&serial), serial.len / 2), &asked, &err),
	    err);
	assert_done(guard_take_mail(shop.sql, now, &taken, &next, &err), err);
	assert_done(guard_mailed(shop.sql, taken.id, &err), err);
	const struct guard_word word = {
	    .approves = true, .by = GUARD_BY_CODE, .now = now};
	assert_done(guard_decide(shop.sql, &asked, &word, &err), err);
	assert_done(guard_take_mail(shop.sql, now, &taken, &next, &err), err);
	assert_string_equal(taken.name, asked.name);
	assert_string_equal(taken.by, GUARD_BY_CODE);
	assert_int_equal(count_told(&shop, now), 1);
	assert_int_equal(count_told(&shop, now + GUARD_FETCH_SECONDS), 0);
}

static enum rc
ask_by_domain(const struct shop *shop, const char *address, int64_t account,
    struct guard *ret)
{
	const struct guard_domain_wish wish = {.address = address,
	    .actor = "account x",
	    .account = account,
	    .now = shop->kit->now};
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	struct err err = ERR_NONE;

	assert_done(sql_act_begin(shop->sql, &act, &err), err);
	enum rc rc = guard_domain_ask(shop->sql, &wish, ret, &err);
	if (rc == RC_OK)
		assert_done(sql_act_commit(&act, &err), err);
	return rc;
}

/* Look once: whether that was the last word that was wanted. */
static bool
approves(const struct shop *shop, const struct guard *guard,
    enum guard_domain_seen seen, int64_t now)
{
	struct err err = ERR_NONE;

	assert_done(
	    guard_domain_note(shop->sql, guard->name, seen, now, &err), err);
	return state_of(shop, guard, now) == GUARD_APPROVED;
}

static void
a_domains_record_undoes_an_enrolment_once_it_has_stood_for_a_day(void **state)
{
	struct shop shop SHOP_OWNED = {0};
	struct buf serial BUF_OWNED = BUF_SMALL;
	struct guard guard GUARD_OWNED = GUARD, mail GUARD_OWNED = GUARD;
	struct err err = ERR_NONE;
	int64_t next = 0;

	shop_init(&shop, state);
	enrol(&shop, &serial);
	int64_t now = shop.kit->now, day = 2 * GUARD_DOMAIN_EVERY;
	assert_done(ask_by_domain(&shop, ALICE, stranger(&shop), &guard), err);
	/* anybody can ask: until it was seen nobody is told */
	assert_int_equal(count_told(&shop, now), 0);
	assert_int_equal(
	    guard_take_mail(shop.sql, now, &mail, &next, &err), RC_ABSENT);
	assert_false(approves(&shop, &guard, GUARD_DOMAIN_THERE, now));
	assert_int_equal(count_told(&shop, now), 1);
	assert_done(guard_take_mail(shop.sql, now, &mail, &next, &err), err);
	/* a domain that says no begins anew, one that is silent does not */
	assert_false(approves(&shop, &guard, GUARD_DOMAIN_THERE, now + 1));
	assert_false(approves(&shop, &guard, GUARD_DOMAIN_MISSING, now + 2));
	for (int i = 1; i < GUARD_DOMAIN_LOOKS; i++) {
		assert_false(approves(&shop, &guard, GUARD_DOMAIN_THERE, now));
		assert_false(
		    approves(&shop, &guard, GUARD_DOMAIN_SILENCE, now));
	}
	assert_true(approves(&shop, &guard, GUARD_DOMAIN_THERE, now + day));
	assert_true(is_revoked(&shop, &serial));
	/* and once is enough */
	assert_true(approves(&shop, &guard, GUARD_DOMAIN_THERE, now + day));
}

static void
a_record_is_for_one_request(void **state)
{
	struct shop shop SHOP_OWNED = {0};
	struct buf name BUF_OWNED = BUF_SMALL, value BUF_OWNED = BUF_SMALL;
	struct buf other BUF_OWNED = BUF_SMALL;
	struct guard guard GUARD_OWNED = GUARD, second GUARD_OWNED = GUARD;
	struct err err = ERR_NONE;

	shop_init(&shop, state);
	int64_t account = stranger(&shop);
	assert_done(ask_by_domain(&shop, ALICE, account, &guard), err);
	assert_done(ask_by_domain(&shop, ALICE, shop.account, &second), err);
	assert_done(guard_domain_name(&guard, &name, &err), err);
	assert_true(
	    span_is(buf_span(&name), span_str("_letterlock.alpha.test")));
	assert_done(guard_domain_value(&guard, &value, &err), err);
	assert_done(guard_domain_value(&second, &other, &err), err);
	assert_false(span_is(buf_span(&value), buf_span(&other)));
	/* the same again is the same request */
	assert_done(ask_by_domain(&shop, ALICE, account, &second), err);
	assert_string_equal(guard.name, second.name);
}

static void
an_account_waits_for_so_many_domains_and_no_more(void **state)
{
	struct shop shop SHOP_OWNED = {0};
	struct guard guard GUARD_OWNED = GUARD;
	struct err err = ERR_NONE;
	char address[] = "0@alpha.test";

	shop_init(&shop, state);
	int64_t account = stranger(&shop);
	for (int i = 0; i < GUARD_DOMAIN_OPEN_MAX; i++) {
		address[0] = (char)('0' + i);
		assert_done(
		    ask_by_domain(&shop, address, account, &guard), err);
	}
	assert_done(ask_by_domain(&shop, address, account, &guard), err);
	address[0] = 'x';
	assert_int_equal(
	    ask_by_domain(&shop, address, account, &guard), RC_LIMIT);
	assert_done(ask_by_domain(&shop, address, shop.account, &guard), err);
}

static void
so_many_wishes_wait_for_a_mailbox_and_no_more(void **state)
{
	struct shop shop SHOP_OWNED = {0};
	struct buf serial BUF_OWNED = BUF_SMALL;
	struct guard guard GUARD_OWNED = GUARD;
	struct err err = ERR_NONE;

	shop_init(&shop, state);
	enrol(&shop, &serial);
	for (uint8_t i = 0; i < GUARD_OPEN_MAX; i++) {
		int64_t thief = stranger_of(&shop, i / GUARD_ACCOUNT_MAX);
		assert_done(
		    ask(&shop, thief, span_of(&i, 1), &guard, &err), err);
		/* the same again is the same one */
		assert_done(
		    ask(&shop, thief, span_of(&i, 1), &guard, &err), err);
		if (i % GUARD_ACCOUNT_MAX + 1 < GUARD_ACCOUNT_MAX)
			continue;
		assert_int_equal(
		    ask(&shop, thief, buf_span(&serial), &guard, &err),
		    RC_LIMIT);
	}
}

/* The password alone is good for many wishes; the person's own, which the
 * recovery code or two operators approve, is written down all the same. */
static void
a_house_full_of_a_thiefs_wishes_keeps_nobody_else_out(void **state)
{
	struct shop shop SHOP_OWNED = {0};
	struct buf serial BUF_OWNED = BUF_SMALL;
	struct guard guard GUARD_OWNED = GUARD;
	struct err err = ERR_NONE;

	shop_init(&shop, state);
	enrol(&shop, &serial);
	for (uint8_t i = 0; i < GUARD_OPEN_MAX; i++)
		assert_done(
		    ask(&shop, stranger_of(&shop, i / GUARD_ACCOUNT_MAX),
			span_of(&i, 1), &guard, &err),
		    err);
	int64_t person = stranger_of(&shop, GUARD_OPEN_MAX);
	assert_done(ask(&shop, person, buf_span(&serial), &guard, &err), err);
	/* one, and no more while the house is full */
	assert_int_equal(
	    ask(&shop, person, span_str("x"), &guard, &err), RC_LIMIT);
	/* operators: account 0 */
	assert_done(ask(&shop, 0, span_str("y"), &guard, &err), err);
	assert_done(ask(&shop, 0, span_str("z"), &guard, &err), err);
}

static void
a_letter_is_taken_once_and_again_when_it_could_not_go(void **state)
{
	struct shop shop SHOP_OWNED = {0};
	struct buf serial BUF_OWNED = BUF_SMALL;
	struct guard asked GUARD_OWNED = GUARD, taken GUARD_OWNED = GUARD;
	struct err err = ERR_NONE;
	int64_t next = 0;

	shop_init(&shop, state);
	enrol(&shop, &serial);
	int64_t now = shop.kit->now;
	assert_done(
	    ask(&shop, stranger(&shop), buf_span(&serial), &asked, &err), err);
	assert_done(guard_take_mail(shop.sql, now, &taken, &next, &err), err);
	assert_string_equal(taken.name, asked.name);
	assert_int_equal(
	    guard_take_mail(shop.sql, now, &taken, &next, &err), RC_ABSENT);
	assert_int_equal(next, now + GUARD_MAIL_LEASE);
	assert_done(guard_mail_later(shop.sql, taken.id, now + 5, &err), err);
	assert_done(
	    guard_take_mail(shop.sql, now + 5, &taken, &next, &err), err);
	assert_int_equal(taken.mail_tries, 1);
	assert_done(guard_mailed(shop.sql, taken.id, &err), err);
	assert_int_equal(
	    guard_take_mail(shop.sql, now + 1000, &taken, &next, &err),
	    RC_ABSENT);
	assert_int_equal(next, INT64_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		a_mailbox_is_enrolled_while_a_certificate_is_in_force),
	    cmocka_unit_test(an_expired_enrolment_is_guarded_for_a_while),
	    cmocka_unit_test(silence_is_refusal),
	    cmocka_unit_test(the_first_word_counts),
	    cmocka_unit_test(
		two_operators_are_as_good_as_a_device_but_one_twice_is_not),
	    cmocka_unit_test(
		an_enrolment_that_is_undone_leaves_the_mailbox_free),
	    cmocka_unit_test(a_recovery_code_is_replaced_only_on_purpose),
	    cmocka_unit_test(
		a_recovery_code_ends_with_the_enrolment_it_came_from),
	    cmocka_unit_test(what_a_recovery_code_approves_is_told),
	    cmocka_unit_test(
		a_domains_record_undoes_an_enrolment_once_it_has_stood_for_a_day),
	    cmocka_unit_test(a_record_is_for_one_request),
	    cmocka_unit_test(an_account_waits_for_so_many_domains_and_no_more),
	    cmocka_unit_test(so_many_wishes_wait_for_a_mailbox_and_no_more),
	    cmocka_unit_test(
		a_house_full_of_a_thiefs_wishes_keeps_nobody_else_out),
	    cmocka_unit_test(
		a_letter_is_taken_once_and_again_when_it_could_not_go),
	};

	return kit_test_both(tests, COUNT(tests));
}
