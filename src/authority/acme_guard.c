/* Wishes for a mailbox that has devices: they are told, and one of them says
 * yes or no (authority/guard.h). */
#include "authority/acme_priv.h"

#include <stdio.h>

#include "authority/guard_json.h"
#include "os/log.h"

#define URL_LEN_MAX 1200

/* -- what would be done, and waits -- */

static enum rc
ask(struct acme_call *call, struct guard_wish wish, struct err *err)
{
	struct guard guard GUARD_OWNED = GUARD;
	char actor[ACME_ACTOR_MAX];

	acme_actor(call, actor);
	wish.actor = actor;
	wish.account = call->account.id;
	wish.now = call->now;
	enum rc rc = guard_ask(call->acme->sql, &wish, &guard, err);
	if (rc == RC_LIMIT) {
		TRY(http_answer_add_header(
		    call->answer, "Retry-After", err, "3600"));
		return problem_set(call->answer, PROBLEM_RATE_LIMITED, err,
		    "too many requests for this mailbox wait for its devices");
	}
	TRY(rc);
	call->answer->mail_waits = true;
	log_warning("guard: account %s, no device of %s, wants: %s (%s)",
	    call->account.name, wish.address, guard_kind_name(guard.kind),
	    guard.name);
	return RC_OK;
}

static enum rc
is_stranger(
    struct acme_call *call, const char *address, bool *ret, struct err *err)
{
	enum guard_place place = GUARD_STRANGER;

	TRY(guard_place(call->acme->sql, address, call->account.id, call->now,
	    &place, err));
	*ret = place == GUARD_STRANGER;
	return RC_OK;
}

enum rc
acme_guard_order(struct acme_call *call, const struct order *order,
    const struct acme_csr *csr, bool *ret_waits, struct err *err)
{
	struct guard_wish wish = {.kind = GUARD_ISSUE,
	    .address = order->address,
	    .order = order->id,
	    .request = csr->der,
	    .key_sha256 = span_of(
		csr->request->key_sha256, sizeof(csr->request->key_sha256))};

	*ret_waits = false;
	if (order->authorization.kind == AUTHORIZATION_HOST ||
	    order->guard != NULL)
		return RC_OK;
	TRY(is_stranger(call, order->address, ret_waits, err));
	return *ret_waits ? ask(call, wish, err) : RC_OK;
}

enum rc
acme_guard_revocation(struct acme_call *call, const char *address,
    struct span serial, int reason, bool *ret_waits, struct err *err)
{
	struct guard_wish wish = {.kind = GUARD_REVOKE,
	    .address = address,
	    .serial = serial,
	    .reason = reason};

	TRY(is_stranger(call, address, ret_waits, err));
	return *ret_waits ? ask(call, wish, err) : RC_OK;
}

/* -- what the devices see -- */

static json_t *
to_json(const struct acme_call *call, const struct guard *guard)
{
	char base[URL_LEN_MAX];

	(void)snprintf(base, sizeof(base), "%s" ACME_PATH "guard/",
	    call->acme->settings->url);
	return guard_json(base, guard);
}

static enum rc
find(struct acme_call *call, const char *name, struct guard *ret,
    struct err *err)
{
	enum rc rc = guard_find(call->acme->sql, name, call->now, ret, err);

	if (rc == RC_ABSENT)
		return problem_set(call->answer, PROBLEM_NOT_FOUND, err,
		    "nothing of that name waits for a device");
	return rc;
}

enum rc
acme_guards(struct acme_call *call, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	json_t *list OWNED(json_decref) = json_array();
	enum rc rc;

	TRY(guard_select(
	    call->acme->sql, call->account.id, call->now, &rows, err));
	while ((rc = sql_rows_next(rows, err)) == RC_OK) {
		struct guard guard GUARD_OWNED = GUARD;
		char *name OWNED(free) = NULL;
		TRY(sql_rows_text(rows, 0, &name, err));
		TRY(find(call, name, &guard, err));
		if (json_array_append_new(list, to_json(call, &guard)) != 0)
			return err_nomem(err, "what waits");
	}
	if (rc != RC_ABSENT)
		return rc;
	return acme_json(call, 200, json_pack("{s:O}", "requests", list), err);
}

/* -- what they say -- */

static enum rc
read_word(struct acme_call *call, struct guard_word *ret, struct err *err)
{
	struct err why = ERR_NONE;

	ret->now = call->now;
	if (guard_json_word(call->payload, &ret->approves, &why) == RC_OK)
		return RC_OK;
	return problem_set(
	    call->answer, PROBLEM_MALFORMED, err, "%s", why.text);
}

/* A device speaks by its account's key, which could get the same certificate
 * itself.  On the undoing of an enrolment it has no word: that is about the
 * device itself. */
static enum rc
check_device(struct acme_call *call, const struct guard *guard, struct err *err)
{
	enum guard_place place = GUARD_STRANGER;

	TRY(guard_place(call->acme->sql, guard->address, call->account.id,
	    call->now, &place, err));
	if (place == GUARD_DEVICE && guard->kind != GUARD_UNDO)
		return RC_OK;
	return problem_set(call->answer, PROBLEM_UNAUTHORIZED, err,
	    "this waits for a device of the mailbox, and this account is none");
}

static enum rc
decide(struct acme_call *call, struct guard *guard, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	struct guard_word word = {0};
	char actor[ACME_ACTOR_MAX];

	acme_actor(call, actor);
	word.by = actor;
	TRY(read_word(call, &word, err));
	TRY(sql_act_begin(call->acme->sql, &act, err));
	TRY(find(call, call->name, guard, err));
	TRY(check_device(call, guard, err));
	enum rc rc = guard_decide(call->acme->sql, guard, &word, err);
	if (rc == RC_REFUSED)
		return problem_set(call->answer, PROBLEM_CONFLICT, err,
		    "this is %s already", guard_state_name(guard->state));
	TRY(rc);
	TRY(find(call, call->name, guard, err));
	TRY(sql_act_commit(&act, err));
	log_info("guard: %s of %s %s by account %s",
	    guard_kind_name(guard->kind), guard->address,
	    guard_state_name(guard->state), call->account.name);
	return RC_OK;
}

static enum rc
look(struct acme_call *call, struct guard *guard, struct err *err)
{
	TRY(find(call, call->name, guard, err));
	return guard->account == call->account.id
		   ? RC_OK
		   : check_device(call, guard, err);
}

enum rc
acme_guard(struct acme_call *call, struct err *err)
{
	struct guard guard GUARD_OWNED = GUARD;

	TRY(call->payload != NULL ? decide(call, &guard, err)
				  : look(call, &guard, err));
	return acme_json(call, 200, to_json(call, &guard), err);
}
