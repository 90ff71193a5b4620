#include "authority/tsa.h"

#include "authority/problem.h"
#include "os/clock.h"
#include "os/random.h"

#define SERIAL_LEN 16
#define TSA_REPLY "application/timestamp-reply"

static enum rc
sign(void *context, struct span bytes, struct buf *signature, struct err *err)
{
	return signer_sign(context, bytes, signature, err);
}

struct stamp_authority
tsa_stamper(const struct hierarchy *hierarchy)
{
	return (struct stamp_authority){.cert = hierarchy->tsa_cert,
	    .chain = &hierarchy->tsa_chain,
	    .sign = sign,
	    .context = hierarchy->tsa_signer};
}

static enum rc
check(const struct http_request *request, struct http_answer *answer,
    struct err *err)
{
	if (strcmp(request->method, "POST") != 0) {
		TRY(http_answer_add_header(answer, "Allow", err, "POST"));
		return problem_set(
		    answer, PROBLEM_METHOD, err, "POST a timestamp query here");
	}
	return RC_OK;
}

/* Both an HTTP error and an answer that a timestamp client reads: whoever
 * looks at one of the two only knows that there is no token. */
static enum rc
refuse(struct http_answer *answer, unsigned status, enum stamp_failure failure,
    struct err *err)
{
	struct buf reply BUF_OWNED = BUF_SMALL;

	TRY(stamp_refuse(failure, &reply, err));
	return http_answer_set(
	    answer, status, TSA_REPLY, buf_span(&reply), err);
}

/* Unique without any memory of those before (RFC 3161 section 2.4.2): 126
 * random bits, positive, always 16 octets. */
static void
make_serial(uint8_t serial[SERIAL_LEN])
{
	random_fill(serial, SERIAL_LEN);
	serial[0] = (uint8_t)((serial[0] & 0x3f) | 0x40);
}

/* Kernels of virtual machines whose host keeps the time do not know that it is
 * right; whoever runs one there says so. */
int64_t
tsa_now(const struct settings *settings)
{
	bool trusted = settings->clock != NULL &&
		       strcmp(settings->clock, SETTINGS_CLOCK_TRUSTED) == 0;

	return trusted || clock_is_synchronised() ? clock_now() : 0;
}

enum rc
tsa_answer(const struct hierarchy *hierarchy,
    const struct http_request *request, int64_t now, struct http_answer *answer,
    struct err *err)
{
	struct buf reply BUF_OWNED = BUF(STAMP_MAX);
	uint8_t serial[SERIAL_LEN];

	TRY(check(request, answer, err));
	if (!http_has_type(request, "application/timestamp-query"))
		return refuse(answer, 415, STAMP_OTHER_TYPE, err);
	if (request->body.len > TSA_QUERY_MAX)
		return refuse(answer, 413, STAMP_TOO_LONG, err);
	struct stamp_authority who = tsa_stamper(hierarchy);
	make_serial(serial);
	TRY(stamp_answer(&who, request->body, now, serial, &reply, err));
	return http_answer_set(answer, 200, TSA_REPLY, buf_span(&reply), err);
}

enum rc
tsa_answer_revoked(const struct http_request *request,
    struct http_answer *answer, struct err *err)
{
	TRY(check(request, answer, err));
	return refuse(answer, 200, STAMP_REVOKED, err);
}
