#include "net/fetch.h"

#include <pthread.h>

#include "base/own.h"
#include "net/peer_test_priv.h"
#include "os/clock.h"

#define OK_HEAD "> HTTP/1.1 200 OK\r\n"
#define BODY_MAX 10

OWNER(struct fetch, fetch_free);

static struct networks loopback;

static struct fetch *
open_fetch(const struct networks *networks)
{
	const struct fetch_rules rules = {
	    .networks = networks, .trust_file = peer_pem};
	struct fetch *fetch = NULL;

	assert_int_equal(fetch_new(&rules, &fetch, NULL), RC_OK);
	return fetch;
}

struct
try {
	struct buf body;
	struct err err;
	enum rc rc;
};

#define TRY_OWNED __attribute__((cleanup(try_done)))

static void
try_done(struct try *try)
{
	buf_done(&try->body);
}

static struct try
get(struct fetch *fetch, const char *url, int timeout)
{
	const struct fetch_request request = {.url = url, .timeout = timeout};
	struct try try = {.body = BUF(BODY_MAX), .err = ERR_NONE};

	try.rc = fetch_run(fetch, &request, &try.body, &try.err);
	return try;
}

static struct try
get_from(const struct peer *peer, const char *scheme, const char *path)
{
	struct fetch *fetch OWNED(fetch_free) = open_fetch(&loopback);
	char url[200];

	(void)snprintf(
	    url, sizeof(url), "%s://127.0.0.1:%u%s", scheme, peer->port, path);
	return get(fetch, url, 2000);
}

static void
expect(const char *const *steps, const char *scheme, enum rc want,
    const char *body)
{
	struct peer peer = peer_listen(steps);
	struct try got TRY_OWNED = get_from(&peer, scheme, "/a");

	if (got.rc != want)
		fail_msg("%s: %s", rc_name(got.rc), got.err.text);
	assert_true(span_is(buf_span(&got.body), span_str(body)));
	peer_finish(&peer);
}

static void
what_is_there_is_fetched(void **state)
{
	static const char *const plain[] = {"<~ GET /a HTTP/1.1\r\n",
	    OK_HEAD "Content-Length: 4\r\n\r\nlist", NULL};
	static const char *const secret[] = {"tls", "<~ GET /a HTTP/1.1\r\n",
	    OK_HEAD "Content-Length: 4\r\n\r\nlist", NULL};

	(void)state;
	expect(plain, "http", RC_OK, "list");
	expect(secret, "https", RC_OK, "list");
}

static void
only_a_whole_answer_that_fits_is_taken(void **state)
{
	static const char *const fits[] = {
	    "<~ GET", OK_HEAD "Content-Length: 10\r\n\r\n0123456789", NULL};
	static const char *const larger[] = {
	    "<~ GET", OK_HEAD "Content-Length: 11\r\n\r\n0123456789X", NULL};
	static const char *const cut[] = {
	    "<~ GET", OK_HEAD "Content-Length: 9\r\n\r\n0123", NULL};
	static const char *const absent[] = {"<~ GET",
	    "> HTTP/1.1 404 No\r\nContent-Length: 4\r\n\r\nlist", NULL};
	static const char *const garbage[] = {
	    "<~ GET", "> hello\r\n\r\n", NULL};

	(void)state;
	expect(fits, "http", RC_OK, "0123456789");
	expect(larger, "http", RC_LIMIT, "");
	expect(cut, "http", RC_IO, "");
	expect(absent, "http", RC_REFUSED, "");
	expect(garbage, "http", RC_IO, "");
}

/* ---- nowhere else ---------------------------------------------------- */

static void
nobody_is_sent_to(void **state)
{
	static const struct {
		const char *url;
		enum rc want;
	} cases[] = {{"http://127.0.0.1/", RC_UNFIT},
	    {"http://localhost/", RC_UNFIT}, {"http://[::1]/", RC_UNFIT},
	    {"http://[::ffff:127.0.0.1]/", RC_UNFIT},
	    {"http://2130706433/", RC_UNFIT}, {"http://0x7f.1/", RC_UNFIT},
	    {"http://0/", RC_UNFIT}, {"http://10.0.0.1/", RC_UNFIT},
	    {"http://169.254.169.254/latest/meta-data", RC_UNFIT},
	    {"http://1.1.1.1:25/", RC_UNFIT}, {"http://a@1.1.1.1/", RC_UNFIT},
	    {"file:///etc/passwd", RC_UNFIT}, {"ftp://1.1.1.1/", RC_UNFIT},
	    {"gopher://1.1.1.1/", RC_UNFIT}, {"", RC_UNFIT},
	    {"http://", RC_SYNTAX}, {"http://a b/", RC_SYNTAX},
	    {"http://a/\r\nX: y", RC_SYNTAX}, {"http://\xc3\xa9/", RC_SYNTAX}};
	struct fetch *fetch OWNED(fetch_free) = open_fetch(NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct try got TRY_OWNED = get(fetch, cases[i].url, 2000);
		if (got.rc != cases[i].want)
			fail_msg("%s: %s, %s", cases[i].url, rc_name(got.rc),
			    got.err.text);
	}
}

static void
a_url_has_a_limit(void **state)
{
	static char url[60] = "http://127.0.0.1/";
	const struct fetch_limits limits = {.url = sizeof(url) - 2};
	const struct fetch_rules rules = {.limits = &limits};
	struct fetch *fetch OWNED(fetch_free) = NULL;

	(void)state;
	assert_int_equal(fetch_new(&rules, &fetch, NULL), RC_OK);
	memset(url + strlen(url), 'a', limits.url - strlen(url));
	struct try last TRY_OWNED = get(fetch, url, 1000);
	assert_int_equal(last.rc, RC_UNFIT);
	url[limits.url] = 'a';
	struct try more TRY_OWNED = get(fetch, url, 1000);
	assert_int_equal(more.rc, RC_LIMIT);
}

static void
redirect_to(const char *where, char *ret, size_t size)
{
	(void)snprintf(ret, size,
	    "> HTTP/1.1 302 There\r\nLocation: %s\r\nContent-Length: "
	    "0\r\nConnection: close\r\n\r\n",
	    where);
}

static enum rc
be_sent(const char *where)
{
	char answer[300];
	const char *const steps[] = {"<~ GET", answer, NULL};

	redirect_to(where, answer, sizeof(answer));
	struct peer peer = peer_listen(steps);
	struct try got TRY_OWNED = get_from(&peer, "http", "/");
	peer_finish(&peer);
	return got.rc;
}

static void
no_redirect_leads_elsewhere(void **state)
{
	(void)state;
	assert_int_equal(be_sent("http://10.0.0.1/"), RC_UNFIT);
	assert_int_equal(be_sent("file:///etc/passwd"), RC_UNFIT);
	assert_int_equal(be_sent("ldap://127.0.0.1/"), RC_UNFIT);
	assert_int_equal(be_sent("http://u:p@127.0.0.1/"), RC_UNFIT);
}

/* Each hop is another server; the last one has it. */
static enum rc
follow(size_t redirects)
{
	static const char *const last[] = {
	    "<~ GET", OK_HEAD "Content-Length: 4\r\n\r\nlist", NULL};
	struct peer peer[8];

	peer[0] = peer_listen(last);
	for (size_t i = 1; i <= redirects; i++) {
		char where[64], answer[300];
		const char *const steps[] = {"<~ GET", answer, NULL};
		(void)snprintf(where, sizeof(where), "http://127.0.0.1:%u/",
		    peer[i - 1].port);
		redirect_to(where, answer, sizeof(answer));
		peer[i] = peer_listen(steps);
	}
	struct try got TRY_OWNED = get_from(&peer[redirects], "http", "/");
	if (got.rc != RC_OK)
		assert_int_equal(kill(peer[0].pid, SIGTERM), 0);
	for (size_t i = 0; i <= redirects; i++)
		peer_forget(&peer[i]);
	return got.rc;
}

static void
redirects_have_a_limit(void **state)
{
	(void)state;
	assert_int_equal(follow(1), RC_OK);
	assert_int_equal(follow((size_t)fetch_default.redirects), RC_OK);
	assert_int_equal(follow((size_t)fetch_default.redirects + 1), RC_IO);
}

/* ---- time ------------------------------------------------------------ */

static void
who_never_answers_is_waited_for_no_longer_than_said(void **state)
{
	static const char *const silent[] = {"<~ GET", "eof", NULL};
	struct fetch *fetch OWNED(fetch_free) = open_fetch(&loopback);
	struct peer peer = peer_listen(silent);
	char url[100];

	(void)state;
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/", peer.port);
	int64_t begin = clock_ticks();
	struct try got TRY_OWNED = get(fetch, url, 100);
	assert_int_equal(got.rc, RC_IO);
	assert_in_range(clock_ticks() - begin, 90, 1000);
	peer_finish(&peer);
}

static void *
stop_soon(void *fetch)
{
	const struct timespec while_it_waits = {0, 50 * 1000000};

	(void)nanosleep(&while_it_waits, NULL);
	fetch_stop(fetch);
	return NULL;
}

static void
it_can_be_stopped(void **state)
{
	static const char *const silent[] = {"<~ GET", "eof", NULL};
	struct fetch *fetch OWNED(fetch_free) = open_fetch(&loopback);
	struct peer peer = peer_listen(silent);
	pthread_t thread;
	char url[100];

	(void)state;
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/", peer.port);
	int64_t begin = clock_ticks();
	assert_int_equal(pthread_create(&thread, NULL, stop_soon, fetch), 0);
	struct try got TRY_OWNED = get(fetch, url, 10000);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(got.rc, RC_AGAIN);
	assert_in_range(clock_ticks() - begin, 40, 1000);
	struct try later TRY_OWNED = get(fetch, url, 10000);
	assert_int_equal(later.rc, RC_AGAIN);
	peer_finish(&peer);
}

static int
setup(void **state)
{
	assert_int_equal(networks_add(&loopback, "127.0.0.0/8", NULL), RC_OK);
	return peer_setup(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_there_is_fetched),
	    cmocka_unit_test(only_a_whole_answer_that_fits_is_taken),
	    cmocka_unit_test(nobody_is_sent_to),
	    cmocka_unit_test(a_url_has_a_limit),
	    cmocka_unit_test(no_redirect_leads_elsewhere),
	    cmocka_unit_test(redirects_have_a_limit),
	    cmocka_unit_test(
		who_never_answers_is_waited_for_no_longer_than_said),
	    cmocka_unit_test(it_can_be_stopped),
	};

	return cmocka_run_group_tests(tests, setup, peer_teardown);
}
