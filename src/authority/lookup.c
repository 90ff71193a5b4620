#include "authority/lookup.h"

#include <stdlib.h>

#include <jansson.h>

#include "authority/acme.h"
#include "authority/issued.h"
#include "authority/problem.h"
#include "codec/base64.h"
#include "os/clock.h"

#define DER_MAX ((size_t)64 * 1024)

OWNER(json_t, json_decref);
OWNER(char, free);

static enum rc
check(const struct lookup *lookup, const struct http_request *request,
    struct http_answer *answer, struct err *err)
{
	int64_t wait = 0;

	if (strcmp(request->method, "GET") != 0 &&
	    strcmp(request->method, "HEAD") != 0) {
		TRY(http_answer_add_header(answer, "Allow", err, "GET, HEAD"));
		return problem_set(answer, PROBLEM_METHOD, err, "use GET here");
	}
	/* An address that is asked for tells whether it exists: nobody may
	 * ask for all of them. */
	if (rate_allow(lookup->rate, request->peer, clock_ticks(), &wait))
		return RC_OK;
	TRY(http_answer_add_header(
	    answer, "Retry-After", err, "%lld", (long long)wait));
	return problem_set(answer, PROBLEM_RATE_LIMITED, err,
	    "too many look-ups from your address");
}

static enum rc
add_der(json_t *list, struct span der, struct err *err)
{
	struct buf text BUF_OWNED = BUF(2 * DER_MAX);
	const char *line = NULL;

	TRY(base64_encode(der, 0, &text, err));
	TRY(buf_str(&text, &line, err));
	if (json_array_append_new(list, json_string(line)) != 0)
		return err_nomem(err, "look-up");
	return RC_OK;
}

/* Add every certificate of exactly this address; RC_ABSENT: it has none. */
static enum rc
collect(const struct lookup *lookup, const char *address, int64_t now,
    json_t *lists[2], struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	enum rc rc, found = RC_ABSENT;

	TRY(issued_select(lookup->sql, address, now, &rows, err));
	while ((rc = sql_rows_next(rows, err)) == RC_OK) {
		struct span der = sql_rows_bytes(rows, 0);
		struct span kind = sql_rows_bytes(rows, 1);
		if (!span_is(kind, span_str("signing")))
			TRY(add_der(lists[0], der, err));
		if (!span_is(kind, span_str("encrypting")))
			TRY(add_der(lists[1], der, err));
		found = RC_OK;
	}
	return rc == RC_ABSENT ? found : rc;
}

/* The spelling under which there is something, appended to `spelling`, and its
 * certificates. */
static enum rc
find(const struct lookup *lookup, const char *address, int64_t now,
    json_t *object, struct err *err)
{
	json_t *lists[2] = {json_object_get(object, "encrypting"),
	    json_object_get(object, "signing")};
	struct buf folded BUF_OWNED = BUF_SMALL;
	char *other OWNED(free) = NULL;
	const char *text = NULL;

	enum rc rc = collect(lookup, address, now, lists, err);
	if (rc != RC_ABSENT)
		return rc;
	TRY(authorization_fold(address, &folded, err));
	TRY(buf_str(&folded, &text, err));
	TRY(issued_find_spelling(lookup->sql, text, now, &other, err));
	if (json_object_set_new(object, "address", json_string(other)) != 0)
		return err_nomem(err, "look-up");
	return collect(lookup, other, now, lists, err);
}

/* Every CA whose certificates are good still: who asks has what he needs for
 * each of the certificates, whichever of them issued it. */
static enum rc
add_chain(const struct lookup *lookup, json_t *object, struct err *err)
{
	const struct hierarchy *hierarchy = lookup->hierarchy;
	json_t *chain = json_object_get(object, "chain");

	for (size_t i = 0; i < hierarchy->issuings; i++) {
		struct buf der BUF_OWNED = BUF(DER_MAX);
		TRY(hierarchy_der(hierarchy->issuing[i].cert, &der, err));
		TRY(add_der(chain, buf_span(&der), err));
	}
	return RC_OK;
}

static enum rc
read_address(const struct lookup *lookup, const struct http_request *request,
    struct buf *address, struct err *err)
{
	struct buf raw BUF_OWNED = BUF_SMALL;

	TRY(http_query(request, "address", &raw, err));
	return acme_address(lookup->settings, buf_span(&raw), address, err);
}

enum rc
lookup_answer(const struct lookup *lookup, const struct http_request *request,
    int64_t now, struct http_answer *answer, struct err *err)
{
	struct buf address BUF_OWNED = BUF_SMALL;
	struct err why = ERR_NONE;
	const char *text = NULL;

	TRY(check(lookup, request, answer, err));
	enum rc rc = read_address(lookup, request, &address, &why);
	if (rc == RC_UNFIT)
		rc = RC_ABSENT;
	else if (rc != RC_OK)
		return problem_set(
		    answer, PROBLEM_MALFORMED, err, "%s", why.text);
	TRY(buf_str(&address, &text, err));
	json_t *object OWNED(json_decref) = json_pack("{s:s, s:[], s:[], s:[]}",
	    "address", text, "encrypting", "signing", "chain");
	if (object == NULL)
		return err_nomem(err, "look-up");
	if (rc == RC_OK)
		rc = find(lookup, text, now, object, err);
	if (rc == RC_ABSENT)
		return problem_set(answer, PROBLEM_NOT_FOUND, err,
		    "no certificate is known for this address");
	TRY(rc);
	TRY(add_chain(lookup, object, err));
	char *json OWNED(free) = json_dumps(object, 0);
	if (json == NULL)
		return err_nomem(err, "look-up");
	return http_answer_set(
	    answer, 200, "application/json", span_str(json), err);
}
