#include "mime/protect_testkit_priv.h"

static void
expect_composed(const char *letter, const struct protect_options *options,
    const char *payload, const char *outer)
{
	struct composed got COMPOSED_OWNED;

	compose_ok(letter, options, &got);
	assert_span(buf_span(&got.payload), payload);
	assert_span(buf_span(&got.outer), outer);
}

static const char letter[] = "Received: from x\r\n"
			     "Subject: Dinner\r\n plans\r\n"
			     "Message-ID: <1@a.test>\r\n"
			     "From: Alice <alice@a.test>\r\n"
			     "To: Bob <bob@b.test>, \"C, D\" <c@b.test>\r\n"
			     "Bcc: eve@c.test\r\n"
			     "Date: Sat, 20 Feb 2021 10:09:02 -0500\r\n"
			     "Keywords: secret\r\n"
			     "MIME-Version: 1.0\r\n"
			     "Content-Type: text/plain; charset=utf-8\r\n"
			     "letterlock-verdict: verified\r\n"
			     "HP-Outer: Subject: forged\r\n"
			     "Content-Language: en\r\n"
			     "\r\n"
			     "hi\r\n";

static void
encrypting_hides_the_subject_and_says_inside_what_stands_outside(void **state)
{
	expect_composed(letter, &baseline,
	    "Subject: Dinner\r\n plans\r\n"
	    "Message-ID: <1@a.test>\r\n"
	    "From: Alice <alice@a.test>\r\n"
	    "To: Bob <bob@b.test>, \"C, D\" <c@b.test>\r\n"
	    "Date: Sat, 20 Feb 2021 10:09:02 -0500\r\n"
	    "Keywords: secret\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Language: en\r\n"
	    "Content-Type: text/plain; charset=utf-8; hp=\"cipher\"\r\n"
	    "HP-Outer: Subject: [...]\r\n"
	    "HP-Outer: Message-ID: <1@a.test>\r\n"
	    "HP-Outer: From: Alice <alice@a.test>\r\n"
	    "HP-Outer: To: Bob <bob@b.test>, \"C, D\" <c@b.test>\r\n"
	    "HP-Outer: Date: Sat, 20 Feb 2021 10:09:02 -0500\r\n"
	    "\r\nhi\r\n",
	    "Subject: [...]\r\n"
	    "Message-ID: <1@a.test>\r\n"
	    "From: Alice <alice@a.test>\r\n"
	    "To: Bob <bob@b.test>, \"C, D\" <c@b.test>\r\n"
	    "Date: Sat, 20 Feb 2021 10:09:02 -0500\r\n");
}

static void
no_second_copy_of_the_subject_stands_outside(void **state)
{
	expect_composed("Subject: x\r\nThread-Topic: x\r\n\r\nhi\r\n",
	    &baseline,
	    "Subject: x\r\nThread-Topic: x\r\n"
	    "Content-Type: text/plain; charset=utf-8; hp=\"cipher\"\r\n"
	    "HP-Outer: Subject: [...]\r\n"
	    "\r\nhi\r\n",
	    "Subject: [...]\r\n");
}

static void
the_shy_policy_hides_names_and_the_time_zone_too(void **state)
{
	struct composed got COMPOSED_OWNED;

	compose_ok(letter, &shy, &got);
	assert_span(buf_span(&got.outer),
	    "Subject: [...]\r\n"
	    "Message-ID: <1@a.test>\r\n"
	    "From: alice@a.test\r\n"
	    "To: bob@b.test, c@b.test\r\n"
	    "Date: Sat, 20 Feb 2021 15:09:02 +0000\r\n");
	assert_true(span_find(buf_span(&got.payload),
			span_str("HP-Outer: From: alice@a.test\r\n")) > 0);
	assert_true(span_find(buf_span(&got.payload),
			span_str("From: Alice <alice@a.test>\r\n")) > 0);
}

static void
signing_only_hides_nothing(void **state)
{
	expect_composed("Subject: x\r\nKeywords: y\r\n\r\nhi\r\n", &signing,
	    "Subject: x\r\nKeywords: y\r\n"
	    "Content-Type: text/plain; charset=utf-8; hp=\"clear\"\r\n"
	    "\r\nhi\r\n",
	    "Subject: x\r\nKeywords: y\r\n");
}

static void
the_policy_none_hides_nothing(void **state)
{
	expect_composed("Subject: x\r\n\r\nhi\r\n", &hide_nothing,
	    "Subject: x\r\n"
	    "Content-Type: text/plain; charset=utf-8; hp=\"cipher\"\r\n"
	    "HP-Outer: Subject: x\r\n"
	    "\r\nhi\r\n",
	    "Subject: x\r\n");
}

static void
odd_headers_are_protected_as_all_readers_read_them(void **state)
{
	static const struct {
		const char *name, *input, *payload, *outer;
	} cases[] = {
	    {"LF, blanks before the colon, a line of blanks",
		"Subject : x\n \n y\n\nhi\n",
		"Subject: x\r\n y\r\n"
		"Content-Type: text/plain; charset=utf-8; hp=\"cipher\"\r\n"
		"HP-Outer: Subject: [...]\r\n\r\nhi\r\n",
		"Subject: [...]\r\n"},
	    {"two subjects", "Subject: x\r\nsubject: y\r\n\r\n",
		"Subject: x\r\nsubject: y\r\n"
		"Content-Type: text/plain; charset=utf-8; hp=\"cipher\"\r\n"
		"HP-Outer: Subject: [...]\r\nHP-Outer: subject: [...]\r\n\r\n",
		"Subject: [...]\r\nsubject: [...]\r\n"},
	    {"an hp of the mail program's own",
		"Content-Type: text/plain; HP=clear; hp-legacy-display=1;"
		" charset=x\r\n\r\n",
		"Content-Type: text/plain; charset=\"x\"; hp=\"cipher\"\r\n"
		"\r\n",
		""},
	    {"a semicolon too many", "Content-Type: text/plain; ;\r\n\r\n",
		"Content-Type: text/plain; hp=\"cipher\"\r\n\r\n", ""},
	    {"a long Content-Type is folded",
		"Content-Type: multipart/mixed;\r\n boundary=\""
		"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\""
		"\r\n\r\n"
		"--"
		"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r"
		"\n\r\n"
		"--"
		"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb--"
		"\r\n",
		"Content-Type: multipart/mixed;\r\n boundary=\""
		"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\""
		";\r\n"
		" hp=\"cipher\"\r\n\r\n"
		"--"
		"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r"
		"\n\r\n"
		"--"
		"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb--"
		"\r\n",
		""},
	    {"an 8-bit body", "Subject: x\r\n\r\n\xc3\xa4\r\n",
		"Subject: x\r\n"
		"Content-Type: text/plain; charset=utf-8; hp=\"cipher\"\r\n"
		"HP-Outer: Subject: [...]\r\n"
		"Content-Transfer-Encoding: quoted-printable\r\n\r\n=C3=A4\r\n",
		"Subject: [...]\r\n"},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		expect_composed(cases[i].input, &baseline, cases[i].payload,
		    cases[i].outer);
}

static void
a_blind_recipient_is_named_inside_their_own_copy_and_nowhere_else(void **state)
{
	static const struct protect_options for_eve = {
	    .encrypting = true, .bcc = "eve@c.test"};
	struct composed got COMPOSED_OWNED, other COMPOSED_OWNED;

	compose_ok(letter, &for_eve, &got);
	assert_true(span_find(buf_span(&got.payload),
			span_str("\r\nBcc: eve@c.test\r\n")) > 0);
	assert_int_equal(
	    span_find(buf_span(&got.payload), span_str("HP-Outer: Bcc")), -1);
	assert_int_equal(span_find(buf_span(&got.outer), span_str("eve")), -1);
	compose_ok(letter, &baseline, &other);
	assert_int_equal(
	    span_find(buf_span(&other.payload), span_str("eve")), -1);
}

static void
what_cannot_be_protected_leaves_nothing_behind(void **state)
{
	static const struct protect_options broken = {
	    .encrypting = true, .bcc = "eve@c.test\r\nX: y"};
	static const char *const letters[] = {
	    "Subject: \xe4\r\n\r\n",
	    "Content-Type: multipart/mixed; boundary=b\r\n\r\nno parts",
	    "Content-Type: x\r\n\r\n",
	    "Content-Type: a/b\r\nContent-Type: c/d\r\n\r\n",
	    "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\nx",
	};

	for (size_t i = 0; i < COUNT(letters); i++) {
		struct composed got COMPOSED_OWNED;
		assert_rc(
		    compose(letters[i], &baseline, &got, NULL), RC_SYNTAX);
		assert_int_equal(got.payload.len + got.outer.len, 0);
	}
	struct composed got COMPOSED_OWNED;
	assert_rc(
	    compose("Subject: x\r\n\r\n", &broken, &got, NULL), RC_SYNTAX);
}

/* ---- letters that are not ASCII, or are signed already -------------------- */

static void
what_a_header_says_in_utf8_is_encoded_before_it_is_protected(void **state)
{
	expect_composed("Subject: Gr\xc3\xbc\xc3\x9f"
			"e\r\n"
			"From: \xc3\x84nne <a@a.test>\r\n"
			"Comments: \xe2\x82\xac\r\n\r\nhi\r\n",
	    &hide_nothing,
	    "Subject: =?UTF-8?B?R3LDvMOfZQ==?=\r\n"
	    "From: =?UTF-8?B?w4RubmU=?= <a@a.test>\r\n"
	    "Comments: =?UTF-8?B?4oKs?=\r\n"
	    "Content-Type: text/plain; charset=utf-8; hp=\"cipher\"\r\n"
	    "HP-Outer: Subject: =?UTF-8?B?R3LDvMOfZQ==?=\r\n"
	    "HP-Outer: From: =?UTF-8?B?w4RubmU=?= <a@a.test>\r\n"
	    "HP-Outer: Comments: =?UTF-8?B?4oKs?=\r\n\r\nhi\r\n",
	    "Subject: =?UTF-8?B?R3LDvMOfZQ==?=\r\n"
	    "From: =?UTF-8?B?w4RubmU=?= <a@a.test>\r\n"
	    "Comments: =?UTF-8?B?4oKs?=\r\n");
}

static void
an_address_in_utf8_stays_and_smtputf8_is_needed(void **state)
{
	static const char with[] = "To: J <j\xc3\xb6rg@b.test>\r\n\r\nhi";
	struct composed got COMPOSED_OWNED, plain COMPOSED_OWNED;

	compose_ok(with, &baseline, &got);
	assert_span(buf_span(&got.outer), "To: J <j\xc3\xb6rg@b.test>\r\n");
	assert_true(got.needs.utf8);
	assert_false(got.needs.eight_bit);
	compose_ok("To: J <jorg@b.test>\r\n\r\nhi", &signing, &plain);
	assert_false(plain.needs.utf8);
}

#define SIGNED_BODY                                                 \
	"--b\r\nContent-Type: text/plain; charset=utf-8\r\n"        \
	"Content-Transfer-Encoding: 8bit\r\n\r\nGr\xc3\xbc\xc3\x9f" \
	"e  \r\nFrom me\r\n--b\r\n"                                 \
	"Content-Type: application/pgp-signature\r\n\r\nx\r\n--b--\r\n"

static void
a_letter_that_is_signed_already_lies_in_the_payload_byte_for_byte(void **state)
{
	static const char type[] =
	    "Content-Type: multipart/signed; boundary=b;\r\n"
	    "\tprotocol=\"application/pgp-signature\"\r\n";
	struct buf in BUF_OWNED = BUF_SMALL;
	struct composed got COMPOSED_OWNED, clear COMPOSED_OWNED;
	const char *text;

	assert_ok(buf_add_format(
	    &in, NULL, "Subject: x\r\n%s\r\n%s", type, SIGNED_BODY));
	assert_ok(buf_str(&in, &text, NULL));
	compose_ok(text, &baseline, &got);
	buf_clear(&in);
	assert_ok(buf_add_format(&in, NULL,
	    "Subject: x\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: multipart/mixed; boundary=\"=_letter_0\"; "
	    "hp=\"cipher\"\r\nHP-Outer: Subject: [...]\r\n\r\n"
	    "--=_letter_0\r\n%s\r\n%s\r\n--=_letter_0--\r\n",
	    type, SIGNED_BODY));
	assert_bytes(buf_span(&got.payload), buf_span(&in));
	/* encrypted, nobody sees that it is 8-bit */
	assert_false(got.needs.eight_bit);
	assert_ok(buf_str(&in, &text, NULL));
	compose_ok(text, &signing, &clear);
	assert_true(clear.needs.eight_bit);
}

static void
the_boundary_around_it_must_be_one(void **state)
{
	static const char layer[] =
	    "Content-Type: application/pkcs7-mime\r\n\r\nx\r\n";
	static const struct {
		const char *boundary;
		enum rc want;
	} cases[] = {
	    {"a'()+_,-./:=?Z9", RC_OK},
	    {"0123456789012345678901234567890123456789012345678901234567890123"
	     "456789",
		RC_OK},
	    {"0123456789012345678901234567890123456789012345678901234567890123"
	     "4567890",
		RC_UNFIT},
	    {"", RC_UNFIT},
	    {"a b", RC_UNFIT},
	    {"a\"b", RC_UNFIT},
	    {"a\r\nb", RC_UNFIT},
	    {"\xc3\xa4", RC_UNFIT},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct protect_options options = baseline;
		struct composed got COMPOSED_OWNED;
		options.boundary = cases[i].boundary;
		assert_rc(compose(layer, &options, &got, NULL), cases[i].want);
		assert_int_equal(
		    has(&got.payload, "hp=\"cipher\""), cases[i].want == RC_OK);
	}
	struct composed got COMPOSED_OWNED = COMPOSED_NONE;
	assert_rc(
	    compose_cut(span_str(layer), &baseline, WHOLE, WHOLE, &got, NULL),
	    RC_UNFIT);
}

static void
a_letter_that_holds_the_boundary_around_it_is_refused(void **state)
{
	static const struct {
		const char *body;
		enum rc want;
	} cases[] = {
	    {"--=_letter_0\r\n", RC_UNFIT},
	    {"--=_letter_0--\r\n", RC_SYNTAX},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct composed got COMPOSED_OWNED;
		struct buf in BUF_OWNED = BUF_SMALL;
		const char *text;
		assert_ok(buf_add_format(&in, NULL,
		    "Content-Type: application/pkcs7-mime\r\n\r\n%s",
		    cases[i].body));
		assert_ok(buf_str(&in, &text, NULL));
		assert_rc(compose(text, &baseline, &got, NULL), cases[i].want);
	}
}

static void
python_reads_the_payload_and_the_revealed_letter_the_same(void **state)
{
	struct composed got COMPOSED_OWNED;
	struct received got_it RECEIVED_OWNED;
	struct buf out BUF_OWNED = BUF_SMALL;

	compose_ok("From: Alice <alice@a.test>\r\nTo: bob@b.test\r\n"
		   "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n"
		   "MIME-Version: 1.0\r\n"
		   "Content-Type: multipart/mixed; boundary=bound\r\n\r\n"
		   "--bound\r\nContent-Type: text/plain; charset=utf-8\r\n"
		   "Content-Transfer-Encoding: 8bit\r\n\r\nGr\xc3\xbc\xc3\x9f"
		   "e\r\n"
		   "--bound\r\nContent-Type: application/x; name=y\r\n"
		   "Content-Transfer-Encoding: binary\r\n\r\n\xff\r\n"
		   "--bound--\r\n",
	    &baseline, &got);
	ask_python(
	    "assert m[\"subject\"] == \"Gr\\u00fc\\u00dfe\", m[\"subject\"]\n"
	    "assert m[\"content-type\"].params[\"hp\"] == \"cipher\"\n"
	    "assert \"Subject: [...]\" in m.get_all(\"hp-outer\")\n"
	    "a, b = m.iter_parts()\n"
	    "assert a.get_content() == \"Gr\\u00fc\\u00dfe\","
	    " repr(a.get_content())\n"
	    "assert b.get_content() == b\"\\xff\", b.get_content()\n",
	    buf_span(&got.payload));
	receive_composed(&got, &got_it);
	ask_python("assert m[\"subject\"] == \"[...]\"\n"
		   "assert m[\"from\"].addresses[0].addr_spec == "
		   "\"alice@a.test\"\n",
	    got_it.outer_bytes);
	assert_ok(view_letter(&got_it.letter, &out, NULL));
	ask_python("assert m[\"subject\"] == \"Gr\\u00fc\\u00dfe\"\n"
		   "assert len(m.get_all(\"mime-version\")) == 1\n"
		   "assert \"hp\" not in m[\"content-type\"].params\n"
		   "assert m[\"hp-outer\"] is None\n"
		   "assert [p.get_content_type() for p in m.walk()] == "
		   "[\"multipart/mixed\", \"text/plain\", \"application/x\"]\n",
	    buf_span(&out));
}

/* Every letter once as the mail program wrote it, in UTF-8, and once as we
 * made it of it; Python must read the same from both. */
static const char *const utf8_letters[] = {
    "Subject: Gr\xc3\xbc\xc3\x9f"
    "e aus K\xc3\xb6ln, "
    "\xe4\xb8\xad\xe5\x9b\xbd und =?utf-8?Q?M=C3=BCnchen?=\r\n"
    "From: J\xc3\xb6rg \"der \\\"Zweite\\\"\" M\xc3\xbcller <j@a.test>\r\n"
    "To: \"\xc3\x84nne, B.\" <b@b.test>, c@c.test (C\xc3\xa9line),\r\n"
    " =?iso-8859-1?Q?Andr=E9?= P\xc3\xa9tain <d@d.test>\r\n"
    "Cc: Gr\xc3\xbcppchen: \"x y\"@e.test, \xc3\xa9 <f@f.test>;\r\n"
    "Date: Sat, 20 Feb 2021 10:09:02 +0100\r\n"
    "Comments: a  b\t\xe2\x82\xac\r\nKeywords: \xc3\xa4, b\r\n"
    "X-Long: \xc3\xa4 bcdefghijklmnop bcdefghijklmnop bcdefghijklmnop "
    "bcdefghijklmnop bcdefghijklmnop bcdefghijklmnop bcdefghijklmnop\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: multipart/mixed; boundary=bb\r\n\r\n"
    "--bb\r\nContent-Type: text/plain; charset=utf-8\r\n"
    "Content-Transfer-Encoding: 8bit\r\n\r\nGr\xc3\xbc\xc3\x9f"
    "e \r\nFrom x\r\n"
    "--bb\r\nContent-Type: application/x; name=\"\xc3\xa4 \\\"b\\\".x\"\r\n"
    "Content-Disposition: attachment; filename=\"\xc3\xa4 \\\"b\\\".x\"\r\n\r\n"
    "x\r\n--bb\r\nContent-Type: message/rfc822\r\n\r\n"
    "Subject: \xc3\xa4\r\nFrom: \xc3\xb6 <o@o.test>\r\n\r\nhi\r\n--bb--\r\n",
    "Subject: plain\r\nFrom: \"A. B\" <a@b.test>\r\n"
    "To: undisclosed-recipients:;\r\n"
    "Reply-To: =?utf-8?B?w6Q=?= <a@b.test>\r\n"
    "References: <a@b.test>\r\n <b@b.test>\r\n\r\nhi\r\n",
};

static void
python_reads_every_header_as_it_was_written(void **state)
{
	static const char script[] =
	    "def parse(b): return email.message_from_string(b.decode(),"
	    " policy=email.policy.default)\n"
	    "def see(v):\n"
	    "    if hasattr(v, \"groups\"):\n"
	    "        return [(g.display_name, [(a.display_name, a.addr_spec)"
	    " for a in g.addresses]) for g in v.groups]\n"
	    "    return \" \".join(str(v).split())\n"
	    "def all(m):\n"
	    "    skip = (\"content-type\", \"content-transfer-encoding\","
	    " \"hp-outer\")\n"
	    "    return [(p.get_content_type(), p.get_filename(), [(k.lower(),"
	    " see(v)) for k, v in p.items() if k.lower() not in skip])"
	    " for p in m.walk()]\n"
	    "a, b = m.get_payload(decode=True).split(b\"|||\")\n"
	    "assert b.isascii()\n"
	    "a, b = all(parse(a)), all(parse(b))\n"
	    "a[0][2].sort(); b[0][2].sort()\n"
	    "assert a == b, \"%s\\n%s\" % (a, b)\n";

	for (size_t i = 0; i < COUNT(utf8_letters); i++) {
		struct composed got COMPOSED_OWNED;
		struct buf both BUF_OWNED = BUF_SMALL;
		compose_ok(utf8_letters[i], &shy, &got);
		assert_ok(buf_add_str(
		    &both, "Content-Transfer-Encoding: 8bit\r\n\r\n", NULL));
		assert_ok(buf_add_str(&both, utf8_letters[i], NULL));
		assert_ok(buf_add_str(&both, "|||", NULL));
		assert_ok(buf_add(&both, buf_span(&got.payload), NULL));
		ask_python(script, buf_span(&both));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		encrypting_hides_the_subject_and_says_inside_what_stands_outside),
	    cmocka_unit_test(no_second_copy_of_the_subject_stands_outside),
	    cmocka_unit_test(the_shy_policy_hides_names_and_the_time_zone_too),
	    cmocka_unit_test(signing_only_hides_nothing),
	    cmocka_unit_test(the_policy_none_hides_nothing),
	    cmocka_unit_test(
		odd_headers_are_protected_as_all_readers_read_them),
	    cmocka_unit_test(
		a_blind_recipient_is_named_inside_their_own_copy_and_nowhere_else),
	    cmocka_unit_test(what_cannot_be_protected_leaves_nothing_behind),
	    cmocka_unit_test(
		what_a_header_says_in_utf8_is_encoded_before_it_is_protected),
	    cmocka_unit_test(an_address_in_utf8_stays_and_smtputf8_is_needed),
	    cmocka_unit_test(
		a_letter_that_is_signed_already_lies_in_the_payload_byte_for_byte),
	    cmocka_unit_test(the_boundary_around_it_must_be_one),
	    cmocka_unit_test(
		a_letter_that_holds_the_boundary_around_it_is_refused),
	    cmocka_unit_test(python_reads_every_header_as_it_was_written),
	    cmocka_unit_test(
		python_reads_the_payload_and_the_revealed_letter_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
