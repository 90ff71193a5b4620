/* What is said of a request, and what becomes of it. */
#include "authority/claim.h"

#include <stdlib.h>

#include <openssl/evp.h>

#include "authority/audit.h"
#include "authority/authorization.h"
#include "authority/claim_evidence.h"
#include "authority/revoked.h"
#include "authority/text.h"
#include "base/own.h"
#include "codec/hex.h"
#include "pki/crypto.h"

OWNER(char, free);

#define STATE(state) (1u << CLAIM_##state)

static const struct {
	const char *name;
	const char *audit;
	unsigned from; /* states */
	enum claim_state to;
	bool needs_note; /* of an operator */
} acts[] = {
    [CLAIM_CHECK] = {"check", "identity-check", STATE(ASKED), CLAIM_CHECKED,
	true},
    [CLAIM_APPROVE] = {"approve", "identity-approve", STATE(CHECKED),
	CLAIM_APPROVED, false},
    [CLAIM_REFUSE] = {"refuse", "identity-refuse",
	STATE(ASKED) | STATE(CHECKED), CLAIM_REFUSED, true},
    [CLAIM_WITHDRAW] = {"withdraw", "identity-withdraw",
	STATE(ASKED) | STATE(CHECKED) | STATE(APPROVED), CLAIM_WITHDRAWN, true},
};
#define ACTS (sizeof(acts) / sizeof(acts[0]))

const char *
claim_act_name(enum claim_act act)
{
	return acts[act].name;
}

enum rc
claim_act_find(const char *name, enum claim_act *ret, struct err *err)
{
	for (size_t i = 0; i < ACTS; i++)
		if (strcmp(acts[i].name, name) == 0) {
			*ret = (enum claim_act)i;
			return RC_OK;
		}
	return err_set(
	    err, RC_ABSENT, "the word is check, approve, refuse or withdraw");
}

bool
claim_act_fits(enum claim_act act, enum claim_state state)
{
	return (acts[act].from & (1u << state)) != 0;
}

/* -- may they say it -- */

/* Nobody is judge in their own cause, and nobody is two people. */
static enum rc
check_who(
    const struct claim *claim, const struct claim_word *word, struct err *err)
{
	struct buf who BUF_OWNED = BUF_SMALL;
	struct buf subject BUF_OWNED = BUF_SMALL;

	if (word->who == NULL)
		return word->act == CLAIM_WITHDRAW
			   ? RC_OK
			   : err_set(
				 err, RC_UNFIT, "only operators can say that");
	TRY(authorization_fold(word->who, &who, err));
	TRY(authorization_fold(claim->address, &subject, err));
	if (span_is(buf_span(&who), buf_span(&subject)))
		return err_set(err, RC_UNFIT,
		    "an operator does not decide on their own mailbox");
	if (word->act == CLAIM_APPROVE &&
	    (claim->checker == NULL ||
		span_is(buf_span(&who), span_str(claim->checker))))
		return err_set(err, RC_UNFIT,
		    "you have checked this one: a second operator has to "
		    "approve it");
	return RC_OK;
}

static enum rc
check_note(const struct claim_word *word, struct err *err)
{
	struct span note =
	    word->note != NULL ? span_str(word->note) : SPAN_NONE;

	if (note.len == 0 && word->who != NULL && acts[word->act].needs_note)
		return err_set(err, RC_UNFIT,
		    "say in the note what you looked at, or why");
	if (note.len > CLAIM_NOTE_MAX)
		return err_set(err, RC_UNFIT,
		    "a note has no more than %d bytes", CLAIM_NOTE_MAX);
	for (size_t used; note.len > 0; note = span_after(note, used)) {
		used = text_len(note);
		if (used == 0 || text_is_hidden(note))
			return err_set(
			    err, RC_UNFIT, "a note is one line of plain text");
	}
	return RC_OK;
}

static enum rc
check_until(const struct claim_word *word, struct err *err)
{
	if (word->act != CLAIM_APPROVE)
		return RC_OK;
	if (word->until > word->now &&
	    word->until <= word->now + word->days * CLAIM_DAY &&
	    word->days <= CLAIM_DAYS_MAX)
		return RC_OK;
	return err_set(err, RC_UNFIT,
	    "it can be in force until a day within the next %lld",
	    (long long)word->days);
}

static enum rc
check_state(
    const struct claim *claim, const struct claim_word *word, struct err *err)
{
	if (!claim_act_fits(word->act, claim->state))
		return err_set(err, RC_REFUSED, "this is %s now",
		    claim_state_name(claim->state));
	if (claim->version != word->version)
		return err_set(err, RC_REFUSED,
		    "this has changed since you looked: look again");
	return RC_OK;
}

/* -- what becomes of it -- */

static enum rc
settle(struct sql *sql, const struct claim *claim,
    const struct claim_word *word, struct err *err)
{
	struct buf who BUF_OWNED = BUF_SMALL;
	const char *checker = claim->checker;
	bool approves = word->act == CLAIM_APPROVE;

	if (word->act == CLAIM_CHECK) {
		TRY(authorization_fold(word->who, &who, err));
		TRY(buf_str(&who, &checker, err));
	}
	TRY(sql_change(sql,
	    "UPDATE claim SET state = ?, version = version + 1,"
	    " decided = ?, checker = ?, until = ?,"
	    " approved = approved + CAST(? AS BIGINT)"
	    " WHERE id = ? AND version = ?",
	    SQL_VALUES(sql_text(claim_state_name(acts[word->act].to)),
		SQL_NUMBER(word->now), sql_text(checker),
		SQL_NUMBER(approves ? word->until : claim->until),
		SQL_NUMBER(approves), SQL_NUMBER(claim->id),
		SQL_NUMBER(word->version)),
	    err));
	if (sql_changed(sql) == 1)
		return RC_OK;
	return err_set(
	    err, RC_REFUSED, "this has changed since you looked: look again");
}

static enum rc
write_down(struct sql *sql, const struct claim *claim,
    const struct claim_word *word, struct err *err)
{
	struct buf detail BUF_OWNED = BUF_SMALL;
	struct audit_act act = {.actor = word->actor,
	    .act = acts[word->act].audit,
	    .object = claim->address,
	    .now = word->now};

	TRY(sql_change(sql,
	    "INSERT INTO claim_word (claim, act, who, note, signature,"
	    " at) VALUES (?, ?, ?, ?, ?, ?)",
	    SQL_VALUES(SQL_NUMBER(claim->id), sql_text(acts[word->act].name),
		sql_text(word->actor), sql_text(word->note),
		sql_text(word->signature), SQL_NUMBER(word->now)),
	    err));
	TRY(buf_add_format(&detail, err, "%s", claim->name));
	if (word->note != NULL)
		TRY(buf_add_format(&detail, err, ": %s", word->note));
	TRY(buf_str(&detail, &act.detail, err));
	return audit_add(sql, &act, err);
}

/* What the account was before, it is no more; its certificates stay, for they
 * were true, and they end soon. */
static enum rc
replace(struct sql *sql, const struct claim *claim, struct err *err)
{
	struct buf folded BUF_OWNED = BUF_SMALL;
	const char *text = NULL;

	TRY(authorization_fold(claim->address, &folded, err));
	TRY(buf_str(&folded, &text, err));
	return sql_change(sql,
	    "UPDATE claim SET state = 'replaced', version = version + 1"
	    " WHERE account = ? AND folded = ? AND state = 'approved'"
	    " AND id <> ?",
	    SQL_VALUES(SQL_NUMBER(claim->account), sql_text(text),
		SQL_NUMBER(claim->id)),
	    err);
}

/* The serial number of one that is in force and says it; appended. */
static enum rc
next_serial(struct sql *sql, const struct claim *claim, int64_t now,
    struct buf *out, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;

	TRY(sql_select(sql,
	    "SELECT c.serial FROM claim_certificate AS i"
	    " JOIN certificate AS c ON c.id = i.certificate"
	    " LEFT JOIN revocation AS r ON r.certificate = c.id"
	    " WHERE i.claim = ? AND r.id IS NULL AND c.not_after > ?"
	    " LIMIT 1",
	    SQL_VALUES(SQL_NUMBER(claim->id), SQL_NUMBER(now)), &rows, err));
	TRY(sql_rows_next(rows, err));
	return buf_add(out, sql_rows_bytes(rows, 0), err);
}

static enum rc
revoke(struct sql *sql, const struct claim *claim,
    const struct claim_word *word, struct err *err)
{
	for (;;) {
		struct buf serial BUF_OWNED = BUF_SMALL;
		enum rc rc = next_serial(sql, claim, word->now, &serial, err);
		if (rc != RC_OK)
			return rc == RC_ABSENT ? RC_OK : rc;
		const struct revoked_wish wish = {.serial = buf_span(&serial),
		    .reason = REVOKED_AFFILIATION_CHANGED,
		    .by = word->actor,
		    .now = word->now};
		TRY(revoked_add(sql, &wish, err));
	}
}

enum rc
claim_say(struct sql *sql, const struct claim *claim,
    const struct claim_word *word, struct err *err)
{
	TRY(check_state(claim, word, err));
	TRY(check_who(claim, word, err));
	TRY(check_note(word, err));
	TRY(check_until(word, err));
	TRY(settle(sql, claim, word, err));
	TRY(write_down(sql, claim, word, err));
	if (word->act == CLAIM_APPROVE)
		return replace(sql, claim, err);
	if (word->act == CLAIM_WITHDRAW)
		return revoke(sql, claim, word, err);
	return RC_OK;
}

enum rc
claim_end(struct sql *sql, const char *address, int64_t now, struct err *err)
{
	struct buf folded BUF_OWNED = BUF_SMALL;
	const char *text = NULL;

	TRY(authorization_fold(address, &folded, err));
	TRY(buf_str(&folded, &text, err));
	return sql_change(sql,
	    "UPDATE claim SET state = 'withdrawn', version = version + 1,"
	    " decided = ? WHERE folded = ?"
	    " AND state IN ('asked', 'checked', 'approved')",
	    SQL_VALUES(SQL_NUMBER(now), sql_text(text)), err);
}

enum rc
claim_words(struct sql *sql, const struct claim *claim, struct sql_rows **ret,
    struct err *err)
{
	return sql_select(sql,
	    "SELECT act, who, at, note FROM claim_word"
	    " WHERE claim = ? ORDER BY id LIMIT 20",
	    SQL_VALUES(SQL_NUMBER(claim->id)), ret, err);
}

/* -- what is signed -- */

static enum rc
add_line(struct buf *out, const char *name, const char *value, struct err *err)
{
	return value == NULL
		   ? RC_OK
		   : buf_add_format(out, err, "%s: %s\n", name, value);
}

static enum rc
add_file(struct sql *sql, const struct claim *claim, const char *name,
    struct buf *out, struct err *err)
{
	struct buf bytes BUF_OWNED = BUF(CLAIM_FILE_MAX);
	struct buf hex BUF_OWNED = BUF_SMALL;
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	TRY(claim_file(sql, claim, name, &bytes, err));
	if (EVP_Digest(
		bytes.data, bytes.len, digest, &len, EVP_sha256(), NULL) != 1)
		return crypto_failed(err, "evidence");
	TRY(hex_encode(span_of(digest, len), &hex, err));
	return buf_add_format(
	    out, err, "file: %s %.*s\n", name, SPAN_ARGS(buf_span(&hex)));
}

static enum rc
add_files(struct sql *sql, const struct claim *claim, struct buf *out,
    struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	enum rc rc;

	TRY(claim_files(sql, claim, &rows, err));
	while ((rc = sql_rows_next(rows, err)) == RC_OK) {
		char *name OWNED(free) = NULL;
		TRY(sql_rows_text(rows, 1, &name, err));
		TRY(add_file(sql, claim, name, out, err));
	}
	return rc == RC_ABSENT ? RC_OK : rc;
}

enum rc
claim_said(struct sql *sql, const struct claim *claim,
    const struct claim_word *word, struct buf *out, struct err *err)
{
	TRY(buf_add_str(out, "letterlock-authority identity 1\n", err));
	TRY(add_line(out, "by", word->who, err));
	TRY(add_line(out, "word", acts[word->act].name, err));
	TRY(add_line(out, "request", claim->name, err));
	TRY(add_line(out, "mailbox", claim->address, err));
	TRY(add_line(out, "level", claim_level_name(claim->level), err));
	for (int i = 0; i < CLAIM_FIELDS; i++)
		TRY(add_line(out, claim_field_name((enum claim_field)i),
		    claim->field[i], err));
	TRY(add_files(sql, claim, out, err));
	if (word->act == CLAIM_APPROVE)
		TRY(buf_add_format(
		    out, err, "until: %lld\n", (long long)word->until));
	TRY(add_line(out, "note", word->note, err));
	return buf_add_format(out, err, "at: %lld\n", (long long)word->now);
}
