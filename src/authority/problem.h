/* authority/problem -- an error as a client of ACME reads it.
 *
 * Standard:  RFC 7807, RFC 8555 section 6.7, RFC 9773 section 7.4.
 * May use:   base.
 */
#ifndef AUTHORITY_PROBLEM_H
#define AUTHORITY_PROBLEM_H

#include "authority/http.h"

enum problem {
	PROBLEM_ACCOUNT_DOES_NOT_EXIST,
	PROBLEM_ALREADY_REPLACED,
	PROBLEM_ALREADY_REVOKED,
	PROBLEM_BAD_CSR,
	PROBLEM_BAD_NONCE,
	PROBLEM_BAD_PUBLIC_KEY,
	PROBLEM_BAD_REVOCATION_REASON,
	PROBLEM_BAD_SIGNATURE_ALGORITHM,
	PROBLEM_CAA,
	PROBLEM_COMPOUND,
	PROBLEM_CONFLICT,    /* malformed, 409 */
	PROBLEM_DEACTIVATED, /* unauthorized, 401 */
	PROBLEM_EXTERNAL_ACCOUNT_REQUIRED,
	PROBLEM_INVALID_CONTACT,
	PROBLEM_MALFORMED,
	PROBLEM_METHOD,     /* malformed, 405 */
	PROBLEM_MEDIA_TYPE, /* malformed, 415 */
	PROBLEM_NOT_FOUND,  /* malformed, 404 */
	PROBLEM_ORDER_NOT_READY,
	PROBLEM_RATE_LIMITED,
	PROBLEM_REJECTED_IDENTIFIER,
	PROBLEM_SERVER_INTERNAL,
	PROBLEM_SERVER_BUSY, /* serverInternal, 503 with Retry-After */
	PROBLEM_UNAUTHORIZED,
	PROBLEM_UNSUPPORTED_CONTACT,
	PROBLEM_UNSUPPORTED_IDENTIFIER,
	PROBLEM_USER_ACTION_REQUIRED,
};

/* Make it the answer and return RC_REFUSED, so that a service can end with
 * `return problem_set(...)`; any other result says that it could not even do
 * that. */
enum rc problem_set(struct http_answer *answer, enum problem problem,
    struct err *err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* What is wrong with one of several identifiers (RFC 8555 section 6.7.1). */
struct problem_part {
	enum problem problem;
	const char *detail;
	const char *type; /* of the identifier */
	const char *value;
};

/* What a problem document can say beside its detail. */
struct problem_more {
	const char *instance; /* URL for a person; NULL: none */
	const struct problem_part *part;
	size_t parts;
};
enum rc problem_set_more(struct http_answer *answer, enum problem problem,
    const struct problem_more *more, const char *detail, struct err *err);

/* What a service returned, as an answer: RC_OK and RC_REFUSED with an answer
 * stand; anything else becomes "try later" or "our fault", whose reason goes
 * to the log and not to the client.  Never fails: without memory for a text
 * the answer has none. */
void problem_settle(struct http_answer *answer, enum rc rc,
    const struct http_request *request, const struct err *why);

/* Make it the answer to somebody for whom nothing happened, whatever it was:
 * "try later".  Never fails. */
void problem_later(struct http_answer *answer);

/* Neither ever yields RC_OK (see base/err.h). */
#if defined(__clang_analyzer__) && !defined(AUTHORITY_PROBLEM_C)
#define problem_set(...) err_failed(problem_set(__VA_ARGS__))
#define problem_set_more(...) err_failed(problem_set_more(__VA_ARGS__))
#endif

#endif
