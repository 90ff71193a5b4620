#include "enrol/order.h"

#include <stddef.h>

#include <jansson.h>

#include "proto/jws.h"

#define ORDER_ITEM "order"
#define ACME_ITEM "acme"
#define ITEM_MAX ((size_t)64 * 1024)

OWNER(json_t, json_decref);

static const struct {
	const char *name;
	size_t offset;
	size_t size;
} texts[] = {
#define TEXT(name)                                    \
	{                                             \
#name, offsetof(struct order, name),  \
		    sizeof(((struct order *)0)->name) \
	}
    TEXT(authority),
    TEXT(url),
    TEXT(challenge),
    TEXT(from),
    TEXT(token),
    TEXT(answered),
#undef TEXT
};
#define TEXTS (sizeof(texts) / sizeof(texts[0]))

static const struct {
	const char *name;
	enum key_purpose purpose;
} purposes[] = {
    {"signing", KEY_SIGN},
    {"encrypting", KEY_DECRYPT},
};
#define PURPOSES (sizeof(purposes) / sizeof(purposes[0]))

static enum rc
load_json(
    const struct state *state, const char *item, json_t **ret, struct err *err)
{
	struct buf text BUF_OWNED = BUF_SECRET(ITEM_MAX);

	TRY(state_load(state, item, &text, err));
	json_t *json OWNED(json_decref) =
	    json_loadb((const char *)text.data, text.len, 0, NULL);
	if (!json_is_object(json))
		return err_set(
		    err, RC_SYNTAX, "the saved item \"%s\" is damaged", item);
	*ret = take(json);
	return RC_OK;
}

static int
dump(const char *text, size_t len, void *out)
{
	return buf_add(out, span_of(text, len), NULL) == RC_OK ? 0 : -1;
}

static enum rc
save_json(const struct state *state, const char *item, const json_t *json,
    struct err *err)
{
	struct buf text BUF_OWNED = BUF_SECRET(ITEM_MAX);

	if (json == NULL ||
	    json_dump_callback(json, dump, &text, JSON_COMPACT) != 0)
		return err_nomem(err, "saving what is asked for");
	return state_save(state, item, buf_span(&text), err);
}

/* -- the order -- */

static enum rc
read_order(const json_t *json, struct order *ret, struct err *err)
{
	const char *word = json_string_value(json_object_get(json, "purpose"));
	bool known = false;

	for (size_t i = 0; i < TEXTS; i++) {
		const char *text =
		    json_string_value(json_object_get(json, texts[i].name));
		if (text == NULL || strlen(text) >= texts[i].size)
			return err_set(err, RC_SYNTAX,
			    "the saved order: \"%s\" is missing or wrong",
			    texts[i].name);
		memcpy((char *)ret + texts[i].offset, text, strlen(text) + 1);
	}
	for (size_t i = 0; word != NULL && i < PURPOSES; i++)
		if (strcmp(word, purposes[i].name) == 0) {
			ret->purpose = purposes[i].purpose;
			known = true;
		}
	if (!known)
		return err_set(err, RC_SYNTAX,
		    "the saved order: \"purpose\" is missing or wrong");
	return RC_OK;
}

enum rc
order_load(const struct state *state, struct order *ret, struct err *err)
{
	json_t *json OWNED(json_decref) = NULL;
	struct order order = {0};

	TRY(load_json(state, ORDER_ITEM, &json, err));
	TRY(read_order(json, &order, err));
	*ret = order;
	return RC_OK;
}

enum rc
order_save(
    const struct state *state, const struct order *order, struct err *err)
{
	json_t *json OWNED(json_decref) = json_object();

	for (size_t i = 0; i < TEXTS; i++)
		if (json_object_set_new(json, texts[i].name,
			json_string((const char *)order + texts[i].offset)) !=
		    0)
			return err_nomem(err, "saving what is asked for");
	for (size_t i = 0; i < PURPOSES; i++)
		if (order->purpose == purposes[i].purpose &&
		    json_object_set_new(
			json, "purpose", json_string(purposes[i].name)) != 0)
			return err_nomem(err, "saving what is asked for");
	return save_json(state, ORDER_ITEM, json, err);
}

enum rc
order_remove(const struct state *state, struct err *err)
{
	return state_remove(state, ORDER_ITEM, err);
}

/* -- the account key -- */

enum rc
order_find_account_key(const struct state *state, const char *authority,
    struct buf *jwk, struct err *err)
{
	json_t *json OWNED(json_decref) = NULL;

	TRY(load_json(state, ACME_ITEM, &json, err));
	const char *whose =
	    json_string_value(json_object_get(json, "authority"));
	const json_t *key = json_object_get(json, "jwk");
	if (whose == NULL || strcmp(whose, authority) != 0 ||
	    !json_is_object(key))
		return err_set(err, RC_ABSENT, "no account at %s", authority);
	if (json_dump_callback(key, dump, jwk, JSON_COMPACT) != 0)
		return err_nomem(err, "reading the account key");
	return RC_OK;
}

static enum rc
save_key(const struct state *state, const char *authority, struct span jwk,
    struct err *err)
{
	json_t *json OWNED(json_decref) =
	    json_pack("{s:s, s:o?}", "authority", authority, "jwk",
		json_loadb((const char *)jwk.data, jwk.len, 0, NULL));

	return save_json(state, ACME_ITEM, json, err);
}

enum rc
order_account_key(const struct state *state, const char *authority,
    struct buf *jwk, struct err *err)
{
	struct buf fresh BUF_OWNED = BUF_SECRET(ITEM_MAX);

	enum rc rc = order_find_account_key(state, authority, jwk, err);
	if (rc != RC_ABSENT)
		return rc;
	TRY(jws_make_key(&fresh, err));
	TRY(save_key(state, authority, buf_span(&fresh), err));
	return buf_add(jwk, buf_span(&fresh), err);
}
