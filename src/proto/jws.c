#include "proto/jws.h"

#include <stdlib.h>

#include <jose/b64.h>
#include <jose/jwk.h>
#include <jose/jws.h>
#include <jose/openssl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "base/own.h"
#include "codec/base64.h"
#include "proto/jws_priv.h"

#define JWS_TEXT_MAX ((size_t)96 * 1024)
#define JWS_URL_MAX 1000
#define JWS_NONCE_MAX 200

#define P256_COORDINATE 32
#define P384_COORDINATE 48
#define ED25519_KEY 32
#define RSA_BYTES_MIN ((size_t)256) /* 2048 bits */
#define RSA_BYTES_MAX ((size_t)512)
#define RSA_EXPONENT_MAX 8
#define MAC_ALGORITHM "HS256"

OWNER(json_t, json_decref);
OWNER(char, free);
OWNER(EVP_PKEY, EVP_PKEY_free);
OWNER(EVP_MD_CTX, EVP_MD_CTX_free);

/* A kind of account key, the only algorithm it signs with, and the members of
 * its JWK that RFC 7638 hashes, in their order. */
struct key_kind {
	const char *algorithm;
	const char *kty;
	const char *crv; /* NULL: has none */
	const char *member[5];
	const char *number[2]; /* members that are base64url numbers */
	size_t least[2];       /* bytes */
	size_t most[2];
	size_t signature; /* bytes; 0: as long as the first number */
};

/* "A JWS ... MUST NOT use a MAC algorithm" and never "none" (RFC 8555 section
 * 6.2): what is not in this table does not exist. */
static const struct key_kind kinds[] = {
    {"ES256", "EC", "P-256", {"crv", "kty", "x", "y"}, {"x", "y"},
	{P256_COORDINATE, P256_COORDINATE}, {P256_COORDINATE, P256_COORDINATE},
	64},
    {"ES384", "EC", "P-384", {"crv", "kty", "x", "y"}, {"x", "y"},
	{P384_COORDINATE, P384_COORDINATE}, {P384_COORDINATE, P384_COORDINATE},
	96},
    {"EdDSA", "OKP", "Ed25519", {"crv", "kty", "x"}, {"x"}, {ED25519_KEY},
	{ED25519_KEY}, 64},
    {"RS256", "RSA", NULL, {"e", "kty", "n"}, {"n", "e"}, {RSA_BYTES_MIN, 1},
	{RSA_BYTES_MAX, RSA_EXPONENT_MAX}, 0},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* What a JWS is for decides what must stand in its header. */
enum form {
	REQUEST, /* by "jwk" or "kid", with a nonce */
	INNER,   /* by "jwk", without one */
	BINDING, /* a MAC, by "kid", without one */
};

static const char *
text_of(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static enum rc
url_decode(const char *text, struct buf *out, struct err *err)
{
	enum rc rc = base64url_decode(span_str(text), out, err);

	if (rc != RC_SYNTAX)
		return rc;
	return err_set(err, RC_SYNTAX,
	    "not base64url (without padding, RFC 8555 section 6.1)");
}

static const struct key_kind *
kind_of_algorithm(const char *algorithm)
{
	for (size_t i = 0; algorithm != NULL && i < KINDS; i++)
		if (strcmp(kinds[i].algorithm, algorithm) == 0)
			return &kinds[i];
	return NULL;
}

static const struct key_kind *
kind_of_key(const json_t *jwk)
{
	const char *kty = text_of(jwk, "kty");
	const char *crv = text_of(jwk, "crv");

	for (size_t i = 0; kty != NULL && i < KINDS; i++)
		if (strcmp(kinds[i].kty, kty) == 0 &&
		    (kinds[i].crv == NULL ||
			(crv != NULL && strcmp(kinds[i].crv, crv) == 0)))
			return &kinds[i];
	return NULL;
}

/* One number of a public key: base64url of a sensible length. */
static enum rc
check_number(const struct key_kind *kind, size_t which, const json_t *jwk,
    struct err *err)
{
	const char *text = text_of(jwk, kind->number[which]);
	struct buf bytes BUF_OWNED = BUF(RSA_BYTES_MAX * 2);

	if (text == NULL)
		return err_set(
		    err, RC_SYNTAX, "jwk has no \"%s\"", kind->number[which]);
	if (strlen(text) > RSA_BYTES_MAX * 4 / 3 + 4)
		return err_set(err, RC_LIMIT, "jwk: \"%s\" is too long",
		    kind->number[which]);
	TRY(url_decode(text, &bytes, err));
	if (bytes.len < kind->least[which] || bytes.len > kind->most[which])
		return err_set(err, RC_UNFIT,
		    "jwk: \"%s\" has %zu bytes, want %zu to %zu",
		    kind->number[which], bytes.len, kind->least[which],
		    kind->most[which]);
	return RC_OK;
}

/* "the minimum number of octets" (RFC 7518 section 2): a leading zero would
 * make a short key look long, and one key two accounts.  With an exponent of 1
 * everybody signs. */
static enum rc
check_rsa(const json_t *jwk, struct err *err)
{
	struct buf n BUF_OWNED = BUF(RSA_BYTES_MAX * 2);
	struct buf e BUF_OWNED = BUF(RSA_BYTES_MAX * 2);

	TRY(url_decode(text_of(jwk, "n"), &n, err));
	TRY(url_decode(text_of(jwk, "e"), &e, err));
	if (n.data[0] == 0 || e.data[0] == 0)
		return err_set(
		    err, RC_UNFIT, "jwk: a number begins with a zero");
	if (n.len == RSA_BYTES_MIN && n.data[0] < 0x80)
		return err_set(err, RC_UNFIT, "jwk: fewer than 2048 bits");
	if (n.data[n.len - 1] % 2 == 0 || e.data[e.len - 1] % 2 == 0 ||
	    (e.len == 1 && e.data[0] == 1))
		return err_set(err, RC_UNFIT, "jwk: no key of RSA");
	return RC_OK;
}

static enum rc
check_key(const json_t *jwk, const struct key_kind **ret, struct err *err)
{
	const struct key_kind *kind = kind_of_key(jwk);

	if (kind == NULL) {
		(void)err_set(err, RC_UNFIT,
		    "jwk: use EC P-256 or P-384, OKP Ed25519 or RSA");
		return RC_UNFIT; /* said so that analysers see it */
	}
	for (size_t i = 0; i < 2 && kind->number[i] != NULL; i++)
		TRY(check_number(kind, i, jwk, err));
	if (strcmp(kind->kty, "RSA") == 0)
		TRY(check_rsa(jwk, err));
	*ret = kind;
	return RC_OK;
}

enum rc
jws_make_key(struct buf *jwk, struct err *err)
{
	json_t *key OWNED(json_decref) = json_pack("{s:s}", "alg", "ES256");

	if (key == NULL || !jose_jwk_gen(NULL, key))
		return err_set(err, RC_CRYPTO, "cannot make an account key");
	(void)json_object_del(key, "alg");
	(void)json_object_del(key, "key_ops");
	char *text OWNED(free) = json_dumps(key, JSON_COMPACT | JSON_SORT_KEYS);
	if (text == NULL)
		return err_nomem(err, "account key");
	enum rc rc = buf_add_str(jwk, text, err);
	OPENSSL_cleanse(text, strlen(text));
	return rc;
}

/* The protected header of a request (RFC 8555 section 6.2). */
static json_t *
header_new(const struct jws_request *request, json_t *jwk)
{
	json_t *header OWNED(json_decref) = json_pack("{s:s, s:s, s:s*}", "alg",
	    "ES256", "url", request->url, "nonce", request->nonce);
	int failed = 0;

	if (header == NULL)
		return NULL;
	if (request->kid != NULL)
		failed = json_object_set_new(
		    header, "kid", json_string(request->kid));
	else
		failed = json_object_set_new(header, "jwk",
		    json_pack("{s:O, s:O, s:O, s:O}", "crv",
			json_object_get(jwk, "crv"), "kty",
			json_object_get(jwk, "kty"), "x",
			json_object_get(jwk, "x"), "y",
			json_object_get(jwk, "y")));
	return failed ? NULL : take(header);
}

enum rc
jws_sign(const struct jws_request *request, struct buf *out, struct err *err)
{
	json_t *jwk OWNED(json_decref) = json_loadb(
	    (const char *)request->jwk.data, request->jwk.len, 0, NULL);
	const struct key_kind *kind = NULL;

	if (jwk == NULL)
		return err_set(err, RC_SYNTAX, "the account key is not JSON");
	TRY(check_key(jwk, &kind, err));
	if (kind != &kinds[0])
		return err_set(err, RC_UNFIT, "the account key is not P-256");

	json_t *header OWNED(json_decref) = header_new(request, jwk);
	json_t *payload OWNED(json_decref) = jose_b64_enc(
	    request->payload.len ? request->payload.data : (const uint8_t *)"",
	    request->payload.len);
	if (header == NULL || payload == NULL)
		return err_nomem(err, "signed request");
	json_t *jws OWNED(json_decref) = json_pack("{s:O}", "payload", payload);
	json_t *how OWNED(json_decref) =
	    json_pack("{s:O}", "protected", header);
	if (jws == NULL || how == NULL || !jose_jws_sig(NULL, jws, how, jwk))
		return err_set(err, RC_CRYPTO, "cannot sign the request");
	char *text OWNED(free) = json_dumps(jws, JSON_COMPACT);
	if (text == NULL)
		return err_nomem(err, "signed request");
	return buf_add_str(out, text, err);
}

static enum rc
copy_text(const json_t *object, const char *name, size_t most, char **ret,
    struct err *err)
{
	const char *text = text_of(object, name);

	if (text == NULL || text[0] == '\0')
		return err_set(err, RC_SYNTAX,
		    "the JWS' protected header has no \"%s\"", name);
	if (strlen(text) > most)
		return err_set(err, RC_LIMIT, "\"%s\" is too long", name);
	*ret = strdup(text);
	return *ret != NULL ? RC_OK : err_nomem(err, "JWS");
}

/* "exactly one of jwk or kid" (RFC 8555 section 6.2). */
static enum rc
read_signer(struct jws *jws, struct err *err)
{
	json_t *jwk = json_object_get(jws->header, "jwk");
	json_t *kid = json_object_get(jws->header, "kid");

	if ((jwk != NULL) == (kid != NULL))
		return err_set(err, RC_SYNTAX,
		    "the JWS' header needs exactly one of \"jwk\" and \"kid\"");
	if (kid != NULL)
		return copy_text(
		    jws->header, "kid", JWS_URL_MAX, &jws->kid, err);
	if (!json_is_object(jwk))
		return err_set(err, RC_SYNTAX, "\"jwk\" is not an object");
	/* A private key that was sent to us is known to two: whoever does that
	 * has a broken client and must not get an account for it. */
	if (json_object_get(jwk, "d") != NULL)
		return err_set(err, RC_SYNTAX,
		    "\"jwk\" holds a private key: make a new one");
	jws->jwk = json_incref(jwk);
	return RC_OK;
}

/* A public key's algorithm everywhere but in a binding, whose key is a secret
 * of both. */
static enum rc
check_algorithm(const struct jws *jws, enum form form, struct err *err)
{
	if (form == BINDING && strcmp(jws->algorithm, MAC_ALGORITHM) != 0)
		return err_set(err, RC_UNFIT,
		    "algorithm %s is not accepted: use " MAC_ALGORITHM,
		    jws->algorithm);
	if (form != BINDING && kind_of_algorithm(jws->algorithm) == NULL)
		return err_set(err, RC_UNFIT,
		    "algorithm %s is not accepted: use ES256, ES384, EdDSA or "
		    "RS256",
		    jws->algorithm);
	return RC_OK;
}

/* "The inner JWS MUST omit the "nonce" header parameter" (RFC 8555 section
 * 7.3.5), and the binding's "MUST NOT be present" (section 7.3.4). */
static enum rc
read_nonce(struct jws *jws, enum form form, struct err *err)
{
	if (form == REQUEST)
		return copy_text(
		    jws->header, "nonce", JWS_NONCE_MAX, &jws->nonce, err);
	if (json_object_get(jws->header, "nonce") != NULL)
		return err_set(err, RC_SYNTAX,
		    "the inner JWS' header may not have a \"nonce\"");
	return RC_OK;
}

static enum rc
check_signer(const struct jws *jws, enum form form, struct err *err)
{
	if (form == INNER && jws->jwk == NULL)
		return err_set(err, RC_SYNTAX,
		    "the inner JWS' header needs \"jwk\", the new key");
	if (form == BINDING && jws->kid == NULL)
		return err_set(
		    err, RC_SYNTAX, "the binding's header needs \"kid\"");
	return RC_OK;
}

static enum rc
read_header(struct jws *jws, enum form form, struct err *err)
{
	struct buf text BUF_OWNED = BUF(JWS_TEXT_MAX);

	TRY(url_decode(text_of(jws->whole, "protected"), &text, err));
	jws->header = json_loadb(
	    (const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(jws->header))
		return err_set(err, RC_SYNTAX,
		    "the JWS' protected header is not a JSON object");
	/* No extension is understood, so none may be critical (RFC 7515 section
	 * 4.1.11); b64=false would change what is signed (RFC 7797). */
	if (json_object_get(jws->header, "crit") != NULL ||
	    json_object_get(jws->header, "b64") != NULL)
		return err_set(err, RC_SYNTAX,
		    "\"crit\" and \"b64\" may not stand in the JWS' header");
	TRY(copy_text(jws->header, "alg", 20, &jws->algorithm, err));
	TRY(check_algorithm(jws, form, err));
	TRY(copy_text(jws->header, "url", JWS_URL_MAX, &jws->url, err));
	TRY(read_nonce(jws, form, err));
	TRY(read_signer(jws, err));
	return check_signer(jws, form, err);
}

/* Exactly the three members of a flattened JWS: "signatures" and the
 * unprotected "header" are among what RFC 8555 section 6.2 forbids. */
static enum rc
check_members(const json_t *whole, struct err *err)
{
	static const char *const want[] = {"protected", "payload", "signature"};

	if (!json_is_object(whole))
		return err_set(err, RC_SYNTAX, "the body is not a JSON object");
	for (size_t i = 0; i < 3; i++)
		if (text_of(whole, want[i]) == NULL)
			return err_set(err, RC_SYNTAX,
			    "the body is no flattened JWS: \"%s\" is missing",
			    want[i]);
	if (json_object_size(whole) != 3)
		return err_set(err, RC_SYNTAX,
		    "the JWS has members beside protected, payload and "
		    "signature");
	return RC_OK;
}

static enum rc
parse(struct span text, enum form form, struct jws *ret, struct err *err)
{
	struct jws jws JWS_OWNED = {.payload = BUF(JWS_TEXT_MAX)};
	json_error_t where;

	if (text.len > JWS_TEXT_MAX)
		return err_set(err, RC_LIMIT, "a JWS of more than %zu bytes",
		    JWS_TEXT_MAX);
	jws.whole = json_loadb(
	    (const char *)text.data, text.len, JSON_REJECT_DUPLICATES, &where);
	if (jws.whole == NULL)
		return err_set(
		    err, RC_SYNTAX, "the body is not JSON: %s", where.text);
	TRY(check_members(jws.whole, err));
	TRY(read_header(&jws, form, err));
	TRY(url_decode(text_of(jws.whole, "payload"), &jws.payload, err));
	*ret = jws;
	jws = (struct jws){.payload = BUF(JWS_TEXT_MAX)};
	return RC_OK;
}

enum rc
jws_parse(struct span text, struct jws *ret, struct err *err)
{
	return parse(text, REQUEST, ret, err);
}

enum rc
jws_parse_inner(struct span text, struct jws *ret, struct err *err)
{
	return parse(text, INNER, ret, err);
}

enum rc
jws_parse_binding(struct span text, struct jws *ret, struct err *err)
{
	return parse(text, BINDING, ret, err);
}

/* What was signed: "protected.payload", as it came. */
static enum rc
signing_input(const struct jws *jws, struct buf *out, struct err *err)
{
	return buf_add_format(out, err, "%s.%s",
	    text_of(jws->whole, "protected"), text_of(jws->whole, "payload"));
}

enum rc
jws_verify_mac(const struct jws *jws, struct span key, struct err *err)
{
	struct buf input BUF_OWNED = BUF(JWS_TEXT_MAX * 2);
	struct buf mac BUF_OWNED = BUF(JWS_TEXT_MAX);
	uint8_t want[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	/* a public key's signature is no MAC, and a key of nothing no secret */
	if (strcmp(jws->algorithm, MAC_ALGORITHM) != 0 || key.len == 0 ||
	    key.len > JWS_TEXT_MAX)
		return err_set(err, RC_UNFIT, "not a MAC, or no key for it");
	TRY(signing_input(jws, &input, err));
	TRY(url_decode(text_of(jws->whole, "signature"), &mac, err));
	if (HMAC(EVP_sha256(), key.data, (int)key.len, input.data, input.len,
		want, &len) == NULL)
		return err_set(err, RC_CRYPTO, "no HMAC-SHA-256");
	if (mac.len != len || CRYPTO_memcmp(mac.data, want, len) != 0)
		return err_set(err, RC_CRYPTO, "the binding's MAC is wrong");
	return RC_OK;
}

/* libjose has no EdDSA. */
static enum rc
verify_ed25519(const struct jws *jws, const json_t *jwk, struct span signature,
    struct err *err)
{
	struct buf point BUF_OWNED = BUF(RSA_BYTES_MAX);
	struct buf input BUF_OWNED = BUF(JWS_TEXT_MAX * 2);

	TRY(url_decode(text_of(jwk, "x"), &point, err));
	TRY(signing_input(jws, &input, err));
	EVP_PKEY *key OWNED(EVP_PKEY_free) = EVP_PKEY_new_raw_public_key(
	    EVP_PKEY_ED25519, NULL, point.data, point.len);
	EVP_MD_CTX *md OWNED(EVP_MD_CTX_free) = EVP_MD_CTX_new();
	if (key == NULL || md == NULL ||
	    EVP_DigestVerifyInit(md, NULL, NULL, NULL, key) != 1 ||
	    EVP_DigestVerify(
		md, signature.data, signature.len, input.data, input.len) != 1)
		return err_set(err, RC_CRYPTO, "the JWS' signature is wrong");
	return RC_OK;
}

/* The library would look for its decoders anew, to read the same two numbers. */
static enum rc
verify_ecdsa(const struct jws *jws, const json_t *jwk, struct span signature,
    struct err *err)
{
	struct buf x BUF_OWNED = BUF(RSA_BYTES_MAX);
	struct buf y BUF_OWNED = BUF(RSA_BYTES_MAX);
	struct buf input BUF_OWNED = BUF(JWS_TEXT_MAX * 2);

	TRY(url_decode(text_of(jwk, "x"), &x, err));
	TRY(url_decode(text_of(jwk, "y"), &y, err));
	TRY(signing_input(jws, &input, err));
	const struct jws_ecdsa ecdsa = {
	    .curve = signature.len == (size_t)2 * P256_COORDINATE ? POINT_P256
								  : POINT_P384,
	    .x = buf_span(&x),
	    .y = buf_span(&y),
	    .signature = signature};
	if (!jws_ecdsa_is(&ecdsa, buf_span(&input)))
		return err_set(err, RC_CRYPTO, "the JWS' signature is wrong");
	return RC_OK;
}

/* Only what says which key it is goes to the library: "key_ops", "use" or
 * "alg" of a peer's JWK have no say in what we verify. */
static json_t *
bare_key(const struct key_kind *kind, const json_t *jwk)
{
	json_t *bare OWNED(json_decref) = json_object();

	for (size_t i = 0; bare != NULL && kind->member[i] != NULL; i++)
		if (json_object_set(bare, kind->member[i],
			json_object_get(jwk, kind->member[i])) != 0)
			return NULL;
	return take(bare);
}

enum rc
jws_verify(const struct jws *jws, json_t *jwk, struct err *err)
{
	struct buf signature BUF_OWNED = BUF(JWS_TEXT_MAX);
	const struct key_kind *kind = NULL;

	TRY(check_key(jwk, &kind, err));
	/* The key decides the algorithm, never the header alone: else a public
	 * key could be used as something it is not. */
	if (strcmp(kind->algorithm, jws->algorithm) != 0)
		return err_set(err, RC_UNFIT, "this key signs with %s, not %s",
		    kind->algorithm, jws->algorithm);
	TRY(url_decode(text_of(jws->whole, "signature"), &signature, err));
	if (kind->signature != 0 && signature.len != kind->signature)
		return err_set(err, RC_CRYPTO, "the JWS' signature is wrong");
	if (strcmp(kind->kty, "OKP") == 0)
		return verify_ed25519(jws, jwk, buf_span(&signature), err);
	if (strcmp(kind->kty, "EC") == 0)
		return verify_ecdsa(jws, jwk, buf_span(&signature), err);
	json_t *bare OWNED(json_decref) = bare_key(kind, jwk);
	if (bare == NULL)
		return err_nomem(err, "account key");
	if (!jose_jws_ver(NULL, jws->whole, NULL, bare, false))
		return err_set(err, RC_CRYPTO, "the JWS' signature is wrong");
	return RC_OK;
}

void
jws_done(struct jws *jws)
{
	json_decref(jws->header);
	json_decref(jws->jwk);
	json_decref(jws->whole);
	free(jws->kid);
	free(jws->url);
	free(jws->nonce);
	free(jws->algorithm);
	buf_done(&jws->payload);
	*jws = (struct jws){.payload = jws->payload};
}

enum rc
jws_public(json_t *jwk, struct buf *out, struct err *err)
{
	const struct key_kind *kind = NULL;

	TRY(check_key(jwk, &kind, err));
	json_t *bare OWNED(json_decref) = bare_key(kind, jwk);
	if (bare == NULL)
		return err_nomem(err, "account key");
	char *text OWNED(free) =
	    json_dumps(bare, JSON_COMPACT | JSON_SORT_KEYS);
	if (text == NULL)
		return err_nomem(err, "account key");
	return buf_add_str(out, text, err);
}

enum rc
jws_thumbprint(json_t *jwk, struct buf *out, struct err *err)
{
	struct buf canonical BUF_OWNED = BUF(JWS_TEXT_MAX);
	uint8_t digest[SHA256_DIGEST_LENGTH];

	TRY(jws_public(jwk, &canonical, err));
	if (EVP_Digest(canonical.data, canonical.len, digest, NULL,
		EVP_sha256(), NULL) != 1)
		return err_set(err, RC_CRYPTO, "no SHA-256");
	json_t *text OWNED(json_decref) = jose_b64_enc(digest, sizeof(digest));
	if (text == NULL)
		return err_nomem(err, "thumbprint");
	return buf_add_str(out, json_string_value(text), err);
}

/* libjose has no OKP. */
static json_t *
ed25519_jwk(const EVP_PKEY *key)
{
	uint8_t point[ED25519_KEY];
	size_t len = sizeof(point);

	if (EVP_PKEY_get_raw_public_key(key, point, &len) != 1)
		return NULL;
	return json_pack("{s:s, s:s, s:o}", "kty", "OKP", "crv", "Ed25519", "x",
	    jose_b64_enc(point, len));
}

enum rc
jws_key_thumbprint(EVP_PKEY *key, struct buf *out, struct err *err)
{
	json_t *jwk OWNED(json_decref) =
	    EVP_PKEY_is_a(key, "ED25519")
		? ed25519_jwk(key)
		: jose_openssl_jwk_from_EVP_PKEY(NULL, key);

	if (jwk == NULL)
		return err_set(err, RC_UNFIT, "a key of another kind");
	return jws_thumbprint(jwk, out, err);
}
