#include "enrol/acme.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <signal.h>
#include <unistd.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "proto/jws.h"

/* An HTTPS server that says what it is told to: "answers" holds lines of
 * PATH, STATUS, headers as JSON, and body; the lines of a path are used up in
 * turn, the last one stays.  What it was sent is in "requests". */
static const char server_script[] =
    "import http.server, json, ssl, base64, pathlib, os\n"
    "used = {}\n"
    "class Handler(http.server.BaseHTTPRequestHandler):\n"
    "    protocol_version = 'HTTP/1.1'\n"
    "    def answer(self):\n"
    "        text = pathlib.Path('answers').read_text()\n"
    "        length = int(self.headers.get('Content-Length', 0))\n"
    "        body = self.rfile.read(length)\n"
    "        with open('requests', 'a') as log:\n"
    "            log.write(self.command + ' ' + self.path)\n"
    "            if body:\n"
    "                jws = json.loads(body)\n"
    "                for part in 'protected', 'payload':\n"
    "                    raw = jws[part] + '=' * (-len(jws[part]) % 4)\n"
    "                    raw = base64.urlsafe_b64decode(raw).decode()\n"
    "                    log.write(' ' + raw)\n"
    "            log.write('\\n')\n"
    "        lines = [l.split('|', 3) for l in text.splitlines()]\n"
    "        mine = [l for l in lines if l[0] == self.path]\n"
    "        turn = used.get((text, self.path), 0)\n"
    "        used[text, self.path] = turn + 1\n"
    "        _, status, headers, body = mine[min(turn, len(mine) - 1)]\n"
    "        body = body.replace('BASE', base).encode()\n"
    "        self.send_response(int(status))\n"
    "        for name, value in json.loads(headers or '{}').items():\n"
    "            self.send_header(name, value.replace('BASE', base))\n"
    "        self.send_header('Content-Length', str(len(body)))\n"
    "        self.end_headers()\n"
    "        if self.command != 'HEAD':\n"
    "            self.wfile.write(body)\n"
    "    do_GET = do_POST = do_HEAD = answer\n"
    "    def log_message(self, *_): pass\n"
    "server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)\n"
    "context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n"
    "context.load_cert_chain('cert', 'key')\n"
    "server.socket = context.wrap_socket(server.socket, server_side=True)\n"
    "base = 'https://ca.test:%d' % server.server_address[1]\n"
    "pathlib.Path('base.new').write_text(base)\n"
    "os.rename('base.new', 'base')\n"
    "server.serve_forever()\n";

struct context {
	char root[64];
	pid_t server;
	char base[64];
	char directory[100];
	char trust[100];
	struct buf jwk;
	struct names names;
};

static void
write_file(struct context *context, const char *name, const char *text)
{
	char path[200];

	(void)snprintf(path, sizeof(path), "%s/%s", context->root, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	assert_int_equal(fclose(file), 0);
}

static void
read_file(struct context *context, const char *name, char *room, size_t size)
{
	char path[200];

	(void)snprintf(path, sizeof(path), "%s/%s", context->root, name);
	FILE *file = fopen(path, "r");
	size_t len = file == NULL ? 0 : fread(room, 1, size - 1, file);
	if (file != NULL)
		assert_int_equal(fclose(file), 0);
	room[len] = '\0';
}

static void
run(struct context *context, const char *command)
{
	char whole[1000];

	(void)snprintf(
	    whole, sizeof(whole), "cd '%s' && %s", context->root, command);
	assert_int_equal(system(whole), 0);
}

static enum rc
find_loopback(
    void *context, const char *host, struct strlist *ret, struct err *err)
{
	return strlist_add_str(ret, "127.0.0.1", err);
}

static void
start_server(struct context *context)
{
	context->server = fork();
	if (context->server == 0) {
		if (chdir(context->root) == 0)
			(void)execl("/usr/bin/python3", "python3", "server.py",
			    (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 200 && context->base[0] == '\0'; i++) {
		(void)usleep(50000);
		read_file(
		    context, "base", context->base, sizeof(context->base));
	}
	assert_string_not_equal(context->base, "");
}

static int
set_up(void **context_at)
{
	static struct context context;

	(void)snprintf(
	    context.root, sizeof(context.root), "/tmp/acme-test-XXXXXX");
	assert_non_null(mkdtemp(context.root));
	run(&context,
	    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
	    "-noenc -keyout key -out cert -days 2 -subj /CN=ca.test -addext "
	    "subjectAltName=DNS:ca.test 2>/dev/null");
	write_file(&context, "server.py", server_script);
	start_server(&context);
	(void)snprintf(context.directory, sizeof(context.directory),
	    "%s/directory", context.base);
	(void)snprintf(
	    context.trust, sizeof(context.trust), "%s/cert", context.root);
	context.jwk = BUF_SECRET(4096);
	assert_int_equal(jws_make_key(&context.jwk, NULL), RC_OK);
	context.names.find = find_loopback;
	*context_at = &context;
	return 0;
}

static int
tear_down(void **context_at)
{
	struct context *context = *context_at;

	(void)kill(context->server, SIGTERM);
	(void)waitpid(context->server, NULL, 0);
	buf_done(&context->jwk);
	run(context, "rm -r \"$PWD\"");
	return 0;
}

#define DIRECTORY                                                      \
	"/directory|200||{\"newNonce\":\"BASE/nonce\",\"newAccount\":" \
	"\"BASE/account\",\"newOrder\":\"BASE/order\"}\n"              \
	"/nonce|200|{\"Replay-Nonce\":\"n0\"}|\n"
#define N "{\"Replay-Nonce\":\"n1\"}"
#define ACCOUNT                                               \
	"/account|201|{\"Replay-Nonce\":\"n1\",\"Location\":" \
	"\"BASE/account/1\"}|{\"status\":\"valid\"}\n"
#define ORDER_HEAD \
	"/order|201|{\"Replay-Nonce\":\"n2\",\"Location\":\"BASE/order/1\"}|"
#define ORDER_REST                                     \
	"\"authorizations\":[\"BASE/authorization\"]," \
	"\"finalize\":\"BASE/finalize\"}\n"

static enum rc
open_acme(
    void **context_at, const char *answers, struct acme **ret, struct err *err)
{
	struct context *context = *context_at;
	struct acme_config config = {.directory = context->directory,
	    .trust_file = context->trust,
	    .names = &context->names,
	    .jwk = buf_span(&context->jwk),
	    .timeout = 5000};

	write_file(context, "requests", "");
	write_file(context, "answers", answers);
	return acme_new(&config, ret, err);
}

/* Open and log in, with these further answers. */
static struct acme *
log_in(void **context_at, const char *answers)
{
	struct acme *acme = NULL;
	struct err err = ERR_NONE;

	if (open_acme(context_at, answers, &acme, &err) != RC_OK ||
	    acme_login(acme, &err) != RC_OK)
		fail_msg("%s", err.text);
	return acme;
}

static void
expect_request(void **context_at, const char *words)
{
	char log[20000];

	read_file(*context_at, "requests", log, sizeof(log));
	if (strstr(log, words) == NULL)
		fail_msg("no %s in:\n%s", words, log);
}

static void
the_way_to_a_certificate(void **context_at)
{
	struct acme *acme OWNED(acme_free) = log_in(context_at,
	    DIRECTORY ACCOUNT ORDER_HEAD
	    "{\"status\":\"pending\"," ORDER_REST "/authorization|200|" N
	    "|{\"status\":\"pending\",\"challenges\":["
	    "{\"type\":\"dns-01\"},{\"type\":\"email-reply-00\",\"url\":"
	    "\"BASE/challenge\",\"from\":\"x@ca.test\",\"token\":\"t2\"}]}\n"
	    "/challenge|200|" N "|{}\n"
	    "/finalize|200|{\"Retry-After\":\"3\"}|{\"status\":"
	    "\"processing\"," ORDER_REST "/order/1|200|" N
	    "|{\"status\":\"valid\",\"certificate\":"
	    "\"BASE/certificate\"," ORDER_REST
	    "/certificate|200|{\"Content-Type\":"
	    "\"application/pem-certificate-chain\"}|PEM\n");
	struct acme_order order = {0};
	struct acme_authorization got = {0};
	struct buf pem BUF_OWNED = BUF_SMALL;

	assert_int_equal(acme_order_new(acme, "a@b.test", &order, NULL), RC_OK);
	assert_int_equal(order.status, ACME_PENDING);
	assert_int_equal(
	    acme_authorization_get(acme, order.authorization, &got, NULL),
	    RC_OK);
	assert_int_equal(got.status, ACME_PENDING);
	assert_string_equal(got.from, "x@ca.test");
	assert_string_equal(got.token, "t2");
	assert_int_equal(
	    acme_challenge_answered(acme, got.challenge, NULL), RC_OK);
	assert_int_equal(
	    acme_order_finalize(acme, &order, span_str("csr"), &order, NULL),
	    RC_OK);
	assert_int_equal(order.status, ACME_PROCESSING);
	assert_int_equal(order.retry_after, 3);
	assert_int_equal(acme_order_get(acme, order.url, &order, NULL), RC_OK);
	assert_int_equal(order.status, ACME_VALID);
	assert_int_equal(
	    acme_certificate_get(acme, order.certificate, &pem, NULL), RC_OK);
	assert_true(span_is(buf_span(&pem), span_str("PEM")));

	expect_request(context_at, "POST /account {\"");
	expect_request(context_at, "\"jwk\":{");
	expect_request(context_at, "{\"termsOfServiceAgreed\":true}");
	expect_request(context_at, "/account/1\"");
	expect_request(context_at,
	    "{\"identifiers\":[{\"type\":\"email\",\"value\":\"a@b.test\"}]}");
	expect_request(context_at, "{\"csr\":\"Y3Ny\"}");
	expect_request(context_at, "/challenge\"} {}");
}

/* RFC 8555 section 6.5. */
static void
a_bad_nonce_is_tried_again_with_the_fresh_one(void **context_at)
{
	struct acme *acme OWNED(acme_free) = log_in(context_at,
	    DIRECTORY "/account|400|{\"Replay-Nonce\":\"fresh\"}|{\"type\":"
		      "\"urn:ietf:params:acme:error:badNonce\"}\n" ACCOUNT);

	assert_non_null(acme);
	expect_request(context_at, "\"nonce\":\"fresh\"");
}

static void
nonces_that_are_always_bad_are_an_error(void **context_at)
{
	struct acme *acme OWNED(acme_free) = NULL;
	struct err err = ERR_NONE;

	assert_int_equal(
	    open_acme(context_at,
		DIRECTORY
		"/account|400|{\"Replay-Nonce\":\"x\"}|{\"detail\":\"no\","
		"\"type\":\"urn:ietf:params:acme:error:badNonce\"}\n",
		&acme, &err),
	    RC_OK);
	assert_int_equal(acme_login(acme, &err), RC_REFUSED);
}

static void
a_problem_is_told_in_the_authoritys_words_made_printable(void **context_at)
{
	struct acme *acme OWNED(acme_free) = NULL;
	struct err err = ERR_NONE;

	assert_int_equal(
	    open_acme(context_at,
		DIRECTORY "/account|403|" N "|{\"type\":\"x\",\"detail\":"
			  "\"no \\u001b[31mway\\n\\u202e\"}\n",
		&acme, &err),
	    RC_OK);
	assert_int_equal(acme_login(acme, &err), RC_REFUSED);
	assert_string_equal(err.text, "the authority says no: no ?[31mway????");
}

static void
garbage_instead_of_a_directory_is_told(void **context_at)
{
	static const struct {
		const char *answers;
		enum rc rc;
	} cases[] = {
	    {"/directory|200||<html>hello</html>\n", RC_SYNTAX},
	    {"/directory|200||\n", RC_SYNTAX},
	    {"/directory|200||[]\n", RC_SYNTAX},
	    {"/directory|200||{\"newNonce\":\"BASE/n\"}\n", RC_SYNTAX},
	    {"/directory|200||{\"newNonce\":7,\"newAccount\":"
	     "\"BASE/a\",\"newOrder\":\"BASE/o\"}\n",
		RC_SYNTAX},
	    {"/directory|200||{\"newNonce\":\"http://x/n\","
	     "\"newAccount\":\"BASE/a\",\"newOrder\":\"BASE/o\"}\n",
		RC_SYNTAX},
	    {"/directory|404||not here\n", RC_REFUSED},
	    {"/directory|302|{\"Location\":\"BASE/x\"}|\n", RC_REFUSED},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct acme *acme OWNED(acme_free) = NULL;
		struct err err = ERR_NONE;
		enum rc rc =
		    open_acme(context_at, cases[i].answers, &acme, &err);
		if (rc != cases[i].rc || err.text[0] == '\0')
			fail_msg("%s: got %s \"%s\"", cases[i].answers,
			    rc_name(rc), err.text);
	}
}

static void
orders_that_lack_something_are_refused(void **context_at)
{
	static const struct {
		const char *answer;
		enum rc rc;
	} cases[] = {
	    {ORDER_HEAD "{\"status\":\"ready\"," ORDER_REST, RC_OK},
	    {ORDER_HEAD "{\"status\":\"odd\"," ORDER_REST, RC_SYNTAX},
	    {ORDER_HEAD "{" ORDER_REST, RC_SYNTAX},
	    {ORDER_HEAD "{\"status\":\"valid\"," ORDER_REST, RC_SYNTAX},
	    {ORDER_HEAD "{\"status\":\"ready\",\"finalize\":\"BASE/f\"}\n",
		RC_SYNTAX},
	    {ORDER_HEAD "{\"status\":\"ready\",\"authorizations\":["
			"\"BASE/1\",\"BASE/2\"],\"finalize\":\"BASE/f\"}\n",
		RC_SYNTAX},
	    {ORDER_HEAD "{\"status\":\"ready\",\"authorizations\":"
			"[\"BASE/1\"]}\n",
		RC_SYNTAX},
	    {ORDER_HEAD "ready\n", RC_SYNTAX},
	    {"/order|201|" N "|{\"status\":\"ready\"," ORDER_REST, RC_SYNTAX},
	    {"/order|500||oops\n", RC_SYNTAX},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char answers[2000];
		struct acme_order order = {0};
		(void)snprintf(answers, sizeof(answers), "%s%s",
		    DIRECTORY ACCOUNT, cases[i].answer);
		struct acme *acme OWNED(acme_free) =
		    log_in(context_at, answers);
		enum rc rc = acme_order_new(acme, "a@b.test", &order, NULL);
		if (rc != cases[i].rc)
			fail_msg("%s: got %s, want %s", cases[i].answer,
			    rc_name(rc), rc_name(cases[i].rc));
	}
}

#define LONG_TOKEN_200                                       \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void
authorizations_that_lack_something_are_refused(void **context_at)
{
	static const struct {
		const char *body;
		enum rc rc;
	} cases[] = {
	    {"{\"status\":\"valid\"}", RC_OK},
	    {"{\"status\":\"pending\"}", RC_REFUSED},
	    {"{\"status\":\"pending\",\"challenges\":[{\"type\":"
	     "\"http-01\"}]}",
		RC_REFUSED},
	    {"{\"status\":\"pending\",\"challenges\":[{\"type\":"
	     "\"email-reply-00\",\"url\":\"BASE/c\",\"from\":\"a@b\"}]}",
		RC_SYNTAX},
	    {"{\"status\":\"pending\",\"challenges\":[{\"type\":"
	     "\"email-reply-00\",\"url\":\"BASE/c\",\"token\":\"t\"}]}",
		RC_SYNTAX},
	    {"{\"status\":\"pending\",\"challenges\":[{\"type\":"
	     "\"email-reply-00\",\"url\":\"BASE/c\",\"from\":\"a@b\","
	     "\"token\":\"" LONG_TOKEN_200 "\"}]}",
		RC_OK},
	    {"{\"status\":\"pending\",\"challenges\":[{\"type\":"
	     "\"email-reply-00\",\"url\":\"BASE/c\",\"from\":\"a@b\","
	     "\"token\":\"a" LONG_TOKEN_200 "\"}]}",
		RC_SYNTAX},
	    {"{\"status\":\"pending\",\"challenges\":[{\"type\":"
	     "\"email-reply-00\",\"url\":\"ftp://x/c\",\"from\":\"a@b\","
	     "\"token\":\"t\"}]}",
		RC_SYNTAX},
	    {"[]", RC_SYNTAX},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char answers[2000];
		char url[200];
		struct context *context = *context_at;
		struct acme_authorization got = {0};
		(void)snprintf(answers, sizeof(answers), "%s/auth|200|%s|%s\n",
		    DIRECTORY ACCOUNT, N, cases[i].body);
		(void)snprintf(url, sizeof(url), "%s/auth", context->base);
		struct acme *acme OWNED(acme_free) =
		    log_in(context_at, answers);
		enum rc rc = acme_authorization_get(acme, url, &got, NULL);
		if (rc != cases[i].rc)
			fail_msg("%s: got %s, want %s", cases[i].body,
			    rc_name(rc), rc_name(cases[i].rc));
	}
}

static void
a_certificate_of_another_media_type_is_refused(void **context_at)
{
	struct context *context = *context_at;
	struct buf pem BUF_OWNED = BUF_SMALL;
	char url[200];
	struct acme *acme OWNED(acme_free) =
	    log_in(context_at, DIRECTORY ACCOUNT
		"/certificate|200|{\"Content-Type\":\"text/html\"}|PEM\n");

	(void)snprintf(url, sizeof(url), "%s/certificate", context->base);
	assert_int_equal(
	    acme_certificate_get(acme, url, &pem, NULL), RC_SYNTAX);
	assert_int_equal(pem.len, 0);
}

static void
an_authority_without_nonces_is_told(void **context_at)
{
	struct acme *acme OWNED(acme_free) = NULL;
	struct err err = ERR_NONE;

	assert_int_equal(
	    open_acme(context_at,
		"/directory|200||{\"newNonce\":\"BASE/n\",\"newAccount\":"
		"\"BASE/a\",\"newOrder\":\"BASE/o\"}\n/n|200||\n",
		&acme, &err),
	    RC_OK);
	assert_int_equal(acme_login(acme, &err), RC_SYNTAX);
	assert_non_null(strstr(err.text, "Replay-Nonce"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_way_to_a_certificate),
	    cmocka_unit_test(a_bad_nonce_is_tried_again_with_the_fresh_one),
	    cmocka_unit_test(nonces_that_are_always_bad_are_an_error),
	    cmocka_unit_test(
		a_problem_is_told_in_the_authoritys_words_made_printable),
	    cmocka_unit_test(garbage_instead_of_a_directory_is_told),
	    cmocka_unit_test(orders_that_lack_something_are_refused),
	    cmocka_unit_test(authorizations_that_lack_something_are_refused),
	    cmocka_unit_test(a_certificate_of_another_media_type_is_refused),
	    cmocka_unit_test(an_authority_without_nonces_is_told),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
