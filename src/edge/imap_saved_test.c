#include "edge/imap_saved.h"

#include "base/expect.h"

static void
saved_letters_are_named_by_number_or_uid_while_they_are_there(void **state)
{
	uint32_t kept[] = {3, 5, 6, 9};
	const struct imap_saved saved = {kept, COUNT(kept)};
	struct imap_place places[] = {
	    {.uid = 3}, {.uid = 4}, {.uid = 6}, {.uid = 9}, {.uid = 0}};
	const struct imap_uids uids = {places, COUNT(places), COUNT(places)};
	static const struct {
		const char *set;
		bool by_uid;
		const char *want;
	} cases[] = {
	    {"$", true, "3,6,9"},
	    {"$", false, "1,3:4"},
	    {"1:*", true, "1:*"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf out BUF_OWNED = BUF_SMALL;
		struct err err = ERR_NONE;
		assert_done(imap_saved_spell(&saved, &uids, cases[i].by_uid,
				span_str(cases[i].set), &out, &err),
		    err);
		assert_span(buf_span(&out), cases[i].want);
	}
}

static void
nothing_saved_is_no_set(void **state)
{
	uint32_t gone[] = {7};
	const struct imap_saved none = IMAP_SAVED_NONE, old = {gone, 1};
	struct imap_place places[] = {{.uid = 3}};
	const struct imap_uids uids = {places, 1, 1};
	struct buf out BUF_OWNED = BUF_SMALL;
	struct err err = ERR_NONE;

	assert_rc(
	    imap_saved_spell(&none, &uids, true, span_str("$"), &out, &err),
	    RC_ABSENT);
	assert_rc(
	    imap_saved_spell(&old, &uids, true, span_str("$"), &out, &err),
	    RC_ABSENT);
	assert_int_equal(out.len, 0);
	assert_true(imap_saved_has(&old, 7));
	assert_false(imap_saved_has(&none, 7));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		saved_letters_are_named_by_number_or_uid_while_they_are_there),
	    cmocka_unit_test(nothing_saved_is_no_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
