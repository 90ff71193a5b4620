#include "authority/guard_json.h"

#include "codec/hex.h"
#include "codec/when.h"

static json_t *
hex_json(const struct buf *bytes)
{
	struct buf hex BUF_OWNED = BUF_SMALL;

	if (bytes->len == 0 || hex_encode(buf_span(bytes), &hex, NULL) != RC_OK)
		return NULL;
	return json_stringn((const char *)hex.data, hex.len);
}

json_t *
guard_json(const char *base, const struct guard *guard)
{
	char created[WHEN_TEXT_MAX], expires[WHEN_TEXT_MAX];

	when_print(guard->created, created);
	when_print(guard->expires, expires);
	return json_pack("{s:o, s:s, s:s, s:s, s:s, s:s, s:s*, s:o*, s:o*}",
	    "url", json_sprintf("%s%s", base, guard->name), "kind",
	    guard_kind_name(guard->kind), "status",
	    guard_state_name(guard->state), "address", guard->address,
	    "created", created, "expires", expires, "decidedBy", guard->by,
	    "key", hex_json(&guard->key_sha256), "serial",
	    hex_json(&guard->serial));
}

enum rc
guard_json_word(const json_t *json, bool *ret, struct err *err)
{
	const char *status = json_string_value(json_object_get(json, "status"));
	bool approves = status != NULL && strcmp(status, "approved") == 0;

	if (!approves && (status == NULL || strcmp(status, "refused") != 0))
		return err_set(err, RC_SYNTAX,
		    "want \"status\": \"approved\" or \"refused\"");
	*ret = approves;
	return RC_OK;
}
