#include "proto/smtp_reply_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define LENGTH(table) (sizeof(table) / sizeof((table)[0]))

static void
a_reply_becomes_code_enhanced_code_and_words(void **state)
{
	static const struct {
		const char *reply;
		unsigned code;
		const char *enhanced, *text;
	} cases[] = {
	    {"250 ok\r\n", 250, "", "ok"},
	    {"250\r\n", 250, "", ""},
	    {"250-a\r\n250-\r\n250 b\r\n", 250, "", "a b"},
	    {"550 5.1.1 who\r\n", 550, "5.1.1", "who"},
	    {"550 5.1.1\r\n", 550, "5.1.1", ""},
	    {"550-5.7.26 a\r\n550 5.7.26 b\r\n", 550, "5.7.26", "a b"},
	    {"550 4.1.1 other class\r\n", 550, "", "4.1.1 other class"},
	    {"550 5.1 x\r\n", 550, "", "5.1 x"},
	    {"550 5.1.1x\r\n", 550, "", "5.1.1x"},
	    {"550 5.1234.1 x\r\n", 550, "", "5.1234.1 x"},
	    {"550 5.123.456 x\r\n", 550, "5.123.456", "x"},
	    {"550 \033[31m\303\244\r\n", 550, "", "?[31m??"},
	};

	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct smtp_reply reply;
		struct smtp_client_result got;
		assert_int_equal(
		    smtp_reply_find(span_str(cases[i].reply), &reply, NULL),
		    RC_OK);
		smtp_reply_result(&reply, "bob@b.example", &got);
		assert_int_equal(got.code, cases[i].code);
		assert_string_equal(got.enhanced, cases[i].enhanced);
		assert_string_equal(got.text, cases[i].text);
		assert_string_equal(got.recipient, "bob@b.example");
	}
}

static void
a_reply_ends_with_its_last_line(void **state)
{
	struct span two = span_str("250-a\r\n250 b\r\n354 c\r\n");
	struct smtp_reply reply;

	for (size_t len = 0; len < 14; len++)
		assert_int_equal(
		    smtp_reply_find(span_first(two, len), &reply, NULL),
		    RC_AGAIN);
	assert_int_equal(smtp_reply_find(two, &reply, NULL), RC_OK);
	assert_int_equal(reply.lines.len, 14);
}

static void
the_lines_of_a_reply_have_one_code(void **state)
{
	struct smtp_reply reply;

	assert_int_equal(
	    smtp_reply_find(span_str("550-a\r\n551 b\r\n"), &reply, NULL),
	    RC_SYNTAX);
}

static void
words_are_cut_to_the_room_there_is(void **state)
{
	char text[6] = "a";

	smtp_reply_add_words(text, sizeof(text), span_str("bcdefg"));
	assert_string_equal(text, "a bcd");
	smtp_reply_add_words(text, sizeof(text), span_str("h"));
	assert_string_equal(text, "a bcd");
}

static void
a_printed_reply_is_one_line_of_at_most_512_bytes(void **state)
{
	struct buf out BUF_OWNED = BUF(10000);
	char text[1000];

	memset(text, '\n', sizeof(text));
	text[999] = '\0';
	assert_int_equal(
	    smtp_reply_print(550, "5.1.1", text, &out, NULL), RC_OK);
	assert_true(out.len <= 512);
	assert_int_equal(
	    span_find(buf_span(&out), span_str("\r\n")), out.len - 2);
	assert_memory_equal(out.data, "550 5.1.1 ????", 14);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_reply_becomes_code_enhanced_code_and_words),
	    cmocka_unit_test(a_reply_ends_with_its_last_line),
	    cmocka_unit_test(the_lines_of_a_reply_have_one_code),
	    cmocka_unit_test(words_are_cut_to_the_room_there_is),
	    cmocka_unit_test(a_printed_reply_is_one_line_of_at_most_512_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
