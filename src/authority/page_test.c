#include "authority/page.h"

#include "base/expect.h"

#define assert_holds(html, text) \
	assert_true(span_find(buf_span(html), span_str(text)) >= 0)
#define assert_holds_not(html, text) \
	assert_true(span_find(buf_span(html), span_str(text)) < 0)

static void
text_is_never_anything_else(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
	    {"plain", "plain"},
	    {"<script>alert('x')</script>",
		"&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"},
	    {"\" onclick=\"x", "&quot; onclick=&quot;x"},
	    {"a & b &lt;", "a &amp; b &amp;lt;"},
	    {"M\xc3\xbcller", "M\xc3\xbcller"},
	    /* turned around; a line end; not UTF-8; cut off; overlong "<" */
	    {"a\xe2\x80\xae"
	     "b",
		"a\xef\xbf\xbd"
		"b"},
	    {"a\nb", "a\xef\xbf\xbd"
		     "b"},
	    {"a\xff"
	     "b",
		"a\xef\xbf\xbd"
		"b"},
	    {"a\xe2\x80", "a\xef\xbf\xbd\xef\xbf\xbd"},
	    {"\xc0\xbc", "\xef\xbf\xbd\xef\xbf\xbd"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf html BUF_OWNED = PAGE_BUF;
		struct err err = ERR_NONE;
		assert_ok(page_text(&html, span_str(cases[i].text), &err));
		assert_span(buf_span(&html), cases[i].want);
	}
}

/* Each function that writes a text of somebody else's, with one that would be
 * markup. */
static void
write_everything(struct buf *html, const char *text)
{
	const struct page_link link = {text, text};
	const struct page_head head = {text, text, &link, 1};
	const struct page_fact fact = {text, text};
	const struct page_input input = {text, text, "text", text, 10, true};
	struct err err = ERR_NONE;

	assert_ok(page_begin(html, &head, &err));
	assert_ok(page_heading(html, text, &err));
	assert_ok(page_say(html, &err, "%s", text));
	assert_ok(page_link(html, &link, &err));
	assert_ok(page_facts(html, &fact, 1, &err));
	assert_ok(page_table_begin(html, &text, 1, &err));
	assert_ok(page_row_begin(html, &err));
	assert_ok(page_cell(html, text, text, &err));
	assert_ok(page_cell_link(html, text, &link, &err));
	assert_ok(page_row_end(html, &err));
	assert_ok(page_table_end(html, &err));
	assert_ok(page_input(html, &input, &err));
	assert_ok(page_button(html, text, text, text, &err));
	assert_ok(page_end(html, &err));
}

static void
nothing_that_is_written_can_be_markup(void **state)
{
	struct buf html BUF_OWNED = PAGE_BUF;

	write_everything(&html, "\"'><b>");
	assert_holds_not(&html, "<b>");
	assert_holds_not(&html, "\"'");
	assert_holds(&html, "&quot;&#39;&gt;&lt;b&gt;");
}

static const char *
header(const struct http_answer *answer, const char *name)
{
	for (size_t i = 0; i < answer->headers; i++)
		if (strcmp(answer->header[i].name, name) == 0)
			return answer->header[i].value;
	return "";
}

static void
a_page_says_that_nothing_else_belongs_to_it(void **state)
{
	struct http_answer answer HTTP_ANSWER_OWNED = HTTP_ANSWER;
	struct err err = ERR_NONE;

	assert_rc(
	    page_refuse(&answer, 403, &err, "no, %s", "<you>"), RC_REFUSED);
	assert_string_equal(err.text, "no, <you>");
	assert_int_equal(answer.status, 403);
	assert_string_equal(answer.content_type, "text/html; charset=utf-8");
	assert_holds(&answer.body, "no, &lt;you&gt;");
	assert_holds_not(&answer.body, "<script");
	const char *policy = header(&answer, "Content-Security-Policy");
	assert_int_equal(strncmp(policy, "default-src 'none'; ", 20), 0);
	assert_null(strstr(policy, "unsafe"));
	assert_non_null(strstr(policy, "frame-ancestors 'none'"));
	assert_string_equal(header(&answer, "Cache-Control"), "no-store");
}

static void
what_was_done_is_to_be_seen_elsewhere(void **state)
{
	struct http_answer answer HTTP_ANSWER_OWNED = HTTP_ANSWER;
	struct err err = ERR_NONE;

	assert_ok(page_see(&answer, "/desk/x", &err));
	assert_int_equal(answer.status, 303);
	assert_string_equal(header(&answer, "Location"), "/desk/x");
}

static void
a_page_has_a_limit(void **state)
{
	struct buf html BUF_OWNED = PAGE_BUF;
	struct buf text BUF_OWNED = BUF(PAGE_MAX);
	uint8_t *room = NULL;
	struct err err = ERR_NONE;

	assert_ok(buf_reserve(&text, PAGE_MAX, &room, &err));
	memset(room, 'x', PAGE_MAX);
	buf_grown(&text, PAGE_MAX);
	assert_ok(page_text(&html, buf_span(&text), &err));
	assert_rc(page_text(&html, span_str("x"), &err), RC_LIMIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(text_is_never_anything_else),
	    cmocka_unit_test(nothing_that_is_written_can_be_markup),
	    cmocka_unit_test(a_page_says_that_nothing_else_belongs_to_it),
	    cmocka_unit_test(what_was_done_is_to_be_seen_elsewhere),
	    cmocka_unit_test(a_page_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
