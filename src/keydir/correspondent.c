#include "keydir/correspondent.h"

#include <jansson.h>

#include "keydir/person.h"

#define ITEM_MAX ((size_t)4096)
#define CIPHERS "ciphers"
#define SIGNED_AT "signed"

static const struct {
	enum capability capability;
	const char *name;
} names[] = {
    {CAPABILITY_AES256_GCM, "aes-256-gcm"},
    {CAPABILITY_CHACHA20_POLY1305, "chacha20-poly1305"},
    {CAPABILITY_AES128_GCM, "aes-128-gcm"},
    {CAPABILITY_AES256_CBC, "aes-256-cbc"},
    {CAPABILITY_AES192_CBC, "aes-192-cbc"},
    {CAPABILITY_AES128_CBC, "aes-128-cbc"},
};

static void
json_free(json_t **json)
{
	json_decref(*json);
}
#define JSON_OWNED __attribute__((cleanup(json_free)))

static enum rc
unreadable(struct err *err)
{
	return err_set(err, RC_SYNTAX,
	    "what is remembered of a correspondent cannot be read");
}

static unsigned
find(const char *name)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (name != NULL && !strcmp(name, names[i].name))
			return names[i].capability;
	return 0;
}

static enum rc
parse(struct span text, struct correspondent *ret, struct err *err)
{
	json_t *item JSON_OWNED = json_loadb(
	    (const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *list = json_object_get(item, CIPHERS);
	const json_t *when = json_object_get(item, SIGNED_AT);

	if (!json_is_array(list) || !json_is_integer(when))
		return unreadable(err);
	*ret = (struct correspondent){0, json_integer_value(when)};
	for (size_t i = 0; i < json_array_size(list); i++)
		ret->ciphers |=
		    find(json_string_value(json_array_get(list, i)));
	return RC_OK;
}

static enum rc
print(const struct correspondent *said, struct buf *out, struct err *err)
{
	const char *comma = "";

	TRY(buf_add_str(out, "{\"" CIPHERS "\": [", err));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if ((said->ciphers & names[i].capability) == 0)
			continue;
		TRY(buf_add_format(out, err, "%s\"%s\"", comma, names[i].name));
		comma = ", ";
	}
	return buf_add_format(out, err, "], \"" SIGNED_AT "\": %lld}\n",
	    (long long)said->signed_at);
}

static enum rc
load(const struct state *state, const char *name, struct correspondent *ret,
    struct err *err)
{
	struct buf text BUF_OWNED = BUF(ITEM_MAX);

	TRY(state_load(state, name, &text, err));
	return parse(buf_span(&text), ret, err);
}

enum rc
correspondent_recall(const struct state *state, const char *address,
    struct correspondent *ret, struct err *err)
{
	char name[PERSON_NAME_MAX];

	TRY(person_item(state, address, "", name, err));
	return load(state, name, ret, err);
}

enum rc
correspondent_learn(const struct state *state, const char *address,
    const struct correspondent *said, int64_t now, struct err *err)
{
	struct buf text BUF_OWNED = BUF(ITEM_MAX);
	struct correspondent known = {0};
	struct err why = ERR_NONE;
	char name[PERSON_NAME_MAX];

	if (said->signed_at <= 0 ||
	    said->signed_at > now + CORRESPONDENT_AHEAD_MAX)
		return RC_OK;
	TRY(person_item(state, address, "", name, err));
	enum rc rc = load(state, name, &known, &why);
	if (rc == RC_OK && known.signed_at >= said->signed_at)
		return RC_OK;
	/* one that was damaged is replaced; anything else is a failure */
	if (rc != RC_OK && rc != RC_ABSENT && rc != RC_SYNTAX &&
	    rc != RC_CRYPTO)
		return err_set(err, rc, "%s", why.text);
	TRY(print(said, &text, err));
	return state_save(state, name, buf_span(&text), err);
}
