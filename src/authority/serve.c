#include "authority/serve.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "authority/acme.h"
#include "authority/asker.h"
#include "authority/audit_seal.h"
#include "authority/ca_revoked.h"
#include "authority/certstore.h"
#include "authority/claim_desk.h"
#include "authority/claim_evidence.h"
#include "authority/directory.h"
#include "authority/guard.h"
#include "authority/guard_desk.h"
#include "authority/guard_domain.h"
#include "authority/issued.h"
#include "authority/jobs.h"
#include "authority/ldap.h"
#include "authority/lists.h"
#include "authority/lookup.h"
#include "authority/mailer.h"
#include "authority/metrics.h"
#include "authority/mx.h"
#include "authority/ocsp_service.h"
#include "authority/offer.h"
#include "authority/problem.h"
#include "authority/schema.h"
#include "authority/tsa.h"
#include "authority/web.h"
#include "authority/web_tls.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/log.h"

#define PEM_MAX ((size_t)256 * 1024)
#define ROOT_PATH "/root.pem"

/* Was the TSA's certificate revoked, as the database said a moment ago? */
struct tsa_look {
	int64_t at; /* milliseconds; 0: never asked */
	bool revoked;
};
#define TSA_LOOK_MS 5000

struct service {
	const char *folder;
	struct settings settings;
	struct hierarchy hierarchy;
	struct buf dkim_key;
	struct resolver *resolver;
	struct sql *sql;    /* groups what is written (sql_group()) */
	struct sql *reader; /* sees what is on the disk already */
	struct nonces *nonces;
	struct rate *accounts;
	struct rate *lookups;
	struct mailer *mailer;
	struct asker *asker;
	struct mx *mx;
	struct lists lists;
	struct ocsp_service *ocsp;
	struct certstore *certstore;
	struct page_form_key form_key;
	struct audit_sealer sealer;
	struct tsa_look tsa_look;
	struct job job[JOBS_MAX];
	struct jobs_config jobs_config;
	struct jobs *jobs;
};

#define SERVICE_OWNED __attribute__((cleanup(service_done)))

/* In the order in which they use each other. */
static void
service_done(struct service *service)
{
	jobs_free(service->jobs);
	certstore_free(service->certstore);
	ocsp_service_free(service->ocsp);
	mx_free(service->mx);
	asker_free(service->asker);
	mailer_free(service->mailer);
	rate_free(service->lookups);
	rate_free(service->accounts);
	nonces_free(service->nonces);
	sql_free(service->reader);
	sql_free(service->sql);
	resolver_free(service->resolver);
	buf_done(&service->dkim_key);
	hierarchy_done(&service->hierarchy);
	settings_done(&service->settings);
}

static enum rc
answer_acme(struct service *service, const struct http_request *request,
    struct http_answer *answer, struct err *err)
{
	struct acme acme = {.settings = &service->settings,
	    .hierarchy = &service->hierarchy,
	    .sql = service->sql,
	    .nonces = service->nonces,
	    .accounts = service->accounts};

	return acme_answer(&acme, request, clock_now(), answer, err);
}

static enum rc
answer_lookup(struct service *service, const struct http_request *request,
    struct http_answer *answer, struct err *err)
{
	struct lookup lookup = {.settings = &service->settings,
	    .hierarchy = &service->hierarchy,
	    .sql = service->reader,
	    .rate = service->lookups};

	return lookup_answer(&lookup, request, clock_now(), answer, err);
}

static enum rc
answer_guard(struct service *service, const struct http_request *request,
    struct http_answer *answer, struct err *err)
{
	struct guard_desk desk = {.settings = &service->settings,
	    .key = &service->form_key,
	    .sql = service->sql};

	return guard_desk_answer(&desk, request, clock_now(), answer, err);
}

/* Timestamps need no database but for this, and are made without it too: then
 * what it said last still counts. */
static bool
tsa_is_revoked(struct service *service)
{
	struct tsa_look *look = &service->tsa_look;
	const struct hierarchy *hierarchy = &service->hierarchy;
	int64_t now = clock_ticks();

	if (look->at != 0 && now - look->at < TSA_LOOK_MS)
		return look->revoked;
	look->at = now;
	(void)ca_revoked_check(service->sql, hierarchy->tsa,
	    cert_x509(hierarchy->tsa_chain.item[0]), &look->revoked, NULL);
	return look->revoked;
}

static enum rc
answer_identities(struct service *service, const struct http_request *request,
    struct http_answer *answer, struct err *err)
{
	struct claim_desk desk = {.settings = &service->settings,
	    .key = &service->form_key,
	    .sql = service->sql};

	return claim_desk_answer(&desk, request, clock_now(), answer, err);
}

static enum rc
answer_tsa(struct service *service, const struct http_request *request,
    struct http_answer *answer, struct err *err)
{
	if (tsa_is_revoked(service))
		return tsa_answer_revoked(request, answer, err);
	return tsa_answer(&service->hierarchy, request,
	    tsa_now(&service->settings), answer, err);
}

/* For people who set up a reader: they compare it with one that came another
 * way before they trust it. */
static enum rc
answer_root(struct service *service, const struct http_request *request,
    struct http_answer *answer, struct err *err)
{
	struct buf pem BUF_OWNED = BUF(PEM_MAX);

	TRY(hierarchy_print(service->hierarchy.root, &pem, err));
	return http_answer_set(
	    answer, 200, "application/x-pem-file", buf_span(&pem), err);
}

static struct offer
offer_of(const struct service *service)
{
	return (struct offer){.folder = service->folder,
	    .hierarchy = &service->hierarchy,
	    .sql = service->reader};
}

static enum rc
answer_list(struct service *service, const struct http_request *request,
    struct http_answer *answer, struct err *err)
{
	struct offer offer = offer_of(service);

	return offer_list(&offer, request, answer, err);
}

static enum rc
answer_ca(struct service *service, const struct http_request *request,
    struct http_answer *answer, struct err *err)
{
	struct offer offer = offer_of(service);

	return offer_ca(&offer, request, answer, err);
}

static enum rc
answer_ocsp(struct service *service, const struct http_request *request,
    struct http_answer *answer, struct err *err)
{
	return ocsp_service_answer(
	    service->ocsp, service->reader, request, clock_now(), answer, err);
}

static enum rc
answer_certstore(struct service *service, const struct http_request *request,
    struct http_answer *answer, struct err *err)
{
	return certstore_answer(
	    service->certstore, request, clock_now(), answer, err);
}

static enum rc
answer_certstore_list(struct service *service,
    const struct http_request *request, struct http_answer *answer,
    struct err *err)
{
	return certstore_answer_list(service->certstore, request, answer, err);
}

/* What is served where; a path that ends in "/" is a beginning.  Without TLS
 * only what is signed itself, and asks nothing of anybody; to people with
 * certificates only what is for them, and that to nobody else. */
enum door { DOOR_TLS, DOOR_ANY, DOOR_DESK };

static const struct {
	const char *path;
	enum door door;
	enum rc (*answer)(struct service *service,
	    const struct http_request *request, struct http_answer *answer,
	    struct err *err);
} services[] = {
    {ACME_PATH, DOOR_TLS, answer_acme},
    {LOOKUP_PATH, DOOR_TLS, answer_lookup},
    {GUARD_DESK_PATH, DOOR_DESK, answer_guard},
    {CLAIM_DESK_PATH, DOOR_DESK, answer_identities},
    {TSA_PATH, DOOR_ANY, answer_tsa},
    {ROOT_PATH, DOOR_TLS, answer_root},
    {PUBLISHED_CRL, DOOR_ANY, answer_list},
    {PUBLISHED_CA, DOOR_ANY, answer_ca},
    {PUBLISHED_OCSP, DOOR_ANY, answer_ocsp},
    {PUBLISHED_OCSP "/", DOOR_ANY, answer_ocsp},
    {CERTSTORE_PATH, DOOR_ANY, answer_certstore},
    {CERTSTORE_LISTS_PATH, DOOR_ANY, answer_certstore_list},
};
#define SERVICES (sizeof(services) / sizeof(services[0]))

static bool
is_at(const char *path, const char *where)
{
	size_t len = strlen(where);

	return where[len - 1] == '/' ? strncmp(path, where, len) == 0
				     : strcmp(path, where) == 0;
}

static bool
is_let_in(const struct http_request *request, enum door door)
{
	if (request->desk || door == DOOR_DESK)
		return request->desk && door == DOOR_DESK;
	return !request->plain || door == DOOR_ANY;
}

static void
count(const struct http_request *request, const struct http_answer *answer)
{
	metrics_count(metrics_of_path(request->path), answer->status < 400);
}

/* At a place of its own: how busy an authority is is its operator's business.
 */
static enum rc
answer_metrics(const struct service *service,
    const struct http_request *request, struct http_answer *answer,
    struct err *err)
{
	struct buf text BUF_OWNED = BUF_SMALL;

	if (strcmp(request->path, METRICS_PATH) != 0)
		return problem_set(answer, PROBLEM_NOT_FOUND, err,
		    "there is nothing here but " METRICS_PATH);
	TRY(metrics_print(
	    &service->hierarchy, service->folder, clock_now(), &text, err));
	return http_answer_set(answer, 200, METRICS_TYPE, buf_span(&text), err);
}

static void
answer_request(void *context, const struct http_request *request,
    struct http_answer *answer)
{
	struct service *service = context;
	struct err err = ERR_NONE;

	if (request->metrics) {
		problem_settle(answer,
		    answer_metrics(service, request, answer, &err), request,
		    &err);
		return;
	}
	for (size_t i = 0; i < SERVICES; i++) {
		if (!is_at(request->path, services[i].path) ||
		    !is_let_in(request, services[i].door))
			continue;
		enum rc rc = services[i].answer(service, request, answer, &err);
		problem_settle(answer, rc, request, &err);
		count(request, answer);
		return;
	}
	problem_settle(answer,
	    problem_set(answer, PROBLEM_NOT_FOUND, &err,
		"there is nothing here: begin with /acme/directory"),
	    request, &err);
	count(request, answer);
}

static bool
is_waiting(void *context)
{
	const struct service *service = context;

	return sql_group_is_open(service->sql);
}

static bool
settle(void *context)
{
	struct service *service = context;
	struct err err = ERR_NONE;
	enum rc rc = sql_group_commit(service->sql, &err);

	if (rc != RC_OK)
		log_error("%s", err.text);
	return rc == RC_OK;
}

/* Its nonce is good: those are not in the transaction. */
static void
lose(void *context, struct http_answer *answer)
{
	problem_later(answer);
}

static void
wake_workers(void *context)
{
	struct service *service = context;

	mailer_wake(service->mailer);
	asker_wake(service->asker);
}

static enum rc
read_named(const char *what, const char *path, struct buf *out, struct err *err)
{
	enum rc rc = file_read(path, out, err);

	return rc == RC_OK ? rc : err_prefix(err, rc, "%s", what);
}

static enum rc
load(struct service *service, struct err *err)
{
	struct keys_secrets secrets KEYS_SECRETS_OWNED = {0};
	struct keys keys;

	settings_init(&service->settings);
	TRY(settings_load(service->folder, &service->settings, err));
	TRY(keys_open(
	    service->folder, &service->settings, &secrets, &keys, err));
	TRY(hierarchy_load(&keys, &service->hierarchy, err));
	return read_named(
	    "dkim_key", service->settings.dkim_key, &service->dkim_key, err);
}

static enum rc
start_resolver(struct service *service, struct err *err)
{
	struct resolver_config config = {.server = service->settings.dns,
	    .anchors = service->settings.dns_anchors};

	return resolver_new(&config, &service->resolver, err);
}

static enum rc
start_mail(struct service *service, struct err *err)
{
	struct mailer_config mailer = {.settings = &service->settings,
	    .folder = service->folder,
	    .resolver = service->resolver,
	    .dkim_key = buf_span(&service->dkim_key)};
	struct mx_config mx = {.settings = &service->settings,
	    .folder = service->folder,
	    .resolver = service->resolver};
	const struct asker_config asker = {.settings = &service->settings,
	    .folder = service->folder,
	    .resolver = service->resolver};

	TRY(mailer_new(&mailer, &service->mailer, err));
	TRY(asker_new(&asker, &service->asker, err));
	return mx_new(&mx, &service->mx, err);
}

static enum rc
init_status(struct service *service, struct err *err)
{
	service->lists =
	    (struct lists){&service->settings, &service->hierarchy};
	return ocsp_service_new(
	    &service->settings, &service->hierarchy, &service->ocsp, err);
}

static enum rc
init_certstore(struct service *service, struct err *err)
{
	struct certstore_config config = {.folder = service->folder,
	    .settings = &service->settings,
	    .hierarchy = &service->hierarchy,
	    .sql = service->reader,
	    .rate = service->lookups};

	TRY(directory_adopt(service->sql, err));
	return certstore_new(&config, &service->certstore, err);
}

static int64_t
sealing_time(void *context)
{
	const struct service *service = context;

	return tsa_now(&service->settings);
}

/* What is done again and again, by one of all processes (authority/jobs.h). */
static enum rc
start_jobs(struct service *service, struct err *err)
{
	const struct job table[] = {
	    {"nonces", 600, nonces_forget, NULL},
	    {"guard", 60, guard_expire, NULL},
	    {GUARD_DOMAIN_JOB, GUARD_DOMAIN_JOB_EVERY, guard_domain_look,
		&service->settings},
	    {"identity", 3600, claim_forget, NULL},
	    {"audit", service->settings.audit_seal_every, audit_seal,
		&service->sealer},
	    {LISTS_JOB, LISTS_EVERY, lists_publish, &service->lists},
	    {OCSP_SERVICE_JOB, OCSP_SERVICE_EVERY, ocsp_service_presign,
		service->ocsp},
	};
	const size_t len = sizeof(table) / sizeof(table[0]);

	_Static_assert(sizeof(table) <= sizeof(service->job), "too many jobs");
	memcpy(service->job, table, sizeof(table));
	service->sealer = (struct audit_sealer){.folder = service->folder,
	    .stamper = tsa_stamper(&service->hierarchy),
	    .time = sealing_time,
	    .context = service};
	service->jobs_config = (struct jobs_config){.folder = service->folder,
	    .settings = &service->settings,
	    .job = service->job,
	    .len = len};
	return jobs_new(&service->jobs_config, &service->jobs, err);
}

/* As many connections as the settings allow, if the system does. */
static void
raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* Threads inherit this: signals come to the event loop only. */
static void
quiet_signals(bool quiet)
{
	sigset_t set;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)pthread_sigmask(quiet ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

static enum rc
start(struct service *service, struct err *err)
{
	const struct settings *settings = &service->settings;

	TRY(load(service, err));
	TRY(start_resolver(service, err));
	TRY(schema_open(service->folder, settings, &service->sql, err));
	TRY(schema_open(service->folder, settings, &service->reader, err));
	TRY(issued_adopt(service->sql, service->hierarchy.issuing[0].id, err));
	TRY(nonces_new(service->sql, &service->nonces, err));
	TRY(page_form_key(service->sql, &service->form_key, err));
	TRY(rate_new(
	    settings->accounts_per_hour, 3600, &service->accounts, err));
	TRY(rate_new(settings->lookups_per_minute, 60, &service->lookups, err));
	TRY(init_status(service, err));
	TRY(init_certstore(service, err));
	quiet_signals(true);
	enum rc rc = start_mail(service, err);
	if (rc == RC_OK)
		rc = start_jobs(service, err);
	quiet_signals(false);
	return rc;
}

OWNER(SSL_CTX, SSL_CTX_free);

/* One of the two places where it listens; NULL: not there. */
static enum rc
start_ldap(struct service *service, const char *place, SSL_CTX *tls,
    struct event_base *base, struct ldap **ret, struct err *err)
{
	if (place == NULL)
		return RC_OK;
	struct ldap_config config = {.place = place,
	    .connections = service->settings.ldap_connections,
	    .tls = tls,
	    .tls_first = place == service->settings.ldaps_listen,
	    .service = {.settings = &service->settings,
		.hierarchy = &service->hierarchy,
		.sql = service->reader,
		.rate = service->lookups}};
	return ldap_new(base, &config, ret, err);
}

static enum rc
serve_web(struct service *service, struct err *err)
{
	struct buf certificate BUF_OWNED = BUF(PEM_MAX);
	struct buf key BUF_OWNED = BUF_SECRET(PEM_MAX);
	struct web *web OWNED(web_free) = NULL;
	SSL_CTX *tls OWNED(SSL_CTX_free) = NULL;
	struct ldap *ldap OWNED(ldap_free) = NULL;
	struct ldap *ldaps OWNED(ldap_free) = NULL;

	TRY(read_named("tls_certificate", service->settings.tls_certificate,
	    &certificate, err));
	TRY(read_named("tls_key", service->settings.tls_key, &key, err));
	struct web_config config = {.place = service->settings.listen,
	    .certificate_pem = buf_span(&certificate),
	    .key_pem = buf_span(&key),
	    .connections = service->settings.connections,
	    .desk_place = service->settings.desk_listen,
	    .plain_place = service->settings.http_listen,
	    .plain_connections = service->settings.http_connections,
	    .metrics_place = service->settings.metrics_listen,
	    .answer = answer_request,
	    .waits = is_waiting,
	    .settle = settle,
	    .lose = lose,
	    .sent = wake_workers,
	    .context = service};
	sql_group(service->sql);
	TRY(web_new(&config, &web, err));
	/* LDAP has the certificate of the HTTPS server: it is the same host */
	TRY(web_tls_new(config.certificate_pem, config.key_pem, &tls, err));
	TRY(start_ldap(service, service->settings.ldap_listen, tls,
	    web_base(web), &ldap, err));
	TRY(start_ldap(service, service->settings.ldaps_listen, tls,
	    web_base(web), &ldaps, err));
	log_info("ready: %s, mail on %s", service->settings.listen,
	    service->settings.mx_listen);
	return web_run(web, err);
}

enum rc
serve(const char *folder, struct err *err)
{
	struct service service SERVICE_OWNED = {
	    .folder = folder, .dkim_key = BUF_SECRET(PEM_MAX)};

	raise_limits();
	TRY(start(&service, err));
	TRY(serve_web(&service, err));
	log_info("stopped");
	return RC_OK;
}
