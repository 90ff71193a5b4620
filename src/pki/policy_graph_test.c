#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pki/chain_priv.h"
#include "pki/fixture.h"
#include "pki/policy_graph_priv.h"

#define TEXT_MAX 40000

/* A path from the leaf up, without signatures that anybody looks at. */
struct chain {
	struct fixture item[CHAIN_MAX_PATH];
	size_t len;
};

static struct fixture anchor;

static struct fixture
make(const char *name, const char *policies, const char *mappings,
    const char *constraints)
{
	EVP_PKEY_up_ref(anchor.key);
	return fixture_make(&(struct fixture_spec){.name = name,
	    .key = anchor.key,
	    .issuer = &anchor,
	    .constraints = "critical,CA:TRUE",
	    .policies = policies,
	    .more = {{"policyMappings", mappings},
		{"policyConstraints", constraints}}});
}

static enum policy_answer
ask_chain(const struct chain *chain, const char *policy, bool inhibit_any)
{
	struct certs path CERTS_OWNED = CERTS_NONE;
	struct strlist wanted STRLIST_OWNED = STRLIST_NONE;
	struct chain_request request = {
	    .explicit_policy = true, .inhibit_any_policy = inhibit_any};
	enum policy_answer answer;
	struct err err = ERR_NONE;

	if (policy != NULL) {
		assert_int_equal(strlist_add_str(&wanted, policy, NULL), RC_OK);
		request.policies = &wanted;
	}
	for (size_t i = 0; i < chain->len; i++)
		assert_int_equal(
		    certs_add(&path, chain->item[i].cert, NULL), RC_OK);
	assert_int_equal(
	    policy_graph_check(&path, &request, &answer, &err), RC_OK);
	return answer;
}

static void
chain_done(struct chain *chain)
{
	for (size_t i = 0; i < chain->len; i++)
		fixture_done(&chain->item[i]);
}

#define CHAIN_OWNED __attribute__((cleanup(chain_done)))

/* "1.2.1, 1.2.2, ..." */
static void
list_policies(char *text, size_t from, size_t count)
{
	size_t used = 0;

	for (size_t i = 0; i < count; i++)
		used += (size_t)snprintf(text + used, TEXT_MAX - used,
		    "%s1.2.%zu", i == 0 ? "" : ",", from + i);
}

static void
map_all_to_all(char *text, size_t count)
{
	size_t used = 0;

	for (size_t i = 0; i < count * count; i++)
		used += (size_t)snprintf(text + used, TEXT_MAX - used,
		    "%s1.2.%zu:1.2.%zu", i == 0 ? "" : ",", 1 + i / count,
		    1 + i % count);
}

/* A tree has 20 to the 9th nodes here (CVE-2023-0464). */
static void
policies_that_multiply_cost_nothing(void **state)
{
	char policies[TEXT_MAX], mappings[TEXT_MAX];
	struct chain chain CHAIN_OWNED = {.len = CHAIN_MAX_PATH};

	list_policies(policies, 1, 20);
	map_all_to_all(mappings, 20);
	chain.item[0] = make("Leaf", "1.2.20", NULL, NULL);
	for (size_t i = 1; i < CHAIN_MAX_PATH; i++)
		chain.item[i] = make("Authority", policies, mappings, NULL);
	assert_int_equal(ask_chain(&chain, NULL, false), POLICY_HOLDS);
	assert_int_equal(ask_chain(&chain, "1.2.7", false), POLICY_HOLDS);
	assert_int_equal(ask_chain(&chain, "1.2.21", false), POLICY_FAILS);
}

static void
there_may_be_512_policies_and_not_one_more(void **state)
{
	char policies[TEXT_MAX];

	for (size_t i = 0; i < 2; i++) {
		struct chain chain CHAIN_OWNED = {.len = 3};
		list_policies(policies, 1, POLICY_MAX_NODES + i);
		chain.item[0] = make("Leaf", "1.2.500", NULL, NULL);
		chain.item[1] = make("Authority", policies, NULL, NULL);
		chain.item[2] = make("Root", NULL, NULL, NULL);
		assert_int_equal(ask_chain(&chain, "1.2.500", false),
		    i == 0 ? POLICY_HOLDS : POLICY_LIMIT);
	}
}

/* Also of policies that nobody has. */
static void
there_may_be_512_mappings_and_not_one_more(void **state)
{
	char mappings[TEXT_MAX];

	for (size_t i = 0; i < 2; i++) {
		struct chain chain CHAIN_OWNED = {.len = 3};
		size_t used = 0;
		for (size_t k = 0; k < POLICY_MAX_NODES + i; k++)
			used +=
			    (size_t)snprintf(mappings + used, TEXT_MAX - used,
				"%s1.2.9:1.3.%zu", k == 0 ? "" : ",", k);
		chain.item[0] = make("Leaf", "1.2.1", NULL, NULL);
		chain.item[1] = make("Authority", "1.2.1", mappings, NULL);
		chain.item[2] = make("Root", NULL, NULL, NULL);
		assert_int_equal(ask_chain(&chain, "1.2.1", false),
		    i == 0 ? POLICY_HOLDS : POLICY_LIMIT);
	}
}

/* The authority's own words are what is asked for, not what it calls them
 * below. */
static void
a_mapped_policy_is_asked_for_by_its_first_name(void **state)
{
	struct chain chain CHAIN_OWNED = {.len = 4};

	chain.item[0] = make("Leaf", "1.2.3", NULL, NULL);
	chain.item[1] = make("B", "1.2.2", "1.2.2:1.2.3", NULL);
	chain.item[2] = make("A", "1.2.1", "1.2.1:1.2.2", NULL);
	chain.item[3] = make("Root", NULL, NULL, NULL);
	assert_int_equal(ask_chain(&chain, "1.2.1", false), POLICY_HOLDS);
	assert_int_equal(ask_chain(&chain, "1.2.2", false), POLICY_FAILS);
	assert_int_equal(ask_chain(&chain, "1.2.3", false), POLICY_FAILS);
	assert_int_equal(ask_chain(&chain, "2.5.29.32.0", false), POLICY_HOLDS);
}

static void
a_mapped_policy_is_known_below_by_its_second_name_only(void **state)
{
	struct chain chain CHAIN_OWNED = {.len = 3};

	chain.item[0] = make("Leaf", "1.2.1", NULL, NULL);
	chain.item[1] = make("A", "1.2.1", "1.2.1:1.2.2", NULL);
	chain.item[2] = make("Root", NULL, NULL, NULL);
	assert_int_equal(ask_chain(&chain, NULL, false), POLICY_FAILS);
}

static void
any_policy_stands_for_all_unless_it_may_not(void **state)
{
	struct chain chain CHAIN_OWNED = {.len = 3};

	chain.item[0] = make("Leaf", "1.2.1", NULL, NULL);
	chain.item[1] = make("A", "2.5.29.32.0", NULL, NULL);
	chain.item[2] = make("Root", NULL, NULL, NULL);
	assert_int_equal(ask_chain(&chain, "1.2.1", false), POLICY_HOLDS);
	assert_int_equal(ask_chain(&chain, "1.2.2", false), POLICY_FAILS);
	assert_int_equal(ask_chain(&chain, "1.2.1", true), POLICY_FAILS);
}

static void
what_any_policy_maps_is_asked_for_by_its_first_name(void **state)
{
	struct chain chain CHAIN_OWNED = {.len = 3};

	chain.item[0] = make("Leaf", "1.2.2", NULL, NULL);
	chain.item[1] = make("A", "2.5.29.32.0", "1.2.1:1.2.2", NULL);
	chain.item[2] = make("Root", NULL, NULL, NULL);
	assert_int_equal(ask_chain(&chain, "1.2.1", false), POLICY_HOLDS);
	assert_int_equal(ask_chain(&chain, "1.2.2", false), POLICY_FAILS);
}

static void
a_policy_said_twice_fails(void **state)
{
	struct chain chain CHAIN_OWNED = {.len = 2};

	chain.item[0] = make("Leaf", "1.2.1,1.2.1", NULL, NULL);
	chain.item[1] = make("Root", NULL, NULL, NULL);
	assert_int_equal(ask_chain(&chain, NULL, false), POLICY_FAILS);
}

static void
the_anchor_alone_needs_no_policy(void **state)
{
	struct chain chain CHAIN_OWNED = {.len = 1};

	chain.item[0] = make("Root", NULL, NULL, NULL);
	assert_int_equal(ask_chain(&chain, "1.2.1", false), POLICY_HOLDS);
}

static int
begin(void **state)
{
	anchor = fixture_root("Anchor");
	return 0;
}

static int
end(void **state)
{
	fixture_done(&anchor);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(policies_that_multiply_cost_nothing),
	    cmocka_unit_test(there_may_be_512_policies_and_not_one_more),
	    cmocka_unit_test(there_may_be_512_mappings_and_not_one_more),
	    cmocka_unit_test(a_mapped_policy_is_asked_for_by_its_first_name),
	    cmocka_unit_test(
		a_mapped_policy_is_known_below_by_its_second_name_only),
	    cmocka_unit_test(any_policy_stands_for_all_unless_it_may_not),
	    cmocka_unit_test(
		what_any_policy_maps_is_asked_for_by_its_first_name),
	    cmocka_unit_test(a_policy_said_twice_fails),
	    cmocka_unit_test(the_anchor_alone_needs_no_policy),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
