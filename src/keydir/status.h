/* keydir/status -- were certificates revoked?  Asks those whom they name, within
 * a hard budget, and remembers the answers.
 *
 * Standard:  RFC 5280 section 5 (lists by HTTP), RFC 6960 and 5019 (OCSP),
 *            RFC 9654 (nonces).
 * May use:   base codec os mime pki proto dns net store.
 * Not here:  what an answer is worth (pki/chain): everything that comes is only
 *            parsed.  A server or a disk that lies gains nothing, for lists and
 *            answers are signed by the issuer.
 * Privacy:   a question tells a server who reads what.  So only those are
 *            asked whom a certificate names whose path leads to a trusted root,
 *            an answer is kept as long as it holds, and issuers' certificates
 *            are never fetched.
 * Limits:    struct status_limits; those of pki/ocsp for an answer; a server
 *            that does not answer is left alone for STATUS_DEAD seconds
 *            (whoever waits for longer than a second asks it again sooner).
 */
#ifndef KEYDIR_STATUS_H
#define KEYDIR_STATUS_H

#include "net/fetch.h"
#include "pki/crl.h"
#include "pki/ocsp.h"
#include "store/state.h"

#define STATUS_BUDGET 120             /* ms, for a letter being shown */
#define STATUS_BUDGET_ENCRYPT 5000    /* ms, for a recipient */
#define STATUS_FETCH_TIME (10 * 1000) /* ms, for one answer */
#define STATUS_DEAD (5 * 60)
#define STATUS_DEAD_PATIENT 10
#define STATUS_SKEW (5 * 60) /* seconds that two clocks may differ */

struct status_limits {
	size_t addresses; /* that are asked for one path */
	size_t list;      /* bytes of one */
	size_t kept;      /* answers, in memory and on the disk */
	size_t workers;   /* threads */
};

static const struct status_limits status_default = {
    .addresses = 16,
    .list = (size_t)10 << 20,
    .kept = 256,
    .workers = 4,
};

/* Whoever knows: behind pointers, for who judges letters without a network
 * shall not load the libraries for one.  All add to `crls` and `ocsps`. */
struct status_source {
	/* What is remembered of these certificates.  Nobody is asked. */
	enum rc (*recall)(void *self, const struct certs *certs,
	    struct crls *crls, struct ocsps *ocsps, struct err *err);
	/* Ask about a path (leaf first, each followed by its issuer) and wait
	 * until `deadline` (os/clock, ticks) at the latest.  RC_OK also if
	 * nothing came: what comes later is remembered. */
	enum rc (*ask)(void *self, const struct certs *path, int64_t deadline,
	    struct crls *crls, struct ocsps *ocsps, struct err *err);
	void *self;
	int budget;   /* ms that one letter may wait */
	bool offline; /* `ask` asks nobody */
};

/* Whoever asks and remembers; shared by threads, has threads of its own. */
struct status;

struct status_rules {
	struct fetch_rules fetch;
	/* where answers are remembered between two runs: wrapped in the state
	 * ("status/..."), else in a folder of the user's, else in memory only */
	const struct state *state;
	const char *folder;
	const struct status_limits *limits; /* NULL: status_default */
	int budget;                         /* ms; see struct status_source */
	bool offline; /* recall what is remembered, ask and write nothing */
};

/* Borrows what the rules point to until status_free().  RC_UNFIT: others may
 * enter the folder. */
enum rc status_new(
    const struct status_rules *rules, struct status **ret, struct err *err);
/* Whatever is under way is given up at once. */
void status_free(struct status *status);
OWNER(struct status, status_free);

/* Lends. */
const struct status_source *status_source(const struct status *status);

#endif
