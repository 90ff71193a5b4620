/* authority/etag -- whoever has it already does not get it once more.
 *
 * Standard:  RFC 9110 sections 8.8.3 (ETag) and 13.1.2 (If-None-Match), RFC
 *            5019 section 6.1 (OCSP).
 * May use:   base codec.
 *
 * For what is published and is the same for everybody: the tag is a hash of the
 * bytes.
 */
#ifndef AUTHORITY_ETAG_H
#define AUTHORITY_ETAG_H

#include "authority/http.h"

/* As http_answer_set() with status 200 for GET and HEAD; 304 without a body if
 * the request names this tag.  Other methods get the body, without a tag. */
enum rc etag_answer(const struct http_request *request,
    struct http_answer *answer, const char *content_type, struct span body,
    struct err *err);

#endif
