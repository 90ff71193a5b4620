#include "authority/claim_evidence.h"

#include <stdio.h>

#include "authority/audit.h"

bool
claim_is_file_name(const char *name)
{
	static const char fine[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	return name[0] != '\0' && name[0] != '.' &&
	       strlen(name) <= CLAIM_FILE_NAME_MAX &&
	       name[strspn(name, fine)] == '\0';
}

/* What there is of it. */
struct file {
	int64_t id; /* 0: nothing yet */
	int64_t size;
};

static enum rc
find_file(struct sql *sql, const struct claim *claim, const char *name,
    struct file *ret, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;

	TRY(sql_select(sql,
	    "SELECT id, size FROM claim_file"
	    " WHERE claim = ? AND name = ?",
	    SQL_VALUES(SQL_NUMBER(claim->id), sql_text(name)), &rows, err));
	TRY(sql_rows_next(rows, err));
	*ret =
	    (struct file){sql_rows_number(rows, 0), sql_rows_number(rows, 1)};
	return RC_OK;
}

static enum rc
check_piece(
    const struct claim *claim, const struct claim_piece *piece, struct err *err)
{
	if (claim->state != CLAIM_ASKED)
		return err_set(err, RC_REFUSED,
		    "this is %s: nothing can be added to it any more",
		    claim_state_name(claim->state));
	if (!claim_is_file_name(piece->name))
		return err_set(err, RC_UNFIT,
		    "a file's name has up to %d letters, digits, \".\", \"_\" "
		    "and \"-\", and does not begin with \".\"",
		    CLAIM_FILE_NAME_MAX);
	if (piece->bytes.len == 0 || piece->bytes.len > CLAIM_PIECE_MAX)
		return err_set(err, RC_UNFIT, "a piece has 1 to %zu bytes",
		    CLAIM_PIECE_MAX);
	return RC_OK;
}

static enum rc
begin_file(struct sql *sql, const struct claim *claim,
    const struct claim_piece *piece, struct file *ret, struct err *err)
{
	int64_t count = 0;

	TRY(sql_number(sql, "SELECT count(*) FROM claim_file WHERE claim = ?",
	    SQL_VALUES(SQL_NUMBER(claim->id)), &count, err));
	if (count >= CLAIM_FILES_MAX)
		return err_set(
		    err, RC_LIMIT, "more than %d files", CLAIM_FILES_MAX);
	return sql_number(sql,
	    "INSERT INTO claim_file (claim, name, size, at)"
	    " VALUES (?, ?, 0, ?) RETURNING id",
	    SQL_VALUES(SQL_NUMBER(claim->id), sql_text(piece->name),
		SQL_NUMBER(piece->now)),
	    &ret->id, err);
}

static enum rc
add_bytes(struct sql *sql, const struct file *file,
    const struct claim_piece *piece, struct err *err)
{
	TRY(sql_change(sql,
	    "INSERT INTO claim_piece (file, at, bytes) VALUES (?, ?, ?)",
	    SQL_VALUES(SQL_NUMBER(file->id), SQL_NUMBER(file->size),
		SQL_BLOB(piece->bytes)),
	    err));
	return sql_change(sql, "UPDATE claim_file SET size = ? WHERE id = ?",
	    SQL_VALUES(SQL_NUMBER(file->size + (int64_t)piece->bytes.len),
		SQL_NUMBER(file->id)),
	    err);
}

/* Who looked before this came has not seen it. */
static enum rc
write_down(struct sql *sql, const struct claim *claim,
    const struct claim_piece *piece, struct err *err)
{
	struct buf detail BUF_OWNED = BUF_SMALL;
	struct audit_act act = {.actor = piece->actor,
	    .act = "identity-attach",
	    .object = claim->address,
	    .now = piece->now};

	TRY(sql_change(sql,
	    "UPDATE claim SET version = version + 1 WHERE id = ?",
	    SQL_VALUES(SQL_NUMBER(claim->id)), err));
	TRY(buf_add_format(&detail, err, "%s %s, %zu bytes at %lld",
	    claim->name, piece->name, piece->bytes.len, (long long)piece->at));
	TRY(buf_str(&detail, &act.detail, err));
	return audit_add(sql, &act, err);
}

enum rc
claim_attach(struct sql *sql, const struct claim *claim,
    const struct claim_piece *piece, struct err *err)
{
	struct file file = {0};

	TRY(check_piece(claim, piece, err));
	enum rc rc = find_file(sql, claim, piece->name, &file, err);
	if (rc != RC_OK && rc != RC_ABSENT)
		return rc;
	if (piece->at != file.size)
		return err_set(err, RC_REFUSED,
		    "there are %lld bytes of %s, not %lld",
		    (long long)file.size, piece->name, (long long)piece->at);
	if ((size_t)file.size + piece->bytes.len > CLAIM_FILE_MAX)
		return err_set(err, RC_LIMIT, "a file of more than %zu bytes",
		    CLAIM_FILE_MAX);
	if (rc == RC_ABSENT)
		TRY(begin_file(sql, claim, piece, &file, err));
	TRY(add_bytes(sql, &file, piece, err));
	return write_down(sql, claim, piece, err);
}

enum rc
claim_files(struct sql *sql, const struct claim *claim, struct sql_rows **ret,
    struct err *err)
{
	return sql_select(sql,
	    "SELECT id, name, size, at FROM claim_file"
	    " WHERE claim = ? ORDER BY id LIMIT 8",
	    SQL_VALUES(SQL_NUMBER(claim->id)), ret, err);
}

enum rc
claim_file(struct sql *sql, const struct claim *claim, const char *name,
    struct buf *out, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	struct file file = {0};
	enum rc rc;

	TRY(find_file(sql, claim, name, &file, err));
	TRY(sql_select(sql,
	    "SELECT bytes FROM claim_piece WHERE file = ? ORDER BY at",
	    SQL_VALUES(SQL_NUMBER(file.id)), &rows, err));
	while ((rc = sql_rows_next(rows, err)) == RC_OK)
		TRY(buf_add(out, sql_rows_bytes(rows, 0), err));
	return rc == RC_ABSENT ? RC_OK : rc;
}

/* Of what was approved it is kept: it is why the certificates say what they
 * say.  `decided` of what nobody decided is when it lapsed. */
#define USELESS                                                       \
	"SELECT f.id FROM claim_file AS f"                            \
	" JOIN claim AS i ON i.id = f.claim WHERE i.approved = 0 AND" \
	" ((i.state IN ('refused', 'withdrawn') AND i.decided <= ?)"  \
	" OR (i.state IN ('asked', 'checked') AND i.created <= ?))"

enum rc
claim_forget(void *context, struct sql *sql, int64_t now, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	const struct sql_value times[] = {SQL_NUMBER(now - CLAIM_EVIDENCE_KEEP),
	    SQL_NUMBER(now - CLAIM_WAIT - CLAIM_EVIDENCE_KEEP)};

	TRY(sql_act_begin(sql, &act, err));
	TRY(sql_change(sql,
	    "DELETE FROM claim_piece WHERE file IN (" USELESS ")",
	    (struct sql_values){times, 2}, err));
	TRY(sql_change(sql, "DELETE FROM claim_file WHERE id IN (" USELESS ")",
	    (struct sql_values){times, 2}, err));
	return sql_act_commit(&act, err);
}
