#define ENROL_ACME_C /* the function itself */
#include "enrol/acme_priv.h"

#include <stdio.h>
#include <stdlib.h>

#include "codec/base64.h"
#include "proto/jws.h"

#define NONCE_TRIES 4
#define JOSE_TYPE "application/jose+json"
#define PEM_TYPE "application/pem-certificate-chain"
#define BAD_NONCE "urn:ietf:params:acme:error:badNonce"

void
acme_free(struct acme *acme)
{
	if (acme == NULL)
		return;
	if (acme->https != NULL)
		https_free(acme->https);
	free(acme);
}

/* -- what an answer says -- */

enum rc
acme_lacks(const char *name, struct err *err)
{
	return err_set(err, RC_SYNTAX,
	    "the authority's answer is not ACME: \"%s\" is missing or wrong",
	    name);
}

enum rc
acme_parse(const struct buf *body, json_t **ret, struct err *err)
{
	json_t *json OWNED(json_decref) =
	    json_loadb((const char *)body->data, body->len, 0, NULL);

	if (!json_is_object(json))
		return err_set(err, RC_SYNTAX,
		    "the authority's answer is not a JSON object: is the "
		    "address of its directory right?");
	*ret = take(json);
	return RC_OK;
}

/* RC_ABSENT: there is no such member (and `room` is as it was). */
enum rc
acme_find_text(const json_t *json, const char *name, char *room, size_t size,
    struct err *err)
{
	const json_t *member = json_object_get(json, name);
	const char *text = json_string_value(member);

	if (member == NULL)
		return err_set(err, RC_ABSENT, "no \"%s\"", name);
	if (text == NULL || text[0] == '\0' || strlen(text) >= size)
		return acme_lacks(name, err);
	memcpy(room, text, strlen(text) + 1);
	return RC_OK;
}

static enum rc
check_url(const char *text, const char *name, struct err *err)
{
	if (strncmp(text, "https://", 8) != 0)
		return acme_lacks(name, err);
	for (size_t i = 0; text[i] != '\0'; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return acme_lacks(name, err);
	return RC_OK;
}

enum rc
acme_read_url(const json_t *json, const char *name, char room[ACME_URL_MAX + 1],
    struct err *err)
{
	enum rc rc = acme_find_text(json, name, room, ACME_URL_MAX + 1, err);

	if (rc == RC_ABSENT)
		return acme_lacks(name, err);
	TRY(rc);
	return check_url(room, name, err);
}

static enum rc
read_status(const json_t *json, enum acme_status *ret, struct err *err)
{
	static const struct {
		const char *word;
		enum acme_status status;
	} words[] = {
	    {"pending", ACME_PENDING},
	    {"ready", ACME_READY},
	    {"processing", ACME_PROCESSING},
	    {"valid", ACME_VALID},
	    {"invalid", ACME_INVALID},
	    {"expired", ACME_INVALID},
	    {"revoked", ACME_INVALID},
	    {"deactivated", ACME_INVALID},
	};
	const char *got = json_string_value(json_object_get(json, "status"));

	for (size_t i = 0; got != NULL && i < sizeof(words) / sizeof(words[0]);
	     i++)
		if (strcmp(got, words[i].word) == 0) {
			*ret = words[i].status;
			return RC_OK;
		}
	return acme_lacks("status", err);
}

/* The words of a problem document; what they do to a terminal is not left to
 * the authority. */
static void
print_problem(const json_t *problem, char *room, size_t size)
{
	const char *detail =
	    json_string_value(json_object_get(problem, "detail"));
	const char *type = json_string_value(json_object_get(problem, "type"));

	if (detail == NULL)
		detail = type != NULL ? type : "it does not say why";
	(void)snprintf(room, size, "%s", detail);
	for (size_t i = 0; room[i] != '\0'; i++)
		if (room[i] < ' ' || room[i] > '~')
			room[i] = '?';
}

/* -- requests -- */

void
acme_response_init(struct https_response *response)
{
	*response = (struct https_response){.body = BUF(ACME_BODY_MAX)};
}

void
acme_response_done(struct https_response *response)
{
	buf_done(&response->body);
}

static enum rc
send_plain(struct acme *acme, const char *method, const char *url,
    struct https_response *ret, struct err *err)
{
	struct https_request request = {
	    .method = method, .url = url, .timeout = acme->timeout};

	TRY(https_send(acme->https, &request, ret, err));
	if (ret->status != 200 && ret->status != 204)
		return err_set(err, RC_REFUSED,
		    "the authority answers %s %s with status %u", method, url,
		    ret->status);
	return RC_OK;
}

static enum rc
get_nonce(struct acme *acme, struct err *err)
{
	struct https_response response RESPONSE_OWNED;

	acme_response_init(&response);
	if (acme->nonce[0] != '\0')
		return RC_OK;
	TRY(send_plain(acme, "HEAD", acme->new_nonce, &response, err));
	if (response.nonce[0] == '\0')
		return acme_lacks("Replay-Nonce", err);
	memcpy(acme->nonce, response.nonce, sizeof(acme->nonce));
	return RC_OK;
}

static enum rc
send_signed(struct acme *acme, const char *url, struct span payload,
    struct https_response *ret, struct err *err)
{
	struct buf text BUF_OWNED = BUF(ACME_BODY_MAX);

	TRY(get_nonce(acme, err));
	struct jws_request jws = {
	    .jwk = acme->jwk,
	    .url = url,
	    .nonce = acme->nonce,
	    .kid = acme->account[0] != '\0' ? acme->account : NULL,
	    .payload = payload,
	};
	TRY(jws_sign(&jws, &text, err));
	struct https_request request = {
	    .method = "POST",
	    .url = url,
	    .content_type = JOSE_TYPE,
	    .body = buf_span(&text),
	    .timeout = acme->timeout,
	};
	acme->nonce[0] = '\0'; /* used, whatever comes */
	TRY(https_send(acme->https, &request, ret, err));
	memcpy(acme->nonce, ret->nonce, sizeof(acme->nonce));
	return RC_OK;
}

static bool
is_bad_nonce(const struct https_response *response)
{
	struct err ignored;
	json_t *json OWNED(json_decref) = NULL;

	if (response->status != 400 ||
	    acme_parse(&response->body, &json, &ignored) != RC_OK)
		return false;
	const char *type = json_string_value(json_object_get(json, "type"));
	return type != NULL && strcmp(type, BAD_NONCE) == 0;
}

static enum rc
check_answer(const struct https_response *response, struct err *err)
{
	json_t *json OWNED(json_decref) = NULL;
	char words[300];

	if (response->status >= 200 && response->status < 300)
		return RC_OK;
	if (acme_parse(&response->body, &json, err) != RC_OK)
		return err_set(err, RC_SYNTAX,
		    "the authority answers with status %u and without words: "
		    "is the address of its directory right?",
		    response->status);
	print_problem(json, words, sizeof(words));
	return err_set(err, RC_REFUSED, "the authority says no: %s", words);
}

/* RFC 8555 section 6.5: after badNonce the same once more, with the nonce of
 * that answer. */
enum rc
acme_post(struct acme *acme, const char *url, struct span payload,
    struct https_response *ret, struct err *err)
{
	for (int tries = 1;; tries++) {
		struct https_response response RESPONSE_OWNED;
		acme_response_init(&response);
		TRY(send_signed(acme, url, payload, &response, err));
		if (is_bad_nonce(&response) && tries < NONCE_TRIES)
			continue;
		TRY(check_answer(&response, err));
		*ret = response;
		acme_response_init(&response);
		return RC_OK;
	}
}

enum rc
acme_post_json(struct acme *acme, const char *url, json_t *payload,
    struct https_response *ret, struct err *err)
{
	if (payload == NULL)
		return err_set(
		    err, RC_SYNTAX, "a request to the authority: not UTF-8?");
	char *text = json_dumps(payload, JSON_COMPACT);
	if (text == NULL)
		return err_nomem(err, "asking the authority");
	enum rc rc = acme_post(acme, url, span_str(text), ret, err);
	free(text);
	return rc;
}

/* -- the directory and the account -- */

/* What only an authority of this project names; `room` stays "" else. */
static enum rc
find_own_url(const json_t *json, const char *name, char room[ACME_URL_MAX + 1],
    struct err *err)
{
	if (json_object_get(json, name) == NULL)
		return RC_OK;
	return acme_read_url(json, name, room, err);
}

static enum rc
get_directory(struct acme *acme, const char *url, struct err *err)
{
	struct https_response response RESPONSE_OWNED;
	json_t *json OWNED(json_decref) = NULL;

	acme_response_init(&response);
	TRY(send_plain(acme, "GET", url, &response, err));
	TRY(acme_parse(&response.body, &json, err));
	TRY(acme_read_url(json, "newNonce", acme->new_nonce, err));
	TRY(acme_read_url(json, "newAccount", acme->new_account, err));
	TRY(acme_read_url(json, "newOrder", acme->new_order, err));
	TRY(find_own_url(json, "guard", acme->guard, err));
	TRY(find_own_url(json, "undo", acme->undo, err));
	return find_own_url(json, "recovery", acme->recovery, err);
}

enum rc
acme_new(const struct acme_config *config, struct acme **ret, struct err *err)
{
	struct acme *acme OWNED(acme_free) = calloc(1, sizeof(*acme));

	if (acme == NULL)
		return err_nomem(err, "asking the authority");
	acme->jwk = config->jwk;
	acme->timeout = config->timeout;
	TRY(https_new(config->trust_file, config->names, &acme->https, err));
	TRY(get_directory(acme, config->directory, err));
	*ret = take(acme);
	return RC_OK;
}

enum rc
acme_login(struct acme *acme, struct err *err)
{
	struct https_response response RESPONSE_OWNED;
	json_t *json OWNED(json_decref) = NULL;
	json_t *payload OWNED(json_decref) =
	    json_pack("{s:b}", "termsOfServiceAgreed", 1);

	acme_response_init(&response);
	acme->account[0] = '\0';
	TRY(acme_post_json(acme, acme->new_account, payload, &response, err));
	TRY(acme_parse(&response.body, &json, err));
	if (response.location[0] == '\0' ||
	    strlen(response.location) > ACME_URL_MAX)
		return acme_lacks("Location", err);
	TRY(check_url(response.location, "Location", err));
	memcpy(acme->account, response.location, strlen(response.location) + 1);
	return RC_OK;
}

enum rc
acme_thumbprint(const struct acme *acme, struct buf *out, struct err *err)
{
	json_t *jwk OWNED(json_decref) =
	    json_loadb((const char *)acme->jwk.data, acme->jwk.len, 0, NULL);

	if (jwk == NULL)
		return err_set(err, RC_SYNTAX, "the account key is damaged");
	return jws_thumbprint(jwk, out, err);
}

/* -- orders -- */

static enum rc
read_authorization_url(
    const json_t *json, struct acme_order *order, struct err *err)
{
	const json_t *list = json_object_get(json, "authorizations");
	const char *url = json_string_value(json_array_get(list, 0));

	/* One identifier was asked for, so one it is. */
	if (json_array_size(list) != 1 || url == NULL ||
	    strlen(url) > ACME_URL_MAX)
		return acme_lacks("authorizations", err);
	TRY(check_url(url, "authorizations", err));
	memcpy(order->authorization, url, strlen(url) + 1);
	return RC_OK;
}

static enum rc
read_order(const struct https_response *response, const char *url,
    struct acme_order *ret, struct err *err)
{
	json_t *json OWNED(json_decref) = NULL;
	struct acme_order order = {.retry_after = response->retry_after};

	TRY(acme_parse(&response->body, &json, err));
	if (strlen(url) > ACME_URL_MAX)
		return acme_lacks("Location", err);
	TRY(check_url(url, "Location", err));
	memcpy(order.url, url, strlen(url) + 1);
	TRY(read_status(json, &order.status, err));
	TRY(read_authorization_url(json, &order, err));
	TRY(acme_read_url(json, "finalize", order.finalize, err));
	if (order.status == ACME_VALID)
		TRY(acme_read_url(json, "certificate", order.certificate, err));
	if (json_object_get(json, "error") != NULL)
		print_problem(json_object_get(json, "error"), order.problem,
		    sizeof(order.problem));
	TRY(find_own_url(json, "guard", order.guard, err));
	*ret = order;
	return RC_OK;
}

enum rc
acme_order_new(struct acme *acme, const char *address, struct acme_order *ret,
    struct err *err)
{
	struct https_response response RESPONSE_OWNED;
	json_t *payload OWNED(json_decref) = json_pack("{s:[{s:s, s:s}]}",
	    "identifiers", "type", "email", "value", address);

	acme_response_init(&response);
	TRY(acme_post_json(acme, acme->new_order, payload, &response, err));
	return read_order(&response, response.location, ret, err);
}

enum rc
acme_order_get(
    struct acme *acme, const char *url, struct acme_order *ret, struct err *err)
{
	struct https_response response RESPONSE_OWNED;

	acme_response_init(&response);
	TRY(acme_post(acme, url, SPAN_NONE, &response, err));
	return read_order(&response, url, ret, err);
}

enum rc
acme_order_finalize(struct acme *acme, const struct acme_order *order,
    struct span csr_der, struct acme_order *ret, struct err *err)
{
	struct https_response response RESPONSE_OWNED;
	struct buf csr BUF_OWNED = BUF(ACME_BODY_MAX);
	const char *text = NULL;

	acme_response_init(&response);
	TRY(base64url_encode(csr_der, &csr, err));
	TRY(buf_str(&csr, &text, err));
	json_t *payload OWNED(json_decref) = json_pack("{s:s}", "csr", text);
	TRY(acme_post_json(acme, order->finalize, payload, &response, err));
	return read_order(&response, order->url, ret, err);
}

enum rc
acme_certificate_get(
    struct acme *acme, const char *url, struct buf *pem, struct err *err)
{
	struct https_response response RESPONSE_OWNED;

	acme_response_init(&response);
	TRY(acme_post(acme, url, SPAN_NONE, &response, err));
	if (strcmp(response.content_type, PEM_TYPE) != 0)
		return err_set(err, RC_SYNTAX,
		    "the authority's answer is not a certificate chain (%s)",
		    PEM_TYPE);
	return buf_add(pem, buf_span(&response.body), err);
}

/* -- authorizations -- */

static enum rc
read_challenge(
    const json_t *challenge, struct acme_authorization *ret, struct err *err)
{
	TRY(acme_read_url(challenge, "url", ret->challenge, err));
	enum rc rc = acme_find_text(
	    challenge, "from", ret->from, sizeof(ret->from), err);
	if (rc == RC_ABSENT)
		return acme_lacks("from", err);
	TRY(rc);
	rc = acme_find_text(
	    challenge, "token", ret->token, sizeof(ret->token), err);
	if (rc == RC_ABSENT)
		return acme_lacks("token", err);
	TRY(rc);
	if (json_object_get(challenge, "error") != NULL)
		print_problem(json_object_get(challenge, "error"), ret->problem,
		    sizeof(ret->problem));
	return RC_OK;
}

static enum rc
read_authorization(
    const json_t *json, struct acme_authorization *ret, struct err *err)
{
	const json_t *list = json_object_get(json, "challenges");

	TRY(read_status(json, &ret->status, err));
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);
		const char *type =
		    json_string_value(json_object_get(one, "type"));
		if (type != NULL && strcmp(type, "email-reply-00") == 0)
			return read_challenge(one, ret, err);
	}
	if (ret->status == ACME_PENDING)
		return err_set(err, RC_REFUSED,
		    "the authority offers no challenge by mail (RFC 8823)");
	return RC_OK;
}

enum rc
acme_authorization_get(struct acme *acme, const char *url,
    struct acme_authorization *ret, struct err *err)
{
	struct https_response response RESPONSE_OWNED;
	json_t *json OWNED(json_decref) = NULL;
	struct acme_authorization authorization = {0};

	acme_response_init(&response);
	TRY(acme_post(acme, url, SPAN_NONE, &response, err));
	TRY(acme_parse(&response.body, &json, err));
	TRY(read_authorization(json, &authorization, err));
	*ret = authorization;
	return RC_OK;
}

enum rc
acme_challenge_answered(struct acme *acme, const char *url, struct err *err)
{
	struct https_response response RESPONSE_OWNED;

	acme_response_init(&response);
	return acme_post(acme, url, span_str("{}"), &response, err);
}
