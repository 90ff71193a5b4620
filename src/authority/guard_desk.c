#include "authority/guard_desk.h"

#include <stdio.h>
#include <stdlib.h>

#include "authority/authorization.h"
#include "authority/guard_json.h"
#include "authority/person.h"
#include "authority/problem.h"
#include "os/log.h"

OWNER(json_t, json_decref);
OWNER(char, free);

#define ACTOR_MAX 600

/* One request of one person. */
struct visit {
	const struct guard_desk *desk;
	const struct http_request *request;
	struct http_answer *answer;
	int64_t now;
	const char *name; /* the path behind GUARD_DESK_PATH */
	struct person person;
	char actor[ACTOR_MAX]; /* for the audit log */
	json_t *payload;
};

static enum rc
answer_json(struct visit *visit, json_t *json, struct err *err)
{
	json_t *own OWNED(json_decref) = json;
	char *text OWNED(free) = own != NULL ? json_dumps(own, 0) : NULL;

	if (text == NULL)
		return err_nomem(err, "desk");
	TRY(http_answer_add_header(
	    visit->answer, "Cache-Control", err, "no-store"));
	return http_answer_set(
	    visit->answer, 200, "application/json", span_str(text), err);
}

static enum rc
admit(struct visit *visit, struct err *err)
{
	struct err why = ERR_NONE;
	enum rc rc = person_find(visit->desk->sql, visit->request->person,
	    visit->now, &visit->person, &why);

	if (rc == RC_REFUSED)
		return problem_set(
		    visit->answer, PROBLEM_UNAUTHORIZED, err, "%s", why.text);
	if (rc != RC_OK)
		return err_set(err, rc, "%s", why.text);
	(void)snprintf(visit->actor, sizeof(visit->actor), "device %s of %s",
	    visit->person.serial, visit->person.address);
	return RC_OK;
}

/* A page of somebody else's can have a browser, which has the certificate,
 * send a form here, but not this type: that it would have to ask first. */
static enum rc
read_payload(struct visit *visit, struct err *err)
{
	if (!http_has_type(visit->request, "application/json"))
		return problem_set(visit->answer, PROBLEM_MEDIA_TYPE, err,
		    "send application/json");
	visit->payload = json_loadb((const char *)visit->request->body.data,
	    visit->request->body.len, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(visit->payload))
		return problem_set(visit->answer, PROBLEM_MALFORMED, err,
		    "this is no JSON object");
	return RC_OK;
}

static enum rc
is_own(const struct visit *visit, const struct guard *guard, bool *ret,
    struct err *err)
{
	struct buf mine BUF_OWNED = BUF_SMALL;
	struct buf asked BUF_OWNED = BUF_SMALL;

	TRY(authorization_fold(visit->person.address, &mine, err));
	TRY(authorization_fold(guard->address, &asked, err));
	*ret = span_is(buf_span(&mine), buf_span(&asked));
	return RC_OK;
}

static enum rc
find(struct visit *visit, const char *name, struct guard *ret, struct err *err)
{
	enum rc rc = guard_find(visit->desk->sql, name, visit->now, ret, err);

	if (rc == RC_ABSENT)
		return problem_set(visit->answer, PROBLEM_NOT_FOUND, err,
		    "nothing of that name waits for anybody");
	return rc;
}

static enum rc
pending(struct visit *visit, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	json_t *list OWNED(json_decref) = json_array();
	enum rc rc;

	TRY(guard_select(visit->desk->sql,
	    visit->person.is_operator ? 0 : visit->person.account, visit->now,
	    &rows, err));
	while ((rc = sql_rows_next(rows, err)) == RC_OK) {
		struct guard guard GUARD_OWNED = GUARD;
		char *name OWNED(free) = NULL;
		TRY(sql_rows_text(rows, 0, &name, err));
		TRY(find(visit, name, &guard, err));
		if (json_array_append_new(
			list, guard_json(GUARD_DESK_PATH, &guard)) != 0)
			return err_nomem(err, "desk");
	}
	if (rc != RC_ABSENT)
		return rc;
	return answer_json(visit, json_pack("{s:O}", "requests", list), err);
}

static enum rc
decide(struct visit *visit, const struct guard *guard, bool approves,
    struct err *err)
{
	const struct guard_word word = {
	    .approves = approves, .by = visit->actor, .now = visit->now};
	enum rc rc = guard_decide(visit->desk->sql, guard, &word, err);

	if (rc == RC_REFUSED)
		return problem_set(visit->answer, PROBLEM_CONFLICT, err,
		    "this is %s already", guard_state_name(guard->state));
	return rc;
}

static enum rc
second(struct visit *visit, const struct guard *guard, struct err *err)
{
	struct err why = ERR_NONE;
	bool done = false;

	if (guard->state != GUARD_OPEN)
		return problem_set(visit->answer, PROBLEM_CONFLICT, err,
		    "this is %s already", guard_state_name(guard->state));
	enum rc rc = guard_second(visit->desk->sql, guard,
	    visit->person.address, visit->now, &done, &why);
	if (rc == RC_UNFIT)
		return problem_set(
		    visit->answer, PROBLEM_UNAUTHORIZED, err, "%s", why.text);
	return rc == RC_OK ? RC_OK : err_set(err, rc, "%s", why.text);
}

/* A device says yes or no alone.  An operator says no alone, and yes together
 * with another one.  The undoing of an enrolment is the operators': it is
 * about the device itself. */
static enum rc
speak(struct visit *visit, const struct guard *guard, bool approves,
    struct err *err)
{
	bool own = false;

	TRY(is_own(visit, guard, &own, err));
	if (own && guard->kind != GUARD_UNDO)
		return decide(visit, guard, approves, err);
	if (!visit->person.is_operator)
		return problem_set(visit->answer, PROBLEM_UNAUTHORIZED, err,
		    "this is about another mailbox than yours, and you are no "
		    "operator");
	(void)snprintf(visit->actor, sizeof(visit->actor), "operator %s",
	    visit->person.address);
	if (approves)
		return second(visit, guard, err);
	if (own)
		return problem_set(visit->answer, PROBLEM_UNAUTHORIZED, err,
		    "an operator does not decide on their own mailbox");
	return decide(visit, guard, false, err);
}

static enum rc
answer_word(struct visit *visit, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	struct guard guard GUARD_OWNED = GUARD;
	struct err why = ERR_NONE;
	bool approves = false;

	if (guard_json_word(visit->payload, &approves, &why) != RC_OK)
		return problem_set(
		    visit->answer, PROBLEM_MALFORMED, err, "%s", why.text);
	TRY(sql_act_begin(visit->desk->sql, &act, err));
	TRY(find(visit, visit->name, &guard, err));
	TRY(speak(visit, &guard, approves, err));
	TRY(find(visit, visit->name, &guard, err));
	TRY(sql_act_commit(&act, err));
	log_info("guard: %s of %s is %s after a word by %s",
	    guard_kind_name(guard.kind), guard.address,
	    guard_state_name(guard.state), visit->actor);
	return answer_json(visit, guard_json(GUARD_DESK_PATH, &guard), err);
}

/* An operator wants an enrolment undone: the first of the two voices. */
static enum rc
undo(struct visit *visit, const char *address, struct guard *guard,
    struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	enum guard_place place = GUARD_NOBODY;
	const struct guard_wish wish = {.kind = GUARD_UNDO,
	    .address = address,
	    .actor = visit->actor,
	    .now = visit->now};

	TRY(sql_act_begin(visit->desk->sql, &act, err));
	TRY(guard_place(visit->desk->sql, address, 0, visit->now, &place, err));
	if (place == GUARD_NOBODY)
		return problem_set(visit->answer, PROBLEM_NOT_FOUND, err,
		    "no certificate of this mailbox is in force");
	enum rc rc = guard_ask(visit->desk->sql, &wish, guard, err);
	if (rc == RC_LIMIT)
		return problem_set(visit->answer, PROBLEM_RATE_LIMITED, err,
		    "too many requests for this mailbox wait");
	TRY(rc);
	TRY(second(visit, guard, err));
	TRY(find(visit, guard->name, guard, err));
	return sql_act_commit(&act, err);
}

static enum rc
answer_undo(struct visit *visit, struct err *err)
{
	const char *address =
	    json_string_value(json_object_get(visit->payload, "address"));
	struct guard guard GUARD_OWNED = GUARD;

	if (!visit->person.is_operator)
		return problem_set(visit->answer, PROBLEM_UNAUTHORIZED, err,
		    "this is for operators");
	if (address == NULL)
		return problem_set(visit->answer, PROBLEM_MALFORMED, err,
		    "want the \"address\" of a mailbox");
	(void)snprintf(visit->actor, sizeof(visit->actor), "operator %s",
	    visit->person.address);
	TRY(undo(visit, address, &guard, err));
	visit->answer->mail_waits = true;
	return answer_json(visit, guard_json(GUARD_DESK_PATH, &guard), err);
}

static enum rc
answer(struct visit *visit, struct err *err)
{
	bool post = strcmp(visit->request->method, "POST") == 0;
	bool list = strcmp(visit->name, "pending") == 0;

	TRY(admit(visit, err));
	if (list != !post ||
	    (list && strcmp(visit->request->method, "GET") != 0)) {
		TRY(http_answer_add_header(
		    visit->answer, "Allow", err, list ? "GET" : "POST"));
		return problem_set(visit->answer, PROBLEM_METHOD, err,
		    "GET " GUARD_DESK_PATH "pending, or POST to what it names");
	}
	if (list)
		return pending(visit, err);
	TRY(read_payload(visit, err));
	return strcmp(visit->name, "undo") == 0 ? answer_undo(visit, err)
						: answer_word(visit, err);
}

enum rc
guard_desk_answer(const struct guard_desk *desk,
    const struct http_request *request, int64_t now, struct http_answer *into,
    struct err *err)
{
	unsigned tries = 0;
	enum rc rc;

	do {
		struct visit visit = {.desk = desk,
		    .request = request,
		    .answer = into,
		    .now = now,
		    .name = request->path + strlen(GUARD_DESK_PATH)};
		http_answer_cut(into, 0);
		rc = answer(&visit, err);
		person_done(&visit.person);
		json_decref(visit.payload);
	} while (rc == RC_AGAIN && sql_again(&tries));
	return rc;
}
