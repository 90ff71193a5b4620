/* A letter that was opened bears its verdict in the reader's language. */
#include "flow/gatherkit_priv.h"

#include "codec/word.h"
#include "flow/incoming.h"

static void
read_in(enum language language, struct buf *ret_view)
{
	const struct reader_key key = {alice.fixture.cert, &alice.key};
	const struct reader reader = {.keys = &key,
	    .keys_len = 1,
	    .roots = &roots,
	    .now = FIXTURE_NOW,
	    .language = language};
	struct buf letter BUF_OWNED = BUF(ROOM);
	struct incoming incoming INCOMING_OWNED;

	make_letter("gs", TEXT, &letter);
	incoming_init(&incoming);
	err = ERR_NONE;
	assert_done(
	    incoming_read(buf_span(&letter), &reader, &incoming, &err), err);
	assert_true(incoming.rebuilt);
	assert_int_equal(incoming.verdict.level, VERDICT_VERIFIED);
	assert_done(buf_add(ret_view, buf_span(&incoming.view), &err), err);
}

/* What programs that know encoded words show of the first field. */
static void
first_field(enum language language, char ret[1000])
{
	struct buf view BUF_OWNED = BUF(ROOM);
	struct buf shown BUF_OWNED = BUF(ROOM);

	read_in(language, &view);
	size_t end = 0;
	do {
		end += 2;
		end += (size_t)span_find(
		    span_after(buf_span(&view), end), span_str("\r\n"));
	} while (view.data[end + 2] == ' ');
	struct span field = span_first(buf_span(&view), end);
	for (size_t i = 0; i < field.len; i++)
		assert_in_range(field.data[i], 1, 0x7f);
	assert_done(word_decode(field, &shown, &err), err);
	(void)snprintf(ret, 1000, "%.*s", SPAN_ARGS(buf_span(&shown)));
}

static void
the_field_says_it_in_english(void **state)
{
	char field[1000];

	first_field(LANGUAGE_ENGLISH, field);
	assert_has(field,
	    "Letterlock-Verdict: verified; Signed by alice@alpha.test; as of ");
}

static void
the_field_says_it_in_chinese(void **state)
{
	char field[1000];

	first_field(LANGUAGE_CHINESE, field);
	assert_has(field,
	    "Letterlock-Verdict: verified; \u7531 alice@alpha.test "
	    "\u7b7e\u540d; as of ");
}

/* It has no field to say it in, but the front tells its keywords and the
 * sentence is kept. */
static void
what_cannot_be_read_is_said_in_the_language_too(void **state)
{
	static const struct {
		const char *letter, *says;
	} letters[] = {
	    {"no field\r\n\r\nFrom: alice@alpha.test\r\n",
		"\u8fd9\u4e0d\u662f\u4e00\u5c01\u4fe1\uff1a"},
	    {"From: alice@alpha.test\rX: y\r\n\r\nHello.\r\n",
		"\u8fd9\u4e0d\u662f\u4e00\u5c01\u6b63\u5e38\u7684\u4fe1"},
	};
	const struct reader reader = {
	    .roots = &roots, .now = FIXTURE_NOW, .language = LANGUAGE_CHINESE};

	for (size_t i = 0; i < COUNT(letters); i++) {
		struct incoming incoming INCOMING_OWNED;
		incoming_init(&incoming);
		assert_done(incoming_read(span_str(letters[i].letter), &reader,
				&incoming, &err),
		    err);
		assert_int_equal(incoming.verdict.level, VERDICT_UNSIGNED);
		assert_string_equal(
		    incoming.verdict.reason[0], "letter.unreadable");
		assert_has(incoming.verdict.sentence, letters[i].says);
		assert_span(buf_span(&incoming.view), letters[i].letter);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_field_says_it_in_english),
	    cmocka_unit_test(the_field_says_it_in_chinese),
	    cmocka_unit_test(what_cannot_be_read_is_said_in_the_language_too),
	};

	return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
