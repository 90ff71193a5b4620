#include "flow/trust.h"

#include <stdio.h>

#include "base/expect.h"

#include "pki/fixture.h"

static struct fixture root, other;
static struct err err;

static int
set_up(void **state)
{
	root = fixture_root("Root");
	other = fixture_root("Other");
	return 0;
}

static int
tear_down(void **state)
{
	fixture_done(&root);
	fixture_done(&other);
	return 0;
}

/* Settings in a block of exactly their size; "%R" is the root's name. */
static enum rc
parse(const char *text, struct trust *ret)
{
	struct buf out BUF_OWNED = BUF_SMALL;
	const char *at;

	for (; (at = strstr(text, "%R")) != NULL; text = at + 2) {
		assert_ok(
		    buf_add(&out, span_of(text, (size_t)(at - text)), NULL));
		assert_ok(buf_add_str(&out, cert_fingerprint(root.cert), NULL));
	}
	assert_ok(buf_add_str(&out, text, NULL));
	struct span exact = expect_exact(buf_span(&out));
	err = ERR_NONE;
	enum rc rc = trust_parse(exact, ret, &err);
	expect_free(&exact);
	return rc;
}

/* --- what a root may ------------------------------------------------------------ */

static const struct {
	const char *settings, *domain;
	enum cert_level level;
	bool may_name, may_assert;
} questions[] = {
    /* nothing said of this root: addresses, of any domain */
    {"", "a.test", LEVEL_V1, true, true},
    {"", "a.test", LEVEL_V2, true, false},
    {"", "a.test", LEVEL_V3, true, false},
    {"", "a.test", LEVEL_V4, true, false},
    {"", "a.test", LEVEL_NONE, true, true},
    {"", "a.test", LEVEL_OTHER, true, true},
    {"", "", LEVEL_V1, true, true},
    {"# root %R V4 *\n", "a.test", LEVEL_V4, true, false},
    /* a level holds for those below it */
    {"root %R V3 *\n", "a.test", LEVEL_V1, true, true},
    {"root %R V3 *\n", "a.test", LEVEL_V2, true, true},
    {"root %R V3 *\n", "a.test", LEVEL_V3, true, true},
    {"root %R V3 *\n", "a.test", LEVEL_V4, true, false},
    {"root %R V4 *\n", "a.test", LEVEL_V4, true, true},
    {"root %R V1 *\n", "a.test", LEVEL_V2, true, false},
    {"root %R v2 * # for all", "a.test", LEVEL_V2, true, true},
    /* a domain itself, those below it, both */
    {"root %R V2 a.test", "a.test", LEVEL_V2, true, true},
    {"root %R V2 a.test", "A.TEST", LEVEL_V2, true, true},
    {"root %R V2 A.Test", "a.test", LEVEL_V2, true, true},
    {"root %R V2 a.test", "x.a.test", LEVEL_V1, false, true},
    {"root %R V2 a.test", "xa.test", LEVEL_V1, false, true},
    {"root %R V2 a.test", "a.test.evil.test", LEVEL_V1, false, true},
    {"root %R V2 a.test", "test", LEVEL_V1, false, true},
    {"root %R V2 a.test", "", LEVEL_V1, false, true},
    {"root %R V2 *.a.test", "x.a.test", LEVEL_V2, true, true},
    {"root %R V2 *.a.test", "y.x.a.test", LEVEL_V2, true, true},
    {"root %R V2 *.a.test", "a.test", LEVEL_V1, false, true},
    {"root %R V2 *.a.test", "xa.test", LEVEL_V1, false, true},
    {"root %R V2 *.a.test", "x.xa.test", LEVEL_V1, false, true},
    {"root %R V2 *.a.test", ".", LEVEL_V1, false, true},
    {"root %R V2 b.test *.a.test a.test", "a.test", LEVEL_V2, true, true},
    /* where it may name nobody it may assert nothing */
    {"root %R V4 a.test", "b.test", LEVEL_V3, false, false},
    /* what one line says takes nothing from another */
    {"root %R V1 *\nroot %R V4 a.test", "a.test", LEVEL_V4, true, true},
    {"root %R V4 a.test\nroot %R V1 *", "a.test", LEVEL_V4, true, true},
    {"root %R V1 *\nroot %R V4 a.test", "b.test", LEVEL_V1, true, true},
    {"root %R V1 *\nroot %R V4 a.test", "b.test", LEVEL_V2, true, false},
    /* U-labels and A-labels */
    {"root %R V2 b\xc3\xbc"
     "cher.test",
	"xn--bcher-kva.test", LEVEL_V2, true, true},
    {"root %R V2 *.xn--bcher-kva.test",
	"x.b\xc3\xbc"
	"cher.test",
	LEVEL_V2, true, true},
};

static void
a_root_may_do_what_its_lines_say_and_else_name_addresses(void **state)
{
	for (size_t i = 0; i < COUNT(questions); i++) {
		struct trust trust TRUST_OWNED = TRUST_NONE;
		assert_done(parse(questions[i].settings, &trust), err);
		struct trust_answer got = trust_ask(
		    &trust, root.cert, questions[i].domain, questions[i].level);
		if (got.domain != questions[i].may_name ||
		    got.level != questions[i].may_assert)
			fail_msg("%s, asked for %s at %d: got %d %d",
			    questions[i].settings, questions[i].domain,
			    (int)questions[i].level, got.domain, got.level);
	}
}

static void
what_is_said_of_one_root_says_nothing_of_another(void **state)
{
	struct trust trust TRUST_OWNED = TRUST_NONE;

	assert_done(parse("root %R V4 a.test", &trust), err);
	struct trust_answer got =
	    trust_ask(&trust, other.cert, "a.test", LEVEL_V4);
	assert_true(got.domain);
	assert_false(got.level);
	got = trust_ask(&trust, other.cert, "b.test", LEVEL_V1);
	assert_true(got.domain && got.level);
}

static void
without_settings_a_root_vouches_for_addresses_alone(void **state)
{
	for (enum cert_level l = LEVEL_NONE; l <= LEVEL_OTHER; l++) {
		struct trust_answer got =
		    trust_ask(NULL, root.cert, "a.test", l);
		assert_true(got.domain);
		assert_int_equal(
		    got.level, l != LEVEL_V2 && l != LEVEL_V3 && l != LEVEL_V4);
	}
}

/* What `openssl x509 -fingerprint -sha256` prints behind its "=". */
static void
a_fingerprint_may_be_written_as_openssl_prints_it(void **state)
{
	struct trust trust TRUST_OWNED = TRUST_NONE;
	const char *hex = cert_fingerprint(root.cert);
	char line[200];
	int len = snprintf(line, sizeof(line), "root ");

	for (size_t i = 0; i < 64; i += 2)
		len +=
		    snprintf(line + len, sizeof(line) - (size_t)len, "%s%c%c",
			i > 0 ? ":" : "", hex[i] >= 'a' ? hex[i] - 32 : hex[i],
			hex[i + 1] >= 'a' ? hex[i + 1] - 32 : hex[i + 1]);
	(void)snprintf(line + len, sizeof(line) - (size_t)len, " V3 *");
	assert_done(parse(line, &trust), err);
	assert_true(trust_ask(&trust, root.cert, "a.test", LEVEL_V3).level);
}

static void
a_root_with_limits_proves_time_only_if_it_is_said(void **state)
{
	static const struct {
		const char *settings;
		size_t provers;
	} said[] = {
	    {"", 2},
	    {"root %R V1 a.test", 1},
	    {"root %R V4 *", 1},
	    {"tsa %R", 2},
	    {"root %R V1 a.test\ntsa %R", 2},
	    {"tsa %R\nroot %R V1 a.test\nroot %R V2 b.test", 2},
	};
	struct certs roots CERTS_OWNED = CERTS_NONE;
	struct certs all CERTS_OWNED = CERTS_NONE;

	assert_ok(certs_add(&roots, root.cert, NULL));
	assert_ok(certs_add(&roots, other.cert, NULL));
	for (size_t i = 0; i < COUNT(said); i++) {
		struct trust trust TRUST_OWNED = TRUST_NONE;
		struct certs got CERTS_OWNED = CERTS_NONE;
		assert_done(parse(said[i].settings, &trust), err);
		assert_ok(trust_add_stampers(&trust, &roots, &got, NULL));
		if (got.len != said[i].provers)
			fail_msg("%s: got %zu", said[i].settings, got.len);
		assert_ptr_equal(got.item[got.len - 1], other.cert);
	}
	assert_ok(trust_add_stampers(NULL, &roots, &all, NULL));
	assert_int_equal(all.len, 2);
}

/* --- the rest of the file -------------------------------------------------------- */

static void
all_statements_of_a_file_are_read(void **state)
{
	struct trust trust TRUST_OWNED = TRUST_NONE;

	assert_done(parse("# mine\r\n\r\n\troot %R V2 a.test b.test\r\n"
			  "authserv mx.a.test\r\n"
			  "authserv A.test by MX.a.test # the border\r\n"
			  "public-roots\r\ndkim\r\n",
			&trust),
	    err);
	assert_int_equal(trust.grants, 2);
	assert_string_equal(trust.grant[1].domain, "b.test");
	assert_int_equal(trust.servers, 2);
	assert_string_equal(trust.server[0].name, "mx.a.test");
	assert_string_equal(trust.server[0].by, "");
	assert_string_equal(trust.server[1].name, "a.test");
	assert_string_equal(trust.server[1].by, "mx.a.test");
	assert_true(trust.public_roots);
	assert_true(trust.dkim);
}

static void
an_empty_file_asks_nobody_and_trusts_no_server(void **state)
{
	struct trust trust TRUST_OWNED = TRUST_NONE;

	assert_done(parse("", &trust), err);
	assert_int_equal(trust.grants + trust.servers, 0);
	assert_false(trust.public_roots || trust.dkim);
}

#define LABEL63 \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
	const char *settings, *why;
} broken[] = {
    {"root\n", "line 1: a root is named by the SHA-256"},
    {"\n\nroot 1234 V1 *", "line 3: a root is named by"},
    {"root %Ra V1 *", "64 hexadecimal digits"},
    {"root %R", "\"\" is no level"},
    {"root %R V5 *", "\"V5\" is no level: V1, V2, V3 or V4"},
    {"root %R other *", "is no level"},
    {"root %R V1", "for which domains"},
    {"root %R V1 # *", "for which domains"},
    {"root %R V1 .a.test", "\".a.test\" is no domain"},
    {"root %R V1 a..test", "is no domain"},
    {"root %R V1 a.test.", "is no domain"},
    {"root %R V1 *a.test", "is no domain"},
    {"root %R V1 *.", "is no domain"},
    {"root %R V1 a.*.test", "is no domain"},
    {"root %R V1 eve@a.test", "is no domain"},
    {"root %R V1 a,b", "is no domain"},
    {"root %R V1 b\xfc"
     "cher.test",
	"is no domain"},
    {"root %R V1 a" LABEL63 ".test", "is no domain"},
    {"root %R V1 a.test\x01", "is no domain"},
    {"Root %R V1 *", "\"Root\" says nothing here"},
    {"trust %R V1 *", "says nothing here: root, tsa, authserv"},
    {"tsa", "line 1: a root is named by the SHA-256"},
    {"tsa 1234", "a root is named by the SHA-256"},
    {"tsa %R V1", "\"V1\" is too much"},
    {"authserv\n", "\"\" is no server's name"},
    {"authserv *", "\"*\" is no server's name, such as mx.example.org"},
    {"authserv mx.a.test at mx", "\"at\" cannot stand behind"},
    {"authserv mx.a.test by", "is no server's name"},
    {"authserv mx.a.test by mx mx", "\"mx\" is too much"},
    {"public-roots yes", "\"yes\" is too much"},
    {"dkim no", "\"no\" is too much"},
};

static void
what_is_wrong_is_told_with_its_line_and_changes_nothing(void **state)
{
	struct trust trust TRUST_OWNED = TRUST_NONE;

	assert_done(parse("root %R V1 a.test", &trust), err);
	for (size_t i = 0; i < COUNT(broken); i++) {
		assert_rc(parse(broken[i].settings, &trust), RC_SYNTAX);
		assert_has(err.text, broken[i].why);
		assert_has(err.text, "line ");
	}
	assert_rc(parse("\xef\xbb\xbf# mine\ndkim\n", &trust), RC_SYNTAX);
	assert_has(err.text, "byte order mark");
	assert_rc(
	    parse("dkim\ntsa %R\nauthserv a.test\nroot %R V4 * *x", &trust),
	    RC_SYNTAX);
	assert_int_equal(trust.grants, 1);
	assert_int_equal(trust.servers + trust.stampers, 0);
	assert_false(trust.dkim);
}

/* --- limits ------------------------------------------------------------------------ */

static void
repeat(struct buf *out, const char *text, size_t times)
{
	for (size_t i = 0; i < times; i++)
		assert_ok(buf_add_str(out, text, NULL));
}

static void
the_longest_file_is_read_and_no_longer_one(void **state)
{
	struct trust trust TRUST_OWNED = TRUST_NONE;
	struct buf text BUF_OWNED = BUF_SMALL;

	const struct trust_limits limits = {.text = 100, .grants = 1};

	trust.limits = &limits;
	repeat(&text, "#", limits.text);
	assert_ok(trust_parse(buf_span(&text), &trust, &err));
	repeat(&text, "#", 1);
	assert_rc(trust_parse(buf_span(&text), &trust, &err), RC_LIMIT);
}

static void
as_many_domains_and_servers_as_the_limits_say_and_no_more(void **state)
{
	struct trust trust TRUST_OWNED = TRUST_NONE;
	struct buf text BUF_OWNED = BUF_SMALL;
	const char *line;

	assert_ok(buf_add_str(&text, "root %R V1", NULL));
	repeat(&text, " a.test", trust_default.grants);
	assert_ok(buf_str(&text, &line, NULL));
	assert_done(parse(line, &trust), err);
	assert_int_equal(trust.grants, trust_default.grants);
	assert_rc(parse("root %R V1 *", &trust), RC_LIMIT);
	assert_has(err.text, "line 1: more than 2000 domains");
	for (size_t i = 0; i < TRUST_SERVERS_MAX; i++)
		assert_done(parse("authserv a.test", &trust), err);
	assert_rc(parse("authserv a.test", &trust), RC_LIMIT);
	assert_int_equal(trust.servers, TRUST_SERVERS_MAX);
	for (size_t i = 0; i < TRUST_STAMPERS_MAX; i++)
		assert_done(parse("tsa %R", &trust), err);
	assert_rc(parse("tsa %R", &trust), RC_LIMIT);
	assert_has(err.text, "line 1: more than 64 roots that prove time");
	assert_int_equal(trust.stampers, TRUST_STAMPERS_MAX);
}

static void
lower_limits_count_too(void **state)
{
	const struct trust_limits limits = {
	    .text = 100, .grants = 1, .servers = 1, .stampers = 1};
	struct trust trust TRUST_OWNED = TRUST_NONE;

	trust.limits = &limits;
	assert_done(parse("authserv a.test", &trust), err);
	assert_rc(parse("authserv b.test", &trust), RC_LIMIT);
	assert_done(parse("tsa %R", &trust), err);
	assert_rc(parse("tsa %R", &trust), RC_LIMIT);
	assert_has(err.text, "more than 1 roots that prove time");
}

static void
a_domain_of_253_bytes_is_one_and_of_254_none(void **state)
{
	struct trust trust TRUST_OWNED = TRUST_NONE;
	static const char longest[] =
	    "root %R V1 " LABEL63 "." LABEL63 "." LABEL63 ".aaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	char longer[sizeof(longest) + 1];

	assert_int_equal(strlen(longest + strlen("root %R V1 ")), 253);
	(void)snprintf(longer, sizeof(longer), "%sa", longest);
	assert_done(parse(longest, &trust), err);
	assert_int_equal(strlen(trust.grant[0].domain), 253);
	assert_rc(parse(longer, &trust), RC_SYNTAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		a_root_may_do_what_its_lines_say_and_else_name_addresses),
	    cmocka_unit_test(what_is_said_of_one_root_says_nothing_of_another),
	    cmocka_unit_test(
		without_settings_a_root_vouches_for_addresses_alone),
	    cmocka_unit_test(a_fingerprint_may_be_written_as_openssl_prints_it),
	    cmocka_unit_test(a_root_with_limits_proves_time_only_if_it_is_said),
	    cmocka_unit_test(all_statements_of_a_file_are_read),
	    cmocka_unit_test(an_empty_file_asks_nobody_and_trusts_no_server),
	    cmocka_unit_test(
		what_is_wrong_is_told_with_its_line_and_changes_nothing),
	    cmocka_unit_test(the_longest_file_is_read_and_no_longer_one),
	    cmocka_unit_test(
		as_many_domains_and_servers_as_the_limits_say_and_no_more),
	    cmocka_unit_test(lower_limits_count_too),
	    cmocka_unit_test(a_domain_of_253_bytes_is_one_and_of_254_none),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
