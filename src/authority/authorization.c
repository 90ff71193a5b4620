#include "authority/authorization.h"

#include <stdlib.h>

#include "authority/audit.h"
#include "codec/hex.h"
#include "os/random.h"

OWNER(char, free);

#define NAME_BYTES 16
/* "MUST be at least 128 bits long after decoding" (RFC 8823 section 3.1), and
 * the Baseline Requirements want as much for the other half. */
#define TOKEN_BYTES 20
#define RECIPIENT_BYTES 10

void
authorization_done(struct authorization *authorization)
{
	free(authorization->name);
	free(authorization->address);
	free(authorization->recipient);
	free(authorization->token1);
	free(authorization->token2);
	free(authorization->thumbprint);
	free(authorization->error_type);
	free(authorization->error_detail);
	*authorization = (struct authorization){0};
}

const char *
authorization_kind_name(enum authorization_kind kind)
{
	return kind == AUTHORIZATION_HOST ? "dns" : "email";
}

static const char *const state_names[] = {
    [AUTHORIZATION_PENDING] = "pending",
    [AUTHORIZATION_VALID] = "valid",
    [AUTHORIZATION_INVALID] = "invalid",
    [AUTHORIZATION_DEACTIVATED] = "deactivated",
    [AUTHORIZATION_EXPIRED] = "expired",
};

const char *
authorization_state_name(enum authorization_state state)
{
	return state_names[state];
}

/* What is written, and what time has made of it since. */
static enum authorization_state
state_at(struct span written, int64_t expires, int64_t now)
{
	if (span_is(written, span_str("valid")))
		return expires > now ? AUTHORIZATION_VALID
				     : AUTHORIZATION_EXPIRED;
	if (span_is(written, span_str("pending")))
		return expires > now ? AUTHORIZATION_PENDING
				     : AUTHORIZATION_INVALID;
	if (span_is(written, span_str("deactivated")))
		return AUTHORIZATION_DEACTIVATED;
	return AUTHORIZATION_INVALID;
}

#define COLUMNS                                                        \
	"SELECT id, account, name, address, status, created, expires," \
	" recipient, token1, token2, posted, answered, validated,"     \
	" error_type, error_detail, mail_tries, kind, thumbprint"      \
	" FROM acme_authorization"

static enum rc
read_texts(
    const struct sql_rows *rows, struct authorization *own, struct err *err)
{
	TRY(sql_rows_text(rows, 2, &own->name, err));
	TRY(sql_rows_text(rows, 3, &own->address, err));
	TRY(sql_rows_text(rows, 7, &own->recipient, err));
	TRY(sql_rows_text(rows, 8, &own->token1, err));
	TRY(sql_rows_text(rows, 9, &own->token2, err));
	TRY(sql_rows_text(rows, 13, &own->error_type, err));
	TRY(sql_rows_text(rows, 14, &own->error_detail, err));
	return sql_rows_text(rows, 17, &own->thumbprint, err);
}

static enum rc
read_row(const struct sql_rows *rows, int64_t now, struct authorization *ret,
    struct err *err)
{
	struct authorization own AUTHORIZATION_OWNED = {0};

	TRY(read_texts(rows, &own, err));
	own.id = sql_rows_number(rows, 0);
	own.account = sql_rows_number(rows, 1);
	own.created = sql_rows_number(rows, 5);
	own.expires = sql_rows_number(rows, 6);
	own.state = state_at(sql_rows_bytes(rows, 4), own.expires, now);
	own.posted = sql_rows_number(rows, 10) != 0;
	own.answered = sql_rows_number(rows, 11) != 0;
	own.validated = sql_rows_number(rows, 12);
	own.mail_tries = (unsigned)sql_rows_number(rows, 15);
	own.kind = span_is(sql_rows_bytes(rows, 16), span_str("dns"))
		       ? AUTHORIZATION_HOST
		       : AUTHORIZATION_EMAIL;
	*ret = own;
	own = (struct authorization){0};
	return RC_OK;
}

static enum rc
find(struct sql_rows *rows, int64_t now, struct authorization *ret,
    struct err *err)
{
	TRY(sql_rows_next(rows, err));
	return read_row(rows, now, ret, err);
}

enum rc
authorization_find(struct sql *sql, const char *name, int64_t now,
    struct authorization *ret, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;

	TRY(sql_select(sql, COLUMNS " WHERE name = ?",
	    SQL_VALUES(sql_text(name)), &rows, err));
	return find(rows, now, ret, err);
}

enum rc
authorization_find_id(struct sql *sql, int64_t id, int64_t now,
    struct authorization *ret, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;

	TRY(sql_select(sql, COLUMNS " WHERE id = ?", SQL_VALUES(SQL_NUMBER(id)),
	    &rows, err));
	return find(rows, now, ret, err);
}

enum rc
authorization_find_recipient(struct sql *sql, const char *recipient,
    int64_t now, struct authorization *ret, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	struct buf folded BUF_OWNED = BUF_SMALL;
	const char *text = NULL;

	TRY(authorization_fold(recipient, &folded, err));
	TRY(buf_str(&folded, &text, err));
	TRY(sql_select(sql, COLUMNS " WHERE recipient = ?",
	    SQL_VALUES(sql_text(text)), &rows, err));
	return find(rows, now, ret, err);
}

enum rc
authorization_find_usable(struct sql *sql,
    const struct authorization_wish *wish, struct authorization *ret,
    struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;

	TRY(sql_select(sql,
	    COLUMNS " WHERE account = ? AND address = ? AND kind = ?"
		    " AND expires > ?"
		    " AND (status = 'valid'"
		    "  OR (status = 'pending' AND created >= ?))"
		    " ORDER BY status = 'valid' DESC, id DESC LIMIT 1",
	    SQL_VALUES(SQL_NUMBER(wish->account), sql_text(wish->address),
		sql_text(authorization_kind_name(wish->kind)),
		SQL_NUMBER(wish->now), SQL_NUMBER(wish->pending_since)),
	    &rows, err));
	return find(rows, wish->now, ret, err);
}

enum rc
authorization_fold(const char *address, struct buf *out, struct err *err)
{
	size_t before = out->len;

	TRY(buf_add_str(out, address, err));
	for (size_t i = before; i < out->len; i++)
		if (out->data[i] >= 'A' && out->data[i] <= 'Z')
			out->data[i] = (uint8_t)(out->data[i] - 'A' + 'a');
	return RC_OK;
}

/* Everything random of a new authorization. */
struct fresh {
	struct buf name, recipient, token1, token2, folded;
};

static void
fresh_done(struct fresh *fresh)
{
	buf_done(&fresh->name);
	buf_done(&fresh->recipient);
	buf_done(&fresh->token1);
	buf_done(&fresh->token2);
	buf_done(&fresh->folded);
}

#define FRESH_OWNED __attribute__((cleanup(fresh_done)))

static enum rc
fresh_fill(struct fresh *fresh, const char *address, struct err *err)
{
	uint8_t id[RECIPIENT_BYTES];

	/* hexadecimal: a mail server may fold the case of a local part */
	random_fill(id, sizeof(id));
	TRY(hex_encode(span_of(id, sizeof(id)), &fresh->recipient, err));
	TRY(random_text(NAME_BYTES, &fresh->name, err));
	TRY(random_text(TOKEN_BYTES, &fresh->token1, err));
	TRY(random_text(TOKEN_BYTES, &fresh->token2, err));
	return authorization_fold(address, &fresh->folded, err);
}

static struct sql_value
text_value(const struct buf *buf)
{
	return (struct sql_value){SQL_KIND_TEXT, 0, buf_span(buf)};
}

/* What is behind the "@" of a folded address; of a host, itself. */
static struct sql_value
domain_value(const struct buf *folded)
{
	struct span all = buf_span(folded);

	return (struct sql_value){SQL_KIND_TEXT, 0,
	    span_after(all, (size_t)(span_find_byte(all, '@') + 1))};
}

enum rc
authorization_add(struct sql *sql, const struct authorization_wish *wish,
    struct authorization *ret, struct err *err)
{
	struct fresh fresh FRESH_OWNED = {
	    BUF_SMALL, BUF_SMALL, BUF_SMALL, BUF_SMALL, BUF_SMALL};
	bool mail = wish->kind == AUTHORIZATION_EMAIL;
	int64_t id = 0;

	TRY(fresh_fill(&fresh, wish->address, err));
	TRY(sql_number(sql,
	    "INSERT INTO acme_authorization (name, account, kind, address,"
	    " folded, domain, client, thumbprint, status, created, expires,"
	    " recipient, token1, token2, mail_next)"
	    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'pending', ?, ?, ?, ?, ?, ?)"
	    " RETURNING id",
	    SQL_VALUES(text_value(&fresh.name), SQL_NUMBER(wish->account),
		sql_text(authorization_kind_name(wish->kind)),
		sql_text(wish->address), text_value(&fresh.folded),
		domain_value(&fresh.folded), sql_text(wish->client),
		sql_text(wish->thumbprint), SQL_NUMBER(wish->now),
		SQL_NUMBER(wish->now + AUTHORIZATION_PENDING_SECONDS),
		text_value(&fresh.recipient), text_value(&fresh.token1),
		text_value(&fresh.token2),
		mail ? SQL_NUMBER(wish->now) : SQL_NULL),
	    &id, err));
	return authorization_find_id(sql, id, wish->now, ret, err);
}

#define COUNT_WHERE                               \
	"SELECT count(*) FROM acme_authorization" \
	" WHERE kind = 'email' AND created > ? AND "

enum rc
authorization_count(struct sql *sql, const struct authorization_sum *sum,
    int64_t *ret, struct err *err)
{
	static const char *const texts[] = {
	    [AUTHORIZATION_BY_MAILBOX] = COUNT_WHERE "folded = ?",
	    [AUTHORIZATION_BY_DOMAIN] = COUNT_WHERE "domain = ?",
	    [AUTHORIZATION_BY_CLIENT] = COUNT_WHERE "client = ?",
	};
	struct buf folded BUF_OWNED = BUF_SMALL;

	TRY(authorization_fold(sum->of, &folded, err));
	return sql_number(sql, texts[sum->by],
	    SQL_VALUES(SQL_NUMBER(sum->since),
		sum->by == AUTHORIZATION_BY_DOMAIN ? domain_value(&folded)
						   : text_value(&folded)),
	    ret, err);
}

static enum rc
want_one(const struct sql *sql, struct err *err)
{
	if (sql_changed(sql) == 1)
		return RC_OK;
	return err_set(
	    err, RC_ABSENT, "the authorization is not pending any more");
}

/* In the audit log, with whose and what mailbox it is. */
static enum rc
write_down(struct sql *sql, const struct authorization_event *event,
    const char *what, const char *detail, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	struct audit_act act = {
	    .act = what, .detail = detail, .now = event->now};
	char *actor OWNED(free) = NULL;
	char *object OWNED(free) = NULL;

	TRY(sql_select(sql,
	    "SELECT 'account ' || a.name, z.address FROM acme_authorization"
	    " AS z JOIN account AS a ON a.id = z.account WHERE z.id = ?",
	    SQL_VALUES(SQL_NUMBER(event->id)), &rows, err));
	TRY(sql_rows_next(rows, err));
	TRY(sql_rows_text(rows, 0, &actor, err));
	TRY(sql_rows_text(rows, 1, &object, err));
	act.actor = actor;
	act.object = object;
	return audit_add(sql, &act, err);
}

/* Both halves are there: it is valid from now on. */
static enum rc
become_valid(
    struct sql *sql, const struct authorization_event *event, struct err *err)
{
	TRY(sql_change(sql,
	    "UPDATE acme_authorization SET status = 'valid', validated = ?,"
	    " expires = ?, mail_next = NULL"
	    " WHERE id = ? AND status = 'pending' AND posted = 1"
	    " AND answered = 1",
	    SQL_VALUES(SQL_NUMBER(event->now),
		SQL_NUMBER(event->now + event->valid_for),
		SQL_NUMBER(event->id)),
	    err));
	if (sql_changed(sql) == 0)
		return RC_OK;
	return write_down(sql, event, "authorize", "", err);
}

enum rc
authorization_post(
    struct sql *sql, const struct authorization_event *event, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;

	TRY(sql_act_begin(sql, &act, err));
	TRY(sql_change(sql,
	    "UPDATE acme_authorization SET posted = 1, mail_next ="
	    " CASE WHEN kind = 'dns' THEN ? ELSE mail_next END"
	    " WHERE id = ? AND status = 'pending' AND expires > ?",
	    SQL_VALUES(SQL_NUMBER(event->now), SQL_NUMBER(event->id),
		SQL_NUMBER(event->now)),
	    err));
	TRY(want_one(sql, err));
	TRY(become_valid(sql, event, err));
	return sql_act_commit(&act, err);
}

enum rc
authorization_answer(
    struct sql *sql, const struct authorization_event *event, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;

	TRY(sql_act_begin(sql, &act, err));
	TRY(sql_change(sql,
	    "UPDATE acme_authorization SET answered = 1, mail_next = NULL"
	    " WHERE id = ? AND status = 'pending' AND expires > ?"
	    " AND answered = 0",
	    SQL_VALUES(SQL_NUMBER(event->id), SQL_NUMBER(event->now)), err));
	TRY(want_one(sql, err));
	TRY(become_valid(sql, event, err));
	return sql_act_commit(&act, err);
}

enum rc
authorization_fail(
    struct sql *sql, const struct authorization_event *event, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;

	TRY(sql_act_begin(sql, &act, err));
	TRY(sql_change(sql,
	    "UPDATE acme_authorization SET status = 'invalid', error_type = ?,"
	    " error_detail = ?, mail_next = NULL"
	    " WHERE id = ? AND status = 'pending' AND answered = 0",
	    SQL_VALUES(sql_text(event->type), sql_text(event->detail),
		SQL_NUMBER(event->id)),
	    err));
	TRY(want_one(sql, err));
	TRY(write_down(sql, event, "challenge-failed", event->detail, err));
	return sql_act_commit(&act, err);
}

enum rc
authorization_deactivate(
    struct sql *sql, const struct authorization_event *event, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;

	TRY(sql_act_begin(sql, &act, err));
	TRY(sql_change(sql,
	    "UPDATE acme_authorization SET status = 'deactivated',"
	    " mail_next = NULL WHERE id = ? AND status IN ('pending', 'valid')"
	    " AND expires > ?",
	    SQL_VALUES(SQL_NUMBER(event->id), SQL_NUMBER(event->now)), err));
	TRY(want_one(sql, err));
	TRY(write_down(sql, event, "deactivate-authorization", "", err));
	return sql_act_commit(&act, err);
}

static enum rc
find_due(
    struct sql *sql, int64_t now, struct authorization *ret, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;

	TRY(sql_select(sql,
	    COLUMNS " WHERE mail_next <= ? AND status = 'pending'"
		    " AND expires > ? ORDER BY mail_next LIMIT 1",
	    SQL_VALUES(SQL_NUMBER(now), SQL_NUMBER(now)), &rows, err));
	return find(rows, now, ret, err);
}

enum rc
authorization_take_mail(struct sql *sql, int64_t now, struct authorization *ret,
    int64_t *ret_next, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	struct authorization own AUTHORIZATION_OWNED = {0};

	TRY(sql_act_begin(sql, &act, err));
	enum rc rc = find_due(sql, now, &own, err);
	if (rc == RC_ABSENT) {
		TRY(sql_number(sql,
		    "SELECT coalesce(min(mail_next), 9223372036854775807)"
		    " FROM acme_authorization"
		    " WHERE mail_next > ? AND status = 'pending'",
		    SQL_VALUES(SQL_NUMBER(now)), ret_next, err));
		return RC_ABSENT;
	}
	TRY(rc);
	TRY(sql_change(sql,
	    "UPDATE acme_authorization SET mail_next = ? WHERE id = ?",
	    SQL_VALUES(
		SQL_NUMBER(now + AUTHORIZATION_MAIL_LEASE), SQL_NUMBER(own.id)),
	    err));
	TRY(sql_act_commit(&act, err));
	*ret = own;
	own = (struct authorization){0};
	return RC_OK;
}

enum rc
authorization_mailed(struct sql *sql, int64_t id, struct err *err)
{
	return sql_change(sql,
	    "UPDATE acme_authorization SET mail_next = NULL WHERE id = ?",
	    SQL_VALUES(SQL_NUMBER(id)), err);
}

enum rc
authorization_mail_later(
    struct sql *sql, int64_t id, int64_t next, struct err *err)
{
	return sql_change(sql,
	    "UPDATE acme_authorization SET mail_next = ?,"
	    " mail_tries = mail_tries + 1"
	    " WHERE id = ? AND mail_next IS NOT NULL",
	    SQL_VALUES(SQL_NUMBER(next), SQL_NUMBER(id)), err);
}
