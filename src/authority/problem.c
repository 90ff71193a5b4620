#define AUTHORITY_PROBLEM_C /* the functions themselves */
#include "authority/problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "base/own.h"
#include "os/log.h"

#define DETAIL_MAX 500
#define RETRY_SECONDS 30

OWNER(json_t, json_decref);
OWNER(char, free);

static const struct {
	const char *type;
	unsigned status;
} problems[] = {
    [PROBLEM_ACCOUNT_DOES_NOT_EXIST] = {"accountDoesNotExist", 400},
    [PROBLEM_ALREADY_REPLACED] = {"alreadyReplaced", 409},
    [PROBLEM_ALREADY_REVOKED] = {"alreadyRevoked", 400},
    [PROBLEM_BAD_CSR] = {"badCSR", 400},
    [PROBLEM_BAD_NONCE] = {"badNonce", 400},
    [PROBLEM_BAD_PUBLIC_KEY] = {"badPublicKey", 400},
    [PROBLEM_BAD_SIGNATURE_ALGORITHM] = {"badSignatureAlgorithm", 400},
    [PROBLEM_BAD_REVOCATION_REASON] = {"badRevocationReason", 400},
    [PROBLEM_CAA] = {"caa", 403},
    [PROBLEM_COMPOUND] = {"compound", 400},
    [PROBLEM_CONFLICT] = {"malformed", 409},
    [PROBLEM_DEACTIVATED] = {"unauthorized", 401},
    [PROBLEM_EXTERNAL_ACCOUNT_REQUIRED] = {"externalAccountRequired", 403},
    [PROBLEM_INVALID_CONTACT] = {"invalidContact", 400},
    [PROBLEM_MALFORMED] = {"malformed", 400},
    [PROBLEM_METHOD] = {"malformed", 405},
    [PROBLEM_MEDIA_TYPE] = {"malformed", 415},
    [PROBLEM_NOT_FOUND] = {"malformed", 404},
    [PROBLEM_ORDER_NOT_READY] = {"orderNotReady", 403},
    [PROBLEM_RATE_LIMITED] = {"rateLimited", 429},
    [PROBLEM_REJECTED_IDENTIFIER] = {"rejectedIdentifier", 400},
    [PROBLEM_SERVER_INTERNAL] = {"serverInternal", 500},
    [PROBLEM_SERVER_BUSY] = {"serverInternal", 503},
    [PROBLEM_UNAUTHORIZED] = {"unauthorized", 403},
    [PROBLEM_UNSUPPORTED_CONTACT] = {"unsupportedContact", 400},
    [PROBLEM_UNSUPPORTED_IDENTIFIER] = {"unsupportedIdentifier", 400},
    [PROBLEM_USER_ACTION_REQUIRED] = {"userActionRequired", 403},
};

/* Type and detail, which every document has and every part of one. */
static json_t *
bare_document(enum problem problem, const char *detail)
{
	char type[100];

	(void)snprintf(type, sizeof(type), "urn:ietf:params:acme:error:%s",
	    problems[problem].type);
	/* bytes of a peer that are no UTF-8 are not repeated */
	json_t *text = json_string(detail);
	if (text == NULL)
		text = json_string("the request is not understood");
	return json_pack("{s:s, s:o}", "type", type, "detail", text);
}

static json_t *
part_document(const struct problem_part *part)
{
	json_t *one OWNED(json_decref) =
	    bare_document(part->problem, part->detail);

	if (one == NULL || json_object_set_new(one, "identifier",
			       json_pack("{s:s, s:s}", "type", part->type,
				   "value", part->value)) != 0)
		return NULL;
	return take(one);
}

static json_t *
part_documents(const struct problem_more *more)
{
	json_t *list OWNED(json_decref) = json_array();

	for (size_t i = 0; list != NULL && i < more->parts; i++)
		if (json_array_append_new(
			list, part_document(&more->part[i])) != 0)
			return NULL;
	return take(list);
}

/* "the problem document ... MUST include an "algorithms" field" (RFC 8555
 * section 6.2) */
static int
add_more(json_t *all, enum problem problem, const struct problem_more *more)
{
	int failed = json_object_set_new(
	    all, "status", json_integer((json_int_t)problems[problem].status));

	if (problem == PROBLEM_BAD_SIGNATURE_ALGORITHM)
		failed |= json_object_set_new(all, "algorithms",
		    json_pack(
			"[s, s, s, s]", "ES256", "ES384", "EdDSA", "RS256"));
	if (more->instance != NULL)
		failed |= json_object_set_new(
		    all, "instance", json_string(more->instance));
	if (more->parts > 0)
		failed |= json_object_set_new(
		    all, "subproblems", part_documents(more));
	return failed;
}

enum rc
problem_set_more(struct http_answer *answer, enum problem problem,
    const struct problem_more *more, const char *detail, struct err *err)
{
	json_t *all OWNED(json_decref) = bare_document(problem, detail);

	if (all == NULL || add_more(all, problem, more) != 0)
		return err_nomem(err, "problem document");
	char *text OWNED(free) = json_dumps(all, 0);
	if (text == NULL)
		return err_nomem(err, "problem document");
	TRY(http_answer_set(answer, problems[problem].status,
	    "application/problem+json", span_str(text), err));
	return err_set(err, RC_REFUSED, "%s", detail);
}

enum rc
problem_set(struct http_answer *answer, enum problem problem, struct err *err,
    const char *format, ...)
{
	const struct problem_more none = {0};
	char detail[DETAIL_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(detail, sizeof(detail), format, args);
	va_end(args);
	return problem_set_more(answer, problem, &none, detail, err);
}

void
problem_later(struct http_answer *answer)
{
	(void)problem_set(answer, PROBLEM_SERVER_BUSY, NULL,
	    "the authority cannot answer now: try again later");
	if (answer->headers < HTTP_HEADERS_MAX)
		(void)http_answer_add_header(
		    answer, "Retry-After", NULL, "%d", RETRY_SECONDS);
	answer->status = 503; /* no memory even for that: the status alone */
}

void
problem_settle(struct http_answer *answer, enum rc rc,
    const struct http_request *request, const struct err *why)
{
	if (answer->status != 0 && (rc == RC_OK || rc == RC_REFUSED))
		return;
	bool later = rc == RC_IO || rc == RC_AGAIN || rc == RC_NOMEM;
	log_error("%s %s: %s", request->method, request->path,
	    rc == RC_OK ? "no answer was made" : why->text);
	if (later) {
		problem_later(answer);
		return;
	}
	(void)problem_set(answer, PROBLEM_SERVER_INTERNAL, NULL,
	    "the authority failed: its operator has to look");
	answer->status = 500;
}
