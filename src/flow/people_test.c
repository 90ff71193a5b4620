#include "flow/people.h"

#include <pthread.h>
#include <stdio.h>

#include "base/expect.h"
#include "keydir/history.h"
#include "keydir/own.h"
#include "store/statekit.h"

#define NOW 1795292280

static struct err err;
static struct statekit kit;
static struct people *people;

static void
open_people(void)
{
	struct strlist me STRLIST_OWNED = STRLIST_NONE;

	assert_ok(strlist_add_str(&me, "carol@gamma-works.test", &err));
	people_free(people);
	people = NULL;
	assert_done(people_new(kit.state, &me, &people, &err), err);
}

static int
set_up(void **context)
{
	(void)context;
	statekit_init(&kit);
	open_people();
	return 0;
}

static int
tear_down(void **context)
{
	(void)context;
	people_free(people);
	people = NULL;
	return statekit_done(&kit);
}

/* For whom `name` <local@domain> passes; "": for nobody. */
static const char *
passes_for(const char *local, const char *domain, const char *name)
{
	const struct imitations imitations = people_imitations(people);
	const struct lookalike_sender sender = {.local = span_str(local),
	    .domain = span_str(domain),
	    .name = span_str(name)};
	struct lookalike_finding found = {.of = ""};

	enum rc rc = imitations.find(imitations.self, &sender, &found, &err);
	assert_true(rc == RC_OK || rc == RC_ABSENT);
	return rc == RC_OK ? found.of : "";
}

static void
wrote(const char *address, const char *name)
{
	assert_done(people_wrote(people, address, name, NOW, &err), err);
}

static void
the_reader_is_measured_by_from_the_start(void **context)
{
	assert_string_equal(
	    passes_for("boss", "garnma-works.test", ""), "gamma-works.test");
	assert_string_equal(passes_for("boss", "gamma-works.test", ""), "");
}

static void
whom_the_reader_writes_to_is_measured_by_at_once(void **context)
{
	assert_string_equal(passes_for("b", "beta-tradlng.test", ""), "");
	wrote("bob@beta-trading.test", "Bob Baker");
	assert_string_equal(
	    passes_for("b", "beta-tradlng.test", ""), "beta-trading.test");
	assert_string_equal(passes_for("x", "elsewhere.test", "Bob Baker"),
	    "bob@beta-trading.test");
	assert_string_equal(
	    passes_for("bob", "beta-trading.test", "Bob Baker"), "");
	/* and after a start */
	open_people();
	assert_string_equal(
	    passes_for("b", "beta-tradlng.test", ""), "beta-trading.test");
	assert_string_equal(passes_for("x", "elsewhere.test", "Bob Baker"),
	    "bob@beta-trading.test");
}

static void
an_answer_to_an_impostor_does_not_hide_him(void **context)
{
	wrote("bob@beta-trading.test", "");
	wrote("bob@beta-tradlng.test", "");
	assert_string_equal(
	    passes_for("bob", "beta-tradlng.test", ""), "beta-trading.test");
	open_people();
	assert_string_equal(
	    passes_for("bob", "beta-tradlng.test", ""), "beta-trading.test");
}

/* As `letterlock people` does, in another process. */
static void
what_another_process_says_is_noticed(void **context)
{
	wrote("bob@beta-trading.test", "");
	assert_done(history_accept(
			kit.state, "bob@beta-tradlng.test", false, NOW, &err),
	    err);
	assert_done(own_touch(kit.state, &err), err);
	assert_string_equal(passes_for("bob", "beta-tradlng.test", ""), "");
	assert_done(
	    history_undo(kit.state, "bob@beta-tradlng.test", &err), err);
	assert_done(own_touch(kit.state, &err), err);
	assert_string_equal(
	    passes_for("bob", "beta-tradlng.test", ""), "beta-trading.test");
	assert_done(own_add(kit.state, "delta-holding.test", &err), err);
	assert_string_equal(
	    passes_for("x", "de1ta-holding.test", ""), "delta-holding.test");
	assert_done(own_remove(kit.state, "delta-holding.test", &err), err);
	assert_string_equal(passes_for("x", "de1ta-holding.test", ""), "");
}

static void
who_only_writes_is_not_measured_by(void **context)
{
	const struct history_letter letter = {
	    .is_signed = true, .when = NOW, .seen = NOW, .mark = 1};

	assert_done(
	    history_note(kit.state, "bob@beta-trading.test", &letter, &err),
	    err);
	open_people();
	assert_string_equal(passes_for("b", "beta-tradlng.test", ""), "");
}

static void
the_names_in_a_letter_are_those_of_its_readers(void **context)
{
	struct recipient to[] = {{.address = "bob@beta-trading.test"},
	    {.address = "dave@delta-holding.test"}};
	const struct recipients recipients = {to, 2};
	struct history h;

	assert_done(people_sent(people,
			span_str("To: Bob Baker <Bob@beta-trading.test>,\r\n"
				 " x@y.test\r\nCc: =?utf-8?q?D=C3=A4ve?= "
				 "<dave@delta-holding.test>\r\n\r\nTo: no"),
			&recipients, NOW, &err),
	    err);
	assert_done(
	    history_recall(kit.state, "bob@beta-trading.test", &h, &err), err);
	assert_string_equal(h.name, "Bob Baker");
	assert_int_equal(h.wrote, NOW);
	assert_done(
	    history_recall(kit.state, "dave@delta-holding.test", &h, &err),
	    err);
	assert_string_equal(h.name, "D\xc3\xa4ve");
	assert_rc(history_recall(kit.state, "x@y.test", &h, &err), RC_ABSENT);
}

static void
odd_addresses_do_no_harm(void **context)
{
	static const char *const odd[] = {
	    "nobody", "a@", "@b", "a@b..c", "a@\xff.test", "a@[127.0.0.1]"};

	for (size_t i = 0; i < COUNT(odd); i++)
		wrote(odd[i], "");
	open_people();
	assert_string_equal(
	    passes_for("boss", "garnma-works.test", ""), "gamma-works.test");
}

/* --- threads -----------------------------------------------------------------*/

static void *
ask_often(void *context)
{
	for (int i = 0; i < 300; i++)
		if (strcmp(passes_for("boss", "garnma-works.test", ""),
			"gamma-works.test") != 0)
			return context;
	return NULL;
}

static void *
write_often(void *context)
{
	char address[64];

	for (int i = 0; i < 20; i++) {
		char label[13] = "";
		/* none of them looks like another one */
		memset(label, 'a' + i, sizeof(label) - 1);
		(void)snprintf(
		    address, sizeof(address), "person@%s.test", label);
		wrote(address, "");
		if (i % 5 == 0 && own_touch(kit.state, &err) != RC_OK)
			return context;
	}
	return NULL;
}

static void
many_ask_while_some_are_added(void **context)
{
	pthread_t thread[3];
	void *failed = NULL;

	assert_int_equal(
	    pthread_create(&thread[0], NULL, ask_often, people), 0);
	assert_int_equal(
	    pthread_create(&thread[1], NULL, ask_often, people), 0);
	assert_int_equal(
	    pthread_create(&thread[2], NULL, write_often, people), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(pthread_join(thread[i], &failed), 0);
		assert_null(failed);
	}
	assert_string_equal(

	    passes_for("x", "hhhhhhgghhhh.test", ""), "hhhhhhhhhhhh.test");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(the_reader_is_measured_by_from_the_start),
	    TEST(whom_the_reader_writes_to_is_measured_by_at_once),
	    TEST(an_answer_to_an_impostor_does_not_hide_him),
	    TEST(what_another_process_says_is_noticed),
	    TEST(who_only_writes_is_not_measured_by),
	    TEST(the_names_in_a_letter_are_those_of_its_readers),
	    TEST(odd_addresses_do_no_harm),
	    TEST(many_ask_while_some_are_added),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
