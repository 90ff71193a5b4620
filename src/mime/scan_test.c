#include <stdio.h>
#include <string.h>

#include "base/expect.h"
#include "base/own.h"
#include "mime/scan.h"

OWNER(struct scan, scan_free);
OWNER(struct entity, entity_free);

#define MIXED "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
#define SIGNED                                                    \
	"From: a@example.org\r\nContent-Type: multipart/signed; " \
	"boundary=b;\r\n"                                         \
	" protocol=\"application/pkcs7-signature\"\r\n\r\n"
#define RFC822 "Content-Type: message/rfc822\r\n\r\n"
#define ALL ((size_t)1 << 30) /* in one piece */

/* What happened, as text: every event, and the bytes between them. */
static void
show(const struct scan_event *event, struct buf *out)
{
	const struct entity *e = event->entity;

	switch (event->what) {
	case SCAN_BEGIN:
		assert_ok(buf_add_format(out, NULL,
		    "<%zu@%zu %s/%s %d%s %zu %zu|", event->depth, event->at,
		    e->type.type, e->type.subtype, (int)e->encoding,
		    e->malformed ? "!" : "", e->header.len, e->fields.len));
		for (size_t i = 0; i < e->fields.len; i++)
			assert_ok(buf_add(out, e->fields.item[i].whole, NULL));
		assert_ok(buf_add_str(out, "|", NULL));
		break;
	case SCAN_BYTES:
		assert_true(event->bytes.len > 0);
		assert_ok(buf_add(out, event->bytes, NULL));
		break;
	case SCAN_END:
		assert_ok(buf_add_format(out, NULL, "%zu@%zu%s>", event->depth,
		    event->at, event->malformed ? "!" : ""));
		break;
	case SCAN_MORE:
		break;
	}
}

/* Scan `letter` in pieces of `size`, each in a block of exactly its size. */
static enum rc
scan_pieces(struct span letter, size_t size, struct buf *out, struct err *err)
{
	struct scan *scan OWNED(scan_free) = NULL;
	struct scan_event event;

	TRY(scan_new(ENTITY_LIMITS, &scan, err));
	do {
		struct span piece EXACT =
		    expect_exact(span_first(letter, size));
		struct span in = piece;
		letter = span_after(letter, size);
		do {
			TRY(scan_next(scan, &in, letter.len == 0, &event, err));
			show(&event, out);
		} while (event.what != SCAN_MORE);
		assert_int_equal(in.len, 0);
	} while (letter.len > 0);
	return RC_OK;
}

static void
expect_same_in_pieces(const char *name, struct span letter)
{
	static const size_t sizes[] = {1, 2, 3, 5, 7, 64, 1000, 4096};
	struct buf want BUF_OWNED = BUF((size_t)1 << 26);
	struct err want_err = ERR_NONE;
	enum rc want_rc = scan_pieces(letter, ALL, &want, &want_err);

	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct buf got BUF_OWNED = BUF((size_t)1 << 26);
		struct err err = ERR_NONE;
		enum rc rc = scan_pieces(letter, sizes[i], &got, &err);
		assert_string_equal(err.text, want_err.text);
		assert_rc(rc, want_rc);
		if (rc != RC_OK)
			continue;
		if (!span_is(buf_span(&got), buf_span(&want)))
			fail_msg("%s in pieces of %zu:\ngot  %.*s\nwant %.*s",
			    name, sizes[i], SPAN_ARGS(buf_span(&got)),
			    SPAN_ARGS(buf_span(&want)));
	}
}

/* --- the tree's spans are the stream's bytes */

struct whole {
	struct buf bytes;
	bool done;
};

/* The bytes between each BEGIN and its END are the tree's `whole`. */
static void
collect(struct span letter, struct whole *list, size_t *ret_len)
{
	struct scan *scan OWNED(scan_free) = NULL;
	struct scan_event event;
	struct span in = letter;

	assert_ok(scan_new(ENTITY_LIMITS, &scan, NULL));
	do {
		assert_ok(scan_next(scan, &in, true, &event, NULL));
		if (event.what == SCAN_BEGIN)
			list[(*ret_len)++].bytes = BUF((size_t)1 << 20);
		for (size_t i = 0; i < *ret_len; i++)
			if (!list[i].done)
				assert_ok(
				    buf_add(&list[i].bytes, event.bytes, NULL));
		for (size_t i = *ret_len; event.what == SCAN_END && i-- > 0;) {
			if (list[i].done)
				continue;
			list[i].done = true;
			break;
		}
	} while (event.what != SCAN_MORE);
}

static void
compare_tree(const struct entity *entity, const struct whole *list, size_t *at)
{
	assert_bytes(buf_span(&list[*at].bytes), entity->whole);
	assert_true(list[*at].done);
	(*at)++;
	for (const struct entity *c = entity->child; c != NULL; c = c->next)
		compare_tree(c, list, at);
}

static void
expect_bytes_of_tree(struct span letter)
{
	struct whole list[200] = {0};
	struct entity *root OWNED(entity_free) = NULL;
	size_t len = 0, at = 0;

	if (entity_parse(letter, ENTITY_LIMITS, &root, NULL) != RC_OK)
		return;
	collect(letter, list, &len);
	compare_tree(root, list, &at);
	assert_int_equal(at, len);
	for (size_t i = 0; i < len; i++)
		buf_done(&list[i].bytes);
}

static const char *const letters[] = {
    "",
    "A: b\r\n",
    "\r\nhello",
    "A: b\r\nno field\r\n",
    "A: b\n\nhi\n",
    MIXED "pre\r\n--b\r\n\r\none\r\n--b\r\nA: b\r\n\r\ntwo\r\n\r\n--b--\r\nepi",
    MIXED "--b\r\n\r\none\r\n--b--",
    MIXED "--b\r\n\r\n--b--\r\n",
    MIXED "--b\r\n--b--\r\n",
    MIXED "--b\r\n--b\r\n--b--\r\n",
    MIXED "--b\r\nA: b\r\n--b--\r\n",
    MIXED "--b\r\nhello\r\n--b--\r\n",
    MIXED "--b\r\n\r\nx\r\r\n--b--\r\n",
    MIXED "--b\r\n\r\nx\r--b--\r\n--b--\r\n",
    MIXED "--b\r\n\r\nx\r-\r\n-\r\n\r\n\r\n--b--\r\n",
    MIXED "--b\r\n\r\n--bb\r\n--b--\r\n",
    MIXED "--b\r\n\r\nx",
    MIXED "--b\r\n\r\nx\r\n",
    MIXED "--b\r\n\r\nx\r\n--",
    MIXED "--b\r\n\r\nx\r\n--b-",
    MIXED "--b--\r\n--b\r\n\r\nx\r\n--b--",
    MIXED "--b\r\nContent-Type: message/rfc822\r\n\r\n--b--",
    MIXED "--b\r\nContent-Type: message/rfc822\r\n\r\n\r\n--b--",
    MIXED "--b\r\nContent-Type: message/rfc822\r\n\r\nA: b\r\n\r\n--b--",
    "Content-Type: message/rfc822\r\n\r\nContent-Type: message/rfc822\r\n\r\n",
    "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n--b--\r\n",
    "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\nhi\r\n--b--\r\n",
    "Content-Type: multipart/digest; boundary=b\r\n\r\n"
    "--b\r\n\r\nSubject: x\r\n\r\nhi\r\n--b--\r\n",
    MIXED "--b\r\nContent-Type: multipart/mixed; boundary=bb\r\n\r\n"
	  "--bb\r\n\r\n1\r\n--bb--\r\n--b--\r\n",
    MIXED "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n"
	  "--c\r\n\r\n1\r\n--b\r\n\r\n2\r\n--c--\r\n--b--",
    MIXED "--b\r\nContent-Type: multipart/mixed; boundary=\"b--\"\r\n\r\n"
	  "--b--\r\n\r\n1\r\n--b----\r\n",
    MIXED "--b\r\nA: x\ry\r\n\r\nz\r\n--b--",
    "Content-Type: multipart/mixed; boundary=\"x:y\"\r\n\r\n"
    "--x:y\r\nA: b\r\n--x:y\r\n\r\n2\r\n--x:y--\r\n",
    "Content-Type: multipart/mixed; boundary*=us-ascii''b%0A\r\n\r\n"
    "--b\n--b\n\nx\n--b--",
    "Content-Type: multipart/mixed; boundary*=us-ascii''b%0Ac\r\n\r\n"
    "--b\n--b\nc\nx\n\r--b\nc--",
    SIGNED "--b\r\nContent-Type: text/plain\r\n\r\nhello \r\n\r\n--b\r\n"
	   "Content-Type: application/pkcs7-signature\r\n\r\nx\r\n--b--\r\n",
};

static void
any_split_gives_the_same(void **state)
{
	for (size_t i = 0; i < COUNT(letters); i++) {
		expect_same_in_pieces(letters[i], span_str(letters[i]));
		expect_bytes_of_tree(span_str(letters[i]));
	}
}

/* Letters out of the pieces that matter, in any order. */
static void
make_random(unsigned *seed, struct buf *out)
{
	static const char *const words[] = {"--b", "--b", "--b--", "--bb",
	    "--bb--", "--c", "--c--", "\r\n", "\r\n", "\r\n", "\r\n\r\n", "\n",
	    "\r", "-", "--", "x", " ", "A: b\r\n", "hello",
	    "Content-Type: multipart/mixed; boundary=bb\r\n\r\n",
	    "Content-Type: multipart/digest; boundary=c\r\n\r\n",
	    "Content-Type: message/rfc822\r\n\r\n",
	    "Content-Transfer-Encoding: base64\r\n",
	    "Content-Type: application/pkcs7-signature\r\n\r\n"};
	static const char *const begins[] = {MIXED, SIGNED, "",
	    "Content-Type: multipart/digest; boundary=b\n\n", RFC822 MIXED};

	assert_ok(buf_add_str(
	    out, begins[(unsigned)rand_r(seed) % COUNT(begins)], NULL));
	unsigned count = (unsigned)rand_r(seed) % 40;
	for (unsigned i = 0; i < count; i++)
		assert_ok(buf_add_str(
		    out, words[(unsigned)rand_r(seed) % COUNT(words)], NULL));
}

static void
any_split_of_random_letters_gives_the_same(void **state)
{
	for (unsigned i = 0; i < 3000; i++) {
		struct buf letter BUF_OWNED = BUF_SMALL;
		unsigned seed = i;
		make_random(&seed, &letter);
		expect_same_in_pieces("random", buf_span(&letter));
		expect_bytes_of_tree(buf_span(&letter));
	}
}

static void
fill(struct buf *out, uint8_t byte, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_ok(buf_add_byte(out, byte, NULL));
}

/* With blanks up to the limit it is one; beyond, it only resembles one. */
static void
a_delimiters_line_has_a_limit(void **state)
{
	static const size_t lengths[] = {1000, 1001, 500000};

	for (unsigned over = 0; over < COUNT(lengths); over++) {
		struct buf letter BUF_OWNED = BUF_SMALL;
		struct entity *root OWNED(entity_free) = NULL;
		assert_ok(buf_add_str(&letter, MIXED "--b", NULL));
		fill(&letter, ' ', lengths[over] - 5);
		assert_ok(buf_add_str(&letter, "\r\n\r\nx\r\n--b--", NULL));
		assert_ok(entity_parse(
		    buf_span(&letter), ENTITY_LIMITS, &root, NULL));
		assert_int_equal(entity_children(root), over == 0);
		assert_int_equal(root->malformed, over > 0);
		expect_same_in_pieces("delimiter", buf_span(&letter));
	}
}

/* The section's limit is met exactly, and exceeded by one, in pieces too. */
static void
a_header_has_a_limit(void **state)
{
	for (unsigned over = 0; over <= 1; over++) {
		struct buf letter BUF_OWNED = BUF_SMALL;
		struct buf got BUF_OWNED = BUF_SMALL;
		struct err err = ERR_NONE;
		assert_ok(buf_add_str(&letter, MIXED "--b\r\nA: ", NULL));
		fill(&letter, 'x', FIELD_SECTION_MAX - 7 + over);
		assert_ok(buf_add_str(&letter, "\r\n\r\nx\r\n--b--\r\n", NULL));
		assert_rc(scan_pieces(buf_span(&letter), 100, &got, &err),
		    over == 0 ? RC_OK : RC_LIMIT);
		if (over == 1)
			assert_has(err.text, "header larger than");
	}
}

/* Nothing of a part is given out before its header is known, and of a body
 * all but what may be the line end before a delimiter. */
static void
bytes_come_as_early_as_they_can(void **state)
{
	static const struct {
		const char *in;
		size_t out;
	} steps[] = {
	    {MIXED, sizeof(MIXED) - 3}, /* but for the last line end */
	    {"pre", sizeof(MIXED) - 1 + 3},
	    {"\r", sizeof(MIXED) - 1 + 3},
	    {"\n-", sizeof(MIXED) - 1 + 3},
	    {"x", sizeof(MIXED) - 1 + 7},
	    {"\r\n--b\r\nA: ", sizeof(MIXED) - 1 + 12},
	    {"b\r\n", sizeof(MIXED) - 1 + 12},
	    {"\r\n", sizeof(MIXED) - 1 + 20},
	    {"hello", sizeof(MIXED) - 1 + 27},
	};
	struct scan *scan OWNED(scan_free) = NULL;
	struct scan_event event;
	size_t got = 0;

	assert_ok(scan_new(ENTITY_LIMITS, &scan, NULL));
	for (size_t i = 0; i < COUNT(steps); i++) {
		struct span in = span_str(steps[i].in);
		do {
			assert_ok(scan_next(scan, &in, false, &event, NULL));
			got += event.bytes.len;
		} while (event.what != SCAN_MORE);
		if (got != steps[i].out)
			fail_msg("%zu \"%s\": got %zu, want %zu", i,
			    steps[i].in, got, steps[i].out);
	}
}

static void
an_entity_that_was_taken_outlives_the_scan(void **state)
{
	struct scan *scan = NULL;
	struct entity *taken OWNED(entity_free) = NULL;
	struct scan_event event;
	struct span in = span_str("Subject: x\r\n\r\nhi");

	assert_ok(scan_new(ENTITY_LIMITS, &scan, NULL));
	assert_ok(scan_next(scan, &in, true, &event, NULL));
	assert_int_equal(event.what, SCAN_BEGIN);
	taken = scan_take(scan);
	assert_null(scan_take(scan));
	scan_free(scan);
	assert_span(fields_value(&taken->fields, "subject"), "x");
}

/* What of a letter is a delimiter, and that each comes in one event. */
static void
show_delimiters(struct span letter, size_t size, struct buf *out)
{
	struct scan *scan OWNED(scan_free) = NULL;
	struct scan_event event;

	assert_ok(scan_new(ENTITY_LIMITS, &scan, NULL));
	do {
		struct span piece EXACT =
		    expect_exact(span_first(letter, size));
		struct span in = piece;
		letter = span_after(letter, size);
		do {
			assert_ok(scan_next(
			    scan, &in, letter.len == 0, &event, NULL));
			if (event.what != SCAN_BYTES || event.role == SCAN_TEXT)
				continue;
			assert_ok(buf_add_byte(
			    out, event.role == SCAN_NEXT ? '+' : '.', NULL));
			assert_ok(buf_add(out, event.bytes, NULL));
		} while (event.what != SCAN_MORE);
	} while (letter.len > 0);
}

static void
delimiters_come_in_one_event_however_the_letter_is_cut(void **state)
{
	static const char letter[] =
	    MIXED "--b\r\n\r\nx\r\n--b \t\nContent-Type: multipart/mixed; "
		  "boundary=c\r\n\r\n--x\r\n--c\r\n--c--\r\n"
		  "--b\r\n--b--\r\n--c\r\n";

	for (size_t size = 1; size <= sizeof(letter); size++) {
		struct buf out BUF_OWNED = BUF_SMALL;
		show_delimiters(span_str(letter), size, &out);
		assert_span(buf_span(&out),
		    "+\r\n--b+\r\n--b \t+\r\n--c.\r\n--c--+\r\n--b"
		    ".\r\n--b--");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(any_split_gives_the_same),
	    cmocka_unit_test(any_split_of_random_letters_gives_the_same),
	    cmocka_unit_test(a_delimiters_line_has_a_limit),
	    cmocka_unit_test(a_header_has_a_limit),
	    cmocka_unit_test(bytes_come_as_early_as_they_can),
	    cmocka_unit_test(an_entity_that_was_taken_outlives_the_scan),
	    cmocka_unit_test(
		delimiters_come_in_one_event_however_the_letter_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
