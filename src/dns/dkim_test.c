#include "base/expect.h"
#include "dns/dkimkit_priv.h"

static void
expect_judged(void **state, const char *name, const struct buf *letter,
    enum rc want, const char *words)
{
	struct context *context = *state;
	struct err err = ERR_NONE;
	uint8_t *exact = malloc(letter->len);

	assert_non_null(exact);
	memcpy(exact, letter->data, letter->len);
	enum rc rc = dkim_check_challenge(context->resolver,
	    span_of(exact, letter->len), DKIM_CHALLENGE, &err);
	free(exact);
	if (rc != want || strstr(err.text, words) == NULL)
		fail_msg("%s: got %s \"%s\", want %s \"%s\"", name, rc_name(rc),
		    err.text, rc_name(want), words);
}

static void
expect_signed(void **state, const char *letter, const char *options,
    enum rc want, const char *words)
{
	struct buf signed_letter BUF_OWNED = BUF_SMALL;

	sign(state, letter, options, &signed_letter);
	expect_judged(state, options, &signed_letter, want, words);
}

#define LETTER_BARE                                    \
	"From: a@signed.test\r\nTo: b@example.com\r\n" \
	"Subject: hello\r\n\r\nx\r\n"
#define GOOD "s=good d=signed.test key=2048 h="

static void
a_letter_signed_as_the_standard_wants_passes(void **state)
{
	static const char *const options[] = {
	    GOOD H_ALL,
	    GOOD H_OVER " c=simple/simple",
	    GOOD H_OVER " c=relaxed/relaxed",
	    "s=thousand d=signed.test key=1024 h=" H_ALL,
	    "s=ed d=signed.test key=ed a=ed25519-sha256 h=" H_ALL,
	    GOOD H_ALL " x=3600",
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		expect_signed(state, LETTER, options[i], RC_OK, "");
}

static void
every_field_that_the_standard_names_must_be_covered(void **state)
{
	static const char *const names[] = {"sender", "reply-to", "to", "cc",
	    "subject", "date", "in-reply-to", "references", "message-id",
	    "content-type", "content-transfer-encoding", "auto-submitted"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct buf text BUF_OWNED = BUF_SMALL;
		const char *options = NULL;
		assert_int_equal(buf_add_str(&text, GOOD "from", NULL), RC_OK);
		for (size_t j = 0; j < sizeof(names) / sizeof(names[0]); j++)
			if (j != i)
				assert_int_equal(buf_add_format(&text, NULL,
						     ":%s", names[j]),
				    RC_OK);
		assert_int_equal(buf_str(&text, &options, NULL), RC_OK);
		expect_signed(
		    state, LETTER, options, RC_REFUSED, "does not cover");
	}
}

static void
an_answer_may_leave_auto_submitted_open(void **state)
{
	struct context *context = *state;
	struct buf letter BUF_OWNED = BUF_SMALL;

	sign(state, LETTER, GOOD H_ANSWER, &letter);
	assert_int_equal(dkim_check_challenge(context->resolver,
			     buf_span(&letter), DKIM_REPLY, NULL),
	    RC_OK);
	expect_judged(
	    state, "challenge", &letter, RC_REFUSED, "Auto-Submitted");
}

/* Most providers sign what is there, and no field that is absent. */
static void
an_answer_can_be_judged_by_what_is_there(void **state)
{
	static const struct {
		const char *options;
		enum rc want;
	} cases[] = {
	    {GOOD "from:to:subject", RC_OK},
	    {GOOD "from:subject", RC_REFUSED},
	    {GOOD "from:to", RC_REFUSED},
	};
	struct context *context = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf letter BUF_OWNED = BUF_SMALL;
		sign(state, LETTER_BARE, cases[i].options, &letter);
		assert_rc(dkim_check_challenge(context->resolver,
			      buf_span(&letter), DKIM_REPLY_LENIENT, NULL),
		    cases[i].want);
		assert_rc(dkim_check_challenge(context->resolver,
			      buf_span(&letter), DKIM_REPLY, NULL),
		    RC_REFUSED);
	}
	/* what is there must be covered */
	struct buf letter BUF_OWNED = BUF_SMALL;
	sign(state, LETTER, cases[0].options, &letter);
	assert_rc(dkim_check_challenge(context->resolver, buf_span(&letter),
		      DKIM_REPLY_LENIENT, NULL),
	    RC_REFUSED);
}

static void
a_signature_of_another_domain_is_no_signature(void **state)
{
	expect_signed(state, LETTER, "s=good d=open.test key=2048 h=" H_ALL,
	    RC_REFUSED, "no DKIM signature of signed.test");
	/* Not the parent either. */
	expect_signed(state,
	    "From: a@sub.signed.test\r\nTo: b@example.com\r\n\r\nx\r\n",
	    GOOD H_ALL, RC_REFUSED, "no DKIM signature of sub.signed.test");
}

static void
bad_keys_and_weak_signatures_are_refused(void **state)
{
	static const struct {
		const char *options;
		const char *words;
	} cases[] = {
	    {"s=small d=signed.test key=768 h=" H_ALL, ""},
	    {"s=testing d=signed.test key=2048 h=" H_ALL, "testing"},
	    {"s=revoked d=signed.test key=2048 h=" H_ALL, "revoked"},
	    {"s=absent d=signed.test key=2048 h=" H_ALL, "fails"},
	    {"s=other d=signed.test key=2048 h=" H_ALL, "fails"},
	    {"s=two d=signed.test key=2048 h=" H_ALL, "fails"},
	    {GOOD H_ALL " x=-3600 late=-7200", "expired"},
	    {GOOD H_ALL " late=86400", "future"},
	    {GOOD H_ALL " l=1", "l="},
	    {GOOD H_ALL " a=rsa-sha1", "rsa-sha256"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_signed(state, LETTER, cases[i].options, RC_REFUSED,
		    cases[i].words);
}

/* Replace the first `old` after the signature by `new`. */
static void
change(struct buf *letter, const char *old, const char *new)
{
	struct buf rest BUF_OWNED = BUF_SMALL;
	ptrdiff_t at = span_find(buf_span(letter), span_str(old));

	assert_true(at >= 0);
	struct span behind =
	    span_after(buf_span(letter), (size_t)at + strlen(old));
	assert_int_equal(buf_add(&rest, behind, NULL), RC_OK);
	buf_cut(letter, (size_t)at);
	assert_int_equal(buf_add_str(letter, new, NULL), RC_OK);
	assert_int_equal(buf_add(letter, buf_span(&rest), NULL), RC_OK);
}

static void
a_changed_letter_is_refused(void **state)
{
	static const char *const changes[][2] = {
	    {"Hello.", "Hullo."},
	    {"alexey@", "alexex@"},
	    {"ACME: LgYem", "ACME: MgYem"},
	    {"type=acme", "type=acne"},
	    {"Date: Sat,", "Reply-To: eve@example.net\r\nDate: Sat,"},
	    {"Date: Sat,", "Subject: ACME: abc\r\nDate: Sat,"},
	    {"Date: Sat,", "In-Reply-To: <1@x>\r\nDate: Sat,"},
	};

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct buf letter BUF_OWNED = BUF_SMALL;
		sign(state, LETTER, GOOD H_ALL, &letter);
		expect_judged(state, "unchanged", &letter, RC_OK, "");
		change(&letter, changes[i][0], changes[i][1]);
		expect_judged(state, changes[i][1], &letter, RC_REFUSED, "");
	}
}

/* Signatures take copies from the bottom, readers from the top: a second
 * Subject on top of one that is signed once would be read and not covered. */
static void
a_second_copy_on_top_of_a_signed_field_is_refused(void **state)
{
	static const char *const tops[] = {"Subject: ACME: abc\r\n",
	    "To: eve@example.net\r\n", "From: eve@example.net\r\n"};
	static const char *const words[] = {"does not cover Subject",
	    "does not cover To", "not exactly one From"};

	for (size_t i = 0; i < sizeof(tops) / sizeof(tops[0]); i++) {
		struct buf letter BUF_OWNED = BUF_SMALL;
		struct buf both BUF_OWNED = BUF_SMALL;
		sign(state, LETTER, GOOD H_ALL, &letter);
		assert_int_equal(buf_add_str(&both, tops[i], NULL), RC_OK);
		assert_int_equal(
		    buf_add(&both, buf_span(&letter), NULL), RC_OK);
		expect_judged(state, tops[i], &both, RC_REFUSED, words[i]);
	}
}

static void
a_letter_without_one_author_is_refused(void **state)
{
	static const char *const letters[] = {
	    "To: b@example.com\r\n\r\nx\r\n",
	    "From: a@signed.test, b@signed.test\r\n\r\nx\r\n",
	    "From: nobody\r\n\r\nx\r\n",
	    "From: undisclosed:;\r\n\r\nx\r\n",
	    "From: a@signed.test\r\nSubject: not signed\r\n\r\nx\r\n",
	    "\r\n",
	};

	for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++) {
		struct buf letter BUF_OWNED = BUF_SMALL;
		assert_int_equal(buf_add_str(&letter, letters[i], NULL), RC_OK);
		expect_judged(state, letters[i], &letter, RC_REFUSED, "");
	}
}

static void
one_good_signature_among_bad_ones_is_enough(void **state)
{
	struct buf once BUF_OWNED = BUF_SMALL;
	struct buf twice BUF_OWNED = BUF_SMALL;
	const char *text = NULL;

	sign(state, LETTER, GOOD H_ALL, &once);
	assert_int_equal(buf_str(&once, &text, NULL), RC_OK);
	sign(state, text, "s=good d=open.test key=2048 h=" H_ALL, &twice);
	expect_judged(state, "foreign first", &twice, RC_OK, "");
	buf_clear(&twice);
	sign(state, text, "s=other d=signed.test key=2048 h=" H_ALL, &twice);
	expect_judged(state, "bad first", &twice, RC_OK, "");
}

/* "Could not ask" is not "no": the letter may be asked about again. */
static void
a_key_that_cannot_be_asked_for_is_tried_again(void **state)
{
	struct context *context = *state;
	struct buf letter BUF_OWNED = BUF_SMALL;
	struct resolver *resolver OWNED(resolver_free) = NULL;
	char server[64];
	struct err err = ERR_NONE;

	/* our own address, and nobody at this port of it */
	(void)snprintf(server, sizeof(server), "%s@%d", context->zones.address,
	    ZONE_PORT + 1);
	struct resolver_config config = {
	    .server = server, .anchors = context->zones.anchors};
	assert_int_equal(resolver_new(&config, &resolver, NULL), RC_OK);
	sign(state, LETTER, GOOD H_ALL, &letter);
	enum rc rc = dkim_check_challenge(
	    resolver, buf_span(&letter), DKIM_CHALLENGE, &err);
	if (rc != RC_IO)
		fail_msg("got %s \"%s\"", rc_name(rc), err.text);
}

#define FOOTBALL                                                    \
	"DKIM-Signature: v=1; a=%s-sha256; c=relaxed/relaxed;\r\n"  \
	" d=football.example.com; i=@football.example.com;\r\n"     \
	" q=dns/txt; s=%s; t=1528637909; h=from : to :\r\n"         \
	" subject : date : message-id : from : subject : date;\r\n" \
	" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"     \
	" b=%s\r\n"                                                 \
	"From: Joe SixPack <joe@football.example.com>\r\n"          \
	"To: Suzie Q <suzie@shopping.example.net>\r\n"              \
	"Subject: Is dinner ready?\r\n"                             \
	"Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"           \
	"Message-ID: <20030712040037.46341.5F8J@football."          \
	"example.com>\r\n\r\n"                                      \
	"Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\n" \
	"Joe.\r\n"

/* Appendix A.3: good signatures, which cover less than a challenge needs. */
static void
the_letters_of_rfc_8463_verify(void **state)
{
	static const struct {
		const char *algorithm;
		const char *selector;
		const char *value;
		const char *words;
	} cases[] = {
	    {"ed25519", "brisbane",
		"/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus"
		"Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==",
		"does not cover Sender"},
	    {"ed25519", "brisbane",
		"/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus"
		"Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dg==",
		"fails"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf letter BUF_OWNED = BUF_SMALL;
		assert_int_equal(
		    buf_add_format(&letter, NULL, FOOTBALL, cases[i].algorithm,
			cases[i].selector, cases[i].value),
		    RC_OK);
		expect_judged(
		    state, cases[i].value, &letter, RC_REFUSED, cases[i].words);
	}
}

static void
what_we_sign_is_good_for_us_and_for_another_program(void **state)
{
	struct context *context = *state;
	struct buf key BUF_OWNED = BUF_SMALL;
	struct buf letter BUF_OWNED = BUF_SMALL;
	const char *text = NULL;

	read_file(context, "2048", &key);
	struct dkim_signer signer = {"signed.test", "good", buf_span(&key)};
	assert_int_equal(
	    dkim_sign_letter(&signer, span_str(LETTER), &letter, NULL), RC_OK);
	assert_true(span_starts(buf_span(&letter), "DKIM-Signature: "));
	assert_int_equal(buf_add_str(&letter, LETTER, NULL), RC_OK);
	expect_judged(state, "ours", &letter, RC_OK, "");
	assert_int_equal(buf_str(&letter, &text, NULL), RC_OK);
	write_file(context, "ours", text);
	zone_run(&context->zones,
	    "/usr/bin/python3 verify.py good.txt < ours; "
	    "! sed s/Hello/Hullo/ ours | "
	    "/usr/bin/python3 verify.py good.txt 2>/dev/null");
	/* Absent fields are signed as absent. */
	change(&letter, "Date: Sat,", "List-Id: x\r\nDate: Sat,");
	expect_judged(state, "a field added", &letter, RC_REFUSED, "fails");
}

static void
without_a_usable_key_nothing_is_signed(void **state)
{
	static const char *const names[] = {"768", "ed.pem", "2048.pub"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct buf key BUF_OWNED = BUF_SMALL;
		struct buf field BUF_OWNED = BUF_SMALL;
		struct err err = ERR_NONE;
		read_file(*state, names[i], &key);
		struct dkim_signer signer = {
		    "signed.test", "good", buf_span(&key)};
		enum rc rc =
		    dkim_sign_letter(&signer, span_str(LETTER), &field, &err);
		if (rc != RC_UNFIT || field.len != 0)
			fail_msg("%s: got %s", names[i], rc_name(rc));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_letter_signed_as_the_standard_wants_passes),
	    cmocka_unit_test(
		every_field_that_the_standard_names_must_be_covered),
	    cmocka_unit_test(an_answer_may_leave_auto_submitted_open),
	    cmocka_unit_test(an_answer_can_be_judged_by_what_is_there),
	    cmocka_unit_test(a_signature_of_another_domain_is_no_signature),
	    cmocka_unit_test(bad_keys_and_weak_signatures_are_refused),
	    cmocka_unit_test(a_changed_letter_is_refused),
	    cmocka_unit_test(a_second_copy_on_top_of_a_signed_field_is_refused),
	    cmocka_unit_test(a_letter_without_one_author_is_refused),
	    cmocka_unit_test(one_good_signature_among_bad_ones_is_enough),
	    cmocka_unit_test(a_key_that_cannot_be_asked_for_is_tried_again),
	    cmocka_unit_test(the_letters_of_rfc_8463_verify),
	    cmocka_unit_test(
		what_we_sign_is_good_for_us_and_for_another_program),
	    cmocka_unit_test(without_a_usable_key_nothing_is_signed),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
