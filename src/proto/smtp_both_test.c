/* Both SMTP engines against each other. */
#include "proto/smtp_client.h"
#include "proto/smtp_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/own.h"

OWNER(struct smtp_client, smtp_client_free);
OWNER(struct smtp_server, smtp_server_free);

#define LENGTH(table) (sizeof(table) / sizeof((table)[0]))
#define TEST_MAX ((size_t)8 << 20)

static char *two[] = {(char[]){"bob@b.example"}, (char[]){"carol@c.example"}};
static const struct strlist both = {two, 2, 2};

static void
drain(struct smtp_client *client, struct buf *sent)
{
	for (;;) {
		struct span out = smtp_client_output(client);
		if (out.len == 0)
			return;
		assert_int_equal(buf_add(sent, out, NULL), RC_OK);
		smtp_client_sent(client, out.len);
	}
}

/* Lines of dots, CRs in pairs and other letters, from a fixed sequence. */
static void
make_letter(unsigned seed, struct buf *letter)
{
	static const char *const pieces[] = {
	    ".", "..", "\r\n", "a", "\r\n.", "\r\n.\r\n", "MAIL FROM:<>"};

	for (unsigned i = 0; i < seed % 40; i++) {
		seed = seed * 1103515245U + 12345U;
		assert_int_equal(
		    buf_add_str(
			letter, pieces[(seed >> 16) % LENGTH(pieces)], NULL),
		    RC_OK);
	}
}

static void
serve(struct smtp_server *server, struct buf *got)
{
	enum smtp_server_event event;

	for (;;) {
		assert_int_equal(smtp_server_next(server, &event, NULL), RC_OK);
		if (event == SMTP_SERVER_MORE || event == SMTP_SERVER_END)
			return;
		if (event == SMTP_SERVER_LETTER)
			assert_int_equal(
			    buf_add(got, smtp_server_letter(server), NULL),
			    RC_OK);
		assert_int_equal(
		    event == SMTP_SERVER_LOGIN
			? smtp_server_login(server, true, NULL)
			: smtp_server_reply(server, 250, "2.0.0", "Ok", NULL),
		    RC_OK);
	}
}

static void
exchange(
    struct smtp_client *client, struct smtp_server *server, struct buf *got)
{
	for (;;) {
		struct buf out BUF_OWNED = BUF(TEST_MAX);
		struct span said = smtp_server_output(server);
		enum smtp_client_event event;
		assert_int_equal(smtp_client_push(client, said, NULL), RC_OK);
		smtp_server_sent(server, said.len);
		assert_int_equal(smtp_client_next(client, &event, NULL), RC_OK);
		drain(client, &out);
		assert_int_equal(
		    smtp_server_push(server, buf_span(&out), NULL), RC_OK);
		serve(server, got);
		if (event == SMTP_CLIENT_DONE)
			return;
	}
}

static void
what_the_client_sends_the_server_gets_byte_for_byte(void **state)
{
	static const struct smtp_server_config server_config = {
	    .name = "mail.example",
	    .require_auth = true,
	    .limits = {1 << 20, 10, 3, 10, 0}};

	for (unsigned seed = 0; seed < 2000; seed++) {
		struct buf bytes BUF_OWNED = BUF(TEST_MAX);
		struct buf got BUF_OWNED = BUF(TEST_MAX);
		struct smtp_client_letter letter = {
		    .from = "alice@a.example", .to = &both};
		struct smtp_client_config config = {.name = "me",
		    .login = {.user = "alice", .secret = span_str("secret")}};
		struct smtp_client *client OWNED(smtp_client_free) = NULL;
		struct smtp_server *server OWNED(smtp_server_free) = NULL;
		make_letter(seed, &bytes);
		letter.bytes = buf_span(&bytes);
		config.letter = &letter;
		assert_int_equal(
		    smtp_client_new(&config, &client, NULL), RC_OK);
		assert_int_equal(
		    smtp_server_new(&server_config, &server, NULL), RC_OK);
		exchange(client, server, &got);
		assert_int_equal(smtp_client_result(client)->code, 250);
		if (bytes.len > 0 && bytes.data[bytes.len - 1] != '\n')
			assert_int_equal(
			    buf_add_str(&bytes, "\r\n", NULL), RC_OK);
		assert_true(span_is(buf_span(&got), buf_span(&bytes)));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		what_the_client_sends_the_server_gets_byte_for_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
