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
#define DIGESTS 2 /* OCSP_SHA1, OCSP_SHA256 */

/* One certificate whose answers are to be made. */
struct task {
	int64_t id;
	uint8_t serial[SERIAL_MAX];
	size_t serial_len;
	char issuer[PUBLISHED_ID_LEN + 1];
	struct ocsp_reply_one status; /* but for its id */
	bool ended;
	struct {
		size_t at, len; /* in its batch's bytes; none: nobody's */
		int64_t until;
	} answer[DIGESTS];
};

struct batch {
	struct task task[BATCH];
	size_t len;
	struct buf bytes; /* the answers */
};

#define BATCH_OWNED __attribute__((cleanup(batch_done)))
#define BATCH_NONE                                                     \
	{                                                              \
		.bytes = BUF((size_t)BATCH * DIGESTS * OCSP_REPLY_MAX) \
	}

static void
batch_done(struct batch *batch)
{
	buf_done(&batch->bytes);
}

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

/* ---- without a transaction ---------------------------------------------- */

static enum rc
sign_one(const struct ocsp_service *service, struct batch *batch, size_t i,
    enum ocsp_digest digest, int64_t now, struct err *err)
{
	struct task *task = &batch->task[i];
	const struct ocsp_issuer *issuer = find_issuer(service, task->issuer);
	struct buf id BUF_OWNED = BUF_SMALL;
	struct ocsp_reply_one one = task->status;
	size_t at = batch->bytes.len;

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
	TRY(ocsp_service_sign(
	    service, &saying, &batch->bytes, &task->answer[digest].until, err));
	task->answer[digest].at = at;
	task->answer[digest].len = batch->bytes.len - at;
	return RC_OK;
}

static enum rc
sign_batch(const struct ocsp_service *service, struct batch *batch, int64_t now,
    struct err *err)
{
	for (size_t i = 0; i < batch->len; i++) {
		/* hardly anybody asks of what has ended: they can wait */
		if (batch->task[i].ended)
			continue;
		TRY(sign_one(service, batch, i, OCSP_SHA1, now, err));
		TRY(sign_one(service, batch, i, OCSP_SHA256, now, err));
	}
	return RC_OK;
}

/* ---- within one --------------------------------------------------------- */

static enum rc
keep(struct sql *sql, const struct batch *batch, const struct task *task,
    enum ocsp_digest digest, int64_t made, struct err *err)
{
	size_t len = task->answer[digest].len;

	if (len == 0)
		return RC_OK;
	return sql_change(sql,
	    "INSERT INTO ocsp_answer"
	    " (serial, digest, certificate, issuer, made, until, der)"
	    " VALUES (?, ?, ?, ?, ?, ?, ?)",
	    SQL_VALUES(SQL_BLOB(span_of(task->serial, task->serial_len)),
		sql_text(ocsp_digest_name(digest)), SQL_NUMBER(task->id),
		sql_text(task->issuer), SQL_NUMBER(made),
		SQL_NUMBER(task->answer[digest].until),
		SQL_BLOB(
		    span_of(batch->bytes.data + task->answer[digest].at, len))),
	    err);
}

static bool
is_same(const struct task *one, const struct task *other)
{
	return one->id == other->id && one->ended == other->ended &&
	       one->status.revoked == other->status.revoked &&
	       one->status.at == other->status.at &&
	       one->status.reason == other->status.reason;
}

/* What was signed for it, if that is what would be said of it now. */
static const struct task *
find_signed(const struct batch *batch, const struct task *wanted)
{
	for (size_t i = 0; i < batch->len; i++)
		if (is_same(&batch->task[i], wanted))
			return &batch->task[i];
	return NULL;
}

/* *ret_all: everything that is due is kept. */
static enum rc
keep_batch(struct sql *sql, const struct batch *batch, const struct batch *due,
    int64_t now, bool *ret_all, struct err *err)
{
	*ret_all = true;
	for (size_t i = 0; i < due->len; i++) {
		const struct task *task = find_signed(batch, &due->task[i]);
		if (task == NULL) {
			*ret_all = false;
			continue;
		}
		TRY(sql_change(sql,
		    "DELETE FROM ocsp_answer WHERE certificate = ?",
		    SQL_VALUES(SQL_NUMBER(task->id)), err));
		TRY(keep(sql, batch, task, OCSP_SHA1, now, err));
		TRY(keep(sql, batch, task, OCSP_SHA256, now, err));
	}
	return RC_OK;
}

/* ---- both kinds --------------------------------------------------------- */

struct round {
	const struct ocsp_service *service;
	enum rc (*select)(struct sql *sql, int64_t edge, int64_t now,
	    struct batch *ret, struct err *err);
	int64_t edge, now;
};

/* Signatures take long, and whoever writes keeps everybody else from writing:
 * so they are made before.  What is written is what a look within the
 * transaction still finds due and with the same status: a revocation at the
 * same time comes before that look, and another answer is signed next time; or
 * after it and takes the answer back.  *ret_last: everything up to there has
 * its answers; or 0. */
static enum rc
do_round(const struct round *round, struct sql *sql, bool *ret_more,
    int64_t *ret_last, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	struct batch batch BATCH_OWNED = BATCH_NONE,
			   due BATCH_OWNED = BATCH_NONE;
	bool all = false;

	*ret_more = false;
	*ret_last = 0;
	TRY(round->select(sql, round->edge, round->now, &batch, err));
	if (batch.len == 0)
		return RC_OK;
	TRY(sign_batch(round->service, &batch, round->now, err));
	TRY(sql_act_begin(sql, &act, err));
	TRY(round->select(sql, round->edge, round->now, &due, err));
	TRY(keep_batch(sql, &batch, &due, round->now, &all, err));
	TRY(sql_act_commit(&act, err));
	*ret_more = !all || batch.len == BATCH;
	if (all && due.len > 0)
		*ret_last = due.task[due.len - 1].id;
	return RC_OK;
}

static enum rc
run_old(const struct ocsp_service *service, struct sql *sql, int64_t now,
    bool *ret_more, struct err *err)
{
	const struct round round = {service, select_old,
	    now - service->settings->ocsp_hours * HOUR / 2, now};
	int64_t ignored = 0; /* these come by age */

	return do_round(&round, sql, ret_more, &ignored, err);
}

static enum rc
run_new(struct ocsp_service *service, struct sql *sql, int64_t now,
    bool *ret_more, struct err *err)
{
	const struct round round = {service, select_new,
	    service->seen > LOOK_BACK ? service->seen - LOOK_BACK : 0, now};
	int64_t last = 0;

	TRY(do_round(&round, sql, ret_more, &last, err));
	if (last > service->seen)
		service->seen = last;
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
