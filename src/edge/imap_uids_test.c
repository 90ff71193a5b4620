#include "edge/imap_uids.h"

#include "base/expect.h"

#define UIDS_OWNED __attribute__((cleanup(imap_uids_done)))

static struct imap_uids
filled(void)
{
	struct imap_uids uids = IMAP_UIDS_NONE;
	struct err err = ERR_NONE;

	assert_ok(imap_uids_grow(&uids, 4, &err));
	for (uint32_t i = 1; i <= 4; i++)
		assert_ok(imap_uids_set(&uids, i, i * 10, &err));
	return uids;
}

static void
numbers_move_up_when_a_letter_goes(void **state)
{
	struct imap_uids uids UIDS_OWNED = filled();
	struct err err = ERR_NONE;

	assert_ok(imap_uids_remove(&uids, 2, &err));
	assert_int_equal(uids.len, 3);
	assert_int_equal(uids.place[1].uid, 30);
	assert_int_equal(imap_uids_find(&uids, 30, 4), 2);
	assert_int_equal(imap_uids_find(&uids, 30, 2), 2);
	assert_int_equal(imap_uids_find(&uids, 20, 4), 0);
	assert_int_equal(imap_uids_last(&uids), 40);
	assert_ok(imap_uids_remove(&uids, 3, &err));
	assert_int_equal(imap_uids_last(&uids), 30);
}

static void
what_is_new_is_not_known_until_its_uid_is_said(void **state)
{
	struct imap_uids uids UIDS_OWNED = filled();
	struct err err = ERR_NONE;

	assert_int_equal(imap_uids_unknown(&uids), 0);
	assert_ok(imap_uids_grow(&uids, 6, &err));
	assert_int_equal(imap_uids_unknown(&uids), 5);
	assert_ok(imap_uids_set(&uids, 5, 50, &err));
	assert_int_equal(imap_uids_unknown(&uids), 6);
	assert_int_equal(imap_uids_last(&uids), 50);
}

static void
a_server_that_lies_is_caught(void **state)
{
	struct imap_uids uids UIDS_OWNED = filled();
	struct err err = ERR_NONE;

	assert_rc(imap_uids_grow(&uids, 3, &err), RC_SYNTAX);
	assert_ok(imap_uids_grow(&uids, 4, &err));
	assert_rc(imap_uids_grow(&uids, IMAP_UIDS_MAX + 1, &err), RC_LIMIT);
	assert_rc(imap_uids_remove(&uids, 0, &err), RC_SYNTAX);
	assert_rc(imap_uids_remove(&uids, 5, &err), RC_SYNTAX);
	assert_rc(imap_uids_set(&uids, 0, 5, &err), RC_SYNTAX);
	assert_rc(imap_uids_set(&uids, 5, 50, &err), RC_SYNTAX);
	/* another than before, none, and the same again */
	assert_rc(imap_uids_set(&uids, 2, 21, &err), RC_SYNTAX);
	assert_rc(imap_uids_set(&uids, 2, 0, &err), RC_SYNTAX);
	assert_ok(imap_uids_set(&uids, 2, 20, &err));
	/* not above the one before */
	assert_ok(imap_uids_grow(&uids, 6, &err));
	assert_rc(imap_uids_set(&uids, 5, 40, &err), RC_SYNTAX);
	assert_ok(imap_uids_set(&uids, 6, 60, &err));
	assert_rc(imap_uids_set(&uids, 5, 60, &err), RC_SYNTAX);
	assert_rc(imap_uids_set(&uids, 5, 0, &err), RC_SYNTAX);
	assert_ok(imap_uids_set(&uids, 5, 59, &err));
	assert_int_equal(uids.len, 6);
}

static void
a_mailbox_may_be_as_large_as_the_limit(void **state)
{
	struct imap_uids uids UIDS_OWNED = IMAP_UIDS_NONE;
	struct err err = ERR_NONE;

	assert_done(imap_uids_grow(&uids, IMAP_UIDS_MAX, &err), err);
	assert_int_equal(imap_uids_unknown(&uids), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(numbers_move_up_when_a_letter_goes),
	    cmocka_unit_test(what_is_new_is_not_known_until_its_uid_is_said),
	    cmocka_unit_test(a_server_that_lies_is_caught),
	    cmocka_unit_test(a_mailbox_may_be_as_large_as_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
