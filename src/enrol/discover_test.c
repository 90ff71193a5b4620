/* Against a DNS server and an HTTPS server of this process' own. */
#include "enrol/discover.h"

#include "dns/zone_fixture.h"

#define BUDGET 3000

struct context {
	struct zone_fixture zones;
	struct resolver *resolver;
	char trust[100];
	char touched[100]; /* is made when somebody comes without TLS */
	pid_t web;
};

/* One certificate for the names in SAN; what is answered depends on the name
 * that was asked for.  Whoever knocks at port 80 leaves a file. */
static const char web_program[] =
    "import hashlib, base64, os, socket, ssl, sys, threading, time\n"
    "from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer\n"
    "address, touched = sys.argv[1:]\n"
    "def config(imap, socket='SSL'):\n"
    "    one = '<%s type=\"%s\"><hostname>%s</hostname><port>%d</port>'\\\n"
    "          '<socketType>%s</socketType><authentication>'\\\n"
    "          'password-cleartext</authentication><username>'\\\n"
    "          '%%EMAILADDRESS%%</username></%s>'\n"
    "    return '<clientConfig><emailProvider id=\"x\">' + one % (\n"
    "        'incomingServer', 'imap', imap, 993, socket,\n"
    "        'incomingServer') + one % ('outgoingServer', 'smtp',\n"
    "        'smtp.hoster.example', 465, socket, 'outgoingServer') +\\\n"
    "        '</emailProvider></clientConfig>'\n"
    "BOMB = '<!DOCTYPE c [<!ENTITY a \"' + 'a' * 1000 + '\">' + ''.join(\n"
    "    '<!ENTITY %s \"%s\">' % (b, ('&%s;' % a) * 50) for a, b in\n"
    "    zip('abcde', 'bcdef')) + ']><clientConfig>&f;</clientConfig>'\n"
    "PACC = open('pacc.json').read()\n"
    "ANSWERS = {'autoconfig.good': config('imap.hoster.example'),\n"
    "  'known': config('known.hoster.example'),\n"
    "  'autoconfig.both': config('first.hoster.example'),\n"
    "  'both': config('second.hoster.example'),\n"
    "  'autoconfig.huge': '<clientConfig>' + 'x' * 20000000,\n"
    "  'autoconfig.bomb': BOMB, 'autoconfig.broken': '<clientConfig>',\n"
    "  'autoconfig.plain': config('imap.hoster.example', 'plain'),\n"
    "  'autoconfig.other': config('imap.hoster.example'),\n"
    "  'ua-auto-config.pacc': PACC, 'ua-auto-config.swapped': PACC + ' '}\n"
    "class Handler(BaseHTTPRequestHandler):\n"
    "    def log_message(self, *words): pass\n"
    "    def do_GET(self):\n"
    "        name = self.headers['Host'].removesuffix('.open.test')\n"
    "        if name == 'autoconfig.moved':\n"
    "            self.send_response(302)\n"
    "            self.send_header('Location',\n"
    "              'https://autoconfig.good.open.test' + self.path)\n"
    "            self.end_headers()\n"
    "            return\n"
    "        if name == 'autoconfig.slow': time.sleep(30)\n"
    "        if name == 'autoconfig.both': time.sleep(0.3)\n"
    "        path = self.path.split('?')\n"
    "        want = ('/mail/config-v1.1.xml' if name.startswith('auto') else\n"
    "          '/.well-known/user-agent-configuration.json' if\n"
    "          name.startswith('ua-') else\n"
    "          '/.well-known/autoconfig/mail/config-v1.1.xml')\n"
    "        if name.startswith('auto') and 'emailaddress=al%2Bx%40' not in\\\n"
    "            path[1]: want = None\n"
    "        body = ANSWERS.get(name) if path[0] == want else None\n"
    "        self.send_response(200 if body else 404)\n"
    "        self.end_headers()\n"
    "        self.wfile.write((body or '').encode())\n"
    "class Quiet(ThreadingHTTPServer):\n"
    "    daemon_threads = True\n"
    "    def handle_error(self, request, client): pass\n"
    "def watch():\n"
    "    s = socket.create_server((address, 80))\n"
    "    while True:\n"
    "        s.accept()\n"
    "        open(touched, 'w').close()\n"
    "threading.Thread(target=watch, daemon=True).start()\n"
    "tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n"
    "tls.load_cert_chain('web.pem')\n"
    "server = Quiet((address, 443), Handler)\n"
    "server.socket = tls.wrap_socket(server.socket, server_side=True)\n"
    "open('web.ready', 'w').close()\n"
    "server.serve_forever()\n";

static void
write_zone(const struct zone_fixture *zones)
{
	static const char *const names[] = {"autoconfig.good", "known",
	    "autoconfig.both", "both", "autoconfig.huge", "autoconfig.bomb",
	    "autoconfig.broken", "autoconfig.plain", "autoconfig.other",
	    "autoconfig.moved", "autoconfig.slow", "ua-auto-config.pacc",
	    "ua-auto-config.swapped", "autoconfig.clear"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		zone_run(zones, "echo '%s A %s' >> open.records", names[i],
		    zones->address);
	zone_run(zones,
	    "printf '%%s' '{\"protocols\":{\"imap\":{\"host\":"
	    "\"imap.pacc.example\"},\"smtp\":{\"host\":\"smtp.pacc.example\"}},"
	    "\"authentication\":{\"password\":true}}' > pacc.json\n"
	    "d=$(openssl dgst -sha256 -binary pacc.json | base64)\n"
	    "for n in pacc swapped; do echo "
	    "\"_ua-auto-config.$n TXT \\\"v=UAAC1; a=sha256; d=$d\\\"\"; done "
	    ">> open.records\n"
	    "for n in broken slow both; do echo "
	    "\"_imaps._tcp.$n SRV 0 1 993 imap.$n\"; echo "
	    "\"_submissions._tcp.$n SRV 0 1 465 smtp.$n\"; done "
	    ">> open.records");
}

static void
start_web(struct context *context)
{
	const struct zone_fixture *zones = &context->zones;
	char program[100];

	zone_run(zones,
	    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
	    "-nodes -keyout web.key -out web.crt -subj /CN=web -days 2 "
	    "-addext 'subjectAltName=DNS:*.good.open.test,"
	    "DNS:*.open.test,DNS:*.both.open.test,DNS:*.huge.open.test,"
	    "DNS:*.bomb.open.test,DNS:*.broken.open.test,"
	    "DNS:*.plain.open.test,DNS:*.moved.open.test,"
	    "DNS:*.slow.open.test,DNS:*.pacc.open.test,"
	    "DNS:*.swapped.open.test' 2>/dev/null\n"
	    "cat web.key web.crt > web.pem");
	(void)snprintf(
	    context->trust, sizeof(context->trust), "%s/web.crt", zones->root);
	(void)snprintf(context->touched, sizeof(context->touched), "%s/touched",
	    zones->root);
	(void)snprintf(program, sizeof(program), "%s/web.py", zones->root);
	FILE *file = fopen(program, "we");
	assert_non_null(file);
	assert_true(fputs(web_program, file) >= 0);
	assert_int_equal(fclose(file), 0);
	context->web = fork();
	if (context->web == 0) {
		if (chdir(zones->root) == 0)
			(void)execl("/usr/bin/python3", "python3", program,
			    zones->address, context->touched, (char *)NULL);
		_exit(127);
	}
	zone_run(zones, "for i in $(seq 400); do [ -e web.ready ] && exit 0; "
			"sleep 0.05; done; exit 1");
}

static int
set_up(void **context_at)
{
	static struct context context;

	zone_fixture_init(&context.zones);
	write_zone(&context.zones);
	zone_start(&context.zones);
	zone_wait(&context.zones);
	context.resolver = zone_resolver(&context.zones);
	start_web(&context);
	*context_at = &context;
	return 0;
}

static int
tear_down(void **context_at)
{
	struct context *context = *context_at;

	(void)kill(context->web, SIGKILL);
	(void)waitpid(context->web, NULL, 0);
	resolver_free(context->resolver);
	zone_fixture_done(&context->zones);
	return 0;
}

static enum rc
discover(void **context_at, const char *domain, struct account *account,
    struct err *err)
{
	struct context *context = *context_at;
	struct discovery found;

	account_init(account);
	(void)snprintf(account->address, sizeof(account->address),
	    "al+x@%s.open.test", domain);
	memcpy(account->tls_trust, context->trust, strlen(context->trust) + 1);
	return discover_run(account, context->resolver, BUDGET, &found, err);
}

static void
each_source_is_found_and_the_first_in_the_order_counts(void **context_at)
{
	static const struct {
		const char *domain, *imap;
	} cases[] = {
	    {"good", "imap.hoster.example"},
	    {"known", "known.hoster.example"},
	    {"both", "first.hoster.example"},
	    {"pacc", "imap.pacc.example"},
	    {"broken", "imap.broken.open.test"},
	    {"slow", "imap.slow.open.test"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct account account ACCOUNT_OWNED;
		struct err err = ERR_NONE;
		enum rc rc =
		    discover(context_at, cases[i].domain, &account, &err);
		if (rc != RC_OK)
			fail_msg("%s: %s", cases[i].domain, err.text);
		assert_string_equal(account.imap.host, cases[i].imap);
		assert_int_equal(account.imap.security, SMTP_TLS);
		assert_int_equal(account.imap.port, 993);
		assert_int_equal(account.smtp.port, 465);
	}
}

static void
the_name_for_the_login_comes_with_it(void **context_at)
{
	struct account account ACCOUNT_OWNED;

	assert_int_equal(discover(context_at, "good", &account, NULL), RC_OK);
	assert_string_equal(account.user, "al+x@good.open.test");
}

static void
hostile_answers_are_not_followed_and_told(void **context_at)
{
	static const struct {
		const char *domain;
		enum rc wanted;
		const char *says;
	} cases[] = {
	    {"moved", RC_REFUSED, "elsewhere"},
	    {"huge", RC_LIMIT, "larger"},
	    {"bomb", RC_SYNTAX, "DOCTYPE"},
	    {"plain", RC_UNFIT, "without TLS"},
	    {"other", RC_UNFIT, "certificate is not believed"},
	    {"swapped", RC_UNFIT, "digest of another"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct account account ACCOUNT_OWNED;
		struct err err = ERR_NONE;
		enum rc rc =
		    discover(context_at, cases[i].domain, &account, &err);
		if (rc != cases[i].wanted ||
		    strstr(err.text, cases[i].says) == NULL ||
		    strstr(err.text, "--imap") == NULL)
			fail_msg("%s: %s \"%s\"", cases[i].domain, rc_name(rc),
			    err.text);
		assert_string_equal(account.imap.host, "");
	}
}

/* "clear" has its settings without TLS only. */
static void
nothing_is_ever_asked_without_tls(void **context_at)
{
	struct context *context = *context_at;
	struct account account ACCOUNT_OWNED;
	struct err err = ERR_NONE;

	assert_int_not_equal(
	    discover(context_at, "clear", &account, &err), RC_OK);
	assert_int_not_equal(access(context->touched, F_OK), 0);
	/* and that it would have been seen */
	zone_run(&context->zones,
	    "/usr/bin/python3 -c 'import socket; "
	    "socket.create_connection((\"%s\", 80))'\n"
	    "for i in $(seq 100); do [ -e touched ] && exit 0; sleep 0.05; "
	    "done; exit 1",
	    context->zones.address);
}

static void
what_is_filled_in_is_not_asked_for(void **context_at)
{
	struct context *context = *context_at;
	struct account account ACCOUNT_OWNED;
	struct discovery found;

	account_init(&account);
	(void)snprintf(
	    account.address, sizeof(account.address), "al@good.open.test");
	(void)snprintf(
	    account.imap.host, sizeof(account.imap.host), "mine.example");
	(void)snprintf(
	    account.smtp.host, sizeof(account.smtp.host), "mine.example");
	assert_int_equal(
	    discover_run(&account, context->resolver, BUDGET, &found, NULL),
	    RC_OK);
	assert_string_equal(account.imap.host, "mine.example");
	assert_string_equal(account.user, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		each_source_is_found_and_the_first_in_the_order_counts),
	    cmocka_unit_test(the_name_for_the_login_comes_with_it),
	    cmocka_unit_test(hostile_answers_are_not_followed_and_told),
	    cmocka_unit_test(nothing_is_ever_asked_without_tls),
	    cmocka_unit_test(what_is_filled_in_is_not_asked_for),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
