#include "base/expect.h"
#include "mime/tag.h"

/* Of what begins at the front: its name, "/" before a closing one's, and how
 * long it is. */
static const struct {
	const char *html;
	bool is_tag, closing;
	const char *name;
	size_t len;
} cases[] = {
    {"<b>", true, false, "b", 3},
    {"<b", true, false, "b", 2},
    {"</DIV >x", true, true, "DIV", 7},
    {"<br/>x", true, false, "br", 5},
    {"<a\nhref=x>y", true, false, "a", 10},
    {"<o:p>", true, false, "o:p", 5},
    /* only a sign */
    {"", false, false, "", 0},
    {"<", false, false, "", 0},
    {"</", false, false, "", 0},
    {"< b>", false, false, "", 0},
    {"<3", false, false, "", 0},
    {"b>", false, false, "", 0},
    /* a quote counts behind "=" only */
    {"<a b=\">\">x", true, false, "a", 9},
    {"<a b = '>'>x", true, false, "a", 11},
    {"<a b\">\">x", true, false, "a", 6},
    {"<a b=c\">\">x", true, false, "a", 8},
    {"<a b=\">", true, false, "a", 7},
    /* what is none */
    {"<!-- a > b --> c", true, false, "", 14},
    {"<!---->", true, false, "", 7},
    {"<!-- a >", true, false, "", 8},
    {"<!doctype html>x", true, false, "", 15},
    {"<?xml version='1.0'?>x", true, false, "", 21},
    {"<!", true, false, "", 2},
};

static void
a_tag_is_read_to_its_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span html EXACT = expect_exact(span_str(cases[i].html));
		struct tag tag = {.to = 999};
		bool is_tag = tag_read(html, 0, &tag);
		if (is_tag != cases[i].is_tag)
			fail_msg("%s: %d", cases[i].html, is_tag);
		if (!is_tag) {
			assert_int_equal(tag.to, 999);
			continue;
		}
		if (!span_is(tag.name, span_str(cases[i].name)) ||
		    tag.closing != cases[i].closing || tag.to != cases[i].len)
			fail_msg("%s: %.*s, %d, %zu", cases[i].html,
			    SPAN_ARGS(tag.name), tag.closing, tag.to);
	}
}

static void
it_is_read_wherever_it_stands(void **state)
{
	struct span html = span_str("x<b>y</b>");
	struct tag tag;

	(void)state;
	assert_false(tag_read(html, 0, &tag));
	assert_false(tag_read(html, html.len, &tag));
	assert_true(tag_read(html, 5, &tag));
	assert_true(tag.closing);
	assert_int_equal(tag.from, 5);
	assert_int_equal(tag.to, html.len);
}

static void
text_that_holds_no_tags_ends_at_its_own(void **state)
{
	static const struct {
		const char *html;
		size_t end;
	} texts[] = {
	    {"<style>a</b></STYLE>c", 12},
	    {"<style>a</styled>c", 8},
	    {"<style></style>", 7},
	    {"<style>a", 8},
	    {"<style>a</", 10},
	    {"<style>a</styl", 14},
	    {"<style>", 7},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct span html EXACT = expect_exact(span_str(texts[i].html));
		struct tag tag;
		assert_true(tag_read(html, 0, &tag));
		if (tag_find_end(html, &tag) != texts[i].end)
			fail_msg(
			    "%s: %zu", texts[i].html, tag_find_end(html, &tag));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_tag_is_read_to_its_end),
	    cmocka_unit_test(it_is_read_wherever_it_stands),
	    cmocka_unit_test(text_that_holds_no_tags_ends_at_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
