#include "authority/smimea.h"

#include "authority/directory.h"
#include "authority/issuedkit_priv.h"
#include "authority/revoked.h"

/* The example of RFC 8162 section 3: hugh@example.com. */
static void
the_name_is_that_of_the_standard(void **state)
{
	struct buf name BUF_OWNED = BUF_SMALL;

	assert_ok(smimea_name(span_str("hugh@example.com"), &name, NULL));
	assert_span(buf_span(&name),
	    "c93f1e400f26708f98cb19d936620da35eec8f72e57f9eec01c1afd6"
	    "._smimecert");
	assert_rc(smimea_name(span_str("@b"), &name, NULL), RC_SYNTAX);
	assert_rc(smimea_name(span_str("b"), &name, NULL), RC_SYNTAX);
}

static enum rc
count_line(void *context, const char *line, struct err *err)
{
	int *count = context;

	(*count)++;
	assert_non_null(strstr(line, "._smimecert.alpha.test. 300 IN SMIMEA"));
	return RC_OK;
}

static int
count(const struct shop *shop, const char *domain, int64_t now)
{
	int count = 0;
	struct smimea_wish wish = {.domain = domain,
	    .ttl = 300,
	    .now = now,
	    .line = count_line,
	    .context = &count};
	struct err err = ERR_NONE;

	assert_done(smimea_export(shop->sql, &wish, &err), err);
	return count;
}

static void
only_what_is_published_and_good_is_in_the_zone(void **state)
{
	struct shop shop SHOP_OWNED = {0};

	shop_init(&shop, state);
	int64_t now = shop.kit->now;
	X509 *first OWNED(X509_free) = shop_issue(&shop, now);
	X509_free(shop_issue(&shop, now));
	X509_free(shop_issue_for(&shop, "bob@beta.test", PROFILE_SIGNING, now));
	X509_free(
	    shop_issue_for(&shop, "carol@alpha.test", PROFILE_SIGNING, now));
	assert_int_equal(count(&shop, "alpha.test", now), 3);
	assert_int_equal(count(&shop, "lpha.test", now), 0);
	assert_int_equal(
	    count(&shop, "alpha.test", now + (int64_t)91 * 24 * 3600), 0);

	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	struct revoked_wish wish = {
	    .serial = shop_serial(first), .by = "test", .now = now};
	assert_ok(sql_act_begin(shop.sql, &act, NULL));
	assert_ok(directory_hide(shop.sql, "carol@alpha.test", now, NULL));
	assert_ok(revoked_add(shop.sql, &wish, NULL));
	assert_ok(sql_act_commit(&act, NULL));
	assert_int_equal(count(&shop, "alpha.test", now), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_name_is_that_of_the_standard),
	    cmocka_unit_test(only_what_is_published_and_good_is_in_the_zone),
	};

	return kit_test_both(tests, COUNT(tests));
}
