#include "edge/imap_view.h"

#include <stdio.h>
#include <unistd.h>

#include "base/expect.h"
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
	struct strlist names STRLIST_OWNED = STRLIST_NONE;
	struct err err = ERR_NONE;
	char path[160];

	assert_ok(state_list(w->state, w->views.name, &names, &err));
	for (size_t i = 0; i < names.len; i++)
		assert_ok(state_remove(w->state, names.item[i], &err));
	(void)snprintf(path, sizeof(path), "%s/%s", w->folder, w->views.name);
	(void)rmdir(path);
	(void)snprintf(path, sizeof(path), "%s/views", w->folder);
	(void)rmdir(path);
	(void)rmdir(w->folder);
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
	    cmocka_unit_test(no_mailbox_is_another_ones_and_none_is_named),
	    cmocka_unit_test(what_is_no_message_is_one_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
