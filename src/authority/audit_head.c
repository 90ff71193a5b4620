#include "authority/audit_head.h"

#include <stdio.h>

#include "codec/hex.h"
#include "os/file.h"

#define DIGITS_MAX 18 /* fit into 63 bits */
#define HEAD_MAX ((size_t)200)
#define PATH_LEN_MAX 4096

enum rc
audit_head_print(
    const struct audit_head *head, struct buf *out, struct err *err)
{
	TRY(buf_add_format(out, err, "%lld ", (long long)head->position));
	TRY(hex_encode(span_of(head->hash, AUDIT_HASH_LEN), out, err));
	if (head->has_seal) {
		TRY(buf_add_byte(out, ' ', err));
		TRY(hex_encode(span_of(head->seal, AUDIT_HASH_LEN), out, err));
	}
	return buf_add_byte(out, '\n', err);
}

/* A hash in hex at the beginning of `text`, and what ends it. */
static enum rc
parse_hash(struct span text, uint8_t ret[AUDIT_HASH_LEN], struct err *err)
{
	struct buf hash BUF_OWNED = BUF(AUDIT_HASH_LEN);
	size_t len = (size_t)2 * AUDIT_HASH_LEN;

	if (text.len < len)
		return err_set(err, RC_SYNTAX, "too short for a hash");
	TRY(hex_decode(span_first(text, len), &hash, err));
	memcpy(ret, hash.data, AUDIT_HASH_LEN);
	return RC_OK;
}

static bool
parse(struct span text, struct audit_head *head)
{
	size_t at = 0;

	while (at < text.len && at < DIGITS_MAX && text.data[at] >= '0' &&
	       text.data[at] <= '9')
		head->position = 10 * head->position + (text.data[at++] - '0');
	if (at == 0 || at == text.len || text.data[at] != ' ')
		return false;
	text = span_after(text, at + 1);
	if (parse_hash(text, head->hash, NULL) != RC_OK)
		return false;
	text = span_after(text, (size_t)2 * AUDIT_HASH_LEN);
	head->has_seal = span_starts(text, " ");
	if (head->has_seal) {
		text = span_after(text, 1);
		if (parse_hash(text, head->seal, NULL) != RC_OK)
			return false;
		text = span_after(text, (size_t)2 * AUDIT_HASH_LEN);
	}
	return span_is(text, span_str("\n"));
}

enum rc
audit_head_parse(struct span text, struct audit_head *ret, struct err *err)
{
	struct audit_head head = {0};

	if (!parse(text, &head))
		return err_set(
		    err, RC_SYNTAX, AUDIT_HEAD " is not as it was written");
	*ret = head;
	return RC_OK;
}

enum rc
audit_head_load(const char *folder, struct audit_head *ret, struct err *err)
{
	struct buf text BUF_OWNED = BUF(HEAD_MAX);
	char path[PATH_LEN_MAX];

	(void)snprintf(path, sizeof(path), "%s/" AUDIT_HEAD, folder);
	TRY(file_read(path, &text, err));
	return audit_head_parse(buf_span(&text), ret, err);
}

enum rc
audit_head_save(
    const char *folder, const struct audit_head *head, struct err *err)
{
	struct buf text BUF_OWNED = BUF(HEAD_MAX);
	char path[PATH_LEN_MAX];

	(void)snprintf(path, sizeof(path), "%s/" AUDIT_HEAD, folder);
	TRY(audit_head_print(head, &text, err));
	return file_save(path, buf_span(&text), 0600, err);
}
