#define _GNU_SOURCE
#include "net/imap_link.h"

#include "net/peer_test_priv.h"

#define TEST_MAX ((size_t)8 << 20)
#define GREETING "> * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n"
#define LOGIN "< a1 AUTHENTICATE PLAIN AGFsaWNlAHNlY3JldA==\r\n"
#define IN "> a1 OK [CAPABILITY IMAP4rev1 IDLE] in\r\n"
#define START "tls", GREETING, LOGIN, IN
#define END "< z LOGOUT\r\n"

static struct imap_route
route_to(const struct peer *peer)
{
	return (struct imap_route){.tls = peer_trust,
	    .host = "127.0.0.1",
	    .port = peer->port,
	    .login = {.user = "alice", .secret = span_str("secret")},
	    .timeout = 3000};
}

static struct imap_link *
open_link(const struct peer *peer)
{
	struct imap_route route = route_to(peer);
	struct imap_link *link = NULL;
	struct err err = ERR_NONE;

	if (imap_link_new(&route, &link, &err) != RC_OK)
		fail_msg("%s", err.text);
	return link;
}

static void
check_login(const char *const *steps, bool starttls)
{
	struct peer peer = peer_listen(steps);
	struct imap_route route = route_to(&peer);
	struct imap_link *link OWNED(imap_link_free) = NULL;
	struct err err = ERR_NONE;

	route.starttls = starttls;
	if (imap_link_new(&route, &link, &err) != RC_OK)
		fail_msg("%s", err.text);
	assert_string_equal(imap_link_capabilities(link), "IMAP4rev1 IDLE");
	imap_link_free(take(link));
	peer_finish(&peer);
}

static void
logins_go_in_the_form_the_server_offers(void **state)
{
	static const char *const at_once[] = {START, END, NULL};
	static const char *const in_two[] = {"tls", "> * OK hi\r\n",
	    "< a1 CAPABILITY\r\n",
	    "> * CAPABILITY IMAP4rev1 AUTH=PLAIN\r\na1 OK x\r\n",
	    "< a2 AUTHENTICATE PLAIN\r\n", "> + \r\n",
	    "< AGFsaWNlAHNlY3JldA==\r\n",
	    "> * CAPABILITY IMAP4rev1 IDLE\r\na2 OK in\r\n", END, NULL};
	static const char *const login[] = {"tls",
	    "> * OK [CAPABILITY IMAP4rev1] hi\r\n",
	    "< a1 LOGIN \"alice\" \"secret\"\r\n", "> a1 OK in\r\n",
	    "< a2 CAPABILITY\r\n",
	    "> * CAPABILITY IMAP4rev1 IDLE\r\na2 OK x\r\n", END, NULL};

	check_login(at_once, false);
	check_login(in_two, false);
	check_login(login, false);
}

static enum rc
log_in_by_token(const char *const *steps, struct err *err)
{
	struct peer peer = peer_listen(steps);
	struct imap_route route = route_to(&peer);
	struct imap_link *link OWNED(imap_link_free) = NULL;

	route.login.kind = SASL_TOKEN;
	enum rc rc = imap_link_new(&route, &link, err);
	imap_link_free(take(link));
	peer_finish(&peer);
	return rc;
}

static void
a_token_goes_by_its_own_mechanism(void **state)
{
	static const char *const good[] = {"tls",
	    "> * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=XOAUTH2] "
	    "hi\r\n",
	    "< a1 AUTHENTICATE XOAUTH2 "
	    "dXNlcj1hbGljZQFhdXRoPUJlYXJlciBzZWNyZXQBAQ==\r\n",
	    IN, END, NULL};
	static const char *const in_two[] = {"tls",
	    "> * OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2] hi\r\n",
	    "< a1 AUTHENTICATE XOAUTH2\r\n", "> + \r\n",
	    "< dXNlcj1hbGljZQFhdXRoPUJlYXJlciBzZWNyZXQBAQ==\r\n", IN, END,
	    NULL};
	static const char *const bad[] = {"tls",
	    "> * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hi\r\n",
	    "< a1 AUTHENTICATE XOAUTH2 "
	    "dXNlcj1hbGljZQFhdXRoPUJlYXJlciBzZWNyZXQBAQ==\r\n",
	    "> + eyJzdGF0dXMiOiI0MDEifQ==\r\n", "< \r\n",
	    "> a1 NO [AUTHENTICATIONFAILED] old\r\n", NULL};
	/* never by a password's mechanism */
	static const char *const none[] = {"tls", GREETING, NULL};
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(log_in_by_token(good, &err), RC_OK);
	assert_int_equal(log_in_by_token(in_two, &err), RC_OK);
	assert_int_equal(log_in_by_token(bad, &err), RC_REFUSED);
	assert_int_equal(log_in_by_token(none, &err), RC_UNFIT);
	assert_non_null(strstr(err.text, "no login by token"));
}

static void
starttls_comes_first_and_forgets_what_was_offered(void **state)
{
	static const char *const steps[] = {
	    "> * OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN] hi\r\n",
	    "< a1 STARTTLS\r\n", "> a1 OK go\r\n", "tls", "< a2 CAPABILITY\r\n",
	    "> * CAPABILITY IMAP4rev1\r\na2 OK x\r\n",
	    "< a3 LOGIN \"alice\" \"secret\"\r\n",
	    "> a3 OK [CAPABILITY IMAP4rev1 IDLE] in\r\n", END, NULL};

	check_login(steps, true);
}

static void
what_is_no_login_is_an_error(void **state)
{
	static const struct {
		bool starttls;
		enum rc rc;
		const char *steps[7];
	} cases[] = {
	    {false, RC_REFUSED,
		{"tls", GREETING, LOGIN,
		    "> a1 NO [AUTHENTICATIONFAILED] no\r\n", NULL}},
	    {false, RC_REFUSED, {"tls", "> * BYE busy\r\n", NULL}},
	    {false, RC_UNFIT, {"tls", "> * PREAUTH hi\r\n", NULL}},
	    {false, RC_UNFIT,
		{"tls", "> * OK [CAPABILITY IMAP4rev1 LOGINDISABLED] x\r\n",
		    NULL}},
	    {false, RC_UNFIT, {GREETING, NULL}},
	    {false, RC_IO, {"tls", "> HTTP/1.1 400 what\r\n", NULL}},
	    {false, RC_IO, {"tls", GREETING, LOGIN, NULL}},
	    {false, RC_IO, {"tls", GREETING, LOGIN, "> b1 OK in\r\n", NULL}},
	    {true, RC_UNFIT, {"> * PREAUTH hi\r\n", NULL}},
	    {true, RC_REFUSED,
		{GREETING, "< a1 STARTTLS\r\n", "> a1 BAD what\r\n", NULL}},
	    /* put in before TLS, to be read as if under it */
	    {true, RC_IO,
		{GREETING, "< a1 STARTTLS\r\n",
		    "> a1 OK go\r\n* CAPABILITY IMAP4rev1\r\n", NULL}},
	};

	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct peer peer = peer_listen(cases[i].steps);
		struct imap_route route = route_to(&peer);
		struct imap_link *link = NULL;
		struct err err = ERR_NONE;
		route.starttls = cases[i].starttls;
		enum rc rc = imap_link_new(&route, &link, &err);
		if (rc != cases[i].rc)
			fail_msg("%zu: %s %s", i, rc_name(rc), err.text);
		assert_null(link);
		peer_forget(&peer);
	}
}

/* Bytes behind the OK would be read as if they had come under TLS: no TLS is
 * begun after them. */
static void
bytes_put_in_before_tls_end_the_connection(void **state)
{
	static const char *const steps[] = {GREETING, "< a1 STARTTLS\r\n",
	    "> a1 OK go\r\n* CAPABILITY IMAP4rev1\r\n", "tls!", NULL};
	struct peer peer = peer_listen(steps);
	struct imap_route route = route_to(&peer);
	struct imap_link *link = NULL;

	route.starttls = true;
	assert_int_equal(imap_link_new(&route, &link, NULL), RC_IO);
	peer_finish(&peer);
}

static void
check_answer(struct imap_link *link, enum imap_answer want, const char *line)
{
	enum imap_answer got;
	struct span said;
	struct err err = ERR_NONE;

	if (imap_link_answer(link, &got, &said, &err) != RC_OK)
		fail_msg("%s", err.text);
	assert_int_equal(got, want);
	if (!span_is(said, span_str(line)))
		fail_msg("got %.*s, want %s", SPAN_ARGS(said), line);
}

static void
answers_come_one_by_one(void **state)
{
	static const char *const steps[] = {START, "< a2 SELECT INBOX\r\n",
	    "> * 3 EXISTS\r\n* OK [UIDVALIDITY 7] x {3}\r\n+ idling\r\n+\r\n"
	    "a2 OK [READ-WRITE] done\r\n",
	    "< a3 X\r\n", "> a3 NO no\r\n", "< a4 X\r\n", "> a4 BAD\r\n", END,
	    NULL};
	struct peer peer = peer_listen(steps);
	struct imap_link *link OWNED(imap_link_free) = open_link(&peer);

	assert_int_equal(
	    imap_link_command(link, span_str("SELECT INBOX"), NULL), RC_OK);
	check_answer(link, IMAP_UNTAGGED, "3 EXISTS");
	check_answer(link, IMAP_UNTAGGED, "OK [UIDVALIDITY 7] x {3}");
	check_answer(link, IMAP_CONTINUE, "idling");
	check_answer(link, IMAP_CONTINUE, "");
	check_answer(link, IMAP_OK, "[READ-WRITE] done");
	assert_int_equal(imap_link_run(link, span_str("X"), NULL), RC_REFUSED);
	assert_int_equal(imap_link_run(link, span_str("X"), NULL), RC_REFUSED);
	imap_link_free(take(link));
	peer_finish(&peer);
}

static void
literals_wait_for_the_servers_permission(void **state)
{
	static const char *const steps[] = {START, "< a2 APPEND x {5}\r\n",
	    "> * 4 EXISTS\r\n", "> + go\r\n", "< a\r\n\r\n {2}\r\n",
	    "> + go\r\n", "< {}\r\n", "> a2 OK done\r\n", END, NULL};
	struct peer peer = peer_listen(steps);
	struct imap_link *link OWNED(imap_link_free) = open_link(&peer);

	assert_int_equal(
	    imap_link_command(
		link, span_str("APPEND x {5}\r\na\r\n\r\n {2}\r\n{}"), NULL),
	    RC_OK);
	assert_true(imap_link_has_answer(link));
	check_answer(link, IMAP_UNTAGGED, "4 EXISTS");
	check_answer(link, IMAP_OK, "done");
	imap_link_free(take(link));
	peer_finish(&peer);
}

static void
what_was_only_looked_at_is_not_overtaken(void **state)
{
	static const char *const steps[] = {START, "> * 5 EXISTS\r\n",
	    "< a2 X {1}\r\n", "> * 6 EXISTS\r\n", "> + go\r\n", "< y\r\n",
	    "> a2 OK done\r\n", END, NULL};
	struct peer peer = peer_listen(steps);
	struct imap_link *link OWNED(imap_link_free) = open_link(&peer);

	while (!imap_link_has_answer(link))
		(void)usleep(1000);
	assert_int_equal(
	    imap_link_command(link, span_str("X {1}\r\ny"), NULL), RC_OK);
	check_answer(link, IMAP_UNTAGGED, "5 EXISTS");
	check_answer(link, IMAP_UNTAGGED, "6 EXISTS");
	check_answer(link, IMAP_OK, "done");
	imap_link_free(take(link));
	peer_finish(&peer);
}

static void
an_answer_to_somebody_elses_tag_is_none(void **state)
{
	static const char *const steps[] = {
	    START, "< a2 X\r\n", "> b2 OK x\r\n", "< z", NULL};
	struct peer peer = peer_listen(steps);
	struct imap_link *link OWNED(imap_link_free) = open_link(&peer);

	assert_int_equal(imap_link_run(link, span_str("X"), NULL), RC_SYNTAX);
	imap_link_free(take(link));
	peer_finish(&peer);
}

static void
a_literal_that_is_refused_is_not_sent(void **state)
{
	static const char *const steps[] = {START, "< a2 APPEND x {5}\r\n",
	    "> * 4 EXISTS\r\na2 NO [TOOBIG] no\r\n", END, NULL};
	struct peer peer = peer_listen(steps);
	struct imap_link *link OWNED(imap_link_free) = open_link(&peer);

	assert_int_equal(imap_link_command(
			     link, span_str("APPEND x {5}\r\na\r\n\r\n"), NULL),
	    RC_OK);
	check_answer(link, IMAP_UNTAGGED, "4 EXISTS");
	check_answer(link, IMAP_NO, "[TOOBIG] no");
	imap_link_free(take(link));
	peer_finish(&peer);
}

static void
nothing_in_a_command_can_become_another(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} bad[] = {{"X\r\nY", 4}, {"X\nY", 3}, {"X\rY", 3}, {"X\0Y", 3},
	    {"X {3}\r\nab", 9}, {"X {3}", 5}, {"X {3+}", 6},
	    {"X {2}\r\nab\r\nY", 12}, {"X {3+}\r\nabc", 11}, {"X {}\r\n", 6},
	    {"X\r\n", 3}};
	static const char *const steps[] = {START, END, NULL};
	struct peer peer = peer_listen(steps);
	struct imap_link *link OWNED(imap_link_free) = open_link(&peer);

	for (size_t i = 0; i < LENGTH(bad); i++)
		if (imap_link_command(link, span_of(bad[i].text, bad[i].len),
			NULL) != RC_SYNTAX)
			fail_msg("%s", bad[i].text);
	imap_link_free(take(link));
	peer_finish(&peer);
}

static void
while_idling_silence_is_no_error(void **state)
{
	static const char *const steps[] = {START, "< a2 IDLE\r\n",
	    "> + idling\r\n", "< DONE\r\n", "> * 5 EXISTS\r\na2 OK x\r\n", END,
	    NULL};
	struct peer peer = peer_listen(steps);
	struct imap_route route = route_to(&peer);
	struct imap_link *link OWNED(imap_link_free) = NULL;
	enum imap_answer answer;
	struct span line;

	route.timeout = 300;
	assert_int_equal(imap_link_new(&route, &link, NULL), RC_OK);
	assert_int_equal(
	    imap_link_command(link, span_str("IDLE"), NULL), RC_OK);
	check_answer(link, IMAP_CONTINUE, "idling");
	assert_false(imap_link_has_answer(link));
	assert_int_equal(
	    imap_link_answer(link, &answer, &line, NULL), RC_AGAIN);
	assert_int_equal(
	    imap_link_send(link, span_str("DONE\r\n"), NULL), RC_OK);
	check_answer(link, IMAP_UNTAGGED, "5 EXISTS");
	assert_true(imap_link_has_answer(link));
	assert_true(imap_link_has_answer(link));
	check_answer(link, IMAP_OK, "x");
	imap_link_free(take(link));
	peer_finish(&peer);
}

static void
the_end_of_the_connection_counts_as_an_answer(void **state)
{
	static const char *const steps[] = {START, "> * BYE\r\n", NULL};
	struct peer peer = peer_listen(steps);
	struct imap_link *link OWNED(imap_link_free) = open_link(&peer);
	enum imap_answer answer;
	struct span line;

	check_answer(link, IMAP_UNTAGGED, "BYE");
	while (!imap_link_has_answer(link))
		(void)usleep(1000);
	assert_int_equal(
	    imap_link_answer(link, &answer, &line, NULL), RC_ABSENT);
	peer_forget(&peer);
}

#define FETCH "< a2 UID FETCH 7 (UID BODY.PEEK[])\r\n"

static void
a_letter_is_fetched_whole(void **state)
{
	static const char *const ways[] = {
	    "> * 3 FETCH (UID 7 BODY[] {8}\r\na)\r\n{3}\r)\r\na2 OK x\r\n",
	    "> * 9 EXISTS\r\n* 1 FETCH (FLAGS (\\Seen) UID 6 BODY[] \"x\")\r\n"
	    "* 3 FETCH (BODY[] {8}\r\na)\r\n{3}\r FLAGS (a (b)) UID 7)\r\n"
	    "a2 OK x\r\n",
	};

	for (size_t i = 0; i < LENGTH(ways); i++) {
		const char *const steps[] = {START, FETCH, ways[i], END, NULL};
		struct peer peer = peer_listen(steps);
		struct imap_link *link OWNED(imap_link_free) = open_link(&peer);
		struct buf letter BUF_OWNED = BUF(TEST_MAX);
		assert_int_equal(
		    imap_link_fetch(link, 7, &letter, NULL), RC_OK);
		assert_true(
		    span_is(buf_span(&letter), span_str("a)\r\n{3}\r")));
		imap_link_free(take(link));
		peer_finish(&peer);
	}
}

static void
a_letter_that_is_not_there_or_too_large_leaves_nothing(void **state)
{
	static const struct {
		enum rc rc;
		const char *said;
	} cases[] = {
	    {RC_ABSENT, "> a2 OK x\r\n"},
	    {RC_ABSENT, "> * 3 FETCH (UID 8 BODY[] \"x\")\r\na2 OK x\r\n"},
	    {RC_ABSENT, "> * 3 FETCH (UID 7 BODY[] NIL)\r\na2 OK x\r\n"},
	    {RC_REFUSED, "> * 3 FETCH (UID 7 BODY[] \"x\")\r\na2 NO x\r\n"},
	    {RC_LIMIT, "> * 3 FETCH (UID 7 BODY[] \"xxxxx\")\r\na2 OK x\r\n"},
	    {RC_SYNTAX, "> * 3 FETCH (UID 7 BODY[] \"x\"\r\na2 OK x\r\n"},
	};

	for (size_t i = 0; i < LENGTH(cases); i++) {
		const char *const steps[] = {START, FETCH, cases[i].said,
		    "< a3 NOOP\r\n", "> a3 OK x\r\n", END, NULL};
		struct peer peer = peer_listen(steps);
		struct imap_link *link OWNED(imap_link_free) = open_link(&peer);
		struct buf letter BUF_OWNED = BUF(4);
		assert_int_equal(
		    imap_link_fetch(link, 7, &letter, NULL), cases[i].rc);
		assert_int_equal(letter.len, 0);
		/* the link can go on, unless the server talks nonsense */
		if (cases[i].rc != RC_SYNTAX)
			assert_int_equal(
			    imap_link_run(link, span_str("NOOP"), NULL), RC_OK);
		imap_link_free(take(link));
		if (cases[i].rc != RC_SYNTAX)
			peer_finish(&peer);
		else
			peer_forget(&peer);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(logins_go_in_the_form_the_server_offers),
	    cmocka_unit_test(a_token_goes_by_its_own_mechanism),
	    cmocka_unit_test(starttls_comes_first_and_forgets_what_was_offered),
	    cmocka_unit_test(what_is_no_login_is_an_error),
	    cmocka_unit_test(bytes_put_in_before_tls_end_the_connection),
	    cmocka_unit_test(what_was_only_looked_at_is_not_overtaken),
	    cmocka_unit_test(an_answer_to_somebody_elses_tag_is_none),
	    cmocka_unit_test(answers_come_one_by_one),
	    cmocka_unit_test(literals_wait_for_the_servers_permission),
	    cmocka_unit_test(a_literal_that_is_refused_is_not_sent),
	    cmocka_unit_test(nothing_in_a_command_can_become_another),
	    cmocka_unit_test(while_idling_silence_is_no_error),
	    cmocka_unit_test(the_end_of_the_connection_counts_as_an_answer),
	    cmocka_unit_test(a_letter_is_fetched_whole),
	    cmocka_unit_test(
		a_letter_that_is_not_there_or_too_large_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, peer_setup, peer_teardown);
}
