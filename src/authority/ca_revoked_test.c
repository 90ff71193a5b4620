#include "authority/ca_revoked.h"

#include "authority/crl_make.h"
#include "authority/directory.h"
#include "authority/issuedkit_priv.h"
#include "authority/lists.h"

static const X509 *
issuing(const struct shop *shop)
{
	return hierarchy_current(&shop->kit->hierarchy)->cert;
}

static enum rc
give_up(const struct shop *shop, const X509 *cert, int reason)
{
	struct ca_revoked_wish wish = {.cert = cert,
	    .reason = reason,
	    .by = "operator test",
	    .now = shop->kit->now};
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	struct err err = ERR_NONE;

	TRY(sql_act_begin(shop->sql, &act, &err));
	TRY(ca_revoked_add(shop->sql, &wish, &err));
	return sql_act_commit(&act, &err);
}

static bool
is_revoked(const struct shop *shop, const X509 *cert, const X509 *above)
{
	struct err err = ERR_NONE;
	bool revoked = false;

	assert_done(
	    ca_revoked_check(shop->sql, cert, above, &revoked, &err), err);
	return revoked;
}

static void
it_counts_for_the_certificate_and_for_what_is_below_it(void **state)
{
	struct shop shop SHOP_OWNED = {0};

	shop_init(&shop, state);
	const struct hierarchy *own = &shop.kit->hierarchy;
	assert_false(is_revoked(&shop, own->tsa, own->tsa_ca[0]));
	assert_ok(give_up(&shop, own->tsa_ca[0], 2));
	assert_true(is_revoked(&shop, own->tsa, own->tsa_ca[0]));
	assert_true(is_revoked(&shop, own->tsa_ca[0], own->root));
	assert_false(is_revoked(&shop, issuing(&shop), own->root));
	assert_int_equal(shop_number(&shop, "SELECT count(*) FROM audit WHERE"
					    " act = 'revoke-ca' AND"
					    " detail = 'cACompromise' AND"
					    " actor = 'operator test'"),
	    1);
}

static void
only_what_can_be_revoked_is_and_once(void **state)
{
	static const int bad[] = {-1, 0, 1, 6, 7, 8, 10, 11};
	static const char *const names[] = {
	    "keyCompromise", "unspecified", "certificateHold", ""};
	struct shop shop SHOP_OWNED = {0};

	shop_init(&shop, state);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_rc(give_up(&shop, issuing(&shop), bad[i]), RC_UNFIT);
	for (size_t i = 0; i < COUNT(names); i++)
		assert_int_equal(ca_revoked_reason_find(names[i]), -1);
	assert_int_equal(ca_revoked_reason_find("cACompromise"), 2);
	assert_rc(give_up(&shop, shop.kit->hierarchy.root, 2), RC_UNFIT);
	assert_ok(give_up(&shop, issuing(&shop), 4));
	assert_rc(give_up(&shop, issuing(&shop), 2), RC_REFUSED);
	assert_int_equal(
	    shop_number(&shop, "SELECT count(*) FROM ca_revocation"), 1);
}

static size_t
count_found(const struct shop *shop)
{
	struct directory_found found DIRECTORY_FOUND_OWNED = DIRECTORY_FOUND;
	struct err err = ERR_NONE;

	enum rc rc = directory_find_address(shop->sql, &shop->kit->settings,
	    span_str("alice@alpha.test"), shop->kit->now + 1, &found, &err);
	if (rc != RC_ABSENT)
		assert_done(rc, err);
	return found.len;
}

static void
what_it_issued_is_not_in_the_directory_any_more(void **state)
{
	struct shop shop SHOP_OWNED = {0};

	shop_init(&shop, state);
	X509 *cert OWNED(X509_free) = shop_issue(&shop, shop.kit->now);
	assert_non_null(cert);
	assert_int_equal(count_found(&shop), 1);
	assert_ok(give_up(&shop, shop.kit->hierarchy.tsa, 4));
	assert_int_equal(count_found(&shop), 1);
	assert_ok(give_up(&shop, issuing(&shop), 2));
	assert_int_equal(count_found(&shop), 0);
}

/* A TSA's own list, by a CA whose key the kit does not load: the issuing CA's
 * key signs here for the one that stands in for it. */
static void
a_list_has_those_of_its_issuer_with_the_reason(void **state)
{
	struct buf root BUF_OWNED = BUF_SMALL;
	struct buf tsa_ca BUF_OWNED = BUF_SMALL;
	struct shop shop SHOP_OWNED = {0};
	struct err err = ERR_NONE;
	char text[20000];

	shop_init(&shop, state);
	const struct hierarchy *own = &shop.kit->hierarchy;
	assert_ok(give_up(&shop, issuing(&shop), 5));
	assert_ok(give_up(&shop, own->tsa, 4));
	assert_done(ca_revoked_list(shop.sql, own->root, &root, &err), err);
	assert_done(
	    ca_revoked_list(shop.sql, own->tsa_ca[0], &tsa_ca, &err), err);
	struct lists_offline wish = {.folder = shop.kit->folder,
	    .name = "spare",
	    .ca = issuing(&shop),
	    .signer = hierarchy_current(own)->signer,
	    .entries = buf_span(&root),
	    .now = shop.kit->now};
	assert_done(lists_make_file(&wish, &err), err);
	assert_run(shop.kit, "openssl crl -inform DER -in spare.crl -noout "
			     "-text; openssl x509 -noout -serial -in "
			     "issuing.pem | cut -d= -f2");
	kit_output(shop.kit, text, sizeof(text));
	assert_has(text, "Cessation Of Operation");
	assert_null(strstr(text, "Superseded"));
	char *last = strrchr(text, '\n');
	*last = '\0';
	const char *serial = strrchr(text, '\n') + 1;
	char want[100];
	(void)snprintf(want, sizeof(want), "Serial Number: %s\n", serial);
	assert_has(text, want);
	wish.entries = buf_span(&tsa_ca);
	assert_done(lists_make_file(&wish, &err), err);
	assert_run(shop.kit, "openssl crl -inform DER -in spare.crl -noout "
			     "-text; rm spare.crl");
	kit_output(shop.kit, text, sizeof(text));
	assert_has(text, "Superseded");
	assert_null(strstr(text, "Cessation"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		it_counts_for_the_certificate_and_for_what_is_below_it),
	    cmocka_unit_test(only_what_can_be_revoked_is_and_once),
	    cmocka_unit_test(what_it_issued_is_not_in_the_directory_any_more),
	    cmocka_unit_test(a_list_has_those_of_its_issuer_with_the_reason),
	};

	return kit_test_both(tests, COUNT(tests));
}
