#define _GNU_SOURCE /* setenv */
#include "net/https.h"

#include <pthread.h>
#include <signal.h>

#include "base/own.h"
#include "net/peer_test_priv.h"

#define TEST_MAX ((size_t)8 << 20)
#define OK_HEAD "> HTTP/1.1 200 OK\r\n"

OWNER(struct https, https_free);

static enum rc
find_local(
    void *context, const char *host, struct strlist *ret, struct err *err)
{
	(void)context;
	if (strcmp(host, "localhost") != 0)
		return err_set(err, RC_ABSENT, "no such name");
	return strlist_add_str(ret, "127.0.0.1", err);
}

static const struct names local = {find_local, NULL};

static struct https *
open_https(void)
{
	struct https *https = NULL;

	assert_int_equal(https_new(peer_pem, &local, &https, NULL), RC_OK);
	return https;
}

struct answer {
	struct https_response response;
	enum rc rc;
	struct err err;
};
#define ANSWER ((struct answer){{.body = BUF(1000)}, RC_OK, ERR_NONE})

static void
answer_done(struct answer *answer)
{
	buf_done(&answer->response.body);
}
#define ANSWER_OWNED __attribute__((cleanup(answer_done)))

static void
ask(struct https *https, const struct peer *peer, const char *path,
    struct https_request request, struct answer *answer)
{
	char url[200];

	(void)snprintf(
	    url, sizeof(url), "https://localhost:%u%s", peer->port, path);
	request.url = url;
	if (request.method == NULL)
		request.method = "GET";
	if (request.timeout == 0)
		request.timeout = 5000;
	answer->rc =
	    https_send(https, &request, &answer->response, &answer->err);
}

static void
check_good(const struct answer *answer, unsigned status, const char *body)
{
	if (answer->rc != RC_OK)
		fail_msg("%s", answer->err.text);
	assert_int_equal(answer->response.status, status);
	assert_true(span_is(buf_span(&answer->response.body), span_str(body)));
}

static void
a_request_is_answered_with_status_headers_and_body(void **state)
{
	static const char *const steps[] = {"tls",
	    "<~ GET /x?y HTTP/1.1\r\nHost: localhost:",
	    OK_HEAD "Content-Type: Application/PKIX-Cert; x=y\r\n"
		    "Location: https://a.example/1\r\n"
		    "Replay-Nonce: n0\r\nRetry-After: 7\r\n"
		    "Content-Length: 5\r\n\r\nhello",
	    NULL};
	struct peer peer = peer_listen(steps);
	struct https *https OWNED(https_free) = open_https();
	struct answer answer ANSWER_OWNED = ANSWER;

	ask(https, &peer, "/x?y", (struct https_request){0}, &answer);
	check_good(&answer, 200, "hello");
	assert_string_equal(
	    answer.response.content_type, "application/pkix-cert");
	assert_string_equal(answer.response.location, "https://a.example/1");
	assert_string_equal(answer.response.nonce, "n0");
	assert_int_equal(answer.response.retry_after, 7);
	https_free(take(https));
	peer_finish(&peer);
}

static void
a_body_is_posted_as_it_is_and_the_connection_kept(void **state)
{
	static const char *const steps[] = {"tls",
	    "<~ \r\nContent-Type: application/jose+json\r\n", "< {\"a\"\r\n}",
	    "> HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
	    "<~ HEAD /new HTTP/1.1\r\n",
	    OK_HEAD "Replay-Nonce: n1\r\nContent-Length: 9\r\n\r\n", NULL};
	struct peer peer = peer_listen(steps);
	struct https *https OWNED(https_free) = open_https();
	struct answer posted ANSWER_OWNED = ANSWER;
	struct answer head ANSWER_OWNED = ANSWER;

	ask(https, &peer, "/",
	    (struct https_request){.method = "POST",
		.content_type = "application/jose+json",
		.body = span_str("{\"a\"\r\n}")},
	    &posted);
	check_good(&posted, 201, "");
	assert_string_equal(posted.response.content_type, "");
	assert_string_equal(posted.response.location, "");
	assert_int_equal(posted.response.retry_after, 0);
	ask(https, &peer, "/new", (struct https_request){.method = "HEAD"},
	    &head);
	check_good(&head, 200, "");
	assert_string_equal(head.response.nonce, "n1");
	https_free(take(https));
	peer_finish(&peer);
}

static void
a_redirect_is_an_answer_and_not_followed(void **state)
{
	static const char *const steps[] = {"tls", "<~ GET / ",
	    "> HTTP/1.1 302 Found\r\nLocation: /other\r\n"
	    "Content-Length: 0\r\n\r\n",
	    NULL};
	struct peer peer = peer_listen(steps);
	struct https *https OWNED(https_free) = open_https();
	struct answer answer ANSWER_OWNED = ANSWER;

	ask(https, &peer, "/", (struct https_request){0}, &answer);
	check_good(&answer, 302, "");
	https_free(take(https));
	peer_finish(&peer);
}

static void
a_body_may_be_as_large_as_the_buf_and_no_larger(void **state)
{
	static const char *const lengths[] = {
	    "Content-Length: 1000\r\n", "Content-Length: 1001\r\n", ""};

	for (size_t i = 0; i < LENGTH(lengths); i++) {
		char reply[1200];
		const char *const steps[] = {"tls", "<~ GET / ", reply, NULL};
		int head = snprintf(reply, sizeof(reply),
		    OK_HEAD "%sConnection: close\r\n\r\n", lengths[i]);
		memset(reply + head, 'x', 1000 + (i > 0));
		reply[head + 1000 + (i > 0)] = '\0';
		struct peer peer = peer_listen(steps);
		struct https *https OWNED(https_free) = open_https();
		struct answer answer ANSWER_OWNED = ANSWER;
		ask(https, &peer, "/", (struct https_request){0}, &answer);
		assert_int_equal(answer.rc, i == 0 ? RC_OK : RC_LIMIT);
		assert_int_equal(answer.response.body.len, i == 0 ? 1000 : 0);
		https_free(take(https));
		peer_forget(&peer);
	}
}

static void
no_answer_in_time_is_an_error_of_io(void **state)
{
	static const char *const steps[] = {"tls", "<~ GET / ", OK_HEAD,
	    "sleep", "> A: b\r\n", "sleep", "> A: b\r\n", "sleep", "> A: b\r\n",
	    "sleep", "> A: b\r\n", "sleep", "> A: b\r\n", NULL};
	struct peer peer = peer_listen(steps);
	struct https *https OWNED(https_free) = open_https();
	struct answer answer ANSWER_OWNED = ANSWER;

	ask(https, &peer, "/", (struct https_request){.timeout = 200}, &answer);
	assert_int_equal(answer.rc, RC_IO);
	assert_true(strlen(answer.err.text) > 0);
	https_free(take(https));
	peer_forget(&peer);
}

static void
a_cut_answer_is_an_error_and_leaves_nothing(void **state)
{
	static const char *const steps[] = {"tls", "<~ GET / ",
	    OK_HEAD "Content-Length: 5\r\n\r\nhel", "cut", NULL};
	struct peer peer = peer_listen(steps);
	struct https *https OWNED(https_free) = open_https();
	struct answer answer ANSWER_OWNED = ANSWER;

	ask(https, &peer, "/", (struct https_request){0}, &answer);
	assert_int_equal(answer.rc, RC_IO);
	assert_int_equal(answer.response.body.len, 0);
	assert_int_equal(answer.response.status, 0);
	peer_finish(&peer);
}

static void
a_server_nobody_vouches_for_is_unfit(void **state)
{
	static const char *const steps[] = {"tls!", NULL};
	struct peer peer = peer_listen(steps);
	struct https *https OWNED(https_free) = NULL;
	struct answer answer ANSWER_OWNED = ANSWER;

	assert_int_equal(https_new(NULL, &local, &https, NULL), RC_OK);
	ask(https, &peer, "/", (struct https_request){0}, &answer);
	assert_int_equal(answer.rc, RC_UNFIT);
	peer_finish(&peer);
}

static void
only_https_urls_are_asked(void **state)
{
	static const struct {
		const char *url;
		enum rc rc;
	} cases[] = {
	    {"http://localhost/", RC_UNFIT},
	    {"file:///etc/passwd", RC_UNFIT},
	    {"ftp://localhost/", RC_UNFIT},
	    {"localhost", RC_UNFIT},
	    {"", RC_UNFIT},
	    {"https://user@localhost/", RC_UNFIT},
	    {"https://", RC_SYNTAX},
	    {"https://localhost/a b", RC_SYNTAX},
	    {"https://localhost/\r\nX: y", RC_SYNTAX},
	    {"https://nowhere.example/", RC_IO},
	};
	struct https *https OWNED(https_free) = open_https();

	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct https_request request = {
		    .method = "GET", .url = cases[i].url, .timeout = 1000};
		struct answer answer ANSWER_OWNED = ANSWER;
		enum rc rc =
		    https_send(https, &request, &answer.response, &answer.err);
		if (rc != cases[i].rc)
			fail_msg("%s: %s %s", cases[i].url, rc_name(rc),
			    answer.err.text);
	}
}

static void
nothing_in_a_content_type_can_become_a_header(void **state)
{
	struct https *https OWNED(https_free) = open_https();
	struct https_request request = {
	    "POST", "https://localhost:1/", "a/b\r\nX: y", span_str("x"), 1000};
	struct answer answer ANSWER_OWNED = ANSWER;

	assert_int_equal(
	    https_send(https, &request, &answer.response, NULL), RC_SYNTAX);
}

static void
a_proxy_of_the_environment_is_not_asked(void **state)
{
	static const char *const steps[] = {
	    "tls", "<~ GET / ", OK_HEAD "Content-Length: 0\r\n\r\n", NULL};
	struct peer peer = peer_listen(steps);
	struct https *https OWNED(https_free) = open_https();
	struct answer answer ANSWER_OWNED = ANSWER;

	assert_int_equal(setenv("https_proxy", "http://127.0.0.1:1", 1), 0);
	assert_int_equal(setenv("ALL_PROXY", "http://127.0.0.1:1", 1), 0);
	ask(https, &peer, "/", (struct https_request){0}, &answer);
	assert_int_equal(unsetenv("https_proxy"), 0);
	assert_int_equal(unsetenv("ALL_PROXY"), 0);
	check_good(&answer, 200, "");
	https_free(take(https));
	peer_finish(&peer);
}

static void *
ask_many(void *ret_good)
{
	static const char *const steps[] = {
	    "tls", "<~ GET / ", OK_HEAD "Content-Length: 2\r\n\r\nhi", NULL};

	for (int i = 0; i < 5; i++) {
		struct peer peer = peer_listen(steps);
		struct https *https OWNED(https_free) = NULL;
		struct answer answer ANSWER_OWNED = ANSWER;
		if (https_new(peer_pem, &local, &https, NULL) != RC_OK)
			return NULL;
		ask(https, &peer, "/", (struct https_request){0}, &answer);
		/* the peer waits for the end of the connection, which is kept */
		https_free(take(https));
		(void)kill(peer.pid, SIGTERM);
		peer_forget(&peer);
		if (answer.rc != RC_OK || answer.response.status != 200)
			return NULL;
	}
	return ret_good;
}

static void
threads_ask_at_the_same_time(void **state)
{
	pthread_t threads[4];
	int mark;

	for (size_t i = 0; i < LENGTH(threads); i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, ask_many, &mark), 0);
	for (size_t i = 0; i < LENGTH(threads); i++) {
		void *good = NULL;
		assert_int_equal(pthread_join(threads[i], &good), 0);
		assert_ptr_equal(good, &mark);
	}
}

static void
queries_are_escaped(void **state)
{
	static const char in[] = "a+b@c d&=/\303\244\0~._-Z9";
	struct buf out BUF_OWNED = BUF(200);
	struct buf small BUF_OWNED = BUF(4);

	assert_int_equal(
	    https_escape(span_of(in, sizeof(in) - 1), &out, NULL), RC_OK);
	assert_true(span_is(
	    buf_span(&out), span_str("a%2Bb%40c%20d%26%3D%2F%C3%A4%00~._-Z9")));
	assert_int_equal(https_escape(span_str("ab@"), &small, NULL), RC_LIMIT);
	assert_int_equal(small.len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		a_request_is_answered_with_status_headers_and_body),
	    cmocka_unit_test(a_body_is_posted_as_it_is_and_the_connection_kept),
	    cmocka_unit_test(a_redirect_is_an_answer_and_not_followed),
	    cmocka_unit_test(a_body_may_be_as_large_as_the_buf_and_no_larger),
	    cmocka_unit_test(no_answer_in_time_is_an_error_of_io),
	    cmocka_unit_test(a_cut_answer_is_an_error_and_leaves_nothing),
	    cmocka_unit_test(a_server_nobody_vouches_for_is_unfit),
	    cmocka_unit_test(only_https_urls_are_asked),
	    cmocka_unit_test(nothing_in_a_content_type_can_become_a_header),
	    cmocka_unit_test(a_proxy_of_the_environment_is_not_asked),
	    cmocka_unit_test(threads_ask_at_the_same_time),
	    cmocka_unit_test(queries_are_escaped),
	};

	return cmocka_run_group_tests(tests, peer_setup, peer_teardown);
}
