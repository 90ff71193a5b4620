#include "flow/text_only.h"

#include "base/expect.h"
#include "base/own.h"

OWNER(struct entity, entity_free);

static struct err err;

#define HEAD                                                    \
	"From: Alice <alice@alpha.test>\r\nSubject: [...]\r\n"  \
	"Letterlock-Verdict: verified\r\nMIME-Version: 1.0\r\n" \
	"Content-Type: application/pkcs7-mime\r\n"              \
	"Content-Transfer-Encoding: base64\r\n\r\n"

/* The text that a mail program shows. */
static void
show(const char *inside, struct buf *ret_text, struct buf *ret_letter)
{
	struct span exact EXACT = expect_exact(span_str(inside));
	struct entity *tree OWNED(entity_free) = NULL;
	struct entity *shown OWNED(entity_free) = NULL;

	assert_done(entity_parse(exact, ENTITY_LIMITS, &tree, &err), err);
	assert_done(text_only_show(span_str(HEAD), tree,
			words_label("label.text-only", LANGUAGE_ENGLISH),
			ret_letter, &err),
	    err);
	assert_done(
	    entity_parse(buf_span(ret_letter), ENTITY_LIMITS, &shown, &err),
	    err);
	assert_true(entity_is(shown, "text", "plain"));
	assert_null(shown->child);
	assert_false(shown->malformed);
	assert_done(entity_decode(shown, ret_text, &err), err);
}

static bool
has_text(const struct buf *buf, const char *text)
{
	return span_find(buf_span(buf), span_str(text)) >= 0;
}

static void
only_text_is_shown_whatever_is_inside(void **state)
{
#define MULTI(kind) \
	"Content-Type: multipart/" kind "; boundary=x\r\n\r\n--x\r\n"
#define HTML "Content-Type: text/html\r\n\r\n"
	static const struct {
		const char *inside, *want, *never;
	} cases[] = {
	    {"Content-Type: text/plain\r\n\r\nhello\r\n", "hello", "Content-"},
	    {HTML "<p>a<img src=\"http://evil.test/x\">b</p>", "b", "evil"},
	    {MULTI("mixed") HTML
		"<img src=\"http://evil.test/\r\n--x\r\n"
		"Content-Type: text/plain\r\n\r\nsecret\r\n--x\r\n" HTML
		"\">\r\n--x--\r\n",
		"secret", "<p"},
	    {MULTI("alternative") "Content-Type: text/plain\r\n\r\nplain\r\n"
				  "--x\r\n" HTML "<p>styled</p>\r\n--x--\r\n",
		"plain", "styled"},
	    {MULTI("alternative") HTML "<p>styled</p>\r\n--x--\r\n", "styled",
		"<p>"},
	    {MULTI("mixed") "Content-Type: image/svg+xml\r\n\r\n<svg/>\r\n"
			    "--x--\r\n",
		"[", "svg"},
	    {"Content-Type: text/css\r\n\r\n@import url(x)\r\n", "[", "import"},
	    {"Content-Type: text/plain\r\n\r\n\x1b[2J\x07 x\r\n", "[2J",
		"\x1b"},
	    {"no header at all, and \"\"text/html\"\"", "no header", "<"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf text BUF_OWNED = BUF_SMALL;
		struct buf letter BUF_OWNED = BUF_SMALL;
		show(cases[i].inside, &text, &letter);
		if (!has_text(&text, cases[i].want) ||
		    has_text(&text, cases[i].never))
			fail_msg("%s: got %.*s", cases[i].inside,
			    SPAN_ARGS(buf_span(&text)));
		assert_true(has_text(&text, "only its text is shown"));
	}
}

static void
the_header_is_the_outer_one_without_a_verdict(void **state)
{
	struct buf text BUF_OWNED = BUF_SMALL;
	struct buf letter BUF_OWNED = BUF_SMALL;

	show("Subject: inner\r\nFrom: eve@evil.test\r\n"
	     "Content-Type: text/plain; hp=\"cipher\"\r\n\r\nx\r\n",
	    &text, &letter);
	assert_true(has_text(&letter, "From: Alice <alice@alpha.test>\r\n"));
	assert_false(has_text(&letter, "Verdict"));
	assert_false(has_text(&letter, "inner"));
	assert_false(has_text(&letter, "pkcs7"));
	assert_false(has_text(&letter, "evil"));
}

static void
a_text_beyond_the_limit_is_cut(void **state)
{
	struct buf inside BUF_OWNED = BUF((size_t)32 << 20);
	struct buf text BUF_OWNED = BUF((size_t)64 << 20);
	struct buf letter BUF_OWNED = BUF((size_t)64 << 20);
	const char *in;

	assert_ok(
	    buf_add_str(&inside, "Content-Type: text/plain\r\n\r\n", &err));
	for (size_t i = 0; i < TEXT_ONLY_MAX / 64 + 2; i++)
		assert_ok(buf_add_str(&inside,
		    "0123456789012345678901234567890123456789012345678901"
		    "2345678901\r\n",
		    &err));
	assert_ok(buf_str(&inside, &in, &err));
	show(in, &text, &letter);
	assert_in_range(text.len, TEXT_ONLY_MAX, TEXT_ONLY_MAX + 400);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_text_is_shown_whatever_is_inside),
	    cmocka_unit_test(the_header_is_the_outer_one_without_a_verdict),
	    cmocka_unit_test(a_text_beyond_the_limit_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
