#include "flow/search_text.h"

#include "base/expect.h"
#include "base/own.h"

OWNER(struct entity, entity_free);

static void
what_a_person_calls_the_same_is_the_same(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
	    {"Hello", "hello"},
	    {"ZOË", "zoe"},
	    {"Zoe\xcc\x88", "zoe"},
	    {"Straße", "strasse"},
	    {"MÜLLER", "muller"},
	    {"  a \t\r\n b  ", "a b "},
	    {"ＦＵＬＬ", "full"},
	    {"ﬁ", "fi"},
	    {"中文信件", "中文信件"},
	    {"مُحَمَّد", "محمد"},
	    {"Привет", "привет"},
	    {"", ""},
	    {"a\xff b", "a\xef\xbf\xbd b"},
	    {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf out BUF_OWNED = BUF_SMALL;
		struct span text EXACT = expect_exact(span_str(cases[i].text));
		struct err err = ERR_NONE;
		assert_done(search_fold(text, &out, &err), err);
		assert_span(buf_span(&out), cases[i].want);
	}
}

static const char letter[] =
    "From: =?utf-8?q?Zo=C3=AB?= <zoe@example.org>\r\n"
    "Subject: =?gb2312?b?1tDOxA==?= plan\r\n"
    "Received: one\r\nReceived: two\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    "M=FCller kom=\r\nmt\r\n"
    "--b\r\nContent-Type: text/html\r\n"
    "Content-Transfer-Encoding: base64\r\n\r\n"
    "PHA+SGk8c3R5bGU+Y29sb3I8L3N0eWxlPiA8Yj5iPC9iPm9sZCZhbXA7PC9wPg==\r\n"
    "--b\r\nContent-Type: application/octet-stream\r\n\r\nhidden\r\n"
    "--b\r\nContent-Type: message/rfc822\r\n\r\n"
    "Subject: inner\r\n\r\nforwarded\r\n"
    "--b--\r\nepilogue\r\n";

static struct entity *
parsed(const char *text)
{
	struct entity *tree;
	struct err err = ERR_NONE;

	assert_done(
	    entity_parse(span_str(text), ENTITY_LIMITS, &tree, &err), err);
	return tree;
}

static bool
holds(const struct buf *text, const char *what)
{
	return span_find(buf_span(text), span_str(what)) >= 0;
}

static void
fields_are_decoded(void **state)
{
	struct entity *tree OWNED(entity_free) = parsed(letter);
	struct buf all BUF_OWNED = BUF_SMALL, one BUF_OWNED = BUF_SMALL;
	struct err err = ERR_NONE;

	assert_done(search_fold_fields(&tree->fields, NULL, &all, &err), err);
	assert_true(holds(&all, "from: zoe <zoe@example.org>\n"));
	assert_true(holds(&all, "subject: 中文 plan\n"));
	assert_done(
	    search_fold_fields(&tree->fields, "received", &one, &err), err);
	assert_span(buf_span(&one), "one\ntwo\n");
}

static void
the_body_is_what_can_be_read_of_it(void **state)
{
	struct entity *tree OWNED(entity_free) = parsed(letter);
	struct buf body BUF_OWNED = BUF_SMALL;
	struct err err = ERR_NONE;

	assert_done(search_fold_body(tree, &body, &err), err);
	assert_true(holds(&body, "muller kommt"));
	assert_true(holds(&body, "hi bold&"));
	assert_true(holds(&body, "subject: inner\n"));
	assert_true(holds(&body, "forwarded"));
	assert_false(holds(&body, "color"));
	assert_false(holds(&body, "hidden"));
	assert_false(holds(&body, "zoe"));
}

static void
a_text_is_searched_up_to_its_limit(void **state)
{
	struct buf bytes BUF_OWNED = BUF(SEARCH_TEXT_MAX + 1000);
	struct buf body BUF_OWNED = BUF(SEARCH_FOLDED_MAX);
	struct entity *tree OWNED(entity_free) = NULL;
	struct err err = ERR_NONE;
	uint8_t *room;

	assert_ok(buf_add_str(&bytes, "Subject: long\r\n\r\n", &err));
	assert_ok(buf_reserve(&bytes, SEARCH_TEXT_MAX - 4, &room, &err));
	memset(room, 'x', SEARCH_TEXT_MAX - 4);
	buf_grown(&bytes, SEARCH_TEXT_MAX - 4);
	assert_ok(buf_add_str(&bytes, "lastbeyond", &err));
	assert_done(
	    entity_parse(buf_span(&bytes), ENTITY_LIMITS, &tree, &err), err);
	assert_done(search_fold_body(tree, &body, &err), err);
	assert_true(holds(&body, "last"));
	assert_false(holds(&body, "beyond"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_a_person_calls_the_same_is_the_same),
	    cmocka_unit_test(fields_are_decoded),
	    cmocka_unit_test(the_body_is_what_can_be_read_of_it),
	    cmocka_unit_test(a_text_is_searched_up_to_its_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
