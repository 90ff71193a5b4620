#include "flow/skeleton.h"

#include "base/expect.h"
#include "base/own.h"

OWNER(struct skeleton, skeleton_free);

static const struct {
	const char *a, *b;
	bool strict, loose; /* they look alike */
} pairs[] = {
    {"paypal", "paypal", true, true},
    {"paypal", "PAYPAL", true, true},
    {"paypal", "pаypal", true, true},       /* Cyrillic a */
    {"paypal", "ｐａｙｐａｌ", true, true}, /* full width */
    {"paypal", "pay\u200bpal", true, true},
    {"paypal", "pay\u00adpal", true, true},
    {"paypal", "paypa1", true, true},
    {"microsoft", "micr0soft", true, true},
    {"microsoft", "rnicrosoft", true, true},
    {"paypal", "paypai", false, true},
    {"paypal", "páypal", false, true},
    {"paypal", "ᴘaypal", false, true},
    {"walmart", "vvalmart", false, true},
    {"netflix", "n3tfl1x", false, true},
    {"hsbc", "h5bc", false, true},
    {"google", "qooqle", false, true},
    {"sberbank", "ѕьеrьаnк", false, true},
    {"paypal", "payqal", false, false},
    {"oracle", "orade", false, false}, /* flow/lookalike tries cl itself */
    {"alpha", "beta", false, false},
    {"例子", "例字", false, false},
};

static bool
is_alike(enum rc (*skeleton)(
	     const struct skeleton *, struct span, struct buf *, struct err *),
    const struct skeleton *s, const char *a, const char *b)
{
	struct buf one BUF_OWNED = BUF_SMALL;
	struct buf two BUF_OWNED = BUF_SMALL;
	struct span exact_a EXACT = expect_exact(span_str(a));
	struct span exact_b EXACT = expect_exact(span_str(b));

	assert_ok(skeleton(s, exact_a, &one, NULL));
	assert_ok(skeleton(s, exact_b, &two, NULL));
	return span_is(buf_span(&one), buf_span(&two));
}

static void
what_looks_alike_has_one_skeleton(void **state)
{
	struct skeleton *s OWNED(skeleton_free) = NULL;

	(void)state;
	assert_ok(skeleton_new(&s, NULL));
	for (size_t i = 0; i < COUNT(pairs); i++) {
		bool strict =
		    is_alike(skeleton_strict, s, pairs[i].a, pairs[i].b);
		bool loose =
		    is_alike(skeleton_loose, s, pairs[i].a, pairs[i].b);
		if (strict != pairs[i].strict || loose != pairs[i].loose)
			fail_msg("%s and %s: got strict %d loose %d, want %d "
				 "%d",
			    pairs[i].a, pairs[i].b, strict, loose,
			    pairs[i].strict, pairs[i].loose);
	}
}

/* The way for ASCII alone must give what the way for all gives. */
static void
ascii_beside_another_script_has_the_same_skeleton(void **state)
{
	struct skeleton *s OWNED(skeleton_free) = NULL;

	(void)state;
	assert_ok(skeleton_new(&s, NULL));
	for (char c = '!'; c < 127; c++) {
		struct buf one BUF_OWNED = BUF_SMALL;
		struct buf two BUF_OWNED = BUF_SMALL;
		char text[] = {c, (char)0xe4, (char)0xb8, (char)0xad, 0};
		if (c == '%') /* looks like three characters: left alone */
			continue;
		assert_ok(skeleton_strict(s, span_of(text, 1), &one, NULL));
		assert_ok(buf_add_str(&one, "中", NULL));
		assert_ok(skeleton_strict(s, span_str(text), &two, NULL));
		if (!span_is(buf_span(&one), buf_span(&two)))
			fail_msg("%c", c);
	}
}

static const struct {
	const char *text;
	unsigned flaws;
} odd[] = {
    {"paypal", 0},
    {"münchen", 0},
    {"例子", 0},
    {"почта", 0},
    {"日本のドメイン", 0},
    {"pаypal", SKELETON_SCRIPTS},
    {"pay\u200bpal", SKELETON_INVISIBLE},
    {"pay\u202epal", SKELETON_BIDI},
    {"pаy\u202e\u200bpal",
	SKELETON_BIDI | SKELETON_INVISIBLE | SKELETON_SCRIPTS},
    {"a\tb", SKELETON_INVISIBLE},
};

static void
what_is_odd_is_said(void **state)
{
	struct skeleton *s OWNED(skeleton_free) = NULL;

	(void)state;
	assert_ok(skeleton_new(&s, NULL));
	for (size_t i = 0; i < COUNT(odd); i++) {
		unsigned got = 99;
		assert_ok(skeleton_check(s, span_str(odd[i].text), &got, NULL));
		if (got != odd[i].flaws)
			fail_msg("%s: got %u, want %u", odd[i].text, got,
			    odd[i].flaws);
	}
}

static void
what_is_no_utf8_or_too_long_is_refused(void **state)
{
	struct skeleton *s OWNED(skeleton_free) = NULL;
	static char text[SKELETON_TEXT_MAX + 1];
	struct buf out BUF_OWNED = BUF_SMALL;
	unsigned flaws = 0;

	(void)state;
	assert_ok(skeleton_new(&s, NULL));
	assert_rc(skeleton_strict(s, span_str("a\xff"), &out, NULL), RC_SYNTAX);
	assert_rc(skeleton_loose(s, span_str("\xc3"), &out, NULL), RC_SYNTAX);
	assert_rc(skeleton_check(s, span_str("\xed\xa0\x80"), &flaws, NULL),
	    RC_SYNTAX);
	assert_int_equal(out.len, 0);
	memset(text, 'x', sizeof(text));
	assert_ok(
	    skeleton_loose(s, span_of(text, SKELETON_TEXT_MAX), &out, NULL));
	assert_int_equal(out.len, SKELETON_TEXT_MAX);
	assert_rc(skeleton_loose(s, span_of(text, sizeof(text)), &out, NULL),
	    RC_LIMIT);
	assert_rc(skeleton_strict(s, span_of(text, sizeof(text)), &out, NULL),
	    RC_LIMIT);
	assert_rc(skeleton_check(s, span_of(text, sizeof(text)), &flaws, NULL),
	    RC_LIMIT);
	assert_int_equal(out.len, SKELETON_TEXT_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_looks_alike_has_one_skeleton),
	    cmocka_unit_test(ascii_beside_another_script_has_the_same_skeleton),
	    cmocka_unit_test(what_is_odd_is_said),
	    cmocka_unit_test(what_is_no_utf8_or_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
