#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdlib.h>

#include "codec/hex.h"
#include "flow/rest.h"
#include "pki/crypto.h"

#define SALT "letterlock at-rest v1"
#define POINT_MAX 256 /* of P-521, uncompressed: 133 */
#define SECRET_MAX 128

static const struct {
	enum rest_kind kind;
	const char *name;
} kinds[] = {
    {REST_CAME, "at-rest"},
    {REST_KEPT, "kept"},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

const char *
rest_kind_name(enum rest_kind kind)
{
	for (size_t i = 0; i < KINDS; i++)
		if (kinds[i].kind == kind)
			return kinds[i].name;
	bug("rest: no such kind");
}

enum rest_kind
rest_kind_of(const char *name)
{
	for (size_t i = 0; i < KINDS; i++)
		if (strcmp(kinds[i].name, name) == 0)
			return kinds[i].kind;
	return REST_NONE;
}

/* What the key agrees on with itself: the x coordinate of d * (d * G), which
 * nobody computes without d. */
static enum rc
find_secret(const struct reader_key *key, struct buf *ret, struct err *err)
{
	uint8_t point[POINT_MAX];
	size_t len = 0;

	if (key->key->ops->agree == NULL ||
	    EVP_PKEY_get_octet_string_param(key->key->public_key,
		OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point, sizeof(point),
		&len) != 1)
		return err_set(
		    err, RC_UNFIT, "this key does not agree on secrets");
	return key->key->ops->agree(key->key, span_of(point, len), ret, err);
}

static bool
mac(struct span key, struct span bytes, uint8_t ret[REST_MARK_LEN])
{
	return HMAC(EVP_sha256(), key.data, (int)key.len, bytes.data, bytes.len,
		   ret, NULL) != NULL;
}

/* HKDF-Extract (RFC 5869 section 2.2), then HMAC over the purpose, a zero byte
 * and the bytes. */
enum rc
rest_mark(const struct reader_key *key, const char *purpose, struct span bytes,
    uint8_t ret[REST_MARK_LEN], struct err *err)
{
	struct buf secret BUF_OWNED = BUF_SECRET(SECRET_MAX);
	struct buf text BUF_OWNED = BUF(8192);
	uint8_t own[REST_MARK_LEN];

	TRY(find_secret(key, &secret, err));
	TRY(buf_add_str(&text, purpose, err));
	TRY(buf_add_byte(&text, 0, err));
	TRY(buf_add(&text, bytes, err));
	bool good = mac(span_str(SALT), buf_span(&secret), own) &&
		    mac(span_of(own, sizeof(own)), buf_span(&text), ret);
	OPENSSL_cleanse(own, sizeof(own));
	return good ? RC_OK : crypto_failed(err, "HMAC");
}

enum rc
rest_name(const struct reader_key *key, struct span which,
    char ret[REST_NAME_LEN + 1], struct err *err)
{
	uint8_t mark[REST_MARK_LEN];
	struct buf hex BUF_OWNED = BUF(REST_NAME_LEN + 1);
	const char *text = NULL;

	TRY(rest_mark(key, "copy of", which, mark, err));
	TRY(hex_encode(span_of(mark, REST_NAME_LEN / 2), &hex, err));
	TRY(buf_str(&hex, &text, err));
	memcpy(ret, text, REST_NAME_LEN + 1);
	return RC_OK;
}

/* --- which keys there are ---------------------------------------------------*/

struct key_name {
	char text[REST_KEYS_LEN + 1];
};

static enum rc
print_digest(const uint8_t digest[CERT_DIGEST_LEN], struct key_name *ret,
    struct err *err)
{
	struct buf hex BUF_OWNED = BUF(REST_KEYS_LEN + 1);
	const char *text = NULL;

	TRY(hex_encode(span_of(digest, CERT_DIGEST_LEN), &hex, err));
	TRY(buf_str(&hex, &text, err));
	memcpy(ret->text, text, sizeof(ret->text));
	return RC_OK;
}

static int
compare(const void *a, const void *b)
{
	const struct key_name *one = a, *other = b;

	return strcmp(one->text, other->text);
}

static enum rc
print_all(struct key_name *names, size_t len, char ret[REST_KEYS_LEN + 1],
    struct err *err)
{
	struct buf all BUF_OWNED = BUF(REST_KEYS_MAX * sizeof(*names));
	uint8_t digest[CERT_DIGEST_LEN];
	struct key_name name;

	qsort(names, len, sizeof(*names), compare);
	for (size_t i = 0; i < len; i++)
		if (i == 0 || strcmp(names[i].text, names[i - 1].text) != 0)
			TRY(buf_add_format(&all, err, "%s\n", names[i].text));
	SHA256(all.len > 0 ? all.data : (const uint8_t *)"", all.len, digest);
	TRY(print_digest(digest, &name, err));
	memcpy(ret, name.text, sizeof(name.text));
	return RC_OK;
}

enum rc
rest_keys(const struct reader_key *keys, size_t len,
    char ret[REST_KEYS_LEN + 1], struct err *err)
{
	uint8_t digest[CERT_DIGEST_LEN];
	size_t count = 0;
	enum rc rc = RC_OK;

	if (len > REST_KEYS_MAX)
		return err_set(
		    err, RC_LIMIT, "more than %d keys", REST_KEYS_MAX);
	struct key_name *names = calloc(len + 1, sizeof(*names));
	if (names == NULL)
		return err_nomem(err, "keys");
	for (size_t i = 0; i < len && rc == RC_OK; i++) {
		if (keys[i].key->purpose == KEY_SIGN)
			continue;
		rc = cert_key_digest(keys[i].cert, digest, err);
		if (rc == RC_OK)
			rc = print_digest(digest, &names[count++], err);
	}
	if (rc == RC_OK)
		rc = print_all(names, count, ret, err);
	free(names);
	return rc;
}
