/* authority/lookup -- whose certificate is whose, as JSON: /directory/v1.
 *
 *   GET /directory/v1?address=alice%40example.org
 *   200 {"address": "alice@example.org", "encrypting": [base64 DER, ...newest
 *        first], "signing": [...], "chain": [base64 DER of the issuers]}
 *   404 problem document: no certificate is known
 *
 *   POST /directory/v1 {"addresses": ["alice@example.org", ...]}
 *   200 {"found": [{"address": ..., "encrypting": [...], "signing": [...]},
 *        ...as many, in the same order], "chain": [...]}; nothing known: []
 *
 * The domain's case does not matter; the local part is looked for letter for
 * letter first, and then without regard to ASCII case if only one spelling is
 * known.  `address` says which spelling was found.  A dual certificate is in
 * both lists.
 *
 * May use:   base codec os store.
 * Not here:  who is found (authority/directory).
 * Limits:    LOOKUP_ADDRESSES_MAX in one request; each counts as one.
 */
#ifndef AUTHORITY_LOOKUP_H
#define AUTHORITY_LOOKUP_H

#include "authority/hierarchy.h"
#include "authority/http.h"
#include "authority/rate.h"
#include "store/sql.h"

#define LOOKUP_PATH "/directory/v1"
#define LOOKUP_ADDRESSES_MAX 100

struct lookup {
	const struct settings *settings;
	const struct hierarchy *hierarchy;
	struct sql *sql;
	struct rate *rate; /* by client */
};

/* As acme_answer(). */
enum rc lookup_answer(const struct lookup *lookup,
    const struct http_request *request, int64_t now, struct http_answer *answer,
    struct err *err);

#endif
