#include "base/expect.h"
#include "os/random.h"

static void
every_byte_is_filled(void **state)
{
	uint8_t seen[300] = {0}, bytes[300];

	/* 2^-160 that a byte is zero twenty times */
	for (int round = 0; round < 20; round++) {
		random_fill(bytes, sizeof(bytes));
		for (size_t i = 0; i < sizeof(bytes); i++)
			seen[i] |= bytes[i];
	}
	for (size_t i = 0; i < sizeof(seen); i++)
		assert_int_not_equal(seen[i], 0);
	random_fill(bytes, 0);
}

static void
nothing_is_written_behind_the_end(void **state)
{
	uint8_t *bytes = malloc(33);

	assert_non_null(bytes);
	bytes[32] = 0x5a;
	random_fill(bytes, 32);
	assert_int_equal(bytes[32], 0x5a);
	free(bytes);
}

static bool
is_base64url(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z') || c == '-' || c == '_';
}

static void
a_text_is_as_long_as_base64url_of_its_bytes(void **state)
{
	static const struct {
		size_t bytes, want;
	} cases[] = {{0, 0}, {1, 2}, {2, 3}, {3, 4}, {16, 22}, {32, 43}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf out BUF_OWNED = BUF(cases[i].want);
		assert_ok(random_text(cases[i].bytes, &out, NULL));
		assert_int_equal(out.len, cases[i].want);
		for (size_t n = 0; n < out.len; n++)
			assert_true(is_base64url(out.data[n]));
	}
}

/* All 64 digits come up in each place but the last, whose lower bits are
 * none: 2^-22 that one misses in 1,600 rounds of 21 places. */
static void
all_bits_of_a_text_are_random(void **state)
{
	bool seen[22][256] = {0};

	for (int round = 0; round < 1600; round++) {
		struct buf out BUF_OWNED = BUF(100);
		assert_ok(random_text(16, &out, NULL));
		for (size_t place = 0; place < 22; place++)
			seen[place][out.data[place]] = true;
	}
	for (size_t place = 0; place < 22; place++) {
		int digits = 0;
		for (int c = 0; c < 256; c++)
			digits += seen[place][c];
		assert_int_equal(digits, place < 21 ? 64 : 4);
	}
}

static void
a_text_is_limited(void **state)
{
	struct buf out BUF_OWNED = BUF(21);
	struct buf large BUF_OWNED = BUF_SMALL;

	assert_rc(random_text(16, &out, NULL), RC_LIMIT);
	assert_int_equal(out.len, 0);
	assert_ok(random_text(1024, &large, NULL));
	assert_rc(random_text(1025, &large, NULL), RC_LIMIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_byte_is_filled),
	    cmocka_unit_test(nothing_is_written_behind_the_end),
	    cmocka_unit_test(a_text_is_as_long_as_base64url_of_its_bytes),
	    cmocka_unit_test(all_bits_of_a_text_are_random),
	    cmocka_unit_test(a_text_is_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
