#include "authority/guard.h"

#include <stdlib.h>

#include "authority/audit.h"
#include "authority/authorization.h"
#include "authority/claim.h"
#include "authority/guard_recovery.h"
#include "authority/revoked.h"
#include "os/random.h"

#define NAME_BYTES 16
#define BATCH 100

static const char *const kinds[] = {
    [GUARD_ISSUE] = "issue", [GUARD_REVOKE] = "revoke", [GUARD_UNDO] = "undo"};
static const char *const states[] = {[GUARD_OPEN] = "open",
    [GUARD_APPROVED] = "approved",
    [GUARD_REFUSED] = "refused"};

const char *
guard_kind_name(enum guard_kind kind)
{
	return kinds[kind];
}

const char *
guard_state_name(enum guard_state state)
{
	return states[state];
}

void
guard_done(struct guard *guard)
{
	free(guard->name);
	free(guard->address);
	free(guard->order_name);
	free(guard->by);
	buf_done(&guard->request);
	buf_done(&guard->key_sha256);
	buf_done(&guard->serial);
	*guard = GUARD;
}

/* What only waits for a domain's first word is nothing yet: anybody can ask. */
#define UNPROVED " AND (proof_next IS NULL OR proof_seen > 0)"

static struct sql_value
text_value(const struct buf *buf)
{
	return (struct sql_value){SQL_KIND_TEXT, 0, buf_span(buf)};
}

/* Certificates that make an enrolment, for FORCE_AT(now): those in force, and
 * those that expired of late. */
#define FORCE_AT(now) SQL_NUMBER(now), SQL_NUMBER((now)-GUARD_GRACE_SECONDS)
#define IN_FORCE                                                           \
	" FROM certificate AS c LEFT JOIN revocation AS r"                 \
	" ON r.certificate = c.id WHERE c.kind <> 'host' AND r.id IS NULL" \
	" AND c.not_before <= ? AND c.not_after > ?"

enum rc
guard_place(struct sql *sql, const char *address, int64_t account, int64_t now,
    enum guard_place *ret, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	struct buf folded BUF_OWNED = BUF_SMALL;

	TRY(authorization_fold(address, &folded, err));
	TRY(sql_select(sql,
	    "SELECT count(*),"
	    " count(CASE WHEN c.account = ? THEN 1 END)" IN_FORCE
	    " AND c.folded = ?",
	    SQL_VALUES(SQL_NUMBER(account), FORCE_AT(now), text_value(&folded)),
	    &rows, err));
	TRY(sql_rows_next(rows, err));
	*ret = GUARD_STRANGER;
	if (sql_rows_number(rows, 0) == 0)
		*ret = GUARD_NOBODY;
	else if (sql_rows_number(rows, 1) > 0)
		*ret = GUARD_DEVICE;
	return RC_OK;
}

/* -- reading -- */

#define COLUMNS                                                       \
	"SELECT g.id, g.name, g.kind, g.state, g.address, g.account," \
	" g.acme_order, o.name, g.request, g.key_sha256, g.serial,"   \
	" g.reason, g.created, g.expires, g.decided_by, g.mail_tries" \
	" FROM guard_request AS g LEFT JOIN acme_order AS o"          \
	" ON o.id = g.acme_order"

static int
word_of(struct span text, const char *const *words, int count)
{
	for (int i = 0; i < count; i++)
		if (span_is(text, span_str(words[i])))
			return i;
	return count - 1; /* what nobody knows is refused */
}

/* Time is over for whatever was not decided in time, or not fetched. */
static enum guard_state
state_at(const struct sql_rows *rows, int64_t now)
{
	if (sql_rows_number(rows, 13) <= now)
		return GUARD_REFUSED;
	return (enum guard_state)word_of(sql_rows_bytes(rows, 3), states, 3);
}

static enum rc
read_row(const struct sql_rows *rows, int64_t now, struct guard *own,
    struct err *err)
{
	own->id = sql_rows_number(rows, 0);
	TRY(sql_rows_text(rows, 1, &own->name, err));
	own->kind = (enum guard_kind)word_of(sql_rows_bytes(rows, 2), kinds, 3);
	own->state = state_at(rows, now);
	TRY(sql_rows_text(rows, 4, &own->address, err));
	own->account = sql_rows_number(rows, 5);
	own->order = sql_rows_number(rows, 6);
	TRY(sql_rows_text(rows, 7, &own->order_name, err));
	TRY(buf_add(&own->request, sql_rows_bytes(rows, 8), err));
	TRY(buf_add(&own->key_sha256, sql_rows_bytes(rows, 9), err));
	TRY(buf_add(&own->serial, sql_rows_bytes(rows, 10), err));
	own->reason = (int)sql_rows_number(rows, 11);
	own->created = sql_rows_number(rows, 12);
	own->expires = sql_rows_number(rows, 13);
	TRY(sql_rows_text(rows, 14, &own->by, err));
	own->mail_tries = (unsigned)sql_rows_number(rows, 15);
	return RC_OK;
}

static enum rc
find(struct sql *sql, const char *text, struct sql_values values, int64_t now,
    struct guard *ret, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	struct guard own GUARD_OWNED = GUARD;

	TRY(sql_select(sql, text, values, &rows, err));
	TRY(sql_rows_next(rows, err));
	TRY(read_row(rows, now, &own, err));
	guard_done(ret);
	*ret = own;
	own = GUARD;
	return RC_OK;
}

enum rc
guard_find(struct sql *sql, const char *name, int64_t now, struct guard *ret,
    struct err *err)
{
	return find(sql, COLUMNS " WHERE g.name = ?",
	    SQL_VALUES(sql_text(name)), now, ret, err);
}

enum rc
guard_find_order(struct sql *sql, int64_t order, int64_t now, struct guard *ret,
    struct err *err)
{
	return find(sql, COLUMNS " WHERE g.acme_order = ?",
	    SQL_VALUES(SQL_NUMBER(order)), now, ret, err);
}

enum rc
guard_select(struct sql *sql, int64_t account, int64_t now,
    struct sql_rows **ret, struct err *err)
{
	return sql_select(sql,
	    "SELECT g.name FROM guard_request AS g WHERE (g.state = 'open'"
	    " OR (g.state = 'approved' AND g.decided_by = ?))"
	    " AND g.expires > ?" UNPROVED
	    " AND (CAST(? AS BIGINT) = 0 OR g.folded IN"
	    " (SELECT c.folded" IN_FORCE " AND c.account = ?))"
	    " ORDER BY g.id LIMIT 1000",
	    SQL_VALUES(sql_text(GUARD_BY_CODE), SQL_NUMBER(now),
		SQL_NUMBER(account), FORCE_AT(now), SQL_NUMBER(account)),
	    ret, err);
}

/* -- asking -- */

static enum rc
write_down(struct sql *sql, const struct guard *guard, const char *actor,
    const char *what, int64_t now, struct err *err)
{
	struct buf detail BUF_OWNED = BUF_SMALL;
	struct audit_act act = {
	    .actor = actor, .act = what, .object = guard->address, .now = now};

	TRY(buf_add_format(
	    &detail, err, "%s %s", kinds[guard->kind], guard->name));
	TRY(buf_str(&detail, &act.detail, err));
	return audit_add(sql, &act, err);
}

/* The same wish again bothers nobody twice. */
static enum rc
find_same(struct sql *sql, const struct guard_wish *wish, struct guard *ret,
    struct err *err)
{
	if (wish->kind == GUARD_ISSUE)
		return guard_find_order(sql, wish->order, wish->now, ret, err);
	return find(sql,
	    COLUMNS " WHERE g.kind = ? AND g.serial = ?"
		    " AND coalesce(g.account, 0) = ? AND g.address = ?"
		    " AND g.state = 'open' AND g.expires > ?",
	    SQL_VALUES(sql_text(kinds[wish->kind]), SQL_BLOB(wish->serial),
		SQL_NUMBER(wish->account), sql_text(wish->address),
		SQL_NUMBER(wish->now)),
	    wish->now, ret, err);
}

/* `account` 0: of all. */
static enum rc
count_open(struct sql *sql, const struct buf *folded, int64_t account,
    int64_t now, int64_t *ret, struct err *err)
{
	return sql_number(sql,
	    "SELECT count(*) FROM guard_request AS g WHERE g.folded = ?"
	    " AND g.state = 'open' AND g.expires > ?" UNPROVED
	    " AND (CAST(? AS BIGINT) = 0 OR g.account = ?)",
	    SQL_VALUES(text_value(folded), SQL_NUMBER(now), SQL_NUMBER(account),
		SQL_NUMBER(account)),
	    ret, err);
}

static enum rc
check_room(struct sql *sql, const struct guard_wish *wish,
    const struct buf *folded, struct err *err)
{
	int64_t all = 0, own = 0;

	if (wish->by_domain || wish->account == 0)
		return RC_OK;
	TRY(count_open(sql, folded, wish->account, wish->now, &own, err));
	if (own == 0)
		return RC_OK;
	TRY(count_open(sql, folded, 0, wish->now, &all, err));
	if (own < GUARD_ACCOUNT_MAX && all < GUARD_OPEN_MAX)
		return RC_OK;
	return err_set(err, RC_LIMIT,
	    "%lld requests for this mailbox, %lld of this account, wait for "
	    "its devices already",
	    (long long)all, (long long)own);
}

static enum rc
insert(struct sql *sql, const struct guard_wish *wish, const struct buf *folded,
    const char *name, struct err *err)
{
	return sql_change(sql,
	    "INSERT INTO guard_request (name, kind, state, address, folded,"
	    " account, acme_order, request, key_sha256, serial, reason,"
	    " created, expires, mail_next, proof_next)"
	    " VALUES (?, ?, 'open', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	    SQL_VALUES(sql_text(name), sql_text(kinds[wish->kind]),
		sql_text(wish->address), text_value(folded),
		wish->account != 0 ? SQL_NUMBER(wish->account) : SQL_NULL,
		wish->order != 0 ? SQL_NUMBER(wish->order) : SQL_NULL,
		SQL_BLOB(wish->request), SQL_BLOB(wish->key_sha256),
		SQL_BLOB(wish->serial), SQL_NUMBER(wish->reason),
		SQL_NUMBER(wish->now), SQL_NUMBER(wish->now + GUARD_SECONDS),
		wish->by_domain ? SQL_NULL : SQL_NUMBER(wish->now),
		wish->by_domain ? SQL_NUMBER(wish->now) : SQL_NULL),
	    err);
}

enum rc
guard_ask(struct sql *sql, const struct guard_wish *wish, struct guard *ret,
    struct err *err)
{
	struct buf folded BUF_OWNED = BUF_SMALL;
	struct buf name BUF_OWNED = BUF_SMALL;
	const char *text = NULL;
	enum rc rc = find_same(sql, wish, ret, err);

	if (rc != RC_ABSENT)
		return rc;
	TRY(authorization_fold(wish->address, &folded, err));
	TRY(check_room(sql, wish, &folded, err));
	TRY(random_text(NAME_BYTES, &name, err));
	TRY(buf_str(&name, &text, err));
	TRY(insert(sql, wish, &folded, text, err));
	TRY(guard_find(sql, text, wish->now, ret, err));
	return write_down(sql, ret, wish->actor, "guard-ask", wish->now, err);
}

/* -- deciding -- */

static bool
is_code(const struct guard_word *word)
{
	return strcmp(word->by, GUARD_BY_CODE) == 0;
}

/* A letter that still waits says what was asked for; of a code's word there is
 * another one to write. */
static enum rc
set_letter(struct sql *sql, const struct guard *guard,
    const struct guard_word *word, struct err *err)
{
	if (!word->approves || !is_code(word))
		return RC_OK;
	return sql_change(sql,
	    "UPDATE guard_request SET mail_next = ?, mail_tries = 0"
	    " WHERE id = ?",
	    SQL_VALUES(SQL_NUMBER(word->now), SQL_NUMBER(guard->id)), err);
}

static enum rc
settle(struct sql *sql, const struct guard *guard,
    const struct guard_word *word, struct err *err)
{
	TRY(sql_change(sql,
	    "UPDATE guard_request SET state = ?, decided_by = ?,"
	    " decided_at = ?, expires = ?"
	    " WHERE id = ? AND state = 'open' AND expires > ?",
	    SQL_VALUES(
		sql_text(
		    states[word->approves ? GUARD_APPROVED : GUARD_REFUSED]),
		sql_text(word->by), SQL_NUMBER(word->now),
		SQL_NUMBER(word->approves ? word->now + GUARD_FETCH_SECONDS
					  : guard->expires),
		SQL_NUMBER(guard->id), SQL_NUMBER(word->now)),
	    err));
	if (sql_changed(sql) == 1)
		return RC_OK;
	return err_set(err, RC_REFUSED, "this was decided before");
}

static enum rc
revoke(struct sql *sql, struct span serial, int reason,
    const struct guard_word *word, struct err *err)
{
	const struct revoked_wish wish = {.serial = serial,
	    .reason = reason,
	    .by = word->by,
	    .now = word->now};
	/* RC_REFUSED would be the end of the transaction's use to us; that
	 * one was revoked in the meantime is what was wanted */
	struct revoked before = {0};
	enum rc rc = revoked_find(sql, serial, &before, err);

	if (rc == RC_OK)
		return RC_OK;
	return rc == RC_ABSENT ? revoked_add(sql, &wish, err) : rc;
}

/* Whoever the first was, they are nobody now: nothing of theirs is in force,
 * and so the mailbox is free again. */
static enum rc
revoke_all(struct sql *sql, const struct guard *guard,
    const struct guard_word *word, struct err *err)
{
	struct buf folded BUF_OWNED = BUF_SMALL;
	enum rc rc = RC_OK;

	TRY(guard_recovery_forget(sql, guard->address, 0, err));
	TRY(authorization_fold(guard->address, &folded, err));
	TRY(claim_end(sql, guard->address, word->now, err));
	while (rc == RC_OK) {
		struct sql_rows *rows OWNED(sql_rows_free) = NULL;
		struct buf serial BUF_OWNED = BUF_SMALL;
		TRY(sql_select(sql,
		    "SELECT c.serial" IN_FORCE " AND c.folded = ? LIMIT 1",
		    SQL_VALUES(FORCE_AT(word->now), text_value(&folded)), &rows,
		    err));
		rc = sql_rows_next(rows, err);
		if (rc != RC_OK)
			break;
		TRY(buf_add(&serial, sql_rows_bytes(rows, 0), err));
		TRY(revoke(sql, buf_span(&serial), REVOKED_PRIVILEGE_WITHDRAWN,
		    word, err));
	}
	return rc == RC_ABSENT ? RC_OK : rc;
}

enum rc
guard_decide(struct sql *sql, const struct guard *guard,
    const struct guard_word *word, struct err *err)
{
	TRY(settle(sql, guard, word, err));
	TRY(write_down(sql, guard, word->by,
	    word->approves ? "guard-approve" : "guard-veto", word->now, err));
	TRY(set_letter(sql, guard, word, err));
	if (!word->approves || guard->kind == GUARD_ISSUE)
		return RC_OK;
	if (guard->kind == GUARD_UNDO)
		return revoke_all(sql, guard, word, err);
	return revoke(sql, buf_span(&guard->serial), guard->reason, word, err);
}

/* Nobody is judge in their own cause, however the address is written. */
static enum rc
check_neutral(const struct guard *guard, const struct buf *who, struct err *err)
{
	struct buf subject BUF_OWNED = BUF_SMALL;

	TRY(authorization_fold(guard->address, &subject, err));
	if (!span_is(buf_span(&subject), buf_span(who)))
		return RC_OK;
	return err_set(
	    err, RC_UNFIT, "an operator does not decide on their own mailbox");
}

enum rc
guard_second(struct sql *sql, const struct guard *guard, const char *who,
    int64_t now, bool *ret, struct err *err)
{
	struct buf folded BUF_OWNED = BUF_SMALL;
	struct buf by BUF_OWNED = BUF_SMALL;
	struct guard_word word = {.approves = true, .now = now};
	int64_t spoke = 0, count = 0;

	TRY(authorization_fold(who, &folded, err));
	TRY(check_neutral(guard, &folded, err));
	TRY(sql_number(sql,
	    "SELECT count(*) FROM guard_voice WHERE request = ? AND who = ?",
	    SQL_VALUES(SQL_NUMBER(guard->id), text_value(&folded)), &spoke,
	    err));
	if (spoke > 0)
		return err_set(err, RC_UNFIT,
		    "you have spoken for this one: it needs a second operator");
	TRY(sql_change(sql,
	    "INSERT INTO guard_voice (request, who, at) VALUES (?, ?, ?)",
	    SQL_VALUES(
		SQL_NUMBER(guard->id), text_value(&folded), SQL_NUMBER(now)),
	    err));
	TRY(sql_number(sql,
	    "SELECT count(*) FROM guard_voice WHERE request = ?",
	    SQL_VALUES(SQL_NUMBER(guard->id)), &count, err));
	TRY(buf_add_format(&by, err, "operator %s", who));
	TRY(buf_str(&by, &word.by, err));
	*ret = count >= 2;
	if (*ret)
		return guard_decide(sql, guard, &word, err);
	return write_down(sql, guard, word.by, "guard-second", now, err);
}

static enum rc
expire_one(struct sql *sql, int64_t now, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	struct guard guard GUARD_OWNED = GUARD;

	TRY(sql_act_begin(sql, &act, err));
	TRY(find(sql,
	    COLUMNS " WHERE g.state = 'open' AND g.expires <= ?"
		    " ORDER BY g.id LIMIT 1",
	    SQL_VALUES(SQL_NUMBER(now)), now, &guard, err));
	TRY(sql_change(sql,
	    "UPDATE guard_request SET state = 'refused',"
	    " decided_by = 'silence', decided_at = ?, mail_next = NULL"
	    " WHERE id = ?",
	    SQL_VALUES(SQL_NUMBER(now), SQL_NUMBER(guard.id)), err));
	TRY(write_down(sql, &guard, "authority", "guard-silence", now, err));
	return sql_act_commit(&act, err);
}

enum rc
guard_expire(void *context, struct sql *sql, int64_t now, struct err *err)
{
	enum rc rc = RC_OK;

	for (int i = 0; i < BATCH && rc == RC_OK; i++)
		rc = expire_one(sql, now, err);
	return rc == RC_ABSENT ? RC_OK : rc;
}

/* -- letters -- */

enum rc
guard_take_mail(struct sql *sql, int64_t now, struct guard *ret,
    int64_t *ret_next, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;

	TRY(sql_act_begin(sql, &act, err));
	enum rc rc = find(sql,
	    COLUMNS " WHERE g.mail_next <= ? ORDER BY g.mail_next LIMIT 1",
	    SQL_VALUES(SQL_NUMBER(now)), now, ret, err);
	if (rc == RC_ABSENT) {
		TRY(sql_number(sql,
		    "SELECT coalesce(min(mail_next), 9223372036854775807)"
		    " FROM guard_request WHERE mail_next > ?",
		    SQL_VALUES(SQL_NUMBER(now)), ret_next, err));
		return RC_ABSENT;
	}
	TRY(rc);
	TRY(sql_change(sql,
	    "UPDATE guard_request SET mail_next = ? WHERE id = ?",
	    SQL_VALUES(SQL_NUMBER(now + GUARD_MAIL_LEASE), SQL_NUMBER(ret->id)),
	    err));
	return sql_act_commit(&act, err);
}

enum rc
guard_mail_first(struct sql *sql, int64_t id, int64_t now, struct err *err)
{
	return sql_change(sql,
	    "UPDATE guard_request SET mail_next = ? WHERE id = ?",
	    SQL_VALUES(SQL_NUMBER(now), SQL_NUMBER(id)), err);
}

enum rc
guard_mailed(struct sql *sql, int64_t id, struct err *err)
{
	return sql_change(sql,
	    "UPDATE guard_request SET mail_next = NULL WHERE id = ?",
	    SQL_VALUES(SQL_NUMBER(id)), err);
}

enum rc
guard_mail_later(struct sql *sql, int64_t id, int64_t next, struct err *err)
{
	return sql_change(sql,
	    "UPDATE guard_request SET mail_next = ?,"
	    " mail_tries = mail_tries + 1"
	    " WHERE id = ? AND mail_next IS NOT NULL",
	    SQL_VALUES(SQL_NUMBER(next), SQL_NUMBER(id)), err);
}
