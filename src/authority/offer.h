/* authority/offer -- revocation lists and the certificates of the CAs over
 * HTTP: GET /crl/ID/PART.crl, GET /ca/ID.cer (authority/published.h).
 *
 * Standard:  RFC 5280 sections 4.2.1.13 and 4.2.2.1, RFC 2585 (media types).
 * May use:   base os pki store.
 */
#ifndef AUTHORITY_OFFER_H
#define AUTHORITY_OFFER_H

#include "authority/hierarchy.h"
#include "authority/http.h"
#include "store/sql.h"

struct offer {
	const char *folder; /* with the lists of the offline CAs */
	const struct hierarchy *hierarchy;
	struct sql *sql;
};

/* As acme_answer(). */
enum rc offer_list(const struct offer *offer,
    const struct http_request *request, struct http_answer *answer,
    struct err *err);
enum rc offer_ca(const struct offer *offer, const struct http_request *request,
    struct http_answer *answer, struct err *err);

#endif
