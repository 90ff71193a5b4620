#include "authority/lookup.h"

#include <stdlib.h>

#include <jansson.h>

#include "authority/directory.h"
#include "authority/problem.h"
#include "codec/base64.h"
#include "os/clock.h"

#define DER_MAX ((size_t)64 * 1024)

OWNER(json_t, json_decref);
OWNER(char, free);

/* An address that is asked for tells whether it exists: nobody may ask for all
 * of them. */
static enum rc
count(const struct lookup *lookup, const struct http_request *request,
    size_t addresses, struct http_answer *answer, struct err *err)
{
	char client[RATE_CLIENT_MAX];
	bool allowed = true;
	int64_t wait = 0;

	rate_client(request->peer, client);
	for (size_t i = 0; i < addresses && allowed; i++)
		allowed =
		    rate_allow(lookup->rate, client, clock_ticks(), &wait);
	if (allowed)
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

static enum rc
add_found(const struct directory_found *found, json_t *object, struct err *err)
{
	json_t *encrypting = json_object_get(object, "encrypting");
	json_t *signing = json_object_get(object, "signing");

	for (size_t i = 0; i < found->len; i++) {
		struct span der = directory_der(found, i);
		if (found->item[i].encrypting)
			TRY(add_der(encrypting, der, err));
		if (found->item[i].signing)
			TRY(add_der(signing, der, err));
	}
	return RC_OK;
}

static enum rc
new_object(const char *address, json_t **ret, struct err *err)
{
	*ret = json_pack(
	    "{s:s, s:[], s:[]}", "address", address, "encrypting", "signing");
	return *ret != NULL ? RC_OK : err_nomem(err, "look-up");
}

/* Make the object of one address.  RC_ABSENT: nothing is known of it.
 * RC_SYNTAX: not an address. */
static enum rc
look_up(const struct lookup *lookup, struct span address, int64_t now,
    json_t **ret, struct err *err)
{
	struct directory_found found DIRECTORY_FOUND_OWNED = DIRECTORY_FOUND;
	json_t *object OWNED(json_decref) = NULL;

	TRY(directory_find_address(
	    lookup->sql, lookup->settings, address, now, &found, err));
	TRY(new_object(found.address, &object, err));
	TRY(add_found(&found, object, err));
	*ret = take(object);
	return RC_OK;
}

/* Every CA whose certificates are good still: who asks has what he needs for
 * each of the certificates, whichever of them issued it. */
static enum rc
add_chain(const struct lookup *lookup, json_t *object, struct err *err)
{
	const struct hierarchy *hierarchy = lookup->hierarchy;
	json_t *chain = json_array();

	if (json_object_set_new(object, "chain", chain) != 0)
		return err_nomem(err, "look-up");
	for (size_t i = 0; i < hierarchy->issuings; i++) {
		struct buf der BUF_OWNED = BUF(DER_MAX);
		TRY(hierarchy_der(hierarchy->issuing[i].cert, &der, err));
		TRY(add_der(chain, buf_span(&der), err));
	}
	return RC_OK;
}

static enum rc
answer_json(const struct lookup *lookup, json_t *object,
    struct http_answer *answer, struct err *err)
{
	TRY(add_chain(lookup, object, err));
	char *text OWNED(free) = json_dumps(object, 0);
	if (text == NULL)
		return err_nomem(err, "look-up");
	return http_answer_set(
	    answer, 200, "application/json", span_str(text), err);
}

static enum rc
answer_one(const struct lookup *lookup, const struct http_request *request,
    int64_t now, struct http_answer *answer, struct err *err)
{
	json_t *object OWNED(json_decref) = NULL;
	struct buf address BUF_OWNED = BUF_SMALL;
	struct err why = ERR_NONE;

	TRY(count(lookup, request, 1, answer, err));
	enum rc rc = http_query(request, "address", &address, &why);
	if (rc == RC_OK) {
		rc = look_up(lookup, buf_span(&address), now, &object, &why);
		if (rc == RC_ABSENT)
			return problem_set(answer, PROBLEM_NOT_FOUND, err,
			    "no certificate is known for this address");
	}
	if (rc == RC_ABSENT || rc == RC_SYNTAX)
		return problem_set(
		    answer, PROBLEM_MALFORMED, err, "%s", why.text);
	if (rc != RC_OK)
		return err_set(err, rc, "%s", why.text);
	return answer_json(lookup, object, answer, err);
}

static enum rc
read_addresses(const struct http_request *request, json_t **ret_body,
    json_t **ret, struct http_answer *answer, struct err *err)
{
	if (!http_has_type(request, "application/json"))
		return problem_set(
		    answer, PROBLEM_MEDIA_TYPE, err, "send application/json");
	*ret_body = json_loadb((const char *)request->body.data,
	    request->body.len, JSON_REJECT_DUPLICATES, NULL);
	*ret = json_object_get(*ret_body, "addresses");
	if (!json_is_array(*ret) || json_array_size(*ret) == 0 ||
	    json_array_size(*ret) > LOOKUP_ADDRESSES_MAX)
		return problem_set(answer, PROBLEM_MALFORMED, err,
		    "want {\"addresses\": [...]} with 1 to %d of them",
		    LOOKUP_ADDRESSES_MAX);
	for (size_t i = 0; i < json_array_size(*ret); i++)
		if (!json_is_string(json_array_get(*ret, i)))
			return problem_set(answer, PROBLEM_MALFORMED, err,
			    "an address is a text");
	return RC_OK;
}

static enum rc
answer_many(const struct lookup *lookup, const struct http_request *request,
    int64_t now, struct http_answer *answer, struct err *err)
{
	json_t *body OWNED(json_decref) = NULL;
	json_t *addresses = NULL; /* lent by the body */

	TRY(read_addresses(request, &body, &addresses, answer, err));
	size_t len = json_array_size(addresses);
	TRY(count(lookup, request, len, answer, err));
	json_t *all OWNED(json_decref) = json_pack("{s:[]}", "found");
	for (size_t i = 0; i < len; i++) {
		const char *one =
		    json_string_value(json_array_get(addresses, i));
		json_t *object = NULL;
		enum rc rc = look_up(lookup, span_str(one), now, &object, err);
		if (rc == RC_ABSENT || rc == RC_SYNTAX)
			rc = new_object(one, &object, err);
		TRY(rc);
		if (json_array_append_new(
			json_object_get(all, "found"), object) != 0)
			return err_nomem(err, "look-up");
	}
	return answer_json(lookup, all, answer, err);
}

enum rc
lookup_answer(const struct lookup *lookup, const struct http_request *request,
    int64_t now, struct http_answer *answer, struct err *err)
{
	if (strcmp(request->method, "GET") == 0 ||
	    strcmp(request->method, "HEAD") == 0)
		return answer_one(lookup, request, now, answer, err);
	if (strcmp(request->method, "POST") == 0)
		return answer_many(lookup, request, now, answer, err);
	TRY(http_answer_add_header(answer, "Allow", err, "GET, HEAD, POST"));
	return problem_set(answer, PROBLEM_METHOD, err, "use GET or POST here");
}
