#include "authority/lists_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "authority/crl_make.h"
#include "os/file.h"
#include "os/log.h"
#include "pki/crypto.h"

#define HOUR ((int64_t)60 * 60)
#define DAY (24 * HOUR)
#define PARTS_MAX 1024 /* as many as the setting can say */
#define PATH_LEN_MAX 4096
/* A clock that was set back must not leave a list "from tomorrow" for long. */
#define CLOCK_SLACK 60

OWNER(X509_CRL, X509_CRL_free);
OWNER(ASN1_INTEGER, ASN1_INTEGER_free);

/* The parts of one CA, and which of them are to be made. */
struct round {
	const struct lists *lists;
	const struct authority_ca *ca;
	int64_t now;
	bool fresh[PARTS_MAX];
	int64_t parts;
};

static bool
is_part(int64_t part)
{
	return part >= 0 && part < PARTS_MAX;
}

/* Lists of parts that no new certificate names any more go on: the older
 * certificates do. */
static enum rc
find_made(struct round *round, struct sql *sql, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	int64_t half = round->lists->settings->crl_hours * HOUR / 2;
	enum rc rc;

	TRY(sql_select(sql, "SELECT part, made FROM crl_list WHERE issuer = ?",
	    SQL_VALUES(sql_text(round->ca->id)), &rows, err));
	while ((rc = sql_rows_next(rows, err)) == RC_OK) {
		int64_t part = sql_rows_number(rows, 0);
		int64_t age = round->now - sql_rows_number(rows, 1);
		if (!is_part(part))
			continue;
		if (part >= round->parts)
			round->parts = part + 1;
		round->fresh[part] = age < half && age >= -CLOCK_SLACK;
	}
	return rc == RC_ABSENT ? RC_OK : rc;
}

static enum rc
find_new(struct round *round, struct sql *sql, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	enum rc rc;

	TRY(sql_select(sql,
	    "SELECT DISTINCT part FROM revocation"
	    " WHERE issuer = ? AND listed = 0",
	    SQL_VALUES(sql_text(round->ca->id)), &rows, err));
	while ((rc = sql_rows_next(rows, err)) == RC_OK) {
		int64_t part = sql_rows_number(rows, 0);
		if (!is_part(part))
			continue;
		if (part >= round->parts)
			round->parts = part + 1;
		round->fresh[part] = false;
	}
	return rc == RC_ABSENT ? RC_OK : rc;
}

static int64_t
since_of(const struct lists_draft *draft)
{
	return draft->now - draft->lists->settings->crl_keep_days * DAY;
}

static int64_t
until_of(const struct lists_draft *draft)
{
	return draft->now + draft->lists->settings->crl_hours * HOUR;
}

static enum rc
collect(struct sql *sql, const struct lists_draft *draft, struct buf *entries,
    struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	enum rc rc;

	TRY(sql_select(sql,
	    "SELECT serial, at, reason FROM revocation"
	    " WHERE issuer = ? AND part = ? AND not_after >= ? ORDER BY id",
	    SQL_VALUES(sql_text(draft->ca->id), SQL_NUMBER(draft->part),
		SQL_NUMBER(since_of(draft))),
	    &rows, err));
	while ((rc = sql_rows_next(rows, err)) == RC_OK)
		TRY(crl_add_entry(entries, sql_rows_bytes(rows, 0),
		    sql_rows_number(rows, 1), (int)sql_rows_number(rows, 2),
		    err));
	return rc == RC_ABSENT ? RC_OK : rc;
}

/* Higher than the last one, and than any that a restored database has
 * forgotten: those were made before now. */
static enum rc
next_number(struct sql *sql, const struct lists_draft *draft, int64_t *ret,
    struct err *err)
{
	int64_t last = 0;
	enum rc rc = sql_number(sql,
	    "SELECT number FROM crl_list WHERE issuer = ? AND part = ?",
	    SQL_VALUES(sql_text(draft->ca->id), SQL_NUMBER(draft->part)), &last,
	    err);

	if (rc != RC_OK && rc != RC_ABSENT)
		return rc;
	*ret = last >= draft->now ? last + 1 : draft->now;
	return RC_OK;
}

void
lists_draft_done(struct lists_draft *draft)
{
	buf_done(&draft->entries);
}

enum rc
lists_draft_read(struct sql *sql, struct lists_draft *draft, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;

	TRY(sql_act_begin(sql, &act, err));
	TRY(next_number(sql, draft, &draft->number, err));
	TRY(collect(sql, draft, &draft->entries, err));
	return sql_act_commit(&act, err);
}

static enum rc
print_list(const struct lists_draft *draft, struct buf *der, struct err *err)
{
	struct buf url BUF_OWNED = BUF_SMALL;
	const char *text = NULL;

	TRY(published_crl(draft->lists->settings->http_url, draft->ca->id,
	    draft->part, &url, err));
	TRY(buf_str(&url, &text, err));
	struct crl_wish wish = {.issuer = draft->ca->cert,
	    .signer = draft->ca->signer,
	    .url = text,
	    .number = draft->number,
	    .from = draft->now,
	    .until = until_of(draft),
	    .expired_since = since_of(draft),
	    .entries = buf_span(&draft->entries)};
	return crl_make(&wish, der, err);
}

static enum rc
put(struct sql *sql, const struct lists_draft *draft, struct span der,
    struct err *err)
{
	TRY(sql_change(sql,
	    "UPDATE crl_list SET number = ?, made = ?, until = ?, der = ?"
	    " WHERE issuer = ? AND part = ?",
	    SQL_VALUES(SQL_NUMBER(draft->number), SQL_NUMBER(draft->now),
		SQL_NUMBER(until_of(draft)), SQL_BLOB(der),
		sql_text(draft->ca->id), SQL_NUMBER(draft->part)),
	    err));
	if (sql_changed(sql) > 0)
		return RC_OK;
	return sql_change(sql,
	    "INSERT INTO crl_list (issuer, part, number, made, until, der)"
	    " VALUES (?, ?, ?, ?, ?, ?)",
	    SQL_VALUES(sql_text(draft->ca->id), SQL_NUMBER(draft->part),
		SQL_NUMBER(draft->number), SQL_NUMBER(draft->now),
		SQL_NUMBER(until_of(draft)), SQL_BLOB(der)),
	    err);
}

/* A reason that became another one shows in the entries too. */
static enum rc
mark_listed(struct sql *sql, const struct lists_draft *draft, struct err *err)
{
	struct buf entries BUF_OWNED = BUF(CRL_MAKE_MAX);

	TRY(collect(sql, draft, &entries, err));
	if (!span_is(buf_span(&entries), buf_span(&draft->entries)))
		return RC_OK;
	return sql_change(sql,
	    "UPDATE revocation SET listed = 1"
	    " WHERE issuer = ? AND part = ? AND listed = 0",
	    SQL_VALUES(sql_text(draft->ca->id), SQL_NUMBER(draft->part)), err);
}

enum rc
lists_draft_keep(struct sql *sql, const struct lists_draft *draft,
    struct span der, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	int64_t number = 0;

	TRY(sql_act_begin(sql, &act, err));
	TRY(next_number(sql, draft, &number, err));
	if (number != draft->number)
		return err_set(
		    err, RC_REFUSED, "another list was made meanwhile");
	TRY(put(sql, draft, der, err));
	TRY(mark_listed(sql, draft, err));
	return sql_act_commit(&act, err);
}

static enum rc
make_part(
    const struct round *round, int64_t part, struct sql *sql, struct err *err)
{
	struct buf der BUF_OWNED = BUF(CRL_MAKE_MAX);
	struct lists_draft draft LISTS_DRAFT_OWNED = {.lists = round->lists,
	    .ca = round->ca,
	    .part = part,
	    .now = round->now,
	    .entries = BUF(CRL_MAKE_MAX)};

	TRY(lists_draft_read(sql, &draft, err));
	TRY(print_list(&draft, &der, err));
	enum rc rc = lists_draft_keep(sql, &draft, buf_span(&der), err);
	if (rc == RC_REFUSED)
		return RC_OK;
	TRY(rc);
	log_info("revocation list %s/%lld, number %lld", round->ca->id,
	    (long long)part, (long long)draft.number);
	return RC_OK;
}

static bool
has_ended(const struct authority_ca *ca, int64_t now)
{
	time_t at = (time_t)now;

	return X509_cmp_time(X509_get0_notAfter(ca->cert), &at) <= 0;
}

static enum rc
publish_of(const struct lists *lists, const struct authority_ca *ca,
    struct sql *sql, int64_t now, struct err *err)
{
	struct round round = {.lists = lists,
	    .ca = ca,
	    .now = now,
	    .parts = lists->settings->crl_parts};

	if (has_ended(ca, now))
		return RC_OK;
	TRY(find_made(&round, sql, err));
	TRY(find_new(&round, sql, err));
	for (int64_t part = 0; part < round.parts; part++)
		if (!round.fresh[part])
			TRY(make_part(&round, part, sql, err));
	return RC_OK;
}

enum rc
lists_publish(void *context, struct sql *sql, int64_t now, struct err *err)
{
	const struct lists *lists = context;
	const struct hierarchy *hierarchy = lists->hierarchy;

	if (lists->settings->http_url == NULL)
		return RC_OK;
	for (size_t i = 0; i < hierarchy->issuings; i++)
		TRY(publish_of(lists, &hierarchy->issuing[i], sql, now, err));
	return RC_OK;
}

enum rc
lists_find(struct sql *sql, const char *issuer, int64_t part, struct buf *der,
    struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;

	TRY(sql_select(sql,
	    "SELECT der FROM crl_list WHERE issuer = ? AND part = ?",
	    SQL_VALUES(sql_text(issuer), SQL_NUMBER(part)), &rows, err));
	TRY(sql_rows_next(rows, err));
	return buf_add(der, sql_rows_bytes(rows, 0), err);
}

static void
path_of(const char *folder, const char *name, char path[PATH_LEN_MAX])
{
	(void)snprintf(path, PATH_LEN_MAX, "%s/%s.crl", folder, name);
}

/* Everything that the CA ever issued is still on it: nothing is taken off. */
static enum rc
born(const X509 *ca, int64_t *ret, struct err *err)
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(X509_get0_notBefore(ca), &tm))
		return crypto_failed(err, "time of a certificate");
	*ret = (int64_t)timegm(&tm);
	return RC_OK;
}

/* Higher than that of the list that is there, also within a second. */
static enum rc
number_file(
    const char *folder, const char *name, int64_t *number, struct err *err)
{
	struct buf der BUF_OWNED = BUF(CRL_MAKE_MAX);
	int64_t last = 0;

	enum rc rc = lists_read_file(folder, name, &der, err);
	if (rc != RC_OK)
		return rc == RC_ABSENT ? RC_OK : rc;
	const uint8_t *at = der.data;
	X509_CRL *crl OWNED(X509_CRL_free) =
	    d2i_X509_CRL(NULL, &at, (long)der.len);
	ASN1_INTEGER *found OWNED(ASN1_INTEGER_free) =
	    crl == NULL ? NULL
			: X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
	if (found == NULL || !ASN1_INTEGER_get_int64(&last, found))
		return crypto_failed(err, "read the revocation list before");
	if (last >= *number)
		*number = last + 1;
	return RC_OK;
}

enum rc
lists_make_file(const struct lists_offline *wish, struct err *err)
{
	struct buf der BUF_OWNED = BUF(CRL_MAKE_MAX);
	char path[PATH_LEN_MAX];
	struct crl_wish list = {.issuer = wish->ca,
	    .signer = wish->signer,
	    .number = wish->now,
	    .from = wish->now,
	    .until = wish->now + LISTS_OFFLINE_DAYS * DAY,
	    .entries = wish->entries};

	TRY(number_file(wish->folder, wish->name, &list.number, err));
	TRY(born(wish->ca, &list.expired_since, err));
	TRY(crl_make(&list, &der, err));
	path_of(wish->folder, wish->name, path);
	return file_save(path, buf_span(&der), 0644, err);
}

enum rc
lists_read_file(
    const char *folder, const char *name, struct buf *der, struct err *err)
{
	char path[PATH_LEN_MAX];

	path_of(folder, name, path);
	return file_read(path, der, err);
}
