#include "authority/acme_priv.h"

#include "codec/when.h"
#include "os/log.h"

#define POLL_SECONDS 1

/* RFC 8555 section 7.1.6: a challenge that was taken up is "processing" until
 * the answer came. */
static const char *
challenge_state(const struct authorization *a)
{
	if (a->validated != 0)
		return "valid";
	if (a->state == AUTHORIZATION_PENDING)
		return a->posted ? "processing" : "pending";
	return "invalid";
}

/* What the two kinds of challenges share; `from` is NULL for one of them. */
static json_t *
bare_challenge(const struct acme_call *call, const struct authorization *a)
{
	bool mail = a->kind == AUTHORIZATION_EMAIL;

	return json_pack("{s:s, s:o, s:s, s:s, s:o*}", "type",
	    mail ? "email-reply-00" : "http-01", "url",
	    acme_url(call, "challenge", a->name), "status", challenge_state(a),
	    "token", a->token2, "from",
	    mail ? json_sprintf("acme-challenge+%s@%s", a->recipient,
		       call->acme->settings->domain)
		 : NULL);
}

/* The challenge object of RFC 8823 section 3, or of RFC 8555 section 8.3. */
static json_t *
challenge_json(const struct acme_call *call, const struct authorization *a)
{
	char validated[WHEN_TEXT_MAX];
	json_t *error = acme_error(a);

	when_print(a->validated, validated);
	json_t *object = bare_challenge(call, a);
	int failed = object == NULL;
	if (a->validated != 0)
		failed |= json_object_set_new(
		    object, "validated", json_string(validated));
	if (!json_is_null(error))
		failed |= json_object_set(object, "error", error);
	json_decref(error);
	if (!failed)
		return object;
	json_decref(object);
	return NULL;
}

static json_t *
authorization_json(const struct acme_call *call, const struct authorization *a)
{
	char expires[WHEN_TEXT_MAX];

	when_print(a->expires, expires);
	return json_pack("{s:{s:s, s:s}, s:s, s:s, s:[o]}", "identifier",
	    "type", authorization_kind_name(a->kind), "value", a->address,
	    "status", authorization_state_name(a->state), "expires", expires,
	    "challenges", challenge_json(call, a));
}

static enum rc
find_own(struct acme_call *call, struct authorization *ret, struct err *err)
{
	struct authorization a AUTHORIZATION_OWNED = {0};
	enum rc rc =
	    authorization_find(call->acme->sql, call->name, call->now, &a, err);

	if (rc == RC_ABSENT)
		return problem_set(call->answer, PROBLEM_NOT_FOUND, err,
		    "there is no such authorization");
	TRY(rc);
	if (a.account != call->account.id)
		return problem_set(call->answer, PROBLEM_UNAUTHORIZED, err,
		    "this authorization is another account's");
	*ret = a;
	a = (struct authorization){0};
	return RC_OK;
}

static enum rc
ask_to_wait(
    struct acme_call *call, const struct authorization *a, struct err *err)
{
	if (a->state != AUTHORIZATION_PENDING)
		return RC_OK;
	return http_answer_add_header(
	    call->answer, "Retry-After", err, "%d", POLL_SECONDS);
}

static enum rc
answer_authorization(struct acme_call *call, struct err *err)
{
	struct authorization a AUTHORIZATION_OWNED = {0};

	TRY(find_own(call, &a, err));
	TRY(ask_to_wait(call, &a, err));
	return acme_json(call, 200, authorization_json(call, &a), err);
}

static enum rc
deactivate(struct acme_call *call, struct err *err)
{
	struct authorization a AUTHORIZATION_OWNED = {0};

	TRY(find_own(call, &a, err));
	struct authorization_event event = {.id = a.id, .now = call->now};
	enum rc rc = authorization_deactivate(call->acme->sql, &event, err);
	/* it is over already, however it ended: that is what was wanted */
	return rc == RC_ABSENT ? RC_OK : rc;
}

enum rc
acme_authorization(struct acme_call *call, struct err *err)
{
	const char *status =
	    json_string_value(json_object_get(call->payload, "status"));

	if (call->payload != NULL &&
	    (status == NULL || strcmp(status, "deactivated") != 0))
		return problem_set(call->answer, PROBLEM_MALFORMED, err,
		    "an authorization can be read or deactivated");
	if (call->payload != NULL)
		TRY(deactivate(call, err));
	return answer_authorization(call, err);
}

static enum rc
take_up(struct acme_call *call, const struct authorization *a, struct err *err)
{
	struct authorization_event event = {.id = a->id,
	    .now = call->now,
	    .valid_for = call->acme->settings->authorization_reuse};

	if (a->state != AUTHORIZATION_PENDING || a->posted)
		return RC_OK;
	enum rc rc = authorization_post(call->acme->sql, &event, err);
	call->answer->mail_waits = a->kind == AUTHORIZATION_HOST;
	/* decided in the meantime: the answer will say how */
	return rc == RC_ABSENT ? RC_OK : rc;
}

enum rc
acme_challenge(struct acme_call *call, struct err *err)
{
	struct authorization before AUTHORIZATION_OWNED = {0};
	struct authorization after AUTHORIZATION_OWNED = {0};

	TRY(find_own(call, &before, err));
	if (call->payload != NULL)
		TRY(take_up(call, &before, err));
	TRY(find_own(call, &after, err));
	if (before.validated == 0 && after.validated != 0)
		log_info("acme: %s proved to account %s", after.address,
		    call->account.name);
	TRY(http_answer_add_header(call->answer, "Link", err,
	    "<%s/acme/authz/%s>;rel=\"up\"", call->acme->settings->url,
	    after.name));
	TRY(ask_to_wait(call, &after, err));
	return acme_json(call, 200, challenge_json(call, &after), err);
}
