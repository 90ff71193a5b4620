#include "authority/acme_priv.h"

#include "authority/issued.h"
#include "codec/base64.h"
#include "codec/when.h"
#include "os/log.h"
#include "pki/crypto.h"

#define HOUR ((int64_t)60 * 60)
/* Two orders in a row share one challenge letter; whoever begins again later
 * has perhaps lost the letter, and gets another one. */
#define PENDING_REUSE ((int64_t)15 * 60)
#define DER_MAX ((size_t)64 * 1024)
#define PEM_MAX ((size_t)256 * 1024)

static json_t *
order_json(const struct acme_call *call, const struct order *order)
{
	char expires[WHEN_TEXT_MAX];
	json_t *certificate = NULL, *error = NULL;

	when_print(order->expires, expires);
	if (order->certificate != NULL)
		certificate = acme_url(call, "certificate", order->certificate);
	if (order->state == ORDER_INVALID &&
	    order->authorization.error_type != NULL)
		error = acme_error(&order->authorization);
	return json_pack("{s:s, s:s, s:[{s:s, s:s}], s:[o], s:o, s:o*, s:o*}",
	    "status", order_state_name(order->state), "expires", expires,
	    "identifiers", "type", "email", "value", order->address,
	    "authorizations",
	    acme_url(call, "authz", order->authorization.name), "finalize",
	    acme_url(call, "finalize", order->name), "certificate", certificate,
	    "error", error);
}

static enum rc
answer_order(struct acme_call *call, unsigned status, const struct order *order,
    struct err *err)
{
	TRY(http_answer_add_header(call->answer, "Location", err,
	    "%s/acme/order/%s", call->acme->settings->url, order->name));
	return acme_json(call, status, order_json(call, order), err);
}

static enum rc
find_own(struct acme_call *call, struct order *ret, struct err *err)
{
	struct order order ORDER_OWNED = {0};
	enum rc rc =
	    order_find(call->acme->sql, call->name, call->now, &order, err);

	if (rc == RC_ABSENT)
		return problem_set(call->answer, PROBLEM_NOT_FOUND, err,
		    "there is no such order");
	TRY(rc);
	if (order.account != call->account.id)
		return problem_set(call->answer, PROBLEM_UNAUTHORIZED, err,
		    "this order is another account's");
	*ret = order;
	order = (struct order){0};
	return RC_OK;
}

/* The one identifier of a new order, as we write it; appended. */
static enum rc
read_identifier(struct acme_call *call, struct buf *address, struct err *err)
{
	json_t *list = json_object_get(call->payload, "identifiers");
	const json_t *one = json_array_get(list, 0);
	const char *type = json_string_value(json_object_get(one, "type"));
	const char *value = json_string_value(json_object_get(one, "value"));
	struct err why = ERR_NONE;

	if (json_array_size(list) != 1 || type == NULL || value == NULL)
		return problem_set(call->answer, PROBLEM_MALFORMED, err,
		    "an order needs exactly one identifier, with type and "
		    "value");
	if (strcmp(type, "email") != 0)
		return problem_set(call->answer, PROBLEM_UNSUPPORTED_IDENTIFIER,
		    err, "identifiers must be of type \"email\"");
	if (json_object_get(call->payload, "notBefore") != NULL ||
	    json_object_get(call->payload, "notAfter") != NULL)
		return problem_set(call->answer, PROBLEM_MALFORMED, err,
		    "notBefore and notAfter cannot be chosen here");
	enum rc rc =
	    acme_address(call->acme->settings, span_str(value), address, &why);
	if (rc == RC_NOMEM)
		return err_nomem(err, "order");
	if (rc != RC_OK)
		return problem_set(call->answer, PROBLEM_REJECTED_IDENTIFIER,
		    err, "%s", why.text);
	return RC_OK;
}

static enum rc
too_many(struct acme_call *call, const char *what, struct err *err)
{
	TRY(http_answer_add_header(call->answer, "Retry-After", err, "3600"));
	return problem_set(call->answer, PROBLEM_RATE_LIMITED, err, "%s", what);
}

/* The limits against mail bombs: by mailbox, whoever asks, and by account. */
static enum rc
check_limits(
    struct acme_call *call, const char *address, bool mail, struct err *err)
{
	const struct settings *settings = call->acme->settings;
	int64_t since = call->now - HOUR, count = 0;

	TRY(order_count(call->acme->sql, call->account.id, since, &count, err));
	if (count >= settings->orders_per_hour)
		return too_many(call, "too many orders of this account", err);
	if (!mail)
		return RC_OK;
	TRY(authorization_count(call->acme->sql, address, since, &count, err));
	if (count >= settings->challenge_mails_per_hour)
		return too_many(
		    call, "too many challenges for this mailbox", err);
	return RC_OK;
}

static enum rc
authorize(struct acme_call *call, const char *address,
    struct authorization *ret, bool *ret_new, struct err *err)
{
	struct authorization_wish wish = {.account = call->account.id,
	    .address = address,
	    .now = call->now,
	    .pending_since = call->now - PENDING_REUSE};
	enum rc rc =
	    authorization_find_usable(call->acme->sql, &wish, ret, err);

	*ret_new = rc == RC_ABSENT;
	if (rc != RC_OK && rc != RC_ABSENT)
		return rc;
	TRY(check_limits(call, address, *ret_new, err));
	if (!*ret_new)
		return RC_OK;
	return authorization_add(call->acme->sql, &wish, ret, err);
}

static enum rc
add_order(struct acme_call *call, const char *address, struct order *ret,
    struct err *err)
{
	struct authorization a AUTHORIZATION_OWNED = {0};
	struct order order ORDER_OWNED = {0};
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	bool fresh = false;

	TRY(sql_act_begin(call->acme->sql, &act, err));
	TRY(authorize(call, address, &a, &fresh, err));
	TRY(order_add(call->acme->sql, &a, call->now, &order, err));
	TRY(sql_act_commit(&act, err));
	call->answer->mail_waits = fresh;
	*ret = order;
	order = (struct order){0};
	return RC_OK;
}

enum rc
acme_new_order(struct acme_call *call, struct err *err)
{
	struct order order ORDER_OWNED = {0};
	struct buf address BUF_OWNED = BUF_SMALL;
	const char *text = NULL;

	TRY(read_identifier(call, &address, err));
	TRY(buf_str(&address, &text, err));
	TRY(add_order(call, text, &order, err));
	log_info("acme: order %s for %s by account %s (%s)", order.name,
	    order.address, call->account.name, order_state_name(order.state));
	return answer_order(call, 201, &order, err);
}

enum rc
acme_order(struct acme_call *call, struct err *err)
{
	struct order order ORDER_OWNED = {0};

	TRY(find_own(call, &order, err));
	if (order.state == ORDER_PENDING)
		TRY(http_answer_add_header(
		    call->answer, "Retry-After", err, "1"));
	return answer_order(call, 200, &order, err);
}

static enum rc
read_request(struct acme_call *call, const char *address, struct request *ret,
    struct err *err)
{
	const char *text =
	    json_string_value(json_object_get(call->payload, "csr"));
	struct buf der BUF_OWNED = BUF(REQUEST_MAX);
	struct err why = ERR_NONE;

	if (text == NULL)
		return problem_set(call->answer, PROBLEM_MALFORMED, err,
		    "the payload needs \"csr\"");
	enum rc rc = base64url_decode(span_str(text), &der, &why);
	if (rc == RC_OK)
		rc = request_check(buf_span(&der), address, ret, &why);
	if (rc == RC_NOMEM)
		return err_nomem(err, "certificate request");
	if (rc != RC_OK)
		return problem_set(
		    call->answer, PROBLEM_BAD_CSR, err, "%s", why.text);
	return RC_OK;
}

static enum rc
check_ready(struct acme_call *call, const struct order *order, struct err *err)
{
	if (order->state == ORDER_READY)
		return RC_OK;
	return problem_set(call->answer, PROBLEM_ORDER_NOT_READY, err,
	    "the order is %s", order_state_name(order->state));
}

/* One transaction: the certificate that the answer names is on the disk, and
 * of two requests at once for one order only one gets it. */
static enum rc
issue(struct acme_call *call, const struct request *request, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	struct order order ORDER_OWNED = {0};
	X509 *cert OWNED(X509_free) = NULL;

	TRY(sql_act_begin(call->acme->sql, &act, err));
	TRY(find_own(call, &order, err));
	TRY(check_ready(call, &order, err));
	struct profile_order wish = {.kind = request->kind,
	    .public_key = request->public_key,
	    .address = order.address,
	    .published_at = call->acme->settings->http_url,
	    .crl_parts = call->acme->settings->crl_parts,
	    .now = call->now};
	const struct authority_ca *ca =
	    hierarchy_current(call->acme->hierarchy);
	struct profile_issuer issuer = {ca->cert, ca->signer};
	TRY(profile_issue(&wish, &issuer, &cert, err));
	TRY(issued_add(call->acme->sql, &order, request, cert, err));
	return sql_act_commit(&act, err);
}

enum rc
acme_finalize(struct acme_call *call, struct err *err)
{
	struct request request REQUEST_OWNED = {0};
	struct order before ORDER_OWNED = {0};
	struct order after ORDER_OWNED = {0};

	TRY(find_own(call, &before, err));
	TRY(check_ready(call, &before, err));
	TRY(read_request(call, before.address, &request, err));
	TRY(issue(call, &request, err));
	TRY(find_own(call, &after, err));
	log_info("acme: issued %s certificate %s for %s, order %s",
	    profile_name(request.kind), after.certificate, after.address,
	    after.name);
	return answer_order(call, 200, &after, err);
}

static enum rc
add_pem(struct buf *pem, struct span der, struct err *err)
{
	TRY(buf_add_str(pem, "-----BEGIN CERTIFICATE-----\r\n", err));
	TRY(base64_encode(der, 64, pem, err));
	return buf_add_str(pem, "-----END CERTIFICATE-----\r\n", err);
}

/* The certificate and the one that issued it; the root comes from elsewhere,
 * or there would be no point in having one. */
static enum rc
answer_chain(
    struct acme_call *call, const struct issued *issued, struct err *err)
{
	const struct authority_ca *ca =
	    hierarchy_find(call->acme->hierarchy, issued->issuer);
	struct buf issuing BUF_OWNED = BUF(DER_MAX);
	struct buf pem BUF_OWNED = BUF(PEM_MAX);

	if (ca == NULL)
		return err_set(err, RC_ABSENT,
		    "a certificate's issuer is not in the folder any more");
	TRY(hierarchy_der(ca->cert, &issuing, err));
	TRY(add_pem(&pem, buf_span(&issued->der), err));
	TRY(add_pem(&pem, buf_span(&issuing), err));
	return http_answer_set(call->answer, 200,
	    "application/pem-certificate-chain", buf_span(&pem), err);
}

enum rc
acme_certificate(struct acme_call *call, struct err *err)
{
	struct issued issued ISSUED_OWNED = {.der = BUF(DER_MAX)};

	if (call->payload != NULL)
		return problem_set(call->answer, PROBLEM_MALFORMED, err,
		    "use POST-as-GET here: an empty payload");
	enum rc rc = issued_find(call->acme->sql, call->name, &issued, err);
	if (rc == RC_ABSENT)
		return problem_set(call->answer, PROBLEM_NOT_FOUND, err,
		    "there is no such certificate");
	TRY(rc);
	if (issued.account != call->account.id)
		return problem_set(call->answer, PROBLEM_UNAUTHORIZED, err,
		    "this certificate is another account's");
	return answer_chain(call, &issued, err);
}
