/* STARTTLS, what is offered, and what a segment of commands costs. */
#include "proto/smtp_server.h"

#include "base/expect.h"
#include "base/own.h"
#include "proto/smtp_dsn.h"

OWNER(struct smtp_server, smtp_server_free);

#define GREETING "220 mail.example ESMTP\r\n"
#define BEFORE                                                    \
	"250-mail.example\r\n250-PIPELINING\r\n250-SIZE 1000\r\n" \
	"250-8BITMIME\r\n250-CHUNKING\r\n250-DSN\r\n"
#define CLEAR_OFFERS \
	BEFORE "250-STARTTLS\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES\r\n"
#define TLS_OFFERS                                        \
	BEFORE "250-AUTH PLAIN LOGIN\r\n250-SMTPUTF8\r\n" \
	       "250 ENHANCEDSTATUSCODES\r\n"
#define FIRST "530 5.7.0 Say STARTTLS first\r\n"
#define READY "220 2.0.0 Begin TLS\r\n"
#define LOGIN "AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n" /* alice, secret */

static const struct smtp_server_config clear = {
    .name = "mail.example",
    .require_auth = true,
    .limits = {1000, 3, 10, 3, 3},
    .utf8 = true,
    .chunking = true,
    .dsn = true,
    .starttls = true,
};

static struct smtp_server *
greeted(const struct smtp_server_config *config)
{
	struct smtp_server *server = NULL;

	assert_ok(smtp_server_new(config, &server, NULL));
	smtp_server_sent(server, smtp_server_output(server).len);
	return server;
}

/* Every login is good, and everything else too; the last event. */
static enum smtp_server_event
feed(struct smtp_server *server, const char *input)
{
	enum smtp_server_event event = SMTP_SERVER_MORE;

	assert_ok(smtp_server_push(server, span_str(input), NULL));
	for (;;) {
		assert_ok(smtp_server_next(server, &event, NULL));
		if (event == SMTP_SERVER_LOGIN)
			assert_ok(smtp_server_login(server, true, NULL));
		else if (event == SMTP_SERVER_FROM || event == SMTP_SERVER_TO ||
			 event == SMTP_SERVER_LETTER)
			assert_ok(smtp_server_reply(
			    server, 250, "2.0.0", "Ok", NULL));
		else if (event != SMTP_SERVER_RESET)
			return event;
	}
}

static void
expect(struct smtp_server *server, const char *input,
    enum smtp_server_event last, const char *want)
{
	enum smtp_server_event event = feed(server, input);
	struct span said = smtp_server_output(server);

	if (event != last || !span_is(said, span_str(want)))
		fail_msg("%s: event %d\n got: %.*s\nwant: %s", input, event,
		    SPAN_ARGS(said), want);
	smtp_server_sent(server, said.len);
}

static void
before_TLS_nothing_goes_and_no_login_is_offered(void **state)
{
	struct smtp_server *server OWNED(smtp_server_free) = greeted(&clear);

	expect(server, "EHLO me\r\n", SMTP_SERVER_MORE, CLEAR_OFFERS);
	expect(server,
	    LOGIN "AUTH PLAIN\r\nMAIL FROM:<a@b.example>\r\n"
		  "VRFY x\r\nDATA\r\nBDAT 6 LAST\r\nQUIT\r\n",
	    SMTP_SERVER_MORE, FIRST FIRST FIRST FIRST FIRST FIRST);
	expect(server, "NOOP\r\n", SMTP_SERVER_MORE, "250 2.0.0 Ok\r\n");
}

static void
after_TLS_all_is_forgotten_and_a_login_is_taken(void **state)
{
	struct smtp_server *server OWNED(smtp_server_free) = greeted(&clear);

	expect(server, "EHLO me\r\n", SMTP_SERVER_MORE, CLEAR_OFFERS);
	expect(server, "STARTTLS\r\n", SMTP_SERVER_STARTTLS, READY);
	assert_ok(smtp_server_secured(server, NULL));
	assert_string_equal(smtp_server_helo(server), "");
	expect(server, LOGIN, SMTP_SERVER_MORE, "503 5.5.1 Say EHLO first\r\n");
	expect(server, "EHLO me\r\n" LOGIN, SMTP_SERVER_MORE,
	    TLS_OFFERS "235 2.7.0 Welcome\r\n");
	expect(server, "STARTTLS\r\n", SMTP_SERVER_MORE,
	    "503 5.5.1 TLS is there already\r\n");
}

/* CVE-2011-0411: what somebody put behind STARTTLS would be obeyed as if it
 * had come under TLS. */
static void
nothing_may_stand_behind_STARTTLS(void **state)
{
	struct smtp_server *together OWNED(smtp_server_free) = greeted(&clear);
	struct smtp_server *after OWNED(smtp_server_free) = greeted(&clear);

	expect(together, "STARTTLS\r\nEHLO you\r\n", SMTP_SERVER_END,
	    "421 4.7.0 Nothing may stand behind STARTTLS; closing\r\n");
	expect(after, "STARTTLS\r\n", SMTP_SERVER_STARTTLS, READY);
	assert_ok(smtp_server_push(after, span_str("R"), NULL));
	assert_rc(smtp_server_secured(after, NULL), RC_SYNTAX);
}

static void
STARTTLS_stands_alone(void **state)
{
	struct smtp_server *server OWNED(smtp_server_free) = greeted(&clear);

	expect(server, "STARTTLS now\r\n", SMTP_SERVER_MORE,
	    "501 5.5.4 STARTTLS stands alone\r\n");
}

static void
the_third_wrong_credential_ends_the_connection(void **state)
{
	struct smtp_server_config config = clear;
	enum smtp_server_event event = SMTP_SERVER_MORE;

	config.starttls = false;
	struct smtp_server *server OWNED(smtp_server_free) = greeted(&config);
	assert_ok(smtp_server_push(
	    server, span_str("EHLO me\r\n" LOGIN LOGIN LOGIN LOGIN), NULL));
	for (unsigned i = 0; i < 3; i++) {
		assert_ok(smtp_server_next(server, &event, NULL));
		assert_int_equal(event, SMTP_SERVER_LOGIN);
		assert_ok(smtp_server_login(server, false, NULL));
	}
	assert_ok(smtp_server_next(server, &event, NULL));
	assert_int_equal(event, SMTP_SERVER_END);
	assert_true(span_find(smtp_server_output(server),
			span_str("421 4.7.0 Too many wrong")) > 0);
}

static void
what_the_sender_wants_to_be_told_is_lent(void **state)
{
	struct smtp_server_config config = clear;

	config.starttls = false;
	config.require_auth = false;
	struct smtp_server *server OWNED(smtp_server_free) = greeted(&config);
	(void)feed(server,
	    "EHLO me\r\nMAIL FROM:<a@b.example> ENVID=x1 RET=FULL\r\n"
	    "RCPT TO:<c@d.example> NOTIFY=NEVER\r\n");
	assert_string_equal(smtp_server_envid(server), "x1");
	assert_int_equal(smtp_server_notify(server), SMTP_NOTIFY_NEVER);
	(void)feed(server, "RCPT TO:<e@f.example> ORCPT=rfc822;g@h\r\n");
	assert_int_equal(smtp_server_notify(server), 0);
	assert_string_equal(smtp_server_orcpt(server), "rfc822;g@h");
	(void)feed(server, "RSET\r\n");
	assert_string_equal(smtp_server_envid(server), "");
}

/* Answers are longer than commands: a client that pipelines and does not read
 * must not make us hold them all. */
static void
answers_are_sent_before_they_are_many(void **state)
{
	struct smtp_server_config config = clear;
	struct buf input BUF_OWNED = BUF((size_t)1 << 20);
	struct buf said BUF_OWNED = BUF((size_t)8 << 20);
	enum smtp_server_event event = SMTP_SERVER_SEND;
	size_t rounds = 0;

	config.starttls = false;
	struct smtp_server *server OWNED(smtp_server_free) = greeted(&config);
	for (unsigned i = 0; i < 10000; i++)
		assert_ok(buf_add_str(&input, "EHLO x\r\n", NULL));
	assert_ok(smtp_server_push(server, buf_span(&input), NULL));
	while (event == SMTP_SERVER_SEND) {
		assert_ok(smtp_server_next(server, &event, NULL));
		struct span out = smtp_server_output(server);
		assert_true(out.len <= 65536 + 4096);
		assert_ok(buf_add(&said, out, NULL));
		smtp_server_sent(server, out.len);
		rounds++;
	}
	assert_int_equal(event, SMTP_SERVER_MORE);
	assert_true(rounds > 10);
	assert_int_equal(said.len, 10000 * strlen(TLS_OFFERS));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(before_TLS_nothing_goes_and_no_login_is_offered),
	    cmocka_unit_test(after_TLS_all_is_forgotten_and_a_login_is_taken),
	    cmocka_unit_test(nothing_may_stand_behind_STARTTLS),
	    cmocka_unit_test(STARTTLS_stands_alone),
	    cmocka_unit_test(the_third_wrong_credential_ends_the_connection),
	    cmocka_unit_test(what_the_sender_wants_to_be_told_is_lent),
	    cmocka_unit_test(answers_are_sent_before_they_are_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
