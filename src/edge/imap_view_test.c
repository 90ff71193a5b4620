#include "edge/imap_view.h"

#include <stdio.h>
#include <unistd.h>

#include "base/expect.h"
#include "edge/imap_decision.h"
#include "os/file.h"

/* An agent that only remembers; it has no keys. */
struct world {
	char folder[64], key[80];
	struct account account;
	struct state *state;
	struct agent agent;
	struct imap_view_folder views;
};

static void
set_up(struct world *w)
{
	struct err err = ERR_NONE;

	memset(w, 0, sizeof(*w));
	(void)snprintf(
	    w->folder, sizeof(w->folder), "/tmp/imap_view_test.XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	(void)snprintf(w->key, sizeof(w->key), "%s.key", w->folder);
	account_init(&w->account);
	(void)snprintf(
	    w->account.address, sizeof(w->account.address), "carol@alpha.test");
	assert_done(state_open(w->folder, w->key, true, &w->state, &err), err);
	w->agent.account = &w->account;
	w->agent.state = w->state;
	w->agent.enrol.account = &w->account;
	w->agent.enrol.state = w->state;
	assert_ok(imap_view_folder_init(
	    &w->agent, span_str("INBOX"), 7, &w->views, &err));
}

static void
tear_down(struct world *w)
{
	char command[100];

	(void)snprintf(command, sizeof(command), "rm -r '%s'", w->folder);
	assert_int_equal(system(command), 0);
	(void)unlink(w->key);
	state_free(w->state);
	account_done(&w->account);
}

#define WORLD_OWNED __attribute__((cleanup(tear_down)))
#define UNSIGNED "From: a@example.org\r\nSubject: x\r\n\r\ntext\r\n"

static void
expect_decided(
    struct world *w, uint32_t uid, const char *letter, size_t want_keywords)
{
	struct imap_view view IMAP_VIEW_OWNED;
	struct err err = ERR_NONE;

	imap_view_init(&view);
	assert_done(imap_view_decide(&w->agent, &w->views, uid,
			span_str(letter), &view, &err),
	    err);
	assert_int_equal(view.keywords.len, want_keywords);
	assert_true(strlist_has(&view.keywords, "$Letterlock-unsigned"));
	assert_false(view.rebuilt);
}

static void
a_letter_is_decided_once(void **state)
{
	struct world w WORLD_OWNED;
	struct imap_view view IMAP_VIEW_OWNED;
	struct err err = ERR_NONE;

	set_up(&w);
	imap_view_init(&view);
	assert_rc(
	    imap_view_find(&w.agent, &w.views, 5, &view, &err), RC_ABSENT);
	expect_decided(&w, 5, UNSIGNED, 2);
	assert_ok(imap_view_find(&w.agent, &w.views, 5, &view, &err));
	assert_string_equal(view.keywords.item[0], "$Letterlock-unsigned");
	assert_string_equal(
	    view.keywords.item[1], "$Letterlock-reason-sig.none");
	assert_null(view.letter);
}

static void
a_decision_stays_whatever_the_server_gives_later(void **state)
{
	struct world w WORLD_OWNED;
	struct imap_view view IMAP_VIEW_OWNED;
	struct err err = ERR_NONE;
	char name[80];

	set_up(&w);
	imap_view_init(&view);
	(void)snprintf(name, sizeof(name), "%s/5", w.views.name);
	assert_ok(state_save(w.state, name,
	    span_str("letterlock-view 2\nas-it-came 0\n$Letterlock-caution\n"),
	    &err));
	assert_ok(imap_view_decide(
	    &w.agent, &w.views, 5, span_str(UNSIGNED), &view, &err));
	assert_int_equal(view.keywords.len, 1);
	assert_string_equal(view.keywords.item[0], "$Letterlock-caution");
}

static void
another_letter_in_its_place_is_not_shown_with_its_verdict(void **state)
{
	struct world w WORLD_OWNED;
	struct imap_view view IMAP_VIEW_OWNED;
	struct err err = ERR_NONE;

	set_up(&w);
	imap_view_init(&view);
	expect_decided(&w, 5, UNSIGNED, 2);
	assert_ok(imap_view_find(&w.agent, &w.views, 5, &view, &err));
	assert_rc(imap_view_open(&w.agent, &w.views, 5, span_str(UNSIGNED "x"),
		      &view, &err),
	    RC_CRYPTO);
	assert_null(view.letter);
	/* and the other one is judged the next time */
	assert_rc(
	    imap_view_find(&w.agent, &w.views, 5, &view, &err), RC_ABSENT);
}

static void
a_damaged_decision_is_as_good_as_none(void **state)
{
	struct world w WORLD_OWNED;
	struct imap_view view IMAP_VIEW_OWNED;
	struct err err = ERR_NONE;
	char path[160];

	set_up(&w);
	imap_view_init(&view);
	expect_decided(&w, 5, UNSIGNED, 2);
	(void)snprintf(path, sizeof(path), "%s/%s/5", w.folder, w.views.name);
	assert_ok(file_save(path, span_str("LLW1 damaged"), 0600, &err));
	assert_rc(
	    imap_view_find(&w.agent, &w.views, 5, &view, &err), RC_ABSENT);
	assert_int_equal(view.keywords.len, 0);
	expect_decided(&w, 5, UNSIGNED, 2);
	/* another version of this program wrote it */
	(void)snprintf(path, sizeof(path), "%s/5", w.views.name);
	assert_ok(state_save(w.state, path, span_str("view 9\n"), &err));
	assert_rc(
	    imap_view_find(&w.agent, &w.views, 5, &view, &err), RC_ABSENT);
}

static void
what_is_shown_of_a_rebuilt_letter_is_what_was_kept(void **state)
{
	struct world w WORLD_OWNED;
	struct imap_view view IMAP_VIEW_OWNED, again IMAP_VIEW_OWNED;
	struct err err = ERR_NONE;
	char name[80];

	set_up(&w);
	imap_view_init(&view);
	imap_view_init(&again);
	(void)snprintf(name, sizeof(name), "%s/9", w.views.name);
	assert_ok(state_save(w.state, name,
	    span_str("letterlock-view 2\nrebuilt\n$Letterlock-verified\n"),
	    &err));
	(void)snprintf(name, sizeof(name), "%s/9.letter", w.views.name);
	assert_ok(state_save(w.state, name, span_str("S: 1\r\n\r\nin"), &err));
	assert_ok(imap_view_find(&w.agent, &w.views, 9, &view, &err));
	assert_true(view.rebuilt);
	assert_ok(imap_view_open(
	    &w.agent, &w.views, 9, span_str("sealed"), &view, &err));
	assert_span(view.letter->body, "in");

	/* its letter is lost: the next time all is done anew */
	assert_ok(state_remove(w.state, name, &err));
	assert_ok(imap_view_find(&w.agent, &w.views, 9, &again, &err));
	assert_rc(
	    imap_view_open(&w.agent, &w.views, 9, SPAN_NONE, &again, &err),
	    RC_ABSENT);
	assert_rc(
	    imap_view_find(&w.agent, &w.views, 9, &again, &err), RC_ABSENT);
}

/* --- again -------------------------------------------------------------------*/

static void
keep(struct world *w, const char *name, const char *text)
{
	struct err err = ERR_NONE;
	char item[120];

	(void)snprintf(item, sizeof(item), "%s/%s", w->views.name, name);
	assert_done(state_save(w->state, item, span_str(text), &err), err);
}

static bool
is_kept(struct world *w, const char *name)
{
	char item[120];

	(void)snprintf(item, sizeof(item), "%s/%s", w->views.name, name);
	return state_stamp(w->state, item) != 0;
}

#define TIMES(seen, judged) \
	"seen " seen "\njudged " judged "\nunchecked 0\nnoted 0\n"

static void
when_it_was_first_seen_stays_and_the_verdict_is_renewed(void **state)
{
	struct world w WORLD_OWNED;
	struct imap_view first IMAP_VIEW_OWNED, view IMAP_VIEW_OWNED;
	struct imap_view again IMAP_VIEW_OWNED;
	struct err err = ERR_NONE;
	char text[400];

	set_up(&w);
	imap_view_init(&first);
	imap_view_init(&view);
	imap_view_init(&again);
	assert_ok(imap_view_decide(
	    &w.agent, &w.views, 5, span_str(UNSIGNED), &first, &err));
	assert_true(first.first_seen > 1700000000);
	assert_int_equal(first.judged_at, first.first_seen);
	assert_int_equal(strlen(first.judged), 64);
	/* long ago, it was worth more */
	(void)snprintf(text, sizeof(text),
	    "letterlock-view 3\nas-it-came %s\n" TIMES(
		"1000", "2000") "$Letterlock-verified\n",
	    first.judged);
	keep(&w, "5", text);
	assert_ok(imap_view_find(&w.agent, &w.views, 5, &view, &err));
	assert_int_equal(view.first_seen, 1000);
	assert_int_equal(view.judged_at, 2000);
	imap_view_refresh(&w.agent, &w.views, 5, span_str(UNSIGNED), &view);
	assert_true(strlist_has(&view.keywords, "$Letterlock-unsigned"));
	assert_ok(imap_view_find(&w.agent, &w.views, 5, &again, &err));
	assert_true(strlist_has(&again.keywords, "$Letterlock-unsigned"));
	assert_false(strlist_has(&again.keywords, "$Letterlock-verified"));
	assert_int_equal(again.first_seen, 1000);
	assert_true(again.judged_at >= first.judged_at);
}

static void
another_letter_does_not_renew_a_verdict(void **state)
{
	struct world w WORLD_OWNED;
	struct imap_view view IMAP_VIEW_OWNED, again IMAP_VIEW_OWNED;
	struct err err = ERR_NONE;

	set_up(&w);
	imap_view_init(&view);
	imap_view_init(&again);
	keep(&w, "5",
	    "letterlock-view 3\nrebuilt 00\n" TIMES(
		"1000", "2000") "$Letterlock-verified\n");
	keep(&w, "5.letter", "S: 1\r\n\r\nin");
	assert_ok(imap_view_find(&w.agent, &w.views, 5, &view, &err));
	imap_view_refresh(&w.agent, &w.views, 5, span_str(UNSIGNED), &view);
	assert_true(strlist_has(&view.keywords, "$Letterlock-verified"));
	assert_ok(imap_view_find(&w.agent, &w.views, 5, &again, &err));
	assert_int_equal(again.judged_at, 2000);
}

static void
a_verdict_is_old_after_a_day_or_when_a_status_is_owed(void **state)
{
	static const struct {
		struct imap_view view;
		bool want;
	} cases[] = {
	    {{.judged = "00", .judged_at = 100000}, false},
	    {{.judged = "00", .judged_at = 100000 - IMAP_VIEW_OLD + 1}, false},
	    {{.judged = "00", .judged_at = 100000 - IMAP_VIEW_OLD}, true},
	    {{.judged = "00", .judged_at = 100000 - 599, .unchecked = true},
		false},
	    {{.judged = "00", .judged_at = 100000 - 600, .unchecked = true},
		true},
	    /* the clock was set back */
	    {{.judged = "00", .judged_at = 100001}, true},
	    /* nobody knows which letter it was */
	    {{.judged = "", .judged_at = 0}, false},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		if (imap_view_is_due(&cases[i].view, 100000) != cases[i].want)
			fail_msg("case %zu", i);
}

static void
views_of_the_version_before_are_read(void **state)
{
	struct world w WORLD_OWNED;
	struct imap_view rebuilt IMAP_VIEW_OWNED, plain IMAP_VIEW_OWNED;
	struct err err = ERR_NONE;

	set_up(&w);
	imap_view_init(&rebuilt);
	imap_view_init(&plain);
	keep(&w, "1", "letterlock-view 2\nrebuilt\n$Letterlock-verified\n");
	keep(&w, "2", "letterlock-view 2\nas-it-came ab\n$x\n$y\n");
	assert_ok(imap_view_find(&w.agent, &w.views, 1, &rebuilt, &err));
	assert_true(rebuilt.rebuilt);
	assert_int_equal(rebuilt.keywords.len, 1);
	assert_false(imap_view_is_due(&rebuilt, 1700000000));
	assert_ok(imap_view_find(&w.agent, &w.views, 2, &plain, &err));
	assert_string_equal(plain.judged, "ab");
	assert_int_equal(plain.first_seen, 0);
	assert_int_equal(plain.keywords.len, 2);
	assert_true(imap_view_is_due(&plain, 1700000000));
}

static void
what_is_no_decision_is_not_read_as_one(void **state)
{
	static const char *const bad[] = {"", "letterlock-view 3\n",
	    "letterlock-view 3\nas-it-came ab\n",
	    "letterlock-view 3\nas-it-came ab\nseen x\njudged 1\n"
	    "unchecked 0\nnoted 0\n",
	    "letterlock-view 3\nas-it-came ab\nseen 99999999999999999999\n"
	    "judged 1\nunchecked 0\nnoted 0\n",
	    "letterlock-view 3\nas-it-came ab\nseen 1\nnoted 0\n",
	    "letterlock-view 3\nshown ab\n" TIMES("1", "2"),
	    "letterlock-view 4\nas-it-came ab\n" TIMES("1", "2")};
	struct err err = ERR_NONE;

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct imap_view view IMAP_VIEW_OWNED;
		struct span text EXACT = expect_exact(span_str(bad[i]));
		imap_view_init(&view);
		assert_rc(imap_decision_parse(text, &view, &err), RC_SYNTAX);
	}
}

/* --- letters that are gone ---------------------------------------------------*/

static bool
is_even(const void *self, uint32_t uid)
{
	return uid % 2 == 0;
}

static void
of_letters_that_are_gone_nothing_is_left(void **state)
{
	struct world w WORLD_OWNED;

	set_up(&w);
	for (int uid = 1; uid <= 11; uid++) {
		char name[32];
		(void)snprintf(name, sizeof(name), "%d", uid);
		keep(&w, name, "x");
		(void)snprintf(name, sizeof(name), "%d.letter", uid);
		keep(&w, name, "x");
		(void)snprintf(name, sizeof(name), "%d.evidence", uid);
		keep(&w, name, "x");
	}
	imap_view_remove(&w.agent, &w.views, 2);
	assert_false(is_kept(&w, "2") || is_kept(&w, "2.letter") ||
		     is_kept(&w, "2.evidence"));
	imap_view_sweep(&w.agent, &w.views, 9, is_even, NULL);
	assert_false(is_kept(&w, "1") || is_kept(&w, "9.letter") ||
		     is_kept(&w, "9.evidence"));
	assert_true(is_kept(&w, "4") && is_kept(&w, "4.letter") &&
		    is_kept(&w, "8.evidence"));
	/* what came later another session may know of */
	assert_true(is_kept(&w, "11") && is_kept(&w, "10.letter"));
}

static void
where_the_views_were_before_is_remembered(void **state)
{
	struct world w WORLD_OWNED;
	struct imap_view_folder old, now;
	struct err err = ERR_NONE;

	set_up(&w);
	assert_ok(imap_view_folder_renew(
	    &w.agent, span_str("INBOX"), &w.views, &old, &err));
	assert_string_equal(old.name, "");
	assert_ok(imap_view_folder_renew(
	    &w.agent, span_str("inbox"), &w.views, &old, &err));
	assert_string_equal(old.name, "");
	assert_ok(
	    imap_view_folder_init(&w.agent, span_str("INBOX"), 8, &now, &err));
	assert_ok(imap_view_folder_renew(
	    &w.agent, span_str("INBOX"), &now, &old, &err));
	assert_string_equal(old.name, w.views.name);
	assert_ok(imap_view_folder_renew(
	    &w.agent, span_str("Sent"), &now, &old, &err));
	assert_string_equal(old.name, "");
}

static bool
is_in(struct world *w, const char *mailbox, uint32_t validity, uint32_t uid)
{
	struct imap_view_folder folder;
	struct imap_view view IMAP_VIEW_OWNED;
	struct err err = ERR_NONE;

	imap_view_init(&view);
	assert_ok(imap_view_folder_init(
	    &w->agent, span_str(mailbox), validity, &folder, &err));
	return imap_view_find(&w->agent, &folder, uid, &view, &err) == RC_OK;
}

/* RFC 3501 section 2.3.1.1: with another UIDVALIDITY no UID means what it
 * meant. */
static void
views_go_with_a_mailbox_whose_uids_stay_what_they_are(void **state)
{
	static const struct {
		uint32_t validity; /* after it was renamed */
		bool want;
	} cases[] = {{7, true}, {8, false}, {0, false}};
	struct imap_view_folder old;
	struct err err = ERR_NONE;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world w WORLD_OWNED;
		set_up(&w);
		assert_ok(imap_view_folder_renew(
		    &w.agent, span_str("INBOX"), &w.views, &old, &err));
		expect_decided(&w, 5, UNSIGNED, 2);
		expect_decided(&w, 9, UNSIGNED, 2);
		assert_done(imap_view_mailbox_move(&w.agent, span_str("INBOX"),
				span_str("Other"), cases[i].validity, &err),
		    err);
		assert_false(is_in(&w, "INBOX", 7, 5));
		assert_false(is_in(&w, "INBOX", 7, 9));
		assert_int_equal(
		    is_in(&w, "Other", cases[i].validity, 5), cases[i].want);
		assert_int_equal(
		    is_in(&w, "Other", cases[i].validity, 9), cases[i].want);
		assert_done(
		    imap_view_mailbox_forget(&w.agent, span_str("Other"), &err),
		    err);
		assert_false(is_in(&w, "Other", cases[i].validity, 5));
	}
}

static void
of_a_mailbox_that_was_never_opened_nothing_is_forgotten(void **state)
{
	struct world w WORLD_OWNED;
	struct err err = ERR_NONE;

	set_up(&w);
	expect_decided(&w, 5, UNSIGNED, 2);
	assert_done(
	    imap_view_mailbox_forget(&w.agent, span_str("Other"), &err), err);
	assert_done(imap_view_mailbox_move(&w.agent, span_str("Other"),
			span_str("INBOX"), 7, &err),
	    err);
	assert_true(is_in(&w, "INBOX", 7, 5));
}

static void
no_mailbox_is_another_ones_and_none_is_named(void **state)
{
	struct world w WORLD_OWNED;
	struct imap_view_folder other;
	struct err err = ERR_NONE;

	set_up(&w);
	assert_null(strstr(w.views.name, "INBOX"));
	assert_ok(imap_view_folder_init(
	    &w.agent, span_str("inbox"), 7, &other, &err));
	assert_string_equal(other.name, w.views.name);
	assert_ok(imap_view_folder_init(
	    &w.agent, span_str("INBOX"), 8, &other, &err));
	assert_string_not_equal(other.name, w.views.name);
	assert_ok(
	    imap_view_folder_init(&w.agent, span_str("Sent"), 7, &other, &err));
	assert_string_not_equal(other.name, w.views.name);
	assert_ok(imap_view_folder_init(
	    &w.agent, span_str("sent"), 7, &w.views, &err));
	assert_string_not_equal(other.name, w.views.name);
}

static void
what_is_no_message_is_one_text(void **state)
{
	struct world w WORLD_OWNED;
	struct imap_view view IMAP_VIEW_OWNED;
	struct err err = ERR_NONE;

	set_up(&w);
	imap_view_init(&view);
	const struct span odd = span_of("A: \0\rb\r\n\r\nbo\0dy", 15);
	assert_ok(imap_view_decide(&w.agent, &w.views, 1, odd, &view, &err));
	assert_ok(imap_view_open(&w.agent, &w.views, 1, odd, &view, &err));
	assert_true(view.letter->malformed);
	/* no literal may hold a NUL */
	assert_span(view.letter->header, "A: \x80\rb\r\n\r\n");
	assert_span(view.letter->body, "bo\x80"
				       "dy");
	assert_true(entity_is(view.letter, "text", "plain"));
}

static void
every_line_that_could_be_a_verdict_is_taken_out_of_the_header(void **state)
{
	static const struct {
		const char *letter, *want;
	} cases[] = {
	    {"A: 1\r\n\r\nx", "A: 1\r\n\r\nx"},
	    {"Letterlock-Verdict: v\r\nA: 1\r\n\r\nx", "A: 1\r\n\r\nx"},
	    {"A: 1\r\nletterlock-VERDICT \t: v\r\n w\r\n\ty\r\nB: 2\r\n\r\nx",
		"A: 1\r\nB: 2\r\n\r\nx"},
	    {"A: 1\nLetterlock-Verdict: v\n w\n\nx", "A: 1\n\nx"},
	    {"A: 1\r\nno field\r\nLetterlock-Verdict: v\r\n\r\nx",
		"A: 1\r\nno field\r\n\r\nx"},
	    {"A: 1\rLetterlock-Verdict: v\r\n\r\nx", "A: 1\r\r\nx"},
	    {"A: 1\r\n\r\nLetterlock-Verdict: v\r\n",
		"A: 1\r\n\r\nLetterlock-Verdict: v\r\n"},
	    {"Letterlock-Verdicts: v\r\n\r\n",
		"Letterlock-Verdicts: v\r\n\r\n"},
	    {"X-Letterlock-Verdict: v\r\n\r\n",
		"X-Letterlock-Verdict: v\r\n\r\n"},
	    {"Letterlock-Verdict: v", ""},
	    /* some pass over empty lines before the first field */
	    {"\n\nLetterlock-Verdict: v\n\nx", "\n\n\nx"},
	    {"Letterlock-Verdict\n\nLetterlock-Verdict\r#\nk\n\nx",
		"\n#\nk\n\nx"},
	    {"Letterlock-Verdict: v\r\n\r\nLetterlock-Verdict: w\r\nx\r\n",
		"\r\nx\r\n"},
	    {"Letterlock-Verdict\r\n : v\r\n\r\nx", "\r\nx"},
	    {"", ""},
	    {"\r\nx", "\r\nx"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span letter EXACT =
		    expect_exact(span_str(cases[i].letter));
		struct buf got BUF_OWNED = BUF_SMALL;
		struct err err = ERR_NONE;
		assert_ok(imap_view_strip(letter, &got, &err));
		assert_span(buf_span(&got), cases[i].want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		every_line_that_could_be_a_verdict_is_taken_out_of_the_header),
	    cmocka_unit_test(a_letter_is_decided_once),
	    cmocka_unit_test(a_decision_stays_whatever_the_server_gives_later),
	    cmocka_unit_test(
		another_letter_in_its_place_is_not_shown_with_its_verdict),
	    cmocka_unit_test(a_damaged_decision_is_as_good_as_none),
	    cmocka_unit_test(
		what_is_shown_of_a_rebuilt_letter_is_what_was_kept),
	    cmocka_unit_test(
		when_it_was_first_seen_stays_and_the_verdict_is_renewed),
	    cmocka_unit_test(another_letter_does_not_renew_a_verdict),
	    cmocka_unit_test(
		a_verdict_is_old_after_a_day_or_when_a_status_is_owed),
	    cmocka_unit_test(views_of_the_version_before_are_read),
	    cmocka_unit_test(what_is_no_decision_is_not_read_as_one),
	    cmocka_unit_test(of_letters_that_are_gone_nothing_is_left),
	    cmocka_unit_test(where_the_views_were_before_is_remembered),
	    cmocka_unit_test(
		views_go_with_a_mailbox_whose_uids_stay_what_they_are),
	    cmocka_unit_test(
		of_a_mailbox_that_was_never_opened_nothing_is_forgotten),
	    cmocka_unit_test(no_mailbox_is_another_ones_and_none_is_named),
	    cmocka_unit_test(what_is_no_message_is_one_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
