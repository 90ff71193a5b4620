#include "authority/metrics.h"

#include <stdatomic.h>
#include <string.h>

#include <openssl/asn1.h>
#include <sys/resource.h>

#include "authority/crl_make.h"
#include "authority/lists.h"
#include "pki/crypto.h"

OWNER(X509_CRL, X509_CRL_free);

static const char *const names[METRICS_WHATS] = {
    [METRICS_ACME_ACCOUNT] = "acme-account",
    [METRICS_ACME_ORDER] = "acme-order",
    [METRICS_ACME_AUTHORIZATION] = "acme-authorization",
    [METRICS_ACME_CHALLENGE] = "acme-challenge",
    [METRICS_ACME_FINALIZE] = "acme-finalize",
    [METRICS_ACME_CERTIFICATE] = "acme-certificate",
    [METRICS_ACME_REVOKE] = "acme-revoke",
    [METRICS_ACME_OTHER] = "acme-other",
    [METRICS_MAIL_SENT] = "mail-sent",
    [METRICS_MAIL_ANSWER] = "mail-answer",
    [METRICS_LOOKUP] = "lookup",
    [METRICS_CERTIFICATES] = "certificates",
    [METRICS_LDAP] = "ldap",
    [METRICS_OCSP] = "ocsp",
    [METRICS_CRL] = "crl",
    [METRICS_CA] = "ca",
    [METRICS_TSA] = "tsa",
    [METRICS_OTHER] = "other",
};

/* The first that the path begins with. */
static const struct {
	const char *path;
	enum metrics_what what;
} paths[] = {
    {"/acme/new-account", METRICS_ACME_ACCOUNT},
    {"/acme/account/", METRICS_ACME_ACCOUNT},
    {"/acme/new-order", METRICS_ACME_ORDER},
    {"/acme/order/", METRICS_ACME_ORDER},
    {"/acme/authz/", METRICS_ACME_AUTHORIZATION},
    {"/acme/challenge/", METRICS_ACME_CHALLENGE},
    {"/acme/finalize/", METRICS_ACME_FINALIZE},
    {"/acme/certificate/", METRICS_ACME_CERTIFICATE},
    {"/acme/revoke-cert", METRICS_ACME_REVOKE},
    {"/acme/", METRICS_ACME_OTHER},
    {"/directory/", METRICS_LOOKUP},
    {"/certificates/", METRICS_CERTIFICATES},
    {"/crls/", METRICS_CRL},
    {"/ocsp", METRICS_OCSP},
    {"/crl/", METRICS_CRL},
    {"/ca/", METRICS_CA},
    {"/root.pem", METRICS_CA},
    {"/tsa", METRICS_TSA},
};

enum metrics_what
metrics_of_path(const char *path)
{
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (strncmp(path, paths[i].path, strlen(paths[i].path)) == 0)
			return paths[i].what;
	return METRICS_OTHER;
}

/* [0]: refused or failed, [1]: done */
static _Atomic uint64_t counts[METRICS_WHATS][2];

void
metrics_count(enum metrics_what what, bool ok)
{
	atomic_fetch_add_explicit(
	    &counts[what][ok ? 1 : 0], 1, memory_order_relaxed);
}

/* Also those that are 0: whoever draws a line wants it from the start. */
static enum rc
print_requests(struct buf *out, struct err *err)
{
	static const char *const results[] = {"refused", "ok"};

	TRY(buf_add_str(out,
	    "# HELP letterlock_requests_total Requests, by what they asked "
	    "for and how it ended.\n"
	    "# TYPE letterlock_requests_total counter\n",
	    err));
	for (size_t i = 0; i < (size_t)METRICS_WHATS * 2; i++)
		TRY(buf_add_format(out, err,
		    "letterlock_requests_total{request=\"%s\",result=\"%s\"} "
		    "%llu\n",
		    names[i / 2], results[i % 2],
		    (unsigned long long)atomic_load_explicit(
			&counts[i / 2][i % 2], memory_order_relaxed)));
	return RC_OK;
}

/* Seconds until it ends; below 0 since it ended. */
static enum rc
print_left(const char *what, const char *name, const ASN1_TIME *end,
    int64_t now, struct buf *out, struct err *err)
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(end, &tm))
		return crypto_failed(err, "read the time when it ends");
	return buf_add_format(out, err,
	    "letterlock_%s_seconds_left{%s=\"%s\"} %lld\n", what, what, name,
	    (long long)((int64_t)timegm(&tm) - now));
}

static enum rc
print_end(const char *name, const X509 *cert, int64_t now, struct buf *out,
    struct err *err)
{
	return print_left(
	    "certificate", name, X509_get0_notAfter(cert), now, out, err);
}

/* Of those that are called as their files. */
static enum rc
name_of(const struct hierarchy *hierarchy, const X509 *ca,
    char name[HIERARCHY_NAME_SIZE], struct err *err)
{
	char id[PUBLISHED_ID_LEN + 1];

	TRY(published_id(ca, id, err));
	(void)hierarchy_find_offline(hierarchy, id, name);
	return RC_OK;
}

static enum rc
print_offline_end(const struct hierarchy *hierarchy, const X509 *ca,
    int64_t now, struct buf *out, struct err *err)
{
	char name[HIERARCHY_NAME_SIZE];

	TRY(name_of(hierarchy, ca, name, err));
	return print_end(name, ca, now, out, err);
}

/* One that was never made is left out. */
static enum rc
print_list(const struct hierarchy *hierarchy, const char *folder,
    const X509 *ca, int64_t now, struct buf *out, struct err *err)
{
	struct buf der BUF_OWNED = BUF(CRL_MAKE_MAX);
	char name[HIERARCHY_NAME_SIZE];

	TRY(name_of(hierarchy, ca, name, err));
	enum rc rc = lists_read_file(folder, name, &der, err);
	if (rc != RC_OK)
		return rc == RC_ABSENT ? RC_OK : rc;
	const uint8_t *at = der.data;
	X509_CRL *list OWNED(X509_CRL_free) =
	    d2i_X509_CRL(NULL, &at, (long)der.len);
	if (list == NULL || X509_CRL_get0_nextUpdate(list) == NULL)
		return crypto_failed(err, "read a revocation list");
	return print_left(
	    "list", name, X509_CRL_get0_nextUpdate(list), now, out, err);
}

/* Nobody makes these by himself: they need keys that are offline. */
static enum rc
print_lists(const struct hierarchy *hierarchy, const char *folder, int64_t now,
    struct buf *out, struct err *err)
{
	TRY(buf_add_str(out,
	    "# HELP letterlock_list_seconds_left Until a revocation list ends "
	    "that letterlock-authority lists has to make anew.\n"
	    "# TYPE letterlock_list_seconds_left gauge\n",
	    err));
	for (size_t i = 0; i < hierarchy->tsa_cas; i++)
		TRY(print_list(
		    hierarchy, folder, hierarchy->tsa_ca[i], now, out, err));
	return print_list(hierarchy, folder, hierarchy->root, now, out, err);
}

static enum rc
print_ends(const struct hierarchy *hierarchy, int64_t now, struct buf *out,
    struct err *err)
{
	TRY(buf_add_str(out,
	    "# HELP letterlock_certificate_seconds_left Until one of the "
	    "authority's own certificates ends.\n"
	    "# TYPE letterlock_certificate_seconds_left gauge\n",
	    err));
	TRY(print_offline_end(hierarchy, hierarchy->root, now, out, err));
	for (size_t i = 0; i < hierarchy->issuings; i++)
		TRY(print_end(hierarchy->issuing[i].id,
		    hierarchy->issuing[i].cert, now, out, err));
	for (size_t i = 0; i < hierarchy->tsa_cas; i++)
		TRY(print_offline_end(
		    hierarchy, hierarchy->tsa_ca[i], now, out, err));
	return print_end("tsa", hierarchy->tsa, now, out, err);
}

/* Under the names that every exporter gives them. */
static enum rc
print_process(struct buf *out, struct err *err)
{
	struct rusage use;

	if (getrusage(RUSAGE_SELF, &use) != 0)
		return err_errno(err, "getrusage");
	double seconds =
	    (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
	    (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
	return buf_add_format(out, err,
	    "# HELP process_cpu_seconds_total User and system CPU time.\n"
	    "# TYPE process_cpu_seconds_total counter\n"
	    "process_cpu_seconds_total %.6f\n"
	    "# HELP letterlock_memory_peak_bytes The most memory it ever "
	    "had.\n"
	    "# TYPE letterlock_memory_peak_bytes gauge\n"
	    "letterlock_memory_peak_bytes %lld\n",
	    seconds, (long long)use.ru_maxrss * 1024);
}

enum rc
metrics_print(const struct hierarchy *hierarchy, const char *folder,
    int64_t now, struct buf *out, struct err *err)
{
	TRY(print_requests(out, err));
	TRY(print_ends(hierarchy, now, out, err));
	TRY(print_lists(hierarchy, folder, now, out, err));
	return print_process(out, err);
}
