#include <string.h>

#include <zlib.h>

#include "base/expect.h"
#include "base/own.h"
#include "cms/compress.h"

OWNER(struct compress, compress_free);

#define ALL ((size_t)1 << 30)
#define MIB ((size_t)1 << 20)
#define TEXT                               \
	"Content-Type: text/plain\r\n\r\n" \
	"Good morning, good morning, good morning.\r\n"

/* TEXT as Python's zlib module compresses it, in DER. */
static const uint8_t sample[] = {
    /* clang-format off */
    0x30, 0x6c, 0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09,
    0x10, 0x01, 0x09, 0xa0, 0x5d, 0x30, 0x5b, 0x02, 0x01, 0x00, 0x30, 0x0d,
    0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x03,
    0x08, 0x30, 0x47, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01,
    0x07, 0x01, 0xa0, 0x3a, 0x04, 0x38, 0x78, 0xda, 0x73, 0xce, 0xcf, 0x2b,
    0x49, 0xcd, 0x2b, 0xd1, 0x0d, 0xa9, 0x2c, 0x48, 0xb5, 0x52, 0x28, 0x49,
    0xad, 0x28, 0xd1, 0x2f, 0xc8, 0x49, 0xcc, 0xcc, 0xe3, 0xe5, 0xe2, 0xe5,
    0x72, 0xcf, 0xcf, 0x4f, 0x51, 0xc8, 0xcd, 0x2f, 0xca, 0xcb, 0xcc, 0x4b,
    0xd7, 0x51, 0x48, 0xc7, 0xc9, 0xd3, 0xe3, 0xe5, 0x02, 0x00, 0x79, 0xe1,
    0x18, 0x41,
    /* clang-format on */
};
#define AT_TYPE 14 /* the last byte of its OID */
#define AT_VERSION 21
#define AT_ALGORITHM 36 /* likewise */
#define AT_INNER 49     /* likewise */
#define AT_ZLIB 54

#define SAMPLE span_of(sample, sizeof(sample))

/* With everything around it of indefinite length. */
static const uint8_t head[] = {0x30, 0x80, 0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86,
    0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x09, 0xa0, 0x80, 0x30, 0x80, 0x02,
    0x01, 0x00, 0x30, 0x0f, 0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d,
    0x01, 0x09, 0x10, 0x03, 0x08, 0x05, 0x00, 0x30, 0x80, 0x06, 0x09, 0x2a,
    0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01, 0xa0, 0x80, 0x24, 0x80};

static void
print_ber(struct span zlib, struct buf *out)
{
	static const uint8_t ends[12] = {0};

	assert_ok(buf_add(out, span_of(head, sizeof(head)), NULL));
	while (zlib.len > 0) {
		size_t len = span_first(zlib, 1000).len;
		const uint8_t octets[] = {
		    0x04, 0x82, (uint8_t)(len >> 8), (uint8_t)len};
		assert_ok(buf_add(out, span_of(octets, sizeof(octets)), NULL));
		assert_ok(buf_add(out, span_first(zlib, len), NULL));
		zlib = span_after(zlib, len);
	}
	assert_ok(buf_add(out, span_of(ends, sizeof(ends)), NULL));
}

static void
deflate_all(struct span in, struct buf *out)
{
	uint8_t *room;
	uLongf len = compressBound((uLong)in.len);

	assert_ok(buf_reserve(out, len, &room, NULL));
	assert_int_equal(
	    compress2(room, &len, in.data, (uLong)in.len, 9), Z_OK);
	buf_grown(out, len);
}

static enum rc
pull_all(struct compress *compress, struct buf *out, struct err *err)
{
	enum rc rc = RC_OK;

	while (rc == RC_OK) {
		size_t before = out->len;
		rc = compress_pull(compress, out, err);
		assert_true(out->len - before <= COMPRESS_STEP);
	}
	return rc == RC_AGAIN ? RC_OK : rc;
}

static enum rc
read_within(struct compress_limits limits, struct span der, size_t size,
    struct buf *out, struct err *err)
{
	struct compress *compress OWNED(compress_free) = NULL;

	TRY(compress_new(limits, &compress, err));
	while (der.len > 0) {
		struct span piece EXACT = expect_exact(span_first(der, size));
		der = span_after(der, size);
		compress_push(compress, piece);
		TRY(pull_all(compress, out, err));
	}
	return compress_finish(compress, err);
}

static enum rc
read_pieces(struct span der, size_t size, struct buf *out, struct err *err)
{
	return read_within(COMPRESS_LIMITS, der, size, out, err);
}

static void
what_others_compressed_is_read_in_any_pieces(void **state)
{
	static const size_t sizes[] = {ALL, 1, 2, 3, 7, 64};

	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct buf out BUF_OWNED = BUF(MIB);
		struct buf ber BUF_OWNED = BUF(MIB);
		struct err err = ERR_NONE;
		assert_done(read_pieces(SAMPLE, sizes[i], &out, &err), err);
		assert_span(buf_span(&out), TEXT);
		buf_clear(&out);
		print_ber(span_after(SAMPLE, AT_ZLIB), &ber);
		assert_done(
		    read_pieces(buf_span(&ber), sizes[i], &out, &err), err);
		assert_span(buf_span(&out), TEXT);
	}
}

static void
what_is_cut_off_is_never_read(void **state)
{
	for (size_t len = 0; len < sizeof(sample); len++) {
		struct buf out BUF_OWNED = BUF(MIB);
		assert_rc(read_pieces(span_first(SAMPLE, len), 16, &out, NULL),
		    RC_SYNTAX);
	}
}

static void
what_was_changed_is_never_read_as_something_else(void **state)
{
	for (size_t i = 0; i < sizeof(sample) * 8; i++) {
		uint8_t changed[sizeof(sample)];
		struct buf out BUF_OWNED = BUF(MIB);
		memcpy(changed, sample, sizeof(sample));
		changed[i / 8] ^= (uint8_t)(1U << i % 8);
		if (read_pieces(span_of(changed, sizeof(changed)), ALL, &out,
			NULL) == RC_OK)
			assert_span(buf_span(&out), TEXT);
	}
}

static void
what_is_no_compressed_mail_is_refused_by_name(void **state)
{
	static const struct {
		size_t at;
		enum rc want;
		const char *text;
	} cases[] = {
	    {AT_TYPE, RC_SYNTAX, "no CMS CompressedData"},
	    {AT_VERSION, RC_SYNTAX, "unknown version"},
	    {AT_ALGORITHM, RC_UNFIT, "compressed in a way"},
	    {AT_INNER, RC_UNFIT, "no MIME entity"},
	    {AT_ZLIB, RC_SYNTAX, "no well-formed zlib stream"},
	    /* a dictionary that nobody has; with its check bits */
	    {AT_ZLIB + 1, RC_SYNTAX, "no well-formed zlib stream"},
	    {sizeof(sample) - 1, RC_SYNTAX, "no well-formed zlib stream"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		uint8_t changed[sizeof(sample)];
		struct buf out BUF_OWNED = BUF(MIB);
		struct err err = ERR_NONE;
		memcpy(changed, sample, sizeof(sample));
		changed[cases[i].at] ^= cases[i].at == AT_ZLIB + 1 ? 0x21 : 2;
		assert_rc(read_pieces(span_of(changed, sizeof(changed)), ALL,
			      &out, &err),
		    cases[i].want);
		assert_has(err.text, cases[i].text);
	}
}

static void
nothing_may_follow_the_zlib_stream(void **state)
{
	struct span zlib = span_after(SAMPLE, AT_ZLIB);

	/* in the same piece, and in one of its own */
	for (size_t len = 1; len <= 1000; len += 999) {
		struct buf more BUF_OWNED = BUF(MIB), ber BUF_OWNED = BUF(MIB);
		struct buf out BUF_OWNED = BUF(MIB);
		struct err err = ERR_NONE;
		assert_ok(buf_add(&more, zlib, NULL));
		while (more.len < 999 + len)
			assert_ok(buf_add_byte(&more, 0, NULL));
		print_ber(buf_span(&more), &ber);
		assert_rc(
		    read_pieces(buf_span(&ber), ALL, &out, &err), RC_SYNTAX);
		assert_string_equal(err.text, "bytes behind the zlib stream");
	}
}

/* `len` bytes that compress about 1000 to 1, in BER. */
static void
make_bomb(size_t len, struct buf *out)
{
	struct buf zlib BUF_OWNED = BUF(64 * MIB);
	uint8_t *zeros = calloc(1, len);

	deflate_all(span_of(zeros, len), &zlib);
	free(zeros);
	print_ber(buf_span(&zlib), out);
}

static void
the_ratio_has_a_limit(void **state)
{
	struct buf bomb BUF_OWNED = BUF(64 * MIB);
	struct buf out BUF_OWNED = BUF(64 * MIB);
	struct err err = ERR_NONE;

	make_bomb(40 * MIB, &bomb);
	assert_rc(read_pieces(buf_span(&bomb), 4096, &out, &err), RC_LIMIT);
	assert_has(err.text, "a compressed letter that comes to more than");
	/* stopped as soon as it was too much */
	assert_true(
	    out.len < 100 * bomb.len + COMPRESS_ALWAYS + 2 * COMPRESS_STEP);
	out.len = 0;
	const struct compress_limits wide = {64 * MIB, 2000};
	assert_ok(read_within(wide, buf_span(&bomb), 4096, &out, &err));
	assert_int_equal(out.len, 40 * MIB);
}

static void
a_short_letter_may_compress_well(void **state)
{
	struct buf der BUF_OWNED = BUF(MIB), out BUF_OWNED = BUF(4 * MIB);
	struct err err = ERR_NONE;

	make_bomb(COMPRESS_ALWAYS, &der);
	assert_done(read_pieces(buf_span(&der), ALL, &out, &err), err);
	assert_int_equal(out.len, COMPRESS_ALWAYS);
}

static void
the_length_has_a_limit(void **state)
{
	struct buf der BUF_OWNED = BUF(MIB);
	struct compress_limits limits = {3 * MIB, 2000};

	make_bomb(3 * MIB, &der);
	for (unsigned less = 0; less <= 1; less++) {
		struct buf out BUF_OWNED = BUF(4 * MIB);
		struct err err = ERR_NONE;
		limits.bytes -= less;
		assert_rc(read_within(limits, buf_span(&der), ALL, &out, &err),
		    less == 0 ? RC_OK : RC_LIMIT);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_others_compressed_is_read_in_any_pieces),
	    cmocka_unit_test(what_is_cut_off_is_never_read),
	    cmocka_unit_test(what_was_changed_is_never_read_as_something_else),
	    cmocka_unit_test(what_is_no_compressed_mail_is_refused_by_name),
	    cmocka_unit_test(nothing_may_follow_the_zlib_stream),
	    cmocka_unit_test(the_ratio_has_a_limit),
	    cmocka_unit_test(a_short_letter_may_compress_well),
	    cmocka_unit_test(the_length_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
