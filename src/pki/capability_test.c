#include "pki/capability.h"

#include "base/expect.h"

#define GCM256 "\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x2e"
#define CBC256 "\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x2a"
#define CBC128 "\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x02"
/* with parameters, which an AES cipher does not have: still that cipher */
#define GCM128_NULL "\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x06\x05"
#define CHACHA "\x30\x0d\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x03\x12"
#define RC2 "\x30\x0e\x06\x08\x2a\x86\x48\x86\xf7\x0d\x03\x02\x02\x02\x00\x80"
#define BYTES(text) text, sizeof(text) - 1

static void
the_ciphers_of_a_list_are_found(void **state)
{
	static const struct {
		const char *der;
		size_t len;
		unsigned want;
	} cases[] = {
	    {BYTES("\x30\x00"), 0},
	    {BYTES("\x30\x0d" GCM256), CAPABILITY_AES256_GCM},
	    {BYTES("\x30\x0d" CBC256), CAPABILITY_AES256_CBC},
	    {BYTES("\x30\x1a" CBC256 CBC128),
		CAPABILITY_AES256_CBC | CAPABILITY_AES128_CBC},
	    {BYTES("\x30\x0f" GCM128_NULL "\x00"), CAPABILITY_AES128_GCM},
	    {BYTES("\x30\x0f" CHACHA), CAPABILITY_CHACHA20_POLY1305},
	    {BYTES("\x30\x1d" RC2 GCM256), CAPABILITY_AES256_GCM},
	    {BYTES("\x30\x10" RC2), 0},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		unsigned got = 77;
		struct span der EXACT =
		    expect_exact(span_of(cases[i].der, cases[i].len));
		assert_ok(capabilities_parse(der, &got, NULL));
		if (got != cases[i].want)
			fail_msg("case %zu: got %#x, want %#x", i, got,
			    cases[i].want);
	}
}

static void
what_is_no_list_is_an_error_and_leaves_the_result(void **state)
{
	static const struct {
		const char *der;
		size_t len;
	} cases[] = {
	    {BYTES("")},
	    {BYTES("\x05\x00")},
	    {BYTES("\x30")},
	    {BYTES("\x30\x0e" GCM256)},
	    {BYTES("\x30\x0d" GCM256 "\x00")},
	    {BYTES("\x30\x80" GCM256 "\x00\x00")},
	    {BYTES("\x30\x02\x30\x00")},
	    {BYTES("\x30\x04\x30\x02\x05\x00")},
	    {BYTES("\x30\x0f" GCM256 "\x05\x00")},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		unsigned got = 77;
		struct span der EXACT =
		    expect_exact(span_of(cases[i].der, cases[i].len));
		if (capabilities_parse(der, &got, NULL) != RC_SYNTAX)
			fail_msg("case %zu was read", i);
		assert_int_equal(got, 77);
	}
}

static void
a_list_beyond_the_limit_is_refused(void **state)
{
	static uint8_t der[CAPABILITIES_DER_MAX + 1];
	unsigned got = 77;

	assert_rc(capabilities_parse(span_of(der, sizeof(der)), &got, NULL),
	    RC_LIMIT);
	assert_int_equal(got, 77);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_ciphers_of_a_list_are_found),
	    cmocka_unit_test(what_is_no_list_is_an_error_and_leaves_the_result),
	    cmocka_unit_test(a_list_beyond_the_limit_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
