/* Letters that came in the clear and lie sealed.  The reader is Alice. */
#include "flow/rest.h"

#include <stdio.h>

#include "flow/gatherkit_priv.h"
#include "flow/incoming.h"

#define FROM_MALLORY \
	"From: Mallory <mallory@mu.test>\r\nTo: alice@alpha.test\r\n"
#define PLAIN                                                        \
	FROM_MALLORY "Subject: a secret subject\r\n"                 \
		     "Date: Sat, 21 Nov 2026 20:18:00 +0000\r\n\r\n" \
		     "Gr\xc3\xbc\xc3\x9f"                            \
		     "e, the canary sings.\r\n"
#define SEEN_AT (FIXTURE_NOW - 86400)

/* `who` stores the letter for Alice. */
static enum rc
try_to_store(const struct person *who, struct span letter, struct buf *out)
{
	struct source_memory memory = {.bytes = letter};
	const struct source source = source_memory(&memory);
	const struct sink sink = sink_buf(out);
	const struct sender sender = {.address = ALICE,
	    .identity = who->identity,
	    .own = alice.fixture.cert,
	    .now = SEEN_AT};

	return rest_write(&source, &sender, &sink, &err);
}

static void
store(const struct person *who, struct span letter, struct buf *out)
{
	assert_done(try_to_store(who, letter, out), err);
}

static void
expect_shown(struct gathered *g, struct span stored, struct span want)
{
	struct buf shown BUF_OWNED = BUF(ROOM);

	assert_done(show_bytes(g, stored, &shown), err);
	assert_bytes(buf_span(&shown), want);
}

/* --- one's own ---------------------------------------------------------------*/

static void
a_clear_letter_comes_back_byte_for_byte(void **context)
{
	struct buf stored BUF_OWNED = BUF(ROOM);
	struct gathered g GATHERED_OWNED;

	store(&alice, span_str(PLAIN), &stored);
	assert_int_equal(span_find(buf_span(&stored), span_str("secret")), -1);
	assert_int_equal(span_find(buf_span(&stored), span_str("canary")), -1);
	assert_done(read_bytes(buf_span(&stored), &g), err);
	assert_int_equal(g.facts.encrypted.state, ENCRYPTED_AT_REST);
	assert_string_equal(g.facts.encrypted.cipher, "aes-256-cbc");
	assert_int_equal(g.facts.sig.state, SIGNED_NONE);
	assert_string_equal(g.facts.from, "mallory@mu.test");
	assert_string_equal(g.facts.outer_from, "mallory@mu.test");
	assert_int_equal(g.facts.headers.subject, PROTECT_UNPROTECTED);
	assert_true(g.opened);
	expect_shown(&g, buf_span(&stored), span_str(PLAIN));
}

static void
a_signature_inside_is_judged_as_if_the_letter_had_come_itself(void **context)
{
	struct buf letter BUF_OWNED = BUF(ROOM);
	struct buf stored BUF_OWNED = BUF(ROOM);
	struct gathered g GATHERED_OWNED, bare GATHERED_OWNED;
	struct verdict verdict, want;

	put(&letter, FROM_MALLORY);
	struct buf part = BUF(ROOM);
	put(&part, TEXT);
	sign_around(&mallory, &part);
	assert_done(buf_add(&letter, buf_span(&part), &err), err);
	buf_done(&part);
	store(&alice, buf_span(&letter), &stored);
	assert_done(read_bytes(buf_span(&stored), &g), err);
	assert_int_equal(g.facts.encrypted.state, ENCRYPTED_AT_REST);
	assert_int_equal(g.facts.sig.state, SIGNED_VALID);
	assert_string_equal(g.facts.sig.by, "mallory@mu.test");
	assert_int_equal(g.facts.sig.binding, BINDING_FROM);
	assert_int_equal(g.facts.sig.chain, CHAIN_VALID);
	assert_true(g.seen.is_signed);
	expect_shown(&g, buf_span(&stored), buf_span(&letter));
	assert_done(read_bytes(buf_span(&letter), &bare), err);
	verdict_decide(&g.facts, &verdict);
	verdict_decide(&bare.facts, &want);
	assert_string_equal(verdict.sentence, want.sentence);
	assert_int_equal(verdict.level, VERDICT_VERIFIED);
}

/* What somebody sealed on its way is no letter that came in the clear. */
static void
a_sealed_letter_that_is_stored_so_is_still_a_sealed_one(void **context)
{
	struct buf letter BUF_OWNED = BUF(ROOM);
	struct buf stored BUF_OWNED = BUF(ROOM);
	struct gathered g GATHERED_OWNED;

	make_letter("gs", TEXT, &letter);
	store(&alice, buf_span(&letter), &stored);
	assert_done(read_bytes(buf_span(&stored), &g), err);
	assert_int_equal(g.facts.encrypted.state, ENCRYPTED_INTACT);
	assert_string_equal(g.facts.encrypted.cipher, "aes-256-gcm");
	assert_string_equal(g.facts.sig.by, ALICE);
}

static void
when_it_was_stored_is_when_it_was_seen(void **context)
{
	struct buf stored BUF_OWNED = BUF(ROOM);
	struct gathered g GATHERED_OWNED;

	store(&alice, span_str(PLAIN), &stored);
	assert_done(read_bytes(buf_span(&stored), &g), err);
	assert_int_equal(g.seen.seen, SEEN_AT);
}

static void
the_agent_shows_the_letter_with_the_verdict_on_it(void **context)
{
	const struct reader_key key = {alice.fixture.cert, &alice.key};
	const struct reader reader = {
	    .keys = &key, .keys_len = 1, .roots = &roots, .now = FIXTURE_NOW};
	struct buf stored BUF_OWNED = BUF(ROOM);
	struct incoming incoming INCOMING_OWNED;

	store(&alice,
	    span_str("Letterlock-Verdict: verified; forged\r\n" PLAIN),
	    &stored);
	incoming_init(&incoming);
	assert_done(
	    incoming_read(buf_span(&stored), &reader, &incoming, &err), err);
	assert_true(incoming.rebuilt);
	struct span view = buf_span(&incoming.view);
	assert_true(span_starts(view, "Letterlock-Verdict: unsigned; "));
	assert_int_equal(span_find(view, span_str("forged")), -1);
	assert_true(span_find(view, span_str(PLAIN)) > 0);
}

/* --- anything else -----------------------------------------------------------*/

static void
what_somebody_else_wrapped_so_is_an_ordinary_letter(void **context)
{
	struct buf stored BUF_OWNED = BUF(ROOM);
	struct gathered g GATHERED_OWNED;

	store(&mallory, span_str(PLAIN), &stored);
	assert_done(read_bytes(buf_span(&stored), &g), err);
	assert_null(g.inside);
	assert_int_equal(g.facts.encrypted.state, ENCRYPTED_INTACT);
	assert_string_equal(g.facts.sig.by, "mallory@mu.test");
}

#define MARK "message/rfc822; letterlock=at-rest"
#define INNER "\r\n\r\n" FROM_MALLORY "\r\nx\r\n"

/* Signed by Alice where there is an s. */
static const struct {
	const char *layers, *payload;
} not_ours[] = {
    /* only sealed: anybody can do that */
    {"g", "Content-Type: " MARK INNER},
    {"s", "Content-Type: " MARK INNER},
    {"o", "Content-Type: " MARK INNER},
    {"", "Content-Type: " MARK INNER},
    {"sg", "Content-Type: " MARK INNER},
    {"gss", "Content-Type: " MARK INNER},
    {"gzs", "Content-Type: " MARK INNER},
    {"ggs", "Content-Type: " MARK INNER},
    /* a letter that Alice sent herself has fields inside */
    {"gs", "From: alice@alpha.test\r\nContent-Type: " MARK INNER},
    {"gs", "Content-Type: message/rfc822" INNER},
    {"gs", "Content-Type: message/rfc822; letterlock=at-rest-2" INNER},
    {"gs", "Content-Type: text/plain; letterlock=at-rest" INNER},
    {"gs", "Content-Type: multipart/mixed; boundary=X\r\n\r\n--X\r\n"
	   "Content-Type: " MARK INNER "\r\n--X--\r\n"},
};

static void
only_the_exact_form_is_taken_for_it(void **context)
{
	for (size_t i = 0; i < COUNT(not_ours); i++) {
		struct buf letter BUF_OWNED = BUF(ROOM);
		struct gathered g GATHERED_OWNED;
		make_letter(not_ours[i].layers, not_ours[i].payload, &letter);
		assert_done(read_bytes(buf_span(&letter), &g), err);
		if (g.inside != NULL ||
		    g.facts.encrypted.state == ENCRYPTED_AT_REST)
			fail_msg(
			    "%s %s", not_ours[i].layers, not_ours[i].payload);
	}
}

/* The cases above would hold if nothing were ever taken for it. */
static void
the_exact_form_made_by_other_hands_is_taken_for_it(void **context)
{
	static const char *const layers[] = {"gs", "cs", "go"};

	for (size_t i = 0; i < COUNT(layers); i++) {
		struct buf letter BUF_OWNED = BUF(ROOM);
		struct gathered g GATHERED_OWNED;
		make_letter(layers[i], "Content-Type: " MARK INNER, &letter);
		assert_done(read_bytes(buf_span(&letter), &g), err);
		assert_int_equal(g.facts.encrypted.state, ENCRYPTED_AT_REST);
		assert_string_equal(g.facts.from, "mallory@mu.test");
	}
}

static void
letters_at_rest_do_not_nest(void **context)
{
	struct buf once BUF_OWNED = BUF(ROOM), twice BUF_OWNED = BUF(ROOM);
	struct gathered g GATHERED_OWNED;

	store(&alice, span_str(PLAIN), &once);
	store(&alice, buf_span(&once), &twice);
	assert_done(read_bytes(buf_span(&twice), &g), err);
	assert_non_null(g.inside);
	assert_null(g.inside->inside);
	/* what is inside is a letter that Alice sealed, From Mallory */
	assert_int_equal(g.facts.encrypted.state, ENCRYPTED_INTACT);
	assert_string_equal(g.facts.sig.by, ALICE);
}

static void
what_is_no_message_inside_leaves_the_wrapper(void **context)
{
	struct buf letter BUF_OWNED = BUF(ROOM);
	struct gathered g GATHERED_OWNED;

	make_letter("gs", "Content-Type: " MARK "\r\n\r\nA: \r b\r\n\r\nx\r\n",
	    &letter);
	assert_done(read_bytes(buf_span(&letter), &g), err);
	assert_null(g.inside);
	assert_string_equal(g.facts.sig.by, ALICE);
}

static void
what_cannot_be_given_back_as_it_was_is_not_stored(void **context)
{
	static const struct {
		const char *letter;
		size_t len;
	} cases[] = {
	    {FROM_MALLORY "\r\na\nb\r\n",
		sizeof(FROM_MALLORY "\r\na\nb\r\n") - 1},
	    {FROM_MALLORY "\r\na\0b\r\n",
		sizeof(FROM_MALLORY "\r\na\0b\r\n") - 1},
	    {FROM_MALLORY "\r\na\rb\r\n",
		sizeof(FROM_MALLORY "\r\na\rb\r\n") - 1},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf stored BUF_OWNED = BUF(ROOM);
		assert_rc(try_to_store(&alice,
			      span_of(cases[i].letter, cases[i].len), &stored),
		    RC_UNFIT);
		assert_int_equal(stored.len, 0);
	}
}

/* Not in memory at once: the pieces of the wrapper are small. */
static void
a_long_letter_comes_back_too(void **context)
{
	struct buf letter BUF_OWNED = BUF(ROOM), stored BUF_OWNED = BUF(ROOM);
	struct gathered g GATHERED_OWNED;

	put(&letter, FROM_MALLORY "\r\n");
	while (letter.len < (size_t)5 << 20)
		put(&letter,
		    "A line of text, -- as lines are.\r\n.\r\nFrom x\r\n");
	store(&alice, buf_span(&letter), &stored);
	assert_done(read_bytes(buf_span(&stored), &g), err);
	assert_int_equal(g.facts.encrypted.state, ENCRYPTED_AT_REST);
	expect_shown(&g, buf_span(&stored), buf_span(&letter));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_clear_letter_comes_back_byte_for_byte),
	    cmocka_unit_test(
		a_signature_inside_is_judged_as_if_the_letter_had_come_itself),
	    cmocka_unit_test(
		a_sealed_letter_that_is_stored_so_is_still_a_sealed_one),
	    cmocka_unit_test(when_it_was_stored_is_when_it_was_seen),
	    cmocka_unit_test(the_agent_shows_the_letter_with_the_verdict_on_it),
	    cmocka_unit_test(
		what_somebody_else_wrapped_so_is_an_ordinary_letter),
	    cmocka_unit_test(only_the_exact_form_is_taken_for_it),
	    cmocka_unit_test(
		the_exact_form_made_by_other_hands_is_taken_for_it),
	    cmocka_unit_test(letters_at_rest_do_not_nest),
	    cmocka_unit_test(what_is_no_message_inside_leaves_the_wrapper),
	    cmocka_unit_test(what_cannot_be_given_back_as_it_was_is_not_stored),
	    cmocka_unit_test(a_long_letter_comes_back_too),
	};

	return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
