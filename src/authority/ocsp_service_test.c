#include "authority/ocsp_service.h"

#include <openssl/ocsp.h>

#include "authority/issuedkit_priv.h"
#include "authority/signer_priv.h"

OWNER(OCSP_REQUEST, OCSP_REQUEST_free);
OWNER(OCSP_RESPONSE, OCSP_RESPONSE_free);

#define URL "http://a.test:8080"
#define HOUR ((int64_t)3600)

struct desk {
	struct kit kit;
	struct shop shop;
	struct ocsp_service *service;
};

#define DESK_OWNED __attribute__((cleanup(desk_done)))

static void
desk_done(struct desk *desk)
{
	ocsp_service_free(desk->service);
	shop_done(&desk->shop);
}

static void
desk_init(struct desk *desk, void **state)
{
	struct err err = ERR_NONE;

	desk->kit = *(const struct kit *)*state;
	desk->kit.settings.http_url = (char *)(uintptr_t)URL;
	shop_init(&desk->shop, state);
	desk->shop.kit = &desk->kit;
	assert_done(ocsp_service_new(&desk->kit.settings, &desk->kit.hierarchy,
			&desk->service, &err),
	    err);
}

static OCSP_CERTID *
name(const struct desk *desk, X509 *cert, const EVP_MD *md)
{
	return OCSP_cert_to_id(
	    md, cert, hierarchy_current(&desk->kit.hierarchy)->cert);
}

/* What the service says to openssl's question; `status` is openssl's word for
 * it, -1 where there is no signed answer. */
struct said {
	int response, status, reason;
	OCSP_BASICRESP *basic;
	struct buf der;
};

#define SAID_OWNED __attribute__((cleanup(said_done)))
#define SAID                                                   \
	{                                                      \
		.response = -1, .status = -1, .der = BUF_SMALL \
	}

static void
said_done(struct said *said)
{
	OCSP_BASICRESP_free(said->basic);
	buf_done(&said->der);
}

/* openssl believes the signature, by the root alone. */
static void
check_signature(const struct desk *desk, int64_t now, OCSP_BASICRESP *basic)
{
	X509_STORE *store OWNED(X509_STORE_free) = X509_STORE_new();
	STACK_OF(X509) *more = sk_X509_new_null();

	assert_int_equal(
	    X509_STORE_add_cert(store, desk->kit.hierarchy.root), 1);
	X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store), (time_t)now);
	sk_X509_push(more, hierarchy_current(&desk->kit.hierarchy)->cert);
	assert_int_equal(OCSP_basic_verify(basic, more, store, 0), 1);
	sk_X509_free(more);
}

static void
send(const struct desk *desk, struct span question, int64_t now,
    struct said *ret)
{
	struct http_answer answer HTTP_ANSWER_OWNED = HTTP_ANSWER;
	struct http_request request = {.method = "POST",
	    .path = PUBLISHED_OCSP,
	    .query = "",
	    .content_type = "application/ocsp-request",
	    .peer = "127.0.0.1",
	    .body = question};
	struct err err = ERR_NONE;

	assert_done(ocsp_service_answer(desk->service, desk->shop.sql, &request,
			now, &answer, &err),
	    err);
	assert_ok(buf_add(&ret->der, buf_span(&answer.body), NULL));
	const uint8_t *at = ret->der.data;
	OCSP_RESPONSE *response OWNED(OCSP_RESPONSE_free) =
	    d2i_OCSP_RESPONSE(NULL, &at, (long)ret->der.len);
	assert_non_null(response);
	ret->response = OCSP_response_status(response);
	if (ret->response != OCSP_RESPONSE_STATUS_SUCCESSFUL)
		return;
	ret->basic = OCSP_response_get1_basic(response);
	check_signature(desk, now, ret->basic);
}

static void
ask(const struct desk *desk, X509 *cert, const EVP_MD *md, bool nonce,
    int64_t now, struct said *ret)
{
	OCSP_REQUEST *request OWNED(OCSP_REQUEST_free) = OCSP_REQUEST_new();
	OCSP_CERTID *id = name(desk, cert, md);
	uint8_t *der = NULL;

	assert_non_null(OCSP_request_add0_id(request, OCSP_CERTID_dup(id)));
	if (nonce)
		assert_int_equal(OCSP_request_add1_nonce(request, NULL, 32), 1);
	int len = i2d_OCSP_REQUEST(request, &der);
	assert_true(len > 0);
	send(desk, span_of(der, (size_t)len), now, ret);
	OPENSSL_free(der);
	if (ret->basic != NULL) {
		assert_int_equal(
		    OCSP_resp_find_status(ret->basic, id, &ret->status,
			&ret->reason, NULL, NULL, NULL),
		    1);
		if (nonce)
			assert_int_equal(
			    OCSP_check_nonce(request, ret->basic), 1);
	}
	OCSP_CERTID_free(id);
}

static void
presign(const struct desk *desk, int64_t now)
{
	struct err err = ERR_NONE;

	assert_done(
	    ocsp_service_presign(desk->service, desk->shop.sql, now, &err),
	    err);
}

static void
what_is_not_signed_in_advance_is_signed_now(void **state)
{
	struct desk desk DESK_OWNED = {0};

	desk_init(&desk, state);
	int64_t now = desk.kit.now;
	X509 *cert OWNED(X509_free) = shop_issue(&desk.shop, now);
	for (int i = 0; i < 4; i++) {
		struct said said SAID_OWNED = SAID;
		ask(&desk, cert, i % 2 ? EVP_sha1() : EVP_sha256(), i / 2, now,
		    &said);
		assert_int_equal(said.status, V_OCSP_CERTSTATUS_GOOD);
	}
}

static void
an_answer_that_is_ready_is_given_to_all(void **state)
{
	struct desk desk DESK_OWNED = {0};

	desk_init(&desk, state);
	int64_t now = desk.kit.now;
	X509 *cert OWNED(X509_free) = shop_issue(&desk.shop, now);
	presign(&desk, now);
	assert_int_equal(
	    shop_number(&desk.shop, "SELECT count(*) FROM ocsp_answer"), 2);
	for (int i = 0; i < 2; i++) {
		struct said one SAID_OWNED = SAID, two SAID_OWNED = SAID;
		const EVP_MD *md = i ? EVP_sha1() : EVP_sha256();
		ask(&desk, cert, md, false, now + HOUR, &one);
		ask(&desk, cert, md, false, now + 2 * HOUR, &two);
		assert_int_equal(one.status, V_OCSP_CERTSTATUS_GOOD);
		assert_bytes(buf_span(&one.der), buf_span(&two.der));
	}
	/* signed once, and not again before half of its time has gone */
	presign(&desk, now + 12 * HOUR - 1);
	assert_int_equal(
	    shop_number(&desk.shop, "SELECT max(made) FROM ocsp_answer"), now);
	presign(&desk, now + 12 * HOUR + 1);
	assert_int_equal(
	    shop_number(&desk.shop, "SELECT min(made) FROM ocsp_answer"),
	    now + 12 * HOUR + 1);
}

static void
a_revocation_counts_at_once_though_an_answer_was_ready(void **state)
{
	struct desk desk DESK_OWNED = {0};

	desk_init(&desk, state);
	int64_t now = desk.kit.now;
	X509 *cert OWNED(X509_free) = shop_issue(&desk.shop, now);
	presign(&desk, now);
	shop_revoke(&desk.shop, cert, REVOKED_KEY_COMPROMISE, now + 1);
	for (int i = 0; i < 2; i++) {
		struct said said SAID_OWNED = SAID;
		ask(&desk, cert, EVP_sha1(), false, now + 1, &said);
		assert_int_equal(said.status, V_OCSP_CERTSTATUS_REVOKED);
		assert_int_equal(said.reason, REVOKED_KEY_COMPROMISE);
		presign(&desk, now + 1);
	}
	assert_int_equal(shop_number(&desk.shop,
			     "SELECT count(*) FROM ocsp_answer WHERE made > 0"),
	    2);
}

/* A key in whose use, once, something else happens. */
struct meddler {
	const struct desk *desk;
	struct signer *signer;
	X509 *cert;
	int64_t now;
	unsigned times;
};

static enum rc
sign_and_revoke(struct signer *signer, struct span tbs, struct buf *signature,
    struct err *err)
{
	struct meddler *meddler = signer->handle;

	if (meddler->times++ == 0)
		shop_revoke(&meddler->desk->shop, meddler->cert,
		    REVOKED_KEY_COMPROMISE, meddler->now);
	return signer_sign(meddler->signer, tbs, signature, err);
}

/* The answer that was in work says "good", and would for half a day. */
static void
a_revocation_while_answers_are_signed_counts(void **state)
{
	static const struct signer_ops ops = {.sign = sign_and_revoke};
	struct desk desk DESK_OWNED = {0};
	struct said said SAID_OWNED = SAID;
	struct err err = ERR_NONE;

	desk_init(&desk, state);
	int64_t now = desk.kit.now;
	struct signer **used = &desk.kit.hierarchy.issuing[0].ocsp_signer;
	struct signer *signer OWNED(signer_free) = NULL;
	X509 *cert OWNED(X509_free) = shop_issue(&desk.shop, now);
	X509_free(shop_issue(&desk.shop, now)); /* and another one */
	struct meddler meddler = {&desk, *used, cert, now, 0};

	assert_done(
	    signer_new(signer_public(*used), &ops, &meddler, &signer, &err),
	    err);
	*used = signer;
	presign(&desk, now);
	assert_int_equal(
	    shop_number(&desk.shop, "SELECT count(*) FROM ocsp_answer"), 4);
	/* the two that were signed for nothing, and all four */
	assert_int_equal(meddler.times, 6);
	ask(&desk, cert, EVP_sha1(), false, now, &said);
	assert_int_equal(said.status, V_OCSP_CERTSTATUS_REVOKED);
	assert_int_equal(meddler.times, 6); /* it was ready */
	*used = meddler.signer;
}

static void
an_old_answer_is_not_given_when_the_job_has_stopped(void **state)
{
	struct desk desk DESK_OWNED = {0};
	struct said old SAID_OWNED = SAID, fresh SAID_OWNED = SAID;

	desk_init(&desk, state);
	int64_t now = desk.kit.now;
	X509 *cert OWNED(X509_free) = shop_issue(&desk.shop, now);
	presign(&desk, now);
	ask(&desk, cert, EVP_sha1(), false, now, &old);
	ask(&desk, cert, EVP_sha1(), false, now + 23 * HOUR, &fresh);
	assert_int_equal(fresh.status, V_OCSP_CERTSTATUS_GOOD);
	assert_int_not_equal(
	    span_order(buf_span(&old.der), buf_span(&fresh.der)), 0);
}

static void
of_what_has_expired_one_can_still_ask(void **state)
{
	struct desk desk DESK_OWNED = {0};
	struct said said SAID_OWNED = SAID;

	desk_init(&desk, state);
	int64_t now = desk.kit.now, later = now + 100 * 24 * HOUR;
	X509 *cert OWNED(X509_free) = shop_issue(&desk.shop, now);
	presign(&desk, now);
	presign(&desk, later);
	assert_int_equal(
	    shop_number(&desk.shop, "SELECT count(*) FROM ocsp_answer"), 0);
	shop_revoke(&desk.shop, cert, REVOKED_KEY_COMPROMISE, later);
	ask(&desk, cert, EVP_sha1(), false, later, &said);
	assert_int_equal(said.status, V_OCSP_CERTSTATUS_REVOKED);
}

static void
nothing_is_said_of_what_was_never_issued(void **state)
{
	struct desk desk DESK_OWNED = {0};
	struct said said SAID_OWNED = SAID, again SAID_OWNED = SAID;

	desk_init(&desk, state);
	X509 *cert OWNED(X509_free) = shop_make(&desk.shop, desk.kit.now);
	ask(&desk, cert, EVP_sha1(), false, desk.kit.now, &said);
	assert_int_equal(said.response, OCSP_RESPONSE_STATUS_UNAUTHORIZED);
	ask(&desk, cert, EVP_sha1(), true, desk.kit.now, &again);
	assert_int_equal(again.response, OCSP_RESPONSE_STATUS_UNAUTHORIZED);
	assert_int_equal(again.der.len, 5);
}

/* What is not signed says nothing of the certificate, and is asked again. */
static void
a_database_that_fails_is_no_answer(void **state)
{
	struct desk desk DESK_OWNED = {0};
	struct http_answer answer HTTP_ANSWER_OWNED = HTTP_ANSWER;
	struct err err = ERR_NONE;

	desk_init(&desk, state);
	X509 *cert OWNED(X509_free) = shop_issue(&desk.shop, desk.kit.now);
	OCSP_REQUEST *asked OWNED(OCSP_REQUEST_free) = OCSP_REQUEST_new();
	uint8_t *der = NULL;
	assert_non_null(
	    OCSP_request_add0_id(asked, name(&desk, cert, EVP_sha1())));
	int len = i2d_OCSP_REQUEST(asked, &der);
	struct http_request request = {.method = "POST",
	    .path = PUBLISHED_OCSP,
	    .content_type = "application/ocsp-request",
	    .body = span_of(der, (size_t)len)};
	assert_done(
	    sql_run(desk.shop.sql, "DROP TABLE ocsp_answer", &err), err);
	assert_done(ocsp_service_answer(desk.service, desk.shop.sql, &request,
			desk.kit.now, &answer, &err),
	    err);
	OPENSSL_free(der);
	assert_int_equal(answer.status, 503);
	assert_bytes(buf_span(&answer.body),
	    span_of("\x30\x03\x0a\x01\x03", 5)); /* tryLater */
	assert_string_equal(answer.header[1].name, "Retry-After");
}

/* More than one batch, and none is forgotten. */
static void
many_are_signed_in_several_batches(void **state)
{
	struct desk desk DESK_OWNED = {0};

	desk_init(&desk, state);
	for (int i = 0; i < 101; i++) {
		X509 *cert = shop_issue(&desk.shop, desk.kit.now);
		X509_free(cert);
	}
	presign(&desk, desk.kit.now);
	assert_int_equal(
	    shop_number(&desk.shop, "SELECT count(*) FROM ocsp_answer"),
	    (int64_t)2 * 101);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_not_signed_in_advance_is_signed_now),
	    cmocka_unit_test(an_answer_that_is_ready_is_given_to_all),
	    cmocka_unit_test(
		a_revocation_counts_at_once_though_an_answer_was_ready),
	    cmocka_unit_test(a_revocation_while_answers_are_signed_counts),
	    cmocka_unit_test(
		an_old_answer_is_not_given_when_the_job_has_stopped),
	    cmocka_unit_test(of_what_has_expired_one_can_still_ask),
	    cmocka_unit_test(nothing_is_said_of_what_was_never_issued),
	    cmocka_unit_test(a_database_that_fails_is_no_answer),
	    cmocka_unit_test(many_are_signed_in_several_batches),
	};

	return kit_test_both(tests, COUNT(tests));
}
