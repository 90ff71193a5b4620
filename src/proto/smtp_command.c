#include "proto/smtp_server_priv.h"

#include "proto/line_priv.h"

/* -- Commands -- */

static void
note_helo(struct smtp_server *server, struct span rest)
{
	server->helo[0] = '\0';
	smtp_reply_add_words(
	    server->helo, sizeof(server->helo), span_trim(rest));
	smtp_server_end_transaction(server);
}

static enum rc
do_helo(struct smtp_server *server, struct span rest, struct err *err)
{
	if (span_trim(rest).len == 0)
		return smtp_server_blame(
		    server, 501, "5.5.4", "Say HELO hostname", err);
	note_helo(server, rest);
	return smtp_server_say(server, 250, NULL, server->name, err);
}

static enum rc
print_offers(struct smtp_server *server, struct err *err)
{
	const struct smtp_server_config *config = &server->config;
	bool clear = config->starttls && !server->secured;
	const struct {
		bool offered;
		const char *line;
	} offers[] = {
	    {config->chunking, "CHUNKING"},
	    {config->dsn, "DSN"},
	    {clear, "STARTTLS"},
	    /* RFC 4954 section 4: a password would be heard by others */
	    {config->require_auth && !clear, "AUTH PLAIN LOGIN"},
	    {config->utf8, "SMTPUTF8"},
	};

	TRY(buf_add_format(&server->out, err,
	    "250-%s\r\n250-PIPELINING\r\n250-SIZE %zu\r\n250-8BITMIME\r\n",
	    server->name, config->limits.letter));
	for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++)
		if (offers[i].offered)
			TRY(buf_add_format(
			    &server->out, err, "250-%s\r\n", offers[i].line));
	return buf_add_str(&server->out, "250 ENHANCEDSTATUSCODES\r\n", err);
}

static enum rc
do_ehlo(struct smtp_server *server, struct span rest, struct err *err)
{
	if (span_trim(rest).len == 0)
		return smtp_server_blame(
		    server, 501, "5.5.4", "Say EHLO hostname", err);
	note_helo(server, rest);
	return print_offers(server, err);
}

static enum rc
do_mail(struct smtp_server *server, struct span rest, struct err *err)
{
	struct smtp_path path = {0};
	struct smtp_refusal no;

	if (server->letters >= server->config.limits.transactions)
		return smtp_server_say(server, 421, "4.7.0",
		    "Too many letters in one connection; closing", err);
	smtp_path_parse_from(rest, server->config.utf8, &path, &no);
	if (no.code != 0)
		return smtp_server_blame(
		    server, no.code, no.enhanced, no.text, err);
	if (path.size > server->config.limits.letter)
		return smtp_server_say(
		    server, 552, "5.3.4", "Letter is too large", err);
	server->from = path;
	server->state = SMTP_AT_ASK_FROM;
	return RC_OK;
}

static enum rc
do_rcpt(struct smtp_server *server, struct span rest, struct err *err)
{
	struct smtp_path path = {0};
	struct smtp_refusal no;

	if (server->chunk.begun)
		return smtp_server_blame(
		    server, 503, "5.5.1", "The letter has begun already", err);
	smtp_path_parse_to(
	    rest, server->config.utf8, server->from.utf8, &path, &no);
	if (no.code != 0)
		return smtp_server_blame(
		    server, no.code, no.enhanced, no.text, err);
	if (server->recipients >= server->config.limits.recipients)
		return smtp_server_say(
		    server, 452, "4.5.3", "Too many recipients", err);
	server->to = path;
	server->state = SMTP_AT_ASK_TO;
	return RC_OK;
}

static enum rc
do_data(struct smtp_server *server, struct span rest, struct err *err)
{
	(void)rest;
	/* RFC 3030 section 2: "DATA and BDAT cannot be used in the same
	 * transaction" */
	if (server->chunk.begun)
		return smtp_server_blame(
		    server, 503, "5.5.1", "BDAT has begun this letter", err);
	if (server->recipients == 0)
		return smtp_server_say(server, server->config.lmtp ? 503 : 554,
		    "5.5.1", "No valid recipients", err);
	smtp_data_begin(&server->data, server->config.limits.letter);
	server->state = SMTP_AT_DATA;
	return smtp_server_say(
	    server, 354, NULL, "End data with <CR><LF>.<CR><LF>", err);
}

static enum rc
do_rset(struct smtp_server *server, struct span rest, struct err *err)
{
	(void)rest;
	smtp_server_end_transaction(server);
	return smtp_server_say(server, 250, "2.0.0", "Ok", err);
}

static enum rc
do_noop(struct smtp_server *server, struct span rest, struct err *err)
{
	(void)rest;
	return smtp_server_say(server, 250, "2.0.0", "Ok", err);
}

static enum rc
do_vrfy(struct smtp_server *server, struct span rest, struct err *err)
{
	(void)rest;
	return smtp_server_say(
	    server, 252, "2.1.5", "Send a letter and see", err);
}

static enum rc
do_quit(struct smtp_server *server, struct span rest, struct err *err)
{
	(void)rest;
	TRY(smtp_server_say(server, 221, "2.0.0", "Bye", err));
	server->state = SMTP_AT_END;
	return RC_OK;
}

static enum rc
do_not(struct smtp_server *server, struct span rest, struct err *err)
{
	(void)rest;
	return smtp_server_blame(server, 502, "5.5.1", "Not implemented", err);
}

/* -- The command table -- */

/* RFC 3207 section 4.2 lets no command stand behind STARTTLS in one piece.
 * Whoever sits between could have put it there, to be obeyed as if it had come
 * under TLS (CVE-2011-0411). */
static enum rc
do_starttls(struct smtp_server *server, struct span rest, struct err *err)
{
	if (!server->config.starttls)
		return do_not(server, rest, err);
	if (server->secured)
		return smtp_server_blame(
		    server, 503, "5.5.1", "TLS is there already", err);
	if (span_trim(rest).len > 0)
		return smtp_server_blame(
		    server, 501, "5.5.4", "STARTTLS stands alone", err);
	if (smtp_server_unread(server).len > 0)
		return smtp_server_say(server, 421, "4.7.0",
		    "Nothing may stand behind STARTTLS; closing", err);
	TRY(smtp_server_say(server, 220, "2.0.0", "Begin TLS", err));
	server->state = SMTP_AT_ASK_TLS;
	return RC_OK;
}

/* RFC 3207 section 4: before TLS nothing else than NOOP, EHLO, STARTTLS and
 * QUIT. */
#define SESSION (SMTP_NEED_TLS | SMTP_NEED_HELLO | SMTP_NEED_LOGIN)

static const struct command {
	const char *name;
	unsigned check; /* enum smtp_need: what must be there before */
	size_t line;    /* longest line, with CRLF */
	enum rc (*run)(
	    struct smtp_server *server, struct span rest, struct err *err);
} commands[] = {
    {"EHLO", SMTP_NEED_SMTP, SMTP_COMMAND_MAX, do_ehlo},
    {"HELO", SMTP_NEED_SMTP, SMTP_COMMAND_MAX, do_helo},
    {"LHLO", SMTP_NEED_LMTP, SMTP_COMMAND_MAX, do_ehlo},
    {"AUTH", SMTP_NEED_TLS | SMTP_NEED_HELLO, SMTP_AUTH_MAX, smtp_entry_start},
    {"MAIL", SESSION | SMTP_NEED_NO_MAIL, SMTP_PATH_LINE_MAX, do_mail},
    {"RCPT", SESSION | SMTP_NEED_MAIL, SMTP_PATH_LINE_MAX, do_rcpt},
    {"DATA", SESSION | SMTP_NEED_MAIL, SMTP_COMMAND_MAX, do_data},
    /* whatever is missing: its bytes have to be taken first */
    {"BDAT", 0, SMTP_COMMAND_MAX, smtp_chunk_start},
    {"RSET", 0, SMTP_COMMAND_MAX, do_rset},
    {"NOOP", 0, SMTP_COMMAND_MAX, do_noop},
    {"QUIT", 0, SMTP_COMMAND_MAX, do_quit},
    {"VRFY", SESSION, SMTP_COMMAND_MAX, do_vrfy},
    {"EXPN", SESSION, SMTP_COMMAND_MAX, do_not},
    {"HELP", 0, SMTP_COMMAND_MAX, do_not},
    {"STARTTLS", 0, SMTP_COMMAND_MAX, do_starttls},
};

const struct smtp_refusal *
smtp_command_objection(const struct smtp_server *server, unsigned needs)
{
	static const struct smtp_refusal no[] = {
	    {500, "5.5.1", "EHLO is for SMTP, LHLO for LMTP"},
	    {530, "5.7.0", "Say STARTTLS first"},
	    {503, "5.5.1", "Say EHLO first"},
	    {530, "5.7.0", "Authentication required"},
	    {503, "5.5.1", "Say MAIL first"},
	    {503, "5.5.1", "One letter after the other"},
	};
	const struct smtp_server_config *config = &server->config;

	if (needs & (config->lmtp ? SMTP_NEED_SMTP : SMTP_NEED_LMTP))
		return &no[0];
	if ((needs & SMTP_NEED_TLS) && config->starttls && !server->secured)
		return &no[1];
	if ((needs & SMTP_NEED_HELLO) && server->helo[0] == '\0')
		return &no[2];
	if ((needs & SMTP_NEED_LOGIN) && config->require_auth &&
	    !server->authenticated)
		return &no[3];
	if ((needs & SMTP_NEED_MAIL) && !server->mail)
		return &no[4];
	if ((needs & SMTP_NEED_NO_MAIL) && server->mail)
		return &no[5];
	return NULL;
}

static enum rc
run_command(struct smtp_server *server, const struct command *command,
    struct span line, struct err *err)
{
	const struct smtp_refusal *no =
	    smtp_command_objection(server, command->check);

	if (line.len + 2 > command->line)
		return smtp_server_blame(
		    server, 500, "5.5.2", "Line is too long", err);
	if (no != NULL)
		return smtp_server_blame(
		    server, no->code, no->enhanced, no->text, err);
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

enum rc
smtp_command_take(struct smtp_server *server, struct span line, struct err *err)
{
	const struct command *command = find_command(line);

	/* Not only as the first line: the page may have found words to put
	 * before it.  Without an answer, which the page might read. */
	if (line_is_http(line)) {
		server->state = SMTP_AT_END;
		return RC_OK;
	}
	if (line_has_stray_control(line))
		return smtp_server_blame(server, 500, "5.5.2",
		    "Stray CR, LF or NUL in a command", err);
	if (command == NULL)
		return smtp_server_blame(
		    server, 500, "5.5.2", "Unknown command", err);
	return run_command(server, command, line, err);
}
