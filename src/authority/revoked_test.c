#include "authority/revoked.h"

#include "authority/issuedkit_priv.h"
#include "authority/published.h"

OWNER(char, free);

static enum rc
give_up(const struct shop *shop, struct span serial, int reason, int64_t now)
{
	struct revoked_wish wish = {.serial = serial,
	    .reason = reason,
	    .by = "operator test",
	    .now = now};
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	struct err err = ERR_NONE;

	TRY(sql_act_begin(shop->sql, &act, &err));
	TRY(revoked_add(shop->sql, &wish, &err));
	return sql_act_commit(&act, &err);
}

static void
it_is_remembered_with_its_time_and_reason(void **state)
{
	struct shop shop SHOP_OWNED = {0};
	struct revoked found = {0};
	struct err err = ERR_NONE;

	shop_init(&shop, state);
	int64_t now = shop.kit->now;
	X509 *one OWNED(X509_free) = shop_issue(&shop, now);
	X509 *two OWNED(X509_free) = shop_issue(&shop, now);
	assert_rc(
	    revoked_find(shop.sql, shop_serial(one), &found, &err), RC_ABSENT);
	assert_ok(
	    give_up(&shop, shop_serial(one), REVOKED_SUPERSEDED, now + 5));
	assert_done(
	    revoked_find(shop.sql, shop_serial(one), &found, &err), err);
	assert_int_equal(found.at, now + 5);
	assert_int_equal(found.reason, REVOKED_SUPERSEDED);
	assert_rc(
	    revoked_find(shop.sql, shop_serial(two), &found, &err), RC_ABSENT);
}

static void
what_was_never_issued_cannot_be_revoked(void **state)
{
	struct shop shop SHOP_OWNED = {0};
	uint8_t long_one[200] = {1};

	shop_init(&shop, state);
	X509 *cert OWNED(X509_free) = shop_make(&shop, shop.kit->now);
	assert_rc(
	    give_up(&shop, shop_serial(cert), 0, shop.kit->now), RC_ABSENT);
	assert_rc(give_up(&shop, span_of(long_one, sizeof(long_one)), 0,
		      shop.kit->now),
	    RC_ABSENT);
	assert_rc(give_up(&shop, SPAN_NONE, 0, shop.kit->now), RC_ABSENT);
	assert_int_equal(shop_number(&shop,
			     "SELECT count(*) FROM audit WHERE act <> 'begin'"),
	    0);
}

static void
a_second_time_is_refused_but_for_a_compromised_key(void **state)
{
	struct shop shop SHOP_OWNED = {0};
	struct revoked found = {0};

	shop_init(&shop, state);
	int64_t now = shop.kit->now;
	X509 *cert OWNED(X509_free) = shop_issue(&shop, now);
	struct span serial = shop_serial(cert);
	assert_ok(give_up(&shop, serial, REVOKED_CESSATION, now));
	assert_rc(
	    give_up(&shop, serial, REVOKED_SUPERSEDED, now + 1), RC_REFUSED);
	assert_ok(sql_run(shop.sql, "UPDATE revocation SET listed = 1", NULL));
	assert_ok(give_up(&shop, serial, REVOKED_KEY_COMPROMISE, now + 2));
	assert_rc(give_up(&shop, serial, REVOKED_KEY_COMPROMISE, now + 3),
	    RC_REFUSED);
	assert_ok(revoked_find(shop.sql, serial, &found, NULL));
	assert_int_equal(found.reason, REVOKED_KEY_COMPROMISE);
	assert_int_equal(found.at, now); /* since when nobody relies on it */
	assert_int_equal(
	    shop_number(
		&shop, "SELECT count(*) FROM revocation WHERE listed = 0"),
	    1);
}

static void
only_some_reasons_may_be_given(void **state)
{
	struct shop shop SHOP_OWNED = {0};

	shop_init(&shop, state);
	X509 *cert OWNED(X509_free) = shop_issue(&shop, shop.kit->now);
	/* of CAs, a hold, of delta lists, of attribute authorities, none */
	static const int never[] = {2, 6, 7, 8, 10, 11, -1, 256};
	for (size_t i = 0; i < COUNT(never); i++)
		assert_rc(
		    give_up(&shop, shop_serial(cert), never[i], shop.kit->now),
		    RC_UNFIT);
	for (int i = 0; i < 12; i++) {
		const char *name = revoked_reason_name(i);
		assert_int_equal(revoked_can_be(i), name != NULL);
		if (name != NULL)
			assert_int_equal(revoked_reason_find(name), i);
	}
	assert_int_equal(revoked_reason_find("certificateHold"), -1);
}

static void
it_is_in_the_audit_log_and_no_ready_answer_counts(void **state)
{
	struct shop shop SHOP_OWNED = {0};
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	char *text OWNED(free) = NULL;
	struct err err = ERR_NONE;

	shop_init(&shop, state);
	X509 *cert OWNED(X509_free) = shop_issue(&shop, shop.kit->now);
	assert_done(
	    sql_change(shop.sql,
		"INSERT INTO ocsp_answer"
		" (serial, digest, certificate, issuer, made, until, der)"
		" SELECT serial, 'sha1', id, '', 5, 7, serial"
		" FROM certificate",
		SQL_NONE, &err),
	    err);
	assert_ok(give_up(
	    &shop, shop_serial(cert), REVOKED_KEY_COMPROMISE, shop.kit->now));
	assert_int_equal(
	    shop_number(&shop,
		"SELECT CAST(sum(made + until) AS BIGINT) FROM ocsp_answer"),
	    0);
	assert_done(sql_select(shop.sql,
			"SELECT actor || '/' || act || '/' || detail"
			" FROM audit WHERE act = 'revoke'",
			SQL_NONE, &rows, &err),
	    err);
	assert_ok(sql_rows_next(rows, &err));
	assert_ok(sql_rows_text(rows, 0, &text, &err));
	assert_string_equal(text, "operator test/revoke/keyCompromise");
}

static void
it_knows_which_list_tells_of_it(void **state)
{
	struct shop shop SHOP_OWNED = {0};
	struct kit kit = *(const struct kit *)*state;
	char want[PUBLISHED_ID_LEN + 1];
	int64_t part = -1;

	shop_init(&shop, state);
	kit.settings.http_url = (char *)(uintptr_t) "http://a.test:8080";
	kit.settings.crl_parts = 1024;
	shop.kit = &kit;
	X509 *cert OWNED(X509_free) = shop_issue(&shop, kit.now);
	assert_ok(give_up(&shop, shop_serial(cert), 0, kit.now));
	assert_ok(published_part_of(cert, &part, NULL));
	assert_int_equal(part, published_part(shop_serial(cert), 1024));
	assert_int_equal(
	    shop_number(&shop, "SELECT part FROM revocation"), part);
	assert_ok(published_id(kit.hierarchy.issuing[0].cert, want, NULL));
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	assert_ok(sql_select(
	    shop.sql, "SELECT issuer FROM revocation", SQL_NONE, &rows, NULL));
	assert_ok(sql_rows_next(rows, NULL));
	assert_span(sql_rows_bytes(rows, 0), want);
}

static void
a_certificate_that_names_no_list_can_be_revoked(void **state)
{
	struct shop shop SHOP_OWNED = {0};

	shop_init(&shop, state);
	X509 *cert OWNED(X509_free) = shop_issue(&shop, shop.kit->now);
	assert_ok(give_up(&shop, shop_serial(cert), 0, shop.kit->now));
	assert_int_equal(shop_number(&shop, "SELECT part FROM revocation"), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_is_remembered_with_its_time_and_reason),
	    cmocka_unit_test(what_was_never_issued_cannot_be_revoked),
	    cmocka_unit_test(
		a_second_time_is_refused_but_for_a_compromised_key),
	    cmocka_unit_test(only_some_reasons_may_be_given),
	    cmocka_unit_test(it_is_in_the_audit_log_and_no_ready_answer_counts),
	    cmocka_unit_test(it_knows_which_list_tells_of_it),
	    cmocka_unit_test(a_certificate_that_names_no_list_can_be_revoked),
	};

	return kit_test_both(tests, COUNT(tests));
}
