#include "base/expect.h"
#include "mime/field.h"

/* name|value; for each field, then the offset of the body. */
static void
show(const struct fields *fields, size_t body, struct buf *out)
{
	for (size_t i = 0; i < fields->len; i++) {
		assert_ok(buf_add(out, fields->item[i].name, NULL));
		assert_ok(buf_add_str(out, "|", NULL));
		assert_ok(buf_add(out, fields->item[i].value, NULL));
		assert_ok(buf_add_str(out, ";", NULL));
	}
	assert_ok(buf_add_format(out, NULL, "%zu", body));
}

static void
header_sections_are_read_as_they_stand(void **state)
{
	static const struct {
		const char *name, *input, *want;
	} cases[] = {
	    {"nothing", "", "0"},
	    {"only the end", "\r\nbody", "2"},
	    {"LF", "A: b\nC:d\n\nbody", "A|b;C|d;10"},
	    {"CRLF", "A: b\r\nC:d\r\n\r\nbody", "A|b;C|d;13"},
	    {"mixed", "A: b\nC:d\r\n\nbody", "A|b;C|d;11"},
	    {"folded", "A: b\r\n c\r\n\td \r\nE: f\r\n\r\n",
		"A|b\r\n c\r\n\td;E|f;23"},
	    {"a folded line of blanks", "A: b\r\n \r\nC: d\r\n\r\n",
		"A|b;C|d;17"},
	    {"blanks before the colon", "A \t: b\r\n\r\n", "A|b;10"},
	    {"no value", "A:\r\nB: \r\n\r\n", "A|;B|;11"},
	    {"a colon in the value", "A: b:c\r\n\r\n", "A|b:c;10"},
	    {"no end", "A: b\r\nC: d", "A|b;C|d;10"},
	    {"no colon: the body begins", "A: b\r\nno field\r\nC: d\r\n",
		"A|b;6"},
	    {"no name", ": b\r\n\r\n", "0"},
	    {"a blank in the name", "A b: c\r\n\r\n", "0"},
	    {"folded before any field", " A: b\r\n\r\n", "0"},
	    {"8-bit bytes in the name", "\xc3\xa4: b\r\n\r\n", "0"},
	    {"8-bit bytes in the value", "A: \xc3\xa4\r\n\r\n", "A|\xc3\xa4;9"},
	    {"an mbox line", "From a@b Mon Jan  1 12:00:00\r\nA: b\r\n\r\n",
		"0"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span in EXACT = expect_exact(span_str(cases[i].input));
		struct fields fields FIELDS_OWNED = FIELDS_NONE;
		struct buf got BUF_OWNED = BUF_SMALL;
		size_t body;
		assert_ok(fields_parse(in, &fields, &body, NULL));
		show(&fields, body, &got);
		if (!span_is(buf_span(&got), span_str(cases[i].want)))
			print_error("%s:\n", cases[i].name);
		assert_span(buf_span(&got), cases[i].want);
	}
}

static void
a_field_knows_all_its_bytes(void **state)
{
	struct fields fields FIELDS_OWNED = FIELDS_NONE;
	size_t body;

	assert_ok(fields_parse(
	    span_str("A: b\r\nC : d\r\n e\r\n\r\n"), &fields, &body, NULL));
	assert_span(fields.item[0].whole, "A: b\r\n");
	assert_span(fields.item[1].whole, "C : d\r\n e\r\n");
}

static void
nul_and_bare_cr_are_refused_and_nothing_returned(void **state)
{
	static const struct {
		const char *input;
		size_t len;
		enum rc want;
	} cases[] = {
	    {"A: b\0c\r\n\r\n", 10, RC_SYNTAX},
	    {"A: b\rc\r\n\r\n", 10, RC_SYNTAX},
	    {"A: b\r\r\n\r\n", 9, RC_SYNTAX},
	    {"A: b\r", 5, RC_SYNTAX},
	    {"A: b\r\n\r\n\0\r", 10, RC_OK},
	    {"A: b\r\nno\rfield", 14, RC_OK},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span in EXACT =
		    expect_exact(span_of(cases[i].input, cases[i].len));
		struct fields fields FIELDS_OWNED = FIELDS_NONE;
		size_t body = 77;
		assert_rc(
		    fields_parse(in, &fields, &body, NULL), cases[i].want);
		if (cases[i].want == RC_OK)
			continue;
		assert_int_equal(fields.len, 0);
		assert_int_equal(body, 77);
	}
}

static enum rc
parse_filled(const char *fill, size_t times, const char *end)
{
	struct buf in BUF_OWNED = BUF((size_t)1 << 25);
	struct fields fields FIELDS_OWNED = FIELDS_NONE;
	size_t body;

	for (size_t i = 0; i < times; i++)
		assert_ok(buf_add_str(&in, fill, NULL));
	assert_ok(buf_add_str(&in, end, NULL));
	return fields_parse(buf_span(&in), &fields, &body, NULL);
}

static void
the_number_of_fields_has_a_limit(void **state)
{
	assert_ok(parse_filled("A: b\r\n", FIELD_MAX, "\r\n"));
	assert_rc(parse_filled("A: b\r\n", FIELD_MAX + 1, "\r\n"), RC_LIMIT);
}

static void
the_size_of_the_section_has_a_limit(void **state)
{
	/* 256 bytes each; the empty line counts */
	static const char fill[] =
	    "Aaaaaaaa: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r"
	    "\n";

	assert_int_equal(strlen(fill), 256);
	assert_ok(parse_filled(fill, 1024, "body without end of the header"));
	assert_rc(parse_filled(fill, 1024, "\n"), RC_LIMIT);
	assert_rc(parse_filled(fill, 1024, "\r\n"), RC_LIMIT);
	assert_ok(parse_filled(fill, 1023, "A: bcdefg\r\n\r\nbody"));
	assert_rc(parse_filled(fill, 1024, "A:\r\n\r\n"), RC_LIMIT);
	assert_rc(parse_filled("A:bbbbbb", 1000000, ""), RC_LIMIT);
	assert_ok(parse_filled("no field", 1000000, ""));
	assert_ok(parse_filled("nofields", 1000000, ""));
}

static void
fields_are_found_by_name_in_any_case(void **state)
{
	struct fields fields FIELDS_OWNED = FIELDS_NONE;
	size_t body;

	assert_ok(
	    fields_parse(span_str("Subject: a\r\nTo: x\r\nsubject: b\r\n"),
		&fields, &body, NULL));
	assert_span(fields_value(&fields, "SUBJECT"), "a");
	assert_int_equal(fields_count(&fields, "subject"), 2);
	assert_ptr_equal(fields_find(&fields, "to"), &fields.item[1]);
	assert_null(fields_find(&fields, "Subjec"));
	assert_int_equal(fields_value(&fields, "Cc").len, 0);
	assert_int_equal(fields_count(&fields, "Cc"), 0);
}

static void
unfolding_keeps_the_blanks(void **state)
{
	struct buf out BUF_OWNED = BUF_SMALL;

	assert_ok(field_unfold(span_str("a\r\n b\n\tc  d"), &out, NULL));
	assert_span(buf_span(&out), "a b\tc  d");
	assert_ok(field_unfold(SPAN_NONE, &out, NULL));
	assert_span(buf_span(&out), "a b\tc  d");
	struct buf small BUF_OWNED = BUF(3);
	assert_rc(field_unfold(span_str("abcd"), &small, NULL), RC_LIMIT);
	assert_int_equal(small.len, 0);
}

#define TEN "aaaaaaaaaa"
#define SEVENTY TEN TEN TEN TEN TEN TEN TEN

static void
printed_fields_are_folded_at_blanks(void **state)
{
	static const struct {
		const char *value, *want;
	} cases[] = {
	    {"x", "Name: x\r\n"},
	    {"", "Name: \r\n"},
	    {"  x  y ", "Name: x  y \r\n"},
	    {"x\r\n  y", "Name: x  y\r\n"},
	    {SEVENTY " a", "Name: " SEVENTY " a\r\n"},
	    {SEVENTY " ab", "Name: " SEVENTY "\r\n ab\r\n"},
	    {SEVENTY "   ab c", "Name: " SEVENTY "\r\n   ab c\r\n"},
	    {SEVENTY "     ", "Name: " SEVENTY "     \r\n"},
	    {SEVENTY SEVENTY " b", "Name: " SEVENTY SEVENTY "\r\n b\r\n"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf out BUF_OWNED = BUF_SMALL;
		struct span in EXACT = expect_exact(span_str(cases[i].value));
		assert_ok(field_print("Name", in, &out, NULL));
		assert_span(buf_span(&out), cases[i].want);
	}
}

static void
no_value_can_begin_another_field(void **state)
{
	static const struct {
		const char *name, *value;
	} cases[] = {
	    {"Name", "x\r\nBcc: y"},
	    {"Name", "x\nBcc: y"},
	    {"Name", "x\r\n\r\nbody"},
	    {"Name", "x\rBcc: y"},
	    {"Name", "x\r\n"},
	    {"Na me", "x"},
	    {"Name:", "x"},
	    {"", "x"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf out BUF_OWNED = BUF_SMALL;
		assert_rc(field_print(cases[i].name, span_str(cases[i].value),
			      &out, NULL),
		    RC_SYNTAX);
		assert_int_equal(out.len, 0);
	}
	struct buf out BUF_OWNED = BUF_SMALL;
	assert_rc(
	    field_print("Name", span_of("x\0y", 3), &out, NULL), RC_SYNTAX);
}

static void
a_word_that_fits_no_line_is_refused(void **state)
{
	char word[1000];

	memset(word, 'x', sizeof(word));
	for (size_t len = 992; len <= 993; len++) {
		struct buf out BUF_OWNED = BUF_SMALL;
		assert_rc(field_print("Name", span_of(word, len), &out, NULL),
		    len == 992 ? RC_OK : RC_LIMIT);
		assert_int_equal(out.len, len == 992 ? 998 + 2 : 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(header_sections_are_read_as_they_stand),
	    cmocka_unit_test(a_field_knows_all_its_bytes),
	    cmocka_unit_test(nul_and_bare_cr_are_refused_and_nothing_returned),
	    cmocka_unit_test(the_number_of_fields_has_a_limit),
	    cmocka_unit_test(the_size_of_the_section_has_a_limit),
	    cmocka_unit_test(fields_are_found_by_name_in_any_case),
	    cmocka_unit_test(unfolding_keeps_the_blanks),
	    cmocka_unit_test(printed_fields_are_folded_at_blanks),
	    cmocka_unit_test(no_value_can_begin_another_field),
	    cmocka_unit_test(a_word_that_fits_no_line_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
