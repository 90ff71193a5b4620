#include "authority/rate.h"

#include "base/expect.h"

static void
as_many_as_said_and_not_one_more(void **state)
{
	struct rate *rate OWNED(rate_free) = NULL;
	struct err err = ERR_NONE;
	int64_t wait = 0;

	assert_ok(rate_new(3, 60, &rate, &err));
	for (int i = 0; i < 3; i++)
		assert_true(rate_allow(rate, "a", 0, &wait));
	assert_false(rate_allow(rate, "a", 0, &wait));
	assert_in_range(wait, 20, 21);
	assert_true(rate_allow(rate, "b", 0, &wait));
}

static void
time_gives_back(void **state)
{
	struct rate *rate OWNED(rate_free) = NULL;
	struct err err = ERR_NONE;
	int64_t wait = 0;

	assert_ok(rate_new(3, 60, &rate, &err));
	for (int i = 0; i < 3; i++)
		assert_true(rate_allow(rate, "a", 0, &wait));
	assert_false(rate_allow(rate, "a", 19000, &wait));
	assert_true(rate_allow(rate, "a", 20000, &wait));
	assert_false(rate_allow(rate, "a", 20000, &wait));
	assert_true(rate_allow(rate, "a", 10000000, &wait));
}

/* Asking often must not round what has flowed off down to nothing. */
static void
asking_all_the_time_does_not_stop_the_clock(void **state)
{
	struct rate *rate OWNED(rate_free) = NULL;
	struct err err = ERR_NONE;
	int64_t wait = 0;
	int allowed = 0;

	assert_ok(rate_new(10, 3600, &rate, &err));
	for (int64_t now = 0; now < (int64_t)3600 * 1000; now += 100)
		allowed += rate_allow(rate, "a", now, &wait);
	assert_in_range(allowed, 19, 20);
}

static void
one_client_is_one_address_or_one_network(void **state)
{
	static const struct {
		const char *peer;
		const char *want;
	} cases[] = {
	    {"192.0.2.1", "192.0.2.1"},
	    {"::ffff:192.0.2.1", "192.0.2.1"},
	    {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"},
	    {"2001:db8:1:2::", "2001:db8:1:2::"},
	    {"2001:db8:1:3::", "2001:db8:1:3::"},
	    {"", ""},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char got[RATE_CLIENT_MAX];
		rate_client(cases[i].peer, got);
		assert_string_equal(got, cases[i].want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(as_many_as_said_and_not_one_more),
	    cmocka_unit_test(time_gives_back),
	    cmocka_unit_test(one_client_is_one_address_or_one_network),
	    cmocka_unit_test(asking_all_the_time_does_not_stop_the_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
