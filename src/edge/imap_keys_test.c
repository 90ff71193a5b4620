#include "edge/imap_keys.h"

#include "base/expect.h"
#include "base/own.h"

OWNER(struct entity, entity_free);

static void
the_base_subject_is_as_the_standard_has_it(void **state)
{
	static const struct {
		const char *subject, *want;
		bool answer;
	} cases[] = {
	    {"boats", "boats", false},
	    {"", "", false},
	    {"   boats \t and\r\n sails  ", "boats and sails", false},
	    {"Re: boats", "boats", true},
	    {"rE : FWD: fw:boats", "boats", true},
	    {"Re[2]: boats", "boats", true},
	    {"Re [2] : boats", "boats", true},
	    {"[list] boats", "boats", false},
	    {"[list] Re: [list] [b] boats", "boats", true},
	    {"[only]", "[only]", false},
	    {"Re: [only]", "[only]", true},
	    {"boats (fwd)", "boats", true},
	    {"boats (FWD)(fwd) ", "boats", true},
	    {"(fwd)", "", true},
	    {"[fwd: boats]", "boats", true},
	    {"[Fwd: [fwd: Re: boats (fwd)]]", "boats", true},
	    {"[fwd: boats", "[fwd: boats", false},
	    {"rebus", "rebus", false},
	    {"re", "re", false},
	    {"Re", "Re", false},
	    {"Re:", "", true},
	    {"Re: [a", "[a", true},
	    {"Re[a[b]: x", "Re[a[b]: x", false},
	    {"[a]Re: boats", "boats", true},
	    {"AW: boats", "AW: boats", false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf out BUF_OWNED = BUF_SMALL;
		struct err err = ERR_NONE;
		bool answer = !cases[i].answer;
		assert_done(imap_base_subject(span_str(cases[i].subject), &out,
				&answer, &err),
		    err);
		assert_span(buf_span(&out), cases[i].want);
		assert_int_equal(answer, cases[i].answer);
	}
}

/* Lends the keys until `text` is done. */
static struct imap_keys
keys_of(const char *letter, struct buf *text)
{
	struct entity *entity OWNED(entity_free) = NULL;
	struct imap_keys keys = {0};
	struct err err = ERR_NONE;

	assert_done(
	    entity_parse(span_str(letter), ENTITY_LIMITS, &entity, &err), err);
	assert_done(imap_keys_print(entity, text, &err), err);
	assert_done(imap_keys_parse(buf_span(text), &keys, &err), err);
	return keys;
}

static void
keys_come_back_as_they_were(void **state)
{
	struct buf text BUF_OWNED = BUF_SMALL;
	struct imap_keys keys = keys_of(
	    "From: \"Zo\" <zoe@x.test>, b@x.test\r\nTo: bob@x.test\r\n"
	    "Cc: Carl\r\n <carl@x.test>\r\nSubject: Re: =?utf-8?q?b=C3=B6?=\r\n"
	    "Date: Thu, 1 Jan 1970 01:00:01 +0100\r\nMessage-ID: <\"1\"@x>\r\n"
	    "References: no <2@x> <> <nothing>\r\n <3@x>\r\n"
	    "In-Reply-To: <4@x>\r\n\r\nbody\r\n",
	    &text);

	assert_true(keys.dated);
	assert_int_equal(keys.date, 1);
	assert_true(keys.answer);
	assert_span(keys.subject, "BO\xcc\x88");
	assert_span(keys.from, "ZOE");
	assert_span(keys.to, "BOB");
	assert_span(keys.cc, "CARL");
	assert_span(keys.display_from, "ZO");
	assert_span(keys.display_to, "BOB");
	assert_span(keys.id, "1@x");
	assert_span(keys.references, "2@x\n3@x\n");
}

static void
what_is_not_there_is_empty(void **state)
{
	struct buf text BUF_OWNED = BUF_SMALL;
	struct imap_keys keys = keys_of(
	    "In-Reply-To: from <4@x> <5@x>\r\nDate: now\r\n\r\n", &text);

	assert_false(keys.dated);
	assert_false(keys.answer);
	assert_span(keys.subject, "");
	assert_span(keys.from, "");
	assert_span(keys.display_to, "");
	assert_span(keys.id, "");
	assert_span(keys.references, "4@x\n");
}

static void
what_is_none_of_ours_is_no_keys(void **state)
{
	static const char *const texts[] = {
	    "", "1\n", "1\n0\n\n\n\n\n\n\n", "no line end"};
	struct imap_keys keys;

	for (size_t i = 0; i < COUNT(texts); i++)
		assert_rc(imap_keys_parse(span_str(texts[i]), &keys, NULL),
		    RC_SYNTAX);
}

static void
references_beyond_the_limit_are_left_out(void **state)
{
	struct buf letter BUF_OWNED = BUF_SMALL, text BUF_OWNED = BUF_SMALL;
	const char *whole = NULL;

	assert_ok(buf_add_str(&letter, "References:", NULL));
	for (int i = 0; i < 9000; i++)
		assert_ok(buf_add_format(
		    &letter, NULL, " <%d.long.reference@x>\r\n", i));
	assert_ok(buf_add_str(&letter, "\r\n", NULL));
	assert_ok(buf_str(&letter, &whole, NULL));
	struct imap_keys keys = keys_of(whole, &text);
	assert_true(keys.references.len > 0);
	assert_in_range(text.len, IMAP_KEYS_MAX / 2, IMAP_KEYS_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_base_subject_is_as_the_standard_has_it),
	    cmocka_unit_test(keys_come_back_as_they_were),
	    cmocka_unit_test(what_is_not_there_is_empty),
	    cmocka_unit_test(what_is_none_of_ours_is_no_keys),
	    cmocka_unit_test(references_beyond_the_limit_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
