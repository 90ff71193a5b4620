/* What the text asks for, whatever is around it. */
#include "flow/gatherkit_priv.h"

#define ASKS "Content-Type: text/plain\r\n\r\nPlease wire the funds today.\r\n"

static void
read_asking(bool requests, struct span letter, struct gathered *ret)
{
	const struct reader_key key = {alice.fixture.cert, &alice.key};
	const struct reader reader = {.keys = &key,
	    .keys_len = 1,
	    .roots = &roots,
	    .requests = requests,
	    .now = FIXTURE_NOW};
	struct pieces pieces = {.bytes = letter, .size = 100};
	const struct source source = pieces_source(&pieces);

	gathered_init(ret);
	err = ERR_NONE;
	assert_done(gather(&source, &reader, ret, &err), err);
}

static const struct {
	const char *layers;
	enum request want;
} orders[] = {
    {"", REQUEST_MONEY}, {"g", REQUEST_MONEY}, {"z", REQUEST_MONEY},
    {"gz", REQUEST_MONEY}, {"sg", REQUEST_MONEY}, /* signed outside only */
    {"gs", REQUEST_NONE}, /* by who it says: not our business */
    {"s", REQUEST_NONE},
    {"c", REQUEST_NONE}, /* anybody's text: nothing is concluded */
    {"sc", REQUEST_NONE}, {"x", REQUEST_NONE}, /* not for us */
};

static void
what_an_unproven_letter_asks_for_is_found_inside_of_its_layers(void **state)
{
	for (size_t i = 0; i < COUNT(orders); i++) {
		struct buf letter BUF_OWNED = BUF(ROOM);
		struct gathered g GATHERED_OWNED;
		make_letter(orders[i].layers, ASKS, &letter);
		read_asking(true, buf_span(&letter), &g);
		if (g.facts.request != orders[i].want)
			fail_msg("%s: got %d", orders[i].layers,
			    (int)g.facts.request);
	}
}

static void
a_broken_signature_proves_nobody(void **state)
{
	struct buf letter BUF_OWNED = BUF(ROOM);
	struct gathered g GATHERED_OWNED;

	make_letter("s", ASKS, &letter);
	replace(&letter, "Please", "Kindly");
	read_asking(true, buf_span(&letter), &g);
	assert_int_equal(g.facts.sig.state, SIGNED_INVALID);
	assert_int_equal(g.facts.request, REQUEST_MONEY);
}

/* Signed by Mallory, from Alice. */
static void
a_signature_of_somebody_else_proves_nobody(void **state)
{
	struct buf letter BUF_OWNED = BUF(ROOM), part BUF_OWNED = BUF(ROOM);
	struct gathered g GATHERED_OWNED;

	put(&letter, FROM "MIME-Version: 1.0\r\n");
	put(&part, ASKS);
	sign_around(&mallory, &part);
	assert_done(buf_add(&letter, buf_span(&part), &err), err);
	read_asking(true, buf_span(&letter), &g);
	assert_int_equal(g.facts.sig.state, SIGNED_VALID);
	assert_int_equal(g.facts.request, REQUEST_MONEY);
}

static enum rc
find_anybody(const void *self, const struct lookalike_sender *sender,
    struct lookalike_finding *ret, struct err *why)
{
	*ret = (struct lookalike_finding){
	    .reason = "addr.confusable", .strong = true, .of = "al@alpha.test"};
	return RC_OK;
}

/* Signed by whom it says; but that is a look-alike, say. */
static void
a_proven_sender_who_is_not_verified_is_looked_at(void **state)
{
	const struct imitations anybody = {find_anybody, NULL};
	const struct reader reader = {.roots = &roots,
	    .requests = true,
	    .imitations = &anybody,
	    .now = FIXTURE_NOW};
	struct buf letter BUF_OWNED = BUF(ROOM);
	struct gathered g GATHERED_OWNED;

	make_letter("s", ASKS, &letter);
	struct source_memory memory = {.bytes = buf_span(&letter)};
	const struct source source = source_memory(&memory);
	gathered_init(&g);
	assert_done(gather(&source, &reader, &g, &err), err);
	assert_int_equal(g.facts.sig.chain, CHAIN_VALID);
	assert_int_equal(g.facts.request, REQUEST_MONEY);
}

/* A file that lost the CR of every line; signed by Mallory, from Alice. */
static void
a_letter_that_lost_its_cr_is_looked_at(void **state)
{
	struct buf letter BUF_OWNED = BUF(ROOM), part BUF_OWNED = BUF(ROOM);
	struct buf lf BUF_OWNED = BUF(ROOM);
	struct gathered g GATHERED_OWNED;

	put(&letter, FROM "MIME-Version: 1.0\r\n");
	put(&part, ASKS);
	sign_around(&mallory, &part);
	assert_done(buf_add(&letter, buf_span(&part), &err), err);
	for (size_t i = 0; i < letter.len; i++)
		if (letter.data[i] != '\r')
			assert_ok(buf_add_byte(&lf, letter.data[i], &err));
	read_asking(true, buf_span(&lf), &g);
	assert_int_equal(g.facts.sig.state, SIGNED_VALID);
	assert_int_equal(g.facts.request, REQUEST_MONEY);
}

static void
a_subject_outside_counts_where_it_is_the_one_that_is_shown(void **state)
{
	struct buf letter BUF_OWNED = BUF(ROOM);
	struct gathered g GATHERED_OWNED;

	put(&letter, "Subject: Confirm your password\r\n" FROM);
	put_wrapped(&letter, "g", TEXT);
	read_asking(true, buf_span(&letter), &g);
	assert_int_equal(g.facts.request, REQUEST_CREDENTIALS);
}

static void
who_does_not_ask_is_told_nothing(void **state)
{
	struct buf letter BUF_OWNED = BUF(ROOM);
	struct gathered g GATHERED_OWNED;

	make_letter("", ASKS, &letter);
	read_asking(false, buf_span(&letter), &g);
	assert_int_equal(g.facts.request, REQUEST_NONE);
}

/* The letter can be shown all the same. */
static void
a_letter_that_was_looked_at_is_shown(void **state)
{
	struct buf letter BUF_OWNED = BUF(ROOM), out BUF_OWNED = BUF(ROOM);
	struct gathered g GATHERED_OWNED;

	make_letter("g", ASKS, &letter);
	read_asking(true, buf_span(&letter), &g);
	assert_done(show_bytes(&g, buf_span(&letter), &out), err);
	assert_true(span_find(buf_span(&out), span_str("wire the funds")) >= 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		what_an_unproven_letter_asks_for_is_found_inside_of_its_layers),
	    cmocka_unit_test(a_broken_signature_proves_nobody),
	    cmocka_unit_test(a_signature_of_somebody_else_proves_nobody),
	    cmocka_unit_test(a_proven_sender_who_is_not_verified_is_looked_at),
	    cmocka_unit_test(a_letter_that_lost_its_cr_is_looked_at),
	    cmocka_unit_test(
		a_subject_outside_counts_where_it_is_the_one_that_is_shown),
	    cmocka_unit_test(who_does_not_ask_is_told_nothing),
	    cmocka_unit_test(a_letter_that_was_looked_at_is_shown),
	};

	return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
