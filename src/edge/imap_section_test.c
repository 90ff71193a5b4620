#include "edge/imap_section.h"

#include "base/expect.h"
#include "base/own.h"

OWNER(struct entity, entity_free);

#define SECTION_OWNED __attribute__((cleanup(imap_section_done)))

/* A text, a message that holds two parts, a message that holds one. */
static const char letter_text[] =
    "From: a@example.org\r\nSubject: outer\r\nX-Y: 1\r\nsubject: again\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\n\r\nfirst\r\n"
    "--b\r\nContent-Type: message/rfc822\r\n\r\n"
    "Subject: inner\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n"
    "--c\r\nX: 1\r\n\r\none\r\n--c\r\n\r\ntwo\r\n--c--\r\n"
    "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: "
    "single\r\n\r\nalone\r\n"
    "--b--\r\n";

static void
sections_mean_the_bytes_the_standard_says(void **state)
{
	static const struct {
		const char *section;
		const char *want; /* NULL: there is no such part */
	} cases[] = {
	    {"", letter_text},
	    {"1", "first"},
	    {"1.MIME", "\r\n"},
	    {"1.1", "first"},
	    {"1.1.1", NULL},
	    {"1.2", NULL},
	    {"1.HEADER", NULL},
	    {"1.TEXT", NULL},
	    {"2.MIME", "Content-Type: message/rfc822\r\n\r\n"},
	    {"2.HEADER", "Subject: inner\r\n"
			 "Content-Type: multipart/mixed; boundary=c\r\n\r\n"},
	    {"2.TEXT", "--c\r\nX: 1\r\n\r\none\r\n--c\r\n\r\ntwo\r\n--c--"},
	    {"2.1", "one"},
	    {"2.1.MIME", "X: 1\r\n\r\n"},
	    {"2.2", "two"},
	    {"2.3", NULL},
	    {"3", "Subject: single\r\n\r\nalone"},
	    {"3.1", "alone"},
	    {"3.1.1", NULL},
	    {"3.2", NULL},
	    {"4", NULL},
	    {"4294967295", NULL},
	    {"HEADER.FIELDS (SUBJECT)",
		"Subject: outer\r\nsubject: again\r\n\r\n"},
	    {"HEADER.FIELDS (nothing)", "\r\n"},
	    {"HEADER.FIELDS.NOT (subject content-type \"from\")",
		"X-Y: 1\r\n\r\n"},
	    {"2.HEADER.FIELDS (Subject)", "Subject: inner\r\n\r\n"},
	    {"1.HEADER.FIELDS (Subject)", NULL},
	};
	struct span bytes EXACT = expect_exact(span_str(letter_text));
	struct entity *letter OWNED(entity_free) = NULL;
	struct err err = ERR_NONE;

	assert_ok(entity_parse(bytes, ENTITY_LIMITS, &letter, &err));
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span text EXACT =
		    expect_exact(span_str(cases[i].section));
		struct imap_section section SECTION_OWNED = IMAP_SECTION_NONE;
		struct buf made BUF_OWNED = BUF_SMALL;
		struct span got = SPAN_NONE;
		assert_done(imap_section_parse(text, &section, &err), err);
		assert_rc(
		    imap_section_find(&section, letter, &made, &got, &err),
		    cases[i].want != NULL ? RC_OK : RC_ABSENT);
		if (cases[i].want != NULL)
			assert_span(got, cases[i].want);
	}
}

/* RFC 2046 section 5.1.1: the line end before a delimiter belongs to the
 * delimiter, also behind the end of what is nested: Dovecot counts that one to
 * the nested part. */
static void
the_line_end_before_a_delimiter_belongs_to_no_part(void **state)
{
	static const char text[] =
	    "Content-Type: multipart/mixed; boundary=a\r\n\r\n"
	    "--a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
	    "--b\r\n\r\nx\r\n--b--\r\n--a--\r\n";
	struct imap_section section SECTION_OWNED = IMAP_SECTION_NONE;
	struct entity *letter OWNED(entity_free) = NULL;
	struct buf made BUF_OWNED = BUF_SMALL;
	struct err err = ERR_NONE;
	struct span got;

	assert_ok(entity_parse(span_str(text), ENTITY_LIMITS, &letter, &err));
	assert_ok(imap_section_parse(span_str("1"), &section, &err));
	assert_ok(imap_section_find(&section, letter, &made, &got, &err));
	assert_span(got, "--b\r\n\r\nx\r\n--b--");
}

static void
what_is_no_section_is_refused(void **state)
{
	static const char *const cases[] = {"0", "1.0", "1..2", ".1", "1.", "x",
	    "MIME", "1.x", "HEADER ", "HEADER (A)", "HEADER.FIELDS",
	    "HEADER.FIELDS ()", "HEADER.FIELDS (", "HEADER.FIELDS (A",
	    "HEADER.FIELDS (A) B", "HEADER.FIELDS A", "HEADER.FIELDS (A (B))",
	    "HEADER.FIELDS (\"a b\")", "HEADER.FIELDS (\"a:\")",
	    "HEADER.FIELDS ({2}\r\n\r\n)", "TEXT.1", "4294967296"};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span text EXACT = expect_exact(span_str(cases[i]));
		struct imap_section section = IMAP_SECTION_NONE;
		struct err err = ERR_NONE;
		assert_rc(imap_section_parse(text, &section, &err), RC_SYNTAX);
		assert_null(section.names.item);
	}
}

static void
a_section_is_echoed_as_a_plain_line(void **state)
{
	static const struct {
		const char *section, *want;
	} cases[] = {
	    {"", ""},
	    {"1.2.3", "1.2.3"},
	    {"1.mime", "1.MIME"},
	    {"text", "TEXT"},
	    {"2.header", "2.HEADER"},
	    {"HEADER.FIELDS (From \"to\" {2}\r\nCc)",
		"HEADER.FIELDS (From to Cc)"},
	    {"1.header.fields.not (\"a]b\" \"a\\\"b\")",
		"1.HEADER.FIELDS.NOT (\"a]b\" \"a\\\"b\")"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct imap_section section SECTION_OWNED = IMAP_SECTION_NONE;
		struct buf out BUF_OWNED = BUF_SMALL;
		struct err err = ERR_NONE;
		assert_done(imap_section_parse(
				span_str(cases[i].section), &section, &err),
		    err);
		assert_ok(imap_section_print(&section, &out, &err));
		assert_span(buf_span(&out), cases[i].want);
	}
}

static void
the_limits_are_met_and_not_passed(void **state)
{
	for (size_t more = 0; more <= 1; more++) {
		struct imap_section path SECTION_OWNED = IMAP_SECTION_NONE;
		struct imap_section names SECTION_OWNED = IMAP_SECTION_NONE;
		struct buf text BUF_OWNED = BUF_SMALL;
		struct err err = ERR_NONE;
		enum rc want = more == 0 ? RC_OK : RC_LIMIT;
		for (size_t i = 0; i < IMAP_PATH_MAX + more; i++)
			assert_ok(
			    buf_add_str(&text, i == 0 ? "1" : ".1", &err));
		assert_rc(
		    imap_section_parse(buf_span(&text), &path, &err), want);
		buf_clear(&text);
		assert_ok(buf_add_str(&text, "HEADER.FIELDS (", &err));
		for (size_t i = 0; i < IMAP_NAMES_MAX + more; i++)
			assert_ok(
			    buf_add_str(&text, i == 0 ? "A" : " A", &err));
		assert_ok(buf_add_str(&text, ")", &err));
		assert_rc(
		    imap_section_parse(buf_span(&text), &names, &err), want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sections_mean_the_bytes_the_standard_says),
	    cmocka_unit_test(
		the_line_end_before_a_delimiter_belongs_to_no_part),
	    cmocka_unit_test(what_is_no_section_is_refused),
	    cmocka_unit_test(a_section_is_echoed_as_a_plain_line),
	    cmocka_unit_test(the_limits_are_met_and_not_passed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
