#include "edge/deliver.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge/notice.h"
#include "edge/report.h"
#include "os/clock.h"
#include "os/log.h"

/* --- one try ------------------------------------------------------------------ */

static enum rc
try_once(const struct agent *agent, const struct spool_letter *kept,
    int timeout, struct smtp_client_result *ret, struct err *err)
{
	struct smtp_client_letter letter = {.from = kept->from,
	    .to = &kept->to,
	    .bytes = buf_span(&kept->bytes),
	    .envid = kept->envid};

	if (kept->notify.len == 0)
		return upstream_send(
		    agent->upstream, timeout, &letter, ret, err);
	struct smtp_client_wish *wish = calloc(kept->to.len, sizeof(*wish));
	if (wish == NULL)
		return err_nomem(err, "recipients");
	for (size_t i = 0; i < kept->to.len; i++) {
		(void)smtp_notify_parse(
		    span_str(kept->notify.item[i]), &wish[i].notify);
		wish[i].orcpt = kept->orcpt.item[i];
	}
	letter.wish = wish;
	enum rc rc = upstream_send(agent->upstream, timeout, &letter, ret, err);
	free(wish);
	return rc;
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

/* --- after a try ------------------------------------------------------------------ */

/* Failed for good: tell the sender, then let it go. */
static void
give_up(const struct agent *agent, uint64_t id,
    const struct spool_letter *letter, const char *why)
{
	struct err err = ERR_NONE;

	log_warning("letter %s: given up: %s",
	    letter->message_id != NULL ? letter->message_id : "?", why);
	if (report_spool(agent, letter, REPORT_FAILED, why, &err) != RC_OK) {
		log_error("report: %s", err.text);
		keep(agent, id, letter->tries, why);
		return;
	}
	remove_entry(agent, id);
}

/* The server has it.  RFC 3461 section 5.2.2: who asked for a word of success
 * gets one, from whoever hands the letter to a server that knows nothing of
 * this.  It cannot be sent again for want of that word. */
static void
hand_over(const struct agent *agent, uint64_t id,
    const struct spool_letter *letter, const struct smtp_client_result *result)
{
	struct err err = ERR_NONE;

	if (!result->dsn && report_spool(agent, letter, REPORT_RELAYED,
				result->text, &err) != RC_OK)
		log_error("report: %s", err.text);
	remove_entry(agent, id);
}

/* --- the envelope ------------------------------------------------------------------ */

enum rc
envelope_begin(struct envelope *envelope, const char *from, const char *envid,
    struct err *err)
{
	envelope_done(envelope);
	TRY(span_dup(span_str(from), &envelope->from, err));
	return span_dup(span_str(envid), &envelope->envid, err);
}

enum rc
envelope_add(struct envelope *envelope, const char *to, unsigned notify,
    const char *orcpt, struct err *err)
{
	char words[SMTP_NOTIFY_MAX + 1];

	smtp_notify_print(notify, words);
	TRY(strlist_add_str(&envelope->notify, words, err));
	TRY(strlist_add_str(&envelope->orcpt, orcpt, err));
	return strlist_add_str(&envelope->to, to, err);
}

void
envelope_done(struct envelope *envelope)
{
	free(envelope->from);
	free(envelope->envid);
	strlist_done(&envelope->to);
	strlist_done(&envelope->notify);
	strlist_done(&envelope->orcpt);
	*envelope = (struct envelope){0};
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

/* What was wished for the recipient; the same one twice counts once. */
static enum rc
add_recipient(const struct envelope *envelope, const char *address,
    struct spool_letter *letter, struct err *err)
{
	const char *notify = "", *orcpt = "";

	for (size_t i = 0; i < envelope->to.len; i++)
		if (strcmp(envelope->to.item[i], address) == 0) {
			notify = envelope->notify.item[i];
			orcpt = envelope->orcpt.item[i];
			break;
		}
	TRY(strlist_add_str(&letter->to, address, err));
	TRY(strlist_add_str(&letter->notify, notify, err));
	return strlist_add_str(&letter->orcpt, orcpt, err);
}

static enum rc
fill_letter(const struct envelope *envelope, const char *message_id,
    const struct copy *copy, struct spool_letter *letter, struct err *err)
{
	letter->bytes = BUF(STATE_ITEM_MAX);
	letter->accepted = clock_now();
	TRY(span_dup(span_str(envelope->from), &letter->from, err));
	TRY(span_dup(span_str(envelope->envid), &letter->envid, err));
	TRY(span_dup(span_str(message_id), &letter->message_id, err));
	for (size_t i = 0; i < copy->to.len; i++)
		TRY(add_recipient(envelope, copy->to.item[i], letter, err));
	return buf_add(&letter->bytes, buf_span(&copy->bytes), err);
}

static enum rc
fill(struct submission *s, const struct envelope *envelope,
    const struct outgoing *made, struct err *err)
{
	for (size_t i = 0; i < made->copies; i++) {
		s->count = i + 1;
		TRY(fill_letter(envelope, made->message_id, &made->copy[i],
		    &s->letter[i], err));
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
		rc =
		    try_once(s->agent, &s->letter[i], (int)left, &result, &err);
	if (rc == RC_OK && result.code == 250) {
		hand_over(s->agent, s->id[i], &s->letter[i], &result);
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
deliver_submit(const struct agent *agent, const struct envelope *envelope,
    const struct outgoing *made, struct deliver_answer *ret, struct err *err)
{
	struct submission *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return err_nomem(err, "submission");
	s->agent = agent;
	s->deadline = clock_ticks() + agent->limits.upstream;
	enum rc rc = fill(s, envelope, made, err);
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

	enum rc rc =
	    try_once(agent, letter, agent->limits.upstream, &result, &err);
	const char *why = rc == RC_OK ? result.text : err.text;
	if (rc == RC_OK && result.code == 250)
		hand_over(agent, id, letter, &result);
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
