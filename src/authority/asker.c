#include "authority/asker.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "authority/authorization.h"
#include "authority/bell.h"
#include "authority/permission.h"
#include "authority/schema.h"
#include "dns/caa.h"
#include "mime/address.h"
#include "os/clock.h"
#include "os/log.h"

#define FIRST_RETRY 2 /* seconds; doubled each time */
/* Seconds between two looks when nothing was said: another process may have
 * died with a question that it was woken for. */
#define IDLE 10
#define AFTER_FAILURE 5
#define METHOD "email-reply-00"
#define URL_MAX 1200

struct worker {
	struct asker *asker;
	struct sql *sql;
	pthread_t thread;
	bool started;
};

struct asker {
	struct asker_config config;
	struct bell bell; /* for all of them */
	struct worker worker[ASKER_THREADS];
};

static enum rc
ask(const struct asker *asker, const struct permission_question *question,
    struct err *err)
{
	const struct settings *settings = asker->config.settings;
	char account[URL_MAX];

	(void)snprintf(account, sizeof(account), "%s/acme/account/%s",
	    settings->url, question->account);
	const struct caa_question caa = {.resolver = asker->config.resolver,
	    .domain = address_domain(question->address),
	    .issuer = settings_caa_identity(settings),
	    .account = account,
	    .method = METHOD};
	return caa_check(&caa, err);
}

static enum permission_word
word_of(enum rc rc)
{
	if (rc == RC_OK)
		return PERMISSION_YES;
	return rc == RC_REFUSED ? PERMISSION_NO : PERMISSION_SILENCE;
}

static bool
is_transient(enum rc rc)
{
	return rc == RC_IO || rc == RC_NOMEM || rc == RC_CRYPTO;
}

/* Whoever has not proved the mailbox yet need not: nothing would come of it. */
static enum rc
end_authorization(
    struct sql *sql, const struct permission_answer *answer, struct err *err)
{
	const struct authorization_event event = {
	    .id = answer->question->authorization,
	    .now = answer->now,
	    .type = "caa",
	    .detail = answer->detail};
	enum rc rc = authorization_fail(sql, &event, err);

	return rc == RC_ABSENT ? RC_OK : rc;
}

static enum rc
settle(struct worker *worker, const struct permission_question *question,
    struct err *err)
{
	struct err why = ERR_NONE;
	enum rc rc = ask(worker->asker, question, &why);
	const struct permission_answer answer = {.question = question,
	    .word = word_of(rc),
	    .detail = rc == RC_OK ? "" : why.text,
	    .now = clock_now()};

	if (is_transient(rc) && question->tries + 1 < ASKER_TRIES)
		return permission_later(worker->sql, question->authorization,
		    answer.now + (FIRST_RETRY << question->tries), err);
	if (rc != RC_OK)
		log_info("caa: %s: %s", question->address, why.text);
	TRY(permission_say(worker->sql, &answer, err));
	if (answer.word != PERMISSION_NO)
		return RC_OK;
	return end_authorization(worker->sql, &answer, err);
}

/* One question; another thread looks for the next one meanwhile.  RC_ABSENT:
 * there is none. */
static enum rc
work_once(struct worker *worker, int64_t *ret_next, struct err *err)
{
	struct permission_question question PERMISSION_QUESTION_OWNED = {0};
	unsigned tries = 0;
	enum rc rc;

	TRY(permission_take(
	    worker->sql, clock_now(), &question, ret_next, err));
	bell_ring(&worker->asker->bell);
	do
		rc = settle(worker, &question, err);
	while (rc == RC_AGAIN && sql_again(&tries));
	return rc;
}

static void
wait_until(struct bell *bell, int64_t next)
{
	int64_t now = clock_now();
	int64_t wait = next > now ? next - now : 1;

	bell_wait(bell, wait < IDLE ? wait : IDLE);
}

static void *
work(void *context)
{
	struct worker *worker = context;
	struct bell *bell = &worker->asker->bell;

	while (!bell_is_stopping(bell)) {
		struct err err = ERR_NONE;
		int64_t next = clock_now() + IDLE;
		enum rc rc = work_once(worker, &next, &err);
		if (rc == RC_OK || rc == RC_AGAIN)
			continue;
		if (rc != RC_ABSENT) {
			log_error("asker: %s", err.text);
			next = clock_now() + AFTER_FAILURE;
		}
		wait_until(bell, next);
	}
	return NULL;
}

static enum rc
start(struct asker *asker, size_t i, struct err *err)
{
	struct worker *worker = &asker->worker[i];

	worker->asker = asker;
	TRY(schema_open(
	    asker->config.folder, asker->config.settings, &worker->sql, err));
	if (pthread_create(&worker->thread, NULL, work, worker) != 0)
		return err_nomem(err, "asker");
	worker->started = true;
	return RC_OK;
}

enum rc
asker_new(
    const struct asker_config *config, struct asker **ret, struct err *err)
{
	struct asker *asker OWNED(asker_free) = calloc(1, sizeof(*asker));

	if (asker == NULL)
		return err_nomem(err, "asker");
	asker->config = *config;
	TRY(bell_init(&asker->bell, err));
	for (size_t i = 0; i < ASKER_THREADS; i++)
		TRY(start(asker, i, err));
	*ret = take(asker);
	return RC_OK;
}

void
asker_wake(struct asker *asker)
{
	bell_ring(&asker->bell);
}

void
asker_free(struct asker *asker)
{
	if (asker == NULL)
		return;
	bell_stop(&asker->bell);
	for (size_t i = 0; i < ASKER_THREADS; i++) {
		if (asker->worker[i].started)
			(void)pthread_join(asker->worker[i].thread, NULL);
		sql_free(asker->worker[i].sql);
	}
	bell_done(&asker->bell);
	free(asker);
}
