/* The SMTP server as an LMTP server (RFC 2033). */
#include "proto/smtp_server.h"

#include "base/expect.h"
#include "base/own.h"

OWNER(struct smtp_server, smtp_server_free);

#define GREETING "220 mail.example LMTP\r\n"
#define OFFERS                                                    \
	"250-mail.example\r\n250-PIPELINING\r\n250-SIZE 1000\r\n" \
	"250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n"
#define MAIL "MAIL FROM:<a@b.example>\r\n"
#define RCPT "RCPT TO:<c@mail.example>\r\n"
#define OK "250 2.0.0 Ok\r\n"

/* What a server that takes everything but `no` says to the input. */
static void
run(const char *input, const char *no, struct buf *said)
{
	static const struct smtp_server_config config = {.name = "mail.example",
	    .lmtp = true,
	    .limits = {1000, 1, 10, 5, 0}};
	struct smtp_server *server OWNED(smtp_server_free) = NULL;
	enum smtp_server_event event = SMTP_SERVER_MORE;
	struct err err = ERR_NONE;

	assert_done(smtp_server_new(&config, &server, &err), err);
	assert_done(smtp_server_push(server, span_str(input), &err), err);
	for (;;) {
		assert_done(smtp_server_next(server, &event, &err), err);
		if (event == SMTP_SERVER_MORE || event == SMTP_SERVER_END)
			break;
		if (event == SMTP_SERVER_RESET)
			continue;
		bool bad = event == SMTP_SERVER_TO &&
			   strcmp(smtp_server_to(server), no) == 0;
		assert_done(
		    smtp_server_reply(server, bad ? 550 : 250,
			bad ? "5.1.1" : "2.0.0", bad ? "No" : "Ok", &err),
		    err);
	}
	assert_done(buf_add(said, smtp_server_output(server), &err), err);
}

static void
expect(const char *name, const char *input, const char *want)
{
	struct buf said BUF_OWNED = BUF_SMALL;
	const char *text = NULL;

	run(input, "nobody@mail.example", &said);
	assert_ok(buf_str(&said, &text, NULL));
	if (strcmp(text, want) != 0)
		fail_msg("%s: got \"%s\", want \"%s\"", name, text, want);
}

static void
it_is_greeted_with_lhlo_only(void **state)
{
	expect("LHLO", "LHLO x\r\n", GREETING OFFERS);
	expect(
	    "no name", "LHLO\r\n", GREETING "501 5.5.4 Say EHLO hostname\r\n");
	/* never answered with a yes: RFC 2033 section 4.1 */
	expect("EHLO", "EHLO x\r\nHELO x\r\n" MAIL,
	    GREETING "500 5.5.1 EHLO is for SMTP, LHLO for LMTP\r\n"
		     "500 5.5.1 EHLO is for SMTP, LHLO for LMTP\r\n"
		     "503 5.5.1 Say EHLO first\r\n");
}

static void
a_letter_has_one_recipient_and_one_answer(void **state)
{
	expect("letter",
	    "LHLO x\r\n" MAIL RCPT RCPT "DATA\r\nhello\r\n.\r\n" MAIL,
	    GREETING OFFERS OK OK
	    "452 4.5.3 Too many recipients\r\n"
	    "354 End data with <CR><LF>.<CR><LF>\r\n" OK OK);
}

/* RFC 2033 section 4.2 has it so, and RFC 5321 would allow 554 as well. */
static void
data_without_recipient_is_503(void **state)
{
	expect("no recipient",
	    "LHLO x\r\n" MAIL "RCPT TO:<nobody@mail.example>\r\nDATA\r\n",
	    GREETING OFFERS OK "550 5.1.1 No\r\n"
			       "503 5.5.1 No valid recipients\r\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_is_greeted_with_lhlo_only),
	    cmocka_unit_test(a_letter_has_one_recipient_and_one_answer),
	    cmocka_unit_test(data_without_recipient_is_503),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
