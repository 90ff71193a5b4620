#include "enrol/acme_guard.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "enrol/acme_priv.h"
#include "proto/jws.h"

/* -- what is told -- */

static const struct {
	const char *name;
	size_t offset, size;
	bool needed;
} texts[] = {
#define TEXT(name, member, needed)                                    \
	{                                                             \
		name, offsetof(struct acme_wish, member),             \
		    sizeof(((struct acme_wish *)0)->member), (needed) \
	}
    TEXT("url", url, true),
    TEXT("kind", kind, true),
    TEXT("status", status, true),
    TEXT("address", address, true),
    TEXT("created", created, true),
    TEXT("expires", expires, true),
    TEXT("key", key, false),
    TEXT("serial", serial, false),
    TEXT("decidedBy", by, false),
#undef TEXT
};
#define TEXTS (sizeof(texts) / sizeof(texts[0]))

/* What they do to a terminal is not left to the authority.  The address is
 * signed as it is, and shown by nobody who has not compared it. */
static void
make_printable(char *text)
{
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

static enum rc
read_wish(const json_t *json, struct acme_wish *ret, struct err *err)
{
	struct acme_wish wish = {0};

	for (size_t i = 0; i < TEXTS; i++) {
		char *room = (char *)&wish + texts[i].offset;
		enum rc rc = acme_find_text(
		    json, texts[i].name, room, texts[i].size, err);
		if (rc == RC_ABSENT && texts[i].needed)
			return acme_lacks(texts[i].name, err);
		if (rc != RC_ABSENT)
			TRY(rc);
		if (room != wish.address)
			make_printable(room);
	}
	TRY(acme_read_url(json, "url", wish.url, err));
	*ret = wish;
	return RC_OK;
}

static enum rc
read_answer(const struct https_response *response, struct acme_wish *ret,
    struct err *err)
{
	json_t *json OWNED(json_decref) = NULL;

	TRY(acme_parse(&response->body, &json, err));
	return read_wish(json, ret, err);
}

const char *
acme_wish_name(const struct acme_wish *wish)
{
	const char *slash = strrchr(wish->url, '/');

	return slash != NULL ? slash + 1 : wish->url;
}

bool
acme_wish_is_open(const struct acme_wish *wish)
{
	return strcmp(wish->status, "open") == 0;
}

void
acme_wishes_done(struct acme_wishes *wishes)
{
	free(wishes->item);
	*wishes = (struct acme_wishes){0};
}

static enum rc
read_wishes(const json_t *list, struct acme_wishes *ret, struct err *err)
{
	struct acme_wishes own ACME_WISHES_OWNED = {0};
	size_t len = json_array_size(list);

	if (!json_is_array(list))
		return acme_lacks("requests", err);
	if (len > ACME_WISHES_MAX)
		return err_set(err, RC_LIMIT,
		    "%zu requests wait at the authority, more than %d", len,
		    ACME_WISHES_MAX);
	own.item = calloc(len + 1, sizeof(*own.item));
	if (own.item == NULL)
		return err_nomem(err, "what waits");
	for (; own.len < len; own.len++)
		TRY(read_wish(
		    json_array_get(list, own.len), &own.item[own.len], err));
	acme_wishes_done(ret);
	*ret = own;
	own = (struct acme_wishes){0};
	return RC_OK;
}

/* -- what is asked -- */

static enum rc
no_guard(struct err *err)
{
	return err_set(err, RC_ABSENT,
	    "this authority does not guard mailboxes that have devices");
}

bool
acme_has_guard(const struct acme *acme)
{
	return acme->guard[0] != '\0' && acme->recovery[0] != '\0';
}

enum rc
acme_wishes_get(struct acme *acme, struct acme_wishes *ret, struct err *err)
{
	struct https_response response RESPONSE_OWNED;
	json_t *json OWNED(json_decref) = NULL;

	acme_response_init(&response);
	if (!acme_has_guard(acme))
		return no_guard(err);
	TRY(acme_post(acme, acme->guard, SPAN_NONE, &response, err));
	TRY(acme_parse(&response.body, &json, err));
	return read_wishes(json_object_get(json, "requests"), ret, err);
}

/* A name is no path: it goes nowhere else. */
static enum rc
find_url(const struct acme *acme, const char *where, char ret[ACME_URL_MAX + 1],
    struct err *err)
{
	if (strncmp(where, "https://", 8) == 0 &&
	    strlen(where) <= ACME_URL_MAX) {
		memcpy(ret, where, strlen(where) + 1);
		return RC_OK;
	}
	for (const char *at = where; *at != '\0'; at++)
		if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxy"
			   "z0123456789-_",
			*at) == NULL)
			return err_set(err, RC_SYNTAX,
			    "%.60s: not a name of what waits", where);
	int len = snprintf(ret, ACME_URL_MAX + 1, "%s/%s", acme->guard, where);
	if (where[0] == '\0' || len < 0 || len > ACME_URL_MAX)
		return err_set(err, RC_SYNTAX, "not a name of what waits");
	return RC_OK;
}

enum rc
acme_wish_get(struct acme *acme, const char *where, struct acme_wish *ret,
    struct err *err)
{
	struct https_response response RESPONSE_OWNED;
	char url[ACME_URL_MAX + 1];

	acme_response_init(&response);
	if (!acme_has_guard(acme))
		return no_guard(err);
	TRY(find_url(acme, where, url, err));
	TRY(acme_post(acme, url, SPAN_NONE, &response, err));
	return read_answer(&response, ret, err);
}

enum rc
acme_wish_decide(
    struct acme *acme, struct acme_wish *wish, bool approves, struct err *err)
{
	struct https_response response RESPONSE_OWNED;
	json_t *payload OWNED(json_decref) =
	    json_pack("{s:s}", "status", approves ? "approved" : "refused");

	acme_response_init(&response);
	TRY(acme_post_json(acme, wish->url, payload, &response, err));
	return read_answer(&response, wish, err);
}

/* -- the recovery code -- */

/* Sign with the key of the code, for `url`: *ret is the JWS, the caller's. */
static enum rc
sign_inner(struct span jwk, const char *url, json_t *said, json_t **ret,
    struct err *err)
{
	struct buf text BUF_OWNED = BUF(ACME_BODY_MAX);
	char *payload = said != NULL ? json_dumps(said, JSON_COMPACT) : NULL;

	if (payload == NULL)
		return err_nomem(err, "proof");
	const struct jws_request request = {
	    .jwk = jwk, .url = url, .payload = span_str(payload)};
	enum rc rc = jws_sign(&request, &text, err);
	free(payload);
	TRY(rc);
	*ret = json_loadb((const char *)text.data, text.len, 0, NULL);
	return *ret != NULL ? RC_OK : err_nomem(err, "proof");
}

static const char *
or_null(const char *text)
{
	return text[0] != '\0' ? text : NULL;
}

enum rc
acme_wish_prove(
    struct acme *acme, struct acme_wish *wish, struct span jwk, struct err *err)
{
	struct https_response response RESPONSE_OWNED;
	json_t *proof OWNED(json_decref) = NULL;
	json_t *said OWNED(json_decref) = json_pack(
	    "{s:s, s:s, s:s, s:s, s:s*, s:s*}", "url", wish->url, "status",
	    "approved", "kind", wish->kind, "address", wish->address, "key",
	    or_null(wish->key), "serial", or_null(wish->serial));

	acme_response_init(&response);
	TRY(sign_inner(jwk, wish->url, said, &proof, err));
	json_t *payload OWNED(json_decref) =
	    json_pack("{s:s, s:O}", "status", "approved", "proof", proof);
	TRY(acme_post_json(acme, wish->url, payload, &response, err));
	return read_answer(&response, wish, err);
}

static enum rc
ask_recovery(struct acme *acme, json_t *payload, bool *ret, struct err *err)
{
	struct https_response response RESPONSE_OWNED;
	json_t *json OWNED(json_decref) = NULL;

	acme_response_init(&response);
	TRY(acme_post_json(acme, acme->recovery, payload, &response, err));
	TRY(acme_parse(&response.body, &json, err));
	const json_t *registered = json_object_get(json, "registered");
	if (!json_is_boolean(registered))
		return acme_lacks("registered", err);
	*ret = json_is_true(registered);
	return RC_OK;
}

enum rc
acme_recovery_find(
    struct acme *acme, const char *address, bool *ret, struct err *err)
{
	json_t *payload OWNED(json_decref) =
	    json_pack("{s:s}", "address", address);

	if (!acme_has_guard(acme))
		return no_guard(err);
	return ask_recovery(acme, payload, ret, err);
}

enum rc
acme_recovery_set(
    struct acme *acme, const struct acme_recovery *recovery, struct err *err)
{
	json_t *key OWNED(json_decref) = NULL;
	json_t *said OWNED(json_decref) = json_pack("{s:s, s:s}", "account",
	    acme->account, "address", recovery->address);
	bool registered = false;

	if (!acme_has_guard(acme))
		return no_guard(err);
	TRY(sign_inner(recovery->jwk, acme->recovery, said, &key, err));
	json_t *payload OWNED(json_decref) =
	    json_pack("{s:s, s:O, s:b}", "address", recovery->address, "key",
		key, "replace", (int)recovery->replaces);
	TRY(ask_recovery(acme, payload, &registered, err));
	if (registered)
		return RC_OK;
	return err_set(
	    err, RC_REFUSED, "the authority did not take the recovery code");
}

/* -- the domain's owner -- */

static enum rc
read_record(const json_t *json, struct acme_record *ret, struct err *err)
{
	const json_t *record = json_object_get(json, "record");
	struct acme_record own = {0};

	if (acme_find_text(record, "name", own.name, sizeof(own.name), err) !=
		RC_OK ||
	    acme_find_text(
		record, "value", own.value, sizeof(own.value), err) != RC_OK)
		return acme_lacks("record", err);
	make_printable(own.name);
	make_printable(own.value);
	*ret = own;
	return RC_OK;
}

enum rc
acme_undo(struct acme *acme, const char *address, struct acme_wish *ret,
    struct acme_record *ret_record, struct err *err)
{
	struct https_response response RESPONSE_OWNED;
	json_t *json OWNED(json_decref) = NULL;
	json_t *payload OWNED(json_decref) =
	    json_pack("{s:s}", "address", address);

	acme_response_init(&response);
	if (acme->undo[0] == '\0')
		return no_guard(err);
	TRY(acme_post_json(acme, acme->undo, payload, &response, err));
	TRY(acme_parse(&response.body, &json, err));
	TRY(read_wish(json, ret, err));
	return read_record(json, ret_record, err);
}
