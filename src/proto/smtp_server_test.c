#include "proto/smtp_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/own.h"

OWNER(struct smtp_server, smtp_server_free);

#define LENGTH(table) (sizeof(table) / sizeof((table)[0]))
#define TEST_MAX ((size_t)8 << 20)
#define GREETING "220 mail.example ESMTP\r\n"
#define HELLO "EHLO me\r\n"
#define LOGIN "AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n" /* alice, secret */
#define START HELLO LOGIN
#define EHLO_REPLY                               \
	"250-mail.example\r\n250-PIPELINING\r\n" \
	"250-SIZE 1000\r\n250-8BITMIME\r\n"      \
	"250-AUTH PLAIN LOGIN\r\n250 ENHANCEDSTATUSCODES\r\n"
#define WELCOME EHLO_REPLY "235 2.7.0 Welcome\r\n"
#define MAIL "MAIL FROM:<alice@a.example>\r\n"
#define RCPT "RCPT TO:<bob@b.example>\r\n"
#define OK_MAIL_RCPT "250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n"
#define GO "354 End data with <CR><LF>.<CR><LF>\r\n"

static struct smtp_server_config
test_config(void)
{
	return (struct smtp_server_config){.name = "mail.example",
	    .require_auth = true,
	    .limits = {1000, 3, 5, 3, 0}};
}

/* What a whole session came to. */
struct outcome {
	struct buf output;
	struct buf events; /* "login alice secret ok\n" and so on */
	bool ended;
	enum rc rc;
};

#define OUTCOME ((struct outcome){BUF(TEST_MAX), BUF(TEST_MAX), false, RC_OK})

static void
outcome_done(struct outcome *outcome)
{
	buf_done(&outcome->output);
	buf_done(&outcome->events);
}
#define OUTCOME_OWNED __attribute__((cleanup(outcome_done)))

static void
note(struct outcome *outcome, const char *event, struct span what)
{
	assert_int_equal(
	    buf_add_format(&outcome->events, NULL, "%s ", event), RC_OK);
	assert_int_equal(buf_add(&outcome->events, what, NULL), RC_OK);
	assert_int_equal(buf_add_byte(&outcome->events, '\n', NULL), RC_OK);
}

static void
answer_login(struct smtp_server *server, struct outcome *outcome)
{
	bool good = !strcmp(smtp_server_user(server), "alice") &&
		    span_is(smtp_server_password(server), span_str("secret"));

	note(outcome, "login", span_str(smtp_server_user(server)));
	note(outcome, "password", smtp_server_password(server));
	assert_int_equal(smtp_server_login(server, good, NULL), RC_OK);
}

static void
answer(struct smtp_server *server, bool good, const char *enhanced)
{
	assert_int_equal(
	    good ? smtp_server_reply(server, 250, enhanced, "Ok", NULL)
		 : smtp_server_reply(server, 550, "5.1.1", "No\r\n250 x", NULL),
	    RC_OK);
}

static void
handle(struct smtp_server *server, enum smtp_server_event event,
    struct outcome *outcome)
{
	const char *from = smtp_server_from(server);
	const char *to = smtp_server_to(server);

	switch (event) {
	case SMTP_SERVER_LOGIN:
		answer_login(server, outcome);
		return;
	case SMTP_SERVER_FROM:
		note(outcome, "from", span_str(from));
		answer(server, strncmp(from, "no", 2) != 0, "2.1.0");
		return;
	case SMTP_SERVER_TO:
		note(outcome, "to", span_str(to));
		answer(server, strncmp(to, "no", 2) != 0, "2.1.5");
		return;
	case SMTP_SERVER_LETTER:
		note(outcome, "letter", smtp_server_letter(server));
		answer(server, true, "2.0.0");
		return;
	case SMTP_SERVER_RESET:
		note(outcome, "reset", SPAN_NONE);
		return;
	default:
		outcome->ended = event == SMTP_SERVER_END;
	}
}

static void
collect(struct smtp_server *server, struct outcome *outcome)
{
	struct span out = smtp_server_output(server);

	assert_int_equal(buf_add(&outcome->output, out, NULL), RC_OK);
	smtp_server_sent(server, out.len);
}

static void
feed(struct smtp_server *server, struct span bytes, struct outcome *outcome)
{
	/* exactly sized and in the heap, so that an overread is seen */
	uint8_t *copy = malloc(bytes.len + (bytes.len == 0));

	assert_non_null(copy);
	memcpy(copy, bytes.data, bytes.len);
	enum rc rc = smtp_server_push(server, span_of(copy, bytes.len), NULL);
	free(copy);
	for (enum smtp_server_event event = SMTP_SERVER_RESET; rc == RC_OK;) {
		rc = smtp_server_next(server, &event, NULL);
		if (rc != RC_OK)
			break;
		handle(server, event, outcome);
		if (event == SMTP_SERVER_MORE || event == SMTP_SERVER_END)
			break;
	}
	outcome->rc = rc;
	collect(server, outcome);
}

/* The session in pieces of `piece` bytes, or, with `cut`, in two. */
static void
run(const struct smtp_server_config *config, struct span input, size_t cut,
    size_t piece, struct outcome *outcome)
{
	struct smtp_server *server OWNED(smtp_server_free) = NULL;
	struct err err;

	assert_int_equal(smtp_server_new(config, &server, &err), RC_OK);
	while (input.len > 0 && !outcome->ended && outcome->rc == RC_OK) {
		size_t len = cut > 0 ? cut : piece;
		cut = 0;
		feed(server, span_first(input, len), outcome);
		input = span_after(input, len);
	}
}

static void
run_whole(struct span input, struct outcome *outcome)
{
	struct smtp_server_config config = test_config();

	run(&config, input, 0, SIZE_MAX, outcome);
}

static void
check_text(
    const char *name, const char *what, const struct buf *got, const char *want)
{
	if (span_is(buf_span(got), span_str(want)))
		return;
	fail_msg("%s: %s\n got: %.*s\nwant: %s", name, what,
	    SPAN_ARGS(buf_span(got)), want);
}

static void
check_output(const char *name, const char *input, const char *want, bool ended)
{
	struct outcome outcome OUTCOME_OWNED = OUTCOME;
	char all[8192];

	run_whole(span_str(input), &outcome);
	(void)snprintf(all, sizeof(all), "%s%s", GREETING, want);
	check_text(name, "output", &outcome.output, all);
	if (outcome.ended != ended)
		fail_msg("%s: ended %d", name, outcome.ended);
}

static void
commands_are_answered_as_the_standard_says(void **state)
{
	static const struct {
		const char *name, *input, *want;
	} cases[] = {
	    {"noop in any case", "nOoP\r\n", "250 2.0.0 Ok\r\n"},
	    {"helo", "HELO me\r\n", "250 mail.example\r\n"},
	    {"ehlo", HELLO, EHLO_REPLY},
	    {"ehlo without a name", "EHLO\r\n",
		"501 5.5.4 Say EHLO hostname\r\n"},
	    {"unknown", "FROB\r\n", "500 5.5.2 Unknown command\r\n"},
	    {"starttls", HELLO "STARTTLS\r\n",
		EHLO_REPLY "502 5.5.1 Not implemented\r\n"},
	    {"vrfy", START "VRFY bob\r\n",
		WELCOME "252 2.1.5 Send a letter and see\r\n"},
	    {"mail before ehlo", MAIL, "503 5.5.1 Say EHLO first\r\n"},
	    {"mail before login", HELLO MAIL,
		EHLO_REPLY "530 5.7.0 Authentication required\r\n"},
	    {"data before login", HELLO "DATA\r\n",
		EHLO_REPLY "530 5.7.0 Authentication required\r\n"},
	    {"rcpt before mail", START RCPT,
		WELCOME "503 5.5.1 Say MAIL first\r\n"},
	    {"two mails", START MAIL MAIL,
		WELCOME "250 2.1.0 Ok\r\n"
			"503 5.5.1 One letter after the other\r\n"},
	    {"data without recipients", START MAIL "DATA\r\n",
		WELCOME "250 2.1.0 Ok\r\n554 5.5.1 No valid recipients\r\n"},
	    {"the caller's refusal is one line", START "MAIL FROM:<no@x>\r\n",
		WELCOME "550 5.1.1 No??250 x\r\n"},
	    {"a refused recipient is none",
		START MAIL "RCPT TO:<no@x>\r\nDATA\r\n",
		WELCOME "250 2.1.0 Ok\r\n550 5.1.1 No??250 x\r\n"
			"554 5.5.1 No valid recipients\r\n"},
	    {"bare LF between commands", "NOOP\nNOOP\r\n",
		"500 5.5.2 Stray CR, LF or NUL in a command\r\n"},
	    {"bare CR in a command", "NOOP \rx\r\n",
		"500 5.5.2 Stray CR, LF or NUL in a command\r\n"},
	};

	for (size_t i = 0; i < LENGTH(cases); i++)
		check_output(
		    cases[i].name, cases[i].input, cases[i].want, false);
}

static void
check_after_hello(const char *name, const char *input, const char *want)
{
	char whole_input[500], whole_want[1000];

	(void)snprintf(whole_input, sizeof(whole_input), "%s%s", HELLO, input);
	(void)snprintf(
	    whole_want, sizeof(whole_want), "%s%s", EHLO_REPLY, want);
	check_output(name, whole_input, whole_want, false);
}

static void
logins_are_read_in_every_form_mail_programs_use(void **state)
{
	static const struct {
		const char *name, *input, *want;
	} cases[] = {
	    {"plain at once", LOGIN, "235 2.7.0 Welcome\r\n"},
	    {"plain after 334", "AUTH PLAIN\r\nAGFsaWNlAHNlY3JldA==\r\n",
		"334 \r\n235 2.7.0 Welcome\r\n"},
	    {"lower case", "auth plain AGFsaWNlAHNlY3JldA==\r\n",
		"235 2.7.0 Welcome\r\n"},
	    {"own name to act as", /* alice NUL alice NUL secret */
		"AUTH PLAIN YWxpY2UAYWxpY2UAc2VjcmV0\r\n",
		"235 2.7.0 Welcome\r\n"},
	    {"login", "AUTH LOGIN\r\nYWxpY2U=\r\nc2VjcmV0\r\n",
		"334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n"
		"235 2.7.0 Welcome\r\n"},
	    {"login, user at once", "AUTH LOGIN YWxpY2U=\r\nc2VjcmV0\r\n",
		"334 UGFzc3dvcmQ6\r\n235 2.7.0 Welcome\r\n"},
	};

	for (size_t i = 0; i < LENGTH(cases); i++)
		check_after_hello(cases[i].name, cases[i].input, cases[i].want);
}

static void
logins_that_are_wrong_are_refused(void **state)
{
	static const struct {
		const char *name, *input, *want;
	} cases[] = {
	    {"wrong password", "AUTH PLAIN AGFsaWNlAHNlY3JldQ==\r\n",
		"535 5.7.8 Login refused\r\n"},
	    {"to act as somebody else", /* bob NUL alice NUL secret */
		"AUTH PLAIN Ym9iAGFsaWNlAHNlY3JldA==\r\n",
		"535 5.7.8 Login refused\r\n"},
	    {"no base64", "AUTH PLAIN !!!!\r\n",
		"501 5.5.2 Cannot read this login\r\n"},
	    {"base64 with a blank", "AUTH PLAIN AGFsaWNl AHNlY3JldA==\r\n",
		"501 5.5.2 Cannot read this login\r\n"},
	    {"misplaced padding", "AUTH PLAIN AGFs=WNlAHNlY3JldA==\r\n",
		"501 5.5.2 Cannot read this login\r\n"},
	    {"cut base64", "AUTH PLAIN AGFsaWNlAHNlY3JldA=\r\n",
		"501 5.5.2 Cannot read this login\r\n"},
	    {"empty", "AUTH PLAIN =\r\n",
		"501 5.5.2 Cannot read this login\r\n"},
	    {"no user", "AUTH PLAIN AABzZWNyZXQ=\r\n",
		"501 5.5.2 Cannot read this login\r\n"},
	    {"one part only", "AUTH PLAIN YWxpY2U=\r\n",
		"501 5.5.2 Cannot read this login\r\n"},
	    {"NUL in the password", "AUTH PLAIN AGEAYgBj\r\n",
		"501 5.5.2 Cannot read this login\r\n"},
	    {"cancelled", "AUTH PLAIN\r\n*\r\n",
		"334 \r\n501 5.7.0 Login cancelled\r\n"},
	    {"empty line", "AUTH PLAIN\r\n\r\n",
		"334 \r\n501 5.5.2 Cannot read this login\r\n"},
	    {"unknown mechanism", "AUTH CRAM-MD5\r\n",
		"504 5.5.4 Say AUTH PLAIN\r\n"},
	    {"no mechanism", "AUTH\r\n", "504 5.5.4 Say AUTH PLAIN\r\n"},
	    {"twice", LOGIN LOGIN,
		"235 2.7.0 Welcome\r\n503 5.5.1 No login now\r\n"},
	};

	for (size_t i = 0; i < LENGTH(cases); i++)
		check_after_hello(cases[i].name, cases[i].input, cases[i].want);
}

static void
without_require_auth_no_login_is_offered_or_wanted(void **state)
{
	struct smtp_server_config config = test_config();
	struct outcome outcome OUTCOME_OWNED = OUTCOME;

	config.require_auth = false;
	run(&config, span_str(HELLO MAIL), 0, SIZE_MAX, &outcome);
	check_text("mx", "output", &outcome.output,
	    GREETING "250-mail.example\r\n250-PIPELINING\r\n250-SIZE 1000\r\n"
		     "250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n"
		     "250 2.1.0 Ok\r\n");
}

static void
SMTPUTF8_is_offered_where_it_is_wanted(void **state)
{
	struct smtp_server_config config = test_config();
	struct outcome outcome OUTCOME_OWNED = OUTCOME;

	config.require_auth = false;
	config.utf8 = true;
	run(&config,
	    span_str(HELLO "MAIL FROM:<j\303\266rg@b.example> SMTPUTF8\r\n"), 0,
	    SIZE_MAX, &outcome);
	check_text("utf8", "output", &outcome.output,
	    GREETING "250-mail.example\r\n250-PIPELINING\r\n250-SIZE 1000\r\n"
		     "250-8BITMIME\r\n250-SMTPUTF8\r\n"
		     "250 ENHANCEDSTATUSCODES\r\n"
		     "250 2.1.0 Ok\r\n");
}

static void
what_an_address_or_a_parameter_is_refused_with_is_said(void **state)
{
	check_output("size", START "MAIL FROM:<a@b.example> SIZE=1001\r\n",
	    WELCOME "552 5.3.4 Letter is too large\r\n", false);
	check_output("size", START "MAIL FROM:<a@b.example> SIZE=1000\r\n",
	    WELCOME "250 2.1.0 Ok\r\n", false);
	check_output("address", START "MAIL FROM:<j\303\266rg@b.example>\r\n",
	    WELCOME "553 5.6.7 Only ASCII addresses are supported here\r\n",
	    false);
	check_output("address", START MAIL "RCPT TO:<>\r\n",
	    WELCOME "250 2.1.0 Ok\r\n501 5.1.3 Recipient wants a domain\r\n",
	    false);
}

static void
letters_come_out_with_their_dots_undone(void **state)
{
	static const struct {
		const char *name, *data, *letter;
	} cases[] = {
	    {"empty", ".\r\n", ""},
	    {"one line", "a\r\n.\r\n", "a\r\n"},
	    {"stuffed dot", "..\r\n.\r\n", ".\r\n"},
	    {"stuffed text", "..a\r\n...\r\n.\r\n", ".a\r\n..\r\n"},
	    {"dot that was not stuffed", ".a\r\n.\r\n", "a\r\n"},
	    {"dots inside", "a.\r\n .\r\n.\r\n", "a.\r\n .\r\n"},
	    {"8 bit", "\303\244\r\n.\r\n", "\303\244\r\n"},
	};

	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct outcome outcome OUTCOME_OWNED = OUTCOME;
		char input[600], want[600];
		(void)snprintf(input, sizeof(input),
		    START MAIL RCPT "DATA\r\n%s", cases[i].data);
		(void)snprintf(want, sizeof(want),
		    "login alice\npassword secret\nfrom alice@a.example\n"
		    "to bob@b.example\nletter %s\n",
		    cases[i].letter);
		run_whole(span_str(input), &outcome);
		check_text(cases[i].name, "events", &outcome.events, want);
	}
}

/* SMTP smuggling: whatever looks like an end of data to somebody else must
 * neither end the data here nor be passed on. */
static void
no_bare_line_end_ends_the_data_or_passes(void **state)
{
	static const char *const ends[] = {"\n.\n", "\n.\r\n", "\r.\r",
	    "\r.\r\n", "\r\n.\n", "\r\n.\r", "\r\n.\rx", "\n", "\r", "\r\r\n",
	    "\n\r\n", "\r\n\n", "x\rx"};

	for (size_t i = 0; i < LENGTH(ends); i++) {
		struct outcome outcome OUTCOME_OWNED = OUTCOME;
		char input[700];
		(void)snprintf(input, sizeof(input),
		    START MAIL RCPT "DATA\r\na%s" MAIL RCPT "\r\n.\r\nNOOP\r\n",
		    ends[i]);
		run_whole(span_str(input), &outcome);
		check_text(ends[i], "output", &outcome.output,
		    GREETING WELCOME OK_MAIL_RCPT GO
		    "554 5.6.0 Bare CR or LF: lines must end in CRLF\r\n"
		    "250 2.0.0 Ok\r\n");
		check_text(ends[i], "events", &outcome.events,
		    "login alice\npassword secret\nfrom alice@a.example\n"
		    "to bob@b.example\nreset \n");
	}
}

static void
a_NUL_in_the_data_is_refused(void **state)
{
	static const char input[] = START MAIL RCPT "DATA\r\na\0b\r\n.\r\n";
	struct outcome outcome OUTCOME_OWNED = OUTCOME;

	run_whole(span_of(input, sizeof(input) - 1), &outcome);
	check_text("NUL", "output", &outcome.output,
	    GREETING WELCOME OK_MAIL_RCPT GO
	    "554 5.6.0 NUL byte in the letter\r\n");
}

/* `len` bytes of letter, CRLF at its end counted. */
static void
add_letter(struct buf *input, size_t len)
{
	assert_true(len >= 2);
	for (size_t i = 0; i < len - 2; i++)
		assert_int_equal(buf_add_byte(input, 'x', NULL), RC_OK);
	assert_int_equal(buf_add_str(input, "\r\n", NULL), RC_OK);
}

static void
a_letter_may_have_exactly_as_many_bytes_as_the_limit(void **state)
{
	for (size_t len = 1000; len <= 1001; len++) {
		struct outcome outcome OUTCOME_OWNED = OUTCOME;
		struct buf input BUF_OWNED = BUF(TEST_MAX);
		assert_int_equal(
		    buf_add_str(&input, START MAIL RCPT "DATA\r\n", NULL),
		    RC_OK);
		add_letter(&input, len);
		assert_int_equal(
		    buf_add_str(&input, ".\r\nNOOP\r\n", NULL), RC_OK);
		run_whole(buf_span(&input), &outcome);
		check_text("limit", "output", &outcome.output,
		    len == 1000 ? GREETING WELCOME OK_MAIL_RCPT GO
			"250 2.0.0 Ok\r\n250 2.0.0 Ok\r\n"
				: GREETING WELCOME OK_MAIL_RCPT GO
			"552 5.3.4 Letter is too large\r\n250 2.0.0 Ok\r\n");
	}
}

static void
a_letter_that_never_ends_ends_the_connection(void **state)
{
	struct outcome outcome OUTCOME_OWNED = OUTCOME;
	struct buf input BUF_OWNED = BUF(TEST_MAX);

	assert_int_equal(
	    buf_add_str(&input, START MAIL RCPT "DATA\r\n", NULL), RC_OK);
	for (size_t i = 0; i < 68; i++) /* 2 * 1000 + 64 KiB */
		add_letter(&input, 1000);
	run_whole(buf_span(&input), &outcome);
	check_text("endless", "output", &outcome.output,
	    GREETING WELCOME OK_MAIL_RCPT GO
	    "421 4.3.4 Letter is too large; closing\r\n");
	assert_true(outcome.ended);
}

static void
a_line_may_have_a_mebibyte_and_no_more(void **state)
{
	for (size_t more = 0; more <= 1; more++) {
		struct smtp_server_config config = test_config();
		struct outcome outcome OUTCOME_OWNED = OUTCOME;
		struct buf input BUF_OWNED = BUF(TEST_MAX);
		config.limits.letter = (size_t)4 << 20;
		assert_int_equal(
		    buf_add_str(&input, START MAIL RCPT "DATA\r\n", NULL),
		    RC_OK);
		add_letter(&input, 600000); /* does not count with the next */
		add_letter(&input, ((size_t)1 << 20) + more);
		assert_int_equal(buf_add_str(&input, ".\r\n", NULL), RC_OK);
		run(&config, buf_span(&input), 0, 65536, &outcome);
		struct span end = span_after(
		    buf_span(&outcome.output), outcome.output.len - 28);
		assert_int_equal(
		    span_is(end, span_str("554 5.6.0 Line is too long\r\n")),
		    more);
	}
}

static void
a_command_may_have_512_bytes_and_no_more(void **state)
{
	static const struct {
		const char *verb, *good;
		size_t limit;
	} cases[] = {
	    {"NOOP ", "250 2.0.0 Ok\r\n", 512},
	    {"AUTH X", "504 5.5.4 Say AUTH PLAIN\r\n", 12288},
	    {"MAIL FROM:<a@b> AUTH=", "250 2.1.0 Ok\r\n", 1536},
	};

	for (size_t i = 0; i < LENGTH(cases) * 2; i++) {
		struct outcome outcome OUTCOME_OWNED = OUTCOME;
		struct smtp_server_config config = test_config();
		char input[13000], want[1000];
		size_t at = (size_t)snprintf(
		    input, sizeof(input), HELLO "%s", cases[i / 2].verb);
		size_t len = cases[i / 2].limit + i % 2 + strlen(HELLO);
		memset(input + at, 'x', len - at);
		memcpy(input + len - 2, "\r\nNOOP\r\n", 9);
		config.require_auth = i / 2 == 1;
		run(&config, span_str(input), 0, SIZE_MAX, &outcome);
		(void)snprintf(want, sizeof(want), "%s250 2.0.0 Ok\r\n",
		    i % 2 == 0 ? cases[i / 2].good
			       : "500 5.5.2 Line is too long\r\n");
		struct span got = buf_span(&outcome.output);
		got = span_after(got, got.len - strlen(want));
		if (!span_is(got, span_str(want)))
			fail_msg("%s %zu\n got: %.*s\nwant: %s",
			    cases[i / 2].verb, i % 2, SPAN_ARGS(got), want);
	}
}

static void
an_endless_line_is_swallowed_in_little_memory(void **state)
{
	struct smtp_server_config config = test_config();
	struct outcome outcome OUTCOME_OWNED = OUTCOME;
	struct buf input BUF_OWNED = BUF(TEST_MAX);

	for (size_t i = 0; i < ((size_t)5 << 20); i++)
		assert_int_equal(buf_add_byte(&input, 'x', NULL), RC_OK);
	assert_int_equal(buf_add_str(&input, "\r\nNOOP\r\n", NULL), RC_OK);
	run(&config, buf_span(&input), 0, 1000, &outcome);
	check_text("endless", "output", &outcome.output,
	    GREETING "500 5.5.2 Line is too long\r\n250 2.0.0 Ok\r\n");
}

static void
the_end_of_an_endless_line_is_found_when_it_is_cut(void **state)
{
	struct smtp_server_config config = test_config();
	struct outcome outcome OUTCOME_OWNED = OUTCOME;
	char input[20000];

	memset(input, 'x', sizeof(input));
	memcpy(input + sizeof(input) - 9, "\r\nNOOP\r\n", 9);
	run(&config, span_str(input), sizeof(input) - 8, SIZE_MAX, &outcome);
	check_text("cut", "output", &outcome.output,
	    GREETING "500 5.5.2 Line is too long\r\n250 2.0.0 Ok\r\n");
}

static void
the_fourth_recipient_is_one_too_many(void **state)
{
	check_output("recipients", START MAIL RCPT RCPT RCPT RCPT,
	    WELCOME OK_MAIL_RCPT "250 2.1.5 Ok\r\n250 2.1.5 Ok\r\n"
				 "452 4.5.3 Too many recipients\r\n",
	    false);
}

static void
the_fifth_error_ends_the_connection(void **state)
{
	check_output("errors", "X\r\nX\r\nX\r\nX\r\nNOOP\r\nX\r\nNOOP\r\n",
	    "500 5.5.2 Unknown command\r\n500 5.5.2 Unknown command\r\n"
	    "500 5.5.2 Unknown command\r\n500 5.5.2 Unknown command\r\n"
	    "250 2.0.0 Ok\r\n421 4.7.0 Too many errors; closing\r\n",
	    true);
}

static void
guessing_passwords_counts_as_errors(void **state)
{
#define WRONG "AUTH PLAIN AGFsaWNlAHNlY3JldQ==\r\n"
#define NO "535 5.7.8 Login refused\r\n"
	check_output("guesses", HELLO WRONG WRONG WRONG WRONG WRONG LOGIN,
	    EHLO_REPLY NO NO NO NO "421 4.7.0 Too many errors; closing\r\n",
	    true);
}

#define LETTER MAIL RCPT "DATA\r\na\r\n.\r\n"

static void
the_fourth_letter_of_a_connection_is_one_too_many(void **state)
{
#define TAKEN OK_MAIL_RCPT GO "250 2.0.0 Ok\r\n"
	check_output("letters", START LETTER LETTER LETTER LETTER,
	    WELCOME TAKEN TAKEN TAKEN
	    "421 4.7.0 Too many letters in one connection; closing\r\n",
	    true);
}

static void
a_browser_is_sent_away_and_nothing_of_it_is_done(void **state)
{
	static const char *const requests[] = {
	    "GET / HTTP/1.1\r\n",
	    "POST / HTTP/1.1\r\nHost: x\r\n\r\n",
	    "post /x\r\n",
	    "PUT x HTTP/1.0\r\n",
	    "HEAD / HTTP/1.1\r\n",
	    "OPTIONS * HTTP/1.1\r\n",
	    "FROB / HTTP/3\r\n",
	    "PRI * HTTP/2.0\r\n",
	};

	for (size_t i = 0; i < LENGTH(requests); i++) {
		char input[500];
		(void)snprintf(
		    input, sizeof(input), "%s" START LETTER, requests[i]);
		check_output(requests[i], input, "", true);
		(void)snprintf(
		    input, sizeof(input), "NOOP\r\n%s" START, requests[i]);
		check_output(requests[i], input, "250 2.0.0 Ok\r\n", true);
	}
}

static void
rset_and_ehlo_end_a_transaction_and_say_so(void **state)
{
	static const char *const enders[] = {"RSET\r\n", HELLO};

	for (size_t i = 0; i < LENGTH(enders); i++) {
		struct outcome outcome OUTCOME_OWNED = OUTCOME;
		char input[500];
		(void)snprintf(input, sizeof(input),
		    START MAIL RCPT "%sDATA\r\n", enders[i]);
		run_whole(span_str(input), &outcome);
		check_text(enders[i], "events", &outcome.events,
		    "login alice\npassword secret\nfrom alice@a.example\n"
		    "to bob@b.example\nreset \n");
		struct span got = buf_span(&outcome.output);
		assert_true(span_find(got,
				span_str("503 5.5.1 Say MAIL first\r\n")) > 0);
	}
}

static void
quit_is_answered_and_what_follows_is_not_read(void **state)
{
	check_output("quit", "QUIT\r\nNOOP\r\n", "221 2.0.0 Bye\r\n", true);
}

static const char session[] = START MAIL RCPT
    "RCPT TO:<no@x>\r\nRCPT TO:<carol@c.example>\r\nDATA\r\n"
    "Subject: x\r\n\r\n..a\r\n.\r\n"
    "MAIL FROM:<> SIZE=5 BODY=8BITMIME\r\n" RCPT "DATA\r\nb\nc\r\n.\r\n"
    "FROB\r\nNOOP\r\n" MAIL "RSET\r\nQUIT\r\n";

static void
a_session_in_one_segment_is_as_one_cut_anywhere(void **state)
{
	struct smtp_server_config config = test_config();
	struct outcome whole OUTCOME_OWNED = OUTCOME;
	const char *want;

	run_whole(span_str(session), &whole);
	assert_true(whole.ended);
	assert_int_equal(buf_str(&whole.output, &want, NULL), RC_OK);
	for (size_t cut = 0; cut < strlen(session); cut++) {
		struct outcome cut_up OUTCOME_OWNED = OUTCOME;
		/* cut = 0: byte by byte */
		run(&config, span_str(session), cut, cut == 0 ? 1 : SIZE_MAX,
		    &cut_up);
		check_text("cut", "output", &cut_up.output, want);
		assert_true(
		    span_is(buf_span(&cut_up.events), buf_span(&whole.events)));
		assert_true(cut_up.ended);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(commands_are_answered_as_the_standard_says),
	    cmocka_unit_test(logins_are_read_in_every_form_mail_programs_use),
	    cmocka_unit_test(logins_that_are_wrong_are_refused),
	    cmocka_unit_test(
		without_require_auth_no_login_is_offered_or_wanted),
	    cmocka_unit_test(SMTPUTF8_is_offered_where_it_is_wanted),
	    cmocka_unit_test(
		what_an_address_or_a_parameter_is_refused_with_is_said),
	    cmocka_unit_test(letters_come_out_with_their_dots_undone),
	    cmocka_unit_test(no_bare_line_end_ends_the_data_or_passes),
	    cmocka_unit_test(a_NUL_in_the_data_is_refused),
	    cmocka_unit_test(
		a_letter_may_have_exactly_as_many_bytes_as_the_limit),
	    cmocka_unit_test(a_letter_that_never_ends_ends_the_connection),
	    cmocka_unit_test(a_line_may_have_a_mebibyte_and_no_more),
	    cmocka_unit_test(a_command_may_have_512_bytes_and_no_more),
	    cmocka_unit_test(an_endless_line_is_swallowed_in_little_memory),
	    cmocka_unit_test(
		the_end_of_an_endless_line_is_found_when_it_is_cut),
	    cmocka_unit_test(the_fourth_recipient_is_one_too_many),
	    cmocka_unit_test(the_fifth_error_ends_the_connection),
	    cmocka_unit_test(guessing_passwords_counts_as_errors),
	    cmocka_unit_test(the_fourth_letter_of_a_connection_is_one_too_many),
	    cmocka_unit_test(a_browser_is_sent_away_and_nothing_of_it_is_done),
	    cmocka_unit_test(rset_and_ehlo_end_a_transaction_and_say_so),
	    cmocka_unit_test(quit_is_answered_and_what_follows_is_not_read),
	    cmocka_unit_test(a_session_in_one_segment_is_as_one_cut_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
