#include "authority/ocsp_service_priv.h"

#include <stdlib.h>
#include <time.h>

#include "authority/etag.h"
#include "authority/problem.h"
#include "codec/base64.h"
#include "os/log.h"
#include "pki/crypto.h"

#define HOUR ((int64_t)60 * 60)
#define DAY (24 * HOUR)
/* Shorter ones do not tell one question from another (RFC 9654 section 2.1);
 * they are passed over. */
#define NONCE_MIN 16
/* Nobody between us and a client may keep an answer for so long that a
 * revocation is told of later than after a minute. */
#define ANSWER_AGE 30
/* An answer that was made before is given out as long as it has this to go:
 * more than half, or the job has stopped. */
#define LEFT_MIN (2 * HOUR)

static bool
digest(const EVP_MD *md, struct span bytes, uint8_t ret[OCSP_HASH_MAX])
{
	return EVP_Digest(bytes.data, bytes.len, ret, NULL, md, NULL) == 1;
}

/* "issuerKeyHash is the hash of the issuer's public key ... calculated over
 * the value (excluding tag and length) of the subject public key field" */
static enum rc
name_issuer(
    const struct authority_ca *ca, struct ocsp_issuer *ret, struct err *err)
{
	const EVP_MD *const mds[] = {EVP_sha1(), EVP_sha256()};
	const ASN1_BIT_STRING *key = X509_get0_pubkey_bitstr(ca->cert);
	const uint8_t *name = NULL;
	size_t len = 0;

	if (key == NULL ||
	    !X509_NAME_get0_der(X509_get_subject_name(ca->cert), &name, &len))
		return crypto_failed(err, "OCSP issuer");
	struct span bits = span_of(
	    ASN1_STRING_get0_data(key), (size_t)ASN1_STRING_length(key));
	ret->ca = ca;
	for (size_t i = 0; i < 2; i++) {
		ret->hash[i].len = (size_t)EVP_MD_get_size(mds[i]);
		if (!digest(mds[i], span_of(name, len), ret->hash[i].name) ||
		    !digest(mds[i], bits, ret->hash[i].key))
			return crypto_failed(err, "OCSP issuer");
	}
	return RC_OK;
}

enum rc
ocsp_service_new(const struct settings *settings,
    const struct hierarchy *hierarchy, struct ocsp_service **ret,
    struct err *err)
{
	struct ocsp_service *service OWNED(ocsp_service_free) =
	    calloc(1, sizeof(*service));

	if (service == NULL)
		return err_nomem(err, "OCSP");
	service->settings = settings;
	service->hierarchy = hierarchy;
	for (size_t i = 0; i < hierarchy->issuings; i++)
		TRY(name_issuer(
		    &hierarchy->issuing[i], &service->issuer[i], err));
	service->issuers = hierarchy->issuings;
	*ret = take(service);
	return RC_OK;
}

void
ocsp_service_free(struct ocsp_service *service)
{
	free(service);
}

static enum rc
responder_ends(const X509 *responder, int64_t *ret, struct err *err)
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(X509_get0_notAfter(responder), &tm))
		return crypto_failed(err, "OCSP responder");
	*ret = (int64_t)timegm(&tm);
	return RC_OK;
}

enum rc
ocsp_service_sign(const struct ocsp_service *service,
    const struct ocsp_saying *saying, struct buf *der, int64_t *ret_until,
    struct err *err)
{
	const struct settings *settings = service->settings;
	X509 *responder OWNED(X509_free) = NULL;
	int64_t ends = 0;

	TRY(hierarchy_ocsp(saying->issuer->ca, saying->now, &responder, err));
	TRY(responder_ends(responder, &ends, err));
	struct ocsp_reply reply = {.responder = responder,
	    .signer = saying->issuer->ca->ocsp_signer,
	    .one = saying->one,
	    .len = saying->len,
	    .now = saying->now,
	    .until = saying->now + settings->ocsp_hours * HOUR,
	    .known_since = saying->now - settings->crl_keep_days * DAY,
	    .nonce = saying->nonce};
	/* an answer that outlives its signer's certificate says nothing */
	if (reply.until > ends)
		reply.until = ends;
	*ret_until = reply.until;
	return ocsp_reply_make(&reply, der, err);
}

static const struct ocsp_issuer *
find_issuer(
    const struct ocsp_service *service, const struct ocsp_query_cert *cert)
{
	if (cert->digest == OCSP_OTHER_DIGEST)
		return NULL;
	for (size_t i = 0; i < service->issuers; i++) {
		const struct ocsp_issuer *issuer = &service->issuer[i];
		size_t len = issuer->hash[cert->digest].len;
		if (span_is(cert->name_hash,
			span_of(issuer->hash[cert->digest].name, len)) &&
		    span_is(cert->key_hash,
			span_of(issuer->hash[cert->digest].key, len)))
			return issuer;
	}
	return NULL;
}

/* The one CA of all that is asked: one answer has one signer, who may speak
 * for one CA only.  NULL: there is none. */
static const struct ocsp_issuer *
find_common(const struct ocsp_service *service, const struct ocsp_query *query)
{
	const struct ocsp_issuer *first = find_issuer(service, &query->cert[0]);

	for (size_t i = 1; i < query->len; i++)
		if (find_issuer(service, &query->cert[i]) != first)
			return NULL;
	return first;
}

/* One that the job has made. */
static enum rc
find_ready(struct sql *sql, const struct ocsp_issuer *issuer,
    const struct ocsp_query_cert *cert, int64_t now, struct buf *der,
    struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;

	TRY(sql_select(sql,
	    "SELECT der, issuer FROM ocsp_answer"
	    " WHERE serial = ? AND digest = ? AND made <= ? AND until > ?",
	    SQL_VALUES(SQL_BLOB(cert->serial),
		sql_text(ocsp_digest_name(cert->digest)), SQL_NUMBER(now),
		SQL_NUMBER(now + LEFT_MIN)),
	    &rows, err));
	TRY(sql_rows_next(rows, err));
	if (!span_is(sql_rows_bytes(rows, 1), span_str(issuer->ca->id)))
		return err_set(err, RC_ABSENT, "another issuer's");
	return buf_add(der, sql_rows_bytes(rows, 0), err);
}

static enum rc
find_status(struct sql *sql, const struct ocsp_issuer *issuer,
    const struct ocsp_query_cert *cert, struct ocsp_reply_one *ret,
    struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;

	TRY(sql_select(sql,
	    "SELECT r.at, r.reason FROM certificate c"
	    " LEFT JOIN revocation r ON r.certificate = c.id"
	    " WHERE c.serial = ? AND c.issuer = ?",
	    SQL_VALUES(SQL_BLOB(cert->serial), sql_text(issuer->ca->id)), &rows,
	    err));
	TRY(sql_rows_next(rows, err));
	*ret = (struct ocsp_reply_one){.id = cert->id,
	    .revoked = !sql_rows_is_null(rows, 0),
	    .at = sql_rows_number(rows, 0),
	    .reason = (int)sql_rows_number(rows, 1)};
	return RC_OK;
}

static enum rc
sign_now(const struct ocsp_service *service, struct sql *sql,
    const struct ocsp_query *query, const struct ocsp_issuer *issuer,
    int64_t now, struct buf *der, struct err *err)
{
	struct ocsp_reply_one one[OCSP_QUERY_CERTS_MAX];
	struct ocsp_saying saying = {.issuer = issuer,
	    .one = one,
	    .len = query->len,
	    .nonce = query->nonce.len >= NONCE_MIN ? query->nonce : SPAN_NONE,
	    .now = now};
	int64_t until = 0;

	for (size_t i = 0; i < query->len; i++)
		TRY(find_status(sql, issuer, &query->cert[i], &one[i], err));
	return ocsp_service_sign(service, &saying, der, &until, err);
}

/* Append the answer; RC_ABSENT: nobody here can say.  */
static enum rc
reply(const struct ocsp_service *service, struct sql *sql,
    const struct ocsp_query *query, int64_t now, struct buf *der,
    struct err *err)
{
	const struct ocsp_issuer *issuer = find_common(service, query);

	if (issuer == NULL)
		return err_set(err, RC_ABSENT, "not our certificates");
	if (query->len == 1 && query->cert[0].usual &&
	    query->nonce.len < NONCE_MIN) {
		enum rc rc =
		    find_ready(sql, issuer, &query->cert[0], now, der, err);
		if (rc != RC_ABSENT)
			return rc;
	}
	return sign_now(service, sql, query, issuer, now, der, err);
}

/* "the GET request: {url}/{url-encoding of base-64 encoding of the DER
 * encoding of the OCSPRequest}" (RFC 6960 appendix A.1).  Some leave the
 * padding out, and some put a second slash before it. */
static enum rc
read_path(const char *path, struct buf *der, struct err *err)
{
	const char *rest = path + strlen(PUBLISHED_OCSP);
	struct buf text BUF_OWNED = BUF(2 * OCSP_QUERY_MAX);

	TRY(http_percent_decode(span_str(rest), &text, err));
	while (text.len > 0 && text.data[0] == '/')
		buf_drop(&text, 1);
	while (text.len % 4 != 0)
		TRY(buf_add_byte(&text, '=', err));
	return base64_decode(buf_span(&text), der, err);
}

static enum rc
read_query(const struct http_request *request, struct buf *der,
    struct ocsp_query *ret, struct err *err)
{
	if (strcmp(request->method, "POST") == 0)
		return ocsp_query_parse(request->body, ret, err);
	TRY(read_path(request->path, der, err));
	return ocsp_query_parse(buf_span(der), ret, err);
}

static enum rc
check(const struct http_request *request, struct http_answer *answer,
    struct err *err)
{
	bool post = strcmp(request->method, "POST") == 0;

	if (!post && strcmp(request->method, "GET") != 0) {
		TRY(http_answer_add_header(answer, "Allow", err, "GET, POST"));
		return problem_set(answer, PROBLEM_METHOD, err,
		    "GET or POST an OCSP request here");
	}
	if (post && !http_has_type(request, "application/ocsp-request"))
		return problem_set(answer, PROBLEM_MEDIA_TYPE, err,
		    "send application/ocsp-request");
	return RC_OK;
}

/* "no-store" for what is not signed: it may be otherwise in a moment. */
static enum rc
answer_failure(struct http_answer *answer, unsigned status,
    enum ocsp_failure failure, struct err *err)
{
	struct buf der BUF_OWNED = BUF_SMALL;

	TRY(ocsp_reply_failure(failure, &der, err));
	TRY(http_answer_add_header(answer, "Cache-Control", err, "no-store"));
	if (failure == OCSP_TRY_LATER)
		TRY(http_answer_add_header(answer, "Retry-After", err, "30"));
	return http_answer_set(
	    answer, status, "application/ocsp-response", buf_span(&der), err);
}

static enum rc
answer_reply(struct http_answer *answer, const struct http_request *request,
    struct span der, struct err *err)
{
	/* a cache keeps nothing that was POSTed */
	if (strcmp(request->method, "GET") == 0)
		TRY(http_answer_add_header(answer, "Cache-Control", err,
		    "max-age=%d, public, no-transform, must-revalidate",
		    ANSWER_AGE));
	return etag_answer(
	    request, answer, "application/ocsp-response", der, err);
}

enum rc
ocsp_service_answer(const struct ocsp_service *service, struct sql *sql,
    const struct http_request *request, int64_t now, struct http_answer *answer,
    struct err *err)
{
	struct buf asked BUF_OWNED = BUF(OCSP_QUERY_MAX);
	struct buf der BUF_OWNED = BUF(OCSP_REPLY_MAX);
	struct ocsp_query query;
	struct err why = ERR_NONE;

	TRY(check(request, answer, err));
	enum rc rc = read_query(request, &asked, &query, &why);
	if (rc == RC_SYNTAX || rc == RC_LIMIT)
		return answer_failure(answer, 200, OCSP_MALFORMED, err);
	if (rc == RC_OK)
		rc = reply(service, sql, &query, now, &der, &why);
	if (rc == RC_ABSENT)
		return answer_failure(answer, 200, OCSP_UNAUTHORIZED, err);
	if (rc == RC_OK)
		return answer_reply(answer, request, buf_span(&der), err);
	log_error("OCSP: %s", why.text);
	return answer_failure(answer, 503, OCSP_TRY_LATER, err);
}
