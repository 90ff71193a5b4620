#include "proto/imap_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/own.h"

OWNER(struct imap_stream, imap_stream_free);

#define LENGTH(table) (sizeof(table) / sizeof((table)[0]))
#define TEST_MAX ((size_t)8 << 20)
#define TOOBIG "NO [TOOBIG] literal is too large\r\n"

static const struct imap_limits small = {40, 20, 60};

/* What came out: units in <>, failures by name, each once. */
struct outcome {
	struct buf units;
	struct buf output;
	bool ended;
};
#define OUTCOME ((struct outcome){BUF(TEST_MAX), BUF(TEST_MAX), false})

static void
outcome_done(struct outcome *outcome)
{
	buf_done(&outcome->units);
	buf_done(&outcome->output);
}
#define OUTCOME_OWNED __attribute__((cleanup(outcome_done)))

static void
note(struct outcome *outcome, enum rc rc, struct span unit)
{
	if (rc == RC_OK)
		assert_int_equal(buf_add_format(&outcome->units, NULL, "<%.*s>",
				     SPAN_ARGS(unit)),
		    RC_OK);
	else
		assert_int_equal(
		    buf_add_str(&outcome->units, rc_name(rc), NULL), RC_OK);
	outcome->ended = rc == RC_REFUSED;
}

static void
feed(struct imap_stream *stream, struct span bytes, struct outcome *outcome)
{
	/* exactly sized, so that an overread is seen */
	uint8_t *copy = malloc(bytes.len + (bytes.len == 0));
	struct span unit = SPAN_NONE;

	assert_non_null(copy);
	memcpy(copy, bytes.data, bytes.len);
	assert_int_equal(
	    imap_stream_push(stream, span_of(copy, bytes.len), NULL), RC_OK);
	free(copy);
	while (!outcome->ended) {
		enum rc rc = imap_stream_next(stream, &unit, NULL);
		if (rc == RC_AGAIN)
			break;
		note(outcome, rc, unit);
	}
	struct span out = imap_stream_output(stream);
	assert_int_equal(buf_add(&outcome->output, out, NULL), RC_OK);
	imap_stream_sent(stream, out.len);
}

static void
run(enum imap_side side, struct span input, size_t cut, size_t piece,
    struct outcome *outcome)
{
	struct imap_stream *stream OWNED(imap_stream_free) = NULL;

	assert_int_equal(imap_stream_new(side, small, &stream, NULL), RC_OK);
	while (input.len > 0 && !outcome->ended) {
		size_t len = cut > 0 ? cut : piece;
		cut = 0;
		feed(stream, span_first(input, len), outcome);
		input = span_after(input, len);
	}
}

static void
check_text(const char *name, const struct buf *got, const char *want)
{
	if (!span_is(buf_span(got), span_str(want)))
		fail_msg("%s\n got: %.*s\nwant: %s", name,
		    SPAN_ARGS(buf_span(got)), want);
}

/* In one piece, byte by byte, and cut in two everywhere. */
static void
check(enum imap_side side, struct span input, const char *units,
    const char *output)
{
	for (size_t cut = 0; cut <= input.len; cut++) {
		struct outcome outcome OUTCOME_OWNED = OUTCOME;
		char name[200];
		run(side, input, cut, cut == 0 ? 1 : SIZE_MAX, &outcome);
		(void)snprintf(name, sizeof(name), "%.*s cut at %zu",
		    SPAN_ARGS(span_first(input, 100)), cut);
		check_text(name, &outcome.units, units);
		check_text(name, &outcome.output, output);
	}
}

static void
commands_are_cut_at_their_ends(void **state)
{
	static const struct {
		const char *input, *units, *output;
	} cases[] = {
	    {"a NOOP\r\n", "<a NOOP>", ""},
	    {"a NOOP\r\nb NOOP\r\nc NO", "<a NOOP><b NOOP>", ""},
	    {"\r\na\r\n", "<><a>", ""},
	    {"a X {3}\r\nabc\r\n", "<a X {3}\r\nabc>", "+ OK\r\n"},
	    {"a X {3+}\r\nabc\r\n", "<a X {3+}\r\nabc>", ""},
	    {"a X {0}\r\n\r\n", "<a X {0}\r\n>", "+ OK\r\n"},
	    {"a {2}\r\n\r\n {2+}\r\n{9 x\r\nb\r\n",
		"<a {2}\r\n\r\n {2+}\r\n{9 x><b>", "+ OK\r\n"},
	    {"a X ~{3}\r\na\nb\r\n", "<a X ~{3}\r\na\nb>", "+ OK\r\n"},
	    {"a X {3} \r\nb\r\n", "<a X {3} ><b>", ""},
	    {"a X {}\r\nb\r\n", "<a X {}><b>", ""},
	    {"a X {-3}\r\nb\r\n", "<a X {-3}><b>", ""},
	    {"a X 3}\r\nb\r\n", "<a X 3}><b>", ""},
	    {"a X {3++}\r\nb\r\n", "<a X {3++}><b>", ""},
	    {"3}\r\n+}\r\n}\r\n", "<3}><+}><}>", ""},
	    {"a X \"{3}\"\r\nb\r\n", "<a X \"{3}\"><b>", ""},
	    {"a \"\\\"\" {1}\r\nx\r\n", "<a \"\\\"\" {1}\r\nx>", "+ OK\r\n"},
	};

	for (size_t i = 0; i < LENGTH(cases); i++)
		check(IMAP_SERVER, span_str(cases[i].input), cases[i].units,
		    cases[i].output);
}

static void
responses_are_cut_at_their_ends(void **state)
{
	static const struct {
		const char *input, *units;
	} cases[] = {
	    {"* OK hi\r\na1 OK x\r\n", "<* OK hi><a1 OK x>"},
	    {"* 1 FETCH (X {3}\r\nabc Y {1}\r\n\n)\r\n+ go\r\n",
		"<* 1 FETCH (X {3}\r\nabc Y {1}\r\n\n)><+ go>"},
	    /* free text may end like a literal and is none */
	    {"* OK see {3}\r\n* NO {3}\r\n* BAD {3}\r\n* BYE {3}\r\n",
		"<* OK see {3}><* NO {3}><* BAD {3}><* BYE {3}>"},
	    {"+ {3}\r\na1 OK {3}\r\n", "<+ {3}><a1 OK {3}>"},
	    {"* OKAY {1}\r\nx\r\n", "<* OKAY {1}\r\nx>"},
	    {"* X {3+}\r\n", "<* X {3+}>"},
	    {"GET / HTTP/1.1\r\n", "<GET / HTTP/1.1>"},
	};

	for (size_t i = 0; i < LENGTH(cases); i++)
		check(
		    IMAP_CLIENT, span_str(cases[i].input), cases[i].units, "");
}

static void
a_literal_may_be_as_large_as_the_limit_and_no_larger(void **state)
{
#define TWENTY "01234567890123456789"
	static const struct {
		const char *input, *units, *output;
	} cases[] = {
	    {"a X {20}\r\n" TWENTY "\r\n", "<a X {20}\r\n" TWENTY ">",
		"+ OK\r\n"},
	    {"a X {20+}\r\n" TWENTY "\r\n", "<a X {20+}\r\n" TWENTY ">", ""},
	    /* refused before its bytes: the next line is a command */
	    {"a X {21}\r\nb\r\n", "RC_LIMIT<b>", "a " TOOBIG},
	    {"a X {99999999999999999999999}\r\nb\r\n", "RC_LIMIT<b>",
		"a " TOOBIG},
	    {"a X {18446744073709551615}\r\nb\r\n", "RC_LIMIT<b>", "a " TOOBIG},
	    /* 2^64 + 3 */
	    {"a X {18446744073709551619}\r\nb\r\n", "RC_LIMIT<b>", "a " TOOBIG},
	    {"a X {00000000000000000000000003}\r\nabc\r\n",
		"<a X {00000000000000000000000003}\r\nabc>", "+ OK\r\n"},
	    /* its bytes come in any case: nothing after it can be told */
	    {"a X {21+}\r\nb\r\n", "RC_REFUSED",
		"* BYE [TOOBIG] literal is too large\r\n"},
	    /* the whole unit has a limit too */
	    {"a 123 {20+}\r\n" TWENTY " {19+}\r\n0123456789012345678\r\n",
		"<a 123 {20+}\r\n" TWENTY " {19+}\r\n0123456789012345678>", ""},
	    {"a 123 {20+}\r\n" TWENTY " {20+}\r\n" TWENTY "\r\n", "RC_REFUSED",
		"* BYE [TOOBIG] literal is too large\r\n"},
	    {"{21}\r\n", "RC_LIMIT", "* " TOOBIG},
	};

	for (size_t i = 0; i < LENGTH(cases); i++)
		check(IMAP_SERVER, span_str(cases[i].input), cases[i].units,
		    cases[i].output);
	check(IMAP_CLIENT, span_str("* X {21}\r\nb\r\n"), "RC_REFUSED", "");
}

static void
a_line_may_be_as_long_as_the_limit_and_no_longer(void **state)
{
	for (size_t len = 40; len <= 41; len++) {
		char input[100], want[100];
		memset(input, 'x', len);
		memcpy(input + len, "\r\n", 3);
		(void)snprintf(want, sizeof(want), "<%.*s>", (int)len, input);
		bool good = len == 40;
		check(IMAP_SERVER, span_str(input), good ? want : "RC_REFUSED",
		    good ? "" : "* BYE line is too long\r\n");
		check(IMAP_CLIENT, span_str(input), good ? want : "RC_REFUSED",
		    "");
	}
}

static void
a_line_without_end_is_refused(void **state)
{
	char input[100];

	memset(input, 'x', sizeof(input));
	check(IMAP_SERVER, span_of(input, sizeof(input)), "RC_REFUSED",
	    "* BYE line is too long\r\n");
}

static void
stray_line_ends_never_divide_commands(void **state)
{
	static const struct {
		const char *input;
		size_t len;
		const char *units, *output;
	} cases[] = {
	    {"a NOOP\nb NOOP\r\nc\r\n", 18, "RC_SYNTAX<c>",
		"a BAD stray CR, LF or NUL\r\n"},
	    {"a NOOP\rb NOOP\r\nc\r\n", 18, "RC_SYNTAX<c>",
		"a BAD stray CR, LF or NUL\r\n"},
	    {"a X\0\r\nc\r\n", 9, "RC_SYNTAX<c>",
		"a BAD stray CR, LF or NUL\r\n"},
	    {"a X\r\r\nc\r\n", 9, "RC_SYNTAX<c>",
		"a BAD stray CR, LF or NUL\r\n"},
	    /* behind a literal nobody knows where the next command begins */
	    {"a {1+}\r\nx\n\r\nc\r\n", 15, "RC_REFUSED",
		"* BYE stray CR, LF or NUL\r\n"},
	};

	for (size_t i = 0; i < LENGTH(cases); i++)
		check(IMAP_SERVER, span_of(cases[i].input, cases[i].len),
		    cases[i].units, cases[i].output);
	check(IMAP_CLIENT, span_str("* X\n* Y\r\n"), "RC_REFUSED", "");
}

/* If the quote counts, what follows is commands hidden in a letter; if it does
 * not, it is a literal: two readers must not differ. */
static void
a_literal_behind_an_open_quote_is_refused(void **state)
{
	check(IMAP_SERVER, span_str("a X \"b {3}\r\nabc\r\n"), "RC_REFUSED",
	    "* BYE literal inside a quoted string\r\n");
	check(IMAP_SERVER, span_str("a X b\" {3+}\r\nabc\r\n"), "RC_REFUSED",
	    "* BYE literal inside a quoted string\r\n");
}

static void
a_browser_is_sent_away_without_a_word(void **state)
{
	static const char *const lines[] = {"GET / HTTP/1.1\r\na NOOP\r\n",
	    "POST /x HTTP/1.1\r\n", "OPTIONS * HTTP/1.1\r\n", "head /\r\n",
	    "FROB x HTTP/2\r\n"};

	for (size_t i = 0; i < LENGTH(lines); i++)
		check(IMAP_SERVER, span_str(lines[i]), "RC_REFUSED", "");
	/* later it is a command like others, with a strange tag */
	check(IMAP_SERVER, span_str("a NOOP\r\nGET x\r\n"), "<a NOOP><GET x>",
	    "");
}

static void
answers_name_the_tag_only_if_it_is_one(void **state)
{
	static const struct {
		const char *tag, *want;
	} cases[] = {{"a1", "a1"}, {"A.x]", "A.x]"}, {"+", "*"}, {"*", "*"},
	    {"a\"b", "*"}, {"a(b", "*"}, {"\303\244", "*"}, {"", "*"}};

	for (size_t i = 0; i < LENGTH(cases); i++) {
		char input[100], want[100];
		(void)snprintf(
		    input, sizeof(input), "%s X\001 {21}\r\n", cases[i].tag);
		(void)snprintf(want, sizeof(want), "%s " TOOBIG, cases[i].want);
		struct outcome outcome OUTCOME_OWNED = OUTCOME;
		run(IMAP_SERVER, span_str(input), 0, SIZE_MAX, &outcome);
		if (strcmp(cases[i].tag, "a\"b") == 0)
			continue; /* an open quote: refused altogether */
		check_text(cases[i].tag, &outcome.output, want);
	}
}

static void
the_next_line_can_be_taken_as_it_is(void **state)
{
	struct imap_stream *stream OWNED(imap_stream_free) = NULL;
	struct span got;

	assert_int_equal(
	    imap_stream_new(IMAP_SERVER, small, &stream, NULL), RC_OK);
	assert_int_equal(imap_stream_push(stream,
			     span_str("a IDLE\r\nDONE {3}\r\nb NO"), NULL),
	    RC_OK);
	assert_int_equal(imap_stream_next(stream, &got, NULL), RC_OK);
	assert_int_equal(imap_stream_next_line(stream, &got, NULL), RC_OK);
	assert_true(span_is(got, span_str("DONE {3}")));
	assert_int_equal(imap_stream_next_line(stream, &got, NULL), RC_AGAIN);
	assert_int_equal(
	    imap_stream_push(stream, span_str("OP\r\n"), NULL), RC_OK);
	assert_int_equal(imap_stream_next(stream, &got, NULL), RC_OK);
	assert_true(span_is(got, span_str("b NOOP")));
	assert_int_equal(imap_stream_output(stream).len, 0);
}

static void
a_line_taken_as_it_is_has_the_same_limit(void **state)
{
	for (size_t len = 40; len <= 41; len++) {
		struct imap_stream *stream OWNED(imap_stream_free) = NULL;
		char line[100];
		struct span got;
		memset(line, 'x', len);
		memcpy(line + len, "\r\n", 3);
		assert_int_equal(
		    imap_stream_new(IMAP_SERVER, small, &stream, NULL), RC_OK);
		assert_int_equal(
		    imap_stream_push(stream, span_str(line), NULL), RC_OK);
		assert_int_equal(imap_stream_next_line(stream, &got, NULL),
		    len == 40 ? RC_OK : RC_REFUSED);
	}
}

static void
what_is_to_be_sent_is_lent_until_it_is(void **state)
{
	struct imap_stream *stream OWNED(imap_stream_free) = NULL;

	assert_int_equal(
	    imap_stream_new(IMAP_CLIENT, small, &stream, NULL), RC_OK);
	assert_int_equal(
	    imap_stream_send(stream, span_str("abc"), NULL), RC_OK);
	imap_stream_sent(stream, 1);
	assert_true(span_is(imap_stream_output(stream), span_str("bc")));
}

static void
limits_that_were_raised_hold_for_what_is_on_its_way_too(void **state)
{
	struct imap_stream *stream OWNED(imap_stream_free) = NULL;
	struct outcome got OUTCOME_OWNED = OUTCOME;

	assert_int_equal(
	    imap_stream_new(IMAP_SERVER, small, &stream, NULL), RC_OK);
	feed(stream, span_str("a LOGIN x y\r\nb APP"), &got);
	imap_stream_set_limits(stream, IMAP_SERVER_LIMITS);
	feed(stream, span_str("END {21+}\r\n123456789012345678901\r\n"), &got);
	assert_true(span_is(
	    buf_span(&got.units), span_str("<a LOGIN x y><b APPEND {21+}\r\n"
					   "123456789012345678901>")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(commands_are_cut_at_their_ends),
	    cmocka_unit_test(responses_are_cut_at_their_ends),
	    cmocka_unit_test(
		a_literal_may_be_as_large_as_the_limit_and_no_larger),
	    cmocka_unit_test(a_line_may_be_as_long_as_the_limit_and_no_longer),
	    cmocka_unit_test(a_line_without_end_is_refused),
	    cmocka_unit_test(stray_line_ends_never_divide_commands),
	    cmocka_unit_test(a_literal_behind_an_open_quote_is_refused),
	    cmocka_unit_test(a_browser_is_sent_away_without_a_word),
	    cmocka_unit_test(answers_name_the_tag_only_if_it_is_one),
	    cmocka_unit_test(the_next_line_can_be_taken_as_it_is),
	    cmocka_unit_test(a_line_taken_as_it_is_has_the_same_limit),
	    cmocka_unit_test(what_is_to_be_sent_is_lent_until_it_is),
	    cmocka_unit_test(
		limits_that_were_raised_hold_for_what_is_on_its_way_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
