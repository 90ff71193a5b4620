/* The authority's side. */
#include <openssl/err.h>
#include <openssl/ts.h>

#include "cms/attributes_priv.h"
#include "cms/ber_priv.h"
#include "cms/certid_priv.h"
#include "cms/sigalg_priv.h"
#include "cms/stamp_priv.h"
#include "pki/crypto.h"
#include "pki/der_write.h"

#define STAMP_ACCURACY 1 /* seconds */
#define STAMP_CERTS_MAX 8
#define SIGNED_VERSION 3 /* its content is not id-data: RFC 5652 section 5.1 */
#define SIGNER_VERSION 1 /* named by issuer and serial number */
#define ATTRIBUTES 3

static const uint8_t oid_signed[] = {
    0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02};
static const uint8_t oid_tst[] = {
    0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04};
/* POLICY_TIMESTAMP (pki/policy.h) */
static const uint8_t oid_policy[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x14, 0x01,
    0xbe, 0x40, 0x93, 0x7a, 0x83, 0xed, 0x5e, 0x83, 0xb3, 0x5b, 0x83, 0xe8,
    0x45, 0x81, 0x9e, 0x3c, 0x82, 0xee, 0x33, 0x85, 0xe5, 0xcc, 0x6a, 0x83,
    0xe5, 0xdb, 0x55, 0x02, 0x01};

#define OID(octets) span_of(octets, sizeof(octets))

OWNER(EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free);

/* RFC 3161 section 2.3: "The corresponding certificate MUST contain only one
 * instance of the extended key usage field extension ... with KeyPurposeID
 * having value id-kp-timeStamping.  This extension MUST be critical." */
bool
stamp_is_certificate(const X509 *x509)
{
	int critical = 0;
	EXTENDED_KEY_USAGE *usage OWNED(EXTENDED_KEY_USAGE_free) =
	    X509_get_ext_d2i(x509, NID_ext_key_usage, &critical, NULL);

	ERR_clear_error();
	return usage != NULL && critical == 1 &&
	       sk_ASN1_OBJECT_num(usage) == 1 &&
	       OBJ_obj2nid(sk_ASN1_OBJECT_value(usage, 0)) == NID_time_stamp;
}

/* --- the question */

struct query {
	struct buf copy;     /* owned: its DER, if it came otherwise */
	struct span imprint; /* whole elements; empty: not there */
	struct span nonce;
	bool wants_cert;
};

struct refusal {
	unsigned bit;
	const char *words;
};

/* In the order in which they are looked for. */
static const struct refusal no_request = {
    TS_INFO_BAD_DATA_FORMAT, "No TimeStampReq."};
static const struct refusal other_version = {
    TS_INFO_BAD_REQUEST, "Only version 1 is known."};
static const struct refusal other_digest = {
    TS_INFO_BAD_ALG, "Use SHA-256, SHA-384 or SHA-512."};
static const struct refusal other_length = {
    TS_INFO_BAD_DATA_FORMAT, "The imprint is not as long as its digest."};
static const struct refusal other_policy = {
    TS_INFO_UNACCEPTED_POLICY, "Another policy than ours."};
static const struct refusal other_extension = {
    TS_INFO_UNACCEPTED_EXTENSION, "No extensions are known."};
static const struct refusal no_time = {
    TS_INFO_TIME_NOT_AVAILABLE, "The clock is not trusted now."};
static const struct refusal no_signature = {
    TS_INFO_SYSTEM_FAILURE, "Could not sign."};

/* MessageImprint ::= SEQUENCE { hashAlgorithm, hashedMessage OCTET STRING } */
static const struct refusal *
read_imprint(struct span *in, struct query *ret)
{
	static const size_t lengths[] = {
	    [DIGEST_SHA256] = 32, [DIGEST_SHA384] = 48, [DIGEST_SHA512] = 64};
	struct der imprint, hash;
	struct algorithm algorithm;

	if (der_expect(in, DER_SEQUENCE, &imprint, NULL) != RC_OK ||
	    algorithm_read(&imprint.value, &algorithm, NULL) != RC_OK ||
	    der_expect(&imprint.value, DER_OCTETS, &hash, NULL) != RC_OK ||
	    imprint.value.len > 0)
		return &no_request;
	enum digest_kind kind = digest_find(&algorithm);
	if (kind > DIGEST_SHA512)
		return &other_digest;
	if (hash.value.len != lengths[kind])
		return &other_length;
	ret->imprint = imprint.whole;
	return NULL;
}

/* reqPolicy OPTIONAL, nonce INTEGER OPTIONAL, certReq BOOLEAN DEFAULT FALSE,
 * extensions [0] OPTIONAL */
static const struct refusal *
read_options(struct span in, struct query *ret)
{
	static const uint8_t order[] = {
	    DER_OID, DER_INTEGER, DER_BOOLEAN, DER_CONTEXT_0};
	const struct refusal *refusal = NULL;
	struct der item;

	for (size_t i = 0; i < sizeof(order); i++) {
		if (in.len == 0 || in.data[0] != order[i])
			continue;
		if (der_next(&in, &item, NULL) != RC_OK)
			return &no_request;
		if (item.tag == DER_OID &&
		    !span_is(item.value, OID(oid_policy)))
			refusal = &other_policy;
		if (item.tag == DER_INTEGER)
			ret->nonce = item.whole;
		if (item.tag == DER_BOOLEAN)
			ret->wants_cert = !span_is(item.value, span_of("", 1));
		if (item.tag == DER_CONTEXT_0 && refusal == NULL)
			refusal = &other_extension;
	}
	return in.len == 0 ? refusal : &no_request;
}

/* NULL, or what the requester is told. */
static const struct refusal *
read_query(struct span der, struct query *ret)
{
	struct der all, version;

	if (der.len == 0 || der.len > STAMP_MAX ||
	    ber_der(der, &ret->copy, &der, NULL) != RC_OK ||
	    der_check(der, NULL) != RC_OK ||
	    der_expect(&der, DER_SEQUENCE, &all, NULL) != RC_OK ||
	    der_expect(&all.value, DER_INTEGER, &version, NULL) != RC_OK)
		return &no_request;
	const struct refusal *refusal = read_imprint(&all.value, ret);
	if (refusal == &no_request)
		return refusal;
	const struct refusal *more = read_options(all.value, ret);
	if (more == &no_request)
		return more;
	if (!span_is(version.value, span_of("\1", 1)))
		return &other_version;
	return refusal != NULL ? refusal : more;
}

/* --- the answer */

/* What is made of a query. */
struct stamp {
	const struct stamp_authority *tsa;
	const struct query *query;
	const uint8_t *serial;
	int64_t now;
	struct sigalg_choice choice;
};

/* Accuracy ::= SEQUENCE { seconds INTEGER } */
static enum rc
write_accuracy(struct buf *out, struct err *err)
{
	size_t at;

	TRY(der_write_begin(out, DER_SEQUENCE, &at, err));
	TRY(der_write_number(out, DER_INTEGER, STAMP_ACCURACY, err));
	return der_write_end(out, at, err);
}

/* The nonce is given back octet for octet: "It MUST be the same value" (RFC
 * 3161 section 2.4.2), however it was written. */
static enum rc
write_info(const struct stamp *stamp, struct buf *out, struct err *err)
{
	size_t at;

	TRY(der_write_begin(out, DER_SEQUENCE, &at, err));
	TRY(der_write_number(out, DER_INTEGER, 1, err));
	TRY(der_write_bytes(out, DER_OID, OID(oid_policy), err));
	TRY(buf_add(out, stamp->query->imprint, err));
	TRY(der_write_integer(out, span_of(stamp->serial, 16), err));
	TRY(der_write_general_time(out, stamp->now, err));
	TRY(write_accuracy(out, err));
	TRY(buf_add(out, stamp->query->nonce, err));
	return der_write_end(out, at, err);
}

/* SEQUENCE { type, SET { value } }, the value being a whole element. */
static enum rc
write_attribute(enum attribute_type type, struct span value, struct buf *out,
    struct err *err)
{
	size_t at, set;

	TRY(der_write_begin(out, DER_SEQUENCE, &at, err));
	TRY(der_write_bytes(out, DER_OID, attribute_oid(type), err));
	TRY(der_write_begin(out, DER_SET, &set, err));
	TRY(buf_add(out, value, err));
	TRY(der_write_end(out, set, err));
	return der_write_end(out, at, err);
}

static enum rc
add_type(const struct stamp *stamp, struct span info, struct buf *out,
    struct err *err)
{
	struct buf value BUF_OWNED = BUF_SMALL;

	TRY(der_write_bytes(&value, DER_OID, OID(oid_tst), err));
	return write_attribute(
	    ATTRIBUTE_CONTENT_TYPE, buf_span(&value), out, err);
}

static enum rc
add_digest(const struct stamp *stamp, struct span info, struct buf *out,
    struct err *err)
{
	struct buf value BUF_OWNED = BUF_SMALL;
	uint8_t hash[DIGEST_LEN_MAX];
	size_t len = digest_once(stamp->choice.digest, info, hash);

	if (len == 0)
		return crypto_failed(err, "digest");
	TRY(der_write_bytes(&value, DER_OCTETS, span_of(hash, len), err));
	return write_attribute(ATTRIBUTE_DIGEST, buf_span(&value), out, err);
}

/* SigningCertificateV2 with one ESSCertIDv2 that has nothing but its hash:
 * SHA-256, the default, is not named (RFC 5816 replaced SHA-1). */
static enum rc
add_certificate(const struct stamp *stamp, struct span info, struct buf *out,
    struct err *err)
{
	struct buf value BUF_OWNED = BUF_SMALL;
	uint8_t hash[32];
	size_t all, ids, id;

	certid_sha256(stamp->tsa->cert, hash);
	TRY(der_write_begin(&value, DER_SEQUENCE, &all, err));
	TRY(der_write_begin(&value, DER_SEQUENCE, &ids, err));
	TRY(der_write_begin(&value, DER_SEQUENCE, &id, err));
	TRY(der_write_bytes(&value, DER_OCTETS, span_of(hash, 32), err));
	TRY(der_write_end(&value, id, err));
	TRY(der_write_end(&value, ids, err));
	TRY(der_write_end(&value, all, err));
	return write_attribute(
	    ATTRIBUTE_CERTIFICATE_2, buf_span(&value), out, err);
}

/* The signed attributes as they are signed: SET OF. */
static enum rc
write_attributes(const struct stamp *stamp, struct span info, struct buf *out,
    struct err *err)
{
	struct buf all BUF_OWNED = BUF_SMALL;
	struct span item[ATTRIBUTES];
	size_t end[ATTRIBUTES + 1] = {0};

	TRY(add_type(stamp, info, &all, err));
	end[1] = all.len;
	TRY(add_digest(stamp, info, &all, err));
	end[2] = all.len;
	TRY(add_certificate(stamp, info, &all, err));
	end[3] = all.len;
	for (size_t i = 0; i < ATTRIBUTES; i++)
		item[i] = span_of(all.data + end[i], end[i + 1] - end[i]);
	return der_write_set(out, DER_SET, item, ATTRIBUTES, err);
}

/* The SignerInfo has the very bytes that were signed, with the tag [0]
 * instead of SET OF (RFC 5652 section 5.4). */
static enum rc
write_signer(const struct stamp *stamp, struct span info, struct buf *out,
    struct err *err)
{
	struct buf attributes BUF_OWNED = BUF_SMALL;
	struct buf signature BUF_OWNED = BUF_SMALL;
	size_t at, id;

	TRY(write_attributes(stamp, info, &attributes, err));
	TRY(stamp->tsa->sign(
	    stamp->tsa->context, buf_span(&attributes), &signature, err));
	attributes.data[0] = DER_CONTEXT_OF(0);
	TRY(der_write_begin(out, DER_SEQUENCE, &at, err));
	TRY(der_write_number(out, DER_INTEGER, SIGNER_VERSION, err));
	TRY(der_write_begin(out, DER_SEQUENCE, &id, err));
	TRY(certid_print(out, stamp->tsa->cert, err));
	TRY(der_write_end(out, id, err));
	TRY(buf_add(out, digest_algorithm(stamp->choice.digest), err));
	TRY(buf_add(out, buf_span(&attributes), err));
	TRY(buf_add(out, buf_span(&stamp->choice.algorithm), err));
	TRY(der_write_bytes(out, DER_OCTETS, buf_span(&signature), err));
	return der_write_end(out, at, err);
}

/* "if the certReq field is missing or set to false then the certificates
 * field ... MUST not be present" (RFC 3161 section 2.4.1) */
static enum rc
write_certificates(const struct stamp *stamp, struct buf *out, struct err *err)
{
	const struct certs *chain = stamp->tsa->chain;
	struct span item[STAMP_CERTS_MAX];
	size_t len = 0;

	if (!stamp->query->wants_cert)
		return RC_OK;
	item[len++] = cert_der(stamp->tsa->cert);
	for (size_t i = 0; chain != NULL && i < chain->len; i++) {
		if (len == STAMP_CERTS_MAX)
			return err_set(err, RC_LIMIT,
			    "more than %d certificates in a timestamp",
			    STAMP_CERTS_MAX);
		item[len++] = cert_der(chain->item[i]);
	}
	return der_write_set(out, DER_CONTEXT_OF(0), item, len, err);
}

static enum rc
write_content(struct span info, struct buf *out, struct err *err)
{
	size_t at, explicit;

	TRY(der_write_begin(out, DER_SEQUENCE, &at, err));
	TRY(der_write_bytes(out, DER_OID, OID(oid_tst), err));
	TRY(der_write_begin(out, DER_CONTEXT_OF(0), &explicit, err));
	TRY(der_write_bytes(out, DER_OCTETS, info, err));
	TRY(der_write_end(out, explicit, err));
	return der_write_end(out, at, err);
}

static enum rc
write_signed(const struct stamp *stamp, struct buf *out, struct err *err)
{
	struct buf info BUF_OWNED = BUF_SMALL;
	size_t at, set;

	TRY(write_info(stamp, &info, err));
	TRY(der_write_begin(out, DER_SEQUENCE, &at, err));
	TRY(der_write_number(out, DER_INTEGER, SIGNED_VERSION, err));
	TRY(der_write_begin(out, DER_SET, &set, err));
	TRY(buf_add(out, digest_algorithm(stamp->choice.digest), err));
	TRY(der_write_end(out, set, err));
	TRY(write_content(buf_span(&info), out, err));
	TRY(write_certificates(stamp, out, err));
	TRY(der_write_begin(out, DER_SET, &set, err));
	TRY(write_signer(stamp, buf_span(&info), out, err));
	TRY(der_write_end(out, set, err));
	return der_write_end(out, at, err);
}

/* TimeStampResp ::= SEQUENCE { PKIStatusInfo, ContentInfo } */
static enum rc
write_response(const struct stamp *stamp, struct buf *out, struct err *err)
{
	size_t all, status, token, explicit;

	TRY(der_write_begin(out, DER_SEQUENCE, &all, err));
	TRY(der_write_begin(out, DER_SEQUENCE, &status, err));
	TRY(der_write_number(out, DER_INTEGER, TS_STATUS_GRANTED, err));
	TRY(der_write_end(out, status, err));
	TRY(der_write_begin(out, DER_SEQUENCE, &token, err));
	TRY(der_write_bytes(out, DER_OID, OID(oid_signed), err));
	TRY(der_write_begin(out, DER_CONTEXT_OF(0), &explicit, err));
	TRY(write_signed(stamp, out, err));
	TRY(der_write_end(out, explicit, err));
	TRY(der_write_end(out, token, err));
	return der_write_end(out, all, err);
}

static enum rc
write_refusal(const struct refusal *why, struct buf *out, struct err *err)
{
	size_t response, status, list;

	TRY(der_write_begin(out, DER_SEQUENCE, &response, err));
	TRY(der_write_begin(out, DER_SEQUENCE, &status, err));
	TRY(der_write_number(out, DER_INTEGER, TS_STATUS_REJECTION, err));
	TRY(der_write_begin(out, DER_SEQUENCE, &list, err));
	TRY(der_write_bytes(out, DER_UTF8, span_str(why->words), err));
	TRY(der_write_end(out, list, err));
	TRY(der_write_named_bits(out, DER_BITS, 1u << why->bit, err));
	TRY(der_write_end(out, status, err));
	return der_write_end(out, response, err);
}

enum rc
stamp_refuse(enum stamp_failure failure, struct buf *response, struct err *err)
{
	static const struct refusal refusals[] = {
	    [STAMP_OTHER_TYPE] = {TS_INFO_BAD_REQUEST,
		"Send it as application/timestamp-query."},
	    [STAMP_TOO_LONG] = {TS_INFO_BAD_DATA_FORMAT,
		"Longer than any TimeStampReq."},
	    [STAMP_REVOKED] = {TS_INFO_SYSTEM_FAILURE,
		"The certificate of this authority was revoked."},
	};
	struct buf made BUF_OWNED = BUF_SMALL;

	TRY(write_refusal(&refusals[failure], &made, err));
	return buf_add(response, buf_span(&made), err);
}

static enum rc
check_authority(const struct stamp_authority *tsa, struct err *err)
{
	if (stamp_is_certificate(cert_x509(tsa->cert)))
		return RC_OK;
	return err_set(err, RC_UNFIT,
	    "the timestamp certificate must have the extended key usage "
	    "timeStamping, alone and critical");
}

/* NULL: it is in `out`. */
static const struct refusal *
grant(struct stamp *stamp, struct buf *out)
{
	const EVP_PKEY *key = X509_get0_pubkey(cert_x509(stamp->tsa->cert));

	if (stamp->now <= 0)
		return &no_time;
	if (sigalg_choose(key, false, &stamp->choice, NULL) != RC_OK ||
	    write_response(stamp, out, NULL) != RC_OK)
		return &no_signature;
	return NULL;
}

enum rc
stamp_answer(const struct stamp_authority *tsa, struct span request,
    int64_t now, const uint8_t serial[16], struct buf *response,
    struct err *err)
{
	struct query query = {.copy = BUF(STAMP_MAX)};
	struct stamp stamp = {tsa, &query, serial, now, SIGALG_CHOICE};
	struct buf made BUF_OWNED = BUF(STAMP_MAX);

	TRY(check_authority(tsa, err));
	const struct refusal *why = read_query(request, &query);
	if (why == NULL)
		why = grant(&stamp, &made);
	buf_done(&query.copy);
	buf_done(&stamp.choice.algorithm);
	if (why != NULL) {
		ERR_clear_error();
		buf_clear(&made);
		TRY(write_refusal(why, &made, err));
	}
	return buf_add(response, buf_span(&made), err);
}
