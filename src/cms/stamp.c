#include "cms/stamp.h"

#include <stdlib.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/ts.h>

#include "cms/digest_priv.h"
#include "cms/shape_priv.h"
#include "cms/signer_priv.h"
#include "pki/policy.h"

#define STATUS_GRANTED 0
#define STATUS_GRANTED_WITH_MODS 1
#define TST_VERSION 1
#define STAMP_ACCURACY 1 /* seconds */

/* A token whose signature holds, and what it says. */
struct token {
	struct shape_signed_info *info;
	TS_TST_INFO *tst;
	struct verify_signer signer;
	struct certs certs;
	int64_t when;
};

#define TOKEN_OWNED __attribute__((cleanup(token_done)))

OWNER(TS_REQ, TS_REQ_free);
OWNER(TS_MSG_IMPRINT, TS_MSG_IMPRINT_free);
OWNER(X509_ALGOR, X509_ALGOR_free);
OWNER(ASN1_INTEGER, ASN1_INTEGER_free);
OWNER(BIGNUM, BN_free);
OWNER(EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free);

static void
response_free(struct shape_stamp_response *response)
{
	shape_free(ASN1_ITEM_rptr(SHAPE_STAMP_RESPONSE), response);
}

OWNER(struct shape_stamp_response, response_free);

static void
token_done(struct token *token)
{
	shape_signed_info_free(token->info);
	TS_TST_INFO_free(token->tst);
	signer_done(&token->signer);
	certs_done(&token->certs);
}

/* --- the request */

static ASN1_INTEGER *
nonce_integer(const struct stamp_nonce *nonce)
{
	BIGNUM *number OWNED(BN_free) =
	    BN_bin2bn(nonce->bytes, sizeof(nonce->bytes), NULL);

	return number == NULL ? NULL : BN_to_ASN1_INTEGER(number, NULL);
}

static bool
set_imprint(TS_REQ *request, const uint8_t sha256[32])
{
	TS_MSG_IMPRINT *imprint OWNED(TS_MSG_IMPRINT_free) =
	    TS_MSG_IMPRINT_new();
	X509_ALGOR *algorithm OWNED(X509_ALGOR_free) = X509_ALGOR_new();

	return imprint != NULL && algorithm != NULL &&
	       shape_set_algorithm(algorithm, NID_sha256, NULL) == RC_OK &&
	       TS_MSG_IMPRINT_set_algo(imprint, algorithm) &&
	       TS_MSG_IMPRINT_set_msg(imprint, (uint8_t *)sha256, 32) &&
	       TS_REQ_set_msg_imprint(request, imprint);
}

static enum rc
print_request(const TS_REQ *request, struct buf *der, struct err *err)
{
	int len = i2d_TS_REQ(request, NULL);
	uint8_t *room;

	if (len <= 0)
		return shape_fail(err, "timestamp request");
	TRY(buf_reserve(der, (size_t)len, &room, err));
	if (i2d_TS_REQ(request, &room) != len)
		return shape_fail(err, "timestamp request");
	buf_grown(der, (size_t)len);
	return RC_OK;
}

enum rc
stamp_request(const uint8_t sha256[32], const struct stamp_nonce *nonce,
    struct buf *der, struct err *err)
{
	TS_REQ *request OWNED(TS_REQ_free) = TS_REQ_new();
	ASN1_INTEGER *number OWNED(ASN1_INTEGER_free) = nonce_integer(nonce);

	if (request == NULL || number == NULL ||
	    !TS_REQ_set_version(request, 1) || !set_imprint(request, sha256) ||
	    !TS_REQ_set_nonce(request, number) ||
	    !TS_REQ_set_cert_req(request, 1))
		return shape_fail(err, "timestamp request");
	return print_request(request, der, err);
}

/* --- the token */

static enum rc
broken(struct err *err, const char *why)
{
	ERR_clear_error();
	return err_set(err, RC_CRYPTO, "the timestamp is broken: %s", why);
}

/* RFC 3161 section 2.3: "The corresponding certificate MUST contain only one
 * instance of the extended key usage field extension ... with KeyPurposeID
 * having value id-kp-timeStamping.  This extension MUST be critical." */
static bool
is_stamping_certificate(const X509 *x509)
{
	int critical = 0;
	EXTENDED_KEY_USAGE *usage OWNED(EXTENDED_KEY_USAGE_free) =
	    X509_get_ext_d2i(x509, NID_ext_key_usage, &critical, NULL);

	ERR_clear_error();
	return usage != NULL && critical == 1 &&
	       sk_ASN1_OBJECT_num(usage) == 1 &&
	       OBJ_obj2nid(sk_ASN1_OBJECT_value(usage, 0)) == NID_time_stamp;
}

static enum rc
check_signer(struct token *token, struct err *err)
{
	const struct shape_signed *body = token->info->body;
	const struct shape_signer *signer = OPENSSL_sk_value(body->signers, 0);
	struct digest digest DIGEST_OWNED = {0};

	TRY(digest_want(&digest, shape_nid(signer->digest_algorithm), err));
	TRY(digest_push(&digest, shape_span(body->inner->content), err));
	TRY(digest_finish(&digest, err));
	TRY(signer_certs(body, &token->certs, err));
	struct signer_about about = {body, &digest, &token->certs};
	TRY(signer_check(signer, &about, &token->signer, err));
	if (!token->signer.valid)
		return broken(err, token->signer.reason);
	if (!signer_has_certificate_id(signer))
		return broken(err, "it does not say whose it is (ESSCertID)");
	if (!is_stamping_certificate(cert_x509(token->signer.cert)))
		return broken(
		    err, "its certificate is not one for timestamps only");
	return RC_OK;
}

static bool
has_critical_extension(TS_TST_INFO *tst)
{
	return TS_TST_INFO_get_ext_by_critical(tst, 1, -1) >= 0;
}

static enum rc
read_info(struct token *token, struct err *err)
{
	struct tm tm = {0};
	struct span der = shape_span(token->info->body->inner->content);
	const uint8_t *at = der.data;

	token->tst = d2i_TS_TST_INFO(NULL, &at, (long)der.len);
	if (token->tst == NULL || at != der.data + der.len ||
	    TS_TST_INFO_get_version(token->tst) != TST_VERSION)
		return broken(err, "what is signed is no TSTInfo");
	if (has_critical_extension(token->tst))
		return broken(err, "it has an unknown critical extension");
	if (!ASN1_TIME_to_tm(TS_TST_INFO_get_time(token->tst), &tm))
		return broken(err, "its time cannot be read");
	token->when = (int64_t)timegm(&tm);
	return RC_OK;
}

static enum rc
read_token(struct span der, struct token *ret, struct err *err)
{
	void *value = NULL;

	if (der.len > STAMP_MAX)
		return err_set(err, RC_LIMIT,
		    "a timestamp of more than %zu "
		    "bytes",
		    STAMP_MAX);
	if (shape_content_nid(der) != NID_pkcs7_signed ||
	    shape_parse(ASN1_ITEM_rptr(SHAPE_SIGNED_INFO), der, "timestamp",
		&value, err) != RC_OK)
		return broken(err, "no SignedData");
	ret->info = value;
	const struct shape_signed *body = ret->info->body;
	if (OBJ_obj2nid(body->inner->type) != NID_id_smime_ct_TSTInfo ||
	    body->inner->content == NULL)
		return broken(err, "what is signed is no TSTInfo");
	if (!signer_knows_version(body))
		return broken(err, "SignedData of unknown version");
	if (OPENSSL_sk_num(body->signers) != 1)
		return broken(err, "it has not exactly one signer");
	TRY(check_signer(ret, err));
	return read_info(ret, err);
}

static int
imprint_nid(const struct token *token)
{
	return shape_nid(
	    TS_MSG_IMPRINT_get_algo(TS_TST_INFO_get_msg_imprint(token->tst)));
}

static struct span
imprint_value(const struct token *token)
{
	return shape_span(
	    TS_MSG_IMPRINT_get_msg(TS_TST_INFO_get_msg_imprint(token->tst)));
}

/* --- the response */

static void
add_words(const struct shape_stamp_status *status, struct buf *out)
{
	enum rc rc = RC_OK;

	for (int i = 0; i < sk_ASN1_UTF8STRING_num(status->words); i++) {
		if (rc == RC_OK && i > 0)
			rc = buf_add_str(out, "; ", NULL);
		if (rc == RC_OK)
			rc = buf_add(out,
			    shape_span(
				sk_ASN1_UTF8STRING_value(status->words, i)),
			    NULL);
	}
	/* too many words: what fits is said */
}

struct failure {
	int bit;
	const char *name;
};

/* RFC 3161 section 2.4.2 */
static const struct failure failures[] = {
    {TS_INFO_BAD_ALG, "badAlg"},
    {TS_INFO_BAD_REQUEST, "badRequest"},
    {TS_INFO_BAD_DATA_FORMAT, "badDataFormat"},
    {TS_INFO_TIME_NOT_AVAILABLE, "timeNotAvailable"},
    {TS_INFO_UNACCEPTED_POLICY, "unacceptedPolicy"},
    {TS_INFO_UNACCEPTED_EXTENSION, "unacceptedExtension"},
    {TS_INFO_ADD_INFO_NOT_AVAILABLE, "addInfoNotAvailable"},
    {TS_INFO_SYSTEM_FAILURE, "systemFailure"},
};

static const char *
failure_name(const struct shape_stamp_status *status)
{
	for (size_t i = 0; i < sizeof(failures) / sizeof(*failures); i++)
		if (status->failure != NULL &&
		    ASN1_BIT_STRING_get_bit(status->failure, failures[i].bit))
			return failures[i].name;
	return "no reason";
}

static enum rc
check_status(const struct shape_stamp_response *response, struct err *err)
{
	struct buf words BUF_OWNED = BUF(200);
	const char *text = "";
	long status = shape_version(response->status->status);
	bool granted =
	    status == STATUS_GRANTED || status == STATUS_GRANTED_WITH_MODS;

	if (granted != (response->token != NULL))
		return err_set(err, RC_SYNTAX,
		    "the timestamp server's status contradicts its token");
	if (granted)
		return RC_OK;
	add_words(response->status, &words);
	if (buf_str(&words, &text, NULL) != RC_OK)
		text = "";
	return err_set(err, RC_REFUSED, "the timestamp server refused: %s (%s)",
	    failure_name(response->status), text);
}

static enum rc
check_answer(struct span der, const uint8_t sha256[32],
    const struct stamp_nonce *nonce, struct err *err)
{
	struct token token TOKEN_OWNED = {0};
	ASN1_INTEGER *want OWNED(ASN1_INTEGER_free) = nonce_integer(nonce);

	TRY(read_token(der, &token, err));
	if (imprint_nid(&token) != NID_sha256 ||
	    !span_is(imprint_value(&token), span_of(sha256, 32)))
		return err_set(
		    err, RC_UNFIT, "the timestamp is about something else");
	const ASN1_INTEGER *got = TS_TST_INFO_get_nonce(token.tst);
	if (want == NULL || got == NULL || ASN1_INTEGER_cmp(want, got) != 0)
		return err_set(err, RC_UNFIT,
		    "the timestamp answers another request (nonce)");
	return RC_OK;
}

enum rc
stamp_response(struct span der, const uint8_t sha256[32],
    const struct stamp_nonce *nonce, struct buf *token, struct err *err)
{
	void *value = NULL;

	if (der.len > STAMP_MAX)
		return err_set(err, RC_LIMIT,
		    "a timestamp answer of more than %zu bytes", STAMP_MAX);
	TRY(shape_parse(ASN1_ITEM_rptr(SHAPE_STAMP_RESPONSE), der,
	    "TimeStampResp", &value, err));
	struct shape_stamp_response *response OWNED(response_free) = value;
	TRY(check_status(response, err));
	TRY(check_answer(shape_span(response->token), sha256, nonce, err));
	return buf_add(token, shape_span(response->token), err);
}

/* --- a token found in a letter */

static enum rc
check_stamped(const struct token *token, struct span stamped, struct err *err)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	const EVP_MD *md = digest_md(imprint_nid(token));

	if (md == NULL)
		return err_set(err, RC_UNFIT,
		    "the timestamp's digest is not one to be trusted");
	if (!EVP_Digest(stamped.data, stamped.len, hash, &len, md, NULL))
		return shape_fail(err, "digest");
	if (!span_is(imprint_value(token), span_of(hash, len)))
		return err_set(
		    err, RC_UNFIT, "the timestamp is about something else");
	return RC_OK;
}

enum rc
stamp_verify(struct span token, struct span stamped, const struct certs *roots,
    struct stamp_result *ret, struct err *err)
{
	struct token read TOKEN_OWNED = {0};
	struct stamp_result made = {0, CHAIN_RESULT};

	TRY(read_token(token, &read, err));
	TRY(check_stamped(&read, stamped, err));
	struct chain_request ask = {.roots = roots,
	    .untrusted = &read.certs,
	    .at = read.when,
	    .purpose = CHAIN_TIMESTAMP};
	TRY(chain_check(read.signer.cert, &ask, &made.chain, err));
	made.when = read.when;
	*ret = made;
	return RC_OK;
}

void
stamp_result_done(struct stamp_result *result)
{
	chain_result_done(&result->chain);
}

/* --- the authority's side */

/* What the callbacks of one answer need. */
struct answer {
	int64_t now;
	const uint8_t *serial;
};

OWNER(TS_RESP_CTX, TS_RESP_CTX_free);
OWNER(TS_RESP, TS_RESP_free);
OWNER(ASN1_OBJECT, ASN1_OBJECT_free);
OWNER(BIO, BIO_free_all);

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
	if (!is_stamping_certificate(tsa->cert))
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

/* Written by hand: what OpenSSL cannot say, a requester is told all the same,
 * so that it does not wait for an answer that never comes. */
static enum rc
refuse(int failure, const char *words, struct buf *out, struct err *err)
{
	void *value = NULL;
	ASN1_UTF8STRING *text = NULL;

	ERR_clear_error();
	TRY(shape_new(ASN1_ITEM_rptr(SHAPE_STAMP_RESPONSE), &value, err));
	struct shape_stamp_response *response OWNED(response_free) = value;
	struct shape_stamp_status *status = response->status;
	status->words = sk_ASN1_UTF8STRING_new_null();
	status->failure = ASN1_BIT_STRING_new();
	text = ASN1_UTF8STRING_new();
	if (status->words == NULL || text == NULL ||
	    !ASN1_STRING_set(text, words, -1) ||
	    !sk_ASN1_UTF8STRING_push(status->words, text)) {
		ASN1_UTF8STRING_free(text);
		return err_nomem(err, "timestamp refusal");
	}
	if (status->failure == NULL ||
	    !ASN1_BIT_STRING_set_bit(status->failure, failure, 1))
		return err_nomem(err, "timestamp refusal");
	TRY(shape_set_version(status->status, TS_STATUS_REJECTION, err));
	return shape_print(
	    ASN1_ITEM_rptr(SHAPE_STAMP_RESPONSE), response, out, err);
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
		return shape_fail(err, "timestamp response");
	TRY(buf_reserve(out, (size_t)len, &room, err));
	if (i2d_TS_RESP(response, &room) != len)
		return shape_fail(err, "timestamp response");
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
