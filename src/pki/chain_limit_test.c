/* What hostile certificates and lists may cost, and how the right path is
 * found among wrong ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <time.h>

#include "pki/cert_priv.h"
#include "pki/chain_priv.h"
#include "pki/crl_priv.h"
#include "pki/fixture.h"

#define MAIL "alice@example.org"
#define CA "critical,CA:TRUE"
#define CA_USAGE "critical,keyCertSign,cRLSign"

static struct fixture root;
static struct certs roots;

static void
add(struct certs *certs, const struct fixture *fixture)
{
	assert_int_equal(certs_add(certs, fixture->cert, NULL), RC_OK);
}

static struct chain_result
search(const struct fixture *leaf, const struct certs *untrusted,
    struct chain_work *work)
{
	struct chain_result got = CHAIN_RESULT;
	struct err err = ERR_NONE;
	const struct chain_request ask = {
	    .roots = &roots, .untrusted = untrusted, .at = FIXTURE_NOW};

	if (chain_search(leaf->cert, &ask, work, 0, &got, &err) != RC_OK)
		fail_msg("chain_search: %s", err.text);
	return got;
}

static void
expect_reason(const struct chain_result *got, const char *want)
{
	const char *reason = got->reason != NULL ? got->reason : "valid";

	if (strcmp(reason, want) != 0)
		fail_msg("got %s, want %s", reason, want);
	assert_int_equal(
	    got->state, got->reason == NULL ? CHAIN_VALID : CHAIN_INVALID);
}

/* A certificate of an authority for a key that others have too. */
static struct fixture
make_cross(const char *name, const struct fixture *issuer, EVP_PKEY *key,
    const char *constraints, bool with_id)
{
	EVP_PKEY_up_ref(key);
	return fixture_make(&(struct fixture_spec){.name = name,
	    .issuer = issuer,
	    .key = key,
	    .constraints = constraints,
	    .usage = CA_USAGE,
	    .more = {{with_id ? "subjectKeyIdentifier" : NULL, "hash"}}});
}

/* ---- one beyond each ---------------------------------------------------- */

static void
the_64th_path_is_tried_and_not_the_65th(void **state)
{
	for (size_t more = 0; more < 2; more++) {
		struct certs untrusted CERTS_OWNED = CERTS_NONE;
		struct chain_work work = {.limits = &chain_default};
		EVP_PKEY *key = EVP_EC_gen("P-256");
		/* likelier than the right one, which has no key identifier */
		for (size_t i = 0; i < chain_default.paths - 1 + more; i++) {
			struct fixture wrong FIXTURE_OWNED =
			    make_cross("Between", &root, key, "CA:FALSE", true);
			add(&untrusted, &wrong);
		}
		struct fixture right FIXTURE_OWNED =
		    make_cross("Between", &root, key, CA, false);
		struct fixture leaf FIXTURE_OWNED =
		    fixture_make(&(struct fixture_spec){.name = "x",
			.mail = MAIL,
			.issuer = &(struct fixture){key, untrusted.item[0]},
			.more = {{"authorityKeyIdentifier", "keyid"}}});
		add(&untrusted, &right);
		struct chain_result got CHAIN_RESULT_OWNED =
		    search(&leaf, &untrusted, &work);
		expect_reason(&got, more == 0 ? "valid" : "chain.limit");
		EVP_PKEY_free(key);
	}
}

/* With no signature left to be computed only those count that held before. */
static void
what_was_seen_to_hold_costs_no_signature(void **state)
{
	struct fixture leaf FIXTURE_OWNED = fixture_make(
	    &(struct fixture_spec){.name = "x", .mail = MAIL, .issuer = &root});
	struct fixture other FIXTURE_OWNED = fixture_make(
	    &(struct fixture_spec){.name = "y", .mail = MAIL, .issuer = &root});
	struct seen *seen OWNED(seen_free) = NULL;

	assert_int_equal(seen_new(&seen, NULL), RC_OK);
	for (size_t before = 0; before < 2; before++) {
		struct chain_work work = {.limits = &chain_default,
		    .seen = seen,
		    .signatures = chain_default.signatures};
		struct chain_work fresh = {
		    .limits = &chain_default, .seen = seen};
		struct chain_result got CHAIN_RESULT_OWNED =
		    search(&leaf, NULL, &work);
		expect_reason(&got, before ? "valid" : "chain.limit");
		chain_result_done(&got);
		got = search(&other, NULL, &work);
		expect_reason(&got, "chain.limit");
		chain_result_done(&got);
		got = search(&leaf, NULL, &fresh);
		expect_reason(&got, "valid");
	}
}

/* A key of the issuer's name that never signed it: each time again. */
static void
what_does_not_hold_is_not_remembered(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct fixture forged FIXTURE_OWNED =
	    fixture_make(&(struct fixture_spec){.name = "x",
		.mail = MAIL,
		.issuer = &(struct fixture){key, root.cert}});
	struct seen *seen OWNED(seen_free) = NULL;

	assert_int_equal(seen_new(&seen, NULL), RC_OK);
	for (int i = 0; i < 2; i++) {
		struct chain_work work = {
		    .limits = &chain_default, .seen = seen};
		struct chain_result got CHAIN_RESULT_OWNED =
		    search(&forged, NULL, &work);
		expect_reason(&got, "cert.signature");
	}
	EVP_PKEY_free(key);
}

/* Forged ones of the same name: one signature each; two for the right path. */
static void
signature_256_is_looked_at_and_not_257(void **state)
{
	struct fixture right FIXTURE_OWNED =
	    make_cross("Between", &root, root.key, CA, false);
	struct fixture leaf FIXTURE_OWNED = fixture_make(&(struct fixture_spec){
	    .name = "x", .mail = MAIL, .issuer = &right});

	for (size_t more = 0; more < 2; more++) {
		struct certs untrusted CERTS_OWNED = CERTS_NONE;
		struct chain_work work = {.limits = &chain_default};
		for (size_t i = 0; i < chain_default.signatures - 2 + more;
		     i++) {
			EVP_PKEY *key = EVP_EC_gen("P-256");
			struct fixture wrong FIXTURE_OWNED =
			    make_cross("Between", &root, key, CA, false);
			add(&untrusted, &wrong);
			EVP_PKEY_free(key);
		}
		add(&untrusted, &right);
		struct chain_result got CHAIN_RESULT_OWNED =
		    search(&leaf, &untrusted, &work);
		expect_reason(&got, more == 0 ? "valid" : "chain.limit");
	}
}

/* From the leaf to the root it is one step. */
static void
climb_2000_is_made_and_not_2001(void **state)
{
	struct fixture leaf FIXTURE_OWNED = fixture_signer(&root, MAIL);

	for (size_t more = 0; more < 2; more++) {
		struct chain_work work = {.limits = &chain_default,
		    .climbs = chain_default.climbs - 1 + more};
		struct chain_result got CHAIN_RESULT_OWNED =
		    search(&leaf, NULL, &work);
		expect_reason(&got, more == 0 ? "valid" : "chain.limit");
	}
}

/* What one asks with less: none. */
static void
whoever_asks_may_set_lower_limits(void **state)
{
	static const struct chain_limits none[] = {
	    {.climbs = 9, .signatures = 9, .names = 9},
	    {.paths = 9, .signatures = 9, .names = 9},
	    {.paths = 9, .climbs = 9, .names = 9},
	    {.paths = 9, .climbs = 9, .signatures = 9, .names = 9},
	};
	struct fixture leaf FIXTURE_OWNED = fixture_signer(&root, MAIL);

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		struct chain_result got CHAIN_RESULT_OWNED = CHAIN_RESULT;
		const struct chain_request ask = {
		    .roots = &roots, .at = FIXTURE_NOW, .limits = &none[i]};
		assert_int_equal(
		    chain_check(leaf.cert, &ask, &got, NULL), RC_OK);
		expect_reason(&got, i == 3 ? "valid" : "chain.limit");
	}
}

static void
too_many_comparisons_of_names_are_a_limit(void **state)
{
	struct fixture between FIXTURE_OWNED =
	    fixture_make(&(struct fixture_spec){.name = "Between",
		.issuer = &root,
		.constraints = CA,
		.usage = CA_USAGE,
		.more = {{"nameConstraints", "permitted;email:example.org"}}});
	struct fixture leaf FIXTURE_OWNED = fixture_signer(&between, MAIL);
	struct certs untrusted CERTS_OWNED = CERTS_NONE;

	add(&untrusted, &between);
	for (size_t more = 0; more < 2; more++) {
		struct chain_work work = {.limits = &chain_default,
		    .names = chain_default.names - 9 + more};
		struct chain_result got CHAIN_RESULT_OWNED =
		    search(&leaf, &untrusted, &work);
		expect_reason(&got, more == 0 ? "valid" : "chain.limit");
	}
}

/* ---- explosions --------------------------------------------------------- */

static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Four certificates for each of eight keys, everything signed as it should
 * be: 65536 paths, none of which a policy holds along. */
static void
a_chain_that_explodes_ends_soon(void **state)
{
	struct certs untrusted CERTS_OWNED = CERTS_NONE;
	struct fixture last = {NULL, NULL};
	struct chain_work work = {.limits = &chain_default};

	for (size_t level = 0; level < 8; level++) {
		EVP_PKEY *key = EVP_EC_gen("P-256");
		struct fixture issuer = level == 0 ? root : last;
		char name[20];
		(void)snprintf(name, sizeof(name), "Level %zu", level);
		for (size_t i = 0; i < 4; i++) {
			struct fixture made FIXTURE_OWNED =
			    make_cross(name, &issuer, key,
				i == 3 && level == 0 ? "CA:FALSE" : CA, false);
			add(&untrusted, &made);
		}
		if (level > 0)
			EVP_PKEY_free(last.key);
		last = (struct fixture){key, untrusted.item[untrusted.len - 1]};
	}
	struct fixture leaf FIXTURE_OWNED = fixture_make(&(struct fixture_spec){
	    .name = "x", .mail = MAIL, .issuer = &last, .policies = "1.2.3"});
	EVP_PKEY_free(last.key);
	const struct chain_request ask = {.roots = &roots,
	    .untrusted = &untrusted,
	    .at = FIXTURE_NOW,
	    .explicit_policy = true};
	struct chain_result got CHAIN_RESULT_OWNED = CHAIN_RESULT;
	double start = seconds();
	assert_int_equal(
	    chain_search(leaf.cert, &ask, &work, 0, &got, NULL), RC_OK);
	assert_true(seconds() - start < 5);
	expect_reason(&got, "chain.limit");
	assert_int_equal(work.paths, chain_default.paths);
}

/* Sixteen authorities that all vouch for each other, and one of them for none
 * that is below a root: names lead there, and no way does. */
static void
authorities_that_vouch_for_each_other_end_soon(void **state)
{
	struct certs untrusted CERTS_OWNED = CERTS_NONE;
	struct fixture ring[15];
	struct chain_work work = {.limits = &chain_default};

	for (size_t i = 0; i < 15; i++) {
		char name[20];
		(void)snprintf(name, sizeof(name), "Ring %zu", i);
		ring[i] = fixture_make(&(struct fixture_spec){
		    .name = name, .constraints = CA, .usage = CA_USAGE});
	}
	for (size_t i = 0; i < 15; i++)
		for (size_t k = 0; k < 15; k++) {
			char name[20];
			if (i == k)
				continue;
			(void)snprintf(name, sizeof(name), "Ring %zu", i);
			struct fixture made FIXTURE_OWNED =
			    make_cross(name, &ring[k], ring[i].key, CA, false);
			add(&untrusted, &made);
		}
	/* only ring 0 has a way up, and the leaf has gone through it */
	struct fixture top FIXTURE_OWNED =
	    make_cross("Ring 0", &root, ring[0].key, "CA:FALSE", false);
	struct fixture leaf FIXTURE_OWNED = fixture_signer(&ring[0], MAIL);
	add(&untrusted, &top);
	double start = seconds();
	struct chain_result got CHAIN_RESULT_OWNED =
	    search(&leaf, &untrusted, &work);
	assert_true(seconds() - start < 5);
	expect_reason(&got, "chain.limit");
	for (size_t i = 0; i < 15; i++)
		fixture_done(&ring[i]);
}

/* ---- the right way ------------------------------------------------------ */

/* A self-issued certificate without key identifiers, signed by another key:
 * the crypto library takes it for one that signs itself. */
static void
a_new_key_signed_with_the_old_is_followed(void **state)
{
	struct fixture old FIXTURE_OWNED =
	    fixture_make(&(struct fixture_spec){.name = "Twice",
		.issuer = &root,
		.constraints = CA,
		.usage = CA_USAGE});
	struct fixture new FIXTURE_OWNED =
	    fixture_make(&(struct fixture_spec){.name = "Twice",
		.issuer = &old,
		.constraints = CA,
		.usage = CA_USAGE});
	struct fixture leaf FIXTURE_OWNED = fixture_signer(&new, MAIL);
	struct certs untrusted CERTS_OWNED = CERTS_NONE;
	struct chain_work work = {.limits = &chain_default};

	add(&untrusted, &new);
	add(&untrusted, &old);
	struct chain_result got CHAIN_RESULT_OWNED =
	    search(&leaf, &untrusted, &work);
	expect_reason(&got, "valid");
	assert_int_equal(got.path.len, 4);
}

static void
the_way_that_is_valid_is_found_beside_one_that_has_expired(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct fixture good FIXTURE_OWNED =
	    make_cross("Between", &root, key, CA, true);
	struct fixture old FIXTURE_OWNED =
	    fixture_make(&(struct fixture_spec){.name = "Between",
		.issuer = &root,
		.key = key,
		.constraints = CA,
		.end = FIXTURE_NOW - 1});
	struct fixture leaf FIXTURE_OWNED = fixture_signer(&good, MAIL);
	struct certs untrusted CERTS_OWNED = CERTS_NONE;
	struct certs expired CERTS_OWNED = CERTS_NONE;
	struct chain_work work = {.limits = &chain_default}, other = work;

	EVP_PKEY_up_ref(key); /* one each is taken over */
	add(&expired, &old);
	add(&untrusted, &old);
	add(&untrusted, &good);
	struct chain_result got CHAIN_RESULT_OWNED =
	    search(&leaf, &untrusted, &work);
	struct chain_result late CHAIN_RESULT_OWNED =
	    search(&leaf, &expired, &other);
	expect_reason(&got, "valid");
	expect_reason(&late, "cert.expired-at-time");
	EVP_PKEY_free(key);
}

/* Where the library has ML-DSA, and Ed25519 everywhere: neither has a digest
 * that would say how strong a signature is. */
static void
signatures_without_a_digest_are_followed(void **state)
{
	static const char *const kinds[] = {"ED25519", "ML-DSA-65"};

	for (size_t i = 0; i < 2; i++) {
		EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, kinds[i]);
		struct certs untrusted CERTS_OWNED = CERTS_NONE;
		struct chain_work work = {.limits = &chain_default};
		ERR_clear_error();
		if (key == NULL)
			continue;
		struct fixture between FIXTURE_OWNED =
		    make_cross("Between", &root, key, CA, true);
		struct fixture leaf FIXTURE_OWNED =
		    fixture_signer(&between, MAIL);
		add(&untrusted, &between);
		struct chain_result got CHAIN_RESULT_OWNED =
		    search(&leaf, &untrusted, &work);
		expect_reason(&got, "valid");
		EVP_PKEY_free(key);
	}
}

/* Not fooled: the last of the path is the root that is trusted, not another of
 * its name and key. */
static void
a_root_is_the_certificate_that_is_trusted(void **state)
{
	struct fixture twin FIXTURE_OWNED =
	    make_cross("Root", NULL, root.key, CA, false);
	struct fixture leaf FIXTURE_OWNED = fixture_signer(&twin, MAIL);
	struct certs untrusted CERTS_OWNED = CERTS_NONE;
	struct chain_work work = {.limits = &chain_default};

	add(&untrusted, &twin);
	struct chain_result got CHAIN_RESULT_OWNED =
	    search(&leaf, &untrusted, &work);
	expect_reason(&got, "valid");
	assert_int_equal(got.path.len, 2);
	assert_ptr_equal(got.path.item[1], root.cert);
}

/* ---- a list of 50 MB ---------------------------------------------------- */

#define LIST_BYTES ((size_t)50 << 20)

static void
put_head(uint8_t *at, uint8_t tag, size_t len)
{
	const uint8_t head[6] = {tag, 0x84, (uint8_t)(len >> 24),
	    (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len};

	memcpy(at, head, sizeof(head));
}

/* Each entry is SEQUENCE { INTEGER of 16, UTCTime }. */
static size_t
put_entries(uint8_t *at, size_t len)
{
	static const uint8_t entry[35] = "\x30\x21\x02\x10\1xxxxxxxxxxxxxxx"
					 "\x17\x0d"
					 "260101000000Z";
	size_t used = 0;

	for (; used + sizeof(entry) <= len; used += sizeof(entry)) {
		memcpy(at + used, entry, sizeof(entry));
		memcpy(at + used + 6, &used, sizeof(used));
	}
	return used;
}

static size_t
put(uint8_t *at, const void *bytes, int len)
{
	memcpy(at, bytes, (size_t)len);
	return (size_t)len;
}

/* TBSCertList: version, algorithm, issuer, two times, the entries. */
static size_t
put_tbs(uint8_t *at, const struct fixture *issuer, const X509_ALGOR *algorithm)
{
	uint8_t *der = NULL;
	size_t used = 6;

	used += put(at + used, "\2\1\1", 3);
	int len = i2d_X509_ALGOR(algorithm, &der);
	used += put(at + used, der, len);
	OPENSSL_free(der);
	der = NULL;
	len =
	    i2d_X509_NAME(X509_get_subject_name(cert_x509(issuer->cert)), &der);
	used += put(at + used, der, len);
	OPENSSL_free(der);
	used += put(at + used,
	    "\x17\x0d"
	    "261120000000Z",
	    15);
	used += put(at + used,
	    "\x17\x0d"
	    "261220000000Z",
	    15);
	size_t entries = put_entries(at + used + 6, LIST_BYTES);
	put_head(at + used, 0x30, entries);
	used += 6 + entries;
	put_head(at, 0x30, used - 6);
	return used;
}

static struct span
make_big_list(const struct fixture *issuer)
{
	X509_ALGOR *algorithm = X509_ALGOR_new();
	uint8_t *list = malloc(LIST_BYTES + 4096), *der = NULL;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t signature[200] = {0};
	size_t size = sizeof(signature);

	assert_non_null(list);
	X509_ALGOR_set0(
	    algorithm, OBJ_nid2obj(NID_ecdsa_with_SHA256), V_ASN1_UNDEF, NULL);
	size_t len = put_tbs(list + 6, issuer, algorithm);
	assert_int_equal(
	    EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, issuer->key), 1);
	assert_int_equal(
	    EVP_DigestSign(ctx, signature, &size, list + 6, len), 1);
	int head = i2d_X509_ALGOR(algorithm, &der);
	len += put(list + 6 + len, der, head);
	OPENSSL_free(der);
	const uint8_t bits[3] = {0x03, (uint8_t)(size + 1), 0};
	len += put(list + 6 + len, bits, 3);
	len += put(list + 6 + len, signature, (int)size);
	put_head(list, 0x30, len);
	EVP_MD_CTX_free(ctx);
	X509_ALGOR_free(algorithm);
	return span_of(list, len + 6);
}

static void
a_list_of_50_mb_is_read_soon(void **state)
{
	struct fixture leaf FIXTURE_OWNED = fixture_signer(&root, MAIL);
	struct crls crls CRLS_OWNED = CRLS_NONE;
	struct span list = make_big_list(&root);
	struct err err = ERR_NONE;
	double start = seconds();

	if (crls_add(&crls, list, &err) != RC_OK)
		fail_msg("crls_add: %s", err.text);
	const struct chain_request ask = {.roots = &roots,
	    .crls = &crls,
	    .at = FIXTURE_NOW,
	    .need_status = true};
	for (size_t more = 0; more < 2; more++) {
		struct chain_result got CHAIN_RESULT_OWNED = CHAIN_RESULT;
		struct chain_work work = {.limits = &chain_default,
		    .crl_bytes = chain_default.crl_bytes + more -
				 crls.item[0]->entries.len};
		assert_int_equal(
		    chain_search(leaf.cert, &ask, &work, 0, &got, NULL), RC_OK);
		expect_reason(&got, more == 0 ? "valid" : "chain.limit");
	}
	assert_true(seconds() - start < 5);
	free((void *)list.data);
}

static int
begin(void **state)
{
	root = fixture_root("Root");
	return certs_add(&roots, root.cert, NULL) == RC_OK ? 0 : -1;
}

static int
end(void **state)
{
	certs_done(&roots);
	fixture_done(&root);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_64th_path_is_tried_and_not_the_65th),
	    cmocka_unit_test(what_was_seen_to_hold_costs_no_signature),
	    cmocka_unit_test(what_does_not_hold_is_not_remembered),
	    cmocka_unit_test(signature_256_is_looked_at_and_not_257),
	    cmocka_unit_test(climb_2000_is_made_and_not_2001),
	    cmocka_unit_test(whoever_asks_may_set_lower_limits),
	    cmocka_unit_test(too_many_comparisons_of_names_are_a_limit),
	    cmocka_unit_test(a_chain_that_explodes_ends_soon),
	    cmocka_unit_test(authorities_that_vouch_for_each_other_end_soon),
	    cmocka_unit_test(a_new_key_signed_with_the_old_is_followed),
	    cmocka_unit_test(
		the_way_that_is_valid_is_found_beside_one_that_has_expired),
	    cmocka_unit_test(signatures_without_a_digest_are_followed),
	    cmocka_unit_test(a_root_is_the_certificate_that_is_trusted),
	    cmocka_unit_test(a_list_of_50_mb_is_read_soon),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
