#include "proto/imap_token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define LENGTH(table) (sizeof(table) / sizeof((table)[0]))

/* "a:word s:text o c" for atom, string, open and close, or the failure. */
static void
describe(struct span text, struct buf *out)
{
	static const char *const marks[] = {"", "a:", "s:", "(", ")"};
	struct imap_walk walk = {text};

	for (;;) {
		struct imap_token token;
		struct err err = ERR_NONE;
		enum rc rc = imap_walk_next(&walk, &token, &err);
		if (rc != RC_OK) {
			assert_true(strlen(err.text) > 0);
			assert_int_equal(
			    buf_add_str(out, rc_name(rc), NULL), RC_OK);
			return;
		}
		if (token.kind == IMAP_END)
			return;
		assert_int_equal(
		    buf_add_str(out, marks[token.kind], NULL), RC_OK);
		if (token.kind == IMAP_ATOM || token.kind == IMAP_STRING)
			assert_int_equal(
			    imap_token_value(&token, out, NULL), RC_OK);
		assert_int_equal(buf_add_str(out, " ", NULL), RC_OK);
	}
}

static void
check(const char *text, size_t len, const char *want)
{
	struct buf out BUF_OWNED = BUF(10000);
	/* exactly sized, so that an overread is seen */
	uint8_t *copy = malloc(len + (len == 0));

	assert_non_null(copy);
	memcpy(copy, text, len);
	describe(span_of(copy, len), &out);
	free(copy);
	if (!span_is(buf_span(&out), span_str(want)))
		fail_msg("%s\n got: %.*s\nwant: %s", text,
		    SPAN_ARGS(buf_span(&out)), want);
}

static void
words_are_told_apart(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
	    {"", ""},
	    {"   ", ""},
	    {"FETCH 1:*,7", "a:FETCH a:1:*,7 "},
	    {"  a  b  ", "a:a a:b "},
	    {"(\\Seen $x)", "( a:\\Seen a:$x ) "},
	    {"(()a(b))", "( ( ) a:a ( a:b ) ) "},
	    {"\"\" \"a b\"", "s: s:a b "},
	    {"\"a\\\"b\\\\c\"", "s:a\"b\\c "},
	    {"\"(\" \")\"", "s:( s:) "},
	    {"{3}\r\na b{0}\r\n x", "s:a b s: a:x "},
	    {"{4+}\r\n\r\n\" x", "s:\r\n\"  a:x "},
	    {"~{2}\r\nab ~x", "s:ab a:~x "},
	    {"BODY[] {1}\r\nx", "a:BODY[] s:x "},
	    {"BODY.PEEK[HEADER.FIELDS (TO \"x y\")]<0.100> UID",
		"a:BODY.PEEK[HEADER.FIELDS (TO \"x y\")]<0.100> a:UID "},
	    {"body[header.fields (\"a]b\" {3}\r\nc]d)]",
		"a:body[header.fields (\"a]b\" {3}\r\nc]d)] "},
	    {"BINARY.SIZE[1.2] 7", "a:BINARY.SIZE[1.2] a:7 "},
	    {"[Gmail]/All x[y z", "a:[Gmail]/All a:x[y a:z "},
	    {"NIL %*", "a:NIL a:%* "},
	    {"\"\303\244\" \303\244", "s:\303\244 a:\303\244 "},
	};

	for (size_t i = 0; i < LENGTH(cases); i++)
		check(cases[i].text, strlen(cases[i].text), cases[i].want);
}

static void
what_is_no_word_is_refused(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} cases[] = {
	    {"\"", 1},
	    {"\"a", 2},
	    {"\"a\\", 3},
	    {"\"a\\\"", 4},
	    {"\"a\\b\"", 5},
	    {"\"a\rb\"", 5},
	    {"\"a\nb\"", 5},
	    {"\"a\0b\"", 5},
	    {"{", 1},
	    {"{3", 2},
	    {"{3}", 3},
	    {"{3}\r", 4},
	    {"{3}\r\n", 5},
	    {"{3}\r\nab", 7},
	    {"{}\r\n", 4},
	    {"{+}\r\n", 5},
	    {"{3}\nabc", 7},
	    {"{-1}\r\n", 6},
	    {"{ 3}\r\nabc", 9},
	    {"{3 }\r\nabc", 9},
	    {"{99999999999999999999}\r\n", 24},
	    {"{18446744073709551615}\r\n", 24},
	    {"{18446744073709551610}\r\n", 24},
	    {"a\"b\"", 4},
	    {"a{1}\r\nx", 7},
	    {"a\rb", 3},
	    {"a\nb", 3},
	    {"\r\n", 2},
	    {"a\0b", 3},
	    {"a\177", 2},
	    {"BODY[", 5},
	    {"BODY[HEADER", 11},
	    {"BODY[\"]", 7},
	    {"BODY[{9}\r\n]", 11},
	    {"BODY[\r\n]", 8},
	    {"BODY[a\0]", 8},
	};

	for (size_t i = 0; i < LENGTH(cases); i++) {
		uint8_t *copy = malloc(cases[i].len);
		struct imap_walk walk = {span_of(copy, cases[i].len)};
		struct imap_token token = {.kind = IMAP_CLOSE};
		assert_non_null(copy);
		memcpy(copy, cases[i].text, cases[i].len);
		enum rc rc = imap_walk_next(&walk, &token, NULL);
		if (rc == RC_OK)
			fail_msg("%zu: %s passed", i, cases[i].text);
		assert_int_equal(rc, RC_SYNTAX);
		assert_int_equal(token.kind, IMAP_CLOSE);
		assert_int_equal(walk.rest.len, cases[i].len);
		free(copy);
	}
}

static void
whole_is_the_word_as_it_stands(void **state)
{
	static const char *const texts[] = {"\"a\\\"b\"", "{3}\r\na b",
	    "~{3+}\r\na b", "(", "BODY[TEXT]<0>", "NIL"};

	for (size_t i = 0; i < LENGTH(texts); i++) {
		char text[50];
		struct imap_token token;
		(void)snprintf(text, sizeof(text), " %s)", texts[i]);
		struct imap_walk walk = {span_str(text)};
		assert_int_equal(imap_walk_next(&walk, &token, NULL), RC_OK);
		assert_true(span_is(token.whole, span_str(texts[i])));
		assert_int_equal(token.escaped, i == 0);
	}
}

static void
only_atoms_and_strings_have_a_value(void **state)
{
	static const char *const texts[] = {"(", ")", ""};

	for (size_t i = 0; i < LENGTH(texts); i++) {
		struct imap_walk walk = {span_str(texts[i])};
		struct buf out BUF_OWNED = BUF(10);
		struct imap_token token;
		assert_int_equal(imap_walk_next(&walk, &token, NULL), RC_OK);
		assert_int_equal(
		    imap_token_value(&token, &out, NULL), RC_SYNTAX);
	}
}

static void
strings_are_printed_quoted_or_as_literals(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
	    {"", "\"\""},
	    {"a b", "\"a b\""},
	    {"a\"b\\", "\"a\\\"b\\\\\""},
	    {"a\r\nb", "{4}\r\na\r\nb"},
	    {"\303\244", "{2}\r\n\303\244"},
	    {"\t", "{1}\r\n\t"},
	    {"\177", "{1}\r\n\177"},
	};

	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct buf out BUF_OWNED = BUF(100);
		assert_int_equal(
		    imap_print_string(span_str(cases[i].text), &out, NULL),
		    RC_OK);
		if (!span_is(buf_span(&out), span_str(cases[i].want)))
			fail_msg("got %.*s", SPAN_ARGS(buf_span(&out)));
	}
}

static void
a_quoted_string_has_at_most_1000_bytes(void **state)
{
	char text[1001];

	memset(text, 'x', sizeof(text));
	for (size_t len = 1000; len <= 1001; len++) {
		struct buf out BUF_OWNED = BUF(2000);
		assert_int_equal(
		    imap_print_string(span_of(text, len), &out, NULL), RC_OK);
		assert_int_equal(out.data[0], len == 1000 ? '"' : '{');
	}
}

static void
a_string_that_cannot_be_printed_leaves_nothing(void **state)
{
	struct buf out BUF_OWNED = BUF(5);

	assert_int_equal(
	    imap_print_string(span_of("a\0b", 3), &out, NULL), RC_SYNTAX);
	assert_int_equal(
	    imap_print_string(span_str("abcd"), &out, NULL), RC_LIMIT);
	assert_int_equal(
	    imap_print_string(span_str("\n"), &out, NULL), RC_LIMIT);
	assert_int_equal(out.len, 0);
}

/* Every string of three bytes out of the troublesome ones comes back. */
static void
what_is_printed_is_read_again(void **state)
{
	static const char bytes[] = "a \"\\\r\n(){}\303";
	size_t count = sizeof(bytes) - 1;

	for (size_t i = 0; i < count * count * count; i++) {
		char text[3] = {bytes[i % count], bytes[i / count % count],
		    bytes[i / count / count]};
		struct buf out BUF_OWNED = BUF(100);
		struct buf back BUF_OWNED = BUF(100);
		struct imap_token token;
		assert_int_equal(
		    imap_print_string(span_of(text, 3), &out, NULL), RC_OK);
		struct imap_walk walk = {buf_span(&out)};
		assert_int_equal(imap_walk_next(&walk, &token, NULL), RC_OK);
		assert_int_equal(walk.rest.len, 0);
		assert_int_equal(imap_token_value(&token, &back, NULL), RC_OK);
		assert_true(span_is(buf_span(&back), span_of(text, 3)));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(words_are_told_apart),
	    cmocka_unit_test(what_is_no_word_is_refused),
	    cmocka_unit_test(whole_is_the_word_as_it_stands),
	    cmocka_unit_test(only_atoms_and_strings_have_a_value),
	    cmocka_unit_test(strings_are_printed_quoted_or_as_literals),
	    cmocka_unit_test(a_quoted_string_has_at_most_1000_bytes),
	    cmocka_unit_test(a_string_that_cannot_be_printed_leaves_nothing),
	    cmocka_unit_test(what_is_printed_is_read_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
