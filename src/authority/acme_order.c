#include "authority/acme_priv.h"

#include "authority/ca_revoked.h"
#include "authority/claim.h"
#include "authority/guard.h"
#include "authority/issued.h"
#include "authority/keycheck.h"
#include "codec/base64.h"
#include "codec/when.h"
#include "os/log.h"
#include "pki/crypto.h"

#define DER_MAX ((size_t)64 * 1024)
#define PEM_MAX ((size_t)256 * 1024)
#define GUARD_POLL_SECONDS 60 /* people decide, not programs */
#define DOMAIN_POLL_SECONDS 1

static json_t *
order_error(const struct order *order)
{
	if (order->error_type != NULL)
		return json_pack("{s:o, s:s}", "type",
		    json_sprintf(
			"urn:ietf:params:acme:error:%s", order->error_type),
		    "detail", order->error_detail);
	if (order->guard != NULL)
		return json_pack("{s:s, s:s}", "type",
		    "urn:ietf:params:acme:error:unauthorized", "detail",
		    "this mailbox has devices already, and none of them, nor "
		    "the recovery code, nor two operators approved this order "
		    "in time");
	return order->authorization.error_type != NULL
		   ? acme_error(&order->authorization)
		   : NULL;
}

static json_t *
order_json(const struct acme_call *call, const struct order *order)
{
	char expires[WHEN_TEXT_MAX];
	json_t *certificate = NULL, *error = NULL, *guard = NULL;

	when_print(order->expires, expires);
	if (order->certificate != NULL)
		certificate = acme_url(call, "certificate", order->certificate);
	if (order->state == ORDER_INVALID)
		error = order_error(order);
	/* once it is approved nobody waits for it any more */
	if (order->guard_name != NULL &&
	    strcmp(order->guard, guard_state_name(GUARD_APPROVED)) != 0)
		guard = acme_url(call, "guard", order->guard_name);
	return json_pack(
	    "{s:s, s:s, s:[{s:s, s:s}], s:[o], s:o, s:o*, s:o*, s:s*, s:o*}",
	    "status", order_state_name(order->state), "expires", expires,
	    "identifiers", "type",
	    authorization_kind_name(order->authorization.kind), "value",
	    order->address, "authorizations",
	    acme_url(call, "authz", order->authorization.name), "finalize",
	    acme_url(call, "finalize", order->name), "certificate", certificate,
	    "error", error, "replaces", order->replaces, "guard", guard);
}

enum rc
acme_answer_order(struct acme_call *call, unsigned status,
    const struct order *order, struct err *err)
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

static enum rc
read_request(struct acme_call *call, const struct order *order, struct buf *der,
    struct request *ret, struct err *err)
{
	bool host = order->authorization.kind == AUTHORIZATION_HOST;
	const char *text =
	    json_string_value(json_object_get(call->payload, "csr"));
	struct err why = ERR_NONE;

	if (text == NULL)
		return problem_set(call->answer, PROBLEM_MALFORMED, err,
		    "the payload needs \"csr\"");
	enum rc rc = base64url_decode(span_str(text), der, &why);
	if (rc == RC_OK)
		rc = host ? request_check_host(
				buf_span(der), order->address, ret, &why)
			  : request_check(
				buf_span(der), order->address, ret, &why);
	if (rc == RC_NOMEM)
		return err_nomem(err, "certificate request");
	if (rc != RC_OK)
		return problem_set(
		    call->answer, PROBLEM_BAD_CSR, err, "%s", why.text);
	return RC_OK;
}

static enum rc
refuse(struct acme_call *call, const struct order *order, struct err *err)
{
	return problem_set(call->answer, PROBLEM_ORDER_NOT_READY, err,
	    "the order is %s", order_state_name(order->state));
}

static bool
is_approved(const struct order *order)
{
	return order->state == ORDER_PROCESSING && order->guard != NULL &&
	       strcmp(order->guard, guard_state_name(GUARD_APPROVED)) == 0;
}

/* For its domain's word, and for nobody else's. */
static bool
is_waiting(const struct order *order)
{
	return order->state == ORDER_PROCESSING && order->waits &&
	       (order->guard == NULL || is_approved(order));
}

static enum rc
check_ready(struct acme_call *call, const struct order *order, struct err *err)
{
	if (order->state == ORDER_READY || is_approved(order) ||
	    is_waiting(order))
		return RC_OK;
	return refuse(call, order, err);
}

/* A rule that is only found broken now was broken by what was asked for: the
 * rest is the same for everybody. */
static enum rc
make(struct acme_call *call, const struct profile_order *wish, struct buf *der,
    struct err *err)
{
	const struct authority_ca *ca =
	    hierarchy_current(call->acme->hierarchy);
	struct profile_issuer issuer = {ca->cert, ca->signer};
	struct err why = ERR_NONE;
	enum rc rc = profile_issue_der(wish, &issuer, der, &why);

	if (rc == RC_OK)
		return RC_OK;
	if (rc != RC_UNFIT)
		return err_set(err, rc, "%s", why.text);
	log_warning("acme: order %s of account %s: %s", call->name,
	    call->account.name, why.text);
	return problem_set(call->answer, PROBLEM_BAD_CSR, err,
	    "no certificate can be made of this: %s", why.text);
}

/* What was approved of the account, whatever the request says; nothing: the
 * mailbox alone. */
static enum rc
find_claim(struct acme_call *call, const struct order *order, struct claim *ret,
    struct err *err)
{
	const struct claim_of of = {order->account, order->address, call->now};

	if (order->authorization.kind == AUTHORIZATION_HOST)
		return RC_OK;
	enum rc rc = claim_in_force(call->acme->sql, &of, ret, err);
	return rc == RC_ABSENT ? RC_OK : rc;
}

/* Its operators have revoked it: nothing more comes of it, in any process. */
static enum rc
check_issuer(struct acme_call *call, struct err *err)
{
	const struct hierarchy *hierarchy = call->acme->hierarchy;
	bool revoked = false;

	TRY(ca_revoked_check(call->acme->sql,
	    hierarchy_current(hierarchy)->cert, hierarchy->root, &revoked,
	    err));
	if (!revoked)
		return RC_OK;
	TRY(http_answer_add_header(call->answer, "Retry-After", err, "3600"));
	return problem_set(call->answer, PROBLEM_SERVER_BUSY, err,
	    "the CA that issues was revoked; its operators have to make "
	    "another");
}

static enum rc
certify(struct acme_call *call, struct order *order,
    const struct request *request, struct err *err)
{
	struct claim claim CLAIM_OWNED = {0};
	struct buf cert BUF_OWNED = BUF(DER_MAX);

	TRY(find_claim(call, order, &claim, err));
	const struct profile_subject subject = claim_subject(&claim);
	struct profile_order wish = {.kind = request->kind,
	    .public_key = request->public_key,
	    .key_info = buf_span(&request->key_info),
	    .address = order->address,
	    .level = claim.level,
	    .subject = &subject,
	    .capabilities = buf_span(&request->capabilities),
	    .published_at = call->acme->settings->http_url,
	    .crl_parts = call->acme->settings->crl_parts,
	    .now = call->now};

	TRY(check_issuer(call, err));
	TRY(make(call, &wish, &cert, err));
	TRY(issued_add(call->acme->sql, order, request, buf_span(&cert), err));
	if (claim.level == PROFILE_MAILBOX)
		return RC_OK;
	return claim_used(call->acme->sql, &claim, order->id, call->now, err);
}

/* Whose key is it? */
static enum rc
check_key(
    struct acme_call *call, const struct request *request, struct err *err)
{
	struct err why = ERR_NONE;
	enum rc rc = keycheck_history(call->acme->sql,
	    span_of(request->key_sha256, sizeof(request->key_sha256)),
	    call->account.id, &why);

	if (rc == RC_UNFIT)
		return problem_set(
		    call->answer, PROBLEM_BAD_CSR, err, "%s", why.text);
	return rc == RC_OK ? RC_OK : err_set(err, rc, "%s", why.text);
}

/* The order as it is after this, or where it waits, as it was before. */
static enum rc
issue(struct acme_call *call, struct order *order, const struct acme_csr *csr,
    bool *ret_waits, struct err *err)
{
	*ret_waits = false;
	TRY(check_ready(call, order, err));
	TRY(check_key(call, csr->request, err));
	TRY(acme_guard_order(call, order, csr, ret_waits, err));
	if (!*ret_waits)
		TRY(acme_permit(call, order, csr, ret_waits, err));
	return *ret_waits ? RC_OK : certify(call, order, csr->request, err);
}

static enum rc
answer_order(struct acme_call *call, const struct order *order, struct err *err)
{
	if (order->state == ORDER_PENDING)
		TRY(http_answer_add_header(
		    call->answer, "Retry-After", err, "1"));
	if (order->state == ORDER_PROCESSING)
		TRY(http_answer_add_header(call->answer, "Retry-After", err,
		    "%d",
		    is_waiting(order) ? DOMAIN_POLL_SECONDS
				      : GUARD_POLL_SECONDS));
	return acme_answer_order(call, 200, order, err);
}

/* What became of it. */
static enum rc
answer_own(struct acme_call *call, struct err *err)
{
	struct order order ORDER_OWNED = {0};

	TRY(find_own(call, &order, err));
	return answer_order(call, &order, err);
}

static void
note(const struct acme_call *call, const struct request *request)
{
	log_info("acme: %s certificate, order %s of account %s",
	    profile_name(request->kind), call->name, call->account.name);
}

/* What is signed is asked for within the transaction in which the order was
 * read: the certificate that the answer names is on the disk, and of two
 * requests at once for one order only one gets it. */
static enum rc
finalize(struct acme_call *call, struct order *order, bool *ret_waits,
    struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	struct request request REQUEST_OWNED = {0};
	struct buf der BUF_OWNED = BUF(REQUEST_MAX);

	TRY(sql_act_begin(call->acme->sql, &act, err));
	TRY(find_own(call, order, err));
	if (order->state != ORDER_READY)
		return refuse(call, order, err);
	TRY(read_request(call, order, &der, &request, err));
	const struct acme_csr csr = {buf_span(&der), &request};
	TRY(issue(call, order, &csr, ret_waits, err));
	TRY(sql_act_commit(&act, err));
	note(call, &request);
	return RC_OK;
}

enum rc
acme_finalize(struct acme_call *call, struct err *err)
{
	struct order order ORDER_OWNED = {0};
	bool waits = false;

	TRY(finalize(call, &order, &waits, err));
	/* for whom, the rows say */
	return waits ? answer_own(call, err) : answer_order(call, &order, err);
}

/* The request that waited, and no other, gets its certificate now. */
static enum rc
issue_kept(struct acme_call *call, const char *address, struct span der,
    struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	struct request request REQUEST_OWNED = {0};
	struct order order ORDER_OWNED = {0};
	bool waits = false;

	TRY(request_check(der, address, &request, err));
	const struct acme_csr csr = {der, &request};
	TRY(sql_act_begin(call->acme->sql, &act, err));
	TRY(find_own(call, &order, err));
	TRY(issue(call, &order, &csr, &waits, err));
	TRY(sql_act_commit(&act, err));
	note(call, &request);
	return RC_OK;
}

static enum rc
issue_approved(
    struct acme_call *call, const struct order *order, struct err *err)
{
	struct guard guard GUARD_OWNED = GUARD;

	TRY(guard_find_order(
	    call->acme->sql, order->id, call->now, &guard, err));
	return issue_kept(call, order->address, buf_span(&guard.request), err);
}

static enum rc
issue_waiting(
    struct acme_call *call, const struct order *order, struct err *err)
{
	struct buf request BUF_OWNED = BUF(REQUEST_MAX);

	TRY(order_request(call->acme->sql, order->id, &request, err));
	return issue_kept(call, order->address, buf_span(&request), err);
}

enum rc
acme_order(struct acme_call *call, struct err *err)
{
	struct order order ORDER_OWNED = {0};

	TRY(find_own(call, &order, err));
	if (is_approved(&order))
		TRY(issue_approved(call, &order, err));
	else if (is_waiting(&order))
		TRY(issue_waiting(call, &order, err));
	return answer_own(call, err);
}

static enum rc
add_pem(struct buf *pem, struct span der, struct err *err)
{
	TRY(buf_add_str(pem, "-----BEGIN CERTIFICATE-----\r\n", err));
	TRY(base64_encode(der, 64, pem, err));
	return buf_add_str(pem, "-----END CERTIFICATE-----\r\n", err);
}

static enum rc
add_cert(struct buf *pem, const X509 *cert, struct err *err)
{
	struct buf der BUF_OWNED = BUF(DER_MAX);

	TRY(hierarchy_der(cert, &der, err));
	return add_pem(pem, buf_span(&der), err);
}

/* The certificate and the one that issued it; the root comes from elsewhere,
 * or there would be no point in having one.  The alternate chain has the root
 * as well, for programs that do without a store of roots. */
static enum rc
answer_chain(struct acme_call *call, const struct issued *issued,
    bool alternate, struct err *err)
{
	const struct hierarchy *hierarchy = call->acme->hierarchy;
	const struct authority_ca *ca =
	    hierarchy_find(hierarchy, issued->issuer);
	struct buf pem BUF_OWNED = BUF(PEM_MAX);

	if (ca == NULL)
		return err_set(err, RC_ABSENT,
		    "a certificate's issuer is not in the folder any more");
	TRY(add_pem(&pem, buf_span(&issued->der), err));
	TRY(add_cert(&pem, ca->cert, err));
	if (alternate)
		TRY(add_cert(&pem, hierarchy->root, err));
	return http_answer_set(call->answer, 200,
	    "application/pem-certificate-chain", buf_span(&pem), err);
}

#define ALTERNATE "/1"

/* The path's last part: a certificate's name, or NAME/1 for its other chain. */
static enum rc
read_name(
    struct acme_call *call, char **ret, bool *ret_alternate, struct err *err)
{
	struct span name = span_str(call->name);
	ptrdiff_t slash = span_find_byte(name, '/');

	*ret_alternate = slash >= 0 && span_is(span_after(name, (size_t)slash),
					   span_str(ALTERNATE));
	if (*ret_alternate)
		name = span_first(name, (size_t)slash);
	return span_dup(name, ret, err);
}

/* "The server MAY provide one or more link relation header fields [RFC8288]
 * with relation "alternate"" (RFC 8555 section 7.4.2): to whichever of the two
 * this is not. */
static enum rc
link_alternate(
    struct acme_call *call, const char *name, bool alternate, struct err *err)
{
	return http_answer_add_header(call->answer, "Link", err,
	    "<%s/acme/certificate/%s%s>;rel=\"alternate\"",
	    call->acme->settings->url, name, alternate ? "" : ALTERNATE);
}

enum rc
acme_certificate(struct acme_call *call, struct err *err)
{
	struct issued issued ISSUED_OWNED = {.der = BUF(DER_MAX)};
	char *name OWNED(free) = NULL;
	bool alternate = false;

	if (call->payload != NULL)
		return problem_set(call->answer, PROBLEM_MALFORMED, err,
		    "use POST-as-GET here: an empty payload");
	TRY(read_name(call, &name, &alternate, err));
	enum rc rc = issued_find(call->acme->sql, name, &issued, err);
	if (rc == RC_ABSENT)
		return problem_set(call->answer, PROBLEM_NOT_FOUND, err,
		    "there is no such certificate");
	TRY(rc);
	if (issued.account != call->account.id)
		return problem_set(call->answer, PROBLEM_UNAUTHORIZED, err,
		    "this certificate is another account's");
	TRY(link_alternate(call, name, alternate, err));
	return answer_chain(call, &issued, alternate, err);
}
