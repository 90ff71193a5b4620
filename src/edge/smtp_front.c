#include "edge/smtp_front.h"

#include <stdio.h>
#include <string.h>

#include "edge/deliver.h"
#include "flow/answering.h"
#include "flow/stamping.h"
#include "mime/address.h"
#include "os/clock.h"
#include "os/log.h"
#include "proto/smtp_server.h"

struct session {
	const struct agent *agent;
	struct visit *visit;
	struct stream *stream;
	int64_t deadline; /* in ticks: for the login; 0: it is there */
	struct smtp_server *smtp;
	struct https *https;
	struct recipients recipients;
	struct envelope envelope;
	/* The first recipient that was refused in this letter: nothing leaves
	 * for anybody, and this is said after the data. */
	struct {
		unsigned code; /* 0: none */
		char text[300];
	} refused;
};

static void
reset(struct session *s)
{
	recipients_done(&s->recipients);
	envelope_done(&s->envelope);
	s->refused.code = 0;
}

/* --- events ------------------------------------------------------------------- */

static enum rc
on_login(struct session *s, struct err *err)
{
	bool known = agent_knows(
	    s->agent, smtp_server_user(s->smtp), smtp_server_password(s->smtp));

	if (!known)
		log_warning(
		    "smtp: %s: wrong credential", stream_peer(s->stream));
	if (known)
		TRY(visit_admit(s->visit, err));
	if (known)
		s->deadline = 0;
	return smtp_server_login(s->smtp, known, err);
}

static enum rc
on_from(struct session *s, struct err *err)
{
	const char *from = smtp_server_from(s->smtp);

	reset(s);
	if (from[0] != '\0' && !address_equal(from, s->agent->account->address))
		return smtp_server_reply(s->smtp, 550, "5.7.1",
		    "this account may not send as that address", err);
	TRY(envelope_begin(&s->envelope,
	    from[0] != '\0' ? s->agent->account->address : "",
	    smtp_server_envid(s->smtp), err));
	return smtp_server_reply(s->smtp, 250, "2.1.0", "ok", err);
}

static enum rc
refuse_recipient(
    struct session *s, enum rc why, const struct err *reason, struct err *err)
{
	bool later = why != RC_ABSENT && why != RC_UNFIT;
	char text[300];

	(void)snprintf(text, sizeof(text), "<%.120s>: %.160s",
	    smtp_server_to(s->smtp), reason->text);
	if (s->refused.code == 0) {
		s->refused.code = later ? 451 : 554;
		memcpy(s->refused.text, text, sizeof(text));
	}
	log_info("smtp: recipient refused: %s", reason->text);
	return later ? smtp_server_reply(s->smtp, 451, "4.4.3", text, err)
		     : smtp_server_reply(s->smtp, 550, "5.7.1", text, err);
}

static enum rc
on_to(struct session *s, struct err *err)
{
	const struct keydir keydir = {
	    .https = s->https,
	    .directory = s->agent->directory,
	    .roots = s->agent->roots,
	    .timeout = s->agent->limits.directory,
	    .state = s->agent->state,
	    .status = s->agent->reader.status,
	};
	struct err why = ERR_NONE;

	enum rc rc = recipients_add(&s->recipients, &keydir,
	    smtp_server_to(s->smtp), clock_now(), &why);
	if (rc != RC_OK)
		return refuse_recipient(s, rc, &why, err);
	TRY(envelope_add(&s->envelope, smtp_server_to(s->smtp),
	    smtp_server_notify(s->smtp), smtp_server_orcpt(s->smtp), err));
	return smtp_server_reply(s->smtp, 250, "2.1.5", "ok, sealed", err);
}

/* Why a letter could not be made, as an SMTP answer. */
static enum rc
answer_failure(struct session *s, enum rc rc, const char *text, struct err *err)
{
	static const struct {
		enum rc rc;
		unsigned code;
		const char *enhanced;
	} answers[] = {
	    {RC_UNFIT, 550, "5.7.1"},
	    {RC_SYNTAX, 554, "5.6.0"},
	    {RC_LIMIT, 552, "5.3.4"},
	    {RC_ABSENT, 554, "5.5.1"},
	    {RC_IO, 452, "4.3.1"},
	};

	log_warning("smtp: letter refused: %s", text);
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		if (answers[i].rc == rc)
			return smtp_server_reply(s->smtp, answers[i].code,
			    answers[i].enhanced, text, err);
	return smtp_server_reply(s->smtp, 451, "4.3.0", text, err);
}

/* A letter that left is not stopped by what cannot be remembered of it. */
static void
remember(struct session *s)
{
	struct err why = ERR_NONE;

	if (s->agent->people != NULL &&
	    people_sent(s->agent->people, smtp_server_letter(s->smtp),
		&s->recipients, clock_now(), &why) != RC_OK)
		log_warning("recipients not remembered: %s", why.text);
}

/* May it go, as an answer to whatever it answers? */
static enum rc
check_answer(
    struct session *s, struct protect_reference *secrets, struct err *err)
{
	const struct answering by = {
	    .state = s->agent->state,
	    .own = s->agent->account->address,
	    .to = &s->recipients,
	    .from_nobody = smtp_server_from(s->smtp)[0] == '\0',
	    .now = clock_now(),
	};

	return answering_check(smtp_server_letter(s->smtp), &by, secrets, err);
}

static enum rc
submit(struct session *s, struct deliver_answer *ret, struct err *err)
{
	__attribute__((cleanup(outgoing_done))) struct outgoing made;
	struct protect_reference secrets REFERENCE_OWNED = REFERENCE_NONE;
	struct sender sender = s->agent->sender;
	struct stamping stamping = {
	    s->https, s->agent->tsa, s->agent->limits.tsa};
	const struct stamper stamper = stamping_stamper(&stamping);

	if (s->agent->tsa != NULL)
		sender.stamper = &stamper;
	sender.now = clock_now();
	outgoing_init(&made);
	TRY(check_answer(s, &secrets, err));
	sender.reference = &secrets;
	TRY(outgoing_make(smtp_server_letter(s->smtp), &sender,
	    s->recipients.item, s->recipients.len, &made, err));
	if (!made.stamped)
		log_warning(
		    "letter %s: no timestamp to be had", made.message_id);
	TRY(deliver_submit(s->agent, &s->envelope, &made, ret, err));
	log_info("letter %s: %zu copies, answered %u", made.message_id,
	    made.copies, ret->code);
	if (ret->code == 250)
		remember(s);
	return RC_OK;
}

static enum rc
on_letter(struct session *s, struct err *err)
{
	struct deliver_answer answer = {0};
	struct err why = ERR_NONE;

	if (s->refused.code != 0) {
		bool later = s->refused.code < 500;
		return smtp_server_reply(s->smtp, s->refused.code,
		    later ? "4.4.3" : "5.7.1", s->refused.text, err);
	}
	enum rc rc = submit(s, &answer, &why);
	if (rc != RC_OK)
		return answer_failure(s, rc, why.text, err);
	return smtp_server_reply(
	    s->smtp, answer.code, answer.enhanced, answer.text, err);
}

static enum rc
flush(struct session *s, struct err *err)
{
	struct span out = smtp_server_output(s->smtp);

	while (out.len > 0) {
		TRY(stream_write(s->stream, out, err));
		smtp_server_sent(s->smtp, out.len);
		out = smtp_server_output(s->smtp);
	}
	return RC_OK;
}

/* The "220" has to be out before TLS begins. */
static enum rc
on_starttls(struct session *s, struct err *err)
{
	TRY(flush(s, err));
	TRY(visit_secure(s->visit, err));
	return smtp_server_secured(s->smtp, err);
}

static enum rc
handle(struct session *s, enum smtp_server_event event, struct err *err)
{
	switch (event) {
	case SMTP_SERVER_LOGIN:
		return on_login(s, err);
	case SMTP_SERVER_FROM:
		return on_from(s, err);
	case SMTP_SERVER_TO:
		return on_to(s, err);
	case SMTP_SERVER_LETTER:
		return on_letter(s, err);
	case SMTP_SERVER_RESET:
		reset(s);
		return RC_OK;
	case SMTP_SERVER_STARTTLS:
		return on_starttls(s, err);
	case SMTP_SERVER_MORE:
	case SMTP_SERVER_SEND:
	case SMTP_SERVER_END:
		return RC_OK;
	}
	bug("smtp_front: no such event");
}

/* --- the loop ------------------------------------------------------------------- */

/* Whoever has not logged in has so long for all of it, however little it says
 * at a time. */
static enum rc
limit_wait(const struct session *s, struct err *err)
{
	int64_t left = s->agent->limits.idle;

	if (s->deadline > 0)
		left = s->deadline - clock_ticks();
	if (left <= 0)
		return err_set(err, RC_IO, "no login in time");
	stream_set_timeout(s->stream, (int)left);
	return RC_OK;
}

static enum rc
read_more(struct session *s, struct err *err)
{
	struct buf in BUF_OWNED = BUF_SECRET((size_t)64 * 1024);

	TRY(limit_wait(s, err));
	TRY(stream_read(s->stream, &in, err));
	return smtp_server_push(s->smtp, buf_span(&in), err);
}

static enum rc
run(struct session *s, struct err *err)
{
	for (;;) {
		enum smtp_server_event event = SMTP_SERVER_END;

		TRY(smtp_server_next(s->smtp, &event, err));
		TRY(handle(s, event, err));
		TRY(flush(s, err));
		if (event == SMTP_SERVER_END)
			return RC_OK;
		if (event == SMTP_SERVER_MORE)
			TRY(read_more(s, err));
	}
}

static enum rc
start(struct session *s, struct err *err)
{
	struct smtp_server_limits limits = SMTP_SERVER_LIMITS;

	limits.letter = s->agent->limits.letter;
	const struct smtp_server_config config = {.name = "localhost",
	    .require_auth = true,
	    .limits = limits,
	    .utf8 = true,
	    .chunking = true,
	    .dsn = true,
	    .starttls = visit_is_clear(s->visit)};
	TRY(https_new(s->agent->account->tls_trust[0] != '\0'
			  ? s->agent->account->tls_trust
			  : NULL,
	    s->agent->names, &s->https, err));
	return smtp_server_new(&config, &s->smtp, err);
}

void
smtp_front_serve(const struct agent *agent, struct visit *visit)
{
	struct stream *stream = visit_stream(visit);
	struct session s = {.agent = agent,
	    .visit = visit,
	    .stream = stream,
	    .deadline = clock_ticks() + agent->limits.stranger,
	    .recipients = RECIPIENTS_NONE};
	struct err err = ERR_NONE;

	enum rc rc = start(&s, &err);
	if (rc == RC_OK)
		rc = run(&s, &err);
	if (rc != RC_OK && rc != RC_ABSENT)
		log_info("smtp: %s: %s", stream_peer(stream), err.text);
	reset(&s);
	smtp_server_free(s.smtp);
	https_free(s.https);
}
