#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/ocsp.h>

#include "pki/chain_priv.h"
#include "pki/fixture.h"
#include "pki/ocsp_priv.h"
#include "pki/pointer.h"

#define MAIL "alice@example.org"
#define DAY 86400L
#define NOW FIXTURE_NOW
#define NO_REASON (-1)
#define NEVER (-1)

/* root -> leaf; who else might answer for the root */
static struct world {
	struct fixture root, stranger, leaf, bob;
	struct fixture delegate;        /* told to, with ocsp-nocheck */
	struct fixture checkable;       /* told to, and can be revoked */
	struct fixture silent;          /* told to, and says no more */
	struct fixture expired;         /* was told to */
	struct fixture purpose;         /* another purpose */
	struct fixture foreign;         /* told to by the stranger */
	struct fixture rollover, newer; /* told to by his next key */
	struct fixture between, below;  /* told to by somebody below the root */
	struct certs roots, untrusted;
} w;

struct said {
	const struct fixture *signer, *issuer; /* NULL: the root */
	const struct fixture *about;           /* NULL: the leaf */
	int status;                            /* V_OCSP_CERTSTATUS_... */
	int64_t at;
	int reason;
	int64_t from, until; /* 0: around NOW; until NEVER: none */
	int64_t invalid;     /* invalidityDate; 0: none */
	int64_t produced;    /* 0: `from` */
	int64_t cutoff;      /* archiveCutoff; 0: none */
	bool by_key, sha1, sha256_id, critical, no_certs;
};

static ASN1_GENERALIZEDTIME *
time_of(int64_t at)
{
	return ASN1_GENERALIZEDTIME_set(NULL, at);
}

static OCSP_CERTID *
id_of(const struct said *said)
{
	const struct fixture *about = said->about ? said->about : &w.leaf;
	const struct fixture *issuer = said->issuer ? said->issuer : &w.root;

	return OCSP_cert_to_id(said->sha256_id ? EVP_sha256() : EVP_sha1(),
	    cert_x509(about->cert), cert_x509(issuer->cert));
}

static void
add_status(OCSP_BASICRESP *basic, const struct said *said)
{
	int64_t from = said->from != 0 ? said->from : NOW - DAY;
	int64_t until = said->until != 0 ? said->until : from + 7 * DAY;
	OCSP_CERTID *id = id_of(said);
	ASN1_GENERALIZEDTIME *at = time_of(said->at), *this = time_of(from);
	ASN1_GENERALIZEDTIME *next = until != NEVER ? time_of(until) : NULL;
	bool revoked = said->status == V_OCSP_CERTSTATUS_REVOKED;

	OCSP_SINGLERESP *single = OCSP_basic_add1_status(basic, id,
	    said->status, said->reason, revoked ? at : NULL, this, next);
	assert_non_null(single);
	if (said->invalid != 0) {
		ASN1_GENERALIZEDTIME *since = time_of(said->invalid);
		OCSP_SINGLERESP_add1_ext_i2d(
		    single, NID_invalidity_date, since, 0, 0);
		ASN1_GENERALIZEDTIME_free(since);
	}
	if (said->cutoff != 0) {
		ASN1_GENERALIZEDTIME *cutoff = time_of(said->cutoff);
		OCSP_SINGLERESP_add1_ext_i2d(
		    single, NID_id_pkix_OCSP_archiveCutoff, cutoff, 0, 0);
		ASN1_GENERALIZEDTIME_free(cutoff);
	}
	if (said->critical) {
		X509_EXTENSION *strange =
		    X509V3_EXT_conf(NULL, NULL, "1.2.3.4", "critical,DER:0500");
		OCSP_SINGLERESP_add_ext(single, strange, -1);
		X509_EXTENSION_free(strange);
	}
	OCSP_CERTID_free(id);
	ASN1_GENERALIZEDTIME_free(at);
	ASN1_GENERALIZEDTIME_free(this);
	ASN1_GENERALIZEDTIME_free(next);
}

static void
sign(OCSP_BASICRESP *basic, const struct said *said)
{
	const struct fixture *signer = said->signer ? said->signer : &w.root;
	int64_t from = said->from != 0 ? said->from : NOW - DAY;
	unsigned long flags = OCSP_NOTIME |
			      (said->by_key ? OCSP_RESPID_KEY : 0) |
			      (said->no_certs ? OCSP_NOCERTS : 0);
	/* the library's own is the time of the test */
	ASN1_GENERALIZEDTIME *produced =
	    (ASN1_GENERALIZEDTIME *)(uintptr_t)OCSP_resp_get0_produced_at(
		basic);

	assert_non_null(ASN1_GENERALIZEDTIME_set(
	    produced, said->produced != 0 ? said->produced : from));
	X509 *x509 OWNED(X509_free) = fixture_x509(signer);
	assert_int_equal(
	    OCSP_basic_sign(basic, x509, signer->key,
		said->sha1 ? EVP_sha1() : EVP_sha256(), NULL, flags),
	    1);
}

static void
print_basic(OCSP_BASICRESP *basic, struct buf *der)
{
	uint8_t *bytes = NULL;
	OCSP_RESPONSE *response =
	    OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
	int len = i2d_OCSP_RESPONSE(response, &bytes);

	assert_true(len > 0);
	assert_int_equal(
	    buf_add(der, span_of(bytes, (size_t)len), NULL), RC_OK);
	OPENSSL_free(bytes);
	OCSP_RESPONSE_free(response);
}

static void
print_answer(const struct said *said, struct buf *der)
{
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();

	add_status(basic, said);
	sign(basic, said);
	print_basic(basic, der);
	OCSP_BASICRESP_free(basic);
}

static void
add_answer(const struct said *said, struct ocsps *ocsps)
{
	struct buf der BUF_OWNED = BUF_SMALL;
	struct err err = ERR_NONE;

	print_answer(said, &der);
	if (ocsps_add(ocsps, buf_span(&der), &err) != RC_OK)
		fail_msg("ocsps_add: %s", err.text);
}

/* ---- one answer, and another ----------------------------------------- */

static struct fixture
make_responder(const struct fixture *issuer, const char *name,
    const char *extended, const char *more, const char *value)
{
	return fixture_make(&(struct fixture_spec){.name = name,
	    .issuer = issuer,
	    .usage = "critical,digitalSignature",
	    .extended = extended,
	    .more = {{more, value}}});
}

static int
setup(void **state)
{
	static const char place[] = "OCSP;URI:http://a.test/";
	(void)state;
	w.root = fixture_root("Root");
	w.stranger = fixture_root("Stranger");
	w.leaf = fixture_make(&(struct fixture_spec){.name = "Alice",
	    .mail = MAIL,
	    .issuer = &w.root,
	    .more = {{"authorityInfoAccess", place}}});
	w.bob = fixture_signer(&w.root, "bob@example.org");
	w.delegate =
	    make_responder(&w.root, "R", "OCSPSigning", "noCheck", "ignored");
	w.checkable = make_responder(&w.root, "C", "OCSPSigning",
	    "crlDistributionPoints", "URI:http://a.test/c");
	w.silent = make_responder(&w.root, "S", "OCSPSigning", NULL, NULL);
	w.expired = fixture_make(&(struct fixture_spec){.name = "E",
	    .issuer = &w.root,
	    .extended = "OCSPSigning",
	    .end = NOW - 3 * DAY});
	w.purpose = make_responder(&w.root, "P", "clientAuth", NULL, NULL);
	w.foreign = make_responder(
	    &w.stranger, "F", "OCSPSigning", "noCheck", "ignored");
	w.between = fixture_make(&(struct fixture_spec){.name = "Between",
	    .issuer = &w.root,
	    .constraints = "critical,CA:TRUE",
	    .usage = "critical,keyCertSign"});
	w.below = make_responder(
	    &w.between, "B", "OCSPSigning", "noCheck", "ignored");
	w.rollover = fixture_make(&(struct fixture_spec){.name = "Root",
	    .issuer = &w.root,
	    .constraints = "critical,CA:TRUE",
	    .usage = "critical,keyCertSign"});
	w.newer = make_responder(
	    &w.rollover, "N", "OCSPSigning", "noCheck", "ignored");
	assert_int_equal(certs_add(&w.untrusted, w.rollover.cert, NULL), RC_OK);
	assert_int_equal(certs_add(&w.roots, w.root.cert, NULL), RC_OK);
	assert_int_equal(certs_add(&w.untrusted, w.between.cert, NULL), RC_OK);
	assert_int_equal(certs_add(&w.untrusted, w.delegate.cert, NULL), RC_OK);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	struct fixture *all[] = {&w.root, &w.stranger, &w.leaf, &w.bob,
	    &w.delegate, &w.checkable, &w.silent, &w.expired, &w.purpose,
	    &w.foreign, &w.between, &w.below, &w.rollover, &w.newer};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		fixture_done(all[i]);
	certs_done(&w.roots);
	certs_done(&w.untrusted);
	return 0;
}

#define GOOD V_OCSP_CERTSTATUS_GOOD
#define REVOKED V_OCSP_CERTSTATUS_REVOKED
#define UNKNOWN V_OCSP_CERTSTATUS_UNKNOWN

static const struct {
	const char *name;
	struct said said[2];
	size_t count; /* 0: one */
	enum chain_revocation want;
	int64_t revoked_at;
	bool invalid; /* "cert.revoked" */
	bool dated;
	size_t kept; /* answers that counted */
} cases[] = {
    {"the issuer says good", {{.status = GOOD}}, 0, REVOCATION_GOOD, 0, false,
	false, 1},
    {"named by his key", {{.by_key = true}}, 0, REVOCATION_GOOD, 0, false,
	false, 1},
    {"identified by SHA-256", {{.sha256_id = true}}, 0, REVOCATION_GOOD, 0,
	false, false, 1},
    {"somebody the issuer told to", {{.signer = &w.delegate}}, 0,
	REVOCATION_GOOD, 0, false, false, 1},
    {"whose certificate came with the letter",
	{{.signer = &w.delegate, .no_certs = true}}, 0, REVOCATION_GOOD, 0,
	false, false, 1},
    {"whose certificate is not at hand",
	{{.signer = &w.expired, .no_certs = true}}, 0, REVOCATION_UNKNOWN, 0,
	false, false, 0},
    {"who could be revoked, and nobody says that he is not",
	{{.signer = &w.checkable}}, 0, REVOCATION_UNKNOWN, 0, false, false, 0},
    {"who had expired when he said so", {{.signer = &w.expired}}, 0,
	REVOCATION_UNKNOWN, 0, false, false, 0},
    {"who expired since: no longer than he lived",
	{{.signer = &w.expired, .from = NOW - 4 * DAY, .until = NOW + DAY}}, 0,
	REVOCATION_UNKNOWN, 0, false, false, 0},
    {"who had expired, and says that he said it before",
	{{.signer = &w.expired, .produced = NOW - 4 * DAY}}, 0,
	REVOCATION_UNKNOWN, 0, false, false, 0},
    {"of a time to which he lived, and which had not come",
	{{.signer = &w.expired,
	    .produced = NOW - 5 * DAY,
	    .from = NOW - 4 * DAY,
	    .until = NOW + DAY,
	    .status = REVOKED,
	    .at = NOW - 9 * DAY,
	    .reason = 4}},
	0, REVOCATION_UNKNOWN, 0, false, false, 0},
    {"revoked, says one who expired since",
	{{.signer = &w.expired,
	    .from = NOW - 4 * DAY,
	    .until = NOW + DAY,
	    .status = REVOKED,
	    .at = NOW - 9 * DAY,
	    .reason = 4}},
	0, REVOCATION_REVOKED, NOW - 9 * DAY, true, false, 1},
    {"released, says one who had expired",
	{{.status = REVOKED,
	     .at = NOW - 9 * DAY,
	     .reason = 6,
	     .from = NOW - 5 * DAY},
	    {.signer = &w.expired, .produced = NOW - 4 * DAY}},
	2, REVOCATION_REVOKED, NOW - 9 * DAY, true, false, 1},
    {"two clocks that differ a little",
	{{.signer = &w.delegate, .produced = NOW - DAY - 300}}, 0,
	REVOCATION_GOOD, 0, false, false, 1},
    {"two clocks that differ more",
	{{.signer = &w.delegate, .produced = NOW - DAY - 301}}, 0,
	REVOCATION_UNKNOWN, 0, false, false, 0},
    {"for another purpose", {{.signer = &w.purpose}}, 0, REVOCATION_UNKNOWN, 0,
	false, false, 0},
    {"told to by another root", {{.signer = &w.foreign}}, 0, REVOCATION_UNKNOWN,
	0, false, false, 0},
    {"told to by somebody below the issuer", {{.signer = &w.below}}, 0,
	REVOCATION_UNKNOWN, 0, false, false, 0},
    {"told to by another key of the issuer's", {{.signer = &w.newer}}, 0,
	REVOCATION_UNKNOWN, 0, false, false, 0},
    {"the one who is asked about", {{.signer = &w.leaf}}, 0, REVOCATION_UNKNOWN,
	0, false, false, 0},
    {"about somebody else", {{.about = &w.bob}}, 0, REVOCATION_UNKNOWN, 0,
	false, false, 0},
    {"about a number of another issuer's", {{.issuer = &w.stranger}}, 0,
	REVOCATION_UNKNOWN, 0, false, false, 0},
    {"signed with SHA-1", {{.sha1 = true}}, 0, REVOCATION_UNKNOWN, 0, false,
	false, 0},
    {"with a critical extension nobody knows", {{.critical = true}}, 0,
	REVOCATION_UNKNOWN, 0, false, false, 0},
    {"that he does not know it", {{.status = UNKNOWN}}, 0, REVOCATION_UNKNOWN,
	0, false, false, 0},
    {"it has ended", {{.from = NOW - 9 * DAY, .until = NOW - 1}}, 0,
	REVOCATION_UNKNOWN, 0, false, false, 0},
    {"it ends now", {{.from = NOW - 9 * DAY, .until = NOW}}, 0, REVOCATION_GOOD,
	0, false, false, 1},
    {"without an end, of this moment", {{.from = NOW - 300, .until = NEVER}}, 0,
	REVOCATION_GOOD, 0, false, false, 1},
    {"without an end, and older", {{.from = NOW - 301, .until = NEVER}}, 0,
	REVOCATION_UNKNOWN, 0, false, false, 0},
    {"from after the time asked about", {{.from = NOW + DAY}}, 0,
	REVOCATION_GOOD, 0, false, false, 1},
    {"from after the certificate expired", {{.from = FIXTURE_END + 1}}, 0,
	REVOCATION_UNKNOWN, 0, false, false, 0},
    {"which it still has in its archive",
	{{.from = FIXTURE_END + DAY, .cutoff = FIXTURE_END}}, 0,
	REVOCATION_GOOD, 0, false, false, 1},
    {"which it has no more in its archive",
	{{.from = FIXTURE_END + DAY, .cutoff = FIXTURE_END + 1}}, 0,
	REVOCATION_UNKNOWN, 0, false, false, 0},
    {"revoked", {{.status = REVOKED, .at = NOW - 9, .reason = NO_REASON}}, 0,
	REVOCATION_REVOKED, NOW - 9, true, false, 1},
    {"revoked, says an ended answer",
	{{.status = REVOKED,
	    .at = NOW - 9 * DAY,
	    .reason = 4,
	    .from = NOW - 9 * DAY,
	    .until = NOW - 1}},
	0, REVOCATION_REVOKED, NOW - 9 * DAY, true, false, 1},
    {"revoked, with a critical extension",
	{{.status = REVOKED, .at = NOW - 9, .reason = 4, .critical = true}}, 0,
	REVOCATION_REVOKED, NOW - 9, true, false, 1},
    {"revoked after the time asked about",
	{{.status = REVOKED, .at = NOW + 1, .reason = 4, .from = NOW + DAY}}, 0,
	REVOCATION_REVOKED, NOW + 1, false, false, 1},
    {"stolen", {{.status = REVOKED, .at = NOW - 9, .reason = 1}}, 0,
	REVOCATION_COMPROMISED, NOW - 9, true, false, 1},
    {"stolen earlier than told",
	{{.status = REVOKED,
	    .at = NOW + 9,
	    .reason = 1,
	    .invalid = NOW - 9,
	    .from = NOW + DAY}},
	0, REVOCATION_COMPROMISED, NOW - 9, true, true, 1},
    {"revoked by whom he may not",
	{{.signer = &w.foreign, .status = REVOKED, .at = NOW - 9}}, 0,
	REVOCATION_UNKNOWN, 0, false, false, 0},
    {"never issued: on hold since 1970",
	{{.status = REVOKED, .at = 0, .reason = 6}}, 0, REVOCATION_REVOKED, 0,
	true, false, 1},
    {"good, and then revoked",
	{{.status = GOOD, .from = NOW - 2 * DAY},
	    {.status = REVOKED, .at = NOW - 9, .reason = 4}},
	2, REVOCATION_REVOKED, NOW - 9, true, false, 2},
    {"stolen, and superseded before that",
	{{.status = REVOKED,
	     .at = NOW + DAY,
	     .reason = 1,
	     .invalid = NOW + DAY,
	     .from = NOW + DAY},
	    {.status = REVOKED, .at = NOW - 9, .reason = 4}},
	2, REVOCATION_COMPROMISED, NOW - 9, true, true, 2},
    {"on hold, and then not",
	{{.status = REVOKED,
	     .at = NOW - 3 * DAY,
	     .reason = 6,
	     .from = NOW - 2 * DAY},
	    {.status = GOOD}},
	2, REVOCATION_GOOD, 0, false, false, 1},
    {"on hold again",
	{{.status = GOOD, .from = NOW - 2 * DAY},
	    {.status = REVOKED, .at = NOW - 3 * DAY, .reason = 6}},
	2, REVOCATION_REVOKED, NOW - 3 * DAY, true, false, 2},
    {"a second answer that says no more is not kept",
	{{.status = GOOD}, {.status = GOOD, .from = NOW - 2 * DAY}}, 2,
	REVOCATION_GOOD, 0, false, false, 1},
};

static void
check_case(size_t i)
{
	struct ocsps ocsps OCSPS_OWNED = OCSPS_NONE;
	struct chain_result got CHAIN_RESULT_OWNED = CHAIN_RESULT;
	const struct chain_request ask = {.roots = &w.roots,
	    .untrusted = &w.untrusted,
	    .ocsps = &ocsps,
	    .at = NOW};

	for (size_t k = 0; k < (cases[i].count > 0 ? cases[i].count : 1); k++)
		add_answer(&cases[i].said[k], &ocsps);
	assert_int_equal(chain_check(w.leaf.cert, &ask, &got, NULL), RC_OK);
	if (got.revocation != cases[i].want ||
	    got.revoked_at != cases[i].revoked_at ||
	    (got.state != CHAIN_VALID) != cases[i].invalid ||
	    got.is_dated != cases[i].dated || got.ocsps.len != cases[i].kept)
		fail_msg("%s: got %d at %lld, state %d, dated %d, %zu kept",
		    cases[i].name, got.revocation, (long long)got.revoked_at,
		    got.state, got.is_dated, got.ocsps.len);
}

static void
an_answer_counts_if_it_may_be_believed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_case(i);
}

/* Hard fail: then the answer of a delegate is enough only where his authority
 * said that he need not be asked about himself. */
static void
where_a_status_is_needed_an_answer_can_give_it(void **state)
{
	static const struct {
		const struct fixture *signer;
		bool good;
	} signers[] = {{NULL, true}, {&w.delegate, true}, {&w.checkable, false},
	    {&w.silent, false}, {&w.foreign, false}, {&w.below, false}};

	(void)state;
	for (size_t i = 0; i < sizeof(signers) / sizeof(signers[0]); i++) {
		struct ocsps ocsps OCSPS_OWNED = OCSPS_NONE;
		struct chain_result got CHAIN_RESULT_OWNED = CHAIN_RESULT;
		const struct chain_request ask = {.roots = &w.roots,
		    .untrusted = &w.untrusted,
		    .ocsps = &ocsps,
		    .need_status = true,
		    .at = NOW};
		const struct said said = {.signer = signers[i].signer};
		add_answer(&said, &ocsps);
		assert_int_equal(
		    chain_check(w.leaf.cert, &ask, &got, NULL), RC_OK);
		if ((got.state == CHAIN_VALID) != signers[i].good)
			fail_msg("signer %zu: %s", i,
			    got.reason != NULL ? got.reason : "valid");
		if (!signers[i].good)
			assert_string_equal(got.reason, "cert.status-unknown");
	}
}

/* ---- what cannot be read --------------------------------------------- */

static void
a_refusal_is_no_answer(void **state)
{
	struct ocsps ocsps OCSPS_OWNED = OCSPS_NONE;
	struct err err = ERR_NONE;

	(void)state;
	for (uint8_t status = 1; status < 9; status++) {
		const uint8_t der[] = {0x30, 3, 0x0a, 1, status};
		assert_int_equal(
		    ocsps_add(&ocsps, span_of(der, sizeof(der)), &err),
		    RC_REFUSED);
	}
	const uint8_t empty[] = {0x30, 3, 0x0a, 1, 0};
	assert_int_equal(
	    ocsps_add(&ocsps, span_of(empty, sizeof(empty)), &err), RC_SYNTAX);
	assert_int_equal(ocsps.len, 0);
}

/* Each copy in a block of its own size, so that one byte too far is seen. */
static enum rc
add_copy(struct ocsps *ocsps, struct span der)
{
	uint8_t *copy = malloc(der.len + (der.len == 0));

	assert_non_null(copy);
	memcpy(copy, der.data, der.len);
	enum rc rc = ocsps_add(ocsps, span_of(copy, der.len), NULL);
	free(copy);
	return rc;
}

static void
half_an_answer_is_none(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL;
	struct ocsps ocsps OCSPS_OWNED = OCSPS_NONE;

	(void)state;
	print_answer(&(struct said){.signer = &w.delegate}, &der);
	for (size_t len = 0; len < der.len; len++)
		assert_int_not_equal(
		    add_copy(&ocsps, span_of(der.data, len)), RC_OK);
	assert_int_equal(add_copy(&ocsps, buf_span(&der)), RC_OK);
	assert_int_equal(buf_add_byte(&der, 0, NULL), RC_OK);
	assert_int_equal(add_copy(&ocsps, buf_span(&der)), RC_SYNTAX);
	assert_int_equal(ERR_peek_error(), 0);
}

static void
there_is_a_limit_to_answers_and_their_certificates(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL;
	struct ocsps ocsps OCSPS_OWNED = OCSPS_NONE;
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	const struct said said = {.status = GOOD};

	(void)state;
	print_answer(&said, &der);
	const struct ocsp_limits limits = {3, ocsp_default.der, 2};

	ocsps.limits = &limits;
	for (size_t i = 0; i < limits.answers; i++)
		assert_int_equal(add_copy(&ocsps, buf_span(&der)), RC_OK);
	assert_int_equal(add_copy(&ocsps, buf_span(&der)), RC_LIMIT);
	ocsps_done(&ocsps);
	add_status(basic, &said);
	for (int i = 0; i <= limits.certs; i++) {
		assert_int_equal(
		    OCSP_basic_add1_cert(basic, cert_x509(w.bob.cert)), 1);
		sign(basic, &(struct said){.no_certs = true});
		buf_clear(&der);
		print_basic(basic, &der);
		assert_int_equal(add_copy(&ocsps, buf_span(&der)),
		    i < limits.certs ? RC_OK : RC_LIMIT);
	}
	OCSP_BASICRESP_free(basic);
}

static void
too_long_an_answer_is_not_looked_at(void **state)
{
	struct ocsps ocsps OCSPS_OWNED = OCSPS_NONE;
	const struct ocsp_limits limits = {1, 100, 1};
	static const uint8_t zeros[2 * 100 + 1];

	(void)state;
	ocsps.limits = &limits;
	assert_int_equal(
	    add_copy(&ocsps, span_of(zeros, limits.der)), RC_SYNTAX);
	assert_int_equal(
	    add_copy(&ocsps, span_of(zeros, limits.der + 1)), RC_LIMIT);
	assert_int_equal(
	    ocsps_parse(&ocsps, span_of(zeros, 2 * limits.der), NULL),
	    RC_ABSENT);
	assert_int_equal(
	    ocsps_parse(&ocsps, span_of(zeros, 2 * limits.der + 1), NULL),
	    RC_LIMIT);
}

/* ---- the question ---------------------------------------------------- */

static void
answer_with_nonce(struct span nonce, struct ocsps *ocsps)
{
	struct buf der BUF_OWNED = BUF_SMALL;
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	const struct said said = {.status = GOOD};

	add_status(basic, &said);
	if (nonce.len > 0)
		assert_int_equal(
		    OCSP_basic_add1_nonce(basic,
			(unsigned char *)(uintptr_t)nonce.data, (int)nonce.len),
		    1);
	sign(basic, &said);
	print_basic(basic, &der);
	OCSP_BASICRESP_free(basic);
	assert_int_equal(ocsps_add(ocsps, buf_span(&der), NULL), RC_OK);
}

static void
an_answer_repeats_our_nonce_or_none(void **state)
{
	static const struct {
		const char *nonce;
		enum rc want;
	} answers[] = {{"", RC_OK}, {"0123456789abcdef", RC_OK},
	    {"0123456789abcdeX", RC_UNFIT}, {"0123456789abcde", RC_UNFIT}};

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct ocsps ocsps OCSPS_OWNED = OCSPS_NONE;
		answer_with_nonce(span_str(answers[i].nonce), &ocsps);
		assert_int_equal(ocsp_check_nonce(ocsps.item[0],
				     span_str("0123456789abcdef"), NULL),
		    answers[i].want);
	}
}

static void
the_library_reads_our_question(void **state)
{
	struct buf der BUF_OWNED = BUF_SMALL;
	const struct said said = {.status = GOOD};

	(void)state;
	assert_int_equal(ocsp_request(w.leaf.cert, w.root.cert,
			     span_str("0123456789abcdef"), &der, NULL),
	    RC_OK);
	const uint8_t *at = der.data;
	OCSP_REQUEST *request = d2i_OCSP_REQUEST(NULL, &at, (long)der.len);
	assert_non_null(request);
	OCSP_CERTID *id = id_of(&said);
	assert_int_equal(OCSP_request_onereq_count(request), 1);
	assert_int_equal(
	    OCSP_id_cmp(
		id, OCSP_onereq_get0_id(OCSP_request_onereq_get0(request, 0))),
	    0);
	assert_true(OCSP_REQUEST_get_ext_by_NID(
			request, NID_id_pkix_OCSP_Nonce, -1) >= 0);
	OCSP_CERTID_free(id);
	OCSP_REQUEST_free(request);
}

/* ---- where ----------------------------------------------------------- */

static void
a_certificate_says_where_to_ask(void **state)
{
	struct strlist lists STRLIST_OWNED = STRLIST_NONE;
	struct strlist deltas STRLIST_OWNED = STRLIST_NONE;
	struct strlist issuers STRLIST_OWNED = STRLIST_NONE;
	struct strlist responders STRLIST_OWNED = STRLIST_NONE;
	struct fixture cert FIXTURE_OWNED =
	    fixture_make(&(struct fixture_spec){.name = "X",
		.issuer = &w.root,
		.more = {{"crlDistributionPoints",
			     "URI:http://a.test/1,URI:ldap://a.test/2,"
			     "URI:HTTPS://a.test/3,URI:http://a.test/4,"
			     "URI:http://a.test/5,URI:http://a.test/6"},
		    {"freshestCRL", "URI:http://a.test/delta"},
		    {"authorityInfoAccess",
			"OCSP;URI:http://b.test/,caIssuers;URI:http://c.test/,"
			"caIssuers;URI:https://c.test/,"
			"OCSP;URI:file:///etc/passwd"}}});

	(void)state;
	assert_int_equal(pointer_lists(cert.cert, &lists, NULL), RC_OK);
	assert_int_equal(lists.len, POINTER_MAX);
	assert_string_equal(lists.item[1], "HTTPS://a.test/3");
	assert_int_equal(pointer_deltas(cert.cert, &deltas, NULL), RC_OK);
	assert_int_equal(deltas.len, 1);
	assert_string_equal(deltas.item[0], "http://a.test/delta");
	assert_int_equal(pointer_issuers(cert.cert, &issuers, NULL), RC_OK);
	assert_int_equal(issuers.len, 1);
	assert_string_equal(issuers.item[0], "http://c.test/");
	assert_int_equal(
	    pointer_responders(cert.cert, &responders, NULL), RC_OK);
	assert_int_equal(responders.len, 1);
	assert_string_equal(responders.item[0], "http://b.test/");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_answer_counts_if_it_may_be_believed),
	    cmocka_unit_test(where_a_status_is_needed_an_answer_can_give_it),
	    cmocka_unit_test(a_refusal_is_no_answer),
	    cmocka_unit_test(half_an_answer_is_none),
	    cmocka_unit_test(
		there_is_a_limit_to_answers_and_their_certificates),
	    cmocka_unit_test(too_long_an_answer_is_not_looked_at),
	    cmocka_unit_test(an_answer_repeats_our_nonce_or_none),
	    cmocka_unit_test(the_library_reads_our_question),
	    cmocka_unit_test(a_certificate_says_where_to_ask),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
