#include "proto/smtp_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/own.h"

OWNER(struct smtp_client, smtp_client_free);

#define LENGTH(table) (sizeof(table) / sizeof((table)[0]))
#define TEST_MAX ((size_t)8 << 20)
#define TLS_LINE "(tls)\n" /* in a transcript: STARTTLS was asked for */
#define GREETING "220 mail.example\r\n"
#define EHLO "250 mail.example\r\n"
#define EHLO_AUTH "250-mail.example\r\n250 AUTH LOGIN PLAIN\r\n"
#define EHLO_ALL                                                 \
	"250-mail.example\r\n250-PIPELINING\r\n250-SIZE 100\r\n" \
	"250-8BITMIME\r\n250-DSN\r\n250 AUTH PLAIN\r\n"
#define PLAIN_LOGIN "AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n"
#define MAIL "MAIL FROM:<alice@a.example>\r\n"
#define BOB "RCPT TO:<bob@b.example>\r\n"
#define CAROL "RCPT TO:<carol@c.example>\r\n"
#define HELLO "EHLO me\r\n"
#define QUIT "QUIT\r\n"

static char *two[] = {(char[]){"bob@b.example"}, (char[]){"carol@c.example"}};
static const struct strlist both = {two, 2, 2};
static const struct strlist bob_only = {two, 1, 1};

static struct smtp_client_letter
test_letter(const char *text, const struct strlist *to)
{
	return (struct smtp_client_letter){
	    .from = "alice@a.example", .to = to, .bytes = span_str(text)};
}

/* -- A server that says what it is told to, one entry for each time the client
 * -- wants to read. */

struct play {
	struct smtp_client_config config;
	const char *const *says; /* ends in NULL: the peer falls silent */
	size_t cut;              /* bytes a push; 0: all */
};

struct outcome {
	struct buf sent; /* all that the client sent, and TLS_LINE */
	struct smtp_client_result result;
	bool done;
	enum rc rc;
	struct err err;
};
#define OUTCOME ((struct outcome){.sent = BUF(TEST_MAX)})

static void
outcome_done(struct outcome *outcome)
{
	buf_done(&outcome->sent);
}
#define OUTCOME_OWNED __attribute__((cleanup(outcome_done)))

/* What a peer takes at once: little of what is little. */
static size_t
peer_takes(size_t len)
{
	return len < 1000 ? 7 : len;
}

static void
drain(struct smtp_client *client, struct buf *sent)
{
	for (;;) {
		struct span out = smtp_client_output(client);
		assert_true(out.len <= SMTP_CLIENT_PIECE);
		out = span_first(out, peer_takes(out.len));
		if (out.len == 0)
			return;
		assert_int_equal(buf_add(sent, out, NULL), RC_OK);
		smtp_client_sent(client, out.len);
	}
}

static enum rc
push_cut(struct smtp_client *client, struct span bytes, size_t cut,
    enum smtp_client_event *event, struct err *err)
{
	do {
		size_t len = cut == 0 ? bytes.len : cut;
		TRY(smtp_client_push(client, span_first(bytes, len), err));
		TRY(smtp_client_next(client, event, err));
		bytes = span_after(bytes, len);
	} while (bytes.len > 0 && *event == SMTP_CLIENT_MORE);
	return RC_OK;
}

static enum rc
play_on(struct smtp_client *client, const struct play *play,
    struct outcome *outcome)
{
	enum smtp_client_event event;

	TRY(smtp_client_next(client, &event, &outcome->err));
	for (size_t i = 0; play->says[i] != NULL;) {
		drain(client, &outcome->sent);
		if (event == SMTP_CLIENT_STARTTLS) {
			TRY(buf_add_str(&outcome->sent, TLS_LINE, NULL));
			TRY(smtp_client_secured(client, &outcome->err));
			TRY(smtp_client_next(client, &event, &outcome->err));
			continue;
		}
		if (event == SMTP_CLIENT_DONE)
			break;
		TRY(push_cut(client, span_str(play->says[i++]), play->cut,
		    &event, &outcome->err));
	}
	drain(client, &outcome->sent);
	outcome->done = event == SMTP_CLIENT_DONE;
	return RC_OK;
}

static void
run(const struct play *play, struct outcome *outcome)
{
	struct smtp_client *client OWNED(smtp_client_free) = NULL;

	assert_int_equal(
	    smtp_client_new(&play->config, &client, &outcome->err), RC_OK);
	outcome->rc = play_on(client, play, outcome);
	outcome->result = *smtp_client_result(client);
}

static void
check_sent(const char *name, const struct outcome *outcome, const char *want)
{
	if (!span_is(buf_span(&outcome->sent), span_str(want)))
		fail_msg("%s: sent\n got: %.*s\nwant: %s", name,
		    SPAN_ARGS(buf_span(&outcome->sent)), want);
}

static void
check_result(const char *name, const struct outcome *outcome, unsigned code,
    const char *enhanced, const char *text, const char *recipient)
{
	const struct smtp_client_result *got = &outcome->result;

	if (outcome->rc != RC_OK || !outcome->done || got->code != code ||
	    strcmp(got->enhanced, enhanced) != 0 ||
	    strcmp(got->text, text) != 0 ||
	    strcmp(got->recipient, recipient) != 0)
		fail_msg("%s: %s \"%s\" done %d: %u \"%s\" \"%s\" \"%s\"", name,
		    rc_name(outcome->rc), outcome->err.text, outcome->done,
		    got->code, got->enhanced, got->text, got->recipient);
}

/* -- Letters ----------------------------------------------------------------- */

static void
a_letter_goes_step_by_step_to_a_server_that_offers_nothing(void **state)
{
	struct smtp_client_letter letter = test_letter("a\r\n", &both);
	const char *const says[] = {GREETING, EHLO, "250 ok\r\n", "250 ok\r\n",
	    "251 ok\r\n", "354 go\r\n", "250 2.0.0 taken\r\n", NULL};
	struct play play = {{.name = "me", .letter = &letter}, says, 0};

	for (play.cut = 0; play.cut < 3; play.cut++) {
		struct outcome outcome OUTCOME_OWNED = OUTCOME;
		run(&play, &outcome);
		check_result("plain", &outcome, 250, "2.0.0", "taken", "");
		check_sent("plain", &outcome,
		    HELLO MAIL BOB CAROL "DATA\r\na\r\n.\r\n" QUIT);
	}
}

static void
recipients_go_together_when_pipelining_is_offered(void **state)
{
	struct smtp_client_letter letter = test_letter("a\r\n", &both);
	const char *const says[] = {GREETING, EHLO_ALL,
	    "250 ok\r\n250 ok\r\n250 ok\r\n", "354 go\r\n", "250 taken\r\n",
	    NULL};
	struct play play = {{.name = "me", .letter = &letter}, says, 0};
	struct outcome outcome OUTCOME_OWNED = OUTCOME;

	run(&play, &outcome);
	check_result("pipelining", &outcome, 250, "", "taken", "");
	check_sent("pipelining", &outcome,
	    HELLO "MAIL FROM:<alice@a.example> SIZE=3 RET=HDRS\r\n" BOB CAROL
		  "DATA\r\na\r\n.\r\n" QUIT);
}

static void
add(struct buf *buf, const char *text)
{
	assert_int_equal(buf_add_str(buf, text, NULL), RC_OK);
}

/* Lines that begin with a dot, at every place around the end of a piece. */
static void
a_large_letter_goes_in_pieces(void **state)
{
	for (size_t at = 0; at < 8; at++) {
		struct buf text BUF_OWNED = BUF(TEST_MAX);
		struct buf want BUF_OWNED = BUF(TEST_MAX);
		const char *letter_text = NULL, *want_text = NULL;
		for (size_t i = 0; i < SMTP_CLIENT_PIECE - 4 + at; i++)
			add(&text, "x");
		add(&want, HELLO MAIL BOB "DATA\r\n");
		assert_int_equal(buf_add(&want, buf_span(&text), NULL), RC_OK);
		for (size_t i = 0; i < SMTP_CLIENT_PIECE; i++) {
			add(&text, "\r\n.a");
			add(&want, "\r\n..a");
		}
		add(&want, "\r\n.\r\n" QUIT);
		assert_int_equal(buf_str(&text, &letter_text, NULL), RC_OK);
		assert_int_equal(buf_str(&want, &want_text, NULL), RC_OK);
		struct smtp_client_letter letter =
		    test_letter(letter_text, &bob_only);
		const char *const says[] = {GREETING, EHLO, "250 ok\r\n",
		    "250 ok\r\n", "354 go\r\n", "250 taken\r\n", NULL};
		struct play play = {{.name = "me", .letter = &letter}, says, 0};
		struct outcome outcome OUTCOME_OWNED = OUTCOME;
		run(&play, &outcome);
		check_result("large", &outcome, 250, "", "taken", "");
		assert_true(
		    span_is(buf_span(&outcome.sent), span_str(want_text)));
	}
}

static void
dots_are_stuffed_and_an_unended_line_is_ended(void **state)
{
	static const struct {
		const char *letter, *wire;
	} cases[] = {
	    {"", ".\r\n"},
	    {"a", "a\r\n.\r\n"},
	    {".", "..\r\n.\r\n"},
	    {".\r\n", "..\r\n.\r\n"},
	    {"..\r\n.\r\n", "...\r\n..\r\n.\r\n"},
	    {"a.\r\n .\r\n.b\r\n", "a.\r\n .\r\n..b\r\n.\r\n"},
	    {"\r\n.\r\nMAIL\r\n", "\r\n..\r\nMAIL\r\n.\r\n"},
	};

	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct smtp_client_letter letter =
		    test_letter(cases[i].letter, &bob_only);
		const char *const says[] = {GREETING, EHLO, "250 ok\r\n",
		    "250 ok\r\n", "354 go\r\n", "250 taken\r\n", NULL};
		struct play play = {{.name = "me", .letter = &letter}, says, 0};
		struct outcome outcome OUTCOME_OWNED = OUTCOME;
		char want[500];
		(void)snprintf(want, sizeof(want),
		    HELLO MAIL BOB "DATA\r\n%s" QUIT, cases[i].wire);
		run(&play, &outcome);
		check_result(cases[i].letter, &outcome, 250, "", "taken", "");
		check_sent(cases[i].letter, &outcome, want);
	}
}

static void
an_address_beyond_ASCII_goes_only_where_SMTPUTF8_is_offered(void **state)
{
	char address[] = "j\303\266rg@b.example";
	char *one[] = {address};
	const struct strlist to = {one, 1, 1};
	struct smtp_client_letter letter = test_letter("a\r\n", &to);
	const char *const good[] = {GREETING,
	    "250-mail.example\r\n250-8BITMIME\r\n250 smtputf8\r\n",
	    "250 ok\r\n", "250 ok\r\n", "354 go\r\n", "250 taken\r\n", NULL};
	const char *const bad[] = {GREETING, EHLO, "", NULL};
	struct play play = {{.name = "me", .letter = &letter}, good, 0};
	struct outcome taken OUTCOME_OWNED = OUTCOME;
	struct outcome kept OUTCOME_OWNED = OUTCOME;

	run(&play, &taken);
	check_result("utf8", &taken, 250, "", "taken", "");
	assert_true(
	    span_find(buf_span(&taken.sent), span_str("> SMTPUTF8\r\n")) > 0);
	assert_true(span_find(buf_span(&taken.sent),
			span_str("RCPT TO:<j\303\266rg@b.example>\r\n")) > 0);
	play.says = bad;
	run(&play, &kept);
	check_result("utf8", &kept, 553, "5.6.7",
	    "the server does not take addresses beyond ASCII", "");
	check_sent("utf8", &kept, HELLO QUIT);
}

static void
an_eightbit_letter_goes_only_where_8BITMIME_is_offered(void **state)
{
	struct smtp_client_letter letter =
	    test_letter("A: b\r\n\r\n\303\244\r\n", &bob_only);
	const char *const good[] = {GREETING,
	    "250-mail.example\r\n250 8bitmime\r\n", "250 ok\r\n", "250 ok\r\n",
	    "354 go\r\n", "250 taken\r\n", NULL};
	const char *const bad[] = {GREETING, EHLO, "", NULL};
	struct play play = {{.name = "me", .letter = &letter}, good, 0};
	struct outcome taken OUTCOME_OWNED = OUTCOME;
	struct outcome kept OUTCOME_OWNED = OUTCOME;

	run(&play, &taken);
	check_result("8 bit", &taken, 250, "", "taken", "");
	assert_true(span_find(buf_span(&taken.sent),
			span_str("> BODY=8BITMIME\r\n")) > 0);
	play.says = bad;
	run(&play, &kept);
	check_result("8 bit", &kept, 554, "5.6.3",
	    "the server does not take 8-bit letters", "");
	check_sent("8 bit", &kept, HELLO QUIT);
}

static void
a_letter_over_the_servers_SIZE_is_not_offered(void **state)
{
	char text[102] = "";

	for (size_t len = 100; len <= 101; len++) {
		struct smtp_client_letter letter = test_letter(text, &both);
		const char *const says[] = {GREETING, EHLO_ALL, "", NULL};
		struct play play = {{.name = "me", .letter = &letter}, says, 0};
		struct outcome outcome OUTCOME_OWNED = OUTCOME;
		memset(text, 'x', len);
		letter.bytes = span_of(text, len);
		run(&play, &outcome);
		assert_int_equal(outcome.rc, RC_OK);
		assert_int_equal(outcome.done, len == 101);
		if (outcome.done)
			check_result("size", &outcome, 552, "5.3.4",
			    "the letter is larger than the server takes", "");
	}
}

/* -- Refusals ------------------------------------------------------------------ */

static void
any_refusal_makes_the_whole_refused(void **state)
{
	static const struct {
		const char *name;
		const char *says[9];
		const char *sent;
		unsigned code;
		const char *enhanced, *text, *recipient;
	} cases[] = {
	    {"greeting", {"554-no\r\n554 5.7.1 way\r\n", NULL}, QUIT, 554,
		"5.7.1", "no way", ""},
	    {"busy", {"421 later\r\n", NULL}, "", 421, "", "later", ""},
	    {"ehlo, no helo", {GREETING, "502 what\r\n", NULL}, HELLO QUIT, 502,
		"", "what", ""},
	    {"mail", {GREETING, EHLO, "451 4.7.1 wait\r\n", "250 ok\r\n", NULL},
		HELLO MAIL "RSET\r\n" QUIT, 451, "4.7.1", "wait", ""},
	    {"mail, pipelined",
		{GREETING, EHLO_ALL, "451 4.7.1 wait\r\n503 no\r\n503 no\r\n",
		    "250 ok\r\n", NULL},
		HELLO
		"MAIL FROM:<alice@a.example> SIZE=3 RET=HDRS\r\n" BOB CAROL
		"RSET\r\n" QUIT,
		451, "4.7.1", "wait", ""},
	    {"first recipient",
		{GREETING, EHLO, "250 ok\r\n", "550 5.1.1 who\r\n",
		    "250 ok\r\n", NULL},
		HELLO MAIL BOB "RSET\r\n" QUIT, 550, "5.1.1", "who",
		"bob@b.example"},
	    {"second recipient",
		{GREETING, EHLO, "250 ok\r\n", "250 ok\r\n", "450 later\r\n",
		    "250 ok\r\n", NULL},
		HELLO MAIL BOB CAROL "RSET\r\n" QUIT, 450, "", "later",
		"carol@c.example"},
	    {"permanent outweighs temporary",
		{GREETING, EHLO_ALL, "250 ok\r\n450 later\r\n550 5.1.1 who\r\n",
		    "250 ok\r\n", NULL},
		HELLO
		"MAIL FROM:<alice@a.example> SIZE=3 RET=HDRS\r\n" BOB CAROL
		"RSET\r\n" QUIT,
		550, "5.1.1", "who", "carol@c.example"},
	    {"of two the first counts",
		{GREETING, EHLO_ALL, "250 ok\r\n550 who\r\n450 later\r\n",
		    "250 ok\r\n", NULL},
		HELLO
		"MAIL FROM:<alice@a.example> SIZE=3 RET=HDRS\r\n" BOB CAROL
		"RSET\r\n" QUIT,
		550, "", "who", "bob@b.example"},
	    {"data",
		{GREETING, EHLO, "250 ok\r\n", "250 ok\r\n", "250 ok\r\n",
		    "554 no\r\n", NULL},
		HELLO MAIL BOB CAROL "DATA\r\n" QUIT, 554, "", "no", ""},
	    {"after the letter",
		{GREETING, EHLO, "250 ok\r\n", "250 ok\r\n", "250 ok\r\n",
		    "354 go\r\n", "552 5.3.4 large\r\n", NULL},
		HELLO MAIL BOB CAROL "DATA\r\na\r\n.\r\n" QUIT, 552, "5.3.4",
		"large", ""},
	    {"421 in between",
		{GREETING, EHLO, "250 ok\r\n", "421 4.3.2 bye\r\n", NULL},
		HELLO MAIL BOB, 421, "4.3.2", "bye", ""},
	    {"421 after a refusal",
		{GREETING, EHLO, "250 ok\r\n", "550 who\r\n", "421 bye\r\n",
		    NULL},
		HELLO MAIL BOB "RSET\r\n", 550, "", "who", "bob@b.example"},
	};

	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct smtp_client_letter letter = test_letter("a\r\n", &both);
		struct play play = {
		    {.name = "me", .letter = &letter}, cases[i].says, 0};
		struct outcome outcome OUTCOME_OWNED = OUTCOME;
		run(&play, &outcome);
		check_result(cases[i].name, &outcome, cases[i].code,
		    cases[i].enhanced, cases[i].text, cases[i].recipient);
		check_sent(cases[i].name, &outcome, cases[i].sent);
	}
}

static void
a_refusal_in_the_middle_of_the_letter_is_heard(void **state)
{
	struct smtp_client_letter letter = test_letter("a\r\n", &bob_only);
	struct smtp_client_config config = {.name = "me", .letter = &letter};
	struct smtp_client *client OWNED(smtp_client_free) = NULL;
	enum smtp_client_event event;

	assert_int_equal(smtp_client_new(&config, &client, NULL), RC_OK);
	assert_int_equal(
	    smtp_client_push(client,
		span_str(GREETING EHLO "250 ok\r\n250 ok\r\n354 go\r\n"
				       "552 5.3.4 large\r\n"),
		NULL),
	    RC_OK);
	assert_int_equal(smtp_client_next(client, &event, NULL), RC_OK);
	assert_int_equal(event, SMTP_CLIENT_DONE);
	assert_int_equal(smtp_client_result(client)->code, 552);
	/* it would be a line of the letter */
	assert_true(
	    span_find(smtp_client_output(client), span_str("QUIT")) < 0);
}

/* -- TLS and login ----------------------------------------------------------------- */

static const struct smtp_client_config login_config = {.name = "me",
    .login = {.user = "alice", .secret = {(const uint8_t *)"secret", 6}}};

static void
logins_go_in_the_form_the_server_offers(void **state)
{
	static const struct {
		const char *name;
		const char *says[7];
		const char *sent;
		unsigned code;
	} cases[] = {
	    {"plain", {GREETING, EHLO_AUTH, "235 2.7.0 hi\r\n", NULL},
		HELLO PLAIN_LOGIN QUIT, 235},
	    {"login",
		{GREETING, "250-x\r\n250 auth login\r\n",
		    "334 VXNlcm5hbWU6\r\n", "334 UGFzc3dvcmQ6\r\n",
		    "235 2.7.0 hi\r\n", NULL},
		HELLO "AUTH LOGIN\r\nYWxpY2U=\r\nc2VjcmV0\r\n" QUIT, 235},
	    {"wrong password", {GREETING, EHLO_AUTH, "535 2.7.0 hi\r\n", NULL},
		HELLO PLAIN_LOGIN QUIT, 535},
	    {"login refused at the name",
		{GREETING, "250-x\r\n250 AUTH LOGIN\r\n",
		    "334 VXNlcm5hbWU6\r\n", "535 hi\r\n", NULL},
		HELLO "AUTH LOGIN\r\nYWxpY2U=\r\n" QUIT, 535},
	};

	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct play play = {login_config, cases[i].says, 0};
		struct outcome outcome OUTCOME_OWNED = OUTCOME;
		run(&play, &outcome);
		assert_int_equal(outcome.rc, RC_OK);
		assert_true(outcome.done);
		assert_int_equal(outcome.result.code, cases[i].code);
		check_sent(cases[i].name, &outcome, cases[i].sent);
	}
}

#define BEARER              \
	"AUTH OAUTHBEARER " \
	"bixhPWFsaWNlLAFob3N0PWgBcG9ydD0yNQFhdXRoPUJlYXJlciBzZWNyZXQBAQ==\r\n"
#define XOAUTH2 "AUTH XOAUTH2 dXNlcj1hbGljZQFhdXRoPUJlYXJlciBzZWNyZXQBAQ==\r\n"

/* A token that is not good is told by a challenge, which has to be answered
 * before the refusal comes (RFC 7628 section 3.2.3). */
static void
a_token_goes_by_its_own_mechanism(void **context)
{
	static const struct {
		const char *name;
		const char *says[7];
		const char *sent;
		unsigned code;
	} cases[] = {
	    {"bearer",
		{GREETING, "250-x\r\n250 AUTH PLAIN XOAUTH2 OAUTHBEARER\r\n",
		    "235 hi\r\n", NULL},
		HELLO BEARER QUIT, 235},
	    {"xoauth2",
		{GREETING, "250-x\r\n250 AUTH PLAIN XOAUTH2\r\n", "235 hi\r\n",
		    NULL},
		HELLO XOAUTH2 QUIT, 235},
	    {"bearer refused",
		{GREETING, "250-x\r\n250 AUTH OAUTHBEARER\r\n", "334 eyJ9\r\n",
		    "535 old\r\n", NULL},
		HELLO BEARER "AQ==\r\n" QUIT, 535},
	    {"xoauth2 refused",
		{GREETING, "250-x\r\n250 AUTH XOAUTH2\r\n", "334 eyJ9\r\n",
		    "535 old\r\n", NULL},
		HELLO XOAUTH2 "\r\n" QUIT, 535},
	};

	(void)context;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct play play = {login_config, cases[i].says, 0};
		struct outcome outcome OUTCOME_OWNED = OUTCOME;
		play.config.login.kind = SASL_TOKEN;
		play.config.login.host = "h";
		play.config.login.port = 25;
		run(&play, &outcome);
		assert_int_equal(outcome.rc, RC_OK);
		assert_int_equal(outcome.result.code, cases[i].code);
		check_sent(cases[i].name, &outcome, cases[i].sent);
	}
}

static void
what_a_server_cannot_take_is_not_sent(void **context)
{
	static const char *const password_only[] = {GREETING, EHLO_AUTH, NULL};
	static const char *const endless[] = {GREETING,
	    "250-x\r\n250 AUTH XOAUTH2\r\n", "334 eyJ9\r\n", "334 eyJ9\r\n",
	    NULL};
	static const char *const twice[] = {
	    GREETING, EHLO_AUTH, "334 \r\n", NULL};
	const struct {
		const char *const *says;
		enum sasl_kind kind;
		enum rc rc;
	} cases[] = {
	    {password_only, SASL_TOKEN, RC_UNFIT},
	    {password_only, SASL_CERTIFICATE, RC_UNFIT},
	    {endless, SASL_TOKEN, RC_SYNTAX},
	    {twice, SASL_PASSWORD, RC_SYNTAX},
	};

	(void)context;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct play play = {login_config, cases[i].says, 0};
		struct outcome outcome OUTCOME_OWNED = OUTCOME;
		play.config.login.kind = cases[i].kind;
		run(&play, &outcome);
		assert_int_equal(outcome.rc, cases[i].rc);
	}
}

static void
a_long_password_goes_in_a_line_of_its_own(void **state)
{
	uint8_t password[400];

	memset(password, 'x', sizeof(password));
	/* "AUTH PLAIN " + base64 + CRLF is 512 for 365 bytes of password */
	for (size_t len = 365; len <= 366; len++) {
		const char *const says[] = {
		    GREETING, EHLO_AUTH, "334 \r\n", "235 hi\r\n", NULL};
		struct play play = {login_config, says, 0};
		struct outcome outcome OUTCOME_OWNED = OUTCOME;
		play.config.login.secret = span_of(password, len);
		run(&play, &outcome);
		bool apart = span_find(buf_span(&outcome.sent),
				 span_str("AUTH PLAIN\r\nAGFsaWNl")) > 0;
		assert_int_equal(apart, len == 366);
		/* a 334 after the initial response is against the protocol */
		assert_int_equal(outcome.rc, apart ? RC_OK : RC_SYNTAX);
	}
}

static void
starttls_comes_before_everything_and_forgets_what_was_offered(void **state)
{
	const char *const says[] = {GREETING,
	    "250-x\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n", "220 go\r\n",
	    "250-x\r\n250-STARTTLS\r\n250 AUTH LOGIN\r\n",
	    "334 VXNlcm5hbWU6\r\n", NULL};
	struct play play = {login_config, says, 0};
	struct outcome outcome OUTCOME_OWNED = OUTCOME;

	play.config.starttls = true;
	run(&play, &outcome);
	assert_int_equal(outcome.rc, RC_OK);
	check_sent("starttls", &outcome,
	    HELLO "STARTTLS\r\n" TLS_LINE HELLO "AUTH LOGIN\r\nYWxpY2U=\r\n");
}

static void
without_tls_where_it_must_be_nothing_is_sent(void **state)
{
	static const struct {
		const char *name;
		const char *says[5];
		const char *sent;
		enum rc rc;
	} cases[] = {
	    {"not offered", {GREETING, EHLO_AUTH, NULL}, HELLO, RC_UNFIT},
	    {"refused",
		{GREETING, "250-x\r\n250 STARTTLS\r\n", "454 no\r\n", NULL},
		HELLO "STARTTLS\r\n", RC_UNFIT},
	    {"reply put in before TLS",
		{GREETING, "250-x\r\n250 STARTTLS\r\n",
		    "220 go\r\n250 AUTH PLAIN\r\n", NULL},
		HELLO "STARTTLS\r\n", RC_SYNTAX},
	};

	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct play play = {login_config, cases[i].says, 0};
		struct outcome outcome OUTCOME_OWNED = OUTCOME;
		play.config.starttls = true;
		run(&play, &outcome);
		if (outcome.rc != cases[i].rc)
			fail_msg("%s: %s", cases[i].name, rc_name(outcome.rc));
		check_sent(cases[i].name, &outcome, cases[i].sent);
	}
}

static void
bytes_pushed_between_starttls_and_tls_are_an_error(void **state)
{
	struct smtp_client_config config = login_config;
	struct smtp_client *client OWNED(smtp_client_free) = NULL;
	enum smtp_client_event event;

	config.starttls = true;
	assert_int_equal(smtp_client_new(&config, &client, NULL), RC_OK);
	assert_int_equal(
	    smtp_client_push(client,
		span_str(GREETING "250-x\r\n250 STARTTLS\r\n220 go\r\n"), NULL),
	    RC_OK);
	assert_int_equal(smtp_client_next(client, &event, NULL), RC_OK);
	assert_int_equal(event, SMTP_CLIENT_STARTTLS);
	assert_int_equal(
	    smtp_client_push(client, span_str("2"), NULL), RC_SYNTAX);
}

static void
a_server_without_password_login_is_unfit(void **state)
{
	const char *const says[] = {
	    GREETING, "250-x\r\n250 AUTH GSSAPI PLAINER\r\n", NULL};
	struct play play = {login_config, says, 0};
	struct outcome outcome OUTCOME_OWNED = OUTCOME;

	run(&play, &outcome);
	assert_int_equal(outcome.rc, RC_UNFIT);
	check_sent("no auth", &outcome, HELLO);
}

/* -- Broken peers ---------------------------------------------------------------------- */

static void
replies_that_are_none_are_errors(void **state)
{
	static const struct {
		const char *says[5];
		enum rc rc;
	} cases[] = {
	    {{"hello\r\n", NULL}, RC_SYNTAX},
	    {{"22\r\n", NULL}, RC_SYNTAX},
	    {{"2200 x\r\n", NULL}, RC_SYNTAX},
	    {{"220_x\r\n", NULL}, RC_SYNTAX},
	    {{"120 x\r\n", NULL}, RC_SYNTAX},
	    {{"620 x\r\n", NULL}, RC_SYNTAX},
	    {{"250 x\r\n", NULL}, RC_SYNTAX},
	    {{"220-x\r\n221 x\r\n", NULL}, RC_SYNTAX},
	    {{GREETING, "354 x\r\n", NULL}, RC_SYNTAX},
	    {{GREETING, EHLO, "354 x\r\n", NULL}, RC_SYNTAX},
	    {{"220 x\n220 y\n", NULL}, RC_OK}, /* waits for CRLF */
	    {{"220\r\n", NULL}, RC_OK},
	};

	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct smtp_client_letter letter = test_letter("a\r\n", &both);
		struct play play = {
		    {.name = "me", .letter = &letter}, cases[i].says, 0};
		struct outcome outcome OUTCOME_OWNED = OUTCOME;
		run(&play, &outcome);
		if (outcome.rc != cases[i].rc || outcome.done)
			fail_msg(
			    "%s: %s", cases[i].says[0], rc_name(outcome.rc));
	}
}

static void
a_250_for_DATA_is_not_taken_for_success(void **state)
{
	struct smtp_client_letter letter = test_letter("a\r\n", &bob_only);
	const char *const says[] = {
	    GREETING, EHLO, "250 ok\r\n", "250 ok\r\n", "250 ok\r\n", NULL};
	struct play play = {{.name = "me", .letter = &letter}, says, 0};
	struct outcome outcome OUTCOME_OWNED = OUTCOME;

	run(&play, &outcome);
	assert_int_equal(outcome.rc, RC_SYNTAX);
	assert_false(outcome.done);
}

static void
a_250_before_the_letter_was_sent_is_not_taken_for_success(void **state)
{
	struct smtp_client_letter letter = test_letter("a\r\n", &bob_only);
	const char *const says[] = {
	    GREETING EHLO "250 ok\r\n250 ok\r\n354 go\r\n250 taken\r\n", NULL};
	struct play play = {{.name = "me", .letter = &letter}, says, 0};
	struct outcome outcome OUTCOME_OWNED = OUTCOME;

	run(&play, &outcome);
	assert_int_equal(outcome.rc, RC_SYNTAX);
}

static void
a_reply_line_may_have_4096_bytes_and_no_more(void **state)
{
	for (size_t len = 4096; len <= 4097; len++) {
		struct smtp_client_letter letter = test_letter("a\r\n", &both);
		char line[5000] = "220 ";
		const char *const says[] = {line, NULL};
		struct play play = {{.name = "me", .letter = &letter}, says, 0};
		struct outcome outcome OUTCOME_OWNED = OUTCOME;
		memset(line + 4, 'x', len - 4);
		run(&play, &outcome); /* not ended yet */
		assert_int_equal(outcome.rc, len == 4096 ? RC_OK : RC_LIMIT);
		struct outcome ended OUTCOME_OWNED = OUTCOME;
		memcpy(line + len, "\r\n", 3);
		run(&play, &ended);
		assert_int_equal(ended.rc, len == 4096 ? RC_OK : RC_LIMIT);
	}
}

static void
a_reply_without_end_is_an_error(void **state)
{
	struct smtp_client_letter letter = test_letter("a\r\n", &both);
	struct smtp_client_config config = {.name = "me", .letter = &letter};
	struct smtp_client *client OWNED(smtp_client_free) = NULL;
	enum rc rc = RC_OK;

	assert_int_equal(smtp_client_new(&config, &client, NULL), RC_OK);
	for (size_t i = 0; i < 10000 && rc == RC_OK; i++)
		rc = smtp_client_push(client, span_str("220-xx\r\n"), NULL);
	assert_int_equal(rc, RC_LIMIT);
}

/* -- What may not be sent ----------------------------------------------------------------- */

static void
nothing_in_an_address_can_become_a_command(void **state)
{
	static const char *const addresses[] = {"a@b>\r\nRCPT TO:<c@d", "a b@c",
	    "a@b\n", "<a@b", "a@b>", "a\tb@c", "j\366rg@b", "a@b\177"};

	for (size_t i = 0; i < LENGTH(addresses); i++) {
		struct strlist to STRLIST_OWNED = STRLIST_NONE;
		struct smtp_client_letter letter = test_letter("a\r\n", &to);
		struct smtp_client_config config = {
		    .name = "me", .letter = &letter};
		struct smtp_client *client OWNED(smtp_client_free) = NULL;
		assert_int_equal(
		    strlist_add_str(&to, addresses[i], NULL), RC_OK);
		assert_int_equal(
		    smtp_client_new(&config, &client, NULL), RC_SYNTAX);
		letter = test_letter("a\r\n", &bob_only);
		letter.from = addresses[i];
		assert_int_equal(
		    smtp_client_new(&config, &client, NULL), RC_SYNTAX);
		letter.from = "";
		config.name = addresses[i];
		assert_int_equal(
		    smtp_client_new(&config, &client, NULL), RC_SYNTAX);
	}
}

static void
letters_that_a_later_server_could_cut_are_not_sent(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} letters[] = {{"a\nb", 3}, {"a\rb", 3}, {"a\r", 2}, {"\n", 1},
	    {"a\0b", 3}, {"a\r\n.\n", 5}, {"\r\r\n", 3}};

	for (size_t i = 0; i < LENGTH(letters); i++) {
		struct smtp_client_letter letter = test_letter("", &bob_only);
		struct smtp_client_config config = {
		    .name = "me", .letter = &letter};
		struct smtp_client *client OWNED(smtp_client_free) = NULL;
		letter.bytes = span_of(letters[i].bytes, letters[i].len);
		assert_int_equal(
		    smtp_client_new(&config, &client, NULL), RC_SYNTAX);
	}
}

static void
a_letter_needs_a_recipient(void **state)
{
	struct strlist none = STRLIST_NONE;
	struct smtp_client_letter letter = test_letter("a\r\n", &none);
	struct smtp_client_config config = {.name = "me", .letter = &letter};
	struct smtp_client *client OWNED(smtp_client_free) = NULL;

	assert_int_equal(smtp_client_new(&config, &client, NULL), RC_ABSENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		a_letter_goes_step_by_step_to_a_server_that_offers_nothing),
	    cmocka_unit_test(recipients_go_together_when_pipelining_is_offered),
	    cmocka_unit_test(a_large_letter_goes_in_pieces),
	    cmocka_unit_test(dots_are_stuffed_and_an_unended_line_is_ended),
	    cmocka_unit_test(
		an_address_beyond_ASCII_goes_only_where_SMTPUTF8_is_offered),
	    cmocka_unit_test(
		an_eightbit_letter_goes_only_where_8BITMIME_is_offered),
	    cmocka_unit_test(a_letter_over_the_servers_SIZE_is_not_offered),
	    cmocka_unit_test(any_refusal_makes_the_whole_refused),
	    cmocka_unit_test(a_refusal_in_the_middle_of_the_letter_is_heard),
	    cmocka_unit_test(logins_go_in_the_form_the_server_offers),
	    cmocka_unit_test(a_token_goes_by_its_own_mechanism),
	    cmocka_unit_test(what_a_server_cannot_take_is_not_sent),
	    cmocka_unit_test(a_long_password_goes_in_a_line_of_its_own),
	    cmocka_unit_test(
		starttls_comes_before_everything_and_forgets_what_was_offered),
	    cmocka_unit_test(without_tls_where_it_must_be_nothing_is_sent),
	    cmocka_unit_test(
		bytes_pushed_between_starttls_and_tls_are_an_error),
	    cmocka_unit_test(a_server_without_password_login_is_unfit),
	    cmocka_unit_test(replies_that_are_none_are_errors),
	    cmocka_unit_test(a_250_for_DATA_is_not_taken_for_success),
	    cmocka_unit_test(
		a_250_before_the_letter_was_sent_is_not_taken_for_success),
	    cmocka_unit_test(a_reply_line_may_have_4096_bytes_and_no_more),
	    cmocka_unit_test(a_reply_without_end_is_an_error),
	    cmocka_unit_test(nothing_in_an_address_can_become_a_command),
	    cmocka_unit_test(
		letters_that_a_later_server_could_cut_are_not_sent),
	    cmocka_unit_test(a_letter_needs_a_recipient),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
