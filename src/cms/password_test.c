#include "cms/recipientkit_priv.h"

static void
a_password_opens_and_another_does_not(void **state)
{
	static const struct form form = {"password", &own_password, {0}};
	struct recipient_own other = {.password = span_str("correct horsE")};
	struct buf der BUF_OWNED = BUF_SMALL;
	struct buf cek BUF_OWNED = BUF_SECRET(64);

	print_form(&form, 24, &der);
	assert_ok(unwrap(buf_span(&der), &own_password, 24, &cek));
	assert_true(span_is(buf_span(&cek), span_of(content_key, 24)));
	buf_clear(&cek);
	assert_rc(unwrap(buf_span(&der), &other, 24, &cek), RC_CRYPTO);
	assert_int_equal(cek.len, 0);
}

/* --- passwords -------------------------------------------------------------- */

/* Replace the number of rounds in what openssl wrote. */
static void
a_password_that_takes_too_long_is_refused(void **state)
{
	static const struct {
		const char *rounds; /* in two bytes, as 2048 is */
		enum rc want;
	} table[] = {{"\x08\x00", RC_OK}, {"\x08\x01", RC_CRYPTO},
	    {"\x00\x00", RC_SYNTAX}};
	struct buf der BUF_OWNED = BUF_SMALL;

	assert_int_equal(
	    kit_openssl("cms -encrypt -binary -in letter -outform DER -out "
			"first -aes256 -pwri_password 'correct horse'"),
	    0);
	kit_read("first", &der);
	ptrdiff_t at =
	    span_find(buf_span(&der), span_of("\x02\x02\x08\x00", 4));
	assert_true(at > 0);
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		memcpy(der.data + at + 2, table[i].rounds, 2);
		kit_write("sealed", buf_span(&der));
		open_sealed(&own_password, table[i].want, "rounds");
	}
}

/* A PasswordRecipientInfo with this PBKDF2-params. */
static enum rc
check_password(const char *parameters, size_t len)
{
	static const char scheme[] =
	    "\x30\x2c\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x03\x09\x30"
	    "\x1d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x2a\x04\x10"
	    "0123456789abcdef\x04\x20" KEK;
	struct buf der BUF_OWNED = BUF_SMALL, cek BUF_OWNED = BUF_SECRET(64);
	size_t all, derive;

	assert_ok(print_begin(&der, PRINT_CONTEXT_OF(3), &all, &kit_err));
	assert_ok(print_number(&der, 0, &kit_err));
	assert_ok(print_begin(&der, PRINT_CONTEXT_OF(0), &derive, &kit_err));
	assert_ok(print_bytes(&der, PRINT_OID,
	    span_of("\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0c", 9), &kit_err));
	assert_ok(buf_add(&der, span_of(parameters, len), &kit_err));
	assert_ok(print_end(&der, derive, &kit_err));
	assert_ok(buf_add(&der, span_of(scheme, sizeof(scheme) - 1), &kit_err));
	assert_ok(print_end(&der, all, &kit_err));
	return unwrap(buf_span(&der), &own_password, 32, &cek);
}

static void
the_parameters_of_a_password_have_limits(void **state)
{
#define HMAC "\x06\x08\x2a\x86\x48\x86\xf7\x0d\x02"
	static const struct {
		const char *name, *parameters;
		size_t len;
		enum rc want;
	} table[] = {
	    {"as it should be", "\x30\x0a\x04\x04salt\x02\x02\x01\x00", 12,
		RC_CRYPTO},
	    {"a million rounds", "\x30\x0b\x04\x04salt\x02\x03\x0f\x42\x40", 13,
		RC_CRYPTO},
	    {"one more", "\x30\x0b\x04\x04salt\x02\x03\x0f\x42\x41", 13,
		RC_LIMIT},
	    {"2^40 rounds",
		"\x30\x0e\x04\x04salt\x02\x06\x01\x00\x00\x00\x00\x00", 16,
		RC_SYNTAX},
	    {"less than no round", "\x30\x09\x04\x04salt\x02\x01\xff", 11,
		RC_SYNTAX},
	    {"the key's length",
		"\x30\x0d\x04\x04salt\x02\x02\x01\x00\x02\x01\x20", 15,
		RC_CRYPTO},
	    {"another length",
		"\x30\x0d\x04\x04salt\x02\x02\x01\x00\x02\x01\x10", 15,
		RC_SYNTAX},
	    {"HMAC-SHA-512",
		"\x30\x18\x04\x04salt\x02\x02\x01\x00\x30\x0c" HMAC
		"\x0b\x05\x00",
		26, RC_CRYPTO},
	    {"HMAC-MD5",
		"\x30\x18\x04\x04salt\x02\x02\x01\x00\x30\x0c" HMAC
		"\x06\x05\x00",
		26, RC_UNFIT},
	    {"salt from elsewhere",
		"\x30\x0a\x30\x04\x06\x02\x2a\x03\x02\x02\x01\x00", 12,
		RC_SYNTAX},
	    {"nothing", "\x30\x00", 2, RC_SYNTAX},
	    {"absent", "", 0, RC_SYNTAX},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		enum rc rc = check_password(table[i].parameters, table[i].len);
		if (rc != table[i].want)
			fail_msg("%s: %s (%s)", table[i].name, rc_name(rc),
			    kit_err.text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_password_opens_and_another_does_not),
	    cmocka_unit_test(a_password_that_takes_too_long_is_refused),
	    cmocka_unit_test(the_parameters_of_a_password_have_limits),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
