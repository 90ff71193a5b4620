#include "edge/sentry.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "edge/notice.h"
#include "enrol/watch.h"
#include "os/log.h"

struct sentry {
	const struct agent *agent;
	struct watch watch;
	bool failing; /* the last look could not be made */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t stop;
	bool stopping;
};

/* -- what is said -- */

static const struct {
	const char *kind;
	const char *wants; /* as long as it is open */
	const char *got;   /* by the recovery code */
} words[] = {
    {"issue", "a certificate in its name",
	"there is another certificate in its name"},
    {"revoke", "one of its certificates revoked",
	"one of its certificates is revoked"},
    {"undo", "all of its certificates revoked",
	"all of its certificates are revoked"},
};
#define WORDS (sizeof(words) / sizeof(words[0]))

static size_t
find_words(const struct acme_wish *wish)
{
	for (size_t i = 0; i < WORDS; i++)
		if (strcmp(words[i].kind, wish->kind) == 0)
			return i;
	return WORDS - 1; /* what we do not know may be the worst */
}

static void
tell(const struct sentry *sentry, const struct acme_wish *wish)
{
	const char *address = sentry->agent->account->address;
	size_t i = find_words(wish);

	if (acme_wish_is_open(wish))
		log_warning("somebody who is none of the devices of %s wants "
			    "%s, and it waits for your word: letterlock guard",
		    address, words[i].wants);
	else
		log_warning("the recovery code of %s was used: %s.  If it was "
			    "not you: letterlock recovery new",
		    address, words[i].got);
}

static void
look(struct sentry *sentry)
{
	struct acme_wishes wishes ACME_WISHES_OWNED = {0};
	struct err err = ERR_NONE;

	notice_look(sentry->agent);
	enum rc rc = watch_look(&sentry->watch, &wishes, &err);
	bool failed = rc != RC_OK && rc != RC_ABSENT;

	for (size_t i = 0; i < wishes.len; i++)
		tell(sentry, &wishes.item[i]);
	/* once, not every ten minutes of a day without a network */
	if (failed && !sentry->failing)
		log_info("what waits for this device's word is not known: %s",
		    err.text);
	sentry->failing = failed;
}

/* -- the thread -- */

static bool
rest(struct sentry *sentry)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += sentry->agent->watch_every;
	pthread_mutex_lock(&sentry->lock);
	if (!sentry->stopping)
		(void)pthread_cond_timedwait(
		    &sentry->stop, &sentry->lock, &until);
	bool go_on = !sentry->stopping;
	pthread_mutex_unlock(&sentry->lock);
	return go_on;
}

static void *
watch_all(void *argument)
{
	struct sentry *sentry = argument;

	do
		look(sentry);
	while (rest(sentry));
	return NULL;
}

enum rc
sentry_new(const struct agent *agent, struct sentry **ret, struct err *err)
{
	struct sentry *sentry = calloc(1, sizeof(*sentry));

	if (sentry == NULL)
		return err_nomem(err, "sentry");
	sentry->agent = agent;
	sentry->watch.enrol = &agent->enrol;
	pthread_mutex_init(&sentry->lock, NULL);
	pthread_cond_init(&sentry->stop, NULL);
	errno = pthread_create(&sentry->thread, NULL, watch_all, sentry);
	if (errno != 0) {
		free(sentry);
		return err_errno(err, "thread");
	}
	*ret = sentry;
	return RC_OK;
}

void
sentry_free(struct sentry *sentry)
{
	if (sentry == NULL)
		return;
	pthread_mutex_lock(&sentry->lock);
	sentry->stopping = true;
	pthread_cond_signal(&sentry->stop);
	pthread_mutex_unlock(&sentry->lock);
	pthread_join(sentry->thread, NULL);
	watch_done(&sentry->watch);
	free(sentry);
}
