#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/pem.h>

#include "pki/chain.h"
#include "pki/fixture.h"

#define MAIL "alice@example.org"
#define CA "critical,CA:TRUE"
#define CA_USAGE "critical,keyCertSign,cRLSign"
#define POINTER                                                \
	{                                                      \
		"crlDistributionPoints", "URI:http://a.test/c" \
	}

static struct fixture root;

static struct fixture
make_between(const struct fixture *issuer, const char *name)
{
	return fixture_make(&(struct fixture_spec){.name = name,
	    .issuer = issuer,
	    .constraints = CA,
	    .usage = CA_USAGE,
	    .more = {{"subjectKeyIdentifier", "hash"}}});
}

static void
add(struct certs *certs, const struct fixture *fixture)
{
	assert_int_equal(certs_add(certs, fixture->cert, NULL), RC_OK);
}

static void
check(const struct fixture *leaf, const struct chain_request *ask,
    struct chain_result *ret)
{
	struct err err = ERR_NONE;

	if (chain_check(leaf->cert, ask, ret, &err) != RC_OK)
		fail_msg("chain_check: %s", err.text);
}

/* ---- one fault at a time ------------------------------------------------ */

struct twist {
	const char *name;
	struct fixture_spec between, leaf; /* what differs from the usual */
	const char *want;                  /* NULL: valid */
	int64_t at;                        /* 0: FIXTURE_NOW */
	enum chain_purpose purpose;
	bool between_sha1, leaf_sha1; /* signed with it */
	bool judge_differs; /* openssl's purposes are narrower or wider */
};

static const char *
given_or(const char *given, const char *usual)
{
	if (given == NULL)
		return usual;
	return given[0] == '\0' ? NULL : given;
}

static EVP_PKEY *
named_key(const EVP_PKEY *name)
{
	return name == NULL ? NULL : EVP_RSA_gen(1024);
}

static struct fixture
build_between(const struct twist *twist)
{
	struct fixture_spec spec = twist->between;

	spec.name = "Between";
	spec.issuer = &root;
	spec.constraints = given_or(spec.constraints, CA);
	spec.usage = given_or(spec.usage, CA_USAGE);
	spec.key = named_key(spec.key);
	spec.digest = twist->between_sha1 ? EVP_sha1() : NULL;
	return fixture_make(&spec);
}

static struct fixture
build_leaf(const struct twist *twist, const struct fixture *issuer)
{
	struct fixture_spec spec = twist->leaf;

	spec.name = "Leaf";
	spec.issuer = issuer;
	spec.mail = given_or(spec.mail, MAIL);
	spec.usage = given_or(spec.usage, "critical,digitalSignature");
	spec.extended = given_or(spec.extended, "emailProtection");
	spec.key = named_key(spec.key);
	spec.digest = twist->leaf_sha1 ? EVP_sha1() : NULL;
	return fixture_make(&spec);
}

static void
write_file(const char *path, const struct cert *cert)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	assert_int_equal(PEM_write_X509(out, cert_x509(cert)), 1);
	assert_int_equal(fclose(out), 0);
}

/* `openssl verify` says yes or no about the same three certificates. */
static bool
openssl_agrees(const struct twist *twist, const struct fixture *between,
    const struct fixture *leaf)
{
	char folder[] = "/tmp/chain_test.XXXXXX", command[800];

	assert_non_null(mkdtemp(folder));
	(void)snprintf(command, sizeof(command), "%s/root", folder);
	write_file(command, root.cert);
	(void)snprintf(command, sizeof(command), "%s/between", folder);
	write_file(command, between->cert);
	(void)snprintf(command, sizeof(command), "%s/leaf", folder);
	write_file(command, leaf->cert);
	(void)snprintf(command, sizeof(command),
	    "cd %s && openssl verify -auth_level 2 -policy_check %s "
	    "-attime %lld -CAfile root -untrusted between leaf "
	    ">/dev/null 2>&1; echo $? >status; rc=$(cat status); "
	    "rm -r %s; exit $rc",
	    folder,
	    twist->purpose == CHAIN_MAIL_SIGN   ? "-purpose smimesign"
	    : twist->purpose == CHAIN_TIMESTAMP ? "-purpose timestampsign"
						: "",
	    (long long)(twist->at != 0 ? twist->at : FIXTURE_NOW), folder);
	/* NOLINTNEXTLINE(cert-env33-c): a command of the test itself */
	bool accepts = system(command) == 0;
	return accepts == (twist->want == NULL);
}

static void
try_twist(const struct twist *twist)
{
	struct fixture between FIXTURE_OWNED = build_between(twist);
	struct fixture leaf FIXTURE_OWNED = build_leaf(twist, &between);
	struct certs roots CERTS_OWNED = CERTS_NONE;
	struct certs untrusted CERTS_OWNED = CERTS_NONE;
	struct chain_result got CHAIN_RESULT_OWNED = CHAIN_RESULT;

	add(&roots, &root);
	add(&untrusted, &between);
	check(&leaf,
	    &(struct chain_request){.roots = &roots,
		.untrusted = &untrusted,
		.at = twist->at != 0 ? twist->at : FIXTURE_NOW,
		.purpose = twist->purpose},
	    &got);
	if (got.reason != twist->want &&
	    (got.reason == NULL || twist->want == NULL ||
		strcmp(got.reason, twist->want) != 0))
		fail_msg("%s: got %s, want %s", twist->name,
		    got.reason != NULL ? got.reason : "valid",
		    twist->want != NULL ? twist->want : "valid");
	assert_int_equal(
	    got.state, twist->want == NULL ? CHAIN_VALID : CHAIN_INVALID);
	if (!twist->judge_differs && !openssl_agrees(twist, &between, &leaf))
		fail_msg("%s: openssl verify sees it otherwise", twist->name);
}

/* stands for "an RSA key of 1024 bits" in the tables */
#define WEAK ((EVP_PKEY *)&root)

static const struct twist twists[] = {
    {.name = "as it should be"},
    {.name = "not yet valid",
	.at = FIXTURE_START - 1,
	.want = "cert.not-yet-valid"},
    {.name = "expired", .at = FIXTURE_END + 1, .want = "cert.expired-at-time"},
    {.name = "the issuer has expired",
	.between = {.end = FIXTURE_NOW - 1},
	.want = "cert.expired-at-time"},
    {.name = "expired and of the wrong usage",
	.leaf = {.usage = "keyAgreement", .end = FIXTURE_NOW - 1},
	.want = "cert.ku"},
    {.name = "issued by no authority",
	.between = {.constraints = "CA:FALSE"},
	.want = "cert.not-a-ca"},
    {.name = "issued by one without basic constraints",
	.between = {.constraints = ""},
	.want = "cert.not-a-ca"},
    {.name = "the issuer may not sign certificates",
	.between = {.usage = "critical,cRLSign"},
	.want = "cert.not-a-ca"},
    {.name = "the leaf is an authority",
	.leaf = {.constraints = CA},
	.want = "cert.is-a-ca",
	.judge_differs = true},
    {.name = "key usage for encrypting only",
	.leaf = {.usage = "keyAgreement"},
	.want = "cert.ku"},
    {.name = "extended key usage for servers",
	.leaf = {.extended = "serverAuth"},
	.want = "cert.eku"},
    {.name = "any extended key usage (RFC 8550 section 4.4.4)",
	.leaf = {.extended = "anyExtendedKeyUsage"},
	.judge_differs = true},
    {.name = "the issuer is for servers",
	.between = {.extended = "serverAuth"},
	.want = "cert.eku"},
    {.name = "the issuer is for mail",
	.between = {.extended = "emailProtection,clientAuth"}},
    {.name = "RSA of 1024 bits",
	.leaf = {.key = WEAK},
	.want = "cert.alg-weak"},
    {.name = "an issuer with RSA of 1024 bits",
	.between = {.key = WEAK},
	.want = "cert.alg-weak"},
    {.name = "signed with SHA-1", .leaf_sha1 = true, .want = "cert.alg-weak"},
    {.name = "an issuer signed with SHA-1",
	.between_sha1 = true,
	.want = "cert.alg-weak"},
    {.name = "an unknown critical extension",
	.leaf = {.more = {{"1.2.3.4", "critical,DER:0500"}}},
	.want = "cert.critical-ext"},
    {.name = "an unknown extension that is not critical",
	.leaf = {.more = {{"1.2.3.4", "DER:0500"}}}},
    {.name = "an address of the issuer's domain",
	.between = {.more = {{"nameConstraints",
			"critical,permitted;email:example.org"}}}},
    {.name = "an address of another domain",
	.between = {.more = {{"nameConstraints",
			"critical,permitted;email:example.com"}}},
	.want = "cert.name-constraint"},
    {.name = "a subdomain's constraint does not name the domain",
	.between = {.more = {{"nameConstraints",
			"critical,permitted;email:.example.org"}}},
	.want = "cert.name-constraint"},
    {.name = "an excluded domain",
	.between = {.more = {{"nameConstraints",
			"critical,excluded;email:example.org"}}},
	.want = "cert.name-constraint"},
    {.name = "a required policy that is not there",
	.between = {.more = {{"policyConstraints",
			"critical,requireExplicitPolicy:0"}}},
	.want = "cert.policy"},
    {.name = "a required policy that is there",
	.between = {.more = {{"policyConstraints",
			"critical,requireExplicitPolicy:0"}},
	    .policies = "1.2.3"},
	.leaf = {.policies = "1.2.3"},
	.judge_differs = true},
    {.name = "noRevAvail", .leaf = {.more = {{"2.5.29.56", "DER:0500"}}}},
    {.name = "noRevAvail and yet a pointer",
	.leaf = {.more = {{"2.5.29.56", "DER:0500"}, POINTER}},
	.want = "cert.no-rev-avail",
	.judge_differs = true},
    {.name = "noRevAvail of an authority",
	.between = {.more = {{"2.5.29.56", "DER:0500"}}},
	.want = "cert.no-rev-avail",
	.judge_differs = true},
    {.name = "an encrypting certificate",
	.leaf = {.usage = "critical,keyAgreement"},
	.purpose = CHAIN_MAIL_ENCRYPT},
    {.name = "a signing certificate to encrypt to",
	.purpose = CHAIN_MAIL_ENCRYPT,
	.want = "cert.ku",
	.judge_differs = true},
    {.name = "a timestamper",
	.leaf = {.extended = "critical,timeStamping"},
	.purpose = CHAIN_TIMESTAMP},
    {.name = "a timestamper whose usage is not critical",
	.leaf = {.extended = "timeStamping"},
	.purpose = CHAIN_TIMESTAMP,
	.want = "cert.eku"},
    {.name = "a timestamper's key that encrypts too",
	.leaf = {.extended = "critical,timeStamping",
	    .usage = "digitalSignature,keyAgreement"},
	.purpose = CHAIN_TIMESTAMP,
	.want = "cert.ku"},
    {.name = "a timestamper for mail too",
	.leaf = {.extended = "critical,timeStamping,emailProtection"},
	.purpose = CHAIN_TIMESTAMP,
	.want = "cert.eku"},
    {.name = "a person as timestamper",
	.purpose = CHAIN_TIMESTAMP,
	.want = "cert.eku"},
    {.name = "a timestamper under an authority for mail",
	.leaf = {.extended = "critical,timeStamping"},
	.between = {.extended = "emailProtection"},
	.purpose = CHAIN_TIMESTAMP,
	.want = "cert.eku",
	.judge_differs = true},
    {.name = "a server certificate for any purpose",
	.leaf = {.extended = "serverAuth"},
	.purpose = CHAIN_ANY},
};

static void
each_fault_has_its_reason(void **state)
{
	for (size_t i = 0; i < sizeof(twists) / sizeof(twists[0]); i++)
		try_twist(&twists[i]);
}

/* ---- the path ----------------------------------------------------------- */

static void
the_path_goes_from_leaf_to_root(void **state)
{
	struct fixture between FIXTURE_OWNED = make_between(&root, "Between");
	struct fixture leaf FIXTURE_OWNED = fixture_signer(&between, MAIL);
	struct fixture other FIXTURE_OWNED = fixture_root("Other");
	struct certs roots CERTS_OWNED = CERTS_NONE;
	struct certs untrusted CERTS_OWNED = CERTS_NONE;
	struct chain_result got CHAIN_RESULT_OWNED = CHAIN_RESULT;

	add(&roots, &other);
	add(&roots, &root);
	add(&untrusted, &other);
	add(&untrusted, &between);
	check(&leaf,
	    &(struct chain_request){
		.roots = &roots, .untrusted = &untrusted, .at = FIXTURE_NOW},
	    &got);
	assert_int_equal(got.state, CHAIN_VALID);
	assert_int_equal(got.path.len, 3);
	assert_ptr_equal(got.path.item[0], leaf.cert);
	assert_ptr_equal(got.path.item[1], between.cert);
	assert_ptr_equal(got.path.item[2], root.cert);
	assert_int_equal(got.revocation, REVOCATION_NOT_APPLICABLE);
}

static void
without_a_root_or_with_a_gap_there_is_no_anchor(void **state)
{
	struct fixture between FIXTURE_OWNED = make_between(&root, "Between");
	struct fixture leaf FIXTURE_OWNED = fixture_signer(&between, MAIL);
	struct fixture own FIXTURE_OWNED = fixture_signer(NULL, MAIL);
	struct certs roots CERTS_OWNED = CERTS_NONE;
	struct certs untrusted CERTS_OWNED = CERTS_NONE;
	struct certs none CERTS_OWNED = CERTS_NONE;

	add(&roots, &root);
	add(&untrusted, &between);
	add(&untrusted, &root);
	const struct {
		const struct fixture *leaf;
		const struct certs *roots, *untrusted;
	} cases[] = {
	    {&leaf, &none, &untrusted}, /* the root came with the letter */
	    {&leaf, NULL, &untrusted},
	    {&leaf, &roots, NULL},      /* the one between is missing */
	    {&own, &roots, &untrusted}, /* signed by itself */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct chain_result got CHAIN_RESULT_OWNED = CHAIN_RESULT;
		check(cases[i].leaf,
		    &(struct chain_request){.roots = cases[i].roots,
			.untrusted = cases[i].untrusted,
			.at = FIXTURE_NOW},
		    &got);
		assert_int_equal(got.state, CHAIN_NO_ANCHOR);
		assert_string_equal(got.reason, "chain.no-anchor");
		assert_int_equal(got.path.len, 0);
	}
}

/* An intermediate in the list of roots would make it an anchor: it is not
 * one, a root signs itself. */
static void
an_intermediate_among_the_roots_is_no_anchor(void **state)
{
	struct fixture between FIXTURE_OWNED = make_between(&root, "Between");
	struct fixture leaf FIXTURE_OWNED = fixture_signer(&between, MAIL);
	struct certs roots CERTS_OWNED = CERTS_NONE;
	struct chain_result got CHAIN_RESULT_OWNED = CHAIN_RESULT;

	add(&roots, &between);
	check(&leaf,
	    &(struct chain_request){.roots = &roots, .at = FIXTURE_NOW}, &got);
	assert_int_equal(got.state, CHAIN_NO_ANCHOR);
}

/* Nor is one that another key of its own name has signed. */
static void
a_self_issued_one_among_the_roots_is_no_anchor(void **state)
{
	struct fixture old FIXTURE_OWNED = make_between(&root, "Twice");
	struct fixture new FIXTURE_OWNED =
	    fixture_make(&(struct fixture_spec){.name = "Twice",
		.issuer = &old,
		.constraints = CA,
		.usage = CA_USAGE,
		.more = {{"authorityKeyIdentifier", "keyid"},
		    {"subjectKeyIdentifier", "hash"}}});
	struct fixture leaf FIXTURE_OWNED = fixture_signer(&new, MAIL);
	struct certs roots CERTS_OWNED = CERTS_NONE;
	struct chain_result got CHAIN_RESULT_OWNED = CHAIN_RESULT;

	add(&roots, &new);
	check(&leaf,
	    &(struct chain_request){.roots = &roots, .at = FIXTURE_NOW}, &got);
	assert_int_equal(got.state, CHAIN_NO_ANCHOR);
}

static void
flip_last_byte(const struct fixture *from, struct fixture *to)
{
	struct buf der BUF_OWNED = BUF_SMALL;

	assert_int_equal(buf_add(&der, cert_der(from->cert), NULL), RC_OK);
	der.data[der.len - 1] ^= 1;
	assert_int_equal(cert_parse(buf_span(&der), &to->cert, NULL), RC_OK);
}

/* "Expired" is told only when nothing else is wrong: else a forged expired
 * certificate would pass as an old one. */
static void
a_broken_signature_is_found_also_when_it_has_expired(void **state)
{
	struct fixture leaf FIXTURE_OWNED = fixture_signer(&root, MAIL);
	struct fixture forged FIXTURE_OWNED = {NULL, NULL};
	struct certs roots CERTS_OWNED = CERTS_NONE;
	const int64_t times[] = {FIXTURE_NOW, FIXTURE_END + 1};

	flip_last_byte(&leaf, &forged);
	add(&roots, &root);
	for (size_t i = 0; i < 2; i++) {
		struct chain_result got CHAIN_RESULT_OWNED = CHAIN_RESULT;
		check(&forged,
		    &(struct chain_request){.roots = &roots, .at = times[i]},
		    &got);
		assert_int_equal(got.state, CHAIN_INVALID);
		assert_string_equal(got.reason, "cert.signature");
	}
}

static void
of_two_authorities_with_one_name_the_right_one_is_found(void **state)
{
	/* no key identifiers: nothing but the signature tells them apart */
	struct fixture_spec spec = {.name = "Twin",
	    .issuer = &root,
	    .constraints = CA,
	    .usage = CA_USAGE};
	struct fixture one FIXTURE_OWNED = fixture_make(&spec);
	struct fixture two FIXTURE_OWNED = fixture_make(&spec);
	struct fixture forged FIXTURE_OWNED = {NULL, NULL};
	struct fixture leaf FIXTURE_OWNED = fixture_signer(&two, MAIL);
	struct certs roots CERTS_OWNED = CERTS_NONE;
	const struct fixture *const orders[][3] = {{&one, &two, &forged},
	    {&two, &forged, &one}, {&forged, &one, &two}};

	flip_last_byte(&two, &forged);
	add(&roots, &root);
	for (size_t i = 0; i < 3; i++) {
		struct certs untrusted CERTS_OWNED = CERTS_NONE;
		struct chain_result got CHAIN_RESULT_OWNED = CHAIN_RESULT;
		for (size_t k = 0; k < 3; k++)
			add(&untrusted, orders[i][k]);
		check(&leaf,
		    &(struct chain_request){.roots = &roots,
			.untrusted = &untrusted,
			.at = FIXTURE_NOW},
		    &got);
		if (got.state != CHAIN_VALID)
			fail_msg("order %zu: %s", i, got.reason);
		assert_ptr_equal(got.path.item[1], two.cert);
	}
}

/* All but one have the grant. */
static bool
is_another(const void *self, const struct cert *one)
{
	const struct fixture *refused = self;

	return strcmp(cert_fingerprint(one), cert_fingerprint(refused->cert)) !=
	       0;
}

/* One authority, which two roots vouch for: in any order. */
static void
a_root_that_is_not_granted_is_the_second_choice(void **state)
{
	struct fixture other FIXTURE_OWNED = fixture_root("Other root");
	struct fixture first FIXTURE_OWNED = make_between(&root, "Between");
	EVP_PKEY_up_ref(first.key);
	struct fixture second FIXTURE_OWNED =
	    fixture_make(&(struct fixture_spec){.name = "Between",
		.issuer = &other,
		.key = first.key,
		.constraints = CA,
		.usage = CA_USAGE});
	struct fixture leaf FIXTURE_OWNED = fixture_signer(&first, MAIL);

	for (unsigned i = 0; i < 16; i++) {
		const struct fixture *refused = i & 1 ? &root : &other;
		const struct fixture *asked = i & 1 ? &other : &root;
		const struct chain_grant grant = {is_another, refused};
		struct certs roots CERTS_OWNED = CERTS_NONE;
		struct certs untrusted CERTS_OWNED = CERTS_NONE;
		struct chain_result got CHAIN_RESULT_OWNED = CHAIN_RESULT;
		const bool alone = i & 2;
		add(&roots, i & 4 ? refused : alone ? refused : asked);
		if (!alone)
			add(&roots, i & 4 ? asked : refused);
		add(&untrusted, i & 8 ? &first : &second);
		add(&untrusted, i & 8 ? &second : &first);
		check(&leaf,
		    &(struct chain_request){.roots = &roots,
			.untrusted = &untrusted,
			.at = FIXTURE_NOW,
			.grant = &grant},
		    &got);
		assert_int_equal(got.state, CHAIN_VALID);
		assert_null(got.reason);
		assert_ptr_equal(got.path.item[got.path.len - 1],
		    alone ? refused->cert : asked->cert);
	}
}

static void
a_true_root_is_found_beside_a_false_one_of_the_same_name(void **state)
{
	struct fixture_spec spec = {
	    .name = "Twin root", .constraints = CA, .usage = CA_USAGE};
	struct fixture one FIXTURE_OWNED = fixture_make(&spec);
	struct fixture two FIXTURE_OWNED = fixture_make(&spec);
	struct fixture leaf FIXTURE_OWNED = fixture_signer(&two, MAIL);

	for (size_t i = 0; i < 2; i++) {
		struct certs roots CERTS_OWNED = CERTS_NONE;
		struct chain_result got CHAIN_RESULT_OWNED = CHAIN_RESULT;
		add(&roots, i == 0 ? &one : &two);
		add(&roots, i == 0 ? &two : &one);
		check(&leaf,
		    &(struct chain_request){.roots = &roots, .at = FIXTURE_NOW},
		    &got);
		assert_int_equal(got.state, CHAIN_VALID);
		assert_ptr_equal(got.path.item[1], two.cert);
	}
}

static void
a_path_of_ten_is_followed_and_one_of_eleven_is_not(void **state)
{
	struct fixture chain[11] = {{NULL, NULL}};
	struct certs roots CERTS_OWNED = CERTS_NONE;
	struct certs untrusted CERTS_OWNED = CERTS_NONE;

	add(&roots, &root);
	for (size_t i = 0; i < 9; i++) {
		char name[20];
		(void)snprintf(name, sizeof(name), "Between %zu", i);
		chain[i] = make_between(i == 0 ? &root : &chain[i - 1], name);
		add(&untrusted, &chain[i]);
	}
	for (size_t i = 7; i < 9; i++) {
		struct fixture leaf FIXTURE_OWNED =
		    fixture_signer(&chain[i], MAIL);
		struct chain_result got CHAIN_RESULT_OWNED = CHAIN_RESULT;
		check(&leaf,
		    &(struct chain_request){.roots = &roots,
			.untrusted = &untrusted,
			.at = FIXTURE_NOW},
		    &got);
		if (i == 7) {
			assert_int_equal(got.state, CHAIN_VALID);
			assert_int_equal(got.path.len, 10);
			continue;
		}
		assert_int_equal(got.state, CHAIN_INVALID);
		assert_string_equal(got.reason, "chain.limit");
	}
	for (size_t i = 0; i < 9; i++)
		fixture_done(&chain[i]);
}

static void
too_long_a_path_for_its_authority_is_told(void **state)
{
	struct fixture strict FIXTURE_OWNED =
	    fixture_make(&(struct fixture_spec){.name = "Strict",
		.issuer = &root,
		.constraints = "critical,CA:TRUE,pathlen:0",
		.usage = CA_USAGE});
	struct fixture between FIXTURE_OWNED = make_between(&strict, "Between");
	struct fixture leaf FIXTURE_OWNED = fixture_signer(&between, MAIL);
	struct certs roots CERTS_OWNED = CERTS_NONE;
	struct certs untrusted CERTS_OWNED = CERTS_NONE;
	struct chain_result got CHAIN_RESULT_OWNED = CHAIN_RESULT;

	add(&roots, &root);
	add(&untrusted, &between);
	add(&untrusted, &strict);
	check(&leaf,
	    &(struct chain_request){
		.roots = &roots, .untrusted = &untrusted, .at = FIXTURE_NOW},
	    &got);
	assert_int_equal(got.state, CHAIN_INVALID);
	assert_string_equal(got.reason, "cert.pathlen");
}

static void
policies_can_be_asked_for(void **state)
{
	struct strlist wanted STRLIST_OWNED = STRLIST_NONE;
	struct strlist other STRLIST_OWNED = STRLIST_NONE;
	struct strlist wrong STRLIST_OWNED = STRLIST_NONE;
	struct fixture leaf FIXTURE_OWNED = fixture_make(&(struct fixture_spec){
	    .name = "x", .issuer = &root, .policies = "1.2.3.4"});
	struct fixture bare FIXTURE_OWNED = fixture_signer(&root, MAIL);
	struct certs roots CERTS_OWNED = CERTS_NONE;

	add(&roots, &root);
	assert_int_equal(strlist_add_str(&wanted, "1.2.3.4", NULL), RC_OK);
	assert_int_equal(strlist_add_str(&other, "1.2.3.5", NULL), RC_OK);
	assert_int_equal(strlist_add_str(&wrong, "mailbox", NULL), RC_OK);
	const struct {
		const struct fixture *leaf;
		const struct strlist *policies;
		bool explicit_policy;
		const char *want;
	} cases[] = {
	    {&leaf, NULL, true, NULL},
	    {&leaf, &wanted, true, NULL},
	    {&leaf, &other, true, "cert.policy"},
	    {&bare, NULL, false, NULL},
	    {&bare, NULL, true, "cert.policy"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct chain_result got CHAIN_RESULT_OWNED = CHAIN_RESULT;
		check(cases[i].leaf,
		    &(struct chain_request){.roots = &roots,
			.at = FIXTURE_NOW,
			.purpose = CHAIN_ANY,
			.policies = cases[i].policies,
			.explicit_policy = cases[i].explicit_policy},
		    &got);
		if ((got.reason == NULL) != (cases[i].want == NULL) ||
		    (got.reason != NULL &&
			strcmp(got.reason, cases[i].want) != 0))
			fail_msg("case %zu: got %s", i, got.reason);
	}
	struct chain_result got CHAIN_RESULT_OWNED = CHAIN_RESULT;
	assert_int_equal(
	    chain_check(leaf.cert,
		&(struct chain_request){
		    .roots = &roots, .at = FIXTURE_NOW, .policies = &wrong},
		&got, NULL),
	    RC_SYNTAX);
}

static int
begin(void **state)
{
	root = fixture_root("Root");
	return 0;
}

static int
end(void **state)
{
	fixture_done(&root);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_fault_has_its_reason),
	    cmocka_unit_test(the_path_goes_from_leaf_to_root),
	    cmocka_unit_test(without_a_root_or_with_a_gap_there_is_no_anchor),
	    cmocka_unit_test(an_intermediate_among_the_roots_is_no_anchor),
	    cmocka_unit_test(a_self_issued_one_among_the_roots_is_no_anchor),
	    cmocka_unit_test(
		a_broken_signature_is_found_also_when_it_has_expired),
	    cmocka_unit_test(
		of_two_authorities_with_one_name_the_right_one_is_found),
	    cmocka_unit_test(a_root_that_is_not_granted_is_the_second_choice),
	    cmocka_unit_test(
		a_true_root_is_found_beside_a_false_one_of_the_same_name),
	    cmocka_unit_test(
		a_path_of_ten_is_followed_and_one_of_eleven_is_not),
	    cmocka_unit_test(too_long_a_path_for_its_authority_is_told),
	    cmocka_unit_test(policies_can_be_asked_for),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
