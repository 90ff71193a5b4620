/* The authority's side. */
#include <openssl/err.h>
#include <openssl/ts.h>

#include "cms/print_priv.h"
#include "cms/stamp_priv.h"
#include "pki/crypto.h"
#include "pki/der.h"
#include "pki/policy.h"

#define STAMP_ACCURACY 1 /* seconds */
#define UTF8_STRING 0x0c

OWNER(BIGNUM, BN_free);
OWNER(EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free);
OWNER(TS_REQ, TS_REQ_free);

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

/* What the callbacks of one answer need. */
struct answer {
	int64_t now;
	const uint8_t *serial;
};

OWNER(TS_RESP_CTX, TS_RESP_CTX_free);
OWNER(TS_RESP, TS_RESP_free);
OWNER(ASN1_OBJECT, ASN1_OBJECT_free);

static ASN1_INTEGER *
give_serial(TS_RESP_CTX *ctx, void *data)
{
	const struct answer *answer = data;
	BIGNUM *number OWNED(BN_free) = BN_bin2bn(answer->serial, 16, NULL);
	ASN1_INTEGER *serial =
	    number == NULL ? NULL : BN_to_ASN1_INTEGER(number, NULL);

	if (serial == NULL)
		TS_RESP_CTX_add_failure_info(ctx, TS_INFO_SYSTEM_FAILURE);
	return serial;
}

static int
give_time(TS_RESP_CTX *ctx, void *data, long *seconds, long *micros)
{
	const struct answer *answer = data;

	if (answer->now <= 0) {
		TS_RESP_CTX_set_status_info(
		    ctx, TS_STATUS_REJECTION, "The clock is not trusted now.");
		TS_RESP_CTX_add_failure_info(ctx, TS_INFO_TIME_NOT_AVAILABLE);
		return 0;
	}
	*seconds = (long)answer->now;
	*micros = 0;
	return 1;
}

static const EVP_MD *
signer_digest(const EVP_PKEY *key)
{
	if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC)
		return EVP_sha256();
	switch (EVP_PKEY_get_bits(key)) {
	case 384:
		return EVP_sha384();
	case 521:
		return EVP_sha512();
	default:
		return EVP_sha256();
	}
}

static bool
set_policy(TS_RESP_CTX *ctx)
{
	ASN1_OBJECT *policy OWNED(ASN1_OBJECT_free) =
	    OBJ_txt2obj(POLICY_TIMESTAMP, 1);

	return policy != NULL && TS_RESP_CTX_set_def_policy(ctx, policy);
}

static bool
set_up(TS_RESP_CTX *ctx, const struct stamp_authority *tsa)
{
	return TS_RESP_CTX_set_signer_cert(ctx, tsa->cert) &&
	       TS_RESP_CTX_set_signer_key(ctx, tsa->key) &&
	       TS_RESP_CTX_set_signer_digest(ctx, signer_digest(tsa->key)) &&
	       /* SHA-1 in ESSCertID is what RFC 5816 replaced */
	       TS_RESP_CTX_set_ess_cert_id_digest(ctx, EVP_sha256()) &&
	       (tsa->chain == NULL || TS_RESP_CTX_set_certs(ctx, tsa->chain)) &&
	       set_policy(ctx) && TS_RESP_CTX_add_md(ctx, EVP_sha256()) &&
	       TS_RESP_CTX_add_md(ctx, EVP_sha384()) &&
	       TS_RESP_CTX_add_md(ctx, EVP_sha512()) &&
	       TS_RESP_CTX_set_accuracy(ctx, STAMP_ACCURACY, 0, 0);
}

static enum rc
check_authority(const struct stamp_authority *tsa, struct err *err)
{
	if (!stamp_is_certificate(tsa->cert))
		return err_set(err, RC_UNFIT,
		    "the timestamp certificate must have the extended key "
		    "usage timeStamping, alone and critical");
	if (X509_check_private_key(tsa->cert, tsa->key) != 1) {
		ERR_clear_error();
		return err_set(err, RC_UNFIT,
		    "the timestamp key does not belong to its certificate");
	}
	return RC_OK;
}

/* failInfo: a named bit list, which DER cuts behind its last one. */
static enum rc
print_failure(unsigned bit, struct buf *out, struct err *err)
{
	uint8_t octets[1 + 4] = {(uint8_t)(7 - bit % 8)};
	size_t last = 1 + bit / 8;

	octets[last] = (uint8_t)(0x80U >> (bit % 8));
	return print_bytes(out, DER_BITS, span_of(octets, last + 1), err);
}

/* Written by hand: what OpenSSL cannot say, a requester is told all the same,
 * so that it does not wait for an answer that never comes. */
static enum rc
refuse(unsigned failure, const char *words, struct buf *out, struct err *err)
{
	struct buf made BUF_OWNED = BUF_SMALL;
	size_t response, status, list;

	ERR_clear_error();
	TRY(print_begin(&made, PRINT_SEQUENCE, &response, err));
	TRY(print_begin(&made, PRINT_SEQUENCE, &status, err));
	TRY(print_number(&made, TS_STATUS_REJECTION, err));
	TRY(print_begin(&made, PRINT_SEQUENCE, &list, err));
	TRY(print_bytes(&made, UTF8_STRING, span_str(words), err));
	TRY(print_end(&made, list, err));
	TRY(print_failure(failure, &made, err));
	TRY(print_end(&made, status, err));
	TRY(print_end(&made, response, err));
	return buf_add(out, buf_span(&made), err);
}

static bool
is_request(struct span bytes)
{
	const uint8_t *at = bytes.data;

	if (bytes.len == 0 || bytes.len > STAMP_MAX)
		return false;
	TS_REQ *request OWNED(TS_REQ_free) =
	    d2i_TS_REQ(NULL, &at, (long)bytes.len);
	ERR_clear_error();
	return request != NULL && at == bytes.data + bytes.len;
}

static enum rc
print_response(TS_RESP *response, struct buf *out, struct err *err)
{
	int len = i2d_TS_RESP(response, NULL);
	uint8_t *room;

	if (len <= 0)
		return crypto_failed(err, "timestamp response");
	TRY(buf_reserve(out, (size_t)len, &room, err));
	if (i2d_TS_RESP(response, &room) != len)
		return crypto_failed(err, "timestamp response");
	buf_grown(out, (size_t)len);
	return RC_OK;
}

enum rc
stamp_answer(const struct stamp_authority *tsa, struct span request,
    int64_t now, const uint8_t serial[16], struct buf *response,
    struct err *err)
{
	struct answer answer = {now, serial};

	TRY(check_authority(tsa, err));
	if (!is_request(request))
		return refuse(
		    TS_INFO_BAD_DATA_FORMAT, "No TimeStampReq.", response, err);
	TS_RESP_CTX *ctx OWNED(TS_RESP_CTX_free) = TS_RESP_CTX_new();
	BIO *in OWNED(BIO_free_all) =
	    BIO_new_mem_buf(request.data, (int)request.len);
	if (ctx == NULL || in == NULL || !set_up(ctx, tsa))
		return refuse(
		    TS_INFO_SYSTEM_FAILURE, "Not ready.", response, err);
	TS_RESP_CTX_set_serial_cb(ctx, give_serial, &answer);
	TS_RESP_CTX_set_time_cb(ctx, give_time, &answer);
	TS_RESP *made OWNED(TS_RESP_free) = TS_RESP_create_response(ctx, in);
	ERR_clear_error();
	if (made == NULL)
		return refuse(
		    TS_INFO_SYSTEM_FAILURE, "Could not sign.", response, err);
	return print_response(made, response, err);
}
