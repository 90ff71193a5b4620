/* The answers that are signed before somebody asks. */
#include "authority/ocsp_service_priv.h"

#include <stdlib.h>

#define HOUR ((int64_t)60 * 60)
#define BATCH 100
#define BATCHES_MAX 20 /* in one run: then others have their turn */
/* Two transactions may end in another order than that of the numbers that
 * they were given: so far back the job looks again. */
#define LOOK_BACK 1000
#define SERIAL_MAX 32

/* One certificate whose answers are to be made. */
struct task {
	int64_t id;
	uint8_t serial[SERIAL_MAX];
	size_t serial_len;
	char issuer[PUBLISHED_ID_LEN + 1];
	struct ocsp_reply_one status; /* but for its id */
	bool ended;
};

struct batch {
	struct task task[BATCH];
	size_t len;
};

static void
copy_row(const struct sql_rows *rows, int64_t now, struct task *ret)
{
	struct span serial = span_first(sql_rows_bytes(rows, 1), SERIAL_MAX);
	struct span issuer =
	    span_first(sql_rows_bytes(rows, 2), PUBLISHED_ID_LEN);

	*ret = (struct task){.id = sql_rows_number(rows, 0),
	    .serial_len = serial.len,
	    .status = {.revoked = !sql_rows_is_null(rows, 4),
		.at = sql_rows_number(rows, 4),
		.reason = (int)sql_rows_number(rows, 5)},
	    .ended = sql_rows_number(rows, 3) <= now};
	if (serial.len > 0)
		memcpy(ret->serial, serial.data, serial.len);
	if (issuer.len > 0)
		memcpy(ret->issuer, issuer.data, issuer.len);
}

static enum rc
select_batch(struct sql *sql, const char *text, struct sql_values values,
    int64_t now, struct batch *ret, struct err *err)
{
	struct sql_rows *rows OWNED(sql_rows_free) = NULL;
	enum rc rc;

	ret->len = 0;
	TRY(sql_select(sql, text, values, &rows, err));
	while (ret->len < BATCH && (rc = sql_rows_next(rows, err)) == RC_OK)
		copy_row(rows, now, &ret->task[ret->len++]);
	return ret->len == BATCH || rc == RC_ABSENT ? RC_OK : rc;
}

#define COLUMNS "c.id, c.serial, c.issuer, c.not_after, r.at, r.reason"

/* Certificates without an answer, from the first that may have none. */
static enum rc
select_new(struct sql *sql, int64_t from, int64_t now, struct batch *ret,
    struct err *err)
{
	return select_batch(sql,
	    "SELECT " COLUMNS " FROM certificate c"
	    " LEFT JOIN revocation r ON r.certificate = c.id"
	    " WHERE c.id > ? AND c.not_after > ? AND NOT EXISTS"
	    " (SELECT 1 FROM ocsp_answer a WHERE a.certificate = c.id)"
	    " ORDER BY c.id LIMIT 100",
	    SQL_VALUES(SQL_NUMBER(from), SQL_NUMBER(now)), now, ret, err);
}

/* Those whose answers are old, or were taken back by a revocation. */
static enum rc
select_old(struct sql *sql, int64_t before, int64_t now, struct batch *ret,
    struct err *err)
{
	return select_batch(sql,
	    "SELECT " COLUMNS " FROM ocsp_answer a"
	    " JOIN certificate c ON c.id = a.certificate"
	    " LEFT JOIN revocation r ON r.certificate = c.id"
	    " WHERE a.made < ? AND a.digest = 'sha1' ORDER BY a.made LIMIT 100",
	    SQL_VALUES(SQL_NUMBER(before)), now, ret, err);
}

static const struct ocsp_issuer *
find_issuer(const struct ocsp_service *service, const char *id)
{
	for (size_t i = 0; i < service->issuers; i++)
		if (strcmp(service->issuer[i].ca->id, id) == 0)
			return &service->issuer[i];
	return NULL;
}

static enum rc
keep(struct sql *sql, const struct task *task, enum ocsp_digest digest,
    int64_t made, int64_t until, struct span der, struct err *err)
{
	return sql_change(sql,
	    "INSERT INTO ocsp_answer"
	    " (serial, digest, certificate, issuer, made, until, der)"
	    " VALUES (?, ?, ?, ?, ?, ?, ?)",
	    SQL_VALUES(SQL_BLOB(span_of(task->serial, task->serial_len)),
		sql_text(ocsp_digest_name(digest)), SQL_NUMBER(task->id),
		sql_text(task->issuer), SQL_NUMBER(made), SQL_NUMBER(until),
		SQL_BLOB(der)),
	    err);
}

static enum rc
sign_one(const struct ocsp_service *service, struct sql *sql,
    const struct task *task, enum ocsp_digest digest, int64_t now,
    struct err *err)
{
	const struct ocsp_issuer *issuer = find_issuer(service, task->issuer);
	struct buf der BUF_OWNED = BUF(OCSP_REPLY_MAX);
	struct buf id BUF_OWNED = BUF_SMALL;
	struct ocsp_reply_one one = task->status;
	int64_t until = 0;

	/* of a CA that was taken away nobody here can say anything */
	if (issuer == NULL)
		return RC_OK;
	size_t len = issuer->hash[digest].len;
	struct ocsp_reply_id name = {.digest = digest,
	    .name_hash = span_of(issuer->hash[digest].name, len),
	    .key_hash = span_of(issuer->hash[digest].key, len),
	    .serial = span_of(task->serial, task->serial_len)};
	TRY(ocsp_reply_print_id(&name, &id, err));
	one.id = buf_span(&id);
	struct ocsp_saying saying = {
	    .issuer = issuer, .one = &one, .len = 1, .now = now};
	TRY(ocsp_service_sign(service, &saying, &der, &until, err));
	return keep(sql, task, digest, now, until, buf_span(&der), err);
}

static enum rc
sign_batch(const struct ocsp_service *service, struct sql *sql,
    const struct batch *batch, int64_t now, struct err *err)
{
	for (size_t i = 0; i < batch->len; i++) {
		const struct task *task = &batch->task[i];
		TRY(sql_change(sql,
		    "DELETE FROM ocsp_answer WHERE certificate = ?",
		    SQL_VALUES(SQL_NUMBER(task->id)), err));
		/* hardly anybody asks of what has ended: they can wait */
		if (task->ended)
			continue;
		TRY(sign_one(service, sql, task, OCSP_SHA1, now, err));
		TRY(sign_one(service, sql, task, OCSP_SHA256, now, err));
	}
	return RC_OK;
}

/* What is read and what is written is one transaction: a revocation at the
 * same time comes before it, or after it and takes the answer back. */
static enum rc
run_old(const struct ocsp_service *service, struct sql *sql, int64_t now,
    bool *ret_more, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	int64_t half = service->settings->ocsp_hours * HOUR / 2;
	struct batch batch;

	TRY(sql_act_begin(sql, &act, err));
	TRY(select_old(sql, now - half, now, &batch, err));
	TRY(sign_batch(service, sql, &batch, now, err));
	*ret_more = batch.len == BATCH;
	return sql_act_commit(&act, err);
}

static enum rc
run_new(struct ocsp_service *service, struct sql *sql, int64_t now,
    bool *ret_more, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	int64_t from =
	    service->seen > LOOK_BACK ? service->seen - LOOK_BACK : 0;
	struct batch batch;

	TRY(sql_act_begin(sql, &act, err));
	TRY(select_new(sql, from, now, &batch, err));
	TRY(sign_batch(service, sql, &batch, now, err));
	TRY(sql_act_commit(&act, err));
	*ret_more = batch.len == BATCH;
	if (batch.len > 0 && batch.task[batch.len - 1].id > service->seen)
		service->seen = batch.task[batch.len - 1].id;
	return RC_OK;
}

enum rc
ocsp_service_presign(
    void *context, struct sql *sql, int64_t now, struct err *err)
{
	struct ocsp_service *service = context;
	bool old = true, new = true;

	/* a certificate that names no responder is asked about nowhere */
	if (service->settings->http_url == NULL)
		return RC_OK;
	for (int i = 0; (old || new) && i < BATCHES_MAX; i++) {
		if (old)
			TRY(run_old(service, sql, now, &old, err));
		if (new)
			TRY(run_new(service, sql, now, &new, err));
	}
	return RC_OK;
}
