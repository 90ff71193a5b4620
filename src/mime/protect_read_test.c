#include "mime/protect_testkit_priv.h"

/* RFC 9788 appendix C.3.1.2, the payload with both layers taken off. */
static const char rfc_payload[] =
    "MIME-Version: 1.0\r\n"
    "Content-Transfer-Encoding: 7bit\r\n"
    "Subject: smime-signed-enc-hp-baseline\r\n"
    "Message-ID: <smime-signed-enc-hp-baseline@example>\r\n"
    "From: Alice <alice@smime.example>\r\n"
    "To: Bob <bob@smime.example>\r\n"
    "Date: Sat, 20 Feb 2021 10:09:02 -0500\r\n"
    "User-Agent: Sample MUA Version 1.0\r\n"
    "HP-Outer: Subject: [...]\r\n"
    "HP-Outer: Message-ID: <smime-signed-enc-hp-baseline@example>\r\n"
    "HP-Outer: From: Alice <alice@smime.example>\r\n"
    "HP-Outer: To: Bob <bob@smime.example>\r\n"
    "HP-Outer: Date: Sat, 20 Feb 2021 10:09:02 -0500\r\n"
    "HP-Outer: User-Agent: Sample MUA Version 1.0\r\n"
    "Content-Type: text/plain; charset=\"utf-8\"; hp=\"cipher\"\r\n"
    "\r\n"
    "This is the\r\nsmime-signed-enc-hp-baseline\r\nmessage.\r\n";

static enum protect_state
state_of(const char *payload, const char *name, bool encrypted, bool valid)
{
	struct received got RECEIVED_OWNED;

	receive_spans(
	    span_str(ENVELOPED), span_str(payload), encrypted, valid, &got);
	return protect_state_of(&got.letter, name);
}

static void
expect_revealed(const char *outer, const char *payload, const char *want)
{
	struct received got RECEIVED_OWNED;
	struct buf out BUF_OWNED = BUF_SMALL;
	struct err err = ERR_NONE;

	receive(outer, payload, &got);
	assert_done(view_letter(&got.letter, &out, &err), err);
	assert_span(buf_span(&out), want);
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
each_field_has_the_protection_that_the_rfc_gives_it(void **state)
{
	static const char clear[] =
	    "Subject: x\r\nContent-Type: text/plain; hp=\"clear\"\r\n\r\n";
	static const char folded[] =
	    "To: a@x.test,\r\n b@x.test\r\n"
	    "Content-Type: text/plain; hp=\"cipher\"\r\n"
	    "HP-Outer: to: a@x.test, b@x.test\r\n\r\n";
	static const char plain[] = "Subject: x\r\n\r\n";
	static const struct {
		const char *payload, *name;
		bool encrypted, valid;
		enum protect_state want;
	} cases[] = {
	    {rfc_payload, "subject", true, true, PROTECT_SIGNED_AND_ENCRYPTED},
	    {rfc_payload, "Subject", true, false, PROTECT_ENCRYPTED_ONLY},
	    {rfc_payload, "Message-ID", true, true, PROTECT_SIGNED_ONLY},
	    {rfc_payload, "From", true, false, PROTECT_UNPROTECTED},
	    {rfc_payload, "Cc", true, true, PROTECT_UNPROTECTED},
	    {rfc_payload, "HP-Outer", true, true, PROTECT_UNPROTECTED},
	    {rfc_payload, "Content-Type", true, true, PROTECT_UNPROTECTED},
	    /* cipher without encryption is no evidence of it */
	    {rfc_payload, "Subject", false, true, PROTECT_SIGNED_ONLY},
	    {clear, "Subject", false, true, PROTECT_SIGNED_ONLY},
	    {clear, "Subject", false, false, PROTECT_UNPROTECTED},
	    {clear, "Subject", true, true, PROTECT_SIGNED_ONLY},
	    {folded, "To", true, true, PROTECT_SIGNED_ONLY},
	    {plain, "Subject", true, true, PROTECT_UNPROTECTED},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		if (state_of(cases[i].payload, cases[i].name,
			cases[i].encrypted, cases[i].valid) != cases[i].want)
			fail_msg("case %zu, %s", i, cases[i].name);
}

static void
hp_is_what_the_payload_root_says(void **state)
{
	static const struct {
		const char *payload;
		enum protect_form want;
	} cases[] = {
	    {"Content-Type: text/plain; hp=\"cipher\"\r\n\r\n",
		PROTECT_FORM_CIPHER},
	    {"Content-Type: text/plain; hp=clear\r\n\r\n", PROTECT_FORM_CLEAR},
	    {"Content-Type: text/plain; hp=other\r\n\r\n", PROTECT_FORM_NONE},
	    {"Content-Type: text/plain\r\n\r\n", PROTECT_FORM_NONE},
	    {"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
	     "Content-Type: text/plain; hp=\"cipher\"\r\n\r\n\r\n--b--\r\n",
		PROTECT_FORM_NONE},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct received got RECEIVED_OWNED;
		receive(ENVELOPED, cases[i].payload, &got);
		assert_int_equal(protect_form_of(&got.letter), cases[i].want);
		/* without a layer there is no payload */
		struct protect_letter bare = got.letter;
		bare.outer = bare.payload;
		assert_int_equal(protect_form_of(&bare), PROTECT_FORM_NONE);
		assert_ptr_equal(protect_header_of(&bare), bare.outer);
		bare.payload = NULL;
		assert_int_equal(protect_form_of(&bare), PROTECT_FORM_NONE);
	}
}

static void
the_protected_header_is_shown_with_the_carriers_fields_before_it(void **state)
{
	expect_revealed("Return-Path: <alice@smime.example>\r\n"
			"Received: from a\r\n\tby b\r\n"
			"Letterlock-Verdict: verified\r\n"
			"DKIM-Signature: v=1\r\n"
			"Subject: [...]\r\n"
			"From: Mallory <mallory@smime.example>\r\n"
			"Cc: mallory@smime.example\r\n"
			"X-Spam-Status: No\r\n"
			"List-Id: <list.example>\r\n" ENVELOPED,
	    rfc_payload,
	    "Return-Path: <alice@smime.example>\r\n"
	    "Received: from a\r\n\tby b\r\n"
	    "DKIM-Signature: v=1\r\n"
	    "X-Spam-Status: No\r\n"
	    "List-Id: <list.example>\r\n"
	    "Subject: smime-signed-enc-hp-baseline\r\n"
	    "Message-ID: <smime-signed-enc-hp-baseline@example>\r\n"
	    "From: Alice <alice@smime.example>\r\n"
	    "To: Bob <bob@smime.example>\r\n"
	    "Date: Sat, 20 Feb 2021 10:09:02 -0500\r\n"
	    "User-Agent: Sample MUA Version 1.0\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Transfer-Encoding: 7bit\r\n"
	    "Content-Type: text/plain; charset=\"utf-8\"\r\n"
	    "\r\n"
	    "This is the\r\nsmime-signed-enc-hp-baseline\r\nmessage.\r\n");
}

static void
what_a_sender_may_not_say_is_dropped_from_the_protected_header(void **state)
{
	expect_revealed("Subject: [...]\r\n" ENVELOPED,
	    "Authentication-Results: mx; dkim=pass\r\n"
	    "LETTERLOCK-VERDICT : verified\r\n folded\r\n"
	    "Received: from nowhere\r\n"
	    "Subject: x\r\n"
	    "List-Id: <inner>\r\n"
	    "Content-Type: text/plain; hp=\"cipher\"\r\n\r\nhi\r\n",
	    "Subject: x\r\nList-Id: <inner>\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: text/plain\r\n\r\nhi\r\n");
}

static void
without_hp_the_outer_header_stays(void **state)
{
	expect_revealed("Received: from x\r\nSubject: out\r\nList-Id: <l>\r\n"
			"Letterlock-Verdict: verified\r\n" ENVELOPED,
	    "Subject: in\r\nLetterlock-Verdict: verified\r\n"
	    "Content-Type: text/html\r\n"
	    "Content-Type: text/plain\r\n\r\nhi\n",
	    "Received: from x\r\nSubject: out\r\nList-Id: <l>\r\n"
	    "MIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\nhi\r\n");
	/* somebody else's letter, passed on: its From was not checked */
	expect_revealed("From: eve@x.test\r\n" ENVELOPED,
	    "Content-Type: message/rfc822\r\n\r\n"
	    "From: alice@x.test\r\n\r\nhi\r\n",
	    "From: eve@x.test\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: message/rfc822\r\n\r\n"
	    "From: alice@x.test\r\n\r\nhi\r\n");
}

#define MIXED "Content-Type: multipart/mixed; boundary=\"b\""
#define BINARY "Content-Transfer-Encoding: binary"

/* And nothing else does, not what stands around them, not their header. */
static void
the_bodies_of_binary_leaves_keep_their_line_ends(void **state)
{
	expect_revealed(ENVELOPED, "Content-Type: a/b\n" BINARY "\n\na\nb",
	    "MIME-Version: 1.0\r\nContent-Type: a/b\r\n" BINARY "\r\n\r\na\nb");
	expect_revealed(ENVELOPED,
	    MIXED
	    "\n" BINARY "\n\npre\n--b\nContent-Type: a/b\n" BINARY
	    "\n\na\n\r\r\nb\r\n--b\n\nc\nd\n--b\n" BINARY "\n\n--b\n" BINARY
	    "\n--b\n"
	    "Content-Type: message/rfc822\n" BINARY "\n\nX: y\n\ne\nf\n--b\n"
	    "Content-Type: message/rfc822\n\n" BINARY "\n\ng\n\n--b--\nepi\n",
	    "MIME-Version: 1.0\r\n" MIXED "\r\n" BINARY
	    "\r\n\r\npre\r\n--b\r\nContent-Type: a/b\r\n" BINARY
	    "\r\n\r\na\n\r\r\nb\r\n--b\r\n\r\nc\r\nd\r\n--b\r\n" BINARY
	    "\r\n\r\n--b\r\n" BINARY "\r\n--b\r\n"
	    "Content-Type: message/rfc822\r\n" BINARY
	    "\r\n\r\nX: y\r\n\r\ne\r\nf\r\n--b\r\n"
	    "Content-Type: message/rfc822\r\n\r\n" BINARY
	    "\r\n\r\ng\n\r\n--b--\r\nepi\r\n");
}

/* As everywhere: such a header would be read in different ways. */
static void
a_part_whose_header_is_none_is_all_body(void **state)
{
	struct received got RECEIVED_OWNED;
	struct buf out BUF_OWNED = BUF_SMALL;

	receive("Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n"
		"Subject: in\rX\r\n\r\nhi\r\n--b--\r\n",
	    "", &got);
	got.letter.payload = got.outer->child;
	assert_ok(view_letter(&got.letter, &out, NULL));
	assert_span(buf_span(&out),
	    "MIME-Version: 1.0\r\n\r\nSubject: in\rX\r\n\r\nhi");
}

/* The limits are those of every parser of letters. */
static void
what_has_too_many_parts_is_not_shown(void **state)
{
	for (unsigned more = 0; more < 2; more++) {
		struct received got RECEIVED_OWNED;
		struct buf in BUF_OWNED = BIG, out BUF_OWNED = BIG;
		struct err err = ERR_NONE;
		assert_ok(buf_add_str(&in, MIXED "\r\n\r\n", NULL));
		for (unsigned i = 1; i < ENTITY_LIMITS.parts + more; i++)
			assert_ok(buf_add_str(&in, "--b\r\n\r\n\r\n", NULL));
		receive_spans(span_str(ENVELOPED), span_str(MIXED "\r\n\r\n"),
		    true, true, &got);
		/* the header tells nothing of it */
		got.payload->whole = buf_span(&in);
		enum rc rc = view_letter(&got.letter, &out, &err);
		assert_int_equal(rc, more == 0 ? RC_OK : RC_LIMIT);
		if (more > 0)
			assert_int_equal(out.len, 0);
	}
}

static void
what_was_composed_is_revealed_as_it_was(void **state)
{
	struct composed composed COMPOSED_OWNED;
	struct received got RECEIVED_OWNED;
	struct buf out BUF_OWNED = BUF_SMALL;

	compose_ok(letter, &shy, &composed);
	receive_composed(&composed, &got);
	assert_ok(view_letter(&got.letter, &out, NULL));
	assert_span(buf_span(&out),
	    "Subject: Dinner\r\n plans\r\n"
	    "Message-ID: <1@a.test>\r\n"
	    "From: Alice <alice@a.test>\r\n"
	    "To: Bob <bob@b.test>, \"C, D\" <c@b.test>\r\n"
	    "Date: Sat, 20 Feb 2021 10:09:02 -0500\r\n"
	    "Keywords: secret\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Language: en\r\n"
	    "Content-Type: text/plain; charset=\"utf-8\"\r\n"
	    "\r\nhi\r\n");
}

/* ---- the form of RFC 8551, a message/rfc822 ------------------------------- */

#define WRAPPED                                \
	"Content-Type: message/rfc822\r\n\r\n" \
	"From: Alice <alice@x.test>\r\nSubject: in\r\nTo: b@x.test\r\n"

static void
the_wrapped_form_is_read_as_the_message_that_it_wraps(void **state)
{
	static const char outer[] =
	    "Received: from a\r\nFrom: alice@x.test\r\nSubject: out\r\n"
	    "To: b@x.test\r\nCc: eve@x.test\r\n" ENVELOPED;
	struct received got RECEIVED_OWNED;

	expect_revealed(outer, WRAPPED "\r\nhi\r\n",
	    "Received: from a\r\nFrom: Alice <alice@x.test>\r\n"
	    "Subject: in\r\nTo: b@x.test\r\nMIME-Version: 1.0\r\n"
	    "\r\nhi\r\n");
	receive(outer, WRAPPED "\r\nhi\r\n", &got);
	assert_int_equal(protect_form_of(&got.letter), PROTECT_FORM_WRAPPED);
	/* what stood outside is the real outer header */
	assert_int_equal(protect_state_of(&got.letter, "Subject"),
	    PROTECT_SIGNED_AND_ENCRYPTED);
	assert_int_equal(
	    protect_state_of(&got.letter, "To"), PROTECT_SIGNED_ONLY);
	assert_int_equal(
	    protect_state_of(&got.letter, "Cc"), PROTECT_UNPROTECTED);
	got.letter.encrypted = false;
	assert_int_equal(
	    protect_state_of(&got.letter, "Subject"), PROTECT_SIGNED_ONLY);
}

static void
what_only_looks_like_the_wrapped_form_is_a_message_inside(void **state)
{
	static const struct {
		const char *outer, *payload;
	} cases[] = {
	    {"From: eve@x.test\r\n", WRAPPED "\r\nhi"},
	    {"From: eve@x.test\r\nFrom: alice@x.test\r\n", WRAPPED "\r\nhi"},
	    {"From: alice@x.test, eve@x.test\r\n", WRAPPED "\r\nhi"},
	    {"From: alice@x.test\r\n", WRAPPED "From: a@x.test\r\n\r\nhi"},
	    {"From: alice@x.test\r\n",
		WRAPPED "Content-Type: text/plain; hp=clear\r\n\r\nhi"},
	    {"From: alice@x.test\r\n",
		WRAPPED "Content-Type: application/pkcs7-mime\r\n\r\nhi"},
	    {"From: alice@x.test\r\n",
		WRAPPED "Content-Type: multipart/signed; boundary=b\r\n\r\n"
			"--b\r\n\r\nx\r\n--b--"},
	    {"From: alice@x.test\r\n",
		"Content-Type: message/rfc822; hp=other\r\n\r\n"
		"From: alice@x.test\r\n\r\nhi"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct received got RECEIVED_OWNED;
		struct buf outer BUF_OWNED = BUF_SMALL;
		assert_ok(buf_add_format(
		    &outer, NULL, "%s" ENVELOPED, cases[i].outer));
		receive_spans(buf_span(&outer), span_str(cases[i].payload),
		    true, true, &got);
		assert_int_equal(
		    protect_form_of(&got.letter), PROTECT_FORM_NONE);
	}
}

/* ---- the outer From ------------------------------------------------------- */

static void
the_real_outer_from_is_compared_with_the_protected_one(void **state)
{
	static const struct {
		const char *outer, *inner;
		bool want;
	} cases[] = {
	    {"From: a@x.test\r\n", "From: A <A@X.test>\r\n", true},
	    {"From: b@x.test\r\n", "From: a@x.test\r\n", false},
	    {"", "From: a@x.test\r\n", false},
	    {"From: a@x.test\r\n", "", false},
	    {"From: a@x.test\r\nFrom: b@x.test\r\n", "From: a@x.test\r\n",
		false},
	    {"From: a@x.test, b@x.test\r\n", "From: a@x.test\r\n", false},
	    {"From: a@b\xc3\xbc.test\r\n", "From: A@XN--B-EHA.TEST\r\n", true},
	    {"From: a@x.test, b@x.test\r\n", "From: a@x.test, b@x.test\r\n",
		true},
	    {"From: b@x.test, a@x.test\r\n", "From: a@x.test, b@x.test\r\n",
		false},
	    {"From: g: a@x.test;\r\n", "From: a@x.test\r\n", false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct received got RECEIVED_OWNED;
		struct buf outer BUF_OWNED = BUF_SMALL;
		struct buf inner BUF_OWNED = BUF_SMALL;
		/* what HP-Outer says of it does not count */
		assert_ok(buf_add_format(
		    &outer, NULL, "%s" ENVELOPED, cases[i].outer));
		assert_ok(buf_add_format(&inner, NULL,
		    "%sHP-Outer: From: a@x.test\r\n"
		    "Content-Type: text/plain; hp=cipher\r\n\r\n",
		    cases[i].inner));
		receive_spans(
		    buf_span(&outer), buf_span(&inner), true, true, &got);
		if (protect_from_matches(&got.letter) != cases[i].want)
			fail_msg("case %zu", i);
	}
}

static void
what_is_shown_outside_is_compared_field_by_field(void **state)
{
	static const struct {
		const char *outer;
		bool want;
	} cases[] = {
	    {"From: a@x.test\r\nSubject: y\r\n z\r\n", true},
	    {"From: a@x.test\r\nSubject: x\r\n", false},
	    {"From: a@x.test\r\n", false},
	    {"From: a@x.test\r\nSubject: y z\r\nCc: b@x.test\r\n", false},
	    {"From: a@x.test\r\nSubject: y z\r\nX: b@x.test\r\n", true},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct received got RECEIVED_OWNED;
		struct buf outer BUF_OWNED = BUF_SMALL;
		assert_ok(buf_add_format(
		    &outer, NULL, "%s" ENVELOPED, cases[i].outer));
		receive_spans(buf_span(&outer),
		    span_str("From: a@x.test\r\nSubject: y z\r\n"
			     "Content-Type: text/plain; hp=clear\r\n\r\n"),
		    false, true, &got);
		if (protect_agrees(&got.letter) != cases[i].want)
			fail_msg("case %zu", i);
	}
}

/* Programs of an older draft show the From inside, whatever hp= says. */
static void
a_from_inside_that_is_no_protected_header_is_noticed(void **state)
{
	static const struct {
		const char *inside;
		bool want;
	} cases[] = {
	    {"Content-Type: text/plain\r\n\r\n", false},
	    {"From: A@X.test\r\nContent-Type: text/plain\r\n\r\n", false},
	    {"From: b@x.test\r\nContent-Type: text/plain\r\n\r\n", true},
	    {"From: b@x.test\r\nContent-Type: text/plain; hp=odd\r\n\r\n",
		true},
	    {"From:\r\nContent-Type: text/plain\r\n\r\n", true},
	    /* a protected header is judged by protect_from_matches() */
	    {"From: b@x.test\r\nContent-Type: text/plain; hp=clear\r\n\r\n",
		false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct received got RECEIVED_OWNED;
		receive_spans(
		    span_str("From: a@x.test\r\nSubject: y\r\n" ENVELOPED),
		    span_str(cases[i].inside), false, true, &got);
		if (protect_claims_other(&got.letter) != cases[i].want)
			fail_msg("case %zu", i);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		each_field_has_the_protection_that_the_rfc_gives_it),
	    cmocka_unit_test(hp_is_what_the_payload_root_says),
	    cmocka_unit_test(
		the_protected_header_is_shown_with_the_carriers_fields_before_it),
	    cmocka_unit_test(
		what_a_sender_may_not_say_is_dropped_from_the_protected_header),
	    cmocka_unit_test(without_hp_the_outer_header_stays),
	    cmocka_unit_test(the_bodies_of_binary_leaves_keep_their_line_ends),
	    cmocka_unit_test(a_part_whose_header_is_none_is_all_body),
	    cmocka_unit_test(what_has_too_many_parts_is_not_shown),
	    cmocka_unit_test(what_was_composed_is_revealed_as_it_was),
	    cmocka_unit_test(
		the_wrapped_form_is_read_as_the_message_that_it_wraps),
	    cmocka_unit_test(
		what_only_looks_like_the_wrapped_form_is_a_message_inside),
	    cmocka_unit_test(
		the_real_outer_from_is_compared_with_the_protected_one),
	    cmocka_unit_test(what_is_shown_outside_is_compared_field_by_field),
	    cmocka_unit_test(
		a_from_inside_that_is_no_protected_header_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
