/* edge/agent -- the agent of one person: what its parts share.
 *
 * One thread per connection of the mail program, each with its own connection
 * to the provider, one thread that delivers what waits in the spool.  Shared
 * are the things named here; each may be used by all threads at once.
 *
 * May use:   base codec os mime proto net store flow enrol.
 */
#ifndef EDGE_AGENT_H
#define EDGE_AGENT_H

#include "enrol/enrol.h"
#include "enrol/upstream.h"
#include "flow/gather.h"
#include "flow/outgoing.h"
#include "flow/people.h"
#include "flow/recipients.h"
#include "net/smtp_send.h"
#include "store/spool.h"

struct imap_indexer;
struct index;

struct agent_limits {
	unsigned connections; /* of mail programs, on each front: so many that
			       * have logged in, and as many that have not */
	size_t letter;        /* bytes: 552 5.3.4 beyond */
	int idle;             /* milliseconds a mail program may be silent */
	int stranger;         /* the same, for all of it before a login */
	int stalled;          /* milliseconds it may let an answer wait */
	int upstream;         /* milliseconds until "away" */
	int directory, tsa;   /* milliseconds for one question */
	int64_t retry_first, retry_most; /* seconds between tries */
	int64_t give_up; /* seconds until a waiting letter is bounced */
};

#define AGENT_LIMITS                                                    \
	((struct agent_limits){64, (size_t)50 << 20, 30 * 60 * 1000,    \
	    60 * 1000, 5 * 60 * 1000, 30 * 1000, 5 * 1000, 3 * 1000, 5, \
	    30 * 60, (int64_t)5 * 24 * 3600})

/* What of the reader may change while the agent runs: whom it believes what. */
struct agent_beliefs {
	/* Set it as it is now; the result is given back when the reader is used
	 * no more.  NULL: nothing changes. */
	void *(*hold)(void *self, struct reader *reader);
	void (*give_back)(void *self, void *held);
	void *self;
};

struct agent {
	const struct account *account;
	struct state *state;
	struct spool *spool;
	const struct names *names;
	const struct tls *front;         /* what mail programs see */
	const struct upstream *upstream; /* the provider */
	const char *directory;           /* URL, address appended */
	const char *tsa;                 /* URL */
	const struct certs *roots;
	/* all but `now`; a stamper for letters alone: when a draft was
	 * written proves nothing, and nobody disputes when a report was */
	struct sender sender;
	/* all but `now`, `first_seen` and what `beliefs` sets */
	struct reader reader;
	struct agent_beliefs beliefs;
	struct people *people; /* whom the reader knows; NULL: not kept */
	struct index *index;   /* of words; NULL: letters are opened instead */
	struct imap_indexer *indexer; /* who fills it, while the agent runs */
	struct enrol enrol;           /* to tell whose challenges come in */
	unsigned watch_every;         /* seconds (edge/sentry); 0: never */
	unsigned rest_every;          /* seconds (edge/rester); 0: never */
	struct agent_limits limits;
};

/* The listening sockets: TLS from the first byte, and after STARTTLS. */
struct agent_sockets {
	int smtp, imap;
	int submission, imap_starttls; /* -1: not served */
};

/* Serve the mail program on them until a SIGTERM or SIGINT; closes them.
 * Returns when every letter in work was answered or spooled. */
enum rc agent_run(
    struct agent *agent, const struct agent_sockets *sockets, struct err *err);

/* A reader of a letter, at this moment; done after it. */
struct agent_reader {
	struct reader reader;
	const struct agent *agent;
	void *held;
};

#define AGENT_READER_OWNED __attribute__((cleanup(agent_reader_done)))
void agent_reader_init(
    struct agent_reader *reader, const struct agent *agent, int64_t now);
void agent_reader_done(struct agent_reader *reader);

/* Is that the account's local credential?  Constant time. */
bool agent_knows(
    const struct agent *agent, const char *user, struct span credential);

#endif
