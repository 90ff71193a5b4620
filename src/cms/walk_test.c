#include "cms/testkit_priv.h"

#include "cms/walk_priv.h"
#include "pki/der.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { TYPE = 1, NUMBER, ITEM, OPTION, CONTENT, MORE, LIST, TAG };

/* Sample ::= SEQUENCE { type OID, number INTEGER, items SET OF ANY, option [0]
 * OPTIONAL, hidden [1] OPTIONAL, inner SEQUENCE { content [0] IMPLICIT OCTET
 * STRING OPTIONAL }, more [2] SEQUENCE OF INTEGER, lists [3] SET OF ANY,
 * tag OCTET STRING } */
static const struct walk_row rows[] = {
    {0, DER_SEQUENCE, WALK_ENTER, 0, 0, 0},
    {1, DER_OID, WALK_GATHER, 0, 8, TYPE},
    {1, DER_INTEGER, WALK_GATHER, 0, 8, NUMBER},
    {1, DER_SET, WALK_ENTER, 0, 0, 0},
    {2, WALK_ANY, WALK_GATHER, WALK_REPEATED, 12, ITEM},
    {1, 0xa0, WALK_GATHER, WALK_OPTIONAL, 12, OPTION},
    {1, 0xa1, WALK_SKIP, WALK_OPTIONAL, 10, 0},
    {1, DER_SEQUENCE, WALK_ENTER, 0, 0, 0},
    {2, 0x80, WALK_STREAM, WALK_OPTIONAL, 5, CONTENT},
    {1, 0xa2, WALK_ENTER, WALK_OPTIONAL, 0, 0},
    {2, DER_INTEGER, WALK_GATHER, WALK_REPEATED, 8, MORE},
    {1, 0xa3, WALK_ENTER, WALK_OPTIONAL, 0, 0},
    {2, WALK_ANY, WALK_GATHER, WALK_REPEATED | WALK_IF_FITS, 5, LIST},
    {1, DER_OCTETS, WALK_STREAM, 0, 3, TAG},
};
static const struct walk_table sample = {"Sample", rows, COUNT(rows)};
/* only the beginning, for walk_use() */
static const struct walk_table head = {"head", rows, 2};

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

static void
note(struct buf *trace, const struct walk_item *item)
{
	static const char *const names[] = {"", "type", "number", "item",
	    "option", "content", "more", "list", "tag"};
	static const char *const events[] = {"=", "<", "", ">"};

	bool begins = item->event == WALK_WHOLE || item->event == WALK_BEGIN;
	assert_ok(buf_add_format(trace, &kit_err, "%s%s",
	    begins ? names[item->id] : "", events[item->event]));
	for (size_t i = 0; i < item->bytes.len; i++)
		assert_ok(buf_add_format(
		    trace, &kit_err, "%02x", item->bytes.data[i]));
	if (item->event == WALK_WHOLE)
		assert_ok(buf_add_byte(trace, ' ', &kit_err));
}

static enum rc
take_items(struct walk *walk, struct buf *trace)
{
	struct walk_item item;
	enum rc rc;

	while ((rc = walk_next(walk, &item, &kit_err)) == RC_OK) {
		note(trace, &item);
		if (item.id == TYPE)
			walk_use(walk, &sample);
	}
	return rc;
}

/* In pieces of `step` bytes but for the first, of `first`; each in memory of
 * its own, gone when the next one comes. */
static enum rc
walk_in_pieces(struct span in, size_t first, size_t step, struct buf *trace)
{
	struct walk walk;
	size_t len = first;
	enum rc rc = RC_AGAIN;

	walk_init(&walk, &head);
	for (; in.len > 0 && rc == RC_AGAIN;
	     in = span_after(in, len), len = step) {
		struct span piece = span_first(in, len);
		uint8_t *copy = malloc(piece.len);
		memcpy(copy, piece.data, piece.len);
		walk_push(&walk, span_of(copy, piece.len));
		rc = take_items(&walk, trace);
		free(copy);
	}
	if (rc == RC_AGAIN)
		rc = walk_finish(&walk, &kit_err);
	walk_done(&walk);
	return rc;
}

static void
walks(const char *hex, enum rc want_rc, const char *want)
{
	struct buf in BUF_OWNED = BUF_SMALL;

	add_hex(&in, hex);
	for (size_t first = 1; first <= in.len + 1; first++)
		for (size_t step = 1; step <= 4; step++) {
			struct buf trace BUF_OWNED = BUF_SMALL;
			enum rc rc =
			    walk_in_pieces(buf_span(&in), first, step, &trace);
			if (rc != want_rc)
				fail_msg("%s: %s %s", hex, rc_name(rc),
				    kit_err.text);
			if (want != NULL &&
			    !span_is(buf_span(&trace), span_str(want)))
				fail_msg("%s: got %.*s", hex,
				    SPAN_ARGS(buf_span(&trace)));
		}
}

#define HEAD       \
	"06022a03" \
	"020105"

static void
every_split_gives_the_same(void **state)
{
	walks("3010" HEAD "3100"
	      "3000"
	      "0403746167",
	    RC_OK, "type=06022a03 number=020105 tag<746167>");
	walks("3080" HEAD "3180"
	      "020101"
	      "30800000"
	      "0000"
	      "a003020107"
	      "a180040161"
	      "0000"
	      "3080"
	      "a080"
	      "0402"
	      "6162"
	      "24800401"
	      "63"
	      "0000"
	      "0000"
	      "0000"
	      "a206"
	      "020101"
	      "020102"
	      "248004"
	      "01"
	      "74"
	      "0000"
	      "0000",
	    RC_OK,
	    "type=06022a03 number=020105 item=020101 item=30800000 "
	    "option=a003020107 content<616263>more=020101 more=020102 "
	    "tag<74>");
	walks("301a" HEAD "3105"
	      "040361"
	      "6263"
	      "a103"
	      "ffffff"
	      "3002"
	      "8000"
	      "0401"
	      "74",
	    RC_OK,
	    "type=06022a03 number=020105 item=0403616263 content<>tag<74>");
}

static void
white_space_behind_the_end_is_forgiven(void **state)
{
	walks("300e" HEAD "3100"
	      "3000"
	      "040174"
	      "0d0a20090a",
	    RC_OK, "type=06022a03 number=020105 tag<74>");
	walks("300e" HEAD "3100"
	      "3000"
	      "040174"
	      "0d0a2078",
	    RC_SYNTAX, NULL);
	walks("300e" HEAD "3100"
	      "3000"
	      "040174"
	      "00",
	    RC_SYNTAX, NULL);
}

static void
what_is_not_by_the_table_is_refused(void **state)
{
	const char *const bad[] = {
	    "",
	    "30",
	    "3080",
	    "3000",
	    "0400",
	    "310e" HEAD "31003000040174",
	    /* something missing */
	    "300406022a03",
	    "3007" HEAD,
	    "3009" HEAD "3100",
	    "300b" HEAD "31003000",
	    "300b" HEAD "3100"
	    "0400", /* inner */
	    /* something twice, something else, in the wrong order */
	    "3011" HEAD "020105"
	    "31003000040174",
	    "3011" HEAD "31003000040174"
	    "020105",
	    "3011" HEAD "31003000040174"
	    "040174",
	    "300e"
	    "02010506022a03"
	    "31003000040174",
	    "3012" HEAD "3100"
	    "a100a000"
	    "3000040174",
	    "3012" HEAD "3100"
	    "a000a000"
	    "3000040174",
	    "3010" HEAD "3100"
	    "a300"
	    "3000040174",
	    "3010" HEAD "3100"
	    "30020500"
	    "040174",
	    "3012" HEAD "3100"
	    "300480008000"
	    "040174",
	    "3010" HEAD "3100"
	    "3000"
	    "a202"
	    "0500"
	    "0401",
	    /* constructed where it cannot be, and the reverse */
	    "3010"
	    "26040602"
	    "2a03"
	    "020105"
	    "31003000040174",
	    "300e" HEAD "1100"
	    "3000"
	    "040174",
	    /* a stream of something else than octet strings */
	    "3012" HEAD "3100"
	    "3004"
	    "a0020c00"
	    "040174",
	    "3014" HEAD "3100"
	    "3006"
	    "a0042402"
	    "0c00"
	    "040174",
	    "3010" HEAD "3100"
	    "3000"
	    "2403"
	    "020105",
	};

	for (size_t i = 0; i < COUNT(bad); i++) {
		walks(bad[i], RC_SYNTAX, NULL);
		if (strlen(bad[i]) > 20 &&
		    strstr(kit_err.text, "no well-formed") == NULL &&
		    strstr(kit_err.text, "BER") == NULL)
			fail_msg("row %zu: %s", i, kit_err.text);
	}
}

static void
a_whole_one_cut_off_anywhere_is_refused(void **state)
{
	struct buf in BUF_OWNED = BUF_SMALL;

	add_hex(&in, "3080" HEAD "3180"
		     "020101"
		     "30800000"
		     "0000"
		     "3080"
		     "a080"
		     "0402"
		     "6162"
		     "0000"
		     "0000"
		     "24800401"
		     "74"
		     "0000"
		     "0000");
	for (size_t len = 0; len < in.len; len++) {
		struct buf trace BUF_OWNED = BUF_SMALL;
		assert_rc(walk_in_pieces(
			      span_first(buf_span(&in), len), 7, 3, &trace),
		    RC_SYNTAX);
	}
	struct buf trace BUF_OWNED = BUF_SMALL;
	assert_ok(walk_in_pieces(buf_span(&in), 7, 3, &trace));
}

static void
each_row_has_its_limit(void **state)
{
	/* gathered, definite: 12 with tag and length; 13 */
	walks("301a" HEAD "310c"
	      "040a30313233343536373839"
	      "3000"
	      "040174",
	    RC_OK, NULL);
	walks("301b" HEAD "310d"
	      "040b3031323334353637383941"
	      "3000"
	      "040174",
	    RC_LIMIT, NULL);
	/* a length that lies is refused before the bytes come */
	walks("30847fffffff" HEAD "31847ffffff0"
	      "04847fffff00",
	    RC_LIMIT, NULL);
	/* indefinite */
	walks("301a" HEAD "310c"
	      "3080"
	      "0406303132333435"
	      "0000"
	      "3000"
	      "040174",
	    RC_OK, NULL);
	walks("301b" HEAD "310d"
	      "3080"
	      "040730313233343536"
	      "0000"
	      "3000"
	      "040174",
	    RC_LIMIT, NULL);
	/* stream: 5, 6, in one piece and in two */
	walks("3015" HEAD "3100"
	      "3007"
	      "80056162636465"
	      "040174",
	    RC_OK, NULL);
	walks("3016" HEAD "3100"
	      "3008"
	      "8006616263646566"
	      "040174",
	    RC_LIMIT, NULL);
	walks("301a" HEAD "3100"
	      "300c"
	      "a00a"
	      "0403616263"
	      "0403646566"
	      "040174",
	    RC_LIMIT, NULL);
	/* skipped: 10 octets of contents, 11 */
	walks("301a" HEAD "3100"
	      "a10a"
	      "30313233343536373839"
	      "3000"
	      "040174",
	    RC_OK, NULL);
	walks("301b" HEAD "3100"
	      "a10b"
	      "3031323334353637383941"
	      "3000"
	      "040174",
	    RC_LIMIT, NULL);
	walks("301e" HEAD "3100"
	      "a180"
	      "0409303132333435363738"
	      "0000"
	      "3000"
	      "040174",
	    RC_LIMIT, NULL);
}

/* 5 octets, 6; both in one piece and in several; and what is behind. */
static void
what_does_not_fit_may_be_passed_over(void **state)
{
	walks("3017" HEAD "3100"
	      "3000"
	      "a308"
	      "3003020101"
	      "040161"
	      "0400",
	    RC_OK,
	    "type=06022a03 number=020105 list=3003020101 list=040161 tag<>");
	walks("3019" HEAD "3100"
	      "3000"
	      "a30a"
	      "300404020101"
	      "04020162"
	      "0400",
	    RC_OK, "type=06022a03 number=020105 list=04020162 tag<>");
	walks("301d" HEAD "3100"
	      "3000"
	      "a30e"
	      "3080"
	      "020101"
	      "020102"
	      "0000"
	      "04020162"
	      "0400",
	    RC_OK, "type=06022a03 number=020105 list=04020162 tag<>");
	walks("3019" HEAD "3100"
	      "3000"
	      "a30a"
	      "3080"
	      "0401ff"
	      "0000"
	      "040161"
	      "0400",
	    RC_OK, "type=06022a03 number=020105 list=040161 tag<>");
}

static void
what_came_at_once_is_lent_where_it_lies(void **state)
{
	struct buf in BUF_OWNED = BUF_SMALL;
	struct walk walk;
	struct walk_item item;

	add_hex(&in, "3080" HEAD "3180"
		     "0403616263"
		     "3080020101"
		     "0000"
		     "0000");
	walk_init(&walk, &sample);
	walk_push(&walk, buf_span(&in));
	assert_ok(walk_next(&walk, &item, &kit_err));
	assert_ptr_equal(item.bytes.data, in.data + 2);
	assert_ok(walk_next(&walk, &item, &kit_err));
	assert_ptr_equal(item.bytes.data, in.data + 6);
	assert_ok(walk_next(&walk, &item, &kit_err));
	assert_ptr_equal(item.bytes.data, in.data + 11);
	assert_ok(walk_next(&walk, &item, &kit_err));
	assert_ptr_equal(item.bytes.data, in.data + 16);
	assert_int_equal(item.bytes.len, 7);
	walk_done(&walk);
}

static void
a_table_may_be_one_row(void **state)
{
	static const struct walk_row whole[] = {
	    {0, WALK_ANY, WALK_GATHER, 0, 9, ITEM}};
	static const struct walk_row text[] = {
	    {0, DER_OCTETS, WALK_STREAM, 0, 9, CONTENT}};
	static const struct walk_row nothing[] = {
	    {0, DER_SEQUENCE, WALK_SKIP, 0, 9, 0}};
	static const struct {
		struct walk_table table;
		const char *hex, *want;
	} table[] = {
	    {{"whole", whole, 1}, "3003020105", "item=3003020105 "},
	    {{"whole", whole, 1}, "30800000", "item=30800000 "},
	    {{"text", text, 1}, "04026162", "content<6162>"},
	    {{"text", text, 1},
		"248004016104016200"
		"00",
		"content<6162>"},
	    {{"nothing", nothing, 1}, "3003020105", ""},
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		struct buf in BUF_OWNED = BUF_SMALL,
			      trace BUF_OWNED = BUF_SMALL;
		struct walk walk;
		add_hex(&in, table[i].hex);
		walk_init(&walk, &table[i].table);
		walk_push(&walk, span_first(buf_span(&in), in.len - 1));
		assert_rc(take_items(&walk, &trace), RC_AGAIN);
		assert_rc(walk_finish(&walk, &kit_err), RC_SYNTAX);
		walk_push(&walk, span_after(buf_span(&in), in.len - 1));
		assert_rc(take_items(&walk, &trace), RC_AGAIN);
		assert_ok(walk_finish(&walk, &kit_err));
		assert_true(span_is(buf_span(&trace), span_str(table[i].want)));
		walk_done(&walk);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_split_gives_the_same),
	    cmocka_unit_test(white_space_behind_the_end_is_forgiven),
	    cmocka_unit_test(what_is_not_by_the_table_is_refused),
	    cmocka_unit_test(a_whole_one_cut_off_anywhere_is_refused),
	    cmocka_unit_test(each_row_has_its_limit),
	    cmocka_unit_test(what_does_not_fit_may_be_passed_over),
	    cmocka_unit_test(what_came_at_once_is_lent_where_it_lies),
	    cmocka_unit_test(a_table_may_be_one_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
