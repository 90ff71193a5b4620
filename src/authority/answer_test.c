#include "authority/answer.h"

#include <stdio.h>

#include "base/expect.h"
#include "proto/challenge.h"

#define FROM "alice@alpha.test"
#define TO "acme-challenge+0123@authority.test"
#define TOKEN1 "AAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define TOKEN2 "BBBBBBBBBBBBBBBBBBBBBBBBBBB"
#define THUMB "CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC"

#define HEADER_TOP           \
	"From: " FROM "\r\n" \
	"To: " TO "\r\n"     \
	"Subject: Re: ACME: " TOKEN1 "\r\n"

static enum rc dkim_says;
static bool dkim_was_asked;

static enum rc
fake_dkim(const void *context, struct span letter, struct err *err)
{
	dkim_was_asked = true;
	return dkim_says == RC_OK ? RC_OK : err_set(err, dkim_says, "DKIM");
}

static const char *
right_digest(void)
{
	static char text[64];
	struct buf digest BUF_OWNED = BUF_SMALL;
	struct err err = ERR_NONE;
	const char *line = NULL;

	assert_ok(challenge_digest(span_str(TOKEN1), span_str(TOKEN2),
	    span_str(THUMB), &digest, &err));
	assert_ok(buf_str(&digest, &line, &err));
	(void)snprintf(text, sizeof(text), "%s", line);
	return text;
}

/* `now`, `before`: thumbprints of the account's key. */
static enum rc
check_keys(
    const char *letter, const char *now, const char *before, struct err *err)
{
	char address[] = FROM, token1[] = TOKEN1, token2[] = TOKEN2;
	char former[100];
	struct authorization a = {.address = address,
	    .token1 = token1,
	    .token2 = token2,
	    .thumbprint = former};
	struct answer_check how = {.authorization = &a,
	    .recipient = TO,
	    .thumbprint = now,
	    .check_dkim = fake_dkim};
	(void)snprintf(former, sizeof(former), "%s", before);
	struct span exact EXACT = expect_exact(span_str(letter));

	dkim_was_asked = false;
	return answer_check(&how, exact, err);
}

static enum rc
check(const char *letter, struct err *err)
{
	return check_keys(letter, THUMB, THUMB, err);
}

/* A letter of this header and a body with "%s" for the digest. */
static enum rc
check_with(
    const char *header, const char *body, const char *digest, struct err *err)
{
	struct buf letter BUF_OWNED = BUF_SMALL;
	ptrdiff_t at = span_find(span_str(body), span_str("%s"));
	const char *text = NULL;

	assert_ok(buf_add_format(&letter, err, "%s\r\n", header));
	assert_ok(buf_add(&letter,
	    span_first(span_str(body), at < 0 ? SIZE_MAX : (size_t)at), err));
	if (at >= 0)
		assert_ok(buf_add_format(
		    &letter, err, "%s%s", digest, body + at + 2));
	assert_ok(buf_str(&letter, &text, err));
	return check(text, err);
}

#define BLOCK                                     \
	"-----BEGIN ACME RESPONSE-----\r\n%s\r\n" \
	"-----END ACME RESPONSE-----\r\n"

static void
an_answer_by_the_key_of_before_a_key_change_is_right(void **state)
{
	struct buf letter BUF_OWNED = BUF_SMALL;
	struct err err = ERR_NONE;
	const char *text = NULL;

	assert_ok(buf_add_format(
	    &letter, &err, HEADER_TOP "\r\n" BLOCK, right_digest()));
	assert_ok(buf_str(&letter, &text, &err));
	assert_done(check_keys(text, THUMB, "other", &err), err);
	assert_done(check_keys(text, "other", THUMB, &err), err);
	assert_rc(check_keys(text, "other", "another", &err), RC_CRYPTO);
	assert_rc(check_keys(text, "other", "", &err), RC_CRYPTO);
}

static void
answers_in_every_permitted_form_are_right(void **state)
{
	static const struct {
		const char *name;
		const char *header;
		const char *body;
	} cases[] = {
	    {"plain", HEADER_TOP, BLOCK},
	    {"text around", HEADER_TOP,
		"Hello\r\n\r\n" BLOCK "\r\n> quoted\r\n"},
	    {"padded", HEADER_TOP,
		"-----BEGIN ACME RESPONSE-----\r\n%s=\r\n"
		"-----END ACME RESPONSE-----\r\n"},
	    {"no reply prefix",
		"From: " FROM "\r\nTo: " TO "\r\nSubject: ACME: " TOKEN1 "\r\n",
		BLOCK},
	    {"folded subject",
		"From: " FROM "\r\nTo: " TO "\r\nSubject: Re: ACME:\r\n "
		"AAAAAAAAAAAAAA\r\n AAAAAAAAAAAAA\r\n",
		BLOCK},
	    {"encoded subject",
		"From: " FROM "\r\nTo: " TO
		"\r\nSubject: =?utf-8?q?Re=3A_ACME=3A_" TOKEN1 "?=\r\n",
		BLOCK},
	    {"names",
		"From: Alice <" FROM ">\r\nTo: CA <" TO ">, x@y.test\r\n"
		"Subject: Re: ACME: " TOKEN1 "\r\n",
		BLOCK},
	    {"domain in capitals",
		"From: alice@ALPHA.test\r\nTo: " TO
		"\r\nSubject: Re: ACME: " TOKEN1 "\r\n",
		BLOCK},
	    {"alternative",
		HEADER_TOP "Content-Type: multipart/alternative; "
			   "boundary=b\r\n",
		"--b\r\nContent-Type: text/html\r\n\r\n<p>hi</p>\r\n"
		"--b\r\nContent-Type: text/plain\r\n\r\n" BLOCK "--b--\r\n"},
	    {"quoted-printable",
		HEADER_TOP "Content-Transfer-Encoding: quoted-printable\r\n",
		"-----BEGIN ACME RESPONSE-----\r\n%s=\r\n\r\n"
		"=2D----END ACME RESPONSE-----\r\n"},
	};

	dkim_says = RC_OK;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err = ERR_NONE;
		enum rc rc = check_with(
		    cases[i].header, cases[i].body, right_digest(), &err);
		if (rc != RC_OK)
			fail_msg("%s: %s (%s)", cases[i].name, rc_name(rc),
			    err.text);
		assert_true(dkim_was_asked);
	}
}

static void
a_wrong_digest_from_the_mailbox_is_the_only_failure(void **state)
{
	char wrong[64];
	struct err err = ERR_NONE;

	dkim_says = RC_OK;
	(void)snprintf(wrong, sizeof(wrong), "%s", right_digest());
	for (size_t i = 0; wrong[i] != '\0'; i++) {
		char was = wrong[i];
		wrong[i] = was == 'A' ? 'B' : 'A';
		assert_rc(
		    check_with(HEADER_TOP, BLOCK, wrong, &err), RC_CRYPTO);
		wrong[i] = was;
	}
	assert_ok(check_with(HEADER_TOP, BLOCK, wrong, &err));
	wrong[42] = '\0';
	assert_rc(check_with(HEADER_TOP, BLOCK, wrong, &err), RC_CRYPTO);
}

static void
letters_that_prove_nothing_are_refused_before_dkim_is_asked(void **state)
{
	static const struct {
		const char *header;
		const char *says;
	} cases[] = {
	    {"From: bob@alpha.test\r\nTo: " TO "\r\nSubject: ACME: " TOKEN1
	     "\r\n",
		"From"},
	    {"From: Alice@alpha.test\r\nTo: " TO "\r\nSubject: ACME: " TOKEN1
	     "\r\n",
		"From"},
	    {"From: " FROM ", bob@alpha.test\r\nTo: " TO
	     "\r\nSubject: ACME: " TOKEN1 "\r\n",
		"From"},
	    {"From: x: " FROM ";\r\nTo: " TO "\r\nSubject: ACME: " TOKEN1
	     "\r\n",
		"From"},
	    {HEADER_TOP "From: " FROM "\r\n", "From"},
	    {"To: " TO "\r\nSubject: ACME: " TOKEN1 "\r\n", "From"},
	    {"From: " FROM "\r\nTo: x@y.test\r\nSubject: ACME: " TOKEN1 "\r\n",
		"To"},
	    {"From: " FROM "\r\nCc: " TO "\r\nSubject: ACME: " TOKEN1 "\r\n",
		"To"},
	    {HEADER_TOP "List-Id: <x.y.test>\r\n", "mailing list"},
	    {HEADER_TOP "list-unsubscribe-post: x\r\n", "mailing list"},
	    {HEADER_TOP "Subject: ACME: " TOKEN1 "\r\n", "Subject"},
	    {"From: " FROM "\r\nTo: " TO "\r\nSubject: ACME: " TOKEN1 "A\r\n",
		"token"},
	    {"From: " FROM "\r\nTo: " TO "\r\nSubject: " TOKEN1 "\r\n",
		"token"},
	    {"From: " FROM "\r\nTo: " TO "\r\n", "Subject"},
	};

	dkim_says = RC_OK;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err = ERR_NONE;
		enum rc rc =
		    check_with(cases[i].header, BLOCK, right_digest(), &err);
		if (rc != RC_REFUSED || strstr(err.text, cases[i].says) == NULL)
			fail_msg("%s: %s (%s)", cases[i].header, rc_name(rc),
			    err.text);
		assert_false(dkim_was_asked);
	}
}

static void
without_dkim_no_digest_is_looked_at(void **state)
{
	static const char *const digests[] = {NULL, "AAAA"};

	for (size_t i = 0; i < COUNT(digests); i++) {
		const char *digest =
		    digests[i] != NULL ? digests[i] : right_digest();
		struct err err = ERR_NONE;
		dkim_says = RC_REFUSED;
		assert_rc(
		    check_with(HEADER_TOP, BLOCK, digest, &err), RC_REFUSED);
		dkim_says = RC_IO;
		assert_rc(check_with(HEADER_TOP, BLOCK, digest, &err), RC_IO);
	}
}

static void
a_letter_without_a_response_is_no_failure(void **state)
{
	static const char *const bodies[] = {"", "hello\r\n",
	    "-----BEGIN ACME RESPONSE-----\r\n%s\r\n",
	    "--b\r\nContent-Type: text/html\r\n\r\n" BLOCK "--b--\r\n"};
	struct err err = ERR_NONE;

	dkim_says = RC_OK;
	for (size_t i = 0; i < COUNT(bodies); i++)
		assert_rc(check_with(i < 3 ? HEADER_TOP
					   : HEADER_TOP
					 "Content-Type: multipart/alternative; "
					 "boundary=b\r\n",
			      bodies[i], right_digest(), &err),
		    RC_REFUSED);
	assert_rc(check_with(HEADER_TOP "Content-Type: text/html\r\n", BLOCK,
		      right_digest(), &err),
	    RC_REFUSED);
}

static void
a_letter_over_the_limit_is_refused(void **state)
{
	struct buf letter BUF_OWNED = BUF(ANSWER_MAX + 1);
	struct err err = ERR_NONE;
	struct answer_check how = {.authorization = NULL};
	uint8_t *room = NULL;

	assert_ok(buf_reserve(&letter, ANSWER_MAX + 1, &room, &err));
	memset(room, 'x', ANSWER_MAX + 1);
	assert_rc(
	    answer_check(&how, span_of(room, ANSWER_MAX + 1), &err), RC_LIMIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		an_answer_by_the_key_of_before_a_key_change_is_right),
	    cmocka_unit_test(answers_in_every_permitted_form_are_right),
	    cmocka_unit_test(
		a_wrong_digest_from_the_mailbox_is_the_only_failure),
	    cmocka_unit_test(
		letters_that_prove_nothing_are_refused_before_dkim_is_asked),
	    cmocka_unit_test(without_dkim_no_digest_is_looked_at),
	    cmocka_unit_test(a_letter_without_a_response_is_no_failure),
	    cmocka_unit_test(a_letter_over_the_limit_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
