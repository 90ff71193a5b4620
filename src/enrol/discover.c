#include "enrol/discover.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "enrol/clientconfig.h"
#include "enrol/pacc.h"
#include "mime/address.h"
#include "net/https.h"

OWNER(struct https, https_free);

struct source;
typedef enum rc ask(struct source *source, struct err *err);
static ask ask_autoconfig, ask_well_known, ask_pacc;

/* One place where settings may be; each is asked by a thread of its own. */
struct source {
	ask *ask;
	const struct account *account;
	const struct resolver *resolver;
	int budget; /* milliseconds */
	struct discovery found;
	enum rc rc;
	struct err err;
	pthread_t thread;
	bool started;
};

/* -- one question -- */

static enum rc
get(const struct source *source, const char *url, struct buf *body,
    struct err *err)
{
	const char *trust = source->account->tls_trust;
	const struct names names = {.find = resolver_find_address,
	    .context = (void *)(uintptr_t)source->resolver};
	const struct https_request request = {
	    .method = "GET", .url = url, .timeout = source->budget};
	struct https_response response = {.body = *body};
	struct https *https OWNED(https_free) = NULL;

	TRY(https_new(trust[0] != '\0' ? trust : NULL, &names, &https, err));
	enum rc rc = https_send(https, &request, &response, err);
	*body = response.body;
	TRY(rc);
	if (response.status == 200)
		return RC_OK;
	if (response.status / 100 == 3)
		return err_set(err, RC_REFUSED,
		    "%s sends elsewhere, where nobody vouches for it", url);
	return err_set(err, RC_ABSENT, "%s: answer %u", url, response.status);
}

static enum rc
read_xml(struct source *source, struct buf *url, struct err *err)
{
	struct buf body BUF_OWNED = BUF(CLIENTCONFIG_MAX);
	const char *text;

	TRY(buf_str(url, &text, err));
	TRY(get(source, text, &body, err));
	enum rc rc = clientconfig_parse(
	    buf_span(&body), source->account->address, &source->found, err);
	return rc == RC_OK ? rc : err_prefix(err, rc, "%s", text);
}

static enum rc
ask_autoconfig(struct source *source, struct err *err)
{
	const char *address = source->account->address;
	struct buf url BUF_OWNED = BUF(4096);

	TRY(buf_add_format(&url, err,
	    "https://autoconfig.%s/mail/config-v1.1.xml?emailaddress=",
	    address_domain(address)));
	TRY(https_escape(span_str(address), &url, err));
	return read_xml(source, &url, err);
}

static enum rc
ask_well_known(struct source *source, struct err *err)
{
	struct buf url BUF_OWNED = BUF(4096);

	TRY(buf_add_format(&url, err,
	    "https://%s/.well-known/autoconfig/mail/config-v1.1.xml",
	    address_domain(source->account->address)));
	return read_xml(source, &url, err);
}

static enum rc
read_pacc(struct source *source, const struct strlist *records, struct err *err)
{
	struct buf body BUF_OWNED = BUF(PACC_MAX);
	char url[512];

	(void)snprintf(url, sizeof(url),
	    "https://ua-auto-config.%s/.well-known/"
	    "user-agent-configuration.json",
	    address_domain(source->account->address));
	TRY(get(source, url, &body, err));
	enum rc rc = pacc_check(records, buf_span(&body), err);
	if (rc == RC_OK)
		rc = pacc_parse(buf_span(&body), &source->found, err);
	return rc == RC_OK ? rc : err_prefix(err, rc, "%s", url);
}

/* The record first: without it the document says nothing. */
static enum rc
ask_pacc(struct source *source, struct err *err)
{
	struct strlist records STRLIST_OWNED = STRLIST_NONE;
	char name[300];

	(void)snprintf(name, sizeof(name), "_ua-auto-config.%s",
	    address_domain(source->account->address));
	TRY(resolver_find_txt_within(
	    source->resolver, name, source->budget, &records, err));
	return read_pacc(source, &records, err);
}

/* -- all at once -- */

static void *
ask_one(void *argument)
{
	struct source *source = argument;

	source->rc = source->ask(source, &source->err);
	return NULL;
}

static void
start(struct source *source)
{
	errno = pthread_create(&source->thread, NULL, ask_one, source);
	source->started = errno == 0;
	if (!source->started)
		source->rc = err_errno(&source->err, "thread");
}

static bool
has_all(const struct account *account)
{
	return account->imap.host[0] != '\0' && account->smtp.host[0] != '\0';
}

static void
use(struct account *account, const struct discovery *found)
{
	if (account->imap.host[0] == '\0')
		account->imap = found->imap;
	if (account->smtp.host[0] == '\0')
		account->smtp = found->smtp;
	if (account->user[0] == '\0')
		memcpy(account->user, found->user, sizeof(account->user));
}

/* Somebody answered, and wrongly: that helps more than "there is nothing". */
static bool
is_telling(enum rc rc)
{
	return rc == RC_UNFIT || rc == RC_SYNTAX || rc == RC_LIMIT ||
	       rc == RC_REFUSED;
}

static enum rc
choose(struct source *sources, size_t count, enum rc srv_rc,
    const struct account *by_srv, struct account *account,
    struct discovery *ret_found, struct err *err)
{
	for (size_t i = 0; i < count; i++)
		if (sources[i].rc == RC_OK) {
			use(account, &sources[i].found);
			*ret_found = sources[i].found;
			return RC_OK;
		}
	if (srv_rc == RC_OK) {
		account->imap = by_srv->imap;
		account->smtp = by_srv->smtp;
		return RC_OK;
	}
	for (size_t i = 0; srv_rc == RC_ABSENT && i < count; i++)
		if (is_telling(sources[i].rc))
			return err_set(err, sources[i].rc,
			    "%s: give the servers with --imap and --smtp",
			    sources[i].err.text);
	return srv_rc;
}

enum rc
discover_run(struct account *account, const struct resolver *resolver,
    int budget, struct discovery *ret_found, struct err *err)
{
	struct source sources[] = {{.ask = ask_autoconfig},
	    {.ask = ask_well_known}, {.ask = ask_pacc}};
	const size_t count = sizeof(sources) / sizeof(sources[0]);
	struct account by_srv = *account; /* shares bufs; only servers change */

	*ret_found = (struct discovery){0};
	if (has_all(account))
		return RC_OK;
	TRY(address_check(span_str(account->address), err));
	for (size_t i = 0; i < count; i++) {
		sources[i].account = account;
		sources[i].resolver = resolver;
		sources[i].budget = budget;
		start(&sources[i]);
	}
	enum rc srv_rc = account_find_servers(&by_srv, resolver, err);
	for (size_t i = 0; i < count; i++)
		if (sources[i].started)
			(void)pthread_join(sources[i].thread, NULL);
	return choose(sources, count, srv_rc, &by_srv, account, ret_found, err);
}
