#include "proto/smtp_client.h"

#include <stdlib.h>

#include "proto/smtp_auth_priv.h"
#include "proto/smtp_letter_priv.h"
#include "proto/smtp_reply_priv.h"

#define REPLY_MAX ((size_t)64 * 1024)
#define COMMAND_MAX ((size_t)1 << 20) /* all of one group of commands */
#define GROUP_MAX 100 /* commands sent before replies are read */

/* What reply we are waiting for.
 *
 *   GREETING -> EHLO -+-> STARTTLS -> SECURE -> EHLO (again)
 *                     +-> AUTH (proto/smtp_auth) +
 *                     +--------------------------+-> MAIL -> RCPT -> DATA
 *      any refusal -> (RCPT: RSET) -> DONE              DATA -> BODY -> DONE
 */
enum state {
	GREETING,
	EHLO,
	STARTTLS,
	SECURE, /* no reply is waited for: the caller makes TLS */
	AUTH,
	MAIL,
	RCPT,
	DATA,
	BODY,
	RSET,
	DONE,
	STATES
};

struct smtp_client {
	struct smtp_client_config config;
	enum state state;
	bool secured;
	struct smtp_letter_needs needs;
	struct smtp_offers offers;
	struct smtp_auth auth;
	bool certified; /* TLS has shown our certificate */
	struct buf in;
	struct buf out;
	size_t asked;     /* recipients whose RCPT was sent */
	size_t answered;  /* and whose reply came */
	size_t body_sent; /* bytes of the letter that were sent */
	bool dot_sent;    /* the dot before letter[body_sent] was */
	size_t end_sent;  /* bytes of the final CRLF.CRLF */
	bool mail_refused;
	bool refused; /* the result is a refusal already */
	struct smtp_client_result result;
};

/* -- Before anything is sent ------------------------------------------- */

static enum rc
check_config(const struct smtp_client_config *config, struct err *err)
{
	if (config->name[0] == '\0')
		return err_set(err, RC_SYNTAX, "EHLO name is empty");
	TRY(smtp_letter_check_address(config->name, err));
	if (config->login.user == NULL)
		return RC_OK;
	return smtp_auth_check(&config->login, err);
}

enum rc
smtp_client_new(const struct smtp_client_config *config,
    struct smtp_client **ret, struct err *err)
{
	struct smtp_letter_needs needs = {false, false};

	TRY(check_config(config, err));
	if (config->letter != NULL)
		TRY(smtp_letter_check(config->letter, &needs, err));
	struct smtp_client *client = calloc(1, sizeof(*client));
	if (client == NULL)
		return err_nomem(err, "SMTP client");
	client->config = *config;
	client->auth.sasl = config->login;
	client->needs = needs;
	client->state = GREETING;
	client->in = BUF(REPLY_MAX);
	client->out = BUF_SECRET(COMMAND_MAX); /* passwords pass through */
	*ret = client;
	return RC_OK;
}

void
smtp_client_free(struct smtp_client *client)
{
	if (client == NULL)
		return;
	buf_done(&client->in);
	buf_done(&client->out);
	free(client);
}

/* -- The result -------------------------------------------------------- */

static enum rc
quit(struct smtp_client *client, struct err *err)
{
	client->state = DONE;
	return buf_add_str(&client->out, "QUIT\r\n", err);
}

/* A refusal of our own, because the server's would be the same. */
static enum rc
refuse(struct smtp_client *client, unsigned code, const char *enhanced,
    const char *text, struct err *err)
{
	struct smtp_client_result *result = &client->result;

	*result = (struct smtp_client_result){.code = code};
	smtp_reply_add_words(
	    result->enhanced, sizeof(result->enhanced), span_str(enhanced));
	smtp_reply_add_words(
	    result->text, sizeof(result->text), span_str(text));
	return quit(client, err);
}

static enum rc
finish(
    struct smtp_client *client, const struct smtp_reply *reply, struct err *err)
{
	smtp_reply_result(reply, "", &client->result);
	return quit(client, err);
}

static bool
is_good(const struct smtp_reply *reply)
{
	return reply->code / 100 == 2;
}

/* -- Login ------------------------------------------------------------- */

static enum rc
ask(struct smtp_client *client, enum state state, const char *command,
    struct err *err)
{
	TRY(buf_add_format(&client->out, err, "%s\r\n", command));
	client->state = state;
	return RC_OK;
}

static enum rc start_letter(struct smtp_client *client, struct err *err);

/* The login is good, or none is needed. */
static enum rc
enter(
    struct smtp_client *client, const struct smtp_reply *reply, struct err *err)
{
	if (client->config.letter == NULL)
		return finish(client, reply, err);
	return start_letter(client, err);
}

static enum rc
start_login(
    struct smtp_client *client, const struct smtp_reply *reply, struct err *err)
{
	enum rc rc = smtp_auth_begin(&client->auth, client->offers.mechanisms,
	    client->certified, &client->out, err);

	if (rc == RC_ABSENT)
		return enter(client, reply, err);
	client->state = AUTH;
	return rc;
}

static enum rc
on_auth(
    struct smtp_client *client, const struct smtp_reply *reply, struct err *err)
{
	if (reply->code == 334)
		return smtp_auth_go_on(&client->auth, &client->out, err);
	if (is_good(reply))
		return enter(client, reply, err);
	/* 4xx: it may be somebody's in a while; that is no reason to send the
	 * password */
	if (reply->code < 500 || !smtp_auth_has_more(&client->auth))
		return finish(client, reply, err);
	client->certified = false; /* it is nobody's there */
	return start_login(client, reply, err);
}

/* -- The transaction --------------------------------------------------- */

/* The next one, or the next group. */
static enum rc
send_recipients(struct smtp_client *client, struct err *err)
{
	const struct strlist *to = client->config.letter->to;
	size_t group = client->offers.pipelining ? GROUP_MAX : 1;

	for (; group > 0 && client->asked < to->len; group--) {
		TRY(smtp_letter_print_to(client->config.letter, client->asked,
		    &client->offers, &client->out, err));
		client->asked++;
	}
	return RC_OK;
}

/* DATA is not in the group: a server that took some of the recipients and
 * said 354 would have to be given a letter. */
static enum rc
start_letter(struct smtp_client *client, struct err *err)
{
	const struct smtp_client_letter *letter = client->config.letter;
	const struct smtp_offers *offers = &client->offers;

	if (client->needs.eightbit && !offers->eightbit) {
		return refuse(client, 554, "5.6.3",
		    "the server does not take 8-bit letters", err);
	}
	if (client->needs.utf8 && !offers->utf8) {
		return refuse(client, 553, "5.6.7",
		    "the server does not take addresses beyond ASCII", err);
	}
	if (offers->size_max > 0 && letter->bytes.len > offers->size_max) {
		return refuse(client, 552, "5.3.4",
		    "the letter is larger than the server takes", err);
	}
	TRY(smtp_letter_print_from(
	    letter, &client->needs, offers, &client->out, err));
	if (offers->pipelining)
		TRY(send_recipients(client, err));
	client->state = MAIL;
	return RC_OK;
}

/* A permanent refusal outweighs a temporary one: the letter can never go to
 * all of them.  Of equals the first counts. */
static void
note_refusal(struct smtp_client *client, const struct smtp_reply *reply,
    const char *recipient)
{
	if (client->refused &&
	    (client->result.code >= 500 || reply->code < 500))
		return;
	client->refused = true;
	smtp_reply_result(reply, recipient, &client->result);
}

static enum rc
ask_for_next(struct smtp_client *client, struct err *err)
{
	if (client->answered < client->asked) {
		client->state = RCPT;
		return RC_OK;
	}
	if (client->refused)
		return ask(client, RSET, "RSET", err);
	if (client->asked == client->config.letter->to->len)
		return ask(client, DATA, "DATA", err);
	client->state = RCPT;
	return send_recipients(client, err);
}

static enum rc
on_mail(
    struct smtp_client *client, const struct smtp_reply *reply, struct err *err)
{
	if (!is_good(reply)) {
		client->mail_refused = true;
		note_refusal(client, reply, "");
	}
	return ask_for_next(client, err);
}

static enum rc
on_rcpt(
    struct smtp_client *client, const struct smtp_reply *reply, struct err *err)
{
	const struct strlist *to = client->config.letter->to;
	const char *recipient = to->item[client->answered++];

	/* after a refused MAIL these only say 503 */
	if (!is_good(reply) && !client->mail_refused)
		note_refusal(client, reply, recipient);
	return ask_for_next(client, err);
}

static enum rc
on_data(
    struct smtp_client *client, const struct smtp_reply *reply, struct err *err)
{
	if (reply->code >= 400)
		return finish(client, reply, err);
	client->state = BODY;
	return RC_OK;
}

static bool
is_body_sent(const struct smtp_client *client)
{
	return client->end_sent > 0 && smtp_client_output(client).len == 0;
}

static enum rc
on_body(
    struct smtp_client *client, const struct smtp_reply *reply, struct err *err)
{
	bool whole = is_body_sent(client);

	if (!whole && reply->code < 400)
		return err_set(err, RC_SYNTAX,
		    "SMTP: the server answered before the letter was sent");
	smtp_reply_result(reply, "", &client->result);
	client->result.dsn = client->offers.dsn;
	if (is_good(reply))
		client->result.code = 250;
	if (whole)
		return quit(client, err);
	client->state = DONE; /* in the middle of the data no QUIT is heard */
	return RC_OK;
}

static enum rc
on_rset(
    struct smtp_client *client, const struct smtp_reply *reply, struct err *err)
{
	(void)reply; /* the refusal before it is the result */
	return quit(client, err);
}

/* -- Greeting and offers ------------------------------------------------ */

static enum rc
send_ehlo(struct smtp_client *client, struct err *err)
{
	TRY(buf_add_format(
	    &client->out, err, "EHLO %s\r\n", client->config.name));
	client->state = EHLO;
	return RC_OK;
}

static enum rc
on_greeting(
    struct smtp_client *client, const struct smtp_reply *reply, struct err *err)
{
	if (reply->code >= 400)
		return finish(client, reply, err);
	return send_ehlo(client, err);
}

static enum rc
on_ehlo(
    struct smtp_client *client, const struct smtp_reply *reply, struct err *err)
{
	/* No HELO after this: without extensions there is neither TLS nor
	 * login, and being talked down to that is an attack. */
	if (!is_good(reply))
		return finish(client, reply, err);
	smtp_offers_read(reply, &client->offers);
	if (client->config.starttls && !client->secured) {
		if (!client->offers.starttls)
			return err_set(err, RC_UNFIT,
			    "the server does not offer STARTTLS; without TLS "
			    "nothing is sent");
		return ask(client, STARTTLS, "STARTTLS", err);
	}
	if (client->config.login.user != NULL)
		return start_login(client, reply, err);
	return enter(client, reply, err);
}

static enum rc
on_starttls(
    struct smtp_client *client, const struct smtp_reply *reply, struct err *err)
{
	if (reply->code >= 400)
		return err_set(err, RC_UNFIT,
		    "the server refused STARTTLS with %u", reply->code);
	client->state = SECURE;
	return RC_OK;
}

/* -- Replies ------------------------------------------------------------ */

/* What may come when, and what is then done.  Codes of 400 and more may
 * always come. */
static const struct {
	unsigned want; /* 2: any 2xx */
	enum rc (*run)(struct smtp_client *client,
	    const struct smtp_reply *reply, struct err *err);
} steps[STATES] = {
    [GREETING] = {220, on_greeting},
    [EHLO] = {2, on_ehlo},
    [STARTTLS] = {220, on_starttls},
    [AUTH] = {2, on_auth}, /* and 334 */
    [MAIL] = {2, on_mail},
    [RCPT] = {2, on_rcpt},
    [DATA] = {354, on_data},
    [BODY] = {2, on_body},
    [RSET] = {2, on_rset},
};

static enum rc
check_code(const struct smtp_client *client, const struct smtp_reply *reply,
    struct err *err)
{
	unsigned want = steps[client->state].want;

	if (client->state == AUTH && reply->code == 334)
		return RC_OK;
	if (reply->code >= 400 || reply->code == want ||
	    reply->code / 100 == want)
		return RC_OK;
	return err_set(err, RC_SYNTAX,
	    "SMTP: reply code %u is not possible here", reply->code);
}

enum rc
smtp_client_push(struct smtp_client *client, struct span bytes, struct err *err)
{
	/* RFC 3207 section 6: whoever sits between could put replies of his
	 * own here, to be read as if they had come under TLS. */
	if (client->state == SECURE && bytes.len > 0)
		return err_set(err, RC_SYNTAX,
		    "SMTP: the server sent bytes between STARTTLS and TLS");
	return buf_add(&client->in, bytes, err);
}

/* RFC 5321 section 3.8: 421 may come at any time, and no other reply after
 * it. */
static enum rc
on_shutdown(struct smtp_client *client, const struct smtp_reply *reply)
{
	if (!client->refused)
		smtp_reply_result(reply, "", &client->result);
	client->state = DONE;
	return RC_OK;
}

static enum rc
step(struct smtp_client *client, struct err *err)
{
	struct smtp_reply reply;

	TRY(smtp_reply_find(buf_span(&client->in), &reply, err));
	if (reply.code == 421)
		return on_shutdown(client, &reply);
	TRY(check_code(client, &reply, err));
	TRY(steps[client->state].run(client, &reply, err));
	buf_drop(&client->in, reply.lines.len);
	if (client->state == SECURE)
		return smtp_client_push(client, buf_span(&client->in), err);
	return RC_OK;
}

enum rc
smtp_client_next(
    struct smtp_client *client, enum smtp_client_event *ret, struct err *err)
{
	while (client->state != DONE && client->state != SECURE) {
		enum rc rc = step(client, err);
		if (rc == RC_AGAIN) {
			*ret = SMTP_CLIENT_MORE;
			return RC_OK;
		}
		TRY(rc);
	}
	*ret = client->state == DONE ? SMTP_CLIENT_DONE : SMTP_CLIENT_STARTTLS;
	return RC_OK;
}

enum rc
smtp_client_secured(struct smtp_client *client, struct err *err)
{
	if (client->state != SECURE)
		bug("smtp_client_secured: STARTTLS was not asked for");
	client->secured = true;
	/* RFC 3207 section 4.2: what was learned before TLS is forgotten */
	client->offers = (struct smtp_offers){0};
	return send_ehlo(client, err);
}

/* -- Output --------------------------------------------------------------
 * The letter is lent piece by piece as it lies in memory; only the dots of
 * RFC 5321 section 4.5.2 are put between. */

static bool
needs_dot(const struct smtp_client *client)
{
	struct span bytes = client->config.letter->bytes;
	size_t at = client->body_sent;

	return !client->dot_sent && at < bytes.len && bytes.data[at] == '.' &&
	       (at == 0 || bytes.data[at - 1] == '\n');
}

static struct span
body_end(const struct smtp_client *client)
{
	struct span bytes = client->config.letter->bytes;
	bool ended = bytes.len == 0 || bytes.data[bytes.len - 1] == '\n';

	return span_after(
	    span_str(ended ? ".\r\n" : "\r\n.\r\n"), client->end_sent);
}

static struct span
body_output(const struct smtp_client *client)
{
	struct span rest =
	    span_after(client->config.letter->bytes, client->body_sent);

	if (rest.len == 0)
		return body_end(client);
	if (needs_dot(client))
		return span_str(".");
	rest = span_first(rest, SMTP_CLIENT_PIECE);
	ptrdiff_t dot = span_find(rest, span_str("\n."));
	return dot < 0 ? rest : span_first(rest, (size_t)dot + 1);
}

struct span
smtp_client_output(const struct smtp_client *client)
{
	if (client->out.len > 0 || client->state != BODY)
		return buf_span(&client->out);
	return body_output(client);
}

void
smtp_client_sent(struct smtp_client *client, size_t len)
{
	if (len == 0)
		return;
	if (len > smtp_client_output(client).len)
		bug("smtp_client_sent: more than there was");
	if (client->out.len > 0) {
		buf_drop(&client->out, len);
	} else if (client->body_sent == client->config.letter->bytes.len) {
		client->end_sent += len;
	} else if (needs_dot(client)) {
		client->dot_sent = true;
	} else {
		client->body_sent += len;
		client->dot_sent = false;
	}
}

const struct smtp_client_result *
smtp_client_result(const struct smtp_client *client)
{
	return &client->result;
}

void
smtp_client_certified(struct smtp_client *client)
{
	client->certified = true;
}
