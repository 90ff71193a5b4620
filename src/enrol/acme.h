/* enrol/acme -- the client's side of ACME: requests and what they yield.
 *
 * Standard:  RFC 8555 (sections 6 to 7.4), RFC 8823 (the email identifier and
 *            its challenge email-reply-00).
 * Errors:    RC_REFUSED: a problem document, with its detail made printable.
 *            RC_SYNTAX: not JSON, or a member is missing.  RC_IO: no answer.
 * Limits:    ACME_BODY_MAX bytes an answer; ACME_URL_MAX bytes a URL.
 * May use:   base codec proto net.
 * Not here:  mail, keys of certificates, what is kept (enrol).
 */
#ifndef ENROL_ACME_H
#define ENROL_ACME_H

#include "base/own.h"
#include "net/https.h"

#define ACME_BODY_MAX ((size_t)256 * 1024)
#define ACME_URL_MAX 1000
#define ACME_TOKEN_MAX 200

struct acme; /* one per thread */

struct acme_config {
	const char *directory;  /* URL */
	const char *trust_file; /* PEM of TLS roots; NULL: the system's */
	const struct names *names;
	struct span jwk; /* private account key; borrowed until free */
	int timeout;     /* milliseconds for one request */
};

/* Fetches the directory.  Borrows `config`'s members until free. */
enum rc acme_new(
    const struct acme_config *config, struct acme **ret, struct err *err);
void acme_free(struct acme *acme);
OWNER(struct acme, acme_free);

/* Make the account of our key, or find the one it has. */
enum rc acme_login(struct acme *acme, struct err *err);

enum acme_status {
	ACME_PENDING,
	ACME_READY, /* orders only */
	ACME_PROCESSING,
	ACME_VALID,
	ACME_INVALID, /* also expired, revoked, deactivated */
};

struct acme_order {
	char url[ACME_URL_MAX + 1];
	enum acme_status status;
	char authorization[ACME_URL_MAX + 1]; /* the only one */
	char finalize[ACME_URL_MAX + 1];
	char certificate[ACME_URL_MAX + 1]; /* "" until valid */
	char problem[300];                  /* printable, "" if none */
	unsigned retry_after;               /* seconds, 0: not said */
	/* what it waits for while it is processing (enrol/acme_guard), or "" */
	char guard[ACME_URL_MAX + 1];
};

/* For the one mailbox. */
enum rc acme_order_new(struct acme *acme, const char *address,
    struct acme_order *ret, struct err *err);
enum rc acme_order_get(struct acme *acme, const char *url,
    struct acme_order *ret, struct err *err);
enum rc acme_order_finalize(struct acme *acme, const struct acme_order *order,
    struct span csr_der, struct acme_order *ret, struct err *err);
/* Append the chain as PEM. */
enum rc acme_certificate_get(
    struct acme *acme, const char *url, struct buf *pem, struct err *err);

struct acme_authorization {
	enum acme_status status;
	char challenge[ACME_URL_MAX + 1]; /* email-reply-00's URL, or "" */
	char from[321];                   /* who sends the challenge mail */
	char token[ACME_TOKEN_MAX + 1];   /* token-part2 */
	char problem[300];                /* printable, "" if none */
};

enum rc acme_authorization_get(struct acme *acme, const char *url,
    struct acme_authorization *ret, struct err *err);
/* "{}": the answer is on its way. */
enum rc acme_challenge_answered(
    struct acme *acme, const char *url, struct err *err);

/* Append the thumbprint of our account key (RFC 7638). */
enum rc acme_thumbprint(
    const struct acme *acme, struct buf *out, struct err *err);

#endif
