#define _GNU_SOURCE /* clock_gettime */
#include "net/smtp_send.h"

#include <time.h>

#include "net/peer_test_priv.h"

#define HELLO "< EHLO me\r\n"
#define OFFERS "> 250-x\r\n250-PIPELINING\r\n250 AUTH PLAIN\r\n"
#define LOGIN "< AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n"
#define MAIL_RCPT "< MAIL FROM:<alice@a.example>\r\nRCPT TO:<bob@b.example>\r\n"

static char *bob[] = {(char[]){"bob@b.example"}};
static const struct strlist to_bob = {bob, 1, 1};
static const struct smtp_client_letter letter = {.from = "alice@a.example",
    .to = &to_bob,
    .bytes = {(const uint8_t *)"a\r\n.b\r\n", 7}};

static struct smtp_route
route_to(const struct peer *peer, enum smtp_security security)
{
	return (struct smtp_route){.tls = peer_trust,
	    .host = "127.0.0.1",
	    .port = peer->port,
	    .security = security,
	    .helo = "me",
	    .login = {.user = security == SMTP_PLAIN ? NULL : "alice",
		.secret = span_str("secret")},
	    .timeout = 5000};
}

static void
check_sent(const char *const *steps, enum smtp_security security,
    const struct smtp_client_letter *what, unsigned code)
{
	struct peer peer = peer_listen(steps);
	struct smtp_route route = route_to(&peer, security);
	struct smtp_client_result result = {0};
	struct err err = ERR_NONE;

	if (smtp_send(&route, what, &result, &err) != RC_OK)
		fail_msg("%s", err.text);
	assert_int_equal(result.code, code);
	peer_finish(&peer);
}

static void
a_letter_goes_over_tls(void **state)
{
	static const char *const steps[] = {"tls", "> 220 x\r\n", HELLO, OFFERS,
	    LOGIN, "> 235 hi\r\n", MAIL_RCPT, "> 250 ok\r\n250 ok\r\n",
	    "< DATA\r\n", "> 354 go\r\n", "< a\r\n..b\r\n.\r\n",
	    "> 250 taken\r\n", "< QUIT\r\n", NULL};

	check_sent(steps, SMTP_TLS, &letter, 250);
}

static void
a_letter_goes_over_starttls(void **state)
{
	static const char *const steps[] = {"> 220 x\r\n", HELLO,
	    "> 250-x\r\n250 STARTTLS\r\n", "< STARTTLS\r\n", "> 220 go\r\n",
	    "tls", HELLO, OFFERS, LOGIN, "> 235 hi\r\n", MAIL_RCPT,
	    "> 250 ok\r\n250 ok\r\n", "< DATA\r\n", "> 354 go\r\n",
	    "< a\r\n..b\r\n.\r\n", "> 250 taken\r\n", "< QUIT\r\n", NULL};

	check_sent(steps, SMTP_STARTTLS, &letter, 250);
}

static void
a_login_alone_can_be_tried(void **state)
{
	static const char *const good[] = {"tls", "> 220 x\r\n", HELLO, OFFERS,
	    LOGIN, "> 235 hi\r\n", "< QUIT\r\n", NULL};
	static const char *const bad[] = {"tls", "> 220 x\r\n", HELLO, OFFERS,
	    LOGIN, "> 535 5.7.8 no\r\n", "< QUIT\r\n", NULL};

	check_sent(good, SMTP_TLS, NULL, 235);
	check_sent(bad, SMTP_TLS, NULL, 535);
}

static void
a_refusal_is_an_answer(void **state)
{
	static const char *const steps[] = {"> 220 x\r\n", HELLO, "> 250 x\r\n",
	    "< MAIL FROM:<alice@a.example>\r\n", "> 250 ok\r\n",
	    "< RCPT TO:<bob@b.example>\r\n", "> 550 5.1.1 who\r\n",
	    "< RSET\r\n", "> 250 ok\r\n", "< QUIT\r\n", NULL};

	check_sent(steps, SMTP_PLAIN, &letter, 550);
}

static void
what_is_no_answer_is_an_error(void **state)
{
	static const struct {
		enum smtp_security security;
		enum rc rc;
		const char *steps[7];
	} cases[] = {
	    {SMTP_PLAIN, RC_IO, {"> 220 x\r\n", HELLO, NULL}},
	    {SMTP_PLAIN, RC_IO, {"> nonsense\r\n", NULL}},
	    {SMTP_TLS, RC_IO, {"tls", "> 220 x\r\n", "cut", NULL}},
	    {SMTP_TLS, RC_UNFIT, {"> 220 x\r\n", NULL}},
	    {SMTP_STARTTLS, RC_UNFIT,
		{"> 220 x\r\n", HELLO, "> 250 AUTH PLAIN\r\n", NULL}},
	    /* whoever sits between cannot put an answer in before TLS */
	    {SMTP_STARTTLS, RC_IO,
		{"> 220 x\r\n", HELLO, "> 250-x\r\n250 STARTTLS\r\n",
		    "< STARTTLS\r\n", "> 220 go\r\n250 AUTH PLAIN\r\n", NULL}},
	};

	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct peer peer = peer_listen(cases[i].steps);
		struct smtp_route route = route_to(&peer, cases[i].security);
		struct smtp_client_result result = {.code = 7};
		struct err err = ERR_NONE;
		enum rc rc = smtp_send(&route, &letter, &result, &err);
		if (rc != cases[i].rc)
			fail_msg("%zu: %s %s", i, rc_name(rc), err.text);
		assert_true(strlen(err.text) > 0);
		assert_int_equal(result.code, 7);
		peer_forget(&peer);
	}
}

static void
a_server_for_another_name_is_unfit(void **state)
{
	static const char *const steps[] = {"tls!", NULL};
	struct peer peer = peer_listen(steps);
	struct smtp_route route = route_to(&peer, SMTP_TLS);
	struct smtp_client_result result;
	struct tls *system OWNED(tls_free) = NULL;

	assert_int_equal(tls_client_new(NULL, &system, NULL), RC_OK);
	route.tls = system;
	assert_int_equal(smtp_send(&route, &letter, &result, NULL), RC_UNFIT);
	peer_finish(&peer);
}

static void
a_password_never_goes_without_tls(void **state)
{
	struct smtp_route route = {.tls = peer_trust,
	    .host = "127.0.0.1",
	    .port = 1,
	    .security = SMTP_PLAIN,
	    .helo = "me",
	    .login = {.user = "alice", .secret = span_str("secret")},
	    .timeout = 1000};
	struct smtp_client_result result;

	assert_int_equal(smtp_send(&route, &letter, &result, NULL), RC_UNFIT);
	route.security = SMTP_TLS;
	route.tls = NULL;
	assert_int_equal(smtp_send(&route, &letter, &result, NULL), RC_UNFIT);
}

static int64_t
now(void)
{
	struct timespec time;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &time), 0);
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void
the_timeout_is_for_all_of_it(void **state)
{
	/* a reply line of one byte each 100 ms would never end otherwise */
	const char *steps[] = {"> 2", "sleep", "> 2", "sleep", "> 0", "sleep",
	    "> -", "sleep", "> x", "sleep", "> x", "sleep", "> x", "sleep",
	    NULL};
	struct peer peer = peer_listen(steps);
	struct smtp_route route = route_to(&peer, SMTP_PLAIN);
	struct smtp_client_result result;
	int64_t begin = now();

	route.timeout = 300;
	assert_int_equal(smtp_send(&route, &letter, &result, NULL), RC_IO);
	assert_in_range(now() - begin, 250, 600);
	peer_forget(&peer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_letter_goes_over_tls),
	    cmocka_unit_test(a_letter_goes_over_starttls),
	    cmocka_unit_test(a_login_alone_can_be_tried),
	    cmocka_unit_test(a_refusal_is_an_answer),
	    cmocka_unit_test(what_is_no_answer_is_an_error),
	    cmocka_unit_test(a_server_for_another_name_is_unfit),
	    cmocka_unit_test(a_password_never_goes_without_tls),
	    cmocka_unit_test(the_timeout_is_for_all_of_it),
	};

	return cmocka_run_group_tests(tests, peer_setup, peer_teardown);
}
