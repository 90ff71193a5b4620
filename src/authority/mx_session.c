#include "authority/mx_session.h"

#include <stdio.h>
#include <stdlib.h>

#include "authority/account.h"
#include "authority/answer.h"
#include "authority/metrics.h"
#include "authority/schema.h"
#include "dns/dkim.h"
#include "os/clock.h"
#include "os/log.h"
#include "proto/smtp_server.h"

#define WAIT_MS 60000
#define INPUT_MAX ((size_t)128 * 1024)
#define LOCAL "acme-challenge+"
#define ERRORS_MAX 10
#define TRANSACTIONS_MAX 20

OWNER(struct smtp_server, smtp_server_free);

struct session {
	const struct mx_config *config;
	struct stream *stream;
	struct smtp_server *server;
	struct sql *sql; /* opened when it is needed */
	int64_t deadline;
	struct authorization authorization; /* of the recipient; id 0: none */
	char recipient[400];
};

static enum rc
reply(struct session *session, unsigned code, const char *enhanced,
    const char *text, struct err *err)
{
	return smtp_server_reply(session->server, code, enhanced, text, err);
}

static enum rc
limit_wait(struct session *session, struct err *err)
{
	int64_t left = session->deadline - clock_ticks();

	if (left <= 0)
		return err_set(err, RC_IO, "the session took too long");
	stream_set_timeout(
	    session->stream, left < WAIT_MS ? (int)left : WAIT_MS);
	return RC_OK;
}

static enum rc
send_all(struct session *session, struct err *err)
{
	for (;;) {
		struct span out = smtp_server_output(session->server);
		if (out.len == 0)
			return RC_OK;
		TRY(limit_wait(session, err));
		TRY(stream_write(session->stream, out, err));
		smtp_server_sent(session->server, out.len);
	}
}

static enum rc
recv_some(struct session *session, struct err *err)
{
	struct buf input BUF_OWNED = BUF(INPUT_MAX);

	TRY(send_all(session, err));
	TRY(limit_wait(session, err));
	TRY(stream_read(session->stream, &input, err));
	return smtp_server_push(session->server, buf_span(&input), err);
}

/* The ID of acme-challenge+ID@our.domain; empty for any other address. */
static struct span
challenge_id(const struct session *session, const char *to)
{
	struct span address = span_str(to);
	ptrdiff_t at = span_find_byte(address, '@');

	if (at < 0 || !span_starts_nocase(address, LOCAL) ||
	    !span_is_nocase(span_after(address, (size_t)at + 1),
		session->config->settings->domain))
		return SPAN_NONE;
	return span_after(span_first(address, (size_t)at), strlen(LOCAL));
}

static enum rc
find_challenge(struct session *session, const char *to, struct err *err)
{
	struct span id = challenge_id(session, to);
	char text[100];

	authorization_done(&session->authorization);
	if (id.len == 0 || id.len >= sizeof(text))
		return err_set(err, RC_ABSENT, "no such address");
	(void)snprintf(text, sizeof(text), "%.*s", SPAN_ARGS(id));
	if (session->sql == NULL)
		TRY(schema_open(session->config->folder,
		    session->config->settings, &session->sql, err));
	TRY(authorization_find_recipient(
	    session->sql, text, clock_now(), &session->authorization, err));
	const struct authorization *a = &session->authorization;
	if (a->kind != AUTHORIZATION_EMAIL ||
	    a->state != AUTHORIZATION_PENDING || a->answered)
		return err_set(err, RC_ABSENT, "no such challenge any more");
	(void)snprintf(session->recipient, sizeof(session->recipient),
	    LOCAL "%s@%s", a->recipient, session->config->settings->domain);
	return RC_OK;
}

static enum rc
take_to(struct session *session, struct err *err)
{
	struct err why = ERR_NONE;
	enum rc rc =
	    find_challenge(session, smtp_server_to(session->server), &why);

	if (rc == RC_OK)
		return reply(session, 250, "2.1.5", "ok", err);
	authorization_done(&session->authorization);
	if (rc == RC_ABSENT)
		return reply(session, 550, "5.1.1",
		    "no challenge is pending under this address", err);
	log_error("mx: %s", why.text);
	return reply(session, 451, "4.3.0", "try again later", err);
}

/* RFC 8823 names fields that few providers sign while they are absent; the
 * operator says whether such answers are taken. */
static enum rc
check_dkim(const void *context, struct span letter, struct err *err)
{
	const struct mx_config *config = context;
	const char *how = config->settings->answers;
	bool lenient = how != NULL && strcmp(how, "interop") == 0;
	enum rc rc = dkim_check_challenge(config->resolver, letter,
	    lenient ? DKIM_REPLY_LENIENT : DKIM_REPLY, err);

	/* keys that DNSSEC calls forged prove nothing, and may be better later;
	 * and RC_CRYPTO means something else to who called us */
	return rc == RC_CRYPTO ? RC_IO : rc;
}

/* What the letter says about the challenge, as answer_check() says it. */
static enum rc
judge(struct session *session, struct err *err)
{
	struct account account ACCOUNT_OWNED = {0};

	TRY(account_find_id(
	    session->sql, session->authorization.account, &account, err));
	struct answer_check check = {.authorization = &session->authorization,
	    .recipient = session->recipient,
	    .thumbprint = account.thumbprint,
	    .check_dkim = check_dkim,
	    .dkim_context = session->config};
	return answer_check(&check, smtp_server_letter(session->server), err);
}

/* Keep what was found; RC_ABSENT: it was decided in the meantime. */
static enum rc
record(struct session *session, bool right, struct err *err)
{
	struct authorization_event event = {.id = session->authorization.id,
	    .now = clock_now(),
	    .valid_for = session->config->settings->authorization_reuse,
	    .type = "incorrectResponse",
	    .detail = "the answer letter has a wrong digest"};

	unsigned tries = 0;
	enum rc rc;

	do
		rc = right ? authorization_answer(session->sql, &event, err)
			   : authorization_fail(session->sql, &event, err);
	while (rc == RC_AGAIN && sql_again(&tries));
	return rc;
}

static enum rc
refuse(struct session *session, const struct err *why, struct err *err)
{
	char text[300];

	(void)snprintf(text, sizeof(text),
	    "not the answer to this challenge: %.200s", why->text);
	return reply(session, 550, "5.7.1", text, err);
}

/* Judge the letter and keep what it decides; RC_CRYPTO: that the challenge has
 * failed. */
static enum rc
decide(struct session *session, struct err *why)
{
	enum rc rc = judge(session, why);

	log_info("mx: answer for %s from %s: %s",
	    session->authorization.address, stream_peer(session->stream),
	    rc == RC_OK ? "right" : why->text);
	if (rc != RC_OK && rc != RC_CRYPTO)
		return rc;
	TRY(record(session, rc == RC_OK, why));
	return rc;
}

static enum rc
take_letter(struct session *session, struct err *err)
{
	struct err why = ERR_NONE;

	if (session->authorization.id == 0)
		return reply(session, 550, "5.1.1", "no recipient", err);
	enum rc rc = decide(session, &why);
	metrics_count(METRICS_MAIL_ANSWER, rc == RC_OK);
	authorization_done(&session->authorization);
	switch (rc) {
	case RC_OK:
		return reply(session, 250, "2.0.0", "the answer is kept", err);
	case RC_IO:
	case RC_AGAIN:
	case RC_NOMEM:
		return reply(session, 451, "4.7.5",
		    "the answer cannot be checked now: try again later", err);
	default:
		return refuse(session, &why, err);
	}
}

static enum rc
handle(struct session *session, enum smtp_server_event event, struct err *err)
{
	switch (event) {
	case SMTP_SERVER_MORE:
		return recv_some(session, err);
	case SMTP_SERVER_SEND:
		return send_all(session, err);
	case SMTP_SERVER_LOGIN:
		return smtp_server_login(session->server, false, err);
	case SMTP_SERVER_FROM:
		return reply(session, 250, "2.1.0", "ok", err);
	case SMTP_SERVER_TO:
		return take_to(session, err);
	case SMTP_SERVER_LETTER:
		return take_letter(session, err);
	case SMTP_SERVER_RESET:
		authorization_done(&session->authorization);
		return RC_OK;
	case SMTP_SERVER_END:
		return send_all(session, err);
	case SMTP_SERVER_STARTTLS: /* not offered */
		break;
	}
	return err_set(err, RC_SYNTAX, "unknown event");
}

static enum rc
run(struct session *session, struct err *err)
{
	enum smtp_server_event event;

	do {
		TRY(smtp_server_next(session->server, &event, err));
		TRY(handle(session, event, err));
	} while (event != SMTP_SERVER_END);
	return RC_OK;
}

void
mx_session(const struct mx_config *config, struct stream *stream, bool lmtp)
{
	struct smtp_server_config how = {.name = config->settings->domain,
	    .lmtp = lmtp,
	    .utf8 = true,
	    .limits = {ANSWER_MAX, 1, ERRORS_MAX, TRANSACTIONS_MAX, 0}};
	struct session session = {.config = config,
	    .stream = stream,
	    .deadline = clock_ticks() + MX_SESSION_MS};
	struct smtp_server *server OWNED(smtp_server_free) = NULL;
	struct err err = ERR_NONE;

	enum rc rc = smtp_server_new(&how, &server, &err);
	session.server = server;
	if (rc == RC_OK)
		rc = run(&session, &err);
	if (rc != RC_OK && rc != RC_ABSENT)
		log_info("mx: %s: %s", stream_peer(stream), err.text);
	authorization_done(&session.authorization);
	sql_free(session.sql);
}
