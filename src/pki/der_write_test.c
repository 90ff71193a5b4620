#include <stdio.h>

#include "base/expect.h"
#include "pki/der_write.h"

#define BYTES(text) span_of((text), sizeof(text) - 1)

struct one {
	struct buf out;
	struct err err;
};

#define ONE ((struct one){BUF_SMALL, ERR_NONE})

static void
one_done(struct one *one)
{
	buf_done(&one->out);
}

#define ONE_OWNED __attribute__((cleanup(one_done)))

/* Whoever writes it must be able to read it. */
static void
one_is(struct one *one, enum rc rc, struct span want)
{
	assert_done(rc, one->err);
	assert_bytes(buf_span(&one->out), want);
	assert_ok(der_check(buf_span(&one->out), NULL));
	buf_clear(&one->out);
}

#define ONE_IS(one, call, want) one_is(&(one), der_write_##call, BYTES(want))

static void
a_number_takes_as_few_octets_as_it_can(void **state)
{
	struct one a ONE_OWNED = ONE;
	struct buf *out = &a.out;

	ONE_IS(a, number(out, DER_INTEGER, 0, &a.err), "\x02\x01\x00");
	ONE_IS(a, number(out, DER_INTEGER, 127, &a.err), "\x02\x01\x7f");
	ONE_IS(a, number(out, DER_INTEGER, 128, &a.err), "\x02\x02\x00\x80");
	ONE_IS(a, number(out, DER_ENUMERATED, 4, &a.err), "\x0a\x01\x04");
	ONE_IS(a, number(out, DER_INTEGER, UINT32_MAX, &a.err),
	    "\x02\x05\x00\xff\xff\xff\xff");
	ONE_IS(a, integer(out, BYTES("\x00\x00\x12"), &a.err), "\x02\x01\x12");
	ONE_IS(
	    a, integer(out, BYTES("\x80\x01"), &a.err), "\x02\x03\x00\x80\x01");
	ONE_IS(a, integer(out, SPAN_NONE, &a.err), "\x02\x01\x00");
}

static void
a_named_bit_list_ends_with_its_last_bit(void **state)
{
	struct one a ONE_OWNED = ONE;
	struct buf *out = &a.out;

	ONE_IS(a, named_bits(out, DER_BITS, 0, &a.err), "\x03\x01\x00");
	ONE_IS(a, named_bits(out, DER_BITS, 1, &a.err), "\x03\x02\x07\x80");
	ONE_IS(a, named_bits(out, DER_BITS, 0x60, &a.err), "\x03\x02\x01\x06");
	ONE_IS(a, named_bits(out, DER_BITS, 1u << 8, &a.err),
	    "\x03\x03\x07\x00\x80");
	ONE_IS(a, named_bits(out, DER_CONTEXT(1), 1u << 31, &a.err),
	    "\x81\x05\x00\x00\x00\x00\x01");
}

static void
a_time_is_short_until_2049(void **state)
{
	struct one a ONE_OWNED = ONE;
	struct buf *out = &a.out;

	ONE_IS(a, time(out, 0, &a.err),
	    "\x17\x0d"
	    "700101000000Z");
	ONE_IS(a, time(out, 2524607999, &a.err),
	    "\x17\x0d"
	    "491231235959Z");
	ONE_IS(a, time(out, 2524608000, &a.err),
	    "\x18\x0f"
	    "20500101000000Z");
	ONE_IS(a, general_time(out, 0, &a.err),
	    "\x18\x0f"
	    "19700101000000Z");
}

static void
a_time_that_cannot_be_said_is_refused(void **state)
{
	struct one a ONE_OWNED = ONE;

	assert_rc(der_write_time(&a.out, -631152001, &a.err), RC_LIMIT);
	assert_ok(der_write_time(&a.out, -631152000, &a.err));
	assert_rc(der_write_time(&a.out, 253402300800, &a.err), RC_LIMIT);
	assert_ok(der_write_general_time(&a.out, 253402300799, &a.err));
	assert_rc(der_write_time(&a.out, INT64_MAX, &a.err), RC_LIMIT);
}

static void
the_small_elements_are_as_the_standard_has_them(void **state)
{
	struct one a ONE_OWNED = ONE;
	struct buf *out = &a.out;
	struct span oid = BYTES("\x2a\x03"), null = BYTES("\x05\x00");

	ONE_IS(a, true(out, DER_CONTEXT(1), &a.err), "\x81\x01\xff");
	ONE_IS(a, bits(out, BYTES("ab"), &a.err),
	    "\x03\x03\x00"
	    "ab");
	ONE_IS(
	    a, algorithm(out, oid, false, &a.err), "\x30\x04\x06\x02\x2a\x03");
	ONE_IS(a, algorithm(out, oid, true, &a.err),
	    "\x30\x06\x06\x02\x2a\x03\x05\x00");
	ONE_IS(a, extension(out, oid, false, null, &a.err),
	    "\x30\x08\x06\x02\x2a\x03\x04\x02\x05\x00");
	ONE_IS(a, extension(out, oid, true, null, &a.err),
	    "\x30\x0b\x06\x02\x2a\x03\x01\x01\xff\x04\x02\x05\x00");
}

static void
a_set_is_in_the_order_of_its_bytes(void **state)
{
	struct one a ONE_OWNED = ONE;
	struct span items[] = {BYTES("\x02\x01\x05"), BYTES("\x05\x00"),
	    BYTES("\x02\x01\x04"), BYTES("\x01\x01\xff")};

	one_is(&a, der_write_set(&a.out, DER_SET, items, COUNT(items), &a.err),
	    BYTES("\x31\x0b\x01\x01\xff\x02\x01\x04\x02\x01\x05\x05\x00"));
}

static void
an_element_has_the_shortest_length(void **state)
{
	const struct {
		size_t len;
		struct span head;
	} cases[] = {{0, BYTES("\x04\x00")}, {127, BYTES("\x04\x7f")},
	    {128, BYTES("\x04\x81\x80")}, {255, BYTES("\x04\x81\xff")},
	    {256, BYTES("\x04\x82\x01\x00")},
	    {65536, BYTES("\x04\x83\x01\x00\x00")}};
	static const uint8_t zeros[65536];

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct one whole ONE_OWNED = ONE, parts ONE_OWNED = ONE;
		struct span value = span_of(zeros, cases[i].len);
		size_t at = 0;

		assert_ok(der_write_bytes(&whole.out, DER_OCTETS, value, NULL));
		assert_ok(buf_add_str(&parts.out, "before", NULL));
		assert_ok(der_write_begin(&parts.out, DER_OCTETS, &at, NULL));
		assert_ok(buf_add(&parts.out, value, NULL));
		assert_ok(der_write_end(&parts.out, at, NULL));
		struct span bytes = buf_span(&whole.out);
		assert_bytes(
		    span_first(bytes, cases[i].head.len), cases[i].head);
		assert_int_equal(bytes.len, cases[i].head.len + cases[i].len);
		assert_bytes(span_after(buf_span(&parts.out), 6), bytes);
		assert_ok(der_check(bytes, NULL));
	}
}

static void
a_full_buf_says_so(void **state)
{
	struct buf out BUF_OWNED = BUF(4);
	struct span items[] = {BYTES("\x02\x01\x05")};
	size_t at = 0;

	assert_rc(der_write_set(&out, DER_SET, items, 1, NULL), RC_LIMIT);
	assert_int_equal(out.len, 0);
	assert_rc(der_write_bits(&out, BYTES("abc"), NULL), RC_LIMIT);
	buf_clear(&out);
	assert_ok(der_write_begin(&out, DER_SET, &at, NULL));
	assert_rc(
	    der_write_bytes(&out, DER_UTF8, BYTES("abc"), NULL), RC_LIMIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_number_takes_as_few_octets_as_it_can),
	    cmocka_unit_test(a_named_bit_list_ends_with_its_last_bit),
	    cmocka_unit_test(a_time_is_short_until_2049),
	    cmocka_unit_test(a_time_that_cannot_be_said_is_refused),
	    cmocka_unit_test(the_small_elements_are_as_the_standard_has_them),
	    cmocka_unit_test(a_set_is_in_the_order_of_its_bytes),
	    cmocka_unit_test(an_element_has_the_shortest_length),
	    cmocka_unit_test(a_full_buf_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
