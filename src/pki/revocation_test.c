#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pki/chain_priv.h"
#include "pki/fixture.h"
#include "pki/listkit_priv.h"

#define MAIL "alice@example.org"

/* root -> between -> leaf; leaf and between say where to ask */
struct world {
	struct fixture root, between, leaf, stranger;
	struct certs roots, untrusted;
};

static struct world world;

static struct chain_result
ask(const struct fixture *leaf, const struct crls *lists, int64_t at)
{
	struct chain_result got = CHAIN_RESULT;
	struct err err = ERR_NONE;
	struct chain_request request = {
	    .roots = &world.roots,
	    .untrusted = &world.untrusted,
	    .crls = lists,
	    .at = at,
	};

	if (chain_check(leaf->cert, &request, &got, &err) != RC_OK)
		fail_msg("chain_check: %s", err.text);
	return got;
}

#define NOW FIXTURE_NOW
#define BEFORE (NOW - DAY)
#define LATER (NOW + DAY)
#define CLEAN                         \
	{                             \
		.issuer = &world.root \
	}

static const struct {
	const char *name;
	struct list lists[4];
	int64_t at;
	enum chain_revocation want;
	int64_t revoked_at;
	const char *reason;
} cases[] = {
    {"nobody is", {CLEAN, {.issuer = &world.between}}, 0, REVOCATION_GOOD, 0,
	NULL},
    {"no list of the root", {{.issuer = &world.between}}, 0, REVOCATION_UNKNOWN,
	0, NULL},
    {"no list of the one between", {CLEAN}, 0, REVOCATION_UNKNOWN, 0, NULL},
    {"the leaf is",
	{CLEAN,
	    {.issuer = &world.between, .entry = {&world.leaf, BEFORE, 0, 0}}},
	0, REVOCATION_REVOKED, BEFORE, "cert.revoked"},
    {"in this very second",
	{CLEAN, {.issuer = &world.between, .entry = {&world.leaf, NOW, 0, 0}}},
	0, REVOCATION_REVOKED, NOW, "cert.revoked"},
    {"after the time we ask about",
	{CLEAN, {.issuer = &world.between,
		    .from = LATER,
		    .entry = {&world.leaf, NOW + 1, 0, 0}}},
	0, REVOCATION_REVOKED, NOW + 1, NULL},
    {"the key was stolen",
	{CLEAN,
	    {.issuer = &world.between, .entry = {&world.leaf, BEFORE, 1, 0}}},
	0, REVOCATION_COMPROMISED, BEFORE, "cert.revoked"},
    {"the authority's key was stolen",
	{{.issuer = &world.root, .entry = {&world.between, BEFORE, 2, 0}},
	    {.issuer = &world.between}},
	0, REVOCATION_COMPROMISED, BEFORE, "cert.revoked"},
    {"superseded",
	{CLEAN,
	    {.issuer = &world.between, .entry = {&world.leaf, BEFORE, 4, 0}}},
	0, REVOCATION_REVOKED, BEFORE, "cert.revoked"},
    {"stolen earlier than told",
	{CLEAN,
	    {.issuer = &world.between, .entry = {&world.leaf, NOW, 1, BEFORE}}},
	0, REVOCATION_COMPROMISED, BEFORE, "cert.revoked"},
    {"a date without a theft changes nothing",
	{CLEAN, {.issuer = &world.between,
		    .from = LATER,
		    .entry = {&world.leaf, LATER, 4, BEFORE}}},
	0, REVOCATION_REVOKED, LATER, NULL},
    {"taken off the list again",
	{CLEAN,
	    {.issuer = &world.between, .entry = {&world.leaf, BEFORE, 8, 0}}},
	0, REVOCATION_GOOD, 0, NULL},
    {"two of them: the theft counts",
	{{.issuer = &world.root, .entry = {&world.between, BEFORE - DAY, 4, 0}},
	    {.issuer = &world.between, .entry = {&world.leaf, BEFORE, 1, 0}}},
	0, REVOCATION_COMPROMISED, BEFORE - DAY, "cert.revoked"},
    {"superseded, and stolen later, says another list",
	{CLEAN,
	    {.issuer = &world.between, .entry = {&world.leaf, BEFORE, 4, 0}},
	    {.issuer = &world.between,
		.from = LATER,
		.entry = {&world.leaf, LATER, 1, LATER}}},
	0, REVOCATION_COMPROMISED, BEFORE, "cert.revoked"},
    {"its authority superseded, and itself stolen later",
	{{.issuer = &world.root, .entry = {&world.between, BEFORE, 4, 0}},
	    {.issuer = &world.between,
		.from = LATER,
		.entry = {&world.leaf, LATER, 1, LATER}}},
	0, REVOCATION_COMPROMISED, BEFORE, "cert.revoked"},
    {"two of them: the earlier counts",
	{{.issuer = &world.root, .entry = {&world.between, BEFORE - DAY, 0, 0}},
	    {.issuer = &world.between, .entry = {&world.leaf, BEFORE, 0, 0}}},
	0, REVOCATION_REVOKED, BEFORE - DAY, "cert.revoked"},
    {"the list has ended",
	{CLEAN, {.issuer = &world.between,
		    .from = NOW - 9 * DAY,
		    .until = NOW - 1}},
	0, REVOCATION_UNKNOWN, 0, NULL},
    {"the list ends now",
	{CLEAN,
	    {.issuer = &world.between, .from = NOW - 9 * DAY, .until = NOW}},
	0, REVOCATION_GOOD, 0, NULL},
    {"an ended list still names the revoked",
	{CLEAN, {.issuer = &world.between,
		    .from = NOW - 9 * DAY,
		    .until = NOW - 1,
		    .entry = {&world.leaf, BEFORE, 0, 0}}},
	0, REVOCATION_REVOKED, BEFORE, "cert.revoked"},
    {"a newer list than the time asked about",
	{CLEAN, {.issuer = &world.between, .from = LATER}}, 0, REVOCATION_GOOD,
	0, NULL},
    {"a list from after the certificate expired",
	{CLEAN, {.issuer = &world.between, .from = FIXTURE_END + 1}}, 0,
	REVOCATION_UNKNOWN, 0, NULL},
    /* 20300101000000Z, and a second later */
    {"a list that still has those who expired then",
	{CLEAN, {.issuer = &world.between,
		    .from = FIXTURE_END + 1,
		    .expired = "DER:180f32303330303130313030303030305a"}},
	0, REVOCATION_GOOD, 0, NULL},
    {"a list that has those who expired later",
	{CLEAN, {.issuer = &world.between,
		    .from = FIXTURE_END + 1,
		    .expired = "DER:180f32303330303130313030303030315a"}},
	0, REVOCATION_UNKNOWN, 0, NULL},
    {"the newest list counts",
	{CLEAN, {.issuer = &world.between, .from = NOW - 2 * DAY},
	    {.issuer = &world.between, .entry = {&world.leaf, BEFORE, 0, 0}}},
	0, REVOCATION_REVOKED, BEFORE, "cert.revoked"},
    {"a forged list",
	{CLEAN, {.issuer = &world.between,
		    .signer = &world.stranger,
		    .entry = {&world.leaf, BEFORE, 0, 0}}},
	0, REVOCATION_UNKNOWN, 0, NULL},
    {"a forged newer list does not hide the true one",
	{CLEAN,
	    {.issuer = &world.between, .signer = &world.stranger, .from = NOW},
	    {.issuer = &world.between, .entry = {&world.leaf, BEFORE, 0, 0}}},
	0, REVOCATION_REVOKED, BEFORE, "cert.revoked"},
    {"a list signed with SHA-1",
	{CLEAN, {.issuer = &world.between, .sha1 = true}}, 0,
	REVOCATION_UNKNOWN, 0, NULL},
    {"a critical extension that nobody knows",
	{CLEAN, {.issuer = &world.between, .critical = true}}, 0,
	REVOCATION_UNKNOWN, 0, NULL},
    {"a list of another place",
	{CLEAN, {.issuer = &world.between,
		    .scope = "critical,fullname:URI:http://a.test/z"}},
	0, REVOCATION_UNKNOWN, 0, NULL},
    {"a list of the place that the certificate names",
	{CLEAN, {.issuer = &world.between,
		    .scope = "critical,fullname:URI:http://a.test/b"}},
	0, REVOCATION_GOOD, 0, NULL},
    {"a list of authorities only",
	{CLEAN, {.issuer = &world.between, .scope = "critical,onlyCA:TRUE"}}, 0,
	REVOCATION_UNKNOWN, 0, NULL},
    {"a list of some reasons",
	{CLEAN, {.issuer = &world.between,
		    .scope = "critical,onlysomereasons:keyCompromise"}},
	0, REVOCATION_UNKNOWN, 0, NULL},
    {"all reasons in two lists",
	{CLEAN,
	    {.issuer = &world.between,
		.scope = "critical,onlysomereasons:keyCompromise"},
	    {.issuer = &world.between,
		/* all but keyCompromise */
		.scope = "critical,DER:30:05:83:03:07:3f:80"}},
	0, REVOCATION_GOOD, 0, NULL},
    {"a delta without its base",
	{CLEAN, {.issuer = &world.between, .number = 5, .base = 4}}, 0,
	REVOCATION_UNKNOWN, 0, NULL},
    {"a delta that names nobody keeps an ended list alive",
	{CLEAN,
	    {.issuer = &world.between,
		.from = NOW - 9 * DAY,
		.until = NOW - 1,
		.number = 4},
	    {.issuer = &world.between, .number = 5, .base = 4}},
	0, REVOCATION_GOOD, 0, NULL},
    {"a delta for a newer base than ours",
	{CLEAN,
	    {.issuer = &world.between,
		.from = NOW - 9 * DAY,
		.until = NOW - 1,
		.number = 4},
	    {.issuer = &world.between, .number = 7, .base = 5}},
	0, REVOCATION_UNKNOWN, 0, NULL},
    {"a delta that is older than the base",
	{CLEAN,
	    {.issuer = &world.between,
		.from = NOW - 9 * DAY,
		.until = NOW - 1,
		.number = 4},
	    {.issuer = &world.between, .number = 4, .base = 3}},
	0, REVOCATION_UNKNOWN, 0, NULL},
    {"revoked in the delta",
	{CLEAN, {.issuer = &world.between, .number = 4},
	    {.issuer = &world.between,
		.number = 5,
		.base = 4,
		.entry = {&world.leaf, BEFORE, 4, 0}}},
	0, REVOCATION_REVOKED, BEFORE, "cert.revoked"},
    {"released in the delta",
	{CLEAN,
	    {.issuer = &world.between,
		.number = 4,
		.entry = {&world.leaf, BEFORE, 6, 0}},
	    {.issuer = &world.between,
		.number = 5,
		.base = 4,
		.entry = {&world.leaf, NOW, 8, 0}}},
	0, REVOCATION_GOOD, 0, NULL},
    {"the newest delta counts",
	{CLEAN, {.issuer = &world.between, .number = 4},
	    {.issuer = &world.between,
		.number = 6,
		.base = 4,
		.entry = {&world.leaf, BEFORE, 4, 0}},
	    {.issuer = &world.between, .number = 5, .base = 4}},
	0, REVOCATION_REVOKED, BEFORE, "cert.revoked"},
    {"a forged delta releases nobody",
	{CLEAN,
	    {.issuer = &world.between,
		.number = 4,
		.entry = {&world.leaf, BEFORE, 6, 0}},
	    {.issuer = &world.between,
		.signer = &world.stranger,
		.number = 5,
		.base = 4,
		.entry = {&world.leaf, NOW, 8, 0}}},
	0, REVOCATION_REVOKED, BEFORE, "cert.revoked"},
    {"on hold",
	{CLEAN,
	    {.issuer = &world.between, .entry = {&world.leaf, BEFORE, 6, 0}}},
	0, REVOCATION_REVOKED, BEFORE, "cert.revoked"},
    {"on hold, and in a newer list no more",
	{CLEAN,
	    {.issuer = &world.between,
		.from = NOW - 3 * DAY,
		.entry = {&world.leaf, NOW - 4 * DAY, 6, 0}},
	    {.issuer = &world.between}},
	0, REVOCATION_GOOD, 0, NULL},
    {"revoked, and in a newer list no more",
	{CLEAN,
	    {.issuer = &world.between,
		.from = NOW - 3 * DAY,
		.entry = {&world.leaf, NOW - 4 * DAY, 4, 0}},
	    {.issuer = &world.between}},
	0, REVOCATION_REVOKED, NOW - 4 * DAY, "cert.revoked"},
    {"a critical extension that nobody knows, and yet on the list",
	{CLEAN, {.issuer = &world.between,
		    .critical = true,
		    .entry = {&world.leaf, BEFORE, 0, 0}}},
	0, REVOCATION_REVOKED, BEFORE, "cert.revoked"},
    {"revoked and expired",
	{CLEAN,
	    {.issuer = &world.between, .entry = {&world.leaf, BEFORE, 0, 0}}},
	FIXTURE_END + DAY, REVOCATION_REVOKED, BEFORE, "cert.revoked"},
};

static void
lists_say_who_was_revoked_and_when(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct crls lists CRLS_OWNED = make_lists(cases[i].lists, 4);
		struct chain_result got CHAIN_RESULT_OWNED = ask(&world.leaf,
		    &lists, cases[i].at != 0 ? cases[i].at : FIXTURE_NOW);
		bool same = got.reason == NULL || cases[i].reason == NULL
				? got.reason == cases[i].reason
				: !strcmp(got.reason, cases[i].reason);
		if (got.revocation != cases[i].want || !same ||
		    got.revoked_at != cases[i].revoked_at)
			fail_msg("%s: got %d at %lld, %s", cases[i].name,
			    got.revocation, (long long)got.revoked_at,
			    got.reason);
		assert_int_equal(got.state,
		    got.reason == NULL ? CHAIN_VALID : CHAIN_INVALID);
	}
}

static void
without_lists_it_depends_on_whether_anybody_can_be_asked(void **state)
{
	struct fixture quiet FIXTURE_OWNED = fixture_signer(&world.root, MAIL);
	struct fixture never FIXTURE_OWNED =
	    fixture_make(&(struct fixture_spec){.name = "x",
		.mail = MAIL,
		.issuer = &world.root,
		.more = {{"2.5.29.56", "DER:0500"}}});
	struct chain_result got CHAIN_RESULT_OWNED =
	    ask(&world.leaf, NULL, FIXTURE_NOW);
	struct chain_result other CHAIN_RESULT_OWNED =
	    ask(&quiet, NULL, FIXTURE_NOW);
	struct chain_result third CHAIN_RESULT_OWNED =
	    ask(&never, NULL, FIXTURE_NOW);

	assert_int_equal(got.state, CHAIN_VALID);
	assert_int_equal(got.revocation, REVOCATION_UNKNOWN);
	assert_int_equal(other.revocation, REVOCATION_NOT_APPLICABLE);
	assert_int_equal(third.revocation, REVOCATION_NOT_APPLICABLE);
}

static void
an_authority_that_says_no_place_can_still_revoke(void **state)
{
	struct fixture quiet FIXTURE_OWNED = fixture_signer(&world.root, MAIL);
	struct crls lists CRLS_OWNED =
	    make_lists(&(struct list){.issuer = &world.root,
			   .entry = {&quiet, FIXTURE_NOW - DAY, 1, 0}},
		1);
	struct chain_result got CHAIN_RESULT_OWNED =
	    ask(&quiet, &lists, FIXTURE_NOW);

	assert_int_equal(got.revocation, REVOCATION_COMPROMISED);
	assert_string_equal(got.reason, "cert.revoked");
}

/* ---- who signs lists ---------------------------------------------------- */

static struct chain_result
ask_more(const struct fixture *leaf, const struct certs *untrusted,
    const struct crls *lists)
{
	struct chain_result got = CHAIN_RESULT;
	struct err err = ERR_NONE;
	struct chain_request request = {.roots = &world.roots,
	    .untrusted = untrusted,
	    .crls = lists,
	    .at = NOW,
	    .need_status = true};

	if (chain_check(leaf->cert, &request, &got, &err) != RC_OK)
		fail_msg("chain_check: %s", err.text);
	return got;
}

static void
without_a_status_that_is_needed_nothing_is_valid(void **state)
{
	struct crls lists CRLS_OWNED =
	    make_lists(&(struct list){.issuer = &world.between}, 1);
	struct fixture never FIXTURE_OWNED =
	    fixture_make(&(struct fixture_spec){.name = "x",
		.mail = MAIL,
		.issuer = &world.root,
		.more = {{"2.5.29.56", "DER:0500"}}});
	struct chain_result got CHAIN_RESULT_OWNED =
	    ask_more(&world.leaf, &world.untrusted, &lists);
	struct chain_result none CHAIN_RESULT_OWNED =
	    ask_more(&world.leaf, &world.untrusted, NULL);
	struct chain_result other CHAIN_RESULT_OWNED =
	    ask_more(&never, NULL, &lists);

	assert_string_equal(got.reason, "cert.status-unknown");
	assert_int_equal(got.state, CHAIN_INVALID);
	assert_string_equal(none.reason, "cert.status-unknown");
	assert_int_equal(other.state, CHAIN_VALID);
}

/* Who signs the lists of `world.between` beside it. */
static struct fixture
make_signer(const char *name, const struct fixture *issuer, const char *usage)
{
	return fixture_make(&(struct fixture_spec){
	    .name = name, .issuer = issuer, .usage = usage});
}

static void
another_key_of_the_issuer_may_sign_lists(void **state)
{
	static const struct {
		const char *name, *usage;
		bool from_stranger, revoked, valid;
	} keys[] = {
	    {"Between", "cRLSign", false, false, true},
	    {"Between", "keyCertSign", false, false, false},
	    {"Between", "cRLSign", true, false, false},
	    {"Between", "cRLSign", false, true, false},
	    {"Other", "cRLSign", false, false, false},
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct fixture signer FIXTURE_OWNED = make_signer(keys[i].name,
		    keys[i].from_stranger ? &world.stranger : &world.root,
		    keys[i].usage);
		struct certs untrusted CERTS_OWNED = CERTS_NONE;
		struct list wanted[] = {
		    {.issuer = &world.root,
			.entry = {keys[i].revoked ? &signer : NULL, BEFORE, 4,
			    0}},
		    {.issuer = &world.between, .signer = &signer},
		};
		struct crls lists CRLS_OWNED = make_lists(wanted, 2);
		assert_int_equal(
		    certs_add(&untrusted, world.between.cert, NULL), RC_OK);
		assert_int_equal(
		    certs_add(&untrusted, signer.cert, NULL), RC_OK);
		struct chain_result got CHAIN_RESULT_OWNED =
		    ask_more(&world.leaf, &untrusted, &lists);
		if ((got.state == CHAIN_VALID) != keys[i].valid)
			fail_msg("key %zu: %s", i, got.reason);
	}
}

/* Who signs lists is asked for his own status, and who signs that list for
 * his; a third is not. */
static void
signers_of_signers_are_asked_for_twice(void **state)
{
	struct fixture signer FIXTURE_OWNED =
	    make_signer("Between", &world.between, "cRLSign");
	struct certs untrusted CERTS_OWNED = CERTS_NONE;
	struct list wanted[] = {
	    CLEAN, {.issuer = &world.between, .signer = &signer}};
	struct crls lists CRLS_OWNED = make_lists(wanted, 2);
	const struct chain_request request = {.roots = &world.roots,
	    .untrusted = &untrusted,
	    .crls = &lists,
	    .at = NOW,
	    .need_status = true};

	assert_int_equal(
	    certs_add(&untrusted, world.between.cert, NULL), RC_OK);
	assert_int_equal(certs_add(&untrusted, signer.cert, NULL), RC_OK);
	for (unsigned i = 0; i <= chain_default.nesting; i++) {
		struct chain_work work = {.limits = &chain_default};
		struct chain_result got CHAIN_RESULT_OWNED = CHAIN_RESULT;
		assert_int_equal(chain_search(world.leaf.cert, &request, &work,
				     i, &got, NULL),
		    RC_OK);
		/* the signer is good by his own list (PKITS 4.14.30) */
		assert_int_equal(got.state,
		    i < chain_default.nesting ? CHAIN_VALID : CHAIN_INVALID);
	}
}

/* ---- a stolen key ------------------------------------------------------- */

static void
a_second_certificate_does_not_redeem_a_stolen_key(void **state)
{
	static const struct {
		int reason;
		bool valid;
	} cases_of[] = {{1, false}, {4, true}};

	for (size_t i = 0; i < 2; i++) {
		struct fixture other FIXTURE_OWNED = fixture_root("Other root");
		EVP_PKEY_up_ref(world.between.key);
		struct fixture second FIXTURE_OWNED =
		    fixture_make(&(struct fixture_spec){.name = "Between",
			.issuer = &other,
			.key = world.between.key,
			.constraints = "critical,CA:TRUE",
			.usage = "critical,keyCertSign,cRLSign"});
		struct certs roots CERTS_OWNED = CERTS_NONE;
		struct certs untrusted CERTS_OWNED = CERTS_NONE;
		struct chain_result got CHAIN_RESULT_OWNED = CHAIN_RESULT;
		struct crls lists CRLS_OWNED =
		    make_lists(&(struct list){.issuer = &world.root,
				   .entry = {&world.between, BEFORE,
				       cases_of[i].reason, 0}},
			1);
		assert_int_equal(
		    certs_add(&roots, world.root.cert, NULL), RC_OK);
		assert_int_equal(certs_add(&roots, other.cert, NULL), RC_OK);
		assert_int_equal(
		    certs_add(&untrusted, world.between.cert, NULL), RC_OK);
		assert_int_equal(
		    certs_add(&untrusted, second.cert, NULL), RC_OK);
		struct chain_request request = {.roots = &roots,
		    .untrusted = &untrusted,
		    .crls = &lists,
		    .at = NOW};
		assert_int_equal(
		    chain_check(world.leaf.cert, &request, &got, NULL), RC_OK);
		assert_int_equal(
		    got.state, cases_of[i].valid ? CHAIN_VALID : CHAIN_INVALID);
	}
}

static int
begin(void **state)
{
	world.root = fixture_root("Root");
	world.stranger = fixture_root("Stranger");
	world.between = fixture_make(&(struct fixture_spec){.name = "Between",
	    .issuer = &world.root,
	    .constraints = "critical,CA:TRUE",
	    .usage = "critical,keyCertSign,cRLSign",
	    .more = {{"crlDistributionPoints", "URI:http://a.test/r"}}});
	world.leaf = fixture_make(&(struct fixture_spec){.name = "Leaf",
	    .mail = MAIL,
	    .issuer = &world.between,
	    .usage = "critical,digitalSignature",
	    .extended = "emailProtection",
	    .more = {{"crlDistributionPoints", "URI:http://a.test/b"}}});
	world.roots = world.untrusted = CERTS_NONE;
	return certs_add(&world.roots, world.root.cert, NULL) == RC_OK &&
		       certs_add(&world.untrusted, world.between.cert, NULL) ==
			   RC_OK
		   ? 0
		   : -1;
}

static int
end(void **state)
{
	certs_done(&world.roots);
	certs_done(&world.untrusted);
	fixture_done(&world.root);
	fixture_done(&world.between);
	fixture_done(&world.leaf);
	fixture_done(&world.stranger);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lists_say_who_was_revoked_and_when),
	    cmocka_unit_test(
		without_lists_it_depends_on_whether_anybody_can_be_asked),
	    cmocka_unit_test(an_authority_that_says_no_place_can_still_revoke),
	    cmocka_unit_test(without_a_status_that_is_needed_nothing_is_valid),
	    cmocka_unit_test(another_key_of_the_issuer_may_sign_lists),
	    cmocka_unit_test(signers_of_signers_are_asked_for_twice),
	    cmocka_unit_test(a_second_certificate_does_not_redeem_a_stolen_key),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
