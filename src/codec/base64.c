#include "codec/base64.h"

#include <inttypes.h>

#include "codec/base64_block_priv.h"

#define MIME_LINE_MAX 76 /* RFC 2045 section 6.8 */

/* More room than the bytes need, so that whole registers are stored up to the
 * end. */
#define WIDE_STORE 64

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

/* Of `in` all whole groups; no line end. */
static uint8_t *
put_groups(const struct alphabet *alphabet, struct span in, uint8_t *to)
{
	size_t at = 0;

	if (!alphabet->url)
		at = base64_write_blocks(in.data, in.len, to);
	to += at / 3 * 4;
	for (; in.len - at >= 3; at += 3)
		to = put3(alphabet->digits, in.data + at, to);
	return to;
}

static uint8_t *
put_line_end(uint8_t *to)
{
	*to++ = '\r';
	*to++ = '\n';
	return to;
}

/* What is left of this line, of the groups in *in. */
static uint8_t *
put_piece(struct base64_writer *w, struct span *in, uint8_t *to)
{
	struct span piece = *in;

	if (w->line > 0)
		piece = span_first(*in, (w->line - w->column) / 4 * 3);
	*in = span_after(*in, piece.len);
	to = put_groups(&mime, piece, to);
	if (w->line == 0)
		return to;
	w->column += piece.len / 3 * 4;
	if (w->column < w->line)
		return to;
	w->column = 0;
	return put_line_end(to);
}

/* `in` is whole groups. */
static uint8_t *
put_lines(struct base64_writer *w, struct span in, uint8_t *to)
{
	size_t bytes = w->line / 4 * 3;

	if (w->column > 0)
		to = put_piece(w, &in, to);
	if (bytes > 0 && in.len >= bytes) {
		size_t count =
		    base64_write_lines(in.data, w->line, in.len / bytes, to);
		in = span_after(in, count * bytes);
		to += count * (w->line + 2);
	}
	while (in.len > 0)
		to = put_piece(w, &in, to);
	return to;
}

/* The group that earlier bytes have begun, if `in` ends it. */
static uint8_t *
put_begun(struct base64_writer *w, struct span *in, uint8_t *to)
{
	while (w->rest_len > 0 && w->rest_len < 3 && in->len > 0) {
		w->rest[w->rest_len++] = in->data[0];
		*in = span_after(*in, 1);
	}
	if (w->rest_len < 3)
		return to;
	w->rest_len = 0;
	return put_lines(w, span_of(w->rest, 3), to);
}

/* How many characters `groups` more groups are. */
static size_t
written_len(const struct base64_writer *w, size_t groups)
{
	size_t len = groups * 4;

	return w->line == 0 ? len : len + (w->column + len) / w->line * 2;
}

static void
check_line(size_t line)
{
	if (line % 4 != 0 || line > MIME_LINE_MAX)
		bug("base64: no such line length");
}

enum rc
base64_write(
    struct base64_writer *w, struct span in, struct buf *out, struct err *err)
{
	uint8_t *to, *start;

	check_line(w->line);
	if (in.len > SIZE_MAX / 4)
		return err_set(err, RC_LIMIT, "base64: too many bytes");
	TRY(buf_reserve(
	    out, written_len(w, (w->rest_len + in.len) / 3), &start, err));
	to = put_begun(w, &in, start);
	struct span rest = span_after(in, in.len / 3 * 3);
	to = put_lines(w, span_first(in, in.len - rest.len), to);
	for (size_t i = 0; i < rest.len; i++)
		w->rest[w->rest_len++] = rest.data[i];
	buf_grown(out, (size_t)(to - start));
	return RC_OK;
}

enum rc
base64_write_end(struct base64_writer *w, struct buf *out, struct err *err)
{
	uint8_t last[4 + 2], *to = last;

	if (w->rest_len > 0)
		to = put_rest(&mime, span_of(w->rest, w->rest_len), to);
	if (w->line > 0 && (to > last || w->column > 0))
		to = put_line_end(to);
	TRY(buf_add(out, span_of(last, (size_t)(to - last)), err));
	w->rest_len = 0;
	w->column = 0;
	return RC_OK;
}

enum rc
base64_encode(struct span in, size_t line, struct buf *out, struct err *err)
{
	struct base64_writer w = BASE64_WRITER(line);
	size_t before = out->len;

	TRY(base64_write(&w, in, out, err));
	enum rc rc = base64_write_end(&w, out, err);
	if (rc != RC_OK)
		buf_cut(out, before);
	return rc;
}

enum rc
base64url_encode(struct span in, struct buf *out, struct err *err)
{
	uint8_t *to;

	if (in.len > SIZE_MAX / 4)
		return err_set(err, RC_LIMIT, "base64url: too many bytes");
	size_t len = in.len / 3 * 4 + (in.len % 3 > 0 ? in.len % 3 + 1 : 0);
	TRY(buf_reserve(out, len, &to, err));
	to = put_groups(&url, in, to);
	if (in.len % 3 > 0)
		(void)put_rest(&url, span_after(in, in.len / 3 * 3), to);
	buf_grown(out, len);
	return RC_OK;
}

/* One reading: what is left of the input and of the room for the output. */
struct reading {
	const struct alphabet *alphabet;
	struct base64_reader state;
	struct base64_run run;
	const uint8_t *start; /* of the input */
};

/* Whole groups of four with nothing but line ends between: nearly all of a
 * letter. */
static void
read_groups(struct reading *r)
{
	const uint8_t *value = r->alphabet->value;
	struct base64_run run = r->run;

	if (!r->alphabet->url)
		base64_read_blocks(&run);
	while (run.in_left >= 4 && run.room >= 3) {
		uint32_t a = value[run.in[0]], b = value[run.in[1]];
		uint32_t c = value[run.in[2]], d = value[run.in[3]];
		if ((a | b | c | d) > 63) {
			if (!r->alphabet->url && base64_skip_line_end(&run))
				continue;
			break;
		}
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
static uint64_t
place(const struct reading *r)
{
	return r->state.place + (uint64_t)(r->run.in - r->start) + 1;
}

/* The end of a group, that `padding` of its four characters are not part of.
 * The bits that no byte takes must be zero (RFC 4648 section 3.5): else one
 * value had several spellings. */
static enum rc
end_group(struct reading *r, unsigned padding, struct err *err)
{
	struct base64_reader *state = &r->state;
	unsigned bytes = 3 - padding;

	if ((state->bits & ((1U << (8 * padding)) - 1)) != 0)
		return err_set(err, RC_SYNTAX, "base64: stray bits at the end");
	if (r->run.room < bytes)
		return err_set(
		    err, RC_LIMIT, "base64: more bytes than allowed");
	for (unsigned i = 0; i < bytes; i++)
		*r->run.to++ = (uint8_t)(state->bits >> (16 - 8 * i));
	r->run.room -= bytes;
	state->bits = 0;
	state->count = 0;
	return RC_OK;
}

static enum rc
read_padding(struct reading *r, struct err *err)
{
	if (r->state.count < 2)
		return err_set(err, RC_SYNTAX,
		    "base64: \"=\" at character %" PRIu64
		    ", where a group begins",
		    place(r));
	r->state.padding++;
	if (++r->state.count < 4)
		return RC_OK;
	return end_group(r, r->state.padding, err);
}

static enum rc
read_one(struct reading *r, struct err *err)
{
	uint8_t value = r->alphabet->value[*r->run.in];

	if (value == BLANK)
		return RC_OK;
	if (value == FOREIGN)
		return err_set(err, RC_SYNTAX,
		    "base64: foreign character at %" PRIu64, place(r));
	if (value == PADDING)
		return read_padding(r, err);
	if (r->state.padding > 0)
		return err_set(err, RC_SYNTAX,
		    "base64: more after the padding, at character %" PRIu64,
		    place(r));
	r->state.bits |= (uint32_t)value << (18 - 6 * r->state.count);
	if (++r->state.count < 4)
		return RC_OK;
	return end_group(r, 0, err);
}

/* Does a group begin here, and not a row of blanks, each of which would be
 * looked at by read_groups() in vain? */
static bool
at_group(const struct reading *r)
{
	return r->state.count == 0 && r->state.padding == 0 &&
	       r->alphabet->value[*r->run.in] < BLANK;
}

static enum rc
read_all(struct reading *r, struct err *err)
{
	while (r->run.in_left > 0) {
		if (at_group(r))
			read_groups(r);
		if (r->run.in_left == 0)
			return RC_OK;
		TRY(read_one(r, err));
		r->run.in++;
		r->run.in_left--;
	}
	return RC_OK;
}

static enum rc
read_some(const struct alphabet *alphabet, struct base64_reader *reader,
    struct span in, struct buf *out, struct err *err)
{
	struct reading r = {
	    .alphabet = alphabet, .state = *reader, .start = in.data};
	size_t left = out->max - out->len;
	size_t want = in.len / 4 * 3 + WIDE_STORE;
	uint8_t *to;

	/* White space makes the true length smaller, so that running out of
	 * room is noticed while writing and not foretold. */
	size_t room = want < left ? want : left;
	TRY(buf_reserve(out, room, &to, err));
	r.run = (struct base64_run){in.data, in.len, to, room,
	    reader->line > 0 ? reader->line : MIME_LINE_MAX, NULL};
	TRY(read_all(&r, err));
	buf_grown(out, room - r.run.room);
	r.state.place += in.len;
	r.state.line = r.run.line;
	*reader = r.state;
	return RC_OK;
}

enum rc
base64_read(
    struct base64_reader *r, struct span in, struct buf *out, struct err *err)
{
	return read_some(&mime, r, in, out, err);
}

enum rc
base64_read_end(const struct base64_reader *r, struct err *err)
{
	if (r->count > 0)
		return err_set(err, RC_SYNTAX, "base64: cut off");
	return RC_OK;
}

enum rc
base64_decode(struct span in, struct buf *out, struct err *err)
{
	struct base64_reader r = BASE64_READER;
	size_t before = out->len;

	TRY(base64_read(&r, in, out, err));
	enum rc rc = base64_read_end(&r, err);
	if (rc != RC_OK)
		buf_cut(out, before);
	return rc;
}

/* The group of two or three characters at the end. */
static enum rc
read_url_end(struct base64_reader *state, struct buf *out, struct err *err)
{
	uint8_t bytes[3];
	struct reading r = {.state = *state, .run = {.to = bytes, .room = 3}};

	if (state->count == 0)
		return RC_OK;
	if (state->count == 1)
		return err_set(err, RC_SYNTAX, "base64: cut off");
	unsigned padding = 4 - state->count;
	TRY(end_group(&r, padding, err));
	return buf_add(out, span_of(bytes, 3 - padding), err);
}

enum rc
base64url_decode(struct span in, struct buf *out, struct err *err)
{
	struct base64_reader r = BASE64_READER;
	size_t before = out->len;

	TRY(read_some(&url, &r, in, out, err));
	enum rc rc = read_url_end(&r, out, err);
	if (rc != RC_OK)
		buf_cut(out, before);
	return rc;
}
