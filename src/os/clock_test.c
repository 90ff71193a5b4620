#include <time.h>
#include <unistd.h>

#include "base/expect.h"
#include "os/clock.h"

static void
now_is_what_the_c_library_says(void **state)
{
	int64_t before = time(NULL), now = clock_now(), after = time(NULL);

	/* time() may lag behind by a tick of the kernel */
	assert_in_range(now, before, after + 1);
}

static void
ticks_are_milliseconds_and_never_go_back(void **state)
{
	int64_t before = clock_ticks();

	(void)usleep(1100000); /* over the end of a second */
	int64_t passed = clock_ticks() - before;
	assert_in_range(passed, 1099, 20000);
	for (int i = 0; i < 1000; i++) {
		int64_t one = clock_ticks();
		assert_true(clock_ticks() >= one);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(now_is_what_the_c_library_says),
	    cmocka_unit_test(ticks_are_milliseconds_and_never_go_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
