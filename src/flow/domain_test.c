#include "flow/domain.h"

#include "base/expect.h"
#include "base/own.h"

OWNER(struct domain_reader, domain_reader_free);

static const struct {
	const char *text, *ascii, *registrable, *suffix, *label;
} cases[] = {
    {"example.com", "example.com", "example.com", "com", "example"},
    {"WWW.Mail.Example.CO.UK.", "www.mail.example.co.uk", "example.co.uk",
	"co.uk", "example"},
    {"a.b.stranger.test", "a.b.stranger.test", "stranger.test", "test",
	"stranger"},
    {"evil.github.io", "evil.github.io", "evil.github.io", "github.io", "evil"},
    {"co.uk", "co.uk", "co.uk", "uk", "co"},
    {"localhost", "localhost", "localhost", "", "localhost"},
    {"münchen.de", "xn--mnchen-3ya.de", "xn--mnchen-3ya.de", "de", "münchen"},
    {"xn--mnchen-3ya.de", "xn--mnchen-3ya.de", "xn--mnchen-3ya.de", "de",
	"münchen"},
    {"ＭÜnchen。de", "xn--mnchen-3ya.de", "xn--mnchen-3ya.de", "de", "münchen"},
    {"faß.de", "xn--fa-hia.de", "xn--fa-hia.de", "de", "faß"},
    {"_dmarc.-odd-.test", "_dmarc.-odd-.test", "-odd-.test", "test", "-odd-"},
};

static void
a_domain_is_taken_apart(void **state)
{
	struct domain_reader *r OWNED(domain_reader_free) = NULL;

	(void)state;
	assert_ok(domain_reader_new(&r, NULL));
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span text EXACT = expect_exact(span_str(cases[i].text));
		struct domain d;
		assert_ok(domain_parse(r, text, &d, NULL));
		assert_string_equal(d.ascii, cases[i].ascii);
		assert_string_equal(
		    domain_registrable(&d), cases[i].registrable);
		assert_string_equal(domain_suffix(&d), cases[i].suffix);
		assert_span(domain_label(&d, d.name), cases[i].label);
	}
}

static void
what_no_registry_gives_is_refused(void **state)
{
	static const char long_label[] = /* 64 bytes */
	    "a234567890123456789012345678901234567890123456789012345678901234";
	static const char *const bad[] = {"", ".", "..", "a..b", ".a",
	    "xn--zzzzzz-99999999.com", "xn--\x80.com", "a\xff.com",
	    "xn--paypal-.com", "א1a.com", "a\u200d.com", long_label};
	struct domain_reader *r OWNED(domain_reader_free) = NULL;
	struct domain d;

	(void)state;
	assert_ok(domain_reader_new(&r, NULL));
	for (size_t i = 0; i < COUNT(bad); i++)
		if (domain_parse(r, span_str(bad[i]), &d, NULL) != RC_SYNTAX)
			fail_msg("%zu: %s is taken", i, bad[i]);
	assert_rc(domain_parse(r, span_of("a\0b.com", 7), &d, NULL), RC_SYNTAX);
}

static void
a_domain_of_253_bytes_is_read_and_one_of_254_is_not(void **state)
{
	struct domain_reader *r OWNED(domain_reader_free) = NULL;
	char text[DOMAIN_MAX + 2];
	struct domain d;

	(void)state;
	assert_ok(domain_reader_new(&r, NULL));
	for (size_t i = 0; i < DOMAIN_MAX; i++)
		text[i] = i % 2 == 0 ? 'a' : '.';
	assert_ok(domain_parse(r, span_of(text, DOMAIN_MAX), &d, NULL));
	assert_int_equal(d.labels, DOMAIN_LABELS_MAX);
	memcpy(text + DOMAIN_MAX, "a", 1);
	assert_rc(domain_parse(r, span_of(text, DOMAIN_MAX + 1), &d, NULL),
	    RC_SYNTAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_domain_is_taken_apart),
	    cmocka_unit_test(what_no_registry_gives_is_refused),
	    cmocka_unit_test(
		a_domain_of_253_bytes_is_read_and_one_of_254_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
