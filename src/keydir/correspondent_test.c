#include "keydir/correspondent.h"

#include <stdio.h>

#include "base/expect.h"
#include "keydir/keydir.h"
#include "os/file.h"
#include "pki/fixture.h"
#include "store/statekit.h"

#define NOW 1795292280
#define DAY (24 * 60 * 60)

static void
learn(const struct state *state, const char *address, unsigned ciphers,
    int64_t signed_at)
{
	const struct correspondent said = {ciphers, signed_at};
	struct err err = ERR_NONE;

	assert_done(correspondent_learn(state, address, &said, NOW, &err), err);
}

static void
expect(const struct state *state, const char *address, unsigned ciphers,
    int64_t signed_at)
{
	struct correspondent got = {0};
	struct err err = ERR_NONE;

	assert_done(correspondent_recall(state, address, &got, &err), err);
	assert_int_equal(got.ciphers, ciphers);
	assert_int_equal(got.signed_at, signed_at);
}

static void
what_was_learnt_is_recalled_in_any_case_of_letters(void **context)
{
	struct correspondent got;

	assert_rc(correspondent_recall(*context, "bob@beta.test", &got, NULL),
	    RC_ABSENT);
	learn(*context, "Bob@Beta.test",
	    CAPABILITY_AES256_GCM | CAPABILITY_AES128_CBC, NOW - 5);
	expect(*context, "bob@beta.TEST",
	    CAPABILITY_AES256_GCM | CAPABILITY_AES128_CBC, NOW - 5);
	assert_rc(correspondent_recall(*context, "bo@beta.test", &got, NULL),
	    RC_ABSENT);
}

static void
newer_words_replace_older_ones_and_never_the_other_way_round(void **context)
{
	learn(*context, "bob@beta.test", CAPABILITY_AES256_GCM, NOW - 5);
	learn(*context, "bob@beta.test", CAPABILITY_AES128_CBC, NOW - 6);
	expect(*context, "bob@beta.test", CAPABILITY_AES256_GCM, NOW - 5);
	learn(*context, "bob@beta.test", 0, NOW - 4);
	expect(*context, "bob@beta.test", 0, NOW - 4);
}

static void
a_time_that_is_far_ahead_or_not_said_is_not_believed(void **context)
{
	struct correspondent got;

	learn(*context, "bob@beta.test", CAPABILITY_AES256_GCM, NOW + DAY + 1);
	learn(*context, "bob@beta.test", CAPABILITY_AES256_GCM, 0);
	assert_rc(correspondent_recall(*context, "bob@beta.test", &got, NULL),
	    RC_ABSENT);
	learn(*context, "bob@beta.test", CAPABILITY_AES256_GCM, NOW + DAY);
	expect(*context, "bob@beta.test", CAPABILITY_AES256_GCM, NOW + DAY);
}

static void
what_was_damaged_is_told_and_then_replaced(void **context)
{
	struct strlist items STRLIST_OWNED = STRLIST_NONE;
	struct correspondent got;
	char path[256];

	learn(*context, "bob@beta.test", CAPABILITY_AES256_GCM, NOW);
	assert_ok(state_list(*context, "people", &items, NULL));
	assert_int_equal(items.len, 1);
	assert_null(strstr(items.item[0], "bob"));
	(void)snprintf(
	    path, sizeof(path), "%s/%s", state_folder(*context), items.item[0]);
	assert_ok(file_save(path, span_str("no wrapped item"), 0600, NULL));
	assert_true(correspondent_recall(
			*context, "bob@beta.test", &got, NULL) != RC_OK);
	learn(*context, "bob@beta.test", CAPABILITY_AES128_GCM, NOW - 1);
	expect(*context, "bob@beta.test", CAPABILITY_AES128_GCM, NOW - 1);
}

static void
the_newest_word_of_signature_and_certificate_counts(void **context)
{
	struct fixture bob FIXTURE_OWNED =
	    fixture_make(&(struct fixture_spec){.name = "Bob",
		.start = NOW - DAY,
		.more = {{"1.2.840.113549.1.9.15",
		    "DER:300d300b060960864801650304012e"}}});
	const struct keydir keydir = {.state = *context}, forgetful = {0};

	assert_int_equal(keydir_ciphers(&keydir, "bob@beta.test", bob.cert),
	    CAPABILITY_AES256_GCM);
	learn(*context, "bob@beta.test", CAPABILITY_AES128_CBC, NOW - DAY);
	assert_int_equal(keydir_ciphers(&keydir, "bob@beta.test", bob.cert),
	    CAPABILITY_AES256_GCM);
	learn(*context, "bob@beta.test", CAPABILITY_AES128_CBC, NOW - DAY + 1);
	assert_int_equal(keydir_ciphers(&keydir, "bob@beta.test", bob.cert),
	    CAPABILITY_AES128_CBC);
	assert_int_equal(keydir_ciphers(&forgetful, "bob@beta.test", bob.cert),
	    CAPABILITY_AES256_GCM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    STATEKIT_TEST(what_was_learnt_is_recalled_in_any_case_of_letters),
	    STATEKIT_TEST(
		newer_words_replace_older_ones_and_never_the_other_way_round),
	    STATEKIT_TEST(a_time_that_is_far_ahead_or_not_said_is_not_believed),
	    STATEKIT_TEST(what_was_damaged_is_told_and_then_replaced),
	    STATEKIT_TEST(the_newest_word_of_signature_and_certificate_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
