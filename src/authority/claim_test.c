#include "authority/claim.h"

#include "authority/claim_evidence.h"
#include "authority/issuedkit_priv.h"
#include "base/strlist.h"

#define ALICE "alice@alpha.test"
#define BOB "bob@beta.test"
#define CAROL "carol@alpha.test"
#define DAY CLAIM_DAY

static enum rc
try_ask(const struct shop *shop, const struct claim_wish *changes,
    struct claim *ret, struct err *err)
{
	struct claim_wish wish = *changes;

	wish.account = shop->account;
	wish.address = wish.address != NULL ? wish.address : ALICE;
	wish.actor = "account x";
	wish.now = wish.now != 0 ? wish.now : shop->kit->now;
	return claim_ask(shop->sql, &wish, ret, err);
}

/* Alice of Alpha, whom that vouches for. */
static void
ask(const struct shop *shop, int64_t now, struct claim *ret)
{
	const struct claim_wish wish = {.level = PROFILE_SPONSOR,
	    .field = {[CLAIM_GIVEN_NAME] = "Alice",
		[CLAIM_SURNAME] = "Adams",
		[CLAIM_ORGANIZATION] = "Alpha Ltd",
		[CLAIM_ORGANIZATION_IDENTIFIER] = "NTRGB-12345678",
		[CLAIM_COUNTRY] = "GB"},
	    .now = now};
	struct err err = ERR_NONE;

	assert_done(try_ask(shop, &wish, ret, &err), err);
}

static void
look(const struct shop *shop, struct claim *claim, int64_t now)
{
	struct claim found CLAIM_OWNED = {0};
	struct err err = ERR_NONE;

	assert_done(claim_find(shop->sql, claim->name, now, &found, &err), err);
	claim_done(claim);
	*claim = found;
	found = (struct claim){0};
}

static struct claim_word
word_of(const struct shop *shop, const struct claim *claim, enum claim_act act,
    const char *who)
{
	int64_t now = shop->kit->now;

	return (struct claim_word){.act = act,
	    .who = who,
	    .actor = who != NULL ? who : "account x",
	    .note = "seen",
	    .version = claim->version,
	    .until = now + 30 * DAY,
	    .days = 398,
	    .now = now};
}

/* In a transaction, as callers do. */
static enum rc
say_word(const struct shop *shop, struct claim *claim,
    const struct claim_word *word, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;

	TRY(sql_act_begin(shop->sql, &act, err));
	TRY(claim_say(shop->sql, claim, word, err));
	TRY(sql_act_commit(&act, err));
	look(shop, claim, word->now);
	return RC_OK;
}

static enum rc
say(const struct shop *shop, struct claim *claim, enum claim_act act,
    const char *who)
{
	struct claim_word word = word_of(shop, claim, act, who);
	struct err err = ERR_NONE;

	return say_word(shop, claim, &word, &err);
}

static void
approve(const struct shop *shop, struct claim *claim)
{
	assert_ok(say(shop, claim, CLAIM_CHECK, BOB));
	assert_ok(say(shop, claim, CLAIM_APPROVE, CAROL));
}

static enum rc
in_force(const struct shop *shop, int64_t account, const char *address,
    int64_t now, struct claim *ret)
{
	const struct claim_of of = {account, address, now};
	struct err err = ERR_NONE;

	return claim_in_force(shop->sql, &of, ret, &err);
}

static enum rc
is_in_force(const struct shop *shop, int64_t now)
{
	struct claim found CLAIM_OWNED = {0};

	return in_force(shop, shop->account, ALICE, now, &found);
}

static void
two_people_make_it_true_until_its_time_is_over(void **state)
{
	struct claim one CLAIM_OWNED = {0};
	struct claim found CLAIM_OWNED = {0};
	struct shop shop SHOP_OWNED = {0};

	shop_init(&shop, state);
	int64_t now = shop.kit->now;
	ask(&shop, now, &one);
	assert_int_equal(one.state, CLAIM_ASKED);
	assert_rc(is_in_force(&shop, now), RC_ABSENT);
	assert_rc(say(&shop, &one, CLAIM_APPROVE, CAROL), RC_REFUSED);
	assert_ok(say(&shop, &one, CLAIM_CHECK, BOB));
	assert_int_equal(one.state, CLAIM_CHECKED);
	assert_rc(is_in_force(&shop, now), RC_ABSENT);
	assert_rc(say(&shop, &one, CLAIM_CHECK, CAROL), RC_REFUSED);
	assert_ok(say(&shop, &one, CLAIM_APPROVE, CAROL));
	assert_int_equal(one.state, CLAIM_APPROVED);
	assert_ok(
	    in_force(&shop, shop.account, "Alice@alpha.test", now, &found));
	assert_string_equal(found.name, one.name);
	struct profile_subject subject = claim_subject(&found);
	assert_string_equal(subject.given_name, "Alice");
	assert_string_equal(subject.surname, "Adams");
	assert_string_equal(subject.organization, "Alpha Ltd");
	assert_string_equal(subject.organization_identifier, "NTRGB-12345678");
	assert_string_equal(subject.country, "GB");
	assert_null(subject.pseudonym);
	assert_rc(
	    in_force(&shop, shop.account + 1, ALICE, now, &found), RC_ABSENT);
	assert_rc(
	    in_force(&shop, shop.account - 1, ALICE, now, &found), RC_ABSENT);
	assert_rc(in_force(&shop, shop.account, BOB, now, &found), RC_ABSENT);
	assert_ok(is_in_force(&shop, now + 30 * DAY - 1));
	assert_rc(is_in_force(&shop, now + 30 * DAY), RC_ABSENT);
	look(&shop, &one, now + 30 * DAY);
	assert_int_equal(one.state, CLAIM_LAPSED);
}

static void
one_person_is_not_two_and_nobody_is_their_own_judge(void **state)
{
	struct claim one CLAIM_OWNED = {0};
	struct shop shop SHOP_OWNED = {0};

	shop_init(&shop, state);
	ask(&shop, shop.kit->now, &one);
	assert_rc(say(&shop, &one, CLAIM_CHECK, "Alice@alpha.test"), RC_UNFIT);
	assert_rc(say(&shop, &one, CLAIM_CHECK, NULL), RC_UNFIT);
	assert_rc(say(&shop, &one, CLAIM_REFUSE, NULL), RC_UNFIT);
	assert_ok(say(&shop, &one, CLAIM_CHECK, BOB));
	assert_rc(say(&shop, &one, CLAIM_APPROVE, BOB), RC_UNFIT);
	assert_rc(say(&shop, &one, CLAIM_APPROVE, "Bob@BETA.test"), RC_UNFIT);
	assert_rc(say(&shop, &one, CLAIM_APPROVE, ALICE), RC_UNFIT);
	assert_rc(say(&shop, &one, CLAIM_APPROVE, NULL), RC_UNFIT);
	assert_rc(is_in_force(&shop, shop.kit->now), RC_ABSENT);
	assert_ok(say(&shop, &one, CLAIM_APPROVE, CAROL));
}

static void
a_word_has_to_be_complete(void **state)
{
	struct claim one CLAIM_OWNED = {0};
	struct shop shop SHOP_OWNED = {0};
	char note[CLAIM_NOTE_MAX + 2];
	struct err err = ERR_NONE;

	shop_init(&shop, state);
	ask(&shop, shop.kit->now, &one);
	struct claim_word word = word_of(&shop, &one, CLAIM_CHECK, BOB);
	memset(note, 'x', sizeof(note) - 1);
	note[sizeof(note) - 1] = '\0';
	static const char *const bad[] = {
	    NULL, "", "two\nlines", "turned \xe2\x80\xae round", "\xff"};
	for (size_t i = 0; i < COUNT(bad); i++) {
		word.note = bad[i];
		assert_rc(say_word(&shop, &one, &word, &err), RC_UNFIT);
	}
	word.note = note;
	assert_rc(say_word(&shop, &one, &word, &err), RC_UNFIT);
	word.note = note + 1;
	assert_ok(say_word(&shop, &one, &word, &err));
}

static void
a_time_has_an_end(void **state)
{
	struct claim one CLAIM_OWNED = {0};
	struct shop shop SHOP_OWNED = {0};
	struct err err = ERR_NONE;

	shop_init(&shop, state);
	ask(&shop, shop.kit->now, &one);
	assert_ok(say(&shop, &one, CLAIM_CHECK, BOB));
	struct claim_word word = word_of(&shop, &one, CLAIM_APPROVE, CAROL);
	word.until = word.now;
	assert_rc(say_word(&shop, &one, &word, &err), RC_UNFIT);
	word.until = word.now + word.days * DAY + 1;
	assert_rc(say_word(&shop, &one, &word, &err), RC_UNFIT);
	word.days = CLAIM_DAYS_MAX + 1;
	assert_rc(say_word(&shop, &one, &word, &err), RC_UNFIT);
	word.days = CLAIM_DAYS_MAX;
	word.until = word.now + CLAIM_DAYS_MAX * DAY;
	assert_ok(say_word(&shop, &one, &word, &err));
}

static enum rc
attach(const struct shop *shop, const struct claim *claim, const char *name,
    int64_t at, struct span bytes)
{
	const struct claim_piece piece = {.name = name,
	    .at = at,
	    .bytes = bytes,
	    .actor = "account x",
	    .now = shop->kit->now};
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	struct err err = ERR_NONE;

	TRY(sql_act_begin(shop->sql, &act, &err));
	TRY(claim_attach(shop->sql, claim, &piece, &err));
	return sql_act_commit(&act, &err);
}

static void
nobody_speaks_of_what_they_have_not_seen(void **state)
{
	struct claim one CLAIM_OWNED = {0};
	struct shop shop SHOP_OWNED = {0};

	shop_init(&shop, state);
	ask(&shop, shop.kit->now, &one);
	assert_ok(attach(&shop, &one, "a.pdf", 0, span_str("later")));
	assert_rc(say(&shop, &one, CLAIM_CHECK, BOB), RC_REFUSED);
	look(&shop, &one, shop.kit->now);
	assert_ok(say(&shop, &one, CLAIM_CHECK, BOB));
	assert_rc(
	    attach(&shop, &one, "b.pdf", 0, span_str("too late")), RC_REFUSED);
}

static void
evidence_comes_in_pieces_and_as_it_was(void **state)
{
	struct claim one CLAIM_OWNED = {0};
	struct shop shop SHOP_OWNED = {0};
	struct buf out BUF_OWNED = BUF_SMALL;
	struct err err = ERR_NONE;

	shop_init(&shop, state);
	ask(&shop, shop.kit->now, &one);
	assert_rc(attach(&shop, &one, "a.pdf", 1, span_str("x")), RC_REFUSED);
	assert_ok(attach(&shop, &one, "a.pdf", 0, span_str("one, ")));
	assert_rc(attach(&shop, &one, "a.pdf", 0, span_str("x")), RC_REFUSED);
	assert_ok(attach(&shop, &one, "a.pdf", 5, span_of("two\0", 4)));
	assert_ok(claim_file(shop.sql, &one, "a.pdf", &out, &err));
	assert_bytes(buf_span(&out), span_of("one, two\0", 9));
	assert_rc(claim_file(shop.sql, &one, "b.pdf", &out, &err), RC_ABSENT);
	static const char *const bad[] = {
	    "", ".a", "a/b", "..", "a b", "a\"b", "\xc3\xbc"};
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_rc(
		    attach(&shop, &one, bad[i], 0, span_str("x")), RC_UNFIT);
	assert_rc(attach(&shop, &one, "c", 0, SPAN_NONE), RC_UNFIT);
}

/* A file as long as may be, of pieces as long as may be. */
static void
fill(const struct shop *shop, const struct claim *claim, struct span bytes)
{
	struct claim_piece piece = {.name = "a",
	    .bytes = bytes,
	    .actor = "account x",
	    .now = shop->kit->now};
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	struct err err = ERR_NONE;

	assert_done(sql_act_begin(shop->sql, &act, &err), err);
	while (piece.at < (int64_t)CLAIM_FILE_MAX) {
		assert_done(claim_attach(shop->sql, claim, &piece, &err), err);
		piece.at += (int64_t)bytes.len;
	}
	assert_done(sql_act_commit(&act, &err), err);
}

static void
evidence_has_limits(void **state)
{
	struct claim one CLAIM_OWNED = {0};
	struct shop shop SHOP_OWNED = {0};
	static uint8_t big[CLAIM_PIECE_MAX + 1];
	char name[2] = "b";

	shop_init(&shop, state);
	ask(&shop, shop.kit->now, &one);
	assert_rc(
	    attach(&shop, &one, "a", 0, span_of(big, CLAIM_PIECE_MAX + 1)),
	    RC_UNFIT);
	fill(&shop, &one, span_of(big, CLAIM_PIECE_MAX));
	assert_rc(
	    attach(&shop, &one, "a", (int64_t)CLAIM_FILE_MAX, span_str("x")),
	    RC_LIMIT);
	for (int i = 1; i < CLAIM_FILES_MAX; i++, name[0]++)
		assert_ok(attach(&shop, &one, name, 0, span_str("x")));
	assert_rc(attach(&shop, &one, name, 0, span_str("x")), RC_LIMIT);
	assert_ok(attach(&shop, &one, "b", 1, span_str("x")));
}

static void
what_is_withdrawn_is_not_said_any_more(void **state)
{
	struct claim one CLAIM_OWNED = {0};
	struct shop shop SHOP_OWNED = {0};
	struct revoked revoked = {0};
	struct err err = ERR_NONE;

	shop_init(&shop, state);
	ask(&shop, shop.kit->now, &one);
	approve(&shop, &one);
	X509 *other OWNED(X509_free) = shop_issue(&shop, shop.kit->now);
	X509 *cert OWNED(X509_free) = shop_issue(&shop, shop.kit->now);
	int64_t order = shop_number(&shop, "SELECT max(id) FROM acme_order");
	assert_done(
	    claim_used(shop.sql, &one, order, shop.kit->now, &err), err);
	struct claim_word silent = word_of(&shop, &one, CLAIM_WITHDRAW, BOB);
	silent.note = NULL;
	assert_rc(say_word(&shop, &one, &silent, &err), RC_UNFIT);
	assert_ok(say(&shop, &one, CLAIM_WITHDRAW, NULL));
	assert_int_equal(one.state, CLAIM_WITHDRAWN);
	assert_rc(is_in_force(&shop, shop.kit->now), RC_ABSENT);
	assert_ok(revoked_find(shop.sql, shop_serial(cert), &revoked, &err));
	assert_int_equal(revoked.reason, REVOKED_AFFILIATION_CHANGED);
	assert_rc(revoked_find(shop.sql, shop_serial(other), &revoked, &err),
	    RC_ABSENT);
}

static void
the_newest_is_who_they_are(void **state)
{
	struct claim one CLAIM_OWNED = {0};
	struct claim two CLAIM_OWNED = {0};
	struct claim found CLAIM_OWNED = {0};
	struct shop shop SHOP_OWNED = {0};

	shop_init(&shop, state);
	int64_t now = shop.kit->now;
	ask(&shop, now, &one);
	approve(&shop, &one);
	ask(&shop, now, &two);
	assert_ok(in_force(&shop, shop.account, ALICE, now, &found));
	assert_string_equal(found.name, one.name);
	approve(&shop, &two);
	assert_ok(in_force(&shop, shop.account, ALICE, now, &found));
	assert_string_equal(found.name, two.name);
	look(&shop, &one, now);
	assert_int_equal(one.state, CLAIM_REPLACED);
	assert_ok(say(&shop, &two, CLAIM_WITHDRAW, BOB));
	assert_rc(is_in_force(&shop, now), RC_ABSENT);
}

static void
nothing_is_left_of_a_mailbox_that_was_somebody_elses(void **state)
{
	struct claim one CLAIM_OWNED = {0};
	struct claim two CLAIM_OWNED = {0};
	struct shop shop SHOP_OWNED = {0};
	struct err err = ERR_NONE;

	shop_init(&shop, state);
	int64_t now = shop.kit->now;
	ask(&shop, now, &one);
	approve(&shop, &one);
	ask(&shop, now, &two);
	assert_ok(claim_end(shop.sql, "Alice@Alpha.test", now, &err));
	look(&shop, &one, now);
	look(&shop, &two, now);
	assert_int_equal(one.state, CLAIM_WITHDRAWN);
	assert_int_equal(two.state, CLAIM_WITHDRAWN);
	assert_rc(is_in_force(&shop, now), RC_ABSENT);
}

static void
a_field_belongs_to_its_level(void **state)
{
	static const struct {
		enum profile_level level;
		enum claim_field field;
		enum rc want;
	} cases[] = {
	    {PROFILE_INDIVIDUAL, CLAIM_ORGANIZATION, RC_UNFIT},
	    {PROFILE_INDIVIDUAL, CLAIM_SURNAME, RC_OK},
	    {PROFILE_ORGANIZATION, CLAIM_SURNAME, RC_UNFIT},
	    {PROFILE_ORGANIZATION, CLAIM_COUNTRY, RC_OK},
	};
	struct shop shop SHOP_OWNED = {0};
	char text[CLAIM_TEXT_MAX + 2];

	shop_init(&shop, state);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct claim one CLAIM_OWNED = {0};
		struct claim_wish wish = {.level = cases[i].level};
		struct err err = ERR_NONE;
		wish.field[cases[i].field] = text + 1;
		assert_rc(try_ask(&shop, &wish, &one, &err), cases[i].want);
		wish.field[cases[i].field] = text;
		assert_rc(try_ask(&shop, &wish, &one, &err), RC_UNFIT);
		wish.field[cases[i].field] = "";
		assert_rc(try_ask(&shop, &wish, &one, &err), RC_UNFIT);
	}
}

static void
a_mailbox_does_not_ask_without_end(void **state)
{
	struct shop shop SHOP_OWNED = {0};
	const struct claim_wish more = {.level = PROFILE_ORGANIZATION};
	struct err err = ERR_NONE;

	shop_init(&shop, state);
	for (int i = 0; i < CLAIM_DAY_MAX; i++) {
		struct claim one CLAIM_OWNED = {0};
		struct claim extra CLAIM_OWNED = {0};
		ask(&shop, shop.kit->now, &one);
		if (i < CLAIM_OPEN_MAX - 1)
			continue;
		if (i == CLAIM_OPEN_MAX - 1)
			assert_rc(
			    try_ask(&shop, &more, &extra, &err), RC_LIMIT);
		assert_ok(say(&shop, &one, CLAIM_REFUSE, BOB));
	}
	struct claim extra CLAIM_OWNED = {0};
	assert_rc(try_ask(&shop, &more, &extra, &err), RC_LIMIT);
	struct claim_wish other = more;
	other.address = BOB;
	assert_ok(try_ask(&shop, &other, &extra, &err));
	other.address = ALICE;
	other.now = shop.kit->now + DAY;
	assert_ok(try_ask(&shop, &other, &extra, &err));
}

static size_t
count_listed(const struct shop *shop, int64_t account, bool ever, int64_t now)
{
	struct strlist names STRLIST_OWNED = STRLIST_NONE;
	struct err err = ERR_NONE;

	assert_done(
	    claim_list(shop->sql, account, ever, now, &names, &err), err);
	return names.len;
}

static void
a_list_has_what_somebody_can_do_something_about(void **state)
{
	struct claim asked CLAIM_OWNED = {0};
	struct claim refused CLAIM_OWNED = {0};
	struct shop shop SHOP_OWNED = {0};

	shop_init(&shop, state);
	int64_t now = shop.kit->now;
	ask(&shop, now, &asked);
	ask(&shop, now, &refused);
	assert_ok(say(&shop, &refused, CLAIM_REFUSE, BOB));
	assert_int_equal(count_listed(&shop, 0, false, now), 1);
	assert_int_equal(count_listed(&shop, shop.account, false, now), 1);
	assert_int_equal(count_listed(&shop, shop.account, true, now), 2);
	assert_int_equal(count_listed(&shop, shop.account + 1, true, now), 0);
	assert_int_equal(count_listed(&shop, 0, false, now + CLAIM_WAIT), 0);
}

static void
evidence_of_nothing_is_forgotten(void **state)
{
	struct claim refused CLAIM_OWNED = {0};
	struct claim approved CLAIM_OWNED = {0};
	struct shop shop SHOP_OWNED = {0};
	struct err err = ERR_NONE;

	shop_init(&shop, state);
	int64_t now = shop.kit->now;
	ask(&shop, now, &refused);
	ask(&shop, now, &approved);
	assert_ok(attach(&shop, &refused, "a", 0, span_str("x")));
	assert_ok(attach(&shop, &approved, "a", 0, span_str("x")));
	look(&shop, &refused, now);
	look(&shop, &approved, now);
	assert_ok(say(&shop, &refused, CLAIM_REFUSE, BOB));
	approve(&shop, &approved);
	assert_ok(say(&shop, &approved, CLAIM_WITHDRAW, BOB));
	assert_done(
	    claim_forget(NULL, shop.sql, now + CLAIM_EVIDENCE_KEEP - 1, &err),
	    err);
	assert_int_equal(
	    shop_number(&shop, "SELECT count(*) FROM claim_piece"), 2);
	assert_done(
	    claim_forget(NULL, shop.sql, now + CLAIM_EVIDENCE_KEEP, &err), err);
	assert_int_equal(
	    shop_number(&shop, "SELECT count(*) FROM claim_piece"), 1);
	assert_int_equal(
	    shop_number(&shop, "SELECT count(*) FROM claim_file AS f JOIN"
			       " claim AS i ON i.id = f.claim"
			       " WHERE i.approved = 1"),
	    1);
}

static void
what_is_signed_is_all_that_was_seen(void **state)
{
	struct claim one CLAIM_OWNED = {0};
	struct shop shop SHOP_OWNED = {0};
	struct buf said BUF_OWNED = BUF_SMALL;
	struct buf want BUF_OWNED = BUF_SMALL;
	struct err err = ERR_NONE;

	shop_init(&shop, state);
	ask(&shop, shop.kit->now, &one);
	assert_ok(attach(&shop, &one, "a.txt", 0, span_str("abc")));
	struct claim_word word = word_of(&shop, &one, CLAIM_APPROVE, BOB);
	word.now = 1000;
	word.until = 2000;
	assert_done(claim_said(shop.sql, &one, &word, &said, &err), err);
	/* the digest of "abc" as FIPS 180-2 has it */
	assert_ok(buf_add_format(&want, &err,
	    "letterlock-authority identity 1\nby: bob@beta.test\n"
	    "word: approve\nrequest: %s\nmailbox: alice@alpha.test\n"
	    "level: sponsor\ngivenName: Alice\nsurname: Adams\n"
	    "organization: Alpha Ltd\n"
	    "organizationIdentifier: NTRGB-12345678\ncountry: GB\n"
	    "file: a.txt ba7816bf8f01cfea414140de5dae2223"
	    "b00361a396177a9cb410ff61f20015ad\n"
	    "until: 2000\nnote: seen\nat: 1000\n",
	    one.name));
	assert_bytes(buf_span(&said), buf_span(&want));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(two_people_make_it_true_until_its_time_is_over),
	    cmocka_unit_test(
		one_person_is_not_two_and_nobody_is_their_own_judge),
	    cmocka_unit_test(a_word_has_to_be_complete),
	    cmocka_unit_test(a_time_has_an_end),
	    cmocka_unit_test(nobody_speaks_of_what_they_have_not_seen),
	    cmocka_unit_test(evidence_comes_in_pieces_and_as_it_was),
	    cmocka_unit_test(evidence_has_limits),
	    cmocka_unit_test(what_is_withdrawn_is_not_said_any_more),
	    cmocka_unit_test(the_newest_is_who_they_are),
	    cmocka_unit_test(
		nothing_is_left_of_a_mailbox_that_was_somebody_elses),
	    cmocka_unit_test(a_field_belongs_to_its_level),
	    cmocka_unit_test(a_mailbox_does_not_ask_without_end),
	    cmocka_unit_test(a_list_has_what_somebody_can_do_something_about),
	    cmocka_unit_test(evidence_of_nothing_is_forgotten),
	    cmocka_unit_test(what_is_signed_is_all_that_was_seen),
	};

	return kit_test_both(tests, COUNT(tests));
}
