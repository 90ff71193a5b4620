#include "codec/qp.h"

#include "codec/qp_block_priv.h"

#define QP_LINE_MAX 76 /* RFC 2045 section 6.7 (5), the soft "=" included */
#define LOOK_AHEAD 4   /* of "From ", behind its first character */

/* Room in `out` that is filled piece by piece. */
struct sink {
	struct buf *out;
	uint8_t *start, *to;
	size_t room; /* behind `to` */
};

#define SINK_STEP ((size_t)1 << 14)

static void
sink_finish(struct sink *sink)
{
	buf_grown(sink->out, (size_t)(sink->to - sink->start));
	sink->start = sink->to;
}

/* Room for `len` bytes, and for more where the limit lets it. */
static enum rc
sink_need(struct sink *sink, size_t len, struct err *err)
{
	if (sink->room >= len)
		return RC_OK;
	if (sink->to > sink->start)
		sink_finish(sink);
	size_t room = sink->out->max - sink->out->len;
	if (room > SINK_STEP)
		room = SINK_STEP;
	if (room < len)
		room = len;
	TRY(buf_reserve(sink->out, room, &sink->start, err));
	sink->to = sink->start;
	sink->room = room;
	return RC_OK;
}

static void
sink_grown(struct sink *sink, size_t len)
{
	if (len == 0)
		return; /* nothing was reserved yet, perhaps */
	sink->to += len;
	sink->room -= len;
}

static enum rc
sink_add(struct sink *sink, struct span bytes, struct err *err)
{
	if (bytes.len == 0)
		return RC_OK;
	TRY(sink_need(sink, bytes.len, err));
	memcpy(sink->to, bytes.data, bytes.len);
	sink_grown(sink, bytes.len);
	return RC_OK;
}

static enum rc
sink_byte(struct sink *sink, uint8_t byte, struct err *err)
{
	TRY(sink_need(sink, 1, err));
	*sink->to = byte;
	sink_grown(sink, 1);
	return RC_OK;
}

/* Either all of it stays or nothing. */
static enum rc
sink_end(struct sink *sink, size_t before, enum rc rc)
{
	if (rc == RC_OK && sink->to > sink->start)
		sink_finish(sink);
	if (rc != RC_OK)
		buf_cut(sink->out, before);
	return rc;
}

/* One writing: what is left of the input, and where the line has got to. */
struct writing {
	struct span in;
	size_t keep; /* of the input, for it is not known what follows */
	size_t column;
	struct sink sink;
};

static bool
at_line_end(struct span in)
{
	return in.len == 0 || span_starts(in, "\r\n");
}

/* May the first character of `in` stand for itself in this column?  What a
 * mail server might touch may not: RFC 5321's dot, mbox's "From ", blanks
 * at the end of a line. */
static bool
is_plain(struct span in, size_t column)
{
	uint8_t c = in.data[0];

	if (c == ' ' || c == '\t')
		return !at_line_end(span_after(in, 1));
	if (c < '!' || c > '~' || c == '=')
		return false;
	if (column == 0 && (c == '.' || span_starts(in, "From ")))
		return false;
	return true;
}

static enum rc
write_code(struct writing *w, struct err *err)
{
	static const char digits[] = "0123456789ABCDEF";
	uint8_t c = w->in.data[0];

	TRY(sink_need(&w->sink, 3, err));
	w->sink.to[0] = '=';
	w->sink.to[1] = (uint8_t)digits[c >> 4];
	w->sink.to[2] = (uint8_t)digits[c & 15];
	sink_grown(&w->sink, 3);
	w->column += 3;
	return RC_OK;
}

/* A character, behind a soft line end if it does not fit.  Only before a
 * line's end may the 76th column be used; else the "=" needs it. */
static enum rc
write_character(struct writing *w, struct err *err)
{
	size_t last =
	    at_line_end(span_after(w->in, 1)) ? QP_LINE_MAX : QP_LINE_MAX - 1;
	size_t width = is_plain(w->in, w->column) ? 1 : 3;

	if (w->column + width > last) {
		TRY(sink_add(&w->sink, span_str("=\r\n"), err));
		w->column = 0;
	}
	if (!is_plain(w->in, w->column))
		return write_code(w, err);
	w->column++;
	return sink_byte(&w->sink, w->in.data[0], err);
}

/* Behind the first column, the plain rest of a line, but for the 76th. */
static void
write_plain(struct writing *w)
{
	if (w->column == 0 || w->column >= QP_LINE_MAX - 1)
		return;
	size_t most = QP_LINE_MAX - 1 - w->column;
	if (most > w->in.len - w->keep)
		most = w->in.len - w->keep;
	if (most > w->sink.room)
		most = w->sink.room;
	size_t len = qp_copy_write(w->in, most, w->sink.to, w->sink.room);
	sink_grown(&w->sink, len);
	w->column += len;
	w->in = span_after(w->in, len);
}

static enum rc
write_next(struct writing *w, struct err *err)
{
	if (!span_starts(w->in, "\r\n")) {
		TRY(write_character(w, err));
		w->in = span_after(w->in, 1);
		return RC_OK;
	}
	TRY(sink_add(&w->sink, span_str("\r\n"), err));
	w->column = 0;
	w->in = span_after(w->in, 2);
	return RC_OK;
}

static enum rc
write_all(struct writing *w, struct err *err)
{
	while (w->in.len > w->keep) {
		size_t before = w->in.len;
		write_plain(w);
		if (w->in.len == before)
			TRY(write_next(w, err));
	}
	return RC_OK;
}

/* What was held back, with the beginning of *in behind it; takes from *in what
 * has been used up. */
static enum rc
write_held(struct writing *w, struct qp_writer *writer, struct span *in,
    struct err *err)
{
	uint8_t bytes[2 * LOOK_AHEAD];
	struct span more = span_first(*in, LOOK_AHEAD);
	size_t len = writer->held_len;

	memcpy(bytes, writer->held, len);
	memcpy(bytes + len, more.data, more.len);
	w->in = span_of(bytes, len + more.len);
	TRY(write_all(w, err));
	size_t used = len + more.len - w->in.len;
	if (used >= len) {
		*in = span_after(*in, used - len);
		writer->held_len = 0;
		return RC_OK;
	}
	/* It was too short to see what follows. */
	*in = SPAN_NONE;
	memcpy(writer->held, w->in.data, w->in.len);
	writer->held_len = w->in.len;
	return RC_OK;
}

static enum rc
write_some(struct writing *w, struct qp_writer *writer, struct span in,
    struct err *err)
{
	if (writer->held_len > 0 && in.len > 0)
		TRY(write_held(w, writer, &in, err));
	if (in.len > 0) {
		w->in = in;
		TRY(write_all(w, err));
		memcpy(writer->held, w->in.data, w->in.len);
		writer->held_len = w->in.len;
	}
	writer->column = w->column;
	return RC_OK;
}

enum rc
qp_write(struct qp_writer *w, struct span in, struct buf *out, struct err *err)
{
	struct qp_writer after = *w;
	struct writing writing = {
	    .keep = LOOK_AHEAD, .column = w->column, .sink = {.out = out}};
	size_t before = out->len;
	enum rc rc = sink_end(
	    &writing.sink, before, write_some(&writing, &after, in, err));

	if (rc == RC_OK)
		*w = after;
	return rc;
}

enum rc
qp_write_end(struct qp_writer *w, struct buf *out, struct err *err)
{
	struct writing writing = {.in = span_of(w->held, w->held_len),
	    .column = w->column,
	    .sink = {.out = out}};
	size_t before = out->len;
	enum rc rc = sink_end(&writing.sink, before, write_all(&writing, err));

	if (rc == RC_OK)
		*w = QP_WRITER;
	return rc;
}

enum rc
qp_encode(struct span in, struct buf *out, struct err *err)
{
	struct qp_writer w = QP_WRITER;
	size_t before = out->len;

	TRY(qp_write(&w, in, out, err));
	enum rc rc = qp_write_end(&w, out, err);
	if (rc != RC_OK)
		buf_cut(out, before);
	return rc;
}

/* A reading.  What waits in each state for what follows:
 *
 *   PLAIN   nothing
 *   EQUALS  "="
 *   DIGIT   "=4"
 *   BLANKS  blanks, perhaps behind "="
 *   CR      the same and CR
 *   LONG    nothing: more blanks than can have been added on the way
 */
enum state { PLAIN, EQUALS, DIGIT, BLANKS, CR, LONG, STATES };

struct reading {
	struct qp_reader *r;
	struct span in;
	struct sink sink;
};

/* The value of a hexadecimal digit, plus 1; 0 for anything else. */
static const uint8_t value_plus_1[256] = {
    /* clang-format off */
    ['0'] = 1, ['1'] = 2, ['2'] = 3, ['3'] = 4, ['4'] = 5, ['5'] = 6,
    ['6'] = 7, ['7'] = 8, ['8'] = 9, ['9'] = 10,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
    ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    /* clang-format on */
};

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static size_t
count_blanks(struct span in)
{
	size_t at = 0;

	while (at < in.len && is_blank(in.data[at]))
		at++;
	return at;
}

static void
go_on(struct reading *reading, enum state state, size_t len)
{
	reading->r->state = state;
	reading->in = span_after(reading->in, len);
}

/* The "=" and the blanks that waited stand for themselves. */
static enum rc
give_held(struct reading *reading, struct err *err)
{
	struct qp_reader *r = reading->r;

	if (r->soft)
		TRY(sink_byte(&reading->sink, '=', err));
	TRY(sink_add(&reading->sink, span_of(r->blanks, r->blanks_len), err));
	r->soft = false;
	r->blanks_len = 0;
	return RC_OK;
}

static enum rc
read_code(struct reading *reading, uint8_t high, uint8_t low, struct err *err)
{
	return sink_byte(
	    &reading->sink, (uint8_t)((high - 1) << 4 | (low - 1)), err);
}

/* What begins with "=". */
static enum rc
read_equals(struct reading *reading, struct err *err)
{
	struct span in = reading->in;
	uint8_t high = in.len < 3 ? 0 : value_plus_1[in.data[1]];
	uint8_t low = in.len < 3 ? 0 : value_plus_1[in.data[2]];

	if (high > 0 && low > 0) {
		go_on(reading, PLAIN, 3);
		return read_code(reading, high, low, err);
	}
	reading->r->soft = true;
	go_on(reading, EQUALS, 1);
	return RC_OK;
}

/* Room is asked for only when there is a byte for it: the limit may be just
 * what the text means. */
static enum rc
in_plain(struct reading *reading, struct err *err)
{
	struct sink *sink = &reading->sink;
	size_t len =
	    qp_copy_read(reading->in, sink->room, sink->to, sink->room);

	sink_grown(sink, len);
	go_on(reading, PLAIN, len);
	if (reading->in.len == 0)
		return RC_OK;
	if (reading->in.data[0] == '=')
		return read_equals(reading, err);
	if (!is_blank(reading->in.data[0]))
		return sink_need(sink, 1, err);
	go_on(reading, BLANKS, 0);
	return RC_OK;
}

static enum rc
in_equals(struct reading *reading, struct err *err)
{
	uint8_t c = reading->in.data[0];

	if (value_plus_1[c] == 0) {
		go_on(reading, BLANKS, 0);
		return RC_OK;
	}
	reading->r->digit = c;
	go_on(reading, DIGIT, 1);
	return RC_OK;
}

static enum rc
in_digit(struct reading *reading, struct err *err)
{
	uint8_t high = reading->r->digit, low = reading->in.data[0];

	reading->r->soft = false;
	if (value_plus_1[low] > 0) {
		go_on(reading, PLAIN, 1);
		return read_code(
		    reading, value_plus_1[high], value_plus_1[low], err);
	}
	go_on(reading, PLAIN, 0);
	TRY(sink_byte(&reading->sink, '=', err));
	return sink_byte(&reading->sink, high, err);
}

/* At a line's end RFC 2045 section 6.7 (3) has blanks deleted, "as it will
 * necessarily have been added" on the way; and with "=" before them it is
 * none. */
static enum rc
at_end_of_line(struct reading *reading, const char *end, struct err *err)
{
	struct qp_reader *r = reading->r;
	struct span bytes = span_str(r->soft ? "" : end);

	r->soft = false;
	r->blanks_len = 0;
	go_on(reading, PLAIN, 1);
	return sink_add(&reading->sink, bytes, err);
}

static enum rc
in_blanks(struct reading *reading, struct err *err)
{
	struct qp_reader *r = reading->r;
	size_t len = count_blanks(reading->in);

	if (len > sizeof(r->blanks) - r->blanks_len) {
		go_on(reading, LONG, 0);
		return give_held(reading, err);
	}
	memcpy(r->blanks + r->blanks_len, reading->in.data, len);
	r->blanks_len += len;
	go_on(reading, BLANKS, len);
	if (reading->in.len == 0)
		return RC_OK;
	if (reading->in.data[0] == '\n')
		return at_end_of_line(reading, "\n", err);
	if (reading->in.data[0] == '\r') {
		go_on(reading, CR, 1);
		return RC_OK;
	}
	go_on(reading, PLAIN, 0);
	return give_held(reading, err);
}

static enum rc
in_cr(struct reading *reading, struct err *err)
{
	if (reading->in.data[0] == '\n')
		return at_end_of_line(reading, "\r\n", err);
	go_on(reading, PLAIN, 0);
	TRY(give_held(reading, err));
	return sink_byte(&reading->sink, '\r', err);
}

static enum rc
in_long(struct reading *reading, struct err *err)
{
	struct span blanks = span_first(reading->in, count_blanks(reading->in));

	go_on(reading, blanks.len < reading->in.len ? PLAIN : LONG, blanks.len);
	return sink_add(&reading->sink, blanks, err);
}

static enum rc
read_all(struct reading *reading, struct err *err)
{
	static enum rc (*const steps[STATES])(
	    struct reading *, struct err *) = {
	    [PLAIN] = in_plain,
	    [EQUALS] = in_equals,
	    [DIGIT] = in_digit,
	    [BLANKS] = in_blanks,
	    [CR] = in_cr,
	    [LONG] = in_long,
	};

	while (reading->in.len > 0)
		TRY(steps[reading->r->state](reading, err));
	return RC_OK;
}

enum rc
qp_read(struct qp_reader *r, struct span in, struct buf *out, struct err *err)
{
	struct qp_reader after = *r;
	struct reading reading = {.r = &after, .in = in, .sink = {.out = out}};
	size_t before = out->len;
	enum rc rc = sink_end(&reading.sink, before, read_all(&reading, err));

	if (rc == RC_OK)
		*r = after;
	return rc;
}

static enum rc
read_last(struct reading *reading, struct err *err)
{
	struct qp_reader *r = reading->r;

	if (r->state == DIGIT) {
		TRY(sink_byte(&reading->sink, '=', err));
		return sink_byte(&reading->sink, r->digit, err);
	}
	if (r->state != CR)
		return RC_OK;
	TRY(give_held(reading, err));
	return sink_byte(&reading->sink, '\r', err);
}

enum rc
qp_read_end(struct qp_reader *r, struct buf *out, struct err *err)
{
	struct qp_reader after = *r;
	struct reading reading = {.r = &after, .sink = {.out = out}};
	size_t before = out->len;
	enum rc rc = sink_end(&reading.sink, before, read_last(&reading, err));

	if (rc == RC_OK)
		*r = QP_READER;
	return rc;
}

enum rc
qp_decode(struct span in, struct buf *out, struct err *err)
{
	struct qp_reader r = QP_READER;
	size_t before = out->len;

	TRY(qp_read(&r, in, out, err));
	enum rc rc = qp_read_end(&r, out, err);
	if (rc != RC_OK)
		buf_cut(out, before);
	return rc;
}
