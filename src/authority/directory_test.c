#include "authority/directory.h"

#include "authority/issuedkit_priv.h"

#define ALICE "alice@alpha.test"
#define DAY ((int64_t)24 * 3600)

/* What is found for an address; the number of certificates. */
static size_t
count_for(const struct shop *shop, const char *address, int64_t now)
{
	struct directory_found found DIRECTORY_FOUND_OWNED = DIRECTORY_FOUND;
	struct err err = ERR_NONE;

	enum rc rc = directory_find_address(shop->sql, &shop->kit->settings,
	    span_str(address), now, &found, &err);
	if (rc != RC_OK) {
		assert_rc(rc, RC_ABSENT);
		assert_null(found.address);
		assert_int_equal(found.bytes.len, 0);
	}
	return found.len;
}

static enum rc
find_by(const struct shop *shop, enum directory_key key, struct span value,
    struct directory_found *found)
{
	struct directory_wish wish = {key, value, shop->kit->now};
	struct err err = ERR_NONE;

	return directory_find(shop->sql, &wish, found, &err);
}

static enum rc
find_hash(const struct shop *shop, enum directory_key key, const X509 *cert)
{
	struct directory_keys keys DIRECTORY_KEYS_OWNED = DIRECTORY_KEYS_NONE;
	struct directory_found found DIRECTORY_FOUND_OWNED = DIRECTORY_FOUND;
	struct buf der BUF_OWNED = BUF((size_t)64 * 1024);

	assert_ok(hierarchy_der(cert, &der, NULL));
	assert_ok(directory_keys_of(buf_span(&der), &keys, NULL));
	return find_by(shop, key,
	    key == DIRECTORY_NAME ? buf_span(&keys.name)
				  : span_of(keys.hash[key], DIRECTORY_HASH),
	    &found);
}

static void
certificates_are_found_while_they_are_good(void **state)
{
	struct shop shop SHOP_OWNED = {0};

	shop_init(&shop, state);
	int64_t now = shop.kit->now;
	X509_free(shop_issue(&shop, now));
	assert_int_equal(count_for(&shop, ALICE, now), 1);
	assert_int_equal(count_for(&shop, ALICE, now - DAY), 0);
	assert_int_equal(count_for(&shop, ALICE, now + 89 * DAY), 1);
	assert_int_equal(count_for(&shop, ALICE, now + 91 * DAY), 0);
}

static void
what_was_revoked_is_found_by_itself_only(void **state)
{
	struct shop shop SHOP_OWNED = {0};

	shop_init(&shop, state);
	X509 *cert OWNED(X509_free) = shop_issue(&shop, shop.kit->now);
	for (int key = 0; key < DIRECTORY_KEYS; key++)
		assert_rc(
		    find_hash(&shop, (enum directory_key)key, cert), RC_OK);
	shop_revoke(&shop, cert, REVOKED_UNSPECIFIED, shop.kit->now);
	assert_int_equal(count_for(&shop, ALICE, shop.kit->now), 0);
	for (int key = 0; key < DIRECTORY_KEYS; key++)
		assert_rc(find_hash(&shop, (enum directory_key)key, cert),
		    key < DIRECTORY_SUBJECT ? RC_OK : RC_ABSENT);
}

static void
it_says_what_each_is_for(void **state)
{
	static const enum profile_kind kinds[] = {
	    PROFILE_SIGNING, PROFILE_ENCRYPTING, PROFILE_DUAL};
	struct shop shop SHOP_OWNED = {0};
	struct directory_found found DIRECTORY_FOUND_OWNED = DIRECTORY_FOUND;

	shop_init(&shop, state);
	for (size_t i = 0; i < COUNT(kinds); i++)
		X509_free(
		    shop_issue_for(&shop, ALICE, kinds[i], shop.kit->now));
	assert_ok(directory_find_address(shop.sql, &shop.kit->settings,
	    span_str(ALICE), shop.kit->now, &found, NULL));
	assert_int_equal(found.len, 3);
	assert_true(found.item[0].signing && found.item[0].encrypting);
	assert_true(!found.item[1].signing && found.item[1].encrypting);
	assert_true(found.item[2].signing && !found.item[2].encrypting);
	assert_string_equal(found.address, ALICE);
}

static void
two_spellings_of_an_address_are_nobody_in_particular(void **state)
{
	struct shop shop SHOP_OWNED = {0};

	shop_init(&shop, state);
	int64_t now = shop.kit->now;
	X509_free(
	    shop_issue_for(&shop, "Alice@alpha.test", PROFILE_SIGNING, now));
	assert_int_equal(count_for(&shop, "ALICE@Alpha.Test", now), 1);
	X509_free(
	    shop_issue_for(&shop, "aLice@alpha.test", PROFILE_SIGNING, now));
	assert_int_equal(count_for(&shop, "ALICE@alpha.test", now), 0);
	assert_int_equal(count_for(&shop, "aLice@ALPHA.test", now), 1);
	assert_int_equal(count_for(&shop, "Alice@alpha.test", now), 1);
}

static void
nothing_finds_two_mailboxes_at_once(void **state)
{
	struct shop shop SHOP_OWNED = {0};
	struct err err = ERR_NONE;

	shop_init(&shop, state);
	X509 *cert OWNED(X509_free) = shop_issue(&shop, shop.kit->now);
	X509 *other OWNED(X509_free) = shop_issue_for(
	    &shop, "bob@alpha.test", PROFILE_SIGNING, shop.kit->now);
	assert_rc(find_hash(&shop, DIRECTORY_SUBJECT, cert), RC_OK);
	assert_rc(find_hash(&shop, DIRECTORY_SUBJECT, other), RC_OK);
	/* as if both were called the same */
	assert_done(sql_change(shop.sql,
			"UPDATE directory SET name = ?, subject_hash = ?",
			SQL_VALUES(SQL_BLOB(span_str("Kim")),
			    SQL_BLOB(span_str("hash"))),
			&err),
	    err);
	struct directory_found found DIRECTORY_FOUND_OWNED = DIRECTORY_FOUND;
	assert_rc(
	    find_by(&shop, DIRECTORY_NAME, span_str("Kim"), &found), RC_ABSENT);
	assert_rc(find_by(&shop, DIRECTORY_SUBJECT, span_str("hash"), &found),
	    RC_ABSENT);
	assert_int_equal(found.len, 0);
}

static enum rc
hide(const struct shop *shop, const char *address)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	struct err err = ERR_NONE;

	TRY(sql_act_begin(shop->sql, &act, &err));
	TRY(directory_hide(shop->sql, address, shop->kit->now, &err));
	return sql_act_commit(&act, &err);
}

static enum rc
show(const struct shop *shop, const char *address)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	struct err err = ERR_NONE;

	TRY(sql_act_begin(shop->sql, &act, &err));
	TRY(directory_show(shop->sql, address, &err));
	return sql_act_commit(&act, &err);
}

static void
who_does_not_wish_it_is_found_by_nothing(void **state)
{
	struct shop shop SHOP_OWNED = {0};

	shop_init(&shop, state);
	int64_t now = shop.kit->now;
	X509 *cert OWNED(X509_free) = shop_issue(&shop, now);
	assert_ok(hide(&shop, "Alice@ALPHA.test"));
	assert_rc(hide(&shop, ALICE), RC_ABSENT);
	X509 *later OWNED(X509_free) = shop_issue(&shop, now);
	X509 *other OWNED(X509_free) =
	    shop_issue_for(&shop, "bob@alpha.test", PROFILE_SIGNING, now);
	assert_ok(directory_adopt(shop.sql, NULL));
	for (int key = 0; key < DIRECTORY_KEYS; key++) {
		assert_rc(
		    find_hash(&shop, (enum directory_key)key, cert), RC_ABSENT);
		assert_rc(find_hash(&shop, (enum directory_key)key, later),
		    RC_ABSENT);
		assert_rc(
		    find_hash(&shop, (enum directory_key)key, other), RC_OK);
	}
	assert_int_equal(count_for(&shop, ALICE, now), 0);
	assert_ok(show(&shop, ALICE));
	assert_rc(show(&shop, ALICE), RC_ABSENT);
	assert_int_equal(count_for(&shop, ALICE, now), 2);
}

static void
what_is_older_than_the_directory_gets_into_it(void **state)
{
	struct shop shop SHOP_OWNED = {0};
	struct err err = ERR_NONE;

	shop_init(&shop, state);
	X509 *cert OWNED(X509_free) = shop_issue(&shop, shop.kit->now);
	assert_done(
	    sql_change(shop.sql, "DELETE FROM directory", SQL_NONE, &err), err);
	assert_int_equal(count_for(&shop, ALICE, shop.kit->now), 0);
	assert_done(directory_adopt(shop.sql, &err), err);
	assert_done(directory_adopt(shop.sql, &err), err);
	assert_int_equal(count_for(&shop, ALICE, shop.kit->now), 1);
	assert_rc(find_hash(&shop, DIRECTORY_CERTIFICATE, cert), RC_OK);
}

static void
no_more_than_the_newest_are_given(void **state)
{
	struct shop shop SHOP_OWNED = {0};
	struct directory_found found DIRECTORY_FOUND_OWNED = DIRECTORY_FOUND;
	struct buf newest BUF_OWNED = BUF_SMALL;

	shop_init(&shop, state);
	for (int i = 0; i < DIRECTORY_MOST; i++)
		X509_free(shop_issue(&shop, shop.kit->now));
	X509 *last OWNED(X509_free) = shop_issue(&shop, shop.kit->now);
	assert_int_equal(
	    count_for(&shop, ALICE, shop.kit->now), DIRECTORY_MOST);
	assert_ok(directory_find_address(shop.sql, &shop.kit->settings,
	    span_str(ALICE), shop.kit->now, &found, NULL));
	assert_ok(hierarchy_der(last, &newest, NULL));
	assert_true(span_is(directory_der(&found, 0), buf_span(&newest)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(certificates_are_found_while_they_are_good),
	    cmocka_unit_test(what_was_revoked_is_found_by_itself_only),
	    cmocka_unit_test(it_says_what_each_is_for),
	    cmocka_unit_test(
		two_spellings_of_an_address_are_nobody_in_particular),
	    cmocka_unit_test(nothing_finds_two_mailboxes_at_once),
	    cmocka_unit_test(who_does_not_wish_it_is_found_by_nothing),
	    cmocka_unit_test(what_is_older_than_the_directory_gets_into_it),
	    cmocka_unit_test(no_more_than_the_newest_are_given),
	};

	return kit_test_both(tests, COUNT(tests));
}
