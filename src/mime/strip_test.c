#include "base/expect.h"
#include "mime/protect.h"

static const struct {
	const char *name, *input, *want;
} strips[] = {
    {"none", "A: b\r\n\r\nLetterlock-Verdict: x\r\n",
	"A: b\r\n\r\nLetterlock-Verdict: x\r\n"},
    {"nothing at all", "", ""},
    {"first", "Letterlock-Verdict: x\r\nA: b\r\n\r\n", "A: b\r\n\r\n"},
    {"last", "A: b\r\nLetterlock-Verdict: x\r\n\r\n", "A: b\r\n\r\n"},
    {"without a body", "A: b\r\nLetterlock-Verdict: x", "A: b\r\n"},
    {"LF", "A: b\nletterlock-verdict: x\nC: d\n\n", "A: b\nC: d\n\n"},
    {"case and blanks", "LETTERLOCK-Verdict \t: x\r\nA: b\r\n\r\n",
	"A: b\r\n\r\n"},
    {"folded", "Letterlock-Verdict:\r\n x\r\n\ty\r\n \r\nA: b\r\n c\r\n\r\n",
	"A: b\r\n c\r\n\r\n"},
    {"twice and again",
	"Letterlock-Verdict: x\r\nLetterlock-Verdict: y\r\nA: b\r\n"
	"Letterlock-Verdict: z\r\n\r\n",
	"A: b\r\n\r\n"},
    {"similar names stay",
	"Letterlock-Verdicts: x\r\nX-Letterlock-Verdict: x\r\n"
	"Letterlock-Verdict x: y\r\n\r\n",
	"Letterlock-Verdicts: x\r\nX-Letterlock-Verdict: x\r\n"
	"Letterlock-Verdict x: y\r\n\r\n"},
    {"behind a line that is no field",
	"A: b\r\nno field\r\nLetterlock-Verdict: x\r\n\r\n",
	"A: b\r\nno field\r\n\r\n"},
    {"behind a bare CR", "A: b\rLetterlock-Verdict: x\r\nC: d\r\n\r\n",
	"A: b\r\nC: d\r\n\r\n"},
    {"folded behind a bare CR",
	"A: b\rLetterlock-Verdict: x\r y\r\n z\r\nC: d\r\n\r\n",
	"A: b\r\nC: d\r\n\r\n"},
    {"two behind bare CRs",
	"A: b\rLetterlock-Verdict: x\rLetterlock-Verdict: y\r\nC: d\r\n\r\n",
	"A: b\r\nC: d\r\n\r\n"},
    {"a bare CR in it: no empty line comes of it",
	"Letterlock-Verdict: x\r\r\nA: b\r\n\r\n", "A: b\r\n\r\n"},
    {"two CRs are no end for everybody",
	"A: b\r\rc\r\nLetterlock-Verdict: x\r\n\r\n", "A: b\r\rc\r\n\r\n"},
    {"control characters that some drop",
	"Letter\001lock-Verdict\002: x\r\nA: b\r\n\r\n", "A: b\r\n\r\n"},
};

static void
every_verdict_is_stripped_and_nothing_else(void **state)
{
	for (size_t i = 0; i < COUNT(strips); i++) {
		struct span in EXACT = expect_exact(span_str(strips[i].input));
		struct buf out BUF_OWNED = BUF_SMALL;
		assert_ok(protect_strip_verdict(in, &out, NULL));
		if (!span_is(buf_span(&out), span_str(strips[i].want)))
			print_error("%s:\n", strips[i].name);
		assert_span(buf_span(&out), strips[i].want);
	}
}

static void
stripping_twice_changes_no_more(void **state)
{
	for (size_t i = 0; i < COUNT(strips); i++) {
		struct buf out BUF_OWNED = BUF_SMALL;
		assert_ok(protect_strip_verdict(
		    span_str(strips[i].want), &out, NULL));
		assert_span(buf_span(&out), strips[i].want);
	}
}

/* Whatever the bytes, the header that is left has no verdict for readers who
 * end lines at LF, nor for those who end them at a bare CR too. */
static void
no_arrangement_of_line_ends_lets_a_verdict_through(void **state)
{
	static const char *const parts[] = {
	    "letterlock-verdict: v", "A: b", " f", "\r", "\n", "\r\n", ""};
	size_t count = COUNT(parts);

	for (size_t n = 0; n < count * count * count * count * count; n++) {
		struct buf in BUF_OWNED = BUF_SMALL, out BUF_OWNED = BUF_SMALL;
		for (size_t i = 0, rest = n; i < 5; i++, rest /= count)
			assert_ok(buf_add_str(&in, parts[rest % count], NULL));
		assert_ok(protect_strip_verdict(buf_span(&in), &out, NULL));
		struct span got = buf_span(&out);
		ptrdiff_t at = span_find(got, span_str("letterlock"));
		if (at < 0)
			continue;
		/* only in the body, or glued to something before it */
		struct span before = span_first(got, (size_t)at);
		bool begins = at == 0 || before.data[at - 1] == '\r' ||
			      before.data[at - 1] == '\n';
		bool body = span_starts(got, "\n") ||
			    span_starts(got, "\r\n") ||
			    span_find(before, span_str("\n\n")) >= 0 ||
			    span_find(before, span_str("\n\r\n")) >= 0;
		if (begins && !body)
			fail_msg("arrangement %zu: %.*s", n, SPAN_ARGS(got));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_verdict_is_stripped_and_nothing_else),
	    cmocka_unit_test(stripping_twice_changes_no_more),
	    cmocka_unit_test(
		no_arrangement_of_line_ends_lets_a_verdict_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
