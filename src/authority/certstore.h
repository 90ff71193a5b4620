/* authority/certstore -- certificates and revocation lists by HTTP query:
 * GET /certificates/search.cgi?uri=..., GET /crls/search.cgi?iHash=...
 *
 * Standard:  RFC 4387.  All attributes find certificates of mailboxes but
 *            iHash, which finds certificates of CAs only: every mailbox has the
 *            same issuer.  Lists are found by iHash and sKIDHash of their CA,
 *            and by certHash and iAndSHash of a certificate: then it is the
 *            part that tells of it.
 * May use:   base codec os pki store.
 * Not here:  who is found (authority/directory).
 */
#ifndef AUTHORITY_CERTSTORE_H
#define AUTHORITY_CERTSTORE_H

#include "authority/hierarchy.h"
#include "authority/http.h"
#include "authority/rate.h"
#include "store/sql.h"

#define CERTSTORE_PATH "/certificates/search.cgi"
#define CERTSTORE_LISTS_PATH "/crls/search.cgi"

struct certstore;

struct certstore_config {
	const char *folder; /* with the lists of the offline CAs */
	const struct settings *settings;
	const struct hierarchy *hierarchy;
	struct sql *sql;
	struct rate *rate; /* by client */
};

/* Borrows what `config` names until certstore_free(). */
enum rc certstore_new(const struct certstore_config *config,
    struct certstore **ret, struct err *err);
void certstore_free(struct certstore *store);
OWNER(struct certstore, certstore_free);

/* As acme_answer(). */
enum rc certstore_answer(const struct certstore *store,
    const struct http_request *request, int64_t now, struct http_answer *answer,
    struct err *err);
enum rc certstore_answer_list(const struct certstore *store,
    const struct http_request *request, struct http_answer *answer,
    struct err *err);

#endif
