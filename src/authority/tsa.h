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

/* The time, or 0: nothing keeps the clock right, and no setting says that it is
 * all the same (RFC 3161 section 2.1: "to use a trustworthy source of time"). */
int64_t tsa_now(const struct settings *settings);

/* As acme_answer().  A query that is refused is an answer too, a TimeStampResp
 * with the reason inside: status 200; 413 and 415 if the carrier was wrong. */
enum rc tsa_answer(const struct hierarchy *hierarchy,
    const struct http_request *request, int64_t now, struct http_answer *answer,
    struct err *err);
/* The same when the TSA's certificate was revoked: no more tokens. */
enum rc tsa_answer_revoked(const struct http_request *request,
    struct http_answer *answer, struct err *err);

#endif
