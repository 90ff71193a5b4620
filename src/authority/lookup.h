/* authority/lookup -- whose certificate is whose: GET /directory/v1.
 *
 *   GET /directory/v1?address=alice%40example.org
 *   200 {"address": "alice@example.org", "encrypting": [base64 DER, ...newest
 *        first], "signing": [...], "chain": [base64 DER of the issuer]}
 *   404 problem document: no certificate is known
 *
 * The domain's case does not matter; the local part is looked for letter for
 * letter first, and then without regard to ASCII case if only one spelling is
 * known.  `address` says which spelling was found.  A dual certificate is in
 * both lists.
 *
 * May use:   base codec os store.
 */
#ifndef AUTHORITY_LOOKUP_H
#define AUTHORITY_LOOKUP_H

#include "authority/hierarchy.h"
#include "authority/http.h"
#include "authority/rate.h"
#include "store/sql.h"

#define LOOKUP_PATH "/directory/v1"

struct lookup {
	const struct settings *settings;
	const struct hierarchy *hierarchy;
	struct sql *sql;
	struct rate *rate; /* by IP address */
};

/* As acme_answer(). */
enum rc lookup_answer(const struct lookup *lookup,
    const struct http_request *request, int64_t now, struct http_answer *answer,
    struct err *err);

#endif
