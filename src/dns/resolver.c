#include "dns/resolver.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <unbound.h>

#include "dns/resolver_priv.h"
#include "os/random.h"

#define CLASS_IN 1
#define TYPE_A 1
#define TYPE_TXT 16
#define TYPE_AAAA 28
#define TYPE_SRV 33

#define RCODE_NOERROR 0
#define RCODE_NXDOMAIN 3

#define RECORDS_MAX 64
#define TXT_MAX ((size_t)64 * 1024)
#define WAITED_MAX 8 /* questions that nobody waits for any more */

struct resolver {
	struct ub_ctx *context;
	/* Questions that are asked by a thread of their own. */
	pthread_mutex_t lock;
	pthread_cond_t fewer; /* one of them is over */
	unsigned asking;
};

OWNER(struct ub_result, ub_resolve_free);

/* What Debian's dns-root-data and unbound keep there. */
static const char *const root_anchors[] = {
    "/var/lib/unbound/root.key",
    "/usr/share/dns/root.key",
};

static const struct {
	const char *name;
	const char *value;
} options[] = {
    /* A forwarder on this machine is as good as another. */
    {"do-not-query-localhost:", "no"},
    /* A server that is down must fail in seconds, not minutes; and be
	 * asked again at once when it is back. */
    {"infra-cache-max-rtt:", "1000"},
    {"outbound-msg-retry:", "3"},
    {"infra-keep-probing:", "yes"},
    {"infra-host-ttl:", "5"},
    {"val-bogus-ttl:", "5"},
    {"cache-max-negative-ttl:", "60"},
};

void
resolver_free(struct resolver *resolver)
{
	if (resolver == NULL)
		return;
	pthread_mutex_lock(&resolver->lock);
	while (resolver->asking > 0)
		pthread_cond_wait(&resolver->fewer, &resolver->lock);
	pthread_mutex_unlock(&resolver->lock);
	if (resolver->context != NULL)
		ub_ctx_delete(resolver->context);
	pthread_cond_destroy(&resolver->fewer);
	pthread_mutex_destroy(&resolver->lock);
	free(resolver);
}

static enum rc
set_option(struct ub_ctx *context, const char *name, const char *value,
    struct err *err)
{
	/* The library's prototype forgets the const. */
	int bad = ub_ctx_set_option(context, (char *)name, (char *)value);

	if (bad != 0)
		return err_set(err, RC_UNFIT, "resolver: %s %s: %s", name,
		    value, ub_strerror(bad));
	return RC_OK;
}

static enum rc
set_server(struct ub_ctx *context, const char *server, struct err *err)
{
	int bad;

	if (server == NULL) {
		(void)ub_ctx_hosts(context, NULL);
		bad = ub_ctx_resolvconf(context, NULL);
		if (bad != 0)
			return err_set(err, RC_IO, "/etc/resolv.conf: %s",
			    ub_strerror(bad));
		return RC_OK;
	}
	/* The library knows by itself that nothing is below "test"; only the
	 * server we were told of may say so. */
	TRY(set_option(context, "local-zone:", "test. transparent", err));
	bad = ub_ctx_set_fwd(context, server);
	if (bad != 0)
		return err_set(err, RC_SYNTAX,
		    "\"%.80s\" names no DNS server (ADDRESS@PORT): %s", server,
		    ub_strerror(bad));
	return RC_OK;
}

static enum rc
set_anchors(struct ub_ctx *context, const char *anchors, struct err *err)
{
	const char *file = anchors;
	size_t count = sizeof(root_anchors) / sizeof(root_anchors[0]);

	for (size_t i = 0; file == NULL && i < count; i++)
		if (access(root_anchors[i], R_OK) == 0)
			file = root_anchors[i];
	if (file == NULL)
		return RC_OK;
	/* The library reads it at the first question only, and would say
	 * nothing of what is wrong. */
	if (access(file, R_OK) != 0)
		return err_errno(err, "DNSSEC trust anchors %s", file);
	int bad = ub_ctx_add_ta_file(context, file);
	if (bad != 0)
		return err_set(err, RC_IO, "DNSSEC trust anchors %s: %s", file,
		    ub_strerror(bad));
	return RC_OK;
}

enum rc
resolver_new(const struct resolver_config *config, struct resolver **ret,
    struct err *err)
{
	struct resolver *resolver OWNED(resolver_free) =
	    calloc(1, sizeof(*resolver));

	if (resolver == NULL)
		return err_nomem(err, "making the resolver");
	pthread_mutex_init(&resolver->lock, NULL);
	pthread_cond_init(&resolver->fewer, NULL);
	resolver->context = ub_ctx_create();
	if (resolver->context == NULL)
		return err_nomem(err, "making the resolver");
	(void)ub_ctx_debugout(resolver->context, NULL);
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		TRY(set_option(
		    resolver->context, options[i].name, options[i].value, err));
	TRY(set_server(resolver->context, config->server, err));
	TRY(set_anchors(resolver->context, config->anchors, err));
	*ret = take(resolver);
	return RC_OK;
}

/* -- one question -- */

static enum rc
check_name(const char *name, struct err *err)
{
	size_t len = strlen(name);

	if (len == 0 || len > 253 || name[0] == '.' ||
	    strstr(name, "..") != NULL)
		return err_set(
		    err, RC_SYNTAX, "\"%.80s\" is no domain name", name);
	for (size_t i = 0; i < len; i++)
		if (name[i] <= ' ' || name[i] > '~' || name[i] == '\\')
			return err_set(err, RC_SYNTAX,
			    "\"%.80s\" is no domain name", name);
	return RC_OK;
}

static enum rc
check_result(const char *name, const struct ub_result *result, struct err *err)
{
	if (result->bogus)
		return err_set(err, RC_CRYPTO,
		    "DNS: the answer for %s is forged (DNSSEC)", name);
	if (result->rcode != RCODE_NOERROR && result->rcode != RCODE_NXDOMAIN)
		return err_set(err, RC_IO, "DNS: no answer for %s (code %d)",
		    name, result->rcode);
	if (!result->havedata)
		return err_set(err, RC_ABSENT, "DNS: there is no %s", name);
	return RC_OK;
}

static enum rc
ask(const struct resolver *resolver, const char *name, int type,
    struct ub_result **ret, struct err *err)
{
	struct ub_result *result OWNED(ub_resolve_free) = NULL;

	TRY(check_name(name, err));
	int bad = ub_resolve(resolver->context, name, type, CLASS_IN, &result);
	if (bad == UB_NOMEM)
		return err_nomem(err, "asking the DNS");
	if (bad != 0)
		return err_set(
		    err, RC_IO, "DNS: %s: %s", name, ub_strerror(bad));
	TRY(check_result(name, result, err));
	*ret = take(result);
	return RC_OK;
}

/* Lends the data of record `i`; false behind the last. */
static bool
get_record(const struct ub_result *result, size_t i, struct span *ret)
{
	if (i >= RECORDS_MAX || result->data[i] == NULL)
		return false;
	*ret = span_of(result->data[i], (size_t)result->len[i]);
	return true;
}

/* -- addresses -- */

static enum rc
find_addresses(const struct resolver *resolver, const char *host, int type,
    struct strlist *ret, struct err *err)
{
	struct ub_result *result OWNED(ub_resolve_free) = NULL;
	int family = type == TYPE_A ? AF_INET : AF_INET6;
	size_t want = type == TYPE_A ? 4 : 16;
	struct span data = SPAN_NONE;

	TRY(ask(resolver, host, type, &result, err));
	for (size_t i = 0; get_record(result, i, &data); i++) {
		char text[INET6_ADDRSTRLEN];
		if (data.len != want ||
		    inet_ntop(family, data.data, text, sizeof(text)) == NULL)
			return err_set(err, RC_SYNTAX,
			    "DNS: a broken address record of %s", host);
		TRY(strlist_add_str(ret, text, err));
	}
	return RC_OK;
}

static bool
is_literal(const char *host)
{
	struct in6_addr address;

	return inet_pton(AF_INET, host, &address) == 1 ||
	       inet_pton(AF_INET6, host, &address) == 1;
}

enum rc
resolver_find_address(
    void *resolver, const char *host, struct strlist *ret, struct err *err)
{
	struct err err4 = ERR_NONE;
	struct err err6 = ERR_NONE;

	if (is_literal(host))
		return strlist_add_str(ret, host, err);

	enum rc rc4 = find_addresses(resolver, host, TYPE_A, ret, &err4);
	enum rc rc6 = find_addresses(resolver, host, TYPE_AAAA, ret, &err6);
	if (rc4 == RC_OK || rc6 == RC_OK)
		return RC_OK;
	/* "There is none" is only true if both say so. */
	if (rc4 != RC_ABSENT)
		return err_set(err, rc4, "%s", err4.text);
	if (rc6 != RC_ABSENT)
		return err_set(err, rc6, "%s", err6.text);
	return err_set(err, RC_ABSENT, "DNS: %s has no address", host);
}

/* -- services -- */

static bool
is_host_byte(uint8_t byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
	       (byte >= '0' && byte <= '9') || byte == '-' || byte == '_';
}

/* RFC 2782: the target is not compressed.  The root is "". */
static enum rc
parse_host(struct span wire, char ret[256], struct err *err)
{
	char host[256] = "";
	size_t len = 0;

	for (;;) {
		if (wire.len == 0 || wire.data[0] > 63 ||
		    wire.len < (size_t)wire.data[0] + 1)
			break;
		size_t label = wire.data[0];
		if (label == 0 && wire.len == 1) {
			memcpy(ret, host, sizeof(host));
			return RC_OK;
		}
		if (label == 0 || len + label + 2 > sizeof(host))
			break;
		if (len != 0)
			host[len++] = '.';
		for (size_t i = 1; i <= label; i++) {
			if (!is_host_byte(wire.data[i]))
				return err_set(err, RC_SYNTAX,
				    "DNS: an SRV record names no host");
			host[len++] = (char)wire.data[i];
		}
		host[len] = '\0';
		wire = span_after(wire, label + 1);
	}
	return err_set(err, RC_SYNTAX, "DNS: a broken SRV record");
}

static uint16_t
get_u16(struct span data, size_t at)
{
	return (uint16_t)(data.data[at] << 8 | data.data[at + 1]);
}

enum rc
srv_parse(struct span data, struct srv_record *ret, struct err *err)
{
	struct srv_record record = {0};

	if (data.len < 7)
		return err_set(err, RC_SYNTAX, "DNS: a broken SRV record");
	record.priority = get_u16(data, 0);
	record.weight = get_u16(data, 2);
	record.srv.port = get_u16(data, 4);
	TRY(parse_host(span_after(data, 6), record.srv.host, err));
	*ret = record;
	return RC_OK;
}

const struct srv_record *
srv_choose(const struct srv_record *records, size_t count, uint32_t dice)
{
	uint16_t best = UINT16_MAX;
	uint32_t sum = 0;
	const struct srv_record *last = records;

	for (size_t i = 0; i < count; i++)
		if (records[i].priority < best)
			best = records[i].priority;
	for (size_t i = 0; i < count; i++)
		if (records[i].priority == best)
			sum += records[i].weight + 1u;

	uint32_t left = sum == 0 ? 0 : dice % sum;
	for (size_t i = 0; i < count; i++) {
		if (records[i].priority != best)
			continue;
		last = &records[i];
		if (left <= records[i].weight)
			return last;
		left -= records[i].weight + 1u;
	}
	return last;
}

enum rc
resolver_find_srv(const struct resolver *resolver, const char *name,
    struct srv *ret, bool *ret_secure, struct err *err)
{
	struct ub_result *result OWNED(ub_resolve_free) = NULL;
	struct srv_record records[RECORDS_MAX];
	size_t count = 0;
	uint32_t dice = 0;
	struct span data = SPAN_NONE;

	TRY(ask(resolver, name, TYPE_SRV, &result, err));
	for (size_t i = 0; get_record(result, i, &data); i++)
		TRY(srv_parse(data, &records[count++], err));
	if (count == 0)
		return err_set(err, RC_ABSENT, "DNS: there is no %s", name);
	random_fill(&dice, sizeof(dice));
	const struct srv_record *best = srv_choose(records, count, dice);
	if (best->srv.host[0] == '\0' || best->srv.port == 0)
		return err_set(err, RC_ABSENT, "DNS: %s is not offered", name);
	*ret = best->srv;
	*ret_secure = result->secure != 0;
	return RC_OK;
}

/* -- texts -- */

enum rc
txt_parse(struct span data, struct buf *out, struct err *err)
{
	size_t before = out->len;

	while (data.len != 0) {
		size_t len = data.data[0];
		if (data.len < len + 1) {
			buf_cut(out, before);
			return err_set(
			    err, RC_SYNTAX, "DNS: a broken TXT record");
		}
		enum rc rc =
		    buf_add(out, span_first(span_after(data, 1), len), err);
		if (rc != RC_OK) {
			buf_cut(out, before);
			return rc;
		}
		data = span_after(data, len + 1);
	}
	return RC_OK;
}

enum rc
resolver_find_txt(const struct resolver *resolver, const char *name,
    struct strlist *ret, bool *ret_secure, struct err *err)
{
	struct ub_result *result OWNED(ub_resolve_free) = NULL;
	struct strlist texts STRLIST_OWNED = STRLIST_NONE;
	struct span data = SPAN_NONE;

	TRY(ask(resolver, name, TYPE_TXT, &result, err));
	for (size_t i = 0; get_record(result, i, &data); i++) {
		struct buf text BUF_OWNED = BUF(TXT_MAX);
		TRY(txt_parse(data, &text, err));
		TRY(strlist_add(&texts, buf_span(&text), err));
	}
	for (size_t i = 0; i < texts.len; i++)
		TRY(strlist_add_str(ret, texts.item[i], err));
	*ret_secure = result->secure != 0;
	return RC_OK;
}

/* -- anything -- */

static enum rc
add_record(struct span data, struct buf *out, struct err *err)
{
	if (data.len > UINT16_MAX)
		return err_set(err, RC_SYNTAX, "DNS: a broken record");
	TRY(buf_add_byte(out, (uint8_t)(data.len >> 8), err));
	TRY(buf_add_byte(out, (uint8_t)data.len, err));
	return buf_add(out, data, err);
}

/* Of more than we read, the one that decides could be left out. */
static enum rc
check_count(const struct ub_result *result, const char *name, struct err *err)
{
	for (size_t i = 0; i < RECORDS_MAX; i++)
		if (result->data[i] == NULL)
			return RC_OK;
	if (result->data[RECORDS_MAX] == NULL)
		return RC_OK;
	return err_set(err, RC_LIMIT, "DNS: more than %d records of %s",
	    RECORDS_MAX, name);
}

enum rc
resolver_find_data(const struct resolver *resolver, const char *name, int type,
    struct buf *ret, struct err *err)
{
	struct ub_result *result OWNED(ub_resolve_free) = NULL;
	struct span data = SPAN_NONE;
	size_t before = ret->len;
	enum rc rc = RC_OK;

	TRY(ask(resolver, name, type, &result, err));
	TRY(check_count(result, name, err));
	for (size_t i = 0; rc == RC_OK && get_record(result, i, &data); i++)
		rc = add_record(data, ret, err);
	if (rc != RC_OK)
		buf_cut(ret, before);
	return rc;
}

/* -- for a time -- */

/* A question, the thread that asks it, and who waits for it: the last one of
 * the two that lets go frees it.  Under the resolver's lock. */
struct errand {
	struct resolver *resolver;
	char name[256];
	pthread_cond_t done;
	bool over, alone; /* answered; nobody waits any more */
	enum rc rc;
	struct strlist texts;
	struct err err;
};

static void
errand_free(struct errand *errand)
{
	pthread_cond_destroy(&errand->done);
	strlist_done(&errand->texts);
	free(errand);
}

OWNER(struct errand, errand_free);

static void *
run_errand(void *argument)
{
	struct errand *errand = argument;
	struct resolver *resolver = errand->resolver;
	bool secure = false;

	enum rc rc = resolver_find_txt(
	    resolver, errand->name, &errand->texts, &secure, &errand->err);
	pthread_mutex_lock(&resolver->lock);
	errand->rc = rc;
	errand->over = true;
	bool alone = errand->alone;
	pthread_cond_signal(&errand->done);
	if (alone)
		errand_free(errand);
	resolver->asking--;
	pthread_cond_broadcast(&resolver->fewer);
	pthread_mutex_unlock(&resolver->lock);
	return NULL;
}

static enum rc
errand_new(struct resolver *resolver, const char *name, struct errand **ret,
    struct err *err)
{
	pthread_condattr_t attributes;
	struct errand *errand = calloc(1, sizeof(*errand));

	if (errand == NULL)
		return err_nomem(err, "asking the DNS");
	errand->resolver = resolver;
	(void)snprintf(errand->name, sizeof(errand->name), "%s", name);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&errand->done, &attributes);
	pthread_condattr_destroy(&attributes);
	*ret = errand;
	return RC_OK;
}

static enum rc
send_errand(struct errand *errand, struct err *err)
{
	struct resolver *resolver = errand->resolver;
	pthread_t thread;

	if (resolver->asking >= WAITED_MAX)
		return err_set(err, RC_IO, "the DNS does not answer");
	if (pthread_create(&thread, NULL, run_errand, errand) != 0)
		return err_nomem(err, "asking the DNS");
	(void)pthread_detach(thread);
	resolver->asking++;
	return RC_OK;
}

static bool
wait_for_errand(struct errand *errand, int milliseconds)
{
	struct timespec until;
	int bad = 0;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += milliseconds / 1000;
	until.tv_nsec += (long)(milliseconds % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	while (!errand->over && bad == 0)
		bad = pthread_cond_timedwait(
		    &errand->done, &errand->resolver->lock, &until);
	return errand->over;
}

static enum rc
take_answer(struct errand *errand, struct strlist *ret, struct err *err)
{
	if (errand->rc != RC_OK)
		return err_set(err, errand->rc, "%s", errand->err.text);
	for (size_t i = 0; i < errand->texts.len; i++)
		TRY(strlist_add_str(ret, errand->texts.item[i], err));
	return RC_OK;
}

enum rc
resolver_find_txt_within(const struct resolver *constant, const char *name,
    int milliseconds, struct strlist *ret, struct err *err)
{
	/* what changes in it is under its lock */
	struct resolver *resolver = (struct resolver *)(uintptr_t)constant;
	struct errand *errand OWNED(errand_free) = NULL;

	TRY(check_name(name, err));
	TRY(errand_new(resolver, name, &errand, err));
	pthread_mutex_lock(&resolver->lock);
	enum rc rc = send_errand(errand, err);
	bool over = rc == RC_OK && wait_for_errand(errand, milliseconds);
	if (rc == RC_OK && !over) {
		errand->alone = true;
		(void)take(errand);
	}
	pthread_mutex_unlock(&resolver->lock);
	TRY(rc);
	if (!over)
		return err_set(
		    err, RC_IO, "DNS: no answer for %s in time", name);
	return take_answer(errand, ret, err);
}
