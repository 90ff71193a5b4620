#include "cms/testkit_priv.h"

#include "cms/ber_priv.h"
#include "pki/der.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
add_hex(struct buf *out, const char *hex)
{
	long len = 0;

	if (*hex == '\0')
		return;
	uint8_t *bytes = OPENSSL_hexstr2buf(hex, &len);
	assert_true_ssl(bytes != NULL);
	assert_ok(buf_add(out, span_of(bytes, (size_t)len), &kit_err));
	OPENSSL_free(bytes);
}

/* What was read, in words: "30[04[6162]]", one hexadecimal digit pair a
 * byte; "~" behind a tag of indefinite length. */
static void
note(struct buf *trace, const struct ber_item *item)
{
	if (item->event == BER_BEGIN)
		assert_ok(buf_add_format(trace, &kit_err, "%02x%s[", item->tag,
		    item->indefinite ? "~" : ""));
	for (size_t i = 0; item->event == BER_BYTES && i < item->bytes.len; i++)
		assert_ok(buf_add_format(
		    trace, &kit_err, "%02x", item->bytes.data[i]));
	if (item->event == BER_BYTES)
		assert_true(item->bytes.len > 0);
	if (item->event == BER_END)
		assert_ok(buf_add_str(trace, "]", &kit_err));
}

/* In pieces of `step` bytes but for the first, of `first`; each in memory of
 * its own, gone when the next one comes.  `raw`: all that the items held. */
static enum rc
read_in_pieces(struct span in, size_t first, size_t step, struct buf *trace,
    struct buf *raw)
{
	struct ber ber = BER_READER;
	struct ber_item item;
	size_t len = first;

	for (; in.len > 0; in = span_after(in, len), len = step) {
		struct span piece = span_first(in, len);
		uint8_t *copy = malloc(piece.len + 1);
		memcpy(copy, piece.data, piece.len);
		ber_push(&ber, span_of(copy, piece.len));
		enum rc rc;
		while ((rc = ber_next(&ber, &item, &kit_err)) == RC_OK) {
			note(trace, &item);
			assert_ok(buf_add(raw, item.bytes, &kit_err));
		}
		if (rc == RC_ABSENT && ber.in.len > 0)
			rc = RC_REFUSED; /* bytes behind it */
		free(copy);
		if (rc != RC_AGAIN && rc != RC_ABSENT)
			return rc;
	}
	return ber_next(&ber, &item, &kit_err);
}

static void
reads_as(const char *hex, enum rc want_rc, const char *want)
{
	struct buf in BUF_OWNED = BUF_SMALL;

	add_hex(&in, hex);
	for (size_t first = 1; first <= in.len + 1; first++)
		for (size_t step = 1; step <= 3; step++) {
			struct buf trace BUF_OWNED = BUF_SMALL;
			struct buf raw BUF_OWNED = BUF_SMALL;
			enum rc rc = read_in_pieces(
			    buf_span(&in), first, step, &trace, &raw);
			if (rc != want_rc)
				fail_msg("%s: %s", hex, rc_name(rc));
			if (want == NULL)
				continue;
			if (!span_is(buf_span(&trace), span_str(want)))
				fail_msg("%s: got %.*s", hex,
				    SPAN_ARGS(buf_span(&trace)));
			assert_true(span_is(buf_span(&raw), buf_span(&in)));
		}
}

static void
every_split_reads_the_same(void **state)
{
	reads_as("0400", RC_ABSENT, "04[]");
	reads_as("0403616263", RC_ABSENT, "04[616263]");
	reads_as("3000", RC_ABSENT, "30[]");
	reads_as("3006020105040161", RC_ABSENT, "30[02[05]04[61]]");
	reads_as("30800000", RC_ABSENT, "30~[]");
	reads_as("3080020105040161a0800500"
		 "00000000",
	    RC_ABSENT, "30~[02[05]04[61]a0~[05[]]]");
	reads_as("24800401610402626300"
		 "00",
	    RC_ABSENT, "24~[04[61]04[6263]]");
	/* lengths in more octets than they need */
	reads_as("3081060281010504"
		 "8200"
		 "0161",
	    RC_SYNTAX, NULL);
	reads_as("30810902810105048300000161", RC_SYNTAX, NULL);
	reads_as("30810a02810105048300000161", RC_ABSENT, "30[02[05]04[61]]");
	reads_as("3088000000000000000204"
		 "00",
	    RC_ABSENT, "30[04[]]");
}

static void
what_is_cut_off_waits_for_more(void **state)
{
	const char *whole = "3080020105248004016104026263000000"
			    "00";
	struct buf in BUF_OWNED = BUF_SMALL;

	add_hex(&in, whole);
	for (size_t len = 0; len < in.len; len++) {
		struct buf trace BUF_OWNED = BUF_SMALL;
		struct buf raw BUF_OWNED = BUF_SMALL;
		assert_rc(read_in_pieces(span_first(buf_span(&in), len), 1, 1,
			      &trace, &raw),
		    RC_AGAIN);
	}
	reads_as(whole, RC_ABSENT, "30~[02[05]24~[04[61]04[6263]]]");
}

static void
what_is_no_ber_is_refused(void **state)
{
	reads_as("1f0100", RC_SYNTAX, NULL); /* high tag numbers */
	reads_as("3f810100", RC_SYNTAX, NULL);
	reads_as("0480", RC_SYNTAX, NULL); /* primitive, no length */
	reads_as("0000", RC_SYNTAX, NULL); /* an end at the beginning */
	reads_as("3003000000", RC_SYNTAX, NULL);
	reads_as("30020000", RC_SYNTAX, NULL);   /* an end in a definite one */
	reads_as("3080000100", RC_SYNTAX, NULL); /* an end with contents */
	reads_as("30802000", RC_SYNTAX, NULL);   /* with elements */
	reads_as("2000", RC_SYNTAX, NULL);
	reads_as("0489010203040506070809", RC_LIMIT, NULL);
	reads_as("04ff", RC_LIMIT, NULL);
}

static void
lengths_that_lie_are_refused(void **state)
{
	reads_as("3003040261", RC_SYNTAX, NULL);
	reads_as("3001040161", RC_SYNTAX, NULL); /* half a head inside */
	reads_as("30013080", RC_SYNTAX, NULL);
	reads_as("3002048101"
		 "61",
	    RC_SYNTAX, NULL);
	reads_as("30043003040161", RC_SYNTAX, NULL);
	/* the end of an indefinite one lies outside */
	reads_as("300330800000", RC_SYNTAX, NULL);
	reads_as("300230800000", RC_SYNTAX, NULL);
	reads_as("30043080000005", RC_REFUSED, NULL);
	/* a child of an indefinite one, in a definite one */
	reads_as("30053080040161"
		 "0000",
	    RC_SYNTAX, NULL);
	reads_as("30073080040161"
		 "0000",
	    RC_ABSENT, "30[30~[04[61]]]");
	/* more than there can be */
	reads_as("0488ffffffffffffffff", RC_LIMIT, NULL);
	reads_as("3088fffffffffffffff504887fffffffffffffff", RC_AGAIN, NULL);
	reads_as("30887fffffffffffffff048880000000"
		 "00000000",
	    RC_SYNTAX, NULL);
}

static void
nesting_has_a_limit(void **state)
{
	struct buf in BUF_OWNED = BUF_SMALL;

	for (int depth = 1; depth <= BER_DEPTH_MAX + 1; depth++) {
		struct buf trace BUF_OWNED = BUF_SMALL;
		struct buf raw BUF_OWNED = BUF_SMALL;
		assert_ok(buf_add(&in, span_of("\x30\x80", 2), &kit_err));
		assert_rc(read_in_pieces(buf_span(&in), 1, 1, &trace, &raw),
		    depth <= BER_DEPTH_MAX ? RC_AGAIN : RC_LIMIT);
	}
	buf_clear(&in);
	for (int depth = 0; depth < BER_DEPTH_MAX; depth++)
		assert_ok(buf_add(&in, span_of("\x30\x80", 2), &kit_err));
	for (int depth = 0; depth < BER_DEPTH_MAX; depth++)
		assert_ok(buf_add(&in, span_of("\0\0", 2), &kit_err));
	struct buf trace BUF_OWNED = BUF_SMALL, raw BUF_OWNED = BUF_SMALL;
	assert_rc(read_in_pieces(buf_span(&in), 1, 1, &trace, &raw), RC_ABSENT);
}

static void
a_flattened_element_is_not_looked_into(void **state)
{
	struct ber ber = BER_READER;
	struct ber_item item;

	ber_push(&ber, span_of("\x30\x03\xff\xff\xff", 5));
	assert_ok(ber_next(&ber, &item, &kit_err));
	assert_int_equal(item.len, 3);
	ber_flatten(&ber);
	assert_ok(ber_next(&ber, &item, &kit_err));
	assert_int_equal(item.event, BER_BYTES);
	assert_true(span_is(item.bytes, span_of("\xff\xff\xff", 3)));
	assert_ok(ber_next(&ber, &item, &kit_err));
	assert_int_equal(item.event, BER_END);
	assert_rc(ber_next(&ber, &item, &kit_err), RC_ABSENT);
}

static void
bytes_are_lent_where_they_lie(void **state)
{
	struct ber ber = BER_READER;
	struct ber_item item;
	static uint8_t in[100000] = {0x24, 0x80, 0x04, 0x83, 0x01, 0x80, 0x00};

	ber_push(&ber, span_of(in, sizeof(in)));
	for (int i = 0; i < 2; i++)
		assert_ok(ber_next(&ber, &item, &kit_err));
	assert_int_equal(item.len, 0x18000);
	assert_ok(ber_next(&ber, &item, &kit_err));
	assert_int_equal(item.event, BER_BYTES);
	assert_ptr_equal(item.bytes.data, in + 7);
	assert_int_equal(item.bytes.len, 0x18000);
}

/* --- to DER ---------------------------------------------------------------- */

static void
becomes(const char *hex, enum rc want_rc, const char *want_hex)
{
	struct buf in BUF_OWNED = BUF_SMALL, want BUF_OWNED = BUF_SMALL;
	struct buf copy BUF_OWNED = BUF_SMALL;
	struct span der = SPAN_NONE;

	add_hex(&in, hex);
	struct span exact = in.len == 0 ? SPAN_NONE : buf_span(&in);
	enum rc rc = ber_der(exact, &copy, &der, &kit_err);
	if (rc != want_rc)
		fail_msg("%s: %s", hex, rc_name(rc));
	if (rc != RC_OK)
		return;
	add_hex(&want, want_hex);
	if (!span_is(der, buf_span(&want)))
		fail_msg("%s becomes something else", hex);
	assert_ok(der_check(der, &kit_err));
	if (strcmp(hex, want_hex) == 0)
		assert_ptr_equal(der.data, in.data);
}

static void
ber_becomes_der(void **state)
{
	becomes("3003020105", RC_OK, "3003020105");
	becomes("30800201050000", RC_OK, "3003020105");
	becomes("3081040281"
		"0105",
	    RC_OK, "3003020105");
	becomes("248004016104016200"
		"00",
	    RC_OK, "04026162");
	becomes("2404040161"
		"0400",
	    RC_SYNTAX, NULL);
	becomes("2405040161"
		"0400",
	    RC_OK, "040161");
	becomes("24802480040161000004016200"
		"00",
	    RC_OK, "04026162");
	becomes(
	    "30802c800c01610c016200000201050000", RC_OK, "30070c026162020105");
	/* of a type that the tag does not tell: stays as it is */
	becomes("a08004016104016200"
		"00",
	    RC_OK, "a006040161040162");
	becomes("2203020105", RC_SYNTAX, NULL); /* an INTEGER */
	becomes("2400", RC_OK, "0400");
	becomes("2804020105"
		"00",
	    RC_SYNTAX, NULL);
	becomes("28800201050000", RC_OK, "2803020105");
	becomes("238003020061"
		"0000",
	    RC_SYNTAX, NULL);
	becomes("", RC_SYNTAX, NULL);
	becomes("3080", RC_SYNTAX, NULL);
	becomes("3003020105"
		"00",
	    RC_SYNTAX, NULL);
	becomes("3080000000", RC_SYNTAX, NULL);
	becomes("1f00", RC_SYNTAX, NULL);
}

/* The same tree twice: DER, and BER with every freedom it has. */
static unsigned long turn = 1;

static unsigned
draw(unsigned below)
{
	turn = turn * 6364136223846793005UL + 1442695040888963407UL;
	return (unsigned)(turn >> 33) % below;
}

static void
add_length(struct buf *out, size_t len, unsigned spare)
{
	uint8_t head[10] = {0};
	unsigned size = 0;

	for (size_t rest = len; rest > 0; rest >>= 8)
		size++;
	if (len < 0x80 && spare == 0) {
		assert_ok(buf_add_byte(out, (uint8_t)len, &kit_err));
		return;
	}
	size = size + spare > 8 ? 8 : size + spare;
	head[0] = (uint8_t)(0x80 | size);
	for (unsigned i = size; i > 0; i--, len >>= 8)
		head[i] = (uint8_t)len;
	assert_ok(buf_add(out, span_of(head, size + 1), &kit_err));
}

static void
add_either(struct buf *out, uint8_t tag, const struct buf *contents)
{
	assert_ok(buf_add_byte(out, tag, &kit_err));
	if ((tag & 0x20) && draw(2)) {
		assert_ok(buf_add_byte(out, 0x80, &kit_err));
		assert_ok(buf_add(out, buf_span(contents), &kit_err));
		assert_ok(buf_add(out, span_of("\0\0", 2), &kit_err));
		return;
	}
	add_length(out, contents->len, draw(4));
	assert_ok(buf_add(out, buf_span(contents), &kit_err));
}

static void
add_string(struct span text, int depth, struct buf *ber)
{
	struct buf contents BUF_OWNED = BUF_SMALL;

	if (depth > 3 || draw(2)) {
		assert_ok(buf_add(&contents, text, &kit_err));
		add_either(ber, 0x04, &contents);
		return;
	}
	do {
		size_t len = draw(200);
		add_string(span_first(text, len), depth + 1, &contents);
		text = span_after(text, len);
	} while (text.len > 0);
	add_either(ber, 0x24, &contents);
}

static void
add_tree(int depth, struct buf *der, struct buf *ber)
{
	struct buf der_in BUF_OWNED = BUF_SMALL, ber_in BUF_OWNED = BUF_SMALL;
	const uint8_t tags[] = {0x30, 0x31, 0xa0, 0xa3};
	uint8_t tag = 0x04;

	if (depth > 4 || draw(3) == 0) {
		for (unsigned len = draw(4) ? draw(20) : draw(700); len > 0;
		     len--)
			assert_ok(buf_add_byte(
			    &der_in, (uint8_t)draw(256), &kit_err));
		add_string(buf_span(&der_in), 0, ber);
	} else {
		tag = tags[draw(4)];
		for (unsigned children = draw(5); children > 0; children--)
			add_tree(depth + 1, &der_in, &ber_in);
		add_either(ber, tag, &ber_in);
	}
	assert_ok(buf_add_byte(der, tag, &kit_err));
	add_length(der, der_in.len, 0);
	assert_ok(buf_add(der, buf_span(&der_in), &kit_err));
}

static void
a_thousand_trees_become_der(void **state)
{
	for (int i = 0; i < 1000; i++) {
		struct buf der BUF_OWNED = BUF_SMALL;
		struct buf ber BUF_OWNED = BUF_SMALL;
		struct buf copy BUF_OWNED = BUF_SMALL;
		struct span got = SPAN_NONE;
		unsigned long from = turn;
		add_tree(0, &der, &ber);
		enum rc rc = ber_der(buf_span(&ber), &copy, &got, &kit_err);
		if (rc != RC_OK || !span_is(got, buf_span(&der)))
			fail_msg("turn %lu: %s", from, kit_err.text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_split_reads_the_same),
	    cmocka_unit_test(what_is_cut_off_waits_for_more),
	    cmocka_unit_test(what_is_no_ber_is_refused),
	    cmocka_unit_test(lengths_that_lie_are_refused),
	    cmocka_unit_test(nesting_has_a_limit),
	    cmocka_unit_test(a_flattened_element_is_not_looked_into),
	    cmocka_unit_test(bytes_are_lent_where_they_lie),
	    cmocka_unit_test(ber_becomes_der),
	    cmocka_unit_test(a_thousand_trees_become_der),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
