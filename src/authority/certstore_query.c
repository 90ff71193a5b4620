#include "authority/certstore_query.h"

#include "authority/http.h"
#include "codec/base64.h"

#define ENCODED_LEN 27 /* 20 octets, without the "=" */

/* The names are exact: "the values are checked for an exact match". */
static const struct {
	const char *name;
	enum certstore_attribute attribute;
	bool hash;
} attributes[] = {
    {"certHash", CERTSTORE_CERT_HASH, true},
    {"iHash", CERTSTORE_ISSUER_HASH, true},
    {"iAndSHash", CERTSTORE_ISSUER_SERIAL_HASH, true},
    {"sHash", CERTSTORE_SUBJECT_HASH, true},
    {"sKIDHash", CERTSTORE_KEY_ID_HASH, true},
    {"uri", CERTSTORE_URI, false},
    {"email", CERTSTORE_URI, false},
    {"name", CERTSTORE_NAME, false},
};
#define ATTRIBUTES (sizeof(attributes) / sizeof(attributes[0]))

void
certstore_query_done(struct certstore_query *query)
{
	buf_done(&query->text);
}

/* Take the next name=value off. */
static struct span
take_pair(struct span *rest, struct span *ret_value)
{
	ptrdiff_t end = span_find_byte(*rest, '&');
	struct span pair = end >= 0 ? span_first(*rest, (size_t)end) : *rest;
	ptrdiff_t sign = span_find_byte(pair, '=');

	*rest = span_after(*rest, pair.len + (end >= 0));
	if (sign < 0) {
		*ret_value = SPAN_NONE;
		return pair;
	}
	*ret_value = span_after(pair, (size_t)sign + 1);
	return span_first(pair, (size_t)sign);
}

static size_t
find_attribute(struct span name)
{
	size_t i = 0;

	while (i < ATTRIBUTES && !span_is(name, span_str(attributes[i].name)))
		i++;
	return i;
}

/* "Implementations MUST verify that the base64-encoded values submitted in
 * requests contain only characters in the ranges 'a'-'z', 'A'-'Z', '0'-'9',
 * '+', and '/'." */
static enum rc
read_hash(struct buf *text, uint8_t ret[CERTSTORE_HASH], struct err *err)
{
	static const char fine[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "abcdefghijklmnopqrstuvwxyz0123456789+/";
	struct buf bytes BUF_OWNED = BUF_SMALL;
	const char *chars = NULL;

	TRY(buf_str(text, &chars, err));
	if (strspn(chars, fine) != ENCODED_LEN || text->len != ENCODED_LEN)
		return err_set(err, RC_SYNTAX,
		    "a hash is %d characters of base64 without \"=\"",
		    ENCODED_LEN);
	TRY(buf_add_byte(text, '=', err));
	TRY(base64_decode(buf_span(text), &bytes, err));
	if (bytes.len != CERTSTORE_HASH)
		return err_set(err, RC_SYNTAX, "not the base64 of a hash");
	memcpy(ret, bytes.data, CERTSTORE_HASH);
	return RC_OK;
}

/* A "+" that was not encoded means a space to a form; in base64 and in
 * addresses there are none, so that there it is what it looks like. */
static enum rc
decode(struct span value, bool form, struct buf *out, struct err *err)
{
	struct buf copy BUF_OWNED = BUF_SMALL;

	TRY(buf_add(&copy, value, err));
	for (size_t i = 0; form && i < copy.len; i++)
		if (copy.data[i] == '+')
			copy.data[i] = ' ';
	TRY(http_percent_decode(buf_span(&copy), out, err));
	return out->len > 0 ? RC_OK : err_set(err, RC_SYNTAX, "an empty value");
}

static enum rc
read_value(size_t which, struct span value, struct certstore_query *ret,
    struct err *err)
{
	ret->attribute = attributes[which].attribute;
	buf_clear(&ret->text);
	TRY(decode(value, ret->attribute == CERTSTORE_NAME, &ret->text, err));
	return attributes[which].hash ? read_hash(&ret->text, ret->hash, err)
				      : RC_OK;
}

/* "Certificate stores SHOULD ignore any additional unrecognised
 * attribute/value pairs present in the URI." */
enum rc
certstore_query_parse(
    struct span query, struct certstore_query *ret, struct err *err)
{
	struct span found = SPAN_NONE, value;
	size_t which = ATTRIBUTES;

	while (query.len > 0) {
		size_t one = find_attribute(take_pair(&query, &value));
		if (one == ATTRIBUTES)
			continue;
		if (which != ATTRIBUTES)
			return err_set(
			    err, RC_SYNTAX, "ask for one attribute only");
		which = one;
		found = value;
	}
	if (which == ATTRIBUTES)
		return err_set(err, RC_SYNTAX,
		    "ask for certHash, iHash, iAndSHash, sHash, sKIDHash, uri "
		    "or name");
	return read_value(which, found, ret, err);
}
