/* Letters that came in the clear and lie sealed.  The reader is Alice. */
#include "flow/rest.h"

#include <stdio.h>

#include <openssl/sha.h>

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

	const struct rest_frame frame = {REST_CAME, NULL};

	return rest_write(&source, &frame, &sender, &sink, &err);
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
the_agent_shows_the_letter_as_it_came_and_without_a_forged_verdict(
    void **context)
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
	assert_int_equal(incoming.verdict.level, VERDICT_UNSIGNED);
	assert_bytes(buf_span(&incoming.view), span_str(PLAIN));
}

/* --- written here, and by another device ---------------------------------------*/

#define DRAFT                                                              \
	"From: alice@alpha.test\r\nTo: bob@beta.test\r\nBcc: c@d.test\r\n" \
	"Subject: a secret subject\r\nX-Draft:  odd \t "                   \
	"spaces\r\n\r\nGr\xc3\xbc"                                         \
	"\xc3\x9f"                                                         \
	"e, the canary sings.\r\n"

/* `signer` seals for Alice with a mark, if `key` is Alice's to open. */
static void
mark_and_store(const struct person *signer, const struct rest_frame *frame,
    struct span letter, struct buf *out)
{
	struct source_memory memory = {.bytes = letter};
	const struct source source = source_memory(&memory);
	const struct sink sink = sink_buf(out);
	const struct sender sender = {.address = ALICE,
	    .identity = signer->identity,
	    .own = alice.fixture.cert,
	    .own_key = &alice.key,
	    .now = SEEN_AT};

	assert_done(rest_write(&source, frame, &sender, &sink, &err), err);
}

static void
what_is_kept_is_ones_own_and_comes_back_as_it_was(void **context)
{
	static const struct rest_frame frame = {REST_KEPT, NULL};
	struct buf stored BUF_OWNED = BUF(ROOM);
	struct gathered g GATHERED_OWNED;
	struct verdict verdict;

	mark_and_store(&alice, &frame, span_str(DRAFT), &stored);
	assert_int_equal(span_find(buf_span(&stored), span_str("secret")), -1);
	assert_int_equal(span_find(buf_span(&stored), span_str("c@d")), -1);
	assert_done(read_bytes(buf_span(&stored), &g), err);
	assert_int_equal(g.rest, REST_KEPT);
	assert_true(g.rest_own);
	assert_int_equal(g.facts.encrypted.state, ENCRYPTED_INTACT);
	assert_int_equal(g.facts.sig.binding, BINDING_FROM);
	verdict_decide(&g.facts, &verdict);
	assert_int_equal(verdict.level, VERDICT_VERIFIED);
	expect_shown(&g, buf_span(&stored), span_str(DRAFT));
}

/* Carol's key stands for that of Alice's other device. */
static void
another_device_with_the_same_keys_to_open_is_believed(void **context)
{
	static const struct rest_frame frame = {
	    REST_CAME, "0123456789abcdef0123456789abcdef"};
	struct buf stored BUF_OWNED = BUF(ROOM), inside BUF_OWNED = BUF(ROOM);
	struct gathered g GATHERED_OWNED;

	mark_and_store(&mallory, &frame, span_str(PLAIN), &stored);
	assert_true(span_find(buf_span(&stored),
			span_str("Letterlock-Copy-Of: 0123456789abcdef")) > 0);
	assert_done(read_bytes(buf_span(&stored), &g), err);
	assert_int_equal(g.rest, REST_CAME);
	assert_false(g.rest_own);
	assert_int_equal(g.facts.encrypted.state, ENCRYPTED_AT_REST);
	struct source_memory memory = {.bytes = buf_span(&stored)};
	const struct source source = source_memory(&memory);
	const struct sink sink = sink_buf(&inside);
	assert_done(rest_read(&g, &source, &sink, &err), err);
	assert_bytes(buf_span(&inside), span_str(PLAIN));
}

/* Mallory puts a true mark around another letter, or calls it another kind. */
static void
a_mark_is_for_one_letter_and_one_kind_only(void **context)
{
	static const struct {
		const char *kind, *letter;
		enum rest_kind marked, want;
	} cases[] = {
	    {"at-rest", PLAIN, REST_CAME, REST_CAME},
	    {"at-rest", PLAIN "x", REST_CAME, REST_NONE},
	    {"kept", PLAIN, REST_CAME, REST_NONE},
	    {"at-rest", PLAIN, REST_KEPT, REST_NONE},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct reader_key key = {alice.fixture.cert, &alice.key};
		struct buf part BUF_OWNED = BUF(ROOM), text BUF_OWNED = BUF(99);
		struct buf letter BUF_OWNED = BUF(ROOM);
		struct gathered g GATHERED_OWNED;
		uint8_t digest[32], mark[REST_MARK_LEN];
		SHA256((const uint8_t *)PLAIN, strlen(PLAIN), digest);
		assert_done(rest_mark(&key, rest_kind_name(cases[i].marked),
				span_of(digest, sizeof(digest)), mark, &err),
		    err);
		assert_done(
		    base64url_encode(span_of(mark, sizeof(mark)), &text, &err),
		    err);
		assert_done(buf_add_format(&part, &err,
				"Content-Type: message/rfc822; letterlock=%s; "
				"mark=\"%.*s\"\r\n\r\n%s",
				cases[i].kind, SPAN_ARGS(buf_span(&text)),
				cases[i].letter),
		    err);
		sign_around(&mallory, &part);
		seal_around(&for_alice, SEAL_AES256_GCM, &part);
		put(&letter, FROM_MALLORY);
		assert_done(buf_add(&letter, buf_span(&part), &err), err);
		assert_done(read_bytes(buf_span(&letter), &g), err);
		if (g.rest != cases[i].want)
			fail_msg("case %zu: %d", i, (int)g.rest);
	}
}

static void
a_letter_has_the_same_name_for_who_has_the_key(void **context)
{
	const struct reader_key own = {alice.fixture.cert, &alice.key};
	const struct reader_key other = {mallory.fixture.cert, &mallory.key};
	char one[REST_NAME_LEN + 1], two[REST_NAME_LEN + 1];
	char three[REST_NAME_LEN + 1], four[REST_NAME_LEN + 1];

	assert_done(rest_name(&own, span_str("which"), one, &err), err);
	assert_done(rest_name(&own, span_str("which"), two, &err), err);
	assert_done(rest_name(&own, span_str("whicH"), three, &err), err);
	assert_done(rest_name(&other, span_str("which"), four, &err), err);
	assert_string_equal(one, two);
	assert_string_not_equal(one, three);
	assert_string_not_equal(one, four);
	assert_int_equal(strlen(one), REST_NAME_LEN);
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
	    cmocka_unit_test(
		the_agent_shows_the_letter_as_it_came_and_without_a_forged_verdict),
	    cmocka_unit_test(what_is_kept_is_ones_own_and_comes_back_as_it_was),
	    cmocka_unit_test(
		another_device_with_the_same_keys_to_open_is_believed),
	    cmocka_unit_test(a_mark_is_for_one_letter_and_one_kind_only),
	    cmocka_unit_test(a_letter_has_the_same_name_for_who_has_the_key),
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
