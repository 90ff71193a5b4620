#include "proto/challenge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* RFC 8823 figure 1 and 2. */
#define TOKEN "LgYemJLy3F1LDkiJrdIGbEzyFJyOyf6vBdyZ1TG3sME="
#define DIGEST "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"

#define T128                                                               \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* In a block of exactly its size, so that a byte read beyond it is seen. */
static struct span
exact(const char *text)
{
	size_t len = strlen(text);
	uint8_t *copy = malloc(len + (len == 0));

	assert_non_null(copy);
	memcpy(copy, text, len);
	return span_of(copy, len);
}

static void
drop(struct span span)
{
	free((void *)(uintptr_t)span.data);
}

static void
expect(const char *name, enum rc rc, const struct buf *got, enum rc want_rc,
    const char *want)
{
	if (rc != want_rc || !span_is(buf_span(got), span_str(want)))
		fail_msg("%s: got %s \"%.*s\", want %s \"%s\"", name,
		    rc_name(rc), SPAN_ARGS(buf_span(got)), rc_name(want_rc),
		    want);
}

static void
a_challenge_is_known_by_its_subject(void **state)
{
	static const struct {
		const char *subject;
		bool is_reply;
		enum rc rc;
		const char *token;
	} cases[] = {
	    {"ACME: " TOKEN, false, RC_OK, TOKEN},
	    {"ACME:" TOKEN, false, RC_OK, TOKEN},
	    {"  ACME: abc-\t d_e\r\n f", false, RC_OK, "abc-d_ef"},
	    {"Re: ACME: " TOKEN, false, RC_ABSENT, ""},
	    {"Re: ACME: " TOKEN, true, RC_OK, TOKEN},
	    {"Antwort: Re: ACME: abc", true, RC_OK, "abc"},
	    {"ACME: abc", true, RC_OK, "abc"},
	    {"ACME:", false, RC_ABSENT, ""},
	    {"ACME: =", false, RC_ABSENT, ""},
	    {"ACME: a=b", false, RC_ABSENT, ""},
	    {"ACME: abc!", false, RC_ABSENT, ""},
	    {"ACME: a/b+c", false, RC_ABSENT, ""},
	    {"ACME abc", false, RC_ABSENT, ""},
	    {"acme: abc", false, RC_ABSENT, ""},
	    {"", false, RC_ABSENT, ""},
	    {"Hello", true, RC_ABSENT, ""},
	    {"ACME: " T128 T128, false, RC_OK, T128 T128},
	    {"ACME: a" T128 T128, false, RC_ABSENT, ""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf token BUF_OWNED = BUF_SMALL;
		struct span subject = exact(cases[i].subject);
		enum rc rc =
		    challenge_token(subject, cases[i].is_reply, &token, NULL);
		drop(subject);
		expect(
		    cases[i].subject, rc, &token, cases[i].rc, cases[i].token);
	}
}

/* printf 'part1part2.thumb' | openssl dgst -sha256 -binary | base64 */
static void
the_digest_is_of_both_parts_and_the_account_key(void **state)
{
	struct buf digest BUF_OWNED = BUF_SMALL;
	enum rc rc = challenge_digest(span_str("part1"), span_str("part2"),
	    span_str("thumb"), &digest, NULL);

	expect("digest", rc, &digest, RC_OK,
	    "l7giv3mLnyKVFTUIfUZtovWVySA4xyoMNrvV7Hsv468");
}

static void
the_answer_is_between_its_two_lines(void **state)
{
	static const struct {
		const char *name;
		const char *text;
		enum rc rc;
		const char *digest;
	} cases[] = {
	    {"the RFC's own",
		"-----BEGIN ACME RESPONSE-----\r\n"
		"LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowy\r\n"
		"jxAjEuX0=\r\n"
		"-----END ACME RESPONSE-----\r\n",
		RC_OK, DIGEST},
	    {"text around it",
		"Hello,\r\n\r\n-----BEGIN ACME RESPONSE-----\r\n" DIGEST
		"\r\n-----END ACME RESPONSE-----\r\n-- \r\nAlice\r\n",
		RC_OK, DIGEST},
	    {"bare line feeds, no end of line",
		"-----BEGIN ACME RESPONSE-----\n" DIGEST
		"\n-----END ACME RESPONSE-----",
		RC_OK, DIGEST},
	    {"the first of two",
		"-----BEGIN ACME RESPONSE-----\nabc\n"
		"-----END ACME RESPONSE-----\n"
		"-----BEGIN ACME RESPONSE-----\ndef\n"
		"-----END ACME RESPONSE-----\n",
		RC_OK, "abc"},
	    {"no end", "-----BEGIN ACME RESPONSE-----\nabc\n", RC_ABSENT, ""},
	    {"no begin", "abc\n-----END ACME RESPONSE-----\n", RC_ABSENT, ""},
	    {"end before begin",
		"-----END ACME RESPONSE-----\nabc\n"
		"-----BEGIN ACME RESPONSE-----\n",
		RC_ABSENT, ""},
	    {"nothing between",
		"-----BEGIN ACME RESPONSE-----\n"
		"-----END ACME RESPONSE-----\n",
		RC_SYNTAX, ""},
	    {"a quoted answer is none",
		"> -----BEGIN ACME RESPONSE-----\n> abc\n"
		"> -----END ACME RESPONSE-----\n",
		RC_ABSENT, ""},
	    {"foreign bytes",
		"-----BEGIN ACME RESPONSE-----\nab%c\n"
		"-----END ACME RESPONSE-----\n",
		RC_SYNTAX, ""},
	    {"64 characters",
		"-----BEGIN ACME RESPONSE-----\n"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"
		"-----END ACME RESPONSE-----\n",
		RC_OK,
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
	    {"65 characters",
		"-----BEGIN ACME RESPONSE-----\n"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"
		"-----END ACME RESPONSE-----\n",
		RC_LIMIT, ""},
	    {"empty", "", RC_ABSENT, ""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf digest BUF_OWNED = BUF_SMALL;
		struct span text = exact(cases[i].text);
		enum rc rc = challenge_parse_answer(text, &digest, NULL);
		drop(text);
		expect(
		    cases[i].name, rc, &digest, cases[i].rc, cases[i].digest);
	}
}

static const struct challenge_mail good = {
    .from = "acme-generator@example.org",
    .to = "alexey@example.com",
    .message_id = "<A2299BB.FF7788@example.org>",
    .date = "Sat, 05 Dec 2020 10:08:55 +0100",
    .token1 = {(const uint8_t *)TOKEN, sizeof(TOKEN) - 1},
    .in_reply_to = "<1@example.org>",
    .digest = {(const uint8_t *)DIGEST, sizeof(DIGEST) - 1},
};

static void
expect_line(const struct buf *letter, const char *line)
{
	struct buf want BUF_OWNED = BUF_SMALL;

	assert_int_equal(buf_add_format(&want, NULL, "%s\r\n", line), RC_OK);
	if (span_find(buf_span(letter), buf_span(&want)) < 0)
		fail_msg("no line \"%s\" in:\n%.*s", line,
		    SPAN_ARGS(buf_span(letter)));
}

static void
a_printed_challenge_has_what_the_standard_wants(void **state)
{
	struct buf letter BUF_OWNED = BUF_SMALL;

	assert_int_equal(challenge_print(&good, &letter, NULL), RC_OK);
	expect_line(&letter, "Auto-Submitted: auto-generated; type=acme");
	expect_line(&letter, "Subject: ACME: " TOKEN);
	expect_line(&letter, "From: acme-generator@example.org");
	expect_line(&letter, "To: alexey@example.com");
	expect_line(&letter, "Message-ID: <A2299BB.FF7788@example.org>");
	assert_true(span_find(buf_span(&letter), span_str("DIGEST")) < 0);
}

static void
a_printed_answer_is_read_back(void **state)
{
	struct buf letter BUF_OWNED = BUF_SMALL;
	struct buf digest BUF_OWNED = BUF_SMALL;

	assert_int_equal(challenge_print_answer(&good, &letter, NULL), RC_OK);
	expect_line(&letter, "Auto-Submitted: auto-replied");
	expect_line(&letter, "Subject: Re: ACME: " TOKEN);
	expect_line(&letter, "In-Reply-To: <1@example.org>");
	enum rc rc = challenge_parse_answer(buf_span(&letter), &digest, NULL);
	expect("answer", rc, &digest, RC_OK, DIGEST);
}

/* An address from somebody else must not write a field of its own. */
static void
nothing_given_can_start_another_line(void **state)
{
	static const char *const bad[] = {
	    "a@example.org\r\nBcc: eve@example.net", "a\nb", "", "a\x80"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct challenge_mail mails[] = {
		    good, good, good, good, good, good};
		mails[0].from = bad[i];
		mails[1].to = bad[i];
		mails[2].message_id = bad[i];
		mails[3].date = bad[i];
		mails[4].token1 = span_str(bad[i]);
		mails[5].in_reply_to = bad[i];
		for (size_t j = 0; j < 6; j++) {
			struct buf letter BUF_OWNED = BUF_SMALL;
			enum rc rc =
			    challenge_print_answer(&mails[j], &letter, NULL);
			/* A token's white space is dropped, as from a folded
			 * subject. */
			bool folded = j == 4 && strcmp(bad[i], "a\nb") == 0;
			if (folded && rc == RC_OK)
				expect_line(&letter, "Subject: Re: ACME: ab");
			else if (rc != RC_SYNTAX || letter.len != 0)
				fail_msg(
				    "case %zu.%zu: got %s", i, j, rc_name(rc));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_challenge_is_known_by_its_subject),
	    cmocka_unit_test(the_digest_is_of_both_parts_and_the_account_key),
	    cmocka_unit_test(the_answer_is_between_its_two_lines),
	    cmocka_unit_test(a_printed_challenge_has_what_the_standard_wants),
	    cmocka_unit_test(a_printed_answer_is_read_back),
	    cmocka_unit_test(nothing_given_can_start_another_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
