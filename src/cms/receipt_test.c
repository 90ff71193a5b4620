#include "cms/testkit_priv.h"

#include "cms/receipt.h"

static void
what_is_no_receipt_is_refused(void **state)
{
	static const struct {
		const char *name;
		struct span der;
	} table[] = {
#define BYTES(bytes) {(const uint8_t *)(bytes), sizeof(bytes) - 1}
	    {"nothing", BYTES("")},
	    {"an integer", BYTES("\x02\x01\x01")},
	    {"version 2",
		BYTES("\x30\x0b\x02\x01\x02\x06\x01\x2a\x04\x00\x04\x00")},
	    {"no signature", BYTES("\x30\x08\x02\x01\x01\x06\x01\x2a\x04\x00")},
	    {"more behind it",
		BYTES("\x30\x0c\x02\x01\x01\x06\x01\x2a\x04\x00\x04\x00"
		      "\x05\x00")},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct receipt receipt = {.id = BUF_SMALL};
		assert_rc(
		    receipt_parse(table[i].der, &receipt, &kit_err), RC_SYNTAX);
	}
	struct receipt receipt RECEIPT_OWNED = {.id = BUF_SMALL};
	assert_ok(receipt_parse(
	    span_of("\x30\x0a\x02\x01\x01\x06\x01\x2a\x04\x00\x04\x00", 12),
	    &receipt, &kit_err));
}

static void
what_is_no_request_is_refused(void **state)
{
	static const struct {
		const char *name;
		struct span der;
		enum rc want;
	} table[] = {
	    {"names cut off",
		BYTES("\x30\x0b\x04\x01x\x80\x01\x00\x30\x03\x30\x01\x05"),
		RC_SYNTAX},
	    {"all, to nobody in particular",
		BYTES("\x30\x0a\x04\x01x\x80\x01\x00\x30\x02\x30\x00"), RC_OK},
	    {"from 2", BYTES("\x30\x0a\x04\x01x\x80\x01\x02\x30\x02\x30\x00"),
		RC_SYNTAX},
	    {"to nowhere", BYTES("\x30\x08\x04\x01x\x80\x01\x00\x30\x00"),
		RC_SYNTAX},
	    {"no from", BYTES("\x30\x03\x04\x01x"), RC_SYNTAX},
	    {"nothing", BYTES(""), RC_SYNTAX},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct receipt_request got RECEIPT_REQUEST_OWNED = {
		    .asked = false};
		enum rc rc =
		    receipt_request_parse(table[i].der, &got, &kit_err);
		if (rc != table[i].want)
			fail_msg("%s: %s", table[i].name, rc_name(rc));
		assert_int_equal(got.asked, rc == RC_OK);
	}
}

static void
a_request_of_more_names_than_the_limit_is_refused(void **state)
{
	for (size_t n = RECEIPT_TO_MAX; n <= RECEIPT_TO_MAX + 1; n++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		struct receipt_request got RECEIPT_REQUEST_OWNED = {
		    .asked = false};
		uint8_t head[] = {0x30, (uint8_t)(8 + 2 * n), 0x04, 1, 'x',
		    0x80, 1, 0, 0x30, (uint8_t)(2 * n)};
		assert_ok(buf_add(&der, span_of(head, 10), &kit_err));
		for (size_t i = 0; i < n; i++)
			assert_ok(
			    buf_add(&der, span_of("\x30\0", 2), &kit_err));
		assert_rc(receipt_request_parse(buf_span(&der), &got, &kit_err),
		    n <= RECEIPT_TO_MAX ? RC_OK : RC_LIMIT);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_no_receipt_is_refused),
	    cmocka_unit_test(what_is_no_request_is_refused),
	    cmocka_unit_test(a_request_of_more_names_than_the_limit_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
