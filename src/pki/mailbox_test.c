#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "pki/mailbox.h"

#define SPAN(bytes)                                         \
	{                                                   \
		(const uint8_t *)(bytes), sizeof(bytes) - 1 \
	}

enum kind { NONE, ASCII, UTF8 };

static enum kind
kind_of(struct span mailbox)
{
	if (mailbox_is_ascii(mailbox))
		return ASCII;
	return mailbox_is_utf8(mailbox) ? UTF8 : NONE;
}

static void
mailboxes_are_told_from_other_text(void **state)
{
	static const struct {
		struct span in;
		enum kind want;
	} cases[] = {
	    {SPAN("alice@example.org"), ASCII},
	    {SPAN("a.b+c_d'e=f@sub.example.org"), ASCII},
	    {SPAN("alice@xn--bcher-kva.example"), ASCII},
	    {SPAN("alice@[192.0.2.1]"), ASCII},
	    {SPAN("alice@[IPv6:2001:db8::1]"), ASCII},
	    {SPAN("\"a b\"@example.org"), ASCII},
	    {SPAN("\"a\\\"b@c\"@example.org"), ASCII},
	    {SPAN("j\xc3\xb6rg@example.org"), UTF8},
	    {SPAN(""), NONE},
	    {SPAN("@"), NONE},
	    {SPAN("alice"), NONE},
	    {SPAN("alice@"), NONE},
	    {SPAN("@example.org"), NONE},
	    {SPAN("alice@bob@example.org"), NONE},
	    {SPAN("a b@example.org"), NONE},
	    {SPAN("<alice@example.org>"), NONE},
	    {SPAN("alice@example.org "), NONE},
	    {SPAN("alice@example..org"), NONE},
	    {SPAN("alice@.example.org"), NONE},
	    {SPAN("alice@example.org."), NONE},
	    {SPAN("alice@exa_mple.org"), NONE},
	    {SPAN("alice@b\xc3\xbc"
		  "cher.example"),
		NONE},
	    {SPAN("alice\0@example.org"), NONE},
	    {SPAN("alice@example.org\0.evil.test"), NONE},
	    {SPAN("alice\r\n@example.org"), NONE},
	    {SPAN("\"\"@example.org"), NONE},
	    {SPAN("\"a\"b\"@example.org"), NONE},
	    {SPAN("\"a\\\"@example.org"), NONE},
	    {SPAN("\"a\0b\"@example.org"), NONE},
	    {SPAN("j\xf6rg@example.org"), NONE},        /* Latin-1 */
	    {SPAN("j\xc0\xb6rg@example.org"), NONE},    /* overlong */
	    {SPAN("j\xed\xa0\x80g@example.org"), NONE}, /* surrogate */
	    {SPAN("j\xc2\x85rg@example.org"), NONE},    /* NEL */
	    {SPAN("alice@[192.0.2.1"), NONE},
	    {SPAN("alice@[]"), NONE},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = cases[i].in.len;
		uint8_t *exact = malloc(len > 0 ? len : 1);
		assert_non_null(exact);
		if (len > 0)
			memcpy(exact, cases[i].in.data, len);
		enum kind got = kind_of(span_of(exact, len));
		free(exact);
		if (got != cases[i].want)
			fail_msg("case %zu %.*s: got %d, want %d", i,
			    SPAN_ARGS(cases[i].in), got, cases[i].want);
	}
}

static void
a_mailbox_has_a_size_limit(void **state)
{
	char text[MAILBOX_MAX + 2];

	memset(text, 'a', sizeof(text));
	text[64] = '@';
	for (size_t i = 65 + 50; i < MAILBOX_MAX; i += 50)
		text[i] = '.';
	assert_true(mailbox_is_ascii(span_of(text, 65 + 255)));
	assert_false(mailbox_is_ascii(span_of(text, 65 + 256)));
	/* a domain of more than 255 in a mailbox that is not too long */
	text[64] = 'a';
	text[60] = '@';
	assert_false(mailbox_is_ascii(span_of(text, 61 + 256)));
}

static void
mailboxes_are_compared_as_rfc_8550_and_9598_say(void **state)
{
	static const struct {
		const char *a, *b;
		bool want;
	} cases[] = {
	    {"alice@example.org", "alice@example.org", true},
	    {"Alice@EXAMPLE.org", "alice@example.ORG", true},
	    {"\"alice\"@example.org", "alice@example.org", true},
	    {"\"al\\ice\"@example.org", "alice@example.org", true},
	    {"\"a b\"@example.org", "\"A b\"@example.org", true},
	    {"alice@example.org", "alice@example.com", false},
	    {"alice@example.org", "alice@sub.example.org", false},
	    {"alice+x@example.org", "alice@example.org", false},
	    {"al.ice@example.org", "alice@example.org", false},
	    {"alice@example.org", "bob@example.org", false},
	    {"alice@example.org", "alice@example.org.", false},
	    {"alice", "alice", false},
	    {"", "", false},
	    {"j\xc3\xb6rg@example.org", "j\xc3\xb6rg@Example.org", true},
	    {"j\xc3\xb6rg@example.org", "J\xc3\xb6rg@example.org", false},
	    {"j\xc3\xb6rg@example.org", "jo\xcc\x88rg@example.org", false},
	    {"j\xc3\xb6rg@example.org", "jorg@example.org", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (mailbox_same(span_str(cases[i].a), span_str(cases[i].b)) !=
		    cases[i].want)
			fail_msg("%s and %s: want %d", cases[i].a, cases[i].b,
			    cases[i].want);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(mailboxes_are_told_from_other_text),
	    cmocka_unit_test(a_mailbox_has_a_size_limit),
	    cmocka_unit_test(mailboxes_are_compared_as_rfc_8550_and_9598_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
