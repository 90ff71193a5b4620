#include "flow/answer.h"

#include "base/expect.h"

static const char *const abouts[ANSWER_ABOUTS] = {
    "nothing", "signed", "unsigned", "malleable"};
static const char *const ways[] = {"sealed", "sealed to self", "refused"};

/* clang-format off */
/* What letter, about what, how, what becomes of it, by which rule.  The table
 * of doc/letters.md is this one (test/docs_test.py). */
static const struct row {
	const char *kind, *about, *how, *way, *rule;
} rows[] = {
	/* rows begin */
	{"new", "nothing", "", "sealed", "sealed"},
	{"new", "nothing", "of another", "refused", "another's"},
	{"new", "nothing", "no certificate", "refused", "no-certificate"},
	{"new", "unsigned", "quotes", "refused", "quotes-unsigned"},
	{"new", "malleable", "quotes", "refused", "quotes-malleable"},
	{"reply", "nothing", "", "sealed", "sealed"},
	{"reply", "nothing", "no certificate", "refused", "no-certificate"},
	{"reply", "signed", "", "sealed", "sealed"},
	{"reply", "signed", "quotes", "sealed", "sealed"},
	{"reply", "signed", "strays", "sealed", "sealed"},
	{"reply", "signed", "quotes strays", "refused", "quotes-strays"},
	{"reply", "signed", "crowded", "refused", "crowded"},
	{"reply", "unsigned", "", "sealed", "sealed"},
	{"reply", "unsigned", "strays", "sealed", "sealed"},
	{"reply", "unsigned", "quotes", "refused", "quotes-unsigned"},
	{"reply", "malleable", "", "sealed", "sealed"},
	{"reply", "malleable", "quotes", "refused", "quotes-malleable"},
	{"forward", "signed", "quotes", "sealed", "forwards"},
	{"forward", "signed", "quotes strays", "sealed", "forwards"},
	{"forward", "signed", "no certificate", "refused", "no-certificate"},
	{"forward", "signed", "crowded", "refused", "crowded"},
	{"forward", "unsigned", "quotes", "refused", "quotes-unsigned"},
	{"forward", "malleable", "quotes", "refused", "quotes-malleable"},
	{"attached", "signed", "quotes strays", "sealed", "forwards"},
	{"attached", "signed", "no certificate", "refused", "no-certificate"},
	{"attached", "unsigned", "quotes", "refused", "quotes-unsigned"},
	{"attached", "malleable", "quotes", "refused", "quotes-malleable"},
	{"draft", "nothing", "", "sealed to self", "draft"},
	{"draft", "signed", "quotes strays", "sealed to self", "draft"},
	{"draft", "malleable", "quotes", "sealed to self", "draft"},
	{"draft", "nothing", "no certificate", "sealed to self", "draft"},
	{"draft", "nothing", "of another", "sealed to self", "draft"},
	{"automatic", "nothing", "", "sealed", "sealed"},
	{"automatic", "nothing", "no certificate", "refused", "no-certificate"},
	{"automatic", "signed", "quotes", "sealed", "sealed"},
	{"automatic", "signed", "strays", "refused", "by-itself-strays"},
	{"automatic", "unsigned", "", "refused", "by-itself-unproven"},
	{"automatic", "malleable", "", "refused", "by-itself-unproven"},
	{"calendar", "nothing", "", "sealed", "sealed"},
	{"calendar", "nothing", "no certificate", "refused", "no-certificate"},
	{"calendar", "signed", "quotes", "sealed", "sealed"},
	{"calendar", "signed", "quotes strays", "refused", "quotes-strays"},
	{"calendar", "unsigned", "quotes", "refused", "quotes-unsigned"},
	{"calendar", "malleable", "quotes", "refused", "quotes-malleable"},
	{"delivery-report", "nothing", "", "sealed", "sealed"},
	{"delivery-report", "nothing", "no certificate", "refused", "no-certificate"},
	{"delivery-report", "signed", "quotes", "sealed", "sealed"},
	{"delivery-report", "signed", "strays", "refused", "by-itself-strays"},
	{"delivery-report", "malleable", "", "refused", "by-itself-unproven"},
	{"read-report", "nothing", "", "sealed", "sealed"},
	{"read-report", "nothing", "no certificate", "refused", "no-certificate"},
	{"read-report", "signed", "", "sealed", "sealed"},
	{"read-report", "signed", "strays", "refused", "by-itself-strays"},
	{"read-report", "unsigned", "", "refused", "by-itself-unproven"},
	{"read-report", "malleable", "", "refused", "by-itself-unproven"},
	{"list", "nothing", "", "sealed", "sealed"},
	{"list", "nothing", "no certificate", "refused", "no-certificate"},
	{"list", "signed", "quotes strays", "refused", "quotes-strays"},
	{"list", "malleable", "quotes", "refused", "quotes-malleable"},
	{"resent", "nothing", "", "sealed", "sealed"},
	{"resent", "nothing", "of another", "refused", "resent"},
	{"resent", "nothing", "no certificate", "refused", "no-certificate"},
	{"resent", "signed", "quotes strays", "refused", "quotes-strays"},
	{"resent", "malleable", "quotes", "refused", "quotes-malleable"},
	/* rows end */
};
/* clang-format on */

static unsigned
number_of(const char *name, const char *const *names, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	fail_msg("no such word: %s", name);
	return 0;
}

static struct answer_facts
facts_of(const struct row *row)
{
	const char *names[ANSWER_KINDS];

	for (unsigned i = 0; i < ANSWER_KINDS; i++)
		names[i] = answer_kind_name((enum answer_kind)i);
	return (struct answer_facts){
	    .kind = (enum answer_kind)number_of(row->kind, names, ANSWER_KINDS),
	    .about =
		(enum answer_about)number_of(row->about, abouts, ANSWER_ABOUTS),
	    .of_another = strstr(row->how, "of another") != NULL,
	    .no_certificate = strstr(row->how, "no certificate") != NULL,
	    .crowded = strstr(row->how, "crowded") != NULL,
	    .quotes = strstr(row->how, "quotes") != NULL,
	    .strays = strstr(row->how, "strays") != NULL,
	};
}

static void
every_kind_of_letter_is_sealed_or_refused(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct answer_facts facts = facts_of(&rows[i]);
		struct answer_decision got;
		answer_decide(&facts, &got);
		if (strcmp(ways[got.way], rows[i].way) != 0 ||
		    strcmp(got.rule, rows[i].rule) != 0)
			fail_msg("%s about %s, %s: got %s by %s, want %s by %s",
			    rows[i].kind, rows[i].about, rows[i].how,
			    ways[got.way], got.rule, rows[i].way, rows[i].rule);
	}
}

static void
the_table_has_every_kind(void **state)
{
	for (unsigned kind = 0; kind < ANSWER_KINDS; kind++) {
		const char *name = answer_kind_name((enum answer_kind)kind);
		size_t found = 0;
		for (size_t i = 0; i < COUNT(rows); i++)
			found += strcmp(rows[i].kind, name) == 0;
		if (found == 0)
			fail_msg("no row for %s", name);
	}
	assert_string_equal(answer_kind_name(ANSWER_KINDS), "unknown");
}

static struct answer_facts
facts_numbered(unsigned number)
{
	return (struct answer_facts){
	    .kind = (enum answer_kind)(number / 32 / ANSWER_ABOUTS),
	    .about = (enum answer_about)(number / 32 % ANSWER_ABOUTS),
	    .of_another = (number & 1) != 0,
	    .no_certificate = (number & 2) != 0,
	    .quotes = (number & 4) != 0,
	    .strays = (number & 8) != 0,
	    .crowded = (number & 16) != 0,
	};
}

static bool
must_not_leave(const struct answer_facts *f)
{
	bool unproven = f->about == ANSWER_ABOUT_UNSIGNED ||
			f->about == ANSWER_ABOUT_MALLEABLE;
	bool chosen = f->kind == ANSWER_FORWARD || f->kind == ANSWER_ATTACHED;

	return f->of_another || f->no_certificate || f->crowded ||
	       (unproven && f->quotes) ||
	       (f->about == ANSWER_ABOUT_SIGNED && f->quotes && f->strays &&
		   !chosen);
}

static void
no_facts_at_all_let_a_secret_out(void **state)
{
	for (unsigned i = 0; i < ANSWER_KINDS * ANSWER_ABOUTS * 32; i++) {
		const struct answer_facts facts = facts_numbered(i);
		struct answer_decision got;
		answer_decide(&facts, &got);
		assert_int_equal(got.way == ANSWER_SEALED_TO_SELF,
		    facts.kind == ANSWER_DRAFT);
		assert_int_equal(got.way == ANSWER_REFUSED, got.why != NULL);
		if (facts.kind != ANSWER_DRAFT && must_not_leave(&facts))
			assert_int_equal(got.way, ANSWER_REFUSED);
	}
}

static void
what_is_of_no_kind_is_refused(void **state)
{
	const struct answer_facts facts = {.kind = ANSWER_KINDS};
	struct answer_decision got;

	answer_decide(&facts, &got);
	assert_int_equal(got.way, ANSWER_REFUSED);
	assert_non_null(got.why);
}

static void
a_reason_fits_in_one_answer(void **state)
{
	for (unsigned i = 0; i < ANSWER_KINDS * ANSWER_ABOUTS * 32; i++) {
		const struct answer_facts facts = facts_numbered(i);
		struct answer_decision got;
		answer_decide(&facts, &got);
		if (got.why != NULL)
			assert_in_range(strlen(got.why), 20, 250);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_kind_of_letter_is_sealed_or_refused),
	    cmocka_unit_test(the_table_has_every_kind),
	    cmocka_unit_test(no_facts_at_all_let_a_secret_out),
	    cmocka_unit_test(what_is_of_no_kind_is_refused),
	    cmocka_unit_test(a_reason_fits_in_one_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
