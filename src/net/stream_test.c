#define _GNU_SOURCE /* pthread, SOCK_CLOEXEC */
#include "net/stream.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>

#include "net/peer_test_priv.h"

#define TEST_MAX ((size_t)8 << 20)

static enum rc
find_local(
    void *context, const char *host, struct strlist *ret, struct err *err)
{
	(void)context;
	if (!strcmp(host, "nowhere.example"))
		return err_set(err, RC_ABSENT, "no such name");
	/* nobody listens on the first: the second is tried */
	TRY(strlist_add_str(ret, "127.0.0.254", err));
	return strlist_add_str(ret, "127.0.0.1", err);
}

static const struct names local = {find_local, NULL};

static struct stream *
connect_to(const struct peer *peer)
{
	struct stream_place place = {&local, "localhost", peer->port, NULL};
	struct stream *stream = NULL;
	struct err err = ERR_NONE;

	if (stream_connect(&place, 5000, &stream, &err) != RC_OK)
		fail_msg("%s", err.text);
	stream_set_timeout(stream, 5000);
	return stream;
}

static void
check_read(struct stream *stream, const char *want)
{
	struct buf got BUF_OWNED = BUF(TEST_MAX);
	struct err err = ERR_NONE;

	while (got.len < strlen(want))
		if (stream_read(stream, &got, &err) != RC_OK)
			fail_msg("%s", err.text);
	if (!span_is(buf_span(&got), span_str(want)))
		fail_msg("got %.*s", SPAN_ARGS(buf_span(&got)));
}

static void
check_write(struct stream *stream, const char *text)
{
	assert_int_equal(stream_write(stream, span_str(text), NULL), RC_OK);
}

static enum rc
read_once(struct stream *stream, struct err *err)
{
	struct buf got BUF_OWNED = BUF(TEST_MAX);

	return stream_read(stream, &got, err);
}

static int64_t
now(void)
{
	struct timespec time;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &time), 0);
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void
make_pair(struct stream **a, struct stream **b)
{
	int fds[2];

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(stream_adopt(fds[0], a, NULL), RC_OK);
	assert_int_equal(stream_adopt(fds[1], b, NULL), RC_OK);
}

/* -- Plain ------------------------------------------------------------------- */

static void
bytes_go_both_ways(void **state)
{
	static const char *const steps[] = {"> hello", "< world", NULL};
	struct peer peer = peer_listen(steps);
	struct stream *stream OWNED(stream_free) = connect_to(&peer);
	char want[40];

	(void)snprintf(want, sizeof(want), "127.0.0.1:%u", peer.port);
	assert_string_equal(stream_peer(stream), want);
	check_read(stream, "hello");
	check_write(stream, "world");
	peer_finish(&peer);
	assert_int_equal(read_once(stream, NULL), RC_ABSENT);
}

static void
a_name_is_asked_of_the_plugged_in_resolver_only(void **state)
{
	struct stream_place nowhere = {&local, "nowhere.example", 1, NULL};
	struct stream_place unknown = {NULL, "localhost", 1, NULL};
	struct stream *stream = NULL;
	struct err err = ERR_NONE;

	assert_int_equal(stream_connect(&nowhere, 100, &stream, &err), RC_IO);
	assert_string_equal(err.text, "nowhere.example has no address");
	assert_int_equal(
	    stream_connect(&unknown, 100, &stream, &err), RC_UNFIT);
	assert_null(stream);
}

static void
nobody_listening_is_an_error_of_io(void **state)
{
	struct stream_place place = {NULL, "127.0.0.1", 1, NULL};
	struct stream *stream = NULL;
	struct err err = ERR_NONE;

	assert_int_equal(stream_connect(&place, 1000, &stream, &err), RC_IO);
	assert_string_equal(
	    err.text, "connect to 127.0.0.1:1: Connection refused");
}

static void
a_peer_sees_the_chosen_source(void **state)
{
	static const char *const steps[] = {"from 127.0.0.77", "> hello", NULL};
	struct peer peer = peer_listen(steps);
	/* the first address of localhost is dead: each try is bound */
	struct stream_place place = {
	    &local, "localhost", peer.port, "127.0.0.77"};
	struct stream *stream OWNED(stream_free) = NULL;
	struct err err = ERR_NONE;

	if (stream_connect(&place, 5000, &stream, &err) != RC_OK)
		fail_msg("%s", err.text);
	check_read(stream, "hello");
	peer_finish(&peer);
}

static void
a_source_that_cannot_be_used_is_an_error(void **state)
{
	static const struct {
		const char *source;
		enum rc rc;
		const char *text;
	} cases[] = {
	    {"192.0.2.1", RC_IO,
		"come from 192.0.2.1: Cannot assign requested address"},
	    /* the other family */
	    {"::1", RC_IO, "127.0.0.1: no usable address"},
	    {"localhost", RC_UNFIT, "come from localhost: no IP address"},
	    {"", RC_UNFIT, "come from : no IP address"},
	};

	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct stream_place place = {
		    NULL, "127.0.0.1", 1, cases[i].source};
		struct stream *stream = NULL;
		struct err err = ERR_NONE;
		assert_int_equal(
		    stream_connect(&place, 1000, &stream, &err), cases[i].rc);
		assert_string_equal(err.text, cases[i].text);
		assert_null(stream);
	}
}

static void
a_silent_peer_is_given_up_after_the_timeout(void **state)
{
	struct stream *a OWNED(stream_free) = NULL;
	struct stream *b OWNED(stream_free) = NULL;
	int64_t begin = now();

	make_pair(&a, &b);
	stream_set_timeout(a, 100);
	assert_int_equal(read_once(a, NULL), RC_IO);
	assert_in_range(now() - begin, 100, 2000);
	assert_int_equal(
	    stream_secure_client(a, peer_trust, "localhost", NULL), RC_IO);
}

static void
a_peer_that_does_not_read_is_given_up_after_the_timeout(void **state)
{
	struct stream *a OWNED(stream_free) = NULL;
	struct stream *b OWNED(stream_free) = NULL;
	char *bytes = calloc(1, TEST_MAX);

	assert_non_null(bytes);
	make_pair(&a, &b);
	stream_set_timeout(a, 100);
	assert_int_equal(
	    stream_write(a, span_of(bytes, TEST_MAX), NULL), RC_IO);
	free(bytes);
}

static void
writing_to_a_peer_that_is_gone_raises_no_signal(void **state)
{
	struct stream *a OWNED(stream_free) = NULL;
	struct stream *b = NULL;

	make_pair(&a, &b);
	stream_free(b);
	assert_int_equal(stream_write(a, span_str("x"), NULL), RC_IO);
}

static void
the_last_words_arrive_though_the_peer_said_more(void **state)
{
	static const char *const steps[] = {
	    "> QUIT and more", "sleep", "sleep", "< 221 Bye", "eof", NULL};
	struct peer peer = peer_listen(steps);
	struct stream *stream OWNED(stream_free) = connect_to(&peer);
	unsigned ready;

	assert_int_equal(stream_wait(stream, NULL, 5000, &ready, NULL), RC_OK);
	check_write(stream, "221 Bye");
	stream_free(take(stream));
	peer_finish(&peer);
}

static void
the_limit_of_the_buf_is_kept(void **state)
{
	struct stream *a OWNED(stream_free) = NULL;
	struct stream *b OWNED(stream_free) = NULL;
	struct buf got BUF_OWNED = BUF(3);

	make_pair(&a, &b);
	check_write(b, "abcd");
	assert_int_equal(stream_read(a, &got, NULL), RC_OK);
	assert_int_equal(got.len, 3);
	assert_int_equal(stream_read(a, &got, NULL), RC_LIMIT);
}

static void *
shut_soon(void *stream)
{
	struct timespec wait = {0, 100000000};

	(void)nanosleep(&wait, NULL);
	stream_shut(stream);
	return NULL;
}

static void
a_wait_ends_when_another_thread_shuts_the_stream(void **state)
{
	struct stream *a OWNED(stream_free) = NULL;
	struct stream *b OWNED(stream_free) = NULL;
	pthread_t thread;
	int64_t begin = now();

	make_pair(&a, &b);
	assert_int_equal(pthread_create(&thread, NULL, shut_soon, a), 0);
	assert_int_equal(read_once(a, NULL), RC_ABSENT);
	assert_in_range(now() - begin, 50, 3000);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(stream_write(a, span_str("x"), NULL), RC_ABSENT);
}

static void
waiting_for_two_says_which_has_something(void **state)
{
	struct stream *a OWNED(stream_free) = NULL;
	struct stream *b OWNED(stream_free) = NULL;
	struct stream *c OWNED(stream_free) = NULL;
	struct stream *d OWNED(stream_free) = NULL;
	unsigned ready = 9;

	make_pair(&a, &b);
	make_pair(&c, &d);
	assert_int_equal(stream_wait(a, c, 50, &ready, NULL), RC_AGAIN);
	assert_int_equal(ready, 9);
	check_write(d, "x");
	assert_int_equal(stream_wait(a, c, 1000, &ready, NULL), RC_OK);
	assert_int_equal(ready, 2);
	check_write(b, "x");
	assert_int_equal(stream_wait(a, c, 1000, &ready, NULL), RC_OK);
	assert_int_equal(ready, 3);
	assert_int_equal(stream_wait(a, NULL, 1000, &ready, NULL), RC_OK);
	assert_int_equal(ready, 1);
}

/* -- TLS client ---------------------------------------------------------------- */

static void
a_server_that_proves_its_name_is_believed(void **state)
{
	static const char *const names[] = {"localhost", "127.0.0.1"};
	static const char *const steps[] = {"tls", "> hello", "< world", NULL};

	for (size_t i = 0; i < LENGTH(names); i++) {
		struct peer peer = peer_listen(steps);
		struct stream *stream OWNED(stream_free) = connect_to(&peer);
		struct err err = ERR_NONE;
		if (stream_secure_client(stream, peer_trust, names[i], &err) !=
		    RC_OK)
			fail_msg("%s", err.text);
		check_read(stream, "hello");
		check_write(stream, "world");
		assert_int_equal(read_once(stream, NULL), RC_ABSENT);
		peer_finish(&peer);
	}
}

static void
a_server_that_is_somebody_else_is_not_believed(void **state)
{
	static const char *const names[] = {
	    "mail.example", "127.0.0.2", "ocalhost", ".localhost"};
	static const char *const steps[] = {"tls!", NULL};

	for (size_t i = 0; i < LENGTH(names); i++) {
		struct peer peer = peer_listen(steps);
		struct stream *stream OWNED(stream_free) = connect_to(&peer);
		struct err err = ERR_NONE;
		assert_int_equal(
		    stream_secure_client(stream, peer_trust, names[i], &err),
		    RC_UNFIT);
		assert_true(strlen(err.text) > 0);
		stream_free(take(stream));
		peer_finish(&peer);
	}
}

static void
an_empty_name_is_nobodys(void **state)
{
	struct stream *a OWNED(stream_free) = NULL;
	struct stream *b OWNED(stream_free) = NULL;

	make_pair(&a, &b);
	assert_int_equal(
	    stream_secure_client(a, peer_trust, "", NULL), RC_UNFIT);
}

static void
a_server_nobody_vouches_for_is_not_believed(void **state)
{
	static const char *const steps[] = {"tls!", NULL};
	struct peer peer = peer_listen(steps);
	struct stream *stream OWNED(stream_free) = connect_to(&peer);
	struct tls *system OWNED(tls_free) = NULL;
	struct err err = ERR_NONE;

	assert_int_equal(tls_client_new(NULL, &system, NULL), RC_OK);
	assert_int_equal(
	    stream_secure_client(stream, system, "localhost", &err), RC_UNFIT);
	assert_string_equal(err.text,
	    "localhost: its certificate is not believed: "
	    "self-signed certificate in certificate chain");
	stream_free(take(stream));
	peer_finish(&peer);
}

static void
old_tls_is_not_spoken(void **state)
{
	static const char *const ways[] = {"tls! max=TLSv1_1 ciphers=ALL",
	    "tls! max=TLSv1_2 ciphers=AES128-GCM-SHA256",
	    "tls! max=TLSv1_2 ciphers=ECDHE-ECDSA-AES128-SHA256"};

	for (size_t i = 0; i < LENGTH(ways); i++) {
		const char *const steps[] = {ways[i], NULL};
		struct peer peer = peer_listen(steps);
		struct stream *stream OWNED(stream_free) = connect_to(&peer);
		assert_int_equal(
		    stream_secure_client(stream, peer_trust, "localhost", NULL),
		    RC_UNFIT);
		stream_free(take(stream));
		peer_finish(&peer);
	}
}

static void
plain_text_where_tls_must_be_is_refused(void **state)
{
	static const char *const steps[] = {"> 220 mail.example\r\n", NULL};
	struct peer peer = peer_listen(steps);
	struct stream *stream OWNED(stream_free) = connect_to(&peer);

	assert_int_equal(
	    stream_secure_client(stream, peer_trust, "localhost", NULL),
	    RC_UNFIT);
	stream_free(take(stream));
	peer_forget(&peer);
}

/* Whoever sits between can close a connection, but must not be able to make
 * the cut look like the end. */
static void
a_cut_is_not_taken_for_the_end(void **state)
{
	static const char *const steps[] = {"tls", "> hello", "cut", NULL};

	for (int waits = 0; waits <= 1; waits++) {
		struct peer peer = peer_listen(steps);
		struct stream *stream OWNED(stream_free) = connect_to(&peer);
		unsigned ready = 0;
		assert_int_equal(
		    stream_secure_client(stream, peer_trust, "localhost", NULL),
		    RC_OK);
		check_read(stream, "hello");
		if (waits)
			assert_int_equal(
			    stream_wait(stream, NULL, 5000, &ready, NULL),
			    RC_OK);
		assert_int_equal(read_once(stream, NULL), RC_IO);
		assert_int_equal(read_once(stream, NULL), RC_IO);
		peer_finish(&peer);
	}
}

/* -- TLS server ------------------------------------------------------------------ */

struct listener {
	int fd;
	uint16_t port;
};

static struct listener
open_listener(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t len = sizeof(address);
	struct listener listener = {
	    socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), 0};

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(listener.fd >= 0);
	assert_int_equal(
	    bind(listener.fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(listener.fd, 5), 0);
	assert_int_equal(
	    getsockname(listener.fd, (struct sockaddr *)&address, &len), 0);
	listener.port = ntohs(address.sin_port);
	return listener;
}

static struct stream *
accept_one(const struct listener *listener)
{
	struct stream *stream = NULL;
	int fd = accept(listener->fd, NULL, NULL);

	assert_true(fd >= 0);
	assert_int_equal(stream_adopt(fd, &stream, NULL), RC_OK);
	stream_set_timeout(stream, 5000);
	return stream;
}

static void
check_served(const char *way, bool good)
{
	const char *const steps[] = {way, "< hello", "> world", "eof", NULL};
	struct listener listener = open_listener();
	struct peer peer = peer_connect(listener.port, steps);
	struct stream *stream OWNED(stream_free) = accept_one(&listener);
	struct err err = ERR_NONE;

	enum rc rc = stream_secure_server(stream, peer_server, &err);
	if ((rc == RC_OK) != good)
		fail_msg("%s: %s %s", way, rc_name(rc), err.text);
	if (good) {
		check_write(stream, "hello");
		check_read(stream, "world");
	}
	stream_free(take(stream));
	assert_int_equal(close(listener.fd), 0);
	peer_finish(&peer);
}

static void
a_mail_program_is_served(void **state)
{
	check_served("tls", true);
	check_served("tls max=TLSv1_2", true);
	check_served("tls alpn=imap", true);
	check_served("tls alpn=pop3,smtp", true);
}

static void
a_browser_or_old_tls_is_not_served(void **state)
{
	check_served("tls! alpn=h2,http/1.1", false);
	check_served("tls! alpn=http/1.1,imap", false);
	check_served("tls! alpn=h3", false);
	check_served("tls! alpn=xmpp-client", false);
	check_served("tls! max=TLSv1_1 ciphers=ALL", false);
	check_served("tls! max=TLSv1_2 ciphers=AES128-GCM-SHA256", false);
	check_served(
	    "tls! max=TLSv1_2 ciphers=ECDHE-ECDSA-AES128-SHA256", false);
}

/* -- Both ends ours ------------------------------------------------------------------ */

static void *
serve_tls(void *stream)
{
	return stream_secure_server(stream, peer_server, NULL) == RC_OK ? stream
									: NULL;
}

static void
make_tls_pair(struct stream **client, struct stream **server)
{
	pthread_t thread;
	void *good = NULL;

	make_pair(client, server);
	assert_int_equal(pthread_create(&thread, NULL, serve_tls, *server), 0);
	assert_int_equal(
	    stream_secure_client(*client, peer_trust, "localhost", NULL),
	    RC_OK);
	assert_int_equal(pthread_join(thread, &good), 0);
	assert_non_null(good);
}

static void
what_tls_holds_back_counts_as_readable(void **state)
{
	struct stream *client OWNED(stream_free) = NULL;
	struct stream *server OWNED(stream_free) = NULL;
	struct buf one BUF_OWNED = BUF(1);
	unsigned ready = 0;

	make_tls_pair(&client, &server);
	assert_int_equal(stream_wait(client, NULL, 50, &ready, NULL), RC_AGAIN);
	check_write(server, "ab");
	assert_int_equal(stream_read(client, &one, NULL), RC_OK);
	assert_int_equal(one.len, 1);
	/* "b" is not in the socket any more, but in OpenSSL */
	assert_int_equal(stream_wait(client, NULL, 50, &ready, NULL), RC_OK);
	assert_int_equal(ready, 1);
}

static void *
write_much(void *stream)
{
	uint8_t *bytes = malloc(TEST_MAX);

	if (bytes == NULL)
		return NULL;
	for (size_t i = 0; i < TEST_MAX; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 251);
	enum rc rc = stream_write(stream, span_of(bytes, TEST_MAX), NULL);
	free(bytes);
	return rc == RC_OK ? stream : NULL;
}

static void
much_goes_through_tls_unchanged(void **state)
{
	struct stream *client OWNED(stream_free) = NULL;
	struct stream *server OWNED(stream_free) = NULL;
	struct buf got BUF_OWNED = BUF(TEST_MAX);
	pthread_t thread;
	void *good = NULL;

	make_tls_pair(&client, &server);
	assert_int_equal(pthread_create(&thread, NULL, write_much, server), 0);
	while (got.len < TEST_MAX)
		assert_int_equal(stream_read(client, &got, NULL), RC_OK);
	assert_int_equal(pthread_join(thread, &good), 0);
	assert_non_null(good);
	for (size_t i = 0; i < TEST_MAX; i++)
		if (got.data[i] != (uint8_t)(i * 7 + i / 251))
			fail_msg("byte %zu is another", i);
}

static void
a_tls_peer_that_is_gone_raises_no_signal(void **state)
{
	struct stream *client OWNED(stream_free) = NULL;
	struct stream *server = NULL;
	enum rc rc = RC_OK;

	make_tls_pair(&client, &server);
	stream_free(server);
	for (int i = 0; i < 3 && rc == RC_OK; i++)
		rc = stream_write(client, span_str("x"), NULL);
	assert_int_equal(rc, RC_IO);
}

static void
a_tls_wait_ends_when_another_thread_shuts_the_stream(void **state)
{
	struct stream *client OWNED(stream_free) = NULL;
	struct stream *server OWNED(stream_free) = NULL;
	pthread_t thread;

	make_tls_pair(&client, &server);
	assert_int_equal(pthread_create(&thread, NULL, shut_soon, client), 0);
	assert_int_equal(read_once(client, NULL), RC_ABSENT);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bytes_go_both_ways),
	    cmocka_unit_test(a_name_is_asked_of_the_plugged_in_resolver_only),
	    cmocka_unit_test(nobody_listening_is_an_error_of_io),
	    cmocka_unit_test(a_peer_sees_the_chosen_source),
	    cmocka_unit_test(a_source_that_cannot_be_used_is_an_error),
	    cmocka_unit_test(a_silent_peer_is_given_up_after_the_timeout),
	    cmocka_unit_test(
		a_peer_that_does_not_read_is_given_up_after_the_timeout),
	    cmocka_unit_test(writing_to_a_peer_that_is_gone_raises_no_signal),
	    cmocka_unit_test(the_last_words_arrive_though_the_peer_said_more),
	    cmocka_unit_test(the_limit_of_the_buf_is_kept),
	    cmocka_unit_test(a_wait_ends_when_another_thread_shuts_the_stream),
	    cmocka_unit_test(waiting_for_two_says_which_has_something),
	    cmocka_unit_test(a_server_that_proves_its_name_is_believed),
	    cmocka_unit_test(a_server_that_is_somebody_else_is_not_believed),
	    cmocka_unit_test(an_empty_name_is_nobodys),
	    cmocka_unit_test(a_server_nobody_vouches_for_is_not_believed),
	    cmocka_unit_test(old_tls_is_not_spoken),
	    cmocka_unit_test(plain_text_where_tls_must_be_is_refused),
	    cmocka_unit_test(a_cut_is_not_taken_for_the_end),
	    cmocka_unit_test(a_mail_program_is_served),
	    cmocka_unit_test(a_browser_or_old_tls_is_not_served),
	    cmocka_unit_test(what_tls_holds_back_counts_as_readable),
	    cmocka_unit_test(much_goes_through_tls_unchanged),
	    cmocka_unit_test(a_tls_peer_that_is_gone_raises_no_signal),
	    cmocka_unit_test(
		a_tls_wait_ends_when_another_thread_shuts_the_stream),
	};

	return cmocka_run_group_tests(tests, peer_setup, peer_teardown);
}
