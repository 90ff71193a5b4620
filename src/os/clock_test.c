#include <time.h>
#include <unistd.h>

#include <sys/timex.h>

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

/* What another program makes of the same kernel: timedatectl asks the same
 * call, so this is asked by hand. */
static void
whether_it_is_kept_right_is_what_the_kernel_says(void **state)
{
	struct timex timex = {.modes = 0};
	bool right = ntp_adjtime(&timex) != TIME_ERROR &&
		     (timex.status & STA_UNSYNC) == 0;

	assert_int_equal(clock_is_synchronised(), right);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(now_is_what_the_c_library_says),
	    cmocka_unit_test(whether_it_is_kept_right_is_what_the_kernel_says),
	    cmocka_unit_test(ticks_are_milliseconds_and_never_go_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
