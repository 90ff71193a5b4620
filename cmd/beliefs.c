#include "cmd/beliefs.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "cmd/carriers.h"
#include "cmd/trusting.h"
#include "os/clock.h"
#include "os/log.h"

/* Which file it was.  All zero: there was none. */
struct stamp {
	uint64_t inode, size;
	int64_t seconds, nanoseconds, changed, changed_nanoseconds;
};

/* What one reading of it said; constant. */
struct belief {
	size_t holders; /* guarded by the lock */
	struct trust trust;
	struct certs roots, tsa_roots;
	struct carriers carriers;
	struct reader part; /* of a reader: what all this is in it */
};

struct beliefs {
	struct beliefs_rules rules;
	pthread_mutex_t lock; /* of all below */
	struct stamp stamp;
	struct belief *now;
};

/* ---- one reading ------------------------------------------------------- */

static void
belief_free(struct belief *belief)
{
	if (belief == NULL)
		return;
	carriers_done(&belief->carriers);
	certs_done(&belief->roots);
	certs_done(&belief->tsa_roots);
	trust_done(&belief->trust);
	free(belief);
}

OWNER(struct belief, belief_free);

static enum rc
fill(const struct beliefs_rules *rules, struct belief *belief, struct err *err)
{
	enum rc rc = trusting_read(rules->path, &belief->trust, err);

	if (rc != RC_ABSENT)
		TRY(rc);
	for (size_t i = 0; i < rules->roots->len; i++)
		TRY(certs_add(&belief->roots, rules->roots->item[i], err));
	TRY(trust_add_stampers(
	    &belief->trust, rules->roots, &belief->tsa_roots, err));
	if (belief->trust.public_roots)
		TRY(trusting_add_public(clock_now(), &belief->roots, err));
	belief->part.roots = &belief->roots;
	belief->part.tsa_roots = &belief->tsa_roots;
	belief->part.trust = &belief->trust;
	return carriers_make(&belief->trust, rules->resolver, rules->budget,
	    &belief->carriers, &belief->part, err);
}

static enum rc
belief_read(
    const struct beliefs_rules *rules, struct belief **ret, struct err *err)
{
	struct belief *belief OWNED(belief_free) = calloc(1, sizeof(*belief));

	if (belief == NULL)
		return err_nomem(err, "trust settings");
	belief->trust = TRUST_NONE;
	TRY(fill(rules, belief, err));
	belief->holders = 1;
	*ret = take(belief);
	return RC_OK;
}

/* With the lock held. */
static void
let_go(struct belief *belief)
{
	if (--belief->holders == 0)
		belief_free(belief);
}

/* ---- the file ---------------------------------------------------------- */

static struct stamp
look(const char *path)
{
	struct stat file;

	if (stat(path, &file) != 0)
		return (struct stamp){.size = errno == ENOENT ? 0 : UINT64_MAX};
	return (struct stamp){(uint64_t)file.st_ino, (uint64_t)file.st_size,
	    file.st_mtim.tv_sec, file.st_mtim.tv_nsec, file.st_ctim.tv_sec,
	    file.st_ctim.tv_nsec};
}

static bool
same(const struct stamp *a, const struct stamp *b)
{
	return a->inode == b->inode && a->size == b->size &&
	       a->seconds == b->seconds && a->nanoseconds == b->nanoseconds &&
	       a->changed == b->changed &&
	       a->changed_nanoseconds == b->changed_nanoseconds;
}

/* The stamp is taken before it is read: who writes meanwhile has it read once
 * more.  With the lock held. */
static void
renew(struct beliefs *beliefs)
{
	struct belief *belief = NULL;
	struct err why = ERR_NONE;
	struct stamp stamp = look(beliefs->rules.path);

	if (same(&stamp, &beliefs->stamp))
		return;
	beliefs->stamp = stamp;
	if (belief_read(&beliefs->rules, &belief, &why) != RC_OK) {
		log_warning("trust settings not read anew, those from before "
			    "stay: %s",
		    why.text);
		return;
	}
	let_go(beliefs->now);
	beliefs->now = belief;
	log_info("trust settings read anew");
}

/* ---- for the agent ----------------------------------------------------- */

static void *
hold(void *self, struct reader *reader)
{
	struct beliefs *beliefs = self;

	(void)pthread_mutex_lock(&beliefs->lock);
	renew(beliefs);
	struct belief *belief = beliefs->now;
	belief->holders++;
	(void)pthread_mutex_unlock(&beliefs->lock);
	reader->roots = belief->part.roots;
	reader->tsa_roots = belief->part.tsa_roots;
	reader->trust = belief->part.trust;
	reader->transports = belief->part.transports;
	return belief;
}

static void
give_back(void *self, void *held)
{
	struct beliefs *beliefs = self;

	(void)pthread_mutex_lock(&beliefs->lock);
	let_go(held);
	(void)pthread_mutex_unlock(&beliefs->lock);
}

enum rc
beliefs_new(
    const struct beliefs_rules *rules, struct beliefs **ret, struct err *err)
{
	struct belief *belief OWNED(belief_free) = NULL;
	struct stamp stamp = look(rules->path);

	TRY(belief_read(rules, &belief, err));
	struct beliefs *beliefs = calloc(1, sizeof(*beliefs));
	if (beliefs == NULL)
		return err_nomem(err, "trust settings");
	beliefs->rules = *rules;
	beliefs->stamp = stamp;
	beliefs->now = take(belief);
	(void)pthread_mutex_init(&beliefs->lock, NULL);
	*ret = beliefs;
	return RC_OK;
}

void
beliefs_free(struct beliefs *beliefs)
{
	if (beliefs == NULL)
		return;
	belief_free(beliefs->now);
	(void)pthread_mutex_destroy(&beliefs->lock);
	free(beliefs);
}

struct agent_beliefs
beliefs_source(struct beliefs *beliefs)
{
	return (struct agent_beliefs){hold, give_back, beliefs};
}
