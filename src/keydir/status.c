#include "keydir/status.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "keydir/status_priv.h"
#include "os/clock.h"
#include "os/random.h"
#include "pki/pointer.h"

#define PATIENT 1000 /* ms: whoever waits longer */
/* An answer that still holds is asked for again after this, unseen. */
#define REFRESH (12 * 3600)
#define RECALL_MAX 16 /* certificates at once */
#define DAY_OF_MS 86400000

struct worker {
	struct status *status; /* borrowed */
	struct fetch *fetch;
	pthread_t thread;
};

struct status {
	struct status_rules rules;
	const struct status_limits *limits;
	struct status_source source;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t work, done;
	struct status_item **item;
	size_t items;
	uint64_t uses;
	struct worker *worker;
	size_t workers, idle;
	struct status_deads deads;
	bool stopping;
};

/* ---- servers that do not answer -------------------------------------- */

/* Whoever can wait tries again sooner. */
static bool
is_left_alone(int64_t from, int64_t until, bool patient)
{
	int64_t now = clock_ticks();

	return now < until &&
	       (!patient || now < from + STATUS_DEAD_PATIENT * 1000);
}

static bool
may_be_asked(
    struct status *status, const struct status_item *item, bool patient)
{
	const struct status_dead *dead =
	    status_dead_find(&status->deads, item->url);

	if (status->rules.offline)
		return false;
	if (dead != NULL && is_left_alone(dead->from, dead->until, patient))
		return false;
	return !is_left_alone(item->dead_from, item->dead_until, patient);
}

/* ---- one question, outside of the lock ------------------------------- */

struct result {
	struct crls crls;
	struct ocsps ocsps;
};

static enum rc
fetch_list(struct fetch *fetch, const struct status_item *item,
    struct buf *body, struct err *err)
{
	const struct fetch_request request = {
	    .url = item->url, .timeout = STATUS_FETCH_TIME};

	return fetch_run(fetch, &request, body, err);
}

static enum rc
fetch_answer(struct fetch *fetch, const struct status_item *item,
    struct span nonce, struct buf *body, struct err *err)
{
	struct buf question BUF_OWNED = BUF_SMALL;

	TRY(ocsp_request(
	    item->path.item[0], item->path.item[1], nonce, &question, err));
	const struct fetch_request request = {.url = item->url,
	    .content_type = "application/ocsp-request",
	    .body = buf_span(&question),
	    .timeout = STATUS_FETCH_TIME};
	return fetch_run(fetch, &request, body, err);
}

/* The first octet is never zero: what is asked is an OCTET STRING to us and was
 * a number to some. */
static void
make_nonce(uint8_t nonce[OCSP_NONCE_LEN])
{
	random_fill(nonce, OCSP_NONCE_LEN);
	nonce[0] |= 1;
}

static enum rc
question(const struct worker *worker, const struct status_item *item,
    struct result *ret, struct err *err)
{
	const struct status_limits *limits = worker->status->limits;
	struct fetch *fetch = worker->fetch;
	bool is_list = item->kind == STATUS_LIST;
	struct buf body BUF_OWNED =
	    BUF(is_list ? limits->list : ocsp_default.der);
	uint8_t nonce[OCSP_NONCE_LEN];
	const struct span span = span_of(nonce, sizeof(nonce));

	make_nonce(nonce);
	TRY(is_list ? fetch_list(fetch, item, &body, err)
		    : fetch_answer(fetch, item, span, &body, err));
	TRY(status_item_read(
	    item->kind, buf_span(&body), &ret->crls, &ret->ocsps, err));
	return is_list ? RC_OK
		       : ocsp_check_nonce(ret->ocsps.item[0], span, err);
}

/* ---- the workers ----------------------------------------------------- */

static struct status_item *
next_queued(struct status *status)
{
	for (size_t i = 0; i < status->items; i++)
		if (status->item[i]->stage == STATUS_QUEUED)
			return status->item[i];
	return NULL;
}

/* Did it become the one that is kept? */
static bool
take_result(struct status *status, struct status_item *item, bool proven,
    struct result *result)
{
	status_dead_clear(&status->deads, item->url);
	item->dead_until = 0;
	if (!proven) {
		status_item_take_loose(item, &result->crls, &result->ocsps);
		return false;
	}
	if (!status_item_take(item, &result->crls, &result->ocsps))
		return false;
	item->proven = true;
	item->fetched = clock_now();
	return true;
}

static void
note_result(struct status *status, struct status_item *item, enum rc rc,
    bool proven, struct result *result)
{
	bool taken = rc == RC_OK && take_result(status, item, proven, result);

	item->stage = STATUS_IDLE;
	/* stopping says nothing of the server; one that gives out what has
	 * ended, or what cannot be kept, is not asked again and again */
	if (rc == RC_AGAIN ||
	    (taken && status_item_is_fresh(item, item->fetched)))
		return;
	item->dead_from = clock_ticks();
	item->dead_until = item->dead_from + STATUS_DEAD * 1000;
	if (rc == RC_IO)
		status_dead_note(&status->deads, item->url, STATUS_DEAD * 1000);
}

/* With the lock held, and again when it returns. */
static void
serve(struct worker *worker, struct status_item *item)
{
	struct status *status = worker->status;
	struct result result = {CRLS_NONE, OCSPS_NONE};
	struct err why = ERR_NONE;

	item->stage = STATUS_RUNNING;
	(void)pthread_mutex_unlock(&status->lock);
	enum rc rc = question(worker, item, &result, &why);
	bool proven = rc == RC_OK && status_item_proves(item, &result.crls,
					 &result.ocsps, clock_now());
	if (proven)
		status_item_save(&status->rules, item, clock_now(),
		    &result.crls, &result.ocsps);
	(void)pthread_mutex_lock(&status->lock);
	note_result(status, item, rc, proven, &result);
	(void)pthread_cond_broadcast(&status->done);
	crls_done(&result.crls);
	ocsps_done(&result.ocsps);
}

static void *
work(void *context)
{
	struct worker *worker = context;
	struct status *status = worker->status;

	(void)pthread_mutex_lock(&status->lock);
	while (!status->stopping) {
		struct status_item *item = next_queued(status);
		if (item != NULL) {
			serve(worker, item);
			continue;
		}
		status->idle++;
		(void)pthread_cond_wait(&status->work, &status->lock);
		status->idle--;
	}
	(void)pthread_mutex_unlock(&status->lock);
	return NULL;
}

/* Signals are for those who wait for them. */
static int
start_thread(struct worker *worker)
{
	sigset_t all, before;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	int failed = pthread_create(&worker->thread, NULL, work, worker);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return failed;
}

static size_t
count_queued(const struct status *status)
{
	size_t count = 0;

	for (size_t i = 0; i < status->items; i++)
		count += status->item[i]->stage == STATUS_QUEUED;
	return count;
}

/* As many as there is to do, so that nobody waits behind a slow server.  One
 * that cannot be had is missed only if there is none at all. */
static void
add_worker(struct status *status)
{
	struct worker *worker = &status->worker[status->workers];

	if (status->workers == status->limits->workers ||
	    status->idle >= count_queued(status))
		return;
	worker->status = status;
	if (fetch_new(&status->rules.fetch, &worker->fetch, NULL) != RC_OK)
		return;
	if (start_thread(worker) == 0)
		status->workers++;
	else
		fetch_free(take(worker->fetch));
}

static void
enqueue(struct status *status, struct status_item *item)
{
	item->stage = STATUS_QUEUED;
	add_worker(status);
	if (status->workers == 0)
		item->stage = STATUS_IDLE;
	(void)pthread_cond_signal(&status->work);
}

/* ---- what is remembered ---------------------------------------------- */

static struct status_item *
find_item(const struct status *status, const char *name)
{
	for (size_t i = 0; i < status->items; i++)
		if (!strcmp(status->item[i]->name, name))
			return status->item[i];
	return NULL;
}

/* The one that was not used for longest.  RC_LIMIT: all are in work. */
static enum rc
make_room(struct status *status, struct err *err)
{
	const size_t kept = status->limits->kept;
	size_t oldest = kept;

	if (status->items < kept)
		return RC_OK;
	for (size_t i = 0; i < status->items; i++)
		if (status->item[i]->stage == STATUS_IDLE &&
		    (oldest == kept ||
			status->item[i]->used < status->item[oldest]->used))
			oldest = i;
	if (oldest == kept)
		return err_set(err, RC_LIMIT, "too many are asked at once");
	status_item_free(status->item[oldest]);
	status->item[oldest] = status->item[--status->items];
	return RC_OK;
}

/* Whom to ask. */
struct target {
	enum status_kind kind;
	bool is_delta; /* only what a list lacks is there */
	const char *url;
	struct certs path; /* borrowed; of one that was only met: it alone */
};

/* RC_ABSENT: nothing is remembered of it, and only that was wanted. */
static enum rc
add_item(struct status *status, const struct target *target, bool remembered,
    struct status_item **ret, struct err *err)
{
	struct status_item *item OWNED(status_item_free) = NULL;

	TRY(status_item_new(
	    target->kind, target->url, target->path.item[0], &item, err));
	status_item_load(&status->rules, item);
	if (remembered && item->fetched == 0)
		return RC_ABSENT;
	TRY(make_room(status, err));
	*ret = status->item[status->items++] = take(item);
	return RC_OK;
}

static enum rc
get_item(struct status *status, const struct target *target, bool remembered,
    struct status_item **ret, struct err *err)
{
	char name[STATUS_NAME_MAX];

	TRY(status_item_name(
	    target->kind, target->url, target->path.item[0], name, err));
	struct status_item *item = find_item(status, name);
	if (item == NULL)
		TRY(add_item(status, target, remembered, &item, err));
	if (target->path.len > 1 && item->stage == STATUS_IDLE)
		TRY(status_item_know(item, &target->path, clock_now(), err));
	item->used = ++status->uses;
	*ret = item;
	return RC_OK;
}

static enum rc
share(const struct status_item *item, struct crls *crls, struct ocsps *ocsps,
    struct err *err)
{
	TRY(crls_share_all(crls, &item->crls, err));
	return ocsps_share_all(ocsps, &item->ocsps, err);
}

/* ---- one certificate ------------------------------------------------- */

#define TARGETS_MAX ((size_t)3 * POINTER_MAX)

struct targets {
	struct strlist lists, deltas, responders;
	struct target item[TARGETS_MAX];
	size_t len;
};

#define TARGETS_OWNED __attribute__((cleanup(targets_done)))

static void
targets_done(struct targets *targets)
{
	strlist_done(&targets->lists);
	strlist_done(&targets->deltas);
	strlist_done(&targets->responders);
}

static void
add_targets(struct targets *targets, const struct target *like,
    const struct strlist *urls)
{
	for (size_t i = 0; i < urls->len && targets->len < TARGETS_MAX; i++) {
		targets->item[targets->len] = *like;
		targets->item[targets->len++].url = urls->item[i];
	}
}

/* Lists first: whoever fetches one says less of himself than whoever asks about
 * one certificate. */
static enum rc
find_targets(const struct certs *path, struct targets *ret, struct err *err)
{
	const struct target list = {STATUS_LIST, false, NULL, *path},
			    delta = {STATUS_LIST, true, NULL, *path},
			    answer = {STATUS_ANSWER, false, NULL, *path};

	*ret = (struct targets){.len = 0};
	TRY(pointer_lists(path->item[0], &ret->lists, err));
	TRY(pointer_deltas(path->item[0], &ret->deltas, err));
	TRY(pointer_responders(path->item[0], &ret->responders, err));
	add_targets(ret, &list, &ret->lists);
	add_targets(ret, &delta, &ret->deltas);
	add_targets(ret, &answer, &ret->responders);
	return RC_OK;
}

/* ---- recall ---------------------------------------------------------- */

/* What was asked once, because a path led to a root, is asked again unseen. */
static void
refresh(struct status *status, struct status_item *item)
{
	bool old = item->fetched != 0 && clock_now() - item->fetched > REFRESH;

	if (old && item->path.len > 1 && item->stage == STATUS_IDLE &&
	    may_be_asked(status, item, false))
		enqueue(status, item);
}

static enum rc
recall_cert(struct status *status, struct cert *cert, struct crls *crls,
    struct ocsps *ocsps, struct err *err)
{
	struct targets targets TARGETS_OWNED;
	struct status_item *item = NULL;

	TRY(find_targets(&(const struct certs){&cert, 1}, &targets, err));
	for (size_t i = 0; i < targets.len; i++) {
		enum rc rc =
		    get_item(status, &targets.item[i], true, &item, err);
		if (rc == RC_ABSENT)
			continue;
		TRY(rc);
		TRY(share(item, crls, ocsps, err));
		refresh(status, item);
	}
	return RC_OK;
}

static enum rc
recall(void *self, const struct certs *certs, struct crls *crls,
    struct ocsps *ocsps, struct err *err)
{
	struct status *status = self;
	enum rc rc = RC_OK;

	size_t looked = 0; /* a letter may bring very many certificates */

	(void)pthread_mutex_lock(&status->lock);
	for (size_t i = 0; rc == RC_OK && i < certs->len; i++) {
		if (!cert_has_revocation_pointer(certs->item[i]))
			continue;
		if (looked++ == RECALL_MAX)
			break;
		rc = recall_cert(status, certs->item[i], crls, ocsps, err);
	}
	(void)pthread_mutex_unlock(&status->lock);
	return rc;
}

/* ---- ask ------------------------------------------------------------- */

struct asking {
	struct status *status;
	const struct certs *path;
	int64_t deadline;
	bool patient;
	struct crls *crls;
	struct ocsps *ocsps;
	size_t waiting; /* for so many */
	size_t asked;   /* addresses */
	bool is_over;   /* the time is: take what came */
};

static bool
is_only_delta(const struct status_item *item)
{
	return item->kind == STATUS_LIST && crl_is_delta(item->crls.item[0]);
}

/* True: there is a whole list or an answer, or there will be. */
static enum rc
ask_target(struct asking *asking, const struct target *target, bool *ret,
    struct err *err)
{
	struct status *status = asking->status;
	struct status_item *item = NULL;

	*ret = false;
	if (asking->asked == status->limits->addresses)
		return RC_OK;
	asking->asked++;
	TRY(get_item(status, target, false, &item, err));
	TRY(share(item, asking->crls, asking->ocsps, err));
	TRY(crls_share_all(asking->crls, &item->loose_crls, err));
	TRY(ocsps_share_all(asking->ocsps, &item->loose_ocsps, err));
	if (asking->is_over) {
		if (item->stage != STATUS_IDLE)
			status_dead_note(
			    &status->deads, item->url, STATUS_FETCH_TIME);
		return RC_OK;
	}
	bool fresh = status_item_is_fresh(item, clock_now());
	if (fresh)
		refresh(status, item);
	if (!fresh && item->stage == STATUS_IDLE &&
	    may_be_asked(status, item, asking->patient))
		enqueue(status, item);
	bool coming = item->stage != STATUS_IDLE && !fresh;
	asking->waiting += coming;
	/* a delta says nothing without its base, wherever it lies */
	*ret = coming ? !target->is_delta : fresh && !is_only_delta(item);
	return RC_OK;
}

/* A responder is asked only where there is no list to be had. */
static enum rc
ask_cert(struct asking *asking, size_t at, struct err *err)
{
	struct targets targets TARGETS_OWNED;
	const struct certs path = {
	    asking->path->item + at, asking->path->len - at};
	bool has_list = false, had;

	TRY(find_targets(&path, &targets, err));
	for (size_t i = 0; i < targets.len; i++) {
		const struct target *target = &targets.item[i];
		if (target->kind == STATUS_ANSWER && has_list &&
		    !asking->is_over)
			continue;
		TRY(ask_target(asking, target, &had, err));
		has_list = has_list || had;
	}
	return RC_OK;
}

static enum rc
ask_path(struct asking *asking, struct err *err)
{
	asking->waiting = asking->asked = 0;
	for (size_t i = 0; i + 1 < asking->path->len; i++)
		TRY(ask_cert(asking, i, err));
	return RC_OK;
}

/* False: the time is over. */
static bool
wait_until(struct status *status, int64_t deadline)
{
	struct timespec at;
	int64_t left = deadline - clock_ticks();

	if (left <= 0)
		return false;
	if (left > DAY_OF_MS)
		left = DAY_OF_MS;
	(void)clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += left / 1000;
	at.tv_nsec += (left % 1000) * 1000000;
	if (at.tv_nsec >= 1000000000) {
		at.tv_sec++;
		at.tv_nsec -= 1000000000;
	}
	return pthread_cond_timedwait(&status->done, &status->lock, &at) == 0;
}

static enum rc
ask_all(struct asking *asking, struct err *err)
{
	do
		TRY(ask_path(asking, err));
	while (asking->waiting > 0 &&
	       wait_until(asking->status, asking->deadline));
	if (asking->waiting == 0)
		return RC_OK;
	asking->is_over = true; /* of these, nobody waits again so soon */
	return ask_path(asking, err);
}

static enum rc
ask(void *self, const struct certs *path, int64_t deadline, struct crls *crls,
    struct ocsps *ocsps, struct err *err)
{
	struct status *status = self;
	struct asking asking = {.status = status,
	    .path = path,
	    .deadline = deadline,
	    .patient = deadline - clock_ticks() > PATIENT,
	    .crls = crls,
	    .ocsps = ocsps};

	(void)pthread_mutex_lock(&status->lock);
	enum rc rc = ask_all(&asking, err);
	(void)pthread_mutex_unlock(&status->lock);
	return rc;
}

/* ---- life ------------------------------------------------------------ */

static void
init_waiting(struct status *status)
{
	pthread_condattr_t attributes;

	(void)pthread_mutex_init(&status->lock, NULL);
	(void)pthread_cond_init(&status->work, NULL);
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&status->done, &attributes);
	(void)pthread_condattr_destroy(&attributes);
}

static void
release(struct status *status)
{
	free(status->item);
	free(status->worker);
	free(status);
}

enum rc
status_new(
    const struct status_rules *rules, struct status **ret, struct err *err)
{
	TRY(status_folder_prepare(rules, err));
	struct status *status = calloc(1, sizeof(*status));
	if (status == NULL)
		return err_nomem(err, "status");
	status->limits = status_limits_of(rules);
	status->item =
	    calloc(status->limits->kept, sizeof(struct status_item *));
	status->worker =
	    calloc(status->limits->workers, sizeof(*status->worker));
	if (status->item == NULL || status->worker == NULL) {
		release(status);
		return err_nomem(err, "status");
	}
	status->rules = *rules;
	status->source = (struct status_source){
	    recall, ask, status, rules->budget, rules->offline};
	init_waiting(status);
	*ret = status;
	return RC_OK;
}

static void
stop(struct status *status)
{
	(void)pthread_mutex_lock(&status->lock);
	status->stopping = true;
	for (size_t i = 0; i < status->workers; i++)
		fetch_stop(status->worker[i].fetch);
	(void)pthread_cond_broadcast(&status->work);
	(void)pthread_mutex_unlock(&status->lock);
	for (size_t i = 0; i < status->workers; i++) {
		(void)pthread_join(status->worker[i].thread, NULL);
		fetch_free(status->worker[i].fetch);
	}
}

void
status_free(struct status *status)
{
	if (status == NULL)
		return;
	stop(status);
	for (size_t i = 0; i < status->items; i++)
		status_item_free(status->item[i]);
	(void)pthread_cond_destroy(&status->done);
	(void)pthread_cond_destroy(&status->work);
	(void)pthread_mutex_destroy(&status->lock);
	release(status);
}

const struct status_source *
status_source(const struct status *status)
{
	return &status->source;
}
