#include "authority/published.h"

#include "base/expect.h"

#define ID "0123456789abcdef0123456789abcdef01234567"

static void
a_path_is_read_back_or_is_nothing(void **state)
{
	static const struct {
		const char *path;
		int64_t want; /* -1: not there */
	} cases[] = {
	    {"/crl/" ID "/0.crl", 0},
	    {"/crl/" ID "/1023.crl", 1023},
	    {"/crl/" ID "/999999999.crl", 999999999},
	    {"/crl/" ID "/1000000000.crl", -1},
	    {"/crl/" ID "/00.crl", -1},
	    {"/crl/" ID "/07.crl", -1},
	    {"/crl/" ID "/.crl", -1},
	    {"/crl/" ID "/-1.crl", -1},
	    {"/crl/" ID "/1.crl/", -1},
	    {"/crl/" ID "/1.cr", -1},
	    {"/crl/" ID "1.crl", -1},
	    {"/crl/0123456789ABCDEF0123456789abcdef01234567/1.crl", -1},
	    {"/crl/../../etc/passwd/aaaaaaaaaaaaaaaaaaaaa/1.crl", -1},
	    {"/crl/", -1},
	    {"", -1},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char id[PUBLISHED_ID_LEN + 1] = "";
		int64_t part = -1;
		struct err err = ERR_NONE;
		enum rc rc = published_read_crl(cases[i].path, id, &part, &err);
		if (cases[i].want < 0) {
			assert_rc(rc, RC_ABSENT);
			continue;
		}
		assert_done(rc, err);
		assert_int_equal(part, cases[i].want);
		assert_string_equal(id, ID);
	}
}

static void
what_is_printed_is_read_back(void **state)
{
	struct buf out BUF_OWNED = BUF_SMALL;
	char id[PUBLISHED_ID_LEN + 1];
	const char *text = NULL;
	int64_t part = 0;

	assert_ok(published_crl("http://a.test", ID, 7, &out, NULL));
	assert_span(buf_span(&out), "http://a.test/crl/" ID "/7.crl");
	assert_ok(buf_str(&out, &text, NULL));
	assert_ok(published_read_crl(
	    text + strlen("http://a.test"), id, &part, NULL));
	buf_clear(&out);
	assert_ok(published_ca("http://a.test", ID, &out, NULL));
	assert_ok(buf_str(&out, &text, NULL));
	assert_string_equal(text, "http://a.test/ca/" ID ".cer");
	assert_ok(published_read_ca(text + strlen("http://a.test"), id, NULL));
	assert_rc(published_read_ca("/ca/" ID ".pem", id, NULL), RC_ABSENT);
	buf_clear(&out);
	assert_ok(published_ocsp("http://a.test", &out, NULL));
	assert_span(buf_span(&out), "http://a.test/ocsp");
}

static void
the_end_of_the_serial_number_chooses_the_part(void **state)
{
	static const uint8_t serial[] = {9, 9, 9, 0, 0, 1, 5};

	assert_int_equal(published_part(span_of(serial, 7), 1024), 0x105);
	assert_int_equal(published_part(span_of(serial, 7), 16), 5);
	assert_int_equal(published_part(span_of(serial, 7), 1), 0);
	assert_int_equal(published_part(span_of(serial, 1), 4), 1);
	assert_int_equal(published_part(SPAN_NONE, 4), 0);
	assert_int_equal(published_part(span_of(serial, 7), 0), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_path_is_read_back_or_is_nothing),
	    cmocka_unit_test(what_is_printed_is_read_back),
	    cmocka_unit_test(the_end_of_the_serial_number_chooses_the_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
