#include "flow/stamping.h"

#include "cms/stamp.h"
#include "os/clock.h"
#include "os/random.h"

static enum rc
ask(void *self, const uint8_t imprint[32], struct buf *token, struct err *err)
{
	const struct stamping *stamping = self;
	struct stamp_nonce nonce;
	struct buf query BUF_OWNED = BUF(STAMP_MAX);
	struct https_response response = {.body = BUF(STAMP_MAX)};

	random_fill(nonce.bytes, sizeof(nonce.bytes));
	nonce.bytes[0] = (uint8_t)((nonce.bytes[0] & 0x7f) | 0x40);
	TRY(stamp_request(imprint, &nonce, &query, err));
	const struct https_request request = {
	    .method = "POST",
	    .url = stamping->url,
	    .content_type = "application/timestamp-query",
	    .body = buf_span(&query),
	    .timeout = stamping->timeout,
	};
	enum rc rc = https_send(stamping->https, &request, &response, err);
	if (rc == RC_OK && response.status != 200)
		rc = err_set(err, RC_IO, "the time stamp authority answered %u",
		    response.status);
	if (rc == RC_OK)
		rc = stamp_response(buf_span(&response.body), imprint, &nonce,
		    clock_now(), token, err);
	buf_done(&response.body);
	return rc;
}

struct stamper
stamping_stamper(struct stamping *stamping)
{
	return (struct stamper){ask, stamping, false};
}
