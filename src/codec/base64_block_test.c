#include <stdio.h>
#include <unistd.h>

#include "base/expect.h"
#include "codec/base64.h"
#include "codec/simd_priv.h"

#define BOTH_LEN 300

static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static uint32_t seed = 4711;

static uint32_t
random_below(uint32_t limit)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % limit;
}

static void
random_bytes(struct buf *buf, size_t len)
{
	for (size_t i = 0; i < len; i++)
		assert_ok(buf_add_byte(buf, (uint8_t)random_below(256), NULL));
}

/* The plainest way, for comparison: a bit at a time. */
static void
plain_encode(struct span in, size_t line, struct buf *out)
{
	size_t column = 0;

	for (size_t bit = 0; bit < in.len * 8; bit += 6) {
		unsigned digit = 0;
		for (size_t i = bit; i < bit + 6; i++) {
			unsigned byte = i / 8 < in.len ? in.data[i / 8] : 0;
			digit = digit << 1 | (byte >> (7 - i % 8) & 1);
		}
		assert_ok(buf_add_byte(out, (uint8_t)digits[digit], NULL));
		if (line > 0 && ++column % line == 0)
			assert_ok(buf_add_str(out, "\r\n", NULL));
	}
	for (size_t i = in.len; i % 3 > 0; i++) {
		assert_ok(buf_add_byte(out, '=', NULL));
		if (line > 0 && ++column % line == 0)
			assert_ok(buf_add_str(out, "\r\n", NULL));
	}
	if (line > 0 && column % line > 0)
		assert_ok(buf_add_str(out, "\r\n", NULL));
}

static bool
plain_group(const uint8_t *group, bool last, struct buf *out)
{
	uint32_t bits = 0;
	unsigned padding = 0;

	for (int i = 0; i < 4; i++) {
		const char *at = memchr(digits, group[i], 64);
		if (at == NULL && (group[i] != '=' || i < 2 || !last))
			return false;
		if (at != NULL && padding > 0)
			return false;
		padding += at == NULL;
		bits = bits << 6 | (at == NULL ? 0 : (uint32_t)(at - digits));
	}
	if ((bits & ((1U << (padding * 8)) - 1)) != 0)
		return false;
	for (unsigned i = 0; i < 3 - padding; i++)
		assert_ok(
		    buf_add_byte(out, (uint8_t)(bits >> (16 - 8 * i)), NULL));
	return true;
}

static bool
plain_decode(struct span in, struct buf *out)
{
	struct buf text BUF_OWNED = BUF_SMALL;

	for (size_t i = 0; i < in.len; i++)
		if (memchr(" \t\r\n", in.data[i], 4) == NULL)
			assert_ok(buf_add_byte(&text, in.data[i], NULL));
	if (text.len % 4 != 0)
		return false;
	for (size_t i = 0; i < text.len; i += 4)
		if (!plain_group(text.data + i, i + 4 == text.len, out))
			return false;
	return true;
}

/* At every level that this machine has; each call in blocks of exactly its
 * size and at another place of a register. */
static void
assert_written(struct span bytes, size_t line)
{
	struct buf want BUF_OWNED = BUF_SMALL;

	plain_encode(bytes, line, &want);
	for (enum simd simd = SIMD_NONE; simd <= SIMD_AVX512; simd++) {
		struct buf out BUF_OWNED = BUF_SMALL;
		struct span in EXACT = expect_exact(bytes);
		simd_limit(simd);
		assert_ok(base64_encode(in, line, &out, NULL));
		assert_bytes(buf_span(&out), buf_span(&want));
		struct buf tight BUF_OWNED = BUF(want.len);
		assert_ok(base64_encode(in, line, &tight, NULL));
		assert_bytes(buf_span(&tight), buf_span(&want));
	}
}

static void
assert_read(struct span text)
{
	struct buf want BUF_OWNED = BUF_SMALL;
	bool good = plain_decode(text, &want);

	for (enum simd simd = SIMD_NONE; simd <= SIMD_AVX512; simd++) {
		struct buf out BUF_OWNED = BUF_SMALL;
		struct buf tight BUF_OWNED = BUF(want.len);
		struct span in EXACT = expect_exact(text);
		simd_limit(simd);
		assert_rc(
		    base64_decode(in, &out, NULL), good ? RC_OK : RC_SYNTAX);
		if (!good)
			continue;
		assert_bytes(buf_span(&out), buf_span(&want));
		assert_ok(base64_decode(in, &tight, NULL));
		assert_bytes(buf_span(&tight), buf_span(&want));
		if (want.len == 0)
			continue;
		struct buf less BUF_OWNED =
		    BUF(want.len - 1 - random_below((uint32_t)want.len));
		assert_rc(base64_decode(in, &less, NULL), RC_LIMIT);
		assert_int_equal(less.len, 0);
	}
}

static void
every_length_and_line_is_written_alike_at_every_level(void **state)
{
	struct buf bytes BUF_OWNED = BUF_SMALL;

	random_bytes(&bytes, BOTH_LEN + 64);
	for (size_t len = 0; len <= BOTH_LEN; len++)
		for (size_t line = 0; line <= 76; line += 4)
			assert_written(
			    span_of(bytes.data + len % 64, len), line);
}

/* Lines of any length, a multiple of 4 or not, ended in every way. */
static void
add_text(struct buf *text, size_t len, size_t line, const char *end)
{
	struct buf bytes BUF_OWNED = BUF_SMALL, one BUF_OWNED = BUF_SMALL;

	random_bytes(&bytes, len);
	plain_encode(buf_span(&bytes), 0, &one);
	for (size_t at = 0; at < one.len; at += line) {
		struct span rest = span_after(buf_span(&one), at);
		assert_ok(buf_add(text, span_first(rest, line), NULL));
		assert_ok(buf_add_str(text, end, NULL));
	}
}

static void
every_length_and_line_is_read_alike_at_every_level(void **state)
{
	static const char *const ends[] = {
	    "\r\n", "\n", "", "\r", " \r\n", "\r\n\r\n", "\t"};

	for (size_t len = 0; len <= BOTH_LEN; len++)
		for (size_t line = 1; line <= 130; line += 1 + len % 7) {
			struct buf text BUF_OWNED = BUF_SMALL;
			add_text(
			    &text, len, line, ends[random_below(COUNT(ends))]);
			assert_read(buf_span(&text));
		}
}

/* One byte of a good text changed to any other, so that it is judged in every
 * place of the wide steps. */
static void
one_wrong_byte_is_found_alike_at_every_level(void **state)
{
	struct buf text BUF_OWNED = BUF_SMALL;

	add_text(&text, 200, 76, "\r\n");
	for (size_t at = 0; at < text.len; at++)
		for (unsigned c = 0; c < 256; c++) {
			uint8_t before = text.data[at];
			text.data[at] = (uint8_t)c;
			assert_read(buf_span(&text));
			text.data[at] = before;
		}
}

static void
read_in_random_pieces(struct span in, struct buf *out)
{
	struct base64_reader r = BASE64_READER;

	while (in.len > 0) {
		struct span piece EXACT = expect_exact(
		    span_first(in, random_below(1 + random_below(5000))));
		assert_ok(base64_read(&r, piece, out, NULL));
		in = span_after(in, piece.len);
	}
	assert_ok(base64_read_end(&r, NULL));
}

static void
write_in_random_pieces(struct span in, size_t line, struct buf *out)
{
	struct base64_writer w = BASE64_WRITER(line);

	while (in.len > 0) {
		struct span piece EXACT = expect_exact(
		    span_first(in, random_below(1 + random_below(5000))));
		assert_ok(base64_write(&w, piece, out, NULL));
		in = span_after(in, piece.len);
	}
	assert_ok(base64_write_end(&w, out, NULL));
}

static void
long_letters_in_random_pieces_are_alike_at_every_level(void **state)
{
	for (unsigned round = 0; round < 60; round++) {
		struct buf bytes BUF_OWNED = BUF_SMALL;
		struct buf want BUF_OWNED = BUF_SMALL;
		size_t line = random_below(20) * 4;
		random_bytes(&bytes, random_below(20000));
		plain_encode(buf_span(&bytes), line, &want);
		for (enum simd simd = SIMD_NONE; simd <= SIMD_AVX512; simd++) {
			struct buf text BUF_OWNED = BUF_SMALL;
			struct buf back BUF_OWNED = BUF_SMALL;
			simd_limit(simd);
			write_in_random_pieces(buf_span(&bytes), line, &text);
			assert_bytes(buf_span(&text), buf_span(&want));
			read_in_random_pieces(buf_span(&text), &back);
			assert_bytes(buf_span(&back), buf_span(&bytes));
		}
	}
}

/* Python gets text of ours and gives text of its own, with lone LFs. */
static void
python_writes_what_we_read_and_reads_what_we_write(void **state)
{
	static const char script[] =
	    "/usr/bin/python3 -c '\n"
	    "import sys, base64\n"
	    "ours = sys.stdin.buffer.read()\n"
	    "assert all(len(l) <= 78 for l in ours.splitlines(True))\n"
	    "raw = base64.b64decode(ours.replace(b\"\\r\\n\", b\"\"),"
	    " validate=True)\n"
	    "open(sys.argv[1], \"wb\").write(base64.encodebytes(raw))' ";
	char command[1024], name[] = "/tmp/base64-test-XXXXXX";
	struct buf bytes BUF_OWNED = BUF_SMALL, ours BUF_OWNED = BUF_SMALL;
	struct buf theirs BUF_OWNED = BUF_SMALL, back BUF_OWNED = BUF_SMALL;
	uint8_t *room;

	if (access("/usr/bin/python3", X_OK) != 0)
		skip();
	int fd = mkstemp(name);
	assert_true(fd >= 0);
	random_bytes(&bytes, 100000);
	assert_ok(base64_encode(buf_span(&bytes), 76, &ours, NULL));
	(void)snprintf(command, sizeof(command), "%s%s", script, name);
	FILE *python = popen(command, "w");
	assert_non_null(python);
	assert_int_equal(fwrite(ours.data, 1, ours.len, python), ours.len);
	assert_int_equal(pclose(python), 0);
	assert_ok(buf_reserve(&theirs, 1 << 19, &room, NULL));
	FILE *file = fdopen(fd, "rb");
	assert_non_null(file);
	buf_grown(&theirs, fread(room, 1, 1 << 19, file));
	assert_int_equal(fclose(file), 0);
	assert_int_equal(unlink(name), 0);
	assert_ok(base64_decode(buf_span(&theirs), &back, NULL));
	assert_bytes(buf_span(&back), buf_span(&bytes));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		every_length_and_line_is_written_alike_at_every_level),
	    cmocka_unit_test(
		every_length_and_line_is_read_alike_at_every_level),
	    cmocka_unit_test(one_wrong_byte_is_found_alike_at_every_level),
	    cmocka_unit_test(
		long_letters_in_random_pieces_are_alike_at_every_level),
	    cmocka_unit_test(
		python_writes_what_we_read_and_reads_what_we_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
