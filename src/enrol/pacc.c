#include "enrol/pacc.h"

#include <string.h>

#include <jansson.h>
#include <openssl/sha.h>

#include "base/own.h"
#include "codec/base64.h"

#define IMAPS_PORT 993
#define SUBMISSIONS_PORT 465

OWNER(json_t, json_decref);

/* -- the digest -- */

/* The value of "name=value" among what ";" divides. */
static struct span
find_tag(struct span record, const char *name)
{
	while (record.len > 0) {
		ptrdiff_t end = span_find_byte(record, ';');
		size_t len = end < 0 ? record.len : (size_t)end;
		struct span tag = span_trim(span_first(record, len));
		size_t name_len = strlen(name);
		if (span_starts(tag, name) && tag.len > name_len &&
		    tag.data[name_len] == '=')
			return span_after(tag, name_len + 1);
		record = span_after(record, len + 1);
	}
	return SPAN_NONE;
}

static bool
vouches(struct span record, const uint8_t digest[SHA256_DIGEST_LENGTH])
{
	struct buf wanted BUF_OWNED = BUF(128);
	struct span text = find_tag(record, "d");

	if (!span_is(find_tag(record, "a"), span_str("sha256")) ||
	    text.len > 64 || base64_decode(text, &wanted, NULL) != RC_OK)
		return false;
	return span_is(
	    buf_span(&wanted), span_of(digest, SHA256_DIGEST_LENGTH));
}

enum rc
pacc_check(const struct strlist *records, struct span json, struct err *err)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	bool any = false;

	SHA256(json.data, json.len, digest);
	for (size_t i = 0; i < records->len; i++) {
		struct span record = span_str(records->item[i]);
		if (!span_is(find_tag(record, "v"), span_str("UAAC1")))
			continue;
		any = true;
		if (vouches(record, digest))
			return RC_OK;
	}
	if (!any)
		return err_set(
		    err, RC_ABSENT, "the DNS has no digest of the document");
	return err_set(err, RC_UNFIT,
	    "the DNS has the digest of another document than the one that is "
	    "there");
}

/* -- the document -- */

static enum rc
read_host(const json_t *protocols, const char *name, uint16_t port,
    struct account_server *ret, struct err *err)
{
	static const char allowed[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
	const char *host = json_string_value(
	    json_object_get(json_object_get(protocols, name), "host"));

	if (host == NULL)
		return err_set(err, RC_UNFIT, "it names no %s server", name);
	size_t len = strlen(host);
	if (len == 0 || len > 253 || strspn(host, allowed) != len)
		return err_set(
		    err, RC_SYNTAX, "what it names for %s is no host", name);
	memcpy(ret->host, host, len + 1);
	ret->port = port;
	ret->security = SMTP_TLS;
	return RC_OK;
}

static enum rc
read_logins(const json_t *json, struct discovery *found, struct err *err)
{
	const json_t *ways = json_object_get(json, "authentication");
	const char *issuer = json_string_value(
	    json_object_get(json_object_get(ways, "oauth-public"), "issuer"));

	if (json_is_true(json_object_get(ways, "password")))
		found->logins |= DISCOVERY_PASSWORD;
	if (issuer != NULL && strlen(issuer) < sizeof(found->issuer)) {
		memcpy(found->issuer, issuer, strlen(issuer) + 1);
		found->logins |= DISCOVERY_OAUTH;
	}
	if (found->logins == 0)
		return err_set(err, RC_UNFIT, "it names no login that we have");
	return RC_OK;
}

enum rc
pacc_parse(struct span json, struct discovery *ret, struct err *err)
{
	struct discovery found = {0};

	if (json.len > PACC_MAX)
		return err_set(err, RC_LIMIT, "it is too large");
	json_t *root OWNED(json_decref) = json_loadb(
	    (const char *)json.data, json.len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *protocols = json_object_get(root, "protocols");
	if (!json_is_object(protocols))
		return err_set(err, RC_SYNTAX, "it is no such document");
	TRY(read_host(protocols, "imap", IMAPS_PORT, &found.imap, err));
	TRY(read_host(protocols, "smtp", SUBMISSIONS_PORT, &found.smtp, err));
	TRY(read_logins(root, &found, err));
	*ret = found;
	return RC_OK;
}
