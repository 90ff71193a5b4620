#include "proto/smtp_server.h"

#include <stdlib.h>

#include "proto/line_priv.h"
#include "proto/smtp_data_priv.h"
#include "proto/smtp_login_priv.h"
#include "proto/smtp_path_priv.h"
#include "proto/smtp_reply_priv.h"

#define COMMAND_MAX 512    /* with CRLF: RFC 5321 section 4.5.3.1.4 */
#define PATH_LINE_MAX 1536 /* what SIZE, BODY, DSN and AUTH= add */
#define AUTH_MAX 12288     /* RFC 4954 section 4 */
#define PUSH_MAX ((size_t)2 << 20)
#define OUTPUT_MAX ((size_t)1 << 20)
#define HELO_MAX 255

/* What the next bytes are, or whose turn it is.
 *
 *   COMMAND --AUTH, no initial response--> PLAIN --> ASK_LOGIN --> COMMAND
 *   COMMAND --AUTH LOGIN--> USER --> PASSWORD -----> ASK_LOGIN --> COMMAND
 *   COMMAND --MAIL--> ASK_FROM --> COMMAND
 *   COMMAND --RCPT--> ASK_TO --> COMMAND
 *   COMMAND --DATA--> DATA --CRLF.CRLF--> ASK_LETTER --> COMMAND
 *   COMMAND --too long--> SKIP --CRLF--> COMMAND
 *   any --QUIT, 421, HTTP--> END
 *
 * In ASK_* the caller has to answer; no byte is looked at before that.
 */
enum state {
	COMMAND,
	SKIP,
	PLAIN,
	USER,
	PASSWORD,
	DATA,
	ASK_LOGIN,
	ASK_FROM,
	ASK_TO,
	ASK_LETTER,
	END
};

struct smtp_server {
	char *name;
	bool require_auth;
	bool lmtp;
	bool utf8;
	struct smtp_server_limits limits;
	enum state state;
	bool event_given; /* of the ASK_* state we are in */
	bool reset_due;   /* a transaction ended without a letter */
	bool authenticated;
	bool mail;           /* MAIL was accepted */
	unsigned recipients; /* RCPTs that were accepted */
	unsigned errors;
	unsigned letters;
	struct buf in;
	size_t at; /* bytes of `in` that are done with */
	struct buf out;
	struct smtp_login login;
	struct smtp_data data;
	char helo[HELO_MAX + 1];
	struct smtp_path from, to;
};

/* -- Begin and end -- */

static enum rc
fill(struct smtp_server *server, const struct smtp_server_config *config,
    struct err *err)
{
	if (config->lmtp && config->limits.recipients != 1)
		bug("LMTP: an answer for each recipient is not made here");
	server->require_auth = config->require_auth;
	server->lmtp = config->lmtp;
	server->utf8 = config->utf8;
	server->limits = config->limits;
	server->in = BUF_SECRET(PUSH_MAX); /* passwords pass through */
	server->out = BUF(OUTPUT_MAX);
	smtp_login_init(&server->login);
	smtp_data_begin(&server->data, config->limits.letter);
	TRY(span_dup(span_str(config->name), &server->name, err));
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

static enum rc
reply(struct smtp_server *server, unsigned code, const char *enhanced,
    const char *text, struct err *err)
{
	if (code == 421)
		server->state = END;
	return smtp_reply_print(code, enhanced, text, &server->out, err);
}

/* A command that was wrong.  Somebody who goes on like that is no mail
 * program. */
static enum rc
blame(struct smtp_server *server, unsigned code, const char *enhanced,
    const char *text, struct err *err)
{
	if (++server->errors >= server->limits.errors)
		return reply(
		    server, 421, "4.7.0", "Too many errors; closing", err);
	return reply(server, code, enhanced, text, err);
}

static void
end_transaction(struct smtp_server *server)
{
	server->reset_due |= server->mail;
	server->mail = false;
	server->recipients = 0;
	server->from = server->to = (struct smtp_path){0};
	smtp_data_begin(&server->data, server->limits.letter);
}

/* -- Commands -- */

static void
note_helo(struct smtp_server *server, struct span rest)
{
	server->helo[0] = '\0';
	smtp_reply_add_words(
	    server->helo, sizeof(server->helo), span_trim(rest));
	end_transaction(server);
}

static enum rc
do_helo(struct smtp_server *server, struct span rest, struct err *err)
{
	if (span_trim(rest).len == 0)
		return blame(server, 501, "5.5.4", "Say HELO hostname", err);
	note_helo(server, rest);
	return reply(server, 250, NULL, server->name, err);
}

static enum rc
do_ehlo(struct smtp_server *server, struct span rest, struct err *err)
{
	if (span_trim(rest).len == 0)
		return blame(server, 501, "5.5.4", "Say EHLO hostname", err);
	note_helo(server, rest);
	return smtp_reply_print_offers(server->name, server->limits.letter,
	    server->require_auth, server->utf8, &server->out, err);
}

static enum rc
do_mail(struct smtp_server *server, struct span rest, struct err *err)
{
	struct smtp_path path = {0};
	struct smtp_refusal no;

	if (server->letters >= server->limits.transactions)
		return reply(server, 421, "4.7.0",
		    "Too many letters in one connection; closing", err);
	smtp_path_parse_from(rest, server->utf8, &path, &no);
	if (no.code != 0)
		return blame(server, no.code, no.enhanced, no.text, err);
	if (path.size > server->limits.letter)
		return reply(server, 552, "5.3.4", "Letter is too large", err);
	server->from = path;
	server->state = ASK_FROM;
	return RC_OK;
}

static enum rc
do_rcpt(struct smtp_server *server, struct span rest, struct err *err)
{
	struct smtp_path path = {0};
	struct smtp_refusal no;

	smtp_path_parse_to(rest, &path, &no);
	if (no.code != 0)
		return blame(server, no.code, no.enhanced, no.text, err);
	if (server->recipients >= server->limits.recipients)
		return reply(server, 452, "4.5.3", "Too many recipients", err);
	server->to = path;
	server->state = ASK_TO;
	return RC_OK;
}

static enum rc
do_data(struct smtp_server *server, struct span rest, struct err *err)
{
	(void)rest;
	if (server->recipients == 0)
		return reply(server, server->lmtp ? 503 : 554, "5.5.1",
		    "No valid recipients", err);
	smtp_data_begin(&server->data, server->limits.letter);
	server->state = DATA;
	return reply(server, 354, NULL, "End data with <CR><LF>.<CR><LF>", err);
}

static enum rc
do_rset(struct smtp_server *server, struct span rest, struct err *err)
{
	(void)rest;
	end_transaction(server);
	return reply(server, 250, "2.0.0", "Ok", err);
}

static enum rc
do_noop(struct smtp_server *server, struct span rest, struct err *err)
{
	(void)rest;
	return reply(server, 250, "2.0.0", "Ok", err);
}

static enum rc
do_vrfy(struct smtp_server *server, struct span rest, struct err *err)
{
	(void)rest;
	return reply(server, 252, "2.1.5", "Send a letter and see", err);
}

static enum rc
do_quit(struct smtp_server *server, struct span rest, struct err *err)
{
	(void)rest;
	TRY(reply(server, 221, "2.0.0", "Bye", err));
	server->state = END;
	return RC_OK;
}

static enum rc
do_not(struct smtp_server *server, struct span rest, struct err *err)
{
	(void)rest;
	return blame(server, 502, "5.5.1", "Not implemented", err);
}

/* -- Login -- */

static enum rc
refuse_login(struct smtp_server *server, enum rc why, struct err *err)
{
	server->state = COMMAND;
	smtp_login_done(&server->login);
	if (why == RC_NOMEM)
		return why;
	if (why == RC_REFUSED)
		return blame(server, 535, "5.7.8", "Login refused", err);
	return blame(server, 501, "5.5.2", "Cannot read this login", err);
}

static enum rc
after_login_line(
    struct smtp_server *server, enum rc rc, enum state next, struct err *err)
{
	if (rc != RC_OK)
		return refuse_login(server, rc, err);
	server->state = next;
	if (next == PASSWORD) /* "Password:" */
		return reply(server, 334, NULL, "UGFzc3dvcmQ6", err);
	return RC_OK;
}

static enum rc
take_plain(struct smtp_server *server, struct span line, struct err *err)
{
	return after_login_line(server,
	    smtp_login_read_plain(&server->login, line, err), ASK_LOGIN, err);
}

static enum rc
take_user(struct smtp_server *server, struct span line, struct err *err)
{
	return after_login_line(server,
	    smtp_login_read_user(&server->login, line, err), PASSWORD, err);
}

static enum rc
take_password(struct smtp_server *server, struct span line, struct err *err)
{
	return after_login_line(server,
	    smtp_login_read_password(&server->login, line, err), ASK_LOGIN,
	    err);
}

static const struct mechanism {
	const char *name;
	enum state state; /* where its first response is taken */
	const char *prompt;
	enum rc (*take)(
	    struct smtp_server *server, struct span line, struct err *err);
} mechanisms[] = {
    {"PLAIN", PLAIN, "", take_plain},
    {"LOGIN", USER, "VXNlcm5hbWU6", take_user}, /* "Username:" */
};

static enum rc
start_mechanism(struct smtp_server *server, const struct mechanism *mechanism,
    struct span initial, struct err *err)
{
	if (initial.len > 0)
		return mechanism->take(server, initial, err);
	server->state = mechanism->state;
	return reply(server, 334, NULL, mechanism->prompt, err);
}

static enum rc
do_auth(struct smtp_server *server, struct span rest, struct err *err)
{
	struct span words = span_trim(rest);
	ptrdiff_t space = span_find_byte(words, ' ');
	size_t len = space < 0 ? words.len : (size_t)space;
	struct span initial = span_trim(span_after(words, len));

	if (server->authenticated || server->mail || !server->require_auth)
		return blame(server, 503, "5.5.1", "No login now", err);
	smtp_login_done(&server->login);
	for (size_t i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++)
		if (span_is_nocase(span_first(words, len), mechanisms[i].name))
			return start_mechanism(
			    server, &mechanisms[i], initial, err);
	return blame(server, 504, "5.5.4", "Say AUTH PLAIN", err);
}

static enum rc
take_login_line(struct smtp_server *server, struct span line, struct err *err)
{
	if (span_is(line, span_str("*"))) {
		server->state = COMMAND;
		smtp_login_done(&server->login);
		return blame(server, 501, "5.7.0", "Login cancelled", err);
	}
	if (server->state == PLAIN)
		return take_plain(server, line, err);
	if (server->state == USER)
		return take_user(server, line, err);
	return take_password(server, line, err);
}

/* -- The command table -- */

enum need { HELLO = 1, LOGIN = 2, MAIL = 4, NO_MAIL = 8, SMTP = 16, LMTP = 32 };

static const struct command {
	const char *name;
	unsigned check; /* enum need: what must be there before */
	size_t line;    /* longest line, with CRLF */
	enum rc (*run)(
	    struct smtp_server *server, struct span rest, struct err *err);
} commands[] = {
    {"EHLO", SMTP, COMMAND_MAX, do_ehlo},
    {"HELO", SMTP, COMMAND_MAX, do_helo},
    {"LHLO", LMTP, COMMAND_MAX, do_ehlo},
    {"AUTH", HELLO, AUTH_MAX, do_auth},
    {"MAIL", HELLO | LOGIN | NO_MAIL, PATH_LINE_MAX, do_mail},
    {"RCPT", HELLO | LOGIN | MAIL, PATH_LINE_MAX, do_rcpt},
    {"DATA", HELLO | LOGIN | MAIL, COMMAND_MAX, do_data},
    {"RSET", 0, COMMAND_MAX, do_rset},
    {"NOOP", 0, COMMAND_MAX, do_noop},
    {"QUIT", 0, COMMAND_MAX, do_quit},
    {"VRFY", HELLO | LOGIN, COMMAND_MAX, do_vrfy},
    {"EXPN", HELLO | LOGIN, COMMAND_MAX, do_not},
    {"BDAT", HELLO | LOGIN, COMMAND_MAX, do_not},
    {"HELP", 0, COMMAND_MAX, do_not},
    /* TLS is there from the first byte (RFC 8314 section 3.3) */
    {"STARTTLS", 0, COMMAND_MAX, do_not},
};

static const struct smtp_refusal *
find_objection(const struct smtp_server *server, unsigned check)
{
	static const struct smtp_refusal no_hello = {
	    503, "5.5.1", "Say EHLO first"};
	static const struct smtp_refusal no_login = {
	    530, "5.7.0", "Authentication required"};
	static const struct smtp_refusal no_mail = {
	    503, "5.5.1", "Say MAIL first"};
	static const struct smtp_refusal mail_there = {
	    503, "5.5.1", "One letter after the other"};
	static const struct smtp_refusal other = {
	    500, "5.5.1", "EHLO is for SMTP, LHLO for LMTP"};

	if (check & (server->lmtp ? SMTP : LMTP))
		return &other;
	if ((check & HELLO) && server->helo[0] == '\0')
		return &no_hello;
	if ((check & LOGIN) && server->require_auth && !server->authenticated)
		return &no_login;
	if ((check & MAIL) && !server->mail)
		return &no_mail;
	if ((check & NO_MAIL) && server->mail)
		return &mail_there;
	return NULL;
}

static enum rc
run_command(struct smtp_server *server, const struct command *command,
    struct span line, struct err *err)
{
	const struct smtp_refusal *no = find_objection(server, command->check);

	if (line.len + 2 > command->line)
		return blame(server, 500, "5.5.2", "Line is too long", err);
	if (no != NULL)
		return blame(server, no->code, no->enhanced, no->text, err);
	return command->run(
	    server, span_after(line, strlen(command->name)), err);
}

static const struct command *
find_command(struct span line)
{
	ptrdiff_t space = span_find_byte(line, ' ');
	struct span verb = space < 0 ? line : span_first(line, (size_t)space);

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (span_is_nocase(verb, commands[i].name))
			return &commands[i];
	return NULL;
}

static enum rc
take_command(struct smtp_server *server, struct span line, struct err *err)
{
	const struct command *command = find_command(line);

	/* Not only as the first line: the page may have found words to put
	 * before it.  Without an answer, which the page might read. */
	if (line_is_http(line)) {
		server->state = END;
		return RC_OK;
	}
	if (line_has_stray_control(line))
		return blame(server, 500, "5.5.2",
		    "Stray CR, LF or NUL in a command", err);
	if (command == NULL)
		return blame(server, 500, "5.5.2", "Unknown command", err);
	return run_command(server, command, line, err);
}

/* -- Bytes -- */

static struct span
unread(const struct smtp_server *server)
{
	return span_after(buf_span(&server->in), server->at);
}

static enum rc
refuse_line(struct smtp_server *server, enum state next, struct err *err)
{
	bool command = server->state == COMMAND;

	smtp_login_done(&server->login);
	server->state = next;
	return blame(
	    server, 500, command ? "5.5.2" : "5.5.6", "Line is too long", err);
}

/* A CR at the very end may be half of a line end. */
static enum rc
skip_bytes(struct smtp_server *server)
{
	struct span rest = unread(server);
	bool half = rest.len > 0 && rest.data[rest.len - 1] == '\r';

	server->at += half ? rest.len - 1 : rest.len;
	return RC_AGAIN;
}

static enum rc
take_line(struct smtp_server *server, struct err *err)
{
	struct span rest = unread(server);
	ptrdiff_t end = span_find(rest, span_str("\r\n"));
	struct span line = span_first(rest, (size_t)end);

	if (end < 0 && server->state == SKIP)
		return skip_bytes(server);
	if (end < 0)
		return rest.len < AUTH_MAX ? RC_AGAIN
					   : refuse_line(server, SKIP, err);
	server->at += (size_t)end + 2;
	if (server->state == SKIP) {
		server->state = COMMAND;
		return RC_OK;
	}
	if (line.len + 2 > AUTH_MAX)
		return refuse_line(server, COMMAND, err);
	if (server->state == COMMAND)
		return take_command(server, line, err);
	return take_login_line(server, line, err);
}

static enum rc
refuse_data(
    struct smtp_server *server, const struct smtp_refusal *no, struct err *err)
{
	end_transaction(server);
	server->state = COMMAND;
	return reply(server, no->code, no->enhanced, no->text, err);
}

static enum rc
take_data(struct smtp_server *server, struct err *err)
{
	size_t used = 0;
	enum rc rc = smtp_data_push(&server->data, unread(server), &used, err);

	server->at += used;
	if (rc == RC_LIMIT) {
		end_transaction(server);
		return reply(
		    server, 421, "4.3.4", "Letter is too large; closing", err);
	}
	TRY(rc);
	if (server->data.state != SMTP_DATA_OVER)
		return RC_AGAIN;
	server->letters++;
	const struct smtp_refusal *no = smtp_data_refusal(&server->data);
	if (no != NULL)
		return refuse_data(server, no, err);
	server->state = ASK_LETTER;
	return RC_OK;
}

/* -- Events -- */

static const enum smtp_server_event events[] = {
    [ASK_LOGIN] = SMTP_SERVER_LOGIN,
    [ASK_FROM] = SMTP_SERVER_FROM,
    [ASK_TO] = SMTP_SERVER_TO,
    [ASK_LETTER] = SMTP_SERVER_LETTER,
    [END] = SMTP_SERVER_END,
};

static enum smtp_server_event
give_event(struct smtp_server *server)
{
	if (server->event_given)
		bug("smtp_server_next: the event before was not answered");
	server->event_given = server->state != END;
	return events[server->state];
}

enum rc
smtp_server_next(
    struct smtp_server *server, enum smtp_server_event *ret, struct err *err)
{
	for (;;) {
		enum rc rc;
		if (server->reset_due) {
			server->reset_due = false;
			*ret = SMTP_SERVER_RESET;
			return RC_OK;
		}
		if (server->state >= ASK_LOGIN) {
			*ret = give_event(server);
			return RC_OK;
		}
		rc = server->state == DATA ? take_data(server, err)
					   : take_line(server, err);
		if (rc == RC_AGAIN) {
			*ret = SMTP_SERVER_MORE;
			return RC_OK;
		}
		TRY(rc);
	}
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
	if (server->state != ASK_LOGIN)
		bug("smtp_server_login: nobody logs in");
	expect_event(server);
	server->state = COMMAND;
	server->authenticated = accepted;
	buf_done(&server->login.password);
	if (accepted)
		return reply(server, 235, "2.7.0", "Welcome", err);
	return blame(server, 535, "5.7.8", "Login refused", err);
}

enum rc
smtp_server_reply(struct smtp_server *server, unsigned code,
    const char *enhanced, const char *text, struct err *err)
{
	enum state asked = server->state;
	bool good = code / 100 == 2;

	if (code < 200 || code > 599 || code / 100 == 3)
		bug("smtp_server_reply: no such code");
	if (asked != ASK_FROM && asked != ASK_TO && asked != ASK_LETTER)
		bug("smtp_server_reply: nothing was asked");
	expect_event(server);
	server->state = COMMAND;
	if (asked == ASK_FROM)
		server->mail = good;
	if (asked == ASK_TO && good)
		server->recipients++;
	if (asked == ASK_LETTER) {
		server->mail = false; /* over, and the caller knows */
		server->recipients = 0;
	}
	return reply(server, code, enhanced, text, err);
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
smtp_server_helo(const struct smtp_server *server)
{
	return server->helo;
}

struct span
smtp_server_letter(const struct smtp_server *server)
{
	return buf_span(&server->data.letter);
}
