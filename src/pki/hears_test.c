/* chain_hears(): what may be kept of what somebody on the way gave us. */
#include "pki/chain.h"
#include "pki/listkit_priv.h"

#define NOW FIXTURE_NOW

/* root -> between -> leaf; the root signs lists for between in the second leaf;
 * in the third one an own signer does, whom the root has made */
static struct world {
	struct fixture root, between, leaf, indirect, aside, lister, stranger;
} w;

static const struct fixture *list_issuer; /* of name_list_issuer() */

/* "cRLIssuer" with the issuer's name, and the place of the lists. */
static void
name_list_issuer(X509 *x509)
{
	CRL_DIST_POINTS *points = CRL_DIST_POINTS_new();
	DIST_POINT *point = DIST_POINT_new();
	GENERAL_NAME *name = GENERAL_NAME_new();

	name->type = GEN_DIRNAME;
	name->d.directoryName =
	    X509_NAME_dup(X509_get_subject_name(cert_x509(list_issuer->cert)));
	point->CRLissuer = GENERAL_NAMES_new();
	assert_true(sk_GENERAL_NAME_push(point->CRLissuer, name) > 0);
	assert_true(sk_DIST_POINT_push(points, point) > 0);
	assert_int_equal(X509_add1_ext_i2d(x509, NID_crl_distribution_points,
			     points, 0, X509V3_ADD_APPEND),
	    1);
	CRL_DIST_POINTS_free(points);
}

static struct fixture
make_leaf(const char *name, const struct fixture *lister)
{
	list_issuer = lister;
	return fixture_make(&(struct fixture_spec){.name = name,
	    .mail = "alice@example.org",
	    .issuer = &w.between,
	    .usage = "critical,digitalSignature",
	    .extended = "emailProtection",
	    .change = lister != NULL ? name_list_issuer : NULL});
}

#define INDIRECT "critical,indirectCRL:TRUE"

static const struct {
	const char *name;
	const struct fixture *leaf;
	struct list list;
	bool want;
	const struct fixture *helper; /* at hand besides; NULL: nobody */
} cases[] = {
    {"a whole list", &w.leaf, {.issuer = &w.between}, true, NULL},
    {"one that has ended", &w.leaf,
	{.issuer = &w.between, .from = NOW - 9 * DAY, .until = NOW - DAY}, true,
	NULL},
    {"one that nobody above signed", &w.leaf,
	{.issuer = &w.between, .signer = &w.stranger}, false, NULL},
    {"of somebody else above", &w.leaf, {.issuer = &w.root}, false, NULL},
    {"of authorities only", &w.leaf,
	{.issuer = &w.between, .scope = "critical,onlyCA:TRUE"}, false, NULL},

    {"a delta", &w.leaf, {.issuer = &w.between, .number = 8, .base = 7}, true,
	NULL},
    {"a delta that names somebody", &w.leaf,
	{.issuer = &w.between,
	    .number = 8,
	    .base = 7,
	    .entry = {&w.leaf, NOW, 1, 0}},
	true, NULL},
    {"a delta that nobody above signed", &w.leaf,
	{.issuer = &w.between, .signer = &w.stranger, .number = 8, .base = 7},
	false, NULL},
    {"a delta of somebody else above", &w.leaf,
	{.issuer = &w.root, .number = 8, .base = 7}, false, NULL},
    {"a delta of another place", &w.leaf,
	{.issuer = &w.between,
	    .number = 8,
	    .base = 7,
	    .scope = "critical,fullname:URI:http://a.test/z"},
	false, NULL},

    {"an indirect list", &w.indirect, {.issuer = &w.root, .scope = INDIRECT},
	true, NULL},
    {"an indirect delta", &w.indirect,
	{.issuer = &w.root, .scope = INDIRECT, .number = 8, .base = 7}, true,
	NULL},
    {"one that does not say that it is indirect", &w.indirect,
	{.issuer = &w.root}, false, NULL},
    {"an indirect list that the certificate does not name", &w.leaf,
	{.issuer = &w.root, .scope = INDIRECT}, false, NULL},
    {"an indirect list of its issuer, who is not named", &w.indirect,
	{.issuer = &w.between, .scope = INDIRECT}, true, NULL},
    {"an indirect list under the root's name", &w.indirect,
	{.issuer = &w.root, .signer = &w.between, .scope = INDIRECT}, false,
	NULL},
    {"of a signer of lists who is at hand", &w.aside,
	{.issuer = &w.lister, .scope = INDIRECT}, true, &w.lister},
    {"of a signer of lists who is not", &w.aside,
	{.issuer = &w.lister, .scope = INDIRECT}, false, NULL},
    {"of somebody under his name", &w.aside,
	{.issuer = &w.lister, .signer = &w.stranger, .scope = INDIRECT}, false,
	&w.lister},
};

static bool
hears(const struct certs *path, const struct list *list,
    const struct fixture *helper)
{
	struct certs untrusted CERTS_OWNED = CERTS_NONE;
	struct crls lists CRLS_OWNED = make_lists(list, 1);
	const struct chain_request ask = {
	    .untrusted = &untrusted, .crls = &lists, .at = NOW};
	bool heard = true;

	if (helper != NULL)
		assert_int_equal(
		    certs_add(&untrusted, helper->cert, NULL), RC_OK);
	assert_int_equal(chain_hears(path, &ask, &heard, NULL), RC_OK);
	return heard;
}

static void
a_list_is_heard_from_whom_one_would_believe(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct cert *all[] = {
		    cases[i].leaf->cert, w.between.cert, w.root.cert};
		const struct certs path = {all, 3};
		if (hears(&path, &cases[i].list, cases[i].helper) !=
		    cases[i].want)
			fail_msg("%s: want %d", cases[i].name, cases[i].want);
	}
}

/* Heard, and so it may be kept; but alone it says of nobody that he is good. */
static void
a_delta_that_is_heard_proves_nobody_good(void **state)
{
	const struct list delta = {
	    .issuer = &w.between, .number = 8, .base = 7};
	struct cert *all[] = {w.leaf.cert, w.between.cert, w.root.cert};
	const struct certs path = {all, 3}, root = {all + 2, 1};
	struct crls lists CRLS_OWNED = make_lists(&delta, 1);
	struct chain_result got CHAIN_RESULT_OWNED = CHAIN_RESULT;
	const struct chain_request ask = {.roots = &root,
	    .untrusted = &path,
	    .crls = &lists,
	    .at = NOW,
	    .need_status = true};

	(void)state;
	assert_true(hears(&path, &delta, NULL));
	assert_int_equal(chain_check(w.leaf.cert, &ask, &got, NULL), RC_OK);
	assert_string_equal(got.reason, "cert.status-unknown");
}

static const struct {
	const char *name;
	int reason;
	const char *want; /* the chain's reason */
} named[] = {
    {"the key was stolen", 1, "cert.revoked"},
    {"superseded", 4, "cert.revoked"},
    {"on hold: only the base knows whether it still is", 6,
	"cert.status-unknown"},
    {"not any more", 8, "cert.status-unknown"},
};

/* It is signed as the base is; that nobody has the base is no excuse. */
static void
whom_a_delta_names_is_revoked_without_its_base(void **state)
{
	struct cert *all[] = {w.leaf.cert, w.between.cert, w.root.cert};
	const struct certs path = {all, 3}, root = {all + 2, 1};

	(void)state;
	for (size_t i = 0; i < COUNT(named); i++) {
		const struct list delta = {.issuer = &w.between,
		    .number = 8,
		    .base = 7,
		    .entry = {&w.leaf, NOW - DAY, named[i].reason, 0}};
		struct crls lists CRLS_OWNED = make_lists(&delta, 1);
		struct chain_result got CHAIN_RESULT_OWNED = CHAIN_RESULT;
		const struct chain_request ask = {.roots = &root,
		    .untrusted = &path,
		    .crls = &lists,
		    .at = NOW,
		    .need_status = true};

		assert_int_equal(
		    chain_check(w.leaf.cert, &ask, &got, NULL), RC_OK);
		if (got.reason == NULL || strcmp(got.reason, named[i].want))
			fail_msg("%s: %s", named[i].name, got.reason);
	}
}

static void
of_a_path_that_ends_nothing_is_heard(void **state)
{
	const struct certs path = {&w.root.cert, 1};

	(void)state;
	assert_false(hears(&path, &(struct list){.issuer = &w.root}, NULL));
}

static int
begin(void **state)
{
	(void)state;
	w.root = fixture_root("Root");
	w.stranger = fixture_root("Stranger");
	w.between = fixture_make(&(struct fixture_spec){.name = "Between",
	    .issuer = &w.root,
	    .constraints = "critical,CA:TRUE",
	    .usage = "critical,keyCertSign,cRLSign"});
	w.lister = fixture_make(&(struct fixture_spec){
	    .name = "Lister", .issuer = &w.root, .usage = "critical,cRLSign"});
	w.leaf = make_leaf("Leaf", NULL);
	w.indirect = make_leaf("Indirect", &w.root);
	w.aside = make_leaf("Aside", &w.lister);
	return 0;
}

static int
end(void **state)
{
	struct fixture *all[] = {&w.root, &w.between, &w.leaf, &w.indirect,
	    &w.aside, &w.lister, &w.stranger};

	(void)state;
	for (size_t i = 0; i < COUNT(all); i++)
		fixture_done(all[i]);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_list_is_heard_from_whom_one_would_believe),
	    cmocka_unit_test(a_delta_that_is_heard_proves_nobody_good),
	    cmocka_unit_test(whom_a_delta_names_is_revoked_without_its_base),
	    cmocka_unit_test(of_a_path_that_ends_nothing_is_heard),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
