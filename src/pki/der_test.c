#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "pki/der.h"

#define SPAN(bytes)                                         \
	{                                                   \
		(const uint8_t *)(bytes), sizeof(bytes) - 1 \
	}

static void
only_der_passes_the_check(void **state)
{
	static const struct {
		const char *name;
		struct span in;
		enum rc want;
	} cases[] = {
	    {"an integer", SPAN("\x02\x01\x05"), RC_OK},
	    {"an empty sequence", SPAN("\x30\x00"), RC_OK},
	    {"nested", SPAN("\x30\x05\x31\x03\x02\x01\x05"), RC_OK},
	    {"nothing", SPAN(""), RC_SYNTAX},
	    {"a lone tag", SPAN("\x30"), RC_SYNTAX},
	    {"cut off", SPAN("\x02\x02\x05"), RC_SYNTAX},
	    {"cut off inside", SPAN("\x30\x02\x02\x01"), RC_SYNTAX},
	    {"a byte behind the end", SPAN("\x02\x01\x05\x00"), RC_SYNTAX},
	    {"two elements", SPAN("\x02\x01\x05\x02\x01\x05"), RC_SYNTAX},
	    {"indefinite length", SPAN("\x30\x80\x02\x01\x05\x00\x00"),
		RC_SYNTAX},
	    {"indefinite length inside",
		SPAN("\x30\x07\x31\x80\x02\x01\x05\x00\x00"), RC_SYNTAX},
	    {"a length longer than it need be",
		SPAN("\x30\x81\x03\x02\x01\x05"), RC_SYNTAX},
	    {"a length that begins with zero",
		SPAN("\x30\x82\x00\x03\x02\x01\x05"), RC_SYNTAX},
	    {"a length of five bytes",
		SPAN("\x30\x85\x01\x00\x00\x00\x00\x02\x01\x05"), RC_SYNTAX},
	    {"a length of 4 GiB", SPAN("\x30\x84\xff\xff\xff\xff\x05"),
		RC_SYNTAX},
	    {"a high tag number", SPAN("\x1f\x81\x01\x01\x05"), RC_SYNTAX},
	    {"an end of contents", SPAN("\x00\x00"), RC_SYNTAX},
	    {"an end of contents inside", SPAN("\x30\x02\x00\x00"), RC_SYNTAX},
	    {"an octet string in pieces", SPAN("\x24\x03\x04\x01\x05"),
		RC_SYNTAX},
	    {"a context tag may hold elements", SPAN("\xa0\x03\x04\x01\x05"),
		RC_OK},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = cases[i].in.len;
		uint8_t *exact = malloc(len > 0 ? len : 1);
		assert_non_null(exact);
		if (len > 0)
			memcpy(exact, cases[i].in.data, len);
		enum rc got = der_check(span_of(exact, len), NULL);
		free(exact);
		if (got != cases[i].want)
			fail_msg("%s: got %s, want %s", cases[i].name,
			    rc_name(got), rc_name(cases[i].want));
	}
}

/* SEQUENCE in SEQUENCE, `depth` of them, the innermost empty. */
static enum rc
check_nested(size_t depth)
{
	uint8_t bytes[100];
	size_t len = 2 * depth;

	for (size_t i = 0; i < depth; i++) {
		bytes[2 * i] = DER_SEQUENCE;
		bytes[2 * i + 1] = (uint8_t)(len - 2 * (i + 1));
	}
	return der_check(span_of(bytes, len), NULL);
}

static void
nesting_has_a_limit(void **state)
{
	/* the outermost is level 0, and the inside of the last is looked at */
	assert_int_equal(check_nested(DER_MAX_DEPTH), RC_OK);
	assert_int_equal(check_nested(DER_MAX_DEPTH + 1), RC_LIMIT);
}

static void
elements_are_taken_one_by_one(void **state)
{
	struct span in = SPAN("\x02\x01\x05\x04\x02hi");
	struct der der;

	assert_int_equal(der_next(&in, &der, NULL), RC_OK);
	assert_int_equal(der.tag, DER_INTEGER);
	assert_int_equal(der.whole.len, 3);
	assert_int_equal(in.len, 4);
	/* of the wrong kind: nothing is taken */
	assert_int_equal(der_expect(&in, DER_SEQUENCE, &der, NULL), RC_SYNTAX);
	assert_int_equal(in.len, 4);
	assert_int_equal(der_expect(&in, DER_OCTETS, &der, NULL), RC_OK);
	assert_true(span_is(der.value, span_str("hi")));
	assert_int_equal(der_next(&in, &der, NULL), RC_ABSENT);
	assert_int_equal(der_expect(&in, DER_OCTETS, &der, NULL), RC_SYNTAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_der_passes_the_check),
	    cmocka_unit_test(nesting_has_a_limit),
	    cmocka_unit_test(elements_are_taken_one_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
