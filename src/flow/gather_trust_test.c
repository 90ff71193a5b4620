/* Whom a root may name, from the letter to the facts. */
#include "flow/gatherkit_priv.h"
#include "pki/policy.h"

#define V1 POLICY_ARC ".1.1"
#define V3 POLICY_ARC ".1.2"
#define V4 POLICY_ARC ".1.3"

/* An employee of a famous firm, says a certificate under the test's root. */
static struct person
claimant(const struct fixture *issuer, const char *policy)
{
	struct person p = {.fixture = fixture_make(&(struct fixture_spec){
			       .name = "Microsoft Support",
			       .organization = "Microsoft",
			       .mail = ALICE,
			       .issuer = issuer,
			       .policies = policy,
			       .usage = "critical,digitalSignature",
			       .extended = "emailProtection"})};

	p.key = (struct key){&kit_ops, p.fixture.key, KEY_BOTH, p.fixture.key};
	p.identity = (struct identity){p.fixture.cert, NULL, NULL};
	return p;
}

static void
read_trusting(
    const struct trust *trust, struct span letter, struct gathered *ret)
{
	struct source_memory memory = {.bytes = letter};
	const struct source source = source_memory(&memory);
	const struct reader reader = {
	    .roots = &roots, .trust = trust, .now = FIXTURE_NOW};

	gathered_init(ret);
	assert_done(gather(&source, &reader, ret, &err), err);
}

/* A letter from Alice, signed with it. */
static void
write_claim(const char *policy, struct buf *out)
{
	struct buf part BUF_OWNED = BUF(ROOM);
	struct person who = claimant(&root, policy);

	who.identity.key = &who.key;
	put(out, FROM "MIME-Version: 1.0\r\n");
	put(&part, TEXT);
	sign_around(&who, &part);
	assert_done(buf_add(out, buf_span(&part), &err), err);
	fixture_done(&who.fixture);
}

static void
read_claim(const struct trust *trust, const char *policy, struct gathered *ret)
{
	struct buf letter BUF_OWNED = BUF(ROOM);

	write_claim(policy, &letter);
	read_trusting(trust, buf_span(&letter), ret);
}

/* One line of settings about the test's root. */
static struct trust
settings(const char *what)
{
	struct trust trust = TRUST_NONE;
	struct buf text BUF_OWNED = BUF_SMALL;

	assert_done(buf_add_format(&text, &err, "root %s %s",
			cert_fingerprint(root.cert), what),
	    err);
	assert_done(trust_parse(buf_span(&text), &trust, &err), err);
	return trust;
}

static void
no_root_may_name_an_organisation_because_it_can_write_its_name(void **state)
{
	struct gathered g GATHERED_OWNED;

	read_claim(NULL, V3, &g);
	assert_int_equal(g.facts.sig.state, SIGNED_VALID);
	assert_int_equal(g.facts.sig.chain, CHAIN_VALID);
	assert_int_equal(g.facts.sig.binding, BINDING_FROM);
	assert_false(g.facts.sig.level_allowed);
	assert_true(g.facts.sig.domain_allowed);
	assert_string_equal(g.facts.sig.organization, "");
	assert_string_equal(g.facts.sig.name, "");
	assert_string_equal(g.facts.sig.by, ALICE);
}

static const struct {
	const char *settings, *policy;
	bool level, domain;
	const char *organization, *name;
} cases[] = {
    {"V4 alpha.test", V4, true, true, "Microsoft", "Microsoft Support"},
    {"V4 alpha.test", V3, true, true, "Microsoft", "Microsoft Support"},
    {"V3 *", V4, false, true, "", ""},
    {"V4 microsoft.com", V4, false, false, "", ""},
    {"V4 *.alpha.test", V4, false, false, "", ""},
    {"V4 alpha.test", V1, true, true, "", ""},
    {"V4 alpha.test", NULL, true, true, "", ""},
    {"V1 beta.test", V1, true, false, "", ""},
};

static void
a_name_is_told_only_where_the_root_may_give_it(void **state)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct gathered g GATHERED_OWNED;
		struct trust trust TRUST_OWNED = settings(cases[i].settings);
		read_claim(&trust, cases[i].policy, &g);
		const struct facts *f = &g.facts;
		if (f->sig.level_allowed != cases[i].level ||
		    f->sig.domain_allowed != cases[i].domain)
			fail_msg("%s: got %d %d", cases[i].settings,
			    f->sig.level_allowed, f->sig.domain_allowed);
		assert_string_equal(f->sig.organization, cases[i].organization);
		assert_string_equal(f->sig.name, cases[i].name);
	}
}

/* The root may; but the letter was changed behind the signer's back. */
static void
a_broken_signature_tells_no_names(void **state)
{
	struct gathered g GATHERED_OWNED;
	struct trust trust TRUST_OWNED = settings("V4 *");
	struct buf letter BUF_OWNED = BUF(ROOM);

	write_claim(V4, &letter);
	replace(&letter, "canary", "parrot");
	read_trusting(&trust, buf_span(&letter), &g);
	assert_int_equal(g.facts.sig.state, SIGNED_INVALID);
	assert_string_equal(g.facts.sig.organization, "");
	assert_string_equal(g.facts.sig.name, "");
}

/* Nobody stands behind a name that leads to no root. */
static void
without_a_root_no_names_are_told(void **state)
{
	struct gathered g GATHERED_OWNED;
	struct trust trust TRUST_OWNED = settings("V4 *");
	struct certs none = CERTS_NONE, kept = roots;

	roots = none;
	read_claim(&trust, V4, &g);
	roots = kept;
	assert_int_equal(g.facts.sig.chain, CHAIN_NO_ANCHOR);
	assert_false(g.facts.sig.level_allowed);
	assert_string_equal(g.facts.sig.organization, "");
	assert_string_equal(g.facts.sig.name, "");
}

static void
write_below(const struct fixture *authority, struct buf *out)
{
	struct buf part BUF_OWNED = BUF(ROOM);
	struct person who = claimant(authority, V3);
	struct certs chain CERTS_OWNED = CERTS_NONE;

	assert_done(certs_add(&chain, authority->cert, &err), err);
	who.identity = (struct identity){who.fixture.cert, &who.key, &chain};
	put(out, FROM "MIME-Version: 1.0\r\n");
	put(&part, TEXT);
	sign_around(&who, &part);
	assert_done(buf_add(out, buf_span(&part), &err), err);
	fixture_done(&who.fixture);
}

/* The root may name organisations, and lets another authority name mailboxes.
 */
static void
an_authority_below_may_say_no_more_than_its_own_policies(void **state)
{
	static const struct {
		const char *policies;
		bool allowed;
	} below[] = {
	    {V3, true},
	    {V1 ", " V3, true},
	    {"2.5.29.32.0", true}, /* any */
	    {V1, false},
	    {V4, false},
	    {NULL, false},
	};

	for (size_t i = 0; i < COUNT(below); i++) {
		struct gathered g GATHERED_OWNED;
		struct trust trust TRUST_OWNED = settings("V4 *");
		struct buf letter BUF_OWNED = BUF(ROOM);
		struct fixture authority FIXTURE_OWNED =
		    fixture_make(&(struct fixture_spec){.name = "Below",
			.issuer = &root,
			.constraints = "critical,CA:TRUE",
			.usage = "critical,keyCertSign",
			.policies = below[i].policies});
		write_below(&authority, &letter);
		read_trusting(&trust, buf_span(&letter), &g);
		assert_int_equal(g.facts.sig.chain, CHAIN_VALID);
		if (g.facts.sig.level_allowed != below[i].allowed)
			fail_msg("%s", below[i].policies);
		assert_string_equal(g.facts.sig.organization,
		    below[i].allowed ? "Microsoft" : "");
	}
}

/* Many a mailbox certificate has the address as its name. */
static void
an_address_as_name_is_told(void **state)
{
	struct buf letter BUF_OWNED = BUF(ROOM);
	struct gathered g GATHERED_OWNED;

	make_letter("s", TEXT, &letter);
	read_trusting(NULL, buf_span(&letter), &g);
	assert_string_equal(g.facts.sig.name, ALICE);
}

/* --- the system's roots ---------------------------------------------------------- */

static void
of_the_systems_roots_those_for_mail_are_added(void **state)
{
	const struct {
		const char *extended;
		int64_t end;
		bool wanted;
	} made[] = {
	    {NULL, 0, true},
	    {"emailProtection", 0, true},
	    {"serverAuth,emailProtection", 0, true},
	    {"anyExtendedKeyUsage", 0, true},
	    {"serverAuth", 0, false},
	    {"codeSigning,timeStamping", 0, false},
	    {NULL, FIXTURE_NOW - 1, false},
	};

	for (size_t i = 0; i < COUNT(made); i++) {
		struct certs system CERTS_OWNED = CERTS_NONE;
		struct certs got CERTS_OWNED = CERTS_NONE;
		struct fixture one FIXTURE_OWNED =
		    fixture_make(&(struct fixture_spec){.name = "A root",
			.constraints = "critical,CA:TRUE",
			.usage = "critical,keyCertSign",
			.extended = made[i].extended,
			.end = made[i].end});
		assert_ok(certs_add(&system, one.cert, NULL));
		assert_ok(trust_add_public(&system, FIXTURE_NOW, &got, NULL));
		if (got.len != made[i].wanted)
			fail_msg("%zu: got %zu", i, got.len);
	}
}

static void
more_roots_than_can_be_held_are_refused(void **state)
{
	struct certs system CERTS_OWNED = CERTS_NONE;
	struct certs got CERTS_OWNED = CERTS_NONE;

	for (size_t i = 0; i < CERTS_MAX; i++)
		assert_ok(certs_add(&system, root.cert, NULL));
	assert_ok(trust_add_public(&system, FIXTURE_NOW, &got, NULL));
	assert_int_equal(got.len, CERTS_MAX);
	assert_rc(trust_add_public(&system, FIXTURE_NOW, &got, NULL), RC_LIMIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		no_root_may_name_an_organisation_because_it_can_write_its_name),
	    cmocka_unit_test(a_name_is_told_only_where_the_root_may_give_it),
	    cmocka_unit_test(a_broken_signature_tells_no_names),
	    cmocka_unit_test(without_a_root_no_names_are_told),
	    cmocka_unit_test(
		an_authority_below_may_say_no_more_than_its_own_policies),
	    cmocka_unit_test(an_address_as_name_is_told),
	    cmocka_unit_test(of_the_systems_roots_those_for_mail_are_added),
	    cmocka_unit_test(more_roots_than_can_be_held_are_refused),
	};

	return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
