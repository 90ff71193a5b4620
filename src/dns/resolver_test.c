#include "dns/resolver.h"

#include <arpa/inet.h>
#include <time.h>

#include "dns/resolver_priv.h"
#include "dns/zone_fixture.h"

struct context {
	struct zone_fixture zones;
	struct resolver *resolver;
};

static int
set_up(void **state)
{
	static struct context context;

	zone_fixture_init(&context.zones);
	zone_run(&context.zones,
	    "cat >> signed.records <<'END'\n"
	    "mail A 192.0.2.1\nmail A 192.0.2.2\nmail AAAA 2001:db8::1\n"
	    "alias CNAME mail\n"
	    "only4 A 192.0.2.4\n"
	    "text TXT \"v=1; \" \"p=abc\"\ntext TXT second\n"
	    "_imaps._tcp SRV 10 1 9930 second\n"
	    "_imaps._tcp SRV 5 1 993 mail\n"
	    "_pop3s._tcp SRV 0 0 0 .\n"
	    "_pop3._tcp SRV 0 0 110 .\n"
	    "_odd._tcp SRV 0 0 25 \\003\\040x\n"
	    "END\n"
	    "echo 'mail A 192.0.2.9' > open.records; "
	    "echo 'text TXT open' >> open.records");
	zone_start(&context.zones);
	zone_wait(&context.zones);
	context.resolver = zone_resolver(&context.zones);
	*state = &context;
	return 0;
}

static int
tear_down(void **state)
{
	struct context *context = *state;

	resolver_free(context->resolver);
	zone_fixture_done(&context->zones);
	return 0;
}

static void
expect_addresses(
    void **state, const char *host, enum rc want, size_t count, const char *one)
{
	struct context *context = *state;
	struct strlist got STRLIST_OWNED = STRLIST_NONE;
	struct err err = ERR_NONE;
	enum rc rc = resolver_find_address(context->resolver, host, &got, &err);

	if (rc != want || got.len != count ||
	    (one != NULL && !strlist_has(&got, one)))
		fail_msg("%s: got %s (%zu) \"%s\", want %s (%zu)", host,
		    rc_name(rc), got.len, err.text, rc_name(want), count);
}

static void
addresses_are_found_and_literals_are_themselves(void **state)
{
	expect_addresses(state, "mail.signed.test", RC_OK, 3, "192.0.2.2");
	expect_addresses(state, "mail.signed.test", RC_OK, 3, "2001:db8::1");
	expect_addresses(state, "MAIL.signed.test.", RC_OK, 3, "192.0.2.1");
	expect_addresses(state, "alias.signed.test", RC_OK, 3, "192.0.2.1");
	expect_addresses(state, "only4.signed.test", RC_OK, 1, "192.0.2.4");
	expect_addresses(state, "mail.open.test", RC_OK, 1, "192.0.2.9");
	expect_addresses(state, "192.0.2.77", RC_OK, 1, "192.0.2.77");
	expect_addresses(state, "::1", RC_OK, 1, "::1");
	expect_addresses(state, "localhost", RC_OK, 2, "127.0.0.1");
}

static void
what_is_not_there_is_absent(void **state)
{
	expect_addresses(state, "nobody.signed.test", RC_ABSENT, 0, NULL);
	expect_addresses(state, "text.signed.test", RC_ABSENT, 0, NULL);
	expect_addresses(state, "nobody.open.test", RC_ABSENT, 0, NULL);
}

/* The zone's trust anchor is configured, its answers are not signed. */
static void
a_forged_answer_is_refused(void **state)
{
	struct context *context = *state;
	struct strlist texts STRLIST_OWNED = STRLIST_NONE;
	bool secure;

	expect_addresses(state, "mail.forged.test", RC_CRYPTO, 0, NULL);
	assert_int_equal(resolver_find_txt(context->resolver,
			     "text.forged.test", &texts, &secure, NULL),
	    RC_CRYPTO);
}

static void
a_broken_name_is_refused(void **state)
{
	static const char *const bad[] = {"", ".", "a..b", "a b.test",
	    "a\nb.test", "\xc3\xa4.test", "a\\032b.test"};
	char name[260];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_addresses(state, bad[i], RC_SYNTAX, 0, NULL);
	memset(name, 'a', sizeof(name));
	for (size_t i = 50; i < sizeof(name); i += 50)
		name[i] = '.';
	name[254] = '\0';
	expect_addresses(state, name, RC_SYNTAX, 0, NULL);
}

static void
texts_are_joined_and_say_whether_they_are_proven(void **state)
{
	struct context *context = *state;
	struct strlist texts STRLIST_OWNED = STRLIST_NONE;
	bool secure = false;

	assert_int_equal(resolver_find_txt(context->resolver,
			     "text.signed.test", &texts, &secure, NULL),
	    RC_OK);
	assert_true(secure);
	assert_int_equal(texts.len, 2);
	assert_true(strlist_has(&texts, "v=1; p=abc"));
	assert_true(strlist_has(&texts, "second"));
	assert_int_equal(resolver_find_txt(context->resolver, "text.open.test",
			     &texts, &secure, NULL),
	    RC_OK);
	assert_false(secure);
}

static enum rc
find_srv(void **state, const char *name, struct srv *ret)
{
	struct context *context = *state;
	bool secure = false;
	enum rc rc =
	    resolver_find_srv(context->resolver, name, ret, &secure, NULL);

	assert_true(rc != RC_OK || secure);
	return rc;
}

static void
the_service_of_the_lowest_priority_is_found(void **state)
{
	struct srv srv;

	assert_int_equal(
	    find_srv(state, "_imaps._tcp.signed.test", &srv), RC_OK);
	assert_string_equal(srv.host, "mail.signed.test");
	assert_int_equal(srv.port, 993);
	assert_int_equal(
	    find_srv(state, "_smtp._tcp.signed.test", &srv), RC_ABSENT);
}

static void
a_service_that_is_not_offered_is_absent(void **state)
{
	struct srv srv;

	assert_int_equal(
	    find_srv(state, "_pop3s._tcp.signed.test", &srv), RC_ABSENT);
	assert_int_equal(
	    find_srv(state, "_pop3._tcp.signed.test", &srv), RC_ABSENT);
}

static void
a_service_at_a_strange_host_name_is_refused(void **state)
{
	struct srv srv;

	assert_int_equal(
	    find_srv(state, "_odd._tcp.signed.test", &srv), RC_SYNTAX);
}

static void
a_server_that_is_down_fails_within_seconds(void **state)
{
	struct context *context = *state;
	struct resolver *resolver OWNED(resolver_free) = NULL;
	struct strlist got STRLIST_OWNED = STRLIST_NONE;
	char server[64];
	time_t begin = time(NULL);

	/* our own address, and nobody at this port of it */
	(void)snprintf(server, sizeof(server), "%s@%d", context->zones.address,
	    ZONE_PORT + 1);
	struct resolver_config config = {
	    .server = server, .anchors = context->zones.anchors};
	assert_int_equal(resolver_new(&config, &resolver, NULL), RC_OK);
	enum rc rc =
	    resolver_find_address(resolver, "mail.open.test", &got, NULL);
	assert_int_equal(rc, RC_IO);
	assert_in_range(time(NULL) - begin, 0, 10);
}

static void
wrong_settings_are_told(void **state)
{
	struct context *context = *state;
	struct resolver *resolver = NULL;
	struct err err = ERR_NONE;
	struct resolver_config no_file = {
	    .server = context->zones.server, .anchors = "/nonexistent"};
	struct resolver_config no_server = {
	    .server = "not an address", .anchors = context->zones.anchors};

	assert_int_equal(resolver_new(&no_file, &resolver, &err), RC_IO);
	assert_non_null(strstr(err.text, "/nonexistent"));
	assert_int_equal(resolver_new(&no_server, &resolver, &err), RC_SYNTAX);
	assert_null(resolver);
}

/* -- without any network -- */

static enum rc
parse_srv(const char *bytes, size_t len, struct srv_record *ret)
{
	uint8_t *exact = malloc(len);
	struct err err = ERR_NONE;

	assert_non_null(exact);
	memcpy(exact, bytes, len);
	enum rc rc = srv_parse(span_of(exact, len), ret, &err);
	free(exact);
	return rc;
}

#define HEAD "\0\1\0\2\0\31"

static void
broken_srv_records_are_refused(void **state)
{
	static const struct {
		const char *name;
		const char *bytes;
		size_t len;
		enum rc rc;
	} cases[] = {
	    {"good", HEAD "\1a\2bc\0", 6 + 6, RC_OK},
	    {"root", HEAD "\0", 7, RC_OK},
	    {"cut in the numbers", HEAD, 6, RC_SYNTAX},
	    {"cut in a label", HEAD "\3ab", 9, RC_SYNTAX},
	    {"no end", HEAD "\1a", 8, RC_SYNTAX},
	    {"bytes behind the end", HEAD "\1a\0x", 10, RC_SYNTAX},
	    {"compressed", HEAD "\300\0", 8, RC_SYNTAX},
	    {"NUL in a label", HEAD "\2a\0\0", 10, RC_SYNTAX},
	    {"dot in a label", HEAD "\3a.b\0", 11, RC_SYNTAX},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct srv_record record;
		enum rc rc = parse_srv(cases[i].bytes, cases[i].len, &record);
		if (rc != cases[i].rc)
			fail_msg("%s: got %s, want %s", cases[i].name,
			    rc_name(rc), rc_name(cases[i].rc));
	}
}

static void
a_host_name_of_255_bytes_is_the_longest(void **state)
{
	char bytes[6 + 300] = HEAD;
	struct srv_record record;

	/* Four labels of 63 would be 255 characters; 253 are allowed. */
	for (size_t i = 0; i < 4; i++) {
		bytes[6 + 64 * i] = 63;
		memset(bytes + 7 + 64 * i, 'a', 63);
	}
	bytes[6 + 256] = 0;
	assert_int_equal(parse_srv(bytes, 6 + 257, &record), RC_OK);
	assert_int_equal(strlen(record.srv.host), 255);
	bytes[6 + 256] = 1;
	bytes[6 + 257] = 'a';
	bytes[6 + 258] = 0;
	assert_int_equal(parse_srv(bytes, 6 + 259, &record), RC_SYNTAX);
}

static void
weights_share_among_equal_priorities(void **state)
{
	const struct srv_record records[] = {
	    {{"never", 1}, 2, 9},
	    {{"seldom", 1}, 1, 0},
	    {{"often", 1}, 1, 8},
	};
	size_t often = 0;

	for (uint32_t dice = 0; dice < 1000; dice++) {
		const struct srv_record *got = srv_choose(records, 3, dice);
		assert_string_not_equal(got->srv.host, "never");
		often += got == &records[2];
	}
	assert_int_equal(often, 900);
}

static void
broken_txt_records_are_refused(void **state)
{
	struct buf out BUF_OWNED = BUF_SMALL;

	assert_int_equal(txt_parse(span_of("\2ab\0\1c", 6), &out, NULL), RC_OK);
	assert_true(span_is(buf_span(&out), span_str("abc")));
	assert_int_equal(
	    txt_parse(span_of("\2ab\5c", 5), &out, NULL), RC_SYNTAX);
	assert_true(span_is(buf_span(&out), span_str("abc")));
}

static void
an_answer_in_time_is_taken(void **state)
{
	struct context *context = *state;
	struct strlist got STRLIST_OWNED = STRLIST_NONE;
	struct err err = ERR_NONE;

	assert_int_equal(resolver_find_txt_within(context->resolver,
			     "text.signed.test", 5000, &got, &err),
	    RC_OK);
	assert_int_equal(got.len, 2);
	assert_int_equal(resolver_find_txt_within(context->resolver,
			     "nothing.signed.test", 5000, &got, &err),
	    RC_ABSENT);
	assert_int_equal(resolver_find_txt_within(
			     context->resolver, "a..b", 5000, &got, &err),
	    RC_SYNTAX);
}

static double
seconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* A server that hears and says nothing.  Not more than a few are waited for by
 * nobody, and the resolver ends all the same. */
static void
a_silent_server_takes_no_more_than_the_time_it_has(void **state)
{
	struct sockaddr_in at = {
	    .sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(at);
	struct resolver *resolver OWNED(resolver_free) = NULL;
	struct strlist got STRLIST_OWNED = STRLIST_NONE;
	struct err err = ERR_NONE;
	char server[64];

	int silent = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(silent, (struct sockaddr *)&at, len), 0);
	assert_int_equal(getsockname(silent, (struct sockaddr *)&at, &len), 0);
	(void)snprintf(
	    server, sizeof(server), "127.0.0.1@%d", ntohs(at.sin_port));
	const struct resolver_config config = {
	    .server = server, .anchors = "/dev/null"};
	assert_int_equal(resolver_new(&config, &resolver, &err), RC_OK);
	double begin = seconds();
	for (int i = 0; i < 10; i++) {
		char name[32];
		(void)snprintf(name, sizeof(name), "a%d.example.org", i);
		assert_int_equal(
		    resolver_find_txt_within(resolver, name, 30, &got, &err),
		    RC_IO);
		assert_non_null(
		    strstr(err.text, i < 8 ? "in time" : "does not answer"));
	}
	assert_true(seconds() - begin < 1);
	close(silent);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(addresses_are_found_and_literals_are_themselves),
	    cmocka_unit_test(what_is_not_there_is_absent),
	    cmocka_unit_test(a_forged_answer_is_refused),
	    cmocka_unit_test(a_broken_name_is_refused),
	    cmocka_unit_test(texts_are_joined_and_say_whether_they_are_proven),
	    cmocka_unit_test(the_service_of_the_lowest_priority_is_found),
	    cmocka_unit_test(a_service_that_is_not_offered_is_absent),
	    cmocka_unit_test(a_service_at_a_strange_host_name_is_refused),
	    cmocka_unit_test(a_server_that_is_down_fails_within_seconds),
	    cmocka_unit_test(wrong_settings_are_told),
	    cmocka_unit_test(broken_srv_records_are_refused),
	    cmocka_unit_test(a_host_name_of_255_bytes_is_the_longest),
	    cmocka_unit_test(weights_share_among_equal_priorities),
	    cmocka_unit_test(broken_txt_records_are_refused),
	    cmocka_unit_test(an_answer_in_time_is_taken),
	    cmocka_unit_test(
		a_silent_server_takes_no_more_than_the_time_it_has),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
