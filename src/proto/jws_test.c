#include "proto/jws.h"

#include <stdio.h>

#include <jose/b64.h>
#include <jose/jwk.h>
#include <jose/jws.h>
#include <openssl/evp.h>

#include "base/expect.h"

#define URL "https://ca.test/new-account"

static json_t *
json(const char *text)
{
	json_t *value = json_loads(text, 0, NULL);

	assert_non_null(value);
	return value;
}

/* A signed request by a fresh key; with `kid` NULL the key is in it. */
static void
make_request(struct buf *key, const char *kid, struct buf *out)
{
	struct err err = ERR_NONE;

	assert_int_equal(jws_make_key(key, &err), RC_OK);
	struct jws_request request = {
	    .jwk = buf_span(key),
	    .url = URL,
	    .nonce = "bm9uY2U",
	    .kid = kid,
	    .payload = span_str("{\"a\":1}"),
	};
	assert_int_equal(jws_sign(&request, out, &err), RC_OK);
}

/* Parse exactly these bytes, so that the sanitizer sees one byte too many. */
static enum rc
parse(const char *text, struct jws *ret, struct err *err)
{
	struct span exact EXACT = expect_exact(span_str(text));

	return jws_parse(exact, ret, err);
}

static void
a_request_with_its_key_is_read_back(void **state)
{
	struct buf key BUF_OWNED = BUF_SECRET(4096);
	struct buf out BUF_OWNED = BUF_SMALL;
	struct jws jws JWS_OWNED = {0};
	struct err err = ERR_NONE;

	make_request(&key, NULL, &out);
	assert_int_equal(jws_parse(buf_span(&out), &jws, &err), RC_OK);
	assert_string_equal(jws.url, URL);
	assert_string_equal(jws.nonce, "bm9uY2U");
	assert_string_equal(jws.algorithm, "ES256");
	assert_null(jws.kid);
	assert_true(span_is(buf_span(&jws.payload), span_str("{\"a\":1}")));
	assert_null(json_object_get(jws.jwk, "d"));
	assert_int_equal(jws_verify(&jws, jws.jwk, &err), RC_OK);
}

static void
a_request_with_kid_is_verified_by_the_key_looked_up(void **state)
{
	struct buf key BUF_OWNED = BUF_SECRET(4096);
	struct buf other BUF_OWNED = BUF_SECRET(4096);
	struct buf out BUF_OWNED = BUF_SMALL;
	struct jws jws JWS_OWNED = {0};
	struct err err = ERR_NONE;

	make_request(&key, "https://ca.test/account/1", &out);
	assert_int_equal(jws_parse(buf_span(&out), &jws, &err), RC_OK);
	assert_null(jws.jwk);
	assert_string_equal(jws.kid, "https://ca.test/account/1");
	json_t *right = json_loadb((char *)key.data, key.len, 0, NULL);
	assert_int_equal(jws_verify(&jws, right, &err), RC_OK);
	json_decref(right);

	assert_int_equal(jws_make_key(&other, &err), RC_OK);
	json_t *wrong = json_loadb((char *)other.data, other.len, 0, NULL);
	assert_int_equal(jws_verify(&jws, wrong, &err), RC_CRYPTO);
	json_decref(wrong);
}

static void
a_post_as_get_has_an_empty_payload(void **state)
{
	struct buf key BUF_OWNED = BUF_SECRET(4096);
	struct buf out BUF_OWNED = BUF_SMALL;
	struct jws jws JWS_OWNED = {0};
	struct err err = ERR_NONE;

	assert_int_equal(jws_make_key(&key, &err), RC_OK);
	struct jws_request request = {
	    .jwk = buf_span(&key), .url = URL, .nonce = "n", .kid = "k"};
	assert_int_equal(jws_sign(&request, &out, &err), RC_OK);
	assert_int_equal(jws_parse(buf_span(&out), &jws, &err), RC_OK);
	assert_int_equal(jws.payload.len, 0);
}

static void
any_changed_member_breaks_the_signature(void **state)
{
	static const char *const members[] = {
	    "protected", "payload", "signature"};
	struct buf key BUF_OWNED = BUF_SECRET(4096);
	struct buf out BUF_OWNED = BUF_SMALL;
	struct err err = ERR_NONE;

	make_request(&key, NULL, &out);
	json_t *good = json_loadb((char *)out.data, out.len, 0, NULL);
	json_t *jwk = json_loadb((char *)key.data, key.len, 0, NULL);
	for (size_t i = 0; i < 3; i++) {
		json_t *bad = json_deep_copy(good);
		const char *was =
		    json_string_value(json_object_get(bad, members[i]));
		char *changed = strdup(was);
		/* a letter within the header's first name or the nonce keeps
		 * it readable: "alg" -> "elg" would fail earlier */
		size_t at = i == 0 ? strlen(changed) - 30 : 4;
		changed[at] = changed[at] == 'A' ? 'B' : 'A';
		json_object_set_new(bad, members[i], json_string(changed));
		char *text = json_dumps(bad, JSON_COMPACT);
		struct jws jws JWS_OWNED = {0};
		enum rc rc = parse(text, &jws, &err);
		if (rc == RC_OK)
			rc = jws_verify(&jws, jwk, &err);
		if (i > 0)
			assert_int_equal(rc, RC_CRYPTO);
		assert_int_not_equal(rc, RC_OK);
		free(text);
		free(changed);
		json_decref(bad);
	}
	json_decref(good);
	json_decref(jwk);
}

static char *
flattened(const char *header, const char *payload)
{
	json_t *protected = jose_b64_enc(header, strlen(header));
	json_t *body = jose_b64_enc(payload, strlen(payload));
	json_t *whole = json_pack("{s:o, s:o, s:s}", "protected", protected,
	    "payload", body, "signature", "AAAA");
	char *text = json_dumps(whole, JSON_COMPACT);

	assert_non_null(text);
	json_decref(whole);
	return text;
}

/* {"alg":"ES256","kid":"k","url":"u","nonce":"n"} */
#define GOOD                                                              \
	"\"protected\":\"eyJhbGciOiJFUzI1NiIsImtpZCI6ImsiLCJ1cmwiOiJ1Iiw" \
	"ibm9uY2UiOiJuIn0\",\"payload\":\"\",\"signature\":\"\""
#define KID "\"kid\":\"k\""
#define REST "\"url\":\"u\",\"nonce\":\"n\""
#define XY                                                       \
	"\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"," \
	"\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\""

static void
headers_that_rfc_8555_forbids_are_refused(void **state)
{
	static const struct {
		const char *name;
		const char *header;
		enum rc want;
	} cases[] = {
	    {"good", "{\"alg\":\"ES256\"," KID "," REST "}", RC_OK},
	    {"none", "{\"alg\":\"none\"," KID "," REST "}", RC_UNFIT},
	    {"MAC", "{\"alg\":\"HS256\"," KID "," REST "}", RC_UNFIT},
	    {"PS256", "{\"alg\":\"PS256\"," KID "," REST "}", RC_UNFIT},
	    {"no alg", "{" KID "," REST "}", RC_SYNTAX},
	    {"alg not text", "{\"alg\":1," KID "," REST "}", RC_SYNTAX},
	    {"no url", "{\"alg\":\"ES256\"," KID ",\"nonce\":\"n\"}",
		RC_SYNTAX},
	    {"no nonce", "{\"alg\":\"ES256\"," KID ",\"url\":\"u\"}",
		RC_SYNTAX},
	    {"neither jwk nor kid", "{\"alg\":\"ES256\"," REST "}", RC_SYNTAX},
	    {"jwk and kid",
		"{\"alg\":\"ES256\"," KID "," REST
		",\"jwk\":{\"kty\":\"EC\",\"crv\":\"P-256\"," XY "}}",
		RC_SYNTAX},
	    {"jwk",
		"{\"alg\":\"ES256\"," REST
		",\"jwk\":{\"kty\":\"EC\",\"crv\":\"P-256\"," XY "}}",
		RC_OK},
	    {"private jwk",
		"{\"alg\":\"ES256\"," REST
		",\"jwk\":{\"kty\":\"EC\",\"crv\":\"P-256\",\"d\":\"AA\"," XY
		"}}",
		RC_SYNTAX},
	    {"jwk of another curve",
		"{\"alg\":\"ES256\"," REST
		",\"jwk\":{\"kty\":\"EC\",\"crv\":\"P-384\"," XY "}}",
		RC_OK},
	    {"short coordinate",
		"{\"alg\":\"ES256\"," REST ",\"jwk\":{\"kty\":\"EC\",\"crv\":"
		"\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}}",
		RC_OK},
	    {"small RSA",
		"{\"alg\":\"RS256\"," REST
		",\"jwk\":{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"AAAA\"}}",
		RC_OK},
	    {"symmetric jwk",
		"{\"alg\":\"ES256\"," REST
		",\"jwk\":{\"kty\":\"oct\",\"k\":\"AAAA\"}}",
		RC_OK},
	    {"crit", "{\"alg\":\"ES256\"," KID "," REST ",\"crit\":[\"x\"]}",
		RC_SYNTAX},
	    {"b64", "{\"alg\":\"ES256\"," KID "," REST ",\"b64\":false}",
		RC_SYNTAX},
	    {"two algs",
		"{\"alg\":\"ES256\",\"alg\":\"none\"," KID "," REST "}",
		RC_SYNTAX},
	    {"not an object", "[1]", RC_SYNTAX},
	    {"not JSON", "alg", RC_SYNTAX},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct jws jws JWS_OWNED = {0};
		struct err err = ERR_NONE;
		char *text = flattened(cases[i].header, "{}");
		enum rc got = parse(text, &jws, &err);
		free(text);
		/* a key that is not acceptable verifies nothing */
		if (got == RC_OK && jws.jwk != NULL)
			assert_int_not_equal(
			    jws_verify(&jws, jws.jwk, &err), RC_OK);
		if (got != cases[i].want)
			fail_msg("%s: got %s (%s), want %s", cases[i].name,
			    rc_name(got), err.text, rc_name(cases[i].want));
	}
}

static void
keys_that_are_too_weak_or_strange_are_refused(void **state)
{
	static const char *const keys[] = {
	    "{\"kty\":\"EC\",\"crv\":\"P-384\"," XY "}",
	    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}",
	    "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"AAAA\"}",
	    "{\"kty\":\"oct\",\"k\":\"AAAA\"}",
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct buf out BUF_OWNED = BUF_SMALL;
		struct err err = ERR_NONE;
		json_t *jwk = json(keys[i]);
		assert_int_equal(jws_public(jwk, &out, &err), RC_UNFIT);
		assert_int_equal(jws_thumbprint(jwk, &out, &err), RC_UNFIT);
		assert_int_equal(out.len, 0);
		json_decref(jwk);
	}
}

/* A JWK of RSA: `head`, zeroes and `tail` are the modulus. */
static json_t *
rsa_jwk(uint8_t head, size_t len, uint8_t tail, const char *e)
{
	uint8_t n[600] = {head};

	n[len - 1] = tail;
	return json_pack(
	    "{s:s, s:s, s:o}", "kty", "RSA", "e", e, "n", jose_b64_enc(n, len));
}

/* "RSA keys of 2048 bits" means bits, not octets; e = 1 would make everybody
 * sign; and a number in two spellings would be two accounts of one key. */
static void
numbers_of_rsa_keys_are_looked_at(void **state)
{
	static const struct {
		const char *name;
		uint8_t head;
		size_t len;
		uint8_t tail;
		const char *e;
		enum rc want;
	} cases[] = {
	    {"good", 0x80, 256, 1, "AQAB", RC_OK},
	    {"e of 3", 0x80, 256, 1, "Aw", RC_OK},
	    {"longest", 0x80, 512, 1, "AQAB", RC_OK},
	    {"too long", 0x80, 513, 1, "AQAB", RC_UNFIT},
	    {"too short", 0xff, 255, 1, "AQAB", RC_UNFIT},
	    {"2047 bits", 0x7f, 256, 1, "AQAB", RC_UNFIT},
	    {"leading zero", 0, 257, 1, "AQAB", RC_UNFIT},
	    {"all zero", 0, 256, 1, "AQAB", RC_UNFIT},
	    {"even", 0x80, 256, 2, "AQAB", RC_UNFIT},
	    {"e of 1", 0x80, 256, 1, "AQ", RC_UNFIT},
	    {"e of 0", 0x80, 256, 1, "AA", RC_UNFIT},
	    {"even e", 0x80, 256, 1, "BA", RC_UNFIT},
	    {"e with a leading zero", 0x80, 256, 1, "AAEAAQ", RC_UNFIT},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf out BUF_OWNED = BUF_SMALL;
		struct err err = ERR_NONE;
		json_t *jwk = rsa_jwk(
		    cases[i].head, cases[i].len, cases[i].tail, cases[i].e);
		enum rc got = jws_public(jwk, &out, &err);
		json_decref(jwk);
		if (got != cases[i].want)
			fail_msg("%s: got %s (%s), want %s", cases[i].name,
			    rc_name(got), err.text, rc_name(cases[i].want));
	}
}

/* The last letter of 32 octets has two bits that say nothing: another one is
 * another text of the same key, and would be another account. */
static void
a_number_has_one_spelling(void **state)
{
	static const char *const keys[] = {
	    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
	    "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB\"}",
	    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
	    "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"}",
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct buf out BUF_OWNED = BUF_SMALL;
		struct err err = ERR_NONE;
		json_t *jwk = json(keys[i]);
		if (jws_public(jwk, &out, &err) == RC_OK)
			fail_msg("%s: was taken", keys[i]);
		json_decref(jwk);
	}
}

static void
bodies_that_are_no_flattened_jws_are_refused(void **state)
{
	static const char *const bodies[] = {
	    "",
	    "x",
	    "[]",
	    "{}",
	    "{\"protected\":\"e30\",\"payload\":\"\"}",
	    /* general JSON serialisation */
	    "{\"payload\":\"\",\"signatures\":[]}",
	    /* what may not stand beside a good one */
	    "{" GOOD ",\"header\":{}}",
	    "{" GOOD ",\"header\":{\"kid\":\"k\"}}",
	    "{" GOOD ",\"signatures\":[]}",
	    "{" GOOD ",\"payload\":\"\"}",
	    /* padding */
	    "{\"protected\":\"e30=\",\"payload\":\"\",\"signature\":\"\"}",
	    "{\"protected\":\"e30\",\"payload\":1,\"signature\":\"\"}",
	    "{\"protected\":\"e+/\",\"payload\":\"\",\"signature\":\"\"}",
	};

	struct jws good JWS_OWNED = {0};
	struct err none = ERR_NONE;
	assert_int_equal(parse("{" GOOD "}", &good, &none), RC_OK);
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct jws jws JWS_OWNED = {0};
		struct err err = ERR_NONE;
		enum rc got = parse(bodies[i], &jws, &err);
		if (got != RC_SYNTAX)
			fail_msg("%s: got %s, want RC_SYNTAX", bodies[i],
			    rc_name(got));
		assert_true(err.text[0] != '\0');
	}
}

static void
padding_in_the_payload_is_refused(void **state)
{
	struct jws jws JWS_OWNED = {0};
	struct err err = ERR_NONE;
	char *text =
	    flattened("{\"alg\":\"ES256\"," KID "," REST "}", "{\"a\":12}");
	json_t *whole = json(text);

	free(text);
	json_object_set_new(whole, "payload", json_string("e30="));
	text = json_dumps(whole, 0);
	json_decref(whole);
	assert_int_equal(parse(text, &jws, &err), RC_SYNTAX);
	free(text);
}

static void
a_text_over_the_limit_is_refused(void **state)
{
	struct jws jws JWS_OWNED = {0};
	struct err err = ERR_NONE;
	size_t most = (size_t)96 * 1024;
	char *text = malloc(most + 1);

	memset(text, ' ', most + 1);
	assert_int_equal(jws_parse(span_of(text, most), &jws, &err), RC_SYNTAX);
	assert_int_equal(
	    jws_parse(span_of(text, most + 1), &jws, &err), RC_LIMIT);
	free(text);
}

/* Signed by OpenSSL, not by what we verify with. */
static void
an_ed25519_signature_by_another_program_verifies(void **state)
{
	struct jws jws JWS_OWNED = {0};
	struct err err = ERR_NONE;
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	uint8_t point[32], signature[64];
	size_t len = sizeof(point);
	char *text = flattened("{\"alg\":\"EdDSA\"," KID "," REST "}", "{}");
	json_t *whole = json(text);
	char input[500];

	free(text);
	assert_int_equal(EVP_PKEY_get_raw_public_key(key, point, &len), 1);
	snprintf(input, sizeof(input), "%s.%s",
	    json_string_value(json_object_get(whole, "protected")),
	    json_string_value(json_object_get(whole, "payload")));
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	len = sizeof(signature);
	assert_int_equal(EVP_DigestSignInit(md, NULL, NULL, NULL, key), 1);
	assert_int_equal(EVP_DigestSign(md, signature, &len,
			     (const uint8_t *)input, strlen(input)),
	    1);
	json_object_set_new(whole, "signature", jose_b64_enc(signature, len));
	text = json_dumps(whole, 0);
	json_t *jwk = json_pack("{s:s, s:s, s:o}", "kty", "OKP", "crv",
	    "Ed25519", "x", jose_b64_enc(point, sizeof(point)));
	assert_int_equal(parse(text, &jws, &err), RC_OK);
	assert_int_equal(jws_verify(&jws, jwk, &err), RC_OK);
	point[0] ^= 1;
	json_object_set_new(jwk, "x", jose_b64_enc(point, sizeof(point)));
	assert_int_equal(jws_verify(&jws, jwk, &err), RC_CRYPTO);
	json_decref(jwk);
	json_decref(whole);
	free(text);
	EVP_MD_CTX_free(md);
	EVP_PKEY_free(key);
}

static void
an_rsa_signature_verifies(void **state)
{
	struct jws jws JWS_OWNED = {0};
	struct err err = ERR_NONE;
	json_t *jwk = json_pack("{s:s, s:i}", "kty", "RSA", "bits", 2048);

	assert_true(jose_jwk_gen(NULL, jwk));
	json_t *whole = json_pack("{s:s}", "payload", "e30");
	json_t *how =
	    json("{\"protected\":{\"alg\":\"RS256\"," KID "," REST "}}");
	assert_true(jose_jws_sig(NULL, whole, how, jwk));
	char *text = json_dumps(whole, 0);
	assert_int_equal(parse(text, &jws, &err), RC_OK);
	assert_int_equal(jws_verify(&jws, jwk, &err), RC_OK);
	free(text);
	json_decref(how);
	json_decref(whole);
	json_decref(jwk);
}

static void
a_key_is_not_used_with_another_kinds_algorithm(void **state)
{
	struct buf key BUF_OWNED = BUF_SECRET(4096);
	struct buf out BUF_OWNED = BUF_SMALL;
	struct jws jws JWS_OWNED = {0};
	struct err err = ERR_NONE;

	make_request(&key, "k", &out);
	assert_int_equal(jws_parse(buf_span(&out), &jws, &err), RC_OK);
	json_t *jwk = json("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
			   "\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}");
	assert_int_equal(jws_verify(&jws, jwk, &err), RC_UNFIT);
	json_decref(jwk);
}

/* RFC 7638 section 3.1 and RFC 8037 appendix A.3. */
static void
thumbprints_are_those_of_the_standards(void **state)
{
	static const struct {
		const char *jwk;
		const char *want;
	} cases[] = {
	    {"{\"kty\":\"RSA\",\"n\":"
	     "\"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAt"
	     "VT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64t"
	     "Z_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2Qv"
	     "zqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpb"
	     "ISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBn"
	     "iIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw\","
	     "\"e\":\"AQAB\",\"alg\":\"RS256\",\"kid\":\"2011-04-29\"}",
		"NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"},
	    {"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
	     "\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
		"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf out BUF_OWNED = BUF_SMALL;
		struct err err = ERR_NONE;
		const char *got = NULL;
		json_t *jwk = json(cases[i].jwk);
		if (jws_thumbprint(jwk, &out, &err) != RC_OK)
			fail_msg("%s", err.text);
		assert_int_equal(buf_str(&out, &got, &err), RC_OK);
		assert_string_equal(got, cases[i].want);
		json_decref(jwk);
	}
}

/* Made by Python's hmac module. */
#define MAC_KEY "0123456789abcdef0123456789abcdef"
#define BINDING_HEADER             \
	"eyJhbGciOiJIUzI1NiIsImtp" \
	"ZCI6ImsxIiwidXJsIjoidSJ9"
static const char binding[] =
    "{\"protected\":\"" BINDING_HEADER "\",\"payload\":\"eyJrdHkiOiJFQyJ9\","
    "\"signature\":\"5YJSk8-cE1EYubUNgr-_jqBTcX4_KwRIflyJwL4yKcE\"}";

static void
a_binding_is_verified_by_its_secret(void **state)
{
	struct jws jws JWS_OWNED = {0};
	struct err err = ERR_NONE;
	struct span text EXACT = expect_exact(span_str(binding));

	assert_done(jws_parse_binding(text, &jws, &err), err);
	assert_string_equal(jws.kid, "k1");
	assert_null(jws.nonce);
	assert_true(
	    span_is(buf_span(&jws.payload), span_str("{\"kty\":\"EC\"}")));
	assert_ok(jws_verify_mac(&jws, span_str(MAC_KEY), &err));
	assert_rc(jws_verify_mac(&jws, span_str(MAC_KEY "x"), &err), RC_CRYPTO);
	assert_rc(jws_verify_mac(&jws, SPAN_NONE, &err), RC_UNFIT);
	/* and is nothing else */
	struct jws other JWS_OWNED = {0};
	assert_rc(jws_parse(text, &other, &err), RC_UNFIT);
	assert_rc(jws_parse_inner(text, &other, &err), RC_UNFIT);
}

/* What lies inside of a request: `form` 0 a new key's, 1 a binding. */
static enum rc
parse_inside(int form, const char *header, struct err *err)
{
	struct jws jws JWS_OWNED = {0};
	char *text = flattened(header, "{}");
	struct span bytes = span_str(text);
	enum rc rc = form == 0 ? jws_parse_inner(bytes, &jws, err)
			       : jws_parse_binding(bytes, &jws, err);

	free(text);
	return rc;
}

static void
what_lies_inside_has_a_header_of_its_own(void **state)
{
	static const struct {
		const char *name;
		const char *header;
		enum rc want[2];
	} cases[] = {
	    {"new key", "{\"alg\":\"ES256\",\"url\":\"u\",\"jwk\":{}}",
		{RC_OK, RC_UNFIT}},
	    {"new key with nonce", "{\"alg\":\"ES256\"," REST ",\"jwk\":{}}",
		{RC_SYNTAX, RC_UNFIT}},
	    {"new key by kid", "{\"alg\":\"ES256\",\"url\":\"u\"," KID "}",
		{RC_SYNTAX, RC_UNFIT}},
	    {"binding", "{\"alg\":\"HS256\",\"url\":\"u\"," KID "}",
		{RC_UNFIT, RC_OK}},
	    {"binding with nonce", "{\"alg\":\"HS256\"," REST "," KID "}",
		{RC_UNFIT, RC_SYNTAX}},
	    {"binding by key", "{\"alg\":\"HS256\",\"url\":\"u\",\"jwk\":{}}",
		{RC_UNFIT, RC_SYNTAX}},
	    {"binding without url", "{\"alg\":\"HS256\"," KID "}",
		{RC_UNFIT, RC_SYNTAX}},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		for (int form = 0; form < 2; form++) {
			struct err err = ERR_NONE;
			enum rc got = parse_inside(form, cases[i].header, &err);
			if (got != cases[i].want[form])
				fail_msg("%s: got %s (%s), want %s",
				    cases[i].name, rc_name(got), err.text,
				    rc_name(cases[i].want[form]));
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_binding_is_verified_by_its_secret),
	    cmocka_unit_test(what_lies_inside_has_a_header_of_its_own),
	    cmocka_unit_test(a_request_with_its_key_is_read_back),
	    cmocka_unit_test(
		a_request_with_kid_is_verified_by_the_key_looked_up),
	    cmocka_unit_test(a_post_as_get_has_an_empty_payload),
	    cmocka_unit_test(any_changed_member_breaks_the_signature),
	    cmocka_unit_test(headers_that_rfc_8555_forbids_are_refused),
	    cmocka_unit_test(keys_that_are_too_weak_or_strange_are_refused),
	    cmocka_unit_test(numbers_of_rsa_keys_are_looked_at),
	    cmocka_unit_test(a_number_has_one_spelling),
	    cmocka_unit_test(bodies_that_are_no_flattened_jws_are_refused),
	    cmocka_unit_test(padding_in_the_payload_is_refused),
	    cmocka_unit_test(a_text_over_the_limit_is_refused),
	    cmocka_unit_test(an_ed25519_signature_by_another_program_verifies),
	    cmocka_unit_test(an_rsa_signature_verifies),
	    cmocka_unit_test(a_key_is_not_used_with_another_kinds_algorithm),
	    cmocka_unit_test(thumbprints_are_those_of_the_standards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
