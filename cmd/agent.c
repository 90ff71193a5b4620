/* letterlock agent -- serve the mail program of one person. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/agent.h"
#include "cmd/asking.h"
#include "cmd/beliefs.h"
#include "cmd/command.h"
#include "cmd/home.h"
#include "cmd/language.h"
#include "edge/rester.h"
#include "edge/sentry.h"
#include "keydir/status.h"
#include "net/clamd.h"
#include "os/activation.h"
#include "os/clock.h"
#include "os/log.h"
#include "store/index.h"

#define WATCH_MOST 86400
#define SCAN_WAIT 20000 /* milliseconds */
#define DNS_BUDGET 60   /* milliseconds that a letter being shown may wait */

struct agent_options {
	struct home_options home;
	const char *letter_limit, *watch, *rest;
	struct strlist networks;
	const char *wait;
	const char *scan, *scan_away, *scan_limit;
};

static enum rc
take_if_there(const char *name, int *ret, struct err *err)
{
	enum rc rc = activation_find(name, ret, err);

	return rc == RC_ABSENT ? RC_OK : rc;
}

/* Ports that were not handed over could be anybody's after the next restart,
 * and mail programs would give them the password: refuse. */
static enum rc
take_sockets(struct agent_sockets *sockets, struct err *err)
{
	enum rc rc = activation_find("smtp", &sockets->smtp, err);

	if (rc == RC_OK)
		rc = activation_find("imap", &sockets->imap, err);
	if (rc == RC_ABSENT)
		return err_set(err, RC_ABSENT,
		    "no sockets were handed over: start it by its systemd unit "
		    "(letterlock.socket), so that nobody else can take the "
		    "ports");
	TRY(rc);
	TRY(take_if_there("submission", &sockets->submission, err));
	return take_if_there("imap-starttls", &sockets->imap_starttls, err);
}

static enum rc
check_certificates(const struct home *home, struct err *err)
{
	if (home->signer.cert != NULL && home->encrypter != NULL)
		return RC_OK;
	return err_set(err, RC_ABSENT,
	    "%s has no valid certificates: run letterlock setup",
	    home->account.address);
}

void
agent_fill(const struct home *home, const struct names *names,
    const struct strlist *me, struct agent *agent)
{
	agent->account = &home->account;
	agent->state = home->state;
	agent->names = names;
	agent->directory = home->directory;
	agent->tsa = home->tsa;
	agent->roots = &home->roots;
	agent->sender = (struct sender){
	    .address = home->account.address,
	    .identity = home->signer,
	    .own = home->encrypter,
	    .own_key = home_key_of(home, home->encrypter),
	    .policy = PROTECT_BASELINE,
	};
	agent->reader = (struct reader){
	    .keys = home->keys,
	    .keys_len = home->keys_len,
	    .roots = &home->roots,
	    .me = me,
	    .requests = true,
	    .state = home->state,
	};
	home_enrol(home, 0, &agent->enrol);
}

/* Whoever is asked about revocation; answers are kept in the state. */
static enum rc
open_status(const struct agent_options *o, const struct home *home,
    const struct names *names, struct networks *networks, struct status **ret,
    struct err *err)
{
	struct status_rules rules = {
	    .fetch = {.names = names, .networks = networks},
	    .state = home->state,
	    .budget = STATUS_BUDGET,
	};

	if (o->wait != NULL)
		TRY(asking_wait(o->wait, &rules.budget, err));

	for (size_t i = 0; i < o->networks.len; i++)
		TRY(networks_add(networks, o->networks.item[i], err));
	return status_new(&rules, ret, err);
}

static enum rc
open_beliefs(const struct home *home, struct buf *path, struct beliefs **ret,
    struct err *err)
{
	struct beliefs_rules rules = {.roots = &home->roots,
	    .resolver = home->resolver,
	    .budget = DNS_BUDGET};

	TRY(home_trust_path(home, path, &rules.path, err));
	return beliefs_new(&rules, ret, err);
}

enum rc
agent_upstream(const struct home *home, struct upstream **ret, struct err *err)
{
	const struct upstream_config config = {
	    &home->account, home->state, home->resolver, &home->signer};

	return upstream_new(&config, ret, err);
}

/* Before its end, and without a word: mail programs believe its CA. */
static enum rc
renew_front(struct home *home, struct err *err)
{
	struct account *account = &home->account;
	bool renewed = false;

	TRY(tls_renew_local(&account->local_cert, buf_span(&account->local_key),
	    clock_now(), &renewed, err));
	return renewed ? account_save(home->state, account, err) : RC_OK;
}

static enum rc
serve(const struct home *home, struct agent *agent, struct err *err)
{
	struct tls *front OWNED(tls_free) = NULL;
	struct upstream *upstream OWNED(upstream_free) = NULL;
	struct spool *spool OWNED(spool_free) = NULL;
	const struct account *account = &home->account;
	struct agent_sockets sockets = {-1, -1, -1, -1};

	TRY(take_sockets(&sockets, err));
	TRY(tls_server_new(buf_span(&account->local_cert),
	    buf_span(&account->local_key), &front, err));
	TRY(agent_upstream(home, &upstream, err));
	TRY(spool_new(home->state, &spool, err));
	agent->front = front;
	agent->upstream = upstream;
	agent->spool = spool;
	return agent_run(agent, &sockets, err);
}

static enum rc
read_limits(const struct agent_options *o, struct agent *agent, struct err *err)
{
	if (o->letter_limit != NULL)
		agent->limits.letter = strtoul(o->letter_limit, NULL, 10);
	if (agent->limits.letter < 1024 || agent->limits.letter > (64U << 20))
		return err_set(err, RC_SYNTAX,
		    "--letter-limit wants bytes, from 1024 to 64 MiB");
	unsigned long every =
	    o->watch != NULL ? strtoul(o->watch, NULL, 10) : SENTRY_EVERY;
	if (every == 0 || every > WATCH_MOST)
		return err_set(err, RC_SYNTAX,
		    "--guard-every wants seconds, from 1 to %d", WATCH_MOST);
	agent->watch_every = (unsigned)every;
	every = o->rest != NULL ? strtoul(o->rest, NULL, 10) : RESTER_EVERY;
	if (every == 0 || every > WATCH_MOST)
		return err_set(err, RC_SYNTAX,
		    "--rest-every wants seconds, from 1 to %d", WATCH_MOST);
	agent->rest_every = (unsigned)every;
	return RC_OK;
}

/* Without an index, searches open every letter. */
static struct index *
open_index(const struct state *state)
{
	struct index *index = NULL;
	struct err why = ERR_NONE;

	if (index_open(state, INDEX_SIZE, &index, &why) != RC_OK)
		log_warning("no search index: %s", why.text);
	return index;
}

/* "open" is said, or it is closed. */
static enum rc
read_scan(const struct agent_options *o, struct clamd_place *place,
    struct reader *reader, struct err *err)
{
	if (o->scan == NULL)
		return o->scan_away == NULL && o->scan_limit == NULL
			   ? RC_OK
			   : err_set(err, RC_SYNTAX,
				 "--scan-away and --scan-limit want --scan");
	place->most = o->scan_limit != NULL ? strtoul(o->scan_limit, NULL, 10)
					    : CLAMD_LETTER_MAX;
	place->timeout = SCAN_WAIT;
	if (place->most < 1024 || place->most > (size_t)1 << 30)
		return err_set(err, RC_SYNTAX,
		    "--scan-limit wants bytes, from 1024 to 1 GiB");
	if (o->scan_away != NULL && strcmp(o->scan_away, "open") != 0 &&
	    strcmp(o->scan_away, "closed") != 0)
		return err_set(
		    err, RC_SYNTAX, "--scan-away wants open or closed");
	place->away_is_fine =
	    o->scan_away != NULL && strcmp(o->scan_away, "open") == 0;
	TRY(clamd_place_parse(o->scan, place, err));
	reader->scanner = place;
	return RC_OK;
}

static enum rc
run_agent(const struct agent_options *o, struct err *err)
{
	struct home home HOME_OWNED;
	struct strlist me STRLIST_OWNED = STRLIST_NONE;
	struct networks networks = {.len = 0};
	struct status *status OWNED(status_free) = NULL;
	struct people *people OWNED(people_free) = NULL;
	struct buf trust_path BUF_OWNED = BUF(4096);
	struct beliefs *beliefs OWNED(beliefs_free) = NULL;
	struct seen *seen OWNED(seen_free) = NULL;
	struct index *index OWNED(index_free) = NULL;
	struct agent agent = {.limits = AGENT_LIMITS};
	struct clamd_place scanner = {.port = 0};

	home_init(&home);
	TRY(read_limits(o, &agent, err));
	TRY(home_open(&home, &o->home, false, err));
	TRY(state_lock(home.state, err));
	TRY(home_load(&home, err));
	TRY(home_prepare(&home, err));
	TRY(check_certificates(&home, err));
	TRY(renew_front(&home, err));
	log_hide_addresses(home.account.address);
	const struct names names = {resolver_find_address, home.resolver};
	TRY(strlist_add_str(&me, home.account.address, err));
	TRY(people_new(home.state, &me, &people, err));
	const struct imitations imitations = people_imitations(people);
	TRY(open_status(o, &home, &names, &networks, &status, err));
	TRY(seen_new(&seen, err));
	agent_fill(&home, &names, &me, &agent);
	agent.people = people;
	agent.reader.imitations = &imitations;
	TRY(language_choose(NULL, &agent.reader.language, err));
	TRY(read_scan(o, &scanner, &agent.reader, err));
	agent.reader.seen = seen;
	agent.reader.status = status_source(status);
	TRY(open_beliefs(&home, &trust_path, &beliefs, err));
	agent.beliefs = beliefs_source(beliefs);
	agent.index = index = open_index(home.state);
	return serve(&home, &agent, err);
}

int
command_agent(int argc, char **argv)
{
	struct agent_options o = {0};
	const struct option options[] = {
	    HOME_OPTIONS(o.home),
	    {"letter-limit", OPTION_TEXT, &o.letter_limit, "BYTES",
		"largest letter that is taken; default 50 MiB", false},
	    {"status-network", OPTION_LIST, &o.networks, "NETWORK",
		"may be asked whether certificates were revoked, though it is "
		"not public (10.1.0.0/16)",
		false},
	    {"status-wait", OPTION_TEXT, &o.wait, "MS",
		"how long a letter may wait to learn whether certificates "
		"were revoked; default 120",
		false},
	    {"guard-every", OPTION_TEXT, &o.watch, "SECONDS",
		"how often to ask the authority what waits for this device; "
		"default 600",
		false},
	    {"rest-every", OPTION_TEXT, &o.rest, "SECONDS",
		"how often to look for letters to seal at rest, or to "
		"restore; default 60",
		false},
	    {"scan", OPTION_TEXT, &o.scan, "SOCKET",
		"virus scanner that looks at what was opened: clamd's Unix "
		"socket, or 127.0.0.1:PORT",
		false},
	    {"scan-away", OPTION_TEXT, &o.scan_away, "open|closed",
		"show letters while nobody answers there; default closed",
		false},
	    {"scan-limit", OPTION_TEXT, &o.scan_limit, "BYTES",
		"largest letter that is scanned; default 25 MiB", false},
	    {0},
	};
	struct err err = ERR_NONE;

	if (command_helps(argc, argv, "agent ...", options))
		return EXIT_YES;
	enum rc rc = options_parse(argc, argv, options, NULL, &err);
	if (rc == RC_OK)
		rc = run_agent(&o, &err);
	strlist_done(&o.networks);
	return rc == RC_OK ? EXIT_YES : command_failed("agent", &err);
}
