/* Whatever a letter holds, it is looked at to its end, and in two pieces as in
 * one. */
#include "base/own.h"
#include "flow/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

OWNER(struct request_scan, request_free);

static enum rc
look(struct span first, struct span second, enum request *ret)
{
	struct request_scan *scan OWNED(request_free) = NULL;
	struct err err = ERR_NONE;

	if (request_new(false, &scan, &err) != RC_OK)
		bug("request: no scan");
	enum rc rc = request_push(scan, first, &err);
	if (rc == RC_OK)
		rc = request_push(scan, second, &err);
	if (rc == RC_OK)
		rc = request_finish(scan, &err);
	*ret = request_found(scan);
	return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct span whole = span_of(data, len);
	enum request one = REQUEST_NONE, two = REQUEST_NONE;

	enum rc rc = look(whole, SPAN_NONE, &one);
	if (rc != RC_OK && rc != RC_SYNTAX && rc != RC_LIMIT)
		bug("request: no answer");
	if (look(span_first(whole, len / 2), span_after(whole, len / 2),
		&two) != rc ||
	    (rc == RC_OK && one != two))
		bug("request: two answers");
	(void)request_of_text(whole, NULL);
	return 0;
}
