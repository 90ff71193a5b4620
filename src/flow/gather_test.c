/* Layers in any order, and where the letter comes from. */
#include "flow/gatherkit_priv.h"

/* --- every kind and order ----------------------------------------------------- */

static const struct {
	const char *layers;
	enum encrypted_state encrypted;
	enum signed_state sig;
	bool outside_only;
	const char *cipher;
} orders[] = {
    {"", ENCRYPTED_NONE, SIGNED_NONE, false, ""},
    {"s", ENCRYPTED_NONE, SIGNED_VALID, false, ""},
    {"o", ENCRYPTED_NONE, SIGNED_VALID, false, ""},
    {"g", ENCRYPTED_INTACT, SIGNED_NONE, false, "aes-256-gcm"},
    {"c", ENCRYPTED_MALLEABLE, SIGNED_NONE, false, "aes-256-cbc"},
    {"gs", ENCRYPTED_INTACT, SIGNED_VALID, false, "aes-256-gcm"},
    {"go", ENCRYPTED_INTACT, SIGNED_VALID, false, "aes-256-gcm"},
    {"cs", ENCRYPTED_INTACT, SIGNED_VALID, false, "aes-256-cbc"},
    {"co", ENCRYPTED_INTACT, SIGNED_VALID, false, "aes-256-cbc"},
    /* the ciphertext is signed: not by who wrote the letter */
    {"sg", ENCRYPTED_INTACT, SIGNED_VALID, true, "aes-256-gcm"},
    {"sc", ENCRYPTED_MALLEABLE, SIGNED_VALID, true, "aes-256-cbc"},
    {"sgs", ENCRYPTED_INTACT, SIGNED_VALID, false, "aes-256-gcm"},
    {"csc", ENCRYPTED_MALLEABLE, SIGNED_VALID, true, "aes-256-cbc"},
    /* of two, the cipher of the inner and the worth of the weaker */
    {"gc", ENCRYPTED_MALLEABLE, SIGNED_NONE, false, "aes-256-cbc"},
    {"cg", ENCRYPTED_MALLEABLE, SIGNED_NONE, false, "aes-256-gcm"},
    {"gg", ENCRYPTED_INTACT, SIGNED_NONE, false, "aes-256-gcm"},
    {"cgs", ENCRYPTED_INTACT, SIGNED_VALID, false, "aes-256-gcm"},
    {"z", ENCRYPTED_NONE, SIGNED_NONE, false, ""},
    {"zs", ENCRYPTED_NONE, SIGNED_VALID, false, ""},
    {"sz", ENCRYPTED_NONE, SIGNED_VALID, false, ""},
    {"gz", ENCRYPTED_INTACT, SIGNED_NONE, false, "aes-256-gcm"},
    {"cz", ENCRYPTED_MALLEABLE, SIGNED_NONE, false, "aes-256-cbc"},
    {"gzs", ENCRYPTED_INTACT, SIGNED_VALID, false, "aes-256-gcm"},
    {"csz", ENCRYPTED_INTACT, SIGNED_VALID, false, "aes-256-cbc"},
    {"szg", ENCRYPTED_INTACT, SIGNED_VALID, true, "aes-256-gcm"},
    {"ssssssss", ENCRYPTED_NONE, SIGNED_VALID, false, ""},
    {"gsgogscs", ENCRYPTED_INTACT, SIGNED_VALID, false, "aes-256-cbc"},
};

static void
expect_order(size_t i, const struct gathered *g)
{
	const struct facts *f = &g->facts;

	if (f->encrypted.state != orders[i].encrypted ||
	    f->sig.state != orders[i].sig ||
	    f->sig.outside_only != orders[i].outside_only)
		fail_msg("%s: got %d %d %d", orders[i].layers,
		    (int)f->encrypted.state, (int)f->sig.state,
		    f->sig.outside_only);
	assert_string_equal(f->encrypted.cipher, orders[i].cipher);
	assert_null(f->encrypted.reason);
	assert_int_equal(g->opened, orders[i].cipher[0] != '\0');
	assert_int_equal(g->layers, strlen(orders[i].layers));
	assert_string_equal(f->from, ALICE);
	if (f->sig.state != SIGNED_VALID)
		return;
	assert_string_equal(f->sig.by, ALICE);
	assert_int_equal(f->sig.binding, BINDING_FROM);
	assert_int_equal(f->sig.chain, CHAIN_VALID);
	assert_string_equal(f->sig.part, "");
	assert_int_equal(f->time.source, TIME_CLAIMED);
	assert_int_equal(f->time.value, SIGNED_AT);
	assert_true(g->said.ciphers != 0);
}

static void
layers_in_any_order_are_read_and_shown(void **state)
{
	for (size_t i = 0; i < COUNT(orders); i++) {
		struct buf letter BUF_OWNED = BUF(ROOM),
				  out BUF_OWNED = BUF(ROOM);
		struct gathered g GATHERED_OWNED;
		make_letter(orders[i].layers, TEXT, &letter);
		assert_done(read_bytes(buf_span(&letter), &g), err);
		expect_order(i, &g);
		assert_int_equal(g.payload == g.outer, i == 0);
		/* as often as one likes */
		for (int k = 0; k < 2; k++) {
			out.len = 0;
			assert_done(
			    show_bytes(&g, buf_span(&letter), &out), err);
			assert_true(span_find(buf_span(&out),
					span_str("\r\n\r\nThe canary sings at "
						 "noon.\r\n")) > 0);
		}
	}
}

static void
pieces_of_any_size_give_the_same(void **state)
{
	static const size_t sizes[] = {1, 3, 100, ROOM};

	for (size_t i = 0; i < COUNT(orders) * COUNT(sizes); i++) {
		size_t at = i / COUNT(sizes);
		struct buf letter BUF_OWNED = BUF(ROOM);
		struct gathered g GATHERED_OWNED;
		if (strlen(orders[at].layers) > 3)
			continue;
		make_letter(orders[at].layers, TEXT, &letter);
		struct pieces pieces = {.bytes = buf_span(&letter),
		    .size = sizes[i % COUNT(sizes)]};
		assert_done(read_pieces(&pieces, &g), err);
		expect_order(at, &g);
	}
}

/* --- what cannot be opened ------------------------------------------------------ */

static void
expect_closed(struct span letter, const char *reason)
{
	struct buf out BUF_OWNED = BUF(ROOM);
	struct gathered g GATHERED_OWNED;

	assert_done(read_bytes(letter, &g), err);
	assert_int_equal(g.facts.encrypted.state, ENCRYPTED_UNDECRYPTABLE);
	assert_string_equal(g.facts.encrypted.reason, reason);
	assert_null(g.payload);
	assert_rc(show_bytes(&g, letter, &out), RC_UNFIT);
	assert_int_equal(out.len, 0);
}

static void
a_letter_for_others_says_so(void **state)
{
	static const char *const layers[] = {"x", "sx", "gx", "zx"};

	for (size_t i = 0; i < COUNT(layers); i++) {
		struct buf letter BUF_OWNED = BUF(ROOM);
		struct gathered g GATHERED_OWNED;
		make_letter(layers[i], TEXT, &letter);
		expect_closed(buf_span(&letter), "enc.not-for-us");
		assert_done(read_bytes(buf_span(&letter), &g), err);
		/* what is around it was read all the same */
		assert_int_equal(
		    g.facts.sig.state, i == 1 ? SIGNED_VALID : SIGNED_NONE);
		assert_false(g.facts.sig.outside_only);
		assert_int_equal(g.opened, i == 2);
		assert_string_equal(
		    g.facts.encrypted.cipher, i == 2 ? "aes-256-gcm" : "");
	}
}

/* The DER of the pkcs7-mime entity in `io`, changed at the last place where
 * `from` stands. */
static void
change_der(struct buf *io, struct span from, uint8_t last)
{
	struct buf der BUF_OWNED = BUF(ROOM);
	ptrdiff_t body = span_find(buf_span(io), span_str("\r\n\r\n"));

	assert_done(base64_decode(
			span_after(buf_span(io), (size_t)body + 4), &der, &err),
	    err);
	ptrdiff_t at = from.len == 0 ? (ptrdiff_t)der.len - 1
				     : span_find(buf_span(&der), from) +
					   (ptrdiff_t)from.len - 1;
	assert_true(at > 0);
	der.data[at] = (uint8_t)(der.data[at] ^ last);
	p7m_around(buf_span(&der), io);
}

static void
an_unknown_cipher_says_so(void **state)
{
	static const uint8_t gcm[] = {
	    0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2e};
	struct buf letter BUF_OWNED = BUF(ROOM);

	put(&letter, TEXT);
	wrap("g", &letter);
	change_der(&letter, span_of(gcm, sizeof(gcm)), 0x51);
	expect_closed(buf_span(&letter), "enc.unsupported");
}

/* One text for all that is wrong behind the choice of the key. */
static void
what_was_changed_is_not_opened(void **state)
{
	struct buf letter BUF_OWNED = BUF(ROOM);

	put(&letter, TEXT);
	wrap("g", &letter);
	change_der(&letter, SPAN_NONE, 1);
	expect_closed(buf_span(&letter), "enc.undecryptable");
}

static void
what_is_no_base64_is_changed_whomever_it_is_for(void **state)
{
	static const char *const layers[] = {"x", "g"};

	for (size_t i = 0; i < COUNT(layers); i++) {
		struct buf letter BUF_OWNED = BUF(ROOM);
		make_letter(layers[i], TEXT, &letter);
		letter.data[letter.len - 8] = '!';
		expect_closed(buf_span(&letter), "enc.undecryptable");
	}
}

static void
put_parts(struct buf *out, const char *head, unsigned count)
{
	put(out, head);
	for (unsigned i = 0; i < count; i++)
		put(out, NEXT "\r\nx");
	put(out, LAST);
}

#define SIGNED_X                                          \
	"Content-Type: multipart/signed; boundary=X;\r\n" \
	" protocol=\"application/pkcs7-signature\"\r\n\r\n"

/* Too many parts, or a header with a bare CR: outside it is no letter, sealed
 * it is one that cannot be opened, signed the signature is none. */
static void
what_is_no_message_is_as_if_it_could_not_be_read(void **state)
{
	static const char *const heads[] = {
	    MIXED, SIGNED_X, ("Subject: a\rb\r\n" MIXED)};
	static const char *const layers[] = {
	    "", "g", "o", "go", "z", "s", "gggggggg"};

	for (size_t i = 0; i < COUNT(heads) * COUNT(layers); i++) {
		const char *around = layers[i % COUNT(layers)];
		size_t head = i / COUNT(layers);
		struct buf letter BUF_OWNED = BUF(ROOM);
		struct gathered g GATHERED_OWNED;
		put_parts(&letter, heads[head], head == 2 ? 1 : 1000);
		wrap(around, &letter);
		enum rc rc = read_bytes(buf_span(&letter), &g);
		const struct facts *f = &g.facts;
		/* a part may begin with anything */
		if (around[0] == 's' && head == 2) {
			assert_done(rc, err);
			assert_int_equal(f->sig.state, SIGNED_VALID);
			continue;
		}
		if (around[0] == '\0' || around[0] == 's') {
			assert_rc(rc, head == 2 ? RC_SYNTAX : RC_LIMIT);
			assert_true(f->unreadable);
			assert_int_equal(f->sig.state, SIGNED_NONE);
			continue;
		}
		assert_done(rc, err);
		bool sealed = strcmp(around, "g") == 0 || i % 7 == 6;
		assert_int_equal(
		    f->encrypted.state, sealed ? ENCRYPTED_UNDECRYPTABLE
					: around[0] == 'g' ? ENCRYPTED_INTACT
							   : ENCRYPTED_NONE);
		if (sealed)
			assert_string_equal(
			    f->encrypted.reason, "enc.undecryptable");
		bool opaque = strchr(around, 'o') != NULL;
		assert_int_equal(
		    f->sig.state, opaque ? SIGNED_INVALID : SIGNED_NONE);
		if (opaque)
			assert_string_equal(f->sig.reason, "sig.unreadable");
		assert_int_equal(g.payload == NULL, sealed);
		/* what is shown is the layer that could not be read */
		if (!sealed)
			assert_true(
			    entity_is(g.payload, "application", "pkcs7-mime"));
	}
}

static void
layers_have_a_limit(void **state)
{
	static const char *const inside[] = {"s", "o", "g", "z"};

	for (size_t i = 0; i < COUNT(inside); i++) {
		struct buf letter BUF_OWNED = BUF(ROOM);
		struct gathered g GATHERED_OWNED;
		char layers[10] = "gggggggg";
		layers[8] = inside[i][0];
		make_letter(layers, TEXT, &letter);
		assert_rc(read_bytes(buf_span(&letter), &g), RC_LIMIT);
		assert_string_equal(err.text, "more than 8 nested layers");
	}
}

/* What looks like a layer and is none does not count. */
static void
eight_layers_may_hold_what_is_signed_in_another_way(void **state)
{
	struct buf letter BUF_OWNED = BUF(ROOM);
	struct gathered g GATHERED_OWNED;

	make_letter("gggggggg",
	    "Content-Type: multipart/signed; boundary=X;\r\n"
	    " protocol=\"application/pgp-signature\"\r\n\r\n" NEXT TEXT NEXT
	    "Content-Type: application/pgp-signature\r\n\r\nx" LAST,
	    &letter);
	assert_done(read_bytes(buf_span(&letter), &g), err);
	assert_int_equal(g.layers, 8);
	assert_int_equal(g.facts.sig.state, SIGNED_NONE);
	assert_true(entity_is(g.payload, "multipart", "signed"));
}

/* A compressed layer that cannot be read is an attachment. */
static void
what_cannot_be_inflated_is_shown_as_it_came(void **state)
{
	static const char *const layers[] = {"", "g", "s"};

	for (size_t i = 0; i < COUNT(layers); i++) {
		struct buf letter BUF_OWNED = BUF(ROOM);
		struct buf out BUF_OWNED = BUF(ROOM);
		struct gathered g GATHERED_OWNED;
		put(&letter, TEXT);
		wrap("z", &letter);
		change_der(&letter, span_str("\x78\xda"), 1);
		wrap(layers[i], &letter);
		assert_done(read_bytes(buf_span(&letter), &g), err);
		assert_int_equal(g.facts.encrypted.state,
		    i == 1 ? ENCRYPTED_INTACT : ENCRYPTED_NONE);
		assert_int_equal(
		    g.facts.sig.state, i == 2 ? SIGNED_VALID : SIGNED_NONE);
		assert_int_equal(g.payload == g.outer, i == 0);
		assert_true(entity_is(g.payload, "application", "pkcs7-mime"));
		assert_done(show_bytes(&g, buf_span(&letter), &out), err);
		assert_true(
		    span_find(buf_span(&out), span_str("pkcs7-mime")) > 0);
	}
}

/* --- sources and sinks ------------------------------------------------------------------ */

static void
a_source_that_fails_is_no_bad_letter(void **state)
{
	static const char *const parts[] = {TEXT, "*", NULL};
	struct buf letter BUF_OWNED = BUF(ROOM);

	/* judged, the part's signature checked, the inner header read */
	put_multipart(&letter, parts, "g");
	for (size_t pass = 1; pass <= 3; pass++) {
		struct gathered g GATHERED_OWNED;
		struct pieces pieces = {
		    .bytes = buf_span(&letter), .size = 100, .fail_at = pass};
		assert_rc(read_pieces(&pieces, &g), RC_IO);
		assert_int_equal(pieces.rewound, pass);
	}
}

static enum rc
refuse_bytes(void *self, struct span bytes, struct err *why)
{
	return err_set(why, RC_IO, "the disk is full");
}

static void
a_sink_that_fails_ends_the_showing_and_no_more(void **state)
{
	struct buf letter BUF_OWNED = BUF(ROOM);
	struct gathered g GATHERED_OWNED;
	const struct sink full = {refuse_bytes, NULL};

	make_letter("gs", TEXT, &letter);
	assert_done(read_bytes(buf_span(&letter), &g), err);
	struct pieces pieces = {.bytes = buf_span(&letter), .size = 100};
	const struct source source = pieces_source(&pieces);
	assert_rc(gathered_show(&g, &source, &full, &err), RC_IO);
	assert_string_equal(err.text, "the disk is full");
}

static void
another_letter_is_not_shown(void **state)
{
	static const char *const layers[] = {"gs", "g", "c", "go", "gz"};

	for (size_t i = 0; i < COUNT(layers); i++) {
		struct buf one BUF_OWNED = BUF(ROOM), two BUF_OWNED = BUF(ROOM);
		struct buf out BUF_OWNED = BUF(ROOM);
		struct gathered g GATHERED_OWNED;
		make_letter(layers[i], TEXT, &one);
		make_letter(
		    layers[i], "Content-Type: text/html\r\n\r\nX", &two);
		assert_done(read_bytes(buf_span(&one), &g), err);
		assert_true(show_bytes(&g, buf_span(&two), &out) != RC_OK);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(layers_in_any_order_are_read_and_shown),
	    cmocka_unit_test(pieces_of_any_size_give_the_same),
	    cmocka_unit_test(a_letter_for_others_says_so),
	    cmocka_unit_test(an_unknown_cipher_says_so),
	    cmocka_unit_test(what_was_changed_is_not_opened),
	    cmocka_unit_test(what_is_no_base64_is_changed_whomever_it_is_for),
	    cmocka_unit_test(what_is_no_message_is_as_if_it_could_not_be_read),
	    cmocka_unit_test(layers_have_a_limit),
	    cmocka_unit_test(
		eight_layers_may_hold_what_is_signed_in_another_way),
	    cmocka_unit_test(what_cannot_be_inflated_is_shown_as_it_came),
	    cmocka_unit_test(a_source_that_fails_is_no_bad_letter),
	    cmocka_unit_test(a_sink_that_fails_ends_the_showing_and_no_more),
	    cmocka_unit_test(another_letter_is_not_shown),
	};

	return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
