/* An account gets another key: RFC 8555 section 7.3.5. */
#include "authority/acme_priv.h"

#include "os/log.h"

/* The new key as the database has keys. */
struct fresh_key {
	struct buf thumbprint, jwk;
	const char *thumbprint_text, *jwk_text;
};
#define FRESH_KEY \
	((struct fresh_key){.thumbprint = BUF_SMALL, .jwk = BUF_SMALL})
#define FRESH_KEY_OWNED __attribute__((cleanup(fresh_key_done)))

static void
fresh_key_done(struct fresh_key *key)
{
	buf_done(&key->thumbprint);
	buf_done(&key->jwk);
}

static enum rc
fresh_key_read(struct fresh_key *key, json_t *jwk, struct err *err)
{
	TRY(jws_thumbprint(jwk, &key->thumbprint, err));
	TRY(jws_public(jwk, &key->jwk, err));
	TRY(buf_str(&key->thumbprint, &key->thumbprint_text, err));
	return buf_str(&key->jwk, &key->jwk_text, err);
}

static bool
is_old_key(const struct acme_call *call, json_t *jwk)
{
	struct buf thumbprint BUF_OWNED = BUF_SMALL;

	return json_is_object(jwk) &&
	       jws_thumbprint(jwk, &thumbprint, NULL) == RC_OK &&
	       span_is(
		   buf_span(&thumbprint), span_str(call->account.thumbprint));
}

/* The keyChange object: it is this account that is meant, with the key that it
 * has now. */
static enum rc
check_change(struct acme_call *call, const struct jws *inner, struct err *err)
{
	json_t *change OWNED(json_decref) =
	    json_loadb((const char *)inner->payload.data, inner->payload.len,
		JSON_REJECT_DUPLICATES, NULL);
	const char *account =
	    json_string_value(json_object_get(change, "account"));

	if (account == NULL || strcmp(account, call->jws.kid) != 0)
		return problem_set(call->answer, PROBLEM_MALFORMED, err,
		    "keyChange: \"account\" is not the account that asks");
	if (!is_old_key(call, json_object_get(change, "oldKey")))
		return problem_set(call->answer, PROBLEM_MALFORMED, err,
		    "keyChange: \"oldKey\" is not the account's key");
	return RC_OK;
}

/* "If there is an existing account with the new key provided, then the server
 * SHOULD use status code 409 (Conflict) and provide the URL of that account in
 * the Location header field." */
static enum rc
check_unused(
    struct acme_call *call, const struct fresh_key *key, struct err *err)
{
	struct account other ACCOUNT_OWNED = {0};
	enum rc rc = account_find_key(
	    call->acme->sql, key->thumbprint_text, &other, err);

	if (rc == RC_ABSENT)
		return RC_OK;
	TRY(rc);
	TRY(http_answer_add_header(call->answer, "Location", err,
	    "%s/acme/account/%s", call->acme->settings->url, other.name));
	return problem_set(call->answer, PROBLEM_CONFLICT, err,
	    "the new key has an account already");
}

static enum rc
change(struct acme_call *call, const struct fresh_key *key, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	struct account_key to = {.id = call->account.id,
	    .before = call->account.thumbprint,
	    .thumbprint = key->thumbprint_text,
	    .jwk = key->jwk_text};

	TRY(sql_act_begin(call->acme->sql, &act, err));
	TRY(check_unused(call, key, err));
	enum rc rc = account_set_key(call->acme->sql, &to, err);
	if (rc == RC_ABSENT)
		return problem_set(call->answer, PROBLEM_UNAUTHORIZED, err,
		    "the account has another key by now");
	if (rc == RC_REFUSED)
		return RC_AGAIN; /* the new key has just got an account */
	TRY(rc);
	TRY(acme_audit(
	    call, "key-change", call->account.name, key->thumbprint_text, err));
	return sql_act_commit(&act, err);
}

enum rc
acme_key_change(struct acme_call *call, struct err *err)
{
	struct account account ACCOUNT_OWNED = {0};
	struct fresh_key key FRESH_KEY_OWNED = FRESH_KEY;
	struct jws inner JWS_OWNED = {0};

	/* whoever has the new key asks for the account too */
	TRY(acme_admit_inner(call, buf_span(&call->jws.payload), &inner, err));
	TRY(check_change(call, &inner, err));
	TRY(fresh_key_read(&key, inner.jwk, err));
	TRY(change(call, &key, err));
	log_info("acme: account %s has another key", call->account.name);
	TRY(account_find_id(call->acme->sql, call->account.id, &account, err));
	return acme_answer_account(call, 200, &account, err);
}
