#include "authority/guard_domain.h"

#include <stdlib.h>

#include <openssl/sha.h>

#include "authority/authorization.h"
#include "base/own.h"
#include "codec/base64.h"
#include "dns/resolver.h"
#include "os/log.h"

#define LABEL "_letterlock."
#define PREFIX "letterlock-undo="
#define BATCH 20
#define LOOK_MILLISECONDS 5000
#define NAME_MAX_LEN 300
#define ACTOR_MAX 400

OWNER(char, free);

/* -- the record -- */

enum rc
guard_domain_name(const struct guard *guard, struct buf *name, struct err *err)
{
	const char *at = strrchr(guard->address, '@');

	if (at == NULL)
		return err_set(err, RC_UNFIT, "no domain in an address");
	return buf_add_format(name, err, LABEL "%s", at + 1);
}

enum rc
guard_domain_value(
    const struct guard *guard, struct buf *value, struct err *err)
{
	struct buf text BUF_OWNED = BUF_SMALL;
	uint8_t digest[SHA256_DIGEST_LENGTH];

	TRY(buf_add_format(&text, err, "%s.", guard->name));
	TRY(authorization_fold(guard->address, &text, err));
	SHA256(text.data, text.len, digest);
	TRY(buf_add_str(value, PREFIX, err));
	return base64url_encode(span_of(digest, sizeof(digest)), value, err);
}

/* -- asking -- */

static enum rc
check_room(
    struct sql *sql, const struct guard_domain_wish *wish, struct err *err)
{
	int64_t count = 0;

	TRY(sql_number(sql,
	    "SELECT count(*) FROM guard_request WHERE account = ?"
	    " AND proof_next IS NOT NULL AND state = 'open' AND expires > ?",
	    SQL_VALUES(SQL_NUMBER(wish->account), SQL_NUMBER(wish->now)),
	    &count, err));
	if (count <= GUARD_DOMAIN_OPEN_MAX)
		return RC_OK;
	return err_set(err, RC_LIMIT,
	    "%d requests of this account wait for domains already",
	    GUARD_DOMAIN_OPEN_MAX);
}

enum rc
guard_domain_ask(struct sql *sql, const struct guard_domain_wish *wish,
    struct guard *ret, struct err *err)
{
	const struct guard_wish undo = {.kind = GUARD_UNDO,
	    .address = wish->address,
	    .actor = wish->actor,
	    .account = wish->account,
	    .by_domain = true,
	    .now = wish->now};

	TRY(guard_ask(sql, &undo, ret, err));
	return check_room(sql, wish, err);
}

/* -- looking -- */

static enum rc
count_seen(
    struct sql *sql, const struct guard *guard, int64_t *ret, struct err *err)
{
	return sql_number(sql,
	    "SELECT proof_seen FROM guard_request WHERE id = ?",
	    SQL_VALUES(SQL_NUMBER(guard->id)), ret, err);
}

static enum rc
set_seen(struct sql *sql, const struct guard *guard, int64_t seen, int64_t next,
    struct err *err)
{
	return sql_change(sql,
	    "UPDATE guard_request SET proof_seen = ?, proof_next = ?"
	    " WHERE id = ?",
	    SQL_VALUES(
		SQL_NUMBER(seen), SQL_NUMBER(next), SQL_NUMBER(guard->id)),
	    err);
}

static enum rc
approve(
    struct sql *sql, const struct guard *guard, int64_t now, struct err *err)
{
	struct buf by BUF_OWNED = BUF(ACTOR_MAX);
	struct guard_word word = {.approves = true, .now = now};

	TRY(buf_add_format(
	    &by, err, "domain %s", strrchr(guard->address, '@') + 1));
	TRY(buf_str(&by, &word.by, err));
	return guard_decide(sql, guard, &word, err);
}

static enum rc
note_there(
    struct sql *sql, const struct guard *guard, int64_t now, struct err *err)
{
	int64_t seen = 0;

	TRY(count_seen(sql, guard, &seen, err));
	if (seen == 0)
		TRY(guard_mail_first(sql, guard->id, now, err));
	TRY(set_seen(sql, guard, seen + 1, now + GUARD_DOMAIN_EVERY, err));
	return seen + 1 < GUARD_DOMAIN_LOOKS ? RC_OK
					     : approve(sql, guard, now, err);
}

static enum rc
note(struct sql *sql, const struct guard *guard, enum guard_domain_seen seen,
    int64_t now, struct err *err)
{
	int64_t before = 0;

	if (seen == GUARD_DOMAIN_THERE)
		return note_there(sql, guard, now, err);
	if (seen == GUARD_DOMAIN_SILENCE)
		TRY(count_seen(sql, guard, &before, err));
	return set_seen(sql, guard, before, now + GUARD_DOMAIN_RETRY, err);
}

enum rc
guard_domain_note(struct sql *sql, const char *name,
    enum guard_domain_seen seen, int64_t now, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	struct guard guard GUARD_OWNED = GUARD;

	TRY(sql_act_begin(sql, &act, err));
	TRY(guard_find(sql, name, now, &guard, err));
	/* decided meanwhile, by operators say */
	if (guard.state == GUARD_OPEN)
		TRY(note(sql, &guard, seen, now, err));
	return sql_act_commit(&act, err);
}

static enum guard_domain_seen
ask_domain(const struct resolver *resolver, const char *name, const char *want)
{
	struct strlist texts STRLIST_OWNED = STRLIST_NONE;
	enum rc rc = resolver_find_txt_within(
	    resolver, name, LOOK_MILLISECONDS, &texts, NULL);

	if (rc == RC_ABSENT || (rc == RC_OK && !strlist_has(&texts, want)))
		return GUARD_DOMAIN_MISSING;
	return rc == RC_OK ? GUARD_DOMAIN_THERE : GUARD_DOMAIN_SILENCE;
}

static enum rc
look_at(const struct settings *settings, const struct guard *guard,
    enum guard_domain_seen *ret, struct err *err)
{
	const struct resolver_config config = {
	    .server = settings->dns, .anchors = settings->dns_anchors};
	struct resolver *resolver OWNED(resolver_free) = NULL;
	struct buf name BUF_OWNED = BUF(NAME_MAX_LEN);
	struct buf value BUF_OWNED = BUF_SMALL;
	const char *name_text = NULL, *value_text = NULL;

	TRY(guard_domain_name(guard, &name, err));
	TRY(guard_domain_value(guard, &value, err));
	TRY(buf_str(&name, &name_text, err));
	TRY(buf_str(&value, &value_text, err));
	TRY(resolver_new(&config, &resolver, err));
	*ret = ask_domain(resolver, name_text, value_text);
	return RC_OK;
}

static enum rc
look_once(const struct settings *settings, struct sql *sql, int64_t now,
    struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	enum guard_domain_seen seen = GUARD_DOMAIN_SILENCE;
	struct guard guard GUARD_OWNED = GUARD;
	char *name OWNED(free) = NULL;

	TRY(sql_select(sql,
	    "SELECT name FROM guard_request WHERE proof_next <= ?"
	    " AND state = 'open' AND expires > ?"
	    " ORDER BY proof_next LIMIT 1",
	    SQL_VALUES(SQL_NUMBER(now), SQL_NUMBER(now)), &rows, err));
	TRY(sql_rows_next(rows, err));
	TRY(sql_rows_text(rows, 0, &name, err));
	sql_rows_free(take(rows));
	TRY(guard_find(sql, name, now, &guard, err));
	TRY(look_at(settings, &guard, &seen, err));
	if (seen == GUARD_DOMAIN_THERE)
		log_info("guard: the domain's record to undo the enrolment of "
			 "%s is there",
		    guard.address);
	return guard_domain_note(sql, name, seen, now, err);
}

enum rc
guard_domain_look(void *context, struct sql *sql, int64_t now, struct err *err)
{
	enum rc rc = RC_OK;

	for (int i = 0; i < BATCH && rc == RC_OK; i++)
		rc = look_once(context, sql, now, err);
	return rc == RC_ABSENT ? RC_OK : rc;
}
