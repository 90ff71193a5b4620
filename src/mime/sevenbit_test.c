#include "base/expect.h"
#include "base/own.h"
#include "codec/base64.h"
#include "mime/sevenbit.h"

OWNER(struct entity, entity_free);
#define ENTITY_OWNED OWNED(entity_free)

static enum rc
print(struct span input, struct buf *out, struct err *err)
{
	struct span exact EXACT = expect_exact(input);
	struct entity *root ENTITY_OWNED = NULL;

	assert_ok(entity_parse(exact, ENTITY_LIMITS, &root, NULL));
	return sevenbit_print(root, out, err);
}

#define MIXED "Content-Type: multipart/mixed; boundary=b\r\n\r\n"

static const struct {
	const char *name, *input, *want;
} prints[] = {
    {"safe already", "A: b\r\n\r\nhi\r\n", "A: b\r\n\r\nhi\r\n"},
    {"LF becomes CRLF", "A: b\n\nhi\n", "A: b\r\n\r\nhi\r\n"},
    {"header only", "A: b\r\n", "A: b\r\n"},
    {"8-bit text",
	"Content-Type: text/plain; charset=utf-8\r\n"
	"Content-Transfer-Encoding: 8bit\r\nX: y\r\n\r\n\xc3\xa4 =\r\nb\r\n",
	"Content-Type: text/plain; charset=utf-8\r\n"
	"Content-Transfer-Encoding: quoted-printable\r\nX: y\r\n\r\n"
	"=C3=A4 =3D\r\nb\r\n"},
    {"8-bit text that says nothing of it", "A: b\r\n\r\n\xc3\xa4",
	"A: b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=C3=A4"},
    {"no header", "\r\n\xc3\xa4",
	"Content-Transfer-Encoding: quoted-printable\r\n\r\n=C3=A4"},
    {"no empty line either", "\xc3\xa4",
	"Content-Transfer-Encoding: quoted-printable\r\n\r\n=C3=A4"},
    {"header without its empty line", "A: b\r\nhi there\r\n",
	"A: b\r\n\r\nhi there\r\n"},
    {"8bit in name only", "Content-Transfer-Encoding: 8bit\r\n\r\nhi\r\n",
	"Content-Transfer-Encoding: quoted-printable\r\n\r\nhi\r\n"},
    {"8-bit bytes that are no text",
	"Content-Type: image/x\r\nContent-Transfer-Encoding: "
	"8bit\r\n\r\n\xff\xfe",
	"Content-Type: image/x\r\nContent-Transfer-Encoding: base64\r\n\r\n"
	"//4=\r\n"},
    {"binary keeps its line ends",
	"Content-Type: image/x\r\n"
	"Content-Transfer-Encoding: binary\r\n\r\na\nb\r\n",
	"Content-Type: image/x\r\nContent-Transfer-Encoding: base64\r\n\r\n"
	"YQpiDQo=\r\n"},
    {"a bare CR in a text", "\r\na\rb",
	"Content-Transfer-Encoding: base64"
	"\r\n\r\nYQ1i\r\n"},
    {"in a multipart",
	"Content-Transfer-Encoding: 8bit\r\n" MIXED
	"pre\r\n--b\r\n\r\n\xc3\xa4\r\n--b\r\nContent-Type: x/y\r\n\r\n\xff\r\n"
	"--b\r\n\r\nsafe \r\n--b--\r\nepi\r\n",
	"Content-Transfer-Encoding: 7bit\r\n" MIXED
	"pre\r\n--b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
	"=C3=A4\r\n--b\r\nContent-Type: x/y\r\n"
	"Content-Transfer-Encoding: base64\r\n\r\n/w==\r\n"
	"--b\r\n\r\nsafe \r\n--b--\r\nepi\r\n"},
    {"in a message in a multipart",
	MIXED "--b\r\nContent-Type: message/rfc822\r\n"
	      "Content-Transfer-Encoding: 8bit\r\n\r\n"
	      "Subject: x\r\n\r\n\xc3\xa4\r\n--b--",
	MIXED
	"--b\r\nContent-Type: message/rfc822\r\n"
	"Content-Transfer-Encoding: 7bit\r\n\r\n"
	"Subject: x\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
	"=C3=A4\r\n--b--"},
    {"8-bit bytes in quoted-printable",
	"Content-Transfer-Encoding: quoted-printable\n\n=C3=A4\xc3\xa4=\n\n",
	"Content-Transfer-Encoding: base64\r\n\r\nw6TDpA0K\r\n"},
};

static void
what_is_not_seven_bit_is_encoded_and_the_rest_stays(void **state)
{
	for (size_t i = 0; i < COUNT(prints); i++) {
		struct buf out BUF_OWNED = BUF_SMALL;
		struct err err = ERR_NONE;
		assert_done(print(span_str(prints[i].input), &out, &err), err);
		if (!span_is(buf_span(&out), span_str(prints[i].want)))
			print_error("%s:\n", prints[i].name);
		assert_span(buf_span(&out), prints[i].want);
	}
}

static void
what_came_out_goes_through_unchanged(void **state)
{
	for (size_t i = 0; i < COUNT(prints); i++) {
		struct buf out BUF_OWNED = BUF_SMALL;
		assert_ok(print(span_str(prints[i].want), &out, NULL));
		assert_span(buf_span(&out), prints[i].want);
	}
}

static void
what_cannot_be_made_safe_is_refused_and_nothing_appended(void **state)
{
	static const struct {
		const char *input, *want;
	} cases[] = {
	    {"Subject: \xc3\xa4\r\n\r\nx", "8-bit characters in a header"},
	    {MIXED "\xc3\xa4\r\n--b\r\n\r\nx\r\n--b--", "between parts"},
	    {MIXED "a\rb\r\n--b\r\n\r\nx\r\n--b--", "bare CR"},
	    {"Content-Type: message/delivery-status\r\n\r\n\xc3\xa4",
		"cannot be made 7-bit"},
	    {"Content-Type: multipart/mixed\r\n\r\n\xc3\xa4",
		"cannot be made 7-bit"},
	    {"Content-Type: \"x\r\n\r\n\xc3\xa4", "broken MIME fields"},
	    {"Content-Transfer-Encoding: x\r\n\r\n\xc3\xa4",
		"broken MIME fields"},
	    {"Content-Transfer-Encoding: base64\r\n\r\n\xc3\xa4", ""},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf out BUF_OWNED = BUF_SMALL;
		struct err err = ERR_NONE;
		assert_ok(buf_add_str(&out, "before", NULL));
		assert_rc(
		    print(span_str(cases[i].input), &out, &err), RC_SYNTAX);
		assert_has(err.text, cases[i].want);
		assert_span(buf_span(&out), "before");
	}
}

static void
add_many(struct buf *out, char c, size_t times)
{
	for (size_t i = 0; i < times; i++)
		assert_ok(buf_add_byte(out, (uint8_t)c, NULL));
}

static void
lines_of_998_bytes_stay_and_longer_ones_are_encoded(void **state)
{
	for (size_t more = 0; more <= 1; more++) {
		struct buf in BUF_OWNED = BUF_SMALL, out BUF_OWNED = BUF_SMALL;
		assert_ok(buf_add_str(&in, "A: b\r\n\r\n", NULL));
		add_many(&in, 'x', 998 + more);
		assert_ok(buf_add_str(&in, "\r\n", NULL));
		assert_ok(print(buf_span(&in), &out, NULL));
		assert_int_equal(
		    span_is(buf_span(&in), buf_span(&out)), more == 0);
	}
	for (size_t more = 0; more <= 1; more++) {
		struct buf in BUF_OWNED = BUF_SMALL, out BUF_OWNED = BUF_SMALL;
		assert_ok(buf_add_str(&in, "A: ", NULL));
		add_many(&in, 'x', 995 + more);
		assert_rc(print(buf_span(&in), &out, NULL),
		    more == 0 ? RC_OK : RC_SYNTAX);
	}
}

/* A soft line break puts "--=_b" to the beginning of a line. */
static void
an_encoded_line_never_becomes_a_delimiter(void **state)
{
	struct buf in BUF_OWNED = BUF_SMALL, out BUF_OWNED = BUF_SMALL;
	struct entity *root ENTITY_OWNED = NULL;
	struct buf body BUF_OWNED = BUF_SMALL;

	assert_ok(buf_add_str(&in, MIXED "--b\r\n\r\n\xc3\xa4", NULL));
	for (int i = 0; i < 400; i++)
		assert_ok(buf_add_str(&in, "--b", NULL));
	assert_ok(buf_add_str(&in, "\r\n--b--\r\n", NULL));
	assert_ok(print(buf_span(&in), &out, NULL));
	assert_ok(entity_parse(buf_span(&out), ENTITY_LIMITS, &root, NULL));
	assert_int_equal(entity_children(root), 1);
	assert_false(root->malformed);
	assert_ok(entity_decode(root->child, &body, NULL));
	assert_int_equal(body.len, 2 + 3 * 400);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		what_is_not_seven_bit_is_encoded_and_the_rest_stays),
	    cmocka_unit_test(what_came_out_goes_through_unchanged),
	    cmocka_unit_test(
		what_cannot_be_made_safe_is_refused_and_nothing_appended),
	    cmocka_unit_test(
		lines_of_998_bytes_stay_and_longer_ones_are_encoded),
	    cmocka_unit_test(an_encoded_line_never_becomes_a_delimiter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
