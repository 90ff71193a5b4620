#include "authority/acme_priv.h"

#include <stdio.h>

#include "authority/audit.h"
#include "authority/external.h"
#include "mime/address.h"
#include "os/clock.h"
#include "os/log.h"

#define CONTACTS_MAX 10

static json_t *
account_json(const struct acme_call *call, const struct account *account)
{
	json_t *contact = json_loads(account->contact, 0, NULL);
	json_t *binding = account->binding != NULL
			      ? json_loads(account->binding, 0, NULL)
			      : NULL;
	json_t *agreed = account->terms != NULL ? json_true() : NULL;

	return json_pack("{s:s, s:o*, s:o*, s:o*, s:o}", "status",
	    account->deactivated ? "deactivated" : "valid", "contact", contact,
	    "externalAccountBinding", binding, "termsOfServiceAgreed", agreed,
	    "orders", acme_url(call, "orders", account->name));
}

enum rc
acme_answer_account(struct acme_call *call, unsigned status,
    const struct account *account, struct err *err)
{
	TRY(http_answer_add_header(call->answer, "Location", err,
	    "%s/acme/account/%s", call->acme->settings->url, account->name));
	return acme_json(call, status, account_json(call, account), err);
}

/* "contact URL ... mailto ... MUST NOT contain header fields or more than one
 * addr-spec" (RFC 8555 section 7.3). */
static enum rc
check_contact(struct acme_call *call, const json_t *value, struct err *err)
{
	struct err why = ERR_NONE;
	struct span text;

	if (!json_is_string(value))
		return problem_set(call->answer, PROBLEM_MALFORMED, err,
		    "\"contact\" must be a list of texts");
	text = span_str(json_string_value(value));
	if (!span_starts_nocase(text, "mailto:"))
		return problem_set(call->answer, PROBLEM_UNSUPPORTED_CONTACT,
		    err, "contacts are mailto: addresses here");
	if (address_check(span_after(text, strlen("mailto:")), &why) != RC_OK)
		return problem_set(call->answer, PROBLEM_INVALID_CONTACT, err,
		    "contact: %s", why.text);
	return RC_OK;
}

/* The checked list as JSON text; *ret NULL: the payload has none. */
static enum rc
read_contacts(struct acme_call *call, char **ret, struct err *err)
{
	json_t *list = json_object_get(call->payload, "contact");

	*ret = NULL;
	if (list == NULL)
		return RC_OK;
	if (!json_is_array(list) || json_array_size(list) > CONTACTS_MAX)
		return problem_set(call->answer, PROBLEM_MALFORMED, err,
		    "\"contact\" must be a list of at most %d", CONTACTS_MAX);
	for (size_t i = 0; i < json_array_size(list); i++)
		TRY(check_contact(call, json_array_get(list, i), err));
	*ret = json_dumps(list, JSON_COMPACT);
	return *ret != NULL ? RC_OK : err_nomem(err, "contacts");
}

static enum rc
limit_accounts(struct acme_call *call, struct err *err)
{
	char client[RATE_CLIENT_MAX];
	int64_t wait = 0;

	rate_client(call->request->peer, client);
	if (call->tries > 0 ||
	    rate_allow(call->acme->accounts, client, clock_ticks(), &wait))
		return RC_OK;
	TRY(http_answer_add_header(
	    call->answer, "Retry-After", err, "%lld", (long long)wait));
	return problem_set(call->answer, PROBLEM_RATE_LIMITED, err,
	    "too many new accounts from your address");
}

static bool
agrees(const struct acme_call *call)
{
	return json_is_true(
	    json_object_get(call->payload, "termsOfServiceAgreed"));
}

/* "the server MUST reject newAccount requests that do not have the
 * "termsOfServiceAgreed" field set to "true"" (RFC 8555 section 7.3), if it
 * has terms. */
static enum rc
check_terms(struct acme_call *call, struct err *err)
{
	const char *terms = call->acme->settings->terms;

	if (terms == NULL || agrees(call))
		return RC_OK;
	return acme_want_terms(call, "agree to the terms of service", err);
}

enum rc
acme_want_terms(struct acme_call *call, const char *detail, struct err *err)
{
	const char *terms = call->acme->settings->terms;
	const struct problem_more more = {.instance = terms};

	TRY(http_answer_add_header(
	    call->answer, "Link", err, "<%s>;rel=\"terms-of-service\"", terms));
	return problem_set_more(
	    call->answer, PROBLEM_USER_ACTION_REQUIRED, &more, detail, err);
}

/* An account that only just comes to be does not sign as one yet. */
static enum rc
audit_account(const struct acme_call *call, const char *name, const char *what,
    const char *detail, struct err *err)
{
	char actor[ACME_ACTOR_MAX];

	(void)snprintf(actor, sizeof(actor), "account %s", name);
	const struct audit_act act = {.actor = actor,
	    .act = what,
	    .object = name,
	    .detail = detail,
	    .now = call->now};
	return audit_add(call->acme->sql, &act, err);
}

/* The account and what it was bound by, or neither. */
static enum rc
insert(struct acme_call *call, struct account_wish *wish, struct account *ret,
    struct err *err)
{
	struct acme_binding binding ACME_BINDING_OWNED = {0};
	struct sql *sql = call->acme->sql;
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;

	TRY(sql_act_begin(sql, &act, err));
	TRY(acme_bind(call, wish->thumbprint, &binding, err));
	wish->binding = binding.text;
	enum rc rc = account_add(sql, wish, ret, err);
	if (rc == RC_OK && binding.external != 0)
		rc = external_use(sql, binding.external, err);
	/* somebody else had this key or this binding in the same moment: what
	 * they made of it is seen the next time */
	if (rc == RC_REFUSED || rc == RC_ABSENT)
		return RC_AGAIN;
	TRY(rc);
	TRY(audit_account(call, ret->name, "account", binding.label, err));
	return sql_act_commit(&act, err);
}

static enum rc
add_account(struct acme_call *call, const char *thumbprint, struct err *err)
{
	struct account account ACCOUNT_OWNED = {0};
	char *contacts OWNED(free) = NULL;
	struct buf key BUF_OWNED = BUF_SMALL;
	const char *jwk = NULL;

	if (json_is_true(json_object_get(call->payload, "onlyReturnExisting")))
		return problem_set(call->answer, PROBLEM_ACCOUNT_DOES_NOT_EXIST,
		    err, "there is no account with this key");
	TRY(check_terms(call, err));
	TRY(read_contacts(call, &contacts, err));
	TRY(limit_accounts(call, err));
	TRY(jws_public(call->jws.jwk, &key, err));
	TRY(buf_str(&key, &jwk, err));
	struct account_wish wish = {.thumbprint = thumbprint,
	    .jwk = jwk,
	    .contact = contacts != NULL ? contacts : "[]",
	    .terms = call->acme->settings->terms,
	    .now = call->now};
	TRY(insert(call, &wish, &account, err));
	log_info(
	    "acme: account %s made from %s", account.name, call->request->peer);
	return acme_answer_account(call, 201, &account, err);
}

static enum rc
set_terms(
    struct acme_call *call, const struct account *account, struct err *err)
{
	const char *terms = call->acme->settings->terms;
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;

	TRY(sql_act_begin(call->acme->sql, &act, err));
	TRY(account_set_terms(call->acme->sql, account->id, terms, err));
	TRY(audit_account(call, account->name, "agree", terms, err));
	return sql_act_commit(&act, err);
}

/* Terms that changed are agreed to by asking for the account anew; everything
 * else of an account that exists stays as it is. */
static enum rc
agree_again(struct acme_call *call, struct account *account, struct err *err)
{
	const char *terms = call->acme->settings->terms;

	if (terms == NULL || !agrees(call) ||
	    (account->terms != NULL && strcmp(account->terms, terms) == 0))
		return RC_OK;
	TRY(set_terms(call, account, err));
	char *copy = strdup(terms);
	if (copy == NULL)
		return err_nomem(err, "account");
	free(account->terms);
	account->terms = copy;
	return RC_OK;
}

enum rc
acme_new_account(struct acme_call *call, struct err *err)
{
	struct account account ACCOUNT_OWNED = {0};
	struct buf thumbprint BUF_OWNED = BUF_SMALL;
	const char *text = NULL;

	if (call->payload == NULL)
		return problem_set(call->answer, PROBLEM_MALFORMED, err,
		    "the payload is empty: send at least {}");
	TRY(jws_thumbprint(call->jws.jwk, &thumbprint, err));
	TRY(buf_str(&thumbprint, &text, err));
	enum rc rc = account_find_key(call->acme->sql, text, &account, err);
	if (rc == RC_ABSENT)
		return add_account(call, text, err);
	TRY(rc);
	if (account.deactivated)
		return problem_set(call->answer, PROBLEM_DEACTIVATED, err,
		    "the account of this key was deactivated: make a new key");
	TRY(agree_again(call, &account, err));
	return acme_answer_account(call, 200, &account, err);
}

static enum rc
deactivate(struct acme_call *call, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;

	TRY(sql_act_begin(call->acme->sql, &act, err));
	TRY(account_deactivate(call->acme->sql, call->account.id, err));
	TRY(acme_audit(call, "deactivate", call->account.name, "", err));
	TRY(sql_act_commit(&act, err));
	log_info("acme: account %s deactivated", call->account.name);
	return RC_OK;
}

/* In the log is that they changed; they themselves are nobody's business. */
static enum rc
set_contacts(struct acme_call *call, const char *contacts, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;

	TRY(sql_act_begin(call->acme->sql, &act, err));
	TRY(account_set_contact(
	    call->acme->sql, call->account.id, contacts, err));
	TRY(acme_audit(call, "contact", call->account.name, "", err));
	return sql_act_commit(&act, err);
}

static enum rc
update(struct acme_call *call, struct err *err)
{
	const char *status =
	    json_string_value(json_object_get(call->payload, "status"));
	char *contacts OWNED(free) = NULL;

	if (status != NULL && strcmp(status, "deactivated") == 0)
		return deactivate(call, err);
	TRY(read_contacts(call, &contacts, err));
	return contacts != NULL ? set_contacts(call, contacts, err) : RC_OK;
}

/* The URL must be that of the account that signed. */
static enum rc
check_own(struct acme_call *call, struct err *err)
{
	if (strcmp(call->name, call->account.name) == 0)
		return RC_OK;
	return problem_set(call->answer, PROBLEM_UNAUTHORIZED, err,
	    "this is another account's");
}

enum rc
acme_account(struct acme_call *call, struct err *err)
{
	struct account account ACCOUNT_OWNED = {0};

	TRY(check_own(call, err));
	if (call->payload != NULL)
		TRY(update(call, err));
	TRY(account_find(call->acme->sql, call->name, &account, err));
	return acme_answer_account(call, 200, &account, err);
}

/* Where a page of the list begins: "cursor" of the query, which we made. */
static enum rc
read_cursor(struct acme_call *call, int64_t *ret, struct err *err)
{
	struct buf text BUF_OWNED = BUF(100);
	const char *digits = NULL;
	char *end = NULL;

	*ret = INT64_MAX;
	if (call->request->query[0] == '\0')
		return RC_OK;
	if (http_query(call->request, "cursor", &text, err) == RC_OK)
		TRY(buf_str(&text, &digits, err));
	*ret = digits != NULL ? strtoll(digits, &end, 10) : 0;
	if (*ret < 1 || end == NULL || *end != '\0')
		return problem_set(call->answer, PROBLEM_MALFORMED, err,
		    "the cursor is none of ours");
	return RC_OK;
}

static enum rc
add_next(struct acme_call *call, int64_t next, struct err *err)
{
	if (next == 0)
		return RC_OK;
	return http_answer_add_header(call->answer, "Link", err,
	    "<%s/acme/orders/%s?cursor=%lld>;rel=\"next\"",
	    call->acme->settings->url, call->account.name, (long long)next);
}

enum rc
acme_orders(struct acme_call *call, struct err *err)
{
	struct strlist names STRLIST_OWNED = STRLIST_NONE;
	struct order_page page = {
	    .account = call->account.id, .now = call->now};
	int failed = 0;

	TRY(check_own(call, err));
	TRY(read_cursor(call, &page.before, err));
	TRY(order_list(call->acme->sql, &page, &names, err));
	TRY(add_next(call, page.next, err));
	json_t *list OWNED(json_decref) = json_array();
	for (size_t i = 0; i < names.len; i++)
		failed |= json_array_append_new(
		    list, acme_url(call, "order", names.item[i]));
	if (failed)
		return err_nomem(err, "orders");
	return acme_json(call, 200, json_pack("{s:O}", "orders", list), err);
}
