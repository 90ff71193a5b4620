#include "proto/smtp_server_priv.h"

#include <stdlib.h>

#define PUSH_MAX ((size_t)2 << 20)
#define OUTPUT_MAX ((size_t)1 << 20)
/* So much is sent before another command is looked at: one segment of commands
 * can be answered by more than ten times its bytes. */
#define OUTPUT_MUCH ((size_t)64 * 1024)

/* -- Begin and end -- */

static enum rc
fill(struct smtp_server *server, const struct smtp_server_config *config,
    struct err *err)
{
	if (config->lmtp && config->limits.recipients != 1)
		bug("LMTP: an answer for each recipient is not made here");
	server->config = *config;
	server->in = BUF_SECRET(PUSH_MAX); /* passwords pass through */
	server->out = BUF(OUTPUT_MAX);
	smtp_login_init(&server->login);
	smtp_data_begin(&server->data, config->limits.letter);
	TRY(span_dup(span_str(config->name), &server->name, err));
	server->config.name = server->name;
	return buf_add_format(&server->out, err, "220 %s %s\r\n", server->name,
	    config->lmtp ? "LMTP" : "ESMTP");
}

enum rc
smtp_server_new(const struct smtp_server_config *config,
    struct smtp_server **ret, struct err *err)
{
	struct smtp_server *server = calloc(1, sizeof(*server));

	if (server == NULL)
		return err_nomem(err, "SMTP server");
	enum rc rc = fill(server, config, err);
	if (rc != RC_OK) {
		smtp_server_free(server);
		return rc;
	}
	*ret = server;
	return RC_OK;
}

void
smtp_server_free(struct smtp_server *server)
{
	if (server == NULL)
		return;
	free(server->name);
	buf_done(&server->in);
	buf_done(&server->out);
	smtp_login_done(&server->login);
	smtp_data_done(&server->data);
	free(server);
}

enum rc
smtp_server_push(struct smtp_server *server, struct span bytes, struct err *err)
{
	buf_drop(&server->in, server->at);
	server->at = 0;
	return buf_add(&server->in, bytes, err);
}

struct span
smtp_server_output(const struct smtp_server *server)
{
	return buf_span(&server->out);
}

void
smtp_server_sent(struct smtp_server *server, size_t len)
{
	buf_drop(&server->out, len);
}

/* -- Replies -- */

enum rc
smtp_server_say(struct smtp_server *server, unsigned code, const char *enhanced,
    const char *text, struct err *err)
{
	if (code == 421)
		server->state = SMTP_AT_END;
	return smtp_reply_print(code, enhanced, text, &server->out, err);
}

enum rc
smtp_server_blame(struct smtp_server *server, unsigned code,
    const char *enhanced, const char *text, struct err *err)
{
	if (++server->errors >= server->config.limits.errors)
		return smtp_server_say(
		    server, 421, "4.7.0", "Too many errors; closing", err);
	return smtp_server_say(server, code, enhanced, text, err);
}

void
smtp_server_end_transaction(struct smtp_server *server)
{
	server->reset_due |= server->mail;
	server->mail = false;
	server->recipients = 0;
	server->from = server->to = (struct smtp_path){0};
	server->chunk = (struct smtp_chunk){0};
	smtp_data_begin(&server->data, server->config.limits.letter);
}

/* -- Bytes -- */

struct span
smtp_server_unread(const struct smtp_server *server)
{
	return span_after(buf_span(&server->in), server->at);
}

static enum rc
refuse_line(struct smtp_server *server, enum smtp_at next, struct err *err)
{
	bool command = server->state == SMTP_AT_COMMAND;

	smtp_login_done(&server->login);
	server->state = next;
	return smtp_server_blame(
	    server, 500, command ? "5.5.2" : "5.5.6", "Line is too long", err);
}

/* A CR at the very end may be half of a line end. */
static enum rc
skip_bytes(struct smtp_server *server)
{
	struct span rest = smtp_server_unread(server);
	bool half = rest.len > 0 && rest.data[rest.len - 1] == '\r';

	server->at += half ? rest.len - 1 : rest.len;
	return RC_AGAIN;
}

static enum rc
take_line(struct smtp_server *server, struct err *err)
{
	struct span rest = smtp_server_unread(server);
	ptrdiff_t end = span_find(rest, span_str("\r\n"));
	struct span line = span_first(rest, (size_t)end);

	if (end < 0 && server->state == SMTP_AT_SKIP)
		return skip_bytes(server);
	if (end < 0)
		return rest.len < SMTP_AUTH_MAX
			   ? RC_AGAIN
			   : refuse_line(server, SMTP_AT_SKIP, err);
	server->at += (size_t)end + 2;
	if (server->state == SMTP_AT_SKIP) {
		server->state = SMTP_AT_COMMAND;
		return RC_OK;
	}
	if (line.len + 2 > SMTP_AUTH_MAX)
		return refuse_line(server, SMTP_AT_COMMAND, err);
	if (server->state == SMTP_AT_COMMAND)
		return smtp_command_take(server, line, err);
	return smtp_entry_take_line(server, line, err);
}

static enum rc
refuse_data(
    struct smtp_server *server, const struct smtp_refusal *no, struct err *err)
{
	smtp_server_end_transaction(server);
	server->state = SMTP_AT_COMMAND;
	return smtp_server_say(server, no->code, no->enhanced, no->text, err);
}

enum rc
smtp_server_close_letter(struct smtp_server *server, struct err *err)
{
	const struct smtp_refusal *no = smtp_data_refusal(&server->data);

	server->letters++;
	if (no != NULL)
		return refuse_data(server, no, err);
	server->state = SMTP_AT_ASK_LETTER;
	return RC_OK;
}

static enum rc
take_data(struct smtp_server *server, struct err *err)
{
	size_t used = 0;
	enum rc rc = smtp_data_push(
	    &server->data, smtp_server_unread(server), &used, err);

	server->at += used;
	if (rc == RC_LIMIT) {
		smtp_server_end_transaction(server);
		return smtp_server_say(
		    server, 421, "4.3.4", "Letter is too large; closing", err);
	}
	TRY(rc);
	if (server->data.state != SMTP_DATA_OVER)
		return RC_AGAIN;
	return smtp_server_close_letter(server, err);
}

/* -- Events -- */

static const enum smtp_server_event events[] = {
    [SMTP_AT_ASK_LOGIN] = SMTP_SERVER_LOGIN,
    [SMTP_AT_ASK_TLS] = SMTP_SERVER_STARTTLS,
    [SMTP_AT_ASK_FROM] = SMTP_SERVER_FROM,
    [SMTP_AT_ASK_TO] = SMTP_SERVER_TO,
    [SMTP_AT_ASK_LETTER] = SMTP_SERVER_LETTER,
    [SMTP_AT_END] = SMTP_SERVER_END,
};

static enum smtp_server_event
give_event(struct smtp_server *server)
{
	if (server->event_given)
		bug("smtp_server_next: the event before was not answered");
	server->event_given = server->state != SMTP_AT_END;
	return events[server->state];
}

static enum rc
take_some(struct smtp_server *server, struct err *err)
{
	if (server->state == SMTP_AT_DATA)
		return take_data(server, err);
	if (server->state == SMTP_AT_CHUNK)
		return smtp_chunk_take(server, err);
	return take_line(server, err);
}

/* Is there something to be told before more bytes are looked at? */
static bool
find_event(struct smtp_server *server, enum smtp_server_event *ret)
{
	if (server->reset_due) {
		server->reset_due = false;
		*ret = SMTP_SERVER_RESET;
		return true;
	}
	if (server->state >= SMTP_AT_ASK_LOGIN) {
		*ret = give_event(server);
		return true;
	}
	*ret = SMTP_SERVER_SEND;
	return server->out.len > OUTPUT_MUCH;
}

enum rc
smtp_server_next(
    struct smtp_server *server, enum smtp_server_event *ret, struct err *err)
{
	while (!find_event(server, ret)) {
		enum rc rc = take_some(server, err);
		if (rc == RC_AGAIN) {
			*ret = SMTP_SERVER_MORE;
			return RC_OK;
		}
		TRY(rc);
	}
	return RC_OK;
}

static void
expect_event(struct smtp_server *server)
{
	if (!server->event_given)
		bug("SMTP server: an answer without an event");
	server->event_given = false;
}

enum rc
smtp_server_login(struct smtp_server *server, bool accepted, struct err *err)
{
	if (server->state != SMTP_AT_ASK_LOGIN)
		bug("smtp_server_login: nobody logs in");
	expect_event(server);
	server->state = SMTP_AT_COMMAND;
	server->authenticated = accepted;
	buf_done(&server->login.password);
	if (accepted)
		return smtp_server_say(server, 235, "2.7.0", "Welcome", err);
	if (++server->wrong == server->config.limits.logins)
		return smtp_server_say(server, 421, "4.7.0",
		    "Too many wrong credentials; closing", err);
	return smtp_server_blame(server, 535, "5.7.8", "Login refused", err);
}

enum rc
smtp_server_secured(struct smtp_server *server, struct err *err)
{
	if (server->state != SMTP_AT_ASK_TLS)
		bug("smtp_server_secured: STARTTLS was not asked for");
	expect_event(server);
	if (smtp_server_unread(server).len > 0)
		return err_set(err, RC_SYNTAX,
		    "SMTP: bytes came between STARTTLS and TLS");
	server->state = SMTP_AT_COMMAND;
	server->secured = true;
	/* RFC 3207 section 4.2: "The server MUST discard any knowledge
	 * obtained from the client" */
	server->helo[0] = '\0';
	smtp_server_end_transaction(server);
	return RC_OK;
}

enum rc
smtp_server_reply(struct smtp_server *server, unsigned code,
    const char *enhanced, const char *text, struct err *err)
{
	enum smtp_at asked = server->state;
	bool good = code / 100 == 2;

	if (code < 200 || code > 599 || code / 100 == 3)
		bug("smtp_server_reply: no such code");
	if (asked != SMTP_AT_ASK_FROM && asked != SMTP_AT_ASK_TO &&
	    asked != SMTP_AT_ASK_LETTER)
		bug("smtp_server_reply: nothing was asked");
	expect_event(server);
	server->state = SMTP_AT_COMMAND;
	if (asked == SMTP_AT_ASK_FROM)
		server->mail = good;
	if (asked == SMTP_AT_ASK_TO && good)
		server->recipients++;
	if (asked == SMTP_AT_ASK_LETTER) {
		server->mail = false; /* over, and the caller knows */
		server->recipients = 0;
		server->chunk.begun = false;
	}
	return smtp_server_say(server, code, enhanced, text, err);
}

/* -- What an event is about -- */

const char *
smtp_server_user(const struct smtp_server *server)
{
	return (const char *)server->login.user.data;
}

struct span
smtp_server_password(const struct smtp_server *server)
{
	return buf_span(&server->login.password);
}

const char *
smtp_server_from(const struct smtp_server *server)
{
	return server->from.address;
}

const char *
smtp_server_to(const struct smtp_server *server)
{
	return server->to.address;
}

const char *
smtp_server_envid(const struct smtp_server *server)
{
	return server->from.envid;
}

unsigned
smtp_server_notify(const struct smtp_server *server)
{
	return server->to.notify;
}

const char *
smtp_server_orcpt(const struct smtp_server *server)
{
	return server->to.orcpt;
}

const char *
smtp_server_helo(const struct smtp_server *server)
{
	return server->helo;
}

struct span
smtp_server_letter(const struct smtp_server *server)
{
	return buf_span(&server->data.letter);
}
