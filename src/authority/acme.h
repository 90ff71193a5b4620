/* authority/acme -- certificates for mailboxes, nobody has to apply for them.
 *
 * Standard:  RFC 8555 with RFC 8823 (identifiers of type "email", challenge
 *            email-reply-00) and RFC 9773 (renewal information).
 * May use:   base codec os mime pki proto store.
 * Not here:  HTTP (authority/web), the letters (authority/mailer, answer).
 *            Authorizations without an order (newAuthz) are not offered, so
 *            the directory does not name them; an order has one identifier.
 *
 * What was answered is in the database: each change is committed, and on the
 * disk, before its answer is made.
 */
#ifndef AUTHORITY_ACME_H
#define AUTHORITY_ACME_H

#include "authority/hierarchy.h"
#include "authority/http.h"
#include "authority/nonce.h"
#include "authority/rate.h"
#include "store/sql.h"

struct acme {
	const struct settings *settings;
	const struct hierarchy *hierarchy;
	struct sql *sql;
	struct nonces *nonces;
	struct rate *accounts; /* new ones, by IP address */
};

#define ACME_PATH "/acme/"

/* Answer a request whose path begins with ACME_PATH.  RC_OK and RC_REFUSED:
 * the answer is complete (the latter: it is a problem document). */
enum rc acme_answer(const struct acme *acme, const struct http_request *request,
    int64_t now, struct http_answer *answer, struct err *err);

/* The address as we write it: domain in lower case and A-labels; appended.  Its
 * local part may be UTF-8 (RFC 6531).  RC_UNFIT: not one that we give
 * certificates for. */
enum rc acme_address(const struct settings *settings, struct span address,
    struct buf *out, struct err *err);

#endif
