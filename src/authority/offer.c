#include "authority/offer.h"

#include "authority/crl_make.h"
#include "authority/etag.h"
#include "authority/lists.h"
#include "authority/problem.h"

#define DER_MAX ((size_t)64 * 1024)
/* Nobody between us and a reader may keep a list for so long that a
 * revocation is told of later than after a minute. */
#define LIST_AGE 30
#define CA_AGE 3600

static enum rc
check_method(const struct http_request *request, struct http_answer *answer,
    struct err *err)
{
	if (strcmp(request->method, "GET") == 0 ||
	    strcmp(request->method, "HEAD") == 0)
		return RC_OK;
	TRY(http_answer_add_header(answer, "Allow", err, "GET, HEAD"));
	return problem_set(answer, PROBLEM_METHOD, err, "use GET here");
}

static enum rc
find_list(const struct offer *offer, const char *path, struct buf *der,
    struct err *err)
{
	char id[PUBLISHED_ID_LEN + 1], name[HIERARCHY_NAME_SIZE];
	int64_t part = 0;

	TRY(published_read_crl(path, id, &part, err));
	if (part == 0 && hierarchy_find_offline(offer->hierarchy, id, name))
		return lists_read_file(offer->folder, name, der, err);
	return lists_find(offer->sql, id, part, der, err);
}

enum rc
offer_list(const struct offer *offer, const struct http_request *request,
    struct http_answer *answer, struct err *err)
{
	struct buf der BUF_OWNED = BUF(CRL_MAKE_MAX);

	TRY(check_method(request, answer, err));
	enum rc rc = find_list(offer, request->path, &der, err);
	if (rc == RC_ABSENT)
		return problem_set(answer, PROBLEM_NOT_FOUND, err,
		    "there is no such revocation list");
	TRY(rc);
	TRY(http_answer_add_header(answer, "Cache-Control", err,
	    "max-age=%d, public, no-transform", LIST_AGE));
	return etag_answer(
	    request, answer, "application/pkix-crl", buf_span(&der), err);
}

enum rc
offer_ca(const struct offer *offer, const struct http_request *request,
    struct http_answer *answer, struct err *err)
{
	struct buf der BUF_OWNED = BUF(DER_MAX);
	char id[PUBLISHED_ID_LEN + 1];

	TRY(check_method(request, answer, err));
	const X509 *ca = published_read_ca(request->path, id, err) == RC_OK
			     ? hierarchy_find_cert(offer->hierarchy, id)
			     : NULL;
	if (ca == NULL)
		return problem_set(answer, PROBLEM_NOT_FOUND, err,
		    "there is no such certificate");
	TRY(hierarchy_der(ca, &der, err));
	TRY(http_answer_add_header(answer, "Cache-Control", err,
	    "max-age=%d, public, no-transform", CA_AGE));
	return etag_answer(
	    request, answer, "application/pkix-cert", buf_span(&der), err);
}
