/* Limits at them and one beyond, what is proven, and bytes that are no text.
 * Whom a sender passes for is in lookalike_test.c. */
#include <stdio.h>

#include "base/expect.h"
#include "base/own.h"
#include "flow/lookalike.h"

OWNER(struct lookalike, lookalike_free);

static enum rc
ask(const struct lookalike *l, const char *domain, const char *name,
    struct lookalike_finding *ret)
{
	struct lookalike_sender sender = {.local = span_str("office"),
	    .domain = span_str(domain),
	    .name = span_str(name)};

	return lookalike_find(l, &sender, ret, NULL);
}

static void
as_many_people_as_the_limit_and_no_more(void **state)
{
	struct lookalike *l OWNED(lookalike_free) = NULL;
	struct lookalike_finding f;
	char address[64];

	(void)state;
	assert_ok(lookalike_new(&l, NULL));
	for (size_t i = 0; i < LOOKALIKE_PEOPLE_MAX; i++) {
		snprintf(address, sizeof(address), "person%zu@firm%zu.test", i,
		    i / 100);
		assert_ok(
		    lookalike_add_known(l, span_str(address), SPAN_NONE, NULL));
	}
	assert_rc(
	    lookalike_add_known(l, span_str("one@more.test"), SPAN_NONE, NULL),
	    RC_LIMIT);
	assert_rc(ask(l, "firm7.test", "", &f), RC_ABSENT);
	assert_ok(ask(l, "micr0soft.com", "", &f));
}

static void
as_many_own_domains_as_the_limit_and_no_more(void **state)
{
	struct lookalike *l OWNED(lookalike_free) = NULL;
	char domain[64];

	(void)state;
	assert_ok(lookalike_new(&l, NULL));
	for (size_t i = 0; i < LOOKALIKE_OWN_MAX; i++) {
		snprintf(domain, sizeof(domain), "own%zu.test", i);
		assert_ok(lookalike_add_own(l, span_str(domain), NULL));
	}
	assert_rc(lookalike_add_own(l, span_str("more.test"), NULL), RC_LIMIT);
}

static void
what_is_no_address_is_not_added(void **state)
{
	static const char *const bad[] = {
	    "", "alice", "@alpha.test", "alice@", "alice@..", "alice@a..b"};
	struct lookalike *l OWNED(lookalike_free) = NULL;

	(void)state;
	assert_ok(lookalike_new(&l, NULL));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_rc(
		    lookalike_add_known(l, span_str(bad[i]), SPAN_NONE, NULL),
		    RC_SYNTAX);
	assert_rc(lookalike_add_own(l, span_str("a..b"), NULL), RC_SYNTAX);
}

/* A long name counts as far as anybody is shown it. */
static void
a_name_counts_up_to_its_limit(void **state)
{
	static const char brand[] = "HSBC Security";
	struct lookalike *l OWNED(lookalike_free) = NULL;
	static char name[LOOKALIKE_NAME_MAX * 2];
	struct lookalike_finding f;

	(void)state;
	assert_ok(lookalike_new(&l, NULL));
	memset(name, ' ', sizeof(name) - 1);
	memcpy(name + LOOKALIKE_NAME_MAX - strlen(brand), brand, strlen(brand));
	assert_ok(ask(l, "new-domain.test", name, &f));
	assert_int_equal(f.rule, LOOKALIKE_ORGANISATION);
	memset(name, ' ', sizeof(name) - 1);
	memcpy(name + LOOKALIKE_NAME_MAX, brand, strlen(brand));
	assert_rc(ask(l, "new-domain.test", name, &f), RC_ABSENT);
}

/* "PayPal" from a domain that is not on the list, and an authority has proven
 * that it is PayPal's. */
static void
an_organisation_that_is_proven_imitates_nobody(void **state)
{
	struct lookalike *l OWNED(lookalike_free) = NULL;
	struct lookalike_sender sender = {.local = span_str("office"),
	    .domain = span_str("new-domain.test"),
	    .name = span_str("PayPal Service"),
	    .organisation = span_str("PayPal (Europe) S.a r.l.")};
	struct lookalike_finding f;

	(void)state;
	assert_ok(lookalike_new(&l, NULL));
	assert_rc(lookalike_find(l, &sender, &f, NULL), RC_ABSENT);
	sender.organisation = span_str("Paypalace Ltd");
	assert_ok(lookalike_find(l, &sender, &f, NULL));
	assert_string_equal(f.reason, "addr.name-of-organisation");
	assert_true(f.strong);
	assert_int_equal(f.kind, LOOKALIKE_IMITATED);
}

static void
bytes_that_are_no_text_are_a_finding_not_a_failure(void **state)
{
	static char longest[2000];
	struct lookalike *l OWNED(lookalike_free) = NULL;
	struct lookalike_finding f;

	(void)state;
	assert_ok(lookalike_new(&l, NULL));
	assert_ok(ask(l, "\xff\xfe.test", "", &f));
	assert_string_equal(f.reason, "addr.deceptive");
	assert_ok(ask(l, "", "", &f));
	assert_string_equal(f.reason, "addr.deceptive");
	memset(longest, 'a', sizeof(longest) - 1);
	assert_ok(ask(l, longest, "", &f));
	assert_string_equal(f.reason, "addr.deceptive");
	assert_rc(ask(l, "stranger.test", "\xff\xfe", &f), RC_ABSENT);
	assert_ok(ask(l, "stranger.test", "\xff\xfeHSBC\xffSecurity", &f));
	assert_string_equal(f.of, "HSBC");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(as_many_people_as_the_limit_and_no_more),
	    cmocka_unit_test(as_many_own_domains_as_the_limit_and_no_more),
	    cmocka_unit_test(what_is_no_address_is_not_added),
	    cmocka_unit_test(a_name_counts_up_to_its_limit),
	    cmocka_unit_test(an_organisation_that_is_proven_imitates_nobody),
	    cmocka_unit_test(
		bytes_that_are_no_text_are_a_finding_not_a_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
