#include "authority/acme_priv.h"

#include <stdio.h>

#include "authority/audit.h"
#include "authority/text.h"
#include "mime/address.h"
#include "pki/mailbox.h"

#define LOCAL_MAX 64 /* octets: RFC 5321 section 4.5.3.1.1 */

static enum rc directory(struct acme_call *call, struct err *err);
static enum rc new_nonce(struct acme_call *call, struct err *err);

/* A path that ends in "/" is followed by an object's name.  Directory and
 * nonces can be had "in addition to POST-as-GET" by GET (RFC 8555 section
 * 6.3). */
static const struct route {
	const char *path;
	enum acme_who who;
	enum rc (*act)(struct acme_call *call, struct err *err);
} routes[] = {
    {"/acme/directory", ACME_ANYBODY, directory},
    {"/acme/new-nonce", ACME_ANYBODY, new_nonce},
    {"/acme/new-account", ACME_BY_KEY, acme_new_account},
    {"/acme/new-order", ACME_BY_ACCOUNT, acme_new_order},
    {"/acme/key-change", ACME_BY_ACCOUNT, acme_key_change},
    {"/acme/revoke-cert", ACME_BY_EITHER, acme_revoke_cert},
    {"/acme/account/", ACME_BY_ACCOUNT, acme_account},
    {"/acme/orders/", ACME_BY_ACCOUNT, acme_orders},
    {"/acme/order/", ACME_BY_ACCOUNT, acme_order},
    {"/acme/finalize/", ACME_BY_ACCOUNT, acme_finalize},
    {"/acme/authz/", ACME_BY_ACCOUNT, acme_authorization},
    {"/acme/challenge/", ACME_BY_ACCOUNT, acme_challenge},
    {"/acme/certificate/", ACME_BY_ACCOUNT, acme_certificate},
    {"/acme/published", ACME_BY_ACCOUNT, acme_published},
    {"/acme/guard", ACME_BY_ACCOUNT, acme_guards},
    {"/acme/guard/", ACME_BY_ACCOUNT, acme_guard},
    {"/acme/identity", ACME_BY_ACCOUNT, acme_identities},
    {"/acme/identity/", ACME_BY_ACCOUNT, acme_identity},
    {"/acme/recovery", ACME_BY_ACCOUNT, acme_recovery},
    {"/acme/undo", ACME_BY_ACCOUNT, acme_undo},
    {"/acme/renewal-info/", ACME_UNSIGNED, acme_renewal_info},
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

void
acme_actor(const struct acme_call *call, char text[ACME_ACTOR_MAX])
{
	(void)snprintf(text, ACME_ACTOR_MAX, "account %s", call->account.name);
}

enum rc
acme_audit(const struct acme_call *call, const char *what, const char *object,
    const char *detail, struct err *err)
{
	char actor[ACME_ACTOR_MAX];

	acme_actor(call, actor);
	const struct audit_act done = {.actor = actor,
	    .act = what,
	    .object = object,
	    .detail = detail,
	    .now = call->now};
	return audit_add(call->acme->sql, &done, err);
}

/* What the directory names, and where that is; the last ones are our own, which
 * other clients leave alone. */
static const struct {
	const char *name;
	const char *path;
} resources[] = {
    {"newNonce", "new-nonce"},
    {"newAccount", "new-account"},
    {"newOrder", "new-order"},
    {"revokeCert", "revoke-cert"},
    {"keyChange", "key-change"},
    {"renewalInfo", "renewal-info"},
    {"identity", "identity"},
    {"guard", "guard"},
    {"recovery", "recovery"},
    {"undo", "undo"},
};

static json_t *
meta_json(const struct settings *settings)
{
	return json_pack("{s:s, s:s*, s:[s], s:b}", "website", settings->url,
	    "termsOfService", settings->terms, "caaIdentities",
	    settings_caa_identity(settings), "externalAccountRequired",
	    (int)settings->external_account_required);
}

static enum rc
directory(struct acme_call *call, struct err *err)
{
	json_t *all OWNED(json_decref) =
	    json_pack("{s:o}", "meta", meta_json(call->acme->settings));

	for (size_t i = 0; i < sizeof(resources) / sizeof(resources[0]); i++)
		if (all == NULL ||
		    json_object_set_new(all, resources[i].name,
			acme_url(call, resources[i].path, "")) != 0)
			return err_nomem(err, "directory");
	return acme_json(call, 200, json_incref(all), err);
}

/* The nonce itself is a header of the answer already. */
static enum rc
new_nonce(struct acme_call *call, struct err *err)
{
	bool get = strcmp(call->request->method, "GET") == 0;

	return http_answer_set(
	    call->answer, get ? 204 : 200, NULL, SPAN_NONE, err);
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

/* Which methods a route takes: as a header has them. */
static const char *const methods[] = {
    [ACME_UNSIGNED] = "GET, HEAD",
    [ACME_ANYBODY] = "GET, HEAD, POST",
    [ACME_BY_KEY] = "POST",
    [ACME_BY_ACCOUNT] = "POST",
    [ACME_BY_EITHER] = "POST",
};

static enum rc
check_method(struct acme_call *call, enum acme_who who, struct err *err)
{
	const char *method = call->request->method;

	/* no method's name is a part of another one's */
	if (strstr(methods[who], method) != NULL)
		return RC_OK;
	TRY(http_answer_add_header(
	    call->answer, "Allow", err, "%s", methods[who]));
	return problem_set(call->answer, PROBLEM_METHOD, err,
	    who == ACME_UNSIGNED || who == ACME_ANYBODY
		? "use GET here"
		: "use a signed POST here");
}

/* Nothing has happened outside of the database before a commit, so whatever
 * was in our way, beginning again is safe. */
static enum rc
act_again(struct acme_call *call, const struct route *route, struct err *err)
{
	size_t headers = call->answer->headers;
	enum rc rc;

	do {
		http_answer_cut(call->answer, headers);
		rc = route->act(call, err);
	} while (rc == RC_AGAIN && sql_again(&call->tries));
	if (rc == RC_AGAIN)
		return err_prefix(err, RC_IO, "%d times", SQL_TRIES);
	return rc;
}

static enum rc
act(struct acme_call *call, struct err *err)
{
	const struct route *route = find_route(call);
	bool is_signed = strcmp(call->request->method, "POST") == 0;

	if (route == NULL)
		return problem_set(call->answer, PROBLEM_NOT_FOUND, err,
		    "there is nothing here: begin with /acme/directory");
	if (route->act != directory)
		TRY(http_answer_add_header(call->answer, "Link", err,
		    "<%s/acme/directory>;rel=\"index\"",
		    call->acme->settings->url));
	TRY(check_method(call, route->who, err));
	if (is_signed || route->act == new_nonce)
		TRY(acme_add_nonce(call, err));
	if (is_signed)
		TRY(acme_admit(call, route->who, err));
	return act_again(call, route, err);
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

/* What an address beyond ASCII may have in its local part: anything that people
 * can see. */
static enum rc
check_utf8(struct span address, size_t at, struct err *err)
{
	char plain[ADDRESS_LEN_MAX + 1];

	if (at > LOCAL_MAX || !mailbox_is_utf8(address))
		return err_set(err, RC_SYNTAX, "address with a bad local part");
	for (size_t i = 0; i < at; i++)
		if (text_is_hidden(span_after(address, i)))
			return err_set(err, RC_UNFIT,
			    "no certificates for addresses with characters "
			    "that nobody sees");
	(void)snprintf(
	    plain, sizeof(plain), "x%.*s", SPAN_ARGS(span_after(address, at)));
	return address_check(span_str(plain), err);
}

/* The address with its domain in A-labels. */
static enum rc
add_ascii(struct span address, struct buf *out, struct err *err)
{
	char *text OWNED(free) = NULL;

	if (address.len > ADDRESS_LEN_MAX)
		return err_set(err, RC_LIMIT, "address is too long");
	TRY(span_dup(address, &text, err));
	return address_to_ascii(text, out, err);
}

static bool
is_ascii(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] >= 0x80)
			return false;
	return true;
}

static size_t
local_len(struct span address)
{
	size_t at = address.len;

	while (at > 0 && address.data[at - 1] != '@')
		at--;
	return at > 0 ? at - 1 : 0;
}

/* Quoted local parts, and the characters that shells, routes and lists give a
 * meaning to, are read differently by different programs.  Our own challenge
 * addresses answer nobody's challenge. */
static enum rc
check_wanted(const struct settings *settings, struct span address, size_t at,
    struct err *err)
{
	for (size_t i = 0; i < at; i++)
		if (strchr("\"*%!\\", address.data[i]) != NULL)
			return err_set(err, RC_UNFIT,
			    "no certificates for addresses with \"%c\"",
			    address.data[i]);
	if (span_is_nocase(span_after(address, at + 1), settings->domain))
		return err_set(err, RC_UNFIT,
		    "no certificates for the authority's own domain");
	return RC_OK;
}

enum rc
acme_address(const struct settings *settings, struct span address,
    struct buf *out, struct err *err)
{
	struct buf ascii BUF_OWNED = BUF_SMALL;

	if (!is_ascii(address)) {
		TRY(add_ascii(address, &ascii, err));
		address = buf_span(&ascii);
	}
	size_t at = local_len(address), before = out->len;
	TRY(is_ascii(address) ? address_check(address, err)
			      : check_utf8(address, at, err));
	TRY(check_wanted(settings, address, at, err));
	TRY(buf_add(out, address, err));
	for (size_t i = before + at; i < out->len; i++)
		if (out->data[i] >= 'A' && out->data[i] <= 'Z')
			out->data[i] = (uint8_t)(out->data[i] - 'A' + 'a');
	return RC_OK;
}
