#include "codec/base64.h"

#include "codec/base64_block_priv.h"

#define MIME_LINE_MAX 76 /* RFC 2045 section 6.8 */

/* What a character means, where it is no digit; any of them has a bit above
 * the six of a digit, so that four characters are looked at in one step. */
enum { BLANK = 64, PADDING = 128, FOREIGN = 192 };

struct alphabet {
	const char digits[65];
	bool url; /* no padding, no white space */
	uint8_t value[256];
};

#define X4 FOREIGN, FOREIGN, FOREIGN, FOREIGN
#define X16 X4, X4, X4, X4
#define X128 X16, X16, X16, X16, X16, X16, X16, X16
/* 0-9, A-Z, a-z stand at the same places in both alphabets. */
#define DECIMALS 52, 53, 54, 55, 56, 57, 58, 59, 60, 61
#define LETTERS(from)                                                         \
	from, from + 1, from + 2, from + 3, from + 4, from + 5, from + 6,     \
	    from + 7, from + 8, from + 9, from + 10, from + 11, from + 12,    \
	    from + 13, from + 14, from + 15, from + 16, from + 17, from + 18, \
	    from + 19, from + 20, from + 21, from + 22, from + 23, from + 24, \
	    from + 25
#define X FOREIGN

static const struct alphabet mime = {
    .digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	      "+/",
    .url = false,
    /* clang-format off */
    .value = {
	X4, X4, X, BLANK, BLANK, X, X, BLANK, X, X, X16,
	BLANK, X, X, X, X4, X, X, X, 62, X, X, X, 63,
	DECIMALS, X, X, X, PADDING, X, X,
	X, LETTERS(0), X, X, X, X, X,
	X, LETTERS(26), X, X, X, X, X,
	X128,
    },
    /* clang-format on */
};

static const struct alphabet url = {
    .digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	      "-_",
    .url = true,
    /* clang-format off */
    .value = {
	X16, X16,
	X4, X4, X4, X, 62, X, X,
	DECIMALS, X, X, X, X, X, X,
	X, LETTERS(0), X, X, X, X, 63,
	X, LETTERS(26), X, X, X, X, X,
	X128,
    },
    /* clang-format on */
};

static uint8_t *
put3(const char *digits, const uint8_t *in, uint8_t *to)
{
	uint32_t bits = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];

	*to++ = (uint8_t)digits[bits >> 18];
	*to++ = (uint8_t)digits[bits >> 12 & 63];
	*to++ = (uint8_t)digits[bits >> 6 & 63];
	*to++ = (uint8_t)digits[bits & 63];
	return to;
}

/* The last one or two bytes. */
static uint8_t *
put_rest(const struct alphabet *alphabet, struct span in, uint8_t *to)
{
	uint8_t last[3] = {in.data[0], in.len > 1 ? in.data[1] : 0, 0};

	(void)put3(alphabet->digits, last, to);
	to += in.len + 1;
	for (size_t i = in.len; i < 3 && !alphabet->url; i++)
		*to++ = '=';
	return to;
}

static struct base64_last
last_digits(const struct alphabet *alphabet)
{
	return (struct base64_last){alphabet->digits[62], alphabet->digits[63]};
}

/* The first `len` bytes of `in`; behind them it may be looked at. */
static uint8_t *
put_line(
    const struct alphabet *alphabet, struct span in, size_t len, uint8_t *to)
{
	size_t at = base64_write_blocks(
	    in.data, len, in.len, to, last_digits(alphabet));

	to += at / 3 * 4;
	for (; len - at >= 3; at += 3)
		to = put3(alphabet->digits, in.data + at, to);
	if (len > at)
		to = put_rest(alphabet, span_of(in.data + at, len - at), to);
	return to;
}

static void
put_lines(struct span in, size_t line, uint8_t *to)
{
	while (in.len > 0) {
		size_t len = span_first(in, line / 4 * 3).len;
		to = put_line(&mime, in, len, to);
		*to++ = '\r';
		*to++ = '\n';
		in = span_after(in, len);
	}
}

enum rc
base64_encode(struct span in, size_t line, struct buf *out, struct err *err)
{
	if (line % 4 != 0 || line > MIME_LINE_MAX)
		bug("base64_encode: no such line length");
	if (in.len > SIZE_MAX / 4)
		return err_set(err, RC_LIMIT, "base64: too many bytes");
	size_t len = (in.len + 2) / 3 * 4;
	if (line > 0)
		len += (len + line - 1) / line * 2;
	uint8_t *to;
	TRY(buf_reserve(out, len, &to, err));
	if (line > 0)
		put_lines(in, line, to);
	else
		(void)put_line(&mime, in, in.len, to);
	buf_grown(out, len);
	return RC_OK;
}

enum rc
base64url_encode(struct span in, struct buf *out, struct err *err)
{
	uint8_t *to;

	if (in.len > SIZE_MAX / 4)
		return err_set(err, RC_LIMIT, "base64url: too many bytes");
	size_t len = in.len / 3 * 4 + (in.len % 3 > 0 ? in.len % 3 + 1 : 0);
	TRY(buf_reserve(out, len, &to, err));
	(void)put_line(&url, in, in.len, to);
	buf_grown(out, len);
	return RC_OK;
}

/* One reading: what is left of the input and of the room for the output. */
struct reading {
	const struct alphabet *alphabet;
	struct base64_run run;
	const uint8_t *start; /* of the input */
	uint32_t bits;        /* of the group of four that has begun */
	unsigned count;       /* characters in it, padding included */
	unsigned padding;
};

/* Whole groups of four without anything between: nearly all of a letter. */
static void
read_groups(struct reading *r)
{
	const uint8_t *value = r->alphabet->value;
	struct base64_run run = r->run;

	base64_read_blocks(&run, last_digits(r->alphabet));
	while (run.in_left >= 4 && run.room >= 3) {
		uint32_t a = value[run.in[0]], b = value[run.in[1]];
		uint32_t c = value[run.in[2]], d = value[run.in[3]];
		if ((a | b | c | d) > 63)
			break;
		uint32_t bits = a << 18 | b << 12 | c << 6 | d;
		*run.to++ = (uint8_t)(bits >> 16);
		*run.to++ = (uint8_t)(bits >> 8);
		*run.to++ = (uint8_t)bits;
		run.room -= 3;
		run.in += 4;
		run.in_left -= 4;
	}
	r->run = run;
}

/* For messages: the place of the character that is read, from 1. */
static size_t
place(const struct reading *r)
{
	return (size_t)(r->run.in - r->start) + 1;
}

/* The end of a group, that `padding` of its four characters are not part of.
 * The bits that no byte takes must be zero (RFC 4648 section 3.5): else one
 * value had several spellings. */
static enum rc
end_group(struct reading *r, unsigned padding, struct err *err)
{
	unsigned bytes = 3 - padding;

	if ((r->bits & ((1U << (8 * padding)) - 1)) != 0)
		return err_set(err, RC_SYNTAX, "base64: stray bits at the end");
	if (r->run.room < bytes)
		return err_set(
		    err, RC_LIMIT, "base64: more bytes than allowed");
	for (unsigned i = 0; i < bytes; i++)
		*r->run.to++ = (uint8_t)(r->bits >> (16 - 8 * i));
	r->run.room -= bytes;
	r->bits = 0;
	r->count = 0;
	return RC_OK;
}

static enum rc
read_padding(struct reading *r, struct err *err)
{
	if (r->count < 2)
		return err_set(err, RC_SYNTAX,
		    "base64: \"=\" at character %zu, where a group begins",
		    place(r));
	r->padding++;
	if (++r->count < 4)
		return RC_OK;
	return end_group(r, r->padding, err);
}

static enum rc
read_one(struct reading *r, struct err *err)
{
	uint8_t value = r->alphabet->value[*r->run.in];

	if (value == BLANK)
		return RC_OK;
	if (value == FOREIGN)
		return err_set(err, RC_SYNTAX,
		    "base64: foreign character at %zu", place(r));
	if (value == PADDING)
		return read_padding(r, err);
	if (r->padding > 0)
		return err_set(err, RC_SYNTAX,
		    "base64: more after the padding, at character %zu",
		    place(r));
	r->bits |= (uint32_t)value << (18 - 6 * r->count);
	if (++r->count < 4)
		return RC_OK;
	return end_group(r, 0, err);
}

static enum rc
read_end(struct reading *r, struct err *err)
{
	if (r->count == 0)
		return RC_OK;
	if (!r->alphabet->url || r->count == 1)
		return err_set(err, RC_SYNTAX, "base64: cut off");
	return end_group(r, 4 - r->count, err);
}

static enum rc
read_all(struct reading *r, struct err *err)
{
	while (r->run.in_left > 0) {
		TRY(read_one(r, err));
		r->run.in++;
		r->run.in_left--;
		if (r->count == 0 && r->padding == 0)
			read_groups(r);
	}
	return read_end(r, err);
}

static enum rc
decode(const struct alphabet *alphabet, struct span in, struct buf *out,
    struct err *err)
{
	struct reading r = {.alphabet = alphabet, .start = in.data};
	size_t left = out->max - out->len;
	uint8_t *to;

	/* White space makes the true length smaller, so that running out of
	 * room is noticed while writing and not foretold. */
	size_t room = in.len / 4 * 3 + 3 < left ? in.len / 4 * 3 + 3 : left;
	TRY(buf_reserve(out, room, &to, err));
	r.run = (struct base64_run){in.data, in.len, to, room, !alphabet->url};
	read_groups(&r);
	TRY(read_all(&r, err));
	buf_grown(out, room - r.run.room);
	return RC_OK;
}

enum rc
base64_decode(struct span in, struct buf *out, struct err *err)
{
	return decode(&mime, in, out, err);
}

enum rc
base64url_decode(struct span in, struct buf *out, struct err *err)
{
	return decode(&url, in, out, err);
}
