#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pki/chain_priv.h"
#include "pki/fixture.h"

#define MAIL "alice@example.org"
#define DAY 86400L

/* root -> between -> leaf; leaf and between say where to ask */
struct world {
	struct fixture root, between, leaf, stranger;
	struct certs roots, untrusted;
};

static struct world world;

struct entry {
	const struct fixture *whose; /* NULL: nobody is revoked */
	int64_t at;
	int reason;      /* 0: none given */
	int64_t invalid; /* invalidityDate; 0: none */
};

struct list {
	const struct fixture *issuer, *signer; /* signer NULL: the issuer */
	int64_t from, until;                   /* 0: around FIXTURE_NOW */
	struct entry entry;
	bool critical; /* with a critical extension nobody knows */
	bool sha1;
};

static void
add_entry(X509_CRL *crl, const struct entry *entry)
{
	X509_REVOKED *revoked = X509_REVOKED_new();
	ASN1_TIME *time = ASN1_TIME_set(NULL, entry->at);

	X509_REVOKED_set_serialNumber(
	    revoked, X509_get_serialNumber(cert_x509(entry->whose->cert)));
	X509_REVOKED_set_revocationDate(revoked, time);
	ASN1_TIME_free(time);
	if (entry->reason != 0) {
		ASN1_ENUMERATED *reason = ASN1_ENUMERATED_new();
		ASN1_ENUMERATED_set(reason, entry->reason);
		X509_REVOKED_add1_ext_i2d(
		    revoked, NID_crl_reason, reason, 0, X509V3_ADD_APPEND);
		ASN1_ENUMERATED_free(reason);
	}
	if (entry->invalid != 0) {
		ASN1_GENERALIZEDTIME *since =
		    ASN1_GENERALIZEDTIME_set(NULL, entry->invalid);
		X509_REVOKED_add1_ext_i2d(
		    revoked, NID_invalidity_date, since, 0, X509V3_ADD_APPEND);
		ASN1_GENERALIZEDTIME_free(since);
	}
	assert_int_equal(X509_CRL_add0_revoked(crl, revoked), 1);
}

static void
set_times(X509_CRL *crl, const struct list *list)
{
	int64_t from = list->from != 0 ? list->from : FIXTURE_NOW - DAY;
	int64_t until = list->until != 0 ? list->until : from + 7 * DAY;
	ASN1_TIME *time = ASN1_TIME_set(NULL, from);

	X509_CRL_set1_lastUpdate(crl, time);
	ASN1_TIME_set(time, until);
	X509_CRL_set1_nextUpdate(crl, time);
	ASN1_TIME_free(time);
}

/* As from a file: some things the library computes only when it reads. */
static X509_CRL *
read_back(const X509_CRL *crl)
{
	uint8_t *der = NULL;
	int len = i2d_X509_CRL(crl, &der);
	const uint8_t *at = der;
	X509_CRL *read = d2i_X509_CRL(NULL, &at, len);

	assert_non_null(read);
	OPENSSL_free(der);
	return read;
}

static X509_CRL *
make_list(const struct list *list)
{
	X509_CRL *crl = X509_CRL_new();
	const struct fixture *signer =
	    list->signer != NULL ? list->signer : list->issuer;

	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(
	    crl, X509_get_subject_name(cert_x509(list->issuer->cert)));
	set_times(crl, list);
	if (list->entry.whose != NULL)
		add_entry(crl, &list->entry);
	if (list->critical) {
		X509_EXTENSION *extension =
		    X509V3_EXT_conf(NULL, NULL, "1.2.3.4", "critical,DER:0500");
		X509_CRL_add_ext(crl, extension, -1);
		X509_EXTENSION_free(extension);
	}
	assert_true(X509_CRL_sign(crl, signer->key,
			list->sha1 ? EVP_sha1() : EVP_sha256()) > 0);
	X509_CRL *read = read_back(crl);
	X509_CRL_free(crl);
	return read;
}

static void
lists_free(STACK_OF(X509_CRL) *lists)
{
	sk_X509_CRL_pop_free(lists, X509_CRL_free);
}

OWNER(STACK_OF(X509_CRL), lists_free);

static STACK_OF(X509_CRL) *
make_lists(const struct list *lists, size_t count)
{
	STACK_OF(X509_CRL) *made = sk_X509_CRL_new_null();

	for (size_t i = 0; i < count && lists[i].issuer != NULL; i++)
		sk_X509_CRL_push(made, make_list(&lists[i]));
	return made;
}

static struct chain_result
ask(const struct fixture *leaf, const STACK_OF(X509_CRL) *lists, int64_t at)
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
	struct list lists[3];
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
    {"revoked and expired",
	{CLEAN,
	    {.issuer = &world.between, .entry = {&world.leaf, BEFORE, 0, 0}}},
	FIXTURE_END + DAY, REVOCATION_REVOKED, BEFORE, "cert.revoked"},
};

static void
lists_say_who_was_revoked_and_when(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		STACK_OF(X509_CRL) *lists OWNED(lists_free) =
		    make_lists(cases[i].lists, 3);
		struct chain_result got CHAIN_RESULT_OWNED = ask(&world.leaf,
		    lists, cases[i].at != 0 ? cases[i].at : FIXTURE_NOW);
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
	STACK_OF(X509_CRL) *lists OWNED(lists_free) =
	    make_lists(&(struct list){.issuer = &world.root,
			   .entry = {&quiet, FIXTURE_NOW - DAY, 1, 0}},
		1);
	struct chain_result got CHAIN_RESULT_OWNED =
	    ask(&quiet, lists, FIXTURE_NOW);

	assert_int_equal(got.revocation, REVOCATION_COMPROMISED);
	assert_string_equal(got.reason, "cert.revoked");
}

static void
there_may_be_256_lists_and_not_one_more(void **state)
{
	STACK_OF(X509_CRL) *lists OWNED(lists_free) = sk_X509_CRL_new_null();
	X509_CRL *one = make_list(&(struct list){.issuer = &world.stranger});
	struct chain_result got CHAIN_RESULT_OWNED = CHAIN_RESULT;
	struct chain_request request = {.roots = &world.roots,
	    .untrusted = &world.untrusted,
	    .crls = lists,
	    .at = FIXTURE_NOW};

	for (int i = 0; i < CHAIN_MAX_CRLS; i++) {
		X509_CRL_up_ref(one);
		sk_X509_CRL_push(lists, one);
	}
	assert_int_equal(
	    chain_check(world.leaf.cert, &request, &got, NULL), RC_OK);
	chain_result_done(&got);
	sk_X509_CRL_push(lists, one);
	assert_int_equal(
	    chain_check(world.leaf.cert, &request, &got, NULL), RC_LIMIT);
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
	    cmocka_unit_test(there_may_be_256_lists_and_not_one_more),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
