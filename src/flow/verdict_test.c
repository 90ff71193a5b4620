#include "flow/verdict.h"

#include "base/expect.h"

/* A letter with nothing wrong: every row below changes one thing of it, by
 * initializing that one again. */
#ifdef __clang__
#pragma clang diagnostic ignored "-Winitializer-overrides"
#else
#pragma GCC diagnostic ignored "-Woverride-init"
#endif
#define GOOD_SIGNER                                                         \
	.state = SIGNED_VALID, .by = "alice@alpha.test", .level = LEVEL_V1, \
	.binding = BINDING_FROM, .level_allowed = true,                     \
	.domain_allowed = true, .chain = CHAIN_VALID,                       \
	.revocation = REVOCATION_NOT_APPLICABLE
#define GOOD_REST                                                     \
	.from = "alice@alpha.test", .outer_from = "alice@alpha.test", \
	.time = {.source = TIME_STAMPED, .value = 1}
#define SEALED .encrypted = {ENCRYPTED_INTACT, "aes-256-cbc", NULL}

struct row {
	const char *name;
	struct facts facts;
	enum verdict_level level;
	const char *reason; /* the first one; NULL: none at all */
	const char *words;  /* the sentence holds them */
};

static const struct row rows[] = {
    {"signed, bound, trusted, stamped: verified",
	{.sig = {GOOD_SIGNER}, GOOD_REST, SEALED}, VERDICT_VERIFIED, NULL,
	"Signed by alice@alpha.test."},
    {"not encrypted is no reason to trust the signature less",
	{.sig = {GOOD_SIGNER}, GOOD_REST}, VERDICT_VERIFIED, NULL,
	"Signed by alice"},
    {"first contact is said",
	{.sig = {GOOD_SIGNER}, GOOD_REST, .acquaintance = ACQUAINTANCE_FIRST},
	VERDICT_VERIFIED, NULL, "first contact"},
    {"without a proven time it is verified and says so",
	{.sig = {GOOD_SIGNER}, .from = "alice@alpha.test"}, VERDICT_VERIFIED,
	"tst.none", "Signed by"},
    {"a broken timestamp proves nothing and harms nothing",
	{.sig = {GOOD_SIGNER},
	    .from = "alice@alpha.test",
	    .time = {.token_invalid = true}},
	VERDICT_VERIFIED, "tst.invalid", "Signed by"},

    {"nothing known: unsigned", {.from_unclear = true}, VERDICT_UNSIGNED,
	"sig.none", "Not signed"},
    {"no signature", {.from = "alice@alpha.test"}, VERDICT_UNSIGNED, "sig.none",
	"anybody can write alice@alpha.test"},
    {"sealed without a signature",
	{.from = "alice@alpha.test",
	    .encrypted = {ENCRYPTED_INTACT, "aes-256-gcm", NULL}},
	VERDICT_UNSIGNED, "sig.none", "Not signed"},
    {"a broken signature gives its reason",
	{.sig = {.state = SIGNED_INVALID, .reason = "sig.digest-mismatch"},
	    GOOD_REST},
	VERDICT_UNSIGNED, "sig.digest-mismatch", "not valid"},
    {"a weak one too",
	{.sig = {.state = SIGNED_INVALID, .reason = "sig.alg-weak"}, GOOD_REST},
	VERDICT_UNSIGNED, "sig.alg-weak", "not valid"},
    {"a certificate that may not sign",
	{.sig = {GOOD_SIGNER, .unfit = "cert.ku"}, GOOD_REST}, VERDICT_UNSIGNED,
	"cert.ku", "not made for signing"},
    {"changed on the way",
	{.from = "alice@alpha.test",
	    .encrypted = {ENCRYPTED_UNDECRYPTABLE, "", "enc.undecryptable"}},
	VERDICT_UNSIGNED, "enc.undecryptable", "could not be opened"},
    {"sealed for somebody else",
	{.from = "alice@alpha.test",
	    .encrypted = {ENCRYPTED_UNDECRYPTABLE, "", "enc.not-for-us"}},
	VERDICT_UNSIGNED, "enc.not-for-us", "could not be opened"},
    {"CBC around a broken signature",
	{.sig = {.state = SIGNED_INVALID, .reason = "sig.digest-mismatch"},
	    GOOD_REST,
	    .encrypted = {ENCRYPTED_MALLEABLE, "aes-256-cbc", NULL}},
	VERDICT_UNSIGNED, "sig.digest-mismatch", "not valid"},

    {"another signer",
	{.sig = {GOOD_SIGNER, .by = "eve@beta.test", .binding = BINDING_OTHER},
	    GOOD_REST},
	VERDICT_CAUTION, "addr.mismatch", "eve@beta.test"},
    {"another signer in the name of somebody known",
	{.sig = {GOOD_SIGNER, .by = "eve@beta.test", .binding = BINDING_OTHER},
	    GOOD_REST,
	    .acquaintance = ACQUAINTANCE_KNOWN},
	VERDICT_DANGER, "addr.mismatch", "Not from alice@alpha.test"},
    {"a look-alike of somebody, however well signed",
	{.sig = {GOOD_SIGNER, .by = "alice@a1pha.test"},
	    GOOD_REST,
	    .from = "alice@a1pha.test",
	    .lookalike = {"addr.confusable", true, "alice@alpha.test"}},
	VERDICT_DANGER, "addr.confusable", "only looks like alice@alpha.test"},
    {"a look-alike, unsigned",
	{.from = "alice@a1pha.test",
	    .lookalike = {"addr.confusable", true, "alice@alpha.test"}},
	VERDICT_DANGER, "addr.confusable", "only looks like alice@alpha.test"},
    {"deceptive in itself",
	{.sig = {GOOD_SIGNER},
	    GOOD_REST,
	    .lookalike = {"addr.deceptive", true, ""}},
	VERDICT_DANGER, "addr.deceptive", "made to deceive: alice@alpha.test"},
    {"a resemblance that may be innocent",
	{.sig = {GOOD_SIGNER},
	    GOOD_REST,
	    .lookalike = {"addr.confusable", false, "al@alpha.test"}},
	VERDICT_CAUTION, "addr.confusable", "resembles al@alpha.test"},
    {"a resemblance makes an unsigned letter no better",
	{.from = "alice@alpha.test",
	    .lookalike = {"addr.confusable", false, "al@alpha.test"}},
	VERDICT_UNSIGNED, "sig.none", "Not signed"},
    {"no message at all", {.unreadable = true}, VERDICT_UNSIGNED,
	"letter.unreadable", "no proper letter"},
    {"MIME that others read otherwise",
	{.sig = {GOOD_SIGNER}, GOOD_REST, .ambiguous = true}, VERDICT_CAUTION,
	"letter.ambiguous", "other programs"},
    {"the same, of an unsigned letter, is nothing new",
	{.from = "alice@alpha.test", .ambiguous = true}, VERDICT_UNSIGNED,
	"sig.none", "Not signed"},
    {"a second signature that does not hold",
	{.sig = {GOOD_SIGNER, .other_invalid = true}, GOOD_REST},
	VERDICT_CAUTION, "sig.several", "another signature"},
    {"signed by Sender only",
	{.sig = {GOOD_SIGNER, .binding = BINDING_SENDER}, GOOD_REST},
	VERDICT_CAUTION, "addr.sender-only", "on behalf"},
    {"a certificate without address",
	{.sig = {GOOD_SIGNER, .binding = BINDING_NO_ADDRESS}, GOOD_REST},
	VERDICT_CAUTION, "addr.none", "names no address"},
    {"one of several From addresses",
	{.sig = {GOOD_SIGNER, .binding = BINDING_ONE_OF_SEVERAL}, GOOD_REST},
	VERDICT_CAUTION, "addr.several", "only"},
    {"two From fields", {.sig = {GOOD_SIGNER}, GOOD_REST, .from_unclear = true},
	VERDICT_CAUTION, "hdr.from-unclear", "does not name one sender"},
    {"only a part is signed",
	{.sig = {GOOD_SIGNER, .part = "part 1"}, GOOD_REST}, VERDICT_CAUTION,
	"sig.partial", "Only part 1"},
    {"only the envelope is signed",
	{.sig = {GOOD_SIGNER, .outside_only = true}, GOOD_REST},
	VERDICT_CAUTION, "sig.outside-only", "envelope"},
    {"the header that is shown is not the signed one",
	{.sig = {GOOD_SIGNER}, GOOD_REST, .outside_differs = true},
	VERDICT_CAUTION, "hdr.outside-differs", "changed on the way"},
    {"no trusted root",
	{.sig = {GOOD_SIGNER, .chain = CHAIN_NO_ANCHOR,
	     .chain_reason = "chain.no-anchor"},
	    GOOD_REST},
	VERDICT_CAUTION, "chain.no-anchor", "no authority that you trust"},
    {"a level the root may not give",
	{.sig = {GOOD_SIGNER, .level = LEVEL_V3, .level_allowed = false},
	    GOOD_REST},
	VERDICT_CAUTION, "root.level", "may not vouch"},
    {"expired, and nothing proves when it was signed",
	{.sig = {GOOD_SIGNER, .chain = CHAIN_INVALID,
	     .chain_reason = "cert.expired-at-time"},
	    .from = "alice@alpha.test"},
	VERDICT_CAUTION, "cert.expired-at-time", "not in order"},
    {"expired, but good when stamped",
	{.sig = {GOOD_SIGNER, .good_before = true}, GOOD_REST},
	VERDICT_VERIFIED, "cert.good-when-stamped", "Signed by"},
    {"revoked, no proof of the time",
	{.sig = {GOOD_SIGNER, .chain = CHAIN_INVALID,
	     .revocation = REVOCATION_REVOKED},
	    .from = "alice@alpha.test"},
	VERDICT_CAUTION, "cert.revoked", "was revoked"},
    {"revoked, but good when stamped",
	{.sig = {GOOD_SIGNER, .good_before = true,
	     .revocation = REVOCATION_REVOKED},
	    GOOD_REST},
	VERDICT_VERIFIED, "cert.good-when-stamped", "Signed by"},
    {"the key was stolen",
	{.sig = {GOOD_SIGNER, .chain = CHAIN_INVALID,
	     .revocation = REVOCATION_COMPROMISED},
	    GOOD_REST},
	VERDICT_DANGER, "cert.revoked-compromise", "stolen"},
    {"stolen, but stamped before",
	{.sig = {GOOD_SIGNER, .good_before = true,
	     .revocation = REVOCATION_COMPROMISED},
	    GOOD_REST},
	VERDICT_VERIFIED, "cert.good-when-stamped", "Signed by"},
    {"revocation could not be checked",
	{.sig = {GOOD_SIGNER, .revocation = REVOCATION_UNKNOWN}, GOOD_REST},
	VERDICT_CAUTION, "cert.status-unknown", "revocation not checked"},
    {"written to somebody else",
	{.sig = {GOOD_SIGNER}, GOOD_REST, .not_for_reader = true},
	VERDICT_CAUTION, "addr.not-for-you", "not to you"},
    {"a token of much later",
	{.sig = {GOOD_SIGNER},
	    .from = "alice@alpha.test",
	    .time = {.source = TIME_STAMPED, .token_late = true}},
	VERDICT_CAUTION, "tst.late", "more than a day later"},

    {"the inside claims another sender and nobody vouches for it",
	{.from = "alice@alpha.test",
	    .outer_from = "eve@beta.test",
	    .from_mismatch = true},
	VERDICT_DANGER, "hdr.from-mismatch", "claims to be from alice"},
    {"the same with another's signature",
	{.sig = {GOOD_SIGNER, .by = "eve@beta.test", .binding = BINDING_OTHER},
	    .from = "alice@alpha.test",
	    .from_mismatch = true},
	VERDICT_DANGER, "hdr.from-mismatch", "claims to be from alice"},
    {"the same with a signature bound to it, but no trusted root",
	{.sig = {GOOD_SIGNER, .chain = CHAIN_NO_ANCHOR},
	    .from = "alice@alpha.test",
	    .from_mismatch = true},
	VERDICT_DANGER, "hdr.from-mismatch", "claims to be from alice"},
    {"a signature bound to the inside is enough",
	{.sig = {GOOD_SIGNER}, GOOD_REST, .from_mismatch = true},
	VERDICT_VERIFIED, NULL, "Signed by alice"},
};

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

static void
a_long_address_keeps_its_domain(void **state)
{
	struct facts facts = {.sig = {GOOD_SIGNER}, GOOD_REST};
	struct verdict got;

	(void)state;
	memset(facts.sig.by, 'b', sizeof(facts.sig.by) - 1);
	memcpy(facts.sig.by + 302, "@evil.example.test", 18);
	verdict_decide(&facts, &got);
	assert_non_null(strstr(got.sentence, "@evil.example.test"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_case_has_its_verdict),
	    cmocka_unit_test(the_worst_reason_comes_first_and_all_are_kept),
	    cmocka_unit_test(a_sentence_has_at_most_120_characters),
	    cmocka_unit_test(a_long_address_keeps_its_domain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
