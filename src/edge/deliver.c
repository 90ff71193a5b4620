#include "edge/deliver.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/when.h"
#include "edge/notice.h"
#include "os/clock.h"
#include "os/log.h"
#include "os/random.h"

/* Each recipient with the server's words, 300 bytes at most: a report that did
 * not fit would be tried for ever, and its sender never told. */
#define REPORT_MAX ((size_t)OUTGOING_COPIES_MAX * 1024 + (size_t)16 * 1024)

/* --- one try ------------------------------------------------------------------ */

static enum rc
try_once(const struct agent *agent, const char *from, const struct strlist *to,
    struct span bytes, int timeout, struct smtp_client_result *ret,
    struct err *err)
{
	const struct smtp_client_letter letter = {from, to, bytes};

	return upstream_send(agent->upstream, timeout, &letter, ret, err);
}

/* 5 s, 10 s, 20 s, ... up to half an hour. */
static int64_t
wait_after(const struct agent_limits *limits, unsigned tries)
{
	int64_t wait = limits->retry_first;

	while (tries-- > 0 && wait < limits->retry_most)
		wait *= 2;
	return wait < limits->retry_most ? wait : limits->retry_most;
}

static void
keep(const struct agent *agent, uint64_t id, unsigned tries, const char *why)
{
	struct err err = ERR_NONE;
	int64_t next = clock_now() + wait_after(&agent->limits, tries);

	if (spool_later(agent->spool, id, next, why, &err) != RC_OK)
		log_error("spool: %s", err.text);
	if (tries + 1 < NOTICE_HELD_TRIES)
		return;
	char name[24];
	(void)snprintf(name, sizeof(name), "%" PRIu64, id);
	notice_tell(agent, NOTICE_HELD, name);
}

static void
remove_entry(const struct agent *agent, uint64_t id)
{
	struct err err = ERR_NONE;

	/* it will be sent once more after a restart, with its Message-ID */
	if (spool_done(agent->spool, id, &err) != RC_OK)
		log_error("spool: %s", err.text);
}

/* --- reports to the sender ------------------------------------------------------ */

static enum rc
print_report(const struct agent *agent, const struct spool_letter *failed,
    const char *why, struct buf *out, struct err *err)
{
	char date[WHEN_TEXT_MAX];
	const char *me = agent->account->address;
	struct buf boundary BUF_OWNED = BUF(128);

	when_print_mail(clock_now(), date);
	TRY(random_text(18, &boundary, err));
	TRY(buf_add_format(out, err,
	    "From: %s\r\nTo: %s\r\nDate: %s\r\n"
	    "Subject: Not delivered\r\nAuto-Submitted: auto-replied\r\n"
	    "Message-ID: <%.*s@letterlock.invalid>\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: multipart/report; report-type=delivery-status;\r\n"
	    " boundary=\"%.*s\"\r\n\r\n",
	    me, me, date, SPAN_ARGS(buf_span(&boundary)),
	    SPAN_ARGS(buf_span(&boundary))));
	TRY(buf_add_format(out, err,
	    "--%.*s\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
	    "A letter of yours could not be delivered. Nothing of it was\r\n"
	    "shown to anybody.\r\n\r\nMessage-ID: %s\r\nReason: %s\r\n\r\n"
	    "--%.*s\r\nContent-Type: message/delivery-status\r\n\r\n"
	    "Reporting-MTA: dns; letterlock.invalid\r\n",
	    SPAN_ARGS(buf_span(&boundary)),
	    failed->message_id != NULL ? failed->message_id : "unknown", why,
	    SPAN_ARGS(buf_span(&boundary))));
	for (size_t i = 0; i < failed->to.len; i++)
		TRY(buf_add_format(out, err,
		    "\r\nFinal-Recipient: rfc822; %s\r\nAction: failed\r\n"
		    "Status: 5.0.0\r\nDiagnostic-Code: smtp; %s\r\n",
		    failed->to.item[i], why));
	return buf_add_format(
	    out, err, "\r\n--%.*s--\r\n", SPAN_ARGS(buf_span(&boundary)));
}

/* A report is a letter to oneself: sealed like any other, in the spool before
 * the letter it is about leaves it. */
static enum rc
spool_report(const struct agent *agent, const struct spool_letter *failed,
    const char *why, struct err *err)
{
	struct sender sender = agent->sender;
	struct buf report BUF_OWNED = BUF(REPORT_MAX);
	struct spool_letter letter SPOOL_LETTER_OWNED = {
	    .bytes = BUF(REPORT_MAX * 4), .accepted = clock_now()};
	uint64_t id = 0;

	sender.now = clock_now();
	TRY(print_report(agent, failed, why, &report, err));
	TRY(outgoing_keep(buf_span(&report), &sender, &letter.bytes, err));
	TRY(span_dup(span_str(""), &letter.from, err));
	TRY(span_dup(span_str("report"), &letter.message_id, err));
	TRY(strlist_add_str(&letter.to, agent->account->address, err));
	TRY(spool_add(agent->spool, &letter, 1, &id, err));
	return spool_later(agent->spool, id, 0, "", err);
}

/* Failed for good: tell the sender, then let it go.  A report that fails is
 * not reported (RFC 5321 section 4.5.5: no mail loops). */
static void
give_up(const struct agent *agent, uint64_t id,
    const struct spool_letter *letter, const char *why)
{
	struct err err = ERR_NONE;

	log_warning("letter %s: given up: %s",
	    letter->message_id != NULL ? letter->message_id : "?", why);
	if (letter->from[0] != '\0' &&
	    spool_report(agent, letter, why, &err) != RC_OK) {
		log_error("report: %s", err.text);
		keep(agent, id, letter->tries, why);
		return;
	}
	remove_entry(agent, id);
}

/* --- the first try, while the mail program waits ----------------------------------- */

/* The submission as it is worked on. */
struct submission {
	const struct agent *agent;
	struct spool_letter letter[OUTGOING_COPIES_MAX];
	uint64_t id[OUTGOING_COPIES_MAX];
	size_t count;
	int64_t deadline; /* in ticks */
	size_t sent;
};

static void
submission_done(struct submission *s)
{
	for (size_t i = 0; i < s->count; i++)
		spool_letter_done(&s->letter[i]);
}

static enum rc
copy_strlist(const struct strlist *from, struct strlist *to, struct err *err)
{
	for (size_t i = 0; i < from->len; i++)
		TRY(strlist_add_str(to, from->item[i], err));
	return RC_OK;
}

static enum rc
fill(struct submission *s, const struct outgoing *made, struct err *err)
{
	for (size_t i = 0; i < made->copies; i++) {
		struct spool_letter *letter = &s->letter[i];
		s->count = i + 1;
		letter->bytes = BUF(STATE_ITEM_MAX);
		letter->accepted = clock_now();
		TRY(span_dup(
		    span_str(s->agent->account->address), &letter->from, err));
		TRY(span_dup(
		    span_str(made->message_id), &letter->message_id, err));
		TRY(copy_strlist(&made->copy[i].to, &letter->to, err));
		TRY(buf_add(
		    &letter->bytes, buf_span(&made->copy[i].bytes), err));
	}
	return RC_OK;
}

static void
set_answer(struct deliver_answer *ret, unsigned code, const char *enhanced,
    const char *text)
{
	ret->code = code;
	(void)snprintf(ret->enhanced, sizeof(ret->enhanced), "%s", enhanced);
	(void)snprintf(ret->text, sizeof(ret->text), "%s", text);
}

/* The provider refuses and nothing of the letter was sent: the mail program is
 * told, as if there were no agent between them. */
static void
refuse_all(struct submission *s, const struct smtp_client_result *result,
    struct deliver_answer *ret)
{
	for (size_t i = 0; i < s->count; i++)
		remove_entry(s->agent, s->id[i]);
	set_answer(ret, result->code,
	    result->enhanced[0] != '\0' ? result->enhanced : "5.0.0",
	    result->text);
}

/* One copy; false: the whole was refused and *ret is the answer. */
static bool
submit_copy(struct submission *s, size_t i, struct deliver_answer *ret)
{
	struct smtp_client_result result = {0};
	struct err err = ERR_NONE;
	int64_t left = s->deadline - clock_ticks();
	enum rc rc = RC_IO;

	if (left > 0)
		rc = try_once(s->agent, s->letter[i].from, &s->letter[i].to,
		    buf_span(&s->letter[i].bytes), (int)left, &result, &err);
	if (rc == RC_OK && result.code == 250) {
		remove_entry(s->agent, s->id[i]);
		s->sent++;
		return true;
	}
	if (rc == RC_OK && result.code >= 500 && s->sent == 0 && i == 0) {
		refuse_all(s, &result, ret);
		return false;
	}
	if (rc == RC_OK && result.code >= 500)
		give_up(s->agent, s->id[i], &s->letter[i], result.text);
	else
		keep(s->agent, s->id[i], 0,
		    rc == RC_OK ? result.text : err.text);
	return true;
}

enum rc
deliver_submit(const struct agent *agent, const struct outgoing *made,
    struct deliver_answer *ret, struct err *err)
{
	struct submission *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return err_nomem(err, "submission");
	s->agent = agent;
	s->deadline = clock_ticks() + agent->limits.upstream;
	enum rc rc = fill(s, made, err);
	if (rc == RC_OK)
		rc = spool_add(agent->spool, s->letter, s->count, s->id, err);
	bool going = rc == RC_OK;
	for (size_t i = 0; going && i < s->count; i++)
		going = submit_copy(s, i, ret);
	if (going)
		set_answer(ret, 250, "2.0.0",
		    s->sent == s->count ? "sealed and handed on"
					: "sealed and kept; will be sent soon");
	submission_done(s);
	free(s);
	return rc;
}

/* --- later tries --------------------------------------------------------------------- */

static void
try_waiting(
    const struct agent *agent, uint64_t id, const struct spool_letter *letter)
{
	struct smtp_client_result result = {0};
	struct err err = ERR_NONE;

	enum rc rc = try_once(agent, letter->from, &letter->to,
	    buf_span(&letter->bytes), agent->limits.upstream, &result, &err);
	const char *why = rc == RC_OK ? result.text : err.text;
	if (rc == RC_OK && result.code == 250)
		remove_entry(agent, id);
	else if (rc == RC_OK && result.code >= 500)
		give_up(agent, id, letter, why);
	else if (clock_now() - letter->accepted > agent->limits.give_up)
		give_up(agent, id, letter, why);
	else
		keep(agent, id, letter->tries, why);
}

void
deliver_due(const struct agent *agent, int64_t *ret_next)
{
	for (;;) {
		struct spool_letter letter SPOOL_LETTER_OWNED = {0};
		struct err err = ERR_NONE;
		uint64_t id = 0;

		enum rc rc = spool_take(
		    agent->spool, clock_now(), &id, &letter, ret_next, &err);
		if (rc == RC_ABSENT && id == 0)
			return;
		if (rc != RC_OK) {
			/* unreadable now; kept on disk, looked at again later */
			log_error("spool entry %" PRIu64 ": %s", id, err.text);
			keep(agent, id, 8, err.text);
			continue;
		}
		try_waiting(agent, id, &letter);
	}
}
