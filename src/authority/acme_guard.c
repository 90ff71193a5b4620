/* Wishes for a mailbox that has devices: they are told, and one of them says
 * yes or no (authority/guard.h). */
#include "authority/acme_priv.h"

#include <stdio.h>

#include "authority/guard_domain.h"
#include "authority/guard_json.h"
#include "authority/guard_recovery.h"
#include "os/log.h"

/* -- what would be done, and waits -- */

static enum rc
ask(struct acme_call *call, struct guard_wish wish, struct guard *ret,
    struct err *err)
{
	char actor[ACME_ACTOR_MAX];

	acme_actor(call, actor);
	wish.actor = actor;
	wish.account = call->account.id;
	wish.now = call->now;
	enum rc rc = guard_ask(call->acme->sql, &wish, ret, err);
	if (rc == RC_LIMIT) {
		TRY(http_answer_add_header(
		    call->answer, "Retry-After", err, "3600"));
		return problem_set(call->answer, PROBLEM_RATE_LIMITED, err,
		    "too many requests for this mailbox wait for its devices");
	}
	TRY(rc);
	call->answer->mail_waits = true;
	log_warning("guard: account %s, no device of %s, wants: %s (%s)",
	    call->account.name, wish.address, guard_kind_name(ret->kind),
	    ret->name);
	return RC_OK;
}

static enum rc
find_place(struct acme_call *call, const char *address, enum guard_place *ret,
    struct err *err)
{
	return guard_place(
	    call->acme->sql, address, call->account.id, call->now, ret, err);
}

enum rc
acme_guard_order(struct acme_call *call, const struct order *order,
    const struct acme_csr *csr, bool *ret_waits, struct err *err)
{
	enum guard_place place = GUARD_STRANGER;
	struct guard guard GUARD_OWNED = GUARD;
	struct guard_wish wish = {.kind = GUARD_ISSUE,
	    .address = order->address,
	    .order = order->id,
	    .request = csr->der,
	    .key_sha256 = span_of(
		csr->request->key_sha256, sizeof(csr->request->key_sha256))};

	*ret_waits = false;
	if (order->authorization.kind == AUTHORIZATION_HOST)
		return RC_OK;
	TRY(find_place(call, order->address, &place, err));
	/* a new beginning: whoever was here before has no word any more */
	if (place == GUARD_NOBODY)
		return guard_recovery_forget(
		    call->acme->sql, order->address, call->account.id, err);
	*ret_waits = place == GUARD_STRANGER && order->guard == NULL;
	return *ret_waits ? ask(call, wish, &guard, err) : RC_OK;
}

/* The URL of guards; what it is about comes behind it. */
static void
print_base(const struct acme_call *call, char base[ACME_GUARD_URL_MAX])
{
	(void)snprintf(base, ACME_GUARD_URL_MAX, "%s" ACME_PATH "guard/",
	    call->acme->settings->url);
}

enum rc
acme_guard_revocation(struct acme_call *call,
    const struct acme_revocation *what, char ret[ACME_GUARD_URL_MAX],
    struct err *err)
{
	enum guard_place place = GUARD_STRANGER;
	struct guard guard GUARD_OWNED = GUARD;
	struct guard_wish wish = {.kind = GUARD_REVOKE,
	    .address = what->address,
	    .serial = what->serial,
	    .reason = what->reason};

	TRY(find_place(call, what->address, &place, err));
	if (place != GUARD_STRANGER)
		return RC_OK;
	TRY(ask(call, wish, &guard, err));
	(void)snprintf(ret, ACME_GUARD_URL_MAX, "%s" ACME_PATH "guard/%s",
	    call->acme->settings->url, guard.name);
	return RC_OK;
}

/* -- what the devices see -- */

static json_t *
to_json(const struct acme_call *call, const struct guard *guard)
{
	char base[ACME_GUARD_URL_MAX];

	print_base(call, base);
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

	TRY(find_place(call, guard->address, &place, err));
	if (place == GUARD_DEVICE && guard->kind != GUARD_UNDO)
		return RC_OK;
	return problem_set(call->answer, PROBLEM_UNAUTHORIZED, err,
	    "this waits for a device of the mailbox, and this account is none");
}

/* With a proof it is the recovery code that speaks, whoever brings it. */
static enum rc
admit(struct acme_call *call, const struct guard *guard,
    struct guard_word *word, struct err *err)
{
	if (json_object_get(call->payload, "proof") == NULL)
		return check_device(call, guard, err);
	word->by = GUARD_BY_CODE;
	return acme_recovery_check(call, guard, to_json(call, guard), err);
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
	TRY(admit(call, guard, &word, err));
	enum rc rc = guard_decide(call->acme->sql, guard, &word, err);
	if (rc == RC_REFUSED)
		return problem_set(call->answer, PROBLEM_CONFLICT, err,
		    "this is %s already", guard_state_name(guard->state));
	TRY(rc);
	TRY(find(call, call->name, guard, err));
	TRY(sql_act_commit(&act, err));
	call->answer->mail_waits = word.by != actor;
	log_info("guard: %s of %s %s by %s", guard_kind_name(guard->kind),
	    guard->address, guard_state_name(guard->state), word.by);
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

	call->wrong_code = false;
	enum rc rc = call->payload != NULL ? decide(call, &guard, err)
					   : look(call, &guard, err);
	/* whoever is told that a code is wrong has used up one try */
	if (call->wrong_code)
		TRY(acme_recovery_note(call, &guard, err));
	TRY(rc);
	return acme_json(call, 200, to_json(call, &guard), err);
}

/* -- the domain's owner -- */

static enum rc
ask_undo(struct acme_call *call, const char *address, struct guard *ret,
    struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	char actor[ACME_ACTOR_MAX];
	const struct guard_domain_wish wish = {.address = address,
	    .actor = actor,
	    .account = call->account.id,
	    .now = call->now};

	acme_actor(call, actor);
	TRY(sql_act_begin(call->acme->sql, &act, err));
	enum rc rc = guard_domain_ask(call->acme->sql, &wish, ret, err);
	if (rc == RC_LIMIT) {
		TRY(http_answer_add_header(
		    call->answer, "Retry-After", err, "3600"));
		return problem_set(call->answer, PROBLEM_RATE_LIMITED, err,
		    "too many requests of this account wait for domains");
	}
	TRY(rc);
	return sql_act_commit(&act, err);
}

static enum rc
record_json(const struct guard *guard, json_t **ret, struct err *err)
{
	struct buf name BUF_OWNED = BUF_SMALL;
	struct buf value BUF_OWNED = BUF_SMALL;
	const char *name_text = NULL, *value_text = NULL;

	TRY(guard_domain_name(guard, &name, err));
	TRY(guard_domain_value(guard, &value, err));
	TRY(buf_str(&name, &name_text, err));
	TRY(buf_str(&value, &value_text, err));
	*ret = json_pack("{s:s, s:s, s:s}", "name", name_text, "type", "TXT",
	    "value", value_text);
	return *ret != NULL ? RC_OK : err_nomem(err, "record");
}

/* Whether the mailbox has any device is not said: an address book is not to be
 * had here. */
enum rc
acme_undo(struct acme_call *call, struct err *err)
{
	struct buf address BUF_OWNED = BUF_SMALL;
	struct guard guard GUARD_OWNED = GUARD;
	json_t *record OWNED(json_decref) = NULL;
	const char *text = NULL;

	TRY(acme_read_address(call, &address, &text, err));
	TRY(ask_undo(call, text, &guard, err));
	TRY(record_json(&guard, &record, err));
	json_t *shown OWNED(json_decref) = to_json(call, &guard);
	if (shown == NULL || json_object_set(shown, "record", record) != 0)
		return err_nomem(err, "what waits");
	return acme_json(call, 200, json_incref(shown), err);
}
