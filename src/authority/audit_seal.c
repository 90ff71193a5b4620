#include "authority/audit_seal.h"

#include <stdio.h>

#include <openssl/evp.h>

#include "codec/hex.h"
#include "os/file.h"
#include "os/random.h"
#include "pki/crypto.h"

#define DOMAIN "letterlock audit 1" /* with its NUL */
#define BATCH 500                   /* entries of one transaction */
#define ENTRY_MAX ((size_t)64 * 1024)
#define HEAD_MAX 128
#define PATH_LEN_MAX 4096
#define SERIAL_LEN 16

static enum rc
add_number(struct buf *out, uint64_t number, size_t octets, struct err *err)
{
	for (size_t i = octets; i > 0; i--)
		TRY(buf_add_byte(out, (uint8_t)(number >> (8 * (i - 1))), err));
	return RC_OK;
}

enum rc
audit_hash(const struct audit_entry *entry, uint8_t hash[AUDIT_HASH_LEN],
    struct err *err)
{
	struct buf all BUF_OWNED = BUF(ENTRY_MAX);

	TRY(buf_add(&all, span_of(DOMAIN, sizeof(DOMAIN)), err));
	TRY(buf_add(&all, span_of(hash, AUDIT_HASH_LEN), err));
	TRY(add_number(&all, (uint64_t)entry->position, 8, err));
	TRY(add_number(&all, (uint64_t)entry->id, 8, err));
	TRY(add_number(&all, (uint64_t)entry->at, 8, err));
	for (size_t i = 0; i < 4; i++) {
		TRY(add_number(&all, entry->text[i].len, 4, err));
		TRY(buf_add(&all, entry->text[i], err));
	}
	if (!EVP_Digest(all.data, all.len, hash, NULL, EVP_sha256(), NULL))
		return crypto_failed(err, "SHA-256");
	return RC_OK;
}

enum rc
audit_head_print(int64_t position, const uint8_t hash[AUDIT_HASH_LEN],
    struct buf *out, struct err *err)
{
	TRY(buf_add_format(out, err, "%lld ", (long long)position));
	TRY(hex_encode(span_of(hash, AUDIT_HASH_LEN), out, err));
	return buf_add_byte(out, '\n', err);
}

enum rc
audit_head_parse(struct span text, int64_t *ret_position,
    uint8_t ret_hash[AUDIT_HASH_LEN], struct err *err)
{
	struct buf hash BUF_OWNED = BUF(AUDIT_HASH_LEN);
	size_t len = text.len;
	int64_t position = 0;
	size_t at = 0;

	while (
	    at < len && at < 18 && text.data[at] >= '0' && text.data[at] <= '9')
		position = 10 * position + (text.data[at++] - '0');
	if (at == 0 || at == len || text.data[at] != ' ' ||
	    text.data[len - 1] != '\n' ||
	    hex_decode(span_of(text.data + at + 1, len - at - 2), &hash, err) !=
		RC_OK ||
	    hash.len != AUDIT_HASH_LEN)
		return err_set(
		    err, RC_SYNTAX, AUDIT_HEAD " is not as it was written");
	memcpy(ret_hash, hash.data, AUDIT_HASH_LEN);
	*ret_position = position;
	return RC_OK;
}

/* Where the chain ends. */
struct end {
	int64_t position;
	uint8_t hash[AUDIT_HASH_LEN];
};

static enum rc
find_end(struct sql *sql, struct end *ret, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;

	*ret = (struct end){0};
	TRY(sql_select(sql,
	    "SELECT position, hash FROM audit WHERE position IS NOT NULL"
	    " ORDER BY position DESC LIMIT 1",
	    SQL_NONE, &rows, err));
	enum rc rc = sql_rows_next(rows, err);
	if (rc != RC_OK)
		return rc == RC_ABSENT ? RC_OK : rc;
	struct span hash = sql_rows_bytes(rows, 1);
	if (hash.len != AUDIT_HASH_LEN)
		return err_set(
		    err, RC_UNFIT, "the audit log is broken: run audit verify");
	ret->position = sql_rows_number(rows, 0);
	memcpy(ret->hash, hash.data, AUDIT_HASH_LEN);
	return RC_OK;
}

static enum rc
chain_row(struct sql *sql, const struct sql_rows *rows, struct end *end,
    struct err *err)
{
	struct audit_entry entry = {.position = end->position + 1,
	    .id = sql_rows_number(rows, 0),
	    .at = sql_rows_number(rows, 1)};

	for (int i = 0; i < 4; i++)
		entry.text[i] = sql_rows_bytes(rows, 2 + i);
	TRY(audit_hash(&entry, end->hash, err));
	end->position = entry.position;
	return sql_change(sql,
	    "UPDATE audit SET position = ?, hash = ? WHERE id = ?",
	    SQL_VALUES(SQL_NUMBER(end->position),
		SQL_BLOB(span_of(end->hash, AUDIT_HASH_LEN)),
		SQL_NUMBER(entry.id)),
	    err);
}

/* Entries get their positions in the order in which they are found: one whose
 * transaction took long may have a smaller id than those before it. */
static enum rc
chain_some(
    struct sql *sql, struct end *ret, int64_t *ret_count, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	int64_t count = 0;
	enum rc rc;

	TRY(sql_act_begin(sql, &act, err));
	TRY(find_end(sql, ret, err));
	TRY(sql_select(sql,
	    "SELECT id, at, actor, act, object, detail FROM audit"
	    " WHERE position IS NULL ORDER BY id LIMIT ?",
	    SQL_VALUES(SQL_NUMBER(BATCH)), &rows, err));
	for (; (rc = sql_rows_next(rows, err)) == RC_OK; count++)
		TRY(chain_row(sql, rows, ret, err));
	if (rc != RC_ABSENT)
		return rc;
	TRY(sql_act_commit(&act, err));
	*ret_count = count;
	return RC_OK;
}

static enum rc
make_token(const struct audit_sealer *sealer, const struct end *end,
    int64_t now, struct buf *token, struct err *err)
{
	struct buf request BUF_OWNED = BUF(STAMP_MAX);
	struct buf response BUF_OWNED = BUF(STAMP_MAX);
	uint8_t imprint[AUDIT_HASH_LEN], serial[SERIAL_LEN];
	struct stamp_nonce nonce;

	if (!EVP_Digest(
		end->hash, AUDIT_HASH_LEN, imprint, NULL, EVP_sha256(), NULL))
		return crypto_failed(err, "SHA-256");
	random_fill(&nonce, sizeof(nonce));
	nonce.bytes[0] = (uint8_t)((nonce.bytes[0] & 0x3f) | 0x40);
	random_fill(serial, sizeof(serial));
	serial[0] = (uint8_t)((serial[0] & 0x3f) | 0x40);
	TRY(stamp_request(imprint, &nonce, &request, err));
	TRY(stamp_answer(
	    &sealer->stamper, buf_span(&request), now, serial, &response, err));
	return stamp_response(
	    buf_span(&response), imprint, &nonce, now, token, err);
}

static enum rc
save_head(
    const struct audit_sealer *sealer, const struct end *end, struct err *err)
{
	struct buf text BUF_OWNED = BUF(HEAD_MAX);
	char path[PATH_LEN_MAX];

	(void)snprintf(path, sizeof(path), "%s/" AUDIT_HEAD, sealer->folder);
	TRY(audit_head_print(end->position, end->hash, &text, err));
	return file_save(path, buf_span(&text), 0600, err);
}

static enum rc
stamp(const struct audit_sealer *sealer, struct sql *sql, const struct end *end,
    struct err *err)
{
	struct buf token BUF_OWNED = BUF(STAMP_MAX);
	int64_t now = sealer->time(sealer->context);

	if (now == 0)
		return RC_OK;
	TRY(make_token(sealer, end, now, &token, err));
	enum rc rc = sql_change(sql,
	    "INSERT INTO audit_batch (position, at, token) VALUES (?, ?, ?)",
	    SQL_VALUES(SQL_NUMBER(end->position), SQL_NUMBER(now),
		SQL_BLOB(buf_span(&token))),
	    err);
	/* refused: another process, whose lease ended, has done it as well */
	if (rc != RC_OK && rc != RC_REFUSED)
		return rc;
	return save_head(sealer, end, err);
}

enum rc
audit_seal(void *context, struct sql *sql, int64_t now, struct err *err)
{
	const struct audit_sealer *sealer = context;
	int64_t count = BATCH, stamped = 0;
	struct end end = {0};

	while (count == BATCH)
		TRY(chain_some(sql, &end, &count, err));
	TRY(sql_number(sql,
	    "SELECT coalesce(max(position), 0) FROM audit_batch", SQL_NONE,
	    &stamped, err));
	return end.position > stamped ? stamp(sealer, sql, &end, err) : RC_OK;
}
