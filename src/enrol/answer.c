#include "enrol/answer.h"

#include "codec/when.h"
#include "mime/address.h"
#include "os/clock.h"
#include "proto/challenge.h"

/* What a person's own mail server is told at EHLO; it is logged in to, and a
 * name of this machine is nobody's business (RFC 5321 section 4.1.3). */
#define HELO "[127.0.0.1]"

enum rc
answer_print(
    const struct answer *answer, int64_t now, struct buf *out, struct err *err)
{
	const struct recognised *challenge = answer->challenge;
	struct buf digest BUF_OWNED = BUF_SMALL;
	struct buf id BUF_OWNED = BUF_SMALL;
	char date[WHEN_TEXT_MAX];
	struct challenge_mail mail = {
	    .from = answer->account->address,
	    .to = challenge->answer_to,
	    .date = date,
	    .token1 = span_str(challenge->token1),
	};

	TRY(challenge_digest(mail.token1, span_str(answer->token2),
	    answer->thumbprint, &digest, err));
	mail.digest = buf_span(&digest);
	/* Made of the digest: if it must be sent again after a crash, it is
	 * the same letter. */
	TRY(buf_add_format(&id, err, "<%.*s@%s>", SPAN_ARGS(mail.digest),
	    address_domain(mail.from)));
	TRY(buf_str(&id, &mail.message_id, err));
	when_print_mail(now, date);
	if (challenge->message_id[0] != '\0')
		mail.in_reply_to = challenge->message_id;
	return challenge_print_answer(&mail, out, err);
}

static enum rc
check_result(const struct smtp_client_result *result, struct err *err)
{
	if (result->code == 250)
		return RC_OK;
	return err_set(err, result->code / 100 == 4 ? RC_IO : RC_REFUSED,
	    "your mail server does not take the answer to the challenge: "
	    "%u %s",
	    result->code, result->text);
}

enum rc
answer_send(const struct answer *answer, struct err *err)
{
	const struct account *account = answer->account;
	struct buf bytes BUF_OWNED = BUF_SMALL;
	struct strlist to STRLIST_OWNED = STRLIST_NONE;
	struct smtp_client_result result = {0};

	TRY(answer_print(answer, clock_now(), &bytes, err));
	TRY(strlist_add_str(&to, answer->challenge->answer_to, err));
	struct smtp_client_letter letter = {
	    .from = account->address, .to = &to, .bytes = buf_span(&bytes)};
	TRY(upstream_send(
	    answer->upstream, answer->timeout, &letter, &result, err));
	return check_result(&result, err);
}
