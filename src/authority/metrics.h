/* authority/metrics -- how much was asked for, and how it ended.
 *
 * Counters of this process, from its start; in the text format of Prometheus
 * (https://prometheus.io/docs/instrumenting/exposition_formats/, 0.0.4).
 * Nothing in them says who asked, or about whom.
 *
 * May use:   base pki.
 * Threads:   any.
 */
#ifndef AUTHORITY_METRICS_H
#define AUTHORITY_METRICS_H

#include "authority/hierarchy.h"

#define METRICS_PATH "/metrics"
#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* In the order of metrics.c's table. */
enum metrics_what {
	METRICS_ACME_ACCOUNT,
	METRICS_ACME_ORDER,
	METRICS_ACME_AUTHORIZATION,
	METRICS_ACME_CHALLENGE,
	METRICS_ACME_FINALIZE,
	METRICS_ACME_CERTIFICATE,
	METRICS_ACME_REVOKE,
	METRICS_ACME_OTHER,
	METRICS_MAIL_SENT,    /* challenge letters */
	METRICS_MAIL_ANSWER,  /* answers to them */
	METRICS_LOOKUP,       /* the directory as JSON */
	METRICS_CERTIFICATES, /* RFC 4387 */
	METRICS_LDAP,
	METRICS_OCSP,
	METRICS_CRL,
	METRICS_CA, /* certificates of CAs */
	METRICS_TSA,
	METRICS_OTHER,
	METRICS_WHATS,
};

/* What is asked for at a path of HTTP. */
enum metrics_what metrics_of_path(const char *path);

/* One more; `ok`: it was given what it asked for. */
void metrics_count(enum metrics_what what, bool ok);

/* Append everything; `folder` is the authority's, with the lists of the CAs
 * whose keys are offline. */
enum rc metrics_print(const struct hierarchy *hierarchy, const char *folder,
    int64_t now, struct buf *out, struct err *err);

#endif
