#include <malloc.h>

#include "codec/base64.h"
#include "mime/sevenbit_testkit_priv.h"

OWNER(struct entity, entity_free);
#define ENTITY_OWNED OWNED(entity_free)

static enum rc
print_needs(struct span input, struct sevenbit_needs *needs, struct buf *out,
    struct err *err)
{
	return print_all_cuts(input, needs, out, err);
}

/* Where everything can be made 7-bit. */
static enum rc
print(struct span input, struct buf *out, struct err *err)
{
	struct sevenbit_needs needs = {false, false, false};
	enum rc rc = print_needs(input, &needs, out, err);

	if (rc == RC_OK && (needs.eight_bit || needs.utf8 || needs.binary))
		fail_msg("not 7-bit: %.*s", SPAN_ARGS(input));
	return rc;
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
	"--b\r\n\r\nsafe\r\n--b--\r\nepi\r\n",
	"Content-Transfer-Encoding: 7bit\r\n" MIXED
	"pre\r\n--b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
	"=C3=A4\r\n--b\r\nContent-Type: x/y\r\n"
	"Content-Transfer-Encoding: base64\r\n\r\n/w==\r\n"
	"--b\r\n\r\nsafe\r\n--b--\r\nepi\r\n"},
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
	"Content-Transfer-Encoding: quoted-printable\r\n\r\n=C3=A4=C3=A4"
	"\r\n"},
    {"NUL in quoted-printable",
	"Content-Transfer-Encoding: quoted-printable\r\n\r\na=00\r\n \r\n",
	"Content-Transfer-Encoding: base64\r\n\r\nYQANCg0K\r\n"},
    {"blanks at a line's end", "\r\na \r\n-- \r\nb\t",
	"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
	"a=20\r\n--=20\r\nb=09"},
    {"a bare CR in quoted-printable, that means none",
	"Content-Transfer-Encoding: quoted-printable\r\n\r\na\r \nb\r\n",
	"Content-Transfer-Encoding: base64\r\n\r\nYQ0KYg0K\r\n"},
    {"From at a line's start", "\r\na\r\nFrom b\r\n",
	"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
	"a\r\n=46rom b\r\n"},
    {"From at a line's start of quoted-printable, and blanks, which are none",
	"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
	"From=20b \r\nFrom b\r\n",
	"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
	"=46rom b\r\n=46rom b\r\n"},
    {"From in what is no text", "Content-Type: a/b\r\n\r\nFrom b\r\n",
	"Content-Type: a/b\r\nContent-Transfer-Encoding: base64\r\n\r\n"
	"RnJvbSBiDQo=\r\n"},
    {"blanks in base64 are no harm",
	"Content-Transfer-Encoding: base64\r\n\r\nYQ== \r\n",
	"Content-Transfer-Encoding: base64\r\n\r\nYQ== \r\n"},
    {"8-bit bytes before and behind the parts",
	MIXED "\xc3\xa4\r\n--b\r\n\r\nx\r\n--b-- \r\n\xc3\xa4\r\n\xc3\xa4",
	MIXED "--b\r\n\r\nx\r\n--b-- \r\n"},
    {"a bare CR before them", MIXED "a\rb\r\n--b\r\n\r\nx\r\n--b--",
	MIXED "--b\r\n\r\nx\r\n--b--"},
    {"8-bit bytes around inner parts",
	MIXED "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n"
	      "\xc3\xa4\r\n--c\r\n\r\nx\r\n--c--\r\n\xc3\xa4\r\n--b\r\n\r\n"
	      "y\r\n--b--\r\n",
	MIXED "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n"
	      "--c\r\n\r\nx\r\n--c--\r\n\r\n--b\r\n\r\n"
	      "y\r\n--b--\r\n"},
    {"a label that is not true",
	"Content-Type: message/delivery-status\r\n"
	"Content-Transfer-Encoding: 8bit\r\n\r\nA: b\r\n",
	"Content-Type: message/delivery-status\r\n"
	"Content-Transfer-Encoding: 7bit\r\n\r\nA: b\r\n"},
    {"message/global may be encoded",
	"Content-Type: message/global\r\n"
	"Content-Transfer-Encoding: 8bit\r\n\r\nSubject: \xc3\xa4\n\nx\n",
	"Content-Type: message/global\r\n"
	"Content-Transfer-Encoding: base64\r\n\r\n"
	"U3ViamVjdDogw6QNCg0KeA0K\r\n"},
    {"message/global that is ASCII",
	"Content-Type: message/global\r\n\r\nSubject: x\r\n\r\nx\r\n",
	"Content-Type: message/global\r\n\r\nSubject: x\r\n\r\nx\r\n"},
    {"the header of a part, and of a message in it",
	MIXED "--b\r\nContent-Type: message/rfc822\r\n"
	      "Content-Disposition: inline; filename=\"\xc3\xa4 b.eml\"\r\n"
	      "Content-Description: \xe4\r\n\r\n"
	      "Subject: \xe4 b\r\nFrom: \xc3\xa4 <a@b.test>\r\n\r\n"
	      "x\r\n--b--\r\n",
	MIXED "--b\r\nContent-Type: message/rfc822\r\n"
	      "Content-Disposition: inline; filename*=utf-8''%C3%A4%20b.eml\r\n"
	      "Content-Description: =?UTF-8?B?w6Q=?=\r\n\r\n"
	      "Subject: =?UTF-8?Q?=C3=A4_b?=\r\n"
	      "From: =?UTF-8?B?w6Q=?= <a@b.test>\r\n\r\n"
	      "x\r\n--b--\r\n"},
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
	    {"Subject: \xe4\r\n\r\nx", "that are no UTF-8"},
	    {"Content-Type: a/b; x=\xe4\r\n\r\nx", "that are no UTF-8"},
	    {"Content-Type: text/plain; x=\xc3\xa4 y\r\n\r\nx", "MIME field"},
	    /* the delimiter behind the end: who knows where the parts are */
	    {MIXED "--b\r\n\r\nx\r\n--b--\r\na\rb\r\n--b\r\n", "bare CR"},
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

#define SIGNED "Content-Type: multipart/signed; boundary=s\r\n"
#define SIGNED_BODY(text)                                     \
	"\r\n--s\r\nContent-Type: text/plain\r\n"             \
	"Content-Transfer-Encoding: 8bit\r\n"                 \
	"Subject: \xe4\r\n\r\n" text "\r\nFrom b \r\n--s\r\n" \
	"Content-Type: a/b\r\n\r\nx\r\n--s--\r\n"

static void
what_may_not_be_encoded_stays_and_says_what_it_needs(void **state)
{
	static const struct {
		const char *name, *input;
		struct sevenbit_needs want;
	} cases[] = {
	    {"a signed part, byte for byte", SIGNED SIGNED_BODY("\xc3\xa4"),
		{.eight_bit = true}},
	    {"in parts, in a message",
		"Content-Type: message/rfc822\r\n"
		"Content-Transfer-Encoding: 8bit\r\n\r\n"
		"Content-Transfer-Encoding: 8bit\r\n" MIXED
		"--b\r\n" SIGNED SIGNED_BODY("\xc3\xa4") "--b--\r\n",
		{.eight_bit = true}},
	    {"with bytes that no server carries",
		SIGNED SIGNED_BODY("a\rb\xc3\xa4"),
		{.eight_bit = true, .binary = true}},
	    {"an encrypted part",
		"Content-Type: multipart/encrypted; boundary=s\r\n" SIGNED_BODY(
		    "\xc3\xa4"),
		{.eight_bit = true}},
	    {"a report",
		"Content-Type: message/delivery-status\r\n\r\n\xc3\xa4",
		{.eight_bit = true}},
	    {"parts without a boundary",
		"Content-Type: multipart/mixed\r\n\r\n\xc3\xa4",
		{.eight_bit = true}},
	    {"broken fields", "Content-Type: \"x\r\n\r\n\xc3\xa4",
		{.eight_bit = true}},
	    {"an encoding that nobody knows",
		"Content-Transfer-Encoding: x\r\n\r\n\xc3\xa4",
		{.eight_bit = true}},
	    {"base64 that is none",
		"Content-Transfer-Encoding: base64\r\n\r\n\xc3\xa4",
		{.eight_bit = true}},
	    {"a message whose header holds a bare CR",
		"Content-Type: message/rfc822\r\n\r\nA: b\rc\r\n\r\nx",
		{.binary = true}},
	    {"addresses and identifiers",
		"To: <\xc3\xa4@b.test>, \xc3\xa4@c.test\r\n"
		"Message-ID: <\xc3\xa4@b.test>\r\n\r\nhi",
		{.eight_bit = true, .utf8 = true}},
	    {"another's field that cannot be read",
		"Content-Type: message/rfc822\r\n\r\n"
		"Content-Disposition: x; y=\xc3\xa4 z\r\n\r\nhi",
		{.eight_bit = true, .utf8 = true}},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf out BUF_OWNED = BUF_SMALL;
		struct sevenbit_needs got = {false, false, false};
		struct err err = ERR_NONE;
		assert_done(
		    print_needs(span_str(cases[i].input), &got, &out, &err),
		    err);
		assert_span(buf_span(&out), cases[i].input);
		if (got.eight_bit != cases[i].want.eight_bit ||
		    got.utf8 != cases[i].want.utf8 ||
		    got.binary != cases[i].want.binary)
			fail_msg("%s: %d %d %d", cases[i].name, got.eight_bit,
			    got.utf8, got.binary);
	}
}

/* ---- fields ---------------------------------------------------------------- */

static const struct {
	const char *name, *input, *want;
} field_cases[] = {
    {"text",
	"Subject: Gr\xc3\xbc\xc3\x9f"
	"e\r\n aus =?utf-8?Q?K=C3=B6ln?=",
	"Subject: =?UTF-8?B?R3LDvMOfZSBhdXMgS8O2bG4=?="},
    {"an unknown field is text", "X-Foo: \xe2\x82\xac <a>",
	"X-Foo: =?UTF-8?B?4oKsIDxhPg==?="},
    {"display names",
	"To: J\xc3\xb6rg \"\\\"X\\\"\" <j@a.test>, b@b.test,"
	" \"\xc3\xa4, b\" <c@c.test>",
	"To: =?UTF-8?B?SsO2cmcgIlgi?= <j@a.test>, b@b.test,"
	" =?UTF-8?B?w6QsIGI=?=\r\n <c@c.test>"},
    {"groups", "Cc: \xc3\xa4: a@a.test, B <b@b.test>;",
	"Cc: =?UTF-8?B?w6Q=?=: a@a.test, B <b@b.test>;"},
    {"comments", "From: a@a.test (J\xc3\xb6rg \\(x\\) (y))",
	"From: a@a.test (=?UTF-8?B?SsO2cmcgKHgpICh5KQ==?=)"},
    {"a comment in a name", "From: \xc3\xa4 (c) b <a@a.test>",
	"From: =?UTF-8?B?w6Q=?= (c) b <a@a.test>"},
    {"an encoded word in quotes is none",
	"To: \"=?utf-8?Q?x?=\" \xc3\xa4 <a@a.test>",
	"To: =?UTF-8?B?PT91dGYtOD9RP3g/PSDDpA==?= <a@a.test>"},
    {"a list's name", "List-Id: \xc3\xa4 <l.b.test>",
	"List-Id: =?UTF-8?B?w6Q=?= <l.b.test>"},
    {"words by commas", "Keywords: \xc3\xa4, b, \xc3\xb6 c",
	"Keywords: =?UTF-8?B?w6Q=?=, b, =?UTF-8?Q?=C3=B6_c?="},
    {"a date's comment", "Date: Sat, 20 Feb 2021 10:09:02 +0100 (\xc3\xa4)",
	"Date: Sat, 20 Feb 2021 10:09:02 +0100 (=?UTF-8?B?w6Q=?=)"},
    {"parameters", "Content-Type: application/x; name=\"\xc3\xa4\"; y=z",
	"Content-Type: application/x; name*=utf-8''%C3%A4; y=\"z\""},
    {"a quotation without end", "To: \xc3\xa4 \"b <a@a.test>",
	"To: \xc3\xa4 \"b <a@a.test>"},
    {"an address without end", "To: \xc3\xa4 <a", "To: =?UTF-8?B?w6Q=?= <a"},
};

static void
fields_are_encoded_as_their_form_allows(void **state)
{
	for (size_t i = 0; i < COUNT(field_cases); i++) {
		struct buf in BUF_OWNED = BUF_SMALL, out BUF_OWNED = BUF_SMALL;
		struct buf want BUF_OWNED = BUF_SMALL;
		struct sevenbit_needs needs = {false, false, false};
		struct err err = ERR_NONE;
		assert_ok(buf_add_format(
		    &in, NULL, "%s\r\n\r\nhi", field_cases[i].input));
		assert_ok(buf_add_format(
		    &want, NULL, "%s\r\n\r\nhi", field_cases[i].want));
		assert_done(
		    print_needs(buf_span(&in), &needs, &out, &err), err);
		if (!span_is(buf_span(&out), buf_span(&want)))
			print_error("%s:\n", field_cases[i].name);
		assert_bytes(buf_span(&out), buf_span(&want));
		assert_int_equal(needs.utf8,
		    strpbrk(field_cases[i].want, "\xc3\xe2") != NULL);
	}
}

static bool
has_text(const struct buf *buf, const char *text)
{
	return span_find(buf_span(buf), span_str(text)) >= 0;
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
		assert_ok(print(buf_span(&in), &out, NULL));
		assert_int_equal(has_text(&out, "=?UTF-8?Q?xxx"), more == 1);
	}
}

static void
long_header_lines_are_folded(void **state)
{
	static const struct {
		const char *start, *repeat, *want;
		enum rc rc;
	} cases[] = {
	    {"References:", " <a@b.test>", "<a@b.test>\r\n <a@b.test>", RC_OK},
	    {"X:", " yes", "yes\r\n yes", RC_OK},
	    {"Content-Type: a/b", "; c=d", "\r\n ", RC_OK},
	    {"To: a@b.test", "x", "", RC_LIMIT},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf in BUF_OWNED = BUF_SMALL, out BUF_OWNED = BUF_SMALL;
		size_t times = cases[i].repeat[0] == ';' ? 1 : 1000;
		assert_ok(buf_add_str(&in, cases[i].start, NULL));
		if (times == 1)
			add_many(&in, ' ', 1000);
		for (size_t t = 0; t < times; t++)
			assert_ok(buf_add_str(&in, cases[i].repeat, NULL));
		assert_ok(buf_add_str(&in, "\r\n\r\nhi", NULL));
		assert_rc(print(buf_span(&in), &out, NULL), cases[i].rc);
		if (cases[i].rc == RC_OK && times > 1)
			assert_true(has_text(&out, cases[i].want));
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

/* A boundary that ends in a blank has none for a reader. */
static void
an_encoded_line_never_becomes_a_delimiter_of_a_boundary_with_a_blank(
    void **state)
{
	struct buf in BUF_OWNED = BUF_SMALL, out BUF_OWNED = BUF_SMALL;
	struct entity *root ENTITY_OWNED = NULL;

	assert_ok(buf_add_str(&in,
	    "Content-Type: multipart/mixed; boundary=\"b \"\r\n\r\n"
	    "--b\r\n\r\n\xc3\xa4",
	    NULL));
	add_many(&in, 'x', 69);
	assert_ok(buf_add_str(&in, "--b\r\n--b--\r\n", NULL));
	assert_ok(print(buf_span(&in), &out, NULL));
	assert_ok(entity_parse(buf_span(&out), ENTITY_LIMITS, &root, NULL));
	assert_int_equal(entity_children(root), 1);
	assert_true(has_text(&out, "base64"));
}

static void
expect_base64(const char *head, struct span raw, const char *end, bool cut)
{
	struct buf in BUF_OWNED = BUF_SMALL, out BUF_OWNED = BUF_SMALL;
	struct buf want BUF_OWNED = BUF_SMALL;

	assert_ok(buf_add_format(
	    &in, NULL, "%sContent-Transfer-Encoding: binary\r\n\r\n", head));
	assert_ok(buf_add(&in, raw, NULL));
	assert_ok(buf_add_str(&in, end, NULL));
	assert_ok(buf_add_format(
	    &want, NULL, "%sContent-Transfer-Encoding: base64\r\n\r\n", head));
	assert_ok(base64_encode(raw, 76, &want, NULL));
	if (cut && raw.len > 0)
		buf_cut(&want, want.len - 2);
	assert_ok(buf_add_str(&want, end, NULL));
	assert_ok(print(buf_span(&in), &out, NULL));
	assert_bytes(buf_span(&out), buf_span(&want));
}

static void
the_line_end_behind_base64_belongs_to_the_delimiter(void **state)
{
	uint8_t raw[3 * 57 + 2];

	memset(raw, 0xff, sizeof(raw));
	for (size_t len = 0; len <= sizeof(raw); len++) {
		expect_base64(
		    "Content-Type: a/b\r\n", span_of(raw, len), "", false);
		expect_base64(MIXED "--b\r\nContent-Type: a/b\r\n",
		    span_of(raw, len), "\r\n--b--\r\n", true);
	}
}

static void
what_says_the_encoding_must_be_utf8_only_if_it_stays(void **state)
{
	struct buf out BUF_OWNED = BUF_SMALL, again BUF_OWNED = BUF_SMALL;
	struct err err = ERR_NONE;

	assert_ok(
	    print(span_str("Content-Transfer-Encoding: 8bit (\xe4)\r\n\r\nx"),
		&out, NULL));
	assert_span(buf_span(&out),
	    "Content-Transfer-Encoding: quoted-printable\r\n\r\nx");
	assert_rc(
	    print(span_str("Content-Transfer-Encoding: 7bit (\xe4)\r\n\r\nx"),
		&again, &err),
	    RC_SYNTAX);
	assert_has(err.text, "no UTF-8");
}

/* ---- limits, and two passes ------------------------------------------------- */

static void
add_nested(struct buf *out, size_t depth)
{
	for (size_t i = 0; i < depth; i++)
		assert_ok(buf_add_str(
		    out, "Content-Type: message/rfc822\r\n\r\n", NULL));
	assert_ok(buf_add_str(out, "Subject: x\r\n\r\nhi", NULL));
}

static void
more_parts_or_deeper_ones_than_allowed_are_refused(void **state)
{
	const struct entity_limits limits = ENTITY_LIMITS;

	for (unsigned more = 0; more <= 1; more++) {
		struct buf deep BUF_OWNED = BUF_SMALL;
		struct buf wide BUF_OWNED = BUF_SMALL;
		struct buf out BUF_OWNED = BUF_SMALL;
		add_nested(&deep, limits.depth + more);
		assert_ok(buf_add_str(&wide, MIXED, NULL));
		for (unsigned i = 1; i < limits.parts + more; i++)
			assert_ok(buf_add_str(&wide, "--b\r\n\r\n", NULL));
		assert_ok(buf_add_str(&wide, "--b--\r\n", NULL));
		enum rc want = more == 0 ? RC_OK : RC_LIMIT;
		assert_rc(print(buf_span(&deep), &out, NULL), want);
		assert_rc(print(buf_span(&wide), &out, NULL), want);
	}
}

static void
a_letter_that_changed_between_the_passes_is_refused(void **state)
{
	static const char *const first =
	    MIXED "--b\r\nA: b\r\n\r\nhello\r\n--b--\r\n";
	static const char *const others[] = {
	    MIXED "--b\r\nA: b\r\n\r\nhell\xc3\r\n--b--\r\n",
	    MIXED "--b\r\nA: b\r\n\r\nhel\ro\r\n--b--\r\n",
	    MIXED "--b\r\nA: b\r\n\r\nhello!\r\n--b--\r\n",
	    MIXED "--b\r\nA: b\r\n\r\nhell\r\n--b--\r\n",
	    MIXED "--b\r\nA: bb\r\n\r\nhell\r\n--b--\r\n",
	    MIXED "--b\r\nA: \xc3\xa4\r\n\r\nx\r\n--b--\r\n",
	    MIXED "--b\r\n\r\nhello\r\n--b\r\n\r\n--b--\r\n",
	    MIXED "hello",
	    "",
	};

	for (size_t i = 0; i < COUNT(others); i++) {
		struct sevenbit *sevenbit OWNED(sevenbit_free) = NULL;
		struct sevenbit_needs needs = {false, false, false};
		struct buf out BUF_OWNED = BUF_SMALL;
		assert_ok(sevenbit_new(&sevenbit, NULL));
		assert_ok(look_pieces(
		    sevenbit, span_str(first), WHOLE, &needs, NULL));
		assert_rc(
		    print_pieces(sevenbit, span_str(others[i]), 7, &out, NULL),
		    RC_CRYPTO);
		assert_int_equal(span_find_byte(buf_span(&out), 0xc3), -1);
	}
}

static void
a_line_that_grew_between_the_passes_is_refused(void **state)
{
	struct sevenbit *sevenbit OWNED(sevenbit_free) = NULL;
	struct sevenbit_needs needs = {false, false, false};
	struct buf in BUF_OWNED = BUF_SMALL, out BUF_OWNED = BUF_SMALL;

	assert_ok(buf_add_str(&in, "\r\n", NULL));
	add_many(&in, 'x', 900);
	assert_ok(buf_add_str(&in, "\n", NULL));
	add_many(&in, 'x', 900);
	assert_ok(sevenbit_new(&sevenbit, NULL));
	assert_ok(look_pieces(sevenbit, buf_span(&in), WHOLE, &needs, NULL));
	in.data[2 + 900] = 'x';
	assert_rc(
	    print_pieces(sevenbit, buf_span(&in), 300, &out, NULL), RC_CRYPTO);
}

/* Fields behind the end that the header had, parts that are none. */
static void
other_parts_than_in_the_first_pass_are_refused(void **state)
{
	static const struct {
		const char *first, *second;
	} cases[] = {
	    {MIXED "--b\r\nA: b\r\n\r\n--b--\r\n",
		MIXED "--b\r\nA: \xc3\xa4 xxxxxxxx\r\n\r\nx\r\n--b--\r\n"},
	    {MIXED "--b\r\n\r\nx\r\n--b--\r\n",
		MIXED "--x\r\n\r\nx\r\n--x--\r\n"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sevenbit *sevenbit OWNED(sevenbit_free) = NULL;
		struct sevenbit_needs needs = {false, false, false};
		struct buf out BUF_OWNED = BUF_SMALL;
		assert_ok(sevenbit_new(&sevenbit, NULL));
		assert_ok(look_pieces(
		    sevenbit, span_str(cases[i].first), WHOLE, &needs, NULL));
		assert_rc(print_pieces(sevenbit, span_str(cases[i].second),
			      WHOLE, &out, NULL),
		    RC_CRYPTO);
	}
}

static size_t
memory(void)
{
	struct mallinfo2 now = mallinfo2();

	return now.uordblks + now.hblkhd;
}

/* `head`, and `piece` 500 times: the most memory that a pass ends with. */
static size_t
memory_of(const char *head, struct span piece)
{
	struct sevenbit *sevenbit OWNED(sevenbit_free) = NULL;
	struct sevenbit_needs needs = {false, false, false};
	struct buf out BUF_OWNED = BUF((size_t)300000);
	size_t before = memory();

	assert_ok(sevenbit_new(&sevenbit, NULL));
	assert_ok(sevenbit_look(sevenbit, span_str(head), NULL));
	for (int n = 0; n < 500; n++)
		assert_ok(sevenbit_look(sevenbit, piece, NULL));
	size_t looked = memory();
	assert_ok(sevenbit_look_end(sevenbit, &needs, NULL));
	assert_ok(sevenbit_print(sevenbit, span_str(head), &out, NULL));
	for (int n = 0; n < 500; n++) {
		buf_clear(&out);
		assert_ok(sevenbit_print(sevenbit, piece, &out, NULL));
	}
	size_t printed = memory();
	assert_ok(sevenbit_print_end(sevenbit, &out, NULL));
	return (looked > printed ? looked : printed) - before;
}

static void
a_long_letter_needs_little_memory(void **state)
{
	static const char *const heads[] = {
	    "Content-Type: a/b\r\nContent-Transfer-Encoding: base64\r\n\r\n",
	    "Content-Type: a/b\r\nContent-Transfer-Encoding: binary\r\n\r\n",
	    "Content-Type: text/plain\r\n"
	    "Content-Transfer-Encoding: 8bit\r\n\r\n",
	    MIXED,
	    MIXED "--b\r\nContent-Type: text/plain\r\n"
		  "Content-Transfer-Encoding: quoted-printable\r\n\r\n",
	};
	struct buf piece BUF_OWNED = BUF_SMALL;

	while (piece.len < 64000)
		assert_ok(buf_add_str(&piece, "QUJDREVGR0hJ\r\n", NULL));
	for (size_t i = 0; i < COUNT(heads); i++)
		assert_in_range(
		    memory_of(heads[i], buf_span(&piece)), 0, (size_t)2 << 20);
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
		what_may_not_be_encoded_stays_and_says_what_it_needs),
	    cmocka_unit_test(fields_are_encoded_as_their_form_allows),
	    cmocka_unit_test(
		lines_of_998_bytes_stay_and_longer_ones_are_encoded),
	    cmocka_unit_test(long_header_lines_are_folded),
	    cmocka_unit_test(an_encoded_line_never_becomes_a_delimiter),
	    cmocka_unit_test(
		an_encoded_line_never_becomes_a_delimiter_of_a_boundary_with_a_blank),
	    cmocka_unit_test(
		the_line_end_behind_base64_belongs_to_the_delimiter),
	    cmocka_unit_test(
		what_says_the_encoding_must_be_utf8_only_if_it_stays),
	    cmocka_unit_test(
		more_parts_or_deeper_ones_than_allowed_are_refused),
	    cmocka_unit_test(
		a_letter_that_changed_between_the_passes_is_refused),
	    cmocka_unit_test(a_line_that_grew_between_the_passes_is_refused),
	    cmocka_unit_test(other_parts_than_in_the_first_pass_are_refused),
	    cmocka_unit_test(a_long_letter_needs_little_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
