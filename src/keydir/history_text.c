#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "codec/hex.h"
#include "keydir/history.h"

/* --- the item's text, JSON ---------------------------------------------------*/

static void
json_free(json_t **json)
{
	json_decref(*json);
}
#define JSON_OWNED __attribute__((cleanup(json_free)))

static enum rc
unreadable(struct err *err)
{
	return err_set(
	    err, RC_SYNTAX, "what is remembered of an address cannot be read");
}

static bool
get_text(const json_t *object, const char *name, char *ret, size_t size)
{
	const char *text = json_string_value(json_object_get(object, name));

	if (text == NULL || strlen(text) >= size)
		return false;
	(void)snprintf(ret, size, "%s", text);
	return true;
}

static bool
get_number(const json_t *object, const char *name, int64_t most, int64_t *ret)
{
	const json_t *number = json_object_get(object, name);
	int64_t value = json_integer_value(number);

	if (!json_is_integer(number) || value < 0 || value > most)
		return false;
	*ret = value;
	return true;
}

static bool
get_count(const json_t *object, const char *name, unsigned *ret)
{
	int64_t value = 0;

	if (!get_number(object, name, UINT32_MAX, &value))
		return false;
	*ret = (unsigned)value;
	return true;
}

static bool
get_flag(const json_t *object, const char *name, bool *ret)
{
	const json_t *flag = json_object_get(object, name);

	*ret = json_is_true(flag);
	return json_is_boolean(flag);
}

static bool
get_bytes(const json_t *value, uint8_t *ret, size_t len)
{
	struct buf bytes BUF_OWNED = BUF_SMALL;
	struct err ignored = ERR_NONE;
	const char *text = json_string_value(value);

	if (text == NULL ||
	    hex_decode(span_str(text), &bytes, &ignored) != RC_OK ||
	    bytes.len != len)
		return false;
	memcpy(ret, bytes.data, len);
	return true;
}

static bool
get_key(const json_t *item, struct history_key *ret)
{
	return get_bytes(
		   json_object_get(item, "key"), ret->key, sizeof(ret->key)) &&
	       get_bytes(json_object_get(item, "root"), ret->root,
		   sizeof(ret->root)) &&
	       get_number(item, "first", INT64_MAX, &ret->first) &&
	       get_number(item, "last", INT64_MAX, &ret->last) &&
	       ret->first <= ret->last &&
	       get_count(item, "letters", &ret->letters) &&
	       get_flag(item, "fine", &ret->fine);
}

static bool
get_keys(const json_t *object, struct history *ret)
{
	const json_t *list = json_object_get(object, "keys");

	if (!json_is_array(list) || json_array_size(list) > HISTORY_KEYS)
		return false;
	for (size_t i = 0; i < json_array_size(list); i++)
		if (!get_key(json_array_get(list, i), &ret->key[ret->keys++]))
			return false;
	return true;
}

static bool
get_marks(const json_t *object, struct history *ret)
{
	const json_t *list = json_object_get(object, "marks");

	if (!json_is_array(list) || json_array_size(list) > HISTORY_MARKS)
		return false;
	for (size_t i = 0; i < json_array_size(list); i++)
		if (!get_bytes(json_array_get(list, i),
			(uint8_t *)&ret->mark[ret->marks++],
			sizeof(ret->mark[0])))
			return false;
	return true;
}

static bool
get_all(const json_t *o, struct history *ret)
{
	return get_text(o, "address", ret->address, sizeof(ret->address)) &&
	       ret->address[0] != '\0' &&
	       get_text(o, "name", ret->name, sizeof(ret->name)) &&
	       get_number(o, "wrote", INT64_MAX, &ret->wrote) &&
	       get_flag(o, "imitates", &ret->imitates) &&
	       get_number(o, "fine", INT64_MAX, &ret->fine) &&
	       get_flag(o, "fine-unsigned", &ret->fine_unsigned) &&
	       get_count(o, "letters", &ret->letters) &&
	       get_count(o, "unsigned", &ret->unsigned_too) &&
	       get_number(o, "since", INT64_MAX, &ret->since) &&
	       get_number(o, "last", INT64_MAX, &ret->last) &&
	       get_number(o, "steady", INT64_MAX, &ret->steady) &&
	       get_keys(o, ret) && get_marks(o, ret);
}

enum rc
history_parse(struct span text, struct history *ret, struct err *err)
{
	json_t *object JSON_OWNED = json_loadb(
	    (const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
	struct history got = {.keys = 0};

	if (!json_is_object(object) || !get_all(object, &got))
		return unreadable(err);
	*ret = got;
	return RC_OK;
}

static enum rc
add_hex(const uint8_t *bytes, size_t len, struct buf *out, struct err *err)
{
	TRY(buf_add_byte(out, '"', err));
	TRY(hex_encode(span_of(bytes, len), out, err));
	return buf_add_byte(out, '"', err);
}

/* As a JSON string; what is no UTF-8 is not remembered. */
static enum rc
add_text(const char *name, const char *text, struct buf *out, struct err *err)
{
	json_t *string JSON_OWNED = json_string(text);
	char *printed = json_dumps(string, JSON_ENCODE_ANY);

	enum rc rc = buf_add_format(
	    out, err, "\"%s\": %s, ", name, printed != NULL ? printed : "\"\"");
	free(printed);
	return rc;
}

static const char *
flag(bool value)
{
	return value ? "true" : "false";
}

static enum rc
print_key(const struct history_key *key, struct buf *out, struct err *err)
{
	TRY(buf_add_str(out, "\n {\"key\": ", err));
	TRY(add_hex(key->key, sizeof(key->key), out, err));
	TRY(buf_add_str(out, ", \"root\": ", err));
	TRY(add_hex(key->root, sizeof(key->root), out, err));
	return buf_add_format(out, err,
	    ", \"first\": %lld, \"last\": %lld, \"letters\": %u, "
	    "\"fine\": %s}",
	    (long long)key->first, (long long)key->last, key->letters,
	    flag(key->fine));
}

static enum rc
print_head(const struct history *h, struct buf *out, struct err *err)
{
	TRY(buf_add_str(out, "{", err));
	TRY(add_text("address", h->address, out, err));
	TRY(add_text("name", h->name, out, err));
	TRY(buf_add_format(out, err,
	    "\"wrote\": %lld, \"imitates\": %s, \"fine\": %lld, "
	    "\"fine-unsigned\": %s,\n",
	    (long long)h->wrote, flag(h->imitates), (long long)h->fine,
	    flag(h->fine_unsigned)));
	return buf_add_format(out, err,
	    " \"letters\": %u, \"unsigned\": %u, \"since\": %lld, "
	    "\"last\": %lld, \"steady\": %lld,\n",
	    h->letters, h->unsigned_too, (long long)h->since,
	    (long long)h->last, (long long)h->steady);
}

enum rc
history_print(const struct history *h, struct buf *out, struct err *err)
{
	TRY(print_head(h, out, err));
	TRY(buf_add_str(out, " \"keys\": [", err));
	for (size_t i = 0; i < h->keys; i++) {
		TRY(buf_add_str(out, i > 0 ? "," : "", err));
		TRY(print_key(&h->key[i], out, err));
	}
	TRY(buf_add_str(out, "],\n \"marks\": [", err));
	for (size_t i = 0; i < h->marks; i++) {
		TRY(buf_add_str(out, i > 0 ? ", " : "", err));
		TRY(add_hex((const uint8_t *)&h->mark[i], sizeof(h->mark[i]),
		    out, err));
	}
	return buf_add_str(out, "]}\n", err);
}
