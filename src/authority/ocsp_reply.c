#include "authority/ocsp_reply.h"

#include <openssl/evp.h>

#include "pki/crypto.h"
#include "pki/der_write.h"

#define OID(text) span_of((text), sizeof(text) - 1)
#define OID_BASIC OID("\x2b\x06\x01\x05\x05\x07\x30\x01\x01")
#define OID_NONCE OID("\x2b\x06\x01\x05\x05\x07\x30\x01\x02")
#define OID_CUTOFF OID("\x2b\x06\x01\x05\x05\x07\x30\x01\x06")
#define OID_SHA1 OID("\x2b\x0e\x03\x02\x1a")
#define OID_SHA256 OID("\x60\x86\x48\x01\x65\x03\x04\x02\x01")

enum rc
ocsp_reply_failure(enum ocsp_failure failure, struct buf *der, struct err *err)
{
	const uint8_t bytes[] = {
	    DER_SEQUENCE, 3, DER_ENUMERATED, 1, (uint8_t)failure};

	return buf_add(der, span_of(bytes, sizeof(bytes)), err);
}

enum rc
ocsp_reply_print_id(
    const struct ocsp_reply_id *id, struct buf *der, struct err *err)
{
	size_t at;

	TRY(der_write_begin(der, DER_SEQUENCE, &at, err));
	TRY(der_write_algorithm(
	    der, id->digest == OCSP_SHA1 ? OID_SHA1 : OID_SHA256, true, err));
	TRY(der_write_bytes(der, DER_OCTETS, id->name_hash, err));
	TRY(der_write_bytes(der, DER_OCTETS, id->key_hash, err));
	TRY(der_write_integer(der, id->serial, err));
	return der_write_end(der, at, err);
}

/* RevokedInfo; "unspecified" is said by leaving the reason out. */
static enum rc
add_revoked(struct buf *out, const struct ocsp_reply_one *one, struct err *err)
{
	size_t at, reason;

	TRY(der_write_begin(out, DER_CONTEXT_OF(1), &at, err));
	TRY(der_write_general_time(out, one->at, err));
	if (one->reason != 0) {
		TRY(der_write_begin(out, DER_CONTEXT_OF(0), &reason, err));
		TRY(der_write_number(
		    out, DER_ENUMERATED, (uint32_t)one->reason, err));
		TRY(der_write_end(out, reason, err));
	}
	return der_write_end(out, at, err);
}

/* [1] EXPLICIT Extensions with one in it */
static enum rc
add_extension(
    struct buf *out, struct span oid, struct span value, struct err *err)
{
	size_t tag, list;

	TRY(der_write_begin(out, DER_CONTEXT_OF(1), &tag, err));
	TRY(der_write_begin(out, DER_SEQUENCE, &list, err));
	TRY(der_write_extension(out, oid, false, value, err));
	TRY(der_write_end(out, list, err));
	return der_write_end(out, tag, err);
}

static enum rc
add_cutoff(struct buf *out, int64_t since, struct err *err)
{
	struct buf value BUF_OWNED = BUF_SMALL;

	TRY(der_write_general_time(&value, since, err));
	return add_extension(out, OID_CUTOFF, buf_span(&value), err);
}

static enum rc
add_one(struct buf *out, const struct ocsp_reply *reply,
    const struct ocsp_reply_one *one, struct err *err)
{
	size_t at, until;

	TRY(der_write_begin(out, DER_SEQUENCE, &at, err));
	TRY(buf_add(out, one->id, err));
	TRY(one->revoked
		? add_revoked(out, one, err)
		: der_write_bytes(out, DER_CONTEXT(0), SPAN_NONE, err));
	TRY(der_write_general_time(out, reply->now, err));
	TRY(der_write_begin(out, DER_CONTEXT_OF(0), &until, err));
	TRY(der_write_general_time(out, reply->until, err));
	TRY(der_write_end(out, until, err));
	TRY(add_cutoff(out, reply->known_since, err));
	return der_write_end(out, at, err);
}

/* byKey, which is always SHA-1 (RFC 6960 section 4.2.1): a name, not a
 * proof. */
static enum rc
add_responder(struct buf *out, const X509 *responder, struct err *err)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	size_t at;

	if (!X509_pubkey_digest(responder, crypto_sha1(), digest, &len))
		return crypto_failed(err, "OCSP responder");
	TRY(der_write_begin(out, DER_CONTEXT_OF(2), &at, err));
	TRY(der_write_bytes(out, DER_OCTETS, span_of(digest, len), err));
	return der_write_end(out, at, err);
}

static enum rc
add_nonce(struct buf *out, struct span nonce, struct err *err)
{
	struct buf value BUF_OWNED = BUF_SMALL;

	if (nonce.len == 0)
		return RC_OK;
	TRY(der_write_bytes(&value, DER_OCTETS, nonce, err));
	return add_extension(out, OID_NONCE, buf_span(&value), err);
}

/* ResponseData */
static enum rc
add_data(struct buf *out, const struct ocsp_reply *reply, struct err *err)
{
	size_t at, list;

	TRY(der_write_begin(out, DER_SEQUENCE, &at, err));
	TRY(add_responder(out, reply->responder, err));
	TRY(der_write_general_time(out, reply->now, err));
	TRY(der_write_begin(out, DER_SEQUENCE, &list, err));
	for (size_t i = 0; i < reply->len; i++)
		TRY(add_one(out, reply, &reply->one[i], err));
	TRY(der_write_end(out, list, err));
	TRY(add_nonce(out, reply->nonce, err));
	return der_write_end(out, at, err);
}

static enum rc
add_certs(struct buf *out, X509 *responder, struct err *err)
{
	uint8_t *room = NULL;
	size_t tag, list;
	int len = i2d_X509(responder, NULL);

	if (len <= 0)
		return crypto_failed(err, "OCSP responder");
	TRY(der_write_begin(out, DER_CONTEXT_OF(0), &tag, err));
	TRY(der_write_begin(out, DER_SEQUENCE, &list, err));
	TRY(buf_reserve(out, (size_t)len, &room, err));
	buf_grown(out, (size_t)i2d_X509(responder, &room));
	TRY(der_write_end(out, list, err));
	return der_write_end(out, tag, err);
}

/* BasicOCSPResponse */
static enum rc
add_basic(struct buf *out, const struct ocsp_reply *reply, struct err *err)
{
	struct buf signature BUF_OWNED = BUF_SMALL;
	size_t at;

	TRY(der_write_begin(out, DER_SEQUENCE, &at, err));
	size_t begin = out->len;
	TRY(add_data(out, reply, err));
	TRY(signer_sign(
	    reply->signer, span_after(buf_span(out), begin), &signature, err));
	TRY(buf_add(out, signer_algorithm(reply->signer), err));
	TRY(der_write_bits(out, buf_span(&signature), err));
	TRY(add_certs(out, reply->responder, err));
	return der_write_end(out, at, err);
}

static enum rc
add_all(struct buf *out, const struct ocsp_reply *reply, struct err *err)
{
	size_t at, bytes, both, octets;

	TRY(der_write_begin(out, DER_SEQUENCE, &at, err));
	TRY(der_write_number(out, DER_ENUMERATED, 0, err)); /* successful */
	TRY(der_write_begin(out, DER_CONTEXT_OF(0), &bytes, err));
	TRY(der_write_begin(out, DER_SEQUENCE, &both, err));
	TRY(der_write_bytes(out, DER_OID, OID_BASIC, err));
	TRY(der_write_begin(out, DER_OCTETS, &octets, err));
	TRY(add_basic(out, reply, err));
	TRY(der_write_end(out, octets, err));
	TRY(der_write_end(out, both, err));
	TRY(der_write_end(out, bytes, err));
	return der_write_end(out, at, err);
}

enum rc
ocsp_reply_make(
    const struct ocsp_reply *reply, struct buf *der, struct err *err)
{
	size_t before = der->len;
	enum rc rc = add_all(der, reply, err);

	if (rc != RC_OK)
		buf_cut(der, before);
	return rc;
}
