#include "edge/agent.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "edge/deliver.h"
#include "edge/front.h"
#include "edge/imap_front.h"
#include "edge/imap_index.h"
#include "edge/rester.h"
#include "edge/sentry.h"
#include "edge/smtp_front.h"
#include "mime/address.h"
#include "os/clock.h"
#include "os/log.h"
#include "os/notify.h"

bool
agent_knows(const struct agent *agent, const char *user, struct span credential)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];

	SHA256(credential.data, credential.len, digest);
	bool same = CRYPTO_memcmp(digest, agent->account->credential,
			sizeof(digest)) == 0;
	OPENSSL_cleanse(digest, sizeof(digest));
	return same && address_equal(user, agent->account->address);
}

void
agent_reader_init(
    struct agent_reader *reader, const struct agent *agent, int64_t now)
{
	const struct agent_beliefs *beliefs = &agent->beliefs;

	*reader = (struct agent_reader){agent->reader, agent, NULL};
	reader->reader.now = now;
	if (beliefs->hold != NULL)
		reader->held = beliefs->hold(beliefs->self, &reader->reader);
}

void
agent_reader_done(struct agent_reader *reader)
{
	const struct agent_beliefs *beliefs = &reader->agent->beliefs;

	if (reader->held != NULL)
		beliefs->give_back(beliefs->self, reader->held);
}

/* The thread that delivers what waits.  It looks once a second: a letter that
 * a session left behind needs no other signal. */
struct courier {
	const struct agent *agent;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t stop;
	bool stopping;
};

static bool
rest(struct courier *courier)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 1;
	pthread_mutex_lock(&courier->lock);
	if (!courier->stopping)
		(void)pthread_cond_timedwait(
		    &courier->stop, &courier->lock, &until);
	bool go_on = !courier->stopping;
	pthread_mutex_unlock(&courier->lock);
	return go_on;
}

static void *
deliver_all(void *argument)
{
	struct courier *courier = argument;

	do {
		int64_t next = 0;
		deliver_due(courier->agent, &next);
	} while (rest(courier));
	return NULL;
}

static enum rc
courier_start(struct courier *courier, struct err *err)
{
	pthread_mutex_init(&courier->lock, NULL);
	pthread_cond_init(&courier->stop, NULL);
	errno = pthread_create(&courier->thread, NULL, deliver_all, courier);
	return errno == 0 ? RC_OK : err_errno(err, "thread");
}

static void
courier_stop(struct courier *courier)
{
	pthread_mutex_lock(&courier->lock);
	courier->stopping = true;
	pthread_cond_signal(&courier->stop);
	pthread_mutex_unlock(&courier->lock);
	pthread_join(courier->thread, NULL);
}

/* One for each socket. */
#define FRONTS 4

static void
stop_fronts(struct front **fronts)
{
	for (size_t i = 0; i < FRONTS; i++)
		if (fronts[i] != NULL)
			front_stop(fronts[i]);
}

static enum rc
start_fronts(const struct agent *agent, const struct agent_sockets *sockets,
    struct front **fronts, struct err *err)
{
	const struct front_way ways[FRONTS] = {
	    {sockets->smtp, smtp_front_serve, false},
	    {sockets->imap, imap_front_serve, false},
	    {sockets->submission, smtp_front_serve, true},
	    {sockets->imap_starttls, imap_front_serve, true},
	};

	for (size_t i = 0; i < FRONTS; i++)
		if (ways[i].fd >= 0)
			TRY(front_start(agent, &ways[i], &fronts[i], err));
	return RC_OK;
}

static enum rc
serve_until_signal(const struct agent *agent,
    const struct agent_sockets *sockets, const sigset_t *signals,
    struct err *err)
{
	struct front *fronts[FRONTS] = {NULL};
	int got = 0;

	enum rc rc = start_fronts(agent, sockets, fronts, err);
	if (rc == RC_OK) {
		log_info("serving %s", agent->account->address);
		notify_send("READY=1");
		(void)sigwait(signals, &got);
		log_info("stopping");
		notify_send("STOPPING=1");
	}
	stop_fronts(fronts);
	return rc;
}

enum rc
agent_run(
    struct agent *agent, const struct agent_sockets *sockets, struct err *err)
{
	struct courier courier = {.agent = agent};
	struct sentry *sentry OWNED(sentry_free) = NULL;
	struct imap_indexer *indexer OWNED(imap_indexer_free) = NULL;
	struct rester *rester OWNED(rester_free) = NULL;
	sigset_t signals;

	/* every thread inherits this; sigwait() below takes them */
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	if (agent->watch_every > 0)
		TRY(sentry_new(agent, &sentry, err));
	if (agent->index != NULL)
		TRY(imap_indexer_new(agent, &indexer, err));
	agent->indexer = indexer;
	if (agent->rest_every > 0)
		TRY(rester_new(agent, &rester, err));
	TRY(courier_start(&courier, err));
	enum rc rc = serve_until_signal(agent, sockets, &signals, err);
	courier_stop(&courier);
	return rc;
}
