#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proto/sasl.h"

#define ALL                                                           \
	(SASL_PLAIN | SASL_LOGIN | SASL_EXTERNAL | SASL_OAUTHBEARER | \
	    SASL_XOAUTH2)

static struct sasl
sasl_of(enum sasl_kind kind, const char *user, const char *secret)
{
	return (struct sasl){kind, user, span_str(secret), "mail.test", 993};
}

/* The example of RFC 7628 section 4.1 has other parts; their form is the
 * same. */
static void
each_mechanism_says_what_its_standard_says(void **state)
{
	static const struct {
		unsigned mechanism;
		const char *user, *secret;
		struct span wanted;
	} cases[] = {
#define WANTED(text) {(const uint8_t *)(text), sizeof(text) - 1}
	    {SASL_PLAIN, "al", "p=w", WANTED("\0al\0p=w")},
	    {SASL_EXTERNAL, "al", "", WANTED("")},
	    {SASL_OAUTHBEARER, "a,b=c@x.test", "vF9=",
		WANTED("n,a=a=2Cb=3Dc@x.test,\x01host=mail.test\x01port=993"
		       "\x01"
		       "auth=Bearer vF9=\x01\x01")},
	    {SASL_XOAUTH2, "al@x.test", "ya29",
		WANTED("user=al@x.test\x01"
		       "auth=Bearer ya29\x01\x01")},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf out BUF_OWNED = BUF_SECRET(1000);
		struct sasl sasl =
		    sasl_of(SASL_PASSWORD, cases[i].user, cases[i].secret);
		assert_int_equal(
		    sasl_print(&sasl, cases[i].mechanism, &out, NULL), RC_OK);
		if (!span_is(buf_span(&out), cases[i].wanted))
			fail_msg("case %zu", i);
	}
}

static void
what_would_end_a_part_is_refused(void **state)
{
	static const struct {
		unsigned mechanism;
		const char *user, *secret;
	} cases[] = {
	    {SASL_OAUTHBEARER, "al\x01", "x"},
	    {SASL_OAUTHBEARER, "al",
		"x\x01"
		"auth=Bearer y"},
	    {SASL_XOAUTH2, "al\n", "x"},
	    {SASL_XOAUTH2, "al", "x\r"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf out BUF_OWNED = BUF_SECRET(1000);
		struct sasl sasl =
		    sasl_of(SASL_TOKEN, cases[i].user, cases[i].secret);
		assert_int_equal(
		    sasl_print(&sasl, cases[i].mechanism, &out, NULL),
		    RC_SYNTAX);
		assert_int_equal(out.len, 0);
	}
}

static void
a_secret_goes_only_by_a_mechanism_for_its_kind(void **state)
{
	static const struct {
		enum sasl_kind kind;
		unsigned offered, wanted;
	} cases[] = {
	    {SASL_PASSWORD, ALL, SASL_PLAIN},
	    {SASL_PASSWORD, SASL_LOGIN, SASL_LOGIN},
	    {SASL_PASSWORD, SASL_XOAUTH2 | SASL_EXTERNAL, 0},
	    {SASL_TOKEN, ALL, SASL_OAUTHBEARER},
	    {SASL_TOKEN, SASL_XOAUTH2 | SASL_PLAIN, SASL_XOAUTH2},
	    {SASL_TOKEN, SASL_PLAIN | SASL_LOGIN, 0},
	    {SASL_CERTIFICATE, ALL, SASL_EXTERNAL},
	    {SASL_CERTIFICATE, SASL_PLAIN, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(sasl_choose(cases[i].kind, cases[i].offered),
		    cases[i].wanted);
}

static void
names_are_known_whatever_their_case(void **state)
{
	(void)state;
	assert_int_equal(sasl_find(span_str("xoauth2")), SASL_XOAUTH2);
	assert_int_equal(sasl_find(span_str("XOAUTH")), 0);
	assert_string_equal(sasl_name(SASL_EXTERNAL), "EXTERNAL");
	assert_string_equal(sasl_end(SASL_OAUTHBEARER), "AQ==");
	assert_null(sasl_end(SASL_PLAIN));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_mechanism_says_what_its_standard_says),
	    cmocka_unit_test(what_would_end_a_part_is_refused),
	    cmocka_unit_test(a_secret_goes_only_by_a_mechanism_for_its_kind),
	    cmocka_unit_test(names_are_known_whatever_their_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
