#include "pki/orphan.h"

#include "base/expect.h"
#include "pki/fixture.h"

#define NOW FIXTURE_NOW

/* root -> upper -> lower -> leaf */
static struct world {
	struct fixture root, upper, lower, leaf, namesake, ended;
} w;

static struct fixture
make_below(const char *name, const struct fixture *issuer, int64_t end)
{
	return fixture_make(&(struct fixture_spec){.name = name,
	    .issuer = issuer,
	    .constraints = "critical,CA:TRUE",
	    .usage = "critical,keyCertSign",
	    .end = end});
}

static const struct {
	const char *name;
	const struct fixture *roots[2], *untrusted[4];
	const struct fixture *want; /* NULL: nobody */
} cases[] = {
    {"nothing is missing", {&w.root}, {&w.upper, &w.lower}, NULL},
    {"in whatever order", {&w.root}, {&w.lower, &w.upper}, NULL},
    {"the next one is", {&w.root}, {&w.upper}, &w.leaf},
    {"the one above it is", {&w.root}, {&w.lower}, &w.lower},
    {"nobody is there", {NULL}, {NULL}, &w.leaf},
    {"the root is", {NULL}, {&w.upper, &w.lower}, &w.upper},
    {"a namesake is not the issuer", {&w.root}, {&w.namesake, &w.upper},
	&w.leaf},
    {"nor stands in his way", {&w.root}, {&w.namesake, &w.lower, &w.upper},
	NULL},
    {"one that has ended is none", {&w.root}, {&w.ended, &w.upper}, &w.leaf},
    {"a root may be below another", {&w.lower}, {NULL}, &w.lower},
};

static void
who_has_no_issuer_is_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct certs roots CERTS_OWNED = CERTS_NONE;
		struct certs others CERTS_OWNED = CERTS_NONE;
		struct certs found CERTS_OWNED = CERTS_NONE;
		for (size_t k = 0; k < 2 && cases[i].roots[k] != NULL; k++)
			assert_int_equal(
			    certs_add(&roots, cases[i].roots[k]->cert, NULL),
			    RC_OK);
		for (size_t k = 0; k < 4 && cases[i].untrusted[k] != NULL; k++)
			assert_int_equal(certs_add(&others,
					     cases[i].untrusted[k]->cert, NULL),
			    RC_OK);
		assert_int_equal(orphans_find(w.leaf.cert, &roots, &others, NOW,
				     &found, NULL),
		    RC_OK);
		if (found.len != (cases[i].want != NULL) ||
		    (found.len == 1 &&
			strcmp(cert_fingerprint(found.item[0]),
			    cert_fingerprint(cases[i].want->cert)) != 0))
			fail_msg("%s: %zu found", cases[i].name, found.len);
	}
}

/* A letter with very many namesakes costs no more than so many signatures. */
static void
so_many_signatures_are_verified_and_no_more(void **state)
{
	(void)state;
	for (size_t more = 0; more < 2; more++) {
		struct certs others CERTS_OWNED = CERTS_NONE;
		struct certs found CERTS_OWNED = CERTS_NONE;
		for (size_t i = 0; i < ORPHAN_SIGNATURES + more; i++)
			assert_int_equal(
			    certs_add(&others, w.namesake.cert, NULL), RC_OK);
		assert_int_equal(
		    orphans_find(w.leaf.cert, NULL, &others, NOW, &found, NULL),
		    RC_OK);
		assert_int_equal(found.len, more == 0);
	}
}

static void
an_answer_is_a_certificate_or_certificates(void **state)
{
	static const uint8_t empty[] = {0x30, 0x00};
	struct certs certs CERTS_OWNED = CERTS_NONE;
	struct span der = cert_der(w.upper.cert);
	struct buf longer BUF_OWNED = BUF_SMALL;

	(void)state;
	assert_int_equal(orphans_parse_issuers(der, 1, &certs, NULL), RC_OK);
	assert_int_equal(certs.len, 1);
	assert_int_equal(buf_add(&longer, der, NULL), RC_OK);
	assert_int_equal(buf_add_byte(&longer, 0, NULL), RC_OK);
	assert_int_equal(
	    orphans_parse_issuers(buf_span(&longer), 1, &certs, NULL),
	    RC_SYNTAX);
	assert_int_equal(orphans_parse_issuers(
			     span_first(der, der.len - 1), 1, &certs, NULL),
	    RC_SYNTAX);
	assert_int_equal(
	    orphans_parse_issuers(span_of(empty, 2), 1, &certs, NULL),
	    RC_SYNTAX);
	assert_int_equal(
	    orphans_parse_issuers(SPAN_NONE, 1, &certs, NULL), RC_SYNTAX);
	assert_int_equal(certs.len, 1);
}

static int
begin(void **state)
{
	(void)state;
	w.root = make_below("Root", NULL, 0);
	w.upper = make_below("Upper", &w.root, 0);
	w.lower = make_below("Lower", &w.upper, 0);
	w.namesake = make_below("Lower", NULL, 0);
	EVP_PKEY_up_ref(w.lower.key);
	w.ended = fixture_make(&(struct fixture_spec){.name = "Lower",
	    .issuer = &w.upper,
	    .key = w.lower.key,
	    .constraints = "critical,CA:TRUE",
	    .end = NOW - 1});
	w.leaf = fixture_make(
	    &(struct fixture_spec){.name = "Leaf", .issuer = &w.lower});
	return 0;
}

static int
end(void **state)
{
	struct fixture *all[] = {
	    &w.root, &w.upper, &w.lower, &w.leaf, &w.namesake, &w.ended};

	(void)state;
	for (size_t i = 0; i < COUNT(all); i++)
		fixture_done(all[i]);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(who_has_no_issuer_is_found),
	    cmocka_unit_test(so_many_signatures_are_verified_and_no_more),
	    cmocka_unit_test(an_answer_is_a_certificate_or_certificates),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
