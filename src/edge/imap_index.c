#include "edge/imap_index.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "edge/imap_keys.h"
#include "flow/search_text.h"
#include "os/log.h"

/* Letters that are written together: others write meanwhile too. */
#define TOGETHER 32
#define VISITS 16 /* mailboxes that were looked at and not gone through yet */
#define REST 60   /* seconds, when there is nothing to do */
#define NICE 10

struct job {
	struct imap_view_folder folder;
	uint32_t uid;
	uint8_t *bytes; /* owned; NULL: it lies here */
	size_t len;
};

struct imap_indexer {
	const struct agent *agent;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stopping;
	bool full; /* the index takes no more */
	bool all;  /* every mailbox is to be gone through */
	struct job *job[IMAP_INDEX_QUEUE]; /* a ring; owned */
	size_t first, waiting, bytes;
	struct imap_view_folder visit[VISITS];
	size_t visits;
};

/* --- one letter --- */

struct described {
	struct buf text[INDEX_TEXTS], keys;
	struct index_letter letter;
};

#define DESCRIBED_OWNED __attribute__((cleanup(described_done)))

static void
described_done(struct described *described)
{
	for (size_t i = 0; i < INDEX_TEXTS; i++)
		buf_done(&described->text[i]);
	buf_done(&described->keys);
}

static enum rc
fold_texts(const struct entity *letter, struct described *ret, struct err *err)
{
	static const char *const names[] = {
	    "Subject", "From", "To", "Cc", "Bcc", NULL};

	for (size_t i = 0; i < INDEX_TEXTS; i++)
		ret->text[i] = BUF_SECRET(SEARCH_FOLDED_MAX);
	for (size_t i = 0; i < INDEX_TEXTS - 1; i++)
		TRY(search_fold_fields(
		    &letter->fields, names[i], &ret->text[i], err));
	return search_fold_body(letter, &ret->text[INDEX_TEXTS - 1], err);
}

enum rc
imap_index_letter(struct index *index, const struct imap_view_folder *folder,
    uint32_t uid, const struct entity *letter, struct err *err)
{
	struct described described DESCRIBED_OWNED = {0};

	described.keys = BUF_SECRET(2 * IMAP_KEYS_MAX);
	TRY(fold_texts(letter, &described, err));
	TRY(imap_keys_print(letter, &described.keys, err));
	for (size_t i = 0; i < INDEX_TEXTS; i++)
		described.letter.text[i] = buf_span(&described.text[i]);
	described.letter.keys = buf_span(&described.keys);
	described.letter.size = letter->whole.len;
	described.letter.day = imap_keys_day(letter);
	return index_add(index, folder->name, uid, &described.letter, err);
}

/* What passes as it came was copied as it is shown; the rest lies here. */
static enum rc
open_view(struct imap_indexer *indexer, const struct job *job,
    struct imap_view *view, struct err *err)
{
	const struct agent *agent = indexer->agent;

	if (job->bytes != NULL)
		return imap_view_take(span_of(job->bytes, job->len), view, err);
	TRY(imap_view_find(agent, &job->folder, job->uid, view, err));
	if (!view->rebuilt)
		return RC_ABSENT;
	return imap_view_open(
	    agent, &job->folder, job->uid, SPAN_NONE, view, err);
}

static enum rc
do_job(struct imap_indexer *indexer, const struct job *job, struct err *err)
{
	struct index *index = indexer->agent->index;
	struct imap_view view IMAP_VIEW_OWNED;

	imap_view_init(&view);
	if (job->uid == 0 || index_has(index, job->folder.name, job->uid))
		return RC_OK;
	TRY(open_view(indexer, job, &view, err));
	return imap_index_letter(
	    index, &job->folder, job->uid, view.letter, err);
}

/* A letter that cannot be read is found by opening it, and fails then. */
static void
try_job(struct imap_indexer *indexer, const struct job *job)
{
	struct err why = ERR_NONE;
	enum rc rc = do_job(indexer, job, &why);

	if (rc == RC_OK || rc == RC_ABSENT)
		return;
	if (rc == RC_LIMIT && !indexer->full) {
		indexer->full = true;
		log_warning("the search index is as large as it may be: "
			    "searches become slow");
	} else if (rc != RC_LIMIT) {
		log_warning("letter %u not indexed: %s", job->uid, why.text);
	}
}

/* --- the queue --- */

static void
job_free(struct job *job)
{
	if (job == NULL)
		return;
	free(job->bytes);
	free(job);
}
OWNER(struct job, job_free);

static struct job *
job_new(const struct imap_view_folder *folder, uint32_t uid, struct span bytes)
{
	struct job *job OWNED(job_free) = calloc(1, sizeof(*job));

	if (job == NULL)
		return NULL;
	*job = (struct job){*folder, uid, NULL, bytes.len};
	if (bytes.len == 0)
		return take(job);
	job->bytes = malloc(bytes.len);
	if (job->bytes == NULL)
		return NULL;
	memcpy(job->bytes, bytes.data, bytes.len);
	return take(job);
}

/* One that is large may wait alone. */
static bool
has_room(const struct imap_indexer *indexer, size_t len)
{
	return indexer->waiting < IMAP_INDEX_QUEUE && !indexer->full &&
	       (len <= IMAP_INDEX_BYTES &&
		   indexer->bytes <= IMAP_INDEX_BYTES - len);
}

void
imap_indexer_add(struct imap_indexer *indexer,
    const struct imap_view_folder *folder, uint32_t uid, struct span bytes)
{
	if (indexer == NULL || folder->name[0] == '\0')
		return;
	pthread_mutex_lock(&indexer->lock);
	if (has_room(indexer, bytes.len)) {
		struct job *job = job_new(folder, uid, bytes);
		size_t at =
		    (indexer->first + indexer->waiting) % IMAP_INDEX_QUEUE;
		if (job != NULL) {
			indexer->job[at] = job;
			indexer->waiting++;
			indexer->bytes += bytes.len;
			pthread_cond_signal(&indexer->wake);
		}
	}
	pthread_mutex_unlock(&indexer->lock);
}

static struct job *
next_job(struct imap_indexer *indexer)
{
	struct job *job = NULL;

	pthread_mutex_lock(&indexer->lock);
	if (indexer->waiting > 0 && !indexer->stopping) {
		job = indexer->job[indexer->first];
		indexer->first = (indexer->first + 1) % IMAP_INDEX_QUEUE;
		indexer->waiting--;
		indexer->bytes -= job->len;
	}
	pthread_mutex_unlock(&indexer->lock);
	return job;
}

void
imap_indexer_visit(
    struct imap_indexer *indexer, const struct imap_view_folder *folder)
{
	if (indexer == NULL)
		return;
	pthread_mutex_lock(&indexer->lock);
	if (indexer->visits < VISITS)
		indexer->visit[indexer->visits++] = *folder;
	pthread_cond_signal(&indexer->wake);
	pthread_mutex_unlock(&indexer->lock);
}

static bool
next_visit(struct imap_indexer *indexer, struct imap_view_folder *ret)
{
	bool found = false;

	pthread_mutex_lock(&indexer->lock);
	if (indexer->visits > 0 && !indexer->stopping) {
		*ret = indexer->visit[--indexer->visits];
		found = true;
	}
	pthread_mutex_unlock(&indexer->lock);
	return found;
}

static bool
is_stopping(struct imap_indexer *indexer)
{
	pthread_mutex_lock(&indexer->lock);
	bool stopping = indexer->stopping;
	pthread_mutex_unlock(&indexer->lock);
	return stopping;
}

/* --- the thread --- */

/* Some of what waits; false: nothing did. */
static bool
work_off(struct imap_indexer *indexer)
{
	struct index *index = indexer->agent->index;
	struct job *job = next_job(indexer);
	struct err why = ERR_NONE;
	unsigned done = 0;

	if (job == NULL)
		return false;
	bool held = index_hold(index, &why) == RC_OK;
	while (job != NULL) {
		try_job(indexer, job);
		job_free(job);
		job = ++done < TOGETHER ? next_job(indexer) : NULL;
	}
	if (held && index_release(index, &why) != RC_OK && !indexer->full)
		log_warning("letters not indexed: %s", why.text);
	return true;
}

/* Letters of a mailbox that lie here, one by one into the same way. */
struct going {
	struct imap_indexer *indexer;
	const struct imap_view_folder *folder;
	unsigned together;
	bool held;
};

static void
let_go(struct going *going)
{
	struct index *index = going->indexer->agent->index;
	struct err why = ERR_NONE;

	if (going->held && index_release(index, &why) != RC_OK &&
	    !going->indexer->full)
		log_warning("letters not indexed: %s", why.text);
	going->held = false;
	going->together = 0;
}

/* RC_AGAIN: it is time to stop. */
static enum rc
go_to(void *self, uint32_t uid, struct err *err)
{
	struct going *going = self;
	struct imap_indexer *indexer = going->indexer;
	struct index *index = indexer->agent->index;
	struct job job = {*going->folder, uid, NULL, 0};

	if (indexer->full || is_stopping(indexer))
		return RC_AGAIN;
	if (index_has(index, job.folder.name, uid))
		return RC_OK;
	if (!going->held)
		going->held = index_hold(index, err) == RC_OK;
	try_job(indexer, &job);
	if (++going->together < TOGETHER)
		return RC_OK;
	let_go(going);
	/* what somebody looks at now comes before what lies here */
	while (work_off(indexer))
		;
	return RC_OK;
}

static enum rc
go_through(void *self, const struct imap_view_folder *folder, struct err *err)
{
	struct imap_indexer *indexer = self;
	struct going going = {indexer, folder, 0, false};
	enum rc rc = imap_view_each(indexer->agent, folder, go_to, &going, err);

	let_go(&going);
	return rc;
}

static void
tidy(struct imap_indexer *indexer)
{
	struct err why = ERR_NONE;
	bool more = true;

	while (more && !is_stopping(indexer))
		if (index_tidy(indexer->agent->index, &more, &why) != RC_OK) {
			log_warning("search index: %s", why.text);
			return;
		}
}

static void
work(struct imap_indexer *indexer)
{
	struct imap_view_folder folder;
	struct err why = ERR_NONE;
	enum rc rc = RC_OK;

	while (work_off(indexer))
		;
	while (next_visit(indexer, &folder) && rc == RC_OK)
		rc = go_through(indexer, &folder, &why);
	if (indexer->all && rc == RC_OK)
		rc = imap_view_each_folder(
		    indexer->agent, go_through, indexer, &why);
	indexer->all = indexer->all && rc != RC_OK;
	if (rc != RC_OK && rc != RC_AGAIN)
		log_warning("letters not indexed: %s", why.text);
	tidy(indexer);
}

/* Until there is something to do; false: stop. */
static bool
wait_for_work(struct imap_indexer *indexer)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += REST;
	pthread_mutex_lock(&indexer->lock);
	if (!indexer->stopping && indexer->waiting == 0 && indexer->visits == 0)
		(void)pthread_cond_timedwait(
		    &indexer->wake, &indexer->lock, &until);
	bool go_on = !indexer->stopping;
	pthread_mutex_unlock(&indexer->lock);
	return go_on;
}

static void *
index_all(void *argument)
{
	struct imap_indexer *indexer = argument;

	/* Linux: of this thread only */
	(void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICE);
	do
		work(indexer);
	while (wait_for_work(indexer));
	return NULL;
}

enum rc
imap_indexer_new(
    const struct agent *agent, struct imap_indexer **ret, struct err *err)
{
	struct imap_indexer *indexer = calloc(1, sizeof(*indexer));

	if (indexer == NULL)
		return err_nomem(err, "search index");
	indexer->agent = agent;
	indexer->all = true;
	pthread_mutex_init(&indexer->lock, NULL);
	pthread_cond_init(&indexer->wake, NULL);
	errno = pthread_create(&indexer->thread, NULL, index_all, indexer);
	if (errno != 0) {
		free(indexer);
		return err_errno(err, "thread");
	}
	*ret = indexer;
	return RC_OK;
}

void
imap_indexer_free(struct imap_indexer *indexer)
{
	if (indexer == NULL)
		return;
	pthread_mutex_lock(&indexer->lock);
	indexer->stopping = true;
	pthread_cond_signal(&indexer->wake);
	pthread_mutex_unlock(&indexer->lock);
	pthread_join(indexer->thread, NULL);
	for (; indexer->waiting > 0; indexer->waiting--) {
		job_free(indexer->job[indexer->first]);
		indexer->first = (indexer->first + 1) % IMAP_INDEX_QUEUE;
	}
	free(indexer);
}

/* --- what is gone --- */

/* What waits for a letter that is gone is not to be done: without it, its words
 * would be there until the mailbox is next selected. */
static void
drop_job(struct imap_indexer *indexer, const struct imap_view_folder *folder,
    uint32_t uid)
{
	if (indexer == NULL)
		return;
	pthread_mutex_lock(&indexer->lock);
	for (size_t i = 0; i < indexer->waiting; i++) {
		size_t at = (indexer->first + i) % IMAP_INDEX_QUEUE;
		struct job *job = indexer->job[at];
		if (job->uid == uid && !strcmp(job->folder.name, folder->name))
			job->uid = 0;
	}
	pthread_mutex_unlock(&indexer->lock);
}

void
imap_index_remove(const struct agent *agent,
    const struct imap_view_folder *folder, uint32_t uid)
{
	struct err why = ERR_NONE;

	drop_job(agent->indexer, folder, uid);
	if (agent->index != NULL &&
	    index_remove(agent->index, folder->name, uid, &why) != RC_OK)
		log_warning("search index: %s", why.text);
}

void
imap_index_sweep(const struct agent *agent,
    const struct imap_view_folder *folder, uint32_t last,
    bool (*is_there)(const void *self, uint32_t uid), const void *self)
{
	struct err why = ERR_NONE;

	if (agent->index != NULL && index_sweep(agent->index, folder->name,
					last, is_there, self, &why) != RC_OK)
		log_warning("search index: %s", why.text);
}
