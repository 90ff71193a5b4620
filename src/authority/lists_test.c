#include "authority/lists_priv.h"

#include "authority/issuedkit_priv.h"
#include "pki/crl.h"
#include "pki/der.h"

#define URL "http://a.test:8080"
#define HOUR ((int64_t)3600)
#define DAY (24 * HOUR)

/* A kit whose settings say where lists are. */
struct desk {
	struct kit kit;
	struct shop shop;
	struct lists lists;
	const char *id;
};

#define DESK_OWNED __attribute__((cleanup(desk_done)))

static void
desk_done(struct desk *desk)
{
	shop_done(&desk->shop);
}

static void
desk_init(struct desk *desk, void **state)
{
	desk->kit = *(const struct kit *)*state;
	desk->kit.settings.http_url = (char *)(uintptr_t)URL;
	desk->kit.settings.crl_parts = 4;
	shop_init(&desk->shop, state);
	desk->shop.kit = &desk->kit;
	desk->lists = (struct lists){&desk->kit.settings, &desk->kit.hierarchy};
	desk->id = hierarchy_current(&desk->kit.hierarchy)->id;
}

static void
publish(struct desk *desk, int64_t now)
{
	struct err err = ERR_NONE;

	assert_done(
	    lists_publish(&desk->lists, desk->shop.sql, now, &err), err);
}

/* Have openssl check the list of this part, and print it. */
static void
describe(const struct desk *desk, int64_t part, char text[20000])
{
	struct buf der BUF_OWNED = BUF((size_t)1 << 20);
	struct err err = ERR_NONE;

	assert_done(
	    lists_find(desk->shop.sql, desk->id, part, &der, &err), err);
	assert_ok(der_check(buf_span(&der), &err));
	kit_write(&desk->kit, "list.crl", buf_span(&der));
	assert_run(&desk->kit, "cat issuing.pem root.pem > both.pem; openssl "
			       "crl -inform DER -in list.crl -noout -verify "
			       "-CAfile both.pem 2>&1 | grep 'verify OK'");
	assert_run(
	    &desk->kit, "openssl crl -inform DER -in list.crl -noout -text");
	kit_output(&desk->kit, text, 20000);
}

static void
every_part_has_a_list_that_openssl_believes(void **state)
{
	struct desk desk DESK_OWNED = {0};
	char text[20000], want[200];

	desk_init(&desk, state);
	publish(&desk, desk.kit.now);
	assert_int_equal(
	    shop_number(&desk.shop, "SELECT count(*) FROM crl_list"), 4);
	for (int64_t part = 0; part < 4; part++) {
		describe(&desk, part, text);
		assert_has(text, "Version 2");
		assert_has(text, "No Revoked Certificates.");
		assert_has(text, "Authority Key Identifier");
		assert_has(text, "Issuing Distribution Point: critical");
		(void)snprintf(want, sizeof(want),
		    "URI:" URL "/crl/%s/%lld.crl\n", desk.id, (long long)part);
		assert_has(text, want);
		(void)snprintf(want, sizeof(want),
		    "CRL Number: \n                %lld\n",
		    (long long)desk.kit.now);
		assert_has(text, want);
	}
}

static void
our_own_reader_takes_it(void **state)
{
	struct desk desk DESK_OWNED = {0};
	struct buf der BUF_OWNED = BUF((size_t)1 << 20);
	struct crls crls CRLS_OWNED = CRLS_NONE;
	struct err err = ERR_NONE;

	desk_init(&desk, state);
	publish(&desk, desk.kit.now);
	assert_ok(lists_find(desk.shop.sql, desk.id, 0, &der, &err));
	assert_done(crls_add(&crls, buf_span(&der), &err), err);
	assert_int_equal(crl_from(crls.item[0]), desk.kit.now);
	assert_int_equal(crl_until(crls.item[0]), desk.kit.now + DAY);
}

/* "When there are no revoked certificates, the revoked certificates list MUST
 * be absent" (RFC 5280 section 5.1.2.6): an empty one is not the same. */
static void
an_empty_list_has_no_list_in_it(void **state)
{
	struct desk desk DESK_OWNED = {0};
	struct buf der BUF_OWNED = BUF((size_t)1 << 20);
	struct err err = ERR_NONE;
	struct der one;

	desk_init(&desk, state);
	publish(&desk, desk.kit.now);
	assert_ok(lists_find(desk.shop.sql, desk.id, 0, &der, &err));
	struct span in = buf_span(&der);
	assert_ok(der_expect(&in, DER_SEQUENCE, &one, &err));
	in = one.value;
	assert_ok(der_expect(&in, DER_SEQUENCE, &one, &err));
	in = one.value;
	/* version, signature, issuer, thisUpdate, nextUpdate */
	for (int i = 0; i < 5; i++)
		assert_ok(der_next(&in, &one, &err));
	assert_ok(der_expect(&in, DER_CONTEXT_0, &one, &err));
	assert_int_equal(in.len, 0);
}

static void
a_revocation_comes_to_its_own_list_at_once(void **state)
{
	struct desk desk DESK_OWNED = {0};
	char text[20000], want[100];

	desk_init(&desk, state);
	int64_t now = desk.kit.now;
	publish(&desk, now);
	X509 *cert OWNED(X509_free) = shop_issue(&desk.shop, now);
	int64_t part = published_part(shop_serial(cert), 4);
	shop_revoke(&desk.shop, cert, REVOKED_KEY_COMPROMISE, now + 1);
	publish(&desk, now + 2);
	describe(&desk, part, text);
	struct span serial = shop_serial(cert);
	(void)snprintf(want, sizeof(want), "Serial Number: %02X%02X%02X",
	    serial.data[0], serial.data[1], serial.data[2]);
	assert_has(text, want);
	assert_has(text, "CRL Reason Code: \n                Key Compromise");
	/* the others are as they were */
	assert_int_equal(
	    shop_number(&desk.shop, "SELECT count(*) FROM crl_list"
				    " WHERE made = number AND number > 0"),
	    4);
	describe(&desk, (part + 1) % 4, text);
	assert_has(text, "No Revoked Certificates.");
	(void)snprintf(want, sizeof(want), "%lld", (long long)now);
	assert_has(text, want);
}

static void
a_list_is_made_again_when_half_of_its_time_has_gone(void **state)
{
	struct desk desk DESK_OWNED = {0};

	desk_init(&desk, state);
	int64_t now = desk.kit.now;
	publish(&desk, now);
	publish(&desk, now + 12 * HOUR - 1);
	assert_int_equal(
	    shop_number(&desk.shop, "SELECT max(number) FROM crl_list"), now);
	publish(&desk, now + 12 * HOUR);
	assert_int_equal(
	    shop_number(&desk.shop, "SELECT min(number) FROM crl_list"),
	    now + 12 * HOUR);
}

static void
numbers_grow_though_the_clock_goes_back(void **state)
{
	struct desk desk DESK_OWNED = {0};

	desk_init(&desk, state);
	int64_t now = desk.kit.now;
	publish(&desk, now);
	publish(&desk, now - HOUR);
	assert_int_equal(
	    shop_number(&desk.shop, "SELECT min(number) FROM crl_list"),
	    now + 1);
	assert_int_equal(
	    shop_number(&desk.shop, "SELECT max(made) FROM crl_list"),
	    now - HOUR);
}

/* A certificate names its part for ever. */
static void
parts_that_were_given_up_are_made_all_the_same(void **state)
{
	struct desk desk DESK_OWNED = {0};

	desk_init(&desk, state);
	int64_t now = desk.kit.now;
	X509 *cert OWNED(X509_free) = NULL;
	/* one that is in the last part */
	do {
		X509_free(cert);
		cert = shop_make(&desk.shop, now);
	} while (published_part(shop_serial(cert), 4) != 3);
	shop_keep(&desk.shop, cert, now);
	desk.kit.settings.crl_parts = 1;
	publish(&desk, now);
	assert_int_equal(
	    shop_number(&desk.shop, "SELECT count(*) FROM crl_list"), 1);
	shop_revoke(&desk.shop, cert, REVOKED_SUPERSEDED, now);
	publish(&desk, now + 1);
	assert_int_equal(shop_number(&desk.shop,
			     "SELECT count(*) FROM crl_list WHERE part = 3"),
	    1);
	publish(&desk, now + DAY);
	assert_int_equal(
	    shop_number(&desk.shop, "SELECT made FROM crl_list WHERE part = 3"),
	    now + DAY);
}

static void
what_expired_stays_for_as_long_as_the_settings_say(void **state)
{
	struct desk desk DESK_OWNED = {0};
	char text[20000];

	desk_init(&desk, state);
	desk.kit.settings.crl_keep_days = 10;
	desk.kit.settings.crl_parts = 1;
	int64_t now = desk.kit.now;
	X509 *cert OWNED(X509_free) = shop_issue(&desk.shop, now);
	shop_revoke(&desk.shop, cert, REVOKED_SUPERSEDED, now);
	publish(&desk, now + 99 * DAY);
	describe(&desk, 0, text);
	assert_has(text, "Superseded");
	publish(&desk, now + 101 * DAY);
	describe(&desk, 0, text);
	assert_has(text, "No Revoked Certificates.");
}

/* A list of the part is being signed; what happens meanwhile. */
static void
begin(struct desk *desk, X509 *cert, int64_t now, struct lists_draft *ret)
{
	struct err err = ERR_NONE;

	*ret = (struct lists_draft){.lists = &desk->lists,
	    .ca = hierarchy_current(&desk->kit.hierarchy),
	    .part = published_part(shop_serial(cert), 4),
	    .now = now,
	    .entries = BUF(CRL_MAKE_MAX)};
	assert_done(lists_draft_read(desk->shop.sql, ret, &err), err);
}

static void
what_is_revoked_while_a_list_is_signed_comes_to_the_next(void **state)
{
	static const char waiting[] =
	    "SELECT count(*) FROM revocation WHERE listed = 0";
	struct lists_draft draft LISTS_DRAFT_OWNED = {0};
	struct lists_draft again LISTS_DRAFT_OWNED = {0};
	struct desk desk DESK_OWNED = {0};
	struct err err = ERR_NONE;

	desk_init(&desk, state);
	int64_t now = desk.kit.now;
	X509 *cert OWNED(X509_free) = shop_issue(&desk.shop, now);
	begin(&desk, cert, now, &draft);
	shop_revoke(&desk.shop, cert, REVOKED_SUPERSEDED, now);
	assert_done(
	    lists_draft_keep(desk.shop.sql, &draft, span_str("old"), &err),
	    err);
	assert_int_equal(shop_number(&desk.shop, waiting), 1);
	publish(&desk, now + 1);
	assert_int_equal(shop_number(&desk.shop, waiting), 0);
	/* and a reason that becomes a worse one */
	begin(&desk, cert, now + 2, &again);
	shop_revoke(&desk.shop, cert, REVOKED_KEY_COMPROMISE, now + 2);
	assert_done(
	    lists_draft_keep(desk.shop.sql, &again, span_str("old"), &err),
	    err);
	assert_int_equal(shop_number(&desk.shop, waiting), 1);
}

static void
of_two_lists_at_once_the_first_stays(void **state)
{
	struct lists_draft draft LISTS_DRAFT_OWNED = {0};
	struct desk desk DESK_OWNED = {0};
	struct buf der BUF_OWNED = BUF((size_t)1 << 20);
	struct err err = ERR_NONE;

	desk_init(&desk, state);
	int64_t now = desk.kit.now;
	X509 *cert OWNED(X509_free) = shop_issue(&desk.shop, now);
	begin(&desk, cert, now, &draft);
	publish(&desk, now);
	assert_rc(
	    lists_draft_keep(desk.shop.sql, &draft, span_str("late"), &err),
	    RC_REFUSED);
	assert_done(lists_find(desk.shop.sql, desk.id,
			published_part(shop_serial(cert), 4), &der, &err),
	    err);
	assert_ok(der_check(buf_span(&der), &err));
}

static void
without_a_place_nothing_is_published(void **state)
{
	struct desk desk DESK_OWNED = {0};

	desk_init(&desk, state);
	desk.kit.settings.http_url = NULL;
	publish(&desk, desk.kit.now);
	assert_int_equal(
	    shop_number(&desk.shop, "SELECT count(*) FROM crl_list"), 0);
}

static void
a_list_of_an_offline_ca_is_a_file_for_a_year(void **state)
{
	const struct kit *kit = *state;
	const struct authority_ca *ca = hierarchy_current(&kit->hierarchy);
	struct lists_offline wish = {.folder = kit->folder,
	    .name = "spare",
	    .ca = ca->cert,
	    .signer = ca->signer,
	    .now = kit->now};
	struct buf der BUF_OWNED = BUF((size_t)1 << 20);
	struct err err = ERR_NONE;
	char text[20000];

	assert_rc(lists_read_file(kit->folder, "spare", &der, &err), RC_ABSENT);
	assert_done(lists_make_file(&wish, &err), err);
	assert_done(lists_read_file(kit->folder, "spare", &der, &err), err);
	/* another one within the second has another number */
	assert_run(kit, "openssl crl -inform DER -in spare.crl -noout "
			"-crlnumber > one");
	assert_done(lists_make_file(&wish, &err), err);
	assert_run(kit, "openssl crl -inform DER -in spare.crl -noout "
			"-crlnumber > two && ! cmp one two");
	assert_run(kit, "cat issuing.pem root.pem > both.pem; openssl crl "
			"-inform DER -in spare.crl -noout -verify -CAfile "
			"both.pem 2>&1 | grep 'verify OK'");
	assert_run(kit, "openssl crl -inform DER -in spare.crl -noout -text; "
			"rm spare.crl");
	kit_output(kit, text, sizeof(text));
	/* it is about everything of its issuer */
	assert_null(strstr(text, "Issuing Distribution Point"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_part_has_a_list_that_openssl_believes),
	    cmocka_unit_test(our_own_reader_takes_it),
	    cmocka_unit_test(an_empty_list_has_no_list_in_it),
	    cmocka_unit_test(a_revocation_comes_to_its_own_list_at_once),
	    cmocka_unit_test(
		a_list_is_made_again_when_half_of_its_time_has_gone),
	    cmocka_unit_test(numbers_grow_though_the_clock_goes_back),
	    cmocka_unit_test(parts_that_were_given_up_are_made_all_the_same),
	    cmocka_unit_test(
		what_expired_stays_for_as_long_as_the_settings_say),
	    cmocka_unit_test(
		what_is_revoked_while_a_list_is_signed_comes_to_the_next),
	    cmocka_unit_test(of_two_lists_at_once_the_first_stays),
	    cmocka_unit_test(without_a_place_nothing_is_published),
	    cmocka_unit_test(a_list_of_an_offline_ca_is_a_file_for_a_year),
	};

	return kit_test_both(tests, COUNT(tests));
}
