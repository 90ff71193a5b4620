#include "authority/acme_priv.h"

#include <stdio.h>

#include "mime/address.h"

#define URL_LEN_MAX 2000

/* Who may ask, and how the request shows it. */
enum route_who {
	ANYBODY,    /* GET or HEAD, not signed */
	BY_KEY,     /* POST, signed by the key that is in it */
	BY_ACCOUNT, /* POST, signed by an account's key */
};

static enum rc directory(struct acme_call *call, struct err *err);
static enum rc new_nonce(struct acme_call *call, struct err *err);

/* A path that ends in "/" is followed by an object's name. */
static const struct route {
	const char *path;
	enum route_who who;
	enum rc (*act)(struct acme_call *call, struct err *err);
} routes[] = {
    {"/acme/directory", ANYBODY, directory},
    {"/acme/new-nonce", ANYBODY, new_nonce},
    {"/acme/new-account", BY_KEY, acme_new_account},
    {"/acme/new-order", BY_ACCOUNT, acme_new_order},
    {"/acme/account/", BY_ACCOUNT, acme_account},
    {"/acme/orders/", BY_ACCOUNT, acme_orders},
    {"/acme/order/", BY_ACCOUNT, acme_order},
    {"/acme/finalize/", BY_ACCOUNT, acme_finalize},
    {"/acme/authz/", BY_ACCOUNT, acme_authorization},
    {"/acme/challenge/", BY_ACCOUNT, acme_challenge},
    {"/acme/certificate/", BY_ACCOUNT, acme_certificate},
};

enum rc
acme_json(
    struct acme_call *call, unsigned status, json_t *json, struct err *err)
{
	json_t *own OWNED(json_decref) = json;
	char *text OWNED(free) = own != NULL ? json_dumps(own, 0) : NULL;

	if (text == NULL)
		return err_nomem(err, "answer");
	return http_answer_set(
	    call->answer, status, "application/json", span_str(text), err);
}

json_t *
acme_url(const struct acme_call *call, const char *kind, const char *name)
{
	return json_sprintf("%s" ACME_PATH "%s%s%s", call->acme->settings->url,
	    kind, name[0] != '\0' ? "/" : "", name);
}

json_t *
acme_error(const struct authorization *authorization)
{
	if (authorization->error_type == NULL)
		return json_null();
	return json_pack("{s:o, s:s?}", "type",
	    json_sprintf(
		"urn:ietf:params:acme:error:%s", authorization->error_type),
	    "detail", authorization->error_detail);
}

static enum rc
directory(struct acme_call *call, struct err *err)
{
	return acme_json(call, 200,
	    json_pack("{s:o, s:o, s:o, s:{s:s, s:b}}", "newNonce",
		acme_url(call, "new-nonce", ""), "newAccount",
		acme_url(call, "new-account", ""), "newOrder",
		acme_url(call, "new-order", ""), "meta", "website",
		call->acme->settings->url, "externalAccountRequired", 0),
	    err);
}

static enum rc
add_nonce(struct acme_call *call, struct err *err)
{
	struct buf nonce BUF_OWNED = BUF_SMALL;
	const char *text = NULL;

	TRY(nonces_make(call->acme->nonces, call->now, &nonce, err));
	TRY(buf_str(&nonce, &text, err));
	TRY(http_answer_add_header(
	    call->answer, "Replay-Nonce", err, "%s", text));
	return http_answer_add_header(
	    call->answer, "Cache-Control", err, "no-store");
}

static enum rc
new_nonce(struct acme_call *call, struct err *err)
{
	bool head = strcmp(call->request->method, "HEAD") == 0;

	TRY(add_nonce(call, err));
	return http_answer_set(
	    call->answer, head ? 200 : 204, NULL, SPAN_NONE, err);
}

static enum rc
read_jws(struct acme_call *call, struct err *err)
{
	enum problem problem = PROBLEM_MALFORMED;
	struct err why = ERR_NONE;

	if (!http_has_type(call->request, "application/jose+json"))
		return problem_set(call->answer, PROBLEM_MEDIA_TYPE, err,
		    "send application/jose+json");
	enum rc rc = jws_parse(call->request->body, &call->jws, &why);
	if (rc == RC_OK)
		return RC_OK;
	if (rc == RC_UNFIT)
		problem = PROBLEM_BAD_SIGNATURE_ALGORITHM;
	if (rc == RC_NOMEM)
		return err_nomem(err, "request");
	return problem_set(call->answer, problem, err, "%s", why.text);
}

/* "The server MUST compare the "url" header parameter to the request URL" (RFC
 * 8555 section 6.4): else a request could be replayed at another resource. */
static enum rc
check_url(struct acme_call *call, struct err *err)
{
	char url[URL_LEN_MAX];
	int len = snprintf(url, sizeof(url), "%s%s%s%s",
	    call->acme->settings->url, call->request->path,
	    call->request->query[0] != '\0' ? "?" : "", call->request->query);

	if (len < 0 || (size_t)len >= sizeof(url) || call->jws.url == NULL ||
	    strcmp(url, call->jws.url) != 0)
		return problem_set(call->answer, PROBLEM_UNAUTHORIZED, err,
		    "the signed \"url\" is not the one that was asked");
	return RC_OK;
}

static enum rc
verify(struct acme_call *call, json_t *jwk, struct err *err)
{
	struct err why = ERR_NONE;

	switch (jws_verify(&call->jws, jwk, &why)) {
	case RC_OK:
		return RC_OK;
	case RC_NOMEM:
		return err_nomem(err, "request");
	case RC_CRYPTO:
		return problem_set(
		    call->answer, PROBLEM_UNAUTHORIZED, err, "%s", why.text);
	default:
		return problem_set(
		    call->answer, PROBLEM_BAD_PUBLIC_KEY, err, "%s", why.text);
	}
}

static enum rc
find_account(struct acme_call *call, struct err *err)
{
	struct span kid = span_str(call->jws.kid);
	char prefix[URL_LEN_MAX];

	(void)snprintf(prefix, sizeof(prefix), "%s" ACME_PATH "account/",
	    call->acme->settings->url);
	enum rc rc = RC_ABSENT;
	if (span_starts(kid, prefix))
		rc = account_find(call->acme->sql,
		    call->jws.kid + strlen(prefix), &call->account, err);
	if (rc == RC_ABSENT)
		return problem_set(call->answer, PROBLEM_ACCOUNT_DOES_NOT_EXIST,
		    err, "\"kid\" is no account of this authority");
	return rc;
}

static enum rc
check_account(struct acme_call *call, struct err *err)
{
	if (call->jws.kid == NULL)
		return problem_set(call->answer, PROBLEM_MALFORMED, err,
		    "this must be signed with \"kid\", not with \"jwk\"");
	TRY(find_account(call, err));
	json_t *jwk OWNED(json_decref) = json_loads(call->account.jwk, 0, NULL);
	if (jwk == NULL)
		return err_set(err, RC_CRYPTO, "an account's key is broken");
	TRY(verify(call, jwk, err));
	if (call->account.deactivated)
		return problem_set(call->answer, PROBLEM_UNAUTHORIZED, err,
		    "the account was deactivated");
	return RC_OK;
}

static enum rc
check_key(struct acme_call *call, struct err *err)
{
	if (call->jws.jwk == NULL)
		return problem_set(call->answer, PROBLEM_MALFORMED, err,
		    "this must be signed with \"jwk\", not with \"kid\"");
	return verify(call, call->jws.jwk, err);
}

static enum rc
read_payload(struct acme_call *call, struct err *err)
{
	struct span text = buf_span(&call->jws.payload);

	if (text.len == 0)
		return RC_OK;
	call->payload = json_loadb(
	    (const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(call->payload))
		return problem_set(call->answer, PROBLEM_MALFORMED, err,
		    "the payload is not a JSON object");
	return RC_OK;
}

/* The nonce is used up before the signature is looked at: whoever has one
 * learns nothing by spending it, and a good request can never be sent twice. */
static enum rc
admit(struct acme_call *call, enum route_who who, struct err *err)
{
	TRY(read_jws(call, err));
	enum rc rc =
	    nonces_use(call->acme->nonces, call->jws.nonce, call->now, err);
	if (rc == RC_REFUSED)
		return problem_set(call->answer, PROBLEM_BAD_NONCE, err,
		    "the nonce was used before, or is too old: use the one "
		    "that comes with this answer");
	TRY(rc);
	TRY(check_url(call, err));
	TRY(who == BY_KEY ? check_key(call, err) : check_account(call, err));
	return read_payload(call, err);
}

static const struct route *
find_route(struct acme_call *call)
{
	const char *path = call->request->path;

	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		size_t len = strlen(routes[i].path);
		bool named = routes[i].path[len - 1] == '/';
		if (strncmp(path, routes[i].path, len) != 0 ||
		    (named == (path[len] == '\0')))
			continue;
		call->name = path + len;
		return &routes[i];
	}
	return NULL;
}

static enum rc
check_method(struct acme_call *call, enum route_who who, struct err *err)
{
	const char *method = call->request->method;
	bool fine = who == ANYBODY ? strcmp(method, "GET") == 0 ||
					 strcmp(method, "HEAD") == 0
				   : strcmp(method, "POST") == 0;

	if (fine)
		return RC_OK;
	TRY(http_answer_add_header(call->answer, "Allow", err, "%s",
	    who == ANYBODY ? "GET, HEAD" : "POST"));
	return problem_set(call->answer, PROBLEM_METHOD, err,
	    who == ANYBODY ? "use GET here" : "use a signed POST here");
}

static enum rc
act(struct acme_call *call, struct err *err)
{
	const struct route *route = find_route(call);

	if (route == NULL)
		return problem_set(call->answer, PROBLEM_NOT_FOUND, err,
		    "there is nothing here: begin with /acme/directory");
	if (route->act != directory)
		TRY(http_answer_add_header(call->answer, "Link", err,
		    "<%s/acme/directory>;rel=\"index\"",
		    call->acme->settings->url));
	TRY(check_method(call, route->who, err));
	if (route->who != ANYBODY) {
		TRY(add_nonce(call, err));
		TRY(admit(call, route->who, err));
	}
	return route->act(call, err);
}

enum rc
acme_answer(const struct acme *acme, const struct http_request *request,
    int64_t now, struct http_answer *answer, struct err *err)
{
	struct acme_call call = {.acme = acme,
	    .request = request,
	    .answer = answer,
	    .now = now,
	    .name = ""};
	enum rc rc = act(&call, err);

	jws_done(&call.jws);
	json_decref(call.payload);
	account_done(&call.account);
	return rc;
}

enum rc
acme_address(const struct settings *settings, struct span address,
    struct buf *out, struct err *err)
{
	TRY(address_check(address, err));
	ptrdiff_t at = span_find_byte(address, '@');
	/* Quoted local parts, and the characters that shells, routes and lists
	 * give a meaning to, are read differently by different programs. */
	struct span domain = span_after(address, (size_t)at + 1);
	for (size_t i = 0; i < (size_t)at; i++)
		if (strchr("\"*%!\\", address.data[i]) != NULL)
			return err_set(err, RC_UNFIT,
			    "no certificates for addresses with \"%c\"",
			    address.data[i]);
	/* our own challenge addresses answer nobody's challenge */
	if (span_is_nocase(domain, settings->domain))
		return err_set(err, RC_UNFIT,
		    "no certificates for the authority's own domain");
	size_t before = out->len;
	TRY(buf_add(out, address, err));
	for (size_t i = before + (size_t)at; i < out->len; i++)
		if (out->data[i] >= 'A' && out->data[i] <= 'Z')
			out->data[i] = (uint8_t)(out->data[i] - 'A' + 'a');
	return RC_OK;
}
