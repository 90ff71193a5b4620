#include "authority/guard_desk.h"

#include <stdlib.h>

#include "authority/guard_json.h"
#include "authority/guard_page.h"
#include "authority/guard_voice.h"
#include "authority/person.h"
#include "authority/problem.h"
#include "os/log.h"

OWNER(json_t, json_decref);
OWNER(char, free);

/* One request of one person. */
struct visit {
	const struct guard_desk *desk;
	const struct http_request *request;
	struct http_answer *answer;
	int64_t now;
	const char *name; /* the path behind GUARD_DESK_PATH */
	struct person person;
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
	return rc == RC_OK ? RC_OK : err_set(err, rc, "%s", why.text);
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

static struct guard_voice
voice_of(const struct visit *visit)
{
	return (struct guard_voice){.sql = visit->desk->sql,
	    .person = &visit->person,
	    .now = visit->now};
}

/* What a voice came to, as a problem document. */
static enum rc
settle(struct visit *visit, enum rc rc, const struct err *why, struct err *err)
{
	static const struct {
		enum rc rc;
		enum problem problem;
	} table[] = {
	    {RC_REFUSED, PROBLEM_CONFLICT},
	    {RC_UNFIT, PROBLEM_UNAUTHORIZED},
	    {RC_ABSENT, PROBLEM_NOT_FOUND},
	    {RC_LIMIT, PROBLEM_RATE_LIMITED},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].rc == rc)
			return problem_set(visit->answer, table[i].problem, err,
			    "%s", why->text);
	return rc == RC_OK ? RC_OK : err_set(err, rc, "%s", why->text);
}

static enum rc
answer_word(struct visit *visit, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	const struct guard_voice voice = voice_of(visit);
	struct guard guard GUARD_OWNED = GUARD;
	struct err why = ERR_NONE;
	bool approves = false;

	if (guard_json_word(visit->payload, &approves, &why) != RC_OK)
		return problem_set(
		    visit->answer, PROBLEM_MALFORMED, err, "%s", why.text);
	TRY(sql_act_begin(visit->desk->sql, &act, err));
	TRY(find(visit, visit->name, &guard, err));
	enum rc rc = guard_voice_say(&voice, &guard, approves, &why);
	TRY(settle(visit, rc, &why, err));
	TRY(find(visit, visit->name, &guard, err));
	TRY(sql_act_commit(&act, err));
	log_info("guard: %s of %s is %s after a word by %s",
	    guard_kind_name(guard.kind), guard.address,
	    guard_state_name(guard.state), visit->person.address);
	return answer_json(visit, guard_json(GUARD_DESK_PATH, &guard), err);
}

static enum rc
undo(struct visit *visit, const char *address, struct guard *guard,
    struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	const struct guard_voice voice = voice_of(visit);
	struct err why = ERR_NONE;

	TRY(sql_act_begin(visit->desk->sql, &act, err));
	enum rc rc = guard_voice_undo(&voice, address, guard, &why);
	TRY(settle(visit, rc, &why, err));
	TRY(find(visit, guard->name, guard, err));
	return sql_act_commit(&act, err);
}

static enum rc
answer_undo(struct visit *visit, struct err *err)
{
	const char *address =
	    json_string_value(json_object_get(visit->payload, "address"));
	struct guard guard GUARD_OWNED = GUARD;

	if (visit->person.is_operator && address == NULL)
		return problem_set(visit->answer, PROBLEM_MALFORMED, err,
		    "want the \"address\" of a mailbox");
	TRY(undo(visit, address != NULL ? address : "", &guard, err));
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

	if (strcmp(request->path, GUARD_DESK_PATH) == 0)
		return guard_page_answer(desk, request, now, into, err);

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
