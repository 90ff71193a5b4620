#include "codec/base64.h"

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

static uint8_t *
put_line(const struct alphabet *alphabet, struct span in, uint8_t *to)
{
	for (; in.len >= 3; in = span_after(in, 3))
		to = put3(alphabet->digits, in.data, to);
	if (in.len > 0)
		to = put_rest(alphabet, in, to);
	return to;
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
	if (line == 0)
		(void)put_line(&mime, in, to);
	while (line > 0 && in.len > 0) {
		to = put_line(&mime, span_first(in, line / 4 * 3), to);
		*to++ = '\r';
		*to++ = '\n';
		in = span_after(in, line / 4 * 3);
	}
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
	(void)put_line(&url, in, to);
	buf_grown(out, len);
	return RC_OK;
}

/* One reading: where we are in the input and in the room for the output. */
struct reading {
	const struct alphabet *alphabet;
	struct span in;
	size_t at;      /* next character */
	uint32_t bits;  /* of the group of four that has begun */
	unsigned count; /* characters in it, padding included */
	unsigned padding;
	uint8_t *to;
	size_t room;
	size_t len; /* written */
};

/* Whole groups of four without anything between: nearly all of a letter. */
static void
read_groups(struct reading *r)
{
	const uint8_t *value = r->alphabet->value;

	while (r->in.len - r->at >= 4 && r->room - r->len >= 3) {
		const uint8_t *from = r->in.data + r->at;
		uint32_t a = value[from[0]], b = value[from[1]];
		uint32_t c = value[from[2]], d = value[from[3]];
		if ((a | b | c | d) > 63)
			return;
		uint32_t bits = a << 18 | b << 12 | c << 6 | d;
		r->to[r->len++] = (uint8_t)(bits >> 16);
		r->to[r->len++] = (uint8_t)(bits >> 8);
		r->to[r->len++] = (uint8_t)bits;
		r->at += 4;
	}
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
	if (r->room - r->len < bytes)
		return err_set(
		    err, RC_LIMIT, "base64: more bytes than allowed");
	for (unsigned i = 0; i < bytes; i++)
		r->to[r->len++] = (uint8_t)(r->bits >> (16 - 8 * i));
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
		    r->at + 1);
	r->padding++;
	if (++r->count < 4)
		return RC_OK;
	return end_group(r, r->padding, err);
}

static enum rc
read_one(struct reading *r, struct err *err)
{
	uint8_t value = r->alphabet->value[r->in.data[r->at]];

	if (value == BLANK)
		return RC_OK;
	if (value == FOREIGN)
		return err_set(err, RC_SYNTAX,
		    "base64: foreign character at %zu", r->at + 1);
	if (value == PADDING)
		return read_padding(r, err);
	if (r->padding > 0)
		return err_set(err, RC_SYNTAX,
		    "base64: more after the padding, at character %zu",
		    r->at + 1);
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
decode(const struct alphabet *alphabet, struct span in, struct buf *out,
    struct err *err)
{
	struct reading r = {.alphabet = alphabet, .in = in};
	size_t left = out->max - out->len;

	/* White space makes the true length smaller, so that running out of
	 * room is noticed while writing and not foretold. */
	r.room = in.len / 4 * 3 + 3 < left ? in.len / 4 * 3 + 3 : left;
	TRY(buf_reserve(out, r.room, &r.to, err));
	while (r.at < in.len) {
		if (r.count == 0 && r.padding == 0)
			read_groups(&r);
		if (r.at == in.len)
			break;
		TRY(read_one(&r, err));
		r.at++;
	}
	TRY(read_end(&r, err));
	buf_grown(out, r.len);
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
