#include "authority/acme_priv.h"

#include "mime/address.h"
#include "os/clock.h"
#include "os/log.h"

#define CONTACTS_MAX 10

static json_t *
account_json(const struct acme_call *call, const struct account *account)
{
	json_t *contact = json_loads(account->contact, 0, NULL);

	return json_pack("{s:s, s:o*, s:o}", "status",
	    account->deactivated ? "deactivated" : "valid", "contact", contact,
	    "orders", acme_url(call, "orders", account->name));
}

static enum rc
answer_account(struct acme_call *call, unsigned status,
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
	int64_t wait = 0;

	if (rate_allow(call->acme->accounts, call->request->peer, clock_ticks(),
		&wait))
		return RC_OK;
	TRY(http_answer_add_header(
	    call->answer, "Retry-After", err, "%lld", (long long)wait));
	return problem_set(call->answer, PROBLEM_RATE_LIMITED, err,
	    "too many new accounts from your address");
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
	TRY(read_contacts(call, &contacts, err));
	TRY(limit_accounts(call, err));
	TRY(jws_public(call->jws.jwk, &key, err));
	TRY(buf_str(&key, &jwk, err));
	struct account_wish wish = {.thumbprint = thumbprint,
	    .jwk = jwk,
	    .contact = contacts != NULL ? contacts : "[]",
	    .now = call->now};
	TRY(account_add(call->acme->sql, &wish, &account, err));
	log_info(
	    "acme: account %s made from %s", account.name, call->request->peer);
	return answer_account(call, 201, &account, err);
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
		return problem_set(call->answer, PROBLEM_UNAUTHORIZED, err,
		    "the account of this key was deactivated: make a new key");
	return answer_account(call, 200, &account, err);
}

static enum rc
update(struct acme_call *call, struct err *err)
{
	const char *status =
	    json_string_value(json_object_get(call->payload, "status"));
	char *contacts OWNED(free) = NULL;

	if (status != NULL && strcmp(status, "deactivated") == 0) {
		log_info("acme: account %s deactivated", call->account.name);
		return account_deactivate(
		    call->acme->sql, call->account.id, err);
	}
	TRY(read_contacts(call, &contacts, err));
	if (contacts == NULL)
		return RC_OK;
	return account_set_contact(
	    call->acme->sql, call->account.id, contacts, err);
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
	return answer_account(call, 200, &account, err);
}

enum rc
acme_orders(struct acme_call *call, struct err *err)
{
	struct strlist names STRLIST_OWNED = STRLIST_NONE;
	int failed = 0;

	TRY(check_own(call, err));
	TRY(order_list(call->acme->sql, call->account.id, &names, err));
	json_t *list OWNED(json_decref) = json_array();
	for (size_t i = 0; i < names.len; i++)
		failed |= json_array_append_new(
		    list, acme_url(call, "order", names.item[i]));
	if (failed)
		return err_nomem(err, "orders");
	return acme_json(call, 200, json_pack("{s:O}", "orders", list), err);
}
