#include "authority/audit_seal.h"

#include <openssl/evp.h>

#include "os/random.h"
#include "pki/crypto.h"

#define DOMAIN "letterlock audit 1" /* with its NUL */
#define BATCH 500                   /* entries of one transaction */
#define ENTRY_MAX ((size_t)64 * 1024)
#define SERIAL_LEN 16

static enum rc
add_number(struct buf *out, uint64_t number, size_t octets, struct err *err)
{
	for (size_t i = octets; i > 0; i--)
		TRY(buf_add_byte(out, (uint8_t)(number >> (8 * (i - 1))), err));
	return RC_OK;
}

static enum rc
digest(struct span bytes, uint8_t ret[AUDIT_HASH_LEN], struct err *err)
{
	if (!EVP_Digest(bytes.data, bytes.len, ret, NULL, EVP_sha256(), NULL))
		return crypto_failed(err, "SHA-256");
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
	return digest(buf_span(&all), hash, err);
}

enum rc
audit_seal_name(struct span token, uint8_t ret[AUDIT_HASH_LEN], struct err *err)
{
	return digest(token, ret, err);
}

void
audit_seal_content(const uint8_t hash[AUDIT_HASH_LEN],
    const uint8_t previous[AUDIT_HASH_LEN], uint8_t ret[AUDIT_STAMPED_LEN])
{
	memcpy(ret, hash, AUDIT_HASH_LEN);
	memcpy(ret + AUDIT_HASH_LEN, previous, AUDIT_HASH_LEN);
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
make_token(const struct audit_sealer *sealer, struct span content, int64_t now,
    struct buf *token, struct err *err)
{
	struct buf request BUF_OWNED = BUF(STAMP_MAX);
	struct buf response BUF_OWNED = BUF(STAMP_MAX);
	uint8_t imprint[AUDIT_HASH_LEN], serial[SERIAL_LEN];
	struct stamp_nonce nonce;

	TRY(digest(content, imprint, err));
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

/* The last seal; position 0 and zeroes: there is none. */
struct last {
	int64_t position;
	uint8_t name[AUDIT_HASH_LEN];
};

static enum rc
find_last(struct sql *sql, struct last *ret, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;

	*ret = (struct last){0};
	TRY(sql_select(sql,
	    "SELECT position, token FROM audit_batch"
	    " ORDER BY position DESC LIMIT 1",
	    SQL_NONE, &rows, err));
	enum rc rc = sql_rows_next(rows, err);
	if (rc != RC_OK)
		return rc == RC_ABSENT ? RC_OK : rc;
	ret->position = sql_rows_number(rows, 0);
	return audit_seal_name(sql_rows_bytes(rows, 1), ret->name, err);
}

/* The seal that the next one has to name.  If this folder knows of a later one
 * than the database, or of another, somebody took it away: it is named all the
 * same, so that this shows for ever. */
static enum rc
find_previous(const struct audit_sealer *sealer, const struct last *last,
    uint8_t ret[AUDIT_HASH_LEN], struct err *err)
{
	struct audit_head head = {0};

	enum rc rc = audit_head_load(sealer->folder, &head, err);
	if (rc != RC_OK && rc != RC_ABSENT)
		return rc;
	bool known = head.has_seal && head.position >= last->position;
	memcpy(ret, known ? head.seal : last->name, AUDIT_HASH_LEN);
	return RC_OK;
}

/* Another process, whose lease ended or has begun, may have sealed meanwhile:
 * then its seal counts, and the next one names it. */
static enum rc
keep_seal(struct sql *sql, const struct last *last,
    const struct sql_values *values, bool *ret_kept, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	struct last found;

	*ret_kept = false;
	TRY(sql_act_begin(sql, &act, err));
	TRY(find_last(sql, &found, err));
	if (found.position != last->position)
		return RC_OK;
	TRY(sql_change(sql,
	    "INSERT INTO audit_batch (position, at, token, previous)"
	    " VALUES (?, ?, ?, ?)",
	    *values, err));
	TRY(sql_act_commit(&act, err));
	*ret_kept = true;
	return RC_OK;
}

static enum rc
stamp(const struct audit_sealer *sealer, struct sql *sql, const struct end *end,
    const struct last *last, struct err *err)
{
	struct audit_head head = {.position = end->position, .has_seal = true};
	uint8_t previous[AUDIT_HASH_LEN], content[AUDIT_STAMPED_LEN];
	struct buf token BUF_OWNED = BUF(STAMP_MAX);
	int64_t now = sealer->time(sealer->context);
	bool kept = false;

	if (now == 0)
		return RC_OK;
	TRY(find_previous(sealer, last, previous, err));
	audit_seal_content(end->hash, previous, content);
	TRY(make_token(
	    sealer, span_of(content, sizeof(content)), now, &token, err));
	TRY(keep_seal(sql, last,
	    &SQL_VALUES(SQL_NUMBER(end->position), SQL_NUMBER(now),
		SQL_BLOB(buf_span(&token)),
		SQL_BLOB(span_of(previous, AUDIT_HASH_LEN))),
	    &kept, err));
	if (!kept)
		return RC_OK;
	memcpy(head.hash, end->hash, AUDIT_HASH_LEN);
	TRY(audit_seal_name(buf_span(&token), head.seal, err));
	return audit_head_save(sealer->folder, &head, err);
}

static enum rc
find_hash(struct sql *sql, int64_t position, uint8_t ret[AUDIT_HASH_LEN],
    struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;

	TRY(sql_select(sql, "SELECT hash FROM audit WHERE position = ?",
	    SQL_VALUES(SQL_NUMBER(position)), &rows, err));
	TRY(sql_rows_next(rows, err));
	struct span hash = sql_rows_bytes(rows, 0);
	if (hash.len != AUDIT_HASH_LEN)
		return err_set(err, RC_ABSENT, "an entry without its hash");
	memcpy(ret, hash.data, AUDIT_HASH_LEN);
	return RC_OK;
}

/* Whoever cuts the log has us go on from the cut, and our next seal and our
 * next AUDIT_HEAD would cover it: so nothing is added to a chain that is not
 * the one whose end we know. */
static enum rc
check_end(const struct audit_sealer *sealer, struct sql *sql, struct err *err)
{
	uint8_t found[AUDIT_HASH_LEN] = {0};
	struct audit_head head = {0};
	enum rc rc = audit_head_load(sealer->folder, &head, err);

	if (rc == RC_ABSENT)
		return RC_OK;
	TRY(rc);
	rc = find_hash(sql, head.position, found, err);
	if (rc != RC_OK && rc != RC_ABSENT)
		return rc;
	if (rc == RC_OK && span_is(span_of(found, AUDIT_HASH_LEN),
			       span_of(head.hash, AUDIT_HASH_LEN)))
		return RC_OK;
	return err_set(err, RC_UNFIT,
	    "entry %lld of the audit log is not the one that " AUDIT_HEAD
	    " knows; nothing is sealed: run audit verify",
	    (long long)head.position);
}

enum rc
audit_seal(void *context, struct sql *sql, int64_t now, struct err *err)
{
	const struct audit_sealer *sealer = context;
	int64_t count = BATCH;
	struct end end = {0};
	struct last last;

	TRY(check_end(sealer, sql, err));
	while (count == BATCH)
		TRY(chain_some(sql, &end, &count, err));
	TRY(find_last(sql, &last, err));
	return end.position > last.position
		   ? stamp(sealer, sql, &end, &last, err)
		   : RC_OK;
}
