#include "keydir/own.h"

#include "base/expect.h"
#include "store/statekit.h"

static struct err err;

static void
what_was_named_is_there_until_it_is_removed(void **context)
{
	struct strlist list STRLIST_OWNED = STRLIST_NONE;
	struct strlist left STRLIST_OWNED = STRLIST_NONE;

	assert_done(own_list(*context, &list, &err), err);
	assert_int_equal(list.len, 0);
	assert_done(own_add(*context, "alpha.test", &err), err);
	assert_done(own_add(*context, "beta.test", &err), err);
	assert_done(own_add(*context, "ALPHA.test", &err), err);
	assert_done(own_list(*context, &list, &err), err);
	assert_int_equal(list.len, 2);
	assert_done(own_remove(*context, "Alpha.test", &err), err);
	assert_rc(own_remove(*context, "alpha.test", &err), RC_ABSENT);
	assert_done(own_list(*context, &left, &err), err);
	assert_int_equal(left.len, 1);
	assert_string_equal(left.item[0], "beta.test");
}

static void
every_change_has_a_stamp_of_its_own(void **context)
{
	uint64_t was = own_stamp(*context);

	assert_done(own_touch(*context, &err), err);
	assert_int_not_equal(own_stamp(*context), was);
	was = own_stamp(*context);
	assert_int_equal(own_stamp(*context), was);
	assert_done(own_add(*context, "alpha.test", &err), err);
	assert_int_not_equal(own_stamp(*context), was);
}

static void
what_is_no_domain_is_refused(void **context)
{
	static const char *const bad[] = {"", "alpha", "a b.test", "a@b.test",
	    ".test", "test.", "a.te\nst", "a.test/x"};

	for (size_t i = 0; i < COUNT(bad); i++)
		assert_rc(own_add(*context, bad[i], &err), RC_SYNTAX);
}

static void
there_may_be_so_many_and_no_more(void **context)
{
	struct buf text BUF_OWNED = BUF_SMALL;
	struct strlist list STRLIST_OWNED = STRLIST_NONE;
	struct strlist more STRLIST_OWNED = STRLIST_NONE;

	assert_ok(buf_add_str(&text, "letterlock-own 1\n", &err));
	for (int i = 0; i < OWN_MAX; i++)
		assert_ok(buf_add_format(&text, &err, "d%d.test\n", i));
	assert_done(own_parse(buf_span(&text), &list, &err), err);
	assert_int_equal(list.len, OWN_MAX);
	assert_ok(state_save(*context, "people/own", buf_span(&text), &err));
	assert_rc(own_add(*context, "more.test", &err), RC_LIMIT);
	assert_done(own_add(*context, "d7.test", &err), err);
	assert_ok(buf_add_str(&text, "more.test\n", &err));
	assert_rc(own_parse(buf_span(&text), &more, &err), RC_SYNTAX);
}

static void
what_is_damaged_is_told(void **context)
{
	static const char *const bad[] = {"", "letterlock-own 2\n",
	    "letterlock-own 1\nalpha.test", "letterlock-own 1\n\n",
	    "letterlock-own 1\nno domain\n"};

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct strlist list STRLIST_OWNED = STRLIST_NONE;
		struct span text EXACT = expect_exact(span_str(bad[i]));
		assert_rc(own_parse(text, &list, &err), RC_SYNTAX);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    STATEKIT_TEST(what_was_named_is_there_until_it_is_removed),
	    STATEKIT_TEST(every_change_has_a_stamp_of_its_own),
	    STATEKIT_TEST(what_is_no_domain_is_refused),
	    STATEKIT_TEST(there_may_be_so_many_and_no_more),
	    STATEKIT_TEST(what_is_damaged_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
