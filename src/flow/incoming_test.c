/* What letters leave behind, and what that says of the next ones.  The reader
 * is Carol. */
#include "flow/incoming.h"

#include <stdio.h>

#include "flow/gatherkit_priv.h"
#include "keydir/history.h"
#include "store/statekit.h"

#define FROM_ALICE "From: Alice Liddell <alice@alpha.test>\r\n"
#define TO_CAROL "To: carol@gamma.test\r\n"

static struct statekit kept_state;
static struct state *state; /* of it */
static struct fixture other_root;
static struct person other_alice; /* the same address under another root */
static struct fixture forged_root;
static struct person forged_alice; /* under a root that nobody trusts */
static struct certs both_roots;

static int
set_up(void **context)
{
	(void)context;
	statekit_init(&kept_state);
	state = kept_state.state;
	return 0;
}

static int
tear_down(void **context)
{
	(void)context;
	return statekit_done(&kept_state);
}

static int
all_set_up(void **context)
{
	struct fixture first;

	kit_setup(context);
	other_root = fixture_root("Other Root");
	first = root;
	root = other_root;
	person_init(&other_alice, ALICE);
	forged_root = fixture_root("Other Root");
	root = forged_root;
	person_init(&forged_alice, ALICE);
	root = first;
	assert_done(certs_add(&both_roots, root.cert, &err), err);
	assert_done(certs_add(&both_roots, other_root.cert, &err), err);
	return 0;
}

static int
all_tear_down(void **context)
{
	certs_done(&both_roots);
	fixture_done(&other_alice.fixture);
	fixture_done(&forged_alice.fixture);
	fixture_done(&forged_root);
	fixture_done(&other_root);
	return kit_teardown(context);
}

/* --- reading -----------------------------------------------------------------*/

static struct strlist
carols(void)
{
	struct strlist me = STRLIST_NONE;

	assert_ok(strlist_add_str(&me, "carol@gamma.test", &err));
	return me;
}

/* As Carol's agent does, and the facts as they were before. */
static void
receive(struct span letter, int64_t now, struct facts *ret,
    struct incoming *ret_incoming)
{
	struct strlist me STRLIST_OWNED = carols();
	const struct reader reader = {
	    .roots = &both_roots, .me = &me, .state = state, .now = now};
	struct source_memory memory = {.bytes = letter};
	const struct source source = source_memory(&memory);
	struct gathered g GATHERED_OWNED;

	gathered_init(&g);
	assert_done(gather(&source, &reader, &g, &err), err);
	*ret = g.facts;
	incoming_init(ret_incoming);
	assert_done(incoming_read(letter, &reader, ret_incoming, &err), err);
}

/* `who`: NULL for a letter without signature. */
static void
make(const struct person *who, const char *head, struct buf *out)
{
	struct buf signed_part = BUF(ROOM);

	put(out, head);
	put(&signed_part, TEXT);
	if (who != NULL)
		sign_around(who, &signed_part);
	assert_done(buf_add(out, buf_span(&signed_part), &err), err);
	buf_done(&signed_part);
}

static struct facts
receive_from(const struct person *who, const char *head, int64_t now)
{
	struct buf letter BUF_OWNED = BUF(ROOM);
	struct incoming incoming INCOMING_OWNED;
	struct facts facts;

	make(who, head, &letter);
	receive(buf_span(&letter), now, &facts, &incoming);
	return facts;
}

static struct facts
alice_writes(const struct person *who, int64_t day)
{
	return receive_from(who, FROM_ALICE TO_CAROL,
	    FIXTURE_NOW + day * (int64_t)(24 * 60 * 60));
}

static unsigned
remembered(const char *address)
{
	struct history h;

	enum rc rc = history_recall(state, address, &h, &err);
	return rc == RC_OK ? h.letters : 0;
}

/* --- continuity --------------------------------------------------------------*/

static void
the_first_letter_is_a_first_contact_and_the_next_is_not(void **context)
{
	struct facts f = alice_writes(&alice, 0);
	struct history h;

	assert_int_equal(f.acquaintance, ACQUAINTANCE_FIRST);
	assert_int_equal(f.history.letters, 0);
	f = alice_writes(&alice, 1);
	assert_int_equal(f.acquaintance, ACQUAINTANCE_KNOWN);
	assert_int_equal(f.history.letters, 1);
	assert_int_equal(f.history.since, FIXTURE_NOW);
	assert_done(history_recall(state, ALICE, &h, &err), err);
	assert_string_equal(h.name, "Alice Liddell");
	assert_int_equal(h.letters, 2);
	assert_int_equal(h.keys, 1);
}

static void
an_unsigned_letter_of_who_always_signs_is_told(void **context)
{
	for (int day = 0; day < HISTORY_STEADY; day++)
		assert_false(alice_writes(&alice, day).history.always_signed);
	assert_true(alice_writes(NULL, 3).history.always_signed);
	assert_false(alice_writes(&alice, 4).history.always_signed);
	assert_true(alice_writes(NULL, 5).history.always_signed);
	assert_int_equal(remembered(ALICE), HISTORY_STEADY + 1);
}

/* It has its own sentence; and a forger has no use of adding one. */
static void
a_broken_signature_is_as_good_as_none(void **context)
{
	struct buf letter BUF_OWNED = BUF(ROOM);
	struct incoming incoming INCOMING_OWNED;
	struct facts f;

	for (int day = 0; day < HISTORY_STEADY; day++)
		(void)alice_writes(&alice, day);
	make(&alice, FROM_ALICE TO_CAROL, &letter);
	replace(&letter, "canary", "parrot");
	receive(buf_span(&letter), FIXTURE_NOW + 40 * 86400, &f, &incoming);
	assert_int_equal(f.sig.state, SIGNED_INVALID);
	assert_true(f.history.always_signed);
	assert_int_equal(incoming.verdict.level, VERDICT_UNSIGNED);
	assert_string_equal(incoming.verdict.reason[0], "sig.digest-mismatch");
	assert_int_equal(remembered(ALICE), HISTORY_STEADY);
}

/* A certificate of one's own making names whom one likes. */
static void
a_signature_under_no_root_is_as_good_as_none(void **context)
{
	struct facts f;
	struct verdict verdict;

	for (int day = 0; day < HISTORY_STEADY; day++)
		(void)alice_writes(&alice, day);
	f = alice_writes(&forged_alice, 40);
	assert_int_equal(f.sig.state, SIGNED_VALID);
	assert_int_not_equal(f.sig.chain, CHAIN_VALID);
	assert_true(f.history.always_signed);
	verdict_decide(&f, &verdict);
	assert_int_equal(verdict.level, VERDICT_CAUTION);
	f.request = REQUEST_MONEY;
	verdict_decide(&f, &verdict);
	assert_int_equal(verdict.level, VERDICT_DANGER);
}

static void
nobody_knows_whether_a_letter_that_does_not_open_is_signed(void **context)
{
	struct buf letter BUF_OWNED = BUF(ROOM);
	struct incoming incoming INCOMING_OWNED;
	struct facts f;

	for (int day = 0; day < HISTORY_STEADY; day++)
		(void)alice_writes(&alice, day);
	put(&letter, FROM_ALICE TO_CAROL);
	put_wrapped(&letter, "g", TEXT);
	receive(buf_span(&letter), FIXTURE_NOW + 40 * 86400, &f, &incoming);
	assert_int_equal(f.encrypted.state, ENCRYPTED_UNDECRYPTABLE);
	assert_false(f.history.always_signed);
}

static void
another_root_is_told_and_remembered(void **context)
{
	struct facts f;

	(void)alice_writes(&alice, 0);
	f = alice_writes(&other_alice, 2);
	assert_true(f.history.new_root);
	assert_false(f.history.conflict);
	f = alice_writes(&alice, 3);
	assert_true(f.history.conflict);
	assert_false(f.history.new_root);
	assert_int_equal(remembered(ALICE), 3);
	assert_done(
	    history_accept(state, ALICE, false, FIXTURE_NOW, &err), err);
	f = alice_writes(&other_alice, 4);
	assert_true(f.history.accepted);
	assert_false(f.history.new_root || f.history.conflict);
}

static void
only_what_is_proven_is_remembered(void **context)
{
	/* signed, but not by her */
	assert_int_equal(alice_writes(&mallory, 0).sig.binding, BINDING_OTHER);
	assert_int_equal(remembered(ALICE), 0);
	assert_int_equal(remembered("mallory@mu.test"), 0);
	/* without any signature */
	(void)alice_writes(NULL, 0);
	assert_int_equal(remembered(ALICE), 0);
	assert_int_equal(
	    alice_writes(NULL, 0).acquaintance, ACQUAINTANCE_FIRST);
}

static void
a_letter_that_is_judged_again_is_not_counted_again(void **context)
{
	struct buf letter BUF_OWNED = BUF(ROOM);
	struct strlist me STRLIST_OWNED = carols();
	const struct reader reader = {.roots = &both_roots,
	    .me = &me,
	    .state = state,
	    .first_seen = FIXTURE_NOW,
	    .now = FIXTURE_NOW + 86400};

	make(&alice, FROM_ALICE TO_CAROL, &letter);
	for (int i = 0; i < 3; i++) {
		struct incoming again INCOMING_OWNED;
		incoming_init(&again);
		assert_done(
		    incoming_judge(buf_span(&letter), &reader, &again, &err),
		    err);
		assert_int_equal(again.verdict.level, VERDICT_VERIFIED);
		assert_int_equal(again.view.len, 0);
	}
	assert_int_equal(remembered(ALICE), 1);
}

static void
a_letter_of_the_readers_own_tells_to_whom_she_writes(void **context)
{
	struct buf letter BUF_OWNED = BUF(ROOM);
	struct incoming own INCOMING_OWNED, forged INCOMING_OWNED;
	struct facts f;

	make(&carol,
	    "From: carol@gamma.test\r\nTo: Bob <bob@beta.test>\r\n"
	    "Cc: alice@alpha.test\r\n",
	    &letter);
	receive(buf_span(&letter), FIXTURE_NOW, &f, &own);
	assert_int_equal(own.wrote_to.len, 2);
	assert_string_equal(own.wrote_to.item[0].address, "bob@beta.test");
	assert_string_equal(own.wrote_to.item[0].name, "Bob");
	assert_int_equal(remembered("carol@gamma.test"), 0);
	buf_clear(&letter);
	/* anybody can write her address */
	make(&mallory, "From: carol@gamma.test\r\nTo: eve@evil.test\r\n",
	    &letter);
	receive(buf_span(&letter), FIXTURE_NOW, &f, &forged);
	assert_int_equal(forged.wrote_to.len, 0);
}

/* A list that breaks every signature: the reader says that this is fine. */
static void
broken_signatures_can_be_said_to_be_fine(void **context)
{
	struct buf letter BUF_OWNED = BUF(ROOM);
	struct incoming first INCOMING_OWNED, then INCOMING_OWNED;
	const int64_t later = FIXTURE_NOW + 40 * (int64_t)86400;
	struct facts f;

	for (int day = 0; day < HISTORY_STEADY; day++)
		(void)alice_writes(&alice, day);
	make(&alice, FROM_ALICE TO_CAROL, &letter);
	replace(&letter, "canary", "parrot");
	receive(buf_span(&letter), later, &f, &first);
	assert_true(f.history.always_signed);
	assert_done(history_accept(state, ALICE, true, later, &err), err);
	receive(buf_span(&letter), later, &f, &then);
	assert_false(f.history.always_signed);
	assert_true(f.history.accepted);
	assert_int_equal(remembered(ALICE), HISTORY_STEADY);
}

static struct verdict
alice_asks_for_money(const char *from, struct facts *ret)
{
	char head[400];
	struct verdict verdict;

	(void)snprintf(head, sizeof(head), "%s\r\n" TO_CAROL, from);
	*ret = receive_from(NULL, head, FIXTURE_NOW + 9 * (int64_t)86400);
	ret->request = REQUEST_MONEY;
	verdict_decide(ret, &verdict);
	verdict_say(ret, LANGUAGE_ENGLISH, &verdict);
	return verdict;
}

static void
who_always_signs_is_missed_however_the_address_is_written(void **context)
{
	static const char *const froms[] = {
	    "From: alice@alpha.test",
	    "From: alice@alpha.test.",
	    "From: Alice <alice@alpha.test.>",
	    "From: alice@alpha\xe3\x80\x82test",
	    "From: alice@alpha.test\xef\xbd\xa1",
	    "From: alice@\xef\xbd\x81lpha.test",
	    "From: x@y.test, alice@alpha.test",
	    "From: x@y.test, Alice <Alice@Alpha.test.>",
	    "From: carol@gamma.test, alice@alpha.test",
	    "From: g: alice@alpha.test;",
	    "From: Alice alice@alpha.test",
	    "From: =?utf-8?q?alice=40alpha=2Etest?=",
	    "From: x@y.test\r\nFrom: alice@alpha.test",
	};
	struct facts f;

	for (int day = 0; day < HISTORY_STEADY; day++)
		(void)alice_writes(&alice, day);
	for (size_t i = 0; i < sizeof(froms) / sizeof(froms[0]); i++) {
		struct verdict v = alice_asks_for_money(froms[i], &f);
		if (v.level != VERDICT_DANGER ||
		    strcmp(v.reason[0], "key.always-signed") != 0 ||
		    strncasecmp(v.sentence, "alice@", strlen("alice@")) != 0)
			fail_msg("%s: %s %s \"%s\"", froms[i],
			    verdict_name(v.level), v.reason[0], v.sentence);
	}
	(void)alice_asks_for_money("From: alice@alpha.tests", &f);
	assert_false(f.history.always_signed);
}

/* Who is fine does not stand in for who is not. */
static void
of_several_all_must_be_fine(void **context)
{
	struct facts f;

	for (int day = 0; day < HISTORY_STEADY; day++)
		(void)alice_writes(&alice, day);
	assert_ok(history_accept(state, "x@y.test", true, FIXTURE_NOW, &err));
	(void)alice_asks_for_money("From: x@y.test", &f);
	assert_true(f.history.accepted);
	struct verdict v =
	    alice_asks_for_money("From: x@y.test, alice@alpha.test", &f);
	assert_false(f.history.accepted);
	assert_int_equal(v.level, VERDICT_DANGER);
	(void)alice_asks_for_money("From: x@y.test, z@y.test", &f);
	assert_false(f.history.accepted);
}

/* A forger sends an innocent one, and waits. */
static void
only_the_person_says_that_unsigned_letters_are_fine(void **context)
{
	struct facts f;

	for (int day = 0; day < HISTORY_STEADY; day++)
		(void)alice_writes(&alice, day);
	(void)alice_writes(NULL, 4);
	(void)alice_writes(&other_alice, 5);
	assert_ok(history_accept(state, ALICE, false, FIXTURE_NOW, &err));
	struct verdict v = alice_asks_for_money("From: " ALICE, &f);
	assert_int_equal(v.level, VERDICT_DANGER);
	assert_false(alice_writes(&other_alice, 6).history.new_root);
	assert_ok(history_accept(state, ALICE, true, FIXTURE_NOW, &err));
	v = alice_asks_for_money("From: " ALICE, &f);
	assert_int_not_equal(v.level, VERDICT_DANGER);
}

/* --- what proves it ----------------------------------------------------------*/

/* The root's list, on which nobody is. */
static void
add_empty_list(struct crls *crls)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *from = ASN1_TIME_set(NULL, FIXTURE_NOW - 60);
	ASN1_TIME *to = ASN1_TIME_set(NULL, FIXTURE_NOW + 86400);
	uint8_t *der = NULL;

	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(
	    crl, X509_get_subject_name(cert_x509(root.cert)));
	X509_CRL_set1_lastUpdate(crl, from);
	X509_CRL_set1_nextUpdate(crl, to);
	assert_true(X509_CRL_sign(crl, root.key, EVP_sha256()) > 0);
	int len = i2d_X509_CRL(crl, &der);
	assert_done(crls_add(crls, span_of(der, (size_t)len), &err), err);
	OPENSSL_free(der);
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	X509_CRL_free(crl);
}

static void
make_dora(struct person *dora)
{
	dora->fixture = fixture_make(&(struct fixture_spec){
	    .name = "Dora",
	    .mail = "dora@delta.test",
	    .issuer = &root,
	    .usage = "critical,digitalSignature,keyAgreement",
	    .extended = "emailProtection",
	    .more = {{"crlDistributionPoints", "URI:http://crl.test/a.crl"}},
	});
	dora->key = (struct key){
	    &kit_ops, dora->fixture.key, KEY_BOTH, dora->fixture.key};
	dora->identity =
	    (struct identity){dora->fixture.cert, &dora->key, NULL};
}

/* Judged with lists at hand or without, and what was kept of it or not. */
static void
judge_with(struct span letter, const struct crls *crls, struct span kept,
    struct incoming *ret)
{
	const struct reader reader = {
	    .roots = &both_roots, .crls = crls, .now = FIXTURE_NOW};

	incoming_init(ret);
	ret->kept = kept;
	assert_done(incoming_judge(letter, &reader, ret, &err), err);
}

static void
what_proved_a_letter_is_kept_and_proves_it_again(void **context)
{
	struct buf letter BUF_OWNED = BUF(ROOM);
	struct crls crls CRLS_OWNED = CRLS_NONE;
	struct incoming first INCOMING_OWNED, again INCOMING_OWNED;
	struct incoming without INCOMING_OWNED, spoilt INCOMING_OWNED;
	struct person dora;

	make_dora(&dora);
	add_empty_list(&crls);
	make(&dora, "From: dora@delta.test\r\n" TO_CAROL, &letter);
	judge_with(buf_span(&letter), &crls, SPAN_NONE, &first);
	assert_int_equal(first.verdict.level, VERDICT_VERIFIED);
	assert_false(first.unchecked);
	assert_true(first.evidence.len > 0);
	/* nobody can be asked any more */
	judge_with(buf_span(&letter), NULL, buf_span(&first.evidence), &again);
	assert_int_equal(again.verdict.level, VERDICT_VERIFIED);
	assert_false(again.unchecked);
	assert_int_equal(again.evidence.len, 0); /* nothing new */
	judge_with(buf_span(&letter), NULL, SPAN_NONE, &without);
	assert_int_equal(without.verdict.level, VERDICT_CAUTION);
	assert_true(without.unchecked);
	judge_with(buf_span(&letter), NULL, span_str("spoilt"), &spoilt);
	assert_true(spoilt.unchecked);
	fixture_done(&dora.fixture);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(the_first_letter_is_a_first_contact_and_the_next_is_not),
	    TEST(an_unsigned_letter_of_who_always_signs_is_told),
	    TEST(a_broken_signature_is_as_good_as_none),
	    TEST(a_signature_under_no_root_is_as_good_as_none),
	    TEST(nobody_knows_whether_a_letter_that_does_not_open_is_signed),
	    TEST(another_root_is_told_and_remembered),
	    TEST(only_what_is_proven_is_remembered),
	    TEST(a_letter_that_is_judged_again_is_not_counted_again),
	    TEST(a_letter_of_the_readers_own_tells_to_whom_she_writes),
	    TEST(broken_signatures_can_be_said_to_be_fine),
	    TEST(who_always_signs_is_missed_however_the_address_is_written),
	    TEST(of_several_all_must_be_fine),
	    TEST(only_the_person_says_that_unsigned_letters_are_fine),
	    TEST(what_proved_a_letter_is_kept_and_proves_it_again),
	};

	return cmocka_run_group_tests(tests, all_set_up, all_tear_down);
}
