#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/expect.h"
#include "base/own.h"
#include "mime/entity.h"

OWNER(struct entity, entity_free);
#define ENTITY_OWNED OWNED(entity_free)

/* type/subtype, "!" if malformed, then (child child) or "body". */
static void
show(const struct entity *entity, struct buf *out)
{
	assert_ok(buf_add_format(out, NULL, "%s/%s%s", entity->type.type,
	    entity->type.subtype, entity->malformed ? "!" : ""));
	if (entity->child == NULL) {
		assert_ok(buf_add_str(out, "\"", NULL));
		assert_ok(buf_add(out, entity->body, NULL));
		assert_ok(buf_add_str(out, "\"", NULL));
		return;
	}
	const char *before = "(";
	for (const struct entity *c = entity->child; c != NULL; c = c->next) {
		assert_ptr_equal(c->parent, entity);
		assert_ok(buf_add_str(out, before, NULL));
		show(c, out);
		before = " ";
	}
	assert_ok(buf_add_str(out, ")", NULL));
}

/* Each entity is its header and its body and nothing else, and lies within
 * the body of its parent, behind its elder sibling. */
static void
check_spans(const struct entity *entity)
{
	const uint8_t *at = entity->body.data;
	const uint8_t *end = entity->body.data + entity->body.len;

	assert_ptr_equal(entity->header.data, entity->whole.data);
	assert_ptr_equal(
	    entity->body.data, entity->header.data + entity->header.len);
	assert_int_equal(
	    entity->whole.len, entity->header.len + entity->body.len);
	for (const struct entity *c = entity->child; c != NULL; c = c->next) {
		assert_true(c->whole.data >= at);
		at = c->whole.data + c->whole.len;
		assert_true(at <= end);
		check_spans(c);
	}
}

static void
expect_tree(const char *name, struct span input, const char *want)
{
	struct span exact EXACT = expect_exact(input);
	struct entity *root ENTITY_OWNED = NULL;
	struct err err = ERR_NONE;
	struct buf got BUF_OWNED = BUF((size_t)1 << 26);
	const char *text;

	assert_done(entity_parse(exact, ENTITY_LIMITS, &root, &err), err);
	check_spans(root);
	show(root, &got);
	assert_ok(buf_str(&got, &text, NULL));
	if (strcmp(text, want) != 0)
		fail_msg("%s:\ngot  %s\nwant %s", name, text, want);
}

struct tree {
	const char *name, *input, *want;
};

static void
expect_trees(const struct tree *cases, size_t count)
{
	for (size_t i = 0; i < count; i++)
		expect_tree(
		    cases[i].name, span_str(cases[i].input), cases[i].want);
}

#define MIXED "Content-Type: multipart/mixed; boundary=b\r\n\r\n"

static void
leaves_and_trees_are_read_byte_for_byte(void **state)
{
	static const struct tree cases[] = {
	    {"nothing", "", "text/plain\"\""},
	    {"header only", "A: b\r\n", "text/plain\"\""},
	    {"no header", "\r\nhello", "text/plain\"hello\""},
	    {"body without empty line", "A: b\r\nno field\r\n",
		"text/plain\"no field\r\n\""},
	    {"CRLF", "A: b\r\n\r\nhi\r\n", "text/plain\"hi\r\n\""},
	    {"LF", "A: b\n\nhi\n", "text/plain\"hi\n\""},
	    {"folded type",
		"Content-Type: text/html;\r\n charset=utf-8\r\n\r\nx",
		"text/html\"x\""},
	    {"two parts",
		MIXED "pre\r\n--b\r\n\r\none\r\n--b\r\n"
		      "Content-Type: image/png\r\n\r\ntwo\r\n\r\n--b--\r\nepi",
		"multipart/mixed(text/plain\"one\" image/png\"two\r\n\")"},
	    {"LF parts",
		"Content-Type: multipart/mixed; "
		"boundary=b\n\n--b\n\none\n--b--",
		"multipart/mixed(text/plain\"one\")"},
	    {"padding", MIXED "--b \t\r\n\r\none\r\n--b-- \r\n",
		"multipart/mixed(text/plain\"one\")"},
	    {"no header in a part", MIXED "--b\r\nhello\r\n--b--\r\n",
		"multipart/mixed(text/plain\"hello\")"},
	    {"no body in a part", MIXED "--b\r\nA: b\r\n\r\n--b--\r\n",
		"multipart/mixed(text/plain\"\")"},
	    {"not even an empty line", MIXED "--b\r\nA: b\r\n--b--\r\n",
		"multipart/mixed(text/plain\"\")"},
	    {"an empty part", MIXED "--b\r\n\r\n--b--\r\n",
		"multipart/mixed(text/plain\"\")"},
	    {"a digest",
		"Content-Type: multipart/digest; boundary=b\r\n\r\n"
		"--b\r\n\r\nSubject: x\r\n\r\nhi\r\n--b--\r\n",
		"multipart/digest(message/rfc822(text/plain\"hi\"))"},
	    {"a message in a message",
		"Content-Type: message/rfc822\r\n\r\n"
		"Content-Type: message/rfc822\r\n\r\nA: b\r\n\r\nhi",
		"message/rfc822(message/rfc822(text/plain\"hi\"))"},
	    {"deeper",
		MIXED "--b\r\nContent-Type: multipart/alternative; "
		      "boundary=\"c d\"\r\n\r\n--c d\r\n\r\n1\r\n--c d\r\n\r\n2"
		      "\r\n--c d--\r\n\r\n--b\r\n\r\n3\r\n--b--\r\n",
		"multipart/mixed(multipart/alternative(text/plain\"1\" "
		"text/plain\"2\") text/plain\"3\")"},
	};

	expect_trees(cases, COUNT(cases));
}

static void
a_line_that_only_resembles_a_delimiter_ends_no_part(void **state)
{
	static const struct tree cases[] = {
	    {"not at the line's beginning", MIXED "--b\r\n\r\nx --b\r\n--b--",
		"multipart/mixed(text/plain\"x --b\")"},
	    {"one dash", MIXED "--b\r\n\r\n-b\r\n--b--",
		"multipart/mixed(text/plain\"-b\")"},
	    {"other case", MIXED "--b\r\n\r\n--B\r\n--b--",
		"multipart/mixed(text/plain\"--B\")"},
	    {"more behind it: some take it for one",
		MIXED "--b\r\n\r\n--bad\r\n--b--",
		"multipart/mixed!(text/plain\"--bad\")"},
	    {"a CR too many: likewise", MIXED "--b\r\n\r\n--b\r\r\n--b--",
		"multipart/mixed!(text/plain\"--b\r\")"},
	    {"bare CR before it: to some a line end",
		MIXED "--b\r\n\r\nx\r--b\r\n--b--",
		"multipart/mixed!(text/plain\"x\r--b\")"},
	    {"bare CR, but no delimiter", MIXED "--b\r\n\r\nx\r--c\r\n--b--",
		"multipart/mixed(text/plain\"x\r--c\")"},
	};

	expect_trees(cases, COUNT(cases));
}

static void
the_outer_delimiter_ends_everything_inside(void **state)
{
	static const struct tree cases[] = {
	    {"inner not closed",
		MIXED "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n"
		      "--c\r\n\r\n1\r\n--b\r\n\r\n2\r\n--c--\r\n--b--",
		"multipart/mixed(multipart/mixed!(text/plain\"1\") "
		"text/plain\"2\r\n--c--\")"},
	    {"inner of the same boundary",
		MIXED "--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
		      "--b\r\n\r\n1\r\n--b--\r\n--b--\r\n",
		"multipart/mixed!(multipart/mixed!\"\" text/plain\"1\")"},
	    {"inner is longer",
		MIXED
		"--b\r\nContent-Type: multipart/mixed; boundary=bb\r\n\r\n"
		"--bb\r\n\r\n1\r\n--bb--\r\n--b--\r\n",
		"multipart/mixed(multipart/mixed(text/plain\"1\"))"},
	    {"inner is shorter",
		"Content-Type: multipart/mixed; boundary=bb\r\n\r\n"
		"--bb\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
		"--b\r\n\r\n1\r\n--b--\r\n--bb--\r\n",
		"multipart/mixed(multipart/mixed(text/plain\"1\"))"},
	    {"inner is the outer's end",
		MIXED "--b\r\nContent-Type: multipart/mixed; "
		      "boundary=\"b--\"\r\n\r\n--b--\r\n\r\n1\r\n--b----\r\n",
		"multipart/mixed!(multipart/mixed!\"\")"},
	    {"through a message",
		MIXED
		"--b\r\nContent-Type: message/rfc822\r\n\r\nA: b\r\n\r\nhi"
		"\r\n--b--\r\n",
		"multipart/mixed(message/rfc822(text/plain\"hi\"))"},
	    {"in a header", MIXED "--b\r\nA: b\r\n--b\r\n\r\n2\r\n--b--\r\n",
		"multipart/mixed(text/plain\"\" text/plain\"2\")"},
	    {"that looks like a field",
		"Content-Type: multipart/mixed; boundary=\"x:y\"\r\n\r\n"
		"--x:y\r\nA: b\r\n--x:y\r\n\r\n2\r\n--x:y--\r\n",
		"multipart/mixed(text/plain\"\" text/plain\"2\")"},
	};

	expect_trees(cases, COUNT(cases));
}

static void
odd_mime_is_read_and_called_malformed(void **state)
{
	static const struct tree cases[] = {
	    {"no boundary", "Content-Type: multipart/mixed\r\n\r\nx",
		"multipart/mixed!\"x\""},
	    {"empty boundary",
		"Content-Type: multipart/mixed; boundary=\"\"\r\n\r\nx",
		"multipart/mixed!\"x\""},
	    {"boundary ends with a blank",
		"Content-Type: multipart/mixed; boundary=\"b \"\r\n\r\n"
		"--b\r\n\r\nx\r\n--b--",
		"multipart/mixed!(text/plain\"x\")"},
	    {"no delimiter", MIXED "x", "multipart/mixed!\"x\""},
	    {"not closed", MIXED "--b\r\n\r\nx",
		"multipart/mixed!(text/plain\"x\")"},
	    {"closed at once", MIXED "--b--\r\nx",
		"multipart/mixed!\"--b--\r\nx\""},
	    {"goes on behind its end",
		MIXED "--b\r\n\r\nx\r\n--b--\r\n--b\r\n\r\ny\r\n--b--\r\n",
		"multipart/mixed!(text/plain\"x\")"},
	    {"delimiters that share a line end", MIXED "--b\r\n--b--",
		"multipart/mixed!(text/plain\"\")"},
	    {"no room for a message",
		MIXED "--b\r\nContent-Type: message/rfc822\r\n\r\n--b--",
		"multipart/mixed(message/rfc822!(text/plain\"\"))"},
	    {"unreadable type", "Content-Type: text\r\n\r\nx",
		"text/plain!\"x\""},
	    {"unreadable parameter", "Content-Type: text/html; a b\r\n\r\nx",
		"text/plain!\"x\""},
	    {"two boundaries",
		"Content-Type: multipart/mixed; boundary=b; boundary=c\r\n\r\n"
		"--b\r\n\r\nx\r\n--b--",
		"text/plain!\"--b\r\n\r\nx\r\n--b--\""},
	    {"two types",
		"Content-Type: text/html\r\nContent-Type: text/plain\r\n\r\nx",
		"text/html!\"x\""},
	    {"empty type", "Content-Type:\r\n\r\nx", "text/plain!\"x\""},
	    {"encoded multipart",
		"Content-Transfer-Encoding: base64\r\n" MIXED
		"--b\r\n\r\nx\r\n--b--",
		"multipart/mixed!(text/plain\"x\")"},
	    {"encoded message",
		"Content-Type: message/rfc822\r\n"
		"Content-Transfer-Encoding: base64\r\n\r\nQTogYgoK",
		"message/rfc822!\"QTogYgoK\""},
	    {"encoded message/global is allowed (RFC 6532)",
		"Content-Type: message/global\r\n"
		"Content-Transfer-Encoding: base64\r\n\r\nQTogYgoK",
		"message/global\"QTogYgoK\""},
	    {"unknown encoding", "Content-Transfer-Encoding: uuencode\r\n\r\nx",
		"text/plain!\"x\""},
	    {"two encodings",
		"Content-Transfer-Encoding: 7bit\r\n"
		"Content-Transfer-Encoding: base64\r\n\r\nx",
		"text/plain!\"x\""},
	    {"bare CR in a part's header",
		MIXED "--b\r\nA: x\ry\r\n\r\nz\r\n--b--",
		"multipart/mixed(text/plain!\"A: x\ry\r\n\r\nz\")"},
	};

	expect_trees(cases, COUNT(cases));
}

static void
a_letters_own_header_with_nul_or_bare_cr_is_refused(void **state)
{
	static const char nul[] = "A: x\0y\r\n\r\n", cr[] = "A: x\ry\r\n\r\n";
	struct entity *root = NULL;

	assert_rc(entity_parse(span_of(nul, sizeof(nul) - 1), ENTITY_LIMITS,
		      &root, NULL),
	    RC_SYNTAX);
	assert_rc(
	    entity_parse(span_str(cr), ENTITY_LIMITS, &root, NULL), RC_SYNTAX);
	assert_null(root);
}

static void
the_signed_part_ends_before_the_delimiters_line_end(void **state)
{
	static const char letter[] =
	    "Content-Type: multipart/signed; boundary=b; "
	    "protocol=\"application/pkcs7-signature\"\r\n\r\n"
	    "--b\r\nContent-Type: text/plain\r\n\r\nhello \r\n\r\n--b\r\n"
	    "Content-Type: application/pkcs7-signature\r\n\r\nx\r\n--b--\r\n";
	struct entity *root ENTITY_OWNED = NULL;

	assert_ok(entity_parse(span_str(letter), ENTITY_LIMITS, &root, NULL));
	assert_int_equal(entity_children(root), 2);
	assert_span(
	    root->child->whole, "Content-Type: text/plain\r\n\r\nhello \r\n");
	assert_span(root->child->header, "Content-Type: text/plain\r\n\r\n");
	assert_string_equal(content_param(&root->type, "protocol"),
	    "application/pkcs7-signature");
	assert_true(entity_is(root, "MULTIPART", "Signed"));
	assert_false(entity_is(root, "multipart", "mixed"));
	assert_true(entity_is(root->child->next, "application", NULL));
}

/* `depth` multiparts in each other, and a leaf. */
static void
nest(struct buf *out, unsigned depth)
{
	for (unsigned i = 0; i < depth; i++)
		assert_ok(buf_add_format(out, NULL,
		    "Content-Type: multipart/mixed; boundary=b%u\r\n\r\n"
		    "--b%u\r\n",
		    i, i));
	assert_ok(buf_add_str(out, "\r\nx", NULL));
	for (unsigned i = depth; i-- > 0;)
		assert_ok(buf_add_format(out, NULL, "\r\n--b%u--", i));
}

static void
depth_has_a_limit(void **state)
{
	struct entity_limits limits = ENTITY_LIMITS;
	struct err err = ERR_NONE;

	for (unsigned i = 0; i <= 1; i++) {
		struct buf letter BUF_OWNED = BUF_SMALL;
		struct entity *root ENTITY_OWNED = NULL;
		nest(&letter, limits.depth + i);
		assert_rc(entity_parse(buf_span(&letter), limits, &root, &err),
		    i == 0 ? RC_OK : RC_LIMIT);
	}
	assert_string_equal(err.text, "letter nests parts deeper than 50");
	struct entity *root = NULL;
	struct buf letter BUF_OWNED = BUF_SMALL;
	for (unsigned i = 0; i < limits.depth + 1; i++)
		assert_ok(buf_add_str(
		    &letter, "Content-Type: message/rfc822\n\n", NULL));
	assert_rc(
	    entity_parse(buf_span(&letter), limits, &root, NULL), RC_LIMIT);
	assert_null(root);
}

static void
parts_have_a_limit(void **state)
{
	struct entity_limits limits = ENTITY_LIMITS;
	struct err err = ERR_NONE;

	for (unsigned i = 0; i <= 1; i++) {
		struct buf letter BUF_OWNED = BUF_SMALL;
		struct entity *root ENTITY_OWNED = NULL;
		assert_ok(buf_add_str(&letter, MIXED, NULL));
		for (unsigned part = 1; part < limits.parts + i; part++)
			assert_ok(
			    buf_add_str(&letter, "--b\r\n\r\nx\r\n", NULL));
		assert_ok(buf_add_str(&letter, "--b--\r\n", NULL));
		assert_rc(entity_parse(buf_span(&letter), limits, &root, &err),
		    i == 0 ? RC_OK : RC_LIMIT);
		if (root != NULL)
			assert_int_equal(
			    entity_children(root) + 1, limits.parts);
	}
	assert_string_equal(err.text, "letter has more than 1000 parts");
}

static double
seconds(struct span letter, struct entity_limits limits)
{
	struct entity *root ENTITY_OWNED = NULL;
	struct timespec a, b;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	assert_ok(entity_parse(letter, limits, &root, NULL));
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	return (double)(b.tv_sec - a.tv_sec) +
	       (double)(b.tv_nsec - a.tv_nsec) / 1e9;
}

static void
fill(struct buf *out, const char *text, size_t times)
{
	for (size_t i = 0; i < times; i++)
		assert_ok(buf_add_str(out, text, NULL));
}

/* Quadratic, each of these would take minutes. */
static void
hostile_letters_take_linear_time(void **state)
{
	static const struct {
		const char *name, *fill;
		size_t times;
		unsigned depth;
	} cases[] = {
	    {"lines like delimiters", "--b0x\r\n", 1000000, 1},
	    {"short lines of dashes at full depth", "--\n", 1000000, 50},
	    {"empty lines at full depth", "\n", 4000000, 50},
	    {"no line ends", "aaaaaaaaaa", 1000000, 50},
	    {"bare CRs", "\r--b  ", 1000000, 50},
	    {"a name without end", "a:aaaaaaaa", 1000000, 0},
	    {"delimiters behind the end", "--b0\n", 1000000, 1},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf letter BUF_OWNED = BUF((size_t)1 << 25);
		nest(&letter, cases[i].depth);
		assert_ok(buf_add_str(&letter, "\r\n\r\n", NULL));
		fill(&letter, cases[i].fill, cases[i].times);
		double took = seconds(buf_span(&letter), ENTITY_LIMITS);
		if (took > 5)
			fail_msg("%s: %.1f s", cases[i].name, took);
	}
}

static void
many_headers_without_end_take_linear_time(void **state)
{
	struct buf letter BUF_OWNED = BUF((size_t)1 << 25);
	struct entity_limits limits = {50, 200000};

	assert_ok(buf_add_str(&letter, MIXED, NULL));
	fill(&letter, "--b\r\nA: b\r\nContent-Type: message/rfc822\r\n", 90000);
	assert_true(seconds(buf_span(&letter), limits) < 5);
}

static void
bodies_are_decoded(void **state)
{
	static const struct {
		const char *encoding, *body, *want;
		enum rc rc;
	} cases[] = {
	    {"7bit", "a=20b", "a=20b", RC_OK},
	    {"8BIT", "\xc3\xa4", "\xc3\xa4", RC_OK},
	    {"binary (raw)", "x\n", "x\n", RC_OK},
	    {"quoted-printable", "a=20b=\r\nc", "a bc", RC_OK},
	    {"Base64", "aGFs\r\nbG8=\r\n", "hallo", RC_OK},
	    {"base64", "a*b", "", RC_SYNTAX},
	    {"uuencode", "x", "", RC_SYNTAX},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf letter BUF_OWNED = BUF_SMALL,
				  out BUF_OWNED = BUF_SMALL;
		struct entity *root ENTITY_OWNED = NULL;
		assert_ok(buf_add_format(&letter, NULL,
		    "Content-Transfer-Encoding: %s\r\n\r\n%s",
		    cases[i].encoding, cases[i].body));
		assert_ok(entity_parse(
		    buf_span(&letter), ENTITY_LIMITS, &root, NULL));
		assert_rc(entity_decode(root, &out, NULL), cases[i].rc);
		assert_span(buf_span(&out), cases[i].want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(leaves_and_trees_are_read_byte_for_byte),
	    cmocka_unit_test(
		a_line_that_only_resembles_a_delimiter_ends_no_part),
	    cmocka_unit_test(the_outer_delimiter_ends_everything_inside),
	    cmocka_unit_test(odd_mime_is_read_and_called_malformed),
	    cmocka_unit_test(
		a_letters_own_header_with_nul_or_bare_cr_is_refused),
	    cmocka_unit_test(
		the_signed_part_ends_before_the_delimiters_line_end),
	    cmocka_unit_test(depth_has_a_limit),
	    cmocka_unit_test(parts_have_a_limit),
	    cmocka_unit_test(hostile_letters_take_linear_time),
	    cmocka_unit_test(many_headers_without_end_take_linear_time),
	    cmocka_unit_test(bodies_are_decoded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
