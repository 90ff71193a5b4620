#include "authority/guard_recovery.h"

#include "authority/guard.h"
#include "authority/issuedkit_priv.h"

#define ALICE "alice@alpha.test"
#define OTHER_CASE "Alice@ALPHA.test"

static void
assert_wrong(const struct shop *shop, int64_t account, int64_t now)
{
	const struct guard_recovery_wrong wrong = {.address = ALICE,
	    .actor = "account x",
	    .account = account,
	    .now = now};
	struct err err = ERR_NONE;

	assert_done(guard_recovery_wrong(shop->sql, &wrong, &err), err);
}

static enum rc
may(const struct shop *shop, int64_t account, int64_t now)
{
	struct err err = ERR_NONE;

	return guard_recovery_may(shop->sql, account, now, &err);
}

static int64_t
another(const struct shop *shop, const char *thumbprint)
{
	struct account account ACCOUNT_OWNED = {0};
	struct err err = ERR_NONE;
	struct account_wish wish = {
	    .thumbprint = thumbprint, .jwk = "{}", .contact = "[]", .now = 1};

	assert_done(account_add(shop->sql, &wish, &account, &err), err);
	return account.id;
}

static void
so_many_wrong_codes_of_an_account_in_a_day_and_no_more(void **state)
{
	struct shop shop SHOP_OWNED = {0};

	shop_init(&shop, state);
	int64_t now = shop.kit->now, thief = another(&shop, "u");
	int64_t other = another(&shop, "v");
	for (int i = 0; i < GUARD_RECOVERY_WRONG_MAX; i++) {
		assert_int_equal(may(&shop, thief, now + i), RC_OK);
		assert_wrong(&shop, thief, now + i);
	}
	int64_t last = now + GUARD_RECOVERY_WRONG_MAX - 1;
	assert_int_equal(may(&shop, thief, last), RC_LIMIT);
	/* nobody is kept out by what another one does */
	assert_int_equal(may(&shop, shop.account, last), RC_OK);
	assert_int_equal(may(&shop, other, last), RC_OK);
	/* when the first of them is a day old there is room for one */
	int64_t later = now + GUARD_RECOVERY_WRONG_SECONDS;
	assert_int_equal(may(&shop, thief, later - 1), RC_LIMIT);
	assert_int_equal(may(&shop, thief, later), RC_OK);
	assert_wrong(&shop, thief, later);
	assert_int_equal(may(&shop, thief, later), RC_LIMIT);
}

static void
assert_set(const struct shop *shop, const char *thumbprint, int64_t now)
{
	const struct guard_recovery_wish wish = {.address = OTHER_CASE,
	    .thumbprint = thumbprint,
	    .actor = "account x",
	    .account = shop->account,
	    .replaces = true,
	    .now = now};
	struct err err = ERR_NONE;

	assert_done(guard_recovery_set(shop->sql, &wish, &err), err);
}

static enum rc
take_letter(const struct shop *shop, int64_t now,
    struct guard_recovery_mail *ret, int64_t *ret_next)
{
	struct err err = ERR_NONE;

	return guard_recovery_take_mail(shop->sql, now, ret, ret_next, &err);
}

static void
of_a_code_that_was_replaced_there_is_one_letter(void **state)
{
	struct guard_recovery_mail mail GUARD_RECOVERY_MAIL_OWNED = {0};
	struct shop shop SHOP_OWNED = {0};
	struct err err = ERR_NONE;
	int64_t next = 0;

	shop_init(&shop, state);
	int64_t now = shop.kit->now;
	assert_set(&shop, "one", now);
	assert_int_equal(take_letter(&shop, now, &mail, &next), RC_ABSENT);
	assert_set(&shop, "one", now + 1);
	assert_int_equal(take_letter(&shop, now + 1, &mail, &next), RC_ABSENT);
	assert_set(&shop, "two", now + 2);
	assert_int_equal(take_letter(&shop, now + 2, &mail, &next), RC_OK);
	assert_string_equal(mail.address, OTHER_CASE);
	assert_int_equal(mail.since, now + 2);
	/* whoever took it may have died */
	struct guard_recovery_mail none GUARD_RECOVERY_MAIL_OWNED = {0};
	assert_int_equal(take_letter(&shop, now + 3, &none, &next), RC_ABSENT);
	assert_int_equal(next, now + 2 + GUARD_MAIL_LEASE);
	assert_done(guard_recovery_mailed(shop.sql, &mail, now + 9, &err), err);
	assert_int_equal(take_letter(&shop, now + 8, &none, &next), RC_ABSENT);
	assert_int_equal(take_letter(&shop, now + 9, &none, &next), RC_OK);
	assert_true(none.tries > mail.tries);
	assert_done(guard_recovery_mailed(shop.sql, &none, 0, &err), err);
	guard_recovery_mail_done(&none);
	assert_int_equal(
	    take_letter(&shop, now + 999999, &none, &next), RC_ABSENT);
}

/* Sent of the second, and the third came meanwhile. */
static void
a_letter_that_was_sent_is_not_the_one_that_came_after_it(void **state)
{
	struct guard_recovery_mail first GUARD_RECOVERY_MAIL_OWNED = {0};
	struct guard_recovery_mail second GUARD_RECOVERY_MAIL_OWNED = {0};
	struct shop shop SHOP_OWNED = {0};
	struct err err = ERR_NONE;
	int64_t next = 0;

	shop_init(&shop, state);
	int64_t now = shop.kit->now;
	assert_set(&shop, "one", now);
	assert_set(&shop, "two", now + 1);
	assert_int_equal(take_letter(&shop, now + 1, &first, &next), RC_OK);
	assert_set(&shop, "three", now + 2);
	assert_done(guard_recovery_mailed(shop.sql, &first, 0, &err), err);
	assert_int_equal(take_letter(&shop, now + 2, &second, &next), RC_OK);
	assert_int_equal(second.since, now + 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		so_many_wrong_codes_of_an_account_in_a_day_and_no_more),
	    cmocka_unit_test(of_a_code_that_was_replaced_there_is_one_letter),
	    cmocka_unit_test(
		a_letter_that_was_sent_is_not_the_one_that_came_after_it),
	};

	return kit_test_both(tests, COUNT(tests));
}
