#include "keydir/history.h"

#include <stdio.h>

#include "base/expect.h"
#include "codec/hex.h"
#include "keydir/correspondent.h"
#include "keydir/person.h"
#include "store/statekit.h"

#define NOW ((int64_t)1795292280)
#define DAY ((int64_t)24 * 60 * 60)
#define BOB "bob@beta.test"

static struct err err;

/* A letter `day` days after NOW, under the key and the root of that name;
 * '\0': without a signature. */
static struct history_letter
letter(char key, char under, int64_t day)
{
	struct history_letter l = {.is_signed = key != '\0',
	    .when = NOW + day * DAY,
	    .seen = NOW + day * DAY,
	    .mark = (uint64_t)(day * 10000 + key * 100 + under)};

	memset(l.key, key, sizeof(l.key));
	memset(l.root, under, sizeof(l.root));
	return l;
}

static void
note(const struct state *state, char key, char under, int64_t day)
{
	const struct history_letter l = letter(key, under, day);

	assert_done(history_note(state, BOB, &l, &err), err);
}

/* "a": always signed, "n": new root, "c": conflict, "f": fine. */
static void
expect(const struct state *state, char key, char under, int64_t day,
    const char *want)
{
	const struct history_letter l = letter(key, under, day);
	struct history h = {.keys = 0};
	struct history_opinion o;
	char got[8];

	enum rc rc = history_recall(state, BOB, &h, &err);
	assert_true(rc == RC_OK || rc == RC_ABSENT);
	history_judge(&h, &l, &o);
	(void)snprintf(got, sizeof(got), "%s%s%s%s", o.always_signed ? "a" : "",
	    o.new_root ? "n" : "", o.conflict ? "c" : "",
	    o.accepted ? "f" : "");
	if (strcmp(got, want) != 0)
		fail_msg("%c%c %lld: got \"%s\", want \"%s\"", key, under,
		    (long long)day, got, want);
}

static struct history
recall(const struct state *state)
{
	struct history h;

	assert_done(history_recall(state, BOB, &h, &err), err);
	return h;
}

/* --- unsigned letters --------------------------------------------------------*/

static void
who_signed_three_letters_always_signs(void **context)
{
	expect(*context, 0, 0, 0, "");
	note(*context, 'k', 'A', 0);
	note(*context, 'k', 'A', 1);
	expect(*context, 0, 0, 1, "");
	note(*context, 'k', 'A', 2);
	expect(*context, 0, 0, 2, "a");
	expect(*context, 'k', 'A', 2, "");
	/* what was seen before there was a habit does not break it */
	expect(*context, 0, 0, 1, "");
}

/* Else an innocent one would be sent before the one that asks for money. */
static void
unsigned_letters_do_not_end_the_habit(void **context)
{
	for (int day = 0; day < 3; day++)
		note(*context, 'k', 'A', day);
	for (int day = 3; day < 9; day++)
		note(*context, 0, 0, day);
	expect(*context, 0, 0, 9, "a");
	assert_int_equal(recall(*context).unsigned_too, 6);
	assert_int_equal(recall(*context).letters, 3);
}

static void
the_reader_ends_it_and_can_begin_it_again(void **context)
{
	for (int day = 0; day < 3; day++)
		note(*context, 'k', 'A', day);
	/* an unsigned letter of anybody's making does not end it */
	note(*context, 0, 0, 4);
	assert_done(history_accept(*context, BOB, false, NOW, &err), err);
	expect(*context, 0, 0, 4, "a");
	assert_done(history_accept(*context, BOB, true, NOW, &err), err);
	assert_done(history_accept(*context, BOB, false, NOW, &err), err);
	expect(*context, 0, 0, 5, "f");
	for (int day = 5; day < 9; day++)
		note(*context, 'k', 'A', day);
	expect(*context, 0, 0, 9, "f");
	assert_done(history_undo(*context, BOB, &err), err);
	expect(*context, 0, 0, 9, "a");
	assert_rc(history_undo(*context, BOB, &err), RC_ABSENT);
}

/* And what was kept of a plain address is found as before. */
static void
an_address_is_one_however_it_is_written(void **context)
{
	static const char *const same[] = {BOB, "bob@beta.test.",
	    "Bob@BETA.test", "bob@beta\xe3\x80\x82test",
	    "bob@\xef\xbd\x82\x65ta.test"};
	char name[PERSON_NAME_MAX], old[PERSON_NAME_MAX];
	uint8_t mac[32];
	struct buf hex BUF_OWNED = BUF_SMALL;

	assert_ok(
	    wrap_mac(state_key(*context), "people", span_str(BOB), mac, &err));
	assert_ok(hex_encode(span_of(mac, sizeof(mac)), &hex, &err));
	(void)snprintf(old, sizeof(old), PERSON_FOLDER "/%.*s.seen",
	    SPAN_ARGS(buf_span(&hex)));
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		assert_ok(person_item(*context, same[i], ".seen", name, &err));
		assert_string_equal(name, old);
	}
	assert_ok(person_item(*context, "bob@beta.tests", "", name, &err));
	assert_string_not_equal(name, old);
}

static void
strangers_without_signature_leave_nothing(void **context)
{
	struct history h;

	note(*context, 0, 0, 0);
	assert_rc(history_recall(*context, BOB, &h, &err), RC_ABSENT);
}

/* --- roots -------------------------------------------------------------------*/

static void
a_new_key_under_the_same_root_is_quiet(void **context)
{
	note(*context, 'k', 'A', 0);
	expect(*context, 'l', 'A', 1, "");
	note(*context, 'l', 'A', 1);
	expect(*context, 'k', 'A', 2, "");
	assert_int_equal(recall(*context).keys, 2);
}

static void
a_new_root_is_told_until_it_has_been_alone_for_a_while(void **context)
{
	note(*context, 'k', 'A', 0);
	expect(*context, 'l', 'B', 5, "n");
	note(*context, 'l', 'B', 5);
	expect(*context, 'l', 'B', 5, "n");
	expect(*context, 'l', 'B', 34, "n");
	expect(*context, 'l', 'B', 35, "");
	note(*context, 'l', 'B', 35);
	expect(*context, 'l', 'B', 36, "");
}

static void
two_roots_in_use_at_once_are_a_conflict(void **context)
{
	note(*context, 'k', 'A', 0);
	note(*context, 'l', 'B', 5);
	/* the old one is seen again */
	expect(*context, 'k', 'A', 6, "c");
	note(*context, 'k', 'A', 6);
	expect(*context, 'l', 'B', 7, "nc");
	expect(*context, 'k', 'A', 7, "c");
	/* long after, only one of them is */
	expect(*context, 'l', 'B', 6 + 31, "");
}

static void
letters_in_whatever_order_give_the_same_order_of_roots(void **context)
{
	note(*context, 'l', 'B', 400);
	note(*context, 'k', 'A', 300);
	note(*context, 'k', 'A', 0);
	note(*context, 'l', 'B', 500);
	expect(*context, 'l', 'B', 501, "");
	expect(*context, 'k', 'A', 1, "");
	expect(*context, 'k', 'A', 502, "c");
}

static void
what_the_reader_says_is_fine_covers_what_was_seen(void **context)
{
	note(*context, 'k', 'A', 0);
	note(*context, 'l', 'B', 5);
	note(*context, 'k', 'A', 6);
	assert_done(history_accept(*context, BOB, false, NOW, &err), err);
	expect(*context, 'l', 'B', 7, "f");
	expect(*context, 'k', 'A', 7, "f");
	/* a new key of a root that is fine */
	expect(*context, 'm', 'B', 7, "f");
	/* but no root that came later */
	expect(*context, 'x', 'C', 8, "n");
	note(*context, 'x', 'C', 8);
	expect(*context, 'k', 'A', 9, "cf");
	assert_done(history_undo(*context, BOB, &err), err);
	expect(*context, 'l', 'B', 7, "nc");
}

static void
keys_are_limited_and_roots_are_not_forgotten_for_keys(void **context)
{
	note(*context, 'a', 'A', 0);
	for (char key = 'b'; key < 'b' + HISTORY_KEYS - 1; key++)
		note(*context, key, 'B', key);
	assert_int_equal(recall(*context).keys, HISTORY_KEYS);
	note(*context, 'Z', 'B', 200);
	struct history h = recall(*context);
	assert_int_equal(h.keys, HISTORY_KEYS);
	expect(*context, 'Z', 'B', 201, "");
	expect(*context, 'a', 'A', 201, "c");
	/* the key that was forgotten left its times to its root */
	for (size_t i = 0; i < h.keys; i++)
		if (h.key[i].first == NOW + 'b' * DAY)
			return;
	fail_msg("the first use of the root is forgotten");
}

static void
more_roots_than_there_is_room_for_are_an_error(void **context)
{
	for (char under = 'A'; under < 'A' + HISTORY_KEYS; under++)
		note(*context, under, under, under);
	const struct history_letter more = letter('z', 'z', 999);
	assert_rc(history_note(*context, BOB, &more, &err), RC_LIMIT);
	assert_int_equal(recall(*context).letters, HISTORY_KEYS);
}

/* --- counting ----------------------------------------------------------------*/

static void
a_letter_counts_once_however_often_it_is_noted(void **context)
{
	for (int i = 0; i < 3; i++)
		note(*context, 'k', 'A', 4);
	note(*context, 'k', 'A', 2);
	struct history h = recall(*context);
	assert_int_equal(h.letters, 2);
	assert_int_equal(h.key[0].letters, 2);
	assert_int_equal(h.since, NOW + 2 * DAY);
	assert_int_equal(h.last, NOW + 4 * DAY);
	for (int day = 10; day < 10 + HISTORY_MARKS; day++)
		note(*context, 'k', 'A', day);
	assert_int_equal(recall(*context).marks, HISTORY_MARKS);
}

static void
to_whom_the_reader_wrote_is_known_and_meant(void **context)
{
	bool new = false;
	struct history h;

	assert_done(history_wrote(*context, "Bob@Beta.test", "Bob", false, NOW,
			&new, &err),
	    err);
	assert_true(new);
	h = recall(*context);
	assert_string_equal(h.address, BOB);
	assert_string_equal(h.name, "Bob");
	assert_true(history_is_known(&h) && history_is_meant(&h));
	assert_done(
	    history_wrote(*context, BOB, "", false, NOW + 1, &new, &err), err);
	assert_false(new);
	assert_int_equal(recall(*context).wrote, NOW + 1);
	assert_string_equal(recall(*context).name, "Bob");
}

/* Else an answer to an impostor would make one of the people we know of him. */
static void
an_answer_to_an_impostor_does_not_make_him_known(void **context)
{
	bool new = true;
	struct history h;

	assert_done(
	    history_wrote(*context, BOB, "Bob", true, NOW, &new, &err), err);
	h = recall(*context);
	assert_false(new || history_is_meant(&h) || history_is_known(&h));
	assert_done(history_accept(*context, BOB, false, NOW, &err), err);
	h = recall(*context);
	assert_true(history_is_meant(&h));
	assert_done(history_undo(*context, BOB, &err), err);
	h = recall(*context);
	assert_false(history_is_meant(&h));
}

static void
whose_letters_were_verified_is_known_and_not_meant(void **context)
{
	note(*context, 'k', 'A', 0);
	struct history h = recall(*context);
	assert_true(history_is_known(&h));
	assert_false(history_is_meant(&h));
}

/* --- the item ----------------------------------------------------------------*/

#define ITEM(rest)                                                    \
	"{\"address\": \"bob@beta.test\", \"name\": \"B\\u00f6b\", "  \
	"\"wrote\": 1, \"imitates\": false, \"fine\": 0, "            \
	"\"fine-unsigned\": false, \"letters\": 1, \"unsigned\": 0, " \
	"\"since\": 5, \"last\": 6, \"steady\": 0, " rest
#define HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define KEY(first)                                       \
	"{\"key\": \"" HEX "\", \"root\": \"" HEX "\", " \
	"\"first\": " first ", \"last\": 6, \"letters\": 1, \"fine\": true}"

static void
an_item_is_read_exactly_or_not_at_all(void **context)
{
	static const struct {
		const char *text;
		enum rc want;
	} cases[] = {
	    {ITEM("\"keys\": [" KEY("5") "], \"marks\": []}"), RC_OK},
	    {ITEM("\"keys\": [], \"marks\": [\"0011223344556677\"]}"), RC_OK},
	    {ITEM("\"keys\": [], \"marks\": [], \"later\": 1}"), RC_OK},
	    {ITEM("\"keys\": [" KEY("7") "], \"marks\": []}"), RC_SYNTAX},
	    {ITEM("\"keys\": [" KEY("-1") "], \"marks\": []}"), RC_SYNTAX},
	    {ITEM("\"keys\": [" KEY("\"5\"") "], \"marks\": []}"), RC_SYNTAX},
	    {ITEM("\"keys\": [{}], \"marks\": []}"), RC_SYNTAX},
	    {ITEM("\"keys\": {}, \"marks\": []}"), RC_SYNTAX},
	    {ITEM("\"keys\": [], \"marks\": [\"00\"]}"), RC_SYNTAX},
	    {ITEM("\"keys\": []}"), RC_SYNTAX},
	    {ITEM("\"keys\": [], \"marks\": [], \"keys\": []}"), RC_SYNTAX},
	    {ITEM("\"keys\": [], \"marks\": []} x"), RC_SYNTAX},
	    {"[]", RC_SYNTAX},
	    {"", RC_SYNTAX},
	    {"{\"address\": \"\"}", RC_SYNTAX},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span text EXACT = expect_exact(span_str(cases[i].text));
		struct history h;
		enum rc rc = history_parse(text, &h, &err);
		if (rc != cases[i].want)
			fail_msg("%s: got %s", cases[i].text, rc_name(rc));
	}
}

/* One more key or mark than there is room for. */
static void
the_lists_of_an_item_have_their_limits(void **context)
{
	for (size_t keys = HISTORY_KEYS; keys <= HISTORY_KEYS + 1; keys++) {
		struct buf text BUF_OWNED = BUF_SMALL;
		struct history h;
		assert_ok(buf_add_str(&text, ITEM("\"keys\": ["), &err));
		for (size_t i = 0; i < keys; i++)
			assert_ok(buf_add_format(
			    &text, &err, "%s%s", i > 0 ? "," : "", KEY("5")));
		assert_ok(buf_add_str(&text, "], \"marks\": [", &err));
		for (size_t i = 0; i < HISTORY_MARKS; i++)
			assert_ok(buf_add_format(
			    &text, &err, "%s\"%016zx\"", i > 0 ? "," : "", i));
		assert_ok(buf_add_str(&text, "]}", &err));
		assert_rc(history_parse(buf_span(&text), &h, &err),
		    keys <= HISTORY_KEYS ? RC_OK : RC_SYNTAX);
	}
}

static void
the_fullest_history_comes_back_as_it_was(void **context)
{
	struct history h = {.wrote = INT64_MAX,
	    .letters = UINT32_MAX,
	    .keys = HISTORY_KEYS,
	    .marks = HISTORY_MARKS};
	struct history got;
	struct buf text BUF_OWNED = BUF(HISTORY_ITEM_MAX);
	struct buf again BUF_OWNED = BUF(HISTORY_ITEM_MAX);

	memset(h.address, 'a', sizeof(h.address) - 1);
	/* six bytes each in JSON */
	memset(h.name, '\x01', sizeof(h.name) - 1);
	for (size_t i = 0; i < HISTORY_KEYS; i++)
		h.key[i].last = h.key[i].letters = UINT32_MAX;
	assert_done(history_print(&h, &text, &err), err);
	assert_done(history_parse(buf_span(&text), &got, &err), err);
	assert_done(history_print(&got, &again, &err), err);
	assert_bytes(buf_span(&again), buf_span(&text));
	assert_string_equal(got.name, h.name);
}

static void
a_damaged_history_is_begun_anew(void **context)
{
	char name[PERSON_NAME_MAX];
	struct history h;

	note(*context, 'k', 'A', 0);
	assert_ok(person_item(*context, BOB, ".seen", name, &err));
	assert_ok(state_save(*context, name, span_str("{}"), &err));
	assert_rc(history_recall(*context, BOB, &h, &err), RC_SYNTAX);
	note(*context, 'k', 'A', 1);
	assert_int_equal(recall(*context).letters, 1);
}

static enum rc
count(void *self, const struct history *h, struct err *why)
{
	(*(size_t *)self)++;
	return strchr(h->address, '@') != NULL
		   ? RC_OK
		   : err_set(why, RC_SYNTAX, "%s", h->address);
}

static void
all_are_found_beside_what_else_is_kept_of_them(void **context)
{
	const struct correspondent said = {1, NOW};
	size_t found = 0;
	bool new;

	assert_ok(correspondent_learn(*context, BOB, &said, NOW, &err));
	note(*context, 'k', 'A', 0);
	assert_ok(history_wrote(
	    *context, "carol@gamma.test", "", false, NOW, &new, &err));
	assert_done(history_each(*context, count, &found, &err), err);
	assert_int_equal(found, 2);
	assert_rc(history_note(*context, "",
		      &(struct history_letter){.is_signed = true}, &err),
	    RC_SYNTAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    STATEKIT_TEST(who_signed_three_letters_always_signs),
	    STATEKIT_TEST(unsigned_letters_do_not_end_the_habit),
	    STATEKIT_TEST(the_reader_ends_it_and_can_begin_it_again),
	    STATEKIT_TEST(strangers_without_signature_leave_nothing),
	    STATEKIT_TEST(a_new_key_under_the_same_root_is_quiet),
	    STATEKIT_TEST(
		a_new_root_is_told_until_it_has_been_alone_for_a_while),
	    STATEKIT_TEST(two_roots_in_use_at_once_are_a_conflict),
	    STATEKIT_TEST(
		letters_in_whatever_order_give_the_same_order_of_roots),
	    STATEKIT_TEST(what_the_reader_says_is_fine_covers_what_was_seen),
	    STATEKIT_TEST(an_address_is_one_however_it_is_written),
	    STATEKIT_TEST(
		keys_are_limited_and_roots_are_not_forgotten_for_keys),
	    STATEKIT_TEST(more_roots_than_there_is_room_for_are_an_error),
	    STATEKIT_TEST(a_letter_counts_once_however_often_it_is_noted),
	    STATEKIT_TEST(to_whom_the_reader_wrote_is_known_and_meant),
	    STATEKIT_TEST(an_answer_to_an_impostor_does_not_make_him_known),
	    STATEKIT_TEST(whose_letters_were_verified_is_known_and_not_meant),
	    STATEKIT_TEST(an_item_is_read_exactly_or_not_at_all),
	    STATEKIT_TEST(the_lists_of_an_item_have_their_limits),
	    STATEKIT_TEST(the_fullest_history_comes_back_as_it_was),
	    STATEKIT_TEST(a_damaged_history_is_begun_anew),
	    STATEKIT_TEST(all_are_found_beside_what_else_is_kept_of_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
