#include "vault/recovery.h"

#include "base/expect.h"

/* The vector is Python's: its cryptography's HKDF and P-256, and its integers
 * for the code. */
#define CODE "000G-40R4-0M30-E209-185G-R38E-1W6K"
#define JWK                                                      \
	"{\"kty\":\"EC\",\"crv\":\"P-256\","                     \
	"\"x\":\"SePstL5a6-VoyYodRP8BZRKqhKF4Ov8VZLwezqHBqIE\"," \
	"\"y\":\"a-93urQciHkXjp9ivVvsPUrMGvGmVF7i8iV63B9Ux5k\"," \
	"\"d\":\"7m7Z520CW8MnELdCMJKvdxHKIjJaX1S4IwYGnmUolyY\"}"

static const uint8_t bytes[RECOVERY_BYTES] = {
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static struct span
secret_span(void)
{
	return span_of(bytes, sizeof(bytes));
}

static void
assert_text(struct buf *got, const char *want)
{
	struct err err = ERR_NONE;
	const char *text = NULL;

	assert_done(buf_str(got, &text, &err), err);
	assert_string_equal(text, want);
}

static void
a_code_and_its_key_are_what_others_make_of_the_bytes(void **state)
{
	struct buf code BUF_OWNED = BUF_SECRET(100);
	struct buf jwk BUF_OWNED = BUF_SECRET(1000);
	struct err err = ERR_NONE;

	assert_done(recovery_print(secret_span(), &code, &err), err);
	assert_text(&code, CODE);
	assert_int_equal(code.len, RECOVERY_TEXT_LEN);
	assert_done(recovery_jwk(secret_span(), &jwk, &err), err);
	assert_text(&jwk, JWK);
}

static void
a_code_is_read_as_people_write_it(void **state)
{
	static const char *const spellings[] = {CODE,
	    "000g40r40m30e209185gr38e1w6k",
	    " OOOG 4OR4 oM3o E2o9 l85G R38E iW6K\r\n"};
	struct err err = ERR_NONE;

	for (size_t i = 0; i < COUNT(spellings); i++) {
		struct buf secret BUF_OWNED = BUF_SECRET(100);
		assert_done(
		    recovery_parse(span_str(spellings[i]), &secret, &err), err);
		assert_true(span_is(buf_span(&secret), secret_span()));
	}
}

static void
what_is_no_code_is_said_to_be_none(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
	    {"", "28 letters"},
	    {"000G-40R4-0M30-E209-185G-R38E-1W6", "this has 27"},
	    {CODE "0", "this has 29"},
	    {"000G-40R4-0M30-E209-185G-R38E-1W6U", "character 34"},
	    {"000G\xff", "character 5"},
	};
	char longest[300];
	struct err err = ERR_NONE;
	struct buf secret BUF_OWNED = BUF_SECRET(100);

	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(
		    recovery_parse(span_str(cases[i].text), &secret, &err),
		    RC_SYNTAX);
		assert_non_null(strstr(err.text, cases[i].why));
	}
	memset(longest, ' ', sizeof(longest));
	memcpy(longest, CODE, strlen(CODE));
	assert_done(recovery_parse(span_of(longest, 200), &secret, &err), err);
	buf_clear(&secret);
	assert_int_equal(
	    recovery_parse(span_of(longest, 201), &secret, &err), RC_SYNTAX);
	assert_int_equal(secret.len, 0);
}

/* Any one character that is another one: the check sees it (12 bits, of which
 * this code's neighbours meet none). */
static void
a_slip_of_the_pen_is_noticed(void **state)
{
	struct buf secret BUF_OWNED = BUF_SECRET(100);
	struct err err = ERR_NONE;
	char text[] = CODE;

	for (size_t i = 0; text[i] != '\0'; i++) {
		char right = text[i];
		if (right == '-')
			continue;
		text[i] = right == 'Z' ? 'Y' : 'Z';
		assert_int_equal(
		    recovery_parse(span_str(text), &secret, &err), RC_SYNTAX);
		text[i] = right;
	}
	assert_done(recovery_parse(span_str(text), &secret, &err), err);
}

static void
codes_and_purposes_have_keys_of_their_own(void **state)
{
	struct buf one BUF_OWNED = BUF_SECRET(100);
	struct buf other BUF_OWNED = BUF_SECRET(100);
	struct buf key[3] = {BUF_SECRET(100), BUF_SECRET(100), BUF_SECRET(100)};
	struct err err = ERR_NONE;

	assert_done(recovery_make(&one, &err), err);
	assert_done(recovery_make(&other, &err), err);
	assert_false(span_is(buf_span(&one), buf_span(&other)));
	assert_done(
	    recovery_derive(buf_span(&one), "a", 32, &key[0], &err), err);
	assert_done(
	    recovery_derive(buf_span(&one), "b", 32, &key[1], &err), err);
	assert_done(
	    recovery_derive(buf_span(&other), "a", 32, &key[2], &err), err);
	assert_false(span_is(buf_span(&key[0]), buf_span(&key[1])));
	assert_false(span_is(buf_span(&key[0]), buf_span(&key[2])));
	assert_int_equal(
	    recovery_derive(buf_span(&one), "a", 65, &key[0], &err), RC_UNFIT);
	assert_int_equal(
	    recovery_derive(span_str("short"), "a", 32, &key[0], &err),
	    RC_UNFIT);
	assert_int_equal(
	    recovery_print(span_str("short"), &key[0], &err), RC_UNFIT);
	for (size_t i = 0; i < COUNT(key); i++)
		buf_done(&key[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		a_code_and_its_key_are_what_others_make_of_the_bytes),
	    cmocka_unit_test(a_code_is_read_as_people_write_it),
	    cmocka_unit_test(what_is_no_code_is_said_to_be_none),
	    cmocka_unit_test(a_slip_of_the_pen_is_noticed),
	    cmocka_unit_test(codes_and_purposes_have_keys_of_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
