#include "cms/stampkit_priv.h"
#include "pki/der_write.h"

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
	struct cert *item[] = {root.cert};
	struct certs chain = {item, 1};
	struct stamp_authority authority = kit_stamper(&tsa, &chain);

	assert_ok(stamp_request(imprint, &nonce, &request, &kit_err));
	assert_ok(stamp_answer(
	    &authority, buf_span(&request), now, serial, &response, &kit_err));
	assert_true(span_find(buf_span(&response), cert_der(root.cert)) >= 0);
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

/* TimeStampReq by hand: `middle` stands between the imprint and the nonce, and
 * `end` behind it. */
static void
write_query(uint32_t version, struct span hash, struct span middle,
    struct span end, struct buf *out)
{
	static const uint8_t sha256[] = {
	    0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01};
	size_t all, at;

	assert_ok(der_write_begin(out, DER_SEQUENCE, &all, &kit_err));
	assert_ok(der_write_number(out, DER_INTEGER, version, &kit_err));
	assert_ok(der_write_begin(out, DER_SEQUENCE, &at, &kit_err));
	assert_ok(der_write_algorithm(
	    out, span_of(sha256, sizeof(sha256)), false, &kit_err));
	assert_ok(der_write_bytes(out, DER_OCTETS, hash, &kit_err));
	assert_ok(der_write_end(out, at, &kit_err));
	assert_ok(buf_add(out, middle, &kit_err));
	assert_ok(der_write_bytes(
	    out, DER_INTEGER, span_of(&nonce, sizeof(nonce)), &kit_err));
	assert_ok(buf_add(out, end, &kit_err));
	assert_ok(der_write_end(out, all, &kit_err));
}

static void
a_query_by_hand_is_refused_for_what_is_wrong_in_it(void **state)
{
	static const uint8_t more[33];
#define EXTENSION "\xa0\x0c\x30\x0a\x06\x03\x2a\x03\x04\x04\x03\x04\x01x"
	const struct {
		uint32_t version;
		struct span hash, middle, end;
		const char *failure;
	} table[] = {
	    {1, span_of(imprint, 32), SPAN_NONE, span_of("\1\1\xff", 3), NULL},
	    {2, span_of(imprint, 32), SPAN_NONE, SPAN_NONE, "badRequest"},
	    {1, span_of(imprint, 31), SPAN_NONE, SPAN_NONE, "badDataFormat"},
	    {1, span_of(more, 33), SPAN_NONE, SPAN_NONE, "badDataFormat"},
	    {1, span_of(imprint, 32), span_of("\6\1\x2a", 3), SPAN_NONE,
		"unacceptedPolicy"},
	    {1, span_of(imprint, 32), SPAN_NONE, span_of(EXTENSION, 14),
		"unacceptedExtension"},
	    {1, span_of(imprint, 32), SPAN_NONE, span_of("\5\0", 2),
		"badDataFormat"},
	    {1, span_of(imprint, 32), span_of("\1\1\xff", 3), SPAN_NONE,
		"badDataFormat"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct buf request BUF_OWNED = BUF_SMALL;
		struct buf response BUF_OWNED = BUF_SMALL;
		struct buf token BUF_OWNED = BUF_SMALL;
		write_query(table[i].version, table[i].hash, table[i].middle,
		    table[i].end, &request);
		assert_ok(answer(buf_span(&request), now, &response));
		enum rc rc = stamp_response(
		    buf_span(&response), imprint, &nonce, 0, &token, &kit_err);
		bool granted = rc == RC_OK;
		if (granted != (table[i].failure == NULL) ||
		    (!granted &&
			strstr(kit_err.text, table[i].failure) == NULL))
			fail_msg("%zu: %s", i, kit_err.text);
	}
}

static enum rc
broken_sign(
    void *context, struct span bytes, struct buf *signature, struct err *err)
{
	return err_set(err, RC_IO, "the token was pulled out");
}

static void
a_key_that_cannot_sign_is_a_refusal(void **state)
{
	struct buf request BUF_OWNED = BUF_SMALL;
	struct buf response BUF_OWNED = BUF_SMALL;
	struct buf token BUF_OWNED = BUF_SMALL;
	struct stamp_authority authority = kit_stamper(&tsa, NULL);

	authority.sign = broken_sign;
	assert_ok(stamp_request(imprint, &nonce, &request, &kit_err));
	assert_ok(stamp_answer(
	    &authority, buf_span(&request), now, serial, &response, &kit_err));
	assert_rc(stamp_response(buf_span(&response), imprint, &nonce, 0,
		      &token, &kit_err),
	    RC_REFUSED);
	assert_non_null(strstr(kit_err.text, "systemFailure"));
}

static void
openssl_verifies_the_answers_of_each_kind_of_key(void **state)
{
	const struct person *const who[] = {&tsa, &rsa_tsa, &p521_tsa};

	for (size_t i = 0; i < sizeof(who) / sizeof(*who); i++) {
		struct buf request BUF_OWNED = BUF_SMALL;
		struct buf response BUF_OWNED = BUF_SMALL;
		struct stamp_authority authority = kit_stamper(who[i], NULL);
		assert_int_equal(
		    kit_openssl(
			"ts -query -data data -sha256 -cert -out query"),
		    0);
		kit_read("query", &request);
		assert_ok(stamp_answer(&authority, buf_span(&request), now,
		    serial, &response, &kit_err));
		kit_write("response", buf_span(&response));
		assert_int_equal(
		    kit_openssl("ts -verify -in response -queryfile query "
				"-CAfile root.crt"),
		    0);
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
		struct stamp_authority authority = kit_stamper(who[i], NULL);
		assert_rc(stamp_answer(&authority, buf_span(&request), now,
			      serial, &response, &kit_err),
		    RC_UNFIT);
	}
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
	const char *section[] = {"t", "old", "full"};
	const int64_t accuracy[] = {1000000, 0, 2500007};
	struct cert *item[] = {root.cert};
	struct certs roots = {item, 1};

	for (size_t i = 0; i < 3; i++) {
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
		assert_int_equal(result.accuracy, accuracy[i]);
		assert_int_equal(result.ordering, i == 2);
		assert_int_equal(result.serial_len, 1);
		assert_int_equal(result.serial[0], 2 + i); /* openssl counts */
		assert_int_equal(result.policy_len, 2);
		assert_memory_equal(result.policy, "\x2a\x03", 2);
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

static void
an_answer_of_another_time_is_unfit(void **state)
{
	const struct {
		int64_t off;
		enum rc want;
	} table[] = {{0, RC_OK}, {STAMP_WINDOW + 1, RC_OK},
	    {-STAMP_WINDOW - 1, RC_OK}, {STAMP_WINDOW + 2, RC_UNFIT},
	    {-STAMP_WINDOW - 2, RC_UNFIT}, {86400, RC_UNFIT}};
	struct buf request BUF_OWNED = BUF_SMALL;

	assert_ok(stamp_request(imprint, &nonce, &request, &kit_err));
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct buf response BUF_OWNED = BUF_SMALL;
		struct buf token BUF_OWNED = BUF_SMALL;
		/* our authority says that it is right to a second */
		assert_ok(
		    answer(buf_span(&request), now + table[i].off, &response));
		assert_rc(stamp_response(buf_span(&response), imprint, &nonce,
			      now, &token, &kit_err),
		    table[i].want);
		assert_int_equal(token.len == 0, table[i].want != RC_OK);
	}
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
		a_query_by_hand_is_refused_for_what_is_wrong_in_it),
	    cmocka_unit_test(a_key_that_cannot_sign_is_a_refusal),
	    cmocka_unit_test(openssl_verifies_the_answers_of_each_kind_of_key),
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
	    cmocka_unit_test(an_answer_of_another_time_is_unfit),
	    cmocka_unit_test(an_answer_over_the_limit_is_refused),
	    cmocka_unit_test(a_stamped_letter_tells_its_time),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
