#include <stdio.h>
#include <unistd.h>

#include "base/expect.h"
#include "codec/qp.h"
#include "codec/qp_block_priv.h"
#include "codec/simd_priv.h"

static uint32_t seed = 1871;

static uint32_t
random_below(uint32_t limit)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % limit;
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static bool
line_ends(struct span in, size_t at)
{
	return at >= in.len || span_starts(span_after(in, at), "\r\n");
}

static bool
stands_for_itself(struct span in, size_t at, size_t column)
{
	uint8_t c = in.data[at];

	if (is_blank(c))
		return !line_ends(in, at + 1);
	if (column == 0 &&
	    (c == '.' || span_starts(span_after(in, at), "From ")))
		return false;
	return c > ' ' && c < 0x7f && c != '=';
}

/* The plainest ways, for comparison, with all of the text in sight. */
static void
plain_encode(struct span in, struct buf *out)
{
	size_t column = 0;

	for (size_t at = 0; at < in.len; at++) {
		if (line_ends(in, at)) {
			assert_ok(buf_add_str(out, "\r\n", NULL));
			column = 0;
			at++;
			continue;
		}
		size_t width = stands_for_itself(in, at, column) ? 1 : 3;
		if (column + width > (line_ends(in, at + 1) ? 76 : 75)) {
			assert_ok(buf_add_str(out, "=\r\n", NULL));
			column = 0;
			width = stands_for_itself(in, at, 0) ? 1 : 3;
		}
		column += width;
		assert_ok(width == 1 ? buf_add_byte(out, in.data[at], NULL)
				     : buf_add_format(
					   out, NULL, "=%02X", in.data[at]));
	}
}

static int
digit(uint8_t c)
{
	const char *digits = "0123456789ABCDEFabcdef";
	const char *at = c == 0 ? NULL : strchr(digits, c);

	return at == NULL ? -1 : (int)(at - digits) - (c >= 'a' ? 6 : 0);
}

/* Codes, without line ends. */
static void
plain_codes(struct span in, struct buf *out)
{
	for (size_t at = 0; at < in.len; at++) {
		uint8_t c = in.data[at];
		bool room = c == '=' && in.len - at > 2;
		int high = room ? digit(in.data[at + 1]) : -1;
		int low = room ? digit(in.data[at + 2]) : -1;
		if (high >= 0 && low >= 0) {
			c = (uint8_t)(high << 4 | low);
			at += 2;
		}
		assert_ok(buf_add_byte(out, c, NULL));
	}
}

static void
plain_line(struct span line, const char *end, struct buf *out)
{
	size_t len = line.len;

	while (len > 0 && is_blank(line.data[len - 1]))
		len--;
	if (line.len - len <= QP_BLANKS_MAX)
		line.len = len;
	if (line.len > 0 && line.data[line.len - 1] == '=') {
		line.len--;
		end = "";
	}
	plain_codes(line, out);
	assert_ok(buf_add_str(out, end, NULL));
}

static void
plain_decode(struct span in, struct buf *out)
{
	for (ptrdiff_t lf; (lf = span_find_byte(in, '\n')) >= 0;) {
		struct span line = span_first(in, (size_t)lf);
		bool cr = lf > 0 && line.data[lf - 1] == '\r';
		line.len -= cr ? 1 : 0;
		plain_line(line, cr ? "\r\n" : "\n", out);
		in = span_after(in, (size_t)lf + 1);
	}
	plain_line(in, "", out);
}

/* Pieces of less than `most` bytes, each in a block of exactly its size. */
static void
read_in_pieces(struct span in, uint32_t most, struct buf *out)
{
	struct qp_reader r = QP_READER;

	while (in.len > 0) {
		struct span piece EXACT =
		    expect_exact(span_first(in, random_below(most)));
		assert_ok(qp_read(&r, piece, out, NULL));
		in = span_after(in, piece.len);
	}
	assert_ok(qp_read_end(&r, out, NULL));
}

static void
write_in_pieces(struct span in, uint32_t most, struct buf *out)
{
	struct qp_writer w = QP_WRITER;

	while (in.len > 0) {
		struct span piece EXACT =
		    expect_exact(span_first(in, random_below(most)));
		assert_ok(qp_write(&w, piece, out, NULL));
		in = span_after(in, piece.len);
	}
	assert_ok(qp_write_end(&w, out, NULL));
}

/* At each level, in pieces of less than `least` and more. */
static void
assert_alike(struct span in, uint32_t least)
{
	struct buf text BUF_OWNED = BUF_SMALL, bytes BUF_OWNED = BUF_SMALL;

	plain_encode(in, &text);
	plain_decode(in, &bytes);
	for (enum simd simd = SIMD_NONE; simd <= SIMD_AVX2; simd++)
		for (uint32_t most = least; most < 20000; most *= 60) {
			struct buf out BUF_OWNED = BUF(text.len);
			struct buf back BUF_OWNED = BUF(bytes.len);
			simd_limit(simd);
			write_in_pieces(in, most, &out);
			assert_bytes(buf_span(&out), buf_span(&text));
			read_in_pieces(in, most, &back);
			assert_bytes(buf_span(&back), buf_span(&bytes));
		}
}

static void
random_text(struct buf *text, size_t len, const char *kinds, size_t count)
{
	buf_clear(text);
	for (size_t i = 0; i < len; i++)
		assert_ok(buf_add_byte(
		    text, (uint8_t)kinds[random_below((uint32_t)count)], NULL));
}

static void
any_text_is_read_and_written_alike_at_every_level(void **state)
{
	static const char kinds[] =
	    "= \r\n\t4D.From \xff\0xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
	struct buf text BUF_OWNED = BUF_SMALL;

	for (size_t len = 0; len <= 300; len++)
		for (size_t count = 4; count < sizeof(kinds); count += 19) {
			random_text(&text, len, kinds, count);
			assert_alike(buf_span(&text), 2);
		}
}

static void
long_letters_in_any_pieces_are_alike(void **state)
{
	static const char kinds[] =
	    "\r\n=\xc3 etaoin shrdlu, ETAOIN SHRDLU. etaoin shrdlu etaoin";
	struct buf text BUF_OWNED = BUF_SMALL;

	for (size_t round = 0; round < 30; round++) {
		random_text(&text, random_below(40000), kinds + round % 5,
		    sizeof(kinds) - 5);
		assert_alike(buf_span(&text), 200);
	}
}

static void
every_place_of_a_line_is_judged_alike_at_every_level(void **state)
{
	struct buf text BUF_OWNED = BUF_SMALL;

	for (size_t at = 0; at < 140; at += 1 + at / 80)
		for (unsigned c = 0; c < 256; c += 1 + c / 128 * 7) {
			buf_clear(&text);
			for (size_t i = 0; i < 140; i++)
				assert_ok(buf_add_byte(
				    &text, (uint8_t)(i == at ? c : 'x'), NULL));
			assert_alike(buf_span(&text), 200);
		}
}

/* Room and input in blocks of exactly their sizes. */
static void
assert_copied(struct span in, size_t most, size_t room, size_t want)
{
	struct span from EXACT = expect_exact(in);
	uint8_t *to = malloc(room + 1) + 1;

	assert_int_equal(qp_copy_read(from, most, to, room), want);
	assert_bytes(span_of(to, want), span_first(in, want));
	assert_int_equal(qp_copy_write(from, most, to, room), want);
	assert_bytes(span_of(to, want), span_first(in, want));
	free(to - 1);
}

static void
no_more_is_copied_than_is_asked_and_has_room(void **state)
{
	uint8_t text[100];

	simd_limit(SIMD_AVX2);
	for (size_t stop = 0; stop < sizeof(text); stop++) {
		memset(text, 'x', sizeof(text));
		text[stop] = '=';
		for (size_t most = 0; most <= 70; most++) {
			struct span in = span_of(text, sizeof(text));
			size_t want = most < stop ? most : stop;
			assert_copied(in, most, most, want);
			assert_copied(in, most, most + stop % 40, want);
			assert_copied(
			    span_first(in, stop + 1), most, most + 40, want);
			assert_copied(span_first(in, stop), most, most, want);
		}
	}
}

/* `count` blanks, then `end`. */
static void
assert_blanks(const char *before, size_t count, const char *end,
    size_t want_count, const char *want_end)
{
	struct buf text BUF_OWNED = BUF_SMALL, want BUF_OWNED = BUF_SMALL;

	assert_ok(buf_add_str(&text, before, NULL));
	for (size_t i = 0; i < count; i++)
		assert_ok(buf_add_byte(&text, i % 3 > 0 ? ' ' : '\t', NULL));
	struct span all = span_first(buf_span(&text), text.len);
	assert_ok(buf_add(&want,
	    want_count > 0 ? all : span_str(*before == '=' ? "" : before),
	    NULL));
	assert_ok(buf_add_str(&text, end, NULL));
	assert_ok(buf_add_str(&want, want_end, NULL));
	for (uint32_t most = 2; most < 2000; most *= 9) {
		struct buf out BUF_OWNED = BUF_SMALL;
		read_in_pieces(buf_span(&text), most, &out);
		assert_bytes(buf_span(&out), buf_span(&want));
	}
}

static void
as_many_blanks_are_deleted_as_a_line_has_room_for(void **state)
{
	assert_blanks("a", QP_BLANKS_MAX, "\r\n", 0, "\r\n");
	assert_blanks("a", QP_BLANKS_MAX + 1, "\r\n", 1, "\r\n");
	assert_blanks("a", QP_BLANKS_MAX, "\n", 0, "\n");
	assert_blanks("a", QP_BLANKS_MAX + 1, "\n", 1, "\n");
	assert_blanks("a", 3 * QP_BLANKS_MAX, "\n", 1, "\n");
	assert_blanks("a", QP_BLANKS_MAX, "", 0, "");
	assert_blanks("a", QP_BLANKS_MAX + 1, "", 1, "");
	assert_blanks("a", QP_BLANKS_MAX, "b", 1, "b");
	assert_blanks("a", QP_BLANKS_MAX + 1, "b", 1, "b");
	assert_blanks("a", QP_BLANKS_MAX, "\rb", 1, "\rb");
	assert_blanks("a", QP_BLANKS_MAX + 1, "\r", 1, "\r");
	assert_blanks("=", QP_BLANKS_MAX, "\r\n", 0, "");
	assert_blanks("=", QP_BLANKS_MAX + 1, "\r\n", 1, "\r\n");
}

/* RFC 2045: what begins a code may end with a piece. */
static void
assert_split_alike(const char *text)
{
	struct span in = span_str(text);
	struct buf want BUF_OWNED = BUF_SMALL, coded BUF_OWNED = BUF_SMALL;

	plain_decode(in, &want);
	plain_encode(in, &coded);
	for (size_t one = 0; one <= in.len; one++)
		for (size_t two = one; two <= in.len; two++) {
			struct buf out BUF_OWNED = BUF_SMALL;
			struct qp_reader r = QP_READER;
			struct qp_writer w = QP_WRITER;
			struct span a EXACT = expect_exact(span_first(in, one));
			struct span b EXACT =
			    expect_exact(span_of(in.data + one, two - one));
			struct span c EXACT = expect_exact(span_after(in, two));
			assert_ok(qp_read(&r, a, &out, NULL));
			assert_ok(qp_read(&r, b, &out, NULL));
			assert_ok(qp_read(&r, c, &out, NULL));
			assert_ok(qp_read_end(&r, &out, NULL));
			assert_bytes(buf_span(&out), buf_span(&want));
			buf_clear(&out);
			assert_ok(qp_write(&w, a, &out, NULL));
			assert_ok(qp_write(&w, b, &out, NULL));
			assert_ok(qp_write(&w, c, &out, NULL));
			assert_ok(qp_write_end(&w, &out, NULL));
			assert_bytes(buf_span(&out), buf_span(&coded));
		}
}

static void
any_split_of_a_text_is_read_and_written_alike(void **state)
{
	static const char *const cases[] = {
	    "M=C3=BCller",
	    "a=\r\nb",
	    "a= \t\r\nb",
	    "a= \t\rb",
	    "a= \t\nb",
	    "a=  ",
	    "=",
	    "=4",
	    "=4=41=",
	    "==41",
	    "a  \r\nb \t\nc ",
	    "a  b \r c",
	    "a \r",
	    "a \r\r\nb",
	    "From me\r\n.\r\nFrom",
	    "From \r\nFroma\r\n",
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_split_alike(cases[i]);
}

static void
what_found_no_room_can_be_given_again(void **state)
{
	struct qp_reader r = QP_READER;
	struct qp_writer w = QP_WRITER;
	struct buf out BUF_OWNED = BUF(4);

	assert_ok(qp_read(&r, span_str("a =4"), &out, NULL));
	assert_rc(qp_read(&r, span_str("1bcd=  "), &out, NULL), RC_LIMIT);
	assert_span(buf_span(&out), "a ");
	assert_ok(qp_read(&r, span_str("1b= "), &out, NULL));
	assert_rc(qp_read(&r, span_str("x"), &out, NULL), RC_LIMIT);
	assert_span(buf_span(&out), "a Ab");
	buf_clear(&out);
	assert_ok(qp_read(&r, span_str("x=4"), &out, NULL));
	assert_span(buf_span(&out), "= x");
	assert_rc(qp_read_end(&r, &out, NULL), RC_LIMIT);
	assert_span(buf_span(&out), "= x");
	buf_clear(&out);
	assert_ok(qp_read_end(&r, &out, NULL));
	assert_span(buf_span(&out), "=4");
	buf_clear(&out);
	assert_ok(qp_write(&w, span_str("ab=c"), &out, NULL));
	assert_rc(qp_write(&w, span_str("defgh"), &out, NULL), RC_LIMIT);
	assert_int_equal(out.len, 0);
	assert_ok(qp_write(&w, span_str("d"), &out, NULL));
	assert_span(buf_span(&out), "a");
	assert_rc(qp_write_end(&w, &out, NULL), RC_LIMIT);
	assert_span(buf_span(&out), "a");
}

/* CRLF lines of text, as quoted-printable by another hand: Python's. */
static void
python_writes_what_we_read_and_reads_what_we_write(void **state)
{
	static const char script[] =
	    "/usr/bin/python3 -c '\n"
	    "import sys, binascii, random\n"
	    "text, ours = sys.argv[1:]\n"
	    "text, ours = open(text, \"rb\").read(), open(ours, "
	    "\"rb\").read()\n"
	    "assert binascii.a2b_qp(ours) == text\n"
	    "sys.stdout.buffer.write(binascii.b2a_qp(text))' ";
	char command[1024], name[] = "/tmp/qp-test-XXXXXX";
	struct buf text BUF_OWNED = BUF_SMALL;
	struct buf theirs BUF_OWNED = BUF_SMALL, back BUF_OWNED = BUF_SMALL;
	uint8_t *room;

	if (access("/usr/bin/python3", X_OK) != 0)
		skip();
	assert_non_null(mkdtemp(name));
	for (int i = 0; i < 3000; i++) {
		static const char *const words[] = {"\r\n", " ", "=", "\t",
		    "From ", ".", "word", "Gr\xc3\xbc\xc3\x9f", "\x01"};
		assert_ok(buf_add_str(
		    &text, words[random_below(COUNT(words))], NULL));
	}
	assert_ok(buf_add_str(&text, ".\r\n", NULL));
	(void)snprintf(command, sizeof(command), "%s/text", name);
	FILE *file = fopen(command, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(text.data, 1, text.len, file), text.len);
	assert_int_equal(fclose(file), 0);
	assert_ok(qp_encode(buf_span(&text), &back, NULL));
	(void)snprintf(command, sizeof(command), "%s/ours", name);
	file = fopen(command, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(back.data, 1, back.len, file), back.len);
	assert_int_equal(fclose(file), 0);
	(void)snprintf(
	    command, sizeof(command), "%s %s/text %s/ours", script, name, name);
	FILE *python = popen(command, "r");
	assert_non_null(python);
	assert_ok(buf_reserve(&theirs, 1 << 19, &room, NULL));
	buf_grown(&theirs, fread(room, 1, 1 << 19, python));
	assert_int_equal(pclose(python), 0);
	buf_clear(&back);
	assert_ok(qp_decode(buf_span(&theirs), &back, NULL));
	assert_bytes(buf_span(&back), buf_span(&text));
	(void)snprintf(command, sizeof(command), "rm -r %s", name);
	assert_int_equal(system(command), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(any_text_is_read_and_written_alike_at_every_level),
	    cmocka_unit_test(long_letters_in_any_pieces_are_alike),
	    cmocka_unit_test(
		every_place_of_a_line_is_judged_alike_at_every_level),
	    cmocka_unit_test(no_more_is_copied_than_is_asked_and_has_room),
	    cmocka_unit_test(as_many_blanks_are_deleted_as_a_line_has_room_for),
	    cmocka_unit_test(any_split_of_a_text_is_read_and_written_alike),
	    cmocka_unit_test(what_found_no_room_can_be_given_again),
	    cmocka_unit_test(
		python_writes_what_we_read_and_reads_what_we_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
