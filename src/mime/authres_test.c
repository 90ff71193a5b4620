#include "mime/authres.h"

#include "base/expect.h"

static struct err err;

static enum rc
parse(const char *value, struct authres *ret)
{
	struct span exact EXACT = expect_exact(span_str(value));

	err = ERR_NONE;
	return authres_parse(exact, ret, &err);
}

/* "method=result name=value ..." of every result, in one line. */
static void
print(const struct authres *a, struct buf *out)
{
	assert_ok(buf_add_str(out, a->server, NULL));
	for (size_t i = 0; i < a->len; i++) {
		const struct authres_result *r = &a->item[i];
		assert_ok(
		    buf_add_format(out, NULL, "; %s=%s", r->method, r->result));
		for (size_t k = 0; k < r->properties; k++)
			assert_ok(buf_add_format(out, NULL, " %s=%s",
			    r->property[k].name, r->property[k].value));
	}
}

static const struct {
	const char *value, *want;
} good[] = {
    /* RFC 8601 appendix B */
    {"example.org 1; none", "example.org"},
    {"example.com;\r\n        spf=pass smtp.mailfrom=example.net",
	"example.com; spf=pass smtp.mailfrom=example.net"},
    {"example.com;\r\n auth=pass (cram-md5) smtp.auth=sender@example.net;\r\n"
     " spf=pass smtp.mailfrom=example.net",
	"example.com; auth=pass smtp.auth=sender@example.net; spf=pass "
	"smtp.mailfrom=example.net"},
    {"example.com;\r\n dkim=pass (good signature) header.d=example.com",
	"example.com; dkim=pass header.d=example.com"},
    {"example.com;\r\n dkim=pass reason=\"good signature\"\r\n"
     "  header.i=@mail-router.example.net;\r\n"
     " dkim=fail reason=\"bad signature\"\r\n"
     "  header.i=@newyork.example.com",
	"example.com; dkim=pass reason.=good signature "
	"header.i=@mail-router.example.net; dkim=fail reason.=bad signature "
	"header.i=@newyork.example.com"},
    {"foo.example.net (foobar) 1 (baz);\r\n"
     "    dkim (Because I like it) / 1 (One yay) = (wait for it) fail\r\n"
     "      policy (A dot can go here) . (like that) expired\r\n"
     "      (this surprised me) = (as I wasn't expecting it) 1362471462",
	"foo.example.net; dkim=fail policy.expired=1362471462"},
    /* what is found in letters */
    {"MX.Example.ORG; DKIM=Pass header.D=Example.Org header.b=\"a/b=c\"",
	"mx.example.org; dkim=pass header.d=Example.Org header.b=a/b=c"},
    {"mx.test; dmarc=pass (p=reject sp=none; dis=none) header.from=a.test;",
	"mx.test; dmarc=pass header.from=a.test"},
    {"\"mx test\"; spf=none", "mx test; spf=none"},
    {"mx.test; none (nothing was done)", "mx.test"},
    {"mx.test; spf=pass smtp.helo=\"a\\\"b\"",
	"mx.test; spf=pass smtp.helo=a\"b"},
    {"(a (b \\) c) d) mx.test;none", "mx.test"},
};

static void
fields_of_the_rfc_and_of_life_are_read(void **state)
{
	for (size_t i = 0; i < COUNT(good); i++) {
		struct authres a AUTHRES_OWNED = AUTHRES_NONE;
		struct buf out BUF_OWNED = BUF_SMALL;
		assert_done(parse(good[i].value, &a), err);
		print(&a, &out);
		assert_span(buf_span(&out), good[i].want);
	}
}

static const struct {
	const char *value, *server;
} bad[] = {
    {"", ""},
    {";", ""},
    {"(never ends", ""},
    {"\"never ends", "never ends"},
    {"mx.test", "mx.test"},
    {"mx.test;", "mx.test"},
    {"mx.test spf=pass", "mx.test"},
    {"mx.test 2; spf=pass", "mx.test"},
    {"MX.test; spf", "mx.test"},
    {"mx.test; spf=", "mx.test"},
    {"mx.test; spf/2=pass", "mx.test"},
    {"mx.test; =pass", "mx.test"},
    {"mx.test; spf=pass smtp.mailfrom", "mx.test"},
    {"mx.test; spf=pass smtp.mailfrom=", "mx.test"},
    {"mx.test; spf=pass; ; dkim=pass", "mx.test"},
    {"mx.test; spf=pass (never ends", "mx.test"},
    {"mx.test; spf=pass smtp.mailfrom=\"never ends", "mx.test"},
    {"mx.test; spf=pass smtp.mailfrom=a\x01", "mx.test"},
    {"mx.test; none; spf=pass", "mx.test"},
};

static void
what_is_no_proper_field_says_nothing_but_its_server(void **state)
{
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct authres a AUTHRES_OWNED = AUTHRES_NONE;
		if (parse(bad[i].value, &a) != RC_SYNTAX)
			fail_msg("%s is read", bad[i].value);
		assert_string_equal(a.server, bad[i].server);
		assert_int_equal(a.len, 0);
	}
}

static void
a_property_is_found_by_its_name(void **state)
{
	struct authres a AUTHRES_OWNED = AUTHRES_NONE;

	assert_done(
	    parse("mx; dkim=pass header.d=a.test header.d=b.test", &a), err);
	assert_string_equal(authres_property(&a.item[0], "header.d"), "a.test");
	assert_string_equal(authres_property(&a.item[0], "header.i"), "");
}

/* --- limits ------------------------------------------------------------------------ */

/* "mx.test", then `times` what is given; and one more. */
static void
expect_limit(const char *before, const char *each, size_t times)
{
	struct authres most AUTHRES_OWNED = AUTHRES_NONE;
	struct authres more AUTHRES_OWNED = AUTHRES_NONE;
	struct buf text BUF_OWNED = BUF_SMALL;

	assert_ok(buf_add_str(&text, before, NULL));
	for (size_t i = 0; i < times; i++)
		assert_ok(buf_add_str(&text, each, NULL));
	assert_done(authres_parse(buf_span(&text), &most, &err), err);
	assert_ok(buf_add_str(&text, each, NULL));
	assert_rc(authres_parse(buf_span(&text), &more, &err), RC_LIMIT);
}

static void
limits_hold_to_the_last_and_no_further(void **state)
{
	expect_limit("mx", "; spf=pass", AUTHRES_RESULTS_MAX);
	expect_limit("mx; spf=pass", " a.b=c", AUTHRES_PROPERTIES_MAX);
	expect_limit("mx; spf=pass smtp.mailfrom=", "x", AUTHRES_VALUE_MAX);
	expect_limit("mx; spf=", "x", AUTHRES_WORD_MAX);
}

static void
comments_in_comments_have_an_end(void **state)
{
	struct buf text BUF_OWNED = BUF_SMALL;
	struct authres a AUTHRES_OWNED = AUTHRES_NONE;
	struct authres b AUTHRES_OWNED = AUTHRES_NONE;

	for (int i = 0; i < 50; i++)
		assert_ok(buf_add_str(&text, "(", NULL));
	for (int i = 0; i < 50; i++)
		assert_ok(buf_add_str(&text, ")", NULL));
	assert_ok(buf_add_str(&text, "mx; none", NULL));
	assert_done(authres_parse(buf_span(&text), &a, &err), err);
	struct buf more BUF_OWNED = BUF_SMALL;
	assert_ok(buf_add_format(
	    &more, NULL, "(%.*s", SPAN_ARGS(span_first(buf_span(&text), 100))));
	assert_ok(buf_add_str(&more, ")mx; none", NULL));
	assert_rc(authres_parse(buf_span(&more), &b, &err), RC_SYNTAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fields_of_the_rfc_and_of_life_are_read),
	    cmocka_unit_test(
		what_is_no_proper_field_says_nothing_but_its_server),
	    cmocka_unit_test(a_property_is_found_by_its_name),
	    cmocka_unit_test(limits_hold_to_the_last_and_no_further),
	    cmocka_unit_test(comments_in_comments_have_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
