#include "dns/dkimkit_priv.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define H_USUAL "h=from:to:subject:date"
#define GOOD "s=good d=signed.test key=2048 " H_USUAL

static bool
is_of_signed_test(const void *self, const char *domain)
{
	(void)self;
	return strcasecmp(domain, "signed.test") == 0 ||
	       strcasecmp(domain, "sub.signed.test") == 0;
}

static enum dkim_answer
judge_at(struct resolver *resolver, struct span letter, int budget)
{
	const struct dkim_question question = {
	    .resolver = resolver,
	    .wanted = is_of_signed_test,
	    .budget = budget,
	};
	struct source_memory memory = {.bytes = letter};
	const struct source source = source_memory(&memory);
	struct fields fields FIELDS_OWNED = FIELDS_NONE;
	enum dkim_answer got = DKIM_ANSWER_BAD;
	struct err err = ERR_NONE;
	size_t header = 0;

	assert_int_equal(fields_parse(letter, &fields, &header, &err), RC_OK);
	if (dkim_judge(&question, &fields, header, &source, &got, &err) !=
	    RC_OK)
		fail_msg("%s", err.text);
	return got;
}

static enum dkim_answer
judge(void **state, const struct buf *letter)
{
	struct context *context = *state;

	return judge_at(context->resolver, buf_span(letter), 10000);
}

static const struct {
	const char *options;
	enum dkim_answer want;
} signatures[] = {
    {GOOD, DKIM_ANSWER_GOOD},
    {GOOD " c=relaxed/relaxed", DKIM_ANSWER_GOOD},
    {"s=ed d=signed.test key=ed a=ed25519-sha256 " H_USUAL, DKIM_ANSWER_GOOD},
    /* nothing is to be said of it */
    {"s=small d=signed.test key=768 " H_USUAL, DKIM_ANSWER_NONE},
    {"s=testing d=signed.test key=2048 " H_USUAL, DKIM_ANSWER_NONE},
    {"s=revoked d=signed.test key=2048 " H_USUAL, DKIM_ANSWER_NONE},
    {"s=absent d=signed.test key=2048 " H_USUAL, DKIM_ANSWER_NONE},
    {GOOD " x=-3600 late=-7200", DKIM_ANSWER_NONE},
    {GOOD " l=1", DKIM_ANSWER_NONE},
    {GOOD " a=rsa-sha1", DKIM_ANSWER_NONE},
    /* of a domain that does not count, whose key is there */
    {"s=good d=open.test key=2048 " H_USUAL, DKIM_ANSWER_NONE},
    /* another's key */
    {"s=other d=signed.test key=2048 " H_USUAL, DKIM_ANSWER_BAD},
};

static void
what_dkimpy_signs_is_judged(void **state)
{
	for (size_t i = 0; i < COUNT(signatures); i++) {
		struct buf letter BUF_OWNED = BUF_SMALL;
		sign(state, LETTER, signatures[i].options, &letter);
		enum dkim_answer got = judge(state, &letter);
		if (got != signatures[i].want)
			fail_msg("%s: got %d, want %d", signatures[i].options,
			    (int)got, (int)signatures[i].want);
	}
}

static void
replace(struct buf *letter, const char *from, const char *to)
{
	ptrdiff_t at = span_find(buf_span(letter), span_str(from));

	assert_true(at >= 0);
	assert_int_equal(strlen(from), strlen(to));
	memcpy(letter->data + at, to, strlen(to));
}

static void
a_changed_letter_is_not_what_was_signed(void **state)
{
	static const char *const changes[][2] = {
	    {"Hello.", "Jello."}, {"alexey@example", "eve_ey@example"}};

	for (size_t i = 0; i < COUNT(changes); i++) {
		struct buf letter BUF_OWNED = BUF_SMALL;
		sign(state, LETTER, GOOD, &letter);
		replace(&letter, changes[i][0], changes[i][1]);
		assert_int_equal(judge(state, &letter), DKIM_ANSWER_BAD);
	}
}

static void
one_good_signature_of_several_is_enough(void **state)
{
	struct buf once BUF_OWNED = BUF_SMALL, twice BUF_OWNED = BUF_SMALL;
	const char *text = NULL;

	sign(state, LETTER, GOOD, &once);
	assert_int_equal(buf_str(&once, &text, NULL), RC_OK);
	sign(state, text, "s=other d=signed.test key=2048 " H_USUAL, &twice);
	assert_int_equal(judge(state, &twice), DKIM_ANSWER_GOOD);
}

/* Letters in files have LF alone, often. */
static void
lines_that_end_with_lf_are_as_good(void **state)
{
	struct buf letter BUF_OWNED = BUF_SMALL, lf BUF_OWNED = BUF_SMALL;

	sign(state, LETTER, GOOD, &letter);
	for (size_t i = 0; i < letter.len; i++)
		if (letter.data[i] != '\r')
			assert_int_equal(
			    buf_add_byte(&lf, letter.data[i], NULL), RC_OK);
	assert_int_equal(judge(state, &lf), DKIM_ANSWER_GOOD);
}

static void
who_is_not_signed_is_not_judged(void **state)
{
	struct buf letter BUF_OWNED = BUF_SMALL;

	assert_int_equal(buf_add_str(&letter, LETTER, NULL), RC_OK);
	assert_int_equal(judge(state, &letter), DKIM_ANSWER_NONE);
	assert_int_equal(buf_add_str(&letter, "", NULL), RC_OK);
}

static void
a_broken_signature_field_says_nothing(void **state)
{
	static const char *const fields[] = {"", "x", "v=1", "v=9; a=b; d=c",
	    "v=1; a=rsa-sha256; d=signed.test; s=good; h=to; bh=x; b=y",
	    "v=1; a=rsa-sha256; d=signed.test; s=..; h=from; bh=eA==; b=eA=="};

	for (size_t i = 0; i < COUNT(fields); i++) {
		struct buf letter BUF_OWNED = BUF_SMALL;
		assert_int_equal(
		    buf_add_format(&letter, NULL, "DKIM-Signature: %s\r\n%s",
			fields[i], LETTER),
		    RC_OK);
		assert_int_equal(judge(state, &letter), DKIM_ANSWER_NONE);
	}
}

/* Three keys are asked for and no more; the fourth signature is the good one.
 */
static void
only_so_many_keys_are_asked_for(void **state)
{
	struct buf letter BUF_OWNED = BUF_SMALL;
	const char *bad = "s=absent d=signed.test key=2048 " H_USUAL;

	sign(state, LETTER, GOOD, &letter);
	for (int i = 0; i < DKIM_KEYS_MAX; i++) {
		struct buf more BUF_OWNED = BUF_SMALL;
		const char *text = NULL;
		assert_int_equal(judge(state, &letter), DKIM_ANSWER_GOOD);
		assert_int_equal(buf_str(&letter, &text, NULL), RC_OK);
		sign(state, text, bad, &more);
		buf_clear(&letter);
		assert_int_equal(
		    buf_add(&letter, buf_span(&more), NULL), RC_OK);
	}
	assert_int_equal(judge(state, &letter), DKIM_ANSWER_NONE);
}

static void
without_time_nothing_is_said(void **state)
{
	struct context *context = *state;
	struct buf letter BUF_OWNED = BUF_SMALL;

	sign(state, LETTER, GOOD, &letter);
	assert_int_equal(judge_at(context->resolver, buf_span(&letter), -1),
	    DKIM_ANSWER_NONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_dkimpy_signs_is_judged),
	    cmocka_unit_test(a_changed_letter_is_not_what_was_signed),
	    cmocka_unit_test(one_good_signature_of_several_is_enough),
	    cmocka_unit_test(lines_that_end_with_lf_are_as_good),
	    cmocka_unit_test(who_is_not_signed_is_not_judged),
	    cmocka_unit_test(a_broken_signature_field_says_nothing),
	    cmocka_unit_test(only_so_many_keys_are_asked_for),
	    cmocka_unit_test(without_time_nothing_is_said),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
