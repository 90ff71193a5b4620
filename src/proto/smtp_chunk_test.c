/* BDAT (RFC 3030). */
#include "proto/smtp_server.h"

#include <stdio.h>

#include "base/expect.h"
#include "base/own.h"

OWNER(struct smtp_server, smtp_server_free);

#define START "EHLO me\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n"
#define STARTED                                                       \
	"220 mail.example ESMTP\r\n250-mail.example\r\n"              \
	"250-PIPELINING\r\n250-SIZE 100\r\n250-8BITMIME\r\n"          \
	"250-CHUNKING\r\n250 ENHANCEDSTATUSCODES\r\n250 2.0.0 Ok\r\n" \
	"250 2.0.0 Ok\r\n"
#define OK "250 2.0.0 Ok\r\n"
#define NO_MAIL "503 5.5.1 Say MAIL first\r\n"

struct outcome {
	struct buf said, letters;
	bool ended;
};

/* All that comes is taken. */
static bool
take_events(struct smtp_server *server, struct outcome *outcome)
{
	enum smtp_server_event event = SMTP_SERVER_MORE;

	for (;;) {
		assert_ok(smtp_server_next(server, &event, NULL));
		if (event == SMTP_SERVER_LETTER) {
			assert_ok(buf_add(&outcome->letters,
			    smtp_server_letter(server), NULL));
			assert_ok(buf_add_byte(&outcome->letters, '|', NULL));
		}
		if (event == SMTP_SERVER_MORE || event == SMTP_SERVER_END)
			break;
		if (event == SMTP_SERVER_RESET || event == SMTP_SERVER_SEND)
			continue;
		assert_ok(smtp_server_reply(server, 250, "2.0.0", "Ok", NULL));
	}
	struct span said = smtp_server_output(server);
	assert_ok(buf_add(&outcome->said, said, NULL));
	smtp_server_sent(server, said.len);
	outcome->ended = event == SMTP_SERVER_END;
	return !outcome->ended;
}

/* `step` bytes at a time. */
static void
run(struct span input, size_t step, struct outcome *outcome)
{
	static const struct smtp_server_config config = {.name = "mail.example",
	    .limits = {100, 3, 5, 5, 0},
	    .chunking = true};
	struct smtp_server *server OWNED(smtp_server_free) = NULL;

	assert_ok(smtp_server_new(&config, &server, NULL));
	while (input.len > 0) {
		struct span piece =
		    span_first(input, step < input.len ? step : input.len);
		assert_ok(smtp_server_push(server, piece, NULL));
		input = span_after(input, piece.len);
		if (!take_events(server, outcome))
			return;
	}
}

static void
check(const char *name, const struct buf *got, const char *want)
{
	if (!span_is(buf_span(got), span_str(want)))
		fail_msg("%s:\n got: \"%.*s\"\nwant: \"%s\"", name,
		    SPAN_ARGS(buf_span(got)), want);
}

static void
expect(
    const char *name, const char *input, const char *said, const char *letters)
{
	static const size_t steps[] = {SIZE_MAX, 1, 7};

	for (size_t i = 0; i < 3; i++) {
		struct outcome outcome = {BUF_SMALL, BUF_SMALL, false};
		struct buf want BUF_OWNED = BUF_SMALL;
		const char *text = NULL;
		assert_ok(buf_add_format(&want, NULL, STARTED "%s", said));
		assert_ok(buf_str(&want, &text, NULL));
		run(span_str(input), steps[i], &outcome);
		check(name, &outcome.said, text);
		check(name, &outcome.letters, letters);
		buf_done(&outcome.said);
		buf_done(&outcome.letters);
	}
}

static void
a_letter_is_the_bytes_of_its_chunks(void **state)
{
	expect("one", START "BDAT 7 LAST\r\nhello\r\nNOOP\r\n", OK OK,
	    "hello\r\n|");
	expect("two", START "BDAT 3\r\nhelbdat 4 last\r\nlo\r\n",
	    "250 2.0.0 3 octets received\r\n" OK, "hello\r\n|");
	expect("nothing last", START "BDAT 7\r\nhello\r\nBDAT 0 LAST\r\n",
	    "250 2.0.0 7 octets received\r\n" OK, "hello\r\n|");
	expect(
	    "no end of line", START "BDAT 5 LAST\r\nhello", OK, "hello\r\n|");
	expect("empty", START "BDAT 0 LAST\r\n", OK, "|");
	expect("two letters",
	    START "BDAT 3 LAST\r\na\r\nMAIL FROM:<a@b.example>\r\n"
		  "RCPT TO:<c@d.example>\r\nBDAT 3 LAST\r\nb\r\n",
	    OK OK OK OK, "a\r\n|b\r\n|");
}

static void
a_line_end_may_be_cut_between_chunks(void **state)
{
	expect("CR LF", START "BDAT 2\r\na\rBDAT 2 LAST\r\n\nb",
	    "250 2.0.0 2 octets received\r\n" OK, "a\r\nb\r\n|");
}

static void
what_ends_the_data_of_DATA_is_text(void **state)
{
	expect("dot", START "BDAT 11 LAST\r\na\r\n.\r\n..b\r\n", OK,
	    "a\r\n.\r\n..b\r\n|");
	expect("commands",
	    START "BDAT 31 LAST\r\n.\r\nMAIL FROM:<e@f>\r\nRCPT TO:<\r\n"
		  "NOOP\r\n",
	    OK OK, ".\r\nMAIL FROM:<e@f>\r\nRCPT TO:<\r\n|");
}

/* What a server behind us could take for the end of a letter. */
static void
no_bare_line_end_passes(void **state)
{
	static const char *const parts[] = {"a\nb\r\n", "a\rb\r\n", "\n.\n\r\n",
	    "\r.\r\r\n", "\r\n.\n", "\n.\r\n", "ab\r\n\r", "\na\r\n"};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		char input[300];
		(void)snprintf(input, sizeof(input),
		    START "BDAT %zu LAST\r\n%sNOOP\r\n", strlen(parts[i]),
		    parts[i]);
		expect(parts[i], input,
		    "554 5.6.0 Bare CR or LF: lines must end in CRLF\r\n" OK,
		    "");
	}
}

static void
the_bytes_of_a_refused_chunk_are_no_commands(void **state)
{
	expect("no MAIL",
	    START "RSET\r\nBDAT 6 LAST\r\nNOOP\r\nBDAT 6\r\nQUIT\r\nNOOP\r\n",
	    OK NO_MAIL NO_MAIL OK, "");
	expect("too large at once",
	    START "BDAT 101\r\n"
		  "----------------------------------------------------"
		  "-----------------------------------------------\r\n"
		  "NOOP\r\n",
	    "552 5.3.4 Letter is too large\r\n" OK, "");
	expect("exactly large enough",
	    START "BDAT 100 LAST\r\n"
		  "---------------------------------------------------"
		  "-----------------------------------------------\r\n"
		  "NOOP\r\n",
	    OK OK,
	    "---------------------------------------------------"
	    "-----------------------------------------------\r\n|");
}

static void
after_a_refused_chunk_the_rest_of_the_letter_is_refused(void **state)
{
	expect("NUL",
	    START "BDAT 3\r\na\nbBDAT 3 LAST\r\nc\r\n"
		  "MAIL FROM:<a@b.example>\r\n",
	    "554 5.6.0 Bare CR or LF: lines must end in CRLF\r\n" NO_MAIL OK,
	    "");
}

static void
what_cannot_be_counted_ends_the_connection(void **state)
{
	static const char *const chunks[] = {"BDAT\r\n", "BDAT LAST\r\n",
	    "BDAT x\r\n", "BDAT -1\r\n", "BDAT 1 FIRST\r\n",
	    "BDAT 1 LAST LAST\r\n", "BDAT 18446744073709551616\r\n",
	    "BDAT 99999999999999999999999\r\n"};

	for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
		char input[300];
		(void)snprintf(
		    input, sizeof(input), START "%sNOOP\r\n", chunks[i]);
		expect(chunks[i], input,
		    "501 5.5.4 Say BDAT size or BDAT size LAST; closing\r\n",
		    "");
	}
	expect("endless", START "BDAT 65737\r\nNOOP\r\n",
	    "552 5.3.4 Letter is too large; closing\r\n", "");
	expect("endless", START "BDAT 18446744073709551615\r\nNOOP\r\n",
	    "552 5.3.4 Letter is too large; closing\r\n", "");
}

static void
a_letter_is_of_one_kind_and_has_its_recipients_before(void **state)
{
	expect("DATA behind", START "BDAT 1\r\naDATA\r\n",
	    "250 2.0.0 1 octets received\r\n"
	    "503 5.5.1 BDAT has begun this letter\r\n",
	    "");
	expect("RCPT behind", START "BDAT 1\r\naRCPT TO:<x@y.example>\r\n",
	    "250 2.0.0 1 octets received\r\n"
	    "503 5.5.1 The letter has begun already\r\n",
	    "");
	expect("RSET", START "BDAT 1\r\naRSET\r\nBDAT 0 LAST\r\n",
	    "250 2.0.0 1 octets received\r\n" OK NO_MAIL, "");
	expect("behind LAST", START "BDAT 1 LAST\r\naBDAT 1 LAST\r\nb",
	    OK NO_MAIL, "a\r\n|");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_letter_is_the_bytes_of_its_chunks),
	    cmocka_unit_test(a_line_end_may_be_cut_between_chunks),
	    cmocka_unit_test(what_ends_the_data_of_DATA_is_text),
	    cmocka_unit_test(no_bare_line_end_passes),
	    cmocka_unit_test(the_bytes_of_a_refused_chunk_are_no_commands),
	    cmocka_unit_test(
		after_a_refused_chunk_the_rest_of_the_letter_is_refused),
	    cmocka_unit_test(what_cannot_be_counted_ends_the_connection),
	    cmocka_unit_test(
		a_letter_is_of_one_kind_and_has_its_recipients_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
