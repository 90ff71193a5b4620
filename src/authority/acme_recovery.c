/* The recovery code of a mailbox: its key is registered by a device, and speaks
 * where no device can (authority/guard_recovery.h). */
#include "authority/acme_priv.h"

#include "authority/guard_recovery.h"
#include "codec/when.h"
#include "os/log.h"

/* A JWS in the payload's member `name`, by whatever key is in it; *ret is what
 * it says, the caller's. */
static enum rc
read_inner(struct acme_call *call, const char *name, struct jws *inner,
    json_t **ret, struct err *err)
{
	const json_t *member = json_object_get(call->payload, name);
	char *text OWNED(free) =
	    json_is_object(member) ? json_dumps(member, 0) : NULL;

	if (text == NULL)
		return problem_set(call->answer, PROBLEM_MALFORMED, err,
		    "\"%s\" is no JWS", name);
	TRY(acme_admit_inner(call, span_str(text), inner, err));
	*ret = json_loadb((const char *)inner->payload.data, inner->payload.len,
	    JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(*ret))
		return problem_set(call->answer, PROBLEM_MALFORMED, err,
		    "\"%s\" does not say a JSON object", name);
	return RC_OK;
}

static bool
says(const json_t *said, const char *name, const char *want)
{
	const char *text = json_string_value(json_object_get(said, name));

	return text != NULL && strcmp(text, want) == 0;
}

/* -- registering -- */

enum rc
acme_read_address(struct acme_call *call, struct buf *address, const char **ret,
    struct err *err)
{
	const char *text =
	    json_string_value(json_object_get(call->payload, "address"));
	struct err why = ERR_NONE;

	if (text == NULL)
		return problem_set(call->answer, PROBLEM_MALFORMED, err,
		    "the payload needs the \"address\" of a mailbox");
	if (acme_address(call->acme->settings, span_str(text), address, &why) !=
	    RC_OK)
		return problem_set(call->answer, PROBLEM_REJECTED_IDENTIFIER,
		    err, "%s", why.text);
	return buf_str(address, ret, err);
}

static enum rc
check_device(struct acme_call *call, const char *address, struct err *err)
{
	enum guard_place place = GUARD_STRANGER;

	TRY(guard_place(call->acme->sql, address, call->account.id, call->now,
	    &place, err));
	if (place == GUARD_DEVICE)
		return RC_OK;
	return problem_set(call->answer, PROBLEM_UNAUTHORIZED, err,
	    "this account is no device of the mailbox");
}

/* It says whose it is to be: a key that somebody showed for one mailbox is not
 * registered for another one. */
static enum rc
read_key(struct acme_call *call, const char *address, struct buf *thumbprint,
    struct err *err)
{
	json_t *said OWNED(json_decref) = NULL;
	struct jws inner JWS_OWNED = {0};

	TRY(read_inner(call, "key", &inner, &said, err));
	if (!says(said, "account", call->jws.kid) ||
	    !says(said, "address", address))
		return problem_set(call->answer, PROBLEM_MALFORMED, err,
		    "\"key\": want this \"account\" and this \"address\"");
	return jws_thumbprint(inner.jwk, thumbprint, err);
}

static enum rc
set_key(struct acme_call *call, const char *address, struct err *err)
{
	struct buf thumbprint BUF_OWNED = BUF_SMALL;
	char actor[ACME_ACTOR_MAX];
	struct guard_recovery_wish wish = {.address = address,
	    .actor = actor,
	    .account = call->account.id,
	    .replaces = json_is_true(json_object_get(call->payload, "replace")),
	    .now = call->now};

	acme_actor(call, actor);
	TRY(read_key(call, address, &thumbprint, err));
	TRY(buf_str(&thumbprint, &wish.thumbprint, err));
	enum rc rc = guard_recovery_set(call->acme->sql, &wish, err);
	if (rc == RC_REFUSED)
		return problem_set(call->answer, PROBLEM_CONFLICT, err,
		    "this mailbox has a recovery code: to have another one "
		    "instead, say \"replace\"");
	return rc;
}

static enum rc
answer_state(struct acme_call *call, const char *address, struct err *err)
{
	struct guard_recovery recovery GUARD_RECOVERY_OWNED = {0};
	char since[WHEN_TEXT_MAX];
	enum rc rc =
	    guard_recovery_find(call->acme->sql, address, &recovery, err);

	if (rc != RC_OK && rc != RC_ABSENT)
		return rc;
	when_print(recovery.since, since);
	return acme_json(call, 200,
	    json_pack("{s:s, s:b, s:s*}", "address", address, "registered",
		rc == RC_OK, "since", rc == RC_OK ? since : NULL),
	    err);
}

enum rc
acme_recovery(struct acme_call *call, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	struct buf address BUF_OWNED = BUF_SMALL;
	const char *text = NULL;
	bool sets = json_object_get(call->payload, "key") != NULL;

	TRY(acme_read_address(call, &address, &text, err));
	TRY(sql_act_begin(call->acme->sql, &act, err));
	TRY(check_device(call, text, err));
	if (sets)
		TRY(set_key(call, text, err));
	TRY(sql_act_commit(&act, err));
	call->answer->mail_waits = sets;
	if (sets)
		log_info("guard: account %s registered a recovery code of %s",
		    call->account.name, text);
	return answer_state(call, text, err);
}

/* -- the proof -- */

/* Everything that names the wish, and the word on it: a proof is good for this
 * one, for what it is about, and for nothing else. */
static bool
is_about(const json_t *said, const json_t *shown, const json_t *payload)
{
	static const char *const members[] = {
	    "url", "kind", "address", "key", "serial"};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		const char *want =
		    json_string_value(json_object_get(shown, members[i]));
		if (want != NULL && !says(said, members[i], want))
			return false;
	}
	const char *status =
	    json_string_value(json_object_get(payload, "status"));
	return status != NULL && says(said, "status", status);
}

static enum rc
check_thumbprint(struct acme_call *call, const struct guard *guard,
    const struct jws *inner, struct err *err)
{
	struct guard_recovery known GUARD_RECOVERY_OWNED = {0};
	struct buf thumbprint BUF_OWNED = BUF_SMALL;
	enum rc rc =
	    guard_recovery_find(call->acme->sql, guard->address, &known, err);

	if (rc != RC_OK && rc != RC_ABSENT)
		return rc;
	TRY(jws_thumbprint(inner->jwk, &thumbprint, err));
	if (rc == RC_OK &&
	    span_is(buf_span(&thumbprint), span_str(known.thumbprint)))
		return RC_OK;
	call->wrong_code = true;
	log_warning("guard: a wrong recovery code for %s from account %s",
	    guard->address, call->account.name);
	return problem_set(call->answer, PROBLEM_UNAUTHORIZED, err,
	    "this is not the recovery code of the mailbox");
}

/* Before anything is said of the code, right or wrong. */
static enum rc
check_tries(struct acme_call *call, struct err *err)
{
	struct err why = ERR_NONE;
	enum rc rc = guard_recovery_may(
	    call->acme->sql, call->account.id, call->now, &why);

	if (rc == RC_OK)
		return RC_OK;
	if (rc != RC_LIMIT)
		return err_set(err, rc, "%s", why.text);
	TRY(http_answer_add_header(call->answer, "Retry-After", err, "%lld",
	    (long long)GUARD_RECOVERY_WRONG_SECONDS));
	return problem_set(
	    call->answer, PROBLEM_RATE_LIMITED, err, "%s", why.text);
}

enum rc
acme_recovery_note(
    struct acme_call *call, const struct guard *guard, struct err *err)
{
	char actor[ACME_ACTOR_MAX];
	const struct guard_recovery_wrong wrong = {.address = guard->address,
	    .actor = actor,
	    .account = call->account.id,
	    .now = call->now};

	acme_actor(call, actor);
	return guard_recovery_wrong(call->acme->sql, &wrong, err);
}

enum rc
acme_recovery_check(struct acme_call *call, const struct guard *guard,
    json_t *shown, struct err *err)
{
	json_t *own OWNED(json_decref) = shown;
	json_t *said OWNED(json_decref) = NULL;
	struct jws inner JWS_OWNED = {0};

	if (own == NULL)
		return err_nomem(err, "recovery");
	if (guard->kind == GUARD_UNDO)
		return problem_set(call->answer, PROBLEM_UNAUTHORIZED, err,
		    "this is not for a recovery code to decide");
	TRY(check_tries(call, err));
	TRY(read_inner(call, "proof", &inner, &said, err));
	TRY(check_thumbprint(call, guard, &inner, err));
	if (is_about(said, own, call->payload))
		return RC_OK;
	return problem_set(call->answer, PROBLEM_MALFORMED, err,
	    "\"proof\" is about something else than this request");
}
