#include "cms/sign.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>

#include "cms/attributes_priv.h"
#include "cms/certid_priv.h"
#include "cms/print_priv.h"
#include "cms/shape_priv.h"
#include "cms/sign_priv.h"
#include "pki/crypto.h"

/* RFC 5652 section 5.3: "If the SignerIdentifier is the CHOICE
 * issuerAndSerialNumber, then the version MUST be 1.  If the SignerIdentifier
 * is subjectKeyIdentifier, then the version MUST be 3."  Section 5.1: the
 * SignedData has 3 if one of its signers has, and for id-data else 1. */
#define VERSION_BY_SERIAL 1
#define VERSION_BY_KEY_ID 3
#define SIGN_PIECES_MAX SIGN_TOKENS_MAX
_Static_assert(SIGN_PIECES_MAX >= SIGN_SIGNERS_MAX, "room for the pieces");
#define OCTETS_IN_PIECES 0x24     /* BER */
#define CHUNK ((size_t)64 * 1024) /* of the opaque content, an OCTET STRING */

static const uint8_t oid_signed[] = {
    0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02};
static const uint8_t oid_data[] = {
    0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01};
OWNER(struct sign, sign_free);

/* --- who signs */

static bool
has_key_id(const struct cert *cert)
{
	return X509_get0_subject_key_id(cert_x509(cert)) != NULL;
}

/* A certificate beside a foreign key would make letters that nobody can
 * verify, found out only by the reader. */
static enum rc
check_identity(const struct identity *who, const struct sign_options *options,
    struct err *err)
{
	TRY(cert_can_sign(who->cert, err));
	const EVP_PKEY *key = cert_key(who->cert);
	if (key == NULL)
		return err_set(err, RC_UNFIT,
		    "the signing certificate has no key that can be read");
	if (who->key->public_key != NULL &&
	    EVP_PKEY_eq(key, who->key->public_key) != 1)
		return err_set(err, RC_UNFIT,
		    "the private key does not belong to the certificate");
	if (options->by_key_id && !has_key_id(who->cert))
		return err_set(err, RC_UNFIT,
		    "the signing certificate has no subjectKeyIdentifier");
	return RC_OK;
}

static void
add_micalg(struct sign *sign, enum digest_kind kind)
{
	size_t len = strlen(sign->micalg);

	if (digest_is_wanted(&sign->digest, kind))
		return;
	(void)snprintf(sign->micalg + len, sizeof(sign->micalg) - len, "%s%s",
	    len > 0 ? "," : "", digest_micalg(kind));
}

static enum rc
add_one(struct sign *sign, const struct identity *who,
    const struct sign_options *options, struct err *err)
{
	struct sign_one *one = &sign->one[sign->len];

	*one = (struct sign_one){.who = who,
	    .options = *options,
	    .choice = SIGALG_CHOICE,
	    .attributes = BUF_SMALL,
	    .signature = BUF_SMALL,
	    .tokens = BUF_SMALL};
	sign->len++; /* from here on sign_free() ends it */
	TRY(sigalg_choose(cert_key(who->cert), options->padding == SIGN_PSS,
	    &one->choice, err));
	if (one->choice.pss && who->key->ops->sign_attributes_pss == NULL)
		return err_set(err, RC_UNFIT, "this key cannot sign with PSS");
	add_micalg(sign, one->choice.digest);
	return digest_want(&sign->digest, one->choice.digest, err);
}

enum rc
sign_add_signer(struct sign *sign, const struct identity *who,
    const struct sign_options *options, struct err *err)
{
	if (sign->state != SIGN_NEW)
		bug("sign_add_signer behind the first byte");
	if (sign->len >= SIGN_SIGNERS_MAX)
		return err_set(
		    err, RC_LIMIT, "more than %d signers", SIGN_SIGNERS_MAX);
	TRY(check_identity(who, options, err));
	return add_one(sign, who, options, err);
}

enum rc
sign_new_with(const struct identity *who, int64_t signing_time,
    const struct sign_options *options, struct sign **ret, struct err *err)
{
	static const struct sign_options usual = {0};
	struct sign *sign OWNED(sign_free) = calloc(1, sizeof(*sign));

	if (sign == NULL)
		return err_nomem(err, "signature");
	sign->time = signing_time;
	sign->chunk = BUF(CHUNK);
	TRY(sign_add_signer(
	    sign, who, options == NULL ? &usual : options, err));
	*ret = take(sign);
	return RC_OK;
}

enum rc
sign_new(const struct identity *who, int64_t signing_time, struct sign **ret,
    struct err *err)
{
	return sign_new_with(who, signing_time, NULL, ret, err);
}

void
sign_free(struct sign *sign)
{
	if (sign == NULL)
		return;
	for (size_t i = 0; i < sign->len; i++) {
		buf_done(&sign->one[i].choice.algorithm);
		buf_done(&sign->one[i].attributes);
		buf_done(&sign->one[i].signature);
		buf_done(&sign->one[i].tokens);
	}
	digest_done(&sign->digest);
	buf_done(&sign->chunk);
	free(sign);
}

const char *
sign_micalg(const struct sign *sign)
{
	return sign->micalg;
}

/* --- the entity */

enum rc
sign_push(struct sign *sign, struct span bytes, struct err *err)
{
	if (sign->state != SIGN_NEW && sign->state != SIGN_DETACHED)
		bug("sign_push of an opaque or closed signature");
	sign->state = SIGN_DETACHED;
	return digest_push(&sign->digest, bytes, err);
}

static unsigned
version_of(const struct sign_one *one)
{
	return one->options.by_key_id ? VERSION_BY_KEY_ID : VERSION_BY_SERIAL;
}

/* Version and digest algorithms. */
static enum rc
print_begin_of_body(const struct sign *sign, struct buf *der, struct err *err)
{
	struct span kinds[SIGN_SIGNERS_MAX];
	bool seen[DIGEST_KINDS] = {false};
	unsigned version = VERSION_BY_SERIAL;
	size_t len = 0;

	for (size_t i = 0; i < sign->len; i++) {
		enum digest_kind kind = sign->one[i].choice.digest;
		if (version_of(&sign->one[i]) > version)
			version = version_of(&sign->one[i]);
		if (!seen[kind])
			kinds[len++] = digest_algorithm(kind);
		seen[kind] = true;
	}
	TRY(print_number(der, version, err));
	return print_set(der, PRINT_SET, kinds, len, err);
}

static enum rc
print_opaque_head(const struct sign *sign, struct buf *out, struct err *err)
{
	TRY(print_begin_endless(out, PRINT_SEQUENCE, err));
	TRY(print_bytes(
	    out, PRINT_OID, span_of(oid_signed, sizeof(oid_signed)), err));
	TRY(print_begin_endless(out, PRINT_CONTEXT_OF(0), err));
	TRY(print_begin_endless(out, PRINT_SEQUENCE, err));
	TRY(print_begin_of_body(sign, out, err));
	TRY(print_begin_endless(out, PRINT_SEQUENCE, err));
	TRY(print_bytes(
	    out, PRINT_OID, span_of(oid_data, sizeof(oid_data)), err));
	TRY(print_begin_endless(out, PRINT_CONTEXT_OF(0), err));
	return print_begin_endless(out, OCTETS_IN_PIECES, err);
}

enum rc
sign_start_opaque(struct sign *sign, struct buf *out, struct err *err)
{
	size_t before = out->len;

	if (sign->state != SIGN_NEW)
		bug("sign_start_opaque behind the first byte");
	enum rc rc = print_opaque_head(sign, out, err);
	if (rc != RC_OK)
		buf_cut(out, before);
	if (rc != RC_OK)
		return rc;
	sign->state = SIGN_OPAQUE;
	sign->opaque = true;
	return RC_OK;
}

static enum rc
flush_chunk(struct sign *sign, struct buf *out, struct err *err)
{
	if (sign->chunk.len == 0)
		return RC_OK;
	TRY(print_bytes(out, PRINT_OCTETS, buf_span(&sign->chunk), err));
	buf_clear(&sign->chunk);
	return RC_OK;
}

enum rc
sign_push_opaque(
    struct sign *sign, struct span bytes, struct buf *out, struct err *err)
{
	if (sign->state != SIGN_OPAQUE)
		bug("sign_push_opaque of a detached or closed signature");
	TRY(digest_push(&sign->digest, bytes, err));
	while (bytes.len > 0) {
		if (sign->chunk.len == 0 && bytes.len >= CHUNK) {
			TRY(print_bytes(
			    out, PRINT_OCTETS, span_first(bytes, CHUNK), err));
			bytes = span_after(bytes, CHUNK);
			continue;
		}
		struct span piece = span_first(bytes, CHUNK - sign->chunk.len);
		TRY(buf_add(&sign->chunk, piece, err));
		bytes = span_after(bytes, piece.len);
		if (sign->chunk.len == CHUNK)
			TRY(flush_chunk(sign, out, err));
	}
	return RC_OK;
}

/* --- the signatures */

static enum rc
make_signature(struct sign *sign, struct sign_one *one, struct err *err)
{
	const struct key *key = one->who->key;

	TRY(sign_print_attributes(sign, one, &one->attributes, err));
	if (one->choice.pss)
		return key->ops->sign_attributes_pss(
		    key, buf_span(&one->attributes), &one->signature, err);
	return key->ops->sign_attributes(
	    key, buf_span(&one->attributes), &one->signature, err);
}

enum rc
sign_close(struct sign *sign, struct err *err)
{
	if (sign->state == SIGN_CLOSED)
		bug("sign_close twice");
	TRY(digest_finish(&sign->digest, err));
	for (size_t i = 0; i < sign->len; i++)
		TRY(make_signature(sign, &sign->one[i], err));
	sign->state = SIGN_CLOSED;
	return RC_OK;
}

enum rc
sign_imprint(const struct sign *sign, uint8_t ret_sha256[32], struct err *err)
{
	uint8_t hash[DIGEST_LEN_MAX];

	if (sign->state != SIGN_CLOSED)
		bug("sign_imprint before sign_close");
	if (digest_once(
		DIGEST_SHA256, buf_span(&sign->one[0].signature), hash) != 32)
		return crypto_failed(err, "digest");
	memcpy(ret_sha256, hash, 32);
	return RC_OK;
}

/* Only what is a whole SignedData goes in: one bad token from a server would
 * make the letter unreadable. */
static enum rc
check_token(struct span token, struct err *err)
{
	void *value = NULL;

	if (shape_content_nid(token) != NID_pkcs7_signed)
		return err_set(err, RC_SYNTAX, "the token is no timestamp");
	TRY(shape_parse(ASN1_ITEM_rptr(SHAPE_SIGNED_INFO), token,
	    "timestamp token", &value, err));
	shape_signed_info_free(value);
	return RC_OK;
}

static enum rc
print_token(struct span token, struct buf *der, struct err *err)
{
	size_t attribute, set;

	TRY(print_begin(der, PRINT_SEQUENCE, &attribute, err));
	TRY(print_bytes(der, PRINT_OID, attribute_oid(ATTRIBUTE_TOKEN), err));
	TRY(print_begin(der, PRINT_SET, &set, err));
	TRY(buf_add(der, token, err));
	TRY(print_end(der, set, err));
	return print_end(der, attribute, err);
}

enum rc
sign_add_token(struct sign *sign, struct span token, struct err *err)
{
	struct sign_one *one = &sign->one[0];
	size_t before = one->tokens.len;

	if (sign->state != SIGN_CLOSED)
		bug("sign_add_token before sign_close");
	TRY(check_token(token, err));
	if (one->tokens_len >= SIGN_TOKENS_MAX)
		return err_set(
		    err, RC_LIMIT, "more than %d timestamps", SIGN_TOKENS_MAX);
	enum rc rc = print_token(token, &one->tokens, err);
	if (rc != RC_OK)
		buf_cut(&one->tokens, before);
	else
		one->token_end[one->tokens_len++] = one->tokens.len;
	return rc;
}

/* --- the rest of the SignedData */

/* Every certificate once, however often it was named. */
struct certs_out {
	struct span item[SIGN_CERTS_MAX];
	size_t len;
};

static enum rc
add_cert(struct certs_out *out, const struct cert *cert, struct err *err)
{
	for (size_t i = 0; i < out->len; i++)
		if (span_is(out->item[i], cert_der(cert)))
			return RC_OK;
	if (out->len >= SIGN_CERTS_MAX)
		return err_set(err, RC_LIMIT,
		    "more than %d certificates to send along", SIGN_CERTS_MAX);
	out->item[out->len++] = cert_der(cert);
	return RC_OK;
}

static enum rc
print_certs(const struct sign *sign, struct buf *der, struct err *err)
{
	struct certs_out out = {.len = 0};

	for (size_t i = 0; i < sign->len; i++) {
		const struct sign_one *one = &sign->one[i];
		const struct certs *chain = one->who->chain;
		TRY(add_cert(&out, one->who->cert, err));
		for (size_t k = 0; chain != NULL && k < chain->len; k++)
			TRY(add_cert(&out, chain->item[k], err));
		if (one->options.encrypt_cert != NULL)
			TRY(add_cert(&out, one->options.encrypt_cert, err));
	}
	return print_set(der, PRINT_CONTEXT_OF(0), out.item, out.len, err);
}

static enum rc
print_id(const struct sign_one *one, struct buf *der, struct err *err)
{
	size_t at;

	if (one->options.by_key_id) {
		const ASN1_OCTET_STRING *id =
		    X509_get0_subject_key_id(cert_x509(one->who->cert));
		return print_bytes(der, PRINT_CONTEXT(0), shape_span(id), err);
	}
	TRY(print_begin(der, PRINT_SEQUENCE, &at, err));
	TRY(certid_print(der, one->who->cert, err));
	return print_end(der, at, err);
}

/* A SET OF the pieces that lie behind one another in `all`. */
static enum rc
print_set_of(struct buf *der, uint8_t tag, const struct buf *all,
    const size_t *end_of, size_t len, struct err *err)
{
	struct span item[SIGN_PIECES_MAX];
	size_t from = 0;

	for (size_t i = 0; i < len; from = end_of[i++])
		item[i] = span_of(all->data + from, end_of[i] - from);
	return print_set(der, tag, item, len, err);
}

static enum rc
print_tokens(const struct sign_one *one, struct buf *der, struct err *err)
{
	if (one->tokens_len == 0)
		return RC_OK;
	return print_set_of(der, PRINT_CONTEXT_OF(1), &one->tokens,
	    one->token_end, one->tokens_len, err);
}

/* The SignerInfo has the very bytes that were signed, with the tag [0]
 * instead of SET OF (RFC 5652 section 5.4). */
static enum rc
print_signer(const struct sign_one *one, struct buf *der, struct err *err)
{
	size_t at, attributes;

	TRY(print_begin(der, PRINT_SEQUENCE, &at, err));
	TRY(print_number(der, version_of(one), err));
	TRY(print_id(one, der, err));
	TRY(buf_add(der, digest_algorithm(one->choice.digest), err));
	attributes = der->len;
	TRY(buf_add(der, buf_span(&one->attributes), err));
	der->data[attributes] = PRINT_CONTEXT_OF(0);
	TRY(buf_add(der, buf_span(&one->choice.algorithm), err));
	TRY(print_bytes(der, PRINT_OCTETS, buf_span(&one->signature), err));
	TRY(print_tokens(one, der, err));
	return print_end(der, at, err);
}

static enum rc
print_signers(const struct sign *sign, struct buf *der, struct err *err)
{
	struct buf all BUF_OWNED = BUF(der->max);
	size_t end_of[SIGN_SIGNERS_MAX];

	for (size_t i = 0; i < sign->len; i++) {
		TRY(print_signer(&sign->one[i], &all, err));
		end_of[i] = all.len;
	}
	return print_set_of(der, PRINT_SET, &all, end_of, sign->len, err);
}

static enum rc
print_detached(const struct sign *sign, struct buf *der, struct err *err)
{
	size_t info, content, body, inner;

	TRY(print_begin(der, PRINT_SEQUENCE, &info, err));
	TRY(print_bytes(
	    der, PRINT_OID, span_of(oid_signed, sizeof(oid_signed)), err));
	TRY(print_begin(der, PRINT_CONTEXT_OF(0), &content, err));
	TRY(print_begin(der, PRINT_SEQUENCE, &body, err));
	TRY(print_begin_of_body(sign, der, err));
	TRY(print_begin(der, PRINT_SEQUENCE, &inner, err));
	TRY(print_bytes(
	    der, PRINT_OID, span_of(oid_data, sizeof(oid_data)), err));
	TRY(print_end(der, inner, err));
	TRY(print_certs(sign, der, err));
	TRY(print_signers(sign, der, err));
	TRY(print_end(der, body, err));
	TRY(print_end(der, content, err));
	return print_end(der, info, err);
}

static enum rc
print_opaque_tail(struct sign *sign, struct buf *out, struct err *err)
{
	TRY(flush_chunk(sign, out, err));
	for (int i = 0; i < 3; i++) /* OCTET STRING, [0], the inner content */
		TRY(print_end_endless(out, err));
	TRY(print_certs(sign, out, err));
	TRY(print_signers(sign, out, err));
	for (int i = 0; i < 3; i++) /* SignedData, [0], ContentInfo */
		TRY(print_end_endless(out, err));
	return RC_OK;
}

enum rc
sign_finish(struct sign *sign, struct buf *der, struct err *err)
{
	size_t before = der->len;

	if (sign->state != SIGN_CLOSED)
		bug("sign_finish before sign_close");
	enum rc rc = sign->opaque ? print_opaque_tail(sign, der, err)
				  : print_detached(sign, der, err);
	if (rc != RC_OK)
		buf_cut(der, before);
	return rc;
}
