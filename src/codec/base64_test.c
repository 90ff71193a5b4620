#include <openssl/evp.h>

#include "base/expect.h"
#include "codec/base64.h"

#define BOTH_LEN 300

struct vector {
	const char *bytes, *text;
};

/* RFC 4648 section 10. */
static const struct vector vectors[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xfb\xff\xfe", "+//+"},
};

static void
the_vectors_of_rfc_4648_hold_both_ways(void **state)
{
	for (size_t i = 0; i < COUNT(vectors); i++) {
		struct buf text BUF_OWNED = BUF_SMALL;
		struct buf bytes BUF_OWNED = BUF_SMALL;
		struct span in EXACT = expect_exact(span_str(vectors[i].text));
		assert_ok(
		    base64_encode(span_str(vectors[i].bytes), 0, &text, NULL));
		assert_span(buf_span(&text), vectors[i].text);
		assert_ok(base64_decode(in, &bytes, NULL));
		assert_span(buf_span(&bytes), vectors[i].bytes);
	}
}

/* Bytes of every value and length, from a generator that is the same each
 * time. */
static void
fill(uint8_t *bytes, size_t len)
{
	uint32_t state = 12345;

	for (size_t i = 0; i < len; i++) {
		state = state * 1664525 + 1013904223;
		bytes[i] = (uint8_t)(state >> 24);
	}
}

static void
openssl_writes_the_same(void **state)
{
	uint8_t bytes[BOTH_LEN], want[BOTH_LEN * 2];

	fill(bytes, sizeof(bytes));
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		struct buf text BUF_OWNED = BUF_SMALL;
		struct span in EXACT = expect_exact(span_of(bytes, len));
		int want_len = EVP_EncodeBlock(want, bytes, (int)len);
		assert_ok(base64_encode(in, 0, &text, NULL));
		assert_bytes(buf_span(&text), span_of(want, (size_t)want_len));
	}
}

static void
what_is_written_is_read_whatever_the_lines(void **state)
{
	static const size_t lines[] = {0, 4, 64, 76};
	uint8_t bytes[BOTH_LEN];

	fill(bytes, sizeof(bytes));
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		struct buf text BUF_OWNED = BUF_SMALL;
		struct buf back BUF_OWNED = BUF(len);
		struct span in = span_of(bytes, len);
		assert_ok(base64_encode(in, lines[len % 4], &text, NULL));
		struct span exact EXACT = expect_exact(buf_span(&text));
		assert_ok(base64_decode(exact, &back, NULL));
		assert_bytes(buf_span(&back), in);
	}
}

/* Blanks make the room for the output larger than the input is long. */
static void
nothing_behind_the_end_is_looked_at_however_many_blanks_there_are(void **state)
{
	uint8_t bytes[BOTH_LEN];

	fill(bytes, sizeof(bytes));
	for (size_t len = 0; len <= 60; len++) {
		struct buf text BUF_OWNED = BUF_SMALL;
		struct buf back BUF_OWNED = BUF_SMALL;
		for (int i = 0; i < 100; i++)
			assert_ok(buf_add_str(&text, "\r\n", NULL));
		assert_ok(base64_encode(span_of(bytes, len), 0, &text, NULL));
		struct span exact EXACT = expect_exact(buf_span(&text));
		assert_ok(base64_decode(exact, &back, NULL));
		assert_bytes(buf_span(&back), span_of(bytes, len));
	}
}

static void
lines_end_in_crlf_and_so_does_the_last(void **state)
{
	static const struct {
		const char *bytes;
		size_t line;
		const char *want;
	} cases[] = {
	    {"", 76, ""},
	    {"foo", 4, "Zm9v\r\n"},
	    {"foobar", 4, "Zm9v\r\nYmFy\r\n"},
	    {"fooba", 4, "Zm9v\r\nYmE=\r\n"},
	    {"foobar", 8, "Zm9vYmFy\r\n"},
	    {"foobarf", 8, "Zm9vYmFy\r\nZg==\r\n"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf text BUF_OWNED = BUF_SMALL;
		assert_ok(base64_encode(
		    span_str(cases[i].bytes), cases[i].line, &text, NULL));
		assert_span(buf_span(&text), cases[i].want);
	}
}

static void
white_space_is_skipped_wherever_it_stands(void **state)
{
	static const char *const cases[] = {
	    "Zm9vYg==",
	    "Zm9v\r\nYg==\r\n",
	    " Z\tm\n9\rvY  g=\r\n= ",
	    "\n\nZm9vYg=\n=\n\n",
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf out BUF_OWNED = BUF(4);
		struct span in EXACT = expect_exact(span_str(cases[i]));
		assert_ok(base64_decode(in, &out, NULL));
		assert_span(buf_span(&out), "foob");
	}
}

struct broken {
	const char *name, *input;
};

static void
assert_refused(const struct broken *broken,
    enum rc (*decode)(struct span, struct buf *, struct err *))
{
	struct buf out BUF_OWNED = BUF_SMALL;
	struct span in EXACT = expect_exact(span_str(broken->input));

	assert_ok(buf_add_str(&out, "before", NULL));
	enum rc rc = decode(in, &out, NULL);
	if (rc != RC_SYNTAX)
		fail_msg(
		    "%s: got %s, want RC_SYNTAX", broken->name, rc_name(rc));
	assert_span(buf_span(&out), "before");
}

static void
what_two_readers_might_read_differently_is_refused(void **state)
{
	static const struct broken cases[] = {
	    {"foreign character", "Zm9v*Zm9v"},
	    {"foreign character in a group", "Zm-v"},
	    {"letter of another alphabet", "Zm9_"},
	    {"8-bit", "Zm9v\xc3\xa4"},
	    {"form feed", "Zm9v\f"},
	    {"cut after one", "Zm9vY"},
	    {"cut after two", "Zm9vYg"},
	    {"cut after three", "Zm9vYmE"},
	    {"padding cut", "Zg="},
	    {"padding at the start", "=Zm9v"},
	    {"padding alone", "===="},
	    {"padding after one", "Z==="},
	    {"padding after one without bits", "A==="},
	    {"more padding", "Zg==="},
	    {"padding after a whole group", "Zm9v="},
	    {"more behind the padding", "Zg==Zm9v"},
	    {"one more behind the padding", "Zm8=Z"},
	    {"a letter inside the padding", "Zg=v"},
	    {"stray bits after one byte", "Zh=="},
	    {"stray bits after two bytes", "Zm9="},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_refused(&cases[i], base64_decode);
}

/* `text` with every byte in every place: read if it is a digit, as OpenSSL
 * reads it, and refused if not.  Long enough for the wide steps. */
static void
every_byte_in_every_place_of_a_line_is_judged_alike(void **state)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	    "+/";
	uint8_t line[64], want[64];

	for (unsigned c = 0; c < 256; c++)
		for (size_t place = 0; place < sizeof(line); place++) {
			struct buf out BUF_OWNED = BUF(48);
			memcpy(line, digits, sizeof(line));
			line[place] = (uint8_t)c;
			struct span in EXACT =
			    expect_exact(span_of(line, sizeof(line)));
			bool good = c != 0 && strchr(digits, (int)c) != NULL;
			assert_rc(base64_decode(in, &out, NULL),
			    good ? RC_OK : RC_SYNTAX);
			if (!good)
				continue;
			assert_int_equal(EVP_DecodeBlock(want, line, 64), 48);
			assert_bytes(buf_span(&out), span_of(want, 48));
		}
}

static void
the_url_alphabet_is_judged_alike_in_every_place(void **state)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	    "-_";
	uint8_t line[64];

	for (unsigned c = 0; c < 256; c++)
		for (size_t place = 0; place < sizeof(line); place++) {
			struct buf out BUF_OWNED = BUF(48);
			struct buf back BUF_OWNED = BUF(64);
			memcpy(line, digits, sizeof(line));
			line[place] = (uint8_t)c;
			struct span in = span_of(line, sizeof(line));
			bool good = c != 0 && strchr(digits, (int)c) != NULL;
			assert_rc(base64url_decode(in, &out, NULL),
			    good ? RC_OK : RC_SYNTAX);
			if (!good)
				continue;
			assert_ok(
			    base64url_encode(buf_span(&out), &back, NULL));
			assert_bytes(buf_span(&back), in);
		}
}

/* In the pieces that `cuts` has, one bit for a place between two bytes. */
static enum rc
read_in_pieces(struct span in, uint64_t cuts, struct buf *out)
{
	struct base64_reader r = BASE64_READER;
	size_t from = 0;

	for (size_t at = 1; at <= in.len; at++) {
		if (at < in.len && (cuts >> (at % 64) & 1) == 0)
			continue;
		struct span piece EXACT =
		    expect_exact(span_of(in.data + from, at - from));
		TRY(base64_read(&r, piece, out, NULL));
		from = at;
	}
	return base64_read_end(&r, NULL);
}

static void
assert_read_alike(const char *text)
{
	struct span in = span_str(text);
	struct buf want BUF_OWNED = BUF_SMALL;
	enum rc want_rc = base64_decode(in, &want, NULL);

	assert_in_range(in.len, 0, 13);
	for (uint64_t cuts = 0; cuts < (uint64_t)1 << 13; cuts++) {
		struct buf out BUF_OWNED = BUF_SMALL;
		assert_rc(read_in_pieces(in, cuts << 1, &out), want_rc);
		if (want_rc == RC_OK)
			assert_bytes(buf_span(&out), buf_span(&want));
	}
}

static void
any_split_of_a_text_is_read_alike(void **state)
{
	static const char *const cases[] = {
	    "",
	    "Zm9vYg==",
	    "Zm9v\r\nYg==\r\n",
	    " Z\tm9\rvYg\n=\r=",
	    "Zm9v*Zm9v",
	    "Zm9vY",
	    "Zm9vYg=",
	    "Zg==\r\n=",
	    "Zg==Zm9v",
	    "Zg=v",
	    "=Zm9v",
	    "Zh==",
	    "Zm9vZm9=\r\n",
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_read_alike(cases[i]);
}

static void
write_in_pieces(struct span in, uint64_t cuts, size_t line, struct buf *out)
{
	struct base64_writer w = BASE64_WRITER(line);
	size_t from = 0;

	for (size_t at = 1; at <= in.len; at++) {
		if (at < in.len && (cuts >> (at % 64) & 1) == 0)
			continue;
		struct span piece EXACT =
		    expect_exact(span_of(in.data + from, at - from));
		assert_ok(base64_write(&w, piece, out, NULL));
		from = at;
	}
	assert_ok(base64_write_end(&w, out, NULL));
}

static void
any_split_of_bytes_is_written_alike(void **state)
{
	uint8_t bytes[13];

	fill(bytes, sizeof(bytes));
	for (size_t line = 0; line <= 16; line += 4)
		for (uint64_t cuts = 0; cuts < (uint64_t)1 << 13; cuts++) {
			struct span in = span_of(bytes, 13 - cuts % 6);
			struct buf out BUF_OWNED = BUF_SMALL;
			struct buf want BUF_OWNED = BUF_SMALL;
			write_in_pieces(in, cuts << 1, line, &out);
			assert_ok(base64_encode(in, line, &want, NULL));
			assert_bytes(buf_span(&out), buf_span(&want));
		}
}

/* The writer waits for the room, and the reader too. */
static void
what_found_no_room_can_be_given_again(void **state)
{
	struct base64_writer w = BASE64_WRITER(4);
	struct base64_reader r = BASE64_READER;
	struct buf out BUF_OWNED = BUF(6);

	assert_ok(base64_write(&w, span_str("f"), &out, NULL));
	assert_rc(base64_write(&w, span_str("oobar"), &out, NULL), RC_LIMIT);
	assert_ok(base64_write(&w, span_str("oob"), &out, NULL));
	assert_rc(base64_write_end(&w, &out, NULL), RC_LIMIT);
	assert_span(buf_span(&out), "Zm9v\r\n");
	buf_clear(&out);
	assert_ok(base64_write_end(&w, &out, NULL));
	assert_span(buf_span(&out), "Yg==\r\n");
	buf_clear(&out);
	assert_ok(base64_read(&r, span_str("Z"), &out, NULL));
	assert_rc(
	    base64_read(&r, span_str("m9vYmFyZm9v"), &out, NULL), RC_LIMIT);
	assert_int_equal(out.len, 0);
	assert_ok(base64_read(&r, span_str("m9vYmFy"), &out, NULL));
	assert_span(buf_span(&out), "foobar");
	buf_clear(&out);
	assert_ok(base64_read(&r, span_str("Zm9v"), &out, NULL));
	assert_ok(base64_read_end(&r, NULL));
	assert_span(buf_span(&out), "foo");
}

static void
messages_count_from_the_first_piece(void **state)
{
	struct base64_reader r = BASE64_READER;
	struct buf out BUF_OWNED = BUF_SMALL;
	struct err err = ERR_NONE;

	assert_ok(base64_read(&r, span_str("Zm9v\r\nZ"), &out, NULL));
	assert_rc(base64_read(&r, span_str("m*"), &out, &err), RC_SYNTAX);
	assert_has(err.text, "character at 9");
}

static void
a_nul_is_a_foreign_character(void **state)
{
	struct buf out BUF_OWNED = BUF_SMALL;

	assert_rc(base64_decode(span_of("Zm9v\0", 5), &out, NULL), RC_SYNTAX);
	assert_rc(
	    base64url_decode(span_of("Zm9v\0", 5), &out, NULL), RC_SYNTAX);
}

static void
the_output_is_limited_by_what_is_written_not_by_white_space(void **state)
{
	struct buf out BUF_OWNED = BUF(6);
	struct err err = ERR_NONE;

	assert_done(
	    base64_decode(span_str("Zm9v\r\n\r\n\r\n\r\nYmFy\r\n"), &out, &err),
	    err);
	buf_clear(&out);
	assert_rc(
	    base64_decode(span_str("Zm9vYmFyZg=="), &out, &err), RC_LIMIT);
	assert_rc(
	    base64_decode(span_str("Zm9vYmFyZm9v"), &out, &err), RC_LIMIT);
	assert_int_equal(out.len, 0);
	assert_rc(base64_encode(span_str("fooba"), 0, &out, &err), RC_LIMIT);
	assert_rc(base64_encode(span_str("foo"), 4, &out, NULL), RC_OK);
}

static void
the_url_alphabet_has_no_padding(void **state)
{
	static const struct vector cases[] = {
	    {"", ""},
	    {"f", "Zg"},
	    {"fo", "Zm8"},
	    {"foo", "Zm9v"},
	    {"\xfb\xff\xfe", "-__-"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf text BUF_OWNED = BUF_SMALL;
		struct buf bytes BUF_OWNED = BUF_SMALL;
		struct span in EXACT = expect_exact(span_str(cases[i].text));
		assert_ok(
		    base64url_encode(span_str(cases[i].bytes), &text, NULL));
		assert_span(buf_span(&text), cases[i].text);
		assert_ok(base64url_decode(in, &bytes, NULL));
		assert_span(buf_span(&bytes), cases[i].bytes);
	}
}

static void
the_url_alphabet_has_one_spelling_for_every_value(void **state)
{
	static const struct broken cases[] = {
	    {"padding", "Zg=="},
	    {"one padding", "Zm8="},
	    {"white space", "Zm9v\n"},
	    {"a line end after a wide step",
		"Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFy\r\nZm9vYmFyZm9vYmFyZm9vYmFy"},
	    {"blank", "Zm 9v"},
	    {"plus", "Zm9+"},
	    {"slash", "Zm9/"},
	    {"cut after one", "Zm9vY"},
	    {"cut after one without bits", "Zm9vA"},
	    {"stray bits after one byte", "Zh"},
	    {"stray bits after two bytes", "Zm9"},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_refused(&cases[i], base64url_decode);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_vectors_of_rfc_4648_hold_both_ways),
	    cmocka_unit_test(openssl_writes_the_same),
	    cmocka_unit_test(what_is_written_is_read_whatever_the_lines),
	    cmocka_unit_test(
		nothing_behind_the_end_is_looked_at_however_many_blanks_there_are),
	    cmocka_unit_test(lines_end_in_crlf_and_so_does_the_last),
	    cmocka_unit_test(white_space_is_skipped_wherever_it_stands),
	    cmocka_unit_test(
		what_two_readers_might_read_differently_is_refused),
	    cmocka_unit_test(
		every_byte_in_every_place_of_a_line_is_judged_alike),
	    cmocka_unit_test(the_url_alphabet_is_judged_alike_in_every_place),
	    cmocka_unit_test(any_split_of_a_text_is_read_alike),
	    cmocka_unit_test(any_split_of_bytes_is_written_alike),
	    cmocka_unit_test(what_found_no_room_can_be_given_again),
	    cmocka_unit_test(messages_count_from_the_first_piece),
	    cmocka_unit_test(a_nul_is_a_foreign_character),
	    cmocka_unit_test(
		the_output_is_limited_by_what_is_written_not_by_white_space),
	    cmocka_unit_test(the_url_alphabet_has_no_padding),
	    cmocka_unit_test(the_url_alphabet_has_one_spelling_for_every_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
