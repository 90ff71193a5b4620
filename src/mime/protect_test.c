#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/expect.h"
#include "base/own.h"
#include "mime/protect.h"

OWNER(struct entity, entity_free);
#define ENTITY_OWNED OWNED(entity_free)

struct composed {
	struct buf payload, outer;
};

static void
composed_done(struct composed *composed)
{
	buf_done(&composed->payload);
	buf_done(&composed->outer);
}

#define COMPOSED_OWNED __attribute__((cleanup(composed_done)))

static enum rc
compose(const char *letter, enum protect_policy policy, bool encrypting,
    const char *bcc, struct composed *ret)
{
	struct span exact EXACT = expect_exact(span_str(letter));
	struct entity *root ENTITY_OWNED = NULL;

	*ret = (struct composed){BUF_SMALL, BUF_SMALL};
	assert_ok(entity_parse(exact, ENTITY_LIMITS, &root, NULL));
	return protect_compose(
	    root, policy, encrypting, bcc, &ret->payload, &ret->outer, NULL);
}

static void
expect_composed(const char *letter, enum protect_policy policy, bool encrypting,
    const char *payload, const char *outer)
{
	struct composed got COMPOSED_OWNED;

	assert_ok(compose(letter, policy, encrypting, NULL, &got));
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
	expect_composed(letter, PROTECT_BASELINE, true,
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
	    PROTECT_BASELINE, true,
	    "Subject: x\r\nThread-Topic: x\r\n"
	    "Content-Type: text/plain; charset=us-ascii; hp=\"cipher\"\r\n"
	    "HP-Outer: Subject: [...]\r\n"
	    "\r\nhi\r\n",
	    "Subject: [...]\r\n");
}

static void
the_shy_policy_hides_names_and_the_time_zone_too(void **state)
{
	struct composed got COMPOSED_OWNED;

	assert_ok(compose(letter, PROTECT_SHY, true, NULL, &got));
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
	expect_composed("Subject: x\r\nKeywords: y\r\n\r\nhi\r\n",
	    PROTECT_BASELINE, false,
	    "Subject: x\r\nKeywords: y\r\n"
	    "Content-Type: text/plain; charset=us-ascii; hp=\"clear\"\r\n"
	    "\r\nhi\r\n",
	    "Subject: x\r\nKeywords: y\r\n");
}

static void
the_policy_none_hides_nothing(void **state)
{
	expect_composed("Subject: x\r\n\r\nhi\r\n", PROTECT_NONE, true,
	    "Subject: x\r\n"
	    "Content-Type: text/plain; charset=us-ascii; hp=\"cipher\"\r\n"
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
		"Content-Type: text/plain; charset=us-ascii; hp=\"cipher\"\r\n"
		"HP-Outer: Subject: [...]\r\n\r\nhi\r\n",
		"Subject: [...]\r\n"},
	    {"two subjects", "Subject: x\r\nsubject: y\r\n\r\n",
		"Subject: x\r\nsubject: y\r\n"
		"Content-Type: text/plain; charset=us-ascii; hp=\"cipher\"\r\n"
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
		"Content-Type: text/plain; charset=us-ascii; hp=\"cipher\"\r\n"
		"HP-Outer: Subject: [...]\r\n"
		"Content-Transfer-Encoding: quoted-printable\r\n\r\n=C3=A4\r\n",
		"Subject: [...]\r\n"},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		expect_composed(cases[i].input, PROTECT_BASELINE, true,
		    cases[i].payload, cases[i].outer);
}

static void
a_blind_recipient_is_named_inside_their_own_copy_and_nowhere_else(void **state)
{
	struct composed got COMPOSED_OWNED, other COMPOSED_OWNED;

	assert_ok(compose(letter, PROTECT_BASELINE, true, "eve@c.test", &got));
	assert_true(span_find(buf_span(&got.payload),
			span_str("\r\nBcc: eve@c.test\r\n")) > 0);
	assert_int_equal(
	    span_find(buf_span(&got.payload), span_str("HP-Outer: Bcc")), -1);
	assert_int_equal(span_find(buf_span(&got.outer), span_str("eve")), -1);
	assert_ok(compose(letter, PROTECT_BASELINE, true, NULL, &other));
	assert_int_equal(
	    span_find(buf_span(&other.payload), span_str("eve")), -1);
}

static void
what_cannot_be_protected_leaves_nothing_behind(void **state)
{
	static const char *const letters[] = {
	    "Subject: \xc3\xa4\r\n\r\n",
	    "Content-Type: multipart/mixed; boundary=b\r\n\r\nno parts",
	    "Content-Type: x\r\n\r\n",
	    "Content-Type: a/b\r\nContent-Type: c/d\r\n\r\n",
	};

	for (size_t i = 0; i < COUNT(letters); i++) {
		struct composed got COMPOSED_OWNED;
		assert_rc(
		    compose(letters[i], PROTECT_BASELINE, true, NULL, &got),
		    RC_SYNTAX);
		assert_int_equal(got.payload.len + got.outer.len, 0);
	}
	struct composed got COMPOSED_OWNED;
	assert_rc(compose("Subject: x\r\n\r\n", PROTECT_BASELINE, true,
		      "eve@c.test\r\nX: y", &got),
	    RC_SYNTAX);
}

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
	struct entity *root ENTITY_OWNED = NULL;

	assert_ok(entity_parse(span_str(payload), ENTITY_LIMITS, &root, NULL));
	return protect_field(root, name, encrypted, valid);
}

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
		const char *payload, *want;
	} cases[] = {
	    {"Content-Type: text/plain; hp=\"cipher\"\r\n\r\n", "cipher"},
	    {"Content-Type: text/plain; hp=clear\r\n\r\n", "clear"},
	    {"Content-Type: text/plain; hp=other\r\n\r\n", NULL},
	    {"Content-Type: text/plain\r\n\r\n", NULL},
	    {"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
	     "Content-Type: text/plain; hp=\"cipher\"\r\n\r\n\r\n--b--\r\n",
		NULL},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct entity *root ENTITY_OWNED = NULL;
		assert_ok(entity_parse(
		    span_str(cases[i].payload), ENTITY_LIMITS, &root, NULL));
		const char *got = protect_hp(root);
		assert_int_equal(got == NULL, cases[i].want == NULL);
		if (got != NULL)
			assert_string_equal(got, cases[i].want);
	}
}

#define ENVELOPED                                                             \
	"MIME-Version: 1.0\r\n"                                               \
	"Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n" \
	"Content-Transfer-Encoding: base64\r\n\r\nMIIB\r\n"

static void
reveal(const char *outer, const char *payload, struct buf *out)
{
	struct span exact EXACT = expect_exact(span_str(payload));
	struct entity *a ENTITY_OWNED = NULL, *b ENTITY_OWNED = NULL;
	struct err err = ERR_NONE;

	assert_ok(entity_parse(span_str(outer), ENTITY_LIMITS, &a, NULL));
	assert_ok(entity_parse(exact, ENTITY_LIMITS, &b, NULL));
	assert_done(protect_reveal(a, b, out, &err), err);
}

static void
expect_revealed(const char *outer, const char *payload, const char *want)
{
	struct buf out BUF_OWNED = BUF_SMALL;

	reveal(outer, payload, &out);
	assert_span(buf_span(&out), want);
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
	/* RFC 8551's wrapped form: its From is not what was checked */
	expect_revealed("From: eve@x.test\r\n" ENVELOPED,
	    "Content-Type: message/rfc822\r\n\r\n"
	    "From: alice@x.test\r\n\r\nhi\r\n",
	    "From: eve@x.test\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: message/rfc822\r\n\r\n"
	    "From: alice@x.test\r\n\r\nhi\r\n");
}

static void
binary_parts_keep_their_line_ends(void **state)
{
	expect_revealed(ENVELOPED,
	    "Content-Type: a/b\nContent-Transfer-Encoding: binary\n\na\nb",
	    "MIME-Version: 1.0\r\nContent-Type: a/b\r\n"
	    "Content-Transfer-Encoding: binary\r\n\r\na\nb");
}

#define HEAD "MIME-Version: 1.0\r\n"

/* The first two are RFC 9788 appendix E. */
static const struct {
	const char *name, *payload, *want;
} legacy[] = {
    {"text",
	"Content-Type: text/plain; charset=\"us-ascii\"; "
	"hp-legacy-display=\"1\";\r\n hp=\"cipher\"\r\n\r\n"
	"Subject: Dinner plans\r\n\r\n"
	"Let's meet at Rama's Roti Shop at 8pm and go to the park\r\n"
	"from there.\r\n",
	HEAD "Content-Type: text/plain; charset=\"us-ascii\"\r\n\r\n"
	     "Let's meet at Rama's Roti Shop at 8pm and go to the park\r\n"
	     "from there.\r\n"},
    {"HTML",
	"Content-Type: text/html; hp-legacy-display=\"1\"; hp=\"cipher\""
	"\r\n\r\n"
	"<html><head><title></title></head><body>\r\n"
	"<div class=\"header-protection-legacy-display\">\r\n"
	"<pre>Subject: Dinner plans</pre>\r\n</div>\r\n<p>\r\n",
	HEAD "Content-Type: text/html\r\n\r\n"
	     "<html><head><title></title></head><body>\r\n\r\n<p>\r\n"},
    {"a division in it",
	"Content-Type: text/html; hp-legacy-display=1; hp=cipher\r\n\r\n"
	"<DIV>a</DIV><Div CLASS='x header-protection-legacy-display'>"
	"<div><div>b</div></div></div ><div>c</div>",
	HEAD "Content-Type: text/html\r\n\r\n<DIV>a</DIV><div>c</div>"},
    {"not ended: stays",
	"Content-Type: text/html; hp-legacy-display=1; hp=cipher\r\n\r\n"
	"<div class=\"header-protection-legacy-display\"><div></div>b",
	HEAD "Content-Type: text/html\r\n\r\n"
	     "<div class=\"header-protection-legacy-display\"><div></div>b"},
    {"no blank line: stays",
	"Content-Type: text/plain; hp-legacy-display=1; hp=cipher\r\n\r\n"
	"Subject: x\r\n",
	HEAD "Content-Type: text/plain\r\n\r\nSubject: x\r\n"},
    {"not said: stays",
	"Content-Type: text/plain; hp=cipher\r\n\r\nSubject: x\r\n\r\nhi",
	HEAD "Content-Type: text/plain\r\n\r\nSubject: x\r\n\r\nhi"},
    {"not meant to be encrypted: stays",
	"Content-Type: text/plain; hp-legacy-display=1; hp=clear\r\n\r\n"
	"Subject: x\r\n\r\nhi",
	HEAD "Content-Type: text/plain\r\n\r\nSubject: x\r\n\r\nhi"},
    {"in parts, encoded",
	"Content-Type: multipart/alternative; boundary=b; hp=cipher\r\n\r\n"
	"--b\r\nContent-Type: text/plain; hp-legacy-display=1\r\n"
	"Content-Transfer-Encoding: base64\r\n\r\n"
	"U3ViamVjdDogeAoKaGk=\r\n"
	"--b\r\nContent-Type: text/plain; hp-legacy-display=1\r\n"
	"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
	"Subject: =C3=A4\r\n \r\n=C3=B6\r\n--b\r\n"
	"Content-Type: message/rfc822\r\n\r\n"
	"Content-Type: text/plain; hp-legacy-display=1\r\n\r\n"
	"Subject: x\r\n\r\nhi\r\n--b--\r\n",
	HEAD "Content-Type: multipart/alternative; boundary=\"b\"\r\n\r\n"
	     "--b\r\nContent-Type: text/plain\r\n"
	     "Content-Transfer-Encoding: base64\r\n\r\naGk=\r\n"
	     "--b\r\nContent-Type: text/plain\r\n"
	     "Content-Transfer-Encoding: quoted-printable\r\n\r\n=C3=B6\r\n"
	     "--b\r\nContent-Type: message/rfc822\r\n\r\n"
	     "Content-Type: text/plain; hp-legacy-display=1\r\n\r\n"
	     "Subject: x\r\n\r\nhi\r\n--b--\r\n"},
};

static void
the_copy_for_legacy_readers_is_taken_away(void **state)
{
	for (size_t i = 0; i < COUNT(legacy); i++) {
		struct buf out BUF_OWNED = BUF_SMALL;
		reveal(ENVELOPED, legacy[i].payload, &out);
		if (!span_is(buf_span(&out), span_str(legacy[i].want)))
			print_error("%s:\n", legacy[i].name);
		assert_span(buf_span(&out), legacy[i].want);
	}
}

static void
a_letter_that_was_not_encrypted_loses_no_text(void **state)
{
	expect_revealed(
	    "Content-Type: application/pkcs7-mime; smime-type=signed-data"
	    "\r\n\r\n",
	    "Content-Type: text/plain; hp-legacy-display=1; hp=cipher\r\n\r\n"
	    "Subject: x\r\n\r\nhi",
	    HEAD "Content-Type: text/plain\r\n\r\nSubject: x\r\n\r\nhi");
}

static void
hostile_html_takes_linear_time(void **state)
{
	static const char *const fills[] = {"<div ", "<div>", "</div>",
	    "<div><", "<", "<div class=header-protection-legacy-display>"};

	for (size_t i = 0; i < COUNT(fills); i++) {
		struct buf in BUF_OWNED = BUF((size_t)1 << 24);
		struct buf out BUF_OWNED = BUF((size_t)1 << 24);
		const char *text;
		clock_t start = clock();
		assert_ok(buf_add_str(&in,
		    "Content-Type: text/html; hp-legacy-display=1; "
		    "hp=cipher\r\n\r\n",
		    NULL));
		while (in.len < 4000000)
			assert_ok(buf_add_str(&in, fills[i], NULL));
		assert_ok(buf_str(&in, &text, NULL));
		reveal(ENVELOPED, text, &out);
		assert_true(clock() - start < 5 * CLOCKS_PER_SEC);
	}
}

static void
what_was_composed_is_revealed_as_it_was(void **state)
{
	struct composed got COMPOSED_OWNED;
	struct buf outer BUF_OWNED = BUF_SMALL;
	const char *outer_text, *payload_text;

	assert_ok(compose(letter, PROTECT_SHY, true, NULL, &got));
	assert_ok(buf_add(&outer, buf_span(&got.outer), NULL));
	assert_ok(buf_add_str(&outer, ENVELOPED, NULL));
	assert_ok(buf_str(&outer, &outer_text, NULL));
	assert_ok(buf_str(&got.payload, &payload_text, NULL));
	expect_revealed(outer_text, payload_text,
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

/* Runs Debian's Python, whose email module is nobody's code here; it gets the
 * bytes on its standard input. */
static void
ask_python(const char *script, struct span input)
{
	char command[2048];
	FILE *python;

	if (access("/usr/bin/python3", X_OK) != 0)
		skip();
	(void)snprintf(command, sizeof(command),
	    "/usr/bin/python3 -c '\n"
	    "import sys, email, email.policy\n"
	    "m = email.message_from_bytes(sys.stdin.buffer.read(),"
	    " policy=email.policy.default)\n"
	    "assert not m.defects, m.defects\n%s'",
	    script);
	python = popen(command, "w");
	assert_non_null(python);
	assert_int_equal(fwrite(input.data, 1, input.len, python), input.len);
	assert_int_equal(pclose(python), 0);
}

static void
python_reads_the_payload_and_the_revealed_letter_the_same(void **state)
{
	struct composed got COMPOSED_OWNED;
	struct buf outer BUF_OWNED = BUF_SMALL, out BUF_OWNED = BUF_SMALL;
	const char *outer_text, *payload_text;

	assert_ok(
	    compose("From: Alice <alice@a.test>\r\nTo: bob@b.test\r\n"
		    "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n"
		    "MIME-Version: 1.0\r\n"
		    "Content-Type: multipart/mixed; boundary=bound\r\n\r\n"
		    "--bound\r\nContent-Type: text/plain; charset=utf-8\r\n"
		    "Content-Transfer-Encoding: 8bit\r\n\r\nGr\xc3\xbc\xc3\x9f"
		    "e\r\n"
		    "--bound\r\nContent-Type: application/x; name=y\r\n"
		    "Content-Transfer-Encoding: binary\r\n\r\n\xff\r\n"
		    "--bound--\r\n",
		PROTECT_BASELINE, true, NULL, &got));
	ask_python(
	    "assert m[\"subject\"] == \"Gr\\u00fc\\u00dfe\", m[\"subject\"]\n"
	    "assert m[\"content-type\"].params[\"hp\"] == \"cipher\"\n"
	    "assert \"Subject: [...]\" in m.get_all(\"hp-outer\")\n"
	    "a, b = m.iter_parts()\n"
	    "assert a.get_content() == \"Gr\\u00fc\\u00dfe\","
	    " repr(a.get_content())\n"
	    "assert b.get_content() == b\"\\xff\", b.get_content()\n",
	    buf_span(&got.payload));
	assert_ok(buf_add(&outer, buf_span(&got.outer), NULL));
	assert_ok(buf_add_str(&outer, ENVELOPED, NULL));
	assert_ok(buf_str(&outer, &outer_text, NULL));
	ask_python("assert m[\"subject\"] == \"[...]\"\n"
		   "assert m[\"from\"].addresses[0].addr_spec == "
		   "\"alice@a.test\"\n",
	    buf_span(&outer));
	assert_ok(buf_str(&got.payload, &payload_text, NULL));
	reveal(outer_text, payload_text, &out);
	ask_python("assert m[\"subject\"] == \"Gr\\u00fc\\u00dfe\"\n"
		   "assert len(m.get_all(\"mime-version\")) == 1\n"
		   "assert \"hp\" not in m[\"content-type\"].params\n"
		   "assert m[\"hp-outer\"] is None\n"
		   "assert [p.get_content_type() for p in m.walk()] == "
		   "[\"multipart/mixed\", \"text/plain\", \"application/x\"]\n",
	    buf_span(&out));
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
		each_field_has_the_protection_that_the_rfc_gives_it),
	    cmocka_unit_test(hp_is_what_the_payload_root_says),
	    cmocka_unit_test(
		the_protected_header_is_shown_with_the_carriers_fields_before_it),
	    cmocka_unit_test(
		what_a_sender_may_not_say_is_dropped_from_the_protected_header),
	    cmocka_unit_test(without_hp_the_outer_header_stays),
	    cmocka_unit_test(binary_parts_keep_their_line_ends),
	    cmocka_unit_test(the_copy_for_legacy_readers_is_taken_away),
	    cmocka_unit_test(a_letter_that_was_not_encrypted_loses_no_text),
	    cmocka_unit_test(hostile_html_takes_linear_time),
	    cmocka_unit_test(what_was_composed_is_revealed_as_it_was),
	    cmocka_unit_test(
		python_reads_the_payload_and_the_revealed_letter_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
