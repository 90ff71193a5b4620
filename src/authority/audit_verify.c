#include "authority/audit_verify.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "authority/audit_seal.h"
#include "codec/hex.h"

#define PAGE 500 /* rows in memory at once */
#define LINE_MAX_LEN 300

OWNER(char, free);

struct verify {
	struct sql *sql;
	const struct certs *roots;
	struct audit_report *report;
	int64_t position; /* of the entry before */
	uint8_t hash[AUDIT_HASH_LEN];
	int64_t before; /* certificates of this id and before are older than
			 * the log */
	struct audit_head head;
	bool named; /* a seal was met that names the one before */
	uint8_t seal[AUDIT_HASH_LEN]; /* name of the last one met */
};

void
audit_report_done(struct audit_report *report)
{
	strlist_done(&report->fault);
}

__attribute__((format(printf, 3, 4))) static enum rc
found(struct verify *verify, struct err *err, const char *format, ...)
{
	struct audit_report *report = verify->report;
	char line[LINE_MAX_LEN];
	va_list args;

	if (report->faults++ >= AUDIT_FAULTS_MAX)
		return RC_OK;
	va_start(args, format);
	(void)vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	return strlist_add_str(&report->fault, line, err);
}

static bool
is_same(const uint8_t a[AUDIT_HASH_LEN], const uint8_t b[AUDIT_HASH_LEN])
{
	return span_is(span_of(a, AUDIT_HASH_LEN), span_of(b, AUDIT_HASH_LEN));
}

/* The chain. */

static enum rc
count_of(struct verify *verify, const char *text, struct sql_value value,
    int64_t *ret, struct err *err)
{
	return sql_number(verify->sql, text, SQL_VALUES(value), ret, err);
}

/* An entry that says a certificate was issued or revoked, and no such row. */
static enum rc
check_object(
    struct verify *verify, const struct audit_entry *entry, struct err *err)
{
	bool issue = span_is(entry->text[1], span_str("issue"));
	bool revoke = span_is(entry->text[1], span_str("revoke"));
	struct buf serial BUF_OWNED = BUF_SMALL;
	int64_t count = 0;

	if (!issue && !revoke)
		return RC_OK;
	if (hex_decode(entry->text[2], &serial, NULL) != RC_OK)
		return found(verify, err, "entry %lld names no serial number",
		    (long long)entry->position);
	TRY(count_of(verify,
	    issue ? "SELECT count(*) FROM certificate WHERE serial = ?"
		  : "SELECT count(*) FROM revocation WHERE serial = ?",
	    SQL_BLOB(buf_span(&serial)), &count, err));
	if (count == 1)
		return RC_OK;
	return found(verify, err, "entry %lld: its %s %.*s is not there",
	    (long long)entry->position, issue ? "certificate" : "revocation",
	    (int)entry->text[2].len, (const char *)entry->text[2].data);
}

/* The log begins with what was there before it. */
static enum rc
read_begin(
    struct verify *verify, const struct audit_entry *entry, struct err *err)
{
	char *number OWNED(free) = NULL;

	if (!span_is(entry->text[1], span_str("begin")))
		return found(
		    verify, err, "the log does not begin with \"begin\"");
	TRY(span_dup(entry->text[3], &number, err));
	verify->before = strtoll(number, NULL, 10);
	return RC_OK;
}

static enum rc
check_entry(struct verify *verify, const struct audit_entry *entry,
    struct span hash, struct err *err)
{
	if (entry->position != verify->position + 1)
		TRY(found(verify, err, "entries %lld to %lld are not there",
		    (long long)verify->position + 1,
		    (long long)entry->position - 1));
	TRY(audit_hash(entry, verify->hash, err));
	if (!span_is(hash, span_of(verify->hash, AUDIT_HASH_LEN))) {
		TRY(found(verify, err, "entry %lld is not as it was sealed",
		    (long long)entry->position));
		/* go on from what it says, or all that follow would be named */
		if (hash.len == AUDIT_HASH_LEN)
			memcpy(verify->hash, hash.data, AUDIT_HASH_LEN);
	}
	if (entry->position == 1)
		TRY(read_begin(verify, entry, err));
	if (entry->position == verify->head.position &&
	    !is_same(verify->hash, verify->head.hash))
		TRY(found(verify, err,
		    "entry %lld is another one than " AUDIT_HEAD " knows",
		    (long long)entry->position));
	verify->position = entry->position;
	verify->report->entries++;
	return check_object(verify, entry, err);
}

/* The seals. */

static enum rc
check_token(struct verify *verify, struct span token, struct span content,
    struct err *err)
{
	struct stamp_result result STAMP_RESULT_OWNED = {.chain = CHAIN_RESULT};
	struct audit_report *report = verify->report;
	struct err why = ERR_NONE;

	enum rc rc = stamp_verify(token, content, verify->roots, &result, &why);
	if (rc == RC_NOMEM)
		return err_nomem(err, "audit");
	if (rc != RC_OK)
		return found(verify, err, "the seal of entry %lld: %s",
		    (long long)verify->position, why.text);
	if (result.chain.state != CHAIN_VALID)
		return found(verify, err,
		    "the seal of entry %lld is not of our timestamp "
		    "authority: %s",
		    (long long)verify->position, result.chain.reason);
	if (result.when < report->sealed_at)
		return found(verify, err,
		    "the seal of entry %lld is older than the one before",
		    (long long)verify->position);
	report->sealed_at = result.when;
	report->sealed = verify->position;
	report->seals++;
	return RC_OK;
}

/* `previous` is what the seal says of the one before it: the token covers it. */
static enum rc
check_previous(struct verify *verify, struct span previous, struct err *err)
{
	static const char gone[] = "the seal before that of entry %lld is not "
				   "there or another one";

	verify->named = true;
	if (span_is(previous, span_of(verify->seal, AUDIT_HASH_LEN)))
		return RC_OK;
	return found(verify, err, gone, (long long)verify->position);
}

/* One that names none is from before they did so; such a one behind another
 * that does was put there. */
static enum rc
check_unnamed(struct verify *verify, struct span token, struct err *err)
{
	if (verify->named)
		return found(verify, err,
		    "the seal of entry %lld does not name the one before",
		    (long long)verify->position);
	return check_token(
	    verify, token, span_of(verify->hash, AUDIT_HASH_LEN), err);
}

static enum rc
check_named(struct verify *verify, struct span token, struct span previous,
    struct err *err)
{
	uint8_t content[AUDIT_STAMPED_LEN];

	TRY(check_previous(verify, previous, err));
	if (previous.len != AUDIT_HASH_LEN)
		return RC_OK;
	audit_seal_content(verify->hash, previous.data, content);
	return check_token(
	    verify, token, span_of(content, sizeof(content)), err);
}

static enum rc
check_seal(struct verify *verify, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;

	TRY(sql_select(verify->sql,
	    "SELECT token, previous FROM audit_batch WHERE position = ?",
	    SQL_VALUES(SQL_NUMBER(verify->position)), &rows, err));
	enum rc rc = sql_rows_next(rows, err);
	if (rc == RC_ABSENT)
		return RC_OK;
	TRY(rc);
	struct span token = sql_rows_bytes(rows, 0);
	TRY(sql_rows_is_null(rows, 1)
		? check_unnamed(verify, token, err)
		: check_named(verify, token, sql_rows_bytes(rows, 1), err));
	TRY(audit_seal_name(token, verify->seal, err));
	if (verify->position == verify->head.position &&
	    verify->head.has_seal && !is_same(verify->seal, verify->head.seal))
		return found(verify, err,
		    "the seal of entry %lld is another one than " AUDIT_HEAD
		    " knows",
		    (long long)verify->position);
	return RC_OK;
}

/* Some entries; RC_ABSENT: that was the last. */
static enum rc
check_page(struct verify *verify, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	enum rc rc, any = RC_ABSENT;

	TRY(sql_select(verify->sql,
	    "SELECT position, id, at, actor, act, object, detail, hash"
	    " FROM audit WHERE position > ? ORDER BY position LIMIT ?",
	    SQL_VALUES(SQL_NUMBER(verify->position), SQL_NUMBER(PAGE)), &rows,
	    err));
	while ((rc = sql_rows_next(rows, err)) == RC_OK) {
		struct audit_entry entry = {
		    .position = sql_rows_number(rows, 0),
		    .id = sql_rows_number(rows, 1),
		    .at = sql_rows_number(rows, 2)};
		for (int i = 0; i < 4; i++)
			entry.text[i] = sql_rows_bytes(rows, 3 + i);
		TRY(check_entry(verify, &entry, sql_rows_bytes(rows, 7), err));
		TRY(check_seal(verify, err));
		any = RC_OK;
	}
	return rc == RC_ABSENT ? any : rc;
}

/* What the walk along the chain could not meet. */
static const struct {
	const char *count;
	const char *says;
} strays[] = {
    {"SELECT count(*) FROM audit_batch AS b WHERE NOT EXISTS"
     " (SELECT 1 FROM audit AS a WHERE a.position = b.position)",
	"seals are of entries that are not there"},
    {"SELECT count(*) FROM audit WHERE position < 1",
	"entries have impossible places"},
};

static enum rc
check_strays(struct verify *verify, struct err *err)
{
	for (size_t i = 0; i < sizeof(strays) / sizeof(strays[0]); i++) {
		int64_t count = 0;
		TRY(sql_number(
		    verify->sql, strays[i].count, SQL_NONE, &count, err));
		if (count > 0)
			TRY(found(verify, err, "%lld %s", (long long)count,
			    strays[i].says));
	}
	return RC_OK;
}

static enum rc
check_head(struct verify *verify, struct err *err)
{
	if (verify->head.position > verify->position)
		return found(verify, err,
		    "the log ends with entry %lld; " AUDIT_HEAD
		    " knows of entry %lld",
		    (long long)verify->position,
		    (long long)verify->head.position);
	if (verify->head.position > verify->report->sealed)
		return found(verify, err,
		    "the seal of entry %lld, which " AUDIT_HEAD
		    " knows, is not there",
		    (long long)verify->head.position);
	return RC_OK;
}

static enum rc
count_open(struct verify *verify, struct err *err)
{
	struct audit_report *report = verify->report;

	TRY(sql_number(verify->sql,
	    "SELECT count(*) FROM audit WHERE position IS NULL", SQL_NONE,
	    &report->open, err));
	TRY(sql_number(verify->sql,
	    "SELECT coalesce(min(at), 0) FROM audit WHERE position IS NULL",
	    SQL_NONE, &report->oldest_open, err));
	if (report->entries == 0 && report->open == 0)
		return found(verify, err, "the log is empty");
	return RC_OK;
}

/* Certificates and revocations. */

struct kind {
	const char *page;  /* id, serial of rows behind an id */
	const char *count; /* of entries about that serial */
	const char *name;
	bool once;
};

static const struct kind certificates = {
    "SELECT id, serial FROM certificate WHERE id > ? ORDER BY id LIMIT ?",
    "SELECT count(*) FROM audit WHERE object = ? AND act = 'issue'",
    "certificate", true};
/* its reason may become a worse one later */
static const struct kind revocations = {
    "SELECT id, serial FROM revocation WHERE id > ? ORDER BY id LIMIT ?",
    "SELECT count(*) FROM audit WHERE object = ? AND act = 'revoke'",
    "revocation", false};

static enum rc
check_serial(struct verify *verify, const struct kind *kind, struct span serial,
    struct err *err)
{
	struct buf hex BUF_OWNED = BUF_SMALL;
	const char *text = NULL;
	int64_t count = 0;

	TRY(hex_encode(serial, &hex, err));
	TRY(buf_str(&hex, &text, err));
	TRY(count_of(verify, kind->count, sql_text(text), &count, err));
	if (count == 1 || (count > 1 && !kind->once))
		return RC_OK;
	return found(verify, err, "%s %s is %lld times in the log", kind->name,
	    text, (long long)count);
}

static enum rc
check_rows(struct verify *verify, const struct kind *kind, int64_t *id,
    int64_t *count, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	enum rc rc, any = RC_ABSENT;

	TRY(sql_select(verify->sql, kind->page,
	    SQL_VALUES(SQL_NUMBER(*id), SQL_NUMBER(PAGE)), &rows, err));
	while ((rc = sql_rows_next(rows, err)) == RC_OK) {
		*id = sql_rows_number(rows, 0);
		TRY(check_serial(verify, kind, sql_rows_bytes(rows, 1), err));
		*count += 1;
		any = RC_OK;
	}
	return rc == RC_ABSENT ? any : rc;
}

static enum rc
check_kind(struct verify *verify, const struct kind *kind, int64_t id,
    int64_t *count, struct err *err)
{
	enum rc rc;

	while ((rc = check_rows(verify, kind, &id, count, err)) == RC_OK)
		;
	return rc == RC_ABSENT ? RC_OK : rc;
}

enum rc
audit_verify(struct sql *sql, const char *folder, const struct certs *roots,
    struct audit_report *ret, struct err *err)
{
	struct audit_report report AUDIT_REPORT_OWNED = {.fault = STRLIST_NONE};
	struct verify verify = {.sql = sql, .roots = roots, .report = &report};
	enum rc rc;

	rc = audit_head_load(folder, &verify.head, err);
	if (rc != RC_OK && rc != RC_ABSENT)
		return rc;
	while ((rc = check_page(&verify, err)) == RC_OK)
		;
	if (rc != RC_ABSENT)
		return rc;
	TRY(check_strays(&verify, err));
	TRY(check_head(&verify, err));
	TRY(count_open(&verify, err));
	TRY(check_kind(
	    &verify, &certificates, verify.before, &report.certificates, err));
	TRY(check_kind(&verify, &revocations, 0, &report.revocations, err));
	*ret = report;
	report = (struct audit_report){.fault = STRLIST_NONE};
	return RC_OK;
}
