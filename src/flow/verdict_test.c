#include "flow/verdict_rows_priv.h"

#include "base/expect.h"

_Static_assert(COUNT(rows) >= 120, "rows");

static void
each_case_has_its_verdict(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct verdict got;

		verdict_decide(&row->facts, &got);
		if (got.level != row->level)
			fail_msg("%s: %s, want %s", row->name,
			    verdict_name(got.level), verdict_name(row->level));
		if (row->reason == NULL && got.reasons != 0)
			fail_msg("%s: reason %s", row->name, got.reason[0]);
		if (row->reason != NULL &&
		    (got.reasons == 0 || strcmp(got.reason[0], row->reason)))
			fail_msg("%s: reason %s, want %s", row->name,
			    got.reasons ? got.reason[0] : "none", row->reason);
		if (strstr(got.sentence, row->words) == NULL)
			fail_msg("%s: says \"%s\"", row->name, got.sentence);
	}
}

static bool
gives(const struct facts *facts, const char *reason)
{
	struct verdict got;

	verdict_decide(facts, &got);
	for (size_t i = 0; i < got.reasons; i++)
		if (!strcmp(got.reason[i], reason))
			return true;
	return false;
}

/* doc/verdicts.md names those that are asked of every letter. */
static void
what_needs_a_signature_is_not_said_without_one(void **state)
{
	const struct facts with = {.sig = {GOOD_SIGNER, .other_invalid = true,
				       .revocation = REVOCATION_UNKNOWN},
	    GOOD_REST,
	    .from_unclear = true,
	    .ambiguous = true,
	    .outside_differs = true,
	    .not_for_reader = true,
	    .encrypted = {.part_inside = true}};
	static const char *const signed_only[] = {"hdr.from-unclear",
	    "letter.ambiguous", "hdr.outside-differs", "addr.not-for-you",
	    "sig.several", "cert.status-unknown"};
	struct facts without = with;

	(void)state;
	without.sig.state = SIGNED_NONE;
	for (size_t i = 0; i < COUNT(signed_only); i++) {
		assert_true(gives(&with, signed_only[i]));
		assert_false(gives(&without, signed_only[i]));
	}
	assert_true(gives(&with, "enc.mixed-context"));
	assert_true(gives(&without, "enc.mixed-context"));
}

static void
who_was_to_ask_nobody_is_not_told_to_go_online(void **state)
{
	struct facts facts = {
	    .sig = {GOOD_SIGNER, .revocation = REVOCATION_UNKNOWN}, GOOD_REST};
	struct verdict got;

	(void)state;
	verdict_decide(&facts, &got);
	assert_non_null(strstr(got.sentence, "revocation not checked"));
	assert_non_null(strstr(got.advice, "--status-wait"));
	facts.sig.unasked = true;
	verdict_decide(&facts, &got);
	assert_string_equal(got.reason[0], "cert.status-unknown");
	assert_non_null(strstr(got.sentence, "revocation not checked"));
	assert_null(strstr(got.advice, "online"));
	assert_non_null(strstr(got.advice, "without --offline"));
}

static void
the_worst_reason_comes_first_and_all_are_kept(void **state)
{
	const struct facts facts = {
	    .sig = {GOOD_SIGNER, .binding = BINDING_OTHER,
		.chain = CHAIN_NO_ANCHOR},
	    GOOD_REST,
	    .not_for_reader = true};
	struct verdict got;

	(void)state;
	verdict_decide(&facts, &got);
	assert_int_equal(got.reasons, 3);
	assert_string_equal(got.reason[0], "addr.mismatch");
	assert_string_equal(got.reason[1], "chain.no-anchor");
	assert_string_equal(got.reason[2], "addr.not-for-you");
}

static void
notes_are_told_beside_the_verdict(void **state)
{
	const struct facts malleable = {GOOD_REST,
	    .encrypted = {ENCRYPTED_MALLEABLE, "aes-256-cbc", NULL, false}};
	const struct facts seen = {.sig = {GOOD_SIGNER, .good_before = true},
	    .time = {.source = TIME_RECEIVED, .value = 1}};

	const struct facts good = {.sig = {GOOD_SIGNER},
	    .time = {.source = TIME_RECEIVED, .value = 1}};
	const struct facts none = {
	    .time = {.source = TIME_RECEIVED, .value = 1}};

	(void)state;
	assert_false(gives(&good, "cert.good-when-received"));
	assert_false(gives(&none, "cert.good-when-received"));
	assert_true(gives(&malleable, "enc.cbc-unauth"));
	assert_true(gives(&seen, "cert.good-when-received"));
	assert_false(gives(&seen, "cert.good-when-stamped"));
}

static void
a_sentence_has_at_most_120_characters(void **state)
{
	struct facts facts = {.sig = {GOOD_SIGNER}, GOOD_REST};
	struct verdict got;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		facts = rows[i].facts;
		memset(facts.from, 'a', sizeof(facts.from) - 1);
		memset(facts.sig.by, 'b', sizeof(facts.sig.by) - 1);
		memcpy(facts.sig.by + 300, "@evil.example.test", 18);
		verdict_decide(&facts, &got);
		/* not cut by the buffer: every sentence ends as written */
		size_t len = strlen(got.sentence);
		assert_in_range(len, 10, 120);
		assert_int_equal(got.sentence[len - 1], '.');
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_case_has_its_verdict),
	    cmocka_unit_test(what_needs_a_signature_is_not_said_without_one),
	    cmocka_unit_test(who_was_to_ask_nobody_is_not_told_to_go_online),
	    cmocka_unit_test(the_worst_reason_comes_first_and_all_are_kept),
	    cmocka_unit_test(notes_are_told_beside_the_verdict),
	    cmocka_unit_test(a_sentence_has_at_most_120_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
