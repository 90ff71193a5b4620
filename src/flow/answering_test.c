/* Letters are opened, remembered, and answered in all the ways in which their
 * text could get out.  The reader is Alice; letters are by herself and to her,
 * for the kit seals to her alone: what counts is whom they name. */
#include "flow/answering.h"

#include <stdio.h>

#include "flow/gatherkit_priv.h"
#include "flow/incoming.h"
#include "store/statekit.h"

#define ME "alice@alpha.test"
#define BOB "bob@beta.test"
#define EVE "eve@evil.test"
#define SECRET "The canary sings at midnight under the seventh bridge."
#define PLAIN "Content-Type: text/plain\r\n\r\n" SECRET "\r\n"
#define OUTSIDE                                                  \
	"From: Alice <" ME ">\r\nTo: " BOB "\r\nCc: " EVE "\r\n" \
	"Subject: [...]\r\nMessage-ID: <one@alpha.test>\r\n"     \
	"MIME-Version: 1.0\r\n"
#define PROTECTED                                                     \
	"From: Alice <" ME ">\r\nTo: Bob <" BOB ">\r\n"               \
	"Subject: Fusion of Alpha and Beta\r\n"                       \
	"Message-ID: <one@alpha.test>\r\n"                            \
	"HP-Outer: From: Alice <" ME ">\r\nHP-Outer: To: " BOB "\r\n" \
	"HP-Outer: Subject: [...]\r\n"                                \
	"HP-Outer: Message-ID: <one@alpha.test>\r\n"                  \
	"Content-Type: text/plain; hp=\"cipher\"\r\n\r\n" SECRET "\r\n"
#define DAY ((int64_t)24 * 3600)

static struct statekit kit;

static int
set_up(void **context)
{
	statekit_init(&kit);
	return 0;
}

static int
tear_down(void **context)
{
	return statekit_done(&kit);
}

/* --- what comes in ----------------------------------------------------------------- */

static void
receive_at(const char *head, const char *layers, const char *inside,
    int64_t now, struct incoming *incoming)
{
	const struct reader_key alices = {alice.fixture.cert, &alice.key};
	const struct reader reader = {.keys = &alices,
	    .keys_len = 1,
	    .roots = &roots,
	    .state = kit.state,
	    .now = now};
	struct buf letter BUF_OWNED = BUF(ROOM);

	put(&letter, head);
	put_wrapped(&letter, layers, inside);
	assert_done(
	    incoming_read(buf_span(&letter), &reader, incoming, &err), err);
}

static void
receive(const char *head, const char *layers, const char *inside)
{
	struct incoming incoming INCOMING_OWNED;

	incoming_init(&incoming);
	receive_at(head, layers, inside, FIXTURE_NOW, &incoming);
	assert_true(incoming.rebuilt);
	assert_string_equal(incoming.forgotten, "");
}

/* --- what goes out ------------------------------------------------------------------ */

#define MINE "From: " ME "\r\nTo: " BOB "\r\n"
#define ANSWERS MINE "Subject: Re: x\r\nIn-Reply-To: <one@alpha.test>\r\n"
#define TEXT_OF(text) "Content-Type: text/plain\r\n\r\n" text "\r\n"
#define QUOTE TEXT_OF("Indeed.\r\n> " SECRET)
#define NO_QUOTE TEXT_OF("Indeed, I shall be there.")

static enum rc
check_at(const char *letter, const char *const to[], int64_t now,
    struct protect_reference *secrets)
{
	struct recipient list[8];
	struct recipients all = {list, 0};
	struct span exact EXACT = expect_exact(span_str(letter));

	for (; to != NULL && to[all.len] != NULL; all.len++)
		list[all.len] = (struct recipient){.address = to[all.len]};
	const struct answering by = {
	    .state = kit.state, .own = ME, .to = &all, .now = now};
	err = ERR_NONE;
	return answering_check(exact, &by, secrets, &err);
}

static enum rc
check(const char *letter, const char *to)
{
	struct protect_reference secrets REFERENCE_OWNED = REFERENCE_NONE;
	const char *const list[] = {to, NULL};

	return check_at(letter, list, FIXTURE_NOW, &secrets);
}

#define assert_goes(letter, to) assert_done(check((letter), (to)), err)
#define assert_stays(letter, to, why)                       \
	do {                                                \
		assert_rc(check((letter), (to)), RC_UNFIT); \
		assert_has(err.text, (why));                \
	} while (0)

static void
an_answer_goes_to_whom_the_signer_named(void **state)
{
	receive(OUTSIDE, "gs", PROTECTED);
	assert_goes(ANSWERS QUOTE, BOB);
	assert_goes(ANSWERS QUOTE, ME);
	assert_goes(ANSWERS QUOTE, "BOB@beta.test");
	assert_goes(ANSWERS NO_QUOTE, BOB);
}

/* RFC 9788 section 6.2: the outer Cc is anybody's. */
static void
an_added_cc_gets_no_quotation(void **state)
{
	static const char *const all[] = {BOB, EVE, NULL};
	struct protect_reference secrets REFERENCE_OWNED = REFERENCE_NONE;

	receive(OUTSIDE, "gs", PROTECTED);
	assert_rc(
	    check_at(ANSWERS QUOTE, all, FIXTURE_NOW, &secrets), RC_UNFIT);
	assert_has(err.text, "take the quoted text out");
	assert_stays(ANSWERS QUOTE, EVE, "does not name");
	assert_goes(ANSWERS NO_QUOTE, EVE);
}

static void
a_signature_without_protected_header_names_its_signer_only(void **state)
{
	receive(OUTSIDE, "gs", PLAIN);
	assert_goes(ANSWERS QUOTE, ME);
	assert_stays(ANSWERS QUOTE, BOB, "does not name");
	assert_goes(ANSWERS NO_QUOTE, BOB);
}

static void
a_person_may_forward_what_was_signed(void **state)
{
	receive(OUTSIDE, "gs", PROTECTED);
	assert_goes(MINE "Subject: Fwd: x\r\n"
			 "In-Reply-To: <one@alpha.test>\r\n" QUOTE,
	    EVE);
	assert_goes(MINE "X-Forwarded-Message-Id: <one@alpha.test>\r\n"
			 "In-Reply-To: <one@alpha.test>\r\n" QUOTE,
	    EVE);
	assert_goes(MINE
	    "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n"
	    "Content-Type: message/rfc822\r\n\r\n" OUTSIDE PLAIN
	    "\r\n--x--\r\n",
	    EVE);
	/* but an answer to a letter that is called so is no forward */
	assert_stays(MINE "Subject: Re: Fwd: x\r\n"
			  "In-Reply-To: <one@alpha.test>\r\n" QUOTE,
	    EVE, "does not name");
}

static void
what_nobody_signed_is_quoted_to_nobody(void **state)
{
	static const char *const letters[] = {ANSWERS QUOTE, MINE QUOTE,
	    MINE "Subject: Fwd: x\r\n" QUOTE,
	    MINE "References: <a@b> <one@alpha.test> <c@d>\r\n" QUOTE,
	    MINE "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n"
		 "Content-Type: message/rfc822\r\n\r\n" OUTSIDE PLAIN
		 "\r\n--x--\r\n",
	    MINE "Content-Type: text/calendar; method=REPLY\r\n\r\n"
		 "BEGIN:VCALENDAR\r\nSUMMARY:" SECRET "\r\n"};
	static const struct {
		const char *layers, *why;
	} cases[] = {{"g", "nobody signed"}, {"c", "could have changed"},
	    {"sc", "could have changed"}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		receive(OUTSIDE, cases[i].layers, PLAIN);
		for (size_t k = 0; k < COUNT(letters); k++)
			if (check(letters[k], BOB) != RC_UNFIT)
				fail_msg("%s: %s", cases[i].layers, letters[k]);
		assert_stays(ANSWERS QUOTE, ME, cases[i].why);
		assert_has(err.text, "take the quoted text");
		assert_goes(ANSWERS NO_QUOTE, BOB);
		tear_down(NULL);
		set_up(NULL);
	}
}

static void
nothing_answers_by_itself_what_nobody_signed(void **state)
{
	static const char *const letters[] = {ANSWERS
	    "Auto-Submitted: auto-replied\r\n" NO_QUOTE,
	    ANSWERS "Auto-Submitted: auto-generated (vacation)\r\n" NO_QUOTE,
	    MINE "Content-Type: multipart/report; boundary=x;\r\n"
		 " report-type=disposition-notification\r\n\r\n--x\r\n\r\n"
		 "Read.\r\n--x\r\nContent-Type: "
		 "message/disposition-notification\r\n\r\n"
		 "Original-Message-ID: <one@alpha.test>\r\n--x--\r\n",
	    MINE "Content-Type: multipart/report; boundary=x;\r\n"
		 " report-type=delivery-status\r\n\r\n--x\r\n\r\n"
		 "Not delivered.\r\n--x\r\nContent-Type: "
		 "text/rfc822-headers\r\n\r\n"
		 "Message-ID: <one@alpha.test>\r\n--x--\r\n"};

	for (size_t i = 0; i < COUNT(letters); i++)
		assert_goes(letters[i], BOB);
	receive(OUTSIDE, "c", PLAIN);
	for (size_t i = 0; i < COUNT(letters); i++)
		assert_stays(letters[i], BOB, "by itself");
	assert_goes(ANSWERS "Auto-Submitted: no\r\n" NO_QUOTE, BOB);
}

static void
nothing_answers_by_itself_to_whom_the_signer_did_not_name(void **state)
{
	const char *vacation =
	    ANSWERS "Auto-Submitted: auto-replied\r\n" NO_QUOTE;

	receive(OUTSIDE, "gs", PROTECTED);
	assert_goes(vacation, BOB);
	assert_stays(vacation, EVE, "by itself");
}

/* What came in the clear has no secrets, and what was not opened has none for
 * us. */
static void
other_letters_are_nothing_to_remember(void **state)
{
	struct incoming incoming INCOMING_OWNED;

	incoming_init(&incoming);
	receive_at(OUTSIDE, "s", PLAIN, FIXTURE_NOW, &incoming);
	assert_false(incoming.rebuilt);
	assert_goes(ANSWERS QUOTE, EVE);
}

/* --- secrets of the header ------------------------------------------------------------ */

static void
what_the_header_kept_secret_is_known_to_the_answer(void **state)
{
	struct protect_reference secrets REFERENCE_OWNED = REFERENCE_NONE;
	static const char *const to[] = {BOB, NULL};
	bool found = false;

	receive(OUTSIDE, "gs", PROTECTED);
	assert_done(check_at(ANSWERS NO_QUOTE, to, FIXTURE_NOW, &secrets), err);
	for (size_t i = 0; i < secrets.len; i++)
		found = found || strcmp(secrets.item[i].text,
				     "Fusion of Alpha and Beta") == 0;
	assert_true(found);
}

/* --- letters with the Message-ID of another --------------------------------------------- */

static void
a_second_letter_of_that_name_frees_nothing(void **state)
{
	receive(OUTSIDE, "c", PLAIN);
	receive(OUTSIDE, "gs", TEXT_OF("Something else altogether, by far."));
	assert_stays(ANSWERS QUOTE, BOB, "could have changed");
}

static void
too_many_of_that_name_are_answered_no_more(void **state)
{
	char text[80];

	for (int i = 0; i <= ANSWERED_SAME; i++) {
		(void)snprintf(text, sizeof(text),
		    TEXT_OF("letter number %d of them all"), i);
		assert_goes(ANSWERS NO_QUOTE, BOB);
		receive(OUTSIDE, "gs", text);
	}
	assert_stays(ANSWERS NO_QUOTE, BOB, "several sealed letters");
	assert_goes(MINE NO_QUOTE, BOB);
}

static void
the_same_letter_again_is_no_second_one(void **state)
{
	const struct reader_key alices = {alice.fixture.cert, &alice.key};
	const struct reader reader = {.keys = &alices,
	    .keys_len = 1,
	    .roots = &roots,
	    .state = kit.state,
	    .now = FIXTURE_NOW};
	struct buf letter BUF_OWNED = BUF(ROOM);

	put(&letter, OUTSIDE);
	put_wrapped(&letter, "gs", PROTECTED);
	for (int i = 0; i < ANSWERED_SAME + 3; i++) {
		struct incoming incoming INCOMING_OWNED;
		incoming_init(&incoming);
		assert_done(
		    incoming_read(buf_span(&letter), &reader, &incoming, &err),
		    err);
	}
	assert_goes(ANSWERS QUOTE, BOB);
}

/* --- time and trouble -------------------------------------------------------------------- */

static void
it_is_remembered_for_two_years(void **state)
{
	struct protect_reference secrets REFERENCE_OWNED = REFERENCE_NONE;
	static const char *const to[] = {EVE, NULL};

	receive(OUTSIDE, "gs", PROTECTED);
	assert_rc(check_at(ANSWERS QUOTE, to, FIXTURE_NOW + ANSWERED_AGE - 1,
		      &secrets),
	    RC_UNFIT);
	assert_ok(
	    check_at(ANSWERS QUOTE, to, FIXTURE_NOW + ANSWERED_AGE, &secrets));
}

/* A letter read for the first time long after is as new as any. */
static void
what_was_forgotten_is_remembered_when_it_is_judged_again(void **state)
{
	const struct reader_key alices = {alice.fixture.cert, &alice.key};
	struct reader reader = {.keys = &alices,
	    .keys_len = 1,
	    .roots = &roots,
	    .now = FIXTURE_NOW};
	struct buf letter BUF_OWNED = BUF(ROOM);
	struct incoming first INCOMING_OWNED, again INCOMING_OWNED;

	incoming_init(&first);
	incoming_init(&again);
	put(&letter, OUTSIDE);
	put_wrapped(&letter, "gs", PROTECTED);
	assert_done(
	    incoming_read(buf_span(&letter), &reader, &first, &err), err);
	assert_goes(ANSWERS QUOTE, EVE);
	reader.state = kit.state;
	assert_done(
	    incoming_judge(buf_span(&letter), &reader, &again, &err), err);
	assert_int_equal(again.view.len, 0);
	assert_stays(ANSWERS QUOTE, EVE, "does not name");
}

static void
spoil(const char *folder)
{
	char command[200];

	(void)snprintf(command, sizeof(command),
	    "for f in %s/state/%s/*; do echo spoilt > $f; done", kit.root,
	    folder);
	assert_int_equal(system(command), 0);
}

static void
what_cannot_be_read_any_more_holds_the_answer(void **state)
{
	receive(OUTSIDE, "gs", PROTECTED);
	spoil("answered");
	assert_rc(check(ANSWERS NO_QUOTE, BOB), RC_CRYPTO);
	assert_goes(MINE NO_QUOTE, BOB);
	/* and the next letter is remembered all the same */
	receive(OUTSIDE, "gs", PROTECTED);
	assert_stays(ANSWERS QUOTE, EVE, "does not name");
}

/* A file where the folder should be: nothing can be kept. */
static void
what_nobody_signed_stays_closed_where_it_cannot_be_remembered(void **state)
{
	static const struct {
		const char *layers;
		bool shown;
	} cases[] = {{"gs", true}, {"g", false}, {"c", false}};
	char command[200];

	(void)snprintf(command, sizeof(command),
	    "rm -rf %s/state/answered && touch %s/state/answered", kit.root,
	    kit.root);
	assert_int_equal(system(command), 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct incoming incoming INCOMING_OWNED;
		incoming_init(&incoming);
		receive_at(
		    OUTSIDE, cases[i].layers, PLAIN, FIXTURE_NOW, &incoming);
		assert_int_equal(incoming.rebuilt, cases[i].shown);
		assert_true(incoming.forgotten[0] != '\0');
		if (!cases[i].shown)
			assert_true(span_find(buf_span(&incoming.view),
					span_str(SECRET)) < 0);
	}
}

/* --- kinds ---------------------------------------------------------------------------------- */

static void
every_kind_of_letter_is_known(void **state)
{
#define REPORT(type) \
	"Content-Type: multipart/report; boundary=x; report-type=" type "\r\n"
	static const struct {
		const char *letter;
		enum answer_kind want;
	} cases[] = {
	    {MINE NO_QUOTE, ANSWER_NEW},
	    {ANSWERS NO_QUOTE, ANSWER_REPLY},
	    {MINE "References: <a@b>\r\n" NO_QUOTE, ANSWER_REPLY},
	    {MINE "Subject: Fwd: x\r\n" NO_QUOTE, ANSWER_FORWARD},
	    {MINE "Subject: =?utf-8?q?WG=3A_x?=\r\n" NO_QUOTE, ANSWER_FORWARD},
	    {MINE "Subject: Forward\r\n" NO_QUOTE, ANSWER_NEW},
	    {MINE "Subject: Re: Fwd: x\r\n" NO_QUOTE, ANSWER_NEW},
	    {MINE "Auto-Submitted: auto-replied\r\n" NO_QUOTE,
		ANSWER_AUTOMATIC},
	    {MINE "Auto-Submitted: no\r\n" NO_QUOTE, ANSWER_NEW},
	    {MINE "Auto-Submitted: nothing\r\n" NO_QUOTE, ANSWER_AUTOMATIC},
	    {MINE REPORT("delivery-status") "\r\n--x--\r\n",
		ANSWER_DELIVERY_REPORT},
	    {MINE REPORT("Disposition-Notification") "\r\n--x--\r\n",
		ANSWER_READ_REPORT},
	    {MINE "Content-Type: text/calendar; method=reply\r\n\r\n",
		ANSWER_CALENDAR},
	    {MINE "Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\n"
		  "METHOD:REPLY\r\n",
		ANSWER_CALENDAR},
	    {MINE "Content-Type: text/calendar; method=request\r\n\r\n",
		ANSWER_NEW},
	    {MINE "List-Id: <l.test>\r\n" NO_QUOTE, ANSWER_LIST},
	    {MINE "Resent-To: " BOB "\r\n" NO_QUOTE, ANSWER_RESENT},
	    {MINE "Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\n",
		ANSWER_ATTACHED},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct answering by = {.own = ME};
		struct answer_facts facts;
		assert_done(answering_facts(span_str(cases[i].letter), &by,
				&facts, NULL, &err),
		    err);
		if (facts.kind != cases[i].want)
			fail_msg("%s: got %s, want %s", cases[i].letter,
			    answer_kind_name(facts.kind),
			    answer_kind_name(cases[i].want));
		assert_false(facts.of_another);
	}
}

static void
a_resent_letter_of_somebody_else_is_refused(void **state)
{
	assert_stays("From: " BOB "\r\nResent-From: " ME "\r\n" NO_QUOTE, EVE,
	    "forward it instead");
	assert_stays("From: " BOB "\r\n" NO_QUOTE, EVE, "cannot sign");
	assert_stays("From: \r\n" NO_QUOTE, EVE, "cannot sign");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(an_answer_goes_to_whom_the_signer_named),
	    TEST(an_added_cc_gets_no_quotation),
	    TEST(a_signature_without_protected_header_names_its_signer_only),
	    TEST(a_person_may_forward_what_was_signed),
	    TEST(what_nobody_signed_is_quoted_to_nobody),
	    TEST(nothing_answers_by_itself_what_nobody_signed),
	    TEST(nothing_answers_by_itself_to_whom_the_signer_did_not_name),
	    TEST(other_letters_are_nothing_to_remember),
	    TEST(what_the_header_kept_secret_is_known_to_the_answer),
	    TEST(a_second_letter_of_that_name_frees_nothing),
	    TEST(too_many_of_that_name_are_answered_no_more),
	    TEST(the_same_letter_again_is_no_second_one),
	    TEST(it_is_remembered_for_two_years),
	    TEST(what_was_forgotten_is_remembered_when_it_is_judged_again),
	    TEST(what_cannot_be_read_any_more_holds_the_answer),
	    TEST(what_nobody_signed_stays_closed_where_it_cannot_be_remembered),
	    TEST(every_kind_of_letter_is_known),
	    TEST(a_resent_letter_of_somebody_else_is_refused),
	};

	return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
