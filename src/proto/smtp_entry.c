#include "proto/smtp_server_priv.h"

static enum rc
refuse_login(struct smtp_server *server, enum rc why, struct err *err)
{
	server->state = SMTP_AT_COMMAND;
	smtp_login_done(&server->login);
	if (why == RC_NOMEM)
		return why;
	if (why == RC_REFUSED)
		return smtp_server_blame(
		    server, 535, "5.7.8", "Login refused", err);
	return smtp_server_blame(
	    server, 501, "5.5.2", "Cannot read this login", err);
}

static enum rc
after_login_line(
    struct smtp_server *server, enum rc rc, enum smtp_at next, struct err *err)
{
	if (rc != RC_OK)
		return refuse_login(server, rc, err);
	server->state = next;
	if (next == SMTP_AT_PASSWORD) /* "Password:" */
		return smtp_server_say(server, 334, NULL, "UGFzc3dvcmQ6", err);
	return RC_OK;
}

static enum rc
take_plain(struct smtp_server *server, struct span line, struct err *err)
{
	return after_login_line(server,
	    smtp_login_read_plain(&server->login, line, err), SMTP_AT_ASK_LOGIN,
	    err);
}

static enum rc
take_user(struct smtp_server *server, struct span line, struct err *err)
{
	return after_login_line(server,
	    smtp_login_read_user(&server->login, line, err), SMTP_AT_PASSWORD,
	    err);
}

static enum rc
take_password(struct smtp_server *server, struct span line, struct err *err)
{
	return after_login_line(server,
	    smtp_login_read_password(&server->login, line, err),
	    SMTP_AT_ASK_LOGIN, err);
}

static const struct mechanism {
	const char *name;
	enum smtp_at state; /* where its first response is taken */
	const char *prompt;
	enum rc (*take)(
	    struct smtp_server *server, struct span line, struct err *err);
} mechanisms[] = {
    {"PLAIN", SMTP_AT_PLAIN, "", take_plain},
    {"LOGIN", SMTP_AT_USER, "VXNlcm5hbWU6", take_user}, /* "Username:" */
};

static enum rc
start_mechanism(struct smtp_server *server, const struct mechanism *mechanism,
    struct span initial, struct err *err)
{
	if (initial.len > 0)
		return mechanism->take(server, initial, err);
	server->state = mechanism->state;
	return smtp_server_say(server, 334, NULL, mechanism->prompt, err);
}

enum rc
smtp_entry_start(struct smtp_server *server, struct span rest, struct err *err)
{
	struct span words = span_trim(rest);
	ptrdiff_t space = span_find_byte(words, ' ');
	size_t len = space < 0 ? words.len : (size_t)space;
	struct span initial = span_trim(span_after(words, len));

	if (server->authenticated || server->mail ||
	    !server->config.require_auth)
		return smtp_server_blame(
		    server, 503, "5.5.1", "No login now", err);
	smtp_login_done(&server->login);
	for (size_t i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++)
		if (span_is_nocase(span_first(words, len), mechanisms[i].name))
			return start_mechanism(
			    server, &mechanisms[i], initial, err);
	return smtp_server_blame(server, 504, "5.5.4", "Say AUTH PLAIN", err);
}

enum rc
smtp_entry_take_line(
    struct smtp_server *server, struct span line, struct err *err)
{
	if (span_is(line, span_str("*"))) {
		server->state = SMTP_AT_COMMAND;
		smtp_login_done(&server->login);
		return smtp_server_blame(
		    server, 501, "5.7.0", "Login cancelled", err);
	}
	if (server->state == SMTP_AT_PLAIN)
		return take_plain(server, line, err);
	if (server->state == SMTP_AT_USER)
		return take_user(server, line, err);
	return take_password(server, line, err);
}
