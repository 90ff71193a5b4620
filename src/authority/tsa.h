/* authority/tsa -- timestamps over HTTP: POST /tsa.
 *
 * Standard:  RFC 3161 section 3.4.
 * May use:   base os cms.
 * Limits:    TSA_QUERY_MAX bytes in a query.
 */
#ifndef AUTHORITY_TSA_H
#define AUTHORITY_TSA_H

#include "authority/hierarchy.h"
#include "authority/http.h"
#include "cms/stamp.h"

#define TSA_PATH "/tsa"
#define TSA_QUERY_MAX ((size_t)16 * 1024)

/* Who stamps; borrows the hierarchy. */
struct stamp_authority tsa_stamper(const struct hierarchy *hierarchy);

/* As acme_answer().  A query that is refused is an answer too (status 200,
 * with the reason inside). */
enum rc tsa_answer(const struct hierarchy *hierarchy,
    const struct http_request *request, int64_t now, struct http_answer *answer,
    struct err *err);

#endif
