#include "base/expect.h"
#include "mime/content.h"

/* type/subtype name=value name=value */
static void
show(const struct content *content, struct buf *out)
{
	assert_ok(buf_add_format(
	    out, NULL, "%s/%s", content->type, content->subtype));
	for (size_t i = 0; i < content->params; i++)
		assert_ok(buf_add_format(out, NULL, " %s=%s",
		    content->param[i].name, content->param[i].value));
}

static void
expect_contents(const char *const cases[][2], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct span in EXACT = expect_exact(span_str(cases[i][0]));
		struct content content CONTENT_OWNED = CONTENT_NONE;
		struct buf got BUF_OWNED = BUF((size_t)1 << 24);
		struct err err = ERR_NONE;
		assert_done(content_parse(in, &content, &err), err);
		show(&content, &got);
		assert_span(buf_span(&got), cases[i][1]);
	}
}

static void
types_and_parameters_are_read(void **state)
{
	static const char *const cases[][2] = {
	    {"text/plain", "text/plain"},
	    {" Text / HTML ", "text/html"},
	    {"attachment", "attachment/"},
	    {"text/plain; Charset=UTF-8", "text/plain charset=UTF-8"},
	    {"text/plain;charset = \"utf-8\" ; ;", "text/plain charset=utf-8"},
	    {"text/plain;\r\n\tcharset=\"a\\\"b\\\\c\"",
		"text/plain charset=a\"b\\c"},
	    {"text/plain (a (b) \\) c); charset=us-ascii (Plain text)",
		"text/plain charset=us-ascii"},
	    {"multipart/mixed; boundary=\"a\r\n b\"",
		"multipart/mixed boundary=a b"},
	    {"multipart/mixed; boundary=----=_Part/1:2",
		"multipart/mixed boundary=----=_Part/1:2"},
	    {"a/b; x=\"\"", "a/b x="},
	    {"a/b; x=\"tab\there\"", "a/b x=tab here"},
	    {"a/b; x=\xc3\xa4", "a/b x=\xc3\xa4"},
	    {"a/b; x=\"\xe4\"", "a/b x=\xc3\xa4"},
	    {"a/b; x=y; X=y", "a/b x=y"},
	};

	expect_contents(cases, COUNT(cases));
}

/* The first three are RFC 2231's own examples. */
static void
extended_and_continued_parameters_are_joined(void **state)
{
	static const char *const cases[][2] = {
	    {"message/external-body; access-type=URL;\r\n"
	     " URL*0=\"ftp://\";\r\n"
	     " URL*1=\"cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar\"",
		"message/external-body access-type=URL "
		"url=ftp://cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar"},
	    {"application/x-stuff;\r\n"
	     " title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A",
		"application/x-stuff title=This is ***fun***"},
	    {"application/x-stuff;\r\n"
	     " title*0*=us-ascii'en'This%20is%20even%20more%20;\r\n"
	     " title*1*=%2A%2A%2Afun%2A%2A%2A%20;\r\n"
	     " title*2=\"isn't it!\"",
		"application/x-stuff "
		"title=This is even more ***fun*** isn't it!"},
	    {"a/b; x*1=b; x*0=a", "a/b x=ab"},
	    {"a/b; x*=utf-8''%c3%a4", "a/b x=\xc3\xa4"},
	    {"a/b; x*=iso-8859-1''%e4", "a/b x=\xc3\xa4"},
	    {"a/b; x*0*=iso-8859-1''%e4; x*1*=%F6", "a/b x=\xc3\xa4\xc3\xb6"},
	    {"a/b; x*0*=utf-8''%c3; x*1*=%a4", "a/b x=\xc3\xa4"},
	    {"a/b; x*=''abc", "a/b x=abc"},
	    {"a/b; x*=no-such-charset''%e4", "a/b x=\xc3\xa4"},
	    {"a/b; x*=iso-8859-2''%b1", "a/b x=\xc4\x85"},
	    {"a/b; x*=iso-8859-2//IGNORE''%b1", "a/b x=\xc2\xb1"},
	    {"a/b; x*=utf-8''%e4", "a/b x=\xc3\xa4"},
	    {"a/b; x*=utf-8''a%0d%0aB%00c", "a/b x=a  B c"},
	    {"a/b; x*=utf-8''100%+%4", "a/b x=100%+%4"},
	    {"attachment; filename=\"a.txt\"; filename*=utf-8''%c3%a4.txt",
		"attachment/ filename=\xc3\xa4.txt"},
	    {"attachment; filename*=utf-8''%c3%a4.txt; filename=\"a.txt\"",
		"attachment/ filename=\xc3\xa4.txt"},
	    {"a/b; name=\"=?utf-8?B?w6Q=?=.txt\"", "a/b name=\xc3\xa4.txt"},
	    {"a/b; other=\"=?utf-8?B?w6Q=?=\"", "a/b other==?utf-8?B?w6Q=?="},
	};

	expect_contents(cases, COUNT(cases));
}

static void
what_readers_would_read_differently_is_refused(void **state)
{
	static const char *const cases[] = {"", " ", "/plain", "text/", "a b/c",
	    "text/plain x", "text/plain; charset", "text/plain; =x",
	    "text/plain; charset=", "text/plain; charset=a b",
	    "text/plain; charset=\"a", "text/plain; charset=\"a\"b",
	    "text/plain; charset=\"a\\", "text/plain (", "text/plain; (",
	    "text/plain, text/html", "a/b; boundary=x; boundary=y",
	    "a/b; boundary=x; boundary*=utf-8''y",
	    "a/b; boundary*0=x; boundary=x", "a/b; x*1=b", "a/b; x*0=a; x*2=c",
	    "a/b; x*0=a; x*0=b", "a/b; x*01=a", "a/b; x*a=b", "a/b; x**=b",
	    "a/b; *=b", "a/b; *0=b", "a/b; x*=utf-8", "a/b; x*=utf-8'en",
	    "a/b; x*0*=y; x*1=z", "a/b; x*-1=y"};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span in EXACT = expect_exact(span_str(cases[i]));
		struct content content = CONTENT_NONE;
		enum rc rc = content_parse(in, &content, NULL);
		if (rc != RC_SYNTAX)
			fail_msg("%s: %s", cases[i], rc_name(rc));
		assert_null(content.type);
	}
	struct content content = CONTENT_NONE;
	assert_rc(
	    content_parse(span_of("a/b\0c", 5), &content, NULL), RC_SYNTAX);
}

static enum rc
parse_params(size_t count, const char *format)
{
	struct buf in BUF_OWNED = BUF_SMALL;
	struct content content CONTENT_OWNED = CONTENT_NONE;

	assert_ok(buf_add_str(&in, "a/b", NULL));
	for (size_t i = 0; i < count; i++) {
		assert_ok(buf_add_str(&in, "; ", NULL));
		assert_ok(buf_add_str(&in, format, NULL));
		assert_ok(buf_add_format(&in, NULL, "%zu=y", i));
	}
	return content_parse(buf_span(&in), &content, NULL);
}

static void
the_number_of_parameters_has_a_limit(void **state)
{
	assert_ok(parse_params(CONTENT_PARAMS_MAX, "x"));
	assert_rc(parse_params(CONTENT_PARAMS_MAX + 1, "x"), RC_LIMIT);
	assert_ok(parse_params(CONTENT_PARAMS_MAX, "x*"));
	assert_rc(parse_params(CONTENT_PARAMS_MAX + 1, "x*"), RC_LIMIT);
}

static enum rc
parse_comment(size_t depth)
{
	struct buf in BUF_OWNED = BUF_SMALL;
	struct content content CONTENT_OWNED = CONTENT_NONE;

	assert_ok(buf_add_str(&in, "a/b ", NULL));
	for (size_t i = 0; i < 2 * depth; i++)
		assert_ok(buf_add_str(&in, i < depth ? "(" : ")", NULL));
	return content_parse(buf_span(&in), &content, NULL);
}

static void
comments_nest_to_a_limit(void **state)
{
	assert_ok(parse_comment(50));
	assert_rc(parse_comment(51), RC_LIMIT);
}

static void
types_and_names_are_compared_in_any_case(void **state)
{
	struct content content CONTENT_OWNED = CONTENT_NONE;
	struct content none = CONTENT_NONE;

	assert_ok(
	    content_parse(span_str("Text/PLAIN; Charset=X"), &content, NULL));
	assert_true(content_is(&content, "TEXT", "plain"));
	assert_true(content_is(&content, "text", NULL));
	assert_false(content_is(&content, "text", "html"));
	assert_false(content_is(&content, "tex", NULL));
	assert_false(content_is(&none, "text", NULL));
	assert_string_equal(content_param(&content, "CHARSET"), "X");
	assert_null(content_param(&content, "char"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(types_and_parameters_are_read),
	    cmocka_unit_test(extended_and_continued_parameters_are_joined),
	    cmocka_unit_test(what_readers_would_read_differently_is_refused),
	    cmocka_unit_test(the_number_of_parameters_has_a_limit),
	    cmocka_unit_test(comments_nest_to_a_limit),
	    cmocka_unit_test(types_and_names_are_compared_in_any_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
