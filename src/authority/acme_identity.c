/* An account says who its mailbox belongs to, and sends evidence
 * (authority/claim.h).
 *
 *   POST /acme/identity        {"address", "level", "subject": {...}}; without
 *                              a payload: what the account has asked for
 *   POST /acme/identity/NAME   {"evidence": {"name", "at", "data"}}, the next
 *                              piece of a file; {"status": "withdrawn"};
 *                              without a payload: how it stands
 */
#include "authority/acme_priv.h"

#include "authority/guard.h"
#include "authority/claim_evidence.h"
#include "authority/claim_fit.h"
#include "base/strlist.h"
#include "codec/base64.h"
#include "codec/when.h"
#include "os/log.h"

#define PIECE_BUF BUF(CLAIM_PIECE_MAX + 64)

/* -- how it stands -- */

static json_t *
subject_json(const struct claim *claim)
{
	json_t *subject OWNED(json_decref) = json_object();

	for (int i = 0; i < CLAIM_FIELDS; i++)
		if (claim->field[i] != NULL &&
		    json_object_set_new(subject,
			claim_field_name((enum claim_field)i),
			json_string(claim->field[i])) != 0)
			return NULL;
	return take(subject);
}

static enum rc
add_files(const struct acme_call *call, const struct claim *claim, json_t *list,
    struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	enum rc rc;

	TRY(claim_files(call->acme->sql, claim, &rows, err));
	while ((rc = sql_rows_next(rows, err)) == RC_OK) {
		char *name OWNED(free) = NULL;
		TRY(sql_rows_text(rows, 1, &name, err));
		if (json_array_append_new(
			list, json_pack("{s:s, s:I}", "name", name, "size",
				  (json_int_t)sql_rows_number(rows, 2))) != 0)
			return err_nomem(err, "claim");
	}
	return rc == RC_ABSENT ? RC_OK : rc;
}

/* What an operator says to whoever asked: why not. */
static enum rc
find_reason(const struct acme_call *call, const struct claim *claim, char **ret,
    struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	enum rc rc;

	TRY(claim_words(call->acme->sql, claim, &rows, err));
	while ((rc = sql_rows_next(rows, err)) == RC_OK) {
		struct span act = sql_rows_bytes(rows, 0);
		if (*ret != NULL || (!span_is(act, span_str("refuse")) &&
					!span_is(act, span_str("withdraw"))))
			continue;
		TRY(sql_rows_text(rows, 3, ret, err));
	}
	return rc == RC_ABSENT ? RC_OK : rc;
}

static enum rc
to_json(const struct acme_call *call, const struct claim *claim, json_t **ret,
    struct err *err)
{
	json_t *files OWNED(json_decref) = json_array();
	char *reason OWNED(free) = NULL;
	char created[WHEN_TEXT_MAX], until[WHEN_TEXT_MAX];

	when_print(claim->created, created);
	when_print(claim->until, until);
	TRY(add_files(call, claim, files, err));
	TRY(find_reason(call, claim, &reason, err));
	*ret = json_pack("{s:o, s:s, s:s, s:s, s:o, s:O, s:s, s:s*, s:s*}",
	    "url", acme_url(call, "identity", claim->name), "status",
	    claim_state_name(claim->state), "address", claim->address, "level",
	    claim_level_name(claim->level), "subject", subject_json(claim),
	    "evidence", files, "created", created, "until",
	    claim->until > 0 ? until : NULL, "reason", reason);
	return *ret != NULL ? RC_OK : err_nomem(err, "claim");
}

static enum rc
answer(struct acme_call *call, unsigned status, const struct claim *claim,
    struct err *err)
{
	json_t *json = NULL;

	TRY(http_answer_add_header(call->answer, "Location", err,
	    "%s/acme/identity/%s", call->acme->settings->url, claim->name));
	TRY(to_json(call, claim, &json, err));
	return acme_json(call, status, json, err);
}

static enum rc
answer_list(struct acme_call *call, struct err *err)
{
	struct strlist names STRLIST_OWNED = STRLIST_NONE;
	json_t *list OWNED(json_decref) = json_array();

	TRY(claim_list(
	    call->acme->sql, call->account.id, true, call->now, &names, err));
	for (size_t i = 0; i < names.len; i++) {
		struct claim one CLAIM_OWNED = {0};
		json_t *json = NULL;
		TRY(claim_find(
		    call->acme->sql, names.item[i], call->now, &one, err));
		TRY(to_json(call, &one, &json, err));
		if (json_array_append_new(list, json) != 0)
			return err_nomem(err, "claim");
	}
	return acme_json(
	    call, 200, json_pack("{s:O}", "identities", list), err);
}

/* -- asking -- */

static enum rc
malformed(struct acme_call *call, const struct err *why, struct err *err)
{
	return problem_set(
	    call->answer, PROBLEM_MALFORMED, err, "%s", why->text);
}

static enum rc
read_subject(json_t *subject, struct claim_wish *wish, struct err *err)
{
	const char *name;
	json_t *value;

	json_object_foreach(subject, name, value)
	{
		size_t i = 0;
		while (i < CLAIM_FIELDS &&
		       strcmp(claim_field_name((enum claim_field)i), name) != 0)
			i++;
		if (i == CLAIM_FIELDS || !json_is_string(value))
			return err_set(err, RC_SYNTAX,
			    "\"subject\" has no text \"%s\"", name);
		wish->field[i] = json_string_value(value);
	}
	return RC_OK;
}

/* The address is appended, as we write it. */
static enum rc
read_wish(struct acme_call *call, struct claim_wish *wish, struct buf *address,
    struct err *err)
{
	const char *text =
	    json_string_value(json_object_get(call->payload, "address"));
	const char *level =
	    json_string_value(json_object_get(call->payload, "level"));
	json_t *subject = json_object_get(call->payload, "subject");

	if (text == NULL || level == NULL || !json_is_object(subject))
		return err_set(err, RC_SYNTAX,
		    "want \"address\", \"level\" and an object \"subject\"");
	TRY(claim_level_find(level, &wish->level, err));
	TRY(read_subject(subject, wish, err));
	TRY(acme_address(call->acme->settings, span_str(text), address, err));
	return buf_str(address, &wish->address, err);
}

/* Whose mailbox it is: one of its devices, or, before there is any, who has
 * just shown that they read its letters. */
static enum rc
is_authorized(
    struct acme_call *call, const char *address, bool *ret, struct err *err)
{
	struct authorization found AUTHORIZATION_OWNED = {0};
	enum guard_place place = GUARD_STRANGER;
	const struct authorization_wish wish = {.account = call->account.id,
	    .kind = AUTHORIZATION_EMAIL,
	    .address = address,
	    .now = call->now,
	    .pending_since = call->now};

	*ret = false;
	TRY(guard_place(call->acme->sql, address, call->account.id, call->now,
	    &place, err));
	if (place != GUARD_NOBODY) {
		*ret = place == GUARD_DEVICE;
		return RC_OK;
	}
	enum rc rc =
	    authorization_find_usable(call->acme->sql, &wish, &found, err);
	*ret = rc == RC_OK && found.state == AUTHORIZATION_VALID;
	return rc == RC_ABSENT ? RC_OK : rc;
}

static enum rc
refuse(
    struct acme_call *call, enum rc rc, const struct err *why, struct err *err)
{
	if (rc == RC_LIMIT)
		return problem_set(
		    call->answer, PROBLEM_RATE_LIMITED, err, "%s", why->text);
	if (rc == RC_REFUSED)
		return problem_set(
		    call->answer, PROBLEM_CONFLICT, err, "%s", why->text);
	if (rc == RC_UNFIT)
		return malformed(call, why, err);
	return err_set(err, rc, "%s", why->text);
}

/* Whether a certificate could say that is asked before anybody looks at it. */
static enum rc
try_ask(struct acme_call *call, const struct claim_wish *wish,
    struct claim *ret, struct err *err)
{
	const struct claim_office office = {
	    call->acme->settings, call->acme->hierarchy};

	TRY(claim_ask(call->acme->sql, wish, ret, err));
	return claim_fit(&office, ret, call->now, err);
}

static enum rc
ask(struct acme_call *call, struct claim *ret, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	struct buf address BUF_OWNED = BUF_SMALL;
	char actor[ACME_ACTOR_MAX];
	struct claim_wish wish = {
	    .account = call->account.id, .actor = actor, .now = call->now};
	struct err why = ERR_NONE;
	bool authorized = false;

	acme_actor(call, actor);
	if (read_wish(call, &wish, &address, &why) != RC_OK)
		return malformed(call, &why, err);
	TRY(sql_act_begin(call->acme->sql, &act, err));
	TRY(is_authorized(call, wish.address, &authorized, err));
	if (!authorized)
		return problem_set(call->answer, PROBLEM_UNAUTHORIZED, err,
		    "this account is not authorised for that mailbox");
	enum rc rc = try_ask(call, &wish, ret, &why);
	return rc == RC_OK ? sql_act_commit(&act, err)
			   : refuse(call, rc, &why, err);
}

enum rc
acme_identities(struct acme_call *call, struct err *err)
{
	struct claim claim CLAIM_OWNED = {0};

	if (call->payload == NULL)
		return answer_list(call, err);
	TRY(ask(call, &claim, err));
	log_info("identity: account %s asks for the level %s for %s",
	    call->account.name, claim_level_name(claim.level), claim.address);
	return answer(call, 201, &claim, err);
}

/* -- one of them -- */

static enum rc
find_own(struct acme_call *call, struct claim *ret, struct err *err)
{
	enum rc rc =
	    claim_find(call->acme->sql, call->name, call->now, ret, err);

	if (rc == RC_ABSENT ||
	    (rc == RC_OK && ret->account != call->account.id))
		return problem_set(call->answer, PROBLEM_NOT_FOUND, err,
		    "this account has asked for nothing of that name");
	return rc;
}

static enum rc
read_piece(struct acme_call *call, json_t *evidence, struct buf *bytes,
    struct claim_piece *ret, struct err *err)
{
	const char *data = json_string_value(json_object_get(evidence, "data"));
	json_t *at = json_object_get(evidence, "at");

	ret->name = json_string_value(json_object_get(evidence, "name"));
	if (ret->name == NULL || data == NULL || !json_is_integer(at))
		return err_set(err, RC_SYNTAX,
		    "a piece of evidence has \"name\", \"at\" and \"data\"");
	ret->at = json_integer_value(at);
	TRY(base64url_decode(span_str(data), bytes, err));
	ret->bytes = buf_span(bytes);
	return RC_OK;
}

static enum rc
attach(struct acme_call *call, const struct claim *claim, json_t *evidence,
    struct err *err)
{
	struct buf bytes BUF_OWNED = PIECE_BUF;
	char actor[ACME_ACTOR_MAX];
	struct claim_piece piece = {.actor = actor, .now = call->now};
	struct err why = ERR_NONE;

	acme_actor(call, actor);
	if (read_piece(call, evidence, &bytes, &piece, &why) != RC_OK)
		return malformed(call, &why, err);
	enum rc rc = claim_attach(call->acme->sql, claim, &piece, &why);
	return rc == RC_OK ? RC_OK : refuse(call, rc, &why, err);
}

static enum rc
withdraw(struct acme_call *call, const struct claim *claim, struct err *err)
{
	char actor[ACME_ACTOR_MAX];
	const struct claim_word word = {.act = CLAIM_WITHDRAW,
	    .actor = actor,
	    .version = claim->version,
	    .now = call->now};
	struct err why = ERR_NONE;

	acme_actor(call, actor);
	enum rc rc = claim_say(call->acme->sql, claim, &word, &why);
	return rc == RC_OK ? RC_OK : refuse(call, rc, &why, err);
}

static enum rc
change(struct acme_call *call, const struct claim *claim, struct err *err)
{
	json_t *evidence = json_object_get(call->payload, "evidence");
	const char *status =
	    json_string_value(json_object_get(call->payload, "status"));

	if (json_is_object(evidence) && status == NULL)
		return attach(call, claim, evidence, err);
	if (evidence == NULL && status != NULL &&
	    strcmp(status, claim_state_name(CLAIM_WITHDRAWN)) == 0)
		return withdraw(call, claim, err);
	return problem_set(call->answer, PROBLEM_MALFORMED, err,
	    "want an object \"evidence\", or \"status\": \"withdrawn\"");
}

enum rc
acme_identity(struct acme_call *call, struct err *err)
{
	struct claim claim CLAIM_OWNED = {0};
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;

	if (call->payload == NULL) {
		TRY(find_own(call, &claim, err));
		return answer(call, 200, &claim, err);
	}
	TRY(sql_act_begin(call->acme->sql, &act, err));
	TRY(find_own(call, &claim, err));
	TRY(change(call, &claim, err));
	TRY(sql_act_commit(&act, err));
	TRY(find_own(call, &claim, err));
	return answer(call, 200, &claim, err);
}
