#include "cms/testkit_priv.h"

#include <time.h>

#include <openssl/ts.h>

#include "cms/shape_priv.h"
#include "cms/sign.h"
#include "cms/stamp.h"
#include "cms/verify.h"
#include "pki/policy.h"

OWNER(struct sign, sign_free);
OWNER(struct verify, verify_free);

#define STAMPED "the signature value"

static struct person root, tsa, rsa_tsa, lax_tsa, alice;
static int64_t now;
static const uint8_t serial[16] = {0xf0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
static const struct stamp_nonce nonce = {{0x7f, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9}};
static uint8_t imprint[32];

static void
write_config(void)
{
	static const char text[] =
	    "[tsa]\ndefault_tsa=t\n[t]\nserial=serial\nsigner_cert=rsa.crt\n"
	    "signer_key=rsa.key\nsigner_digest=sha256\ndefault_policy=1.2.3\n"
	    "digests=sha256,sha384\naccuracy=secs:1\ness_cert_id_alg=sha256\n"
	    "[old]\nserial=serial\nsigner_cert=rsa.crt\n"
	    "signer_key=rsa.key\nsigner_digest=sha256\ndefault_policy=1.2.3\n"
	    "digests=sha256,sha384\ness_cert_id_alg=sha1\n";

	kit_write("tsa.cnf", span_str(text));
	kit_write("serial", span_str("01\n"));
}

static int
setup(void **state)
{
	static const struct kit_extension lax[] = {
	    {NID_key_usage, "critical,digitalSignature"},
	    {NID_ext_key_usage, "timeStamping"}, {0, NULL}};

	kit_enter();
	now = (int64_t)time(NULL);
	person_init(&root, kit_ec("P-256"), "Test Root", KIT_CA, NULL);
	person_init(&tsa, kit_ec("P-256"), "Clock", KIT_TSA, &root);
	person_init(&rsa_tsa, kit_rsa(2048), "Old Clock", KIT_TSA, &root);
	person_init(&lax_tsa, kit_ec("P-256"), "Lax Clock", lax, &root);
	person_init(&alice, kit_ec("P-256"), "Alice", KIT_MAIL, &root);
	kit_write_person("root", &root);
	kit_write_person("tsa", &tsa);
	kit_write_person("rsa", &rsa_tsa);
	kit_write_person("lax", &lax_tsa);
	kit_write_person("alice", &alice);
	write_config();
	kit_write("data", span_str(STAMPED));
	EVP_Digest(STAMPED, strlen(STAMPED), imprint, NULL, EVP_sha256(), NULL);
	return 0;
}

static int
teardown(void **state)
{
	person_done(&root);
	person_done(&tsa);
	person_done(&rsa_tsa);
	person_done(&lax_tsa);
	person_done(&alice);
	kit_leave();
	return 0;
}

static enum rc
answer(struct span request, int64_t when, struct buf *response)
{
	struct stamp_authority authority = {
	    cert_x509(tsa.cert), tsa.pkey, NULL};

	return stamp_answer(
	    &authority, request, when, serial, response, &kit_err);
}

/* Our request, our answer, our reading of it. */
static void
make_token(struct buf *token)
{
	struct buf request BUF_OWNED = BUF_SMALL;
	struct buf response BUF_OWNED = BUF_SMALL;

	assert_ok(stamp_request(imprint, &nonce, &request, &kit_err));
	assert_ok(answer(buf_span(&request), now, &response));
	assert_ok(stamp_response(
	    buf_span(&response), imprint, &nonce, 0, token, &kit_err));
}

static enum rc
verify_token(struct span token, const char *stamped, const struct certs *roots,
    struct stamp_result *ret)
{
	return stamp_verify(token, span_str(stamped), roots, ret, &kit_err);
}

static void
openssl_reads_our_request(void **state)
{
	struct buf request BUF_OWNED = BUF_SMALL;

	assert_ok(stamp_request(imprint, &nonce, &request, &kit_err));
	kit_write("query", buf_span(&request));
	assert_int_equal(kit_openssl("ts -query -in query -text"), 0);
	assert_true(kit_has("said", "Certificate required: yes"));
	assert_true(kit_has("said", "Hash Algorithm: sha256"));
	assert_true(
	    kit_has("said", "Nonce: 0x7F000102030405060708090000000000"));
}

static void
openssl_verifies_our_answer(void **state)
{
	const char *digest[] = {"sha256", "sha384", "sha512"};
	char want[40];
	time_t when = (time_t)now;
	struct tm tm;

	strftime(
	    want, sizeof(want), "%e %H:%M:%S %Y GMT", gmtime_r(&when, &tm));
	for (size_t i = 0; i < 3; i++) {
		struct buf request BUF_OWNED = BUF_SMALL;
		struct buf response BUF_OWNED = BUF_SMALL;
		assert_int_equal(
		    kit_openssl(
			"ts -query -data data -%s -cert -out query", digest[i]),
		    0);
		kit_read("query", &request);
		assert_ok(answer(buf_span(&request), now, &response));
		kit_write("response", buf_span(&response));
		assert_int_equal(
		    kit_openssl("ts -verify -in response -queryfile "
				"query -CAfile root.crt"),
		    0);
		assert_int_equal(
		    kit_openssl("ts -reply -in response -text"), 0);
		assert_true(kit_has("said", "Status: Granted."));
		assert_true(kit_has("said", POLICY_TIMESTAMP));
		assert_true(kit_has("said", "Accuracy: 0x01 seconds"));
		assert_true(kit_has("said", "Serial number: 0xF0010203"));
		assert_true(kit_has("said", want));
	}
}

static void
the_certificate_comes_only_when_asked_for(void **state)
{
	struct buf request BUF_OWNED = BUF_SMALL;
	struct buf response BUF_OWNED = BUF_SMALL;

	assert_int_equal(
	    kit_openssl("ts -query -data data -sha256 -out query"), 0);
	kit_read("query", &request);
	assert_ok(answer(buf_span(&request), now, &response));
	assert_true(span_find(buf_span(&response), cert_der(tsa.cert)) < 0);
	kit_write("response", buf_span(&response));
	assert_int_equal(kit_openssl("ts -verify -in response -queryfile query "
				     "-CAfile root.crt -untrusted tsa.crt"),
	    0);
}

static void
the_chain_comes_with_the_certificate(void **state)
{
	struct buf request BUF_OWNED = BUF_SMALL;
	struct buf response BUF_OWNED = BUF_SMALL;
	STACK_OF(X509) *chain = sk_X509_new_null();
	struct stamp_authority authority = {
	    cert_x509(tsa.cert), tsa.pkey, chain};

	sk_X509_push(chain, cert_x509(root.cert));
	assert_ok(stamp_request(imprint, &nonce, &request, &kit_err));
	assert_ok(stamp_answer(
	    &authority, buf_span(&request), now, serial, &response, &kit_err));
	assert_true(span_find(buf_span(&response), cert_der(root.cert)) >= 0);
	sk_X509_free(chain);
}

struct refusal {
	const char *name;
	const char *query; /* openssl ts -query ...; NULL: `bytes` */
	const char *bytes;
	bool no_time;
	const char *failure;
};

static void
every_refusal_is_an_answer_with_its_reason(void **state)
{
	const struct refusal table[] = {
	    {"SHA-1", "-sha1 -cert", NULL, false, "badAlg"},
	    {"MD5", "-md5", NULL, false, "badAlg"},
	    {"SHA3", "-sha3-256", NULL, false, "badAlg"},
	    {"policy", "-sha256 -tspolicy 1.2.3", NULL, false,
		"unacceptedPolicy"},
	    {"no time", "-sha256 -cert", NULL, true, "timeNotAvailable"},
	    {"text", NULL, "what time is it", false, "badDataFormat"},
	    {"nothing", NULL, "", false, "badDataFormat"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct buf request BUF_OWNED = BUF_SMALL;
		struct buf response BUF_OWNED = BUF_SMALL;
		struct buf token BUF_OWNED = BUF_SMALL;
		if (table[i].query != NULL) {
			assert_int_equal(
			    kit_openssl("ts -query -data data -out "
					"query %s",
				table[i].query),
			    0);
			kit_read("query", &request);
		} else {
			assert_ok(
			    buf_add_str(&request, table[i].bytes, &kit_err));
		}
		assert_ok(answer(
		    buf_span(&request), table[i].no_time ? 0 : now, &response));
		assert_rc(stamp_response(buf_span(&response), imprint, &nonce,
			      0, &token, &kit_err),
		    RC_REFUSED);
		if (strstr(kit_err.text, table[i].failure) == NULL)
			fail_msg("%s: want %s, got %s", table[i].name,
			    table[i].failure, kit_err.text);
		assert_int_equal(token.len, 0);
		kit_write("response", buf_span(&response));
		assert_int_equal(
		    kit_openssl("ts -reply -in response -text"), 0);
		assert_true(kit_has("said", "Rejected"));
	}
}

static void
an_unknown_extension_is_refused(void **state)
{
	struct buf request BUF_OWNED = BUF_SMALL;
	struct buf response BUF_OWNED = BUF_SMALL;
	struct buf token BUF_OWNED = BUF_SMALL;
	uint8_t der[400], *at = der;
	const uint8_t *in;

	assert_ok(stamp_request(imprint, &nonce, &request, &kit_err));
	in = request.data;
	TS_REQ *asked = d2i_TS_REQ(NULL, &in, (long)request.len);
	X509_EXTENSION *extension =
	    X509V3_EXT_conf_nid(NULL, NULL, NID_netscape_comment, "please");
	assert_true_ssl(TS_REQ_add_ext(asked, extension, -1));
	int len = i2d_TS_REQ(asked, &at);
	X509_EXTENSION_free(extension);
	TS_REQ_free(asked);
	assert_ok(answer(span_of(der, (size_t)len), now, &response));
	assert_rc(stamp_response(buf_span(&response), imprint, &nonce, 0,
		      &token, &kit_err),
	    RC_REFUSED);
	assert_non_null(strstr(kit_err.text, "unacceptedExtension"));
}

static void
a_request_cut_off_or_continued_is_refused(void **state)
{
	struct buf request BUF_OWNED = BUF_SMALL;

	assert_ok(stamp_request(imprint, &nonce, &request, &kit_err));
	assert_ok(buf_add_byte(&request, 0, &kit_err));
	for (size_t len = 0; len <= request.len; len++) {
		struct buf response BUF_OWNED = BUF_SMALL;
		struct buf token BUF_OWNED = BUF_SMALL;
		assert_ok(answer(
		    span_first(buf_span(&request), len), now, &response));
		assert_rc(stamp_response(buf_span(&response), imprint, &nonce,
			      0, &token, &kit_err),
		    len == request.len - 1 ? RC_OK : RC_REFUSED);
	}
}

static void
a_certificate_not_for_timestamps_alone_may_not_stamp(void **state)
{
	const struct person *who[] = {&alice, &lax_tsa};
	struct buf request BUF_OWNED = BUF_SMALL;
	struct buf response BUF_OWNED = BUF_SMALL;

	assert_ok(stamp_request(imprint, &nonce, &request, &kit_err));
	for (size_t i = 0; i < 2; i++) {
		struct stamp_authority authority = {
		    cert_x509(who[i]->cert), who[i]->pkey, NULL};
		assert_rc(stamp_answer(&authority, buf_span(&request), now,
			      serial, &response, &kit_err),
		    RC_UNFIT);
	}
	struct stamp_authority mixed = {cert_x509(tsa.cert), alice.pkey, NULL};
	assert_rc(stamp_answer(&mixed, buf_span(&request), now, serial,
		      &response, &kit_err),
	    RC_UNFIT);
	assert_int_equal(response.len, 0);
}

static void
our_token_verifies_and_chains(void **state)
{
	struct buf token BUF_OWNED = BUF_SMALL;
	struct cert *item[] = {root.cert};
	struct certs roots = {item, 1};
	struct stamp_result result = {.chain = CHAIN_RESULT};

	make_token(&token);
	assert_ok(verify_token(buf_span(&token), STAMPED, &roots, &result));
	assert_int_equal(result.when, now);
	assert_int_equal(result.chain.state, CHAIN_VALID);
	stamp_result_done(&result);
}

static void
without_its_root_the_token_has_no_anchor(void **state)
{
	struct buf token BUF_OWNED = BUF_SMALL;
	struct cert *item[] = {alice.cert};
	struct certs roots = {item, 1};
	struct stamp_result result = {.chain = CHAIN_RESULT};

	make_token(&token);
	assert_ok(verify_token(buf_span(&token), STAMPED, &roots, &result));
	assert_int_not_equal(result.chain.state, CHAIN_VALID);
	stamp_result_done(&result);
}

static void
the_chain_is_checked_at_the_tokens_time(void **state)
{
	struct buf request BUF_OWNED = BUF_SMALL;
	struct buf response BUF_OWNED = BUF_SMALL;
	struct buf token BUF_OWNED = BUF_SMALL;
	struct cert *item[] = {root.cert};
	struct certs roots = {item, 1};
	struct stamp_result result = {.chain = CHAIN_RESULT};

	/* two years back: the certificates did not exist */
	assert_ok(stamp_request(imprint, &nonce, &request, &kit_err));
	assert_ok(
	    answer(buf_span(&request), now - (int64_t)86400 * 730, &response));
	assert_ok(stamp_response(
	    buf_span(&response), imprint, &nonce, 0, &token, &kit_err));
	assert_ok(verify_token(buf_span(&token), STAMPED, &roots, &result));
	assert_int_equal(result.chain.state, CHAIN_INVALID);
	stamp_result_done(&result);
}

static void
a_token_about_something_else_is_unfit(void **state)
{
	struct buf token BUF_OWNED = BUF_SMALL;
	struct stamp_result result = {.chain = CHAIN_RESULT};
	struct certs none = CERTS_NONE;

	make_token(&token);
	assert_rc(verify_token(buf_span(&token), STAMPED ".", &none, &result),
	    RC_UNFIT);
}

static void
an_answer_to_another_request_is_unfit(void **state)
{
	struct buf request BUF_OWNED = BUF_SMALL;
	struct buf response BUF_OWNED = BUF_SMALL;
	struct buf token BUF_OWNED = BUF_SMALL;
	struct stamp_nonce other = nonce;
	uint8_t another[32] = {0};

	assert_ok(stamp_request(imprint, &nonce, &request, &kit_err));
	assert_ok(answer(buf_span(&request), now, &response));
	other.bytes[15] ^= 1;
	assert_rc(stamp_response(buf_span(&response), imprint, &other, 0,
		      &token, &kit_err),
	    RC_UNFIT);
	assert_rc(stamp_response(buf_span(&response), another, &nonce, 0,
		      &token, &kit_err),
	    RC_UNFIT);
	assert_int_equal(token.len, 0);
}

static void
an_answer_without_nonce_is_unfit(void **state)
{
	struct buf request BUF_OWNED = BUF_SMALL;
	struct buf response BUF_OWNED = BUF_SMALL;
	struct buf token BUF_OWNED = BUF_SMALL;

	assert_int_equal(
	    kit_openssl("ts -query -data data -no_nonce -cert -sha256 -out q"),
	    0);
	kit_read("q", &request);
	assert_ok(answer(buf_span(&request), now, &response));
	assert_rc(stamp_response(buf_span(&response), imprint, &nonce, 0,
		      &token, &kit_err),
	    RC_UNFIT);
}

static void
a_foreign_authority_is_understood(void **state)
{
	const char *section[] = {"t", "old"};
	struct cert *item[] = {root.cert};
	struct certs roots = {item, 1};

	for (size_t i = 0; i < 2; i++) {
		struct buf request BUF_OWNED = BUF_SMALL;
		struct buf response BUF_OWNED = BUF_SMALL;
		struct buf token BUF_OWNED = BUF_SMALL;
		struct stamp_result result = {.chain = CHAIN_RESULT};
		assert_ok(stamp_request(imprint, &nonce, &request, &kit_err));
		kit_write("query", buf_span(&request));
		assert_int_equal(
		    kit_openssl("ts -reply -config tsa.cnf -section %s "
				"-queryfile query -out response",
			section[i]),
		    0);
		kit_read("response", &response);
		assert_ok(stamp_response(
		    buf_span(&response), imprint, &nonce, 0, &token, &kit_err));
		assert_ok(
		    verify_token(buf_span(&token), STAMPED, &roots, &result));
		assert_int_equal(result.chain.state, CHAIN_VALID);
		assert_true(result.when >= now && result.when < now + 600);
		stamp_result_done(&result);
	}
}

static void
a_foreign_refusal_is_told_in_its_own_words(void **state)
{
	struct buf response BUF_OWNED = BUF_SMALL;
	struct buf token BUF_OWNED = BUF_SMALL;

	assert_int_equal(
	    kit_openssl("ts -query -data data -sha512 -cert -out query"), 0);
	assert_int_equal(kit_openssl("ts -reply -config tsa.cnf "
				     "-queryfile query -out response"),
	    0);
	kit_read("response", &response);
	assert_rc(stamp_response(buf_span(&response), imprint, &nonce, 0,
		      &token, &kit_err),
	    RC_REFUSED);
	assert_non_null(strstr(kit_err.text, "badAlg"));
	assert_non_null(strstr(kit_err.text, "not supported"));
}

static void
a_token_cut_off_or_changed_anywhere_is_broken(void **state)
{
	const uint8_t masks[] = {0x01, 0x80, 0xff};
	struct buf token BUF_OWNED = BUF_SMALL;
	struct certs none = CERTS_NONE;

	make_token(&token);
	for (size_t len = 0; len < token.len; len++) {
		struct stamp_result result = {.chain = CHAIN_RESULT};
		assert_rc(verify_token(span_first(buf_span(&token), len),
			      STAMPED, &none, &result),
		    RC_CRYPTO);
	}
	struct stamp_result none_yet = {.chain = CHAIN_RESULT};
	assert_ok(buf_add_byte(&token, 0, &kit_err));
	assert_rc(verify_token(buf_span(&token), STAMPED, &none, &none_yet),
	    RC_CRYPTO);
	buf_cut(&token, token.len - 1);
	for (size_t at = 0; at < 3 * token.len; at++) {
		struct stamp_result result = {.chain = CHAIN_RESULT};
		token.data[at / 3] ^= masks[at % 3];
		enum rc rc =
		    verify_token(buf_span(&token), STAMPED, &none, &result);
		if (rc == RC_OK)
			fail_msg("byte %zu changed and accepted", at / 3);
		token.data[at / 3] ^= masks[at % 3];
	}
}

static void
a_status_that_contradicts_the_token_is_refused(void **state)
{
	struct buf request BUF_OWNED = BUF_SMALL;
	struct buf response BUF_OWNED = BUF_SMALL;
	struct buf token BUF_OWNED = BUF_SMALL;

	assert_ok(stamp_request(imprint, &nonce, &request, &kit_err));
	assert_ok(answer(buf_span(&request), now, &response));
	/* 30 82 xx xx 30 03 02 01 STATUS */
	assert_int_equal(response.data[8], 0);
	response.data[8] = 1; /* granted with modifications */
	assert_ok(stamp_response(
	    buf_span(&response), imprint, &nonce, 0, &token, &kit_err));
	response.data[8] = 2;
	assert_rc(stamp_response(buf_span(&response), imprint, &nonce, 0,
		      &token, &kit_err),
	    RC_SYNTAX);
	const uint8_t bare[] = {0x30, 5, 0x30, 3, 2, 1, 0};
	assert_rc(stamp_response(span_of(bare, sizeof(bare)), imprint, &nonce,
		      0, &token, &kit_err),
	    RC_SYNTAX);
	const uint8_t waiting[] = {0x30, 5, 0x30, 3, 2, 1, 3};
	assert_rc(stamp_response(span_of(waiting, sizeof(waiting)), imprint,
		      &nonce, 0, &token, &kit_err),
	    RC_REFUSED);
}

/* Signed by openssl cms over the TSTInfo of a good token. */
static enum rc
verify_forged(const char *options)
{
	struct buf token BUF_OWNED = BUF_SMALL, der BUF_OWNED = BUF_SMALL;
	struct stamp_result result = {.chain = CHAIN_RESULT};
	struct cert *item[] = {root.cert};
	struct certs roots = {item, 1};
	void *value = NULL;

	make_token(&token);
	assert_ok(shape_parse(ASN1_ITEM_rptr(SHAPE_SIGNED_INFO),
	    buf_span(&token), "token", &value, &kit_err));
	struct shape_signed_info *info OWNED(shape_signed_info_free) = value;
	kit_write("tst", shape_span(info->body->inner->content));
	assert_int_equal(kit_openssl("cms -sign -binary -nodetach -nosmimecap "
				     "-econtent_type id-smime-ct-TSTInfo -in "
				     "tst -outform DER -out forged %s",
			     options),
	    0);
	kit_read("forged", &der);
	enum rc rc = verify_token(buf_span(&der), STAMPED, &roots, &result);
	stamp_result_done(&result);
	return rc;
}

static void
a_token_of_the_wrong_signer_is_broken(void **state)
{
	assert_rc(
	    verify_forged("-cades -signer tsa.crt -inkey tsa.key"), RC_OK);
	/* a mail certificate; an EKU that is not critical; two signers; no
	 * ESSCertID; SHA-1; no certificate */
	assert_rc(verify_forged("-cades -signer alice.crt -inkey alice.key"),
	    RC_CRYPTO);
	assert_rc(
	    verify_forged("-cades -signer lax.crt -inkey lax.key"), RC_CRYPTO);
	assert_rc(verify_forged("-cades -signer tsa.crt -inkey tsa.key -signer "
				"rsa.crt -inkey rsa.key"),
	    RC_CRYPTO);
	assert_rc(verify_forged("-signer tsa.crt -inkey tsa.key"), RC_CRYPTO);
	assert_rc(
	    verify_forged("-cades -md sha1 -signer rsa.crt -inkey rsa.key"),
	    RC_CRYPTO);
	assert_rc(
	    verify_forged("-cades -nocerts -signer tsa.crt -inkey tsa.key"),
	    RC_CRYPTO);
}

static void
an_answer_over_the_limit_is_refused(void **state)
{
	struct buf token BUF_OWNED = BUF_SMALL;
	uint8_t *large = calloc(1, STAMP_MAX + 1);

	large[0] = 0x30;
	assert_rc(stamp_response(span_of(large, STAMP_MAX + 1), imprint, &nonce,
		      0, &token, &kit_err),
	    RC_LIMIT);
	assert_rc(stamp_response(span_of(large, STAMP_MAX), imprint, &nonce, 0,
		      &token, &kit_err),
	    RC_SYNTAX);
	free(large);
}

static void
a_stamped_letter_tells_its_time(void **state)
{
	struct sign *sign OWNED(sign_free) = NULL;
	struct verify *verify OWNED(verify_free) = NULL;
	struct verify_result result VERIFY_RESULT_OWNED = {.signers = 0};
	struct buf request BUF_OWNED = BUF_SMALL, der BUF_OWNED = BUF_SMALL;
	struct buf response BUF_OWNED = BUF_SMALL;
	struct buf token BUF_OWNED = BUF_SMALL;
	struct cert *item[] = {root.cert};
	struct certs roots = {item, 1};
	struct stamp_result stamp = {.chain = CHAIN_RESULT};
	uint8_t about[32];

	assert_ok(sign_new(&alice.identity, now, &sign, &kit_err));
	assert_ok(sign_push(sign, span_str("letter"), &kit_err));
	assert_ok(sign_close(sign, &kit_err));
	assert_ok(sign_imprint(sign, about, &kit_err));
	assert_ok(stamp_request(about, &nonce, &request, &kit_err));
	assert_ok(answer(buf_span(&request), now, &response));
	assert_ok(stamp_response(
	    buf_span(&response), about, &nonce, 0, &token, &kit_err));
	assert_ok(sign_add_token(sign, buf_span(&token), &kit_err));
	assert_ok(sign_finish(sign, &der, &kit_err));

	assert_ok(verify_new(&verify, &kit_err));
	assert_ok(verify_push_cms(verify, buf_span(&der), NULL, &kit_err));
	assert_ok(verify_push_content(verify, span_str("letter"), &kit_err));
	assert_ok(verify_finish(verify, &result, &kit_err));
	assert_true(result.signer[0].valid);
	assert_ok(stamp_verify(buf_span(&result.signer[0].token[0]),
	    buf_span(&result.signer[0].signature), &roots, &stamp, &kit_err));
	assert_int_equal(stamp.when, now);
	assert_int_equal(stamp.chain.state, CHAIN_VALID);
	stamp_result_done(&stamp);
	/* the foreign judge about the same token */
	kit_write("token", buf_span(&result.signer[0].token[0]));
	kit_write("value", buf_span(&result.signer[0].signature));
	assert_int_equal(kit_openssl("ts -verify -token_in -in token -data "
				     "value -CAfile root.crt"),
	    0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(openssl_reads_our_request),
	    cmocka_unit_test(openssl_verifies_our_answer),
	    cmocka_unit_test(the_certificate_comes_only_when_asked_for),
	    cmocka_unit_test(the_chain_comes_with_the_certificate),
	    cmocka_unit_test(every_refusal_is_an_answer_with_its_reason),
	    cmocka_unit_test(an_unknown_extension_is_refused),
	    cmocka_unit_test(a_request_cut_off_or_continued_is_refused),
	    cmocka_unit_test(
		a_certificate_not_for_timestamps_alone_may_not_stamp),
	    cmocka_unit_test(our_token_verifies_and_chains),
	    cmocka_unit_test(without_its_root_the_token_has_no_anchor),
	    cmocka_unit_test(the_chain_is_checked_at_the_tokens_time),
	    cmocka_unit_test(a_token_about_something_else_is_unfit),
	    cmocka_unit_test(an_answer_to_another_request_is_unfit),
	    cmocka_unit_test(an_answer_without_nonce_is_unfit),
	    cmocka_unit_test(a_foreign_authority_is_understood),
	    cmocka_unit_test(a_foreign_refusal_is_told_in_its_own_words),
	    cmocka_unit_test(a_token_cut_off_or_changed_anywhere_is_broken),
	    cmocka_unit_test(a_status_that_contradicts_the_token_is_refused),
	    cmocka_unit_test(a_token_of_the_wrong_signer_is_broken),
	    cmocka_unit_test(an_answer_over_the_limit_is_refused),
	    cmocka_unit_test(a_stamped_letter_tells_its_time),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
