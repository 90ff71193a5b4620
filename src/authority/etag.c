#include "authority/etag.h"

#include <openssl/evp.h>

#include "codec/hex.h"
#include "pki/crypto.h"

#define HASH_LEN 32
#define TAG_MAX ((size_t)2 * HASH_LEN + 3) /* with quotes and a NUL */

static enum rc
make_tag(struct span body, struct buf *tag, struct err *err)
{
	uint8_t hash[HASH_LEN];

	if (!EVP_Digest(
		body.data, body.len, hash, NULL, crypto_sha2(256), NULL))
		return crypto_failed(err, "SHA-256");
	TRY(buf_add_byte(tag, '"', err));
	TRY(hex_encode(span_of(hash, sizeof(hash)), tag, err));
	return buf_add_byte(tag, '"', err);
}

static bool
is_tag(struct span one, struct span tag)
{
	one = span_trim(one);
	/* "A recipient MUST use the weak comparison function when comparing
	 * entity tags for If-None-Match" (RFC 9110 section 13.1.2) */
	if (span_starts(one, "W/"))
		one = span_after(one, 2);
	return span_is(one, span_str("*")) || span_is(one, tag);
}

/* A list with commas; our tags have none inside. */
static bool
has_tag(const char *list, struct span tag)
{
	struct span rest = span_str(list);

	while (rest.len > 0) {
		ptrdiff_t comma = span_find_byte(rest, ',');
		size_t len = comma >= 0 ? (size_t)comma : rest.len;
		if (is_tag(span_first(rest, len), tag))
			return true;
		rest = span_after(rest, len + 1);
	}
	return false;
}

enum rc
etag_answer(const struct http_request *request, struct http_answer *answer,
    const char *content_type, struct span body, struct err *err)
{
	struct buf tag BUF_OWNED = BUF(TAG_MAX);
	const char *text = NULL;

	if (strcmp(request->method, "GET") != 0 &&
	    strcmp(request->method, "HEAD") != 0)
		return http_answer_set(answer, 200, content_type, body, err);
	TRY(make_tag(body, &tag, err));
	TRY(buf_str(&tag, &text, err));
	TRY(http_answer_add_header(answer, "ETag", err, "%s", text));
	if (request->if_none_match != NULL &&
	    has_tag(request->if_none_match, buf_span(&tag)))
		return http_answer_set(answer, 304, NULL, SPAN_NONE, err);
	return http_answer_set(answer, 200, content_type, body, err);
}
